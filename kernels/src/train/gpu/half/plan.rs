//! What lies where for training with cooperative matrices.
//!
//! Everything in half precision lies as squares of 16 × 16 by themselves: a tile of rows reads and writes whole
//! squares, 512 bytes side by side, whichever way a square is used.

use crate::Sizes;
use crate::gpu::MEMORY;
use crate::gpu::matrix_plan::{EDGE, MatrixPlaces, MatrixPlan};
use crate::train::{BlockLayout, Layout, Map};

/// Vectors of eight values of a square.
pub(super) const SQUARE: usize = EDGE * EDGE / 8;

/// What the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HalfPlan {
    /// Tiles and squares, as in the loop.
    pub(super) tiles: MatrixPlan,
    /// Where a block's parameters are in the flat vector; block 0.
    pub(super) block: BlockLayout,
    /// Vectors of four values of a block in the flat vector.
    pub(super) block4: usize,
    /// Whether values are dropped.
    pub(super) drops: bool,
    /// Planes of a workgroup of attention, 16 rows each, which share what they read; see [`Self::shared`].
    pub(super) planes: usize,
}

impl HalfPlan {
    /// Nothing for sizes that do not divide into squares of eight planes.
    pub(super) fn new(sizes: Sizes, drops: bool) -> Option<Self> {
        let tiles = MatrixPlan::new(sizes)?;
        let layout = Layout::new(&sizes);
        let whole = layout.block.is_multiple_of(4) && layout.first.norm1.scale.is_multiple_of(4) && sizes.blocks > 1;
        let plan = Self { tiles, block: layout.first, block4: layout.block / 4, drops, planes: 1 };
        (whole && plan.bytes(2) <= MEMORY).then_some(plan)
    }

    /// For kernels of attention that hold squares of all cells so many times: as many planes a workgroup as there is
    /// workgroup memory for. The more they are, the less often each reads those squares.
    pub(super) fn shared(&self, times: usize) -> Self {
        let groups = self.tiles.attention_groups();
        let fits =
            |planes: &usize| groups.is_multiple_of(*planes) && Self { planes: *planes, ..*self }.bytes(times) <= MEMORY;
        Self { planes: (1..=8).rev().find(fits).unwrap_or(1), ..*self }
    }

    /// Workgroup memory of such a kernel.
    fn bytes(&self, times: usize) -> usize {
        16 * (self.planes * self.strip() + times * self.tiles.squares() * SQUARE)
    }

    /// Keys of a board, up to a whole square.
    pub(super) fn keys(&self) -> usize {
        self.tiles.attention_groups() * EDGE
    }

    /// Vectors of a row of scores in f32, with a gap.
    pub(super) fn strip_row(&self) -> usize {
        self.keys() / 4 + 1
    }

    /// Vectors of a plane's scores.
    pub(super) fn strip(&self) -> usize {
        EDGE * self.strip_row()
    }

    /// Workgroups of attention a board and head.
    pub(super) fn attention_groups(&self) -> usize {
        self.tiles.attention_groups() / self.planes
    }

    pub(super) fn sizes(&self) -> Sizes {
        self.tiles.sizes
    }

    /// Squares across the state, d / 16.
    pub(super) fn across(&self) -> usize {
        self.sizes().width / EDGE
    }

    /// Squares across the hidden layer, F / 16.
    pub(super) fn hidden(&self) -> usize {
        self.sizes().hidden / EDGE
    }

    /// Squares of 16 rows of what is kept of a block: LN1(x), the heads' results, LN2(x1), the hidden layer.
    pub(super) fn kept(&self) -> usize {
        3 * self.across() + self.hidden()
    }

    /// Squares of 16 rows of gradients: of the second linear map's result, of the hidden layer before ReLU, of the
    /// output projection's result, of queries, keys, values before they are turned.
    pub(super) fn gradients(&self) -> usize {
        5 * self.across() + self.hidden()
    }

    /// Where the heads' results begin among what is kept.
    pub(super) fn heads_at(&self) -> usize {
        self.across()
    }

    /// Where LN2(x1) begins.
    pub(super) fn second_at(&self) -> usize {
        2 * self.across()
    }

    /// Where the hidden layer begins.
    pub(super) fn hidden_at(&self) -> usize {
        3 * self.across()
    }

    /// Where the hidden layer's gradients begin.
    pub(super) fn up_at(&self) -> usize {
        self.across()
    }

    /// Where the output projection's gradients begin.
    pub(super) fn out_at(&self) -> usize {
        self.across() + self.hidden()
    }

    /// Where those of queries, keys and values begin.
    pub(super) fn qkv_at(&self) -> usize {
        2 * self.across() + self.hidden()
    }

    /// Where the loop's kernels find a block's squares of weights and its rows of biases.
    pub(super) fn places(&self) -> MatrixPlaces {
        let s = self.sizes();
        let square = s.width * s.width;
        MatrixPlaces {
            block: 4 * square + 2 * s.width * s.hidden,
            out: 3 * square,
            linear1: 4 * square,
            linear2: 4 * square + s.width * s.hidden,
            turns: 0,
            biases: s.blocks * self.biases(),
            ..MatrixPlaces::default()
        }
    }

