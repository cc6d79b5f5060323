//! The engine's async session: the same on a native thread and, later, in a browser's worker.
//!
//! Work comes in units: a few iterations of one board or batch, or one training step. Between two
//! units the session reads its commands, so that a scrub waits at most one unit. Questions and
//! training take turns, so that neither starves the other.

use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;

use super::device::{OpenedDevice, open};
use super::jobs::{Job, JobState};
use super::protocol::{Command, DeviceChoice, Event, ModelSource, RequestId, Subject};
use super::training::Training;
use crate::config::{ModelCard, Provenance};
use crate::models::{LoopedTransformer, MAX_FILE, read_model, shipped, write_model};
use crate::nn::Parameters;
use crate::probe::Thinker;
use crate::trace::Step;
use crate::train::write_atomically;

/// Where events go.
pub type Emit = Box<dyn FnMut(Event)>;

/// A model that was opened.
pub(super) struct Opened {
    pub(super) card: ModelCard,
    pub(super) parameters: Parameters,
    pub(super) network: LoopedTransformer,
}

/// Everything that the engine holds.
pub struct Session {
    device: OpenedDevice,
    emit: Emit,
    opened: Option<Opened>,
    /// The last Think, under way or done: questions about attention are put to it.
    thinker: Option<Thinker>,
    /// Questions in order; a Think stands at the front and there is at most one.
    jobs: Vec<Job>,
    training: Option<Training>,
}

impl Session {
    /// Opens the device and works until the sender of commands is dropped.
    pub async fn run(choice: DeviceChoice, mut commands: UnboundedReceiver<Command>, mut emit: Emit) {
        let device = match open(&choice).await {
            Ok(device) => device,
            Err(message) => return emit(Event::NoDevice(message)),
        };
        emit(Event::Device(device.info.clone()));
        let mut session = Self { device, emit, opened: None, thinker: None, jobs: Vec::new(), training: None };
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
        let Some(job) = self.jobs.first_mut() else { return false };
        let request = job.request();
        match job.unit(&mut self.thinker, &mut self.emit).await {
            Ok(JobState::Goes) => {}
            Ok(JobState::Done) => {
                self.jobs.remove(0);
            }
            Err(message) => {
                self.jobs.remove(0);
                self.fail(Some(request), message);
            }
        }
        true
    }

    /// One unit of the training, if it runs.
    async fn train_unit(&mut self) -> bool {
        match &mut self.training {
            Some(training) => training.unit(&mut self.emit).await,
            None => false,
        }
    }

