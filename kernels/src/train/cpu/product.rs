//! The one product of training: a few rows by two vectors of columns, all sums in registers.
//!
//! Every operand may lie as it is: a left factor by its rows (activations), or by its columns (activations once
//! more, where the gradient of a weight sums over all rows), and a right factor packed or as rows.

use pulp::{Simd, WithSimd};

use crate::cpu::gemm::{load, store};

/// Rows of a tile. With two vectors each, their sums fill the registers and leave room for the factors.
const ROWS: usize = if cfg!(target_family = "wasm") { 4 } else { 6 };

/// A left factor, [rows, depth].
pub(super) trait Left: Copy {
    fn rows(self) -> usize;

    /// Adds to the sums of R rows what the factors of every step of the depth give with a panel.
    fn multiply<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        row: usize,
        right: Panel<'_>,
        sums: [[S::f32s; V]; R],
    ) -> [[S::f32s; V]; R];
}

/// Row `r` and column `k` at `r · stride + k`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub data: &'a [f32],
    pub stride: usize,
    pub depth: usize,
    pub rows: usize,
}

/// Row `r` and column `k` at `k · stride + r`.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub data: &'a [f32],
    pub stride: usize,
    pub depth: usize,
    pub rows: usize,
}

/// A right factor, [depth, columns]: columns in pairs of vectors, a pair `panel` floats after the one before, the
/// rows of a pair `step` floats apart. An odd vector at the end is multiplied alone.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub data: &'a [f32],
    pub step: usize,
    pub panel: usize,
    pub columns: usize,
}

impl<'a> Right<'a> {
    /// Rows [depth, stride] as they are.
    pub fn rows<S: Simd>(_: S, data: &'a [f32], stride: usize, columns: usize) -> Self {
        Self { data, step: stride, panel: 2 * S::F32_LANES, columns }
    }
}

/// A pair of vectors in every row, or one.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    data: &'a [f32],
    step: usize,
}

impl Panel<'_> {
    #[inline(always)]
    fn vectors<S: Simd, const V: usize>(self, simd: S, k: usize) -> [S::f32s; V] {
        let row = &self.data[k * self.step..][..V * S::F32_LANES];
        let mut vectors = [simd.splat_f32s(0.0); V];
        for v in 0..V {
            vectors[v] = load(simd, row, v * S::F32_LANES);
        }
        vectors
    }
}

impl Left for Rows<'_> {
    fn rows(self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn multiply<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        row: usize,
        right: Panel<'_>,
        mut sums: [[S::f32s; V]; R],
    ) -> [[S::f32s; V]; R] {
        let mut rows: [&[f32]; R] = [&[]; R];
        for r in 0..R {
            rows[r] = &self.data[(row + r) * self.stride..][..self.depth];
        }
        for k in 0..self.depth {
            let right = right.vectors::<S, V>(simd, k);
            for r in 0..R {
                let factor = simd.splat_f32s(rows[r][k]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(factor, right[v], sums[r][v]);
                }
            }
        }
        sums
    }
}

impl Left for Columns<'_> {
    fn rows(self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn multiply<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        row: usize,
        right: Panel<'_>,
        mut sums: [[S::f32s; V]; R],
    ) -> [[S::f32s; V]; R] {
        for k in 0..self.depth {
            let left = &self.data[k * self.stride + row..][..R];
            let right = right.vectors::<S, V>(simd, k);
            for r in 0..R {
                let factor = simd.splat_f32s(left[r]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(factor, right[v], sums[r][v]);
                }
            }
        }
        sums
    }
}

/// Where the sums of a tile of R rows and V vectors begin and go. `column` is the first float's.
pub(super) trait Tile {
    /// What the sums begin with.
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        _row: usize,
        _column: usize,
    ) -> [[S::f32s; V]; R] {
        [[simd.splat_f32s(0.0); V]; R]
    }

    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    );
}

/// `left` times `right`, tile by tile to `to`. The sums of a row are the same operations in the same order in a tile
/// of any size.
pub(super) struct Product<'a, L, T> {
    pub left: L,
    pub right: Right<'a>,
    pub to: T,
}

impl<L: Left, T: Tile> WithSimd for Product<'_, L, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let vectors = self.right.columns / S::F32_LANES;
        for pair in 0..vectors / 2 {
            self.panel::<S, 2>(simd, pair);
        }
        if !vectors.is_multiple_of(2) {
            self.panel::<S, 1>(simd, vectors / 2);
        }
    }
}

impl<L: Left, T: Tile> Product<'_, L, T> {
    /// All rows by one panel, which stays in the nearest cache.
    #[inline(always)]
    fn panel<S: Simd, const V: usize>(&mut self, simd: S, pair: usize) {
        let right = Panel { data: &self.right.data[pair * self.right.panel..], step: self.right.step };
        let (rows, column) = (self.left.rows(), pair * 2 * S::F32_LANES);
        let mut row = 0;
        while row < rows {
            // No tile of one or two rows where there are more: it would wait for its own sums.
            let count = match rows - row {
                left if left >= ROWS + 4 => ROWS,
                left if left > ROWS => left.div_ceil(2),
                left => left,
            };
            match count {
                1 => self.tile::<S, 1, V>(simd, row, right, column),
                2 => self.tile::<S, 2, V>(simd, row, right, column),
                3 => self.tile::<S, 3, V>(simd, row, right, column),
                4 => self.tile::<S, 4, V>(simd, row, right, column),
                5 if ROWS > 4 => self.tile::<S, 5, V>(simd, row, right, column),
                _ => self.tile::<S, ROWS, V>(simd, row, right, column),
            }
            row += count;
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, row: usize, right: Panel<'_>, column: usize) {
        let sums = self.to.begin::<S, R, V>(simd, row, column);
        let sums = self.left.multiply::<S, R, V>(simd, row, right, sums);
        self.to.end::<S, R, V>(simd, row, column, sums);
    }
}

/// V vectors from `at` on.
#[inline(always)]
pub(super) fn loads<S: Simd, const V: usize>(simd: S, from: &[f32], at: usize) -> [S::f32s; V] {
    let from = &from[at..][..V * S::F32_LANES];
    let mut vectors = [simd.splat_f32s(0.0); V];
    for v in 0..V {
        vectors[v] = load(simd, from, v * S::F32_LANES);
    }
    vectors
}

/// Puts V vectors to `at`.
#[inline(always)]
pub(super) fn stores<S: Simd, const V: usize>(simd: S, to: &mut [f32], at: usize, vectors: [S::f32s; V]) {
    let to = &mut to[at..][..V * S::F32_LANES];
    for v in 0..V {
        store(simd, to, v * S::F32_LANES, vectors[v]);
    }
}
