//! Attention forward and backward, 16 rows of one board and head by one plane.
//!
//! The backward pass goes over it twice, once by rows of queries and once by rows of keys, so that every plane has
//! its sums to itself; the weights are computed anew each time, from scores and each query's greatest score and sum.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;
use half::f16;

use super::plan::{HalfPlan, SQUARE};
use super::squares::{factors, limited};
use crate::gpu::kernel::{V4, sum4, turn};
use crate::gpu::matrix::{Bits, GAP, H4, empty, first_factor, pack8, place_of, second_factor};
use crate::gpu::matrix_plan::EDGE;

/// A strip for every plane: scores of 16 rows with all keys in f32; then, in the same place, their weights in f16;
/// then what these gather. The smaller a strip, the more planes are at work at once.
#[cube]
fn strips(#[comptime] plan: HalfPlan) -> Shared<[Bits]> {
    Shared::<[Bits]>::new_slice(comptime!(plan.planes * plan.strip()))
}

/// Squares of all cells of a board and head, where the planes of a workgroup find them: read from the card's memory
/// with rows and columns changed, they would cost a look-up a value.
#[cube]
fn shelf(#[comptime] plan: HalfPlan) -> Shared<[Bits]> {
    Shared::<[Bits]>::new_slice(comptime!(plan.tiles.squares() * SQUARE))
}

/// Fetches such squares from the vector `at` on.
#[cube]
fn fetch(from: &[Bits], at: usize, to: &mut Shared<[Bits]>, #[comptime] plan: HalfPlan) {
    let mut place = UNIT_POS as usize;
    while place < comptime!(plan.tiles.squares() * SQUARE) {
        to[place] = from[at + place];
        place += comptime!(32 * plan.planes);
    }
}

/// Products of 16 rows, a row of squares from the vector `rows` on, with all cells' rows from the vector `cells` on.
#[cube]
fn scores_of(
    to: &mut Shared<[Bits]>,
    first: &[Bits],
    rows: usize,
    second: &[Bits],
    cells: usize,
    #[comptime] plan: HalfPlan,
) {
    let base = plane_of() * comptime!(plan.strip());
    let across = comptime!(plan.sizes().head_width() / EDGE);
    let mut factors = Sequence::<cmma::Matrix<f16>>::new();
    #[unroll]
    for p in 0..across {
        factors.push(first_factor(first, rows + comptime!(p * SQUARE), EDGE));
    }
    #[unroll]
    for t in 0..comptime!(plan.keys() / EDGE) {
        let acc = empty();
        #[unroll]
        for p in 0..across {
            let b = second_factor(second, cells + comptime!((t * across + p) * SQUARE), true);
            cmma::execute(factors.index(p), &b, &acc, &acc);
        }
        put_square(to, base + comptime!(t * EDGE / 4), &acc, plan);
    }
    sync_plane();
}

/// Puts a square of f32 into a strip.
#[cube]
fn put_square(to: &mut Shared<[Bits]>, at: usize, square: &cmma::Matrix<f32>, #[comptime] plan: HalfPlan) {
    cmma::store(
        &mut to[at..at + comptime!((EDGE - 1) * plan.strip_row() + EDGE / 4)],
        square,
        comptime!((4 * plan.strip_row()) as u32),
        cmma::MatrixLayout::RowMajor,
    );
}

/// The weights in a strip times all cells' rows, of a head's width, in their place.
#[cube]
fn gather(strip: &mut Shared<[Bits]>, second: &Shared<[Bits]>, #[comptime] plan: HalfPlan) {
    let base = plane_of() * comptime!(plan.strip());
    let across = comptime!(plan.sizes().head_width() / EDGE);
    let stride = comptime!(plan.keys() + GAP);
    let mut sums = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for c in 0..across {
        let acc = empty();
        #[unroll]
        for t in 0..comptime!(plan.keys() / EDGE) {
            let a = first_factor(strip.inner_ref(), base + comptime!(t * EDGE / 8), stride);
            let b = second_factor(second.inner_ref(), comptime!((t * across + c) * SQUARE), false);
            cmma::execute(&a, &b, &acc, &acc);
        }
        sums.push(acc);
    }
    sync_plane();
    #[unroll]
    for c in 0..across {
        put_square(strip, base + comptime!(c * EDGE / 4), sums.index(c), plan);
    }
    sync_plane();
}

