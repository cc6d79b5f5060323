//! The second axis of time: recorded steps of a training. Which one is shown, and how it is chosen; the
//! slider is in `step_slider.rs`, the map step × iteration in `step_map.rs`.

use std::sync::Arc;

use eframe::egui::Rect;
use serde_json::{Value, json};

use super::app::Lab;
use super::assets::Bytes;
use super::files::TRACES;
use super::looking::Looking;
use super::words::{count, thousands};
use crate::config::shipped::Asset;
use crate::config::{Link, RunConfig};
use crate::engine::protocol::Subject;
use crate::trace::{Iteration, Quantity, Recording, RunFacts, Step, Trace};

/// Recorded steps, and which of them is looked at.
pub(super) struct Steps {
    /// Of the training under way, growing.
    training: Option<Arc<Recording>>,
    /// Of a file; it stands before the training's until it is closed.
    opened: Option<Arc<Recording>>,
    /// That of the program, once it was wanted.
    shipped: Option<Recording>,
    /// What it is wanted for, until it is there.
    wanted: Option<Wanted>,
    /// The step chosen last; what is on screen is [`Lab::step_shown`].
    chosen: Option<Step>,
    /// Which board, from 0.
    board: usize,
    /// What the map shows.
    pub quantity: Quantity,
    /// Whether the map is of the board alone; else of all.
    pub one_board: bool,
    /// Where the slider is, in points.
    pub slider: Rect,
}

/// What the recorded training of the program is wanted for.
enum Wanted {
    /// To be shown.
    Show,
    /// A link names a step.
    Step(Link),
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            training: None,
            opened: None,
            shipped: None,
            wanted: None,
            chosen: None,
            board: 0,
            quantity: Quantity::default(),
            one_board: false,
            slider: Rect::NOTHING,
        }
    }
}

impl Steps {
    /// A training begins or goes on: what it records takes the place of what was opened.
    pub fn begin(&mut self, config: &RunConfig) {
        self.training = Some(Arc::new(Recording::new(RunFacts::of(config))));
        self.opened = None;
        self.chosen = None;
    }

    /// The training was thrown away, and what it recorded with it.
    pub fn discard(&mut self) {
        self.training = None;
        if self.opened.is_none() {
            self.chosen = None;
        }
    }

    /// What is on screen is no recorded step any more: something else was asked for.
    pub fn leave(&mut self) {
        self.chosen = None;
    }

    /// The board that is shown, from 0.
    pub fn board(&self) -> usize {
        self.board
    }

    /// The board that the map is of; none for the mean of all.
    pub fn mapped(&self) -> Option<usize> {
        self.one_board.then_some(self.board)
    }

    /// Whether what is shown was opened, rather than recorded by the training under way.
    pub fn is_opened(&self) -> bool {
        self.opened.is_some()
    }
}

impl Lab {
    /// The recorded steps at hand, if there is one at least.
    pub(super) fn recording(&self) -> Option<&Arc<Recording>> {
        self.steps.opened.as_ref().or(self.steps.training.as_ref()).filter(|r| !r.is_empty())
    }

    /// The recorded step on screen; none where the board shows something else.
    pub(super) fn step_shown(&self) -> Option<Step> {
        let (step, recording) = (self.steps.chosen?, self.recording()?);
        let trace = &self.looking.trace;
        let same = recording.board_of(&trace.puzzle.clues) == Some(self.steps.board);
        (self.looking.recorded && trace.step == step && same).then_some(step)
    }

    /// Its index among those that are there; the nearest one's where it has left since.
    pub(super) fn step_index(&self) -> Option<usize> {
        self.recording()?.nearest(self.step_shown()?)
    }

    /// The boards of a step have come from the training.
    pub(super) fn boards_came(&mut self, traces: Vec<Trace>) {
        let Some(recording) = self.steps.training.as_mut().filter(|_| !traces.is_empty()) else { return };
        if let Err(e) = Arc::make_mut(recording).push(traces) {
            self.toasts.error(format!("A recorded step was left out: {e}."), self.now);
        }
    }

