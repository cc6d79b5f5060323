//! Everything between two attentions, a tile of [`TILE`] rows of any boards a workgroup.
//!
//! Sums stand in cooperative matrices, whose elements no unit can reach; where rows are normalised they pass through
//! workgroup memory, [`ROUND`] rows at a time. Through the residual stream in the card's memory they would need a
//! barrier that reaches beyond the workgroup.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;
use half::f16;

use super::kernel::{V4, sum4, turn};
use super::matrix::{Bits, GAP, H4, biased, half_of, multiply, pack_halves, pack8, place_of, put_half, residual_of};
use super::matrix_plan::{EDGE, MatrixPlaces, MatrixPlan, TILE, UNITS};

/// Units of a row, which stand side by side in one plane.
pub(crate) const PER_ROW: usize = 8;
/// Rows at a time.
pub(crate) const ROUND: usize = UNITS / PER_ROW;
/// Rounds until all rows had their turn.
pub(crate) const ROUNDS: usize = TILE.div_ceil(ROUND);

/// Sum over the units of a row.
#[cube]
pub(crate) fn of_row(x: f32) -> f32 {
    let two = x + plane_shuffle_xor(x, 1);
    let four = two + plane_shuffle_xor(two, 2);
    four + plane_shuffle_xor(four, 4)
}

/// The vector of four columns that is this unit's `i`-th: they come in pairs.
#[cube]
pub(crate) fn column_of(part: usize, #[comptime] i: usize) -> usize {
    2 * part + comptime!(i / 2 * 2 * PER_ROW + i % 2)
}

/// a = LN(x) of one row, of which this unit has a share. `norm` is the place of scale and shift.
#[cube]
fn normalise(
    x: &Array<V4>,
    r: usize,
    part: usize,
    vectors: &[V4],
    norm: usize,
    a: &mut Shared<[Bits]>,
    #[comptime] width: usize,
) {
    let d4 = comptime!(width / 4);
    let share = comptime!(width / 4 / PER_ROW);
    let mut sum = V4::new(0.0f32);
    #[unroll]
    for i in 0..share {
        sum = sum + x[i];
    }
    let mean = V4::new(of_row(sum4(sum)) * comptime!(1.0 / width as f32));
    let mut squares = V4::new(0.0f32);
    #[unroll]
    for i in 0..share {
        let c = x[i] - mean;
        squares = squares + c * c;
    }
    let scale = V4::new(1.0f32 / (of_row(sum4(squares)) * comptime!(1.0 / width as f32) + 1e-5f32).sqrt());
    #[unroll]
    for i in 0..comptime!(share / 2) {
        let (c0, c1) = (column_of(part, comptime!(2 * i)), column_of(part, comptime!(2 * i + 1)));
        let low = (x[comptime!(2 * i)] - mean) * scale * vectors[norm + c0] + vectors[norm + d4 + c0];
        let high = (x[comptime!(2 * i + 1)] - mean) * scale * vectors[norm + c1] + vectors[norm + d4 + c1];
        a[r * comptime!((width + GAP) / 8) + part + comptime!(i * PER_ROW)] = pack8(low, high);
    }
}

