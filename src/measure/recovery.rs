//! Whether a pass recovers from a disturbance: the same boards with one and without.

use serde::{Deserialize, Serialize};

use super::numbers::{Part, Split, Spread, share_or_one};
use super::record::{Disturbance, Record};
use super::timeline::{Timeline, each_pair};
use crate::tasks::sudoku::Puzzle;

/// One iteration after the disturbance, over all boards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Iterations since the disturbance, from 1.
    pub since: u32,
    /// Blank cells with the digit that they have in the undisturbed pass after the same iteration, as a share of all,
    /// 0..=1. 1 without any.
    pub agree: f64,
    /// Boards that are solved.
    pub solved: Part,
    /// Boards that are solved in the undisturbed pass.
    pub undisturbed: Part,
}

/// What becomes of boards that the disturbance found alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fate {
    /// Solved after the last iteration, of how many boards.
    pub solved: Part,
    /// The same in the undisturbed pass.
    pub undisturbed: Part,
    /// Boards that are solved at the end only because of the disturbance.
    pub only_disturbed: u32,
    /// Boards that are solved at the end only in the undisturbed pass.
    pub only_undisturbed: u32,
    /// Boards that were solved when disturbed, and are after every iteration since. None of those that were not.
    pub never_left: u32,
    /// Boards that are solved after some iteration since; of those that were solved when disturbed, after one that
    /// follows an unsolved one.
    pub reached: u32,
    /// Iterations from the disturbance until then; none where no board was.
    pub until: Option<Spread>,
}

/// A whole reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// Boards.
    pub boards: u32,
    /// What was disturbed, and when.
    pub disturbance: Disturbance,
    /// The last iteration.
    pub iterations: u32,
    /// Boards that had left before the disturbance, so that it did not reach them. They count with their last answer.
    pub untouched: u32,
    /// Boards whose answers differ between the two passes before the disturbance: none where the passes are alike,
    /// few where a device does not compute the same twice.
    pub unlike: u32,
    /// An entry for each iteration after the disturbance.
    pub moments: Vec<Moment>,
    /// Boards that were solved when disturbed: do they come back? Of all, and by difficulty.
    pub were_solved: Split<Fate>,
    /// Boards that were not: does a disturbance help?
    pub were_unsolved: Split<Fate>,
}

/// What is gathered of boards.
#[derive(Clone, Default)]
struct Gathered {
    boards: u32,
    solved: u32,
    undisturbed: u32,
    only_disturbed: u32,
    only_undisturbed: u32,
    never_left: u32,
    until: Vec<u32>,
}

impl Gathered {
    fn fate(self) -> Fate {
        Fate {
            solved: Part::new(self.solved, self.boards),
            undisturbed: Part::new(self.undisturbed, self.boards),
            only_disturbed: self.only_disturbed,
            only_undisturbed: self.only_undisturbed,
            never_left: self.never_left,
            reached: self.until.len() as u32,
            until: Spread::of(self.until),
        }
    }
}

/// Reads two passes of `iterations` over the same boards, that differ in the disturbance alone. What a board was when
/// it came is told by the disturbed pass itself, whose answer after that iteration is from before it.
///
/// # Errors
/// No puzzle, no iteration before or after the disturbance, a puzzle without a solution, or a record that is none of
/// its puzzle.
pub fn recovery(
    puzzles: &[Puzzle],
    undisturbed: &[Record],
    disturbed: &[Record],
    disturbance: Disturbance,
    iterations: u32,
) -> Result<Recovery, String> {
    let after = disturbance.after;
    if after == 0 || after >= iterations {
        return Err(format!("there must be iterations before and after {after} in a pass of {iterations}"));
    }
    let length = if puzzles.is_empty() { 0 } else { (iterations - after) as usize };
    // Cells that agree, boards solved, boards solved undisturbed.
    let mut sums = vec![(0_u64, 0_u32, 0_u32); length];
    let (mut were_solved, mut were_unsolved) = (Split::<Gathered>::default(), Split::<Gathered>::default());
    let (mut untouched, mut unlike, mut cells) = (0, 0, 0);
    each_pair(puzzles, [undisturbed, disturbed], iterations, |plain, line| {
        untouched += u32::from(line.run() <= after);
        unlike += u32::from((1..=after).any(|t| plain.hash(t) != line.hash(t)));
        cells += line.blanks.len() as u64;
        for (sum, agree) in sums.iter_mut().zip(agreement(plain, line, after)) {
            sum.0 += agree;
        }
        for (sum, t) in sums.iter_mut().zip(after + 1..) {
            sum.1 += u32::from(line.solved(t));
            sum.2 += u32::from(plain.solved(t));
        }
        let was = line.solved(after);
        let since = || after + 1..=iterations;
        let left = if was { since().find(|t| !line.solved(*t)) } else { Some(after) };
        let back = left.and_then(|left| (left + 1..=iterations).find(|t| line.solved(*t)));
        let ends = (line.solved(iterations), plain.solved(iterations));
        let group = if was { &mut were_solved } else { &mut were_unsolved };
        group.add(line.bucket, |g| {
            g.boards += 1;
            g.solved += u32::from(ends.0);
            g.undisturbed += u32::from(ends.1);
            g.only_disturbed += u32::from(ends == (true, false));
            g.only_undisturbed += u32::from(ends == (false, true));
            g.never_left += u32::from(left.is_none());
            g.until.extend(back.map(|t| t - after));
        });
    })?;
    let boards = puzzles.len() as u32;
    let moments = sums.into_iter().zip(1..).map(|((agree, solved, plain), since)| Moment {
        since,
        agree: share_or_one(agree, cells),
        solved: Part::new(solved, boards),
        undisturbed: Part::new(plain, boards),
    });
    Ok(Recovery {
        boards,
        disturbance,
        iterations,
        untouched,
        unlike,
        moments: moments.collect(),
        were_solved: were_solved.map(Gathered::fate),
        were_unsolved: were_unsolved.map(Gathered::fate),
    })
}

/// Blank cells that have the same digit in both passes, for each iteration after `after`.
fn agreement(plain: &Timeline, line: &Timeline, after: u32) -> Vec<u64> {
    let mut answers = Vec::new();
    plain.walk(|t, digits| {
        if t > after {
            answers.push(digits.to_vec());
        }
    });
    let mut answers = answers.iter();
    let mut out = Vec::new();
    line.walk(|t, digits| {
        if t > after {
            let other = answers.next().map_or(&[][..], |a| a);
            out.push(other.iter().zip(digits).filter(|(a, b)| a == b).count() as u64);
        }
    });
    out
}

#[cfg(test)]
mod tests;
