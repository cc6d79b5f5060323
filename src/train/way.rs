//! The ways of computing a step, behind one set of functions.

use burn::tensor::Device;
#[cfg(feature = "gpu")]
use loopscope_kernels::train::gpu::Room;
use loopscope_kernels::train::{Update, cpu};

use super::TrainError;
#[cfg(all(feature = "gpu", not(target_family = "wasm")))]
use super::cards::Cards;
#[cfg(feature = "gpu")]
use super::fused::Card;
use super::fused::{Host, spec};
use super::part::{Part, Pulled, Split};
use super::tensors::{self, Tensors};
use crate::config::{Precision, RunConfig};
use crate::models::Place;
use crate::nn::{BlockMoments, Layout};

/// Where and how a training computes.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The device of its tensors.
    pub device: &'a Device,
    /// Where the fused kernels run; none computes on tensors.
    pub fused: Option<&'a Place>,
    /// The most boards of a part; none leaves it to the device.
    pub micro_batch: Option<usize>,
}

impl<'a> Ground<'a> {
    /// On tensors alone: the reference.
    #[must_use]
    pub fn tensors(device: &'a Device) -> Self {
        Self { device, fused: None, micro_batch: None }
    }
}

/// Weights and moments to begin with, or reached, [total] each.
#[derive(Clone)]
pub(super) struct Start {
    pub weights: Vec<f32>,
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    /// Where one is kept.
    pub average: Option<Average<Vec<f32>>>,
}

/// A moving average of the weights.
#[derive(Clone)]
pub(super) struct Average<V> {
    pub values: V,
    /// values ← decay · values + (1 − decay) · weights after every update.
    pub decay: f64,
}

/// What a step is of.
pub(super) struct Context<'a> {
    pub config: &'a RunConfig,
    pub layout: &'a Layout,
    /// Updates made.
    pub step: u32,
}

/// What is read of a step.
pub(super) struct Readings {
    /// Loss by iteration, [T].
    pub losses: Vec<f32>,
    /// Solved share by iteration, [T].
    pub solved: Vec<f32>,
    /// Of the gradient.
    pub squared_norm: f32,
    /// Moments of α and the squared norm of the router's gradient, where there is a router.
    pub routing: Option<(Vec<BlockMoments>, f32)>,
}

/// What the parts of a step that were put through give together.
pub(super) enum Sum {
    /// No part was put through yet.
    Nothing,
    /// On the device of the tensors.
    Tensors(Box<Pulled>),
    /// On the host.
    Host(cpu::Pulled),
    /// The card keeps it, or each card its share.
    #[cfg(feature = "gpu")]
    Card,
}

/// What is still to be read of a step.
pub(super) enum Watched {
    /// On the device of the tensors.
    Tensors(Box<tensors::Watched>),
    /// On the host.
    Host(Readings),
    /// On the card, of a batch of so many boards.
    #[cfg(feature = "gpu")]
    Card { boards: usize },
}

/// What computes a step.
pub(super) enum Way {
    /// Operation by operation: the reference.
    Tensors(Box<Tensors>),
    /// Fused kernels on the processor.
    Host(Box<Host>),
    /// Fused kernels on a graphics card.
    #[cfg(feature = "gpu")]
    Card(Box<Card>),
    /// Fused kernels on several.
    #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
    Cards(Box<Cards>),
}

/// Work of a part in a browser, where one thread does everything and must hear its messages in between:
/// in multiplications and additions, about 25 ms of a laptop's core.
const WORK_OF_A_PART: u64 = 120_000_000;

/// Why a training runs on tensors that the kernels know but the card does not.
#[cfg(feature = "gpu")]
const SIZES: &str = "This training runs on tensors: the fused kernels do not know these sizes on this graphics card.";

/// What a training is told that cannot have half precision.
const FULL_INSTEAD: &str =
    "Mixed precision takes a graphics card with cooperative matrices: this training computes in full precision.";

