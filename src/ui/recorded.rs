//! Recordings of the shipped models: read when they are first wanted, which in a browser is a moment before
//! they are there.

use super::app::{Lab, MOST_ITERATIONS};
use super::assets::Bytes;
use super::looking::Looking;
use crate::config::Interventions;
use crate::config::shipped::Asset;
use crate::engine::protocol::{ModelSource, Subject};
use crate::tasks::sudoku::{Grid, Shape};
use crate::trace::Trace;

impl Lab {
    /// Sees to it that a shipped model's recordings are there; whether they still have to come.
    pub(super) fn bring(&mut self, name: &str) -> bool {
        let away = self.shipped.iter().any(|s| s.name == name && s.traces.is_empty());
        let asset = Asset::Traces(name.to_owned());
        // One that is missing was told of; it is asked for again when somebody says so.
        if !away || asset.size().is_none() || self.assets.is_missing(&asset) {
            return false;
        }
        self.assets.ask(asset.clone());
        if let Some(bytes) = self.assets.take_this(&asset) {
            self.read_traces(name, bytes);
        }
        self.assets.is_coming(&asset)
    }

    /// Takes the files that came for those who could not wait.
    pub(super) fn take_files(&mut self) {
        while let Some((asset, bytes)) = self.assets.take() {
            match asset {
                Asset::Weights(name) => self.link.weights_came(&name, bytes),
                Asset::Training => self.training_came(bytes),
                Asset::Traces(name) => {
                    self.read_traces(&name, bytes);
                    self.traces_came(&name);
                }
            }
        }
    }

    fn read_traces(&mut self, name: &str, bytes: Bytes) {
        match bytes.and_then(|b| Trace::decode_many(&b).map_err(|e| e.to_string())) {
            Ok(traces) => {
                if let Some(shipped) = self.shipped.iter_mut().find(|s| s.name == name) {
                    shipped.traces = traces;
                }
            }
            Err(why) => self.missed(Asset::Traces(name.to_owned()), &why),
        }
    }

    /// Says that a file is missing. The sentence stays on screen beside the board.
    pub(super) fn missed(&mut self, asset: Asset, why: &str) {
        let text = self.assets.miss(asset, why);
        self.toasts.log(text, self.now);
    }

    fn traces_came(&mut self, name: &str) {
        self.recording_of_other();
        // B is asked where there is no recording of it on this board.
        self.comparing.due = true;
        if self.awaited.as_deref() == Some(name) {
            self.awaited = None;
            self.nothing_awaited();
        }
    }

    /// What a new window shows first: a shipped model's recording, of the puzzle where one is given.
    pub(super) fn begin_with(&mut self, name: &str, puzzle: Option<Grid>) {
        let coming = self.bring(name);
        let traces = self.traces_of(name);
        let same = puzzle.as_ref().and_then(|p| traces.iter().find(|t| t.puzzle.clues == *p));
        let found = same.is_some();
        if let Some(trace) = same.or(traces.first()).cloned() {
            self.view.selected = trace.shape().cells() / 2;
            self.iterations = trace.trained_iterations.max(trace.last().0).clamp(1, MOST_ITERATIONS);
            self.looking = Looking::new(trace, true);
        }
        match puzzle.filter(|_| !found) {
            Some(puzzle) => self.replace_puzzle(puzzle),
            // An empty board that waits has nothing to be checked.
            None if self.looking.last() > 0 => self.check_puzzle(),
            None => {}
        }
        if coming {
            self.awaited = Some(name.to_owned());
        }
    }

    /// What the window waited for is there, or will not come.
    fn nothing_awaited(&mut self) {
        if self.view.subject == Subject::Training {
            self.fit_puzzle();
            self.ask_soon();
        } else if self.model.card.is_some() && self.asks.opening.is_none() {
            self.model_settled();
        } else if self.looking.last() == 0
            && let Some(ModelSource::Shipped(name)) = self.model.current().cloned()
        {
            // It plays before the engine is there.
            self.show_recorded(&name);
        }
    }

    /// Whether there is nothing to show yet but that something is to come.
    pub(super) fn has_no_board(&self) -> bool {
        let missing = || matches!(self.assets.missing(), Some((Asset::Traces(_), _)));
        self.looking.last() == 0
            && self.looking.clues().clues() == 0
            && !self.puzzle.own
            && (self.awaited.is_some() || missing())
    }

    /// Recordings of a shipped model, as far as they are there.
    pub(super) fn traces_of(&self, name: &str) -> &[Trace] {
        self.shipped.iter().find(|s| s.name == name).map_or(&[], |s| &s.traces)
    }

