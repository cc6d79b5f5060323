//! The pass backward.

use pulp::Simd;

use super::attention::{Head, Room};
use super::product::{Columns, Product, Right, Rows};
use super::rows::{ColumnSums, NormaliseBack};
use super::softmax::PredictBack;
use super::tape::Scratch;
use super::tiles::{Accumulate, HiddenBack, Write};
use super::{Pass, angles};
use crate::train::Earlier;

/// dW += yᵀ x, [outputs, stride]: y [rows, outputs] in rows of `from.1` floats, x [rows, stride].
fn weight<S: Simd>(simd: S, rows: usize, outputs: usize, from: (&[f32], usize), x: (&[f32], usize), to: &mut [f32]) {
    simd.vectorize(Product {
        left: Columns { data: from.0, stride: from.1, depth: rows, rows: outputs },
        right: Right::rows(simd, x.0, x.1, x.1),
        to: Accumulate { to, stride: x.1 },
    });
}

impl<S: Simd> Pass<S> {
    /// All iterations of the boards that went forward.
    pub(super) fn backward(&mut self, clues: &[u8], earlier: Option<Earlier<'_>>) {
        let (width, rows, digits) = (self.shape.width, self.rows(), self.shape.digits);
        self.scratch.x[..rows * width].fill(0.0);
        self.scratch.logits[..rows * digits].fill(0.0);
        for t in (0..self.shape.iterations).rev() {
            self.predict_back(t);
            for l in (0..self.shape.sizes.blocks).rev() {
                self.feed_forward_back(t, l);
                self.attend_back(t, l);
            }
            self.feedback_back(t, earlier.is_some());
        }
        let x = self.scratch.x.chunks_exact(width);
        let cells = self.shape.sizes.cells;
        for (row, (from, clue)) in x.zip(clues).enumerate() {
            if earlier.is_some_and(|earlier| earlier.goes_on[row / cells]) {
                continue;
            }
            let to = &mut self.gradient.encoder[usize::from(*clue) * width..][..width];
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }

    /// From dP to dZ, and what that adds to dx.
    fn predict_back(&mut self, t: usize) {
        let rows = self.rows();
        let Self { simd, shape, packed, scratch, tape, gradient, .. } = self;
        let (simd, digits, width) = (*simd, shape.sizes.digits, shape.width);
        let at = &tape.iterations[t];
        let logits = &mut scratch.logits[..rows * shape.digits];
        let prediction = &at.prediction[..rows * shape.digits];
        let (stride, labels, each) = (shape.digits, &tape.labels, self.each);
        simd.vectorize(PredictBack { prediction, gradient: logits, stride, labels, counts: &at.counts, each });
        simd.vectorize(ColumnSums { from: logits, masked: None, sums: &mut gradient.head.bias });
        weight(simd, rows, digits, (logits, stride), (&at.state, width), &mut gradient.head.weight);
        simd.vectorize(Product {
            left: Rows { data: logits, stride, depth: digits, rows },
            right: packed.head.backward.right(simd),
            to: Accumulate { to: &mut scratch.x, stride: width },
        });
    }

    /// From the gradient of a block's output to that after its attention.
    fn feed_forward_back(&mut self, t: usize, l: usize) {
        let rows = self.rows();
        let Self { simd, shape, packed, scratch, tape, gradient, .. } = self;
        let (simd, sizes, width, stride) = (*simd, &shape.sizes, shape.width, shape.hidden);
        let (kept, block) = (&tape.iterations[t].blocks[l], &packed.blocks[l]);
        let to = &mut gradient.blocks[l];
        let Scratch { x, y, z, hidden, .. } = scratch;
        let (x, hidden) = (&mut x[..rows * width], &mut hidden[..rows * stride]);
        let drops = self.dropout.is_some();
        let masked = drops.then_some((&*kept.mask3, &mut **y));
        simd.vectorize(ColumnSums { from: x, masked, sums: &mut to.linear2.bias });
        let y = if drops { &y[..rows * width] } else { &*x };
        weight(simd, rows, sizes.hidden, (&kept.hidden, stride), (y, width), &mut to.linear2.weight);
        let keep = self.dropout.map_or(1.0, |dropout| dropout.keep());
        simd.vectorize(Product {
            left: Rows { data: y, stride: width, depth: sizes.width, rows },
            right: block.linear2.backward.right(simd),
            to: HiddenBack { to: hidden, hidden: &kept.hidden, stride, keep },
        });
        simd.vectorize(ColumnSums { from: hidden, masked: None, sums: &mut to.linear1.bias });
        weight(simd, rows, sizes.hidden, (hidden, stride), (&kept.normal2, width), &mut to.linear1.weight);
        let z = &mut z[..rows * width];
        simd.vectorize(Product {
            left: Rows { data: hidden, stride, depth: sizes.hidden, rows },
            right: block.linear1.backward.right(simd),
            to: Write { to: z, stride: width },
        });
        let (normal, inverse) = (&*kept.normal2, &*kept.inverse2);
        simd.vectorize(NormaliseBack { from: z, normal, inverse, to: x, stride: width, width: sizes.width });
    }

    /// From there to the block's input.
    fn attend_back(&mut self, t: usize, l: usize) {
        let rows = self.rows();
        let Self { simd, shape, packed, scratch, tape, gradient, .. } = self;
        let (simd, sizes, width, heads) = (*simd, &shape.sizes, shape.width, shape.heads);
        let (kept, block) = (&tape.iterations[t].blocks[l], &packed.blocks[l]);
        let to = &mut gradient.blocks[l];
        let Scratch { x, y, z, mixed, attend, turned, dropped, scores, .. } = scratch;
        let x = &mut x[..rows * width];
        let drops = self.dropout.is_some();
        let masked = drops.then_some((&*kept.mask1, &mut **y));
        simd.vectorize(ColumnSums { from: x, masked, sums: &mut to.out.bias });
        let y = if drops { &y[..rows * width] } else { &*x };
        weight(simd, rows, sizes.width, (y, width), (&kept.mixed, heads), &mut to.out.weight);
        simd.vectorize(Product {
            left: Rows { data: y, stride: width, depth: sizes.width, rows },
            right: block.out.backward.right(simd),
            to: Write { to: mixed, stride: heads },
        });
        let keep = self.dropout.map_or(1.0, |dropout| dropout.keep());
        let board = sizes.cells * shape.keys;
        for index in 0..self.boards * sizes.heads {
            let (b, h) = (index / sizes.heads, index % sizes.heads);
            let head = Head {
                cells: sizes.cells,
                keys: shape.keys,
                width: shape.head,
                heads,
                first: h * shape.head,
                mask: &self.keys,
            };
            let cell = b * sizes.cells;
            head.backward(
                simd,
                &kept.attend[cell * 3 * heads..],
                &kept.weights[index * board..][..board],
                keep,
                &mixed[cell * heads..],
                angles(shape, &self.cos, &self.sin),
                &mut attend[cell * 3 * heads..],
                Room { turned, dropped, scores },
            );
        }
        let attend = &attend[..rows * 3 * heads];
        simd.vectorize(ColumnSums { from: attend, masked: None, sums: &mut to.attend.bias });
        weight(simd, rows, 3 * heads, (attend, 3 * heads), (&kept.normal1, width), &mut to.attend.weight);
        let z = &mut z[..rows * width];
        simd.vectorize(Product {
            left: Rows { data: attend, stride: 3 * heads, depth: 3 * heads, rows },
            right: block.attend.backward.right(simd),
            to: Write { to: z, stride: width },
        });
        let (normal, inverse) = (&*kept.normal1, &*kept.inverse1);
        simd.vectorize(NormaliseBack { from: z, normal, inverse, to: x, stride: width, width: sizes.width });
    }

    /// From dx at the beginning of an iteration to dP of the one before; dS of that one is dx.
    fn feedback_back(&mut self, t: usize, goes_on: bool) {
        let rows = self.rows();
        let Self { simd, shape, packed, scratch, tape, gradient, .. } = self;
        let (simd, digits, width, stride) = (*simd, shape.sizes.digits, shape.width, shape.digits);
        let Scratch { x, logits, .. } = scratch;
        let x = &x[..rows * width];
        simd.vectorize(ColumnSums { from: x, masked: None, sums: &mut gradient.feedback.bias });
        // P_0 is zero, unless boards go on.
        if t > 0 || goes_on {
            let prediction = if t == 0 { &tape.start } else { &tape.iterations[t - 1].prediction };
            weight(simd, rows, digits, (prediction, stride), (x, width), &mut gradient.feedback.weight);
        }
        if t > 0 {
            simd.vectorize(Product {
                left: Rows { data: x, stride: width, depth: shape.sizes.width, rows },
                right: packed.feedback.backward.right(simd),
                to: Write { to: logits, stride },
            });
        }
    }
}
