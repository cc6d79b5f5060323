//! What goes to the engine and what comes back.

use eframe::egui;

use super::Action;
use super::app::{Engine, Lab, MOST_ITERATIONS};
use super::files::Done;
use super::looking::Looking;
use crate::config::ModelConfig;
use crate::engine::protocol::{Command, Event, ModelSource, RequestId, Subject};
use crate::tasks::sudoku::Shape;
use crate::trace::{Frame, Step};

/// Seconds between two requests while something is dragged.
const DRAG_PAUSE: f64 = 0.08;

/// An answer on its way.
struct Thinking {
    id: RequestId,
    subject: Subject,
    /// Frames so far, until they reach the cursor and replace what is shown.
    incoming: Option<Looking>,
    /// Iterations after the first answer, and the engine's seconds for them.
    ran: Option<(usize, f64)>,
}

/// Attention of a cell at an iteration, `[blocks][heads][cells]`.
pub(super) struct Attention {
    pub cell: usize,
    pub iteration: u32,
    pub weights: Vec<Vec<Vec<f32>>>,
}

/// Questions put to the engine.
#[derive(Default)]
pub(super) struct Asks {
    next: u64,
    thinking: Option<Thinking>,
    /// Something changed; ask when the pause is over.
    due: bool,
    sent_at: f64,
    /// The iteration that the user wants to see once it is there.
    pub reach: Option<u32>,
    /// The last question about attention: cell, iteration, and the pass it is about.
    attend: Option<(RequestId, usize, u32)>,
    pub attention: Option<Attention>,
    pub(super) opening: Option<RequestId>,
    /// Iterations of the last pass after its first answer, and milliseconds that each took.
    pub pace: Option<(usize, f64)>,
}

impl Asks {
    pub(super) fn id(&mut self) -> RequestId {
        self.next += 1;
        RequestId(self.next)
    }

    /// Whether frames are on their way.
    pub fn is_thinking(&self) -> bool {
        self.thinking.is_some()
    }

    /// Drops what is on its way: it answers another question than the one on screen.
    pub fn forget(&mut self) {
        self.thinking = None;
        self.due = false;
        self.attention = None;
        self.attend = None;
    }
}

impl Lab {
    /// Asks again soon: for a new puzzle, model, intervention or number of iterations.
    pub(super) fn ask_soon(&mut self) {
        self.asks.due = true;
        self.jobs.ctx().request_repaint();
    }

    /// Wants an iteration that is not recorded yet.
    pub(super) fn reach_for(&mut self, iteration: u32) {
        self.asks.reach = Some(iteration);
        if iteration > self.iterations {
            // The next multiple by two of the trained T, so that dragging on does not ask each time.
            let t = self.trained();
            let mut n = self.iterations.max(t);
            while n < iteration {
                n = n.saturating_mul(2);
            }
            self.iterations = n.min(MOST_ITERATIONS);
            self.ask_soon();
        } else if !self.asks.is_thinking() {
            self.ask_soon();
        }
    }

    /// The board of the weights that are asked, if there are any.
    pub(super) fn subject_shape(&self) -> Option<Shape> {
        match self.view.subject {
            Subject::Opened => self.model.card.as_ref().map(|c| c.config.shape()),
            Subject::Training => self.training.config.as_ref().map(|c| c.model.shape()),
            Subject::Other => self.comparing.card().map(|c| c.config.shape()),
        }
    }

    /// The trained T of the weights that are asked.
    pub(super) fn subject_trained(&self) -> u32 {
        match self.view.subject {
            Subject::Opened => self.model.card.as_ref().map(|c| c.trained_iterations),
            Subject::Training => self.training.config.as_ref().map(|c| c.recipe.iterations),
            Subject::Other => self.comparing.card().map(|c| c.trained_iterations),
        }
        .unwrap_or(self.looking.trace.trained_iterations)
    }

    /// The sizes of the weights that are asked.
    pub(super) fn subject_sizes(&self) -> Option<&ModelConfig> {
        match self.view.subject {
            Subject::Opened => self.model.card.as_ref().map(|c| &c.config),
            Subject::Training => self.training.config.as_ref().map(|c| &c.model),
            Subject::Other => self.comparing.card().map(|c| &c.config),
        }
    }

    pub(super) fn subject_name(&self) -> String {
        match self.view.subject {
            Subject::Opened => self.model.card.as_ref().map(|c| c.name.clone()),
            Subject::Training => self.training.config.as_ref().map(|c| format!("{} in training", c.name)),
            Subject::Other => self.comparing.card().map(|c| c.name.clone()),
        }
        .unwrap_or_default()
    }

