//! Derivatives by central differences, and how far a gradient is from them.

use super::loss;
use crate::train::{Boards, Spec};

/// The first step, in units of max(1, |w|). Rounding leaves about 1e-15 of the loss, so 1e-15 / 1e-4 = 1e-11 in the
/// derivative; the term that is left out is h² / 6 times the third derivative, 1e-9 of it or so.
const STEP: f64 = 1e-4;

/// Every step after it, as a share of the one before: what is left out is 64 times smaller, rounding 8 times larger.
const SHORTER: f64 = 0.125;

/// Steps at most; rounding leaves 1e-8 in the derivative after the last.
const STEPS: usize = 4;

/// Derivatives of the loss with respect to some entries of the flat vector, by central differences in double
/// precision, on at most `threads` threads (one in a browser).
///
/// The loss has kinks where a hidden unit begins to live. A step that crosses one gives something between the slopes
/// on both sides; a shorter step crosses fewer. So at least two steps are taken, 1e-4 and an eighth of it: where they
/// agree to 1e-6 of the derivative there is no kink that matters, and they are put together so that their h² terms
/// cancel, (64 · shorter − longer) / 63. Where they do not, shorter steps follow until two agree.
#[must_use]
pub fn differences(spec: &Spec, weights: &[f32], boards: &Boards<'_>, indices: &[usize], threads: usize) -> Vec<f64> {
    let some = |indices: &[usize]| -> Vec<f64> {
        let mut weights: Vec<f64> = weights.iter().map(|w| f64::from(*w)).collect();
        indices.iter().map(|i| difference(spec, &mut weights, boards, *i)).collect()
    };
    let threads = if cfg!(target_family = "wasm") { 1 } else { threads.clamp(1, indices.len().max(1)) };
    if threads == 1 {
        return some(indices);
    }
    let parts = indices.chunks(indices.len().div_ceil(threads));
    std::thread::scope(|scope| {
        let handles: Vec<_> = parts.map(|part| scope.spawn(|| some(part))).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, Vec<f64>>| match handle.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        handles.into_iter().flat_map(join).collect()
    })
}

fn difference(spec: &Spec, weights: &mut [f64], boards: &Boards<'_>, index: usize) -> f64 {
    let at = weights[index];
    let mut central = |step: f64| {
        let (above, below) = (at + step, at - step);
        weights[index] = above;
        let high = loss(spec, weights, boards);
        weights[index] = below;
        let low = loss(spec, weights, boards);
        weights[index] = at;
        (high - low) / (above - below)
    };
    let mut step = STEP * at.abs().max(1.0);
    let mut longer = central(step);
    for _ in 1..STEPS {
        step *= SHORTER;
        let shorter = central(step);
        // Rounding, so that derivatives of nearly zero are not taken for kinks.
        let noise = 1e-15 / step;
        if (longer - shorter).abs() <= 1e-6 * shorter.abs() + noise {
            let square = (SHORTER * SHORTER).recip();
            return (square * shorter - longer) / (square - 1.0);
        }
        longer = shorter;
    }
    longer
}

/// How far the gradient of a tensor is from its differences.
///
/// A tensor is judged as a whole: an entry near zero has no relative error of its own, since its rounding is that of
/// the large terms that cancelled in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deviation {
    /// |a − d| / |d|, of the entries as vectors.
    pub whole: f64,
    /// The largest |a − d| of an entry by the largest |d|.
    pub worst: f64,
}

/// The gradient a of some entries of a tensor against their differences d.
#[must_use]
pub fn relative_error(analytic: &[f32], differences: &[f64]) -> Deviation {
    // Below this a tensor has no gradient: 1e-12 is what rounding leaves of the differences.
    const TINY: f64 = 1e-9;
    let norm = |of: &dyn Fn(f64, f64) -> f64| {
        let squares = analytic.iter().zip(differences).map(|(a, d)| of(f64::from(*a), *d).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let largest = |of: &dyn Fn(f64, f64) -> f64| {
        analytic.iter().zip(differences).fold(0.0, |most: f64, (a, d)| {
            let value = of(f64::from(*a), *d).abs();
            // What is not a number is the worst of all.
            if value.is_nan() { f64::INFINITY } else { most.max(value) }
        })
    };
    Deviation {
        whole: norm(&|a, d| a - d) / norm(&|_, d| d).max(TINY),
        worst: largest(&|a, d| a - d) / largest(&|_, d| d).max(TINY),
    }
}
