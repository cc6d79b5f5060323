//! What is done to every row by itself besides products, and its derivative.

use super::real::Real;

/// ε of a layer normalisation (`specs/sudoku.md` §0).
const EPSILON: f64 = 1e-5;

/// Sums that are kept side by side, so that an addition need not wait for the one before.
const LANES: usize = 8;

/// Σ of `of` of every pair, always in the same order.
#[inline(always)]
fn sum<R: Real>(a: &[R], b: &[R], of: impl Fn(R, R) -> R) -> R {
    let mut sums = [R::ZERO; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += of(*a, *b);
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += of(*a, *b);
    }
    sums.into_iter().fold(R::ZERO, |all, sum| all + sum)
}

/// a · b.
#[inline(always)]
pub(super) fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    sum(a, b, |a, b| a * b)
}

/// a · b in double precision, for the long vectors of whole boards.
pub(super) fn long_dot<R: Real>(a: &[R], b: &[R]) -> f64 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a.to_f64() * b.to_f64();
        }
    }
    sums.into_iter().sum()
}

/// Mean and 1 / √(variance + ε) of a row.
#[inline(always)]
fn moments<R: Real>(row: &[R]) -> (R, R) {
    let each = R::ONE / R::from_f64(row.len() as f64);
    let mean = sum(row, row, |x, _| x) * each;
    let variance = sum(row, row, |x, _| (x - mean) * (x - mean)) * each;
    (mean, R::ONE / (variance + R::from_f64(EPSILON)).sqrt())
}

/// normal = (x − mean) / √(variance + ε), [rows, width]; `inverse` is the factor of every row.
pub(crate) fn normalise<R: Real>(x: &[R], width: usize, normal: &mut [R], inverse: &mut [R]) {
    for ((x, normal), inverse) in x.chunks_exact(width).zip(normal.chunks_exact_mut(width)).zip(inverse) {
        let (mean, factor) = moments(x);
        *inverse = factor;
        normal.iter_mut().zip(x).for_each(|(n, x)| *n = (*x - mean) * factor);
    }
}

/// The tangent of [`normalise`], [rows, width]: with n the normalised row,
/// dn = inverse · (dx − mean(dx) − n · mean(n · dx)).
pub(super) fn normalise_tangent<R: Real>(tangent: &[R], normal: &[R], inverse: &[R], to: &mut [R]) {
    let width = normal.len() / inverse.len().max(1);
    let each = R::ONE / R::from_f64(width as f64);
    let at = normal.chunks_exact(width).zip(inverse);
    for ((dx, to), (normal, inverse)) in tangent.chunks_exact(width).zip(to.chunks_exact_mut(width)).zip(at) {
        let mean = sum(dx, dx, |x, _| x) * each;
        let along = dot(normal, dx) * each;
        for ((to, dx), n) in to.iter_mut().zip(dx).zip(normal) {
            *to = (*dx - mean - *n * along) * *inverse;
        }
    }
}

/// softmax(scale · x) in place, [rows, width].
pub(crate) fn softmax<R: Real>(x: &mut [R], width: usize, scale: R) {
    for row in x.chunks_exact_mut(width) {
        let mut highest = row[0] * scale;
        for x in &mut *row {
            *x = *x * scale;
            highest = if *x > highest { *x } else { highest };
        }
        row.iter_mut().for_each(|x| *x = (*x - highest).exp());
        let total = sum(row, row, |x, _| x);
        row.iter_mut().for_each(|x| *x = *x / total);
    }
}

/// The tangent of [`softmax`] in place: with p = softmax(scale · x), dp = p ∘ scale · (dx − p · dx), [rows, width].
pub(super) fn softmax_tangent<R: Real>(tangent: &mut [R], p: &[R], width: usize, scale: R) {
    for (dx, p) in tangent.chunks_exact_mut(width).zip(p.chunks_exact(width)) {
        let mean = dot(p, dx);
        dx.iter_mut().zip(p).for_each(|(dx, p)| *dx = *p * scale * (*dx - mean));
    }
}

/// Turns the adjacent pairs of the first `width` elements of every row [cells, stride] by its cell's angles,
/// whose cos and sin are [cells, pairs of a head] (`specs/sudoku.md` §1.4). It is linear: its own tangent.
pub(crate) fn rotate<R: Real>(rows: &mut [R], stride: usize, width: usize, pairs: usize, cos: &[R], sin: &[R]) {
    let tables = cos.chunks_exact(pairs).zip(sin.chunks_exact(pairs));
    for (row, (cos, sin)) in rows.chunks_exact_mut(stride).zip(tables) {
        for head in row[..width].chunks_exact_mut(2 * pairs) {
            for ((pair, cos), sin) in head.chunks_exact_mut(2).zip(cos).zip(sin) {
                (pair[0], pair[1]) = (pair[0] * *cos - pair[1] * *sin, pair[0] * *sin + pair[1] * *cos);
            }
        }
    }
}