/// Four values of a strip in f32: a row's vector.
#[cube]
fn four(strip: &Shared<[Bits]>, r: usize, vector: usize, #[comptime] plan: HalfPlan) -> V4 {
    V4::reinterpret(strip[plane_of() * comptime!(plan.strip()) + r * comptime!(plan.strip_row()) + vector])
}

/// The plane of this unit.
#[cube]
fn plane_of() -> usize {
    UNIT_POS as usize / 32
}

/// The vector of a row's scores that is this unit's `i`-th: two units a row, each every other eight.
#[cube]
fn vector_of(#[comptime] i: usize, odd: usize) -> usize {
    comptime!(i / 2 * 4 + i % 2) + 2 * odd
}

/// Puts a unit's values of a row as weights in f16 where the scores were.
#[cube]
fn put_weights(to: &mut Shared<[Bits]>, values: &Array<V4>, r: usize, odd: usize, #[comptime] plan: HalfPlan) {
    let base = plane_of() * comptime!(plan.strip());
    sync_plane();
    #[unroll]
    for i in 0..comptime!(plan.keys() / 16) {
        to[base + r * comptime!((plan.keys() + GAP) / 8) + comptime!(2 * i) + odd] =
            pack8(limited(values[comptime!(2 * i)]), limited(values[comptime!(2 * i + 1)]));
    }
    sync_plane();
}

/// A unit's weights of a row of queries before its sum is divided out; the greatest score and 1 / sum go into
/// `statistics`.
#[cube]
fn softmax(
    scores: &Shared<[Bits]>,
    r: usize,
    odd: usize,
    statistics: &mut Array<f32>,
    #[comptime] plan: HalfPlan,
) -> Array<V4> {
    let cells = comptime!(plan.sizes().cells);
    let mut mine = Array::<V4>::new(comptime!(plan.keys() / 8));
    let mut greatest = f32::new(-3.0e38f32);
    #[unroll]
    for i in 0..comptime!(plan.keys() / 8) {
        let vector = vector_of(i, odd);
        let mut score = four(scores, r, vector, plan);
        #[unroll]
        for e in 0..4usize {
            if 4 * vector + e >= cells {
                score.insert(e, -3.0e38f32);
            }
            greatest = max(greatest, score.extract(e));
        }
        mine[i] = score;
    }
    greatest = max(greatest, plane_shuffle_xor(greatest, 1));
    let mut sums = V4::new(0.0f32);
    #[unroll]
    for i in 0..comptime!(plan.keys() / 8) {
        // What is beyond the board underflows to nothing.
        let e = (mine[i] - V4::new(greatest)).exp();
        mine[i] = e;
        sums = sums + e;
    }
    let sum = sum4(sums);
    statistics[0] = greatest;
    statistics[1] = 1.0f32 / (sum + plane_shuffle_xor(sum, 1));
    mine
}

/// Four bits of a mask from any bit on.
#[cube]
fn bits4(masks: &[u32], place: usize, index: usize) -> u32 {
    let word = place + index / 32;
    let shift = (index % 32) as u32;
    let mut bits = masks[word] >> shift;
    if shift > 28u32 {
        bits = bits | (masks[word + 1] << (32u32 - shift));
    }
    bits & 15u32
}

/// Where four values of a row of a board stand among squares, in vectors of four.
#[cube]
fn four_of(row: usize, column: usize, squares: usize, at: usize) -> usize {
    ((row / EDGE * squares + at + column / EDGE) * comptime!(EDGE * EDGE) + row % EDGE * EDGE + column % EDGE) / 4
}

