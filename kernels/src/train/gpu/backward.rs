//! The blocks' products on the way backward: dx = dy W.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::masks::factors;
use super::tile::{
    CHUNK4, Factors, Tile, columns_of, load_straight, load_turned, multiply, no_rows, no_sums, put_turned, rows_of,
};
use crate::gpu::V4;

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
    let wide = comptime!(tile.wide());
    let first = CUBE_POS_Y as usize * comptime!(4 * tile.tall());
    let mut f = Factors::new(tile);
    let mut acc = no_sums(tile);
    let mut k4 = 0usize;
    while k4 < d4 {
        if drops {
            let mut i = UNIT_POS as usize;
            while i < comptime!(tile.tall() * CHUNK4) {
                let (quad, k) = (i / CHUNK4, i % CHUNK4);
                let mut v = no_rows();
                if k4 + k < d4 {
                    #[unroll]
                    for j in 0..4usize {
                        let at = min(first + 4 * quad + j, rows - 1) * d4 + k4 + k;
                        v[j] = dy[at] * factors(masks, mask as usize, 4 * at, keep);
                    }
                }
                put_turned(&mut f.left, &v, quad, k, comptime!(tile.tall()));
                i += comptime!(tile.units());
            }
        } else {
            load_turned(
                &mut f.left,
                dy,
                0usize,
                first,
                rows,
                k4,
                d4,
                0usize,
                0usize,
                false,
                comptime!(tile.tall()),
                tile,
            );
        }
        let column4 = CUBE_POS_X as usize * wide;
        load_straight(
            &mut f.right,
            weights,
            matrix as usize,
            4 * k4,
            width,
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
        sync_cube();
        k4 += CHUNK4;
    }
    #[unroll]
    for n in 0..comptime!(tile.right()) {
        let column4 = CUBE_POS_X as usize * wide + columns_of(n, tile);
        if column4 < inputs4 {
            #[unroll]
            for i in 0..comptime!(4 * tile.down()) {
                let row = first + 4 * rows_of(comptime!(i / 4), tile) + comptime!(i % 4);
                if row < rows {
                    let at = row * inputs4 + column4;
                    let mut y = acc[comptime!(i * tile.right() + n)];
                    if through != 0 {
                        y = y * opened(h[h_at as usize + at], keep);
                    }
                    dz[at] = y;
                }
            }
        }
    }
}

/// What goes on where the hidden layer is not zero.
#[cube]
fn opened(h: V4, keep: f32) -> V4 {
    let mut out = V4::new(0.0f32);
    #[unroll]
    for j in 0..4usize {
        if h.extract(j) > 0.0f32 {
            out.insert(j, keep);
        }
    }
    out
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
    let wide = comptime!(tile.wide());
    let first = CUBE_POS_Y as usize * comptime!(4 * tile.tall());
    let mut f = Factors::new(tile);
    let mut acc = no_sums(tile);
    let mut k4 = 0usize;
    while k4 < outputs4 {
        load_turned(
            &mut f.left,
            dy,
            0usize,
            first,
            rows,
            k4,
            outputs4,
            0usize,
            0usize,
            false,
            comptime!(tile.tall()),
            tile,
        );
        let column4 = CUBE_POS_X as usize * wide;
        load_straight(
            &mut f.right,
            weights,
            matrix as usize,
            4 * k4,
            4 * outputs4,
            column4,
            d4,
            per,
            gap,
            true,
            comptime!(tile.wide()),
            tile,
        );
        sync_cube();
        multiply(&f, &mut acc, tile);
        sync_cube();
        k4 += CHUNK4;
    }
    #[unroll]
    for n in 0..comptime!(tile.right()) {
        let column4 = CUBE_POS_X as usize * wide + columns_of(n, tile);
        if column4 < d4 {
            #[unroll]
            for i in 0..comptime!(4 * tile.down()) {
                let row = first + 4 * rows_of(comptime!(i / 4), tile) + comptime!(i % 4);
                if row < rows {
                    dx[row * d4 + column4] = acc[comptime!(i * tile.right() + n)];
                }
            }
        }
    }
}
