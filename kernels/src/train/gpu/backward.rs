//! The blocks' products on the way backward, and what comes through a normalisation.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::masks::factors;
use super::tile::{CHUNK, CHUNK4, Factors, Tile, load_straight, load_turned, multiply, no_sums, put_turned};
use crate::gpu::{V4, sum4};

/// dz = drop(dy) W, [rows, inputs], with dy [rows, d] and W [d, inputs]. With `through`, the gradient goes on through
/// drop(relu(·)), whose result is `h`: where that is zero nothing goes on. Otherwise `h` is not read.
#[cube(launch_unchecked)]
pub(super) fn back_joined(
    dy: &[V4],
    weights: &[V4],
    masks: &[u32],
    h: &[V4],
    dz: &mut [V4],
    matrix: u32,
    inputs4: u32,
    h_at: u32,
    mask: u32,
    keep: f32,
    rows: u32,
    through: u32,
    #[comptime] width: usize,
    #[comptime] drops: bool,
    #[comptime] tile: Tile,
) {
    let d4 = comptime!(width / 4);
    let (rows, inputs4) = (rows as usize, inputs4 as usize);
    let across = comptime!(tile.across());
    let first = CUBE_POS_Y as usize * tile.edge;
    let mut f = Factors::new(tile);
    let mut acc = no_sums();
    let mut k4 = 0usize;
    while k4 < d4 {
        if drops {
            let mut i = UNIT_POS as usize;
            while i < comptime!(tile.across() * CHUNK4) {
                let (quad, k) = (i / CHUNK4, i % CHUNK4);
                let mut v = no_sums();
                if k4 + k < d4 {
                    #[unroll]
                    for j in 0..4usize {
                        let at = min(first + 4 * quad + j, rows - 1) * d4 + k4 + k;
                        v[j] = dy[at] * factors(masks, mask as usize, 4 * at, keep);
                    }
                }
                put_turned(&mut f.left, &v, quad, k, tile);
                i += comptime!(tile.units());
            }
        } else {
            load_turned(&mut f.left, dy, 0usize, first, rows, k4, d4, rows, 0usize, tile);
        }
        let column4 = CUBE_POS_X as usize * across;
        load_straight(&mut f.right, weights, matrix as usize, 4 * k4, width, column4, inputs4, width, 0usize, tile);
        sync_cube();
        multiply(&f, &mut acc, tile);
        sync_cube();
        k4 += CHUNK4;
    }
    let column4 = CUBE_POS_X as usize * across + UNIT_POS as usize % across;
    let row0 = first + UNIT_POS as usize / across * 4;
    if column4 < inputs4 {
        #[unroll]
        for i in 0..4usize {
            let row = row0 + i;
            if row < rows {
                let at = row * inputs4 + column4;
                let mut y = acc[i];
                if through != 0 {
                    let open = h[h_at as usize + at];
                    #[unroll]
                    for j in 0..4usize {
                        let mut factor = f32::new(0.0f32);
                        if open.extract(j) > 0.0f32 {
                            factor = keep;
                        }
                        y.insert(j, y.extract(j) * factor);
                    }
                }
                dz[at] = y;
            }
        }
    }
}

/// dx = dy W, [rows, d], with dy [rows, outputs] and W [outputs, d], of which `per` rows lie together.
#[cube(launch_unchecked)]
pub(super) fn back_normed(
    dy: &[V4],
    weights: &[V4],
    dx: &mut [V4],
    matrix: u32,
    per: u32,
    gap: u32,
    outputs4: u32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] tile: Tile,
) {
    let d4 = comptime!(width / 4);
    let (rows, outputs4) = (rows as usize, outputs4 as usize);
    let (per, gap) = (per as usize, gap as usize);
    let across = comptime!(tile.across());
    let first = CUBE_POS_Y as usize * tile.edge;
    let mut f = Factors::new(tile);
    let mut acc = no_sums();
    let mut k4 = 0usize;
    while k4 < outputs4 {
        load_turned(&mut f.left, dy, 0usize, first, rows, k4, outputs4, rows, 0usize, tile);
        let column4 = CUBE_POS_X as usize * across;
        load_straight(&mut f.right, weights, matrix as usize, 4 * k4, 4 * outputs4, column4, d4, per, gap, tile);
        sync_cube();
        multiply(&f, &mut acc, tile);
        sync_cube();
        k4 += CHUNK4;
    }
    let column4 = CUBE_POS_X as usize * across + UNIT_POS as usize % across;
    let row0 = first + UNIT_POS as usize / across * 4;
    if column4 < d4 {
        #[unroll]
        for i in 0..4usize {
            if row0 + i < rows {
                dx[(row0 + i) * d4 + column4] = acc[i];
            }
        }
    }
}

/// The sums of a chunk's columns, for the bias: added by the units that have the tile's first columns.
#[cube]
fn add_columns(f: &Factors, sum: &mut Array<V4>, #[comptime] tile: Tile) {
    if CUBE_POS_X == 0 && UNIT_POS as usize % comptime!(tile.across()) == 0 {
        for k in 0..CHUNK {
            sum[0] = sum[0] + f.left[k * comptime!(tile.across()) + UNIT_POS as usize / comptime!(tile.across())];
        }
    }
}

