//! The training under way: prepared, run step by step, read on a cadence, probed, kept.

mod preparing;
mod probing;

use std::path::{Path, PathBuf};

use web_time::{Duration, Instant};

use super::pace::{Pressure, UNIT};
use super::protocol::{Event, TrainingState};
use super::session::Emit;
use crate::config::{ModelCard, NetworkKind, Provenance};
use crate::models::{Fused, Network, Place};
use crate::nn::Parameters;
use crate::report::StepsCsv;
use crate::store;
use crate::trace::{ProbeReport, Recording, Step, StepMetrics};
use crate::train::{Batch, DataSource, RunFolder, TrainError, Trainer, UnderWay};
use probing::{ProbeUnderWay, figures};

/// A training with its data, its folder and its clock.
pub(super) struct Training {
    trainer: Trainer,
    source: DataSource,
    folder: Option<RunFolder>,
    /// A sentence about the model whose weights it began with.
    began_with: Option<String>,
    /// Whether the `Prepared` event was sent.
    announced: bool,
    history: Vec<StepMetrics>,
    probes: Vec<ProbeReport>,
    notes: Vec<String>,
    state: TrainingState,
    /// Pause at this step.
    until: u32,
    probing: Option<ProbeUnderWay>,
    last_probe: Option<u32>,
    /// The step whose boards were recorded last.
    last_recorded: Option<u32>,
    /// The first weights, while what they make of the kept boards is still to be recorded.
    untrained: Option<Parameters>,
    /// Recorded steps of a run that goes on, until they are told.
    earlier: Recording,
    last_saved: Option<(u32, PathBuf)>,
    last_gradient_norm: Option<f32>,
    seconds: f64,
    /// Start of the stretch whose speed the next reading reports, and its boards.
    stretch: Option<Instant>,
    stretch_boards: usize,
    /// Seconds of the stretch that are already on the clock.
    stretch_seconds: f64,
    device_name: String,
    /// A `Start` that came while puzzles were still being made.
    start_when_ready: bool,
    /// The step under way, where it takes more than one unit.
    under_way: Option<UnderWay>,
    /// The batch of a step to come, drawn while a card computed.
    ahead: Option<(u32, Batch)>,
    /// Back-pressure, where a graphics card is shared with a page.
    pressure: Option<Pressure>,
    /// Where the fused loop runs that records boards; none records on tensors.
    place: Option<Place>,
    /// A device that did not answer.
    fault: Option<String>,
    /// Whether it is a graphics card: one that does not answer is replaced.
    gpu: bool,
    /// Keeps others from writing to the folder.
    lock: Option<store::Lock>,
}

impl Training {
    pub(super) fn step(&self) -> Step {
        Step(self.trainer.steps_done())
    }

