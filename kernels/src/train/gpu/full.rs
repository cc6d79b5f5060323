//! The blocks in f32: products of tiles, on any card.

use cubecl::prelude::*;

use super::attention::{AttentionPlan, attend, attend_back};
use super::backward::{PER_ROW, back_joined, back_norm, back_normed, learn_joined, learn_normed};
use super::common::{Buffer, Common, LANES};
use super::forward::{expand, join, project};
use super::tile::Tile;
use crate::Sizes;
use crate::gpu::Client;
use crate::train::{BlockLayout, Spec};

/// Bytes up to which the activations of all iterations are kept.
const KEPT: usize = 1 << 30;
/// Units that take rows through a normalisation together.
const NORM_UNITS: usize = 32 * PER_ROW;

/// What is kept of blocks for the way back, [slots, blocks, padded, ·] each.
struct Activations {
    /// Input of a block, d a row.
    x: Buffer,
    /// Between its halves, d.
    middle: Buffer,
    /// Queries, keys and values, 3 d.
    qkv: Buffer,
    /// Logarithms of attention's sums, heads.
    logs: Buffer,
    /// What attention gives, d.
    o: Buffer,
    /// The hidden layer after ReLU and dropout, F.
    hidden: Buffer,
    /// Mean and 1/√(variance + eps) of the first normalisation's rows, 2.
    stats1: Buffer,
    /// Of the second's.
    stats2: Buffer,
}

/// The blocks and what they keep.
pub(super) struct FullBlocks {
    sizes: Sizes,
    padded: usize,
    slots: usize,
    tile: Tile,
    attention: AttentionPlan,
    drops: bool,
    kept: Activations,
    /// Gradient of what is F or 3 d wide.
    wide: Buffer,
    /// Gradient of what is d wide.
    narrow: Buffer,
}

impl FullBlocks {
    /// Nothing where workgroup memory or a buffer would be too small.
    pub(super) fn new(client: &Client, spec: &Spec, most: usize, padded: usize) -> Option<Self> {
        let s = spec.sizes;
        let tile = Tile::of(s.width);
        let properties = client.properties();
        let units = (properties.hardware.max_units_per_cube as usize).min(256);
        let attention = AttentionPlan::new(&s, properties.hardware.max_shared_memory_size, units, spec.drops)?;
        let limit = usize::try_from(properties.memory.max_page_size).unwrap_or(usize::MAX);
        let widest = s.hidden.max(3 * s.width);
        let row = 6 * s.width + s.heads + s.hidden + 4;
        let slot = s.blocks * padded;
        let all = spec.iterations * slot;
        let slots = if 4 * all * row <= KEPT && 4 * all * widest + 16 <= limit { spec.iterations } else { 1 };
        let rows = slots * slot;
        if 4 * rows * widest + 16 > limit
            || tile.units().max(NORM_UNITS) > units
            || most > 65_535
            || padded.div_ceil(tile.edge) > 65_535
        {
            return None;
        }
        let room = |width: usize| Buffer::empty(client, rows * width);
        Some(Self {
            sizes: s,
            padded,
            slots,
            tile,
            attention,
            drops: spec.drops,
            kept: Activations {
                x: room(s.width),
                middle: room(s.width),
                qkv: room(3 * s.width),
                logs: room(s.heads),
                o: room(s.width),
                hidden: room(s.hidden),
                stats1: room(2),
                stats2: room(2),
            },
            wide: Buffer::empty(client, padded * widest),
            narrow: Buffer::empty(client, padded * s.width),
        })
    }

    /// Keeps the activations of so many iterations, no more than there is room for.
    #[cfg(test)]
    pub(super) fn keep(&mut self, slots: usize) {
        self.slots = slots.min(self.slots);
    }

    /// Iterations whose activations there is room for.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// The first row of a block in an iteration's slot.
    fn row(&self, t: usize, block: usize) -> usize {
        ((t - 1) % self.slots * self.sizes.blocks + block) * self.padded
    }

    /// x of the first block.
    pub(super) fn input(&self, t: usize) -> (&Buffer, usize) {
        (&self.kept.x, self.row(t, 0) * self.sizes.width)
    }

    /// Workgroups for a product's tiles.
    fn tiles(&self, columns: usize, rows: usize) -> CubeCount {
        CubeCount::Static(columns.div_ceil(self.tile.edge) as u32, rows.div_ceil(self.tile.edge) as u32, 1)
    }

    /// Workgroups for a gradient's tiles.
    fn learned(&self, common: &Common, outputs: usize, inputs: usize) -> CubeCount {
        let edge = self.tile.edge;
        let (x, y) = (inputs.div_ceil(edge), outputs.div_ceil(edge));
        CubeCount::Static(x as u32, y as u32, common.groups as u32)
    }

