//! Solving by a network alone, and knowing it: an answer is checked against the rules for free, so a board is
//! asked again, in other words, until an answer is valid. No search, no solver.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::record::bucket_of;
use super::record::{Exit, Record, Recording, Start, filled};
use super::scaling::doubling;
use crate::config::{Interventions, Key, Stream};
use crate::tasks::sudoku::{Bucket, Puzzle, Symmetry};
use crate::trace::Count;

/// How boards that have no valid answer yet are asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Again {
    /// Not at all: one pass, as long as the budget.
    #[default]
    MoreIterations,
    /// From a start with noise on the state.
    Noise,
    /// As an equivalent puzzle: digits renamed, rows, columns, bands and stacks moved, transposed.
    Symmetry,
    /// Both.
    Both,
}

impl Again {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::MoreIterations, Self::Noise, Self::Symmetry, Self::Both];

    /// One word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MoreIterations => "more-iterations",
            Self::Noise => "noise",
            Self::Symmetry => "symmetry",
            Self::Both => "both",
        }
    }

    /// In a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MoreIterations => "one long pass",
            Self::Noise => "restarts with noise",
            Self::Symmetry => "restarts as equivalent puzzles",
            Self::Both => "restarts as equivalent puzzles with noise",
        }
    }
}

impl std::str::FromStr for Again {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let names = Self::ALL.map(Self::word).join(", ");
        Self::ALL.into_iter().find(|a| a.word() == s).ok_or_else(|| format!("“{s}” is no way; there are {names}"))
    }
}

/// How a set of boards is solved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is done with boards that have no valid answer yet.
    pub again: Again,
    /// Iterations of an attempt.
    pub attempt: u32,
    /// Iterations of a board in all, over its attempts.
    pub budget: u32,
    /// Noise on S_0 from the second attempt on, as a share of its root mean square.
    pub noise: f32,
    /// Of symmetries and noise.
    pub seed: u64,
    /// What is changed in every iteration.
    pub interventions: Interventions,
}

/// What became of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solved {
    /// Iterations until the first valid answer, over all attempts.
    pub iterations: u32,
    /// Which attempt gave it, from 1.
    pub attempt: u32,
    /// Whether it is the solution that the puzzle came with; for a puzzle with one solution always.
    pub is_the_solution: bool,
}

/// Boards on their way.
#[derive(Clone, Debug)]
pub struct Verified {
    plan: Plan,
    puzzles: Vec<Puzzle>,
    solved: Vec<Option<Solved>>,
    attempts: u32,
    spent: u32,
    work: u64,
}

/// One attempt: puzzles to be recorded, and how.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// In the words of this attempt.
    pub puzzles: Vec<Puzzle>,
    /// How they are recorded.
    pub settings: Recording,
    /// Which board each of them is.
    boards: Vec<usize>,
}

impl Verified {
    /// Nothing tried yet.
    #[must_use]
    pub fn new(puzzles: Vec<Puzzle>, plan: Plan) -> Self {
        Self { solved: vec![None; puzzles.len()], puzzles, plan, attempts: 0, spent: 0, work: 0 }
    }

    /// What to record next; nothing once all boards are solved or the budget is spent.
    #[must_use]
    pub fn next(&self) -> Option<Attempt> {
        let left = self.plan.budget.saturating_sub(self.spent);
        let boards: Vec<usize> = (0..self.puzzles.len()).filter(|i| self.solved[*i].is_none()).collect();
        if left == 0 || boards.is_empty() {
            return None;
        }
        let first = self.attempts == 0;
        let again = self.plan.again;
        let iterations = if again == Again::MoreIterations { left } else { self.plan.attempt.clamp(1, left) };
        let symmetric = matches!(again, Again::Symmetry | Again::Both) && !first;
        let noisy = matches!(again, Again::Noise | Again::Both) && !first;
        let puzzles = boards.iter().map(|board| {
            let puzzle = &self.puzzles[*board];
            if !symmetric {
                return puzzle.clone();
            }
            let change = self.symmetry(*board);
            Puzzle {
                clues: change.apply(&puzzle.clues),
                solution: puzzle.solution.as_ref().map(|s| change.apply(s)),
                ..puzzle.clone()
            }
        });
        Some(Attempt {
            puzzles: puzzles.collect(),
            settings: Recording {
                interventions: self.plan.interventions,
                exit: Exit::Valid,
                start: Start { noise: if noisy { self.plan.noise } else { 0.0 }, from_solution: false },
                seed: self.plan.seed.wrapping_add(u64::from(self.attempts)),
                ..Recording::plain(iterations)
            },
            boards,
        })
    }

    /// The symmetry of a board in the next attempt: its own for every attempt.
    fn symmetry(&self, board: usize) -> Symmetry {
        let key = Key::new(self.plan.seed, Stream::Augmentation).at_step(self.attempts);
        let mut rng = ChaCha8Rng::seed_from_u64(key.wide(board as u32));
        Symmetry::random(self.puzzles[board].clues.shape(), &mut rng)
    }

    /// Takes what an attempt gave: `records` in the order of its puzzles, and the board iterations computed.
    pub fn take(&mut self, attempt: &Attempt, records: &[Record], work: u64) {
        for ((board, puzzle), record) in attempt.boards.iter().zip(&attempt.puzzles).zip(records) {
            let Some(answer) = filled(&puzzle.clues, &record.last()) else { continue };
            if answer.is_valid_solution_of(&puzzle.clues) {
                self.solved[*board] = Some(Solved {
                    iterations: self.spent + record.len(),
                    attempt: self.attempts + 1,
                    is_the_solution: puzzle.solution.as_ref().is_none_or(|s| *s == answer),
                });
            }
        }
        self.work += work;
        self.attempts += 1;
        self.spent += attempt.settings.iterations;
    }