    /// Where it is written, if anywhere.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(RunFolder::root)
    }

    /// Puts at most so many boards through at once, from the next step on, and tells how many they are.
    pub(super) fn set_micro_batch(&mut self, boards: usize, emit: &mut Emit) {
        self.trainer.set_micro_batch(boards);
        self.tell_part(emit);
    }

    /// How many boards of a batch really go through at once.
    fn tell_part(&self, emit: &mut Emit) {
        let batch = self.trainer.config().recipe.batch;
        emit(Event::AtOnce { boards: self.trainer.part(batch), batch });
    }

    /// Takes the right to write to its run's folder.
    pub(super) fn hold(&mut self, lock: Option<store::Lock>) {
        self.lock = lock;
    }

    /// Gives that right away, to a training that takes this one's place.
    pub(super) fn let_go(&mut self) -> Option<store::Lock> {
        self.lock.take()
    }

    /// What kept the device from answering, once.
    pub(super) fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    /// The network as it is now, in the fused loop where there is one for it.
    pub(super) async fn fused_network(&self, place: &Place) -> Result<Network, String> {
        if self.trainer.config().model.network == NetworkKind::Poh {
            return self.trainer.network().await.map_err(|e| e.to_string());
        }
        let parameters = self.trainer.parameters().await.map_err(|e| e.to_string())?;
        Ok(self.network_in_loop(&parameters, self.step(), Some(place)))
    }

    /// A network of the weights of a step, in the fused loop where there is one for it and a place is given.
    fn network_in_loop(&self, parameters: &Parameters, step: Step, place: Option<&Place>) -> Network {
        let fused = place.and_then(|place| Fused::new(&self.trainer.config().model, parameters, place));
        self.trainer.network_of(parameters, step.0).with_fused(fused)
    }

    /// The model as it is now, described.
    pub(super) async fn model(&self) -> Result<(ModelCard, Parameters), String> {
        let mut provenance = self.provenance();
        provenance.seconds = self.seconds;
        let checkpoint = self.trainer.checkpoint(provenance).await.map_err(|e| e.to_string())?;
        Ok((checkpoint.card, checkpoint.parameters))
    }

    fn provenance(&self) -> Provenance {
        let config = self.trainer.config();
        Provenance {
            command: config.command(),
            began_with: self.began_with.clone(),
            seed: config.seed,
            left_out: Some(config.puzzles.made_left_out() as u32),
            data: self.source.notes().join(" "),
            device: self.device_name.clone(),
            seconds: 0.0,
            figures: self.probes.last().map(figures).unwrap_or_default(),
        }
    }

    fn set(&mut self, state: TrainingState, emit: &mut Emit) {
        self.state = state;
        emit(Event::Training { state: self.state.clone(), step: self.step() });
    }

    pub(super) fn start(&mut self, steps: Option<u32>, emit: &mut Emit) {
        let end = self.trainer.config().recipe.steps;
        self.until = steps.map_or(end, |n| self.trainer.steps_done().saturating_add(n).min(end));
        match self.state {
            TrainingState::Preparing { .. } => self.start_when_ready = true,
            TrainingState::Paused => {
                let next = if self.is_over() { TrainingState::Finished } else { TrainingState::Running };
                self.set(next, emit);
            }
            // Running already: only its end moves. Finished and stopped say so again.
            _ => self.set(self.state.clone(), emit),
        }
        self.lap();
    }

    pub(super) async fn pause(&mut self, emit: &mut Emit) {
        self.start_when_ready = false;
        if self.state == TrainingState::Running {
            self.probing = None;
            // A step that has only begun has changed nothing; it is made again from its start.
            self.under_way = None;
            self.lap();
            self.checkpoint(emit).await;
            if self.state == TrainingState::Running {
                self.set(TrainingState::Paused, emit);
            }
        }
    }

    /// Keeps what is trained when the session ends.
    pub(super) async fn close(&mut self, emit: &mut Emit) {
        if self.state == TrainingState::Running {
            self.checkpoint(emit).await;
        }
    }

    fn stop(&mut self, error: &TrainError, emit: &mut Emit) {
        self.under_way = None;
        if let TrainError::Device(reason) = error {
            self.fault = Some(reason.clone());
            if self.gpu {
                // The whole engine is replaced, and the training goes on there: it has not stopped.
                return;
            }
        }
        let kept = match &self.last_saved {
            Some((step, path)) => format!("The last good checkpoint is of step {step}: {}.", path.display()),
            None => "No checkpoint was kept.".into(),
        };
        let hint = match error {
            TrainError::NotFinite { .. } => " A lower peak_lr or a longer warm-up often helps.",
            _ => "",
        };
        self.set(TrainingState::Stopped(format!("The training stopped: {error}. {kept}{hint}")), emit);
    }

    /// Writes a checkpoint where there is a folder.
    pub(super) async fn checkpoint(&mut self, emit: &mut Emit) {
        let step = self.trainer.steps_done();
        let Some(folder) = self.folder.clone() else { return };
        if self.last_saved.as_ref().is_some_and(|(s, _)| *s == step) || (step == 0 && self.last_saved.is_none()) {
            return;
        }
        let mut provenance = self.provenance();
        // A checkpoint depends on no clock and no probe that a resumed run may not have made.
        provenance.figures.clear();
        match self.trainer.checkpoint(provenance).await {
            Err(e) => self.stop(&e, emit),
            Ok(checkpoint) => match folder.save(&checkpoint).await {
                Ok(path) => {
                    self.last_saved = Some((step, path.clone()));
                    emit(Event::Saved { step: Step(step), path });
                }
                Err(e) => emit(Event::Failed {
                    request: None,
                    message: format!("the checkpoint of step {step} could not be written: {e}"),
                }),
            },
        }
    }

    /// Stops the watch, until the next step starts it again, and adds what it shows to the clock.
    fn lap(&mut self) {
        let took = self.stretch.take().map_or(0.0, |s| s.elapsed().as_secs_f64());
        self.seconds += took;
        self.stretch_seconds += took;
    }

    /// Whether the probe of the step reached is still to be made: also after a pause or a resume that
    /// came between a step and its probe.
    fn probe_due(&self) -> bool {
        let (step, every) = (self.trainer.steps_done(), self.trainer.config().probe.every);
        let last = step >= self.trainer.config().recipe.steps;
        let on_cadence = every > 0 && step.is_multiple_of(every);
        step > 0 && (last || on_cadence) && self.last_probe != Some(step) && !self.probed_boards().is_empty()
    }

    /// Whether nothing is left to do, the last probe included.
    fn is_over(&self) -> bool {
        self.trainer.steps_done() >= self.trainer.config().recipe.steps && !self.probe_due()
    }

    /// One unit; false when there is nothing to do.
    pub(super) async fn unit(&mut self, emit: &mut Emit) -> bool {
        match self.state {
            TrainingState::Preparing { .. } => self.prepare_unit(emit),
            TrainingState::Running if self.probing.is_some() => self.probe_unit(emit).await,
            TrainingState::Running if self.probe_due() => self.begin_probe(emit).await,
            TrainingState::Running if self.recording_due() => self.record_boards(emit).await,
            TrainingState::Running => self.step_unit(emit).await,
            _ => return false,
        }
        true
    }

    /// A step, or as many parts of one as fit in a unit.
    async fn step_unit(&mut self, emit: &mut Emit) {
        let begun = Instant::now();
        self.stretch.get_or_insert(begun);
        if self.under_way.is_none()
            && let Err(e) = self.begin_step()
        {
            return self.set(TrainingState::Stopped(format!("The training stopped: {e}.")), emit);
        }
        let Some(mut under_way) = self.under_way.take() else { return };
        while !under_way.is_done() {
            let asked = Instant::now();
            if let Err(e) = self.trainer.pull(&mut under_way) {
                return self.stop(&e, emit);
            }
            if let Err(e) = self.press(&under_way, asked.elapsed(), emit).await {
                return self.stop(&e, emit);
            }
            // Natively the whole step is one unit: the window draws on a thread of its own.
            if cfg!(target_family = "wasm") && begun.elapsed() > UNIT / 2 && !under_way.is_done() {
                self.under_way = Some(under_way);
                return;
            }
        }
        self.draw_ahead();
        self.end_step(under_way, emit).await;
    }

    /// Draws the next step's batch while a card computes this one. In a browser that would be a unit of its own.
    fn draw_ahead(&mut self) {
        let next = self.trainer.steps_done() + 1;
        let recipe = &self.trainer.config().recipe;
        if cfg!(target_family = "wasm") || !self.gpu || next >= recipe.steps.min(self.until) {
            return;
        }
        // What cannot be drawn is told when its step begins.
        let begun = Instant::now();
        self.ahead = self.source.batch(recipe, next).ok().map(|batch| (next, batch));
        tracing::debug!("the batch of step {next} was drawn in {:?}", begun.elapsed());
    }

    fn begin_step(&mut self) -> Result<(), crate::train::DataError> {
        let config = self.trainer.config();
        let (step, last) = (self.trainer.steps_done(), config.recipe.steps);
        let now = step + 1;
        let watch = now == 1 || now.is_multiple_of(config.probe.metrics_every) || now >= last;
        let batch = match self.ahead.take() {
            Some((of, batch)) if of == step => batch,
            _ => self.source.batch(&config.recipe, step)?,
        };
        self.stretch_boards += batch.boards;
        self.under_way = Some(self.trainer.begin(batch, watch));
        Ok(())
    }

    /// Waits for the device now and then, and takes smaller parts where one takes too long.
    async fn press(&mut self, under_way: &UnderWay, took: Duration, emit: &mut Emit) -> Result<(), TrainError> {
        let Some(mut pressure) = self.pressure else { return Ok(()) };
        if pressure.queued(took) {
            let asked = Instant::now();
            self.trainer.settle_parts(under_way).await?;
            let took = pressure.settled(asked.elapsed());
            let part = self.trainer.part(self.trainer.config().recipe.batch);
            // The first steps compile kernels; how long they take says nothing. A step that was begun
            // with larger parts says nothing about the smaller ones.
            let steady = self.trainer.steps_done() > 2 && under_way.boards_at_once() == part;
            let telling = steady && part > 1 && self.trainer.can_split();
            if telling && pressure.halves(took) {
                self.set_micro_batch(part.div_ceil(2), emit);
                let part = self.trainer.part(self.trainer.config().recipe.batch);
                let boards = if part == 1 { "1 board".into() } else { format!("{part} boards") };
                emit(Event::Note(format!("This device is slow: {boards} of a batch go through at once from now on.")));
            }
        }
        self.pressure = Some(pressure);
        Ok(())
    }

    async fn end_step(&mut self, under_way: UnderWay, emit: &mut Emit) {
        match self.trainer.finish(under_way).await {
            Err(e) => return self.stop(&e, emit),
            Ok(None) => {}
            Ok(Some(mut metrics)) => {
                self.lap();
                let speed = self.stretch_boards as f64 / self.stretch_seconds.max(1e-9);
                metrics.boards_per_second = speed as f32;
                self.stretch_seconds = 0.0;
                metrics.seconds = self.seconds;
                self.stretch_boards = 0;
                self.record(metrics, emit).await;
            }
        }
        self.record_untrained(emit).await;
        let (now, config) = (self.trainer.steps_done(), self.trainer.config());
        if now.is_multiple_of(config.probe.checkpoint_every) || now >= config.recipe.steps {
            self.lap();
            self.checkpoint(emit).await;
        }
        if self.state != TrainingState::Running {
            return;
        }
        if self.probe_due() {
            self.lap();
            self.begin_probe(emit).await;
        } else {
            self.after_step(emit).await;
        }
    }

    /// Pauses or finishes where the step asks for it.
    async fn after_step(&mut self, emit: &mut Emit) {
        let done = self.trainer.steps_done();
        if done >= self.trainer.config().recipe.steps {
            self.lap();
            self.set(TrainingState::Finished, emit);
        } else if done >= self.until {
            self.lap();
            self.checkpoint(emit).await;
            if self.state == TrainingState::Running {
                self.set(TrainingState::Paused, emit);
            }
        }
    }

    async fn record(&mut self, metrics: StepMetrics, emit: &mut Emit) {
        if let Some(folder) = &self.folder
            && let Err(e) = StepsCsv::append(&folder.steps_csv(), &metrics).await
        {
            emit(Event::Failed { request: None, message: e.to_string() });
        }
        self.last_gradient_norm = Some(metrics.gradient_norm);
        emit(Event::Metrics(metrics));
    }
}
