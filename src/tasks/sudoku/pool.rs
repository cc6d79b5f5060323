//! Sets of puzzles to train and to evaluate on, kept apart up to symmetry.

use std::collections::HashSet;

use super::canonical::{CanonicalKey, canonical};
use super::generate::{GenerateSpec, Generator};
use super::puzzle::Puzzle;
use super::report::SplitReport;
use super::solver;

/// So many tries in a row without a new puzzle mean that there are hardly any left.
const GIVE_UP: u64 = 5_000;

/// How far a pool has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PoolState {
    /// More is to be done.
    Growing,
    /// As many puzzles as asked for.
    Done,
    /// There are hardly any puzzles left that fit: the pool stays smaller than asked for.
    Exhausted,
}

/// Builds a set of puzzles in slices, so that a window can go on drawing in between. The
/// result does not depend on how it is sliced.
#[derive(Clone, Debug)]
pub struct PoolBuilder {
    generator: Generator,
    count: usize,
    exclude: HashSet<CanonicalKey>,
    /// Whether no two puzzles may be equivalent.
    distinct: bool,
    next: u64,
    misses: u64,
    puzzles: Vec<Puzzle>,
    keys: Vec<CanonicalKey>,
}

impl PoolBuilder {
    /// For evaluation: no two puzzles are equivalent.
    pub fn evaluation(spec: GenerateSpec, count: usize, seed: u64) -> PoolBuilder {
        let generator = Generator::for_evaluation(spec, seed);
        PoolBuilder::new(generator, count, HashSet::new(), true)
    }

    /// For training: no puzzle is equivalent to one in `exclude`. Puzzles may repeat up to
    /// symmetry, as small boards have too few that differ.
    pub fn training(spec: GenerateSpec, count: usize, seed: u64, exclude: HashSet<CanonicalKey>) -> PoolBuilder {
        PoolBuilder::new(Generator::new(spec, seed), count, exclude, false)
    }

    fn new(generator: Generator, count: usize, exclude: HashSet<CanonicalKey>, distinct: bool) -> PoolBuilder {
        PoolBuilder { generator, count, exclude, distinct, next: 0, misses: 0, puzzles: Vec::new(), keys: Vec::new() }
    }

    /// Makes up to `tries` puzzles and keeps those that fit.
    pub fn advance(&mut self, tries: usize) -> PoolState {
        for _ in 0..tries {
            if self.state() != PoolState::Growing {
                break;
            }
            let puzzle = self.generator.puzzle(self.next);
            self.next += 1;
            let fresh = key_of(&puzzle).filter(|key| {
                if self.distinct { self.exclude.insert(key.clone()) } else { !self.exclude.contains(key) }
            });
            match fresh {
                Some(key) => {
                    self.misses = 0;
                    self.puzzles.push(puzzle);
                    self.keys.push(key);
                }
                None => self.misses += 1,
            }
        }
        self.state()
    }

    /// How far it has come.
    pub fn state(&self) -> PoolState {
        if self.puzzles.len() >= self.count {
            PoolState::Done
        } else if self.misses >= GIVE_UP {
            PoolState::Exhausted
        } else {
            PoolState::Growing
        }
    }

    /// Goes on until the pool is done or exhausted.
    pub fn complete(mut self) -> PoolBuilder {
        while self.advance(256) == PoolState::Growing {}
        self
    }

    /// What puzzles it makes.
    pub fn spec(&self) -> &GenerateSpec {
        self.generator.spec()
    }

    /// Number of puzzles asked for.
    pub fn wanted(&self) -> usize {
        self.count
    }

    /// The puzzles so far.
    pub fn puzzles(&self) -> &[Puzzle] {
        &self.puzzles
    }

    /// Their keys, in the same order.
    pub fn keys(&self) -> &[CanonicalKey] {
        &self.keys
    }

    /// The puzzles so far, and their keys in the same order.
    pub fn finish(self) -> (Vec<Puzzle>, Vec<CanonicalKey>) {
        (self.puzzles, self.keys)
    }
}

/// Puzzles to evaluate on, no two of them equivalent. Fewer than `count` where there are not
/// that many.
pub fn evaluation_set(spec: &GenerateSpec, count: usize, seed: u64) -> Vec<Puzzle> {
    PoolBuilder::evaluation(*spec, count, seed).complete().puzzles
}

