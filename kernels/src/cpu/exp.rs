//! Powers by vectors, good to about one unit in the last place.

use pulp::{Simd, cast};

/// 2^r on [−½, ½] by Chebyshev nodes, without the one: relative error below 1e-8.
const POWERS: [f32; 6] =
    [std::f32::consts::LN_2, 2.402_265e-1, 5.550_357e-2, 9.618_083e-3, 1.339_086_3e-3, 1.545_316_3e-4];

/// 1.5 · 2^23: added and subtracted, it rounds to the nearest integer, which meanwhile is in the low bits.
const ROUND: f32 = 12_582_912.0;

/// 2^x for x ≤ 0; smallest results are 2^−126, and what is not a number stays so.
#[inline(always)]
pub(crate) fn exp2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(simd.splat_f32s(-126.0), x);
    let round = simd.splat_f32s(ROUND);
    let shifted = simd.add_f32s(x, round);
    power(simd, simd.sub_f32s(x, simd.sub_f32s(shifted, round)), shifted)
}

/// e^x for x ≤ 0, the same way.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // ln 2 in two parts, the first with few enough bits for an exact product.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = simd.max_f32s(simd.splat_f32s(-87.0), x);
    let (round, log2_e) = (simd.splat_f32s(ROUND), simd.splat_f32s(std::f32::consts::LOG2_E));
    let shifted = simd.mul_add_e_f32s(x, log2_e, round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_LOW), r);
    power(simd, simd.mul_f32s(r, log2_e), shifted)
}

/// 2^(r + n) where n is in the low bits of `shifted`.
#[inline(always)]
fn power<S: Simd>(simd: S, r: S::f32s, shifted: S::f32s) -> S::f32s {
    let mut p = simd.splat_f32s(POWERS[5]);
    for k in (0..5).rev() {
        p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(POWERS[k]));
    }
    let p = simd.mul_add_e_f32s(p, r, simd.splat_f32s(1.0));
    // n goes up to the exponent; a product is a shift that every kind of vector has.
    let n = simd.mul_u32s(cast(shifted), simd.splat_u32s(1 << 23));
    cast(simd.add_u32s(cast(p), n))
}