    /// All blocks of iteration `t`.
    pub(super) fn forward(&self, common: &Common, t: usize) {
        for block in 0..self.sizes.blocks {
            self.block(common, t, block);
        }
    }

    fn block(&self, common: &Common, t: usize, block: usize) {
        let s = self.sizes;
        let (client, k, rows) = (&common.client, &self.kept, common.rows);
        let (row, at) = (self.row(t, block), common.layout.at(block));
        let (d4, f4) = (s.width / LANES, s.hidden / LANES);
        let dim = CubeDim::new_1d(self.tile.units() as u32);
        let (next, next_at) = if block + 1 < s.blocks {
            (&k.x, self.row(t, block + 1) * d4)
        } else {
            (&common.states, common.state(t) / LANES)
        };
        // SAFETY: the kernels stay within the buffers, whose lengths follow from the sizes.
        unsafe {
            project::launch_unchecked(
                client,
                self.tiles(3 * s.width, rows),
                dim,
                k.x.vectors(),
                common.weights.vectors(),
                common.turns.vectors(),
                k.qkv.vectors(),
                k.stats1.values(),
                (row * d4) as u32,
                (at.norm1.scale / LANES) as u32,
                (at.query.weight / LANES) as u32,
                gap(&at),
                (3 * row * d4) as u32,
                (2 * row) as u32,
                rows as u32,
                s.width,
                s.head_width(),
                s.cells,
                self.tile,
            );
            attend::launch_unchecked(
                client,
                CubeCount::Static(s.heads as u32, common.boards as u32, self.attention.bands() as u32),
                CubeDim::new_1d(self.attention.units as u32),
                k.qkv.vectors(),
                common.masks.values(),
                k.o.vectors(),
                k.logs.values(),
                (3 * row * d4) as u32,
                (row * d4) as u32,
                (row * s.heads) as u32,
                common.mask(t, block, 0),
                common.keep,
                self.attention,
            );
            let joined =
                |z: &Buffer, z_at: usize, x: &Buffer, y: &Buffer, y_at: usize, matrix: usize, inputs4: usize, site| {
                    join::launch_unchecked(
                        client,
                        self.tiles(s.width, rows),
                        dim,
                        z.vectors(),
                        x.vectors(),
                        common.weights.vectors(),
                        common.masks.values(),
                        y.vectors(),
                        z_at as u32,
                        (row * d4) as u32,
                        y_at as u32,
                        (matrix / LANES) as u32,
                        inputs4 as u32,
                        common.mask(t, block, site),
                        common.keep,
                        rows as u32,
                        s.width,
                        self.drops,
                        self.tile,
                    );
                };
            joined(&k.o, row * d4, &k.x, &k.middle, row * d4, at.out.weight, d4, 1);
            expand::launch_unchecked(
                client,
                self.tiles(s.hidden, rows),
                dim,
                k.middle.vectors(),
                common.weights.vectors(),
                common.masks.values(),
                k.hidden.vectors(),
                k.stats2.values(),
                (row * d4) as u32,
                (at.norm2.scale / LANES) as u32,
                (at.linear1.weight / LANES) as u32,
                (row * f4) as u32,
                (2 * row) as u32,
                common.mask(t, block, 2),
                common.keep,
                rows as u32,
                s.width,
                s.hidden,
                self.drops,
                self.tile,
            );
            joined(&k.hidden, row * f4, &k.middle, next, next_at, at.linear2.weight, f4, 3);
        }
    }

    /// The gradient through all blocks of iteration `t`.
    pub(super) fn backward(&self, common: &Common, t: usize) {
        for block in (0..self.sizes.blocks).rev() {
            self.through_hidden(common, t, block);
            self.through_attention(common, t, block);
        }
    }

    /// x' = x1 + drop(h W2ᵀ + b2), h = drop(relu(LN2(x1) W1ᵀ + b1)).
    fn through_hidden(&self, common: &Common, t: usize, block: usize) {
        let s = self.sizes;
        let (k, at, row) = (&self.kept, common.layout.at(block), self.row(t, block));
        let f4 = s.hidden / LANES;
        self.learn_joined(common, &k.hidden, row * f4, at.linear2.weight, f4, common.mask(t, block, 3));
        self.back_joined(common, Some(row * f4), &self.wide, at.linear2.weight, f4, common.mask(t, block, 3));
        let norm = (&k.middle, &k.stats2, row, at.norm2.scale);
        self.through_norm(common, norm, at.linear1.weight, s.hidden, 0, s.hidden);
    }

