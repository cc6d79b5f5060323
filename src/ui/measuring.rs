//! Measurements over many boards: those of `loopscope probe`, by the same plan and the same readings, so the two
//! cannot tell different numbers.

mod choice;
mod maps;
mod results;
mod tables;
mod wording;

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{RichText, ScrollArea, Ui};

use super::app::Lab;
use super::theme::Palette;
use crate::config::Interventions;
use crate::engine::protocol::{Command, Kernels, ModelSource, RequestId, Subject};
use crate::measure::heads::Heads;
use crate::measure::plan::{Kind, Measurement, Question};
use crate::measure::spectrum::BoardSpectrum;
use crate::measure::{Record, Spent};
use crate::report::measured::{About, Lines, Measured};
use crate::tasks::sudoku::{GenerateSpec, Puzzle};

/// Boards that can be asked for at once.
const MOST_BOARDS: u32 = 1000;

/// What is measured, and what came of it.
#[derive(Default)]
pub(super) struct Measuring {
    /// Which measurement is in view.
    pub kind: Kind,
    /// Boards to make, where another number than the usual was chosen.
    boards: BTreeMap<Kind, u32>,
    /// Settings that were looked at, for a model that was trained with `trained` iterations.
    questions: BTreeMap<Kind, Question>,
    trained: u32,
    asked: Option<Asked>,
    /// Boards that are done, and all.
    progress: (usize, usize),
    found: BTreeMap<Kind, Arc<Shown>>,
    /// Why there is nothing more, and of which measurement.
    trouble: Option<(Kind, String)>,
}

/// What the engine was asked, with what it is of.
struct Asked {
    request: RequestId,
    subject: Subject,
    about: About,
    /// As it can be typed; nothing for weights that are in no file.
    command: Option<String>,
    question: Question,
    trained: u32,
    interventions: Interventions,
    /// Once the puzzles are there.
    under_way: Option<Measurement>,
}

/// What was read so far.
pub(super) struct Shown {
    pub measured: Measured,
    /// Boards that it is of.
    pub boards: usize,
    /// T of its model.
    trained: u32,
    lines: Vec<Lines>,
    about: About,
    command: Option<String>,
}

impl Measuring {
    /// What was found of the measurement in view.
    pub(super) fn found(&self) -> Option<&Arc<Shown>> {
        self.found.get(&self.kind)
    }

    /// Whether something is under way.
    pub(super) fn is_running(&self) -> bool {
        self.asked.is_some()
    }

    /// Which measurement is under way.
    fn running(&self) -> Option<Kind> {
        self.asked.as_ref().map(|a| a.question.kind())
    }

    /// Boards that were read so far, of the measurement in view.
    #[cfg(test)]
    pub(super) fn read(&self) -> usize {
        self.found().map_or(0, |f| f.boards)
    }

    /// Throws away what is of another model.
    pub(super) fn forget(&mut self) {
        self.asked = None;
        self.trouble = None;
        self.found.clear();
    }

    /// Boards to make for the measurement in view.
    pub(super) fn boards(&self) -> u32 {
        self.boards.get(&self.kind).copied().unwrap_or(self.kind.boards())
    }

    /// Chooses how many boards are made for the measurement in view.
    pub(super) fn set_boards(&mut self, boards: u32) {
        self.boards.insert(self.kind, boards.clamp(1, MOST_BOARDS));
    }

    /// The settings of the measurement in view, for a model that was trained with T iterations.
    pub(super) fn question(&mut self, trained: u32) -> &mut Question {
        if self.trained != trained {
            self.trained = trained;
            self.questions.clear();
        }
        self.questions.entry(self.kind).or_insert_with(|| Question::usual(self.kind, trained))
    }

    fn is_of(&self, request: RequestId) -> bool {
        self.asked.as_ref().is_some_and(|a| a.request == request)
    }

    pub(super) fn progressed(&mut self, request: RequestId, done: usize, of: usize) {
        if self.is_of(request) {
            self.progress = (done, of);
        }
    }

    pub(super) fn failed(&mut self, request: RequestId, message: &str) {
        if self.is_of(request)
            && let Some(asked) = self.asked.take()
        {
            self.trouble = Some((asked.question.kind(), message.to_owned()));
        }
    }

