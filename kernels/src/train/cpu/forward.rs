//! The pass forward.

use pulp::Simd;

use super::attention::{Head, Room};
use super::masks::Fill;
use super::product::{Product, Rows};
use super::rows::Normalise;
use super::softmax::Predict;
use super::tape::Scratch;
use super::tiles::{Biased, Hidden, Residual, Turn};
use super::{Pass, angles};
use crate::train::{Dropout, Earlier};

/// Fills rows [rows, stride], of which `width` values count, with the factors of a site from a row on.
struct Masks<'a> {
    dropout: &'a Dropout,
    iteration: u32,
    /// Room for all of them.
    factors: &'a mut [f32],
}

impl Masks<'_> {
    fn fill<S: Simd>(&mut self, simd: S, site: u32, before: usize, width: usize, stride: usize, to: &mut [f32]) {
        let (dropout, iteration, first) = (self.dropout, self.iteration, before * width);
        if width == stride {
            simd.vectorize(Fill { dropout, iteration, site, first, to });
            return;
        }
        let factors = &mut self.factors[..to.len() / stride * width];
        simd.vectorize(Fill { dropout, iteration, site, first, to: factors });
        for (to, from) in to.chunks_exact_mut(stride).zip(factors.chunks_exact(width)) {
            to[..width].copy_from_slice(from);
        }
    }
}

impl<S: Simd> Pass<S> {
    /// All iterations of `self.boards` boards.
    pub(super) fn forward(&mut self, clues: &[u8], solutions: &[u8], earlier: Option<Earlier<'_>>) {
        let (width, digits, rows) = (self.shape.width, self.shape.digits, self.rows());
        for ((to, clue), (label, digit)) in
            self.scratch.x.chunks_exact_mut(width).zip(clues).zip(self.tape.labels.iter_mut().zip(solutions))
        {
            to.copy_from_slice(&self.packed.embedding[usize::from(*clue) * width..][..width]);
            *label = if *clue == 0 { *digit } else { 0 };
        }
        self.tape.start[..rows * digits].fill(0.0);
        if let Some(earlier) = earlier {
            self.go_on(&earlier);
        }
        for t in 0..self.shape.iterations {
            let Self { simd, packed, scratch, tape, .. } = self;
            // P_{t−1}.
            let data = if t == 0 { &tape.start } else { &tape.iterations[t - 1].prediction };
            simd.vectorize(Product {
                left: Rows { data, stride: digits, depth: self.shape.sizes.digits, rows },
                right: packed.feedback.forward.right(*simd),
                to: Residual { x: &mut scratch.x, stride: width, bias: &packed.feedback.bias, mask: None },
            });
            for l in 0..self.shape.sizes.blocks {
                self.attend(t, l);
                self.feed_forward(t, l);
            }
            self.predict(t);
        }
    }

    /// S_0 and P_0 of the boards that go on.
    fn go_on(&mut self, earlier: &Earlier<'_>) {
        let Self { shape, scratch, tape, .. } = self;
        let sizes = &shape.sizes;
        let states = scratch.x.chunks_exact_mut(shape.width).zip(earlier.states.chunks_exact(sizes.width));
        let predictions = tape.start.chunks_exact_mut(shape.digits).zip(earlier.predictions.chunks_exact(sizes.digits));
        for (row, ((x, state), (p, prediction))) in states.zip(predictions).enumerate() {
            if earlier.goes_on[row / sizes.cells] {
                x[..sizes.width].copy_from_slice(state);
                p[..sizes.digits].copy_from_slice(prediction);
            }
        }
    }

    /// Adds S_T and P_T to those of the boards before.
    pub(super) fn leave(&self, [states, predictions]: &mut [Vec<f32>; 2]) {
        let (rows, shape) = (self.rows(), &self.shape);
        let Some(last) = self.tape.iterations.last() else { return };
        for row in 0..rows {
            states.extend_from_slice(&last.state[row * shape.width..][..shape.sizes.width]);
            predictions.extend_from_slice(&last.prediction[row * shape.digits..][..shape.sizes.digits]);
        }
    }