    /// x1 = x + drop(o Woutᵀ + bout) and the attention over LN1(x).
    fn through_attention(&self, common: &Common, t: usize, block: usize) {
        let s = self.sizes;
        let (k, at, row) = (&self.kept, common.layout.at(block), self.row(t, block));
        let d4 = s.width / LANES;
        self.learn_joined(common, &k.o, row * d4, at.out.weight, d4, common.mask(t, block, 1));
        self.back_joined(common, None, &self.narrow, at.out.weight, d4, common.mask(t, block, 1));
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            attend_back::launch_unchecked(
                &common.client,
                CubeCount::Static(s.heads as u32, common.boards as u32, 1),
                CubeDim::new_1d(self.attention.units as u32),
                k.qkv.vectors(),
                common.turns.vectors(),
                common.masks.values(),
                k.o.vectors(),
                k.logs.values(),
                self.narrow.vectors(),
                self.wide.vectors(),
                (3 * row * d4) as u32,
                (row * d4) as u32,
                (row * s.heads) as u32,
                common.mask(t, block, 0),
                common.keep,
                self.attention,
            );
        }
        self.through_norm(
            common,
            (&k.x, &k.stats1, row, at.norm1.scale),
            at.query.weight,
            s.width,
            gap(&at),
            3 * s.width,
        );
    }

    fn learn_joined(&self, common: &Common, z: &Buffer, z_at: usize, matrix: usize, inputs4: usize, mask: u32) {
        let d = self.sizes.width;
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            learn_joined::launch_unchecked(
                &common.client,
                self.learned(common, d, inputs4 * LANES),
                CubeDim::new_1d(self.tile.units() as u32),
                common.gradient_stream.vectors(),
                z.vectors(),
                common.masks.values(),
                common.partials.vectors(),
                z_at as u32,
                (matrix / LANES) as u32,
                inputs4 as u32,
                mask,
                common.keep,
                common.rows as u32,
                common.group_rows() as u32,
                (common.sum_stride / LANES) as u32,
                d,
                self.drops,
                self.tile,
            );
        }
    }

    /// With the place of the hidden layer, through its ReLU and dropout as well.
    fn back_joined(
        &self,
        common: &Common,
        hidden: Option<usize>,
        to: &Buffer,
        matrix: usize,
        inputs4: usize,
        mask: u32,
    ) {
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            back_joined::launch_unchecked(
                &common.client,
                self.tiles(inputs4 * LANES, common.rows),
                CubeDim::new_1d(self.tile.units() as u32),
                common.gradient_stream.vectors(),
                common.weights.vectors(),
                common.masks.values(),
                self.kept.hidden.vectors(),
                to.vectors(),
                (matrix / LANES) as u32,
                inputs4 as u32,
                hidden.unwrap_or(0) as u32,
                mask,
                common.keep,
                common.rows as u32,
                u32::from(hidden.is_some()),
                self.sizes.width,
                self.drops,
                self.tile,
            );
        }
    }

    /// From the gradient of a map's result, in `wide`, through the map and the normalisation of `x` before it.
    fn through_norm(
        &self,
        common: &Common,
        (x, stats, row, norm): (&Buffer, &Buffer, usize, usize),
        matrix: usize,
        per: usize,
        gap: u32,
        outputs: usize,
    ) {
        let d = self.sizes.width;
        let x_at = (row * d / LANES) as u32;
        let (norm, matrix) = ((norm / LANES) as u32, (matrix / LANES) as u32);
        let (group_rows, stride) = (common.group_rows() as u32, (common.sum_stride / LANES) as u32);
        let dim = CubeDim::new_1d(self.tile.units() as u32);
        // SAFETY: the kernels stay within the buffers, whose lengths follow from the sizes.
        unsafe {
            learn_normed::launch_unchecked(
                &common.client,
                self.learned(common, outputs, d),
                dim,
                self.wide.vectors(),
                x.vectors(),
                stats.values(),
                common.weights.vectors(),
                common.partials.vectors(),
                x_at,
                (2 * row) as u32,
                norm,
                matrix,
                per as u32,
                gap,
                (outputs / LANES) as u32,
                common.rows as u32,
                group_rows,
                stride,
                d,
                self.tile,
            );
            back_normed::launch_unchecked(
                &common.client,
                self.tiles(d, common.rows),
                dim,
                self.wide.vectors(),
                common.weights.vectors(),
                self.narrow.vectors(),
                matrix,
                per as u32,
                gap,
                (outputs / LANES) as u32,
                common.rows as u32,
                d,
                self.tile,
            );
            back_norm::launch_unchecked(
                &common.client,
                CubeCount::Static(common.groups as u32, 1, 1),
                CubeDim::new_1d(NORM_UNITS as u32),
                self.narrow.vectors(),
                x.vectors(),
                stats.values(),
                common.weights.vectors(),
                common.gradient_stream.vectors(),
                common.partials.vectors(),
                x_at,
                (2 * row) as u32,
                norm,
                common.rows as u32,
                group_rows,
                stride,
                d,
                NORM_UNITS,
            );
        }
    }
}

/// Vectors from the queries' matrix to the keys', and from there to the values'.
fn gap(at: &BlockLayout) -> u32 {
    ((at.key.weight - at.query.weight) / LANES) as u32
}