    /// Biases of a block that lie as rows: queries, keys, values, hidden layer.
    pub(super) fn biases(&self) -> usize {
        3 * self.sizes().width + self.sizes().hidden
    }

    /// From where in the flat vector each value of the squares of weights comes.
    pub(super) fn weights_from(&self) -> Vec<u32> {
        let (s, layout) = (self.sizes(), Layout::new(&self.sizes()));
        let mut out = Vec::new();
        for l in 0..s.blocks {
            let b = layout.at(l);
            for map in [b.query, b.key, b.value, b.out, b.linear1, b.linear2] {
                for column in (0..map.outputs).step_by(EDGE) {
                    (0..map.inputs).step_by(EDGE).for_each(|row| square(&map, column, row, false, &mut out));
                }
            }
        }
        out
    }

    /// The same for the pass backward, which multiplies by W instead of Wᵀ: outputs and inputs change places, and
    /// queries, keys and values are one map of 3 d outputs.
    pub(super) fn turned_from(&self) -> Vec<u32> {
        let (s, layout) = (self.sizes(), Layout::new(&self.sizes()));
        let mut out = Vec::new();
        for l in 0..s.blocks {
            let b = layout.at(l);
            for maps in [&[b.query, b.key, b.value][..], &[b.out], &[b.linear1], &[b.linear2]] {
                for column in (0..maps[0].inputs).step_by(EDGE) {
                    for map in maps {
                        (0..map.outputs).step_by(EDGE).for_each(|row| square(map, row, column, true, &mut out));
                    }
                }
            }
        }
        out
    }

    /// From where each value of a row of biases comes.
    pub(super) fn biases_from(&self) -> Vec<u32> {
        let (s, layout) = (self.sizes(), Layout::new(&self.sizes()));
        (0..s.blocks)
            .flat_map(|l| {
                let b = layout.at(l);
                [b.query, b.key, b.value, b.linear1].into_iter().flat_map(|m| m.biases())
            })
            .map(|i| i as u32)
            .collect()
    }

    /// The products whose sums over all rows are the gradients of a block's matrices, cut into tiles of d × d: where
    /// the first factor (gradients) and the second (what is kept) begin, in squares, where the result goes in the
    /// flat vector of block 0, how long its rows are, and where the bias goes, or [`u32::MAX`].
    pub(super) fn products(&self) -> Vec<[u32; 5]> {
        let (b, across, d) = (self.block, self.across(), self.sizes().width);
        let mut out = Vec::new();
        let mut push = |left: usize, right: usize, map: Map, row: usize, column: usize| {
            let bias = if column == 0 { (map.bias + row) as u32 } else { u32::MAX };
            let to = map.weight + row * map.inputs + column;
            out.push([left as u32, right as u32, to as u32, map.inputs as u32, bias]);
        };
        for (i, map) in [b.query, b.key, b.value].into_iter().enumerate() {
            push(self.qkv_at() + i * across, 0, map, 0, 0);
        }
        push(self.out_at(), self.heads_at(), b.out, 0, 0);
        for i in 0..self.hidden() / across {
            push(self.up_at() + i * across, self.second_at(), b.linear1, i * d, 0);
            push(0, self.hidden_at() + i * across, b.linear2, 0, i * d);
        }
        out
    }
}

/// A square of W from an output and an input on, output by output, or input by input where it is turned.
fn square(map: &Map, output: usize, input: usize, turned: bool, out: &mut Vec<u32>) {
    for i in 0..EDGE {
        for j in 0..EDGE {
            let (o, k) = if turned { (output + j, input + i) } else { (output + i, input + j) };
            out.push((map.weight + o * map.inputs + k) as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { cells: 81, digits: 9, width: 128, blocks: 4, heads: 4, hidden: 512 };

    #[test]
    fn every_weight_of_the_blocks_is_packed_once_and_gets_a_gradient_once() {
        let plan = HalfPlan::new(SIZES, false).unwrap();
        let layout = Layout::new(&SIZES);
        for mut from in [plan.weights_from(), plan.turned_from()] {
            assert_eq!(from.len(), 4 * plan.places().block);
            from.sort_unstable();
            from.dedup();
            assert_eq!(from.len(), 4 * plan.places().block);
        }
        assert_eq!(plan.biases_from().len(), plan.places().biases);

        let mut seen = vec![0u8; layout.block];
        for [_, _, to, stride, bias] in plan.products() {
            for row in 0..128 {
                for column in 0..128 {
                    seen[(to + row * stride + column) as usize - plan.block.norm1.scale] += 1;
                }
            }
            if bias != u32::MAX {
                (0..128).for_each(|i| seen[(bias + i) as usize - plan.block.norm1.scale] += 1);
            }
        }
        // The norms' come from the rows' kernels.
        assert_eq!(seen.iter().filter(|n| **n == 0).count(), 4 * 128);
        assert!(seen.iter().all(|n| *n <= 1));
    }
}
