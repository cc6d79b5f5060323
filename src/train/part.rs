//! A part of a batch, forward and backward: what one thread does of a training step.

use burn::tensor::{Device, Tensor, TensorData, activation};

use super::Batch;
use super::losses::{Before, halting_cost};
use crate::config::{Key, RunConfig, Stream};
use crate::models::{Dropout, Network, Pass, Recurrence};
use crate::nn::{BlockMoments, Bound, Layout};

/// How a batch is split: into `count` parts of nearly equal size, all but the last of which are whole multiples of
/// `grain` boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// Parts.
    pub count: usize,
    /// Boards that stay together.
    pub grain: usize,
}

impl Split {
    /// At most one part for each `grain` of a batch of `of` boards.
    pub fn new(of: usize, count: usize, grain: usize) -> Self {
        let grain = grain.max(1);
        Self { count: count.clamp(1, of.div_ceil(grain).max(1)), grain }
    }

    /// The fewest parts of at most `most` boards, multiples of four of them where that is possible.
    #[cfg(any(test, feature = "gpu"))]
    pub fn within(of: usize, most: usize) -> Self {
        Self::over(of, 1, most)
    }

    /// The same, as many for each of several cards; fewer cards where there are too few boards.
    #[cfg(any(test, feature = "gpu"))]
    pub fn over(of: usize, cards: usize, most: usize) -> Self {
        let grain = if most >= 4 { 4 } else { 1 };
        let grains = of.div_ceil(grain);
        let cards = cards.clamp(1, grains.max(1));
        Self::new(of, cards * grains.div_ceil(cards).div_ceil((most / grain).max(1)), grain)
    }

    /// Boards before part `i` of a batch of `of`.
    fn before(self, of: usize, i: usize) -> usize {
        (of.div_ceil(self.grain) * i / self.count * self.grain).min(of)
    }

    /// Boards of the largest part of a batch of `of`.
    pub fn largest(self, of: usize) -> usize {
        (0..self.count).map(|i| self.before(of, i + 1) - self.before(of, i)).max().unwrap_or(of)
    }
}

/// Consecutive boards of a batch.
pub(super) struct Part<'a> {
    /// [boards · cells], 0 for blanks.
    pub clues: &'a [u8],
    /// [boards · cells].
    pub solutions: &'a [u8],
    /// Boards in this part.
    pub boards: usize,
    /// Boards before it.
    pub before: usize,
    /// Boards in the whole batch.
    pub of: usize,
    /// Empty cells in the whole batch, by which the loss is divided.
    pub blanks: usize,
    /// Which of its boards go on, [boards]; empty where none does.
    pub goes_on: &'a [bool],
}

impl<'a> Part<'a> {
    /// The parts of a batch.
    pub fn split(batch: &'a Batch, split: Split) -> Vec<Self> {
        let of = batch.boards;
        let cells = batch.clues.len() / of.max(1);
        let blanks = batch.clues.iter().filter(|c| **c == 0).count().max(1);
        (0..split.count)
            .map(|i| {
                let (from, to) = (split.before(of, i), split.before(of, i + 1));
                let cells = from * cells..to * cells;
                Self {
                    clues: &batch.clues[cells.clone()],
                    solutions: &batch.solutions[cells],
                    boards: to - from,
                    before: from,
                    of,
                    blanks,
                    goes_on: batch.goes_on.get(from..to).unwrap_or_default(),
                }
            })
            .collect()
    }
}