/// Attention: drop(softmax(q kᵀ)) v of 16 rows, among what is kept. Keys beyond the board weigh nothing.
#[cube(launch_unchecked)]
pub(super) fn attend(
    masks: &[u32],
    places: &[u32],
    qkv: &[Bits],
    kept: &mut [H4],
    boards: u32,
    site: u32,
    keep: f32,
    #[comptime] plan: HalfPlan,
) {
    let site = site as usize;
    let s = comptime!(plan.sizes());
    let across = comptime!(s.head_width() / EDGE);
    let mut scores = strips(plan);
    let mut all = shelf(plan);
    let lane = UNIT_POS as usize % 32;
    let group = CUBE_POS_Y as usize;
    let (board, head) = (group / s.heads, group % s.heads);
    let tile = CUBE_POS_X as usize * plan.planes + plane_of();
    let groups = boards as usize * s.heads;
    let q = place_of(0usize, group, groups, tile * across, plan.tiles);
    let k = place_of(1usize, group, groups, 0usize, plan.tiles);
    let v = place_of(2usize, group, groups, 0usize, plan.tiles);
    fetch(qkv, v, &mut all, plan);
    scores_of(&mut scores, qkv, q, qkv, k, plan);
    sync_cube();
    let (r, odd) = (lane / 2, lane % 2);
    let mut statistics = Array::<f32>::new(2usize);
    let mut mine = softmax(&scores, r, odd, &mut statistics, plan);
    let index = (group * s.cells + tile * EDGE + r) * s.cells;
    #[unroll]
    for i in 0..comptime!(plan.keys() / 8) {
        mine[i] = mine[i] * V4::new(statistics[1]);
        if comptime!(plan.drops) {
            mine[i] = mine[i] * factors(bits4(masks, places[site] as usize, index + 4 * vector_of(i, odd)), keep);
        }
    }
    put_weights(&mut scores, &mine, r, odd, plan);
    gather(&mut scores, &all, plan);
    #[unroll]
    for i in 0..comptime!(EDGE * plan.sizes().head_width() / 4 / 32) {
        let place = lane + comptime!(i * 32);
        let (r, c) = (place / comptime!(s.head_width() / 4), place % comptime!(s.head_width() / 4));
        let cell = tile * EDGE + r;
        if cell < s.cells {
            let column = head * s.head_width() + 4 * c;
            let to = four_of(board * s.cells + cell, column, comptime!(plan.kept()), comptime!(plan.heads_at()));
            kept[to] = H4::cast_from(four(&scores, r, c, plan));
        }
    }
}