    async fn take(&mut self, command: Command) {
        match command {
            Command::OpenModel { request, source, set } => match self.open_model(source, &set) {
                Ok(card) => (self.emit)(Event::ModelOpened { request, card }),
                Err(message) => self.fail(Some(request), message),
            },
            Command::Think { request, subject, clues, iterations, interventions } => {
                self.jobs.retain(|j| !j.is_think());
                let Some((network, step)) = self.subject(Some(request), subject) else { return };
                if network.config().shape() != clues.shape() {
                    let (model, puzzle) = (network.config().shape(), clues.shape());
                    return self.fail(
                        Some(request),
                        format!("the model plays {model} and the puzzle is {puzzle}; open a model for that board"),
                    );
                }
                self.thinker = Some(Thinker::new(network, clues, interventions));
                self.jobs.insert(0, Job::think(request, step, iterations));
            }
            Command::Attend { request, cell, iteration } => {
                let answer = match &self.thinker {
                    Some(thinker) => thinker.attention(cell, iteration).await.map_err(|e| e.to_string()),
                    None => Ok(None),
                };
                match answer {
                    Ok(Some(weights)) => (self.emit)(Event::Attention { request, cell, iteration, weights }),
                    Ok(None) => self.fail(Some(request), format!("there is no attention of cell {cell} at iteration {iteration}: that iteration was not run or is no longer kept")),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Evaluate { request, subject, puzzles, iterations, interventions } => {
                let Some((network, _)) = self.subject(Some(request), subject) else { return };
                match Job::evaluate(request, network, puzzles, iterations, interventions, self.device.info.gpu) {
                    Ok(job) => self.jobs.push(job),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Logits { request, subject, puzzles, iterations, out } => {
                let Some((network, _)) = self.subject(Some(request), subject) else { return };
                match Job::logits(request, network, puzzles, iterations, out, self.device.info.gpu) {
                    Ok(job) => self.jobs.push(job),
                    Err(message) => self.fail(Some(request), message),
                }
            }
            Command::Prepare { config, folder, resume } => {
                // What an earlier training reached is kept in its folder.
                // One that cannot be prepared leaves it as it is.
                if let Some(old) = &mut self.training {
                    old.pause(&mut self.emit).await;
                    old.close(&mut self.emit).await;
                }
                match Training::prepare(*config, folder, resume, &self.device, &mut self.emit) {
                    Ok(training) => self.training = Some(training),
                    Err(message) => self.fail(None, message),
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
            Command::Cancel { request } => self.jobs.retain(|j| j.request() != request),
        }
    }

    /// The network that a question is put to, and its step.
    fn subject(&mut self, request: Option<RequestId>, subject: Subject) -> Option<(LoopedTransformer, Step)> {
        let found = match subject {
            Subject::Opened => self.opened.as_ref().map(|o| (o.network.clone(), Step(o.card.step))),
            Subject::Training => self.training.as_ref().map(|t| (t.network(), t.step())),
        };
        if found.is_none() {
            self.fail(
                request,
                match subject {
                    Subject::Opened => "no model is open; open a shipped one or a safetensors file",
                    Subject::Training => "no model is in training; press Start, or choose a preset",
                },
            );
        }
        found
    }

    fn open_model(&mut self, source: ModelSource, set: &[String]) -> Result<ModelCard, String> {
        let (name, bytes): (String, std::borrow::Cow<'_, [u8]>) = match source {
            ModelSource::Shipped(name) => {
                let bytes = shipped::bytes(&name).ok_or_else(|| {
                    format!("no model called “{name}” is shipped; there are {}", shipped::names().join(", "))
                })?;
                (name, bytes.into())
            }
            ModelSource::Path(path) => {
                let name = path.file_stem().map_or_else(|| "model".into(), |s| s.to_string_lossy().into_owned());
                let size = std::fs::metadata(&path).map_err(|e| format!("{}: {e}", path.display()))?.len();
                if size > MAX_FILE {
                    return Err(format!("{}: the file has {size} bytes; at most 2 GiB are read", path.display()));
                }
                let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                (name, bytes.into())
            }
            ModelSource::Bytes { name, bytes } => (name, bytes.into()),
        };
        let stored = read_model(&name, &bytes, set).map_err(|e| format!("{name}: {e}"))?;
        let flat = stored.parameters.upload(&self.device.device);
        let bound = stored.parameters.layout.bind(&flat, false);
        let network = LoopedTransformer::bind(&stored.card.config, &bound, &self.device.device);
        self.jobs.retain(|j| !j.is_think());
        let card = stored.card.clone();
        self.opened = Some(Opened { card: stored.card, parameters: stored.parameters, network });
        Ok(card)
    }

    async fn save_model(
        &mut self,
        subject: Subject,
        path: &std::path::Path,
        half: bool,
        provenance: Option<Box<Provenance>>,
    ) -> Result<(), String> {
        let (mut card, parameters) = match subject {
            Subject::Opened => {
                let opened = self.opened.as_ref().ok_or("no model is open")?;
                (opened.card.clone(), opened.parameters.clone())
            }
            Subject::Training => self.training.as_ref().ok_or("no model is in training")?.model().await?,
        };
        if let Some(provenance) = provenance {
            card.provenance = *provenance;
        }
        let bytes = write_model(&card, &parameters, half).map_err(|e| e.to_string())?;
        write_atomically(path, &bytes).map_err(|e| format!("{}: {e}", path.display()))
    }
}
