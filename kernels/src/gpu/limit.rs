//! What a card could do at most: multiply-adds of numbers, and products of matrices, that never leave their registers.

use cubecl::prelude::*;

use super::kernel::V4;
use super::matrix::{Bits, empty, first_factor, second_factor};
use super::matrix_plan::EDGE;
use super::{Client, GpuError};

/// Sums of four values that do not wait for each other.
const SUMS: usize = 8;
/// Units of a workgroup.
const UNITS: usize = 256;
/// Workgroups: some for every part of the largest card.
const GROUPS: usize = 2048;

#[cube(launch_unchecked)]
fn chains(factor: &[V4], out: &mut [V4], rounds: u32) {
    let a = factor[0];
    let mut sums = Array::<V4>::new(SUMS);
    #[unroll]
    for k in 0..SUMS {
        sums[k] = a;
    }
    for _ in 0..rounds {
        #[unroll]
        for k in 0..SUMS {
            sums[k] = fma(sums[k], a, a);
        }
    }
    let mut sum = sums[0];
    #[unroll]
    for k in 1..SUMS {
        sum += sums[k];
    }
    out[ABSOLUTE_POS] = sum;
}

/// Does `rounds` times eight multiply-adds of four values on every unit of 2,048 workgroups and waits for them.
/// Returns how many operations that were, two for each multiply-add; whoever calls takes the time.
///
/// # Errors
/// A device that fails.
pub async fn multiply_adds(client: &Client, rounds: u32) -> Result<f64, GpuError> {
    let factor = client.create_from_slice(f32::as_bytes(&[0.5; 4]));
    let vectors = UNITS * GROUPS;
    let out = client.empty(16 * vectors);
    // SAFETY: one vector is read, and each unit writes the one of its own number.
    unsafe {
        chains::launch_unchecked(
            client,
            CubeCount::new_1d(GROUPS as u32),
            CubeDim::new_1d(UNITS as u32),
            BufferArg::from_raw_parts(factor, 1),
            BufferArg::from_raw_parts(out.clone(), vectors),
            rounds,
        );
    }
    let first = out.offset_end(16 * (vectors as u64 - 1));
    client.read_async(vec![first]).await.map_err(|e| GpuError(format!("{e:?}")))?;
    Ok(8.0 * f64::from(rounds) * (SUMS * vectors) as f64)
}

/// Workgroups of products of matrices: two for each part of the largest card, eight planes each.
const PRODUCT_GROUPS: usize = 264;

#[cube(launch_unchecked)]
fn products(factors: &[Bits], out: &mut [V4], rounds: u32) {
    let a = first_factor(factors, 0usize, EDGE);
    let b = second_factor(factors, 0usize, true);
    let mut sums = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for _ in 0..SUMS {
        sums.push(empty());
    }
    for _ in 0..rounds {
        #[unroll]
        for k in 0..SUMS {
            let sum = sums.index(k);
            cmma::execute(&a, &b, sum, sum);
        }
    }
    let plane = CUBE_POS_X as usize * comptime!(UNITS / 32) + UNIT_POS as usize / 32;
    #[unroll]
    for k in 0..SUMS {
        let at = (plane * SUMS + k) * comptime!(EDGE * EDGE / 4);
        cmma::store(
            &mut out[at..at + comptime!(EDGE * EDGE / 4)],
            sums.index(k),
            comptime!(EDGE as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
}

/// Does `rounds` times eight products of 16 × 16 matrices, f16 summed in f32, on every plane and waits for them; only
/// where [`super::HalfLoop`] runs. Returns how many operations that were.
///
/// # Errors
/// A device that fails.
pub async fn matrix_products(client: &Client, rounds: u32) -> Result<f64, GpuError> {
    let halves = vec![half::f16::from_f32(0.5); EDGE * EDGE];
    let factors = client.create_from_slice(half::f16::as_bytes(&halves));
    let planes = PRODUCT_GROUPS * UNITS / 32;
    let vectors = planes * SUMS * EDGE * EDGE / 4;
    let out = client.empty(16 * vectors);
    // SAFETY: one square is read, and each plane writes the squares of its own number.
    unsafe {
        products::launch_unchecked(
            client,
            CubeCount::new_1d(PRODUCT_GROUPS as u32),
            CubeDim::new_1d(UNITS as u32),
            BufferArg::from_raw_parts(factors, EDGE * EDGE / 8),
            BufferArg::from_raw_parts(out.clone(), vectors),
            rounds,
        );
    }
    let first = out.offset_end(16 * (vectors as u64 - 1));
    client.read_async(vec![first]).await.map_err(|e| GpuError(format!("{e:?}")))?;
    Ok(2.0 * f64::from(rounds) * (SUMS * planes * EDGE.pow(3)) as f64)
}