    /// Puts the puzzle on screen to the weights, if they can take it.
    fn think(&mut self) {
        self.asks.due = false;
        self.comparing.due = true;
        // What is to be asked is decided when the recording is there: it may answer as well.
        if self.has_no_board() || (self.awaited.is_some() && self.owed().is_some()) {
            return;
        }
        let clues = self.looking.clues().clone();
        if self.subject_shape() != Some(clues.shape()) || !clues.is_consistent() {
            if self.asks.reach.take().is_some() && self.looking.last() > 0 {
                self.toasts.info("No model is open that could run this puzzle further.".into(), self.now);
            }
            return;
        }
        // A newer one replaces the last with the same weights; with others it is taken back.
        if let Some(old) = self.asks.thinking.as_ref().filter(|old| old.subject != self.view.subject) {
            self.link.send(Command::Cancel { request: old.id });
        }
        let id = self.asks.id();
        let mut incoming = Looking::blank(self.looking.trace.puzzle.clone(), self.subject_trained());
        incoming.trace.model = self.pass_name();
        incoming.disturbance = self.disturbance();
        incoming.trace.interventions = self.interventions;
        self.asks.thinking = Some(Thinking { id, subject: self.view.subject, incoming: Some(incoming), ran: None });
        self.asks.sent_at = self.now;
        self.training.asked(self.now);
        self.link.send(Command::Think {
            request: id,
            subject: self.view.subject,
            clues,
            iterations: self.iterations,
            interventions: self.interventions,
            disturbance: self.disturbance(),
        });
    }

    /// Opens a model; its answer replaces the one shown.
    pub(super) fn open_model(&mut self, source: ModelSource) {
        let request = self.asks.id();
        self.asks.opening = Some(request);
        // What is missing of another model matters no more, and what is of this one is asked for again.
        self.assets.forget_missing();
        self.model.opening(&source);
        let set = self.model.settings();
        self.link.send(Command::OpenModel { request, source: source.clone(), set });
        self.awaited = None;
        self.wanted.cell = None;
        let ModelSource::Shipped(name) = source else { return };
        let coming = self.bring(&name);
        let shape = self.shipped.iter().find(|s| s.name == name).map(|s| s.card.config.shape());
        let stays = self.puzzle.own || (self.looking.last() > 0 && shape == Some(self.looking.clues().shape()));
        // The board that is there will do, if there are weights to ask about it.
        if coming && (self.link.owes(Subject::Opened) || !stays) {
            self.awaited = Some(name);
        }
    }

    /// Takes everything that came, then asks what is due.
    pub(super) fn pump(&mut self, ctx: &egui::Context) {
        while let Some(done) = self.jobs.poll() {
            self.take(done, ctx);
        }
        self.take_files();
        while let Some(event) = self.link.poll() {
            self.hear(event, ctx);
        }
        if self.asks.due {
            let wait = DRAG_PAUSE - (self.now - self.asks.sent_at);
            if !self.asks.is_thinking() || wait <= 0.0 {
                self.think();
            } else {
                ctx.request_repaint_after_secs(wait as f32);
            }
        }
        // The same board, again and again, while the weights get better.
        let shown = self.view.subject == Subject::Training && self.step_shown().is_none();
        if (shown || self.other_trains())
            && let Some(wait) = self.training.ask_again_in(self.now)
            && !self.asks.is_thinking()
            && !self.comparing.is_thinking()
        {
            if wait <= 0.0 && !shown {
                self.comparing.due = true;
            } else if wait <= 0.0 {
                self.think();
            } else {
                ctx.request_repaint_after_secs(wait as f32);
            }
        }
        if self.comparing.due {
            self.think_other();
        }
        self.keep_comparing();
    }

