//! Which boards are solved when boards leave early, and which when they leave by another rule, or not at all.

use serde::{Deserialize, Serialize};

use super::numbers::Split;
use super::record::{Exit, Record, bucket_of};
use super::scaling::{Estimate, Spent, differences, solved_after};
use crate::tasks::sudoku::Puzzle;

/// Boards by which of two passes solves them; they add up to all boards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    /// Both.
    pub both: u32,
    /// The first alone.
    pub only: u32,
    /// The one beside it alone.
    pub only_beside: u32,
    /// Neither.
    pub neither: u32,
}

impl Sets {
    /// All boards.
    #[must_use]
    pub fn boards(self) -> u32 {
        self.both + self.only + self.only_beside + self.neither
    }
}

/// Two passes over the same boards that differ in the exit alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exits {
    /// Of the first.
    pub exit: Exit,
    /// Of the one beside it.
    pub beside: Exit,
    /// Iterations at most; a board that left is solved if the answer is that it left with.
    pub iterations: u32,
    /// Of all boards, and by difficulty.
    pub solved: Split<Sets>,
    /// Boards that the first alone solves, by their number from 1.
    pub only: Vec<u32>,
    /// Boards that the one beside it alone solves.
    pub only_beside: Vec<u32>,
    /// The first minus the one beside it, of the mean over the buckets, −1..=1, by a paired bootstrap. An interval
    /// that holds zero says that no difference was found.
    pub difference: Estimate,
    /// What the first cost.
    pub spent: Spent,
    /// What the one beside it cost.
    pub spent_beside: Spent,
}

impl Exits {
    /// Whether the interval of the difference leaves zero out.
    #[must_use]
    pub fn differ(&self) -> bool {
        !self.difference.holds_zero()
    }

    /// How many times less work the first was; none where it was none.
    #[must_use]
    pub fn times(&self) -> Option<f64> {
        (self.spent.made > 0).then(|| self.spent_beside.made as f64 / self.spent.made as f64)
    }
}

/// Compares two passes of at most `iterations` over the puzzles: records, exits and costs of the first and of the one
/// beside it.
///
/// # Errors
/// No puzzle, a puzzle without a solution, or passes that are not of these puzzles.
pub fn exits(
    puzzles: &[Puzzle],
    records: [&[Record]; 2],
    [exit, beside]: [Exit; 2],
    [spent, spent_beside]: [Spent; 2],
    iterations: u32,
    seed: u64,
) -> Result<Exits, String> {
    let [first, second] = records.map(|records| solved_after(puzzles, records, &[iterations]).map(|s| s.at));
    let (first, second) = (first?, second?);
    let mut solved = Split::<Sets>::default();
    let (mut only, mut only_beside) = (Vec::new(), Vec::new());
    for (i, ((puzzle, a), b)) in puzzles.iter().zip(&first).zip(&second).enumerate() {
        let (a, b) = (a.contains(&true), b.contains(&true));
        solved.add(bucket_of(puzzle), |sets| {
            *match (a, b) {
                (true, true) => &mut sets.both,
                (true, false) => &mut sets.only,
                (false, true) => &mut sets.only_beside,
                (false, false) => &mut sets.neither,
            } += 1;
        });
        match (a, b) {
            (true, false) => only.push(i as u32 + 1),
            (false, true) => only_beside.push(i as u32 + 1),
            _ => {}
        }
    }
    let [of_first, of_second] = records;
    let difference = differences(puzzles, [of_second, of_first], &[iterations], seed)?;
    let difference = difference.first().copied().ok_or("there is no iteration to compare after")?;
    Ok(Exits { exit, beside, iterations, solved, only, only_beside, difference, spent, spent_beside })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::made_up::{puzzle, record};

    #[test]
    fn sets_are_compared_board_by_board() {
        let puzzles = [0, 0, 2, 70].map(|rating| puzzle(11, rating));
        let of = |letters: [&str; 4]| -> Vec<Record> {
            puzzles.iter().zip(letters).map(|(p, letters)| record(p, letters)).collect()
        };
        // The second board leaves solved and collapses later; the third leaves too early.
        let (early, whole) = (of(["es", "es", "aa", "aaaaaa"]), of(["esssss", "esscba", "aaasss", "aaaaaa"]));
        let spent = [Spent { made: 12, of: 24 }, Spent { made: 24, of: 24 }];
        let found = exits(&puzzles, [&early, &whole], [Exit::Valid, Exit::Never], spent, 6, 0).unwrap();
        assert_eq!(found.solved.all, Sets { both: 1, only: 1, only_beside: 1, neither: 1 });
        assert_eq!((found.solved.all.boards(), &found.only[..], &found.only_beside[..]), (4, &[2][..], &[3][..]));
        let buckets: Vec<u32> = found.solved.buckets.iter().map(|(_, s)| s.only).collect();
        assert_eq!(buckets, [1, 0, 0, 0, 0]);
        // +1/2 of the first bucket, −1 of the second, 0 of the last.
        assert!((found.difference.share - (0.5 - 1.0) / 3.0).abs() < 1e-12, "{:?}", found.difference);
        assert_eq!(found.times(), Some(2.0));
        assert!(exits(&puzzles, [&early[..3], &whole], [Exit::Valid, Exit::Never], spent, 6, 0).is_err());
    }
}
