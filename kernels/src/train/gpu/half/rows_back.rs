//! The blocks backward, a tile of rows at a time: what lies behind attention, and what lies before it.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::forward::tile;
use super::plan::{HalfPlan, SQUARE};
use super::squares::{
    drop_share, eight_of, fetch, high_of, laid_out, limited, low_of, no_halves, no_share, normalise_back, nothing,
    product, put_halves, put_norm, put_share, share,
};
use crate::gpu::kernel::V4;
use crate::gpu::matrix::{Bits, GAP, pack8, place_of, put_half};
use crate::gpu::matrix_plan::{EDGE, TILE};
use crate::gpu::matrix_rows::{PER_ROW, ROUND, ROUNDS, lay_out};

/// From the gradient of x' to that of x1, and to that of the heads' results. `stream` holds the former and gets the
/// latter; `outs` gets the heads' by board and head, as values lie; `gradients` gets what the weights' sums need.
/// `norms` holds sums for this tile, [tiles, 2 L, 2, d].
#[cube(launch_unchecked)]
pub(super) fn behind(
    weights: &[Bits],
    parameters: &[V4],
    masks: &[u32],
    places: &[u32],
    x1: &[V4],
    kept: &[Bits],
    stream: &mut [V4],
    gradients: &mut [Bits],
    outs: &mut [Bits],
    norms: &mut [V4],
    boards: u32,
    block: u32,
    site: u32,
    keep: f32,
    #[comptime] plan: HalfPlan,
) {
    let site = site as usize;
    let s = comptime!(plan.sizes());
    let d = comptime!(s.width);
    let of = comptime!(plan.places());
    let (squares, stride) = comptime!((plan.gradients(), (d + GAP) / 8));
    let units = comptime!(d / 4 / PER_ROW);
    let mut g = tile(plan);
    let mut h = tile(plan);
    let row = CUBE_POS_X as usize * TILE;
    let rows = boards as usize * s.cells;
    let plane = UNIT_POS as usize / 32;
    let lane = UNIT_POS as usize % 32;
    let part = UNIT_POS as usize % PER_ROW;
    let block = block as usize;
    let here = block * comptime!(of.block);
    let flat = block * comptime!(plan.block4);

    // dy = drop(dx'). Rows that fill the last tile have no gradient, also none of an earlier part of the batch.
    for round in 0..ROUNDS {
        let r = UNIT_POS as usize / PER_ROW + round * ROUND;
        if r < TILE {
            let mut dy = share(&*stream, row + r, part, d);
            if row + r >= rows {
                dy = no_share(units);
                put_share(stream, row + r, part, &dy, d);
                #[unroll]
                for i in 0..comptime!(3 * plan.sizes().width / 8 / PER_ROW) {
                    gradients[eight_of(row + r, part, i, squares, comptime!(plan.qkv_at()))] = no_halves();
                }
            }
            if comptime!(plan.drops) {
                drop_share(&mut dy, masks, places[site + 3] as usize, (row + r) * d, part, keep, units);
            }
            put_halves(&dy, &mut g, r, gradients, row + r, part, squares, comptime!(0usize), d);
        }
    }
    sync_cube();

    // Through both linear maps, a part of the hidden layer at a time. A value of it counts where it is not zero.
    let mut acc = nothing();
    for c in 0..comptime!(s.hidden / d) {
        let mut up = nothing();
        let at = here + comptime!(of.linear2) + (c * comptime!(d / EDGE) + plane) * comptime!(d * EDGE);
        product(g.inner_ref(), weights, at / 8, &mut up, d);
        put_half(&mut h, plane, &up, d);
        sync_plane();
        #[unroll]
        for i in 0..comptime!(TILE / EDGE) {
            let at = (lane / 2 + comptime!(i * EDGE)) * stride + plane * comptime!(EDGE / 8) + lane % 2;
            let column = c * comptime!(d / EDGE) + plane;
            let from = ((row / EDGE + i) * comptime!(plan.kept()) + comptime!(plan.hidden_at()) + column) * SQUARE;
            let hidden = kept[from + lane];
            let slope = h[at];
            let out = pack8(
                where_open(low_of(hidden), low_of(slope), keep),
                where_open(high_of(hidden), high_of(slope), keep),
            );
            h[at] = out;
            let to = ((row / EDGE + i) * squares + comptime!(plan.up_at()) + column) * SQUARE;
            gradients[to + lane] = out;
        }
        sync_cube();
        let at = here + comptime!(of.linear1) + plane * comptime!(s.hidden * EDGE) + c * comptime!(d * EDGE);
        product(h.inner_ref(), weights, at / 8, &mut acc, d);
        sync_cube();
    }

    // Through the normalisation; h gets what the output projection is to pass on.
    let mut scales = no_share(units);
    let mut shifts = no_share(units);
    #[unroll]
    for round in 0..ROUNDS {
        lay_out(&mut g, &acc, plane, round, d);
        sync_cube();
        let r = UNIT_POS as usize / PER_ROW;
        if r < comptime!(TILE - round * ROUND) {
            let da = laid_out(&g, r, part, d);
            let r = r + comptime!(round * ROUND);
            let x = share(x1, row + r, part, d);
            let norm = flat + comptime!(plan.block.norm2.scale / 4);
            let mut dx = normalise_back(&x, &da, part, parameters, norm, &mut scales, &mut shifts, d);
            let before = share(&*stream, row + r, part, d);
            #[unroll]
            for i in 0..units {
                dx[i] = dx[i] + before[i];
            }
            put_share(stream, row + r, part, &dx, d);
            if comptime!(plan.drops) {
                drop_share(&mut dx, masks, places[site + 1] as usize, (row + r) * d, part, keep, units);
            }
            put_halves(&dx, &mut h, r, gradients, row + r, part, squares, comptime!(plan.out_at()), d);
        }
        sync_cube();
    }

    let mut acc = nothing();
    let at = here + comptime!(of.out) + plane * comptime!(d * EDGE);
    product(h.inner_ref(), weights, at / 8, &mut acc, d);
    put_half(&mut g, plane, &acc, d);
    sync_plane();
    let across = comptime!(s.head_width() / EDGE);
    let (head, square) = (plane / across, plane % across);
    #[unroll]
    for i in 0..comptime!(TILE / EDGE) {
        let r = lane / 2 + comptime!(i * EDGE);
        let cell = (row + r) % s.cells;
        let board = (row + r) / s.cells;
        if board < boards as usize {
            let eight = g[r * stride + plane * comptime!(EDGE / 8) + lane % 2];
            let group = board * s.heads + head;
            let groups = boards as usize * s.heads;
            let to = place_of(0usize, group, groups, cell / EDGE * across + square, plan.tiles);
            let bounded = pack8(limited(low_of(eight)), limited(high_of(eight)));
            outs[to + cell % EDGE * comptime!(EDGE / 8) + lane % 2] = bounded;
        }
    }
    sync_cube();
    let to = (CUBE_POS_X as usize * comptime!(2 * s.blocks) + 2 * block + 1) * comptime!(2 * d / 4);
    put_norm(&mut h, &scales, &shifts, norms, to, d);
}