    fn hear(&mut self, event: Event, ctx: &egui::Context) {
        match event {
            Event::Device(info) => {
                self.engine = Engine::Ready;
                self.device = Some(Ok(info));
            }
            Event::Loading(share) => self.engine = Engine::Loading(share),
            Event::Note(text) => self.toasts.info(text, self.now),
            Event::Restarted { reason, memory } => self.restarted(&reason, memory),
            Event::Runs { runs, quota, .. } => self.runs.listed(runs, quota),
            Event::Packed { name, bytes, .. } => self.save_packed(name, bytes),
            Event::SelfTested { result, .. } => self.self_tested(result),
            Event::Benched { milliseconds, limit, .. } => self.benched = Some((milliseconds, limit)),
            Event::Lost { reason, .. } => self.hear(Event::NoDevice(format!("the device was lost: {reason}.")), ctx),
            Event::NoDevice(why) => {
                self.engine = Engine::Gone;
                self.toasts.error(format!("There is no device to compute on: {why} Recordings still play."), self.now);
                self.device = Some(Err(why));
                // Nothing that was asked will be answered.
                self.asks.opening = None;
                self.asks.thinking = None;
                self.asks.reach = None;
                self.training.failed();
                self.comparing.unanswered();
            }
            Event::ModelOpened { request, card } if self.comparing.opens(request) => self.other_opened(*card),
            Event::ModelOpened { request, card } => {
                if self.asks.opening == Some(request) {
                    self.asks.opening = None;
                    // Else it would keep the engine from the next one.
                    self.stop_measuring();
                    self.measuring.forget();
                    self.model_opened(*card);
                }
            }
            Event::Frames { request, step, frames, done, .. } if self.comparing.thinks(request) => {
                self.other_frames(step, frames, done);
            }
            Event::Frames { request, step, frames, seconds, done } => {
                self.clock(request, frames.len(), seconds);
                self.frames(request, step, frames, done);
            }
            Event::Attention { request, cell, iteration, weights } => {
                if self.asks.attend.is_some_and(|(id, ..)| id == request) {
                    self.asks.attention = Some(Attention { cell, iteration, weights });
                }
            }
            Event::Written { path, .. } => self.toasts.info(format!("Written: {}", path.display()), self.now),
            // What a training says that was thrown away in the meantime.
            Event::Prepared { .. }
            | Event::Training { .. }
            | Event::Metrics(_)
            | Event::Probed { .. }
            | Event::Boards { .. }
            | Event::Saved { .. }
                if !self.training.exists() && !self.training.is_preparing() => {}
            Event::AtOnce { boards, batch } => self.training.at_once = Some((boards, batch)),
            Event::Prepared { config, step, history, probes, notes, folder } => {
                self.steps.begin(&config);
                let first = self.training.prepared(*config, step, history, probes, notes);
                self.training.run = folder;
                self.view.subject = Subject::Training;
                self.iterations = self.iterations.max(self.subject_trained()).min(MOST_ITERATIONS);
                self.fit_puzzle();
                self.ask_soon();
                if let Some(steps) = first {
                    self.link.send(Command::Start { steps });
                }
            }
            Event::Training { state, step } => self.training.hear(state, step),
            Event::Metrics(metrics) => self.training.metrics(metrics),
            Event::Probed { report, traces } => {
                self.training.probed(report);
                self.boards_came(traces);
            }
            Event::Boards { traces } => self.boards_came(traces),
            Event::Saved { step, path } => self.training.saved(step, path),
            Event::Failed { request, message } => {
                if request.is_some() && self.asks.thinking.as_ref().map(|t| t.id) == request {
                    self.asks.thinking = None;
                    self.asks.reach = None;
                    self.training.think_failed(self.now);
                }
                if request.is_some() && request == self.asks.opening {
                    self.asks.opening = None;
                    self.model.failed(&message);
                }
                if let Some(request) = request {
                    self.measuring.failed(request, &message);
                    self.other_failed(request, &message);
                }
                if request.is_none() {
                    self.training.failed();
                    if !self.training.exists() && self.view.subject == Subject::Training {
                        self.view.subject = Subject::Opened;
                        self.go_on();
                    }
                }
                // A file that is missing is told beside the board.
                if self.assets.missing().is_some_and(|(_, text)| text == message) {
                    self.toasts.log(message, self.now);
                } else {
                    self.toasts.error(message, self.now);
                }
            }
            Event::Puzzles { request, puzzles } => {
                self.compared_puzzles(request, &puzzles);
                self.puzzles_came(request, puzzles);
            }
            Event::Recorded { request, records, spent, .. } => {
                self.compared_records(request, &records);
                self.records_came(request, records, spent);
            }
            Event::Progress { request, done, of } => {
                self.comparing.boards.progressed(request, done);
                self.measuring.progressed(request, done, of);
            }
            Event::Heads { request, found } => self.heads_came(request, found),
            Event::Spectrum { request, found, done } => self.spectrum_came(request, found, done),
            // The window does not ask for these: the command line does.
            Event::Gradients { .. } | Event::Evaluated { .. } => {}
        }
        ctx.request_repaint();
    }

    /// Keeps how long an iteration takes: of the pass under way, without its first answer, which warms up.
    fn clock(&mut self, request: RequestId, count: usize, seconds: f64) {
        let Some(thinking) = self.asks.thinking.as_mut().filter(|t| t.id == request) else { return };
        if let Some((ran, took)) = &mut thinking.ran {
            (*ran, *took) = (*ran + count, *took + seconds);
            if *ran > 0 {
                self.asks.pace = Some((*ran, 1000.0 * *took / *ran as f64));
            }
        } else {
            thinking.ran = Some((0, 0.0));
        }
    }

