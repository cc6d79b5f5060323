//! What a training and an evaluation set share, counted.

use std::collections::HashSet;
use std::fmt;

use super::canonical::CanonicalKey;
use super::pool::{PoolBuilder, key_of};
use super::puzzle::Puzzle;
use super::shape::Shape;

/// What a training and an evaluation set have in common.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct SplitReport {
    /// The shape of the boards.
    pub shape: Shape,
    /// Puzzles to train on.
    pub training_puzzles: usize,
    /// How many of them differ by more than a symmetry.
    pub training_distinct: usize,
    /// Puzzles to evaluate on.
    pub evaluation_puzzles: usize,
    /// Puzzles to evaluate on that are equivalent to one to train on; 0 if all is well.
    pub shared_puzzles: usize,
    /// Different solution grids in the evaluation set.
    pub evaluation_grids: usize,
    /// How many of these are, cell by cell, the solution of a puzzle to train on.
    pub shared_grids: usize,
    /// Solution grids up to symmetry in the evaluation set.
    pub evaluation_classes: usize,
    /// How many of these also occur in training.
    pub shared_classes: usize,
}

impl SplitReport {
    /// Compares two sets, all of one shape.
    pub fn compare(shape: Shape, training: &[Puzzle], evaluation: &[Puzzle]) -> SplitReport {
        let keys = |puzzles: &[Puzzle]| puzzles.iter().filter_map(key_of).collect::<Vec<_>>();
        SplitReport::with_keys(shape, training, &keys(training), evaluation, &keys(evaluation))
    }

    /// Compares two pools, whose keys are known already.
    pub fn of_pools(training: &PoolBuilder, evaluation: &PoolBuilder) -> SplitReport {
        let shape = evaluation.spec().shape;
        let (t, e) = (training, evaluation);
        SplitReport::with_keys(shape, t.puzzles(), t.keys(), e.puzzles(), e.keys())
    }

    fn with_keys(
        shape: Shape,
        training: &[Puzzle],
        training_keys: &[CanonicalKey],
        evaluation: &[Puzzle],
        evaluation_keys: &[CanonicalKey],
    ) -> SplitReport {
        fn grids(puzzles: &[Puzzle]) -> HashSet<&[u8]> {
            puzzles.iter().filter_map(|p| p.solution.as_ref()).map(|s| s.cells()).collect()
        }
        let classes = |keys: &[CanonicalKey]| keys.iter().map(CanonicalKey::solution).collect::<HashSet<_>>();
        let trained: HashSet<_> = training_keys.iter().collect();
        let (training_grids, evaluation_grids) = (grids(training), grids(evaluation));
        let (training_classes, evaluation_classes) = (classes(training_keys), classes(evaluation_keys));
        SplitReport {
            shape,
            training_puzzles: training.len(),
            training_distinct: trained.len(),
            evaluation_puzzles: evaluation.len(),
            shared_puzzles: evaluation_keys.iter().filter(|key| trained.contains(key)).count(),
            evaluation_grids: evaluation_grids.len(),
            shared_grids: evaluation_grids.intersection(&training_grids).count(),
            evaluation_classes: evaluation_classes.len(),
            shared_classes: evaluation_classes.intersection(&training_classes).count(),
        }
    }

    /// Solution grids that boards of this shape have in all.
    pub fn all_grids(&self) -> u128 {
        self.shape.solution_grids()
    }

    /// Solution grids up to symmetry that boards of this shape have in all.
    pub fn all_classes(&self) -> u128 {
        self.shape.solution_classes()
    }
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} puzzles to train on ({} up to symmetry) and {} to evaluate on share ",
            grouped(self.training_puzzles as u128),
            grouped(self.training_distinct as u128),
            grouped(self.evaluation_puzzles as u128),
        )?;
        match self.shared_puzzles {
            0 => f.write_str("no puzzle, even up to symmetry")?,
            1 => f.write_str("1 puzzle up to symmetry")?,
            n => write!(f, "{} puzzles up to symmetry", grouped(n as u128))?,
        }
        write!(
            f,
            ". Of the {} solution grids to evaluate on, {} also occur in training ({} of {} up to \
             symmetry); {side}×{side} boards have {} in all, {} up to symmetry.",
            grouped(self.evaluation_grids as u128),
            grouped(self.shared_grids as u128),
            grouped(self.shared_classes as u128),
            grouped(self.evaluation_classes as u128),
            grouped(self.all_grids()),
            grouped(self.all_classes()),
            side = self.shape.side(),
        )
    }
}

/// Digits in groups of three, as people read them.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(grouped(288), "288");
        assert_eq!(grouped(28_200_960), "28,200,960");
    }
}
