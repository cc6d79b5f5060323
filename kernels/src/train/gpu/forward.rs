//! The blocks' products on the way forward: y = x Wᵀ + b, with what comes before and after it.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::masks::factors;
use super::tile::{CHUNK4, Factors, Tile, load_turned, multiply, no_sums, put_turned};
use crate::gpu::{V4, sum4, turn};

/// Mean and 1/√(variance + eps) of the tile's rows, [2, edge].
#[cube]
fn moments(x: &[V4], x_at: usize, rows: usize, width4: usize, out: &mut Shared<[f32]>, #[comptime] tile: Tile) {
    let lanes = comptime!(tile.units() / tile.edge);
    let unit = UNIT_POS as usize;
    let (r, lane) = (unit / lanes, unit % lanes);
    let row = min(CUBE_POS_Y as usize * tile.edge + r, rows - 1);
    let mut parts = Shared::<[f32]>::new_slice(comptime!(tile.units()));
    let from = x_at + row * width4;
    let mut sum = V4::new(0.0f32);
    let mut i = lane;
    while i < width4 {
        sum = sum + x[from + i];
        i += lanes;
    }
    parts[unit] = sum4(sum);
    sync_cube();
    let mut whole = f32::new(0.0f32);
    #[unroll]
    for l in 0..lanes {
        whole += parts[r * lanes + l];
    }
    let share = 1.0f32 / f32::cast_from(4 * width4 as u32);
    let mean = whole * share;
    sync_cube();
    let mut squares = V4::new(0.0f32);
    let mut i = lane;
    while i < width4 {
        let c = x[from + i] - V4::new(mean);
        squares = squares + c * c;
        i += lanes;
    }
    parts[unit] = sum4(squares);
    sync_cube();
    if lane == 0 {
        let mut whole = f32::new(0.0f32);
        #[unroll]
        for l in 0..lanes {
            whole += parts[r * lanes + l];
        }
        out[r] = mean;
        out[comptime!(tile.edge) + r] = 1.0f32 / (whole * share + 1e-5f32).sqrt();
    }
    sync_cube();
}

/// Sums of LN(x) Wᵀ for this unit's rows and columns. Mean and scale of the rows go to `stats`, [rows, 2] from
/// `stats_at` on, for the pass backward.
#[cube]
fn normed(
    x: &[V4],
    x_at: usize,
    weights: &[V4],
    norm: usize,
    matrix: usize,
    per: usize,
    gap: usize,
    outputs: usize,
    width4: usize,
    rows: usize,
    stats: &mut [f32],
    stats_at: usize,
    #[comptime] tile: Tile,
) -> Array<V4> {
    let unit = UNIT_POS as usize;
    let (column0, row0) = (CUBE_POS_X as usize * tile.edge, CUBE_POS_Y as usize * tile.edge);
    let mut of_row = Shared::<[f32]>::new_slice(comptime!(2 * tile.edge));
    moments(x, x_at, rows, width4, &mut of_row, tile);
    if CUBE_POS_X == 0 && unit < tile.edge && row0 + unit < rows {
        stats[stats_at + 2 * (row0 + unit)] = of_row[unit];
        stats[stats_at + 2 * (row0 + unit) + 1] = of_row[comptime!(tile.edge) + unit];
    }
    let mut f = Factors::new(tile);
    let mut acc = no_sums();
    let mut k4 = 0usize;
    while k4 < width4 {
        let mut i = unit;
        while i < comptime!(tile.across() * CHUNK4) {
            let (quad, k) = (i / CHUNK4, i % CHUNK4);
            let mut v = no_sums();
            if k4 + k < width4 {
                let scale = weights[norm + k4 + k];
                let shift = weights[norm + width4 + k4 + k];
                #[unroll]
                for j in 0..4usize {
                    let r = 4 * quad + j;
                    let row = min(row0 + r, rows - 1);
                    let centred = x[x_at + row * width4 + k4 + k] - V4::new(of_row[r]);
                    v[j] = centred * V4::new(of_row[comptime!(tile.edge) + r]) * scale + shift;
                }
            }
            put_turned(&mut f.left, &v, quad, k, tile);
            i += comptime!(tile.units());
        }
        load_turned(&mut f.right, weights, matrix, column0, outputs, k4, width4, per, gap, tile);
        sync_cube();
        multiply(&f, &mut acc, tile);
        sync_cube();
        k4 += CHUNK4;
    }
    acc
}