/// Does something with each of a few parts at the same time, a thread each. A browser has no threads and never
/// more than one part at a time.
pub(super) fn together<P: Sync, R: Send>(parts: &[P], with: impl Fn(&P) -> R + Sync) -> Vec<R> {
    match parts {
        [] => Vec::new(),
        [whole] => vec![with(whole)],
        [first, others @ ..] => std::thread::scope(|scope| {
            let with = &with;
            let handles: Vec<_> = others.iter().map(|part| scope.spawn(move || with(part))).collect();
            let mut all = vec![with(first)];
            all.extend(handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
            all
        }),
    }
}

/// What a part gives to the step; the sum over the parts is that of the batch.
pub(super) struct Pulled {
    /// Loss by iteration, [T].
    pub losses: Tensor<1>,
    /// Solved share by iteration, [T]; zeros where it was not asked for.
    pub solved: Tensor<1>,
    /// Moments of α in every block of every iteration ([`BlockMoments::of`]), where they were asked for and
    /// there is a router.
    pub routing: Option<Tensor<1>>,
    /// Gradient of the mean loss, [total].
    pub gradient: Tensor<1>,
    /// S_T [boards · cells, d] and P_T [boards · cells, digits], where boards may go on from there.
    pub ends: Option<[Tensor<2>; 2]>,
}

impl Pulled {
    pub fn plus(self, other: Self) -> Self {
        Self {
            losses: self.losses + other.losses,
            solved: self.solved + other.solved,
            routing: self.routing.zip(other.routing).map(|(a, b)| a + b),
            gradient: self.gradient + other.gradient,
            ends: self
                .ends
                .zip(other.ends)
                .map(|([s, p], [t, q])| [Tensor::cat(vec![s, t], 0), Tensor::cat(vec![p, q], 0)]),
        }
    }
}

/// What comes out of a pass forward.
pub(super) struct Forward {
    /// Loss by iteration, [T].
    pub losses: Tensor<1>,
    /// Solved share by iteration, T times [1]; nothing where it was not asked for.
    pub solved: Vec<Tensor<1>>,
    /// See [`Pulled::routing`]; an iteration each.
    pub routing: Vec<Tensor<1>>,
    /// What else the loss has, [1]: the cost of pondering or of the halting head, and what keeps a router's heads
    /// alive.
    pub cost: Option<Tensor<1>>,
    /// See [`Pulled::ends`].
    pub ends: Option<[Tensor<2>; 2]>,
}

/// What all parts share.
pub(super) struct Source<'a> {
    pub config: &'a RunConfig,
    pub layout: &'a Layout,
    pub weights: &'a Tensor<1>,
    pub device: &'a Device,
    pub step: u32,
    /// S_T and P_T of the whole batch in the step before, where boards may go on from there.
    pub ends: Option<&'a [Tensor<2>; 2]>,
}

impl Source<'_> {
    /// Forward and backward of a part; nothing where no gradient exists.
    pub fn pull(&self, part: &Part<'_>, watch: bool) -> Option<Pulled> {
        let bound = self.layout.bind(self.weights, true);
        let Forward { losses, solved, routing, cost, ends } = self.forward(&bound, part, watch);
        let loss = losses.clone().mean();
        let loss = match cost {
            Some(cost) => loss + cost,
            None => loss,
        };
        let mut gradients = loss.backward();
        let gradient = self.layout.gradient(&bound, &mut gradients)?;
        let losses = losses.inner();
        let solved = if watch { Tensor::cat(solved, 0) } else { losses.zeros_like() };
        let routing = (!routing.is_empty()).then(|| Tensor::cat(routing, 0));
        Some(Pulled { losses, solved, routing, gradient, ends })
    }

    /// Forward through all iterations.
    pub fn forward(&self, bound: &Bound, part: &Part<'_>, watch: bool) -> Forward {
        let recipe = &self.config.recipe;
        let autodiff = self.device.clone().autodiff();
        let network = Network::bind(&self.config.model, bound, &autodiff, self.step);
        let targets = Targets::new(part, self.config.model.digits(), &autodiff);
        let key = Key::new(self.config.seed, Stream::Dropout).at_step(self.step);

        let mut at = self.start(&network, part);
        let mut before = Before::new(recipe.fixed_point);
        let (mut losses, mut solved, mut routing, mut costs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        // Means over this part's boards; what is wanted is a mean over the whole batch.
        let share = part.boards as f64 / part.of as f64;
        for iteration in 1..=recipe.iterations {
            let dropout = (recipe.dropout > 0.0).then(|| Dropout {
                key: key.at(iteration as u16, 0),
                rate: recipe.dropout,
                boards_before: part.before,
            });
            let (next, logits) = network.advance(&at, Pass { dropout, ..Pass::default() });
            let halting = network.halting_logits(next.state.clone(), part.boards);
            let right = (watch || halting.is_some()).then(|| targets.solved(logits.clone()));
            if let Some(right) = right.clone().filter(|_| watch) {
                solved.push(right.sum().div_scalar(part.of as f32));
                let weights: Vec<_> = Network::routed(&next).iter().map(|w| w.clone().inner()).collect();
                routing.extend(BlockMoments::of(&weights).map(|m| m.mul_scalar(share)));
            }
            // One log-softmax serves the loss and, through exp, the prediction that is fed back.
            let log_p = activation::log_softmax(logits.clone(), 1);
            let p = log_p.clone().exp();
            losses.push(before.loss(log_p, &p, &targets));
            costs.extend(network.iteration_cost(&next, recipe.iterations));
            costs.extend(
                halting.zip(right).map(|(q, right)| {
                    halting_cost(q, right).mul_scalar(recipe.q_weight / f64::from(recipe.iterations))
                }),
            );
            before.follow(logits, &p, &targets);
            at = next;
            at.prediction = Some(p);
            if network.cuts_after(iteration, recipe.iterations) {
                at = at.detach();
            }
        }
        costs.extend(network.pass_cost(&at));
        let cost = costs.into_iter().reduce(|a, b| a + b).map(|cost| cost.mul_scalar(share));
        let ends =
            (recipe.carry > 0.0).then(|| at.detach()).and_then(|at| Some([at.state.inner(), at.prediction?.inner()]));
        Forward { losses: Tensor::cat(losses, 0), solved, routing, cost, ends }
    }

    /// S_0 and P_0: those of the clues, or where a board was left.
    fn start(&self, network: &Network, part: &Part<'_>) -> Recurrence {
        let start = network.start(part.clues);
        let Some([states, predictions]) = self.ends.filter(|_| !part.goes_on.is_empty()) else { return start };
        let [rows, _] = start.state.dims();
        let cells = rows / part.boards.max(1);
        let share: Vec<f32> = (0..rows).map(|row| f32::from(u8::from(part.goes_on[row / cells]))).collect();
        let autodiff = self.device.clone().autodiff();
        let share = Tensor::<2>::from_data(TensorData::new(share, [rows, 1]), &autodiff);
        let places = part.before * cells..part.before * cells + rows;
        let of = |kept: &Tensor<2>| Tensor::from_inner(kept.clone().slice([places.clone()])) * share.clone();
        let anew = share.clone().neg().add_scalar(1.0);
        Recurrence { state: start.state * anew + of(states), prediction: Some(of(predictions)), ..start }
    }
}

