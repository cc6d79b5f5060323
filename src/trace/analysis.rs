//! What can be read from a trace: curves over the iterations, events on the timeline, one verdict.
//!
//! Everything here is about the arg-max answer of the cells that the puzzle leaves blank; only
//! `residual` and `state_norm` look at the state. An answer that no longer changes says nothing
//! about the state: it may still move, as the residual shows.

mod pattern;
mod verdict;

pub(crate) use pattern::{Answers, answer_hash};
pub use verdict::Verdict;

use super::{ControllerFrame, Frame, HaltingFrame, Iteration, Routing, Trace};
use crate::tasks::sudoku::{Grid, Shape};

/// Frames that must follow, unchanged, before an answer counts as settled, and that must stay
/// unsolved before a solution counts as gone for good.
pub const LASTING: usize = 3;
/// Frames for which an unsolved answer must stay far below its best to count as collapsed.
pub const COLLAPSE_FRAMES: usize = 8;
/// The longest period that is looked for.
pub const LONGEST_PERIOD: usize = 64;

/// The curves of a trace. Index i of every list is iteration i + 1; all lists are equally long.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// Mean entropy of the blank cells in nats, from 0 to ln n for n digits: mean over blanks of
    /// −Σ p ln p. 0 on a board without blanks.
    pub entropy: Vec<f32>,
    /// Mean over the blank cells of the largest probability, 1/n to 1. 1 on a board without blanks.
    pub confidence: Vec<f32>,
    /// ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖ over the whole board, as recorded.
    pub residual: Vec<f32>,
    /// Blank cells whose arg-max changed since the frame before; 0 for the first.
    pub flips: Vec<u32>,
    /// Mean over all cells of the Euclidean norm of the state; not a number where one is none.
    pub state_norm: Vec<f32>,
    /// Blank cells that agree with the solution; none where no solution is known.
    pub correct: Vec<Option<u32>>,
    /// Whether the answer is full, obeys the rules and keeps the clues. For a puzzle with exactly
    /// one solution this is the same as being solved.
    pub valid: Vec<bool>,
    /// Rows, columns and boxes in which a digit stands more than once.
    pub violations: Vec<u32>,
    /// Mean entropy of the heads' weights in nats, over blocks and all cells; none without a router.
    pub routing_entropy: Vec<Option<f32>>,
    /// Share of the cells that have halted; none where cells do not halt.
    pub halted: Vec<Option<f32>>,
    /// The controller's state; none without a controller.
    pub controller: Vec<Option<ControllerFrame>>,
    clues: Grid,
    solution: Option<Grid>,
    blanks: Vec<usize>,
    /// Of the blank cells' digits in each frame; equal hashes count as equal answers.
    hashes: Vec<u64>,
    /// The blank cells' digits in the last frame.
    last: Vec<u8>,
}

/// Something that happened at an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub iteration: Iteration,
    /// What.
    pub kind: EventKind,
}

/// What can happen. All of it is said of the frames recorded so far: a trace that goes on may
/// take back `Settled`, `Cycle` and `Collapsed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The first iteration whose answer is a valid solution of the clues.
    FirstSolved,
    /// The first unsolved iteration after a solved one, where the solution is found again later or
    /// too few frames follow to call it a collapse. Inside a cycle it is not repeated.
    LostSolution,
    /// From here to the end of the trace no blank cell's arg-max changes, and at least [`LASTING`]
    /// more frames were seen. It is the answer that settled, not the state.
    Settled,
    /// From here to the end of the trace the answers repeat with this period, for at least two full
    /// periods, and they are not all equal.
    Cycle {
        /// Iterations in a period, from 2 to [`LONGEST_PERIOD`]: that of the longest repeating end
        /// of the trace, the smallest on a tie.
        period: u32,
    },
    /// It was solved before, and from here to the end of the trace, for more than [`LASTING`]
    /// frames, it is not, nor is the solution part of a cycle. Or it never was solved, and from here
    /// to the end, for at least [`COLLAPSE_FRAMES`] frames, at least a quarter of the blank cells
    /// fewer are right than at its best.
    Collapsed,
    /// From here on a cell's state norm is infinite or no number. No event is told of later answers.
    NotFinite,
}

