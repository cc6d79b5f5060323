//! Rules that decide, without the solution, after which iteration to answer (`specs/sudoku.md` §5.5), and what
//! each of them solves and costs. Smoothed feedback (rule 4 there) changes the pass and is not here.
//!
//! The spec counts iterations from 0, this project from 1. `from` always is the first iteration whose answer may be
//! given; in the original it is 17 for all of its rules, the first one beyond the trained 16.

mod rule;

pub use rule::{Choice, Rule};

use serde::{Deserialize, Serialize};

use super::numbers::{Part, Split, Spread, tick};
use super::record::Record;
use super::timeline::each;
use crate::tasks::sudoku::Puzzle;

/// What a rule comes to on some boards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Boards whose chosen answer is right.
    pub solved: Part,
    /// Boards that are solved after some iteration of the pass and whose chosen answer is wrong: what is lost
    /// against the oracle.
    pub missed: u32,
    /// Boards on which the rule came to no decision, so that the last answer was given.
    pub undecided: u32,
    /// Iterations that are run before the answer is known, a number a board; none of no boards.
    pub spent: Option<Spread>,
    /// Iterations in all.
    pub spent_in_all: u64,
}

/// A rule and what it comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which.
    pub rule: Rule,
    /// Of all boards, and by difficulty.
    pub tallies: Split<Tally>,
    /// Boards that were answered with the answer of iteration 1, 2, …, T.
    pub chosen: Vec<u32>,
}

/// Rules compared on one pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// Boards.
    pub boards: u32,
    /// T, the iterations of the pass.
    pub iterations: u32,
    /// Iterations that the model was trained with.
    pub trained: u32,
    /// A rule each, in the order asked for.
    pub outcomes: Vec<Outcome>,
    /// Boards that are solved after iteration 1, 2, …, T: what answering them all at once would solve.
    pub solved: Vec<u32>,
}

/// What is gathered of a rule.
#[derive(Clone, Default)]
struct Gathered {
    solved: u32,
    missed: u32,
    undecided: u32,
    spent: Vec<u32>,
}

impl Gathered {
    fn tally(self) -> Tally {
        Tally {
            solved: Part::new(self.solved, self.spent.len() as u32),
            missed: self.missed,
            undecided: self.undecided,
            spent_in_all: self.spent.iter().map(|n| u64::from(*n)).sum(),
            spent: Spread::of(self.spent),
        }
    }
}

/// Puts rules to a pass of `iterations` over the puzzles, with a model that was trained with `trained`. The pass
/// should be one that no board leaves: one that did keeps its last answer and its last numbers, and no rule can
/// look behind them.
///
/// # Errors
/// No puzzle, no iteration, a puzzle without a solution, or a record that is none of its puzzle.
pub fn stopping(
    puzzles: &[Puzzle],
    records: &[Record],
    iterations: u32,
    trained: u32,
    rules: &[Rule],
) -> Result<Stopping, String> {
    // Checked by `each` too, but lists of this length are made before it.
    let length = if puzzles.is_empty() { 0 } else { iterations as usize };
    let mut gathered = vec![Split::<Gathered>::default(); rules.len()];
    let mut chosen = vec![vec![0; length]; rules.len()];
    let mut solved = vec![0; length];
    each(puzzles, records, iterations, |line| {
        for t in line.all().filter(|t| line.solved(*t)) {
            tick(&mut solved, t);
        }
        let ever = line.first_solved().is_some();
        for ((rule, gathered), chosen) in rules.iter().zip(&mut gathered).zip(&mut chosen) {
            let choice = rule.choose(line, trained);
            let right = line.solved(choice.answer);
            tick(chosen, choice.answer);
            gathered.add(line.bucket, |g| {
                g.solved += u32::from(right);
                g.missed += u32::from(ever && !right);
                g.undecided += u32::from(!choice.decided);
                g.spent.push(choice.spent);
            });
        }
        Ok(())
    })?;
    let outcomes = rules.iter().zip(gathered).zip(chosen).map(|((rule, gathered), chosen)| Outcome {
        rule: *rule,
        tallies: gathered.map(Gathered::tally),
        chosen,
    });
    Ok(Stopping { boards: puzzles.len() as u32, iterations, trained, outcomes: outcomes.collect(), solved })
}

#[cfg(test)]
mod tests;
