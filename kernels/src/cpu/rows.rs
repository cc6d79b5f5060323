//! What is done to every row by itself besides products.

use pulp::{Simd, WithSimd};

use super::exp::exp;
use super::gemm::load;
use super::pack::PackedNorm;

/// to = (from − mean) / √(variance + ε) · scale + shift, [rows, stride].
pub(super) struct Normalise<'a> {
    pub from: &'a [f32],
    pub to: &'a mut [f32],
    pub stride: usize,
    /// d; `from` has zeros after it.
    pub width: usize,
    /// 1 where the vector after the whole vectors of a row still belongs to it, else 0.
    pub last: &'a [f32],
    pub norm: &'a PackedNorm,
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let last = load(simd, self.last, 0);
        let (scale, shift) = (S::as_simd_f32s(&self.norm.scale).0, S::as_simd_f32s(&self.norm.shift).0);
        let (whole, tail) = (self.width / S::F32_LANES, !self.width.is_multiple_of(S::F32_LANES));
        let each = 1.0 / self.width as f32;
        for (from, to) in self.from.chunks_exact(self.stride).zip(self.to.chunks_exact_mut(self.stride)) {
            let (from, to) = (S::as_simd_f32s(from).0, S::as_mut_simd_f32s(to).0);
            let mean = simd.splat_f32s(sum(simd, from, |_, x| x) * each);
            let mut squares = sum(simd, &from[..whole], |simd, x| {
                let x = simd.sub_f32s(x, mean);
                simd.mul_f32s(x, x)
            });
            if tail {
                let x = simd.mul_f32s(simd.sub_f32s(from[whole], mean), last);
                squares += simd.reduce_sum_f32s(simd.mul_f32s(x, x));
            }
            let deviation = simd.splat_f32s(1.0 / (squares * each + 1e-5).sqrt());
            for ((to, from), (scale, shift)) in to.iter_mut().zip(from).zip(scale.iter().zip(shift)) {
                let x = simd.mul_f32s(simd.sub_f32s(*from, mean), deviation);
                *to = simd.mul_add_e_f32s(x, *scale, *shift);
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

/// P = softmax(Z), [rows, stride].
pub(super) struct Predict<'a> {
    pub logits: &'a [f32],
    pub prediction: &'a mut [f32],
    pub stride: usize,
    /// Added to the logits of a row: 0 for a digit, −∞ after them.
    pub mask: &'a [f32],
}

impl WithSimd for Predict<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mask = S::as_simd_f32s(self.mask).0;
        let rows = self.logits.chunks_exact(self.stride).zip(self.prediction.chunks_exact_mut(self.stride));
        for (from, to) in rows {
            let (from, to) = (S::as_simd_f32s(from).0, S::as_mut_simd_f32s(to).0);
            let mut highest = simd.splat_f32s(f32::NEG_INFINITY);
            for ((to, from), mask) in to.iter_mut().zip(from).zip(mask) {
                *to = simd.add_f32s(*from, *mask);
                highest = simd.max_f32s(highest, *to);
            }
            let highest = simd.splat_f32s(simd.reduce_max_f32s(highest));
            let mut sum = simd.splat_f32s(0.0);
            for to in &mut *to {
                *to = exp(simd, simd.sub_f32s(*to, highest));
                sum = simd.add_f32s(sum, *to);
            }
            let sum = simd.splat_f32s(simd.reduce_sum_f32s(sum));
            for to in to {
                *to = simd.div_f32s(*to, sum);
            }
        }
    }
}

/// state ← α x + (1 − α) state, [rows, stride], and what the squares of it are.
pub(super) struct Carry<'a> {
    pub x: &'a [f32],
    pub state: &'a mut [f32],
    pub stride: usize,
    pub damping: f32,
    /// |new|², |new − old|² and |old|² of every row, [3, all].
    pub squares: &'a mut [f32],
    pub all: usize,
}

impl WithSimd for Carry<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (alpha, rest) = (simd.splat_f32s(self.damping), simd.splat_f32s(1.0 - self.damping));
        let rows = self.x.chunks_exact(self.stride).zip(self.state.chunks_exact_mut(self.stride));
        for (row, (x, state)) in rows.enumerate() {
            let mut sums = [simd.splat_f32s(0.0); 3];
            for (state, x) in S::as_mut_simd_f32s(state).0.iter_mut().zip(S::as_simd_f32s(x).0) {
                let old = *state;
                // Without damping the old state must not count, not even where it is infinite.
                let new =
                    if self.damping == 1.0 { *x } else { simd.mul_add_e_f32s(alpha, *x, simd.mul_f32s(rest, old)) };
                let difference = simd.sub_f32s(new, old);
                sums[0] = simd.mul_add_e_f32s(new, new, sums[0]);
                sums[1] = simd.mul_add_e_f32s(difference, difference, sums[1]);
                sums[2] = simd.mul_add_e_f32s(old, old, sums[2]);
                *state = new;
            }
            for (i, sum) in sums.into_iter().enumerate() {
                self.squares[i * self.all + row] = simd.reduce_sum_f32s(sum);
            }
        }
    }
}
