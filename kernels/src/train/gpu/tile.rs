//! A tile of a product: sums of some rows by some columns in each unit, factors in workgroup memory.

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

/// How large a workgroup's tile is, and a unit's share of it, in vectors of four rows and of four columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    /// Vectors of rows of a unit.
    down: usize,
    /// Vectors of columns of a unit.
    right: usize,
    /// Units below each other.
    rows: usize,
    /// Units side by side.
    columns: usize,
}

impl Tile {
    /// On a card, a tile that narrow matrices do not leave half empty. Where a processor plays the card, `lanes` of it
    /// are the units of a tile: what all of them read at one place that is known beforehand costs it little.
    pub(super) fn of(width: usize, lanes: usize) -> Self {
        match (lanes <= 8, width > 32) {
            (true, _) => Self { down: 1, right: 8, rows: 8, columns: 1 },
            (false, true) => Self { down: 2, right: 2, rows: 8, columns: 8 },
            (false, false) => Self { down: 1, right: 1, rows: 8, columns: 8 },
        }
    }

    /// Vectors of rows.
    pub(super) fn tall(self) -> usize {
        self.down * self.rows
    }

    /// Vectors of columns.
    pub(super) fn wide(self) -> usize {
        self.right * self.columns
    }

    /// Vectors of rows of a unit.
    pub(super) fn down(self) -> usize {
        self.down
    }

    /// Vectors of columns of a unit.
    pub(super) fn right(self) -> usize {
        self.right
    }

    /// Units of a workgroup.
    pub(super) fn units(self) -> usize {
        self.rows * self.columns
    }
}

/// Both factors of a chunk, [CHUNK, tall] and [CHUNK, wide] vectors: rows of the contracted side.
#[derive(CubeType)]
pub(super) struct Factors {
    pub(super) left: Shared<[V4]>,
    pub(super) right: Shared<[V4]>,
}

#[cube]
impl Factors {
    pub(super) fn new(#[comptime] tile: Tile) -> Factors {
        Factors {
            left: Shared::new_slice(comptime!(CHUNK * tile.tall())),
            right: Shared::new_slice(comptime!(CHUNK * tile.wide())),
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

/// Sums of nothing, [4 down, right].
#[cube]
pub(super) fn no_sums(#[comptime] tile: Tile) -> Array<V4> {
    let mut acc = Array::<V4>::new(comptime!(4 * tile.down() * tile.right()));
    #[unroll]
    for i in 0..comptime!(4 * tile.down() * tile.right()) {
        acc[i] = V4::new(0.0f32);
    }
    acc
}

/// This unit's `quad`-th vector of rows in the tile.
#[cube]
pub(super) fn rows_of(#[comptime] quad: usize, #[comptime] tile: Tile) -> usize {
    comptime!(quad * tile.rows) + UNIT_POS as usize / comptime!(tile.columns)
}

/// This unit's `quad`-th vector of columns in the tile. One unit alone has them at places known beforehand.
#[cube]
pub(super) fn columns_of(#[comptime] quad: usize, #[comptime] tile: Tile) -> usize {
    let mut column = comptime!(quad * tile.columns).runtime();
    if comptime!(tile.columns > 1) {
        column = comptime!(quad * tile.columns) + UNIT_POS as usize % comptime!(tile.columns);
    }
    column
}

/// Four rows of four become four columns: `v` of rows 4 `quad`.. at vector `k4` of the chunk.
#[cube]
pub(super) fn put_turned(to: &mut Shared<[V4]>, v: &Array<V4>, quad: usize, k4: usize, #[comptime] tall: usize) {
    #[unroll]
    for j in 0..4usize {
        let mut column = V4::new(0.0f32);
        #[unroll]
        for i in 0..4usize {
            column.insert(i, v[i].extract(j));
        }
        to[(4 * k4 + j) * tall + quad] = column;
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
    #[comptime] across: usize,
    #[comptime] tile: Tile,
) {
    let mut i = UNIT_POS as usize;
    while i < comptime!(across * CHUNK4) {
        let (quad, k) = (i / CHUNK4, i % CHUNK4);
        let mut v = no_rows();
        if k4 + k < inputs4 {
            #[unroll]
            for j in 0..4usize {
                let row = min(first + 4 * quad + j, rows - 1);
                v[j] = from[row_at(at, row, inputs4, per, gap, parts) + k4 + k];
            }
        }
        put_turned(to, &v, quad, k, across);
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
    #[comptime] across: usize,
    #[comptime] tile: Tile,
) {
    let mut i = UNIT_POS as usize;
    while i < comptime!(across * CHUNK) {
        let (k, column) = (i / across, min(column4 + i % across, columns4 - 1));
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
    if comptime!(tile.columns == 1) {
        #[unroll]
        for k in 0..CHUNK {
            multiply_one(factors, k, acc, tile);
        }
    } else {
        for four in 0..CHUNK4 {
            #[unroll]
            for one in 0..4usize {
                multiply_one(factors, 4 * four + one, acc, tile);
            }
        }
    }
}

/// The product of one place of the contracted side.
#[cube]
fn multiply_one(factors: &Factors, k: usize, acc: &mut Array<V4>, #[comptime] tile: Tile) {
    let mut b = Array::<V4>::new(comptime!(tile.right()));
    #[unroll]
    for n in 0..comptime!(tile.right()) {
        b[n] = factors.right[k * comptime!(tile.wide()) + columns_of(n, tile)];
    }
    #[unroll]
    for m in 0..comptime!(tile.down()) {
        let a = factors.left[k * comptime!(tile.tall()) + rows_of(m, tile)];
        #[unroll]
        for i in 0..4usize {
            let value = V4::new(a.extract(i));
            #[unroll]
            for n in 0..comptime!(tile.right()) {
                let to = comptime!((4 * m + i) * tile.right() + n);
                acc[to] = acc[to] + b[n] * value;
            }
        }
    }
}
