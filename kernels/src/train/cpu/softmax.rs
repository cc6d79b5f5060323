//! Softmax of attention scores and of logits, and its gradient.

use pulp::{Simd, WithSimd};

use crate::cpu::exp::{exp, exp2};

/// The attention weights of a head: scores, which carry the factor log2 e, become A = softmax, [rows, stride], and
/// with a mask of dropout factors A' = A ∘ mask goes to `dropped`. A weight that is dropped is kept with its sign
/// turned, so that the mask need not be.
pub(super) struct Softmax<'a> {
    pub scores: &'a mut [f32],
    pub stride: usize,
    /// Added to the scores of a row: 0 for a key, −∞ after them.
    pub keys: &'a [f32],
    pub mask: Option<(&'a [f32], &'a mut [f32])>,
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let keys = S::as_simd_f32s(self.keys).0;
        let zero = simd.splat_f32s(0.0);
        for (index, row) in self.scores.chunks_exact_mut(self.stride).enumerate() {
            let row = S::as_mut_simd_f32s(row).0;
            let mut highest = simd.splat_f32s(f32::NEG_INFINITY);
            for (score, key) in row.iter_mut().zip(keys) {
                *score = simd.add_f32s(*score, *key);
                highest = simd.max_f32s(highest, *score);
            }
            let highest = simd.splat_f32s(simd.reduce_max_f32s(highest));
            let mut sum = zero;
            for (score, key) in row.iter_mut().zip(keys) {
                // The smallest power is no zero, which a place without a key must have.
                let power = exp2(simd, simd.sub_f32s(*score, highest));
                *score = simd.select_f32s(simd.less_than_f32s(*key, zero), zero, power);
                sum = simd.add_f32s(sum, *score);
            }
            let inverse = simd.splat_f32s(1.0 / simd.reduce_sum_f32s(sum));
            let place = index * self.stride..(index + 1) * self.stride;
            match &mut self.mask {
                None => {
                    for score in row {
                        *score = simd.mul_f32s(*score, inverse);
                    }
                }
                Some((mask, dropped)) => {
                    let mask = S::as_simd_f32s(&mask[place.clone()]).0;
                    let dropped = S::as_mut_simd_f32s(&mut dropped[place]).0;
                    for ((score, mask), dropped) in row.iter_mut().zip(mask).zip(dropped) {
                        let weight = simd.mul_f32s(*score, inverse);
                        *dropped = simd.mul_f32s(weight, *mask);
                        let kept = simd.greater_than_f32s(*mask, zero);
                        *score = simd.select_f32s(kept, weight, simd.neg_f32s(weight));
                    }
                }
            }
        }
    }
}

/// The gradient of [`Softmax`], [rows, stride]: from that of A' to that of the scores, in place, and A' once more.
/// dA = dA' ∘ mask, dS = ln 2 · A ∘ (dA − Σ dA ∘ A).
pub(super) struct SoftmaxBack<'a> {
    /// As [`Softmax`] left them.
    pub weights: &'a [f32],
    pub gradient: &'a mut [f32],
    pub dropped: &'a mut [f32],
    pub stride: usize,
    /// What a weight was multiplied by that was not dropped.
    pub keep: f32,
}

impl WithSimd for SoftmaxBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (zero, keep) = (simd.splat_f32s(0.0), simd.splat_f32s(self.keep));
        let ln_2 = simd.splat_f32s(std::f32::consts::LN_2);
        let rows = self.weights.chunks_exact(self.stride).zip(self.gradient.chunks_exact_mut(self.stride));
        for ((weights, gradient), dropped) in rows.zip(self.dropped.chunks_exact_mut(self.stride)) {
            let (weights, gradient) = (S::as_simd_f32s(weights).0, S::as_mut_simd_f32s(gradient).0);
            let mut sum = zero;
            for ((weight, gradient), dropped) in weights.iter().zip(&mut *gradient).zip(S::as_mut_simd_f32s(dropped).0)
            {
                let kept = simd.mul_f32s(simd.max_f32s(*weight, zero), keep);
                *dropped = kept;
                // A' dA' is A dA; what was dropped has no gradient.
                sum = simd.mul_add_e_f32s(kept, *gradient, sum);
                let lives = simd.greater_than_f32s(*weight, zero);
                *gradient = simd.select_f32s(lives, simd.mul_f32s(*gradient, keep), zero);
            }
            let sum = simd.splat_f32s(simd.reduce_sum_f32s(sum));
            for (weight, gradient) in weights.iter().zip(gradient) {
                let weight = simd.mul_f32s(simd.abs_f32s(*weight), ln_2);
                *gradient = simd.mul_f32s(weight, simd.sub_f32s(*gradient, sum));
            }
        }
    }
}