impl Curves {
    /// The curves of all frames recorded so far.
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        let mut curves = Self::new(trace);
        curves.extend(trace);
        curves
    }

    /// No frames yet; takes the puzzle from the trace.
    #[must_use]
    pub fn new(trace: &Trace) -> Self {
        let clues = trace.puzzle.clues.clone();
        let blanks = (0..clues.shape().cells()).filter(|&c| clues.get(c) == 0).collect();
        Self {
            entropy: Vec::new(),
            confidence: Vec::new(),
            residual: Vec::new(),
            flips: Vec::new(),
            state_norm: Vec::new(),
            correct: Vec::new(),
            valid: Vec::new(),
            violations: Vec::new(),
            routing_entropy: Vec::new(),
            halted: Vec::new(),
            controller: Vec::new(),
            solution: trace.puzzle.solution.clone().filter(|s| s.shape() == clues.shape()),
            clues,
            blanks,
            hashes: Vec::new(),
            last: Vec::new(),
        }
    }

    /// Reads the frames that were added since the last call; costs nothing for those read before.
    /// A trace of another puzzle, or a shorter one, is read from its beginning.
    pub fn extend(&mut self, trace: &Trace) {
        let same = trace.puzzle.clues == self.clues && trace.puzzle.solution == self.solution;
        if !same || trace.frames.len() < self.len() {
            *self = Self::new(trace);
        }
        for frame in trace.frames.get(self.len()..).unwrap_or(&[]) {
            self.push(frame);
        }
    }

    /// Reads the next frame.
    pub fn push(&mut self, frame: &Frame) {
        let mean = |values: &mut dyn Iterator<Item = f32>, none: f32| {
            let (mut sum, mut count) = (0.0, 0u32);
            for v in values {
                sum += f64::from(v);
                count += 1;
            }
            if count == 0 { none } else { (sum / f64::from(count)) as f32 }
        };
        self.entropy.push(mean(&mut self.blanks.iter().map(|&c| frame.entropy(c)), 0.0));
        self.confidence.push(mean(&mut self.blanks.iter().map(|&c| frame.confidence(c)), 1.0));
        self.state_norm.push(mean(&mut frame.state_norm.iter().copied(), f32::NAN));
        self.residual.push(frame.residual);
        self.routing_entropy.push(frame.routing.as_ref().map(Routing::entropy));
        self.halted.push(frame.halting.as_ref().map(HaltingFrame::share));
        self.controller.push(frame.controller);

        // A frame that does not fit the board reads as blank there, and so as unsolved.
        let digit = |cell: usize| frame.digits.get(cell).copied().unwrap_or(0);
        let digits: Vec<u8> = self.blanks.iter().map(|&c| digit(c)).collect();
        let flips = self.last.iter().zip(&digits).filter(|(a, b)| a != b).count();
        self.flips.push(flips as u32);
        self.correct.push(
            self.solution.as_ref().map(|solution| {
                self.blanks.iter().zip(&digits).filter(|(c, d)| solution.get(**c) == **d).count() as u32
            }),
        );
        let mut answer = self.clues.cells().to_vec();
        for (cell, digit) in self.blanks.iter().zip(&digits) {
            answer[*cell] = *digit;
        }
        let violations = violations(self.clues.shape(), &answer);
        let side = self.clues.shape().side();
        let full = answer.iter().all(|d| (1..=side).contains(&usize::from(*d)));
        self.violations.push(violations);
        self.valid.push(full && violations == 0);
        self.hashes.push(answer_hash(&digits));
        self.last = digits;
    }

    /// Iterations read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flips.len()
    }

    /// Whether nothing was read yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flips.is_empty()
    }

    /// Cells that the puzzle leaves blank.
    #[must_use]
    pub fn blanks(&self) -> u32 {
        self.blanks.len() as u32
    }

    /// The largest possible entropy of a cell in nats: ln n for n digits.
    #[must_use]
    pub fn most_entropy(&self) -> f32 {
        (self.clues.shape().side() as f32).ln()
    }

    /// Whether the answer at an iteration is a valid solution; `false` beyond what was read.
    #[must_use]
    pub fn solved(&self, iteration: Iteration) -> bool {
        (iteration.0 as usize).checked_sub(1).and_then(|i| self.valid.get(i)).copied().unwrap_or(false)
    }

    /// What happened, in order of iterations. Linear in the number of frames; not stored.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut add = |index: usize, kind| events.push(Event { iteration: Iteration(index as u32 + 1), kind });
        let answers = self.answers();
        let cycle = answers.cycle();
        let collapsed = answers.collapsed(cycle);
        if let Some(i) = self.valid.iter().position(|v| *v) {
            add(i, EventKind::FirstSolved);
        }
        for i in 1..self.len() {
            let in_cycle = cycle.is_some_and(|(start, period)| i > start + period);
            if self.valid[i - 1] && !self.valid[i] && !in_cycle && collapsed != Some(i) {
                add(i, EventKind::LostSolution);
            }
        }
        // A cycle was seen twice over, so it outweighs a pause inside it.
        match cycle {
            Some((start, period)) => add(start, EventKind::Cycle { period: period as u32 }),
            None => {
                if let Some(i) = answers.settled() {
                    add(i, EventKind::Settled);
                }
            }
        }
        if let Some(i) = collapsed {
            add(i, EventKind::Collapsed);
        }
        if let Some(i) = self.state_norm.iter().position(|n| !n.is_finite()) {
            add(i, EventKind::NotFinite);
            events.retain(|e| e.iteration.0 as usize <= i + 1);
        }
        events.sort_by_key(|e| e.iteration);
        events
    }

    /// One sentence or two on the whole trace.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self)
    }

    /// What patterns are looked for in.
    fn answers(&self) -> Answers<'_> {
        let Self { flips, hashes, valid, correct, .. } = self;
        Answers { flips, hashes, valid, correct, blanks: self.blanks() }
    }
}

/// Rows, columns and boxes that hold a digit twice.
pub(crate) fn violations(shape: Shape, answer: &[u8]) -> u32 {
    let broken = |unit| {
        let mut seen = 0u64;
        shape.unit_cells(unit).any(|cell| {
            let digit = answer.get(cell).copied().unwrap_or(0);
            let bit = 1u64.checked_shl(u32::from(digit)).unwrap_or(0);
            let twice = digit != 0 && seen & bit != 0;
            seen |= bit;
            twice
        })
    };
    shape.units().filter(|unit| broken(*unit)).count() as u32
}

#[cfg(test)]
mod tests;
