//! The training recipe (`specs/sudoku.md` §2).

use serde::{Deserialize, Serialize};

/// A curriculum phase: until `until_step`, only puzzles rated at least `least_rating` are drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// The phase ends before this step.
    pub until_step: u32,
    /// The least rating (guesses) that is drawn.
    pub least_rating: u32,
}

/// How precisely the products of a training are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// f32 throughout.
    #[default]
    Full,
    /// Factors in half precision, their sums, weights and all that is carried on in f32: on graphics cards with
    /// cooperative matrices. Elsewhere as [`Precision::Full`].
    Mixed,
}

impl Precision {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Full, Self::Mixed];

    /// One word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Mixed => "mixed",
        }
    }
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|p| p.word() == s);
        found.ok_or_else(|| format!("“{s}” is no precision; there are full and mixed"))
    }
}

/// Losses that ask an answer to stay right once it is (`specs/sudoku.md` §4.1). With c = 1 where the arg-max of the
/// iteration before is right (no gradient through c), ce the cross-entropy of a cell, all sums over the batch's
/// empty cells, M their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FixedPointLoss {
    /// The plain loss: every iteration Σ ce / M.
    #[default]
    None,
    /// From the second iteration on Σ ce (1 + c) / M.
    Preserve,
    /// From the second iteration on Σ c ‖P_t − onehot(y)‖² / max(1, Σ c) more.
    L2,
    /// From the second iteration on Σ c ‖P_t − P_(t−1)‖² / max(1, Σ c) more, without gradient through P_(t−1).
    Copy,
    /// From the second iteration on Σ ce (1 − c) / M: a cell that is right has no loss.
    Mask,
}

impl FixedPointLoss {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Preserve, Self::L2, Self::Copy, Self::Mask];

    /// Whether a term is divided by a number of the whole batch that is known only after the pass forward, Σ c: then
    /// a batch goes through in one part.
    #[must_use]
    pub fn needs_whole_batch(self) -> bool {
        matches!(self, Self::L2 | Self::Copy)
    }
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Iterations T of a training forward pass, all of them supervised.
    pub iterations: u32,
    /// Boards in a batch.
    pub batch: usize,
    /// Optimizer steps of the whole run; the cosine ends here.
    pub steps: u32,
    /// Peak learning rate of AdamW.
    pub peak_lr: f64,
    /// Steps of linear warm-up.
    pub warmup: u32,
    /// The last learning rate as a share of the peak.
    pub floor: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay, on every parameter.
    pub weight_decay: f64,
    /// Dropout rate at the four sites of a block.
    pub dropout: f64,
    /// Whether each drawn puzzle is put through a random Sudoku symmetry.
    pub augment: bool,
    /// How precisely products are computed, where the device leaves a choice.
    pub precision: Precision,
    /// Decay of the moving average of the weights, which is then what is looked at and shipped; 0 keeps none.
    pub ema: f64,
    /// An explicit fixed-point loss.
    pub fixed_point: FixedPointLoss,
    /// Chance that a board goes on with its state for another T iterations in the next step, instead of giving its
    /// place to a new one. The gradient stays within a step. 0 begins every board anew.
    pub carry: f64,
    /// The first step whose boards may go on.
    pub carry_from: u32,
    /// Share of a batch's places whose boards may go on; the others hold new boards in every step.
    pub carry_share: f64,
    /// A board gives its place away after so many steps.
    pub carry_most: u32,
    /// Weight of the halting head's loss, where the network has one.
    pub q_weight: f64,
    /// Shares of the five buckets of ratings among the drawn puzzles, easiest first; empty draws every puzzle of the
    /// pool equally often. A bucket without puzzles, or with none that a phase allows, leaves its share to the others.
    /// Where puzzles are made and `train_count` is 0, 20,000 are made beforehand.
    pub bucket_shares: Vec<f64>,
    /// Curriculum phases, in order; none means mixed sampling from the start, and after the last
    /// phase everything is drawn. Where puzzles are made and `train_count` is 0, 20,000 are made beforehand.
    pub phases: Vec<Phase>,
}

impl Default for Recipe {
    /// The published recipe, without its curriculum (mixed sampling does as well, §6.1).
    fn default() -> Self {
        Self {
            iterations: 16,
            batch: 2048,
            steps: 50_000,
            peak_lr: 2e-3,
            warmup: 1400,
            floor: 0.01,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.01,
            dropout: 0.1,
            augment: true,
            precision: Precision::Full,
            ema: 0.0,
            fixed_point: FixedPointLoss::None,
            carry: 0.0,
            carry_from: 0,
            carry_share: 1.0,
            carry_most: 16,
            q_weight: 0.5,
            bucket_shares: Vec::new(),
            phases: Vec::new(),
        }
    }
}