    /// The recording that a board begins with: the opened model's own, else another model's. All models of one
    /// board were recorded on the same puzzles.
    pub(super) fn usual(&self, shape: Shape) -> Option<&Trace> {
        let own = match self.model.current() {
            Some(ModelSource::Shipped(name)) => self.traces_of(name).first(),
            _ => None,
        };
        let any = || self.shipped.iter().filter_map(|s| s.traces.first());
        own.into_iter().chain(any()).find(|t| t.shape() == shape)
    }

    /// Shows a model's recording of the puzzle on screen, or its first one where the puzzle is not the user's own.
    /// Whether one is on screen now.
    pub(super) fn show_recorded(&mut self, name: &str) -> bool {
        let clues = self.looking.clues();
        let of = |t: &Trace| t.model == name && t.puzzle.clues == *clues;
        if self.looking.recorded && of(&self.looking.trace) && self.looking.last() > 0 {
            return true;
        }
        let traces = self.traces_of(name);
        let same = traces.iter().find(|t| t.puzzle.clues == *clues);
        let Some(trace) = same.or(traces.first().filter(|_| !self.puzzle.own)).cloned() else { return false };
        // A link may have said where to stand.
        let (playing, cell) = (self.view.playing, self.view.selected);
        let shape = self.looking.clues().shape();
        self.iterations = trace.trained_iterations.max(trace.last().0).clamp(1, MOST_ITERATIONS);
        let wanted = self.wanted.cell.take().filter(|cell| *cell < trace.shape().cells());
        let middle = trace.shape().cells() / 2;
        self.view.selected = if trace.shape() == shape { cell } else { wanted.unwrap_or(middle) };
        self.look_at(Looking::new(trace, true));
        if let Some(t) = self.wanted.iteration() {
            self.view.playing = playing;
            self.view.set_cursor(t.min(self.looking.last()));
        }
        true
    }

    /// The model is open, and its recording is there if it is to be shown: what follows from that.
    pub(super) fn model_settled(&mut self) {
        let Some(card) = &self.model.card else { return };
        let fits = self.looking.recorded && self.looking.clues().shape() == card.config.shape();
        let recorded = if fits { self.looking.last() } else { 0 };
        // Until the user asks for more, as many as it was trained with, or as were recorded.
        self.iterations = card.trained_iterations.max(recorded).clamp(1, MOST_ITERATIONS);
        if let Some(name) = self.owed() {
            return self.recorded_will_do(&name);
        }
        self.take_wanted();
        // A recorded step on screen stays there until something else is asked for.
        if self.step_shown().is_none() {
            self.fit_puzzle();
            self.ask_soon();
        }
    }

    /// The model in view, where its weights are still to be brought.
    pub(super) fn owed(&self) -> Option<String> {
        match self.model.current() {
            Some(ModelSource::Shipped(name))
                if self.view.subject == Subject::Opened && self.link.owes(Subject::Opened) =>
            {
                Some(name.clone())
            }
            _ => None,
        }
    }

    /// Other weights are in view: their board, and what they make of it.
    pub(super) fn go_on(&mut self) {
        match self.owed() {
            Some(name) => self.recorded_will_do(&name),
            None => {
                self.fit_puzzle();
                self.ask_soon();
            }
        }
    }

    /// Weights that are still to be brought are not brought for what a recording answers as well.
    pub(super) fn recorded_will_do(&mut self, name: &str) {
        if self.step_shown().is_some() {
            return self.wanted.drop_iterations();
        }
        let shown = self.show_recorded(name);
        if !shown && !self.puzzle.own {
            // Its recording is missing; the board that is there stays.
            return self.wanted.drop_iterations();
        }
        self.take_wanted();
        let last = self.looking.last();
        let within = self.asks.reach.is_none_or(|t| t <= last) && (shown && self.iterations <= last.max(1));
        let changed = self.interventions != Interventions::default() || self.disturbance().is_some();
        if !within || changed {
            return self.ask_soon();
        }
        if let Some(t) = self.asks.reach.take() {
            self.view.set_cursor(t);
        }
        self.asks.forget();
        self.comparing.due = true;
    }

    /// Whether a recording is on screen that the opened model would run through itself, were it asked to.
    pub(super) fn could_be_live(&self) -> bool {
        self.looking.recorded
            && self.owed().is_some()
            && self.step_shown().is_none()
            && self.subject_shape() == Some(self.looking.clues().shape())
    }

    /// Asks once more for a file that is missing.
    pub(super) fn try_again(&mut self, asset: Asset) {
        self.assets.forget_missing();
        match asset {
            Asset::Traces(name) => {
                if self.bring(&name) && self.model.current() == Some(&ModelSource::Shipped(name.clone())) {
                    self.awaited = Some(name);
                }
            }
            Asset::Training => self.assets.ask(asset),
            // What was asked of them is asked again.
            Asset::Weights(_) => {
                self.comparing.ask_again();
                self.ask_soon();
            }
        }
    }
}
