//! The engine's async session: the same on a native thread and in a browser's worker.
//!
//! Work comes in units: a few iterations of one board or batch, or one training step. Between two
//! units the session reads its commands, so that a scrub waits at most one unit. Questions and
//! training take turns, so that neither starves the other.

mod models;

use std::path::PathBuf;

use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;

use super::breath::breathe;
use super::device::{OpenedDevice, open};
use super::fault::Fault;
use super::jobs::{Job, JobState, Thinkers};
use super::looks::LooksJob;
use super::making::MakingJob;
use super::protocol::{Command, DeviceChoice, Event, Kernels, RequestId, Subject, Trouble, is_memory};
use super::queue::Queue;
use super::recording::RecordJob;
use super::spectrum::SpectrumJob;
use super::training::Training;
use super::{bench, gradients, runs, self_test};
use crate::config::RunConfig;
use crate::measure::Disturbance;
use crate::models::write_model;
use crate::probe::Thinker;
use crate::store;
pub(super) use models::Opened;

/// Where events go.
pub type Emit = Box<dyn FnMut(Event)>;

/// Everything that the engine holds.
pub struct Session {
    device: OpenedDevice,
    emit: Emit,
    opened: Option<Opened>,
    /// The model that is compared with the opened one.
    other: Option<Opened>,
    thinkers: Thinkers,
    jobs: Queue<Job>,
    training: Option<Training>,
    /// The most boards that go through a training pass at once, where that was said.
    micro_batch: Option<usize>,
    /// Why the engine cannot go on.
    lost: Option<String>,
}

impl Session {
    /// Opens the device and works until the sender of commands is dropped.
    pub async fn run(choice: DeviceChoice, mut commands: UnboundedReceiver<Command>, mut emit: Emit) {
        let device = match open(&choice).await {
            Ok(device) => device,
            Err(message) => return emit(Event::NoDevice(message)),
        };
        emit(Event::Device(device.info.clone()));
        let mut session = Self {
            device,
            emit,
            opened: None,
            other: None,
            thinkers: Thinkers::default(),
            jobs: Queue::default(),
            training: None,
            micro_batch: None,
            lost: None,
        };
        loop {
            // Latest wins: everything that waits is read before the next unit begins.
            loop {
                match commands.try_recv() {
                    Ok(command) => session.take(command).await,
                    Err(e) if e.is_closed() => return session.close().await,
                    Err(_) => break,
                }
            }
            let asked = session.answer_unit().await;
            let trained = session.train_unit().await;
            if let Some(reason) = session.lost.take() {
                // Nothing on a lost device can be kept; the last checkpoint can.
                let memory = is_memory(&reason);
                return (session.emit)(Event::Lost { reason, memory });
            }
            breathe().await;
            if !asked && !trained {
                match commands.next().await {
                    Some(command) => session.take(command).await,
                    None => return session.close().await,
                }
            }
        }
    }

    /// What is trained is kept when the handle is dropped in the middle of it.
    async fn close(mut self) {
        if let Some(training) = &mut self.training {
            training.close(&mut self.emit).await;
        }
    }

    fn fail(&mut self, request: Option<RequestId>, message: impl Into<String>) {
        (self.emit)(Event::Failed { request, message: message.into() });
    }

    /// One unit of the first question, if there is one.
    async fn answer_unit(&mut self) -> bool {
        let Some(job) = self.jobs.first() else { return false };
        let request = job.request();
        match job.unit(&mut self.thinkers, &mut self.emit).await {
            Ok(JobState::Goes) => self.jobs.turn(),
            Ok(JobState::Done) => self.jobs.done(),
            Err(fault) => {
                self.jobs.done();
                self.faulted(request, fault);
            }
        }
        true
    }

    /// A question that failed; one that the device did not answer may have lost it.
    fn faulted(&mut self, request: RequestId, fault: Fault) {
        match fault {
            Fault::Told(message) => self.fail(Some(request), message),
            Fault::Device(message) => {
                self.fail(Some(request), message.clone());
                self.device_failed(message);
            }
        }
    }

