//! Kernels of the puzzle's cells: clues, fed back predictions, the output head and the loss.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use crate::gpu::{V4, sum4};
use crate::train::Map;

/// Units of a board in the kernels of the head.
pub(super) const BOARD_UNITS: usize = 128;

/// The bit of a cell whose board goes on; below it stand the clue and, from bit 8 on, the solution.
pub(super) const GOES_ON: u32 = 1 << 16;

/// Four values that do not lie on a multiple of four.
#[cube]
fn four(from: &[f32], at: usize, stride: usize) -> V4 {
    let mut v = V4::new(0.0f32);
    #[unroll]
    for i in 0..4usize {
        v.insert(i, from[at + i * stride]);
    }
    v
}

/// S_0 = We[clue] + be, and the clues as rows of zeros and a one, [rows, digits + 1].
#[cube(launch_unchecked)]
pub(super) fn enter(
    weights: &[f32],
    cells: &[u32],
    states: &mut [V4],
    ones: &mut [f32],
    rows: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] map: Map,
) {
    let d4 = comptime!(width / 4);
    let (row, column) = (ABSOLUTE_POS / d4, ABSOLUTE_POS % d4);
    if row < rows as usize {
        let clue = (cells[row] & 255u32) as usize;
        let inputs = comptime!(map.inputs);
        let w = four(weights, comptime!(map.weight) + 4 * column * inputs + clue, inputs);
        states[ABSOLUTE_POS] = w + four(weights, comptime!(map.bias) + 4 * column, 1usize);
        if column == 0 {
            for digit in 0..comptime!(digits + 1) {
                let mut one = f32::new(0.0f32);
                if digit == clue {
                    one = f32::new(1.0f32);
                }
                ones[row * comptime!(digits + 1) + digit] = one;
            }
        }
    }
}

/// Boards that go on, whose cells have a bit of their own: S_0 and P_0 from where they were left, and no row of ones;
/// P_0 = 0 for the others.
#[cube(launch_unchecked)]
pub(super) fn go_on(
    cells: &[u32],
    kept_states: &[V4],
    kept_predictions: &[f32],
    states: &mut [V4],
    probabilities: &mut [f32],
    ones: &mut [f32],
    kept_row: u32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
) {
    let d4 = comptime!(width / 4);
    let (row, column) = (ABSOLUTE_POS / d4, ABSOLUTE_POS % d4);
    if row < rows as usize {
        let goes_on = cells[row] & GOES_ON != 0;
        let kept = row + kept_row as usize;
        if goes_on {
            states[ABSOLUTE_POS] = kept_states[kept * d4 + column];
        }
        if column == 0 {
            for digit in 0..digits {
                let mut p = f32::new(0.0f32);
                if goes_on {
                    p = kept_predictions[kept * digits + digit];
                }
                probabilities[row * digits + digit] = p;
            }
            if goes_on {
                for digit in 0..comptime!(digits + 1) {
                    ones[row * comptime!(digits + 1) + digit] = f32::new(0.0f32);
                }
            }
        }
    }
}

/// Keeps S_T and P_T of a part.
#[cube(launch_unchecked)]
pub(super) fn leave(
    states: &[V4],
    probabilities: &[f32],
    kept_states: &mut [V4],
    kept_predictions: &mut [f32],
    state_at: u32,
    prediction_at: u32,
    kept_row: u32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
) {
    let d4 = comptime!(width / 4);
    let (row, column) = (ABSOLUTE_POS / d4, ABSOLUTE_POS % d4);
    if row < rows as usize {
        let kept = row + kept_row as usize;
        kept_states[kept * d4 + column] = states[state_at as usize + ABSOLUTE_POS];
        if column == 0 {
            for digit in 0..digits {
                kept_predictions[kept * digits + digit] = probabilities[prediction_at as usize + row * digits + digit];
            }
        }
    }
}

/// No gradient reaches the encoder from boards that go on.
#[cube(launch_unchecked)]
pub(super) fn still(cells: &[u32], dx: &mut [V4], rows: u32, #[comptime] width: usize) {
    let row = ABSOLUTE_POS / comptime!(width / 4);
    if row < rows as usize && cells[row] & GOES_ON != 0 {
        dx[ABSOLUTE_POS] = V4::new(0.0f32);
    }
}

/// x_0 = S + P Wpᵀ + bp.
#[cube(launch_unchecked)]
pub(super) fn mix(
    states: &[V4],
    probabilities: &[f32],
    weights: &[f32],
    x: &mut [V4],
    state_at: u32,
    prediction_at: u32,
    x_at: u32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] map: Map,
) {
    let d4 = comptime!(width / 4);
    let (row, column) = (ABSOLUTE_POS / d4, ABSOLUTE_POS % d4);
    if row < rows as usize {
        let mut sum =
            states[state_at as usize + ABSOLUTE_POS] + four(weights, comptime!(map.bias) + 4 * column, 1usize);
        for digit in 0..digits {
            let w = four(weights, comptime!(map.weight) + 4 * column * digits + digit, digits);
            sum = sum + w * V4::new(probabilities[prediction_at as usize + row * digits + digit]);
        }
        x[x_at as usize + ABSOLUTE_POS] = sum;
    }
}