impl Way {
    /// The best way that there is for a configuration, and what should be known of the choice, in sentences.
    pub fn choose(config: &RunConfig, start: Start, ground: &Ground<'_>) -> (Self, Vec<String>) {
        let mixed = config.recipe.precision == Precision::Mixed;
        let told = |note: Option<&str>| note.into_iter().map(String::from).collect::<Vec<_>>();
        let tensors = |start, why: Option<&str>| {
            let more = mixed.then_some(FULL_INSTEAD);
            (
                Self::Tensors(Box::new(Tensors::new(start, ground.device))),
                told(why).into_iter().chain(told(more)).collect(),
            )
        };
        let (place, spec) = match (ground.fused, spec(config)) {
            (None, _) => return tensors(&start, None),
            (Some(_), Err(why)) => return tensors(&start, Some(why)),
            (Some(place), Ok(spec)) => (place, spec),
        };
        let halved = |half: bool| told((mixed && !half).then_some(FULL_INSTEAD));
        #[cfg(feature = "gpu")]
        let batch = config.recipe.batch;
        #[cfg(feature = "gpu")]
        let room = |memory| Room { boards: ground.micro_batch.unwrap_or(batch), memory };
        match place {
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Place::Card { client, memory, more, .. } if !more.is_empty() => {
                let clients = std::iter::once(client).chain(more).cloned().collect();
                let Some(cards) = Cards::new(clients, spec, start.clone(), room(*memory), batch, mixed) else {
                    return tensors(&start, Some(SIZES));
                };
                let notes = halved(cards.is_half());
                (Self::Cards(Box::new(cards)), notes)
            }
            #[cfg(feature = "gpu")]
            Place::Card { client, memory, .. } => {
                let Some(card) = Card::new(client, &spec, &start, room(*memory), batch, mixed) else {
                    return tensors(&start, Some(SIZES));
                };
                let notes = halved(card.is_half());
                (Self::Card(Box::new(card)), notes)
            }
            Place::Cpu { threads } => (Self::Host(Box::new(Host::new(spec, start, (*threads).max(1)))), halved(false)),
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Place::Module(_) => (Self::Host(Box::new(Host::new(spec, start, 1))), halved(false)),
        }
    }

    /// How a batch is split. It depends on the configuration, the device and what was set, and on no clock, so
    /// that a resumed run adds up in the same order.
    pub fn split(&self, config: &RunConfig, boards: usize, most: Option<usize>) -> Split {
        let threads = match self {
            #[cfg(feature = "gpu")]
            Self::Card(card) => return Split::within(boards, most.unwrap_or(usize::MAX).min(card.part())),
            _ if self.needs_whole_batch(config) => return Split::new(boards, 1, 1),
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(cards) => {
                return Split::over(boards, cards.count(), most.unwrap_or(usize::MAX).min(cards.part()));
            }
            Self::Tensors(tensors) => tensors.threads,
            Self::Host(host) => host.threads,
        };
        let parts = if cfg!(target_family = "wasm") && self.is_on_the_processor() {
            // Two operations a parameter forward and four backward, for each cell and iteration.
            let cells = (config.model.cells() as u64).saturating_mul(config.recipe.iterations.into());
            let board = cells.saturating_mul(6 * config.model.parameters() as u64);
            boards.div_ceil((WORK_OF_A_PART / board.max(1)).max(1) as usize)
        } else {
            threads.min(boards / 4)
        };
        let least = most.map_or(1, |most| boards.div_ceil(most));
        Split::new(boards, parts.max(least), 1)
    }

    /// Whether the loss is divided by a number of the whole batch, which a part of it cannot know: on tensors only.
    pub fn needs_whole_batch(&self, config: &RunConfig) -> bool {
        matches!(self, Self::Tensors(_)) && config.recipe.fixed_point.needs_whole_batch()
    }

    fn is_on_the_processor(&self) -> bool {
        match self {
            Self::Tensors(tensors) => tensors.is_on_the_processor(),
            Self::Host(_) => true,
            #[cfg(feature = "gpu")]
            Self::Card(_) => false,
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(_) => false,
        }
    }

    /// Graphics cards that share the work, or one.
    pub fn cards(&self) -> usize {
        match self {
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(cards) => cards.count(),
            _ => 1,
        }
    }

    /// Parts that are put through at the same time.
    pub fn at_once(&self) -> usize {
        match self {
            Self::Tensors(tensors) => tensors.threads.max(1),
            Self::Host(host) => host.threads.max(1),
            #[cfg(feature = "gpu")]
            Self::Card(_) => 1,
            // All at once: a step begins with the first.
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(_) => usize::MAX,
        }
    }

