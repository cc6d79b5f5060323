//! How long an iteration or a training step takes, for people who compare. Passes begin anew each time, so that none runs on states
//! that have grown out of all bounds.

use web_time::Instant;

use super::device::OpenedDevice;
use super::fault::Fault;
use super::limit;
use super::protocol::Kernels;
use crate::config::{Interventions, ModelCard, ModelConfig, Precision, Recipe, RunConfig};
use crate::models::{Fused, Network, Pass, Place};
use crate::nn::Parameters;
use crate::tasks::sudoku::{Grid, Puzzle};
use crate::train::{Batch, Trainer};

/// What is timed.
pub(super) struct Timed<'a> {
    /// The plain network.
    pub network: &'a Network,
    /// The fused loop, where that is timed.
    pub fused: Option<&'a Fused>,
    /// The board.
    pub clues: &'a Grid,
    /// Copies of it.
    pub boards: usize,
    /// Iterations of a pass.
    pub iterations: u32,
    /// Whether products are in half precision.
    pub half: bool,
}

/// Milliseconds of an iteration, the mean of each of `repeat` passes after one that warms up; and the limit of a
/// place right after them.
pub(super) async fn run(timed: &Timed<'_>, repeat: u32, place: &Place) -> Result<(Vec<f64>, f64), Fault> {
    let clues = timed.clues.cells().repeat(timed.boards);
    let mut out = Vec::new();
    for round in 0..=repeat {
        // A first pass compiles; it need not be long.
        let iterations = if round == 0 { timed.iterations.min(4) } else { timed.iterations };
        let seconds = match timed.fused {
            Some(fused) => in_the_loop(fused, &clues, iterations).await?,
            None => on_tensors(timed.network, &clues, iterations).await?,
        };
        if round > 0 {
            out.push(seconds * 1e3 / f64::from(iterations));
        }
    }
    let limit = limit::measure(place, timed.half).await?;
    Ok((out, limit))
}

async fn in_the_loop(fused: &Fused, clues: &[u8], iterations: u32) -> Result<f64, Fault> {
    let mut pass = fused
        .start(clues, &Interventions::default(), 0)
        .ok_or_else(|| Fault::Told("so many boards do not fit on this device".into()))?;
    pass.skip(0).await.map_err(Fault::Device)?;
    let begun = Instant::now();
    pass.skip(iterations).await.map_err(Fault::Device)?;
    Ok(begun.elapsed().as_secs_f64())
}

async fn on_tensors(network: &Network, clues: &[u8], iterations: u32) -> Result<f64, Fault> {
    let mut at = network.start(clues);
    let settle = |at: &crate::models::Recurrence| at.state.clone().slice([0..1, 0..1]).into_data_async();
    let failed = |e| Fault::Device(format!("{e:?}"));
    settle(&at).await.map_err(failed)?;
    let begun = Instant::now();
    for _ in 0..iterations {
        at = network.iterate(&at, Pass::default()).0;
    }
    settle(&at).await.map_err(failed)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// What is timed of a training.
pub(super) struct TimedTraining<'a> {
    /// Sizes of the network, and T.
    pub card: &'a ModelCard,
    /// Its weights.
    pub parameters: &'a Parameters,
    /// How it is computed; half is mixed precision.
    pub kernels: Kernels,
    /// The board and its solution.
    pub puzzle: &'a Puzzle,
    /// Copies of it.
    pub boards: usize,
    /// Dropout rate.
    pub dropout: f64,
    /// Steps of a pass.
    pub steps: u32,
}

/// Milliseconds of a step, the mean of each of `repeat` passes after a step that warms up; and the limit of the
/// device right after them.
pub(super) async fn training(
    timed: &TimedTraining<'_>,
    repeat: u32,
    device: &OpenedDevice,
) -> Result<(Vec<f64>, f64), Fault> {
    let half = timed.kernels == Kernels::Half;
    let iterations = timed.card.trained_iterations;
    let config = RunConfig {
        model: timed.card.config.clone(),
        recipe: Recipe {
            iterations,
            batch: timed.boards,
            dropout: timed.dropout,
            precision: if half { Precision::Mixed } else { Precision::Full },
            ..Recipe::default()
        },
        ..RunConfig::default()
    };
    if let Some(problem) = config.problems().into_iter().next() {
        return Err(Fault::Told(problem));
    }
    let tensors = timed.kernels == Kernels::Plain;
    let most = tensors.then(|| on_tensors_at_once(&config.model, iterations, device.info.gpu));
    let mut trainer = Trainer::with(config, timed.parameters.clone(), &device.ground(timed.kernels, most));
    if let Some(note) = trainer.notes().first() {
        return Err(Fault::Told(note.clone()));
    }
    let batch = Batch::of(&vec![timed.puzzle.clone(); timed.boards]);
    let mut out = Vec::new();
    for round in 0..=repeat {
        // A first step compiles.
        let steps = if round == 0 { 1 } else { timed.steps };
        trainer.settle().await?;
        let begun = Instant::now();
        for _ in 0..steps {
            trainer.step(&batch, false).await?;
        }
        trainer.settle().await?;
        if round > 0 {
            out.push(begun.elapsed().as_secs_f64() * 1e3 / f64::from(steps));
        }
    }
    drop(trainer);
    let limit = limit::measure(&device.place, half).await?;
    Ok((out, limit))
}

/// Boards that a training step on tensors puts through at once: what it keeps of a pass for the way back is more
/// than there is memory for many of them.
fn on_tensors_at_once(model: &ModelConfig, iterations: u32, gpu: bool) -> usize {
    let rows = model.cells() * (16 * model.width + 4 * model.hidden);
    let attention = 8 * model.heads * model.cells() * model.cells();
    // In 64 bits: in a browser there would be too few.
    let bytes = 4 * u64::from(iterations) * model.blocks as u64 * (rows + attention) as u64;
    let memory: u64 = if gpu { 16 << 30 } else { 1 << 30 };
    (memory / bytes.max(1)).max(1) as usize
}
