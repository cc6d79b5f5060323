//! The engine's messages: plain serde values, no burn. The window, the command line, a recorded
//! session and the tests all speak them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{Interventions, ModelCard, Provenance, RunConfig};
use crate::measure::heads::Heads;
use crate::measure::plan::{Ask, How};
use crate::measure::spectrum::{BoardSpectrum, SpectrumSettings};
use crate::measure::{Disturbance, Record, Recording, Spent};
use crate::tasks::sudoku::{GenerateSpec, Grid, Puzzle};
use crate::trace::{Frame, GradientReport, ProbeReport, Score, Step, StepMetrics, Trace, Work};

/// Ties an answer to its question; the asker counts them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Which device to take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceChoice {
    /// A hardware graphics card if there is one, else the CPU; never a software adapter.
    #[default]
    Auto,
    /// The CPU (flex).
    Cpu,
    /// A hardware graphics card; an error if there is none.
    Gpu,
    /// The adapter whose name contains this text (any case), software adapters included. `TEXT#2` is the
    /// second of several such adapters, `gpu#2` the second hardware graphics card. `gpu*4` is a card and the three
    /// of its kind after it, over which a training's batches are spread; a software adapter is its own kind as
    /// often as asked for. After a colon, as in `gpu#2*4:40`, stands how many GiB of each card's memory a training may
    /// take.
    Named(String),
}

impl DeviceChoice {
    /// As it is written after `--device`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Cpu => "cpu".into(),
            Self::Gpu => "gpu".into(),
            Self::Named(name) => name.clone(),
        }
    }

    /// The same with further cards of its kind, `cards` in all.
    #[must_use]
    pub fn on_cards(&self, cards: usize) -> Self {
        let word = self.word();
        match word.rsplit_once(':').filter(|(_, gib)| gib.parse::<u16>().is_ok()) {
            _ if cards <= 1 => self.clone(),
            Some((device, gib)) => Self::Named(format!("{device}*{cards}:{gib}")),
            None => Self::Named(format!("{word}*{cards}")),
        }
    }
}

impl std::str::FromStr for DeviceChoice {
    type Err = std::convert::Infallible;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(match s.to_ascii_lowercase().as_str() {
            "auto" | "" => Self::Auto,
            "cpu" | "flex" => Self::Cpu,
            "gpu" => Self::Gpu,
            _ => Self::Named(s.to_owned()),
        })
    }
}

/// Which device it got, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// For people: "CPU (flex, 2 threads)", "NVIDIA H100 (Vulkan)".
    pub name: String,
    /// Whether it is a graphics card (a software one counts).
    pub gpu: bool,
    /// Whether a software renderer stands in for the card.
    pub software: bool,
    /// One sentence on why this one.
    pub reason: String,
}

/// Where weights come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelSource {
    /// Shipped inside the program: "sudoku4", "sudoku6".
    Shipped(String),
    /// First weights of a preset, which nothing has trained.
    Fresh(String),
    /// A safetensors file.
    Path(PathBuf),
    /// A dropped file.
    Bytes {
        /// Its file name.
        name: String,
        /// Its content.
        bytes: Vec<u8>,
    },
}

/// Which weights a question is put to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The model that was opened last.
    #[default]
    Opened,
    /// The model in training, as it is at that moment.
    Training,
    /// The model that was opened beside it, to be compared with.
    Other,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Opened, Self::Training, Self::Other];
}

/// How the iterations of a pass are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kernels {
    /// The fused loop in f32 where there is one for the network, else the plain path.
    #[default]
    Fused,
    /// Operation by operation on tensors: the reference.
    Plain,
    /// The fused loop with products in half precision; only on cards that have such, for many boards.
    Half,
}

impl Kernels {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fused, Self::Plain, Self::Half];

    /// One word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Plain => "plain",
            Self::Half => "half",
        }
    }
}

impl std::str::FromStr for Kernels {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|k| k.word() == s)
            .ok_or_else(|| format!("“{s}” names no kernels; there are fused, plain and half"))
    }
}

