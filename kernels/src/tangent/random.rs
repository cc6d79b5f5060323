//! Random directions that are the same on every machine and in both types.

use super::real::Real;

/// The numbers of a seed by their place: the finaliser of splitmix64 on a Weyl sequence.
fn bits(seed: u64, place: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    // The seed is mixed first: neighbouring seeds must not be the same sequence, shifted.
    mix(mix(seed.wrapping_add(STEP)).wrapping_add(place.wrapping_mul(STEP)))
}

/// `len` normally distributed numbers, by Box and Muller. `stream` tells several vectors of a seed apart.
#[must_use]
pub fn gaussian<R: Real>(seed: u64, stream: u64, len: usize) -> Vec<R> {
    let pair = |place: u64| {
        let unit = |place: u64| (bits(seed, stream << 40 | place) >> 11) as f64 / (1u64 << 53) as f64;
        let radius = (-2.0 * (1.0 - unit(2 * place)).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * unit(2 * place + 1)).sin_cos();
        [radius * cos, radius * sin]
    };
    (0..len.div_ceil(2) as u64).flat_map(pair).take(len).map(R::from_f64).collect()
}
