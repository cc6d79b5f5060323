//! Attention of one head of one board, forward and backward.

use pulp::{Simd, WithSimd};

use super::product::{Columns, Product, Right, Rows};
use super::softmax::{Softmax, SoftmaxBack};
use super::tiles::{Angles, TurnBack, Write};

/// How a head lies in memory. Queries, keys and values of a cell are a row of three times `heads` floats.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub cells: usize,
    /// Floats of a row of weights: cells in whole vectors.
    pub keys: usize,
    /// Floats of the head.
    pub width: usize,
    /// Floats of all heads.
    pub heads: usize,
    /// Where the head begins.
    pub first: usize,
    /// Added to the scores of a row: 0 for a key, −∞ after them.
    pub mask: &'a [f32],
}

/// Room for one head.
pub(super) struct Room<'a> {
    /// Keys or values by their elements, [width, keys].
    pub turned: &'a mut [f32],
    /// A', [cells, keys].
    pub dropped: &'a mut [f32],
    /// The gradient of the weights, then of the scores, [cells, keys].
    pub scores: &'a mut [f32],
}

impl Head<'_> {
    fn right<'a, S: Simd>(self, simd: S, from: &'a [f32], stride: usize) -> Right<'a> {
        Right::rows(simd, from, stride, self.width)
    }

    /// Rows of the head times the transpose of other rows, [cells, keys].
    fn scores<S: Simd>(self, simd: S, left: (&[f32], usize), right: &[f32], turned: &mut [f32], to: &mut [f32]) {
        let Self { cells, keys, width, heads, .. } = self;
        simd.vectorize(Transpose { from: right, stride: 3 * heads, rows: cells, columns: width, to: turned, keys });
        simd.vectorize(Product {
            left: Rows { data: left.0, stride: left.1, depth: width, rows: cells },
            right: Right::rows(simd, turned, keys, keys),
            to: Write { to, stride: keys },
        });
    }

    /// o = A' v of the board's rows `attend`, [cells, 3 · heads], to [cells, heads]; the weights are kept.
    pub fn forward<S: Simd>(
        self,
        simd: S,
        attend: &[f32],
        mask: Option<&[f32]>,
        weights: &mut [f32],
        to: &mut [f32],
        room: Room<'_>,
    ) {
        let Self { cells, keys, heads, first, .. } = self;
        let stride = 3 * heads;
        self.scores(simd, (&attend[first..], stride), &attend[heads + first..], room.turned, weights);
        let dropped = room.dropped;
        simd.vectorize(Softmax {
            scores: weights,
            stride: keys,
            keys: self.mask,
            mask: mask.map(|mask| (mask, &mut *dropped)),
        });
        let data = if mask.is_some() { &*dropped } else { &*weights };
        simd.vectorize(Product {
            left: Rows { data, stride: keys, depth: cells, rows: cells },
            right: self.right(simd, &attend[2 * heads + first..], stride),
            to: Write { to: &mut to[first..], stride: heads },
        });
    }

    /// From the gradient of o, [cells, heads], to that of the rows `attend`, before they were turned.
    #[allow(clippy::too_many_arguments, reason = "everything that a head has")]
    pub fn backward<S: Simd>(
        self,
        simd: S,
        attend: &[f32],
        weights: &[f32],
        keep: f32,
        from: &[f32],
        [queries, keys]: [Angles<'_>; 2],
        to: &mut [f32],
        room: Room<'_>,
    ) {
        let Self { cells, keys: row, heads, first, .. } = self;
        let stride = 3 * heads;
        let Room { turned, dropped, scores } = room;
        self.scores(simd, (&from[first..], heads), &attend[2 * heads + first..], turned, scores);
        simd.vectorize(SoftmaxBack { weights, gradient: scores, dropped, stride: row, keep });
        simd.vectorize(Product {
            left: Columns { data: dropped, stride: row, depth: cells, rows: cells },
            right: self.right(simd, &from[first..], heads),
            to: Write { to: &mut to[2 * heads + first..], stride },
        });
        simd.vectorize(Product {
            left: Rows { data: scores, stride: row, depth: cells, rows: cells },
            right: self.right(simd, &attend[heads + first..], stride),
            to: TurnBack { to: &mut to[first..], stride, angles: queries },
        });
        simd.vectorize(Product {
            left: Columns { data: scores, stride: row, depth: cells, rows: cells },
            right: self.right(simd, &attend[first..], stride),
            to: TurnBack { to: &mut to[heads + first..], stride, angles: keys },
        });
    }
}

/// Rows [rows, stride] of `columns` floats by their columns, [columns, keys], with zeros after the last row.
struct Transpose<'a> {
    from: &'a [f32],
    stride: usize,
    rows: usize,
    columns: usize,
    to: &'a mut [f32],
    keys: usize,
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match S::F32_LANES {
            4 => self.squares::<4>(),
            8 => self.squares::<8>(),
            16 => self.squares::<16>(),
            _ => self.squares::<1>(),
        }
    }
}

impl Transpose<'_> {
    /// Square by square of L rows and L columns.
    #[inline(always)]
    fn squares<const L: usize>(self) {
        for row in (0..self.keys).step_by(L) {
            let count = L.min(self.rows.saturating_sub(row));
            for column in (0..self.columns).step_by(L) {
                let mut square = [[0.0; L]; L];
                for l in 0..L {
                    if l < count {
                        square[l].copy_from_slice(&self.from[(row + l) * self.stride + column..][..L]);
                    }
                }
                let mut turned = [[0.0; L]; L];
                for l in 0..L {
                    for e in 0..L {
                        turned[e][l] = square[l][e];
                    }
                }
                for e in 0..L {
                    self.to[(column + e) * self.keys + row..][..L].copy_from_slice(&turned[e]);
                }
            }
        }
    }
}
