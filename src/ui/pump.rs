//! What goes to the engine and what comes back.

use eframe::egui;

use super::Action;
use super::app::{Engine, Lab, MOST_ITERATIONS};
use super::asks::Attention;
use super::files::Done;
use crate::engine::protocol::{Command, Event, ModelSource, Subject};

impl Lab {
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
        if let Some(wait) = self.asks.due_in(self.now) {
            if wait <= 0.0 {
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
                self.asks.unanswered();
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
                self.asks.attends(request, Attention { cell, iteration, weights });
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
                if request.is_some_and(|r| self.asks.thinks(r)) {
                    self.asks.unanswered();
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