/// What passes back through ReLU and dropout: the gradient where the hidden value is not zero, as f16 holds it.
#[cube]
fn where_open(hidden: V4, slope: V4, keep: f32) -> V4 {
    let mut out = limited(slope) * V4::new(keep);
    #[unroll]
    for e in 0..4usize {
        if hidden.extract(e) == 0.0f32 {
            out.insert(e, 0.0f32);
        }
    }
    limited(out)
}

/// From the gradients of queries, keys and values, and of x1 in `stream`, to that of x.
#[cube(launch_unchecked)]
pub(super) fn before(
    weights: &[Bits],
    parameters: &[V4],
    x: &[V4],
    gradients: &[Bits],
    stream: &mut [V4],
    norms: &mut [V4],
    block: u32,
    #[comptime] plan: HalfPlan,
) {
    let s = comptime!(plan.sizes());
    let d = comptime!(s.width);
    let units = comptime!(d / 4 / PER_ROW);
    let mut g = tile(plan);
    let row = CUBE_POS_X as usize * TILE;
    let plane = UNIT_POS as usize / 32;
    let part = UNIT_POS as usize % PER_ROW;
    let block = block as usize;
    let here = block * comptime!(plan.places().block);
    let flat = block * comptime!(plan.block4);

    let mut acc = nothing();
    #[unroll]
    for which in 0..3usize {
        fetch(gradients, row, &mut g, comptime!(plan.gradients()), comptime!(plan.qkv_at() + which * plan.across()), d);
        sync_cube();
        let at = here + plane * comptime!(3 * d * EDGE) + comptime!(which * d * EDGE);
        product(g.inner_ref(), weights, at / 8, &mut acc, d);
        sync_cube();
    }
    let mut scales = no_share(units);
    let mut shifts = no_share(units);
    #[unroll]
    for round in 0..ROUNDS {
        lay_out(&mut g, &acc, plane, round, d);
        sync_cube();
        let r = UNIT_POS as usize / PER_ROW;
        if r < comptime!(TILE - round * ROUND) {
            let da = laid_out(&g, r, part, d);
            let r = r + comptime!(round * ROUND);
            let mine = share(x, row + r, part, d);
            let norm = flat + comptime!(plan.block.norm1.scale / 4);
            let mut dx = normalise_back(&mine, &da, part, parameters, norm, &mut scales, &mut shifts, d);
            let after = share(&*stream, row + r, part, d);
            #[unroll]
            for i in 0..units {
                dx[i] = dx[i] + after[i];
            }
            put_share(stream, row + r, part, &dx, d);
        }
        sync_cube();
    }
    let to = (CUBE_POS_X as usize * comptime!(2 * s.blocks) + 2 * block) * comptime!(2 * d / 4);
    put_norm(&mut g, &scales, &shifts, norms, to, d);
}
