//! An iteration, step by step, for the rows of one thread.

use std::ops::Range;

use pulp::Simd;

use super::attention::{Angles, Scores, Softmax, Transpose, Turn, Values, Weigh};
use super::gemm::{Add, Left, Mix, Product, ROWS, Write};
use super::pack::{HIDDEN, Packed, PackedBlock, PackedNorm};
use super::rows::{Carry, Normalise, Predict};
use super::threads::cost;
use super::worker::{Pass, Scratch, TOGETHER};

impl<S: Simd> Pass<'_, '_, S> {
    /// Runs of rows that go together: of equal sizes, but for the last, so that they cost the least.
    fn runs(&self) -> impl Iterator<Item = Range<usize>> + use<S> {
        let rows = self.rows().len();
        let runs = move |size: usize| (0..rows).step_by(size).map(move |start| start..rows.min(start + size));
        let equal = rows.div_ceil(rows.div_ceil(TOGETHER));
        let total = |size: &usize| runs(*size).map(|run| cost(run.len()) as usize).sum::<usize>();
        runs((equal..=TOGETHER.min(equal + ROWS)).min_by_key(total).unwrap_or(equal))
    }

    /// U = S + β (P Wpᵀ + bp).
    pub(super) fn mix(&mut self) {
        let Packed { layout, feedback, .. } = self.shared.packed;
        let rows = self.rows().len();
        let Scratch { state, x, prediction, .. } = &mut *self.scratch;
        let scale = self.shared.changes.prediction_scale;
        self.simd.vectorize(Product {
            left: Left { data: prediction, stride: layout.digits, first: 0, depth: feedback.depth, rows },
            right: feedback.columns(0..layout.width),
            to: Mix { x, state, stride: layout.width, bias: &feedback.bias, scale },
        });
    }

    /// Queries, and the keys and values that all threads see.
    pub(super) fn see(&mut self, index: usize) {
        let block = &self.shared.packed.blocks[index];
        let mut seen = self.meeting.write(self.part, self.blocks);
        for run in self.runs() {
            self.attend(block, run, &mut seen.values);
        }
        self.transpose(&mut seen.keys);
    }

    /// The rest of a block, when all keys and values are there.
    pub(super) fn block(&mut self, index: usize) {
        let block = &self.shared.packed.blocks[index];
        let sizes = &self.shared.packed.layout.sizes;
        for run in self.runs() {
            for head in 0..sizes.heads {
                if self.shared.changes.keeps(sizes, index, head) {
                    self.head(head, run.clone());
                } else {
                    self.without(head, run.clone());
                }
            }
            self.project(block, run.clone());
            self.feed_forward(block, run);
        }
    }

    /// Queries, keys and values of some rows.
    fn attend(&mut self, block: &PackedBlock, run: Range<usize>, values: &mut [f32]) {
        let Packed { layout, cos, sin, .. } = self.shared.packed;
        self.normalise(run.clone(), &block.norm1);
        let all = self.rows();
        let Scratch { normal, turned, .. } = &mut *self.scratch;
        let (stride, pairs) = (2 * layout.queries(), layout.turned / 2);
        let cell = all.start + run.start;
        let angles = Angles { cos: &cos[cell * pairs..], sin: &sin[cell * pairs..], pairs };
        let depth = layout.width;
        let left = Left { data: normal, stride: depth, first: 0, depth, rows: run.len() };
        let to = &mut turned[run.start * stride..];
        self.simd.vectorize(Product {
            left,
            right: block.attend.columns(0..stride),
            to: Turn { to, stride, bias: &block.attend.bias[..stride], angles },
        });
        self.simd.vectorize(Product {
            left,
            right: block.attend.columns(stride..stride + layout.values()),
            to: Values { to: values, first: run.start, count: all.len(), bias: &block.attend.bias[stride..] },
        });
    }

    /// The keys of all rows as others see them.
    fn transpose(&mut self, to: &mut [f32]) {
        let layout = &self.shared.packed.layout;
        let (vectors, before) = self.key_vectors(self.part);
        let stride = 2 * layout.queries();
        self.simd.vectorize(Transpose {
            from: &self.scratch.turned[..self.rows().len() * stride],
            stride,
            column: layout.queries(),
            to,
            vectors,
            before,
            heads: layout.sizes.heads,
            elements: layout.turned,
        });
    }

    /// Vectors of keys of a part, and how many keys of the part before the first of them holds.
    fn key_vectors(&self, part: usize) -> (usize, usize) {
        let (rows, lanes) = (&self.shares[part], S::F32_LANES);
        (rows.end.div_ceil(lanes) - rows.start / lanes, rows.start % lanes)
    }

