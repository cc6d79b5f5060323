//! Which parameter stands where in a flat vector.

use std::ops::Range;

use crate::Sizes;

/// A linear map y = x Wᵀ + b: W is [outputs, inputs], row by row, and b follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    /// Where W begins.
    pub weight: usize,
    /// Where b begins.
    pub bias: usize,
    /// Inputs.
    pub inputs: usize,
    /// Outputs.
    pub outputs: usize,
}

/// A layer normalisation: scale [d], then shift [d].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NormPlace {
    /// Where the scale begins.
    pub scale: usize,
    /// Where the shift begins.
    pub shift: usize,
}

/// The parameters of a block (`specs/sudoku.md` §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the spec's")]
pub struct BlockLayout {
    pub norm1: NormPlace,
    pub norm2: NormPlace,
    pub query: Map,
    pub key: Map,
    pub value: Map,
    pub out: Map,
    pub linear1: Map,
    pub linear2: Map,
}

/// The order of saved files (`specs/sudoku.md` §1.6): `initial_encoder`, `pred_proj`, the blocks (`norm1`, `norm2`,
/// `q_proj`, `k_proj`, `v_proj`, `out_proj`, `linear1`, `linear2`), `output_head`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// We: one-hot clues [digits + 1] → d.
    pub encoder: Map,
    /// Wp: probabilities [digits] → d.
    pub feedback: Map,
    /// The first block.
    pub first: BlockLayout,
    /// Values of a block: block l begins l times as many after the first.
    pub block: usize,
    /// Wo: d → logits [digits].
    pub head: Map,
    /// Values in all.
    pub total: usize,
}

impl Layout {
    /// Of a network.
    #[must_use]
    pub fn new(sizes: &Sizes) -> Self {
        let (d, n) = (sizes.width, sizes.digits);
        let mut at = 0;
        let mut take = |count: usize| {
            at += count;
            at - count
        };
        let mut map = |inputs: usize, outputs: usize| Map {
            weight: take(inputs * outputs),
            bias: take(outputs),
            inputs,
            outputs,
        };
        let encoder = map(n + 1, d);
        let feedback = map(n, d);
        let begin = feedback.bias + d;
        let norm = |at: usize| NormPlace { scale: at, shift: at + d };
        let (norm1, norm2) = (norm(begin), norm(begin + 2 * d));
        take(4 * d);
        let mut map = |inputs: usize, outputs: usize| Map {
            weight: take(inputs * outputs),
            bias: take(outputs),
            inputs,
            outputs,
        };
        let (query, key, value, out) = (map(d, d), map(d, d), map(d, d), map(d, d));
        let (linear1, linear2) = (map(d, sizes.hidden), map(sizes.hidden, d));
        let block = linear2.bias + d - begin;
        let start = begin + sizes.blocks * block;
        let head = Map { weight: start, bias: start + n * d, inputs: d, outputs: n };
        Self {
            encoder,
            feedback,
            first: BlockLayout { norm1, norm2, query, key, value, out, linear1, linear2 },
            block,
            head,
            total: head.bias + n,
        }
    }

    /// Where block `l` has its parameters.
    #[must_use]
    pub fn at(&self, l: usize) -> BlockLayout {
        let by = l * self.block;
        let map = |m: Map| Map { weight: m.weight + by, bias: m.bias + by, ..m };
        let norm = |n: NormPlace| NormPlace { scale: n.scale + by, shift: n.shift + by };
        let b = &self.first;
        BlockLayout {
            norm1: norm(b.norm1),
            norm2: norm(b.norm2),
            query: map(b.query),
            key: map(b.key),
            value: map(b.value),
            out: map(b.out),
            linear1: map(b.linear1),
            linear2: map(b.linear2),
        }
    }
}

impl Map {
    /// Where W stands.
    #[must_use]
    pub fn weights(&self) -> Range<usize> {
        self.weight..self.weight + self.inputs * self.outputs
    }

    /// Where b stands.
    #[must_use]
    pub fn biases(&self) -> Range<usize> {
        self.bias..self.bias + self.outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counts of `specs/sudoku.md` §1.6.
    #[test]
    fn totals_are_the_published_ones() {
        for (width, heads, hidden, total) in [(128, 4, 512, 796_937), (192, 6, 768, 1_785_225), (96, 3, 384, 450_249)] {
            let layout = Layout::new(&Sizes { cells: 81, digits: 9, width, blocks: 4, heads, hidden });
            assert_eq!(layout.total, total);
            assert_eq!(layout.at(3).linear2.biases().end, layout.head.weight);
            assert_eq!(layout.at(1).norm1.scale, layout.at(0).linear2.biases().end);
        }
    }
}
