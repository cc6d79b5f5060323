//! Whether solutions are fixed points (`specs/sudoku.md` §5.4): of the arg-max of the blank cells, not of the state,
//! which may go on growing.
//!
//! Cold: a pass that starts from the solution ([`super::Start::from_solution`]): does it stay? Warm: a pass that
//! goes on after many iterations: does the answer stay, cell by cell? The published warm test compared no more than
//! the set of solved boards, so a board that was not solved could change as it liked, and what it shows is that the
//! solved ones stay solved.

use serde::{Deserialize, Serialize};

use super::numbers::{Part, Split, mean, share_or_one};
use super::record::Record;
use super::timeline::{Timeline, at, each};
use crate::tasks::sudoku::Puzzle;

/// A cold start after one iteration, over all boards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColdMoment {
    /// Which, from 1.
    pub iteration: u32,
    /// Blank cells that are still right, or right again, as a share of all, 0..=1. 1 without any.
    pub right: f64,
    /// Boards whose blank cells all are.
    pub perfect: Part,
    /// Largest probability of a blank cell, mean over the blank cells of all boards. 1 without any.
    pub confidence: f64,
    /// Blank cells that differ from the iteration before, mean over the boards. Before iteration 1 is the solution.
    pub flips: f64,
}

/// What the first iteration makes of the solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFlips {
    /// Boards.
    pub boards: u32,
    /// Their blank cells.
    pub cells: u64,
    /// Of these, those that are no longer right.
    pub flipped: u64,
    /// Boards without such a cell.
    pub perfect: u32,
}

/// A whole cold start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cold {
    /// Boards.
    pub boards: u32,
    /// An entry an iteration.
    pub moments: Vec<ColdMoment>,
    /// After the first iteration, of all boards and by difficulty.
    pub first: Split<FirstFlips>,
}

/// Reads a pass of `iterations` that started from the solutions. Which confidence flipped cells have, and how far
/// their digit moved, which the original told too, is not in a record.
///
/// # Errors
/// No puzzle, no iteration, a puzzle without a solution, or a record that is none of its puzzle.
pub fn cold(puzzles: &[Puzzle], records: &[Record], iterations: u32) -> Result<Cold, String> {
    let length = if puzzles.is_empty() { 0 } else { iterations as usize };
    // Right cells, perfect boards, confidence, flips.
    let mut sums = vec![(0_u64, 0_u32, 0.0_f64, 0_u64); length];
    let mut first = Split::<FirstFlips>::default();
    let mut cells = 0;
    each(puzzles, records, iterations, |line| {
        let blanks = line.blanks.len() as u64;
        cells += blanks;
        let flipped = blanks - u64::from(line.right_cells(1));
        for ((right, perfect, confidence, flips), t) in sums.iter_mut().zip(1..) {
            *right += u64::from(line.right_cells(t));
            *perfect += u32::from(line.solved(t));
            *confidence += f64::from(line.confidence(t)) * blanks as f64;
            *flips += if t == 1 { flipped } else { u64::from(at(&line.flips, t).unwrap_or(0)) };
        }
        first.add(line.bucket, |f| {
            f.boards += 1;
            f.cells += blanks;
            f.flipped += flipped;
            f.perfect += u32::from(flipped == 0);
        });
        Ok(())
    })?;
    let boards = puzzles.len() as u32;
    let moments = sums.into_iter().zip(1..).map(|((right, perfect, confidence, flips), iteration)| ColdMoment {
        iteration,
        right: share_or_one(right, cells),
        perfect: Part::new(perfect, boards),
        confidence: if cells == 0 { 1.0 } else { mean(confidence, cells) },
        flips: mean(flips as f64, boards.into()),
    });
    Ok(Cold { boards, moments: moments.collect(), first })
}

/// What a board does after iteration t0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Move {
    /// Solved at t0, and no blank cell ever changes after it.
    StaysRight,
    /// Not solved at t0, and no blank cell ever changes after it.
    StaysWrong,
    /// Solved at t0; it changes, and is solved at the end.
    MovesAndReturns,
    /// Solved at t0; it changes, and is not solved at the end.
    MovesAway,
    /// Not solved at t0, and it changes.
    WrongAndMoves,
}

impl Move {
    fn of(line: &Timeline, after: u32) -> Self {
        let changes = line.last_change() > after;
        match (line.solved(after), changes) {
            (true, false) => Self::StaysRight,
            (false, false) => Self::StaysWrong,
            (true, true) if line.solved(line.iterations()) => Self::MovesAndReturns,
            (true, true) => Self::MovesAway,
            (false, true) => Self::WrongAndMoves,
        }
    }
}

