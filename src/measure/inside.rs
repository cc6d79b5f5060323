//! What happens inside a pass, and what is wrong where it fails (`specs/sudoku.md` §5.6).

mod ending;
mod failures;

pub use ending::{Ending, Endings};
pub use failures::{Duplicates, Failures, WrongCell};

use serde::{Deserialize, Serialize};

use super::numbers::{Split, mean, share_or_one, tick};
use super::record::Record;
use super::timeline::{Timeline, each};
use crate::tasks::sudoku::Puzzle;

/// What is true after one iteration, over all boards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Which, from 1.
    pub iteration: u32,
    /// Right blank cells, as a share of all blank cells, 0..=1: the published cell accuracy. 1 without any.
    pub right: f64,
    /// Boards that are solved.
    pub solved: u32,
    /// Boards that are solved and were not an iteration before.
    pub gained: u32,
    /// Boards that are not solved and were an iteration before.
    pub lost: u32,
    /// Boards that are solved or were after some earlier iteration.
    pub ever: u32,
    /// Of these, those that no longer are.
    pub ever_lost: u32,
    /// Largest probability of a blank cell, mean over the blank cells of all boards. 1 without any.
    pub confidence: f64,
    /// Boards of which a blank cell changed in it; none in the first.
    pub changed: u32,
    /// Blank cells that changed in it, mean over the boards.
    pub flips: f64,
}

/// When boards changed for the last time: boards by the iteration 1, 2, …, T; iteration 1 where none changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastChange {
    /// Of those that are solved after iteration T.
    pub solved: Vec<u32>,
    /// Of the others.
    pub failed: Vec<u32>,
}

/// A whole reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// Boards.
    pub boards: u32,
    /// T, the iterations of the pass.
    pub iterations: u32,
    /// An entry an iteration.
    pub moments: Vec<Moment>,
    /// How often a board was solved and an iteration later was not.
    pub losses: u32,
    /// Boards that were solved for the first time after iteration 1, 2, …, T.
    pub first_solved: Vec<u32>,
    /// When boards changed for the last time.
    pub last_change: LastChange,
    /// How boards end.
    pub endings: Split<Endings>,
    /// Cycles at the end: the period in iterations, and how many boards have it.
    pub periods: Vec<(u32, u32)>,
    /// What is wrong after iteration T.
    pub failures: Failures,
}

/// Reads a pass of `iterations` over the puzzles, whose boards must have one shape. A board that left early keeps
/// its last answer and its last numbers, and so counts as settled on them: to know whether it would have stayed,
/// read a pass that no board leaves.
///
/// # Errors
/// No puzzle, no iteration, a puzzle without a solution or of another shape than the first, or a record that is
/// none of its puzzle.
pub fn inside(puzzles: &[Puzzle], records: &[Record], iterations: u32) -> Result<Inside, String> {
    let length = if puzzles.is_empty() { 0 } else { iterations as usize };
    let mut sums = vec![Sums::default(); length];
    let mut first_solved = vec![0; length];
    let mut last_change = LastChange { solved: vec![0; length], failed: vec![0; length] };
    let mut endings = Split::<Endings>::default();
    let mut periods = std::collections::BTreeMap::new();
    let mut failures = failures::Gathered::default();
    let mut cells = 0;
    each(puzzles, records, iterations, |line| {
        let end = line.solved(iterations);
        cells += line.blanks.len() as u64;
        for (sum, t) in sums.iter_mut().zip(1..) {
            sum.add(line, t);
        }
        if let Some(t) = line.first_solved() {
            tick(&mut first_solved, t);
        }
        tick(if end { &mut last_change.solved } else { &mut last_change.failed }, line.last_change());
        let ending = Ending::of(line);
        endings.add(line.bucket, |e| e.add(ending));
        if let Ending::Cycle { period } = ending {
            *periods.entry(period).or_insert(0) += 1;
        }
        failures.add(line)
    })?;
    let boards = puzzles.len() as u32;
    let mut ever = 0;
    let moments: Vec<Moment> = sums
        .into_iter()
        .zip(&first_solved)
        .zip(1..)
        .map(|((sum, first), iteration)| {
            ever += first;
            sum.moment(iteration, ever, cells, boards)
        })
        .collect();
    Ok(Inside {
        boards,
        iterations,
        losses: moments.iter().map(|m| m.lost).sum(),
        moments,
        first_solved,
        last_change,
        endings,
        periods: periods.into_iter().collect(),
        failures: failures.finish(),
    })
}

/// Sums over the boards of one iteration.
#[derive(Clone, Copy, Default)]
struct Sums {
    right: u64,
    solved: u32,
    gained: u32,
    lost: u32,
    confidence: f64,
    changed: u32,
    flips: u64,
}

impl Sums {
    fn add(&mut self, line: &Timeline, t: u32) {
        let (now, before) = (line.solved(t), t > 1 && line.solved(t - 1));
        let flips = super::timeline::at(&line.flips, t).unwrap_or(0);
        self.right += u64::from(line.right_cells(t));
        self.solved += u32::from(now);
        self.gained += u32::from(now && !before);
        self.lost += u32::from(before && !now);
        self.confidence += f64::from(line.confidence(t)) * line.blanks.len() as f64;
        self.changed += u32::from(flips > 0);
        self.flips += u64::from(flips);
    }

    fn moment(self, iteration: u32, ever: u32, cells: u64, boards: u32) -> Moment {
        Moment {
            iteration,
            right: share_or_one(self.right, cells),
            solved: self.solved,
            gained: self.gained,
            lost: self.lost,
            ever,
            ever_lost: ever - self.solved,
            confidence: if cells == 0 { 1.0 } else { mean(self.confidence, cells) },
            changed: self.changed,
            flips: mean(self.flips as f64, boards.into()),
        }
    }
}

#[cfg(test)]
mod tests;
