//! The one kernel that multiplies: a few rows by a panel of two vectors, all sums in registers.

use pulp::{Simd, WithSimd, as_arrays};

/// Rows of a tile. With two vectors each, their sums fill the registers and leave room for the factors.
pub(super) const ROWS: usize = if cfg!(target_family = "wasm") { 4 } else { 6 };

/// Factors of a row that are multiplied in one go. Browsers are quicker when they have less to keep track of.
const STEP: usize = if cfg!(target_family = "wasm") { 1 } else { 4 };

/// Rows [rows, stride], of which `depth` columns from `first` on are multiplied.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub data: &'a [f32],
    pub stride: usize,
    pub first: usize,
    pub depth: usize,
    pub rows: usize,
}

/// Where the sums of a tile of R rows and V vectors begin and go. `column` is the first float's.
pub(super) trait Tile {
    /// Whether a panel of one vector may follow the panels of two.
    const ODD: bool = false;

    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, row: usize, column: usize) -> [[S::f32s; V]; R];

    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    );
}

/// `left` times the panels in `right`, [panels][depth][2 vectors], tile by tile to `to`.
///
/// A panel stays in the nearest cache for all rows. The sums of a row are the same operations in the same
/// order in a tile of any size.
pub(super) struct Product<'a, T> {
    pub left: Left<'a>,
    pub right: &'a [f32],
    pub to: T,
}

impl<T: Tile> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let depth = self.left.depth;
        let (vectors, _) = S::as_simd_f32s(self.right);
        let (whole, odd) = vectors.split_at(vectors.len() / (2 * depth) * (2 * depth));
        let mut column = 0;
        for panel in as_arrays::<2, _>(whole).0.chunks_exact(depth) {
            rows(simd, self.left, panel, column, &mut self.to);
            column += 2 * S::F32_LANES;
        }
        if T::ODD && !odd.is_empty() {
            rows(simd, self.left, as_arrays::<1, _>(odd).0, column, &mut self.to);
        }
    }
}

/// All rows by one panel.
#[inline(always)]
fn rows<S: Simd, T: Tile, const V: usize>(simd: S, left: Left, panel: &[[S::f32s; V]], column: usize, to: &mut T) {
    let mut row = 0;
    while row + ROWS <= left.rows {
        tile::<S, T, ROWS, V>(simd, left, row, panel, column, to);
        row += ROWS;
    }
    match left.rows - row {
        1 => tile::<S, T, 1, V>(simd, left, row, panel, column, to),
        2 => tile::<S, T, 2, V>(simd, left, row, panel, column, to),
        3 => tile::<S, T, 3, V>(simd, left, row, panel, column, to),
        4 if ROWS > 4 => tile::<S, T, 4, V>(simd, left, row, panel, column, to),
        5 if ROWS > 5 => tile::<S, T, 5, V>(simd, left, row, panel, column, to),
        _ => {}
    }
}

#[inline(always)]
fn tile<S: Simd, T: Tile, const R: usize, const V: usize>(
    simd: S,
    left: Left,
    row: usize,
    panel: &[[S::f32s; V]],
    column: usize,
    to: &mut T,
) {
    // Slices of one length each, and steps of a fixed number of factors: nothing is checked in the loop, and
    // the places in memory differ by constants.
    let depth = left.depth;
    let (steps, last) = as_arrays::<STEP, _>(&panel[..depth]);
    let mut rows: [(&[[f32; STEP]], &[f32]); R] = [(&[], &[]); R];
    for r in 0..R {
        rows[r] = as_arrays::<STEP, _>(&left.data[(row + r) * left.stride + left.first..][..depth]);
    }
    let mut sums = to.begin::<S, R, V>(simd, row, column);
    for (k, right) in steps.iter().enumerate() {
        for s in 0..STEP {
            for r in 0..R {
                let factor = simd.splat_f32s(rows[r].0[k][s]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(factor, right[s][v], sums[r][v]);
                }
            }
        }
    }
    for (k, right) in last.iter().enumerate() {
        for r in 0..R {
            let factor = simd.splat_f32s(rows[r].1[k]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_e_f32s(factor, right[v], sums[r][v]);
            }
        }
    }
    to.end(simd, row, column, sums);
}

