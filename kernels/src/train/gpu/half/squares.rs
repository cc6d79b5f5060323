//! Products of tiles of rows that lie as squares, and what is done to them row by row.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use crate::gpu::kernel::{V4, sum4};
use crate::gpu::matrix::{Bits, GAP, empty, first_factor, half_of, pack8, second_factor};
use crate::gpu::matrix_plan::{DEEP, EDGE, TILE, UNITS};
use crate::gpu::matrix_rows::{PER_ROW, column_of, of_row};

/// No sums yet, a tile of rows by one column of squares.
#[cube]
pub(super) fn nothing() -> Sequence<cmma::Matrix<f32>> {
    let mut acc = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for _ in 0..comptime!(TILE / EDGE) {
        acc.push(empty());
    }
    acc
}

/// acc += input · W where `input` is a tile in workgroup memory, [`TILE`] rows of d values and a gap. The squares of W
/// lie one after the other from the vector `at` on, and each column by column.
#[cube]
pub(super) fn product(
    input: &[Bits],
    weights: &[Bits],
    at: usize,
    acc: &mut Sequence<cmma::Matrix<f32>>,
    #[comptime] width: usize,
) {
    let stride = comptime!(width + GAP);
    for some in 0..comptime!(width / EDGE / DEEP) {
        #[unroll]
        for one in 0..DEEP {
            let k = some * DEEP + one;
            let b = second_factor(weights, at + k * comptime!(EDGE * EDGE / 8), true);
            #[unroll]
            for r in 0..comptime!(TILE / EDGE) {
                let first = comptime!(r * EDGE * (width + GAP) / 8) + k * comptime!(EDGE / 8);
                let a = first_factor(input, first, stride);
                let c = acc.index(r);
                cmma::execute(&a, &b, c, c);
            }
        }
    }
}

/// Fetches a tile that lies as squares, from the square `at` of rows of `squares` on, into workgroup memory.
#[cube]
pub(super) fn fetch(
    from: &[Bits],
    row: usize,
    to: &mut Shared<[Bits]>,
    #[comptime] squares: usize,
    #[comptime] at: usize,
    #[comptime] width: usize,
) {
    let of_rows = comptime!(width * EDGE / 8);
    let stride = comptime!((width + GAP) / 8);
    #[unroll]
    for i in 0..comptime!(TILE * width / 8 / UNITS) {
        let place = UNIT_POS as usize + comptime!(i * UNITS);
        let (down, rest) = (place / of_rows, place % of_rows);
        let (square, within) = (rest / comptime!(EDGE * EDGE / 8), rest % comptime!(EDGE * EDGE / 8));
        let eight = from[((row / EDGE + down) * squares + at) * comptime!(EDGE * EDGE / 8) + rest];
        to[(down * EDGE + within / 2) * stride + square * 2 + within % 2] = eight;
    }
}

/// Where this unit's `i`-th eight values of a row lie in rows of `squares` squares, of which the first is `at`.
#[cube]
pub(super) fn eight_of(row: usize, part: usize, #[comptime] i: usize, squares: usize, at: usize) -> usize {
    let column = 2 * part + comptime!(i * 2 * PER_ROW);
    ((row / EDGE) * squares + at + column / 4) * comptime!(EDGE * EDGE / 8) + (row % EDGE) * 2 + (column / 2) % 2
}

/// Eight bits of a mask from a bit on that eight divides.
#[cube]
pub(super) fn bits8(masks: &[u32], place: usize, index: usize) -> u32 {
    (masks[place + index / 32] >> ((index % 32) as u32)) & 255u32
}

/// Four factors from the lowest bits: `keep` or zero.
#[cube]
pub(super) fn factors(bits: u32, keep: f32) -> V4 {
    let mut out = V4::new(0.0f32);
    #[unroll]
    for e in 0..4usize {
        if (bits >> comptime!(e as u32)) & 1u32 == 1u32 {
            out.insert(e, keep);
        }
    }
    out
}

