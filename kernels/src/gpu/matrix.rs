//! Cooperative matrices in half precision: squares of 16 × 16, and products of them.
//!
//! Squares are read through vectors of eight values: read value by value, or from rows that lie far apart, they cost
//! a look-up a row, and those look-ups were the limit.

use cubecl::prelude::*;
use half::f16;

use super::kernel::V4;
use super::matrix_plan::{DEEP, EDGE, MatrixPlan, TILE};

/// Four values in half precision.
pub(crate) type H4 = Vector<f16, Const<4>>;
/// Eight values in half precision, or four in single, as they are read from memory at once.
pub(crate) type Bits = Vector<u32, Const<4>>;

/// Values at the end of a row of workgroup memory that are not used, so that rows start in different banks.
pub(crate) const GAP: usize = 8;

/// The stride of rows of `values` in half precision, as vectors of [`Bits`] count it.
fn stride_of(values: usize) -> u32 {
    values as u32 / 2
}

/// A square as the first factor; `stride` values lie between two rows.
#[cube]
pub(crate) fn first_factor(rows: &[Bits], at: usize, #[comptime] stride: usize) -> cmma::Matrix<f16> {
    let mut a = unsafe {
        cmma::Matrix::<f16>::uninitialized(
            cmma::MatrixIdent::A,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::RowMajor,
        )
    };
    cmma::load(&mut a, &rows[at..at + comptime!(((EDGE - 1) * stride + EDGE) / 8)], comptime!(stride_of(stride)));
    a
}

/// A square that lies by itself as the second factor, column by column where it is `turned`.
#[cube]
pub(crate) fn second_factor(squares: &[Bits], at: usize, #[comptime] turned: bool) -> cmma::Matrix<f16> {
    let mut b = unsafe {
        cmma::Matrix::<f16>::uninitialized(
            cmma::MatrixIdent::B,
            16usize,
            16usize,
            16usize,
            comptime!(if turned { cmma::MatrixLayout::ColMajor } else { cmma::MatrixLayout::RowMajor }),
        )
    };
    cmma::load(&mut b, &squares[at..at + comptime!(EDGE * EDGE / 8)], comptime!(stride_of(EDGE)));
    b
}

/// No sum yet.
#[cube]
pub(crate) fn empty() -> cmma::Matrix<f32> {
    cmma::Matrix::<f32>::from_value(
        cmma::MatrixIdent::Accumulator,
        16usize,
        16usize,
        16usize,
        cmma::MatrixLayout::Undefined,
        0.0,
    )
}

/// acc += input · W: this plane's column of squares and all rows of the tile. `input` is a tile in workgroup memory,
/// the column of W begins at the value `at`.
#[cube]
pub(super) fn multiply(
    input: &[Bits],
    weights: &[Bits],
    at: usize,
    acc: &mut Sequence<cmma::Matrix<f32>>,
    #[comptime] plan: MatrixPlan,
) {
    let stride = comptime!(plan.sizes.width + GAP);
    for some in 0..comptime!(plan.sizes.width / EDGE / DEEP) {
        #[unroll]
        for one in 0..DEEP {
            let k = some * DEEP + one;
            let b = second_factor(weights, at / 8 + k * comptime!(EDGE * EDGE / 8), true);
            #[unroll]
            for r in 0..comptime!(TILE / EDGE) {
                let first = comptime!(r * EDGE * stride / 8) + k * comptime!(EDGE / 8);
                let a = first_factor(input, first, stride);
                let c = acc.index(r);
                cmma::execute(&a, &b, c, c);
            }
        }
    }
}

/// Accumulators that begin with a bias: `biases` [EDGE, columns], every row the same.
#[cube]
pub(crate) fn biased(biases: &[f32], at: usize, #[comptime] columns: usize) -> Sequence<cmma::Matrix<f32>> {
    let mut acc = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for _ in 0..comptime!(TILE / EDGE) {
        acc.push(cmma::Matrix::<f32>::from_slice(
            cmma::MatrixIdent::Accumulator,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::RowMajor,
            &biases[at..at + comptime!((EDGE - 1) * columns + EDGE)],
            comptime!(columns as u32),
        ));
    }
    acc
}

/// Accumulators that begin with the residual stream, [rows, d], from a vector of it on.
#[cube]
pub(super) fn residual_of(residual: &mut [V4], at: usize, #[comptime] width: usize) -> Sequence<cmma::Matrix<f32>> {
    let mut acc = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for r in 0..comptime!(TILE / EDGE) {
        let first = at + comptime!(r * EDGE * width / 4);
        let mut square = unsafe {
            cmma::Matrix::<f32>::uninitialized(
                cmma::MatrixIdent::Accumulator,
                16usize,
                16usize,
                16usize,
                cmma::MatrixLayout::RowMajor,
            )
        };
        cmma::load_with_layout(
            &mut square,
            &residual[first..first + comptime!(((EDGE - 1) * width + EDGE) / 4)],
            comptime!(width as u32),
            cmma::MatrixLayout::RowMajor,
        );
        acc.push(square);
    }
    acc
}

/// Puts accumulators into workgroup memory as f16, at a column of squares.
#[cube]
pub(crate) fn put_half(
    to: &mut Shared<[Bits]>,
    column: usize,
    acc: &Sequence<cmma::Matrix<f32>>,
    #[comptime] width: usize,
) {
    #[unroll]
    for r in 0..comptime!(TILE / EDGE) {
        let first = column * comptime!(EDGE / 8) + comptime!(r * EDGE * (width + GAP) / 8);
        let half = cmma::cast::<f32, f16, cmma::Plane>(acc.index(r));
        cmma::store(
            &mut to[first..first + comptime!(((EDGE - 1) * (width + GAP) + EDGE) / 8)],
            &half,
            comptime!(stride_of(width + GAP)),
            cmma::MatrixLayout::RowMajor,
        );
    }
}

/// Eight values as f16.
#[cube]
pub(crate) fn pack8(low: V4, high: V4) -> Bits {
    pack_halves(H4::cast_from(low), H4::cast_from(high))
}

/// Two vectors of four as one.
#[cube]
pub(crate) fn pack_halves(low: H4, high: H4) -> Bits {
    let low = Vector::<u32, Const<2>>::reinterpret(low);
    let high = Vector::<u32, Const<2>>::reinterpret(high);
    let mut bits = Bits::new(0u32);
    bits.insert(0usize, low.extract(0usize));
    bits.insert(1usize, low.extract(1usize));
    bits.insert(2usize, high.extract(0usize));
    bits.insert(3usize, high.extract(1usize));
    bits
}

/// The first or the second four of eight values.
#[cube]
pub(crate) fn half_of(bits: Bits, #[comptime] second: bool) -> H4 {
    let mut two = Vector::<u32, Const<2>>::new(0u32);
    two.insert(0usize, bits.extract(comptime!(if second { 2usize } else { 0usize })));
    two.insert(1usize, bits.extract(comptime!(if second { 3usize } else { 1usize })));
    H4::reinterpret(two)
}

/// Where a square of queries (0), keys (1) or values (2) begins, in vectors of eight: squares of 16 rows and columns
/// lie by themselves, those of a board and head side by side. `group` counts boards times heads.
#[cube]
pub(crate) fn place_of(
    which: usize,
    group: usize,
    groups: usize,
    square: usize,
    #[comptime] plan: MatrixPlan,
) -> usize {
    ((which * groups + group) * comptime!(plan.squares()) + square) * comptime!(EDGE * EDGE / 8)
}
