//! A step in kernels of its own (`kernels/src/train`): vectors on the host and a thread a part, or a graphics card.

#[cfg(feature = "gpu")]
use loopscope_kernels::gpu::{Client, GpuError};
#[cfg(all(feature = "gpu", not(target_family = "wasm")))]
use loopscope_kernels::train::gpu::Gathered;
#[cfg(feature = "gpu")]
use loopscope_kernels::train::gpu::{CardTraining, Room};
use loopscope_kernels::train::{Boards, Dropout, Earlier, FixedPoint, Spec, Update, cpu};

#[cfg(feature = "gpu")]
use super::TrainError;
use super::part::{Part, together};
use super::way::{Average, Context, Readings, Start};
use crate::config::{FixedPointLoss, NetworkKind, RunConfig, Stream};
use crate::models::{sizes, turns};

/// Why a training runs on tensors.
const LOOPED_ALONE: &str = "This training runs on tensors: the fused kernels know looped transformers only.";
const WHOLE_BATCH: &str = "This training runs on tensors: the fused kernels do not know this fixed-point loss, which is \
                           divided by how many cells of the whole batch were right.";
const HALTING_HEAD: &str = "This training runs on tensors: the fused kernels do not train a halting head.";

/// What the kernels are told of a training.
///
/// # Errors
/// What they do not know of it, in a sentence.
pub(super) fn spec(config: &RunConfig) -> Result<Spec, &'static str> {
    if config.model.network != NetworkKind::Looped {
        return Err(LOOPED_ALONE);
    }
    if config.model.has_q_head() {
        return Err(HALTING_HEAD);
    }
    let fixed_point = match config.recipe.fixed_point {
        FixedPointLoss::None => FixedPoint::None,
        FixedPointLoss::Preserve => FixedPoint::Preserve,
        FixedPointLoss::Mask => FixedPoint::Mask,
        FixedPointLoss::L2 | FixedPointLoss::Copy => return Err(WHOLE_BATCH),
    };
    let (cos, sin) = turns(&config.model);
    let iterations = config.recipe.iterations as usize;
    let recipe = &config.recipe;
    let carries = if recipe.carry > 0.0 { recipe.batch } else { 0 };
    let drops = recipe.dropout > 0.0;
    Ok(Spec { sizes: sizes(&config.model), iterations, cos, sin, drops, fixed_point, carries })
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
        earlier: (!part.goes_on.is_empty()).then_some(Earlier { goes_on: part.goes_on, states: &[], predictions: &[] }),
    }
}

/// Weights and moments in this process, a thread for each part.
pub(super) struct Host {
    spec: Spec,
    pub(super) weights: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    average: Option<Average<Vec<f32>>>,
    /// Parts of a batch that are put through at the same time.
    pub(super) threads: usize,
    /// S_T and P_T of the last step's batch, where boards may go on from there.
    ends: [Vec<f32>; 2],
}

impl Host {
    pub fn new(spec: Spec, start: Start, threads: usize) -> Self {
        let Start { weights, first, second, average } = start;
        Self { spec, weights, first, second, average, threads, ends: [const { Vec::new() }; 2] }
    }

