//! The training loop's one unit: a step. All tensors live on the engine's device.

use burn::tensor::{Device, Tensor, TensorData, Transaction};

use super::part::{Part, Pulled, Source};
use super::{AdamW, Batch, Checkpoint, Moments};
use crate::config::{ModelCard, Provenance, RunConfig};
use crate::models::{Network, layout};
use crate::nn::{BlockMoments, Layout, Parameters, routing_metrics};
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
    /// Moments of α ([`BlockMoments::of`]) and the squared norm of the router's gradient [1], where there is
    /// a router.
    routing: Option<(Tensor<1>, Tensor<1>)>,
    heads: usize,
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
    /// Parts of a batch that are put through at the same time.
    threads: usize,
    /// The most boards of a part; none leaves it to the device.
    micro_batch: Option<usize>,
}

/// A step under way: its batch goes through in parts, and their gradients are added up in order. The
/// weights change at its end only, so that it can be dropped at any moment.
pub struct UnderWay {
    batch: Batch,
    watch: bool,
    /// Parts in all.
    parts: usize,
    /// Parts put through.
    done: usize,
    sum: Option<Pulled>,
}

impl UnderWay {
    /// Whether every part was put through.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done >= self.parts
    }

    /// Boards of its parts.
    #[must_use]
    pub fn boards_at_once(&self) -> usize {
        self.batch.boards.div_ceil(self.parts.max(1))
    }

    /// Waits until the device has done what was asked so far.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn settle(&self) -> Result<(), TrainError> {
        match &self.sum {
            Some(sum) => settle(sum.losses.clone()).await,
            None => Ok(()),
        }
    }
}

/// Work of a part in a browser, where one thread does everything and must hear its messages in between:
/// in multiplications and additions, about 25 ms of a laptop's core.
const WORK_OF_A_PART: u64 = 120_000_000;

impl Trainer {
    /// A fresh run: weights from the seed, moments zero.
    #[must_use]
    pub fn new(config: RunConfig, device: &Device) -> Self {
        let layout = layout(&config.model);
        let weights = layout.initial(config.seed).upload(device);
        let moments = Moments::zeros_like(&weights);
        Self {
            config,
            layout,
            device: device.clone(),
            weights,
            moments,
            step: 0,
            threads: threads(device),
            micro_batch: None,
        }
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
            threads: threads(device),
            micro_batch: None,
            config,
        }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Where its tensors live.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Updates made.
    #[must_use]
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// The network as it is now, for looking at.
    #[must_use]
    pub fn network(&self) -> Network {
        Network::bind(&self.config.model, &self.layout.bind(&self.weights, false), &self.device, self.step)
    }