/// What one asks of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Open weights. `set` holds what a file without our metadata lacks, as key=value.
    OpenModel {
        /// Ties the answer.
        request: RequestId,
        /// Where from.
        source: ModelSource,
        /// For example `heads=4`, `iterations=16`.
        set: Vec<String>,
    },
    /// Open weights beside those that are open, to compare them; answered by [`Event::ModelOpened`]. Those that
    /// were compared with before are freed.
    OpenOther {
        /// Ties the answer.
        request: RequestId,
        /// Where from.
        source: ModelSource,
        /// As for [`Command::OpenModel`].
        set: Vec<String>,
    },
    /// Free the model that is compared with, and drop every question to it.
    CloseOther,
    /// Run a puzzle and stream its frames. A newer one replaces one that is under way with the same weights.
    Think {
        /// Ties the answer.
        request: RequestId,
        /// Which weights.
        subject: Subject,
        /// The puzzle.
        clues: Grid,
        /// Iterations to run.
        iterations: u32,
        /// What to change in the pass.
        interventions: Interventions,
        /// What to disturb on the way: the same as of the first board of a recorded pass with seed 0.
        disturbance: Option<Disturbance>,
    },
    /// What a cell attends to at an iteration of the last finished or running Think with these weights.
    Attend {
        /// Ties the answer.
        request: RequestId,
        /// Which weights.
        subject: Subject,
        /// Row-major cell.
        cell: usize,
        /// From 1.
        iteration: u32,
    },
    /// Solved counts on puzzles with solutions; one pass serves all iteration counts.
    Evaluate {
        /// Ties the answer.
        request: RequestId,
        /// Which weights.
        subject: Subject,
        /// Puzzles, all on the model's board, with solutions and ratings.
        puzzles: Vec<Puzzle>,
        /// Iteration counts to score.
        iterations: Vec<u32>,
        /// What to change in the pass.
        interventions: Interventions,
        /// How to compute it.
        kernels: Kernels,
    },
    /// Puzzles of a seed that a training with that seed and such puzzles leaves out, with solutions and ratings;
    /// answered by [`Event::Puzzles`].
    Puzzles {
        /// Ties the answer.
        request: RequestId,
        /// What to make.
        spec: GenerateSpec,
        /// The training's seed.
        seed: u64,
        /// How many, at most 100,000; fewer come where there are no more that are not alike.
        count: usize,
    },
    /// Every iteration of a pass over many boards; answered by [`Event::Recorded`], a batch at a time.
    Record {
        /// Ties the answer.
        request: RequestId,
        /// Which weights.
        subject: Subject,
        /// Puzzles, all on the model's board.
        puzzles: Vec<Puzzle>,
        /// How the pass is made.
        settings: Recording,
        /// How to compute it.
        kernels: Kernels,
    },
    /// What attention heads of the opened model look at in one iteration, over many boards; answered by
    /// [`Event::Heads`].
    Heads {
        /// Ties the answer.
        request: RequestId,
        /// Puzzles, all on the model's board.
        puzzles: Vec<Puzzle>,
        /// The iteration, from 1.
        iteration: u32,
        /// What to change in the pass.
        interventions: Interventions,
    },
    /// By how much small changes of the state grow in the opened model, board by board; answered by
    /// [`Event::Spectrum`]. Always on the CPU.
    Spectrum {
        /// Ties the answer.
        request: RequestId,
        /// Puzzles with solutions, all on the model's board.
        puzzles: Vec<Puzzle>,
        /// What is measured.
        settings: SpectrumSettings,
    },
    /// Logits and state norms into a safetensors file (native only).
    Logits {
        /// Ties the answer.
        request: RequestId,
        /// Which weights.
        subject: Subject,
        /// Puzzles on the model's board.
        puzzles: Vec<Grid>,
        /// Iteration counts to keep.
        iterations: Vec<u32>,
        /// How to compute it.
        kernels: Kernels,
        /// The file to write.
        out: PathBuf,
    },
    /// Time iterations of the opened model on copies of one board; answered by [`Event::Benched`]. Nothing
    /// else is done meanwhile.
    Bench {
        /// Ties the answer.
        request: RequestId,
        /// How to compute it.
        kernels: Kernels,
        /// The board.
        clues: Grid,
        /// Copies of it.
        boards: usize,
        /// Iterations of a pass; only the last is read.
        iterations: u32,
        /// Passes that are timed, after one that is not.
        repeat: u32,
    },
    /// Time training steps of a network with the opened model's sizes and weights, on copies of one board;
    /// answered by [`Event::Benched`]. Nothing else is done meanwhile.
    BenchTraining {
        /// Ties the answer.
        request: RequestId,
        /// How to compute it; half is mixed precision.
        kernels: Kernels,
        /// The board, with its solution.
        puzzle: Box<Puzzle>,
        /// Copies of it.
        boards: usize,
        /// Dropout rate.
        dropout: f64,
        /// Steps of a pass.
        steps: u32,
        /// Passes that are timed, after a step that is not.
        repeat: u32,
    },
    /// Compute the gradient of the opened model on a batch in several ways, and compare entries of it with
    /// differences in double precision; answered by [`Event::Gradients`]. Nothing else is done meanwhile.
    Gradients {
        /// Ties the answer.
        request: RequestId,
        /// The batch, with solutions.
        puzzles: Vec<Puzzle>,
        /// T; none is the model's.
        iterations: Option<u32>,
        /// Dropout rate.
        dropout: f64,
        /// Of dropout, and of which entries are compared.
        seed: u64,
        /// The ways; half is mixed precision. What is not there is passed over.
        kernels: Vec<Kernels>,
        /// Entries of every tensor.
        each: usize,
        /// Compare whole gradients with that on tensors on the processor, too.
        against_stock: bool,
    },
    /// Get a training ready: in memory, in a new run folder, or from a run folder's last checkpoint.
    /// It begins paused.
    Prepare {
        /// What to train; ignored by a resume that finds `config.toml`, except for `--set` made of it.
        config: Box<RunConfig>,
        /// The run folder; none trains in memory only.
        folder: Option<PathBuf>,
        /// Go on from the folder's last checkpoint.
        resume: bool,
        /// How to compute it; the precision is the recipe's.
        kernels: Kernels,
    },
    /// Train on: until the recipe's end, or `steps` more.
    Start {
        /// At most this many more steps.
        steps: Option<u32>,
    },
    /// Pause after the step under way (and write a checkpoint when there is a folder).
    Pause,
    /// Throw the training away.
    Discard,
    /// Write a checkpoint now (when there is a folder).
    Checkpoint,
    /// Write weights as safetensors.
    SaveModel {
        /// Ties the answer.
        request: RequestId,
        /// Which weights.
        subject: Subject,
        /// Where to.
        path: PathBuf,
        /// Store as f16, as shipped weights are.
        half: bool,
        /// Where the weights come from, instead of what their card says.
        provenance: Option<Box<Provenance>>,
    },
    /// Weights as safetensors bytes, for a download.
    PackModel {
        /// Ties the answer.
        request: RequestId,
        /// Which weights.
        subject: Subject,
    },
    /// The runs in a folder of runs.
    ListRuns {
        /// Ties the answer.
        request: RequestId,
        /// The folder that holds run folders.
        folder: PathBuf,
    },
    /// Delete a run folder with everything in it; answered by the list of those that are left. The run
    /// in training is refused.
    DeleteRun {
        /// Ties the answer.
        request: RequestId,
        /// The run folder.
        folder: PathBuf,
    },
    /// A run folder as one zip file, for a download.
    PackRun {
        /// Ties the answer.
        request: RequestId,
        /// The run folder.
        folder: PathBuf,
    },
    /// Puts at most so many boards through a training pass at once; the gradients of the parts of a batch
    /// are added up. For devices with little memory.
    MicroBatch {
        /// At least 1.
        boards: usize,
    },
    /// Compare this device with the CPU on a tiny network, and take a few training steps on it.
    SelfTest {
        /// Ties the answer.
        request: RequestId,
    },
    /// Cause trouble, to see that it is recovered from.
    Cause(Trouble),
    /// Stop working on a question.
    Cancel {
        /// Which.
        request: RequestId,
    },
}

