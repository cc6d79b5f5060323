//! The training loop's one unit: a step, whatever computes it.

use burn::tensor::Device;
use loopscope_kernels::train::Update;

use super::part::{Part, Split};
use super::way::{Average, Context, Ground, Readings, Start, Sum, Way};
use super::{AdamW, Batch, Checkpoint};
use crate::config::{ModelCard, Provenance, RunConfig};
use crate::models::{Network, layout};
use crate::nn::{Layout, Parameters, routing_metrics};
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
    /// What the fused kernels do not know, where nothing else will do.
    #[error("{0}")]
    Kernels(&'static str),
    /// The loss does not depend on the weights: a fault of the program.
    #[error("the loss gave no gradient")]
    NoGradient,
}

/// Weights, moments and step of a run.
pub struct Trainer {
    config: RunConfig,
    layout: Layout,
    device: Device,
    pub(super) way: Way,
    notes: Vec<String>,
    step: u32,
    /// The most boards of a part; none leaves it to the device.
    micro_batch: Option<usize>,
    /// The step whose boards may go on where the one before left them: no other's, as after a pause or a resume,
    /// since that is kept nowhere but on the device.
    goes_on: Option<u32>,
}

/// A step under way: its batch goes through in parts, and their gradients are added up in order. The
/// weights change at its end only, so that it can be dropped at any moment.
pub struct UnderWay {
    batch: Batch,
    watch: bool,
    split: Split,
    /// Parts put through.
    done: usize,
    sum: Sum,
}

impl UnderWay {
    /// Whether every part was put through.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done >= self.split.count
    }

    /// How many parts it has.
    #[cfg(test)]
    pub(super) fn parts(&self) -> usize {
        self.split.count
    }

    /// Boards of its parts.
    #[must_use]
    pub fn boards_at_once(&self) -> usize {
        self.split.largest(self.batch.boards)
    }
}

impl Trainer {
    /// A fresh run: weights from the seed, moments zero.
    #[must_use]
    pub fn new(config: RunConfig, ground: &Ground<'_>) -> Self {
        let parameters = layout(&config.model).initial(config.seed);
        Self::with(config, parameters, ground)
    }

    /// A fresh run with these weights.
    #[must_use]
    pub fn with(config: RunConfig, parameters: Parameters, ground: &Ground<'_>) -> Self {
        let zeros = vec![0.0; parameters.values.len()];
        let average = Self::average(&config, &parameters.values);
        let start = Start { weights: parameters.values, first: zeros.clone(), second: zeros, average };
        Self::begin_with(config, parameters.layout, start, 0, ground)
    }

    /// Goes on from a checkpoint, under `config`.
    #[must_use]
    pub fn resume(config: RunConfig, checkpoint: &Checkpoint, ground: &Ground<'_>) -> Self {
        let Parameters { layout, values } = checkpoint.parameters.clone();
        let average = Self::average(&config, &values);
        let weights = checkpoint.raw.clone().unwrap_or(values);
        let start = Start { weights, first: checkpoint.first.clone(), second: checkpoint.second.clone(), average };
        Self::begin_with(config, layout, start, checkpoint.step, ground)
    }

    /// The average of the weights that a run keeps, if it does.
    fn average(config: &RunConfig, values: &[f32]) -> Option<Average<Vec<f32>>> {
        let decay = config.recipe.ema;
        (decay > 0.0).then(|| Average { values: values.to_vec(), decay })
    }

    fn begin_with(config: RunConfig, layout: Layout, start: Start, step: u32, ground: &Ground<'_>) -> Self {
        let (way, notes) = Way::choose(&config, start, ground);
        let (device, micro_batch) = (ground.device.clone(), ground.micro_batch);
        Self { config, layout, device, way, notes, step, micro_batch, goes_on: None }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Where the tensors of its network live.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What is not as was asked for, in sentences.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Graphics cards that share the work, or one.
    #[must_use]
    pub fn cards(&self) -> usize {
        self.way.cards()
    }

    /// Updates made.
    #[must_use]
    pub fn steps_done(&self) -> u32 {
        self.step
    }

    /// The network as it is now, for looking at: of the averaged weights where the recipe has an average.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn network(&self) -> Result<Network, TrainError> {
        match &self.way {
            Way::Tensors(tensors) => Ok(tensors.network(&self.context())),
            _ => Ok(self.network_of(&self.parameters().await?, self.step)),
        }
    }

    /// The network with the weights of a step that were read.
    #[must_use]
    pub fn network_of(&self, parameters: &Parameters, step: u32) -> Network {
        let flat = parameters.upload(&self.device);
        Network::bind(&self.config.model, &parameters.layout.bind(&flat, false), &self.device, step)
    }