    /// What a head says to some rows.
    fn head(&mut self, head: usize, run: Range<usize>) {
        let Packed { layout, last_cells, .. } = self.shared.packed;
        let (rows, parts) = (run.len(), self.meeting.parts());
        let (turned, value, cells) = (layout.turned, layout.value, layout.cells);
        for part in 0..parts {
            let seen = self.meeting.read(part, self.blocks);
            let (vectors, before) = self.key_vectors(part);
            let first = self.shares[part].start - before;
            let Scratch { turned: queries, scores, .. } = &mut *self.scratch;
            let (stride, keys) = (2 * layout.queries(), vectors * S::F32_LANES * turned);
            let data = &queries[run.start * stride..];
            self.simd.vectorize(Product {
                left: Left { data, stride, first: head * turned, depth: turned, rows },
                right: &seen.keys[head * keys..(head + 1) * keys],
                to: Scores { to: scores, stride: cells, first, shared: before > 0 },
            });
        }
        let Scratch { scores, inverse, heads, .. } = &mut *self.scratch;
        let scores = &mut scores[..rows * cells];
        self.simd.vectorize(Softmax { scores, stride: cells, inverse, mask: last_cells });
        for part in 0..parts {
            let seen = self.meeting.read(part, self.blocks);
            let keys = &self.shares[part];
            let values = value * keys.len();
            self.simd.vectorize(Product {
                left: Left { data: scores, stride: cells, first: keys.start, depth: keys.len(), rows },
                right: &seen.values[head * values..(head + 1) * values],
                to: Weigh {
                    to: heads,
                    stride: layout.values(),
                    first: head * value,
                    inverse,
                    begins: part == 0,
                    ends: part + 1 == parts,
                },
            });
        }
    }

    /// Nothing of a head that is knocked out.
    fn without(&mut self, head: usize, run: Range<usize>) {
        let layout = &self.shared.packed.layout;
        for row in self.scratch.heads.chunks_exact_mut(layout.values()).take(run.len()) {
            row[head * layout.value..(head + 1) * layout.value].fill(0.0);
        }
    }

    /// x += o Woutᵀ + bout.
    fn project(&mut self, block: &PackedBlock, run: Range<usize>) {
        let layout = &self.shared.packed.layout;
        let Scratch { x, heads, sum, .. } = &mut *self.scratch;
        let (stride, depth) = (layout.width, layout.values());
        let x = &mut x[run.start * stride..];
        self.simd.vectorize(Product {
            left: Left { data: heads, stride: depth, first: 0, depth, rows: run.len() },
            right: block.out.columns(0..stride),
            to: Add { sum, x, stride, bias: &block.out.bias, first: true, last: true },
        });
    }

    /// x += relu(g W1ᵀ + b1) W2ᵀ + b2, a few hidden units at a time.
    fn feed_forward(&mut self, block: &PackedBlock, run: Range<usize>) {
        self.normalise(run.clone(), &block.norm2);
        let layout = &self.shared.packed.layout;
        let Scratch { x, normal, hidden, sum, .. } = &mut *self.scratch;
        let (width, rows) = (layout.width, run.len());
        let x = &mut x[run.start * width..];
        let last = block.linear2.len() - 1;
        for (i, linear2) in block.linear2.iter().enumerate() {
            let units = i * HIDDEN..i * HIDDEN + linear2.depth;
            let bias = &block.linear1.bias[units.clone()];
            self.simd.vectorize(Product {
                left: Left { data: normal, stride: width, first: 0, depth: width, rows },
                right: block.linear1.columns(units.clone()),
                to: Write::<true> { to: hidden, stride: units.len(), bias },
            });
            self.simd.vectorize(Product {
                left: Left { data: hidden, stride: units.len(), first: 0, depth: units.len(), rows },
                right: linear2.columns(0..width),
                to: Add { sum, x, stride: width, bias: &linear2.bias, first: i == 0, last: i == last },
            });
        }
    }

    /// Some rows of x, normalised.
    fn normalise(&mut self, run: Range<usize>, norm: &PackedNorm) {
        let Packed { layout, last_width, .. } = self.shared.packed;
        let Scratch { x, normal, .. } = &mut *self.scratch;
        let (stride, width) = (layout.width, layout.sizes.width);
        let from = &x[run.start * stride..run.end * stride];
        self.simd.vectorize(Normalise { from, to: normal, stride, width, last: last_width, norm });
    }

    /// Z = x Woᵀ + bo and P = softmax(Z).
    pub(super) fn read_out(&mut self) {
        let Packed { layout, head, plain_norm, real_digits, .. } = self.shared.packed;
        let (width, digits) = (layout.width, layout.digits);
        let normalised = self.shared.changes.normalise_before_head;
        for run in self.runs() {
            if normalised {
                self.normalise(run.clone(), plain_norm);
            }
            let Scratch { x, normal, logits, .. } = &mut *self.scratch;
            let data = if normalised { &normal[..] } else { &x[run.start * width..] };
            self.simd.vectorize(Product {
                left: Left { data, stride: width, first: 0, depth: width, rows: run.len() },
                right: head.columns(0..digits),
                to: Write::<false> { to: &mut logits[run.start * digits..], stride: digits, bias: &head.bias },
            });
        }
        let rows = self.rows().len();
        let Scratch { logits, prediction, .. } = &mut *self.scratch;
        let logits = &logits[..rows * digits];
        self.simd.vectorize(Predict { logits, prediction, stride: digits, mask: real_digits });
    }

    /// The state that is carried on, and its squares.
    pub(super) fn carry(&mut self) {
        let layout = &self.shared.packed.layout;
        let (rows, stride) = (self.rows().len(), layout.width);
        let Scratch { x, state, squares, .. } = &mut *self.scratch;
        let x = &x[..rows * stride];
        let damping = self.shared.changes.damping;
        self.simd.vectorize(Carry { x, state, stride, damping, squares, all: layout.sizes.cells });
    }
}
