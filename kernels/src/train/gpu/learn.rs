//! Gradients of the blocks' maps: dW = dyᵀ x, the rows cut into groups whose sums stay apart.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::masks::factors;
use super::tile::{CHUNK, Factors, Tile, columns_of, load_straight, multiply, no_sums, rows_of};
use crate::gpu::V4;

/// No sums of columns, [down].
#[cube]
fn no_bias(#[comptime] tile: Tile) -> Array<V4> {
    let mut sum = Array::<V4>::new(comptime!(tile.down()));
    #[unroll]
    for m in 0..comptime!(tile.down()) {
        sum[m] = V4::new(0.0f32);
    }
    sum
}

/// The sums of a chunk's columns, for the bias: added by the units that have the tile's first columns.
#[cube]
fn add_columns(f: &Factors, sum: &mut Array<V4>, #[comptime] tile: Tile) {
    let right = columns_of(0usize, tile);
    if CUBE_POS_X == 0 && right == 0 {
        for k in 0..CHUNK {
            #[unroll]
            for m in 0..comptime!(tile.down()) {
                sum[m] = sum[m] + f.left[k * comptime!(tile.tall()) + rows_of(m, tile)];
            }
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
    #[unroll]
    for m in 0..comptime!(tile.down()) {
        let output = 4 * (CUBE_POS_Y as usize * comptime!(tile.tall()) + rows_of(m, tile));
        if output < outputs {
            let start = group + matrix + output / per * gap;
            #[unroll]
            for n in 0..comptime!(tile.right()) {
                let column4 = CUBE_POS_X as usize * comptime!(tile.wide()) + columns_of(n, tile);
                if column4 < inputs4 {
                    #[unroll]
                    for i in 0..4usize {
                        let at = start + (output % per + i) * inputs4 + column4;
                        partials[at] = partials[at] + acc[comptime!((4 * m + i) * tile.right() + n)];
                    }
                }
                if column4 == 0 {
                    let at = start + per * inputs4 + output % per / 4;
                    partials[at] = partials[at] + bias[m];
                }
            }
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
    let (tall, wide) = comptime!((tile.tall(), tile.wide()));
    let group = CUBE_POS_Z as usize;
    let mut row = group * group_rows as usize;
    let end = min(row + group_rows as usize, rows as usize);
    let mut f = Factors::new(tile);
    let mut acc = no_sums(tile);
    let mut bias = no_bias(tile);
    while row < end {
        let mut i = UNIT_POS as usize;
        while i < comptime!(tall * CHUNK) {
            let (k, column) = (i / tall, min(CUBE_POS_Y as usize * tall + i % tall, d4 - 1));
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
        let column4 = CUBE_POS_X as usize * wide;
        load_straight(
            &mut f.right,
            z,
            z_at as usize,
            row,
            end,
            column4,
            inputs4,
            0usize,
            0usize,
            false,
            comptime!(tile.wide()),
            tile,
        );
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
    let (tall, wide) = comptime!((tile.tall(), tile.wide()));
    let group = CUBE_POS_Z as usize;
    let mut row = group * group_rows as usize;
    let end = min(row + group_rows as usize, rows as usize);
    let mut f = Factors::new(tile);
    let mut acc = no_sums(tile);
    let mut bias = no_bias(tile);
    while row < end {
        let column4 = CUBE_POS_Y as usize * tall;
        load_straight(
            &mut f.left,
            dy,
            0usize,
            row,
            end,
            column4,
            outputs4,
            0usize,
            0usize,
            false,
            comptime!(tile.tall()),
            tile,
        );
        let mut i = UNIT_POS as usize;
        while i < comptime!(wide * CHUNK) {
            let (k, column) = (i / wide, min(CUBE_POS_X as usize * wide + i % wide, d4 - 1));
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