    /// Reads what there is; false where it cannot be read.
    fn read_so_far(&mut self) -> bool {
        let Some(Asked { about, command, trained, under_way: Some(measurement), .. }) = &self.asked else {
            return true;
        };
        let kind = measurement.question().kind();
        match Measured::of(measurement, about) {
            Ok(None) => true,
            Ok(Some(measured)) => {
                let (boards, lines) = (measurement.read(), measured.lines());
                let (about, command, trained) = (about.clone(), command.clone(), *trained);
                let shown = Shown { measured, boards, trained, lines, about, command };
                self.found.insert(kind, Arc::new(shown));
                true
            }
            Err(why) => {
                self.trouble = Some((kind, why));
                false
            }
        }
    }
}

impl Lab {
    /// The page of the plots on many boards.
    pub(super) fn measuring_page(&mut self, ui: &mut Ui) {
        self.measuring_choice(ui);
        let kind = self.measuring.kind;
        if let Some((_, trouble)) = self.measuring.trouble.as_ref().filter(|(of, _)| *of == kind) {
            ui.colored_label(Palette::of(ui).wrong, trouble);
        }
        let Some(shown) = self.measuring.found().cloned() else {
            ui.add_space(8.0);
            let text = if self.measuring.running() == Some(kind) {
                "The first boards are on their way."
            } else {
                "Press Measure: new puzzles that the training left out are solved, and what happened is read from every iteration."
            };
            ui.label(RichText::new(text).weak());
            return;
        };
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| self.measured(ui, &shown));
    }

    /// Whether the measurement in view can be asked of the weights in view; if not, why.
    fn cannot_measure(&self) -> Option<&'static str> {
        let m = &self.measuring;
        if self.subject_shape().is_none() {
            Some("No model is open yet.")
        } else if m.kind.opened_only() && self.view.subject == Subject::Training {
            Some(
                "This is measured of an opened model alone. Look at the opened model, or save the weights in training and open them.",
            )
        } else if self.training_moves(m.kind) {
            Some("Pause the training first: this takes several passes, and all must be of the same weights.")
        } else {
            match m.questions.get(&m.kind) {
                Some(Question::Interventions { changes, .. }) if changes.is_empty() => {
                    Some("Choose a change at least.")
                }
                Some(Question::Verified { ways, .. }) if ways.is_empty() => {
                    Some("Choose a way of asking again at least.")
                }
                _ => None,
            }
        }
    }

    /// Whether passes of a measurement would be of different weights, because training goes on between them.
    fn training_moves(&self, kind: Kind) -> bool {
        let several = match kind {
            Kind::Interventions | Kind::Recovery | Kind::Verified => true,
            Kind::Scaling => {
                matches!(self.measuring.questions.get(&kind), Some(Question::Scaling { beside: Some(_), .. }))
            }
            _ => false,
        };
        several && self.view.subject == Subject::Training && self.training.running()
    }

    /// A training starts to move: what takes several passes over its weights ends here.
    pub(super) fn training_starts(&mut self) {
        let of_it = |a: &Asked| a.subject == Subject::Training && a.under_way.is_some();
        if self.measuring.asked.as_ref().is_some_and(of_it) {
            self.stop_measuring();
        }
    }

    /// The command that gives the same numbers; nothing for weights that are in no file.
    fn measuring_command(&self, question: &Question, boards: u32, interventions: &Interventions) -> Option<String> {
        if self.view.subject != Subject::Opened {
            return None;
        }
        let model = match self.model.current()? {
            ModelSource::Shipped(name) | ModelSource::Bytes { name, .. } => name.clone(),
            ModelSource::Path(path) => path.file_name()?.to_string_lossy().into_owned(),
            ModelSource::Fresh(_) => return None,
        };
        let model = if model.contains(' ') { format!("'{model}'") } else { model };
        let sets: String = self.model.settings().iter().map(|set| format!(" --set {set}")).collect();
        let changes = if question.takes_interventions() { interventions.flags() } else { String::new() };
        let (probe, flags) = (question.kind().command(), question.flags());
        Some(format!("loopscope probe {probe} --model {model} --generate {boards}{sets}{flags}{changes}"))
    }

    /// Asks for puzzles; passes follow when they are there.
    pub(super) fn measure(&mut self) {
        if self.cannot_measure().is_some() || self.measuring.is_running() {
            return;
        }
        let subject = self.view.subject;
        let (spec, seed): (GenerateSpec, u64) = match subject {
            Subject::Opened => match &self.model.card {
                Some(card) => (GenerateSpec::usual(card.config.shape()), card.provenance.seed),
                None => return,
            },
            Subject::Training => match &self.training.config {
                Some(config) => (config.puzzles.spec(config.model.shape()), config.seed),
                None => return,
            },
            // Never in view by itself.
            Subject::Other => return,
        };
        let trained = self.subject_trained().max(1);
        let (request, interventions) = (self.asks.id(), self.interventions);
        let boards = self.measuring.boards();
        let question = self.measuring.question(trained).clone();
        let command = self.measuring_command(&question, boards, &interventions);
        let about = About {
            model: self.subject_name(),
            device: self.device.as_ref().and_then(|d| d.as_ref().ok()).map(|d| d.name.clone()).unwrap_or_default(),
            command: command.as_ref().map(|c| format!("{c} --json")).unwrap_or_default(),
        };
        let m = &mut self.measuring;
        m.trouble = None;
        m.found.remove(&question.kind());
        m.progress = (0, boards as usize);
        m.asked = Some(Asked { request, subject, about, command, question, trained, interventions, under_way: None });
        self.link.send(Command::Puzzles { request, spec, seed, count: boards as usize });
    }

    pub(super) fn stop_measuring(&mut self) {
        if let Some(asked) = self.measuring.asked.take() {
            self.link.send(Command::Cancel { request: asked.request });
        }
    }

    /// Puzzles came: the first pass begins.
    pub(super) fn puzzles_came(&mut self, request: RequestId, puzzles: Vec<Puzzle>) {
        if !self.measuring.is_of(request) {
            return;
        }
        if let Some(asked) = &mut self.measuring.asked {
            let question = asked.question.clone();
            asked.under_way = Some(Measurement::new(question, puzzles, asked.trained, asked.interventions));
        }
        self.measure_on();
    }

    /// Asks what comes next; once all is there, the measurement is over.
    fn measure_on(&mut self) {
        let gpu = matches!(&self.device, Some(Ok(device)) if device.gpu);
        let next = self.asks.id();
        let Some(asked) = &mut self.measuring.asked else { return };
        let Some(measurement) = &mut asked.under_way else { return };
        self.measuring.progress = (0, measurement.puzzles().len());
        match measurement.next_ask() {
            Some(ask) => {
                asked.request = next;
                let command = Command::measuring(next, asked.subject, ask, Kernels::default(), gpu);
                self.link.send(command);
            }
            None => self.measuring.asked = None,
        }
    }

    /// Reads what there is; after the last of a question asks the next.
    fn measured_more(&mut self, request: RequestId, last: bool, reads: bool) {
        if reads && !self.measuring.read_so_far() {
            self.measuring.asked = None;
            if !last {
                self.link.send(Command::Cancel { request });
            }
        } else if last {
            self.measure_on();
        }
    }

    fn under_way(&mut self, request: RequestId) -> Option<&mut Measurement> {
        self.measuring.asked.as_mut().filter(|a| a.request == request)?.under_way.as_mut()
    }

    /// A batch of boards came.
    pub(super) fn records_came(&mut self, request: RequestId, records: Vec<Record>, spent: Option<Spent>) {
        let Some(measurement) = self.under_way(request) else { return };
        let (pass, _) = measurement.pass();
        let kind = measurement.question().kind();
        measurement.take_records(records, spent);
        // A change is told of once its pass is whole, and so is a way of asking again.
        let whole = kind == Kind::Verified || (kind == Kind::Interventions && pass > 1);
        self.measured_more(request, spent.is_some(), spent.is_some() || !whole);
    }

    /// What attention heads look at came.
    pub(super) fn heads_came(&mut self, request: RequestId, heads: Heads) {
        let Some(measurement) = self.under_way(request) else { return };
        measurement.take_heads(heads);
        self.measured_more(request, true, true);
    }

    /// A board's growth came.
    pub(super) fn spectrum_came(&mut self, request: RequestId, found: Vec<BoardSpectrum>, done: bool) {
        let Some(measurement) = self.under_way(request) else { return };
        measurement.take_spectrum(found, done);
        self.measured_more(request, done, true);
    }
}
