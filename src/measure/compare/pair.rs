//! Two passes over one board.

use serde::{Deserialize, Serialize};

use crate::measure::numbers::mean;
use crate::measure::record::blanks;
use crate::tasks::sudoku::Grid;
use crate::trace::{Frame, Trace};

/// Who is right in how many blank cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// Both.
    pub both: u32,
    /// The first alone.
    pub first: u32,
    /// The second alone.
    pub second: u32,
    /// Neither.
    pub neither: u32,
}

/// Two passes after the same number of iterations, over the cells that the puzzle leaves blank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRow {
    /// So many.
    pub iteration: u32,
    /// Cells whose most probable digits are not the same.
    pub differ: u32,
    /// Who is right; none where no solution is known.
    pub right: Option<Right>,
    /// Total variation between the cells' probabilities p and q, mean over the cells: ½ Σ |p − q|, from 0 (the
    /// same) to 1 (no digit in common).
    pub variation: f64,
    /// Jensen–Shannon divergence in nats, mean over the cells: ½ Σ p ln (p / m) + ½ Σ q ln (q / m) with
    /// m = ½ (p + q), from 0 to ln 2 = 0.693. Unlike Kullback–Leibler's it is the same both ways and never infinite.
    pub divergence: f64,
}

/// Two passes over one board, read as far as both have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Cells that the puzzle leaves blank.
    pub blanks: u32,
    /// One a common iteration, from 1.
    pub rows: Vec<PairRow>,
    #[serde(skip)]
    clues: Option<Grid>,
    #[serde(skip)]
    solution: Option<Grid>,
}

impl Pair {
    /// Reads two traces.
    ///
    /// # Errors
    /// They are of different puzzles.
    pub fn of(first: &Trace, second: &Trace) -> Result<Self, String> {
        let mut it = Self { blanks: 0, rows: Vec::new(), clues: None, solution: None };
        it.extend(first, second)?;
        Ok(it)
    }

    /// Reads what has come since; begins again where the puzzle, its solution or a frame count is another.
    ///
    /// # Errors
    /// As [`Pair::of`]; what was read before is gone.
    pub fn extend(&mut self, first: &Trace, second: &Trace) -> Result<(), String> {
        let clues = &first.puzzle.clues;
        let solution = first.puzzle.solution.as_ref().or(second.puzzle.solution.as_ref());
        let common = first.frames.len().min(second.frames.len());
        if self.clues.as_ref() != Some(clues) || self.solution.as_ref() != solution || self.rows.len() > common {
            *self = Self {
                blanks: blanks(clues).len() as u32,
                rows: Vec::new(),
                clues: Some(clues.clone()),
                solution: solution.cloned(),
            };
        }
        if *clues != second.puzzle.clues {
            self.rows.clear();
            return Err("the two passes are of different puzzles; only passes of the same one can be compared".into());
        }
        let cells = blanks(clues);
        let pairs = first.frames.iter().zip(&second.frames).skip(self.rows.len());
        self.rows.extend(pairs.map(|(a, b)| row(&cells, solution, a, b)));
        Ok(())
    }

    /// The first iteration from which the answers are the same up to the last one read; none where they differ in
    /// the end, or nothing was read.
    #[must_use]
    pub fn agreed(&self) -> Option<u32> {
        let same = self.rows.iter().rev().take_while(|r| r.differ == 0).last();
        same.map(|r| r.iteration)
    }

    /// The first iteration with a cell whose answers differ.
    #[must_use]
    pub fn parted(&self) -> Option<u32> {
        self.rows.iter().find(|r| r.differ > 0).map(|r| r.iteration)
    }

    /// The row of an iteration from 1.
    #[must_use]
    pub fn row(&self, iteration: u32) -> Option<&PairRow> {
        (iteration as usize).checked_sub(1).and_then(|i| self.rows.get(i))
    }

    /// One sentence on the answers.
    #[must_use]
    pub fn verdict(&self) -> String {
        let Some(last) = self.rows.last() else { return "There is no iteration that both have.".into() };
        match (self.parted(), self.agreed()) {
            (None, _) => format!("The answers are the same in all {} iterations.", self.rows.len()),
            (Some(_), Some(agreed)) if agreed == last.iteration => {
                format!("The answers differ until the last iteration, {agreed}, and are the same there.")
            }
            (Some(_), Some(agreed)) => {
                format!("The answers are the same from iteration {agreed} to the last, {}.", last.iteration)
            }
            (Some(_), None) => {
                let before = self.rows.iter().rev().take_while(|r| r.differ > 0).last().map_or(1, |r| r.iteration);
                format!(
                    "In the end, at iteration {}, {} of {} cells differ; the answers have differed since iteration {before}.",
                    last.iteration, last.differ, self.blanks
                )
            }
        }
    }
}

fn row(cells: &[usize], solution: Option<&Grid>, first: &Frame, second: &Frame) -> PairRow {
    let mut differ = 0;
    let mut right = Right::default();
    let (mut variation, mut divergence) = (0.0, 0.0);
    for cell in cells {
        let digits = [first, second].map(|f| f.digits.get(*cell).copied().unwrap_or(0));
        differ += u32::from(digits[0] != digits[1]);
        if let Some(solution) = solution {
            let count = match digits.map(|d| d == solution.get(*cell)) {
                [true, true] => &mut right.both,
                [true, false] => &mut right.first,
                [false, true] => &mut right.second,
                [false, false] => &mut right.neither,
            };
            *count += 1;
        }
        for (p, q) in first.cell(*cell).iter().zip(second.cell(*cell)) {
            let (p, q) = (f64::from(p.get()), f64::from(q.get()));
            variation += 0.5 * (p - q).abs();
            divergence += part(p, q);
        }
    }
    let n = cells.len() as u64;
    PairRow {
        iteration: first.iteration.0,
        differ,
        right: solution.map(|_| right),
        variation: mean(variation, n).min(1.0),
        // Rounding may leave a hair below zero.
        divergence: mean(divergence, n).clamp(0.0, std::f64::consts::LN_2),
    }
}

/// What one digit adds to the Jensen–Shannon divergence.
fn part(p: f64, q: f64) -> f64 {
    let m = 0.5 * (p + q);
    let side = |x: f64| if x > 0.0 { 0.5 * x * (x / m).ln() } else { 0.0 };
    // In an order that does not depend on which is first, so that a swap changes no bit.
    side(p.min(q)) + side(p.max(q))
}