    /// x += drop(concat_heads(A' v) Woutᵀ + bout).
    fn attend(&mut self, t: usize, l: usize) {
        let (rows, before) = (self.rows(), self.before);
        let Self { simd, shape, packed, scratch, tape, .. } = self;
        let (simd, sizes, width) = (*simd, &shape.sizes, shape.width);
        let (kept, block) = (&mut tape.iterations[t].blocks[l], &packed.blocks[l]);
        let Scratch { x, factors, weights, turned, dropped, scores, .. } = scratch;
        let x = &mut x[..rows * width];
        simd.vectorize(Normalise {
            x,
            normal: &mut kept.normal1,
            inverse: &mut kept.inverse1,
            stride: width,
            width: sizes.width,
        });
        let angles = angles(shape, &self.cos, &self.sin);
        simd.vectorize(Product {
            left: Rows { data: &kept.normal1, stride: width, depth: sizes.width, rows },
            right: block.attend.forward.right(simd),
            to: Turn { to: &mut kept.attend, bias: &block.attend.bias, angles, head: shape.head, heads: shape.heads },
        });
        let site = 4 * l as u32;
        if let Some(dropout) = &self.dropout {
            let mut masks = Masks { dropout, iteration: t as u32 + 1, factors };
            let (cells, heads) = (sizes.cells, sizes.heads);
            let to = &mut weights[..rows * heads * shape.keys];
            masks.fill(simd, site, before * heads * cells, cells, shape.keys, to);
            let to = &mut kept.mask1[..rows * width];
            masks.fill(simd, site + 1, before * cells, sizes.width, width, to);
        }
        let board = sizes.cells * shape.keys;
        for index in 0..self.boards * sizes.heads {
            let (b, h) = (index / sizes.heads, index % sizes.heads);
            let head = Head {
                cells: sizes.cells,
                keys: shape.keys,
                width: shape.head,
                heads: shape.heads,
                first: h * shape.head,
                mask: &self.keys,
            };
            let cell = b * sizes.cells;
            head.forward(
                simd,
                &kept.attend[cell * 3 * shape.heads..],
                self.dropout.is_some().then(|| &weights[index * board..][..board]),
                &mut kept.weights[index * board..][..board],
                &mut kept.mixed[cell * shape.heads..],
                Room { turned, dropped, scores },
            );
        }
        simd.vectorize(Product {
            left: Rows { data: &kept.mixed, stride: shape.heads, depth: shape.heads, rows },
            right: block.out.forward.right(simd),
            to: Residual {
                x,
                stride: width,
                bias: &block.out.bias,
                mask: self.dropout.is_some().then_some(&*kept.mask1),
            },
        });
    }

    /// x += drop(drop(relu(a W1ᵀ + b1)) W2ᵀ + b2).
    fn feed_forward(&mut self, t: usize, l: usize) {
        let (rows, before) = (self.rows(), self.before);
        let Self { simd, shape, packed, scratch, tape, .. } = self;
        let (simd, sizes, width) = (*simd, &shape.sizes, shape.width);
        let (kept, block) = (&mut tape.iterations[t].blocks[l], &packed.blocks[l]);
        let Scratch { x, factors, hidden, .. } = scratch;
        let x = &mut x[..rows * width];
        simd.vectorize(Normalise {
            x,
            normal: &mut kept.normal2,
            inverse: &mut kept.inverse2,
            stride: width,
            width: sizes.width,
        });
        let site = 4 * l as u32;
        if let Some(dropout) = &self.dropout {
            let mut masks = Masks { dropout, iteration: t as u32 + 1, factors };
            let first = before * sizes.cells;
            masks.fill(simd, site + 2, first, sizes.hidden, shape.hidden, &mut hidden[..rows * shape.hidden]);
            masks.fill(simd, site + 3, first, sizes.width, width, &mut kept.mask3[..rows * width]);
        }
        simd.vectorize(Product {
            left: Rows { data: &kept.normal2, stride: width, depth: sizes.width, rows },
            right: block.linear1.forward.right(simd),
            to: Hidden {
                to: &mut kept.hidden,
                stride: shape.hidden,
                bias: &block.linear1.bias,
                mask: self.dropout.is_some().then_some(&**hidden),
            },
        });
        simd.vectorize(Product {
            left: Rows { data: &kept.hidden, stride: shape.hidden, depth: sizes.hidden, rows },
            right: block.linear2.forward.right(simd),
            to: Residual {
                x,
                stride: width,
                bias: &block.linear2.bias,
                mask: self.dropout.is_some().then_some(&*kept.mask3),
            },
        });
    }

    /// Z_t, P_t and the loss of an iteration.
    fn predict(&mut self, t: usize) {
        let rows = self.rows();
        let Self { simd, shape, packed, scratch, tape, .. } = self;
        let (simd, width) = (*simd, shape.width);
        let at = &mut tape.iterations[t];
        at.state[..rows * width].copy_from_slice(&scratch.x[..rows * width]);
        simd.vectorize(Product {
            left: Rows { data: &at.state, stride: width, depth: shape.sizes.width, rows },
            right: packed.head.forward.right(simd),
            to: Biased { to: &mut at.prediction, stride: shape.digits, bias: &packed.head.bias },
        });
        let right = &mut scratch.right[..rows];
        self.losses[t] += simd.vectorize(Predict {
            logits: &mut at.prediction[..rows * shape.digits],
            stride: shape.digits,
            digits: &self.digits,
            labels: &tape.labels,
            counts: &at.counts,
            right,
        });
        let solved = right.chunks_exact(shape.sizes.cells).filter(|board| board.iter().all(|right| *right));
        self.solved[t] += solved.count() as f32;
        if let Some(next) = tape.iterations.get_mut(t + 1) {
            next.counts.iter_mut().zip(&*right).for_each(|(c, right)| *c = if *right { self.again } else { 1.0 });
        }
    }
}
