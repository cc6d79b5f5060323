//! Randomness is ours: a counter-based generator, keyed by (seed, stream, step, iteration, site,
//! index). The value at a key depends on nothing else, so it is the same on every device, in every
//! kernel and after every resume, and a checkpoint needs only the seed and the step.
//!
//! The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011); the tests hold its published vectors.

/// What a random number is for. Streams never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial weights: `site` counts the parameters.
    Weights = 1,
    /// Which puzzle stands where in a batch.
    Data = 2,
    /// The symmetry that is applied to it.
    Augmentation = 3,
    /// Dropout masks.
    Dropout = 4,
    /// Puzzles made for evaluation.
    Evaluation = 5,
    /// Puzzles made for training.
    Training = 6,
    /// Bootstrap and other statistics.
    Statistics = 7,
    /// Noise on a state and cells that are disturbed, in measurements.
    Disturbance = 8,
    /// Which boards go on with their state in a training's next step.
    Carry = 9,
}

/// Where a random number is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The run's seed.
    pub seed: u64,
    /// What it is for.
    pub stream: Stream,
    /// Optimizer step.
    pub step: u32,
    /// Iteration inside the forward pass.
    pub iteration: u16,
    /// Place in the network or parameter.
    pub site: u16,
}

impl Key {
    /// A key at step 0, iteration 0, site 0.
    #[must_use]
    pub fn new(seed: u64, stream: Stream) -> Self {
        Self { seed, stream, step: 0, iteration: 0, site: 0 }
    }

    /// The same key at another step.
    #[must_use]
    pub fn at_step(mut self, step: u32) -> Self {
        self.step = step;
        self
    }

    /// The same key at another iteration and site.
    #[must_use]
    pub fn at(mut self, iteration: u16, site: u16) -> Self {
        self.iteration = iteration;
        self.site = site;
        self
    }

    /// Four words at block `block`.
    #[must_use]
    pub fn block(&self, block: u32) -> [u32; 4] {
        let place = (u32::from(self.iteration) << 16) | u32::from(self.site);
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        philox4x32([block, place, self.step, self.stream as u32], key)
    }

    /// The word at `index`.
    #[must_use]
    pub fn word(&self, index: u32) -> u32 {
        self.block(index / 4)[(index % 4) as usize]
    }

    /// A 64-bit value at `index`, for seeding generators of other crates.
    #[must_use]
    pub fn wide(&self, index: u32) -> u64 {
        let b = self.block(index);
        (u64::from(b[0]) << 32) | u64::from(b[1])
    }

    /// An integer in `0..bound` at `index` (multiply-shift; the bias is below `bound` / 2³²).
    #[must_use]
    pub fn below(&self, index: u32, bound: usize) -> usize {
        ((u64::from(self.word(index)) * bound as u64) >> 32) as usize
    }

    /// `count` values uniform in [-`bound`, `bound`), with 24 random bits each.
    #[must_use]
    pub fn uniform(&self, count: usize, bound: f32) -> Vec<f32> {
        self.words(0, count).map(|w| ((w >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0) * bound).collect()
    }

    /// `count` values of a standard normal distribution from index `first` on, by Box and Muller: two words make
    /// two values, so `first` is even.
    #[must_use]
    pub fn normal(&self, first: usize, count: usize) -> Vec<f32> {
        let words: Vec<u32> = self.words(first, count.next_multiple_of(2)).collect();
        let pairs = words.chunks_exact(2).flat_map(|pair| {
            // (0, 1], so that the logarithm is finite.
            let u = (f64::from(pair[0]) + 1.0) / 4_294_967_296.0;
            let (radius, angle) =
                ((-2.0 * u.ln()).sqrt(), std::f64::consts::TAU * f64::from(pair[1]) / 4_294_967_296.0);
            [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
        });
        pairs.take(count).collect()
    }

    /// The dropout factors from index `first` on, `count` of them: 0 with probability `rate`, else
    /// 1 / (1 - `rate`).
    #[must_use]
    pub fn dropout(&self, first: usize, count: usize, rate: f32) -> Vec<f32> {
        let keep = 1.0 / (1.0 - rate);
        let threshold = (f64::from(rate) * 4_294_967_296.0) as u32;
        self.words(first, count).map(|w| if w < threshold { 0.0 } else { keep }).collect()
    }

    fn words(&self, first: usize, count: usize) -> impl Iterator<Item = u32> + '_ {
        let blocks = (first / 4) as u32..(first + count).div_ceil(4) as u32;
        blocks.flat_map(|b| self.block(b)).skip(first % 4).take(count)
    }
}

/// Philox4x32 with ten rounds.
fn philox4x32(mut c: [u32; 4], mut k: [u32; 2]) -> [u32; 4] {
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

    #[test]
    fn normal_values_have_the_moments_of_a_normal_distribution() {
        let values = Key::new(3, Stream::Disturbance).normal(0, 100_001);
        let moment = |p: i32| values.iter().map(|v| f64::from(*v).powi(p)).sum::<f64>() / values.len() as f64;
        assert!(moment(1).abs() < 0.01 && (moment(2) - 1.0).abs() < 0.02 && (moment(4) - 3.0).abs() < 0.1);
        assert_eq!(Key::new(3, Stream::Disturbance).normal(10, 4), values[10..14]);
    }

    /// The known answers of the Random123 distribution for philox4x32-10.
    #[test]
    fn published_vectors() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox4x32([0xffff_ffff; 4], [0xffff_ffff; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn uniform_fills_its_interval() {
        let v = Key::new(7, Stream::Weights).uniform(10_000, 0.5);
        let mean = v.iter().sum::<f32>() / v.len() as f32;
        assert!(v.iter().all(|x| (-0.5..0.5).contains(x)));
        assert!(mean.abs() < 0.01, "{mean}");
    }

    #[test]
    fn dropout_keeps_the_mean() {
        let v = Key::new(7, Stream::Dropout).at_step(3).at(2, 1).dropout(0, 100_000, 0.1);
        let zeros = v.iter().filter(|x| **x == 0.0).count() as f32 / v.len() as f32;
        assert!((zeros - 0.1).abs() < 0.005, "{zeros}");
        assert_eq!(v[101..205], Key::new(7, Stream::Dropout).at_step(3).at(2, 1).dropout(101, 104, 0.1));
        assert_ne!(v, Key::new(7, Stream::Dropout).at_step(4).at(2, 1).dropout(0, 100_000, 0.1));
    }
}