    /// Shows the `index`th recorded step, of the chosen board.
    pub(super) fn choose_step(&mut self, index: usize) {
        let Some(recording) = self.recording() else { return };
        let Some(trace) = recording.trace(index.min(recording.len() - 1), self.steps.board).cloned() else { return };
        self.asks.forget();
        self.asks.reach = None;
        let same = trace.puzzle.clues == *self.looking.clues();
        if !same {
            self.remember();
        }
        self.steps.chosen = Some(trace.step);
        let cursor = self.view.cursor().min(trace.last().0);
        if trace.shape() != self.looking.clues().shape() {
            self.view.selected = trace.shape().cells() / 2;
        }
        self.looking = Looking::new(trace, true);
        // Frames of another step, as many as before.
        self.read_pair_again();
        if self.view.cursor() != cursor {
            self.view.set_cursor(cursor);
        }
        self.view.follow = false;
        if !same {
            // The board is the recording's; weights that are looked at next may bring their own.
            self.puzzle.own = false;
            self.comparing.due = true;
            self.puzzle.forget();
            self.check_puzzle();
        }
        self.jobs.ctx().request_repaint();
    }

    /// Shows another of the recorded boards, at the step in view or else the newest.
    pub(super) fn choose_board(&mut self, board: usize) {
        let Some(recording) = self.recording().cloned() else { return };
        let index = self.step_index().unwrap_or(recording.len() - 1);
        self.steps.board = board.min(recording.boards().saturating_sub(1));
        self.choose_step(index);
    }

    /// So many recorded steps on or back. From the weights as they are now, back is the newest recorded one.
    pub(super) fn step_by(&mut self, by: i64) {
        let Some(last) = self.recording().map(|r| r.len() - 1) else {
            self.toasts.info(
                "There is no recorded step yet: start a training, or open a recorded one on the page “over training”."
                    .into(),
                self.now,
            );
            return;
        };
        match self.step_index() {
            Some(i) => self.choose_step((i as i64 + by).clamp(0, last as i64) as usize),
            None => self.choose_step(last),
        }
    }

    /// Back to the weights in training as they are now; of an opened recording, to its last step.
    pub(super) fn newest_step(&mut self) {
        if self.steps.opened.is_none() && self.training.exists() {
            self.steps.chosen = None;
            self.view.subject = Subject::Training;
            self.fit_puzzle();
            self.ask_soon();
        } else if let Some(recording) = self.recording() {
            self.choose_step(recording.len() - 1);
        }
    }

    /// Shows a recorded training, from its last step. It needs no device.
    pub(super) fn open_recording(&mut self, recording: Recording) {
        if recording.is_empty() {
            self.toasts.error("This recording of a training holds no step.".into(), self.now);
            return;
        }
        let (run, last) = (recording.run().clone(), recording.len() - 1);
        let said = format!(
            "{}: {} of {}. Scrub both: training steps here, iterations on the timeline.",
            if run.name.is_empty() { "A recorded training" } else { &run.name },
            count(recording.len(), "recorded step", "recorded steps"),
            count(recording.boards(), "board", "boards"),
        );
        self.keep_recording(recording);
        self.choose_step(last);
        self.view.set_cursor(0);
        self.view.playing = true;
        self.view.looping = super::view::Looping::Whole;
        self.toasts.info(said, self.now);
    }

    /// Takes a recording without showing it: the steps of a run whose weights are opened.
    pub(super) fn keep_recording(&mut self, recording: Recording) {
        self.steps.board = self.steps.board.min(recording.boards().saturating_sub(1));
        self.steps.opened = Some(Arc::new(recording));
        self.steps.chosen = None;
    }

    /// Puts an opened recording away.
    pub(super) fn close_recording(&mut self) {
        let shown = self.step_shown().is_some();
        self.steps.opened = None;
        self.steps.chosen = None;
        if shown {
            self.puzzle.own = false;
            self.go_on();
        }
    }

    /// The recording that comes with the program.
    pub(super) fn open_shipped_recording(&mut self) {
        self.want_training(Wanted::Show);
    }

    /// Does what the recorded training is wanted for, now or when it is there.
    fn want_training(&mut self, wanted: Wanted) {
        self.steps.wanted = Some(wanted);
        if self.steps.shipped.is_some() {
            return self.training_is_there();
        }
        self.assets.ask(Asset::Training);
        if let Some(bytes) = self.assets.take_this(&Asset::Training) {
            self.training_came(bytes);
        }
    }

    /// The recorded training came, or did not. What it is wanted for stays: someone may try again.
    pub(super) fn training_came(&mut self, bytes: Bytes) {
        match bytes.and_then(|b| Recording::from_bytes(&b).map_err(|e| e.to_string())) {
            Ok(recording) => {
                self.steps.shipped = Some(recording);
                self.training_is_there();
            }
            Err(why) => self.missed(Asset::Training, &why),
        }
    }

