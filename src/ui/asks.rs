//! Questions put to the engine, and a pass's frames on their way back.

use super::app::{Lab, MOST_ITERATIONS};
use super::looking::Looking;
use crate::engine::protocol::{Command, RequestId, Subject};
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

    /// Whether this is the question that the pass on its way answers.
    pub fn thinks(&self, request: RequestId) -> bool {
        self.thinking.as_ref().is_some_and(|t| t.id == request)
    }

    /// Seconds until what is due is to be asked, while something is: at most 0 if now.
    pub fn due_in(&self, now: f64) -> Option<f64> {
        let pause = if self.is_thinking() { DRAG_PAUSE - (now - self.sent_at) } else { 0.0 };
        self.due.then_some(pause)
    }

    /// The pass on its way will not come.
    pub fn unanswered(&mut self) {
        self.thinking = None;
        self.reach = None;
    }

    /// An answer about attention; it counts if it is the one to the last question.
    pub fn attends(&mut self, request: RequestId, attention: Attention) {
        if self.attend.is_some_and(|(id, ..)| id == request) {
            self.attention = Some(attention);
        }
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

    /// Puts the puzzle on screen to the weights, if they can take it.
    pub(super) fn think(&mut self) {
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

    /// Takes the time of frames.
    pub(super) fn clock(&mut self, request: RequestId, count: usize, seconds: f64) {
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

    /// Takes frames of a pass.
    pub(super) fn frames(&mut self, request: RequestId, step: Step, frames: Vec<Frame>, done: bool) {
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
}
