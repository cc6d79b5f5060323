//! The matrix product: a few rows by a panel of columns, all sums in registers.

use pulp::{Simd, WithSimd, as_arrays};

use super::real::Real;

/// Rows of a tile.
const ROWS: usize = 4;

/// Columns of a panel: with [`ROWS`] rows, their sums fill half of the registers of a processor with vectors of
/// 32 bytes, or of 16 bytes in a browser, and leave room for the factors.
const COLUMNS_F32: usize = if cfg!(target_family = "wasm") { 8 } else { 16 };
const COLUMNS_F64: usize = COLUMNS_F32 / 2;

/// Numbers of the left factor that all panels go over before the next are read: they stay in the second cache.
const NEAR: usize = 1 << 14;

/// Rows [rows, stride], of which `depth` columns from `first` on are multiplied.
#[derive(Clone, Copy)]
pub struct Left<'a, R> {
    pub data: &'a [R],
    pub stride: usize,
    pub first: usize,
    pub depth: usize,
    pub rows: usize,
}

impl<'a, R> Left<'a, R> {
    /// All columns of whole rows, [rows, depth].
    pub fn whole(data: &'a [R], depth: usize) -> Self {
        Self { data, stride: depth, first: 0, depth, rows: data.len() / depth.max(1) }
    }
}

/// The right factor, [depth, outputs], in panels that are read from front to back,
/// [⌈outputs / columns⌉, depth, columns]; zeros after the last output.
#[derive(Clone, Debug)]
pub struct Panels<R> {
    depth: usize,
    outputs: usize,
    data: Vec<R>,
}

impl<R: Real> Panels<R> {
    /// Zeros.
    pub fn new(depth: usize, outputs: usize) -> Self {
        Self { depth, outputs, data: vec![R::ZERO; outputs.div_ceil(R::COLUMNS) * depth * R::COLUMNS] }
    }

    /// Takes the right factor from rows [depth, stride], outputs from column `first` on.
    pub fn fill(&mut self, from: &[R], stride: usize, first: usize) {
        let panels = self.data.chunks_exact_mut((self.depth * R::COLUMNS).max(1));
        for (panel, to) in panels.enumerate() {
            let column = panel * R::COLUMNS;
            let count = R::COLUMNS.min(self.outputs - column);
            for (row, to) in to.chunks_exact_mut(R::COLUMNS).enumerate() {
                to[..count].copy_from_slice(&from[row * stride + first + column..][..count]);
            }
        }
    }

    /// Takes the right factor from its transpose, rows [outputs, stride], inputs from column `first` on, and
    /// puts it to the outputs from `output` on.
    pub fn fill_transposed(&mut self, from: &[R], stride: usize, first: usize, output: usize) {
        let size = self.depth * R::COLUMNS;
        for (row, from) in from.chunks_exact(stride.max(1)).enumerate() {
            let at = output + row;
            let to = &mut self.data[at / R::COLUMNS * size + at % R::COLUMNS..];
            for (to, from) in to.iter_mut().step_by(R::COLUMNS).zip(&from[first..][..self.depth]) {
                *to = *from;
            }
        }
    }

    /// Rounds all numbers as a tensor core does.
    pub fn round(&mut self) {
        self.data.iter_mut().for_each(|x| *x = x.to_tf32());
    }
}

/// What is done with a product.
#[derive(Clone, Copy)]
pub enum Put<'a, R> {
    /// to = product
    Set,
    /// to = product + bias
    Bias(&'a [R]),
    /// to += product
    Add,
    /// to += product + bias, the product summed up by itself, so that a large `to` does not swallow small terms
    AddBias(&'a [R]),
}

/// Where a product goes: rows [rows, stride], columns from `first` on.
pub struct To<'a, R> {
    pub data: &'a mut [R],
    pub stride: usize,
    pub first: usize,
    pub put: Put<'a, R>,
}

impl<'a, R> To<'a, R> {
    /// All columns of whole rows, [rows, outputs].
    pub fn whole(data: &'a mut [R], outputs: usize, put: Put<'a, R>) -> Self {
        Self { data, stride: outputs, first: 0, put }
    }
}

