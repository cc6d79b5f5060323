//! The gradient through a normalisation, and that of its scale and shift.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use crate::gpu::{V4, sum4};

/// Units of a row in [`back_norm`].
pub(super) const PER_ROW: usize = 8;

/// dx += the gradient through a = LN(x) from da, for a group of rows, and the sums for scale and shift.
#[cube(launch_unchecked)]
pub(super) fn back_norm(
    da: &[V4],
    x: &[V4],
    stats: &[f32],
    weights: &[V4],
    dx: &mut [V4],
    partials: &mut [V4],
    x_at: u32,
    stats_at: u32,
    norm: u32,
    rows: u32,
    group_rows: u32,
    sum_stride4: u32,
    #[comptime] width: usize,
    #[comptime] units: usize,
) {
    let d4 = comptime!(width / 4);
    let share = comptime!((width / 4).div_ceil(PER_ROW));
    let at_once = comptime!(units / PER_ROW);
    let unit = UNIT_POS as usize;
    let (slot, lane) = (unit / PER_ROW, unit % PER_ROW);
    let group = CUBE_POS_X as usize;
    let mut first = group * group_rows as usize;
    let end = min(first + group_rows as usize, rows as usize);
    let norm = norm as usize;
    let mut sums = Shared::<[V4]>::new_slice(units);
    let mut scales = Array::<V4>::new(share);
    let mut shifts = Array::<V4>::new(share);
    #[unroll]
    for i in 0..share {
        scales[i] = V4::new(0.0f32);
        shifts[i] = V4::new(0.0f32);
    }
    while first < end {
        let row = min(first + slot, end - 1);
        let mut mean = f32::new(0.0f32);
        let mut scale = f32::new(0.0f32);
        // Rows beyond the last are it again, without a weight.
        if first + slot < end {
            mean = stats[stats_at as usize + 2 * row];
            scale = stats[stats_at as usize + 2 * row + 1];
        }
        let mut of_g = V4::new(0.0f32);
        let mut of_product = V4::new(0.0f32);
        #[unroll]
        for i in 0..share {
            let column = lane + comptime!(i * PER_ROW);
            if column < d4 && first + slot < end {
                let y = (x[x_at as usize + row * d4 + column] - V4::new(mean)) * V4::new(scale);
                let a = da[row * d4 + column];
                let g = a * weights[norm + column];
                of_g = of_g + g;
                of_product = of_product + g * y;
                scales[i] = scales[i] + a * y;
                shifts[i] = shifts[i] + a;
            }
        }
        let mut both = V4::new(0.0f32);
        both.insert(0usize, sum4(of_g));
        both.insert(1usize, sum4(of_product));
        sums[unit] = both;
        sync_cube();
        let mut whole = V4::new(0.0f32);
        #[unroll]
        for l in 0..PER_ROW {
            whole = whole + sums[slot * PER_ROW + l];
        }
        whole = whole * V4::new(comptime!(1.0 / width as f32));
        #[unroll]
        for i in 0..share {
            let column = lane + comptime!(i * PER_ROW);
            if column < d4 && first + slot < end {
                let at = row * d4 + column;
                let y = (x[x_at as usize + at] - V4::new(mean)) * V4::new(scale);
                let g = da[at] * weights[norm + column];
                let through = g - V4::new(whole.extract(0usize)) - y * V4::new(whole.extract(1usize));
                dx[at] = dx[at] + V4::new(scale) * through;
            }
        }
        sync_cube();
        first += at_once;
    }
    #[unroll]
    for i in 0..share {
        #[unroll]
        for which in 0..2usize {
            sums[unit] = if comptime!(which == 0) { scales[i] } else { shifts[i] };
            sync_cube();
            let column = lane + comptime!(i * PER_ROW);
            if slot == 0 && column < d4 {
                let mut whole = V4::new(0.0f32);
                for s in 0..at_once {
                    whole = whole + sums[s * PER_ROW + lane];
                }
                let at = group * sum_stride4 as usize + norm + comptime!(which * width / 4) + column;
                partials[at] = partials[at] + whole;
            }
            sync_cube();
        }
    }
}