/// Queries, keys and values from LN1(x), [rows, 3 d]; queries and keys are turned. `turns` holds (cos, sin, cos, sin)
/// of two pairs, [cells, dh / 4].
#[cube(launch_unchecked)]
pub(super) fn project(
    x: &[V4],
    weights: &[V4],
    turns: &[V4],
    qkv: &mut [V4],
    stats: &mut [f32],
    x_at: u32,
    norm: u32,
    matrix: u32,
    gap: u32,
    qkv_at: u32,
    stats_at: u32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] head_width: usize,
    #[comptime] cells: usize,
    #[comptime] tile: Tile,
) {
    let d4 = comptime!(width / 4);
    let rows = rows as usize;
    let (matrix, gap) = (matrix as usize, gap as usize);
    let acc = normed(
        x,
        x_at as usize,
        weights,
        norm as usize,
        matrix,
        width,
        gap,
        comptime!(3 * width),
        d4,
        rows,
        stats,
        stats_at as usize,
        tile,
    );
    let across = comptime!(tile.across());
    let column4 = CUBE_POS_X as usize * across + UNIT_POS as usize % across;
    let row0 = CUBE_POS_Y as usize * tile.edge + UNIT_POS as usize / across * 4;
    if column4 < comptime!(3 * d4) {
        let which = column4 / d4;
        let bias = weights[matrix + which * gap + comptime!(width * d4) + column4 % d4];
        #[unroll]
        for i in 0..4usize {
            let row = row0 + i;
            if row < rows {
                let mut y = acc[i] + bias;
                if which < 2 {
                    let by = row % cells * comptime!(head_width / 4) + column4 % comptime!(head_width / 4);
                    y = turn(y, turns[by]);
                }
                qkv[qkv_at as usize + row * comptime!(3 * d4) + column4] = y;
            }
        }
    }
}

/// h = drop(relu(LN2(x) W1ᵀ + b1)), [rows, F].
#[cube(launch_unchecked)]
pub(super) fn expand(
    x: &[V4],
    weights: &[V4],
    masks: &[u32],
    h: &mut [V4],
    stats: &mut [f32],
    x_at: u32,
    norm: u32,
    matrix: u32,
    h_at: u32,
    stats_at: u32,
    mask: u32,
    keep: f32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] hidden: usize,
    #[comptime] drops: bool,
    #[comptime] tile: Tile,
) {
    let (d4, f4) = comptime!((width / 4, hidden / 4));
    let rows = rows as usize;
    let acc = normed(
        x,
        x_at as usize,
        weights,
        norm as usize,
        matrix as usize,
        hidden,
        0usize,
        hidden,
        d4,
        rows,
        stats,
        stats_at as usize,
        tile,
    );
    let across = comptime!(tile.across());
    let column4 = CUBE_POS_X as usize * across + UNIT_POS as usize % across;
    let row0 = CUBE_POS_Y as usize * tile.edge + UNIT_POS as usize / across * 4;
    if column4 < f4 {
        let bias = weights[matrix as usize + comptime!(hidden * d4) + column4];
        #[unroll]
        for i in 0..4usize {
            let row = row0 + i;
            if row < rows {
                let mut y = (acc[i] + bias).max(V4::new(0.0f32));
                let at = row * f4 + column4;
                if drops {
                    y = y * factors(masks, mask as usize, 4 * at, keep);
                }
                h[h_at as usize + at] = y;
            }
        }
    }
}

/// y = x + drop(z Wᵀ + b), [rows, d], with z [rows, inputs].
#[cube(launch_unchecked)]
pub(super) fn join(
    z: &[V4],
    x: &[V4],
    weights: &[V4],
    masks: &[u32],
    y: &mut [V4],
    z_at: u32,
    x_at: u32,
    y_at: u32,
    matrix: u32,
    inputs4: u32,
    mask: u32,
    keep: f32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] drops: bool,
    #[comptime] tile: Tile,
) {
    let d4 = comptime!(width / 4);
    let (rows, inputs4, matrix) = (rows as usize, inputs4 as usize, matrix as usize);
    let (column0, first) = (CUBE_POS_X as usize * tile.edge, CUBE_POS_Y as usize * tile.edge);
    let mut f = Factors::new(tile);
    let mut acc = no_sums();
    let mut k4 = 0usize;
    while k4 < inputs4 {
        load_turned(&mut f.left, z, z_at as usize, first, rows, k4, inputs4, rows, 0usize, tile);
        load_turned(&mut f.right, weights, matrix, column0, width, k4, inputs4, width, 0usize, tile);
        sync_cube();
        multiply(&f, &mut acc, tile);
        sync_cube();
        k4 += CHUNK4;
    }
    let across = comptime!(tile.across());
    let column4 = CUBE_POS_X as usize * across + UNIT_POS as usize % across;
    let row0 = first + UNIT_POS as usize / across * 4;
    if column4 < d4 {
        let bias = weights[matrix + width * inputs4 + column4];
        #[unroll]
        for i in 0..4usize {
            let row = row0 + i;
            if row < rows {
                let at = row * d4 + column4;
                let mut branch = acc[i] + bias;
                if drops {
                    branch = branch * factors(masks, mask as usize, 4 * at, keep);
                }
                y[y_at as usize + at] = x[x_at as usize + at] + branch;
            }
        }
    }
}