/// Multiplies a unit's share of a row by its mask; `index` is the number of the row's first value.
#[cube]
pub(super) fn drop_share(
    x: &mut Array<V4>,
    masks: &[u32],
    place: usize,
    index: usize,
    part: usize,
    keep: f32,
    #[comptime] share: usize,
) {
    #[unroll]
    for i in 0..comptime!(share / 2) {
        let bits = bits8(masks, place, index + 8 * part + comptime!(i * 8 * PER_ROW));
        x[comptime!(2 * i)] = x[comptime!(2 * i)] * factors(bits, keep);
        x[comptime!(2 * i + 1)] = x[comptime!(2 * i + 1)] * factors(bits >> 4u32, keep);
    }
}

/// A unit's share of a row of f32 values, [rows, d].
#[cube]
pub(super) fn share(from: &[V4], row: usize, part: usize, #[comptime] width: usize) -> Array<V4> {
    let mut x = Array::<V4>::new(comptime!(width / 4 / PER_ROW));
    #[unroll]
    for i in 0..comptime!(width / 4 / PER_ROW) {
        x[i] = from[row * comptime!(width / 4) + column_of(part, i)];
    }
    x
}

/// Zeros as a unit's share of a row.
#[cube]
pub(super) fn no_share(#[comptime] share: usize) -> Array<V4> {
    let mut out = Array::<V4>::new(share);
    #[unroll]
    for i in 0..share {
        out[i] = V4::new(0.0f32);
    }
    out
}

/// Writes a unit's share of a row back.
#[cube]
pub(super) fn put_share(to: &mut [V4], row: usize, part: usize, x: &Array<V4>, #[comptime] width: usize) {
    #[unroll]
    for i in 0..comptime!(width / 4 / PER_ROW) {
        to[row * comptime!(width / 4) + column_of(part, i)] = x[i];
    }
}

/// Puts a unit's share of a row as f16 into a tile in workgroup memory and among squares.
#[cube]
pub(super) fn put_halves(
    x: &Array<V4>,
    tile: &mut Shared<[Bits]>,
    r: usize,
    to: &mut [Bits],
    row: usize,
    part: usize,
    #[comptime] squares: usize,
    #[comptime] at: usize,
    #[comptime] width: usize,
) {
    #[unroll]
    for i in 0..comptime!(width / 8 / PER_ROW) {
        let eight = pack8(limited(x[comptime!(2 * i)]), limited(x[comptime!(2 * i + 1)]));
        tile[r * comptime!((width + GAP) / 8) + part + comptime!(i * PER_ROW)] = eight;
        to[eight_of(row, part, i, squares, at)] = eight;
    }
}

/// What f16 cannot hold becomes the greatest value that it can.
#[cube]
pub(super) fn limited(x: V4) -> V4 {
    x.min(V4::new(65504.0f32)).max(V4::new(-65504.0f32))
}

/// Eight values as two vectors of four.
#[cube]
pub(super) fn low_of(bits: Bits) -> V4 {
    V4::cast_from(half_of(bits, false))
}

/// The second four of eight values.
#[cube]
pub(super) fn high_of(bits: Bits) -> V4 {
    V4::cast_from(half_of(bits, true))
}

/// Zero, eight times.
#[cube]
pub(super) fn no_halves() -> Bits {
    Bits::new(0u32)
}

/// This unit's share of a row that was laid out.
#[cube]
pub(super) fn laid_out(from: &Shared<[Bits]>, row: usize, part: usize, #[comptime] width: usize) -> Array<V4> {
    let mut x = Array::<V4>::new(comptime!(width / 4 / PER_ROW));
    #[unroll]
    for i in 0..comptime!(width / 4 / PER_ROW) {
        x[i] = V4::reinterpret(from[row * comptime!(width / 4 + 1) + column_of(part, i)]);
    }
    x
}

/// Mean and 1 / √(variance + 1e-5) of a row of which this unit has a share.
#[cube]
fn moments(x: &Array<V4>, #[comptime] width: usize) -> V4 {
    let share = comptime!(width / 4 / PER_ROW);
    let mut sum = V4::new(0.0f32);
    #[unroll]
    for i in 0..share {
        sum = sum + x[i];
    }
    let mean = of_row(sum4(sum)) * comptime!(1.0 / width as f32);
    let mut squares = V4::new(0.0f32);
    #[unroll]
    for i in 0..share {
        let c = x[i] - V4::new(mean);
        squares = squares + c * c;
    }
    let mut out = V4::new(mean);
    out.insert(1usize, 1.0f32 / (of_row(sum4(squares)) * comptime!(1.0 / width as f32) + 1e-5f32).sqrt());
    out
}

