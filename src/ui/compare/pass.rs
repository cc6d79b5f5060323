//! B's pass: what is asked for it, and its frames.

use crate::config::Interventions;
use crate::config::shipped::Asset;
use crate::engine::protocol::{Command, RequestId, Subject};
use crate::tasks::sudoku::Grid;
use crate::trace::{Frame, Step};
use crate::ui::app::Lab;
use crate::ui::looking::Looking;

/// B's pass on its way.
pub(super) struct Thinking {
    pub id: RequestId,
    /// Frames so far, until they reach the cursor and replace what is shown.
    incoming: Option<Looking>,
}

/// What a pass of B was asked for; the same is not asked twice.
#[derive(Clone, PartialEq)]
pub(super) struct Asked {
    subject: Subject,
    clues: Grid,
    iterations: u32,
    interventions: Interventions,
}

impl Lab {
    /// Puts the puzzle on screen to B, as it was put to A.
    pub(in crate::ui) fn think_other(&mut self) {
        self.comparing.due = false;
        let Some(subject) = self.other_subject() else { return };
        let Some(weights) = self.weights(subject) else { return };
        let (name, shape, trained) = (weights.name(), weights.shape(), weights.trained);
        let clues = self.looking.clues().clone();
        // A recording of B that is on its way may be all that is needed.
        let coming = self.comparing.shipped().is_some_and(|n| self.assets.is_coming(&Asset::Traces(n.to_owned())));
        let waits = self.has_no_board() || (coming && self.link.owes(subject));
        if waits || shape != clues.shape() || !clues.is_consistent() {
            return;
        }
        let iterations = self.iterations.max(self.looking.last());
        // Weights that are still to be brought are not brought for what a recording answers as well.
        let answers = |s: &Looking| s.recorded && s.last() >= iterations && *s.clues() == clues;
        if self.link.owes(subject)
            && self.interventions == Interventions::default()
            && self.comparing.second.as_ref().is_some_and(answers)
        {
            return;
        }
        let asked = Asked { subject, clues, iterations, interventions: self.interventions };
        // Weights in training are others at every look.
        if subject != Subject::Training && self.comparing.asked.as_ref() == Some(&asked) {
            return;
        }
        let id = self.asks.id();
        let mut incoming = Looking::blank(self.looking.trace.puzzle.clone(), trained);
        incoming.trace.model = name;
        incoming.trace.interventions = self.interventions;
        self.comparing.thinking = Some(Thinking { id, incoming: Some(incoming) });
        if subject == Subject::Training {
            self.training.asked(self.now);
        }
        let Asked { clues, interventions, .. } = asked.clone();
        self.comparing.asked = Some(asked);
        self.link.send(Command::Think { request: id, subject, clues, iterations, interventions, disturbance: None });
    }

    /// Frames of B.
    pub(in crate::ui) fn other_frames(&mut self, step: Step, frames: Vec<Frame>, done: bool) {
        let cursor = self.asks.reach.unwrap_or(0).max(self.view.cursor());
        let c = &mut self.comparing;
        let Some(thinking) = c.thinking.as_mut() else { return };
        let fits = match (&mut thinking.incoming, &mut c.second) {
            (Some(incoming), _) => {
                incoming.trace.step = step;
                incoming.extend(frames)
            }
            (None, Some(second)) => second.extend(frames),
            (None, None) => false,
        };
        // As with A, the old picture stays until the new one has reached the cursor.
        let ready = thinking.incoming.as_ref().is_some_and(|i| {
            done || i.last() >= cursor || c.second.as_ref().is_none_or(|s| s.clues() != i.clues() || s.last() == 0)
        });
        if ready {
            c.second = thinking.incoming.take();
            // Read again: the frames before were of another pass.
            c.pair = None;
        }
        if done || !fits {
            c.thinking = None;
        }
        if !fits {
            self.toasts
                .error("The frames of B do not follow on each other; its answer was cut short.".into(), self.now);
        }
    }
}
