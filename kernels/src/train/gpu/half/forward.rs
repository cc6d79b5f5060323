//! The blocks forward: what the backward pass needs is kept on the way.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;
use half::f16;

use super::plan::{HalfPlan, SQUARE};
use super::squares::{
    bits8, drop_share, factors, fetch, high_of, laid_out, low_of, no_share, normalise, nothing, product, put_halves,
    put_share, share,
};
use crate::gpu::kernel::{V4, turn};
use crate::gpu::matrix::{Bits, GAP, H4, biased, half_of, pack_halves, pack8, place_of, put_half};
use crate::gpu::matrix_plan::{EDGE, TILE};
use crate::gpu::matrix_rows::{PER_ROW, ROUND, ROUNDS, column_of, lay_out};

/// A tile in workgroup memory: [`TILE`] rows of d halves and a gap, or [`ROUND`] rows in f32.
#[cube]
pub(super) fn tile(#[comptime] plan: HalfPlan) -> Shared<[Bits]> {
    Shared::<[Bits]>::new_slice(comptime!(TILE * (plan.sizes().width + GAP) / 8))
}

/// Queries, keys and values of a block from the tile a = LN1(x). A plane has columns of its own throughout, so planes
/// do not wait for one another. `here` and `bias` are where the block's weights and biases begin.
#[cube]
fn project(
    weights: &[Bits],
    here: usize,
    biases: &[f32],
    bias: usize,
    turns: &[V4],
    qkv: &mut [Bits],
    boards: usize,
    row: usize,
    a: &Shared<[Bits]>,
    h: &mut Shared<[Bits]>,
    #[comptime] plan: HalfPlan,
) {
    let s = comptime!(plan.sizes());
    let d = comptime!(s.width);
    let across = comptime!(s.head_width() / EDGE);
    let plane = UNIT_POS as usize / 32;
    let lane = UNIT_POS as usize % 32;
    let (head, square) = (plane / across, plane % across);
    // Two units a row of a square.
    let odd = lane % 2;
    for which in 0..3usize {
        let mut acc = biased(biases, bias + which * d + plane * EDGE, comptime!(plan.places().biases));
        product(
            a.inner_ref(),
            weights,
            (here + which * comptime!(d * d) + plane * comptime!(d * EDGE)) / 8,
            &mut acc,
            d,
        );
        put_half(h, plane, &acc, d);
        sync_plane();
        let mut scale = V4::new(1.0f32);
        if which == 0 {
            scale = V4::new(comptime!(1.0 / (s.head_width() as f32).sqrt()));
        }
        #[unroll]
        for i in 0..comptime!(TILE / EDGE) {
            let r = lane / 2 + comptime!(i * EDGE);
            let cell = (row + r) % s.cells;
            let board = (row + r) / s.cells;
            let mut eight = h[r * comptime!((d + GAP) / 8) + plane * comptime!(EDGE / 8) + odd];
            if which < 2 {
                let by = cell * comptime!(s.head_width() / 4) + square * comptime!(EDGE / 4) + 2 * odd;
                eight = pack8(turn(low_of(eight), turns[by]) * scale, turn(high_of(eight), turns[by + 1]) * scale);
            }
            if board < boards {
                let group = board * s.heads + head;
                let to = place_of(which, group, boards * s.heads, cell / EDGE * across + square, plan.tiles);
                qkv[to + cell % EDGE * comptime!(EDGE / 8) + odd] = eight;
            }
        }
        sync_plane();
    }
}

