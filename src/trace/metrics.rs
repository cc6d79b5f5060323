//! What was recorded of a training and of an evaluation.

use serde::{Deserialize, Serialize};

use super::{RoutingMetrics, Step};
use crate::tasks::sudoku::Bucket;

/// What one reading of a training batch tells (a row of `steps.csv`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// Updates made, this one included.
    pub step: Step,
    /// Cross-entropy in nats, mean over the batch's empty cells and over the iterations.
    pub loss: f32,
    /// The same for every iteration, `[T]`.
    pub loss_by_iteration: Vec<f32>,
    /// Share of the batch's boards that are solved after each iteration, `[T]`, 0..=1.
    pub solved_by_iteration: Vec<f32>,
    /// Euclidean norm of the whole gradient.
    pub gradient_norm: f32,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Boards trained on a second, since the last reading.
    pub boards_per_second: f32,
    /// Seconds of training so far, pauses left out.
    pub seconds: f64,
    /// What the router did, where there is one.
    pub routing: Option<RoutingMetrics>,
}

/// What a router did in one iteration of a probe: means over its boards' cells and over the blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutingReading {
    /// Entropy of α in nats.
    pub entropy: f32,
    /// The largest share of cells that have the same head in front.
    pub top1_share: f32,
    /// Mean weight of each head, `[heads]`; it sums to 1.
    pub load: Vec<f32>,
}

/// Who had halted after one iteration of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HaltingReading {
    /// Share of the cells.
    pub share: f32,
    /// Mean over the cells of iterations and remainder so far (Graves 2016); the mean halting mass where
    /// halting is the original's.
    pub ponder_cost: f32,
}

/// What a probe reads of one iteration, over all its boards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IterationReading {
    /// Cross-entropy in nats, mean over the empty cells.
    pub loss: f32,
    /// Share of the empty cells whose arg-max is right.
    pub right_share: f32,
    /// ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖ over all boards.
    pub residual: f32,
    /// Entropy of the attention weights in nats, mean over blocks, heads and cells.
    pub attention_entropy: f32,
    /// What the router did, where there is one.
    pub routing: Option<RoutingReading>,
    /// Who has halted, where cells can.
    pub halting: Option<HaltingReading>,
    /// Wall time in milliseconds: of the unit of work that the iteration was part of, divided by the
    /// unit's iterations. Reading is part of it.
    pub milliseconds: f32,
}

/// Which run a probe is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStamp {
    /// The run's name.
    pub run: String,
    /// Of all that decides what it trains: see `RunConfig::fingerprint`.
    pub config_hash: String,
    /// Its seed.
    pub seed: u64,
    /// The device that ran the probe.
    pub device: String,
}

/// Solved boards by iteration on the fixed evaluation boards (a row of `iterations.csv` each).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Which run; none in files of the first schema.
    pub stamp: Option<RunStamp>,
    /// Updates made.
    pub step: Step,
    /// Times that all training puzzles were seen; none where each is made for its draw.
    pub epoch: Option<u32>,
    /// Boards run.
    pub boards: u32,
    /// The trained T.
    pub trained_iterations: u32,
    /// Norm of the gradient at the last reading of the training metrics before it, where one was made.
    pub gradient_norm: Option<f32>,
    /// Boards solved after iterations 1, 2, …; the last entry is the longest multiple of T.
    pub solved: Vec<u32>,
    /// What else was read of iterations 1, 2, …; as long as `solved`, or empty where only that is known.
    pub readings: Vec<IterationReading>,
}

impl ProbeReport {
    /// Solved share after an iteration, 0..=1; none beyond what was run.
    #[must_use]
    pub fn share(&self, iteration: u32) -> Option<f32> {
        let n = *self.solved.get((iteration as usize).checked_sub(1)?)?;
        Some(n as f32 / self.boards.max(1) as f32)
    }
}

/// Multiplications in the blocks of a pass, where some could be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Made.
    pub made: u64,
    /// That would have been made without leaving anything out.
    pub of: u64,
}

impl Work {
    /// Adds another part of the pass.
    pub fn add(&mut self, other: Self) {
        self.made += other.made;
        self.of += other.of;
    }

    /// The part that was made, 0..=1; none where nothing could be left out.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.made as f64 / self.of as f64)
    }
}

/// Solved and asked puzzles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Solved: the arg-max equals the solution on every empty cell.
    pub solved: u32,
    /// Asked.
    pub of: u32,
}

impl Count {
    /// Solved share, 0..=1.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.solved) / f64::from(self.of.max(1))
    }

    /// 95 % Wilson interval of the share.
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        let (n, p, z) = (f64::from(self.of.max(1)), self.share(), 1.959_964);
        let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        ((centre - half).max(0.0), (centre + half).min(1.0))
    }
}

/// Solved counts at one number of iterations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Iterations run.
    pub iterations: u32,
    /// All puzzles.
    pub total: Count,
    /// By rating bucket; a puzzle without a rating is rated first.
    pub by_bucket: Vec<(Bucket, Count)>,
}