/// The gradients of 16 rows of queries, from those of the heads' results `outs`, which lie as values do. Leaves for
/// every query the greatest score, 1 / sum of its softmax and Σ dA ∘ A in `statistics`, [3, groups, 96].
#[cube(launch_unchecked)]
pub(super) fn queries_back(
    masks: &[u32],
    places: &[u32],
    qkv: &[Bits],
    outs: &[Bits],
    turns: &[V4],
    gradients: &mut [H4],
    statistics: &mut [f32],
    boards: u32,
    site: u32,
    keep: f32,
    #[comptime] plan: HalfPlan,
) {
    let site = site as usize;
    let s = comptime!(plan.sizes());
    let across = comptime!(s.head_width() / EDGE);
    let mut scores = strips(plan);
    let mut all = shelf(plan);
    let lane = UNIT_POS as usize % 32;
    let group = CUBE_POS_Y as usize;
    let tile = CUBE_POS_X as usize * plan.planes + plane_of();
    let groups = boards as usize * s.heads;
    let q = place_of(0usize, group, groups, tile * across, plan.tiles);
    let k = place_of(1usize, group, groups, 0usize, plan.tiles);
    let v = place_of(2usize, group, groups, 0usize, plan.tiles);
    let o = place_of(0usize, group, groups, tile * across, plan.tiles);
    fetch(qkv, k, &mut all, plan);
    sync_cube();
    let start = comptime!(0usize);
    scores_of(&mut scores, qkv, q, all.inner_ref(), start, plan);
    let (r, odd) = (lane / 2, lane % 2);
    let mut of_row = Array::<f32>::new(2usize);
    let mut mine = softmax(&scores, r, odd, &mut of_row, plan);
    sync_plane();
    // dA = (do vᵀ) ∘ mask.
    scores_of(&mut scores, outs, o, qkv, v, plan);
    let index = (group * s.cells + tile * EDGE + r) * s.cells;
    let mut sums = V4::new(0.0f32);
    let mut slopes = Array::<V4>::new(comptime!(plan.keys() / 8));
    #[unroll]
    for i in 0..comptime!(plan.keys() / 8) {
        let mut slope = four(&scores, r, vector_of(i, odd), plan);
        if comptime!(plan.drops) {
            slope = slope * factors(bits4(masks, places[site] as usize, index + 4 * vector_of(i, odd)), keep);
        }
        mine[i] = mine[i] * V4::new(of_row[1]);
        sums = sums + mine[i] * slope;
        slopes[i] = slope;
    }
    let mean = sum4(sums);
    let mean = mean + plane_shuffle_xor(mean, 1);
    #[unroll]
    for i in 0..comptime!(plan.keys() / 8) {
        mine[i] = mine[i] * (slopes[i] - V4::new(mean));
    }
    put_weights(&mut scores, &mine, r, odd, plan);
    if odd == 0 {
        let at = group * comptime!(plan.keys()) + tile * EDGE + r;
        statistics[at] = of_row[0];
        statistics[groups * comptime!(plan.keys()) + at] = of_row[1];
        statistics[2 * groups * comptime!(plan.keys()) + at] = mean;
    }
    gather(&mut scores, &all, plan);
    let scale = comptime!(1.0 / (plan.sizes().head_width() as f32).sqrt());
    put_back(&scores, turns, gradients, group, tile, scale, true, comptime!(0usize), plan);
}

/// Writes 16 rows of a head's gradients of queries (0), keys (1) or values (2), turned back where `turned`.
#[cube]
fn put_back(
    from: &Shared<[Bits]>,
    turns: &[V4],
    gradients: &mut [H4],
    group: usize,
    tile: usize,
    scale: f32,
    #[comptime] turned: bool,
    #[comptime] which: usize,
    #[comptime] plan: HalfPlan,
) {
    let s = comptime!(plan.sizes());
    let quarter = comptime!(s.head_width() / 4);
    let (board, head) = (group / s.heads, group % s.heads);
    #[unroll]
    for i in 0..comptime!(EDGE * plan.sizes().head_width() / 4 / 32) {
        let place = UNIT_POS as usize % 32 + comptime!(i * 32);
        let (r, c) = (place / quarter, place % quarter);
        let cell = tile * EDGE + r;
        if cell < s.cells {
            let mut x = four(from, r, c, plan);
            if comptime!(turned) {
                let mut by = turns[cell * quarter + c];
                by.insert(1usize, -by.extract(1usize));
                by.insert(3usize, -by.extract(3usize));
                x = turn(x, by) * V4::new(scale);
            }
            let column = head * s.head_width() + 4 * c;
            let at = comptime!(plan.qkv_at() + which * plan.across());
            let to = four_of(board * s.cells + cell, column, comptime!(plan.gradients()), at);
            gradients[to] = H4::cast_from(limited(x));
        }
    }
}