/// A type's vectors, of whatever kind the processor has.
pub trait Multiply: Copy {
    /// Columns of a panel: whole vectors of any kind.
    const COLUMNS: usize;
    /// A vector.
    type Vector<S: Simd>: Copy;

    /// Numbers of a vector.
    fn lanes<S: Simd>() -> usize;

    fn splat<S: Simd>(self, simd: S) -> Self::Vector<S>;

    fn vectors<S: Simd>(from: &[Self]) -> &[Self::Vector<S>];

    fn vectors_mut<S: Simd>(from: &mut [Self]) -> &mut [Self::Vector<S>];

    /// a · b + c, not fused: the same numbers on every processor.
    fn multiply_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
}

macro_rules! multiply {
    ($real:ident, $columns:ident, $vector:ident, $lanes:ident, $splat:ident, $from:ident, $from_mut:ident, $mul:ident,
     $add:ident) => {
        impl Multiply for $real {
            const COLUMNS: usize = $columns;
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }

            #[inline(always)]
            fn splat<S: Simd>(self, simd: S) -> S::$vector {
                simd.$splat(self)
            }

            #[inline(always)]
            fn vectors<S: Simd>(from: &[Self]) -> &[S::$vector] {
                S::$from(from).0
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(from: &mut [Self]) -> &mut [S::$vector] {
                S::$from_mut(from).0
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$add(simd.$mul(a, b), c)
            }
        }
    };
}

multiply!(f32, COLUMNS_F32, f32s, F32_LANES, splat_f32s, as_simd_f32s, as_mut_simd_f32s, mul_f32s, add_f32s);
multiply!(f64, COLUMNS_F64, f64s, F64_LANES, splat_f64s, as_simd_f64s, as_mut_simd_f64s, mul_f64s, add_f64s);

/// left · right, on the widest vectors that this processor has; every sum runs over the depth in order.
pub fn multiply<R: Real>(left: Left<R>, right: &Panels<R>, to: To<R>) {
    let product = Product { left, right, to };
    #[cfg(not(target_family = "wasm"))]
    pulp::Arch::new().dispatch(product);
    // In a browser they are settled when the program is built.
    #[cfg(target_family = "wasm")]
    {
        #[cfg(target_feature = "simd128")]
        if let Some(simd) = pulp::wasm::Simd128::try_new() {
            return Simd::vectorize(simd, product);
        }
        Simd::vectorize(pulp::Scalar::new(), product);
    }
}

struct Product<'a, R> {
    left: Left<'a, R>,
    right: &'a Panels<R>,
    to: To<'a, R>,
}

impl<R: Real> WithSimd for Product<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        match R::COLUMNS / R::lanes::<S>() {
            1 => self.panels::<S, 1>(simd),
            2 => self.panels::<S, 2>(simd),
            4 => self.panels::<S, 4>(simd),
            8 => self.panels::<S, 8>(simd),
            _ => self.panels::<S, 16>(simd),
        }
    }
}