/// LN(x) of a row; scale and shift follow one another from the vector `norm` of the flat parameters on.
#[cube]
pub(super) fn normalise(
    x: &Array<V4>,
    part: usize,
    parameters: &[V4],
    norm: usize,
    #[comptime] width: usize,
) -> Array<V4> {
    let share = comptime!(width / 4 / PER_ROW);
    let of = moments(x, width);
    let (mean, scale) = (V4::new(of.extract(0usize)), V4::new(of.extract(1usize)));
    let mut out = Array::<V4>::new(share);
    #[unroll]
    for i in 0..share {
        let column = column_of(part, i);
        out[i] = (x[i] - mean) * scale * parameters[norm + column] + parameters[norm + comptime!(width / 4) + column];
    }
    out
}

/// The backward pass of a normalisation for a row: what `da`, the gradient of its result, is for x. Adds to the
/// gradients of scale and shift.
#[cube]
pub(super) fn normalise_back(
    x: &Array<V4>,
    da: &Array<V4>,
    part: usize,
    parameters: &[V4],
    norm: usize,
    scales: &mut Array<V4>,
    shifts: &mut Array<V4>,
    #[comptime] width: usize,
) -> Array<V4> {
    let share = comptime!(width / 4 / PER_ROW);
    let of = moments(x, width);
    let (mean, scale) = (V4::new(of.extract(0usize)), V4::new(of.extract(1usize)));
    // g = da ∘ γ; dx = (g − mean(g) − x̂ mean(g ∘ x̂)) / σ.
    let mut gs = V4::new(0.0f32);
    let mut gxs = V4::new(0.0f32);
    let mut out = Array::<V4>::new(share);
    #[unroll]
    for i in 0..share {
        let hat = (x[i] - mean) * scale;
        scales[i] = scales[i] + da[i] * hat;
        shifts[i] = shifts[i] + da[i];
        let g = da[i] * parameters[norm + column_of(part, i)];
        gs = gs + g;
        gxs = gxs + g * hat;
        out[i] = g;
    }
    let mean_g = V4::new(of_row(sum4(gs)) * comptime!(1.0 / width as f32));
    let mean_gx = V4::new(of_row(sum4(gxs)) * comptime!(1.0 / width as f32));
    #[unroll]
    for i in 0..share {
        let hat = (x[i] - mean) * scale;
        out[i] = (out[i] - mean_g - hat * mean_gx) * scale;
    }
    out
}

/// Adds the sums of a workgroup's rows to its own place among the gradients of a normalisation: scale, then shift,
/// [2, d] from the vector `to` on.
#[cube]
pub(super) fn put_norm(
    memory: &mut Shared<[Bits]>,
    scales: &Array<V4>,
    shifts: &Array<V4>,
    sums: &mut [V4],
    to: usize,
    #[comptime] width: usize,
) {
    let share = comptime!(width / 4 / PER_ROW);
    let planes = comptime!(UNITS / 32);
    let unit = UNIT_POS as usize;
    let (plane, lane) = (unit / 32, unit % 32);
    // A plane has the rows of four groups of eight units.
    #[unroll]
    for which in 0..2usize {
        #[unroll]
        for i in 0..share {
            let mut x = shifts[i];
            if comptime!(which == 0) {
                x = scales[i];
            }
            #[unroll]
            for e in 0..4usize {
                let two = x.extract(e) + plane_shuffle_xor(x.extract(e), 8);
                x.insert(e, two + plane_shuffle_xor(two, 16));
            }
            if lane < PER_ROW {
                memory[plane * comptime!(2 * width / 4) + comptime!(which * width / 4) + column_of(lane, i)] =
                    Bits::reinterpret(x);
            }
        }
    }
    sync_cube();
    if unit < comptime!(2 * width / 4) {
        let mut sum = sums[to + unit];
        #[unroll]
        for p in 0..planes {
            sum = sum + V4::reinterpret(memory[comptime!(p * 2 * width / 4) + unit]);
        }
        sums[to + unit] = sum;
    }
}
