//! The trace under the microscope, with what was read from it.

use super::icons::Icon;
use super::theme::Palette;
use super::words::thousands;
use crate::measure::Disturbance;
use crate::tasks::sudoku::{Grid, Puzzle};
use crate::trace::{Curves, EventKind, Frame, Iteration, Step, Trace};
use eframe::egui::Color32;

/// Something worth a mark on the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub iteration: u32,
    /// What.
    pub kind: EventKind,
    /// In words.
    pub text: String,
}

impl Mark {
    /// How it is painted.
    #[must_use]
    pub fn icon(&self) -> Icon {
        match self.kind {
            EventKind::FirstSolved => Icon::Star,
            EventKind::Settled => Icon::Settled,
            EventKind::Cycle { .. } => Icon::Loop,
            _ => Icon::Cross,
        }
    }

    /// Its colour.
    #[must_use]
    pub fn color(&self, p: &Palette) -> Color32 {
        match self.kind {
            EventKind::FirstSolved => p.right,
            EventKind::Settled => p.ink,
            EventKind::Cycle { .. } => p.flips,
            _ => p.wrong,
        }
    }
}

/// A trace and its curves.
#[derive(Clone, Debug)]
pub struct Looking {
    /// The frames.
    pub trace: Trace,
    /// Curves over the iterations.
    pub curves: Curves,
    /// Marks in order of iterations.
    pub marks: Vec<Mark>,
    /// A sentence or two on the whole.
    pub verdict: String,
    /// Whether it is a recording rather than an answer of the engine.
    pub recorded: bool,
    /// What was disturbed on the way.
    pub disturbance: Option<Disturbance>,
}

impl Looking {
    /// Reads a trace.
    #[must_use]
    pub fn new(trace: Trace, recorded: bool) -> Self {
        let curves = Curves::new(&trace);
        let (marks, verdict) = (Vec::new(), String::new());
        let mut it = Self { curves, trace, marks, verdict, recorded, disturbance: None };
        it.read();
        it
    }

    /// Clues without any frame.
    #[must_use]
    pub fn blank(puzzle: Puzzle, trained: u32) -> Self {
        Self::new(
            Trace {
                puzzle,
                model: String::new(),
                trained_iterations: trained,
                step: Step(0),
                interventions: crate::config::Interventions::default(),
                frames: Vec::new(),
            },
            false,
        )
    }

    /// Adds frames that follow on those there are; returns whether they fitted.
    pub fn extend(&mut self, frames: Vec<Frame>) -> bool {
        let shape = self.trace.shape();
        for frame in frames {
            if frame.iteration.0 as usize != self.trace.frames.len() + 1 || !frame.fits(shape) {
                return false;
            }
            self.trace.frames.push(frame);
        }
        self.read();
        true
    }

    /// Tells it the solution, once the solver has found it.
    pub fn solved_by(&mut self, solution: Option<Grid>) {
        if self.trace.puzzle.solution != solution {
            self.trace.puzzle.solution = solution;
            self.read();
        }
    }

    fn read(&mut self) {
        self.curves.extend(&self.trace);
        self.marks = self
            .curves
            .events()
            .into_iter()
            .map(|e| {
                let t = thousands(u64::from(e.iteration.0));
                let text = match e.kind {
                    EventKind::FirstSolved => format!("first solved at iteration {t}"),
                    EventKind::LostSolution => format!("solution lost at iteration {t}"),
                    EventKind::Settled => format!("settled from iteration {t}"),
                    EventKind::Cycle { period } => format!("repeats every {period} iterations from iteration {t}"),
                    EventKind::Collapsed => format!("collapsed at iteration {t}"),
                    EventKind::NotFinite => format!("the state is not finite from iteration {t}"),
                };
                Mark { iteration: e.iteration.0, kind: e.kind, text }
            })
            .collect();
        self.verdict = self.curves.verdict().to_string();
    }

    /// The last iteration there is.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.trace.last().0
    }

    /// The clues.
    #[must_use]
    pub fn clues(&self) -> &Grid {
        &self.trace.puzzle.clues
    }

    /// The frame at the cursor.
    #[must_use]
    pub fn frame(&self, iteration: u32) -> Option<&Frame> {
        self.trace.frame(Iteration(iteration))
    }

    /// Whether an answer is right, where a solution is known and the cell is not given.
    #[must_use]
    pub fn is_right(&self, cell: usize, iteration: u32) -> Option<bool> {
        let solution = self.trace.puzzle.solution.as_ref()?;
        let frame = self.frame(iteration)?;
        Some(solution.get(cell) == *frame.digits.get(cell)?)
    }

    /// Iterations since the answer of a cell last changed, if it did within the last eight.
    #[must_use]
    pub fn since_flip(&self, cell: usize, iteration: u32) -> Option<u32> {
        (0..8).find(|back| {
            let Some(t) = iteration.checked_sub(*back).filter(|t| *t >= 2) else { return false };
            match (self.frame(t), self.frame(t - 1)) {
                (Some(a), Some(b)) => a.digits.get(cell) != b.digits.get(cell),
                _ => false,
            }
        })
    }
}