    /// The weights as they are now, on the host: their average where the recipe has one.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn parameters(&self) -> Result<Parameters, TrainError> {
        Ok(Parameters { layout: self.layout.clone(), values: self.way.weights().await? })
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
        self.split(batch).largest(batch)
    }

    /// Whether fewer boards of a batch can go through at once.
    #[must_use]
    pub fn can_split(&self) -> bool {
        !self.way.needs_whole_batch(&self.config)
    }

    fn split(&self, batch: usize) -> Split {
        self.way.split(&self.config, batch, self.micro_batch)
    }

    fn context(&self) -> Context<'_> {
        Context { config: &self.config, layout: &self.layout, step: self.step }
    }

    /// One update on a batch. With `watch`, its metrics are read too.
    ///
    /// The loss is, for every iteration, the cross-entropy of the batch's empty cells divided by
    /// their number in the whole batch; then the mean over the iterations (`specs/sudoku.md` §2). With a fixed-point
    /// loss the loss of an iteration, which is also what is measured, is the whole of it. What a network adds besides,
    /// for pondering, routing or halting, is trained but not measured.
    ///
    /// # Errors
    /// As of [`Trainer::pull`] and [`Trainer::finish`].
    pub async fn step(&mut self, batch: &Batch, watch: bool) -> Result<Option<StepMetrics>, TrainError> {
        let mut under_way = self.begin(batch.clone(), watch);
        while !under_way.is_done() {
            self.pull(&mut under_way)?;
        }
        self.finish(under_way).await
    }

    /// Begins an update, to be gone on with by [`Trainer::pull`] and ended by [`Trainer::finish`].
    #[must_use]
    pub fn begin(&self, mut batch: Batch, watch: bool) -> UnderWay {
        if self.goes_on != Some(self.step) {
            batch.goes_on.clear();
        }
        UnderWay { split: self.split(batch.boards), batch, watch, done: 0, sum: Sum::Nothing }
    }

    /// Puts the next parts of a step through, as many as there are threads; on a graphics card they are queued
    /// only. On the CPU each thread takes a part of the batch; the parts are added in order, so that the same
    /// thread count gives the same bits.
    ///
    /// # Errors
    /// [`TrainError::NoGradient`], which no configuration causes; a device that fails.
    pub fn pull(&mut self, under_way: &mut UnderWay) -> Result<(), TrainError> {
        let UnderWay { batch, watch, split, done, sum } = under_way;
        let all = Part::split(batch, *split);
        let now = &all[(*done).min(all.len())..done.saturating_add(self.way.at_once()).min(all.len())];
        let context = Context { config: &self.config, layout: &self.layout, step: self.step };
        *sum = self.way.pull(&context, now, *watch, std::mem::replace(sum, Sum::Nothing))?;
        *done += now.len();
        Ok(())
    }

    /// Waits until the device has put through the parts that were asked for.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn settle_parts(&self, under_way: &UnderWay) -> Result<(), TrainError> {
        self.way.settle_sum(&under_way.sum).await
    }

    /// The gradient of a step on a batch, [total], instead of the step: nothing is trained any more.
    ///
    /// # Errors
    /// As of [`Trainer::pull`].
    pub async fn gradient(mut self, batch: &Batch) -> Result<Vec<f32>, TrainError> {
        let mut under_way = self.begin(batch.clone(), false);
        while !under_way.is_done() {
            self.pull(&mut under_way)?;
        }
        let update = self.update();
        self.way.gradient(&update, under_way.sum).await
    }

    /// The numbers of the next update.
    fn update(&self) -> Update {
        let recipe = &self.config.recipe;
        AdamW::of(recipe).at(self.step + 1, recipe.learning_rate(self.step))
    }

    /// Ends a step whose parts were all put through: the weights change. Reads its metrics where they were asked
    /// for; speed and time are filled in by whoever keeps the clock.
    ///
    /// # Errors
    /// The first quantity that is not finite, with its step; a device that fails.
    pub async fn finish(&mut self, under_way: UnderWay) -> Result<Option<StepMetrics>, TrainError> {
        let UnderWay { batch, watch, sum, .. } = under_way;
        let update = self.update();
        let context = Context { config: &self.config, layout: &self.layout, step: self.step };
        let watched = self.way.update(&context, &update, sum, batch.boards, watch).await?;
        self.step += 1;
        self.goes_on = (self.config.recipe.carry > 0.0).then_some(self.step);
        match watched {
            None => Ok(None),
            Some(watched) => {
                let readings = self.way.read(watched, self.config.model.heads).await?;
                metrics(readings, self.step, update.lr).map(Some)
            }
        }
    }

    /// Waits until the device has made every update that was asked for.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn settle(&self) -> Result<(), TrainError> {
        self.way.settle().await
    }

    /// Reads weights and moments from the device.
    ///
    /// # Errors
    /// A device that fails, weights that are not finite.
    pub async fn checkpoint(&self, provenance: Provenance) -> Result<Checkpoint, TrainError> {
        let Start { weights, first, second, average } = self.way.parameters().await?;
        let (values, raw) = match average {
            Some(average) => (average.values, Some(weights)),
            None => (weights, None),
        };
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
        let others =
            [("first moment", Some(&first)), ("second moment", Some(&second)), ("weight in training", raw.as_ref())];
        for (quantity, values) in others.into_iter().filter_map(|(quantity, values)| Some((quantity, values?))) {
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
        Ok(Checkpoint { config: self.config.clone(), step: self.step, card, parameters, raw, first, second })
    }
}

/// Quantities of a step, checked to be finite.
fn metrics(readings: Readings, step: u32, learning_rate: f64) -> Result<StepMetrics, TrainError> {
    let Readings { losses, solved, squared_norm, routing } = readings;
    let loss = losses.iter().sum::<f32>() / losses.len().max(1) as f32;
    let gradient_norm = squared_norm.sqrt();
    for (quantity, value) in [("loss", loss), ("gradient norm", gradient_norm)] {
        if !value.is_finite() {
            return Err(TrainError::NotFinite { step, quantity: quantity.into(), value });
        }
    }
    let routing = routing.map(|(moments, squared)| routing_metrics(&moments, losses.len(), squared.sqrt()));
    Ok(StepMetrics {
        step: Step(step),
        loss,
        loss_by_iteration: losses,
        solved_by_iteration: solved,
        gradient_norm,
        learning_rate,
        boards_per_second: 0.0,
        seconds: 0.0,
        routing,
    })
}

#[cfg(test)]
#[path = "carry_tests.rs"]
mod carry_tests;
#[cfg(test)]
#[path = "trainer_tests.rs"]
mod tests;