/// A batch's solutions on the device.
pub(super) struct Targets {
    /// −1/M at the right digit of every empty cell, else 0; M empty cells in the whole batch.
    /// [boards · cells, digits].
    pub weights: Tensor<2>,
    /// One at every empty cell, [boards · cells, 1].
    empty: Tensor<2>,
    /// The right digit's index, [boards · cells, 1].
    digits: Tensor<2, burn::tensor::Int>,
    boards: usize,
}

impl Targets {
    fn new(part: &Part<'_>, digits: usize, autodiff: &Device) -> Self {
        let rows = part.clues.len();
        let (mut weights, mut empty) = (vec![0.0f32; rows * digits], vec![0.0f32; rows]);
        for row in 0..rows {
            let digit = usize::from(part.solutions[row]);
            if part.clues[row] == 0 && digit > 0 {
                weights[row * digits + digit - 1] = -1.0 / part.blanks as f32;
                empty[row] = 1.0;
            }
        }
        let plain = autodiff.clone().without_autodiff();
        let right: Vec<i32> = part.solutions.iter().map(|d| i32::from(*d) - 1).collect();
        Self {
            weights: Tensor::from_data(TensorData::new(weights, [rows, digits]), autodiff),
            empty: Tensor::from_data(TensorData::new(empty, [rows, 1]), &plain),
            digits: Tensor::from_data(TensorData::new(right, [rows, 1]), &plain),
            boards: part.boards,
        }
    }

    /// One at the right digit of every empty cell, [boards · cells, digits], without gradient.
    pub fn one_hot(&self) -> Tensor<2> {
        Tensor::from_inner(self.weights.clone().inner().not_equal_elem(0.0).float())
    }

    /// One for every board whose every empty cell is right, [boards, 1], without gradient.
    pub fn solved(&self, logits: Tensor<2>) -> Tensor<2> {
        let [rows, _] = logits.dims();
        let wrong = self.empty.clone() - self.right(logits);
        let wrong = wrong.reshape([self.boards, rows / self.boards]).sum_dim(1);
        wrong.equal_elem(0.0).float()
    }

    /// One at every empty cell whose arg-max is right, [boards · cells, 1], without gradient.
    pub fn right(&self, logits: Tensor<2>) -> Tensor<2> {
        logits.inner().argmax(1).equal(self.digits.clone()).float() * self.empty.clone()
    }
}