    /// Forward and backward of a few parts, added up in their order.
    pub fn pull(&self, of: &Context<'_>, parts: &[Part<'_>], sum: Option<cpu::Pulled>) -> Option<cpu::Pulled> {
        let pulled = together(parts, |part| {
            let mut boards = boards(of, part);
            if let Some(earlier) = &mut boards.earlier {
                (earlier.states, earlier.predictions) = self.ends_of(part);
            }
            cpu::pull(&self.spec, &self.weights, &boards)
        });
        sum.into_iter().chain(pulled).reduce(|mut sum, part| {
            sum.ends.iter_mut().zip(part.ends).for_each(|(all, more)| all.extend(more));
            add(&mut sum.losses, &part.losses);
            add(&mut sum.solved, &part.solved);
            add(&mut sum.gradient, &part.gradient);
            sum
        })
    }

    /// Where the step before left the boards of a part.
    fn ends_of(&self, part: &Part<'_>) -> (&[f32], &[f32]) {
        let (sizes, [states, predictions]) = (self.spec.sizes, &self.ends);
        let rows = part.before * sizes.cells..(part.before + part.boards) * sizes.cells;
        (
            &states[rows.start * sizes.width..rows.end * sizes.width],
            &predictions[rows.start * sizes.digits..rows.end * sizes.digits],
        )
    }

    /// Changes the weights. `boards` are those of the whole batch.
    pub fn update(&mut self, update: &Update, pulled: cpu::Pulled, boards: usize) -> Readings {
        let cpu::Pulled { losses, solved, gradient, ends } = pulled;
        self.ends = ends;
        cpu::update(&mut self.weights, &mut self.first, &mut self.second, &gradient, update);
        if let Some(Average { values, decay }) = &mut self.average {
            cpu::average(values, &self.weights, *decay);
        }
        let squared_norm = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>() as f32;
        Readings { losses, solved: shares(&solved, boards), squared_norm, routing: None }
    }

    /// Weights, moments and average.
    pub fn parameters(&self) -> Start {
        let (first, second) = (self.first.clone(), self.second.clone());
        Start { weights: self.weights.clone(), first, second, average: self.average.clone() }
    }

    /// The weights that are looked at.
    pub fn shown(&self) -> &[f32] {
        self.average.as_ref().map_or(&self.weights, |average| &average.values)
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
pub(super) struct Card {
    training: CardTraining,
    /// Of the average of the weights, where one is kept.
    decay: Option<f64>,
}

#[cfg(feature = "gpu")]
impl Card {
    /// Parts are as large as the room allows, at most its boards of a batch of `of`; nothing where the kernels refuse
    /// even a few boards.
    pub fn new(client: &Client, spec: &Spec, start: &Start, room: Room, of: usize, half: bool) -> Option<Self> {
        // The kernels take multiples of four, or all.
        let whole = |most: usize| most.max(1).next_multiple_of(4).min(of);
        let smaller = |most: &usize| (*most > 4).then(|| whole(most.div_ceil(2)));
        let begin = [&start.weights[..], &start.first, &start.second];
        let mut training = std::iter::successors(Some(whole(room.boards)), smaller)
            .find_map(|boards| CardTraining::new(client, spec, begin, Room { boards, ..room }, half))?;
        if let Some(Average { values, decay }) = &start.average {
            training.keep_average(values, *decay).ok()?;
        }
        Some(Self { training, decay: start.average.as_ref().map(|average| average.decay) })
    }

    /// Whether products are in half precision.
    pub fn is_half(&self) -> bool {
        self.training.is_half()
    }

    /// The most boards of a part.
    pub fn part(&self) -> usize {
        self.training.part()
    }

    /// Queues parts; the first of a batch begins a new sum.
    pub fn pull(&mut self, of: &Context<'_>, parts: &[Part<'_>]) -> Result<(), TrainError> {
        parts.iter().try_for_each(|part| self.training.pull(&boards(of, part)).map_err(failed))
    }

    /// Changes the weights.
    pub fn update(&mut self, update: &Update) {
        self.training.update(update);
    }

    /// What the last update had of a batch of so many boards.
    pub async fn watched(&self, boards: usize) -> Result<Readings, TrainError> {
        let watched = self.training.watched().await.map_err(failed)?;
        let solved = shares(&watched.solved, boards);
        Ok(Readings { losses: watched.losses, solved, squared_norm: watched.squared_norm, routing: None })
    }

    /// The gradient of the last update, [total].
    pub async fn gradient(&self) -> Result<Vec<f32>, TrainError> {
        self.training.gradient().await.map_err(failed)
    }

    /// Weights, moments and average.
    pub async fn parameters(&self) -> Result<Start, TrainError> {
        let [weights, first, second] = self.training.parameters().await.map_err(failed)?;
        let average = self.training.average().await.map_err(failed)?;
        let average = average.zip(self.decay).map(|(values, decay)| Average { values, decay });
        Ok(Start { weights, first, second, average })
    }

    /// The weights that are looked at.
    pub async fn shown(&self) -> Result<Vec<f32>, TrainError> {
        match self.training.average().await.map_err(failed)? {
            Some(average) => Ok(average),
            None => self.training.weights().await.map_err(failed),
        }
    }

    /// Forgets what was pulled since the last update.
    #[cfg(not(target_family = "wasm"))]
    pub fn forget(&mut self) {
        self.training.forget();
    }

    /// Queues boards that another thread made out.
    #[cfg(not(target_family = "wasm"))]
    pub fn pull_boards(&mut self, boards: &Boards<'_>) -> Result<(), TrainError> {
        self.training.pull(boards).map_err(failed)
    }

    /// The gradient of what was pulled, with its losses and counts, which ends the step.
    #[cfg(not(target_family = "wasm"))]
    pub async fn gather(&mut self) -> Result<Gathered, TrainError> {
        self.training.gather().await.map_err(failed)
    }

    /// Changes the weights, by a gradient that is known.
    #[cfg(not(target_family = "wasm"))]
    pub fn update_with(&mut self, gradient: &[f32], update: &Update) -> Result<(), TrainError> {
        self.training.update_with(gradient, update).map_err(failed)
    }

    /// Waits until everything that was queued is done.
    pub async fn settle(&self) -> Result<(), TrainError> {
        self.training.settle().await.map_err(failed)
    }
}

#[cfg(feature = "gpu")]
fn failed(error: GpuError) -> TrainError {
    TrainError::Device(error.0)
}
