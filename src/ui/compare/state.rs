//! B: what it is, its pass, and what is asked for it.

use serde_json::{Value, json};

use super::Boards;
use super::pass::{Asked, Thinking};
use crate::config::ModelCard;
use crate::engine::protocol::{Command, ModelSource, RequestId, Subject};
use crate::measure::compare::Pair;
use crate::trace::Trace;
use crate::ui::app::{Engine, Lab};
use crate::ui::looking::Looking;

/// What the board shows while two models are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ui) enum Side {
    /// The answers of A.
    #[default]
    A,
    /// The answers of B.
    B,
    /// Where they differ.
    Difference,
}

impl Side {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::Difference,
            Self::Difference => Self::A,
        }
    }

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::Difference => "difference",
        }
    }
}

/// What B is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) enum With {
    /// A model that the engine holds beside the opened one.
    Model(ModelSource),
    /// Of the opened model and the one in training, the one that is not in view.
    Counterpart,
    /// A recorded trace, which needs no device.
    Recording,
}

/// The comparison; nothing is compared as long as there is no B.
#[derive(Default)]
pub(in crate::ui) struct Comparing {
    with: Option<With>,
    /// What B says about itself, once it is open.
    card: Option<ModelCard>,
    name: String,
    opening: Option<RequestId>,
    /// Why there is no B.
    pub problem: Option<String>,
    pub(super) second: Option<Looking>,
    pub(super) thinking: Option<Thinking>,
    pub(super) asked: Option<Asked>,
    /// Something changed; B is asked when the window next speaks to the engine.
    pub due: bool,
    pub(super) pair: Option<Pair>,
    /// What the board shows.
    pub side: Side,
    /// The comparison over many boards.
    pub boards: Boards,
}

impl Comparing {
    pub fn is_on(&self) -> bool {
        self.with.is_some()
    }

    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    pub fn is_recording(&self) -> bool {
        self.with == Some(With::Recording)
    }

    /// What B is called.
    pub fn name(&self) -> &str {
        self.second.as_ref().map(|s| s.trace.model.as_str()).filter(|n| !n.is_empty()).unwrap_or(&self.name)
    }

    /// What B says about itself.
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    pub(super) fn second(&self) -> Option<&Looking> {
        self.second.as_ref()
    }

    /// What was read of both passes.
    pub fn pair(&self) -> Option<&Pair> {
        self.pair.as_ref().filter(|p| !p.rows.is_empty())
    }

    /// Whether this is the question that B's pass answers.
    pub fn thinks(&self, request: RequestId) -> bool {
        self.thinking.as_ref().is_some_and(|t| t.id == request)
    }

    /// Whether this is the question that opens B.
    pub fn opens(&self, request: RequestId) -> bool {
        self.opening == Some(request)
    }

    pub fn is_thinking(&self) -> bool {
        self.thinking.is_some()
    }

    /// The shipped model that is compared with, for a link.
    pub fn shipped(&self) -> Option<&str> {
        match &self.with {
            Some(With::Model(ModelSource::Shipped(name))) => Some(name),
            _ => None,
        }
    }

    /// The same may be asked again: it was not answered.
    pub fn ask_again(&mut self) {
        self.asked = None;
        self.due = true;
    }

    /// No engine will answer.
    pub fn unanswered(&mut self) {
        self.thinking = None;
        self.opening = None;
        self.boards.unanswered();
    }

    /// Begins again without B; what was chosen for many boards stays.
    fn clear(&mut self) {
        let boards = self.boards.fresh();
        *self = Self { boards, side: self.side, ..Self::default() };
    }
}

