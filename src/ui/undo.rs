//! What can be taken back: every edit that changes what is computed, in the order in which they were made.

use super::app::Lab;
use super::model::source_name;
use super::words::thousands;
use crate::config::{Interventions, preset_names};
use crate::engine::protocol::ModelSource;
use crate::tasks::sudoku::{Grid, Puzzle};

/// Edits that are kept.
const MOST: usize = 200;
/// Bytes of dropped files that are kept for the way back.
const MOST_BYTES: usize = 64 << 20;

/// How something was before an edit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// The clues.
    Puzzle(Grid),
    /// What is changed in the pass.
    Interventions(Interventions),
    /// Iterations to run.
    Iterations(u32),
    /// What is trained: the preset's place in the list, and the seed where it is not the preset's.
    Recipe { chosen: usize, seed: Option<u64> },
    /// The model, with what another one may change.
    Model(Box<Opened>),
}

/// A model as it was in use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opened {
    source: ModelSource,
    clues: Grid,
    iterations: u32,
    interventions: Interventions,
}

impl Edit {
    /// What was edited, in a few words.
    fn words(&self) -> &'static str {
        match self {
            Self::Puzzle(_) => "the puzzle",
            Self::Interventions(_) => "the interventions",
            Self::Iterations(_) => "the iterations to run",
            Self::Recipe { .. } => "what is trained",
            Self::Model(_) => "the model",
        }
    }

    /// Bytes of a file that it holds.
    fn bytes(&self) -> usize {
        match self {
            Self::Model(opened) => match &opened.source {
                ModelSource::Bytes { bytes, .. } => bytes.len(),
                _ => 0,
            },
            _ => 0,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// What happens when `now` becomes this.
    fn change(&self, now: &Self) -> String {
        match (now, self) {
            (Self::Interventions(now), Self::Interventions(then)) => {
                format!("the interventions, {}", differences(now, then))
            }
            (Self::Iterations(now), Self::Iterations(then)) => {
                format!("the iterations to run, {} to {}", thousands(u64::from(*now)), thousands(u64::from(*then)))
            }
            (Self::Recipe { chosen: a, .. }, Self::Recipe { chosen: b, .. }) if a != b => {
                let name = |i: &usize| preset_names().get(*i).copied().unwrap_or_default();
                format!("what is trained, {} to {}", name(a), name(b))
            }
            (Self::Model(now), Self::Model(then)) => {
                format!("the model, {} to {}", source_name(&now.source), source_name(&then.source))
            }
            _ => self.words().into(),
        }
    }
}

/// What differs, in words.
fn differences(now: &Interventions, then: &Interventions) -> String {
    let mut out = Vec::new();
    let mut number = |name: &str, a: f32, b: f32| {
        if a != b {
            out.push(format!("{name} {a:.2} to {b:.2}"));
        }
    };
    number("damping α", now.damping, then.damping);
    number("prediction scale β", now.prediction_scale, then.prediction_scale);
    let mut switch = |name: &str, a: bool, b: bool| {
        if a != b {
            out.push(format!("{name} {}", if b { "on" } else { "off" }));
        }
    };
    switch("normalise before the head", now.normalise_before_head, then.normalise_before_head);
    switch("rounding to bfloat16", now.bf16_state, then.bf16_state);
    if now.knocked_out != then.knocked_out {
        out.push(if then.knocked_out.is_empty() {
            "no head knocked out".into()
        } else {
            format!("heads knocked out {}", then.knocked_out)
        });
    }
    if out.is_empty() { "as they were".into() } else { out.join(", ") }
}

/// Edits that were made, and edits that were taken back.
#[derive(Default)]
pub(super) struct Undo {
    past: Vec<Edit>,
    future: Vec<Edit>,
    /// Whether the pointer still holds what the last edit was made with.
    held: bool,
}

impl Undo {
    /// Notes how something was before an edit.
    pub(super) fn note(&mut self, before: Edit) {
        self.held = false;
        self.future.clear();
        if self.past.last() == Some(&before) {
            return;
        }
        self.past.push(before);
        while self.past.len() > MOST
            || self.past.len() > 1 && self.past.iter().map(Edit::bytes).sum::<usize>() > MOST_BYTES
        {
            self.past.remove(0);
        }
    }

    /// The same for what is dragged: all changes until [`Undo::let_go`] are one edit.
    pub(super) fn note_drag(&mut self, before: Edit) {
        if !(self.held && self.past.last().is_some_and(|e| e.is_like(&before))) {
            self.note(before);
        }
        self.held = true;
    }

    /// The pointer holds nothing any more.
    pub(super) fn let_go(&mut self) {
        self.held = false;
    }

    /// What would be taken back next, or made again.
    pub(super) fn next(&self, again: bool) -> Option<&'static str> {
        if again { &self.future } else { &self.past }.last().map(Edit::words)
    }

    /// Edits that can be taken back, and that can be made again.
    pub(super) fn counts(&self) -> [usize; 2] {
        [self.past.len(), self.future.len()]
    }
}

impl Lab {
    /// Takes the last edit back.
    pub(super) fn undo(&mut self) {
        self.go_back(false);
    }

    /// Makes the edit again that was taken back last.
    pub(super) fn redo(&mut self) {
        self.go_back(true);
    }