    /// What was found so far.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let longest = self.spent.max(1);
        let mut at = doubling(longest);
        // Where an attempt ends there is a step.
        at.extend((1..=self.attempts).map(|a| (a * self.plan.attempt).min(longest)));
        at.sort_unstable();
        at.dedup();
        let group = |bucket: Bucket| self.puzzles.iter().zip(&self.solved).filter(move |(p, _)| bucket_of(p) == bucket);
        let rows = at.into_iter().map(|t| {
            let count = |of: &mut dyn Iterator<Item = &Option<Solved>>| {
                of.fold(Count::default(), |c, s| Count {
                    solved: c.solved + u32::from(s.is_some_and(|s| s.iterations <= t)),
                    of: c.of + 1,
                })
            };
            Row {
                iterations: t,
                total: count(&mut self.solved.iter()),
                buckets: Bucket::ALL.map(|b| (b, count(&mut group(b).map(|(_, s)| s)))).to_vec(),
            }
        });
        Outcome {
            plan: self.plan,
            rows: rows.collect(),
            attempts: self.attempts,
            work: self.work,
            other_solutions: self.solved.iter().flatten().filter(|s| !s.is_the_solution).count() as u32,
            boards: self.solved.clone(),
        }
    }
}

/// Boards with a valid answer within so many iterations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Iterations of a board in all, over its attempts.
    pub iterations: u32,
    /// All boards.
    pub total: Count,
    /// By difficulty.
    pub buckets: Vec<(Bucket, Count)>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How.
    pub plan: Plan,
    /// In rising order of iterations.
    pub rows: Vec<Row>,
    /// Attempts made.
    pub attempts: u32,
    /// Board iterations computed.
    pub work: u64,
    /// Valid answers that are not the solution that the puzzle came with: the puzzle has several then.
    pub other_solutions: u32,
    /// Every board.
    pub boards: Vec<Option<Solved>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::record::right_digits;
    use crate::tasks::sudoku::{Grid, Shape};

    fn puzzle() -> Puzzle {
        let solution = vec![1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1];
        let mut clues = solution.clone();
        clues[0] = 0;
        clues[5] = 0;
        let grid = |cells| Grid::new(Shape::S4, cells).unwrap();
        Puzzle { solution: Some(grid(solution)), rating: Some(0), ..Puzzle::unchecked(grid(clues)) }
    }

    /// A record of so many iterations that ends right or wrong.
    fn record(puzzle: &Puzzle, iterations: u32, right: bool) -> Record {
        let mut digits = right_digits(puzzle).unwrap();
        if !right {
            digits[0] = 1 + digits[0] % 4;
        }
        Record { first: digits, residual: vec![0.0; iterations as usize], ..Record::default() }
    }

    fn plan(again: Again) -> Plan {
        Plan { again, attempt: 4, budget: 10, noise: 0.1, seed: 3, interventions: Interventions::default() }
    }

    #[test]
    fn boards_are_asked_again_until_they_are_valid() {
        let mut all = Verified::new(vec![puzzle(), puzzle(), puzzle()], plan(Again::Both));
        let first = all.next().unwrap();
        assert_eq!((first.settings.iterations, first.settings.start.noise), (4, 0.0));
        assert_eq!(first.puzzles, vec![puzzle(); 3]);
        let found: Vec<Record> =
            first.puzzles.iter().zip([(3, true), (4, false), (4, false)]).map(|(p, (n, r))| record(p, n, r)).collect();
        all.take(&first, &found, 11);

        let second = all.next().unwrap();
        assert_eq!((second.puzzles.len(), second.settings.start.noise), (2, 0.1));
        assert_ne!(second.settings.seed, first.settings.seed);
        // In other words, and still with its own solution.
        for puzzle in &second.puzzles {
            assert!(puzzle.solution.as_ref().unwrap().is_valid_solution_of(&puzzle.clues));
        }
        assert_ne!(second.puzzles[0].clues, second.puzzles[1].clues);
        let found: Vec<Record> =
            second.puzzles.iter().zip([(1, true), (4, false)]).map(|(p, (n, r))| record(p, n, r)).collect();
        all.take(&second, &found, 5);

        // What is left of the budget.
        let third = all.next().unwrap();
        assert_eq!((third.settings.iterations, third.puzzles.len()), (2, 1));
        all.take(&third, &[record(&third.puzzles[0], 2, false)], 2);
        assert!(all.next().is_none());

        let outcome = all.outcome();
        let solved: Vec<(u32, u32)> = outcome.rows.iter().map(|r| (r.iterations, r.total.solved)).collect();
        assert_eq!(solved, [(1, 0), (2, 0), (4, 1), (8, 2), (10, 2)]);
        assert_eq!((outcome.attempts, outcome.work, outcome.other_solutions), (3, 18, 0));
        assert_eq!(outcome.boards[1], Some(Solved { iterations: 5, attempt: 2, is_the_solution: true }));
    }

    #[test]
    fn one_long_pass_is_one_attempt() {
        let mut all = Verified::new(vec![puzzle()], plan(Again::MoreIterations));
        let only = all.next().unwrap();
        assert_eq!(only.settings.iterations, 10);
        all.take(&only, &[record(&only.puzzles[0], 10, false)], 10);
        assert!(all.next().is_none());
        assert_eq!(all.outcome().rows.last().map(|r| (r.iterations, r.total.solved)), Some((10, 0)));
    }

    #[test]
    fn ways_are_written_as_they_are_read() {
        for again in Again::ALL {
            assert_eq!(again.word().parse(), Ok(again));
        }
        assert!("search".parse::<Again>().unwrap_err().contains("symmetry"));
    }
}