impl Lab {
    /// Compares with a model.
    pub(in crate::ui) fn compare_with_model(&mut self, source: ModelSource) {
        self.stop_comparing();
        let (name, card, recorded) = match &source {
            ModelSource::Shipped(name) => {
                self.bring(name);
                let shipped = self.shipped.iter().find(|s| s.name == *name);
                let recorded = shipped.and_then(|s| s.traces.iter().find(|t| t.puzzle.clues == *self.looking.clues()));
                (name.clone(), shipped.map(|s| s.card.clone()), recorded.cloned())
            }
            ModelSource::Fresh(name) | ModelSource::Bytes { name, .. } => (name.clone(), None, None),
            ModelSource::Path(path) => {
                let stem = path.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                (stem, None, None)
            }
        };
        let live = self.engine != Engine::Gone;
        if !live && recorded.is_none() {
            self.comparing.problem = Some(format!(
                "There is no device to run {name} on, and no recording of it on this puzzle. A recorded trace of this puzzle can be compared with."
            ));
            return;
        }
        // A recording of the same puzzle plays until the engine answers.
        self.comparing.second = recorded.map(|trace| Looking::new(trace, true));
        (self.comparing.name, self.comparing.card) = (name, card);
        if live {
            let request = self.asks.id();
            self.comparing.opening = Some(request);
            self.link.send(Command::OpenOther { request, source: source.clone(), set: Vec::new() });
            self.comparing.with = Some(With::Model(source));
        } else {
            self.comparing.with = Some(With::Recording);
        }
        self.show_difference();
    }

    /// A recording of B came, or the board is another: it plays until the engine answers.
    pub(in crate::ui) fn recording_of_other(&mut self) {
        let clues = self.looking.clues();
        if self.comparing.second.as_ref().is_some_and(|s| s.clues() == clues) {
            return;
        }
        let Some(name) = self.comparing.shipped() else { return };
        let Some(trace) = self.traces_of(name).iter().find(|t| t.puzzle.clues == *clues).cloned() else { return };
        self.comparing.second = Some(Looking::new(trace, true));
        self.comparing.pair = None;
        self.comparing.due = true;
    }

    /// Compares the opened model and the one in training.
    pub(in crate::ui) fn compare_with_counterpart(&mut self) {
        self.stop_comparing();
        self.comparing.with = Some(With::Counterpart);
        self.comparing.due = true;
        self.show_difference();
    }

    /// Compares with a recording: the one of those that is of the puzzle on screen.
    pub(in crate::ui) fn compare_with_recording(&mut self, traces: Vec<Trace>) {
        let count = traces.len();
        let fits = |t: &Trace| t.puzzle.clues == *self.looking.clues() && !t.frames.is_empty();
        let Some(trace) = traces.into_iter().find(fits) else {
            let what = if count == 1 { "That recording is" } else { "None of the file's recordings is" };
            let what = if count == 1 { format!("{what} of another puzzle") } else { format!("{what} of this puzzle") };
            self.toasts.error(
                format!(
                    "{what}; compare passes of one puzzle: first open a recording of it, or paste it into the board."
                ),
                self.now,
            );
            return;
        };
        self.stop_comparing();
        self.comparing.name.clone_from(&trace.model);
        self.comparing.second = Some(Looking::new(trace, true));
        self.comparing.with = Some(With::Recording);
        self.show_difference();
    }

    fn show_difference(&mut self) {
        self.comparing.side = Side::Difference;
        self.jobs.ctx().request_repaint();
    }

    /// Ends the comparison and frees what the engine holds for it.
    pub(in crate::ui) fn stop_comparing(&mut self) {
        if let Some(thinking) = self.comparing.thinking.take() {
            self.link.send(Command::Cancel { request: thinking.id });
        }
        self.stop_compared_boards();
        if matches!(self.comparing.with, Some(With::Model(_))) {
            self.link.send(Command::CloseOther);
        }
        self.comparing.clear();
    }

    /// B is open.
    pub(in crate::ui) fn other_opened(&mut self, card: ModelCard) {
        self.comparing.opening = None;
        self.comparing.name.clone_from(&card.name);
        self.comparing.card = Some(card);
        self.comparing.due = true;
    }