/// Puts the rows of a round from accumulators into workgroup memory, in f32.
#[cube]
pub(crate) fn lay_out(
    to: &mut Shared<[Bits]>,
    acc: &Sequence<cmma::Matrix<f32>>,
    column: usize,
    #[comptime] round: usize,
    #[comptime] width: usize,
) {
    #[unroll]
    for q in 0..comptime!((TILE - round * ROUND).min(ROUND) / EDGE) {
        let first = column * comptime!(EDGE / 4) + comptime!(q * EDGE * (width / 4 + 1));
        cmma::store(
            &mut to[first..first + comptime!((EDGE - 1) * (width / 4 + 1) + EDGE / 4)],
            acc.index(comptime!(round * ROUND / EDGE + q)),
            comptime!((width + 4) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
}

/// This unit's share of a row that was laid out, and a bias.
#[cube]
fn share_of(
    from: &mut Shared<[Bits]>,
    row: usize,
    part: usize,
    vectors: &[V4],
    bias: usize,
    #[comptime] width: usize,
) -> Array<V4> {
    let mut x = Array::<V4>::new(comptime!(width / 4 / PER_ROW));
    #[unroll]
    for i in 0..comptime!(width / 4 / PER_ROW) {
        let column = column_of(part, i);
        x[i] = V4::reinterpret(from[row * comptime!(width / 4 + 1) + column]) + vectors[bias + column];
    }
    x
}

/// Queries, keys and values of a block from a = LN1(x). A plane has columns of its own throughout, so planes do
/// not wait for one another.
#[cube]
fn project(
    weights: &[Bits],
    at: usize,
    vectors: &[V4],
    biases: &[f32],
    bias: usize,
    qkv: &mut [Bits],
    boards: usize,
    row: usize,
    a: &mut Shared<[Bits]>,
    h: &mut Shared<[Bits]>,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let s = comptime!(plan.sizes);
    let d = comptime!(s.width);
    let across = comptime!(s.head_width() / EDGE);
    let plane = UNIT_POS as usize / 32;
    let lane = UNIT_POS as usize % 32;
    let (head, square) = (plane / across, plane % across);
    // Two units a row of a square.
    let odd = lane % 2;
    #[unroll]
    for which in 0..3usize {
        let mut acc = biased(biases, bias + comptime!(which * d) + plane * EDGE, comptime!(places.biases));
        multiply(a.inner_ref(), weights, at + comptime!(which * d * d) + plane * comptime!(d * EDGE), &mut acc, plan);
        put_half(h, plane, &acc, d);
        sync_plane();
        #[unroll]
        for i in 0..comptime!(TILE / EDGE) {
            let r = lane / 2 + comptime!(i * EDGE);
            let cell = (row + r) % s.cells;
            let board = (row + r) / s.cells;
            let mut eight = h[r * comptime!((d + GAP) / 8) + plane * comptime!(EDGE / 8) + odd];
            if comptime!(which < 2) {
                let scale = V4::new(comptime!(if which == 0 { 1.0 / (s.head_width() as f32).sqrt() } else { 1.0 }));
                let by = comptime!(places.turns)
                    + cell * comptime!(s.head_width() / 4)
                    + square * comptime!(EDGE / 4)
                    + 2 * odd;
                let low = turn(V4::cast_from(half_of(eight, false)), vectors[by]) * scale;
                let high = turn(V4::cast_from(half_of(eight, true)), vectors[by + 1]) * scale;
                eight = pack8(low, high);
            }
            if board < boards {
                let group = board * s.heads + head;
                let to = place_of(which, group, boards * s.heads, cell / EDGE * across + square, plan);
                qkv[to + cell % EDGE * comptime!(EDGE / 8) + odd] = eight;
            }
        }
        sync_plane();
    }
}

/// x + out(o) + feed-forward(LN2(x + out(o))), but for the biases of both, which are left to what comes next.
#[cube]
fn transform(
    weights: &[Bits],
    here: usize,
    vectors: &[V4],
    norms: usize,
    biases: &[f32],
    bias: usize,
    attended: &[Bits],
    residual: &mut [V4],
    row: usize,
    a: &mut Shared<[Bits]>,
    h: &mut Shared<[Bits]>,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) -> Sequence<cmma::Matrix<f32>> {
    let s = comptime!(plan.sizes);
    let d = comptime!(s.width);
    let (d8, stride) = comptime!((d / 8, (d + GAP) / 8));
    let plane = UNIT_POS as usize / 32;
    let lane = UNIT_POS as usize % 32;
    #[unroll]
    for i in 0..comptime!(TILE * d / 8 / UNITS) {
        let place = UNIT_POS as usize + comptime!(i * UNITS);
        h[place / d8 * stride + place % d8] = attended[row * d8 + place];
    }
    let mut acc = residual_of(residual, row * comptime!(d / 4) + plane * comptime!(EDGE / 4), d);
    sync_cube();
    multiply(h.inner_ref(), weights, here + comptime!(places.out) + plane * comptime!(d * EDGE), &mut acc, plan);
    sync_cube();
    #[unroll]
    for round in 0..ROUNDS {
        lay_out(h, &acc, plane, round, d);
        sync_cube();
        let r = UNIT_POS as usize / PER_ROW;
        if r < comptime!(TILE - round * ROUND) {
            let part = UNIT_POS as usize % PER_ROW;
            let x = share_of(h, r, part, vectors, norms + comptime!(places.out_bias), d);
            normalise(&x, r + comptime!(round * ROUND), part, vectors, norms + comptime!(places.norm2), a, d);
        }
        sync_cube();
    }

    for c in 0..comptime!(s.hidden / s.width) {
        let mut up = biased(biases, bias + comptime!(3 * d) + c * d + plane * EDGE, comptime!(places.biases));
        let part = here + comptime!(places.linear1) + (c * comptime!(d / EDGE) + plane) * comptime!(d * EDGE);
        multiply(a.inner_ref(), weights, part, &mut up, plan);
        put_half(h, plane, &up, d);
        sync_plane();
        #[unroll]
        for i in 0..comptime!(TILE / EDGE) {
            let at = (lane / 2 + comptime!(i * EDGE)) * stride + plane * comptime!(EDGE / 8) + lane % 2;
            let zero = H4::new(f16::new(0.0f32));
            let eight = h[at];
            h[at] = pack_halves(half_of(eight, false).max(zero), half_of(eight, true).max(zero));
        }
        sync_cube();
        let part = here + comptime!(places.linear2) + plane * comptime!(s.hidden * EDGE) + c * comptime!(d * EDGE);
        multiply(h.inner_ref(), weights, part, &mut acc, plan);
        sync_cube();
    }
    acc
}

/// Block 0's queries, keys and values of x as it stands; the entry of the first iteration.
#[cube(launch_unchecked)]
pub(super) fn begin(
    weights: &[Bits],
    vectors: &[V4],
    biases: &[f32],
    qkv: &mut [Bits],
    residual: &[V4],
    boards: u32,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let d = comptime!(plan.sizes.width);
    let mut a = Shared::<[Bits]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP) / 8));
    let mut h = Shared::<[Bits]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP) / 8));
    let row = CUBE_POS_X as usize * TILE;
    for round in 0..ROUNDS {
        let r = round * ROUND + UNIT_POS as usize / PER_ROW;
        if r < TILE {
            let part = UNIT_POS as usize % PER_ROW;
            let mut x = Array::<V4>::new(comptime!(d / 4 / PER_ROW));
            #[unroll]
            for i in 0..comptime!(d / 4 / PER_ROW) {
                x[i] = residual[(row + r) * comptime!(d / 4) + column_of(part, i)];
            }
            normalise(&x, r, part, vectors, comptime!(places.norm1), &mut a, d);
        }
    }
    sync_cube();
    let start = comptime!(0usize);
    project(weights, start, vectors, biases, start, qkv, boards as usize, row, &mut a, &mut h, plan, places);
}

