//! A board's answers, iteration by iteration: what all measurements read.

use super::record::{Record, blanks, right_digits};
use crate::tasks::sudoku::{Bucket, Grid, Puzzle, Shape, rate};
use crate::trace::{Answers, answer_hash, violations};

/// A board's pass of exactly T iterations. Index i of every list is iteration i + 1.
///
/// A record that is shorter, since the board left early, keeps its last answer and its last numbers from then on;
/// of a longer one the first T iterations are read.
#[derive(Clone, Debug)]
pub(super) struct Timeline<'a> {
    /// Its difficulty; a puzzle without a rating is rated first.
    pub bucket: Bucket,
    pub shape: Shape,
    /// The cells that the puzzle leaves blank.
    pub blanks: Vec<usize>,
    /// The right digits of these.
    pub right: Vec<u8>,
    /// Their digits after iteration T.
    pub last: Vec<u8>,
    /// Blank cells that changed; 0 for the first iteration.
    pub flips: Vec<u32>,
    /// Blank cells that agree with the solution; always known.
    pub correct: Vec<Option<u32>>,
    /// Whether the answer is full, obeys the rules and keeps the clues.
    pub valid: Vec<bool>,
    /// Rows, columns and boxes that hold a digit twice.
    pub violations: Vec<u32>,
    hashes: Vec<u64>,
    clues: &'a Grid,
    record: &'a Record,
}

impl<'a> Timeline<'a> {
    /// Of one board; `number` from 1 is for the message.
    fn new(number: usize, puzzle: &'a Puzzle, record: &'a Record, iterations: u32) -> Result<Self, String> {
        let right = right_digits(puzzle).ok_or_else(|| format!("puzzle {number} has no solution beside it"))?;
        let blanks = blanks(&puzzle.clues);
        let run = record.residual.len();
        let fits = record.first.len() == blanks.len()
            && [&record.confidence, &record.entropy, &record.state_norm].iter().all(|l| l.len() == run);
        if run == 0 || !fits {
            return Err(format!("the record of puzzle {number} is empty or of another puzzle"));
        }
        let length = iterations as usize;
        let mut line = Self {
            bucket: Bucket::of(puzzle.rating.unwrap_or_else(|| rate(&puzzle.clues))),
            shape: puzzle.clues.shape(),
            last: record.first.clone(),
            flips: Vec::with_capacity(length),
            correct: Vec::with_capacity(length),
            valid: Vec::with_capacity(length),
            violations: Vec::with_capacity(length),
            hashes: Vec::with_capacity(length),
            clues: &puzzle.clues,
            blanks,
            right,
            record,
        };
        record.walk(|t, digits, flips| {
            if t <= iterations {
                line.push(digits, flips);
            }
        });
        line.flips.resize(length, 0);
        keep_last(&mut line.correct, length);
        keep_last(&mut line.valid, length);
        keep_last(&mut line.violations, length);
        keep_last(&mut line.hashes, length);
        Ok(line)
    }

    fn push(&mut self, digits: &[u8], flips: u32) {
        self.flips.push(flips);
        if flips == 0 && !self.hashes.is_empty() {
            // Nothing changed, so neither did what follows from the answer.
            let length = self.flips.len();
            keep_last(&mut self.correct, length);
            keep_last(&mut self.valid, length);
            keep_last(&mut self.violations, length);
            keep_last(&mut self.hashes, length);
            return;
        }
        self.last = digits.to_vec();
        let answer = self.answer();
        let side = self.shape.side();
        let violations = violations(self.shape, &answer);
        let full = answer.iter().all(|d| (1..=side).contains(&usize::from(*d)));
        self.correct.push(Some(self.right.iter().zip(digits).filter(|(a, b)| a == b).count() as u32));
        self.valid.push(full && violations == 0);
        self.violations.push(violations);
        self.hashes.push(answer_hash(digits));
    }

    /// The board, row by row, after iteration T.
    pub fn answer(&self) -> Vec<u8> {
        let mut cells = self.clues.cells().to_vec();
        for (cell, digit) in self.blanks.iter().zip(&self.last) {
            if let Some(place) = cells.get_mut(*cell) {
                *place = *digit;
            }
        }
        cells
    }

    /// T.
    pub fn iterations(&self) -> u32 {
        self.flips.len() as u32
    }

    /// Iterations in order, from 1.
    pub fn all(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.iterations()
    }

    /// Iterations that were run on this board, which can be fewer or more than T.
    pub fn run(&self) -> u32 {
        self.record.len()
    }