    /// B cannot be opened, or its pass failed.
    pub(in crate::ui) fn other_failed(&mut self, request: RequestId, message: &str) {
        if self.comparing.opens(request) {
            self.comparing.with = None;
            self.comparing.clear();
            self.comparing.problem = Some(message.to_owned());
        } else if self.comparing.thinks(request) {
            self.comparing.thinking = None;
        }
        self.comparing.boards.failed(request, message);
    }

    /// After a new engine took the place of one that was lost.
    pub(in crate::ui) fn compare_again(&mut self) {
        self.comparing.unanswered();
        self.comparing.asked = None;
        // A recording needs no engine, and the counterpart is asked again by itself.
        if let Some(With::Model(source)) = self.comparing.with.clone() {
            let side = self.comparing.side;
            self.compare_with_model(source);
            self.comparing.side = side;
        } else {
            self.comparing.due = true;
        }
    }

    /// Which weights B is; nothing for a recording, or before B is there.
    pub(super) fn other_subject(&self) -> Option<Subject> {
        let subject = match (self.comparing.with.as_ref()?, self.view.subject) {
            (With::Recording, _) => return None,
            (With::Model(_), _) if self.comparing.is_opening() => return None,
            (With::Model(_), _) => Subject::Other,
            (With::Counterpart, Subject::Training) => Subject::Opened,
            (With::Counterpart, _) => Subject::Training,
        };
        self.weights(subject).map(|_| subject)
    }

    /// Whether B are weights in training, which are looked at again and again.
    pub(in crate::ui) fn other_trains(&self) -> bool {
        self.other_subject() == Some(Subject::Training)
    }

    /// Keeps the comparison in step with A: the solution, what differs, and whether B still has a board.
    pub(in crate::ui) fn keep_comparing(&mut self) {
        if !self.comparing.is_on() {
            return;
        }
        if self.comparing.with == Some(With::Counterpart) && self.other_subject().is_none() {
            return self.stop_comparing();
        }
        let subject = self.other_subject();
        let b = self.weights(subject.unwrap_or(Subject::Other)).map(|w| w.shape());
        let boards = (b, self.subject_shape());
        if let (Some(b), Some(a)) = boards
            && a != b
            && self.asks.opening.is_none()
        {
            // Before its first frames the counterpart has no name of its own.
            let name = match (self.comparing.name(), subject) {
                ("", Some(subject)) => self.weights(subject).map(|w| w.name()).unwrap_or_default(),
                (name, _) => name.to_owned(),
            };
            self.stop_comparing();
            self.comparing.problem =
                Some(format!("{name} plays {b} and the model in view {a}; only models of one board can be compared."));
            return;
        }
        let c = &mut self.comparing;
        let Some(second) = c.second.as_mut().filter(|s| s.clues() == self.looking.clues()) else {
            c.pair = None;
            return;
        };
        if let Some(solution) = &self.looking.trace.puzzle.solution {
            second.solved_by(Some(solution.clone()));
        }
        c.pair = match c.pair.take() {
            Some(mut pair) => pair.extend(&self.looking.trace, &second.trace).ok().map(|()| pair),
            None => Pair::of(&self.looking.trace, &second.trace).ok(),
        };
    }

    /// A's pass was replaced: what was read of the frames before says nothing of the new ones.
    pub(in crate::ui) fn read_pair_again(&mut self) {
        self.comparing.pair = None;
    }

    /// The comparison in words for tests and for the page around the window.
    pub(in crate::ui) fn comparing_state(&self) -> Option<Value> {
        let c = &self.comparing;
        let row = c.pair().and_then(|p| p.row(self.view.cursor()));
        c.is_on().then(|| {
            json!({
                "with": c.name(),
                "recorded": c.second.as_ref().map(|s| s.recorded),
                "opening": c.is_opening(),
                "thinking": c.is_thinking(),
                "side": self.side().word(),
                "last": self.second().map(Looking::last),
                "verdict": self.second().map(|s| s.verdict.clone()),
                "agreed": c.pair().and_then(Pair::agreed),
                "differ": row.map(|r| r.differ),
                "boards": c.boards.found().map(|f| f.found.boards),
            })
        })
    }
}
