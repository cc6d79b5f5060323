//! Gradients of maps with a side of a few digits.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::common::{Buffer, Common, LANES, UNITS};
use crate::gpu::V4;
use crate::train::Map;

/// Adds Σ_r narrow[r, ·] wide[r, ·] of a group of rows to its sums: as [count, d] with Σ narrow for the bias, or with
/// `turned` as [d, count] with Σ wide.
#[cube(launch_unchecked)]
fn learn_thin(
    narrow: &[f32],
    wide: &[V4],
    partials: &mut [f32],
    narrow_at: u32,
    wide_at: u32,
    matrix: u32,
    bias: u32,
    count: u32,
    rows: u32,
    group_rows: u32,
    sum_stride: u32,
    #[comptime] width: usize,
    #[comptime] most: usize,
    #[comptime] turned: bool,
) {
    let d4 = comptime!(width / 4);
    let splits = comptime!(UNITS / (width / 4));
    let unit = UNIT_POS as usize;
    let (split, column) = (unit / d4, unit % d4);
    let group = CUBE_POS_X as usize;
    let end = min((group + 1) * group_rows as usize, rows as usize);
    let count = count as usize;
    let mut acc = Array::<V4>::new(most);
    let mut ones = Array::<f32>::new(most);
    let mut of_wide = V4::new(0.0f32);
    #[unroll]
    for i in 0..most {
        acc[i] = V4::new(0.0f32);
        ones[i] = f32::new(0.0f32);
    }
    if split < splits {
        let mut row = group * group_rows as usize + split;
        while row < end {
            let v = wide[wide_at as usize + row * d4 + column];
            of_wide = of_wide + v;
            #[unroll]
            for i in 0..most {
                if i < count {
                    let n = narrow[narrow_at as usize + row * count + i];
                    acc[i] = acc[i] + v * V4::new(n);
                    if comptime!(!turned) {
                        ones[i] += n;
                    }
                }
            }
            row += splits;
        }
    }
    let start = group * sum_stride as usize;
    let matrix = start + matrix as usize;
    let bias = start + bias as usize;
    let mut parts = Shared::<[V4]>::new_slice(UNITS);
    #[unroll]
    for i in 0..most {
        parts[unit] = acc[i];
        sync_cube();
        if unit < d4 && i < count {
            let sum = over_splits(&parts, unit, d4, splits);
            #[unroll]
            for j in 0..4usize {
                let mut at = matrix + i * width + 4 * unit + j;
                if turned {
                    at = matrix + (4 * unit + j) * count + i;
                }
                partials[at] += sum.extract(j);
            }
        }
        sync_cube();
        if comptime!(!turned) {
            parts[unit] = V4::new(ones[i]);
            sync_cube();
            if unit == 0 && i < count {
                let sum = over_splits(&parts, 0usize, d4, splits);
                partials[bias + i] += sum.extract(0usize);
            }
            sync_cube();
        }
    }
    if turned {
        parts[unit] = of_wide;
        sync_cube();
        if unit < d4 {
            let sum = over_splits(&parts, unit, d4, splits);
            #[unroll]
            for j in 0..4usize {
                partials[bias + 4 * unit + j] += sum.extract(j);
            }
        }
    }
}

#[cube]
fn over_splits(parts: &Shared<[V4]>, unit: usize, #[comptime] d4: usize, #[comptime] splits: usize) -> V4 {
    let mut sum = V4::new(0.0f32);
    for s in 0..splits {
        sum = sum + parts[s * d4 + unit];
    }
    sum
}

/// Queues such a gradient of all groups: values and the place where they begin. `narrow` has `count` columns.
pub(super) fn learn(
    common: &Common,
    narrow: (&Buffer, usize),
    wide: (&Buffer, usize),
    map: Map,
    count: usize,
    turned: bool,
) {
    let s = common.spec.sizes;
    // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
    unsafe {
        learn_thin::launch_unchecked(
            &common.client,
            CubeCount::Static(common.groups as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            narrow.0.values(),
            wide.0.vectors(),
            common.partials.values(),
            narrow.1 as u32,
            (wide.1 / LANES) as u32,
            map.weight as u32,
            map.bias as u32,
            count as u32,
            common.rows as u32,
            common.group_rows() as u32,
            common.sum_stride as u32,
            s.width,
            s.digits + 1,
            turned,
        );
    }
}
