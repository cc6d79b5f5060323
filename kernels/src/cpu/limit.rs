//! What the processor could do at most: multiply-adds of numbers that never leave their registers.

use pulp::{Simd, WithSimd};

use super::Processor;

/// Sums that do not wait for each other: more than a multiply-add takes steps, times the units that do them.
const SUMS: usize = 12;

/// Does `rounds` · 12 multiply-adds of whole vectors on each of `threads` threads. Returns how many operations
/// that were, two for each multiply-add; whoever calls takes the time.
#[must_use]
pub fn multiply_adds(rounds: usize, threads: usize) -> f64 {
    let threads = if cfg!(target_family = "wasm") { 1 } else { threads.max(1) };
    let processor = Processor::find();
    let one = move || processor.run(Chains { rounds });
    let lanes = if threads == 1 {
        one()
    } else {
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
            let lanes = one();
            others.into_iter().for_each(|o| drop(o.join()));
            lanes
        })
    };
    2.0 * (rounds * SUMS * lanes * threads) as f64
}

/// Independent chains of multiply-adds.
struct Chains {
    rounds: usize,
}

impl WithSimd for Chains {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        // Values that stay bounded and that the compiler cannot foresee.
        let factor = simd.splat_f32s(std::hint::black_box(0.5));
        let term = simd.splat_f32s(std::hint::black_box(1.0));
        let mut sums = [simd.splat_f32s(std::hint::black_box(0.0)); SUMS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, factor, term);
            }
        }
        std::hint::black_box(sums.into_iter().map(|s| simd.reduce_sum_f32s(s)).sum::<f32>());
        S::F32_LANES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted() {
        let one = multiply_adds(100, 1);
        // Some whole number of lanes.
        let lanes = one / (2.0 * 100.0 * SUMS as f64);
        assert!(lanes >= 1.0 && lanes.fract() == 0.0, "{lanes}");
        assert_eq!(multiply_adds(300, 2), 6.0 * one);
    }
}
