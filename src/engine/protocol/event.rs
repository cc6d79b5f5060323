//! What the engine tells.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{DeviceInfo, RequestId};
use crate::config::{ModelCard, RunConfig};
use crate::measure::heads::Heads;
use crate::measure::spectrum::BoardSpectrum;
use crate::measure::{Record, Spent};
use crate::tasks::sudoku::Puzzle;
use crate::trace::{Frame, GradientReport, ProbeReport, Score, Step, StepMetrics, Trace, Work};

/// A run in a folder of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its folder.
    pub folder: PathBuf,
    /// Step of its last checkpoint; none before the first.
    pub step: Option<u32>,
    /// Steps of its recipe; 0 where its configuration cannot be read.
    pub steps: u32,
    /// All its files.
    pub bytes: u64,
    /// Why it cannot be gone on with.
    pub problem: Option<String>,
}

/// How a device did in a self-test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Its name.
    pub device: String,
    /// Largest difference of a logit from the CPU's, over all iterations of a tiny random network.
    pub largest_difference: f32,
    /// Loss of every training step taken, in nats.
    pub losses: Vec<f32>,
    /// Largest difference of a loss from the CPU's at the same step.
    pub largest_loss_difference: f32,
}

/// Where a training stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TrainingState {
    /// Puzzles are being made.
    Preparing {
        /// Made so far.
        done: usize,
        /// To make.
        of: usize,
    },
    /// Ready or paused.
    Paused,
    /// Steps are being taken.
    Running,
    /// The recipe's last step was taken.
    Finished,
    /// It cannot go on; the text says why and what is the last good checkpoint.
    Stopped(String),
}

/// What the engine tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The device is there.
    Device(DeviceInfo),
    /// No device; nothing else will come.
    NoDevice(String),
    /// The engine cannot go on and nothing else will come; a new one may go on from the last checkpoint.
    Lost {
        /// What happened.
        reason: String,
        /// Whether memory ran out: then smaller parts of a batch may do.
        memory: bool,
    },
    /// The engine was lost, and a new one stands in its place that knows nothing yet.
    Restarted {
        /// What happened to the old one.
        reason: String,
        /// Whether memory ran out.
        memory: bool,
    },
    /// The engine itself is on its way, 0 to 1.
    Loading(f32),
    /// Something that one should know, though nothing failed.
    Note(String),
    /// How many boards of a training's batch go through at once.
    AtOnce {
        /// So many.
        boards: usize,
        /// Of so many.
        batch: usize,
    },
    /// The runs in a folder.
    Runs {
        /// Of which question.
        request: RequestId,
        /// By folder name.
        runs: Vec<RunSummary>,
        /// Bytes used and bytes allowed, where the system tells.
        quota: Option<(u64, u64)>,
    },
    /// How long iterations took.
    Benched {
        /// Of which question.
        request: RequestId,
        /// Milliseconds of an iteration of all boards together, or of a training step, the mean of each timed pass.
        milliseconds: Vec<f64>,
        /// Operations a second that this device could do at most in that precision.
        limit: f64,
    },
    /// How far gradients are from differences.
    Gradients {
        /// Of which question.
        request: RequestId,
        /// Figures.
        report: GradientReport,
    },
    /// A file that was asked for as bytes.
    Packed {
        /// Of which question.
        request: RequestId,
        /// What to call it.
        name: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// How the device did.
    SelfTested {
        /// Of which question.
        request: RequestId,
        /// Figures.
        result: SelfTest,
    },
    /// Weights are open.
    ModelOpened {
        /// Of which question.
        request: RequestId,
        /// What they are.
        card: Box<ModelCard>,
    },
    /// More frames of a Think, in order.
    Frames {
        /// Of which question.
        request: RequestId,
        /// The weights' step.
        step: Step,
        /// Consecutive frames.
        frames: Vec<Frame>,
        /// Seconds that the engine took for these.
        seconds: f64,
        /// Whether these are the last.
        done: bool,
    },
    /// Attention of one cell, `[blocks][heads][cells]`, each row summing to 1.
    Attention {
        /// Of which question.
        request: RequestId,
        /// The cell.
        cell: usize,
        /// The iteration.
        iteration: u32,
        /// Weights.
        weights: Vec<Vec<Vec<f32>>>,
    },
    /// Long work goes on.
    Progress {
        /// Of which question.
        request: RequestId,
        /// Done so far.
        done: usize,
        /// In all.
        of: usize,
    },
    /// Solved counts, one entry an iteration count.
    Evaluated {
        /// Of which question.
        request: RequestId,
        /// In rising order of iterations.
        scores: Vec<Score>,
        /// What it cost; zero of zero where nothing could be left out.
        work: Work,
    },
    /// Puzzles that were made.
    Puzzles {
        /// Of which question.
        request: RequestId,
        /// With solutions and ratings.
        puzzles: Vec<Puzzle>,
    },
    /// What was recorded of a batch of boards.
    Recorded {
        /// Of which question.
        request: RequestId,
        /// Which puzzle is the first of them.
        first: usize,
        /// A record a board.
        records: Vec<Record>,
        /// With the last batch: board iterations computed, and those without early exits.
        spent: Option<Spent>,
    },
    /// What attention heads look at.
    Heads {
        /// Of which question.
        request: RequestId,
        /// Means over all boards.
        found: Heads,
    },
    /// What was found of a board's growth of small changes.
    Spectrum {
        /// Of which question.
        request: RequestId,
        /// An entry an iteration at which it was frozen.
        found: Vec<BoardSpectrum>,
        /// Whether this is the last board. Boards come as they are done.
        done: bool,
    },
    /// A file was written.
    Written {
        /// Of which question.
        request: RequestId,
        /// Where.
        path: PathBuf,
    },
    /// A training was prepared.
    Prepared {
        /// As it will be trained.
        config: Box<RunConfig>,
        /// Steps already behind it.
        step: Step,
        /// Curves of those steps.
        history: Vec<StepMetrics>,
        /// Probes of those steps.
        probes: Vec<ProbeReport>,
        /// Sentences on the data: how training and evaluation are kept apart.
        notes: Vec<String>,
        /// Where it is written, if anywhere.
        folder: Option<PathBuf>,
    },
    /// Where the training stands.
    Training {
        /// State.
        state: TrainingState,
        /// Updates made.
        step: Step,
    },
    /// A reading of the metrics.
    Metrics(StepMetrics),
    /// A probe finished.
    Probed {
        /// Solved counts.
        report: ProbeReport,
        /// Traces of the first boards.
        traces: Vec<Trace>,
    },
    /// The kept boards of a step, recorded between two probes, or at an earlier step of a run that goes on.
    Boards {
        /// One a board, all of one step.
        traces: Vec<Trace>,
    },
    /// A checkpoint was written.
    Saved {
        /// Of which step.
        step: Step,
        /// Where.
        path: PathBuf,
    },
    /// Something did not work; the rest goes on.
    Failed {
        /// Of which question, if of one.
        request: Option<RequestId>,
        /// What is wrong, where, and what would be right.
        message: String,
    },
}
