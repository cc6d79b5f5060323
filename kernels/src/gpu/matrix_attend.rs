//! Attention with cooperative matrices.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;
use half::f16;

use super::kernel::{V4, sum4};
use super::matrix::{Bits, GAP, H4, empty, first_factor, pack8, place_of, second_factor};
use super::matrix_plan::{EDGE, MatrixPlan};
use super::plan::KEPT;

/// Attention of 16 rows of one board and head by one plane. Keys beyond the board weigh nothing. `out` [rows, d].
///
/// A workgroup is one plane: of those that were tried, with 1, 2, 3 planes, the smallest left the most of them at
/// work at once, since each holds its scores in workgroup memory.
#[cube(launch_unchecked)]
pub(super) fn attend(
    knobs: &[f32],
    qkv: &[Bits],
    out: &mut [H4],
    boards: u32,
    block: u32,
    #[comptime] plan: MatrixPlan,
) {
    let s = comptime!(plan.sizes);
    let (d, dh) = comptime!((s.width, s.head_width()));
    let across = comptime!(dh / EDGE);
    let tiles = comptime!(s.cells.div_ceil(EDGE));
    let keys = comptime!(tiles * EDGE);
    // Vectors of a row of scores and of weights.
    let (strip, half_strip) = comptime!((keys / 4 + 1, (keys + GAP) / 8));
    let mut scores = Shared::<[V4]>::new_slice(comptime!(EDGE * (keys / 4 + 1)));
    let mut weights = Shared::<[Bits]>::new_slice(comptime!(EDGE * (keys + GAP) / 8));

    let lane = UNIT_POS as usize;
    let group = CUBE_POS_X as usize;
    let (board, head) = (group / s.heads, group % s.heads);
    let tile = CUBE_POS_Y as usize;
    let groups = boards as usize * s.heads;
    let q = place_of(0usize, group, groups, tile * across, plan);
    let k = place_of(1usize, group, groups, 0usize, plan);
    let v = place_of(2usize, group, groups, 0usize, plan);

    let mut queries = Sequence::<cmma::Matrix<f16>>::new();
    #[unroll]
    for p in 0..across {
        queries.push(first_factor(qkv, q + comptime!(p * EDGE * EDGE / 8), EDGE));
    }
    #[unroll]
    for t in 0..tiles {
        let acc = empty();
        #[unroll]
        for p in 0..across {
            let b = second_factor(qkv, k + comptime!((t * across + p) * EDGE * EDGE / 8), true);
            cmma::execute(queries.index(p), &b, &acc, &acc);
        }
        let at = comptime!(t * EDGE / 4);
        cmma::store(
            &mut scores[at..at + comptime!((EDGE - 1) * (keys / 4 + 1) + EDGE / 4)],
            &acc,
            comptime!((keys + 4) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
    sync_plane();

    // Two units a row; each keeps every other eight keys.
    let r = lane / 2;
    let odd = lane % 2;
    let mut mine = Array::<V4>::new(comptime!(keys / 8));
    let mut greatest = f32::new(-3.0e38f32);
    #[unroll]
    for i in 0..comptime!(keys / 8) {
        let vector = comptime!(i / 2 * 4 + i % 2) + 2 * odd;
        let mut score = scores[r * strip + vector];
        #[unroll]
        for e in 0..4usize {
            if 4 * vector + e >= s.cells {
                score.insert(e, -3.0e38f32);
            }
            greatest = max(greatest, score.extract(e));
        }
        mine[i] = score;
    }
    greatest = max(greatest, plane_shuffle_xor(greatest, 1));
    let mut sums = V4::new(0.0f32);
    #[unroll]
    for i in 0..comptime!(keys / 8) {
        // What is beyond the board underflows to nothing.
        let e = (mine[i] - V4::new(greatest)).exp();
        mine[i] = e;
        sums = sums + e;
    }
    let sum = sum4(sums);
    let kept = knobs[KEPT + block as usize * s.heads + head];
    let scale = V4::new(kept / (sum + plane_shuffle_xor(sum, 1)));
    #[unroll]
    for i in 0..comptime!(keys / 16) {
        weights[r * half_strip + comptime!(2 * i) + odd] =
            pack8(mine[comptime!(2 * i)] * scale, mine[comptime!(2 * i + 1)] * scale);
    }
    sync_plane();

    #[unroll]
    for c in 0..across {
        let acc = empty();
        #[unroll]
        for t in 0..tiles {
            let a = first_factor(weights.inner_ref(), comptime!(t * EDGE / 8), comptime!(keys + GAP));
            let b = second_factor(qkv, v + comptime!((t * across + c) * EDGE * EDGE / 8), false);
            cmma::execute(&a, &b, &acc, &acc);
        }
        // The scores are done with: the result waits where they were.
        let at = comptime!(c * EDGE / 4);
        cmma::store(
            &mut scores[at..at + comptime!((EDGE - 1) * (keys / 4 + 1) + EDGE / 4)],
            &acc,
            comptime!((keys + 4) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
    sync_plane();
    #[unroll]
    for i in 0..comptime!(EDGE * dh / 4 / 32) {
        let place = lane + comptime!(i * 32);
        let (r, c) = (place / comptime!(dh / 4), place % comptime!(dh / 4));
        let cell = tile * EDGE + r;
        if cell < s.cells {
            out[((board * s.cells + cell) * d + head * dh) / 4 + c] = H4::cast_from(scores[r * strip + c]);
        }
    }
}
