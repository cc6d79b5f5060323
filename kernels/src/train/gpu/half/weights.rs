//! Sums over all rows: the gradients of a block's matrices and biases; and the weights as the products want them.

use cubecl::prelude::*;
use half::f16;

use super::plan::{HalfPlan, SQUARE};
use crate::gpu::kernel::V4;
use crate::gpu::matrix::{Bits, H4, empty, second_factor};
use crate::gpu::matrix_plan::EDGE;

/// Planes of a workgroup, two columns of [`DOWN`] × [`ACROSS`] squares.
const PLANES: usize = 8;
/// Squares of a plane downwards.
const DOWN: usize = 2;
/// Squares of a plane across.
const ACROSS: usize = 4;

/// Units of a workgroup of [`sums`].
pub(super) const SUM_UNITS: usize = 32 * PLANES;

/// Squares of a row of them that a workgroup multiplies.
const SIDE: usize = 8;
/// Rows of squares at a time.
const STEP: usize = 2;
/// Vectors of such rows, of both factors.
const BATCH: usize = 2 * STEP * SIDE * SQUARE;
/// Vectors that a unit fetches of them.
const FETCHED: usize = BATCH / SUM_UNITS;

/// A square turned over as the first factor.
#[cube]
fn turned_factor(squares: &[Bits], at: usize) -> cmma::Matrix<f16> {
    let mut a = unsafe {
        cmma::Matrix::<f16>::uninitialized(
            cmma::MatrixIdent::A,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::ColMajor,
        )
    };
    cmma::load(&mut a, &squares[at..at + comptime!(EDGE * EDGE / 8)], comptime!((EDGE / 2) as u32));
    a
}

/// A unit's share of some rows of squares of both factors; nothing beyond `until`.
#[cube]
fn ahead(
    gradients: &[Bits],
    kept: &[Bits],
    row: usize,
    until: usize,
    left: usize,
    right: usize,
    #[comptime] plan: HalfPlan,
) -> Array<Bits> {
    let mut out = Array::<Bits>::new(FETCHED);
    #[unroll]
    for i in 0..FETCHED {
        // The first half is of the gradients.
        let place = UNIT_POS as usize + comptime!(i % (FETCHED / 2) * SUM_UNITS);
        let row = row + place / comptime!(SIDE * SQUARE);
        let within = place % comptime!(SIDE * SQUARE);
        let mut eight = Bits::new(0u32);
        if row < until {
            if comptime!(i < FETCHED / 2) {
                eight = gradients[(row * comptime!(plan.gradients()) + left) * SQUARE + within];
            } else {
                eight = kept[(row * comptime!(plan.kept()) + right) * SQUARE + within];
            }
        }
        out[i] = eight;
    }
    out
}

