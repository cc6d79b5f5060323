//! Dropout factors by vectors of counters.

use pulp::{Simd, WithSimd};

use crate::train::Dropout;

/// Counters that go together.
const TOGETHER: usize = 32;

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
        // Up to the next whole counter.
        let (head, to) = to.split_at_mut((first.next_multiple_of(4) - first).min(to.len()));
        dropout.factors(iteration, site, first, head);
        let (threshold, keep) = (dropout.threshold(), dropout.keep());
        let factor = |word: u64| if (word as u32) < threshold { 0.0 } else { keep };
        let mut words = [0; 2 * TOGETHER];
        let mut block = first.div_ceil(4) as u32;
        for chunk in to.chunks_mut(4 * TOGETHER) {
            fill(dropout, iteration << 16 | site, block, &mut words);
            block = block.wrapping_add(TOGETHER as u32);
            let mut pairs = chunk.chunks_exact_mut(2);
            for (pair, two) in (&mut pairs).zip(&words) {
                pair[0] = factor(*two);
                pair[1] = factor(*two >> 32);
            }
            let odd = chunk.len() / 2;
            if let [last] = chunk.chunks_exact_mut(2).into_remainder() {
                *last = factor(words[odd]);
            }
        }
    }
}

/// The words of some counters from `block` on, two in every number.
///
/// Counters are taken one after the other, so that the compiler takes as many at a time as a vector has room for. A
/// word lies in the low half of 64 bits; what is in the high half is cut off by the next product.
#[inline(always)]
fn fill(dropout: &Dropout, place: u32, block: u32, words: &mut [u64; 2 * TOGETHER]) {
    const LOW: u64 = 0xFFFF_FFFF;
    const M0: u64 = 0xD251_1F53;
    const M1: u64 = 0xCD9E_8D57;
    let key = |start: u64, by: u64| -> [u64; 10] { std::array::from_fn(|round| (start + by * round as u64) & LOW) };
    let (k0, k1) = (key(dropout.seed & LOW, 0x9E37_79B9), key(dropout.seed >> 32, 0xBB67_AE85));
    for (i, two) in words.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let (mut c0, mut c1) = (u64::from(block) + i as u64, u64::from(place));
        let (mut c2, mut c3) = (u64::from(dropout.step), u64::from(dropout.stream));
        for round in 0..10 {
            let (p0, p1) = (M0 * (c0 & LOW), M1 * (c2 & LOW));
            (c0, c1) = ((p1 >> 32) ^ c1 ^ k0[round], p1);
            (c2, c3) = ((p0 >> 32) ^ c3 ^ k1[round], p0);
        }
        *two = [c0 & LOW | c1 << 32, c2 & LOW | c3 << 32];
    }
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
