//! The blocks in f32: products of tiles, on any card.

use cubecl::prelude::*;

use super::attention::attend;
use super::attention_plan::AttentionPlan;
use super::common::{Buffer, Common, LANES};
use super::forward::{expand, join, project};
use super::norm::PER_ROW;
use super::tile::Tile;
use crate::Sizes;
use crate::gpu::Client;
use crate::train::{BlockLayout, Spec};

/// Units that take rows through a normalisation together.
pub(super) const NORM_UNITS: usize = 32 * PER_ROW;

/// What is kept of blocks for the way back, [slots, blocks, padded, ·] each.
pub(super) struct Activations {
    /// Input of a block, d a row.
    pub(super) x: Buffer,
    /// Between its halves, d.
    pub(super) middle: Buffer,
    /// Queries, keys and values, 3 d.
    pub(super) qkv: Buffer,
    /// Logarithms of attention's sums, heads.
    pub(super) logs: Buffer,
    /// What attention gives, d.
    pub(super) o: Buffer,
    /// The hidden layer after ReLU and dropout, F.
    pub(super) hidden: Buffer,
    /// Mean and 1/√(variance + eps) of the first normalisation's rows, 2.
    pub(super) stats1: Buffer,
    /// Of the second's.
    pub(super) stats2: Buffer,
}

/// The blocks and what they keep.
pub(super) struct FullBlocks {
    pub(super) sizes: Sizes,
    pub(super) padded: usize,
    pub(super) slots: usize,
    pub(super) tile: Tile,
    pub(super) attention: AttentionPlan,
    pub(super) drops: bool,
    pub(super) kept: Activations,
    /// Gradient of what is F or 3 d wide.
    pub(super) wide: Buffer,
    /// Gradient of what is d wide.
    pub(super) narrow: Buffer,
}

impl FullBlocks {
    /// Nothing where workgroup memory or a buffer would be too small, or `memory`, the bytes that it may take. Where
    /// that is enough, the activations of all iterations are kept.
    pub(super) fn new(client: &Client, spec: &Spec, most: usize, padded: usize, memory: u64) -> Option<Self> {
        let s = spec.sizes;
        let properties = client.properties();
        let tile = Tile::of(s.width, properties.hardware.plane_size_max as usize);
        let units = (properties.hardware.max_units_per_cube as usize).min(256);
        let attention = AttentionPlan::new(&s, properties.hardware.max_shared_memory_size, units, spec.drops)?;
        let limit = properties.memory.max_page_size;
        let widest = s.hidden.max(3 * s.width);
        let row = 6 * s.width + s.heads + s.hidden + 4;
        let slot = s.blocks * padded;
        let others = 4 * (padded * (widest + s.width)) as u64;
        // In 64 bits: in a browser there would be too few.
        let bytes = |slots: usize, width: usize| 4 * slots as u64 * slot as u64 * width as u64;
        let fits = |slots: &usize| bytes(*slots, row) + others <= memory && bytes(*slots, widest) + 16 <= limit;
        let slots = [spec.iterations, 1].into_iter().find(fits)?;
        let rows = slots * slot;
        if tile.units().max(NORM_UNITS) > units || most > 65_535 || padded.div_ceil(4 * tile.tall()) > 65_535 {
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

    /// Keeps the activations of so many iterations at most, and has tiles as for a card of so many lanes.
    #[cfg(test)]
    pub(super) fn change(&mut self, slots: usize, lanes: usize) {
        self.slots = self.slots.min(slots);
        self.tile = Tile::of(self.sizes.width, lanes);
    }

    /// Iterations whose activations there is room for.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// The first row of a block in an iteration's slot.
    pub(super) fn row(&self, t: usize, block: usize) -> usize {
        ((t - 1) % self.slots * self.sizes.blocks + block) * self.padded
    }

    /// x of the first block.
    pub(super) fn input(&self, t: usize) -> (&Buffer, usize) {
        (&self.kept.x, self.row(t, 0) * self.sizes.width)
    }

    /// Workgroups for a product's tiles.
    pub(super) fn tiles(&self, columns: usize, rows: usize) -> CubeCount {
        CubeCount::Static(columns.div_ceil(4 * self.tile.wide()) as u32, rows.div_ceil(4 * self.tile.tall()) as u32, 1)
    }

    /// Workgroups for a gradient's tiles.
    pub(super) fn learned(&self, common: &Common, outputs: usize, inputs: usize) -> CubeCount {
        let (x, y) = (inputs.div_ceil(4 * self.tile.wide()), outputs.div_ceil(4 * self.tile.tall()));
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
}

/// Vectors from the queries' matrix to the keys', and from there to the values'.
pub(super) fn gap(at: &BlockLayout) -> u32 {
    ((at.key.weight - at.query.weight) / LANES) as u32
}