/// Boards by what they do after iteration t0; the first five add up to all boards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// [`Move::StaysRight`].
    pub stays_right: u32,
    /// [`Move::StaysWrong`].
    pub stays_wrong: u32,
    /// [`Move::MovesAndReturns`].
    pub moves_and_returns: u32,
    /// [`Move::MovesAway`].
    pub moves_away: u32,
    /// [`Move::WrongAndMoves`].
    pub wrong_and_moves: u32,
    /// Of the last, those that are solved at the end.
    pub wrong_then_solved: u32,
    /// Blank cells.
    pub cells: u64,
    /// Of these, those that ever change after t0.
    pub cells_changed: u64,
}

impl Moves {
    /// The five kinds with a name.
    #[must_use]
    pub fn named(self) -> [(&'static str, u32); 5] {
        [
            ("stays right", self.stays_right),
            ("stays wrong", self.stays_wrong),
            ("moves and returns", self.moves_and_returns),
            ("moves away", self.moves_away),
            ("wrong and moves", self.wrong_and_moves),
        ]
    }

    /// All boards.
    #[must_use]
    pub fn boards(self) -> u32 {
        self.named().iter().map(|(_, n)| n).sum()
    }

    /// The share of blank cells that ever change after t0, 0..=1; 0 without any.
    #[must_use]
    pub fn changed_share(self) -> f64 {
        mean(self.cells_changed as f64, self.cells)
    }
}

/// How far the answers are from those at t0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WarmMoment {
    /// Which, from t0 + 1.
    pub iteration: u32,
    /// Blank cells with the digit that they had at t0, as a share of all, 0..=1. 1 without any.
    pub same_cells: f64,
    /// Boards with the answer that they had at t0.
    pub same_boards: u32,
    /// Boards that are solved.
    pub solved: u32,
}

/// A whole warm test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warm {
    /// Boards.
    pub boards: u32,
    /// t0.
    pub after: u32,
    /// The last iteration.
    pub iterations: u32,
    /// Boards that are solved at t0.
    pub solved: u32,
    /// An entry for each iteration after t0.
    pub moments: Vec<WarmMoment>,
    /// Of all boards, and by difficulty.
    pub moves: Split<Moves>,
}

/// Reads what a pass of `iterations` does after iteration `after`.
///
/// # Errors
/// No puzzle, no iteration after `after`, a puzzle without a solution, or a record that is none of its puzzle.
pub fn warm(puzzles: &[Puzzle], records: &[Record], after: u32, iterations: u32) -> Result<Warm, String> {
    if after == 0 || after >= iterations {
        return Err(format!("there must be iterations before and after {after} in a pass of {iterations}"));
    }
    let length = if puzzles.is_empty() { 0 } else { (iterations - after) as usize };
    let mut sums = vec![(0_u64, 0_u32, 0_u32); length];
    let mut moves = Split::<Moves>::default();
    let mut solved = 0;
    each(puzzles, records, iterations, |line| {
        solved += u32::from(line.solved(after));
        let mut then: Vec<u8> = Vec::new();
        let mut changed = vec![false; line.blanks.len()];
        line.walk(|t, digits| {
            if t == after {
                then = digits.to_vec();
            }
            if t <= after {
                return;
            }
            let mut same = 0;
            for ((changed, before), now) in changed.iter_mut().zip(&then).zip(digits) {
                same += u64::from(before == now);
                *changed |= before != now;
            }
            if let Some((cells, boards, solved)) = sums.get_mut((t - after) as usize - 1) {
                *cells += same;
                *boards += u32::from(same == then.len() as u64);
                *solved += u32::from(line.solved(t));
            }
        });
        let end = line.solved(iterations);
        let kind = Move::of(line, after);
        moves.add(line.bucket, |m| {
            m.cells += changed.len() as u64;
            m.cells_changed += changed.iter().filter(|c| **c).count() as u64;
            m.wrong_then_solved += u32::from(kind == Move::WrongAndMoves && end);
            *match kind {
                Move::StaysRight => &mut m.stays_right,
                Move::StaysWrong => &mut m.stays_wrong,
                Move::MovesAndReturns => &mut m.moves_and_returns,
                Move::MovesAway => &mut m.moves_away,
                Move::WrongAndMoves => &mut m.wrong_and_moves,
            } += 1;
        });
        Ok(())
    })?;
    let cells = moves.all.cells;
    let moments = sums.into_iter().zip(after + 1..).map(|((same, same_boards, solved), iteration)| WarmMoment {
        iteration,
        same_cells: share_or_one(same, cells),
        same_boards,
        solved,
    });
    Ok(Warm { boards: puzzles.len() as u32, after, iterations, solved, moments: moments.collect(), moves })
}

#[cfg(test)]
mod tests;