/// Adds gradientsᵀ · kept over a share of the rows to the sums of this share, [shares, `stride`] in the order of the
/// flat parameters. A workgroup has one of `products` (see [`HalfPlan::products`]).
#[cube(launch_unchecked)]
pub(super) fn sums(
    gradients: &[Bits],
    kept: &[Bits],
    products: &[u32],
    partials: &mut [f32],
    row_squares: u32,
    shares: u32,
    stride: u32,
    block: u32,
    #[comptime] plan: HalfPlan,
) {
    let mut memory = Shared::<[f32]>::new_slice(comptime!(PLANES * EDGE * EDGE));
    let lane = UNIT_POS as usize % 32;
    let plane = UNIT_POS as usize / 32;
    let (down, across) = (plane / 2 * DOWN, plane % 2 * ACROSS);
    let which = CUBE_POS_X as usize * 5;
    let share = CUBE_POS_Y as usize;
    let left = products[which] as usize;
    let right = products[which + 1] as usize;
    let inputs = products[which + 3] as usize;
    let base = share * stride as usize + block as usize * comptime!(4 * plan.block4);
    let to = base + products[which + 2] as usize + down * EDGE * inputs + across * EDGE;
    let from = row_squares as usize * share / shares as usize;
    let until = row_squares as usize * (share + 1) / shares as usize;

    let mut acc = Sequence::<cmma::Matrix<f32>>::new();
    let mut ones = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for i in 0..DOWN {
        ones.push(empty());
        #[unroll]
        for j in 0..ACROSS {
            let at = to + comptime!(i * EDGE) * inputs + comptime!(j * EDGE);
            let mut square = empty();
            cmma::load_with_layout(
                &mut square,
                &partials[at..at + (EDGE - 1) * inputs + EDGE],
                inputs as u32,
                cmma::MatrixLayout::RowMajor,
            );
            acc.push(square);
        }
    }
    let one = cmma::Matrix::<f16>::from_value(
        cmma::MatrixIdent::B,
        16usize,
        16usize,
        16usize,
        cmma::MatrixLayout::RowMajor,
        f16::new(1.0f32),
    );
    let has_bias = products[which + 4] != u32::MAX && across == 0;
    // Two batches take turns: while one is multiplied the next is on its way.
    let mut batches = Shared::<[Bits]>::new_slice(comptime!(2 * BATCH));
    let mut next = ahead(gradients, kept, from, until, left, right, plan);
    let steps = (until - from).div_ceil(STEP);
    for step in 0..steps {
        let batch = step % 2 * BATCH;
        #[unroll]
        for i in 0..FETCHED {
            batches[batch + UNIT_POS as usize + comptime!(i * SUM_UNITS)] = next[i];
        }
        sync_cube();
        next = ahead(gradients, kept, from + (step + 1) * STEP, until, left, right, plan);
        #[unroll]
        for row in 0..STEP {
            let first = batch + (comptime!(row * SIDE) + down) * SQUARE;
            let second = batch + (comptime!((STEP + row) * SIDE) + across) * SQUARE;
            let mut seconds = Sequence::<cmma::Matrix<f16>>::new();
            #[unroll]
            for j in 0..ACROSS {
                seconds.push(second_factor(batches.inner_ref(), second + comptime!(j * SQUARE), false));
            }
            #[unroll]
            for i in 0..DOWN {
                let a = turned_factor(batches.inner_ref(), first + comptime!(i * SQUARE));
                #[unroll]
                for j in 0..ACROSS {
                    let c = acc.index(comptime!(i * ACROSS + j));
                    cmma::execute(&a, seconds.index(j), c, c);
                }
                if has_bias {
                    let c = ones.index(i);
                    cmma::execute(&a, &one, c, c);
                }
            }
        }
    }
    sync_cube();
    #[unroll]
    for i in 0..DOWN {
        #[unroll]
        for j in 0..ACROSS {
            let at = to + comptime!(i * EDGE) * inputs + comptime!(j * EDGE);
            cmma::store(
                &mut partials[at..at + (EDGE - 1) * inputs + EDGE],
                acc.index(comptime!(i * ACROSS + j)),
                inputs as u32,
                cmma::MatrixLayout::RowMajor,
            );
        }
    }
    // Every column of such a square is the bias's gradient.
    #[unroll]
    for i in 0..DOWN {
        let at = plane * comptime!(EDGE * EDGE);
        if has_bias {
            cmma::store(
                &mut memory[at..at + comptime!(EDGE * EDGE)],
                ones.index(i),
                comptime!(EDGE as u32),
                cmma::MatrixLayout::RowMajor,
            );
        }
        sync_plane();
        if has_bias && lane < EDGE {
            let bias = base + products[which + 4] as usize + (down + i) * EDGE + lane;
            partials[bias] += memory[at + lane * EDGE];
        }
        sync_plane();
    }
}

/// Adds the tiles' sums of the norms' gradients, [tiles, 2 L, 2, d], to the first share's, and empties them.
#[cube(launch_unchecked)]
pub(super) fn norm_sums(norms: &mut [f32], partials: &mut [f32], tiles: u32, #[comptime] plan: HalfPlan) {
    let d = comptime!(plan.sizes().width);
    let all = comptime!(4 * plan.sizes().blocks * plan.sizes().width);
    let place = ABSOLUTE_POS;
    if place < all {
        let mut sum = f32::new(0.0f32);
        for tile in 0..tiles as usize {
            sum += norms[tile * all + place];
            norms[tile * all + place] = f32::new(0.0f32);
        }
        let (block, rest) = (place / comptime!(4 * d), place % comptime!(4 * d));
        // A block begins with norm1's scale and shift and norm2's: as they lie here.
        let to = comptime!(plan.block.norm1.scale) + block * comptime!(4 * plan.block4) + rest;
        partials[to] += sum;
    }
}

/// The weights as squares in f16: value i of the result is that at `from[i]` of the flat parameters.
#[cube(launch_unchecked)]
pub(super) fn pack_weights(parameters: &[f32], from: &[u32], to: &mut [H4], vectors: u32) {
    let place = CUBE_POS_Y as usize * 65_535 * 256 + ABSOLUTE_POS_X as usize;
    if place < vectors as usize {
        let mut x = V4::new(0.0f32);
        #[unroll]
        for e in 0..4usize {
            x.insert(e, parameters[from[4 * place + e] as usize]);
        }
        to[place] = H4::cast_from(x);
    }
}

/// A row of biases sixteen times, [16, count].
#[cube(launch_unchecked)]
pub(super) fn pack_biases(parameters: &[f32], from: &[u32], to: &mut [f32], count: u32) {
    let place = ABSOLUTE_POS;
    if place < 16 * count as usize {
        to[place] = parameters[from[place % count as usize] as usize];
    }
}

/// Fills a buffer with zeros.
#[cube(launch_unchecked)]
pub(super) fn clear(to: &mut [Bits], vectors: u32) {
    let place = CUBE_POS_Y as usize * 65_535 * 256 + ABSOLUTE_POS_X as usize;
    if place < vectors as usize {
        to[place] = Bits::new(0u32);
    }
}