    fn frames(&mut self, request: RequestId, step: Step, frames: Vec<Frame>, done: bool) {
        let Some(thinking) = self.asks.thinking.as_mut().filter(|t| t.id == request) else { return };
        let fits = match &mut thinking.incoming {
            Some(incoming) => {
                incoming.trace.step = step;
                incoming.extend(frames)
            }
            None => self.looking.extend(frames),
        };
        // The old picture stays until the new pass has reached the cursor: nothing jumps.
        let wanted = self.asks.reach.unwrap_or(0).max(self.view.cursor());
        let same = thinking.incoming.as_ref().is_some_and(|i| i.clues() == self.looking.clues());
        let ready =
            thinking.incoming.as_ref().is_some_and(|i| done || i.last() >= wanted || self.looking.last() == 0 || !same);
        if ready && let Some(mut incoming) = thinking.incoming.take() {
            incoming.solved_by(self.looking.trace.puzzle.solution.clone().filter(|_| same));
            self.looking = incoming;
            self.read_pair_again();
            self.asks.attention = None;
            self.asks.attend = None;
        }
        if !fits {
            self.toasts
                .error("The engine's frames do not follow on each other; the answer was cut short.".into(), self.now);
        }
        if done || !fits {
            self.asks.thinking = None;
        }
        if let Some(reach) = self.asks.reach {
            if self.looking.last() >= reach || !self.asks.is_thinking() {
                self.asks.reach = None;
            }
            self.view.set_cursor(reach.min(self.looking.last()));
        }
        if !self.asks.is_thinking() && self.view.cursor() > self.looking.last() {
            self.view.set_cursor(self.looking.last());
        }
    }

    /// Asks what the selected cell attends to, where that is shown and not known.
    pub(super) fn ask_attention(&mut self) {
        let (cell, iteration) = (self.view.selected, self.view.cursor());
        // While a new pass runs, the engine no longer has the one on screen.
        let live = !self.asks.is_thinking()
            && self.view.attention.shown
            && iteration > 0
            && !self.looking.recorded
            && iteration <= self.looking.last();
        let asked = self.asks.attend.is_some_and(|(_, c, t)| (c, t) == (cell, iteration));
        if !live || asked {
            return;
        }
        let (request, subject) = (self.asks.id(), self.view.subject);
        self.asks.attend = Some((request, cell, iteration));
        self.link.send(Command::Attend { request, subject, cell, iteration });
    }

    fn take(&mut self, done: Done, ctx: &egui::Context) {
        match done {
            Done::Checked { clues, result } => self.checked(&clues, result),
            Done::Generated(Ok(puzzle)) => self.generated(puzzle),
            Done::Generated(Err(why)) | Done::Failed(why) => self.toasts.error(why, self.now),
            Done::Model(path) => self.choose_model(ModelSource::Path(path)),
            Done::ModelBytes { name, bytes } => self.choose_model(ModelSource::Bytes { name, bytes }),
            Done::Recording(recording) => {
                self.view.plots = super::view::PlotPage::Training;
                self.open_recording(*recording);
            }
            Done::Other(done) => match *done {
                Done::Model(path) => self.compare_with_model(ModelSource::Path(path)),
                Done::ModelBytes { name, bytes } => self.compare_with_model(ModelSource::Bytes { name, bytes }),
                Done::Trace { trace, rest } => {
                    self.compare_with_recording(std::iter::once(*trace).chain(rest).collect());
                }
                Done::PuzzleText(_) => {
                    let text = "That is a puzzle; compare with weights (.safetensors) or a recorded trace (.trace).";
                    self.toasts.error(text.into(), self.now);
                }
                done => self.take(done, ctx),
            },
            Done::Trace { trace, rest } => {
                let of = rest.len() + 1;
                self.show_trace(*trace);
                if of > 1 {
                    let text = format!("The file holds {of} recordings; this is the first one.");
                    self.toasts.info(text, self.now);
                }
            }
            Done::PuzzleText(text) => self.paste(&text),
            Done::RunFolder { path, resume } => {
                self.training.set_folder(Some(path), resume);
                if resume {
                    self.act(Action::ResumeRun, ctx);
                }
            }
            Done::Downloaded(name) => self.toasts.info(format!("Downloaded {name}"), self.now),
            Done::Saved(path) => self.toasts.info(format!("Saved {}", path.display()), self.now),
        }
    }
}
