//! A step in kernels of its own (`kernels/src/train`): vectors on the host and a thread a part, or a graphics card.

#[cfg(feature = "gpu")]
use loopscope_kernels::gpu::{Client, GpuError};
#[cfg(feature = "gpu")]
use loopscope_kernels::train::gpu::{CardTraining, Room};
use loopscope_kernels::train::{Boards, Dropout, Spec, Update, cpu};

#[cfg(feature = "gpu")]
use super::TrainError;
use super::part::{Part, together};
use super::way::{Context, Readings, Start};
use crate::config::{NetworkKind, RunConfig, Stream};
use crate::models::{sizes, turns};

/// What the kernels are told of a training; nothing where they do not know the network.
pub(super) fn spec(config: &RunConfig) -> Option<Spec> {
    if config.model.network != NetworkKind::Looped {
        return None;
    }
    let (cos, sin) = turns(&config.model);
    let iterations = config.recipe.iterations as usize;
    Some(Spec { sizes: sizes(&config.model), iterations, cos, sin, drops: config.recipe.dropout > 0.0 })
}

/// A part of a batch as the kernels take it.
pub(super) fn boards<'a>(of: &Context<'_>, part: &Part<'a>) -> Boards<'a> {
    let rate = of.config.recipe.dropout;
    Boards {
        clues: part.clues,
        solutions: part.solutions,
        before: part.before,
        of: part.of,
        blanks: part.blanks,
        dropout: (rate > 0.0).then_some(Dropout {
            rate,
            seed: of.config.seed,
            stream: Stream::Dropout as u32,
            step: of.step,
        }),
    }
}

/// Weights and moments in this process, a thread for each part.
pub(super) struct Host {
    spec: Spec,
    pub(super) weights: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    /// Parts of a batch that are put through at the same time.
    pub(super) threads: usize,
}

impl Host {
    pub fn new(spec: Spec, start: Start, threads: usize) -> Self {
        let Start { weights, first, second } = start;
        Self { spec, weights, first, second, threads }
    }

    /// Forward and backward of a few parts, added up in their order.
    pub fn pull(&self, of: &Context<'_>, parts: &[Part<'_>], sum: Option<cpu::Pulled>) -> Option<cpu::Pulled> {
        let pulled = together(parts, |part| cpu::pull(&self.spec, &self.weights, &boards(of, part)));
        sum.into_iter().chain(pulled).reduce(|mut sum, part| {
            add(&mut sum.losses, &part.losses);
            add(&mut sum.solved, &part.solved);
            add(&mut sum.gradient, &part.gradient);
            sum
        })
    }

    /// Changes the weights. `boards` are those of the whole batch.
    pub fn update(&mut self, update: &Update, pulled: cpu::Pulled, boards: usize) -> Readings {
        let cpu::Pulled { losses, solved, gradient } = pulled;
        cpu::update(&mut self.weights, &mut self.first, &mut self.second, &gradient, update);
        let squared_norm = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>() as f32;
        Readings { losses, solved: shares(&solved, boards), squared_norm, routing: None }
    }

    /// Weights and moments.
    pub fn parameters(&self) -> [Vec<f32>; 3] {
        [self.weights.clone(), self.first.clone(), self.second.clone()]
    }
}

pub(super) fn add(to: &mut [f32], more: &[f32]) {
    to.iter_mut().zip(more).for_each(|(a, b)| *a += b);
}

/// Counts of boards as shares.
pub(super) fn shares(counts: &[f32], boards: usize) -> Vec<f32> {
    counts.iter().map(|n| n / boards.max(1) as f32).collect()
}

/// Weights and moments on a graphics card.
#[cfg(feature = "gpu")]
pub(super) struct Card(pub(super) CardTraining);

#[cfg(feature = "gpu")]
impl Card {
    /// Parts are as large as the room allows, at most its boards of a batch of `of`; nothing where the kernels refuse
    /// even a few boards.
    pub fn new(client: &Client, spec: &Spec, start: &Start, room: Room, of: usize, half: bool) -> Option<Self> {
        // The kernels take multiples of four, or all.
        let whole = |most: usize| most.max(1).next_multiple_of(4).min(of);
        let smaller = |most: &usize| (*most > 4).then(|| whole(most.div_ceil(2)));
        let start = [&start.weights[..], &start.first, &start.second];
        std::iter::successors(Some(whole(room.boards)), smaller)
            .find_map(|boards| CardTraining::new(client, spec, start, Room { boards, ..room }, half))
            .map(Self)
    }

    /// Whether products are in half precision.
    pub fn is_half(&self) -> bool {
        self.0.is_half()
    }

    /// The most boards of a part.
    pub fn part(&self) -> usize {
        self.0.part()
    }

    /// Queues parts; the first of a batch begins a new sum.
    pub fn pull(&mut self, of: &Context<'_>, parts: &[Part<'_>]) -> Result<(), TrainError> {
        parts.iter().try_for_each(|part| self.0.pull(&boards(of, part)).map_err(failed))
    }

    /// Changes the weights.
    pub fn update(&mut self, update: &Update) {
        self.0.update(update);
    }

    /// What the last update had of a batch of so many boards.
    pub async fn watched(&self, boards: usize) -> Result<Readings, TrainError> {
        let watched = self.0.watched().await.map_err(failed)?;
        let solved = shares(&watched.solved, boards);
        Ok(Readings { losses: watched.losses, solved, squared_norm: watched.squared_norm, routing: None })
    }

    /// The gradient of the last update, [total].
    pub async fn gradient(&self) -> Result<Vec<f32>, TrainError> {
        self.0.gradient().await.map_err(failed)
    }

    /// Weights and moments.
    pub async fn parameters(&self) -> Result<[Vec<f32>; 3], TrainError> {
        self.0.parameters().await.map_err(failed)
    }

    /// Waits until everything that was queued is done.
    pub async fn settle(&self) -> Result<(), TrainError> {
        self.0.settle().await.map_err(failed)
    }
}

#[cfg(feature = "gpu")]
fn failed(error: GpuError) -> TrainError {
    TrainError::Device(error.0)
}
