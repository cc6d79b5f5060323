//! Frames and traces: plain values, small enough to keep a thousand of them.

use serde::{Deserialize, Serialize};

use super::{ControllerFrame, HaltingFrame, Routing};
use crate::config::Interventions;
use crate::tasks::sudoku::{Grid, Puzzle, Shape};

/// One application of the looped blocks inside a forward pass, counted from 1; 0 is "before".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Iteration(pub u32);

/// One optimizer update; step k means that k updates were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Step(pub u32);

/// A probability in 1/65,535: enough for a screen and for entropy to three digits, at half the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Probability(pub u16);

impl Probability {
    /// Rounds a probability; what is no number becomes 0.
    #[must_use]
    pub fn from_f32(p: f32) -> Self {
        // `as` saturates and sends NaN to 0.
        Self((p * 65_535.0 + 0.5) as u16)
    }

    /// The probability.
    #[must_use]
    pub fn get(self) -> f32 {
        f32::from(self.0) / 65_535.0
    }
}

/// What was recorded of one iteration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Which iteration.
    pub iteration: Iteration,
    /// The arg-max digit of every cell, row-major, 1..=side, clue cells included (the model's own
    /// output there is never shown; see [`Trace::board`]).
    pub digits: Vec<u8>,
    /// Probability of every digit, `[cells × digits]` row-major.
    pub probabilities: Vec<Probability>,
    /// Euclidean norm of every cell's state, `[cells]`.
    pub state_norm: Vec<f32>,
    /// ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖ over the whole board.
    pub residual: f32,
    /// How the heads were weighed, where a router weighs them.
    pub routing: Option<Routing>,
    /// The controller's state, where there is a controller.
    pub controller: Option<ControllerFrame>,
    /// Who has halted, where cells can.
    pub halting: Option<HaltingFrame>,
}

/// The frames of one forward pass, and what they are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The puzzle, with its solution where it is known.
    pub puzzle: Puzzle,
    /// What the model is called.
    pub model: String,
    /// The iterations that it was trained with: the border on the timeline.
    pub trained_iterations: u32,
    /// Optimizer steps behind the weights.
    pub step: Step,
    /// What was changed in the forward pass.
    pub interventions: Interventions,
    /// Frames of iterations 1, 2, 3, …, without gaps.
    pub frames: Vec<Frame>,
}

impl Frame {
    /// Whether the sizes fit the board and every digit is one of its digits.
    #[must_use]
    pub fn fits(&self, shape: Shape) -> bool {
        let (cells, side) = (shape.cells(), shape.side());
        self.digits.len() == cells
            && self.probabilities.len() == cells * side
            && self.state_norm.len() == cells
            && self.digits.iter().all(|d| (1..=side).contains(&usize::from(*d)))
            && self.routing.as_ref().is_none_or(|r| {
                let of_a_block = cells * usize::from(r.heads);
                of_a_block > 0 && !r.weights.is_empty() && r.weights.len().is_multiple_of(of_a_block)
            })
            && self.halting.as_ref().is_none_or(|h| h.mass.len() == cells && h.halted.len() == cells)
    }

    /// Probabilities of one cell's digits, or nothing for a cell that is not on the board.
    #[must_use]
    pub fn cell(&self, cell: usize) -> &[Probability] {
        let side = if self.digits.is_empty() { 0 } else { self.probabilities.len() / self.digits.len() };
        self.probabilities.get(cell * side..(cell + 1) * side).unwrap_or(&[])
    }

    /// Probability of the arg-max digit.
    #[must_use]
    pub fn confidence(&self, cell: usize) -> f32 {
        self.cell(cell).iter().max().map_or(0.0, |p| p.get())
    }

    /// Entropy of a cell's digits in nats.
    #[must_use]
    pub fn entropy(&self, cell: usize) -> f32 {
        self.cell(cell).iter().map(|p| p.get()).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
    }
}

impl Trace {
    /// The board.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.puzzle.clues.shape()
    }

    /// The frame of an iteration; none for 0 and beyond what was recorded.
    #[must_use]
    pub fn frame(&self, iteration: Iteration) -> Option<&Frame> {
        (iteration.0 as usize).checked_sub(1).and_then(|i| self.frames.get(i))
    }

    /// The last iteration recorded.
    #[must_use]
    pub fn last(&self) -> Iteration {
        Iteration(self.frames.len() as u32)
    }

    /// The answer at an iteration: arg-max digits with the clues laid over them; the clues alone
    /// before the first iteration.
    #[must_use]
    pub fn board(&self, iteration: Iteration) -> Grid {
        let mut grid = self.puzzle.clues.clone();
        if let Some(frame) = self.frame(iteration) {
            for (cell, digit) in frame.digits.iter().enumerate() {
                if self.puzzle.clues.get(cell) == 0 {
                    // A digit that is not on the board stays a blank; files with one are refused when read.
                    let _ = grid.set(cell, *digit);
                }
            }
        }
        grid
    }
}