    /// Forward and backward of the next parts of a step.
    pub fn pull(&mut self, of: &Context<'_>, parts: &[Part<'_>], watch: bool, sum: Sum) -> Result<Sum, TrainError> {
        match self {
            Self::Tensors(tensors) => {
                let sum = if let Sum::Tensors(sum) = sum { Some(*sum) } else { None };
                tensors.pull(of, parts, watch, sum).map(|sum| Sum::Tensors(Box::new(sum))).ok_or(TrainError::NoGradient)
            }
            Self::Host(host) => {
                let sum = if let Sum::Host(sum) = sum { Some(sum) } else { None };
                host.pull(of, parts, sum).map(Sum::Host).ok_or(TrainError::NoGradient)
            }
            #[cfg(feature = "gpu")]
            Self::Card(card) => card.pull(of, parts).map(|()| Sum::Card),
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(cards) => cards.pull(of, parts).map(|()| Sum::Card),
        }
    }

    /// Changes the weights, by what a batch of so many boards gave.
    pub async fn update(
        &mut self,
        of: &Context<'_>,
        update: &Update,
        sum: Sum,
        boards: usize,
        watch: bool,
    ) -> Result<Option<Watched>, TrainError> {
        let watched = match (self, sum) {
            (Self::Tensors(tensors), Sum::Tensors(sum)) => {
                tensors.update(of, update, *sum, watch).map(|watched| Watched::Tensors(Box::new(watched)))
            }
            (Self::Host(host), Sum::Host(sum)) => Some(Watched::Host(host.update(update, sum, boards))),
            #[cfg(feature = "gpu")]
            (Self::Card(card), Sum::Card) => {
                card.update(update);
                Some(Watched::Card { boards })
            }
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            (Self::Cards(cards), Sum::Card) => {
                let sum = cards.gather().await?;
                Some(Watched::Host(cards.update(update, sum, boards)?))
            }
            _ => return Err(TrainError::NoGradient),
        };
        Ok(watched.filter(|_| watch))
    }

    /// Reads what the last update was asked to watch.
    pub async fn read(&self, watched: Watched, heads: usize) -> Result<Readings, TrainError> {
        match watched {
            Watched::Tensors(watched) => watched.read(heads).await,
            Watched::Host(readings) => Ok(readings),
            #[cfg(feature = "gpu")]
            Watched::Card { boards } => match self {
                Self::Card(card) => card.watched(boards).await,
                _ => Err(TrainError::NoGradient),
            },
        }
    }

    /// Waits until the parts of a step that were put through are done.
    pub async fn settle_sum(&self, sum: &Sum) -> Result<(), TrainError> {
        match sum {
            Sum::Tensors(sum) => sum.settle().await,
            Sum::Nothing | Sum::Host(_) => Ok(()),
            #[cfg(feature = "gpu")]
            Sum::Card => self.settle().await,
        }
    }

    /// Waits until every update is done.
    pub async fn settle(&self) -> Result<(), TrainError> {
        match self {
            Self::Tensors(tensors) => tensors.settle().await,
            Self::Host(_) => Ok(()),
            #[cfg(feature = "gpu")]
            Self::Card(card) => card.settle().await,
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(cards) => cards.settle().await,
        }
    }

    /// The gradient that parts gave together, [total]. A card makes the update for it.
    pub async fn gradient(mut self, update: &Update, sum: Sum) -> Result<Vec<f32>, TrainError> {
        let _ = update;
        match (&mut self, sum) {
            (_, Sum::Tensors(sum)) => tensors::vector(&sum.gradient).await,
            (_, Sum::Host(sum)) => Ok(sum.gradient),
            #[cfg(feature = "gpu")]
            (Self::Card(card), Sum::Card) => {
                card.update(update);
                card.gradient().await
            }
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            (Self::Cards(cards), Sum::Card) => cards.gather().await.map(|sum| sum.gradient()),
            _ => Err(TrainError::NoGradient),
        }
    }

    /// The weights that are looked at, on the host, [total]: their average where one is kept.
    pub async fn weights(&self) -> Result<Vec<f32>, TrainError> {
        match self {
            Self::Tensors(tensors) => tensors::vector(tensors.shown()).await,
            Self::Host(host) => Ok(host.shown().to_vec()),
            #[cfg(feature = "gpu")]
            Self::Card(card) => card.shown().await,
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(cards) => cards.shown().await,
        }
    }

    /// Weights, moments and average on the host.
    pub async fn parameters(&self) -> Result<Start, TrainError> {
        match self {
            Self::Tensors(tensors) => tensors.parameters().await,
            Self::Host(host) => Ok(host.parameters()),
            #[cfg(feature = "gpu")]
            Self::Card(card) => card.parameters().await,
            #[cfg(all(feature = "gpu", not(target_family = "wasm")))]
            Self::Cards(cards) => cards.parameters().await,
        }
    }
}