/// P = softmax(Z) in place, [rows, stride], with the loss of the rows that have one, and whether they are right.
pub(super) struct Predict<'a> {
    pub logits: &'a mut [f32],
    pub stride: usize,
    /// Added to the logits of a row: 0 for a digit, −∞ after them.
    pub digits: &'a [f32],
    /// The right digit of every row, 0 where it has no loss.
    pub labels: &'a [u8],
    /// What the loss of a row counts.
    pub counts: &'a [f32],
    /// Whether the arg-max, the first of equal ones, is the right digit; true where there is no loss.
    pub right: &'a mut [bool],
}

impl WithSimd for Predict<'_> {
    /// Σ of what the cross-entropies count.
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let mut loss = 0.0;
        let digits = S::as_simd_f32s(self.digits).0;
        let rows = self.logits.chunks_exact_mut(self.stride).zip(self.labels).zip(self.counts).zip(self.right);
        for (((row, label), count), right) in rows {
            let digit = usize::from(*label);
            let logit = row[digit.max(1) - 1];
            *right = digit == 0
                || (row[..digit - 1].iter().all(|z| *z < logit)
                    && row[digit..].iter().zip(&self.digits[digit..]).all(|(z, mask)| *z + *mask <= logit));
            let row = S::as_mut_simd_f32s(row).0;
            let mut highest = simd.splat_f32s(f32::NEG_INFINITY);
            for (z, mask) in row.iter_mut().zip(digits) {
                *z = simd.add_f32s(*z, *mask);
                highest = simd.max_f32s(highest, *z);
            }
            let highest = simd.reduce_max_f32s(highest);
            let mut sum = simd.splat_f32s(0.0);
            for (z, mask) in row.iter_mut().zip(digits) {
                let power = exp(simd, simd.sub_f32s(*z, simd.splat_f32s(highest)));
                let zero = simd.splat_f32s(0.0);
                *z = simd.select_f32s(simd.less_than_f32s(*mask, zero), zero, power);
                sum = simd.add_f32s(sum, *z);
            }
            let sum = simd.reduce_sum_f32s(sum);
            if digit > 0 {
                loss += f64::from(*count) * f64::from(sum.ln() - (logit - highest));
            }
            let inverse = simd.splat_f32s(1.0 / sum);
            for z in row {
                *z = simd.mul_f32s(*z, inverse);
            }
        }
        loss
    }
}

/// The gradient of the logits, [rows, stride]: dZ = P ∘ (dP − Σ P dP), and of the loss (P − onehot) · `each` where a
/// row has one, times what it counts.
pub(super) struct PredictBack<'a> {
    pub prediction: &'a [f32],
    /// dP; becomes dZ.
    pub gradient: &'a mut [f32],
    pub stride: usize,
    pub labels: &'a [u8],
    pub counts: &'a [f32],
    pub each: f32,
}

impl WithSimd for PredictBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.prediction.chunks_exact(self.stride).zip(self.gradient.chunks_exact_mut(self.stride));
        for ((prediction, row), (label, count)) in rows.zip(self.labels.iter().zip(self.counts)) {
            let each = if *label > 0 { self.each * count } else { 0.0 };
            let (prediction, gradient) = (S::as_simd_f32s(prediction).0, S::as_mut_simd_f32s(row).0);
            let mut sum = simd.splat_f32s(0.0);
            for (p, gradient) in prediction.iter().zip(&*gradient) {
                sum = simd.mul_add_e_f32s(*p, *gradient, sum);
            }
            let sum = simd.splat_f32s(simd.reduce_sum_f32s(sum));
            let all = simd.splat_f32s(each);
            for (p, gradient) in prediction.iter().zip(gradient) {
                *gradient = simd.mul_f32s(*p, simd.add_f32s(simd.sub_f32s(*gradient, sum), all));
            }
            if *label > 0 {
                row[usize::from(*label) - 1] -= each;
            }
        }
    }
}