impl Command {
    /// Which weights it is put to; none where it needs no weights that were opened before.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Think { subject, .. }
            | Self::Attend { subject, .. }
            | Self::Evaluate { subject, .. }
            | Self::Record { subject, .. }
            | Self::Logits { subject, .. }
            | Self::SaveModel { subject, .. }
            | Self::PackModel { subject, .. } => Some(*subject),
            Self::Heads { .. }
            | Self::Spectrum { .. }
            | Self::Bench { .. }
            | Self::BenchTraining { .. }
            | Self::Gradients { .. } => Some(Subject::Opened),
            Self::OpenModel { .. }
            | Self::OpenOther { .. }
            | Self::CloseOther
            | Self::Puzzles { .. }
            | Self::Prepare { .. }
            | Self::Start { .. }
            | Self::Pause
            | Self::Discard
            | Self::Checkpoint
            | Self::ListRuns { .. }
            | Self::DeleteRun { .. }
            | Self::PackRun { .. }
            | Self::MicroBatch { .. }
            | Self::SelfTest { .. }
            | Self::Cause(_)
            | Self::Cancel { .. } => None,
        }
    }

    /// What ties its answer, of a question to weights.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        match self {
            Self::Think { request, .. }
            | Self::Attend { request, .. }
            | Self::Evaluate { request, .. }
            | Self::Record { request, .. }
            | Self::Logits { request, .. }
            | Self::SaveModel { request, .. }
            | Self::PackModel { request, .. }
            | Self::Heads { request, .. }
            | Self::Spectrum { request, .. }
            | Self::Bench { request, .. }
            | Self::BenchTraining { request, .. }
            | Self::Gradients { request, .. } => Some(*request),
            _ => None,
        }
    }

    /// The command that asks what a measurement asks next, computed with `kernels` where it may be; `gpu` says
    /// whether the device is a card.
    #[must_use]
    pub fn measuring(request: RequestId, subject: Subject, ask: Ask, kernels: Kernels, gpu: bool) -> Self {
        match ask {
            Ask::Record { puzzles, settings, how } => {
                let kernels = match how {
                    How::Chosen => kernels,
                    // The loop on the CPU can be reached into; on a card it cannot.
                    How::Alike if !gpu => kernels,
                    How::Alike | How::Plain => Kernels::Plain,
                };
                Self::Record { request, subject, puzzles, settings, kernels }
            }
            Ask::Heads { puzzles, iteration, interventions } => {
                Self::Heads { request, puzzles, iteration, interventions }
            }
            Ask::Spectrum { puzzles, settings } => Self::Spectrum { request, puzzles, settings },
        }
    }
}

/// Trouble that a developer can cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// The engine panics.
    Panic,
    /// The graphics device is lost.
    LoseDevice,
    /// The next training pass finds no memory.
    OutOfMemory,
}

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

/// Whether a device's or a browser's words mean that memory ran out; they have no common word for it.
/// Only the message counts: the call stack below it has paths with such words.
#[must_use]
pub fn is_memory(reason: &str) -> bool {
    let message = reason.lines().find(|l| !l.trim().is_empty() && !l.starts_with("panicked at"));
    let lower = message.unwrap_or(reason).to_lowercase();
    let word = ["out of memory", "memory ran out", "allocation", "not enough memory"].iter().any(|w| lower.contains(w));
    word && !lower.contains("out of bounds")
}

/// The way to an engine: a thread here, a worker in a browser, a fake in a test.
pub trait EngineLink {
    /// Sends a command; an engine that is gone swallows it.
    fn send(&mut self, command: Command);
    /// The next event, if one has come.
    fn poll(&mut self) -> Option<Event>;
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