/// The gradients of 16 rows of keys and values.
#[cube(launch_unchecked)]
pub(super) fn keys_back(
    masks: &[u32],
    places: &[u32],
    qkv: &[Bits],
    outs: &[Bits],
    turns: &[V4],
    statistics: &[V4],
    gradients: &mut [H4],
    boards: u32,
    site: u32,
    keep: f32,
    #[comptime] plan: HalfPlan,
) {
    let site = site as usize;
    let s = comptime!(plan.sizes());
    let across = comptime!(s.head_width() / EDGE);
    let mut scores = strips(plan);
    let mut all = shelf(plan);
    let lane = UNIT_POS as usize % 32;
    let group = CUBE_POS_Y as usize;
    let tile = CUBE_POS_X as usize * plan.planes + plane_of();
    let groups = boards as usize * s.heads;
    let q = place_of(0usize, group, groups, 0usize, plan.tiles);
    let k = place_of(1usize, group, groups, tile * across, plan.tiles);
    let v = place_of(2usize, group, groups, tile * across, plan.tiles);
    let o = place_of(0usize, group, groups, 0usize, plan.tiles);
    let (r, odd) = (lane / 2, lane % 2);
    let key = tile * EDGE + r;
    let of_group = group * comptime!(plan.keys() / 4);
    let further = groups * comptime!(plan.keys() / 4);

    // A row is a key here, a column a query.
    let mut others = shelf(plan);
    fetch(qkv, q, &mut all, plan);
    fetch(outs, o, &mut others, plan);
    sync_cube();
    let start = comptime!(0usize);
    scores_of(&mut scores, qkv, k, all.inner_ref(), start, plan);
    let mut mine = Array::<V4>::new(comptime!(plan.keys() / 8));
    let mut dropped = Array::<V4>::new(comptime!(plan.keys() / 8));
    #[unroll]
    for i in 0..comptime!(plan.keys() / 8) {
        let vector = vector_of(i, odd);
        let score = four(&scores, r, vector, plan);
        let mut a = (score - statistics[of_group + vector]).exp() * statistics[further + of_group + vector];
        #[unroll]
        for e in 0..4usize {
            if 4 * vector + e >= s.cells || key >= s.cells {
                a.insert(e, 0.0f32);
            }
        }
        mine[i] = a;
        let mut b = a;
        if comptime!(plan.drops) {
            b = b * column_factors(masks, places[site] as usize, group, vector, key, keep, plan);
        }
        dropped[i] = b;
    }
    put_weights(&mut scores, &dropped, r, odd, plan);
    gather(&mut scores, &others, plan);
    put_back(&scores, turns, gradients, group, tile, 1.0f32, false, comptime!(2usize), plan);
    sync_plane();

    scores_of(&mut scores, qkv, v, others.inner_ref(), start, plan);
    #[unroll]
    for i in 0..comptime!(plan.keys() / 8) {
        let vector = vector_of(i, odd);
        let mut slope = four(&scores, r, vector, plan);
        if comptime!(plan.drops) {
            slope = slope * column_factors(masks, places[site] as usize, group, vector, key, keep, plan);
        }
        mine[i] = mine[i] * (slope - statistics[2 * further + of_group + vector]);
    }
    put_weights(&mut scores, &mine, r, odd, plan);
    gather(&mut scores, &all, plan);
    put_back(&scores, turns, gradients, group, tile, 1.0f32, true, comptime!(1usize), plan);
}

/// Factors of four queries' weights of one key.
#[cube]
fn column_factors(
    masks: &[u32],
    place: usize,
    group: usize,
    vector: usize,
    key: usize,
    keep: f32,
    #[comptime] plan: HalfPlan,
) -> V4 {
    let cells = comptime!(plan.sizes().cells);
    let mut out = V4::new(0.0f32);
    #[unroll]
    for e in 0..4usize {
        let index = (group * cells + 4 * vector + e) * cells + key;
        if (masks[place + index / 32] >> ((index % 32) as u32)) & 1u32 == 1u32 {
            out.insert(e, keep);
        }
    }
    out
}