/// The vector that begins at `at`.
#[inline(always)]
pub(crate) fn load<S: Simd>(_: S, from: &[f32], at: usize) -> S::f32s {
    S::as_simd_f32s(&from[at..at + S::F32_LANES]).0[0]
}

/// Puts a vector to where it begins.
#[inline(always)]
pub(crate) fn store<S: Simd>(_: S, to: &mut [f32], at: usize, vector: S::f32s) {
    S::as_mut_simd_f32s(&mut to[at..at + S::F32_LANES]).0[0] = vector;
}

/// Every row begins with the bias.
#[inline(always)]
pub(super) fn bias<S: Simd, const R: usize, const V: usize>(simd: S, bias: &[f32], column: usize) -> [[S::f32s; V]; R] {
    let mut vectors = [simd.splat_f32s(0.0); V];
    for v in 0..V {
        vectors[v] = load(simd, bias, column + v * S::F32_LANES);
    }
    [vectors; R]
}

/// to = left · right + bias, or only what of it is positive. [rows, stride]
pub(super) struct Write<'a, const POSITIVE: bool> {
    pub to: &'a mut [f32],
    pub stride: usize,
    pub bias: &'a [f32],
}

impl<const POSITIVE: bool> Tile for Write<'_, POSITIVE> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        bias(simd, self.bias, column)
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        let zero = simd.splat_f32s(0.0);
        for r in 0..R {
            let to = &mut self.to[(row + r) * self.stride + column..][..V * S::F32_LANES];
            for v in 0..V {
                // The order keeps what is not a number.
                let sum = if POSITIVE { simd.max_f32s(zero, sums[r][v]) } else { sums[r][v] };
                store(simd, to, v * S::F32_LANES, sum);
            }
        }
    }
}

/// x += left · right + bias, where left may come in several parts: the product is summed up by itself, so
/// that a large x does not swallow small terms.
pub(super) struct Add<'a> {
    /// The sum so far, [rows, stride].
    pub sum: &'a mut [f32],
    /// What is added to in the end, [rows, stride].
    pub x: &'a mut [f32],
    pub stride: usize,
    pub bias: &'a [f32],
    pub first: bool,
    pub last: bool,
}

impl Tile for Add<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, row: usize, column: usize) -> [[S::f32s; V]; R] {
        let mut sums = bias(simd, self.bias, column);
        if !self.first {
            for r in 0..R {
                let sum = &self.sum[(row + r) * self.stride + column..][..V * S::F32_LANES];
                for v in 0..V {
                    sums[r][v] = load(simd, sum, v * S::F32_LANES);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        for r in 0..R {
            let place = (row + r) * self.stride + column;
            let to = if self.last { &mut *self.x } else { &mut *self.sum };
            let to = &mut to[place..][..V * S::F32_LANES];
            for v in 0..V {
                let before = if self.last { load(simd, to, v * S::F32_LANES) } else { simd.splat_f32s(0.0) };
                store(simd, to, v * S::F32_LANES, simd.add_f32s(before, sums[r][v]));
            }
        }
    }
}

/// x = state + β (left · right + bias): what the last prediction says is mixed into the state.
pub(super) struct Mix<'a> {
    /// [rows, stride]
    pub x: &'a mut [f32],
    pub state: &'a [f32],
    pub stride: usize,
    pub bias: &'a [f32],
    pub scale: f32,
}

impl Tile for Mix<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        bias(simd, self.bias, column)
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        let scale = simd.splat_f32s(self.scale);
        for r in 0..R {
            let place = (row + r) * self.stride + column;
            for v in 0..V {
                let place = place + v * S::F32_LANES;
                let state = load(simd, self.state, place);
                store(simd, self.x, place, simd.mul_add_e_f32s(scale, sums[r][v], state));
            }
        }
    }
}
