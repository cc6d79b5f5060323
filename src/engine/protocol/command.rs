//! What one asks of the engine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Kernels, ModelSource, RequestId, Subject, Trouble};
use crate::config::{Interventions, Provenance, RunConfig};
use crate::measure::Disturbance;
use crate::measure::Recording;
use crate::measure::plan::{Ask, How};
use crate::measure::spectrum::SpectrumSettings;
use crate::tasks::sudoku::{GenerateSpec, Grid, Puzzle};

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
