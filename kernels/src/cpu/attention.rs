//! Attention: queries, keys and values as they are stored, scores, softmax, and the weighted values.

use pulp::{Simd, WithSimd};

use super::exp::exp2;
use super::gemm::{Tile, bias, load, store};

/// Turns a tile of one panel, (u, w) → (u cos φ − w sin φ, u sin φ + w cos φ), by the angles of its cells:
/// the tables from the first row's cell on, [cells, pairs].
#[derive(Clone, Copy)]
pub(super) struct Angles<'a> {
    pub cos: &'a [f32],
    pub sin: &'a [f32],
    /// Pairs of a head in whole vectors.
    pub pairs: usize,
}

impl Angles<'_> {
    #[inline(always)]
    fn turn<S: Simd, const V: usize>(self, simd: S, row: usize, column: usize, sums: [S::f32s; V]) -> [S::f32s; V] {
        let at = row * self.pairs + column / 2 % self.pairs;
        let (cos, sin) = (load(simd, self.cos, at), load(simd, self.sin, at));
        let mut turned = sums;
        turned[0] = simd.negate_mul_add_e_f32s(sums[1], sin, simd.mul_f32s(sums[0], cos));
        turned[1] = simd.mul_add_e_f32s(sums[0], sin, simd.mul_f32s(sums[1], cos));
        turned
    }
}

/// Queries and keys, turned, [rows, stride].
pub(super) struct Turn<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
    pub bias: &'a [f32],
    pub angles: Angles<'a>,
}

impl Tile for Turn<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        bias(simd, self.bias, column)
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        for r in 0..R {
            let turned = self.angles.turn(simd, row + r, column, sums[r]);
            let to = &mut self.to[(row + r) * self.stride + column..][..V * S::F32_LANES];
            for v in 0..V {
                store(simd, to, v * S::F32_LANES, turned[v]);
            }
        }
    }
}

/// Keys are transposed, so that scores are a product like any other: keys [rows, stride], turned, become for
/// every head panels [panels][elements][2 vectors of keys], the last of one vector where their number is odd.
pub(super) struct Transpose<'a> {
    pub from: &'a [f32],
    pub stride: usize,
    /// The column that the first head begins at.
    pub column: usize,
    pub to: &'a mut [f32],
    /// Vectors of keys.
    pub vectors: usize,
    /// How many keys the first of them holds before the first row; they stay zeros.
    pub before: usize,
    pub heads: usize,
    /// Elements of a head, whole panels.
    pub elements: usize,
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match S::F32_LANES {
            1 => self.squares::<1>(),
            4 => self.squares::<4>(),
            8 => self.squares::<8>(),
            16 => self.squares::<16>(),
            lanes => unreachable!("vectors of {lanes} floats"),
        }
    }
}

impl Transpose<'_> {
    /// Square by square of L keys and L elements.
    #[inline(always)]
    fn squares<const L: usize>(self) {
        let (rows, width) = (self.from.len() / self.stride, self.elements * L);
        for head in 0..self.heads {
            let to = &mut self.to[head * self.vectors * width..][..self.vectors * width];
            for vector in 0..self.vectors {
                // The last panel may be of one vector.
                let step = if (vector | 1) < self.vectors { 2 * L } else { L };
                let to = &mut to[vector / 2 * 2 * width + vector % 2 * (step - L)..];
                for element in (0..self.elements).step_by(L) {
                    let column = self.column + head * self.elements + element;
                    let mut square = [[0.0; L]; L];
                    for l in 0..L {
                        let key = vector * L + l;
                        if key >= self.before && key - self.before < rows {
                            let key = &self.from[(key - self.before) * self.stride + column..][..L];
                            for e in 0..L {
                                square[e][l] = key[e];
                            }
                        }
                    }
                    for e in 0..L {
                        to[(element + e) * step..][..L].copy_from_slice(&square[e]);
                    }
                }
            }
        }
    }
}

/// Values in panels, [panels][keys][2 vectors].
pub(super) struct Values<'a> {
    pub to: &'a mut [f32],
    /// Where the first row's value comes.
    pub first: usize,
    /// Number of values.
    pub count: usize,
    pub bias: &'a [f32],
}

impl Tile for Values<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        bias(simd, self.bias, column)
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        for r in 0..R {
            let place = column * self.count + (self.first + row + r) * V * S::F32_LANES;
            let to = &mut self.to[place..][..V * S::F32_LANES];
            for v in 0..V {
                store(simd, to, v * S::F32_LANES, sums[r][v]);
            }
        }
    }
}

/// Scores of some keys, [rows, stride], from the column `first` on.
pub(super) struct Scores<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
    pub first: usize,
    /// Whether the first vector also holds keys of the part before, whose scores are there already: here
    /// these keys are zeros, so adding to what is there keeps it.
    pub shared: bool,
}

impl Tile for Scores<'_> {
    const ODD: bool = true;

    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, row: usize, column: usize) -> [[S::f32s; V]; R] {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        if self.shared && column == 0 {
            for r in 0..R {
                sums[r][0] = load(simd, self.to, (row + r) * self.stride + self.first);
            }
        }
        sums
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        for r in 0..R {
            let to = &mut self.to[(row + r) * self.stride + self.first + column..][..V * S::F32_LANES];
            for v in 0..V {
                store(simd, to, v * S::F32_LANES, sums[r][v]);
            }
        }
    }
}

/// Scores become weights, but for their sum: exp2(score − highest score), and one by the sum of them.
pub(super) struct Softmax<'a> {
    /// [rows, stride]
    pub scores: &'a mut [f32],
    pub stride: usize,
    /// One by the sum of every row.
    pub inverse: &'a mut [f32],
    /// Added to the last vector: −∞ where there is no key.
    pub mask: &'a [f32],
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mask = load(simd, self.mask, 0);
        for (row, inverse) in self.scores.chunks_exact_mut(self.stride).zip(self.inverse) {
            let (vectors, _) = S::as_mut_simd_f32s(row);
            let Some((last, vectors)) = vectors.split_last_mut() else { return };
            *last = simd.add_f32s(*last, mask);
            let mut highest = *last;
            for vector in &mut *vectors {
                highest = simd.max_f32s(highest, *vector);
            }
            let highest = simd.splat_f32s(simd.reduce_max_f32s(highest));
            *last = exp2(simd, simd.sub_f32s(*last, highest));
            let mut sum = *last;
            for vector in vectors {
                *vector = exp2(simd, simd.sub_f32s(*vector, highest));
                sum = simd.add_f32s(sum, *vector);
            }
            *inverse = 1.0 / simd.reduce_sum_f32s(sum);
        }
    }
}

/// The weighted values of a head, [rows, stride], from the column `first` on. Keys may come in several parts.
pub(super) struct Weigh<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
    pub first: usize,
    pub inverse: &'a [f32],
    pub begins: bool,
    pub ends: bool,
}

impl Tile for Weigh<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, row: usize, column: usize) -> [[S::f32s; V]; R] {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        if !self.begins {
            for r in 0..R {
                let from = &self.to[(row + r) * self.stride + self.first + column..][..V * S::F32_LANES];
                for v in 0..V {
                    sums[r][v] = load(simd, from, v * S::F32_LANES);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        for r in 0..R {
            let scale = simd.splat_f32s(if self.ends { self.inverse[row + r] } else { 1.0 });
            let to = &mut self.to[(row + r) * self.stride + self.first + column..][..V * S::F32_LANES];
            for v in 0..V {
                store(simd, to, v * S::F32_LANES, simd.mul_f32s(sums[r][v], scale));
            }
        }
    }
}