    fn go_back(&mut self, again: bool) {
        self.undo.held = false;
        let stack = |undo: &mut Undo| if again { undo.future.pop() } else { undo.past.pop() };
        while let Some(edit) = stack(&mut self.undo) {
            let Some(now) = self.as_it_is(&edit).filter(|now| *now != edit) else {
                // An edit that changed nothing: a file that could not be opened.
                continue;
            };
            let text = format!("{}: {}.", if again { "Made again" } else { "Taken back" }, edit.change(&now));
            if again { &mut self.undo.past } else { &mut self.undo.future }.push(now);
            self.put(edit);
            self.toasts.info(text, self.now);
            return;
        }
    }

    /// The same thing as in `edit`, as it is now.
    fn as_it_is(&self, edit: &Edit) -> Option<Edit> {
        Some(match edit {
            Edit::Puzzle(_) => Edit::Puzzle(self.looking.clues().clone()),
            Edit::Interventions(_) => Edit::Interventions(self.interventions),
            Edit::Iterations(_) => Edit::Iterations(self.iterations),
            Edit::Recipe { .. } => self.recipe_now(),
            Edit::Model(_) => self.model_now()?,
        })
    }

    /// The choice of what is trained, for an edit.
    pub(super) fn recipe_now(&self) -> Edit {
        Edit::Recipe { chosen: self.training.chosen, seed: self.training.seed }
    }

    fn model_now(&self) -> Option<Edit> {
        Some(Edit::Model(Box::new(Opened {
            source: self.model.current()?.clone(),
            clues: self.looking.clues().clone(),
            iterations: self.iterations,
            interventions: self.interventions,
        })))
    }

    fn put(&mut self, edit: Edit) {
        match edit {
            Edit::Puzzle(clues) => {
                let cursor = self.view.cursor();
                self.set_puzzle(Puzzle::unchecked(clues), Some(cursor));
            }
            Edit::Interventions(interventions) => {
                self.interventions = interventions;
                self.ask_soon();
            }
            Edit::Iterations(iterations) => {
                self.iterations = iterations;
                self.ask_soon();
            }
            Edit::Recipe { chosen, seed } => {
                // A training that exists keeps what it was prepared with.
                if !self.training.exists() && !self.training.is_preparing() {
                    (self.training.chosen, self.training.seed) = (chosen, seed);
                }
            }
            Edit::Model(opened) => {
                let Opened { source, clues, iterations, interventions } = *opened;
                self.interventions = interventions;
                self.wanted.run(iterations);
                if clues != *self.looking.clues() {
                    self.set_puzzle(Puzzle::unchecked(clues), None);
                }
                // Its puzzle is there: none is to be looked for.
                self.puzzle.own = true;
                self.open_model(source);
            }
        }
    }

    /// Opens a model that the user chose; it can be taken back.
    pub(super) fn choose_model(&mut self, source: ModelSource) {
        if let Some(edit) = self.model_now() {
            self.undo.note(edit);
        }
        self.steps.leave();
        self.open_model(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damped(damping: f32) -> Edit {
        Edit::Interventions(Interventions { damping, ..Interventions::default() })
    }

    #[test]
    fn a_drag_is_one_edit() {
        let mut undo = Undo::default();
        for i in 0..20 {
            undo.note_drag(damped(1.0 - 0.01 * i as f32));
        }
        undo.let_go();
        undo.note_drag(damped(0.8));
        undo.note_drag(damped(0.7));
        undo.let_go();
        assert_eq!(undo.counts(), [2, 0]);
        assert_eq!(undo.past, [damped(1.0), damped(0.8)]);
        // Something else under the pointer is another edit.
        undo.note_drag(damped(0.7));
        undo.note_drag(Edit::Iterations(16));
        assert_eq!(undo.counts(), [4, 0]);
    }

    #[test]
    fn the_stack_does_not_grow_without_end() {
        let mut undo = Undo::default();
        (0..3 * MOST as u32).for_each(|i| undo.note(Edit::Iterations(i)));
        assert_eq!(undo.counts(), [MOST, 0]);
        let file = |name: &str| {
            let source = ModelSource::Bytes { name: name.into(), bytes: vec![0; MOST_BYTES / 2] };
            let clues = Grid::empty(crate::tasks::sudoku::Shape::S4);
            let opened = Opened { source, clues, iterations: 1, interventions: Interventions::default() };
            Edit::Model(Box::new(opened))
        };
        ["a", "b", "c"].into_iter().for_each(|name| undo.note(file(name)));
        assert!(undo.past.iter().map(Edit::bytes).sum::<usize>() <= MOST_BYTES);
        assert_eq!(undo.next(false), Some("the model"));
    }

    #[test]
    fn changes_are_told() {
        assert_eq!(damped(1.0).change(&damped(0.5)), "the interventions, damping α 0.50 to 1.00");
        assert_eq!(Edit::Iterations(16).change(&Edit::Iterations(1024)), "the iterations to run, 1,024 to 16");
        let then = Interventions { bf16_state: true, ..Interventions::default() };
        let now = Edit::Interventions(Interventions::default());
        assert_eq!(Edit::Interventions(then).change(&now), "the interventions, rounding to bfloat16 on");
    }
}