    /// Whether every blank cell is right after an iteration from 1. A board without blanks always is solved.
    pub fn solved(&self, iteration: u32) -> bool {
        at(&self.correct, iteration).flatten().is_some_and(|c| c as usize == self.right.len())
    }

    /// Blank cells that are right after an iteration from 1.
    pub fn right_cells(&self, iteration: u32) -> u32 {
        at(&self.correct, iteration).flatten().unwrap_or(0)
    }

    /// Of the blank cells' digits after an iteration from 1; equal hashes count as equal answers.
    pub fn hash(&self, iteration: u32) -> Option<u64> {
        at(&self.hashes, iteration)
    }

    /// The first iteration after which it is solved.
    pub fn first_solved(&self) -> Option<u32> {
        self.all().find(|t| self.solved(*t))
    }

    /// The last iteration in which a blank cell changed; 1 where none did.
    pub fn last_change(&self) -> u32 {
        self.flips.iter().rposition(|f| *f > 0).map_or(1, |i| i as u32 + 1)
    }

    /// Mean largest probability of the blank cells.
    pub fn confidence(&self, iteration: u32) -> f32 {
        number(&self.record.confidence, iteration)
    }

    /// Mean norm of a cell's state.
    pub fn state_norm(&self, iteration: u32) -> f32 {
        number(&self.record.state_norm, iteration)
    }

    /// ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖.
    pub fn residual(&self, iteration: u32) -> f32 {
        number(&self.record.residual, iteration)
    }

    /// The halting head's logit, where it was recorded.
    pub fn halting(&self, iteration: u32) -> Option<f32> {
        (!self.record.halting.is_empty()).then(|| number(&self.record.halting, iteration))
    }

    /// What patterns are looked for in.
    pub fn patterns(&self) -> Answers<'_> {
        let Self { flips, hashes, valid, correct, .. } = self;
        Answers { flips, hashes, valid, correct, blanks: self.blanks.len() as u32 }
    }

    /// The blank cells' digits after every iteration, in order.
    pub fn walk(&self, mut visit: impl FnMut(u32, &[u8])) {
        let end = self.iterations();
        self.record.walk(|t, digits, _| {
            if t <= end {
                visit(t, digits);
            }
        });
        (self.run() + 1..=end).for_each(|t| visit(t, &self.last));
    }
}

/// Goes through all boards, in order.
///
/// # Errors
/// No puzzle, no iteration, a puzzle without a solution, or a record that is none of its puzzle.
pub(super) fn each<'a>(
    puzzles: &'a [Puzzle],
    records: &'a [Record],
    iterations: u32,
    mut visit: impl FnMut(&Timeline<'a>) -> Result<(), String>,
) -> Result<(), String> {
    check(puzzles, records, iterations)?;
    for (i, (puzzle, record)) in puzzles.iter().zip(records).enumerate() {
        visit(&Timeline::new(i + 1, puzzle, record, iterations)?)?;
    }
    Ok(())
}

/// Goes through all boards of two passes, in order.
///
/// # Errors
/// Those of [`each`].
pub(super) fn each_pair<'a>(
    puzzles: &'a [Puzzle],
    [first, second]: [&'a [Record]; 2],
    iterations: u32,
    mut visit: impl FnMut(&Timeline<'a>, &Timeline<'a>),
) -> Result<(), String> {
    check(puzzles, first, iterations)?;
    check(puzzles, second, iterations)?;
    for (i, ((puzzle, first), second)) in puzzles.iter().zip(first).zip(second).enumerate() {
        let of = |record| Timeline::new(i + 1, puzzle, record, iterations);
        visit(&of(first)?, &of(second)?);
    }
    Ok(())
}

fn check(puzzles: &[Puzzle], records: &[Record], iterations: u32) -> Result<(), String> {
    if puzzles.is_empty() || puzzles.len() != records.len() {
        return Err(format!("there are {} puzzles and {} records of a pass", puzzles.len(), records.len()));
    }
    if iterations == 0 {
        return Err("a pass has at least one iteration".into());
    }
    Ok(())
}

/// The entry of an iteration from 1.
pub(super) fn at<T: Copy>(list: &[T], iteration: u32) -> Option<T> {
    list.get((iteration as usize).checked_sub(1)?).copied()
}

/// The number after an iteration, the last one where the board had left.
fn number(list: &[f32], iteration: u32) -> f32 {
    at(list, iteration).or_else(|| list.last().copied()).unwrap_or(f32::NAN)
}

/// Fills up with the last entry.
fn keep_last<T: Copy>(list: &mut Vec<T>, length: usize) {
    if let Some(last) = list.last().copied() {
        list.resize(length, last);
    }
}