    /// The weights as they are now, on the host.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn parameters(&self) -> Result<Parameters, TrainError> {
        let data = self.weights.clone().into_data_async().await.map_err(|e| TrainError::Device(format!("{e:?}")))?;
        Ok(Parameters { layout: self.layout.clone(), values: data.iter::<f32>().collect() })
    }

    /// The most boards of a part, where that was set.
    #[must_use]
    pub fn micro_batch(&self) -> Option<usize> {
        self.micro_batch
    }

    /// Puts at most so many boards through at once. The sums are the same but for rounding.
    pub fn set_micro_batch(&mut self, boards: usize) {
        self.micro_batch = Some(boards.max(1));
    }

    /// Boards of a part of the next step.
    #[must_use]
    pub fn part(&self, batch: usize) -> usize {
        batch.div_ceil(self.parts(batch))
    }

    /// Into how many parts a batch is split. It depends on the configuration, the device and what was
    /// set, and on no clock, so that a resumed run adds up in the same order.
    fn parts(&self, batch: usize) -> usize {
        let least = self.micro_batch.map_or(1, |most| batch.div_ceil(most));
        let parts = if on_page_cpu(&self.device) {
            let config = &self.config;
            // Two operations a parameter forward and four backward, for each cell and iteration.
            let cells = (config.model.cells() as u64).saturating_mul(config.recipe.iterations.into());
            let board = cells.saturating_mul(6 * self.layout.total() as u64);
            batch.div_ceil((WORK_OF_A_PART / board.max(1)).max(1) as usize)
        } else {
            self.threads.min(batch / 4)
        };
        parts.max(least).clamp(1, batch.max(1))
    }

    /// One update on a batch. With `watch`, what [`Watched`] holds is computed too.
    ///
    /// The loss is, for every iteration, the cross-entropy of the batch's empty cells divided by
    /// their number in the whole batch; then the mean over the iterations (`specs/sudoku.md` §2).
    ///
    /// # Errors
    /// [`TrainError::NoGradient`], which no configuration causes.
    pub fn step(&mut self, batch: &Batch, watch: bool) -> Result<Option<Watched>, TrainError> {
        let mut under_way = self.begin(batch.clone(), watch);
        while !under_way.is_done() {
            self.pull(&mut under_way)?;
        }
        self.finish(under_way)
    }

    /// Begins an update, to be gone on with by [`Trainer::pull`] and ended by [`Trainer::finish`].
    #[must_use]
    pub fn begin(&self, batch: Batch, watch: bool) -> UnderWay {
        UnderWay { parts: self.parts(batch.boards), batch, watch, done: 0, sum: None }
    }

    /// Puts the next parts of a step through, as many as there are threads. On the CPU, whose kernels are
    /// too small to be split, each thread takes a part of the batch; the parts are added in order, so
    /// that the same thread count gives the same bits.
    ///
    /// # Errors
    /// [`TrainError::NoGradient`].
    pub fn pull(&self, under_way: &mut UnderWay) -> Result<(), TrainError> {
        let UnderWay { batch, watch, parts, done, sum } = under_way;
        let (all, watch) = (Part::split(batch, *parts), *watch);
        let now = &all[(*done).min(all.len())..(*done + self.threads.max(1)).min(all.len())];
        let source = Source {
            config: &self.config,
            layout: &self.layout,
            weights: &self.weights,
            device: &self.device,
            step: self.step,
        };
        let pulled: Vec<Option<Pulled>> = match now {
            [whole] => vec![source.pull(whole, watch)],
            // A browser has no threads and never more than one part at a time.
            [first, others @ ..] => std::thread::scope(|scope| {
                let handles: Vec<_> = others.iter().map(|part| scope.spawn(|| source.pull(part, watch))).collect();
                let mut all = vec![source.pull(first, watch)];
                all.extend(
                    handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
                );
                all
            }),
            [] => Vec::new(),
        };
        *done += now.len();
        let pulled = pulled.into_iter().collect::<Option<Vec<_>>>().ok_or(TrainError::NoGradient)?;
        *sum = sum.take().into_iter().chain(pulled).reduce(Pulled::plus);
        Ok(())
    }

    /// Ends a step whose parts were all put through: the weights change.
    ///
    /// # Errors
    /// [`TrainError::NoGradient`].
    pub fn finish(&mut self, under_way: UnderWay) -> Result<Option<Watched>, TrainError> {
        let Pulled { losses, solved, routing, gradient } = under_way.sum.ok_or(TrainError::NoGradient)?;
        let recipe = &self.config.recipe;
        let learning_rate = recipe.learning_rate(self.step);
        let watched = under_way.watch.then(|| Watched {
            losses,
            solved,
            norm: gradient.clone().mul(gradient.clone()).sum(),
            routing: routing.map(|moments| (moments, self.squared(&gradient, is_of_router))),
            heads: self.config.model.heads,
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

    /// Squared norm of the gradient of some parameters, [1].
    fn squared(&self, gradient: &Tensor<1>, of: fn(&str) -> bool) -> Tensor<1> {
        let (mut at, mut sum) = (0, None);
        for spec in &self.layout.specs {
            let range = at..at + spec.len();
            at = range.end;
            if of(&spec.name) {
                let part = gradient.clone().slice([range]);
                let square = part.clone().mul(part).sum();
                sum = Some(sum.map_or(square.clone(), |s: Tensor<1>| s + square));
            }
        }
        sum.unwrap_or_else(|| Tensor::zeros([1], &self.device))
    }

    /// Waits until the device has made every update that was asked for.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn settle(&self) -> Result<(), TrainError> {
        settle(self.weights.clone()).await
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
        for (quantity, values) in [("first moment", &first), ("second moment", &second)] {
            if let Some(value) = values.iter().find(|v| !v.is_finite()) {
                return Err(TrainError::NotFinite { step: self.step, quantity: quantity.into(), value: *value });
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

/// Reads one value, for which the device must do everything before it.
async fn settle(values: Tensor<1>) -> Result<(), TrainError> {
    let read = values.slice(0..1).into_data_async().await;
    read.map(drop).map_err(|e| TrainError::Device(format!("{e:?}")))
}

/// Whether a parameter is of what weighs the heads.
fn is_of_router(name: &str) -> bool {
    name.split('.').any(|part| part == "router" || part == "controller")
}

/// Whether one thread of a web page does everything.
fn on_page_cpu(device: &Device) -> bool {
    cfg!(target_family = "wasm") && *device == Device::flex()
}

/// Parts of a batch on this device: one a core on the CPU, one on a graphics card.
fn threads(device: &Device) -> usize {
    if cfg!(target_family = "wasm") || *device != Device::flex() {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}

impl Watched {
    /// Reads everything in one transaction and checks that it is finite. Speed and time are filled in
    /// by whoever keeps the clock.
    ///
    /// # Errors
    /// The first quantity that is not finite, with its step.
    pub async fn read(self) -> Result<StepMetrics, TrainError> {
        let mut transaction = Transaction::default().register(self.losses).register(self.solved).register(self.norm);
        let routed = self.routing.is_some();
        if let Some((moments, norm)) = self.routing {
            transaction = transaction.register(moments).register(norm);
        }
        let data = transaction.execute_async().await.map_err(|e| TrainError::Device(format!("{e:?}")))?;
        let mut vectors = data.into_iter().map(|d| d.iter::<f32>().collect::<Vec<f32>>());
        let mut next = || vectors.next().unwrap_or_default();
        let (losses, solved, norm) = (next(), next(), next());
        let routing = routed.then(|| {
            let moments = BlockMoments::read(&next(), self.heads);
            let norm = next().first().copied().unwrap_or(f32::NAN).sqrt();
            routing_metrics(&moments, losses.len(), norm)
        });
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
            routing,
        })
    }
}

#[cfg(test)]
#[path = "trainer_tests.rs"]
mod tests;