/// Z = S Woᵀ + bo, P = softmax(Z), and a board's loss (times M) and whether it is solved, [T, 2, most]. A cell's
/// cross-entropy counts as often as `counts` says; in the next iteration `again` times where it is right now.
#[cube(launch_unchecked)]
pub(super) fn head(
    states: &[V4],
    weights: &[f32],
    cells: &[u32],
    probabilities: &mut [f32],
    marks: &mut [f32],
    counts: &mut [f32],
    state_at: u32,
    prediction_at: u32,
    counts_at: u32,
    next_at: u32,
    again: f32,
    marks_at: u32,
    most: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] of_board: usize,
    #[comptime] map: Map,
) {
    let d4 = comptime!(width / 4);
    let unit = UNIT_POS as usize;
    let board = CUBE_POS_X as usize;
    let base = board * of_board;
    let mut logits = Shared::<[f32]>::new_slice(comptime!(of_board * digits));
    let mut losses = Shared::<[f32]>::new_slice(of_board);
    let mut wrong = Shared::<[f32]>::new_slice(of_board);
    let mut i = unit;
    while i < comptime!(of_board * digits) {
        let (r, digit) = (i / digits, i % digits);
        let mut sum = V4::new(0.0f32);
        for k in 0..d4 {
            let w = four(weights, comptime!(map.weight) + digit * width + 4 * k, 1usize);
            sum = sum + states[state_at as usize + (base + r) * d4 + k] * w;
        }
        logits[i] = sum4(sum) + weights[comptime!(map.bias) + digit];
        i += BOARD_UNITS;
    }
    sync_cube();
    let mut r = unit;
    while r < of_board {
        let mut greatest = logits[r * digits];
        let mut best = 0usize;
        for digit in 1..digits {
            if logits[r * digits + digit] > greatest {
                greatest = logits[r * digits + digit];
                best = digit;
            }
        }
        let mut sum = f32::new(0.0f32);
        for digit in 0..digits {
            sum += (logits[r * digits + digit] - greatest).exp();
        }
        for digit in 0..digits {
            let p = (logits[r * digits + digit] - greatest).exp() / sum;
            probabilities[prediction_at as usize + (base + r) * digits + digit] = p;
        }
        let cell = cells[base + r];
        let right = ((cell >> 8u32) & 255u32) as usize;
        let mut loss = f32::new(0.0f32);
        let mut miss = f32::new(0.0f32);
        let mut next = f32::new(1.0f32);
        if cell & 255u32 == 0 && right > 0 {
            loss = sum.ln() + greatest - logits[r * digits + right - 1];
            loss = loss * counts[counts_at as usize + base + r];
            if best + 1 != right {
                miss = f32::new(1.0f32);
            } else {
                next = again;
            }
        }
        counts[next_at as usize + base + r] = next;
        losses[r] = loss;
        wrong[r] = miss;
        r += BOARD_UNITS;
    }
    sync_cube();
    if unit == 0 {
        let mut loss = f32::new(0.0f32);
        let mut misses = f32::new(0.0f32);
        for r in 0..of_board {
            loss += losses[r];
            misses += wrong[r];
        }
        let mut solved = f32::new(0.0f32);
        if misses == 0.0f32 {
            solved = f32::new(1.0f32);
        }
        marks[marks_at as usize + board] = loss;
        marks[marks_at as usize + most as usize + board] = solved;
    }
}

/// From dx, the gradient with respect to the next iteration's x_0, to that with respect to this one's S: dx + dZ Wo,
/// where dZ is the loss's and what comes back through P. `weight` is 1 / (M T) times the scale, and `counts` what a
/// cell's loss counts. With `last` there is no next iteration.
#[cube(launch_unchecked)]
pub(super) fn head_back(
    probabilities: &[f32],
    weights: &[f32],
    cells: &[u32],
    counts: &[f32],
    dx: &mut [V4],
    dz: &mut [f32],
    prediction_at: u32,
    counts_at: u32,
    weight: f32,
    last: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] of_board: usize,
    #[comptime] map: Map,
    #[comptime] feedback: Map,
) {
    let d4 = comptime!(width / 4);
    let unit = UNIT_POS as usize;
    let base = CUBE_POS_X as usize * of_board;
    let mut logits = Shared::<[f32]>::new_slice(comptime!(of_board * digits));
    let mut i = unit;
    while i < comptime!(of_board * digits) {
        let (r, digit) = (i / digits, i % digits);
        let mut sum = V4::new(0.0f32);
        if last == 0 {
            for k in 0..d4 {
                let w = four(weights, comptime!(feedback.weight) + 4 * k * digits + digit, digits);
                sum = sum + dx[(base + r) * d4 + k] * w;
            }
        }
        logits[i] = sum4(sum);
        i += BOARD_UNITS;
    }
    sync_cube();
    let mut r = unit;
    while r < of_board {
        let row = base + r;
        let from = prediction_at as usize + row * digits;
        let mut inner = f32::new(0.0f32);
        for digit in 0..digits {
            inner += logits[r * digits + digit] * probabilities[from + digit];
        }
        let cell = cells[row];
        let right = ((cell >> 8u32) & 255u32) as usize;
        let mut share = f32::new(0.0f32);
        if cell & 255u32 == 0 && right > 0 {
            share = weight * counts[counts_at as usize + row];
        }
        for digit in 0..digits {
            let p = probabilities[from + digit];
            let mut off = p;
            if digit + 1 == right {
                off = p - 1.0f32;
            }
            let z = p * (logits[r * digits + digit] - inner) + off * share;
            logits[r * digits + digit] = z;
            dz[row * digits + digit] = z;
        }
        r += BOARD_UNITS;
    }
    sync_cube();
    let mut i = unit;
    while i < comptime!(of_board * d4) {
        let (r, k) = (i / d4, i % d4);
        let mut sum = V4::new(0.0f32);
        if last == 0 {
            sum = dx[base * d4 + i];
        }
        for digit in 0..digits {
            let w = four(weights, comptime!(map.weight) + digit * width + 4 * k, 1usize);
            sum = sum + w * V4::new(logits[r * digits + digit]);
        }
        dx[base * d4 + i] = sum;
        i += BOARD_UNITS;
    }
}