    fn training_is_there(&mut self) {
        let (Some(wanted), Some(recording)) = (self.steps.wanted.take(), self.steps.shipped.clone()) else { return };
        match wanted {
            Wanted::Show => {
                self.view.plots = super::view::PlotPage::Training;
                self.open_recording(recording);
            }
            Wanted::Step(link) => {
                if board_of(&link, &recording).is_some() {
                    self.keep_recording(recording);
                }
                self.step_at_hand(&link);
            }
        }
    }

    /// Saves the recorded steps as one file.
    pub(super) fn save_recording(&mut self) {
        let Some(recording) = self.recording().cloned() else {
            self.toasts.error("There is no recorded step to save yet: start a training.".into(), self.now);
            return;
        };
        let name = format!("loopscope-{}-training.trace", plain(&recording.run().name));
        self.jobs.save("Save the recorded training", name, TRACES, move || Ok(recording.to_bytes()));
    }

    /// What a link says of the step: the recorded one, of the board that the link has. Without a recording
    /// at hand that has the board, the shipped one is looked at.
    pub(super) fn step_of_link(&mut self, link: &Link) {
        if link.step.is_none() {
            self.steps.chosen = None;
        } else if self.recording().and_then(|r| board_of(link, r)).is_none() {
            self.want_training(Wanted::Step(link.clone()));
        } else {
            self.step_at_hand(link);
        }
    }

    /// Shows the step of a link, of the recorded training at hand.
    fn step_at_hand(&mut self, link: &Link) {
        let Some(step) = link.step.map(Step) else { return };
        let found = self.recording().and_then(|r| {
            let index = r.nearest(step)?;
            Some((board_of(link, r)?, index, r.steps().nth(index)?))
        });
        let Some((board, index, there)) = found else {
            self.toasts.error(
                format!(
                    "In the link: step {} is of a recorded training that is not open here. Open its file, then the link again.",
                    thousands(u64::from(step.0))
                ),
                self.now,
            );
            return;
        };
        if there != step {
            let (wanted, near) = (thousands(u64::from(step.0)), thousands(u64::from(there.0)));
            self.toasts
                .info(format!("In the link: step {wanted} is not recorded; step {near} is the nearest."), self.now);
        }
        self.steps.board = board;
        self.choose_step(index);
        // All that there is of it is here: nothing has to wait for a model.
        self.wanted.drop_iterations();
        if let Some(t) = link.iteration {
            self.view.playing = false;
            self.view.set_cursor(t.min(self.looking.last()));
        }
    }

    /// What is told of the recorded steps: the one shown, all of them, the board and where the slider is.
    pub(super) fn steps_state(&self) -> Value {
        let all: Vec<u32> = self.recording().map_or_else(Vec::new, |r| r.steps().map(|s| s.0).collect());
        let r = self.steps.slider;
        json!({
            "step": self.step_shown().map(|s| s.0),
            "steps": all,
            "board": self.recording().map(|_| self.steps.board + 1),
            "answer": self.looking.trace.board(Iteration(self.view.cursor())).to_line(),
            "step_slider": { "x": r.min.x, "y": r.min.y, "width": r.width(), "height": r.height() },
        })
    }

    /// What is known of a recorded step at an iteration, in words.
    pub(super) fn step_words(&self, recording: &Recording, index: usize, iteration: u32) -> String {
        let step = recording.steps().nth(index).unwrap_or_default();
        let of = match self.steps.mapped() {
            Some(board) => format!("board {}", board + 1),
            None => count(recording.boards(), "board", "boards"),
        };
        let mut text = format!("Step {}, iteration {}, {of}", thousands(step.0.into()), thousands(iteration.into()));
        let values = Quantity::ALL
            .into_iter()
            .filter_map(|q| Some(q.words(recording.value(q, index, Iteration(iteration), self.steps.mapped())?)));
        let values: Vec<String> = values.collect();
        text += if values.is_empty() { ": not recorded" } else { ":\n" };
        text + &values.join(", ") + "."
    }
}

/// The board that a link has, of a recorded training.
fn board_of(link: &Link, recording: &Recording) -> Option<usize> {
    match &link.puzzle {
        Some(clues) => recording.board_of(clues),
        None => Some(0),
    }
}

/// Letters, digits and hyphens of a name, for a file.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}