impl Recipe {
    /// Everything that cannot be trained with, one sentence each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut need = |ok: bool, text: String| {
            if !ok {
                out.push(text);
            }
        };
        need(
            (1..=4096).contains(&self.iterations),
            format!("iterations is {}; it must be from 1 to 4,096", self.iterations),
        );
        need((1..=65_536).contains(&self.batch), format!("batch is {}; it must be from 1 to 65,536", self.batch));
        need(self.steps >= 1, "steps is 0; it must be at least 1".into());
        need(
            self.peak_lr.is_finite() && self.peak_lr >= 0.0,
            format!("peak_lr is {}; it must be a finite number of at least 0", self.peak_lr),
        );
        need(
            (0.0..=1.0).contains(&self.floor),
            format!("floor is {}; it is a share of the peak, from 0 to 1", self.floor),
        );
        need((0.0..1.0).contains(&self.beta1), format!("beta1 is {}; it must be at least 0 and below 1", self.beta1));
        need((0.0..1.0).contains(&self.beta2), format!("beta2 is {}; it must be at least 0 and below 1", self.beta2));
        need(self.eps.is_finite() && self.eps > 0.0, format!("eps is {}; it must be above 0", self.eps));
        need(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            format!("weight_decay is {}; it must be at least 0", self.weight_decay),
        );
        need(
            (0.0..1.0).contains(&self.dropout),
            format!("dropout is {}; it must be at least 0 and below 1", self.dropout),
        );
        need((0.0..1.0).contains(&self.ema), format!("ema is {}; it must be at least 0 and below 1", self.ema));
        need((0.0..1.0).contains(&self.carry), format!("carry is {}; it must be at least 0 and below 1", self.carry));
        need(
            (0.0..=1.0).contains(&self.carry_share),
            format!("carry_share is {}; it is a share of the places of a batch, from 0 to 1", self.carry_share),
        );
        need(
            (1..=65_536).contains(&self.carry_most),
            format!("carry_most is {}; it must be from 1 to 65,536", self.carry_most),
        );
        need(
            self.q_weight.is_finite() && self.q_weight >= 0.0,
            format!("q_weight is {}; it must be a finite number of at least 0", self.q_weight),
        );
        let shares = &self.bucket_shares;
        need(
            shares.is_empty()
                || (shares.len() == 5
                    && shares.iter().all(|s| s.is_finite() && *s >= 0.0)
                    && shares.iter().sum::<f64>() > 0.0),
            format!("bucket_shares is {shares:?}; it must be empty or five numbers of at least 0, not all of them 0"),
        );
        need(
            self.phases.windows(2).all(|w| w[0].until_step < w[1].until_step),
            "phases must be in rising order of until_step".into(),
        );
        out
    }

    /// Whether puzzles are drawn by their rating, so that each needs one.
    #[must_use]
    pub fn is_rated(&self) -> bool {
        !self.phases.is_empty() || !self.bucket_shares.is_empty()
    }

    /// The learning rate of step `step` (from 0), `specs/sudoku.md` §2.
    #[must_use]
    pub fn learning_rate(&self, step: u32) -> f64 {
        learning_rate(self.peak_lr, self.warmup, self.steps, self.floor, step)
    }

    /// The least rating drawn at `step`.
    #[must_use]
    pub fn least_rating(&self, step: u32) -> u32 {
        self.phases.iter().find(|p| step < p.until_step).map_or(0, |p| p.least_rating)
    }
}

/// Linear warm-up, then a cosine from `peak` to `floor` · `peak`:
/// s < w: peak (s + 1) / w; else peak (floor + (1 - floor) ½ (1 + cos π u)), u = (s - w) / (steps - w).
#[must_use]
pub fn learning_rate(peak: f64, warmup: u32, steps: u32, floor: f64, step: u32) -> f64 {
    if step < warmup {
        return peak * f64::from(step + 1) / f64::from(warmup);
    }
    let span = f64::from(steps.saturating_sub(warmup).max(1));
    let u = (f64::from(step - warmup) / span).min(1.0);
    peak * (floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * u).cos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `specs/sudoku.md` §9.
    #[test]
    fn golden_learning_rates() {
        let r = Recipe::default();
        for (s, want) in
            [(0, 1.428_571e-6), (699, 1e-3), (1399, 2e-3), (1400, 2e-3), (25_700, 1.01e-3), (49_999, 2.0e-5)]
        {
            let got = r.learning_rate(s);
            assert!((got / want - 1.0).abs() < 1e-4, "step {s}: {got} instead of {want}");
        }
    }

    #[test]
    fn phases_end() {
        let r = Recipe { phases: vec![Phase { until_step: 10, least_rating: 51 }], ..Recipe::default() };
        assert_eq!((r.least_rating(9), r.least_rating(10)), (51, 0));
    }
}
