//! The way backward through the blocks in f32.

use cubecl::prelude::*;

use super::attention::attend_back;
use super::backward::{back_joined, back_normed};
use super::common::{Buffer, Common, LANES};
use super::full::{FullBlocks, NORM_UNITS, gap};
use super::learn::{learn_joined, learn_normed};
use super::norm::back_norm;

impl FullBlocks {
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