/// A block behind its attention: x' = x1 + drop(h W2ᵀ + b2) with x1 = x + drop(o Woutᵀ + bout) and
/// h = drop(relu(LN2(x1) W1ᵀ + b1)). `kept` has the heads' results already and gets LN2(x1) and h. Returns h W2ᵀ.
#[cube]
fn transform(
    weights: &[Bits],
    parameters: &[V4],
    biases: &[f32],
    masks: &[u32],
    places: &[u32],
    site: usize,
    block: usize,
    x: &[V4],
    x1: &mut [V4],
    kept: &mut [Bits],
    row: usize,
    keep: f32,
    a: &mut Shared<[Bits]>,
    h: &mut Shared<[Bits]>,
    #[comptime] plan: HalfPlan,
) -> Sequence<cmma::Matrix<f32>> {
    let s = comptime!(plan.sizes());
    let d = comptime!(s.width);
    let of = comptime!(plan.places());
    let stride = comptime!((d + GAP) / 8);
    let plane = UNIT_POS as usize / 32;
    let lane = UNIT_POS as usize % 32;
    let part = UNIT_POS as usize % PER_ROW;
    let here = block * comptime!(of.block);
    let flat = block * comptime!(plan.block4);

    let mut acc = nothing();
    fetch(&*kept, row, h, comptime!(plan.kept()), comptime!(plan.heads_at()), d);
    sync_cube();
    product(h.inner_ref(), weights, (here + comptime!(of.out) + plane * comptime!(d * EDGE)) / 8, &mut acc, d);
    sync_cube();
    #[unroll]
    for round in 0..ROUNDS {
        lay_out(h, &acc, plane, round, d);
        sync_cube();
        let r = UNIT_POS as usize / PER_ROW;
        if r < comptime!(TILE - round * ROUND) {
            let mut out = laid_out(&*h, r, part, d);
            let r = r + comptime!(round * ROUND);
            #[unroll]
            for i in 0..comptime!(d / 4 / PER_ROW) {
                out[i] = out[i] + parameters[flat + comptime!(plan.block.out.bias / 4) + column_of(part, i)];
            }
            if comptime!(plan.drops) {
                drop_share(
                    &mut out,
                    masks,
                    places[site + 1] as usize,
                    (row + r) * d,
                    part,
                    keep,
                    comptime!(d / 4 / PER_ROW),
                );
            }
            #[unroll]
            for i in 0..comptime!(d / 4 / PER_ROW) {
                out[i] = out[i] + x[(row + r) * comptime!(d / 4) + column_of(part, i)];
            }
            put_share(x1, row + r, part, &out, d);
            let normal = normalise(&out, part, parameters, flat + comptime!(plan.block.norm2.scale / 4), d);
            let (squares, at) = comptime!((plan.kept(), plan.second_at()));
            put_halves(&normal, a, r, kept, row + r, part, squares, at, d);
        }
        sync_cube();
    }

    let mut acc = nothing();
    let bias = block * comptime!(plan.biases()) + comptime!(3 * d) + plane * EDGE;
    for c in 0..comptime!(s.hidden / d) {
        let mut up = biased(biases, bias + c * d, comptime!(of.biases));
        let at = here + comptime!(of.linear1) + (c * comptime!(d / EDGE) + plane) * comptime!(d * EDGE);
        product(a.inner_ref(), weights, at / 8, &mut up, d);
        put_half(h, plane, &up, d);
        sync_plane();
        #[unroll]
        for i in 0..comptime!(TILE / EDGE) {
            let r = lane / 2 + comptime!(i * EDGE);
            let at = r * stride + plane * comptime!(EDGE / 8) + lane % 2;
            let eight = h[at];
            let zero = H4::new(f16::new(0.0f32));
            let mut out = pack_halves(half_of(eight, false).max(zero), half_of(eight, true).max(zero));
            if comptime!(plan.drops) {
                let index = (row + r) * s.hidden + c * d + plane * EDGE + lane % 2 * 8;
                let bits = bits8(masks, places[site + 2] as usize, index);
                out = pack8(low_of(out) * factors(bits, keep), high_of(out) * factors(bits >> 4u32, keep));
            }
            h[at] = out;
            let to = (row / EDGE + i) * comptime!(plan.kept())
                + comptime!(plan.hidden_at())
                + c * comptime!(d / EDGE)
                + plane;
            kept[to * SQUARE + lane] = out;
        }
        sync_cube();
        let at = here + comptime!(of.linear2) + plane * comptime!(s.hidden * EDGE) + c * comptime!(d * EDGE);
        product(h.inner_ref(), weights, at / 8, &mut acc, d);
        sync_cube();
    }
    acc
}

