//! Dropout factors by vectors of counters.

use pulp::{Simd, WithSimd};

use crate::train::Dropout;

/// Counters that go together.
const LANES: usize = 8;

/// The factors of a site from index `first` on, as [`Dropout::factors`] has them.
pub(super) struct Fill<'a> {
    pub dropout: &'a Dropout,
    pub iteration: u32,
    pub site: u32,
    pub first: usize,
    pub to: &'a mut [f32],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { dropout, iteration, site, first, to } = self;
        // Up to the next whole counter, and what is left at the end.
        let (head, to) = to.split_at_mut((first.next_multiple_of(4) - first).min(to.len()));
        dropout.factors(iteration, site, first, head);
        let block = first.div_ceil(4);
        let (threshold, keep) = (dropout.threshold(), dropout.keep());
        let mut chunks = to.chunks_exact_mut(4 * LANES);
        let mut at = block;
        for chunk in &mut chunks {
            let words = words(dropout, iteration << 16 | site, at as u32);
            for (to, word) in chunk.iter_mut().zip(&words) {
                *to = if *word < threshold { 0.0 } else { keep };
            }
            at += LANES;
        }
        dropout.factors(iteration, site, 4 * at, chunks.into_remainder());
    }
}

/// The words of eight counters from `block` on. The four words of every counter lie in the low halves of 64 bits;
/// what is in the high halves is cut off by the next product.
#[inline(always)]
fn words(dropout: &Dropout, place: u32, block: u32) -> [u32; 4 * LANES] {
    const LOW: u64 = 0xFFFF_FFFF;
    const M0: u64 = 0xD251_1F53;
    const M1: u64 = 0xCD9E_8D57;
    let mut c0 = [0u64; LANES];
    for i in 0..LANES {
        c0[i] = u64::from(block.wrapping_add(i as u32));
    }
    let mut c1 = [u64::from(place); LANES];
    let mut c2 = [u64::from(dropout.step); LANES];
    let mut c3 = [u64::from(dropout.stream); LANES];
    let (mut k0, mut k1) = (dropout.seed as u32, (dropout.seed >> 32) as u32);
    for _ in 0..10 {
        for i in 0..LANES {
            let (p0, p1) = (M0 * (c0[i] & LOW), M1 * (c2[i] & LOW));
            c0[i] = (p1 >> 32) ^ c1[i] ^ u64::from(k0);
            c1[i] = p1;
            c2[i] = (p0 >> 32) ^ c3[i] ^ u64::from(k1);
            c3[i] = p0;
        }
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    let mut words = [0; 4 * LANES];
    for i in 0..LANES {
        words[4 * i] = c0[i] as u32;
        words[4 * i + 1] = c1[i] as u32;
        words[4 * i + 2] = c2[i] as u32;
        words[4 * i + 3] = c3[i] as u32;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Processor;

    #[test]
    fn factors_are_those_of_the_plain_generator() {
        let dropout = Dropout { rate: 0.3, seed: 0x1234_5678_9abc_def0, stream: 4, step: 17 };
        for (first, len) in [(0, 256), (3, 2), (5, 100), (64, 33), (1_000_001, 77)] {
            let (mut want, mut got) = (vec![0.0; len], vec![1.0; len]);
            dropout.factors(9, 6, first, &mut want);
            Processor::find().run(Fill { dropout: &dropout, iteration: 9, site: 6, first, to: &mut got });
            assert_eq!(got, want);
        }
    }
}
