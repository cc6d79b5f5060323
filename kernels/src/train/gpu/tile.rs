//! A tile of a product: sums of eight rows by eight columns in each unit, factors in workgroup memory.

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

/// Vectors of rows, and of columns, of a unit.
pub(super) const QUADS: usize = 2;

/// How large a workgroup's tile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    /// Rows and columns.
    pub(super) edge: usize,
}

impl Tile {
    /// The smaller one where the other would be half empty.
    pub(super) fn of(width: usize) -> Self {
        Self { edge: if width > 32 { 64 } else { 32 } }
    }

    /// Vectors along an edge.
    pub(super) fn across(self) -> usize {
        self.edge / 4
    }

    /// Units along an edge.
    pub(super) fn side(self) -> usize {
        self.across() / QUADS
    }

    /// Units of a workgroup.
    pub(super) fn units(self) -> usize {
        self.side() * self.side()
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

/// Where a row of a matrix begins whose rows lie `stride` vectors apart. With `parts`, after `per` rows there are `gap`
/// vectors to the next ones, counted from first to first: query, key and value are one matrix of 3 d rows so.
#[cube]
pub(super) fn row_at(at: usize, row: usize, stride: usize, per: usize, gap: usize, #[comptime] parts: bool) -> usize {
    let mut begin = at + row * stride;
    if parts {
        begin = at + row / per * gap + row % per * stride;
    }
    begin
}

/// Four vectors of zeros.
#[cube]
pub(super) fn no_rows() -> Array<V4> {
    let mut v = Array::<V4>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        v[i] = V4::new(0.0f32);
    }
    v
}

/// Sums of nothing, [4 QUADS rows, QUADS].
#[cube]
pub(super) fn no_sums() -> Array<V4> {
    let mut acc = Array::<V4>::new(comptime!(4 * QUADS * QUADS));
    #[unroll]
    for i in 0..comptime!(4 * QUADS * QUADS) {
        acc[i] = V4::new(0.0f32);
    }
    acc
}

/// This unit's `quad`-th vector of rows in the tile.
#[cube]
pub(super) fn rows_of(#[comptime] quad: usize, #[comptime] tile: Tile) -> usize {
    comptime!(quad * tile.side()) + UNIT_POS as usize / comptime!(tile.side())
}

/// This unit's `quad`-th vector of columns in the tile.
#[cube]
pub(super) fn columns_of(#[comptime] quad: usize, #[comptime] tile: Tile) -> usize {
    comptime!(quad * tile.side()) + UNIT_POS as usize % comptime!(tile.side())
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
    #[comptime] parts: bool,
    #[comptime] tile: Tile,
) {
    let mut i = UNIT_POS as usize;
    while i < comptime!(tile.across() * CHUNK4) {
        let (quad, k) = (i / CHUNK4, i % CHUNK4);
        let mut v = no_rows();
        if k4 + k < inputs4 {
            #[unroll]
            for j in 0..4usize {
                let row = min(first + 4 * quad + j, rows - 1);
                v[j] = from[row_at(at, row, inputs4, per, gap, parts) + k4 + k];
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
    #[comptime] parts: bool,
    #[comptime] tile: Tile,
) {
    let mut i = UNIT_POS as usize;
    while i < comptime!(tile.across() * CHUNK) {
        let (k, column) = (i / comptime!(tile.across()), min(column4 + i % comptime!(tile.across()), columns4 - 1));
        let mut v = V4::new(0.0f32);
        if first + k < rows {
            v = from[row_at(at, first + k, columns4, per, gap, parts) + column];
        }
        to[i] = v;
        i += comptime!(tile.units());
    }
}

/// Adds the product of a chunk to this unit's sums.
#[cube]
pub(super) fn multiply(factors: &Factors, acc: &mut Array<V4>, #[comptime] tile: Tile) {
    let across = comptime!(tile.across());
    let down = UNIT_POS as usize / comptime!(tile.side());
    let right = UNIT_POS as usize % comptime!(tile.side());
    for four in 0..CHUNK4 {
        #[unroll]
        for one in 0..4usize {
            let at = (4 * four + one) * across;
            let mut b = Array::<V4>::new(QUADS);
            #[unroll]
            for n in 0..QUADS {
                b[n] = factors.right[at + right + comptime!(n * tile.side())];
            }
            #[unroll]
            for m in 0..QUADS {
                let a = factors.left[at + down + comptime!(m * tile.side())];
                #[unroll]
                for i in 0..4usize {
                    let value = V4::new(a.extract(i));
                    #[unroll]
                    for n in 0..QUADS {
                        let to = comptime!((4 * m + i) * QUADS + n);
                        acc[to] = acc[to] + b[n] * value;
                    }
                }
            }
        }
    }
}