/// A unit's share of a row of x' from what [`transform`] gave.
#[cube]
fn leave(
    h: &Shared<[Bits]>,
    parameters: &[V4],
    masks: &[u32],
    places: &[u32],
    site: usize,
    block: usize,
    x1: &mut [V4],
    r: usize,
    row: usize,
    part: usize,
    keep: f32,
    #[comptime] plan: HalfPlan,
) -> Array<V4> {
    let d = comptime!(plan.sizes().width);
    let share = comptime!(d / 4 / PER_ROW);
    let mut out = laid_out(h, r, part, d);
    let bias = block * comptime!(plan.block4) + comptime!(plan.block.linear2.bias / 4);
    #[unroll]
    for i in 0..share {
        out[i] = out[i] + parameters[bias + column_of(part, i)];
    }
    if comptime!(plan.drops) {
        drop_share(&mut out, masks, places[site + 3] as usize, row * d, part, keep, share);
    }
    #[unroll]
    for i in 0..share {
        out[i] = out[i] + x1[row * comptime!(d / 4) + column_of(part, i)];
    }
    out
}

/// Between two attentions: block `block` − 1 behind its attention, then queries, keys and values of block `block`, of
/// which x and LN1(x) are kept. Before the first block there is x0 in `next_x`; behind the last S_t goes there, from
/// the vector `to` on, and that is all. One kernel for all three: each takes as long to compile as this one.
///
/// What stands in rows beyond the boards, which fill the last tile, is zero: it is multiplied by gradients of zero
/// later, and by nothing else.
#[cube(launch_unchecked)]
pub(super) fn between(
    weights: &[Bits],
    parameters: &[V4],
    biases: &[f32],
    turns: &[V4],
    masks: &[u32],
    places: &[u32],
    x: &[V4],
    x1: &mut [V4],
    kept: &mut [Bits],
    next_x: &mut [V4],
    next_kept: &mut [Bits],
    qkv: &mut [Bits],
    boards: u32,
    block: u32,
    to: u32,
    site: u32,
    keep: f32,
    #[comptime] plan: HalfPlan,
) {
    let site = site as usize;
    let d = comptime!(plan.sizes().width);
    let (squares, at) = comptime!((plan.kept(), 0usize));
    let mut a = tile(plan);
    let mut h = tile(plan);
    let row = CUBE_POS_X as usize * TILE;
    let rows = boards as usize * comptime!(plan.sizes().cells);
    let part = UNIT_POS as usize % PER_ROW;
    let block = block as usize;
    let goes_on = block < comptime!(plan.sizes().blocks);
    let norm = block * comptime!(plan.block4) + comptime!(plan.block.norm1.scale / 4);
    if block > 0 {
        let last = block - 1;
        let acc = transform(
            weights, parameters, biases, masks, places, site, last, x, x1, kept, row, keep, &mut a, &mut h, plan,
        );
        #[unroll]
        for round in 0..ROUNDS {
            lay_out(&mut h, &acc, UNIT_POS as usize / 32, round, d);
            sync_cube();
            let r = UNIT_POS as usize / PER_ROW;
            if r < comptime!(TILE - round * ROUND) {
                let whole = r + comptime!(round * ROUND);
                let out = leave(&h, parameters, masks, places, site, last, x1, r, row + whole, part, keep, plan);
                #[unroll]
                for i in 0..comptime!(d / 4 / PER_ROW) {
                    next_x[to as usize + (row + whole) * comptime!(d / 4) + column_of(part, i)] = out[i];
                }
                if goes_on {
                    let normal = normalise(&out, part, parameters, norm, d);
                    put_halves(&normal, &mut a, whole, next_kept, row + whole, part, squares, at, d);
                }
            }
            sync_cube();
        }
    } else {
        for round in 0..ROUNDS {
            let whole = UNIT_POS as usize / PER_ROW + round * ROUND;
            if whole < TILE {
                let mut out = share(&*next_x, row + whole, part, d);
                if row + whole >= rows {
                    out = no_share(comptime!(d / 4 / PER_ROW));
                    put_share(next_x, row + whole, part, &out, d);
                }
                let normal = normalise(&out, part, parameters, norm, d);
                put_halves(&normal, &mut a, whole, next_kept, row + whole, part, squares, at, d);
            }
        }
        sync_cube();
    }
    if goes_on {
        let here = block * comptime!(plan.places().block);
        let bias = block * comptime!(plan.biases());
        project(weights, here, biases, bias, turns, qkv, boards as usize, row, &a, &mut h, plan);
    }
}