    /// A graphics device that did not answer is lost. The CPU has no such trouble.
    fn device_failed(&mut self, reason: String) {
        if self.device.info.gpu {
            self.lost = Some(reason);
        }
    }

    /// One unit of the training, if it runs.
    async fn train_unit(&mut self) -> bool {
        let Some(training) = &mut self.training else { return false };
        let worked = training.unit(&mut self.emit).await;
        if let Some(reason) = training.take_fault() {
            self.device_failed(reason);
        }
        worked
    }

    async fn take(&mut self, command: Command) {
        match command {
            Command::OpenModel { request, source, set } => match self.open_model(source, &set).await {
                Ok(opened) => {
                    let card = Box::new(opened.card.clone());
                    self.jobs.stop_thinking(Subject::Opened);
                    self.opened = Some(opened);
                    (self.emit)(Event::ModelOpened { request, card });
                }
                Err(message) => self.fail(Some(request), message),
            },
            Command::OpenOther { request, source, set } => match self.open_model(source, &set).await {
                Ok(opened) => {
                    let card = Box::new(opened.card.clone());
                    self.close_other();
                    self.other = Some(opened);
                    (self.emit)(Event::ModelOpened { request, card });
                }
                Err(message) => self.fail(Some(request), message),
            },
            Command::CloseOther => self.close_other(),
            Command::Think { request, subject, clues, iterations, interventions, disturbance } => {
                self.jobs.stop_thinking(subject);
                let Some((network, step)) = self.subject(Some(request), subject).await else { return };
                if network.config().shape() != clues.shape() {
                    let (model, puzzle) = (network.config().shape(), clues.shape());
                    return self.fail(
                        Some(request),
                        format!("the model plays {model} and the puzzle is {puzzle}; open a model for that board"),
                    );
                }
                if let Some(Disturbance { kind, .. }) = disturbance.filter(|d| !d.kind.fits(clues.shape())) {
                    let shape = clues.shape();
                    let message =
                        format!("“{kind}” is no disturbance of a {shape} board: it has no such cell or digit");
                    return self.fail(Some(request), message);
                }
                *self.thinkers.of(subject) = Some(Thinker::new(network, clues, interventions, disturbance));
                self.jobs.think(subject, Job::think(request, subject, step, iterations));
            }
            Command::Attend { request, subject, cell, iteration } => {
                let answer = match self.thinkers.of(subject) {
                    Some(thinker) => thinker.attention(cell, iteration).await.map_err(|e| e.to_string()),
                    None => Ok(None),
                };
                if let Err(message) = &answer {
                    self.device_failed(message.clone());
                }
                match answer {
                    Ok(Some(weights)) => (self.emit)(Event::Attention { request, cell, iteration, weights }),
                    Ok(None) => self.fail(Some(request), format!("there is no attention of cell {cell} at iteration {iteration}: that iteration was not run or is no longer kept")),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Evaluate { request, subject, puzzles, iterations, interventions, kernels } => {
                let Some((network, _)) = self.computed(request, subject, kernels).await else { return };
                match Job::evaluate(request, network, puzzles, iterations, interventions, self.device.info.gpu) {
                    Ok(job) => self.jobs.push(Some(subject), job),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Puzzles { request, spec, seed, count } => match MakingJob::new(request, spec, seed, count) {
                Ok(job) => self.jobs.push(None, Job::Making(Box::new(job))),
                Err(message) => self.fail(Some(request), message),
            },
            Command::Record { request, subject, puzzles, settings, kernels } => {
                let Some((network, _)) = self.computed(request, subject, kernels).await else { return };
                match RecordJob::new(request, network, puzzles, settings, self.device.info.gpu) {
                    Ok(job) => self.jobs.push(Some(subject), Job::Record(Box::new(job))),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Heads { request, puzzles, iteration, interventions } => {
                let Some((network, _)) = self.computed(request, Subject::Opened, Kernels::Plain).await else { return };
                match LooksJob::new(request, network, puzzles, iteration, interventions, self.device.info.gpu) {
                    Ok(job) => self.jobs.push(Some(Subject::Opened), Job::Looks(Box::new(job))),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Spectrum { request, puzzles, settings } => {
                let job = match &self.opened {
                    Some(opened) => SpectrumJob::new(request, opened, puzzles, &settings),
                    None => Err("no model is open; open a shipped one or a safetensors file".into()),
                };
                match job {
                    Ok(job) => self.jobs.push(Some(Subject::Opened), Job::Spectrum(Box::new(job))),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Logits { request, subject, puzzles, iterations, kernels, out } => {
                let Some((network, _)) = self.computed(request, subject, kernels).await else { return };
                match Job::logits(request, network, puzzles, iterations, out, self.device.info.gpu) {
                    Ok(job) => self.jobs.push(Some(subject), job),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Bench { request, kernels, clues, boards, iterations, repeat } => {
                let Some((network, _)) = self.computed(request, Subject::Opened, kernels).await else { return };
                let shape = network.config().shape();
                if clues.shape() != shape {
                    return self
                        .fail(Some(request), format!("the model plays {shape} and the board is {}", clues.shape()));
                }
                let (boards, iterations) = (boards.max(1), iterations.max(1));
                let half = kernels == Kernels::Half;
                let (network, fused) = (&network, network.fused());
                let timed = bench::Timed { network, fused, clues: &clues, boards, iterations, half };
                match bench::run(&timed, repeat, &self.device.place).await {
                    Ok((milliseconds, limit)) => (self.emit)(Event::Benched { request, milliseconds, limit }),
                    Err(fault) => self.faulted(request, fault),
                }
            }
            Command::BenchTraining { request, kernels, puzzle, boards, dropout, steps, repeat } => {
                let Some(opened) = &self.opened else {
                    return self.fail(Some(request), "no model is open; open a shipped one or a safetensors file");
                };
                let timed = bench::TimedTraining {
                    card: &opened.card,
                    parameters: &opened.parameters,
                    kernels,
                    puzzle: &puzzle,
                    boards: boards.max(1),
                    dropout,
                    steps: steps.max(1),
                };
                match bench::training(&timed, repeat, &self.device).await {
                    Ok((milliseconds, limit)) => (self.emit)(Event::Benched { request, milliseconds, limit }),
                    Err(fault) => self.faulted(request, fault),
                }
            }
            Command::Gradients { request, puzzles, iterations, dropout, seed, kernels, each, against_stock } => {
                let Some(opened) = &self.opened else {
                    return self.fail(Some(request), "no model is open; open a shipped one or a safetensors file");
                };
                let asked = gradients::Asked {
                    card: &opened.card,
                    parameters: &opened.parameters,
                    puzzles: &puzzles,
                    iterations,
                    dropout,
                    seed,
                    kernels: &kernels,
                    each,
                    against_stock,
                };
                match gradients::run(&asked, &self.device).await {
                    Ok(report) => (self.emit)(Event::Gradients { request, report }),
                    Err(fault) => self.faulted(request, fault),
                }
            }
            Command::Prepare { config, folder, resume, kernels } => {
                // What an earlier training reached is kept in its folder.
                // One that cannot be prepared leaves it as it is.
                if let Some(old) = &mut self.training {
                    old.pause(&mut self.emit).await;
                    old.close(&mut self.emit).await;
                }
                if let Err(message) = self.prepare(*config, folder, resume, kernels).await {
                    self.fail(None, message);
                }
            }
            Command::Start { steps } => match &mut self.training {
                Some(training) => training.start(steps, &mut self.emit),
                None => self.fail(None, "there is no training to start; choose a preset or a run first"),
            },
            Command::Pause => {
                if let Some(training) = &mut self.training {
                    training.pause(&mut self.emit).await;
                }
            }
            Command::Discard => self.training = None,
            Command::Checkpoint => match &mut self.training {
                Some(training) => training.checkpoint(&mut self.emit).await,
                None => self.fail(None, "there is no training to keep"),
            },
            Command::SaveModel { request, subject, path, half, provenance } => {
                match self.save_model(subject, &path, half, provenance).await {
                    Ok(()) => (self.emit)(Event::Written { request, path }),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::PackModel { request, subject } => match self.described(subject).await {
                Err(message) => self.fail(Some(request), message),
                Ok((card, parameters)) => match write_model(&card, &parameters, false) {
                    Ok(bytes) => {
                        let name = format!("{}.safetensors", card.name);
                        (self.emit)(Event::Packed { request, name, bytes });
                    }
                    Err(e) => self.fail(Some(request), e.to_string()),
                },
            },
            Command::ListRuns { request, folder } => self.list_runs(request, &folder).await,
            Command::DeleteRun { request, folder } => {
                if self.training.as_ref().is_some_and(|t| t.folder() == Some(&folder)) {
                    let name = folder.display();
                    return self.fail(
                        Some(request),
                        format!("{name} is in training; reset the training before you delete it"),
                    );
                }
                // Another tab may be training it; the right to write is kept until it is gone.
                let lock = store::lock(&folder).await;
                if let Err(e) = &lock {
                    return self.fail(Some(request), format!("{} is not deleted: {e}", folder.display()));
                }
                if let Err(e) = store::remove_folder(&folder).await {
                    return self.fail(Some(request), format!("{} cannot be deleted: {e}", folder.display()));
                }
                let root = folder.parent().map(std::path::Path::to_owned).unwrap_or_default();
                self.list_runs(request, &root).await;
            }
            Command::PackRun { request, folder } => match runs::pack(&folder).await {
                Ok((name, bytes)) => (self.emit)(Event::Packed { request, name, bytes }),
                Err(message) => self.fail(Some(request), message),
            },
            Command::MicroBatch { boards } => {
                self.micro_batch = Some(boards.max(1));
                if let Some(training) = &mut self.training {
                    training.set_micro_batch(boards.max(1), &mut self.emit);
                }
            }
            Command::SelfTest { request } => match self_test::run(&self.device).await {
                Ok(result) => (self.emit)(Event::SelfTested { request, result }),
                Err(fault) => self.faulted(request, fault),
            },
            Command::Cause(Trouble::Panic) => panic!("a developer asked for this panic"),
            Command::Cause(Trouble::LoseDevice) => self.device.lose(),
            Command::Cause(Trouble::OutOfMemory) => self.lost = Some("memory ran out, as a developer asked".into()),
            Command::Cancel { request } => self.jobs.retain(|job| job.request() != request),
        }
    }

    async fn prepare(
        &mut self,
        config: RunConfig,
        folder: Option<PathBuf>,
        resume: bool,
        kernels: Kernels,
    ) -> Result<(), String> {
        let old = self.training.as_mut().filter(|old| folder.is_some() && old.folder() == folder.as_deref());
        let lock = match (old, &folder) {
            (Some(old), _) => old.let_go(),
            (None, Some(folder)) => {
                Some(store::lock(folder).await.map_err(|e| format!("{} cannot be trained: {e}", folder.display()))?)
            }
            (None, None) => None,
        };
        let ground = self.device.ground(kernels, self.micro_batch);
        match Training::prepare(config, folder.clone(), resume, &self.device, &ground, &mut self.emit).await {
            Ok(mut training) => {
                training.hold(lock);
                self.training = Some(training);
                Ok(())
            }
            Err(message) => {
                if let Some(old) = self.training.as_mut().filter(|old| old.folder() == folder.as_deref()) {
                    old.hold(lock);
                }
                Err(message)
            }
        }
    }

    async fn list_runs(&mut self, request: RequestId, folder: &std::path::Path) {
        match runs::list(folder).await {
            Ok(runs) => {
                let quota = store::quota().await;
                (self.emit)(Event::Runs { request, runs, quota });
            }
            Err(message) => self.fail(Some(request), message),
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
