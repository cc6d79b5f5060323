//! What is done to rows besides products, and its gradient.

use pulp::{Simd, WithSimd};

use super::product::loads;

/// normal = (x − mean) · inverse with inverse = 1 / √(variance + ε), [rows, stride]. Scale and shift are in the weights
/// that follow (`pack`).
pub(super) struct Normalise<'a> {
    pub x: &'a [f32],
    pub normal: &'a mut [f32],
    pub inverse: &'a mut [f32],
    pub stride: usize,
    /// d; `x` has zeros after it.
    pub width: usize,
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let whole = self.width / S::F32_LANES;
        let each = 1.0 / self.width as f32;
        let rows = self.x.chunks_exact(self.stride).zip(self.normal.chunks_exact_mut(self.stride));
        for ((x, normal), inverse) in rows.zip(self.inverse) {
            let rest = &x[whole * S::F32_LANES..self.width];
            let (x, normal) = (S::as_simd_f32s(x).0, S::as_mut_simd_f32s(normal).0);
            let mean = sum(simd, x, |_, x| x) * each;
            let means = simd.splat_f32s(mean);
            let mut squares = sum(simd, &x[..whole], |simd, x| {
                let x = simd.sub_f32s(x, means);
                simd.mul_f32s(x, x)
            });
            for x in rest {
                squares += (x - mean) * (x - mean);
            }
            *inverse = 1.0 / (squares * each + 1e-5).sqrt();
            let factor = simd.splat_f32s(*inverse);
            for (normal, x) in normal.iter_mut().zip(x) {
                *normal = simd.mul_f32s(simd.sub_f32s(*x, means), factor);
            }
        }
    }
}

/// The gradient of [`Normalise`], added to that of x: with n the normalised row and dn its gradient,
/// dx += inverse · (dn − mean(dn) − n · mean(n · dn)). [rows, stride]; dn has zeros after the width.
pub(super) struct NormaliseBack<'a> {
    pub from: &'a [f32],
    pub normal: &'a [f32],
    pub inverse: &'a [f32],
    pub to: &'a mut [f32],
    pub stride: usize,
    pub width: usize,
}

impl WithSimd for NormaliseBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let each = 1.0 / self.width as f32;
        let rows = self.from.chunks_exact(self.stride).zip(self.normal.chunks_exact(self.stride));
        let rows = rows.zip(self.to.chunks_exact_mut(self.stride));
        for (((from, normal), to), inverse) in rows.zip(self.inverse) {
            let (from, normal) = (S::as_simd_f32s(from).0, S::as_simd_f32s(normal).0);
            let mut sums = [simd.splat_f32s(0.0); 2];
            for (dn, n) in from.iter().zip(normal) {
                sums[0] = simd.add_f32s(sums[0], *dn);
                sums[1] = simd.mul_add_e_f32s(*dn, *n, sums[1]);
            }
            let mean = simd.splat_f32s(simd.reduce_sum_f32s(sums[0]) * each);
            let along = simd.splat_f32s(simd.reduce_sum_f32s(sums[1]) * each);
            let inverse = simd.splat_f32s(*inverse);
            for ((to, dn), n) in S::as_mut_simd_f32s(to).0.iter_mut().zip(from).zip(normal) {
                let dx = simd.negate_mul_add_e_f32s(*n, along, simd.sub_f32s(*dn, mean));
                *to = simd.mul_add_e_f32s(dx, inverse, *to);
            }
        }
    }
}

/// Σ of `of` every element. Four sums at a time, because an addition takes that many to keep busy.
#[inline(always)]
fn sum<S: Simd>(simd: S, vectors: &[S::f32s], of: impl Fn(S, S::f32s) -> S::f32s) -> f32 {
    let mut sums = [simd.splat_f32s(0.0); 4];
    let (fours, rest) = pulp::as_arrays::<4, _>(vectors);
    for four in fours {
        for i in 0..4 {
            sums[i] = simd.add_f32s(sums[i], of(simd, four[i]));
        }
    }
    for vector in rest {
        sums[0] = simd.add_f32s(sums[0], of(simd, *vector));
    }
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3])))
}

/// sums += Σ over rows of `from`, [rows, stride]; with a mask the rows are masked first and kept.
pub(super) struct ColumnSums<'a> {
    pub from: &'a [f32],
    pub masked: Option<(&'a [f32], &'a mut [f32])>,
    /// [stride]
    pub sums: &'a mut [f32],
}

impl WithSimd for ColumnSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (vectors, mut at) = (self.sums.len() / S::F32_LANES, 0);
        while at < vectors {
            let count = (vectors - at).min(4);
            match count {
                1 => self.columns::<S, 1>(simd, at),
                2 => self.columns::<S, 2>(simd, at),
                3 => self.columns::<S, 3>(simd, at),
                _ => self.columns::<S, 4>(simd, at),
            }
            at += count;
        }
    }
}

impl ColumnSums<'_> {
    /// Of V vectors.
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, at: usize) {
        let stride = self.sums.len();
        let column = at * S::F32_LANES;
        let mut sums = loads::<S, V>(simd, self.sums, column);
        for row in (0..self.from.len() / stride).map(|row| row * stride + column) {
            let mut values = loads::<S, V>(simd, self.from, row);
            if let Some((mask, to)) = &mut self.masked {
                let mask = loads::<S, V>(simd, mask, row);
                for v in 0..V {
                    values[v] = simd.mul_f32s(values[v], mask[v]);
                }
                super::product::stores(simd, to, row, values);
            }
            for v in 0..V {
                sums[v] = simd.add_f32s(sums[v], values[v]);
            }
        }
        super::product::stores(simd, self.sums, column, sums);
    }
}
