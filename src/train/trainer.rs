//! The training loop's one unit: a step. All tensors live on the engine's device.

use burn::tensor::{Device, Tensor, TensorData, Transaction, activation};

use super::{AdamW, Batch, Checkpoint, Moments};
use crate::config::{Key, ModelCard, Provenance, RunConfig, Stream};
use crate::models::{LoopedTransformer, Pass, layout};
use crate::nn::{Bound, Layout, Parameters};
use crate::trace::{Step, StepMetrics};

/// A training that cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// A number that is none.
    #[error("at step {step} the {quantity} is {value}")]
    NotFinite {
        /// Updates made.
        step: u32,
        /// Which quantity.
        quantity: String,
        /// NaN or infinity.
        value: f32,
    },
    /// The device did not answer.
    #[error("the device failed while it was read: {0}")]
    Device(String),
    /// The loss does not depend on the weights: a fault of the program.
    #[error("the loss gave no gradient")]
    NoGradient,
}

/// Quantities of a step that stay on the device until [`Watched::read`].
pub struct Watched {
    /// Loss by iteration, [T].
    losses: Tensor<1>,
    /// Solved share by iteration, [T].
    solved: Tensor<1>,
    /// Squared norm of the gradient, [1].
    norm: Tensor<1>,
    step: u32,
    learning_rate: f64,
}

/// Weights, moments and step of a run.
pub struct Trainer {
    config: RunConfig,
    layout: Layout,
    device: Device,
    weights: Tensor<1>,
    moments: Moments,
    step: u32,
}

impl Trainer {
    /// A fresh run: weights from the seed, moments zero.
    #[must_use]
    pub fn new(config: RunConfig, device: &Device) -> Self {
        let layout = layout(&config.model);
        let weights = layout.initial(config.seed).upload(device);
        let moments = Moments::zeros_like(&weights);
        Self { config, layout, device: device.clone(), weights, moments, step: 0 }
    }

    /// Goes on from a checkpoint, under `config`.
    #[must_use]
    pub fn resume(config: RunConfig, checkpoint: &Checkpoint, device: &Device) -> Self {
        let upload = |values: &Vec<f32>| Tensor::from_data(TensorData::new(values.clone(), [values.len()]), device);
        Self {
            layout: checkpoint.parameters.layout.clone(),
            device: device.clone(),
            weights: checkpoint.parameters.upload(device),
            moments: Moments { first: upload(&checkpoint.first), second: upload(&checkpoint.second) },
            step: checkpoint.step,
            config,
        }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Updates made.
    #[must_use]
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// The network as it is now, for looking at.
    #[must_use]
    pub fn network(&self) -> LoopedTransformer {
        LoopedTransformer::bind(&self.config.model, &self.layout.bind(&self.weights, false), &self.device)
    }

    /// Loss by iteration [T] and, with `watch`, solved share by iteration (T times [1]) of a batch.
    fn forward(&self, bound: &Bound, batch: &Batch, watch: bool) -> (Tensor<1>, Vec<Tensor<1>>) {
        let recipe = &self.config.recipe;
        let autodiff = self.device.clone().autodiff();
        let network = LoopedTransformer::bind(&self.config.model, bound, &autodiff);
        let targets = Targets::new(batch, self.config.model.digits(), &autodiff);
        let dropout = Key::new(self.config.seed, Stream::Dropout).at_step(self.step);

        let mut at = network.start(&batch.clues);
        let (mut losses, mut solved) = (Vec::new(), Vec::new());
        for iteration in 1..=recipe.iterations {
            let dropout = (recipe.dropout > 0.0).then(|| (dropout.at(iteration as u16, 0), recipe.dropout));
            let (next, logits) = network.advance(&at, Pass { dropout, ..Pass::default() });
            if watch {
                solved.push(targets.solved(logits.clone()));
            }
            // One log-softmax serves the loss and, through exp, the prediction that is fed back.
            let log_p = activation::log_softmax(logits, 1);
            losses.push((log_p.clone() * targets.weights.clone()).sum());
            at = next;
            at.prediction = Some(log_p.exp());
        }
        (Tensor::cat(losses, 0), solved)
    }

    /// One update on a batch. With `watch`, what [`Watched`] holds is computed too.
    ///
    /// The loss is, for every iteration, the cross-entropy of the batch's empty cells divided by
    /// their number in the whole batch; then the mean over the iterations (`specs/sudoku.md` §2).
    ///
    /// # Errors
    /// [`TrainError::NoGradient`], which no configuration causes.
    pub fn step(&mut self, batch: &Batch, watch: bool) -> Result<Option<Watched>, TrainError> {
        let recipe = &self.config.recipe;
        let bound = self.layout.bind(&self.weights, true);
        let (losses, solved) = self.forward(&bound, batch, watch);
        let loss = losses.clone().mean();
        let mut gradients = loss.backward();
        let gradient = self.layout.gradient(&bound, &mut gradients).ok_or(TrainError::NoGradient)?;

        let learning_rate = recipe.learning_rate(self.step);
        let watched = watch.then(|| Watched {
            losses: losses.inner(),
            solved: Tensor::cat(solved, 0),
            norm: gradient.clone().mul(gradient.clone()).sum(),
            step: self.step + 1,
            learning_rate,
        });
        let (weights, moments) = AdamW::of(recipe).update(
            self.step + 1,
            learning_rate,
            self.weights.clone(),
            gradient,
            self.moments.clone(),
        );
        self.weights = weights;
        self.moments = moments;
        self.step += 1;
        Ok(watched)
    }

    /// Reads weights and moments from the device in one transaction.
    ///
    /// # Errors
    /// A device that fails, weights that are not finite.
    pub async fn checkpoint(&self, provenance: Provenance) -> Result<Checkpoint, TrainError> {
        let data = Transaction::default()
            .register(self.weights.clone())
            .register(self.moments.first.clone())
            .register(self.moments.second.clone())
            .execute_async()
            .await
            .map_err(|e| TrainError::Device(format!("{e:?}")))?;
        let mut vectors = data.into_iter().map(|d| d.iter::<f32>().collect::<Vec<f32>>());
        let mut next = || vectors.next().unwrap_or_default();
        let (values, first, second) = (next(), next(), next());
        let parameters = Parameters { layout: self.layout.clone(), values };
        for (spec, values) in parameters.parts() {
            if let Some(value) = values.iter().find(|v| !v.is_finite()) {
                return Err(TrainError::NotFinite {
                    step: self.step,
                    quantity: format!("weight {}", spec.name),
                    value: *value,
                });
            }
        }
        let card = ModelCard {
            name: self.config.name.clone(),
            config: self.config.model.clone(),
            trained_iterations: self.config.recipe.iterations,
            step: self.step,
            provenance,
        };
        Ok(Checkpoint { config: self.config.clone(), step: self.step, card, parameters, first, second })
    }
}

/// A batch's solutions on the device.
struct Targets {
    /// −1/M at the right digit of every empty cell, else 0; M empty cells in the batch.
    /// [boards · cells, digits].
    weights: Tensor<2>,
    /// One at every empty cell, [boards · cells, 1].
    empty: Tensor<2>,
    /// The right digit's index, [boards · cells, 1].
    digits: Tensor<2, burn::tensor::Int>,
    boards: usize,
}

impl Targets {
    fn new(batch: &Batch, digits: usize, autodiff: &Device) -> Self {
        let rows = batch.clues.len();
        let blanks = batch.clues.iter().filter(|c| **c == 0).count().max(1);
        let (mut weights, mut empty) = (vec![0.0f32; rows * digits], vec![0.0f32; rows]);
        for row in 0..rows {
            let digit = usize::from(batch.solutions[row]);
            if batch.clues[row] == 0 && digit > 0 {
                weights[row * digits + digit - 1] = -1.0 / blanks as f32;
                empty[row] = 1.0;
            }
        }
        let plain = autodiff.clone().without_autodiff();
        let right: Vec<i32> = batch.solutions.iter().map(|d| i32::from(*d) - 1).collect();
        Self {
            weights: Tensor::from_data(TensorData::new(weights, [rows, digits]), autodiff),
            empty: Tensor::from_data(TensorData::new(empty, [rows, 1]), &plain),
            digits: Tensor::from_data(TensorData::new(right, [rows, 1]), &plain),
            boards: batch.boards,
        }
    }