/// Adds a tile of a matrix's gradient, [outputs, inputs], and its bias's to the sums of this group.
#[cube]
fn add_sums(
    partials: &mut [V4],
    group: usize,
    matrix: usize,
    per: usize,
    gap: usize,
    outputs: usize,
    inputs4: usize,
    acc: &Array<V4>,
    bias: &Array<V4>,
    #[comptime] tile: Tile,
) {
    let across = comptime!(tile.across());
    let column4 = CUBE_POS_X as usize * across + UNIT_POS as usize % across;
    let output = (CUBE_POS_Y as usize * across + UNIT_POS as usize / across) * 4;
    if output < outputs {
        let start = group + matrix + output / per * gap;
        if column4 < inputs4 {
            #[unroll]
            for i in 0..4usize {
                let at = start + (output % per + i) * inputs4 + column4;
                partials[at] = partials[at] + acc[i];
            }
        }
        if column4 == 0 {
            let at = start + per * inputs4 + output % per / 4;
            partials[at] = partials[at] + bias[0];
        }
    }
}

/// The gradient of a map with dropout after it, for a group of rows (z along the grid): drop(dy)ᵀ z.
#[cube(launch_unchecked)]
pub(super) fn learn_joined(
    dy: &[V4],
    z: &[V4],
    masks: &[u32],
    partials: &mut [V4],
    z_at: u32,
    matrix: u32,
    inputs4: u32,
    mask: u32,
    keep: f32,
    rows: u32,
    group_rows: u32,
    sum_stride4: u32,
    #[comptime] width: usize,
    #[comptime] drops: bool,
    #[comptime] tile: Tile,
) {
    let d4 = comptime!(width / 4);
    let inputs4 = inputs4 as usize;
    let across = comptime!(tile.across());
    let group = CUBE_POS_Z as usize;
    let mut row = group * group_rows as usize;
    let end = min(row + group_rows as usize, rows as usize);
    let mut f = Factors::new(tile);
    let mut acc = no_sums();
    let mut bias = no_sums();
    while row < end {
        let mut i = UNIT_POS as usize;
        while i < comptime!(tile.across() * CHUNK) {
            let (k, column) = (i / across, min(CUBE_POS_Y as usize * across + i % across, d4 - 1));
            let mut v = V4::new(0.0f32);
            if row + k < end {
                let at = (row + k) * d4 + column;
                v = dy[at];
                if drops {
                    v = v * factors(masks, mask as usize, 4 * at, keep);
                }
            }
            f.left[i] = v;
            i += comptime!(tile.units());
        }
        let column4 = CUBE_POS_X as usize * across;
        load_straight(&mut f.right, z, z_at as usize, row, end, column4, inputs4, rows as usize, 0usize, tile);
        sync_cube();
        multiply(&f, &mut acc, tile);
        add_columns(&f, &mut bias, tile);
        sync_cube();
        row += CHUNK;
    }
    let group = group * sum_stride4 as usize;
    add_sums(partials, group, matrix as usize, width, 0usize, width, inputs4, &acc, &bias, tile);
}

/// The gradient of a map of LN(x), for a group of rows: dyᵀ LN(x), with what [`super::forward`] left in `stats`.
#[cube(launch_unchecked)]
pub(super) fn learn_normed(
    dy: &[V4],
    x: &[V4],
    stats: &[f32],
    weights: &[V4],
    partials: &mut [V4],
    x_at: u32,
    stats_at: u32,
    norm: u32,
    matrix: u32,
    per: u32,
    gap: u32,
    outputs4: u32,
    rows: u32,
    group_rows: u32,
    sum_stride4: u32,
    #[comptime] width: usize,
    #[comptime] tile: Tile,
) {
    let d4 = comptime!(width / 4);
    let outputs4 = outputs4 as usize;
    let across = comptime!(tile.across());
    let group = CUBE_POS_Z as usize;
    let mut row = group * group_rows as usize;
    let end = min(row + group_rows as usize, rows as usize);
    let mut f = Factors::new(tile);
    let mut acc = no_sums();
    let mut bias = no_sums();
    while row < end {
        let column4 = CUBE_POS_Y as usize * across;
        load_straight(&mut f.left, dy, 0usize, row, end, column4, outputs4, rows as usize, 0usize, tile);
        let mut i = UNIT_POS as usize;
        while i < comptime!(tile.across() * CHUNK) {
            let (k, column) = (i / across, min(CUBE_POS_X as usize * across + i % across, d4 - 1));
            let mut v = V4::new(0.0f32);
            if row + k < end {
                let of_row = stats_at as usize + 2 * (row + k);
                let centred = x[x_at as usize + (row + k) * d4 + column] - V4::new(stats[of_row]);
                v = centred * V4::new(stats[of_row + 1]) * weights[norm as usize + column]
                    + weights[norm as usize + d4 + column];
            }
            f.right[i] = v;
            i += comptime!(tile.units());
        }
        sync_cube();
        multiply(&f, &mut acc, tile);
        add_columns(&f, &mut bias, tile);
        sync_cube();
        row += CHUNK;
    }
    let group = group * sum_stride4 as usize;
    let (per, gap) = (per as usize, gap as usize);
    add_sums(partials, group, matrix as usize, per, gap, 4 * outputs4, d4, &acc, &bias, tile);
}

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