/// Puzzles to train on, none of them equivalent to one in `exclude`; other random numbers than
/// [`evaluation_set`] uses.
pub fn training_pool(spec: &GenerateSpec, count: usize, seed: u64, exclude: &HashSet<CanonicalKey>) -> Vec<Puzzle> {
    PoolBuilder::training(*spec, count, seed, exclude.clone()).complete().puzzles
}

/// The keys of puzzles. One that cannot be solved has none.
pub fn keys(puzzles: &[Puzzle]) -> HashSet<CanonicalKey> {
    puzzles.iter().filter_map(key_of).collect()
}

/// The key of a puzzle, which is solved for it where it has no solution; nothing where it cannot be.
pub fn key_of(puzzle: &Puzzle) -> Option<CanonicalKey> {
    match &puzzle.solution {
        Some(solution) => Some(canonical(&puzzle.clues, solution)),
        None => solver::solve(&puzzle.clues).map(|s| canonical(&puzzle.clues, &s)),
    }
}

/// A training and an evaluation set that share no puzzle up to symmetry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    /// To train on.
    pub training: Vec<Puzzle>,
    /// To evaluate on.
    pub evaluation: Vec<Puzzle>,
    /// What the two share.
    pub report: SplitReport,
}

impl Split {
    /// Makes both sets and counts what they share.
    pub fn new(spec: &GenerateSpec, training: usize, evaluation: usize, seed: u64) -> Split {
        let evaluation = PoolBuilder::evaluation(*spec, evaluation, seed).complete();
        let exclude = evaluation.keys().iter().cloned().collect();
        let training = PoolBuilder::training(*spec, training, seed, exclude).complete();
        let report = SplitReport::of_pools(&training, &evaluation);
        Split { training: training.puzzles, evaluation: evaluation.puzzles, report }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;

    #[test]
    fn the_two_sets_share_nothing_on_any_board() {
        for (shape, training, evaluation) in [(Shape::S4, 400, 60), (Shape::S6, 60, 20), (Shape::S9, 4, 3)] {
            let split = Split::new(&GenerateSpec::usual(shape), training, evaluation, 1);
            assert_eq!(split.training.len(), training);
            assert_eq!(split.evaluation.len(), evaluation);
            assert_eq!(keys(&split.evaluation).len(), evaluation);
            assert!(keys(&split.training).is_disjoint(&keys(&split.evaluation)));
            assert_eq!(split.report.shared_puzzles, 0);
            assert_eq!(split.report, SplitReport::compare(shape, &split.training, &split.evaluation));
        }
    }

    #[test]
    fn a_leak_is_counted() {
        let evaluation = evaluation_set(&GenerateSpec::usual(Shape::S4), 5, 1);
        let report = SplitReport::compare(Shape::S4, &evaluation[..2], &evaluation);
        assert_eq!(report.shared_puzzles, 2);
        assert!(report.shared_grids >= 1);
        let text = report.to_string();
        assert!(text.contains("share 2 puzzles up to symmetry"), "{text}");
        assert!(text.contains("4×4 boards have 288 in all, 2 up to symmetry"), "{text}");
    }

    #[test]
    fn slices_do_not_show_in_the_result() {
        let spec = GenerateSpec::usual(Shape::S4);
        let mut sliced = PoolBuilder::evaluation(spec, 40, 9);
        while sliced.advance(7) == PoolState::Growing {}
        assert_eq!(sliced.puzzles(), evaluation_set(&spec, 40, 9));
        assert_eq!(sliced.keys().len(), 40);
    }

    #[test]
    fn a_pool_that_cannot_be_filled_ends() {
        let spec = GenerateSpec { shape: Shape::S4, clues: super::super::Clues::Between { min: 16, max: 16 } };
        // All cells given: two classes of boards, so two puzzles.
        let pool = PoolBuilder::evaluation(spec, 10, 0).complete();
        assert_eq!((pool.puzzles().len(), pool.state()), (2, PoolState::Exhausted));
        let exclude = keys(pool.puzzles());
        assert!(training_pool(&spec, 1, 0, &exclude).is_empty());
    }

    #[test]
    fn all_minimal_4x4_puzzles_are_found() {
        // 13 with 4 clues, 22 with 5 and 1 with 6, as known from the literature.
        let spec = GenerateSpec { shape: Shape::S4, clues: super::super::Clues::Minimal };
        let pool = PoolBuilder::evaluation(spec, 100, 0).complete();
        let by_clues = |n| pool.puzzles().iter().filter(|p| p.clues.clues() == n).count();
        assert_eq!([4, 5, 6].map(by_clues), [13, 22, 1]);
        assert_eq!(pool.puzzles().len(), 36);
    }
}