/// A block that is not the last.
#[cube(launch_unchecked)]
pub(super) fn middle(
    weights: &[Bits],
    vectors: &[V4],
    biases: &[f32],
    attended: &[Bits],
    qkv: &mut [Bits],
    residual: &mut [V4],
    boards: u32,
    block: u32,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let d = comptime!(plan.sizes.width);
    let mut a = Shared::<[Bits]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP) / 8));
    let mut h = Shared::<[Bits]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP) / 8));
    let row = CUBE_POS_X as usize * TILE;
    let block = block as usize;
    let here = block * comptime!(places.block);
    let norms = block * comptime!(places.norms);
    let bias = block * comptime!(3 * plan.sizes.width + plan.sizes.hidden);
    let acc =
        transform(weights, here, vectors, norms, biases, bias, attended, residual, row, &mut a, &mut h, plan, places);
    let next = norms + comptime!(places.norms + places.norm1);
    #[unroll]
    for round in 0..ROUNDS {
        lay_out(&mut h, &acc, UNIT_POS as usize / 32, round, d);
        sync_cube();
        let r = UNIT_POS as usize / PER_ROW;
        if r < comptime!(TILE - round * ROUND) {
            let part = UNIT_POS as usize % PER_ROW;
            let x = share_of(&mut h, r, part, vectors, norms + comptime!(places.biases_of_block), d);
            let r = r + comptime!(round * ROUND);
            #[unroll]
            for i in 0..comptime!(d / 4 / PER_ROW) {
                residual[(row + r) * comptime!(d / 4) + column_of(part, i)] = x[i];
            }
            normalise(&x, r, part, vectors, next, &mut a, d);
        }
        sync_cube();
    }
    let bias = bias + comptime!(3 * plan.sizes.width + plan.sizes.hidden);
    let here = here + comptime!(places.block);
    project(weights, here, vectors, biases, bias, qkv, boards as usize, row, &mut a, &mut h, plan, places);
}