    /// Share of boards whose every empty cell is right, [1].
    fn solved(&self, logits: Tensor<2>) -> Tensor<1> {
        let [rows, _] = logits.dims();
        let wrong = logits.inner().argmax(1).not_equal(self.digits.clone()).float() * self.empty.clone();
        let wrong = wrong.reshape([self.boards, rows / self.boards]).sum_dim(1);
        wrong.equal_elem(0.0).float().mean()
    }
}

impl Watched {
    /// Reads everything in one transaction and checks that it is finite. Speed and time are filled in
    /// by whoever keeps the clock.
    ///
    /// # Errors
    /// The first quantity that is not finite, with its step.
    pub async fn read(self) -> Result<StepMetrics, TrainError> {
        let data = Transaction::default()
            .register(self.losses)
            .register(self.solved)
            .register(self.norm)
            .execute_async()
            .await
            .map_err(|e| TrainError::Device(format!("{e:?}")))?;
        let mut vectors = data.into_iter().map(|d| d.iter::<f32>().collect::<Vec<f32>>());
        let mut next = || vectors.next().unwrap_or_default();
        let (losses, solved, norm) = (next(), next(), next());
        let loss = losses.iter().sum::<f32>() / losses.len().max(1) as f32;
        let gradient_norm = norm.first().copied().unwrap_or(f32::NAN).sqrt();
        for (quantity, value) in [("loss", loss), ("gradient norm", gradient_norm)] {
            if !value.is_finite() {
                return Err(TrainError::NotFinite { step: self.step, quantity: quantity.into(), value });
            }
        }
        Ok(StepMetrics {
            step: Step(self.step),
            loss,
            loss_by_iteration: losses,
            solved_by_iteration: solved,
            gradient_norm,
            learning_rate: self.learning_rate,
            boards_per_second: 0.0,
            seconds: 0.0,
        })
    }
}

#[cfg(test)]
#[path = "trainer_tests.rs"]
mod tests;
