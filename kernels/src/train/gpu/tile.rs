//! A tile of a product: sums of four rows by four columns in each unit, factors in workgroup memory.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use crate::gpu::V4;

/// Values of the contracted side at a time.
pub(super) const CHUNK: usize = 16;
/// Vectors of it.
pub(super) const CHUNK4: usize = CHUNK / 4;

/// How large a workgroup's tile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    /// Rows and columns.
    pub(super) edge: usize,
}

impl Tile {
    /// The larger one where it divides the width.
    pub(super) fn of(width: usize) -> Self {
        Self { edge: if width.is_multiple_of(64) { 64 } else { 32 } }
    }

    /// Units along an edge, four rows or columns each.
    pub(super) fn across(self) -> usize {
        self.edge / 4
    }

    /// Units of a workgroup.
    pub(super) fn units(self) -> usize {
        self.across() * self.across()
    }
}

/// Both factors of a chunk, each [CHUNK, edge / 4] vectors: rows of the contracted side.
#[derive(CubeType)]
pub(super) struct Factors {
    pub(super) left: Shared<[V4]>,
    pub(super) right: Shared<[V4]>,
}

#[cube]
impl Factors {
    pub(super) fn new(#[comptime] tile: Tile) -> Factors {
        Factors {
            left: Shared::new_slice(comptime!(CHUNK * tile.across())),
            right: Shared::new_slice(comptime!(CHUNK * tile.across())),
        }
    }
}

/// Rows of a matrix that lie `stride` vectors apart; after `per` rows there are `gap` vectors to the next ones, counted
/// from first to first. Query, key and value are one matrix of 3 d rows so.
#[cube]
pub(super) fn row_at(at: usize, row: usize, stride: usize, per: usize, gap: usize) -> usize {
    at + row / per * gap + row % per * stride
}

/// Sums of nothing.
#[cube]
pub(super) fn no_sums() -> Array<V4> {
    let mut acc = Array::<V4>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        acc[i] = V4::new(0.0f32);
    }
    acc
}

/// Four rows of four become four columns: `v` of rows 4 `quad`.. at vector `k4` of the chunk.
#[cube]
pub(super) fn put_turned(to: &mut Shared<[V4]>, v: &Array<V4>, quad: usize, k4: usize, #[comptime] tile: Tile) {
    #[unroll]
    for j in 0..4usize {
        let mut column = V4::new(0.0f32);
        #[unroll]
        for i in 0..4usize {
            column.insert(i, v[i].extract(j));
        }
        to[(4 * k4 + j) * comptime!(tile.across()) + quad] = column;
    }
}

/// Puts a chunk of a matrix's rows `first`.. with the contracted side along the rows. Rows from `rows` on repeat the
/// last one; vectors from `inputs4` on are zeros.
#[cube]
pub(super) fn load_turned(
    to: &mut Shared<[V4]>,
    from: &[V4],
    at: usize,
    first: usize,
    rows: usize,
    k4: usize,
    inputs4: usize,
    per: usize,
    gap: usize,
    #[comptime] tile: Tile,
) {
    let mut i = UNIT_POS as usize;
    while i < comptime!(tile.across() * CHUNK4) {
        let (quad, k) = (i / CHUNK4, i % CHUNK4);
        let mut v = no_sums();
        if k4 + k < inputs4 {
            #[unroll]
            for j in 0..4usize {
                let row = min(first + 4 * quad + j, rows - 1);
                v[j] = from[row_at(at, row, inputs4, per, gap) + k4 + k];
            }
        }
        put_turned(to, &v, quad, k, tile);
        i += comptime!(tile.units());
    }
}

/// Puts rows `first`.. of a matrix, the contracted side, at columns `column4`... Rows from `rows` on are zeros; columns
/// from `columns4` on repeat the last one.
#[cube]
pub(super) fn load_straight(
    to: &mut Shared<[V4]>,
    from: &[V4],
    at: usize,
    first: usize,
    rows: usize,
    column4: usize,
    columns4: usize,
    per: usize,
    gap: usize,
    #[comptime] tile: Tile,
) {
    let mut i = UNIT_POS as usize;
    while i < comptime!(tile.across() * CHUNK) {
        let (k, column) = (i / comptime!(tile.across()), min(column4 + i % comptime!(tile.across()), columns4 - 1));
        let mut v = V4::new(0.0f32);
        if first + k < rows {
            v = from[row_at(at, first + k, columns4, per, gap) + column];
        }
        to[i] = v;
        i += comptime!(tile.units());
    }
}

/// Adds the product of a chunk: this unit's four rows and four columns.
#[cube]
pub(super) fn multiply(factors: &Factors, acc: &mut Array<V4>, #[comptime] tile: Tile) {
    let across = comptime!(tile.across());
    let down = UNIT_POS as usize / across;
    let right = UNIT_POS as usize % across;
    #[unroll]
    for k in 0..CHUNK {
        let a = factors.left[k * across + down];
        let b = factors.right[k * across + right];
        #[unroll]
        for i in 0..4usize {
            acc[i] = acc[i] + b * V4::new(a.extract(i));
        }
    }
}