/// The last block, the output head, the feedback, and block 0 of the next iteration. `rows` counts those that fill
/// the last tile too; `frames` as in the kernels in f32.
#[cube(launch_unchecked)]
pub(super) fn last(
    weights: &[Bits],
    vectors: &[V4],
    biases: &[f32],
    knobs: &[f32],
    attended: &[Bits],
    qkv: &mut [Bits],
    residual: &mut [V4],
    states: &mut [V4],
    frames: &mut [f32],
    rows: u32,
    boards: u32,
    before: u32,
    after: u32,
    frame: u32,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let s = comptime!(plan.sizes);
    let (d, digits) = comptime!((s.width, s.digits));
    let mut a = Shared::<[Bits]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP) / 8));
    let mut h = Shared::<[Bits]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP) / 8));
    let row = CUBE_POS_X as usize * TILE;
    let here = comptime!((plan.sizes.blocks - 1) * places.block);
    let norms = comptime!((plan.sizes.blocks - 1) * places.norms);
    let bias = comptime!((plan.sizes.blocks - 1) * (3 * plan.sizes.width + plan.sizes.hidden));
    let acc =
        transform(weights, here, vectors, norms, biases, bias, attended, residual, row, &mut a, &mut h, plan, places);

    let d4 = comptime!(d / 4);
    let share = comptime!(d / 4 / PER_ROW);
    let total = boards as usize * s.cells;
    let (alpha, beta) = (knobs[0], knobs[1]);
    #[unroll]
    for round in 0..ROUNDS {
        lay_out(&mut h, &acc, UNIT_POS as usize / 32, round, d);
        sync_cube();
        let r = UNIT_POS as usize / PER_ROW;
        if r < comptime!(TILE - round * ROUND) {
            let part = UNIT_POS as usize % PER_ROW;
            let x = share_of(&mut h, r, part, vectors, norms + comptime!(places.biases_of_block), d);
            let r = r + comptime!(round * ROUND);
            let inside = row + r < total;
            let frame = (frame as usize * total + row + r) * comptime!(2 * digits + 3);
            // Every unit of the row learns all of its digits.
            let mut guess = Array::<f32>::new(digits);
            let mut greatest = f32::new(-3.0e38f32);
            #[unroll]
            for digit in 0..digits {
                let mut sum = V4::new(0.0f32);
                #[unroll]
                for i in 0..share {
                    sum = sum + x[i] * vectors[comptime!(places.head + digit * (d / 4)) + column_of(part, i)];
                }
                let logit = of_row(sum4(sum)) + vectors[comptime!(places.head_bias + digit)].extract(0usize);
                guess[digit] = logit;
                greatest = max(greatest, logit);
                if inside && part == comptime!(digit % PER_ROW) {
                    frames[frame + digit] = logit;
                }
            }
            let mut sum = f32::new(0.0f32);
            #[unroll]
            for digit in 0..digits {
                guess[digit] = (guess[digit] - greatest).exp();
                sum += guess[digit];
            }
            #[unroll]
            for digit in 0..digits {
                guess[digit] = guess[digit] / sum;
                if inside && part == comptime!(digit % PER_ROW) {
                    frames[frame + digits + digit] = guess[digit];
                }
            }

            let from = (before as usize * rows as usize + row + r) * d4;
            let to = (after as usize * rows as usize + row + r) * d4;
            let mut norm = V4::new(0.0f32);
            let mut change = V4::new(0.0f32);
            let mut of_old = V4::new(0.0f32);
            let mut mixed = Array::<V4>::new(share);
            #[unroll]
            for i in 0..share {
                let column = column_of(part, i);
                let old = states[from + column];
                let mut new = x[i];
                if alpha != 1.0f32 {
                    new = V4::new(alpha) * new + V4::new(1.0f32 - alpha) * old;
                }
                states[to + column] = new;
                norm = norm + new * new;
                change = change + (new - old) * (new - old);
                of_old = of_old + old * old;
                let mut fed = vectors[comptime!(places.feedback_bias) + column];
                #[unroll]
                for digit in 0..digits {
                    fed = fed + V4::new(guess[digit]) * vectors[comptime!(places.feedback + digit * (d / 4)) + column];
                }
                mixed[i] = new + V4::new(beta) * fed;
                residual[(row + r) * d4 + column] = mixed[i];
            }
            let (norm, change, of_old) = (of_row(sum4(norm)), of_row(sum4(change)), of_row(sum4(of_old)));
            if part == 0 && inside {
                frames[frame + comptime!(2 * digits)] = norm;
                frames[frame + comptime!(2 * digits + 1)] = change;
                frames[frame + comptime!(2 * digits + 2)] = of_old;
            }
            normalise(&mixed, r, part, vectors, comptime!(places.norm1), &mut a, d);
        }
        sync_cube();
    }
    let start = comptime!(0usize);
    project(weights, start, vectors, biases, start, qkv, boards as usize, row, &mut a, &mut h, plan, places);
}
