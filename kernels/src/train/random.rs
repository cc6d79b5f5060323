//! Dropout masks from a counter: the value at an index depends on the key and the index alone.

/// The key of a step's dropout masks. They are those of `config/random.rs` of the program, bit for bit: the factor
/// of the value at `index` of a site comes from word `index % 4` of
/// Philox4x32-10([index / 4, iteration << 16 | site, step, stream], seed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The share of values that become zero; the others are divided by what remains.
    pub rate: f64,
    /// The run's seed.
    pub seed: u64,
    /// The stream's number.
    pub stream: u32,
    /// Optimizer step, from 0.
    pub step: u32,
}

impl Dropout {
    /// A value is dropped where its word is below this.
    #[must_use]
    pub fn threshold(&self) -> u32 {
        (f64::from(self.rate as f32) * 4_294_967_296.0) as u32
    }

    /// What the others are multiplied by.
    #[must_use]
    pub fn keep(&self) -> f32 {
        1.0 / (1.0 - self.rate as f32)
    }

    /// Words of a site from index 4 · `block` on. The iteration counts from 1; a site is four times the block's
    /// number, plus 0 for attention weights [boards, heads, cells, cells], 1 for the output projection [rows, d],
    /// 2 for the hidden layer after ReLU [rows, F], 3 for what the second linear map gives [rows, d].
    #[must_use]
    pub fn words(&self, iteration: u32, site: u32, block: u32) -> [u32; 4] {
        philox4x32(
            [block, iteration << 16 | site, self.step, self.stream],
            [self.seed as u32, (self.seed >> 32) as u32],
        )
    }

    /// Writes the factors of the values from index `first` on.
    pub fn factors(&self, iteration: u32, site: u32, first: usize, out: &mut [f32]) {
        let (threshold, keep) = (self.threshold(), self.keep());
        let mut at = 0;
        while at < out.len() {
            let index = first + at;
            let words = self.words(iteration, site, (index / 4) as u32);
            for word in &words[index % 4..] {
                if at == out.len() {
                    return;
                }
                out[at] = if *word < threshold { 0.0 } else { keep };
                at += 1;
            }
        }
    }
}

/// Philox4x32 with ten rounds (Salmon et al., “Parallel random numbers: as easy as 1, 2, 3”, SC 2011).
#[must_use]
pub fn philox4x32(mut c: [u32; 4], mut k: [u32; 2]) -> [u32; 4] {
    const M0: u64 = 0xD251_1F53;
    const M1: u64 = 0xCD9E_8D57;
    for _ in 0..10 {
        let p0 = M0 * u64::from(c[0]);
        let p1 = M1 * u64::from(c[2]);
        c = [(p1 >> 32) as u32 ^ c[1] ^ k[0], p1 as u32, (p0 >> 32) as u32 ^ c[3] ^ k[1], p0 as u32];
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of the known answers of the Random123 distribution.
    #[test]
    fn published_vectors() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox4x32([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn factors_depend_on_the_index_alone() {
        let dropout = Dropout { rate: 0.25, seed: 7, stream: 4, step: 3 };
        let (mut all, mut part) = (vec![0.0; 100], vec![0.0; 31]);
        dropout.factors(2, 5, 0, &mut all);
        dropout.factors(2, 5, 13, &mut part);
        assert_eq!(all[13..44], part[..]);
        assert!(all.contains(&0.0) && all.contains(&(1.0 / 0.75)));
    }
}
