//! The update of the weights.

use crate::train::Update;

/// AdamW with decoupled weight decay, in PyTorch's order of operations, on every parameter (`specs/sudoku.md` §2):
/// p ← p (1 − lr wd); m ← m + (1 − β1)(g − m); v ← β2 v + (1 − β2) g²;
/// p ← p − lr/(1 − β1ᵏ) · m / (√v / √(1 − β2ᵏ) + eps).
pub fn update(weights: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], update: &Update) {
    let k = f64::from(update.step);
    let correction1 = 1.0 - update.beta1.powf(k);
    let correction2 = (1.0 - update.beta2.powf(k)).sqrt() as f32;
    let (rest1, beta2, rest2) = ((1.0 - update.beta1) as f32, update.beta2 as f32, (1.0 - update.beta2) as f32);
    let (decay, rate) = ((1.0 - update.lr * update.weight_decay) as f32, (update.lr / correction1) as f32);
    let eps = update.eps as f32;
    for (((p, m), v), g) in weights.iter_mut().zip(first).zip(second).zip(gradient) {
        *m += (*g - *m) * rest1;
        *v = *v * beta2 + *g * *g * rest2;
        let root = v.sqrt() / correction2 + eps;
        *p = *p * decay - *m / root * rate;
    }
}

/// The moving average of the weights after an update: a ← decay · a + (1 − decay) · p.
pub fn average(average: &mut [f32], weights: &[f32], decay: f64) {
    let (keep, rest) = (decay as f32, (1.0 - decay) as f32);
    average.iter_mut().zip(weights).for_each(|(a, p)| *a = *a * keep + *p * rest);
}