impl<R: Real> Product<'_, R> {
    /// All panels of V vectors.
    #[inline(always)]
    fn panels<S: Simd, const V: usize>(&mut self, simd: S) {
        let (rows, depth) = (self.left.rows, self.right.depth.max(1));
        let (vectors, _) = as_arrays::<V, _>(R::vectors::<S>(&self.right.data));
        let some = (NEAR / depth / ROWS).max(1) * ROWS;
        for begin in (0..rows).step_by(some) {
            let end = rows.min(begin + some);
            for (index, panel) in vectors.chunks_exact(depth).enumerate() {
                let column = index * R::COLUMNS;
                let mut row = begin;
                while row + ROWS <= end {
                    self.tile::<S, V, ROWS>(simd, row, panel, column);
                    row += ROWS;
                }
                match end - row {
                    1 => self.tile::<S, V, 1>(simd, row, panel, column),
                    2 => self.tile::<S, V, 2>(simd, row, panel, column),
                    3 => self.tile::<S, V, 3>(simd, row, panel, column),
                    _ => {}
                }
            }
        }
    }

    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "arrays of registers: loops with fixed bounds are unrolled")]
    fn tile<S: Simd, const V: usize, const N: usize>(
        &mut self,
        simd: S,
        row: usize,
        panel: &[[R::Vector<S>; V]],
        column: usize,
    ) {
        let Left { data, stride, first, depth, .. } = self.left;
        let panel = &panel[..depth];
        let mut rows: [&[R]; N] = [&[]; N];
        for r in 0..N {
            rows[r] = &data[(row + r) * stride + first..][..depth];
        }
        let mut sums = [[R::ZERO.splat(simd); V]; N];
        for (k, right) in panel.iter().enumerate() {
            for r in 0..N {
                let factor = rows[r][k].splat(simd);
                for v in 0..V {
                    sums[r][v] = R::multiply_add(simd, factor, right[v], sums[r][v]);
                }
            }
        }
        let mut buffer = [R::ZERO; COLUMNS_F32];
        let count = R::COLUMNS.min(self.right.outputs - column);
        for r in 0..N {
            for (to, sum) in R::vectors_mut::<S>(&mut buffer).iter_mut().zip(sums[r]) {
                *to = sum;
            }
            self.put(row + r, column, &buffer[..count]);
        }
    }

    #[inline(always)]
    fn put(&mut self, row: usize, column: usize, sums: &[R]) {
        let to = &mut self.to.data[row * self.to.stride + self.to.first + column..][..sums.len()];
        match self.to.put {
            Put::Set => to.copy_from_slice(sums),
            Put::Bias(bias) => {
                to.iter_mut().zip(sums).zip(&bias[column..]).for_each(|((to, sum), bias)| *to = *sum + *bias);
            }
            Put::Add => to.iter_mut().zip(sums).for_each(|(to, sum)| *to += *sum),
            Put::AddBias(bias) => {
                to.iter_mut().zip(sums).zip(&bias[column..]).for_each(|((to, sum), bias)| *to += *sum + *bias);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gaussian;
    use super::*;

    /// Every vector gives what plain sums in order give, bit for bit.
    fn compare<R: Real>() {
        for (rows, depth, outputs) in [(1, 1, 1), (2, 5, 3), (7, 33, 40), (81, 32, 81), (23, 700, 17)] {
            let (stride, first) = (depth + 3, 2);
            let left = gaussian::<R>(1, 0, rows * stride);
            let right = gaussian::<R>(1, 1, outputs * (depth + 1));
            let bias = gaussian::<R>(1, 2, outputs);
            let before = gaussian::<R>(1, 3, rows * (outputs + 1));
            // The same factor, from its rows and from its columns.
            let mut panels = Panels::new(depth, outputs);
            panels.fill_transposed(&right, depth + 1, 1, 0);
            let columns: Vec<R> =
                (0..depth * outputs).map(|i| right[i % outputs * (depth + 1) + 1 + i / outputs]).collect();
            let mut other = Panels::new(depth, outputs);
            other.fill(&columns, outputs, 0);
            assert_eq!(panels.data, other.data);
            let dot = |row: usize, o: usize| {
                (0..depth).fold(R::ZERO, |sum, k| sum + left[row * stride + first + k] * columns[k * outputs + o])
            };
            for put in [Put::Set, Put::Bias(&bias), Put::Add, Put::AddBias(&bias)] {
                let mut got = before.clone();
                let from = Left { data: &left, stride, first, depth, rows };
                multiply(from, &panels, To { data: &mut got, stride: outputs + 1, first: 1, put });
                for (i, (got, before)) in got.iter().zip(&before).enumerate() {
                    let (row, Some(o)) = (i / (outputs + 1), (i % (outputs + 1)).checked_sub(1)) else {
                        assert_eq!(got, before);
                        continue;
                    };
                    let want = match put {
                        Put::Set => dot(row, o),
                        Put::Bias(bias) => dot(row, o) + bias[o],
                        Put::Add => *before + dot(row, o),
                        Put::AddBias(bias) => *before + (dot(row, o) + bias[o]),
                    };
                    assert_eq!(*got, want, "{rows} {depth} {outputs}");
                }
            }
        }
    }

    #[test]
    fn products_are_sums_in_order() {
        compare::<f32>();
        compare::<f64>();
    }
}
