//! Puzzles that a training never sees: its evaluation puzzles, and all that are like one of them.

use std::collections::HashSet;

use crate::config::{Key, Stream};
use crate::tasks::sudoku::{CanonicalKey, GenerateSpec, Generator, Puzzle, Signature, key_of};

/// Puzzles that training must not see, nor any that is like one of them.
pub(super) struct Unseen {
    pub(super) keys: HashSet<CanonicalKey>,
    signatures: HashSet<Signature>,
}

impl Unseen {
    pub(super) fn new(puzzles: &[Puzzle]) -> Self {
        Self {
            keys: puzzles.iter().filter_map(key_of).collect(),
            signatures: puzzles.iter().map(|p| Signature::of(&p.clues)).collect(),
        }
    }

    pub(super) fn has(&self, puzzle: &Puzzle) -> bool {
        self.signatures.contains(&Signature::of(&puzzle.clues))
            && key_of(puzzle).is_some_and(|key| self.keys.contains(&key))
    }
}

/// The unseen evaluation puzzles of a seed, which no training with that seed sees: the first `count`
/// inequivalent ones of the evaluation stream, or as many as there are.
#[must_use]
pub fn evaluation_puzzles(spec: GenerateSpec, seed: u64, count: usize) -> Vec<Puzzle> {
    let mut making = EvaluationPuzzles::new(spec, seed, count);
    while !making.try_next() {}
    making.finish()
}

/// [`evaluation_puzzles`] one try after the other, for whoever must not be kept waiting.
pub struct EvaluationPuzzles {
    generator: Generator,
    count: usize,
    seen: HashSet<CanonicalKey>,
    puzzles: Vec<Puzzle>,
    index: u64,
    /// Tries in a row that were like an earlier puzzle.
    misses: u32,
}

/// After so many tries in a row there are no more puzzles that are not alike.
const MOST_MISSES: u32 = 5_000;

impl EvaluationPuzzles {
    /// Nothing made yet.
    #[must_use]
    pub fn new(spec: GenerateSpec, seed: u64, count: usize) -> Self {
        let generator = Generator::new(spec, Key::new(seed, Stream::Evaluation).wide(0));
        Self { generator, count, seen: HashSet::new(), puzzles: Vec::new(), index: 0, misses: 0 }
    }

    /// Makes one more; whether that was all.
    pub fn try_next(&mut self) -> bool {
        if self.puzzles.len() < self.count && self.misses < MOST_MISSES {
            let puzzle = self.generator.puzzle(self.index);
            self.index += 1;
            if key_of(&puzzle).is_some_and(|k| self.seen.insert(k)) {
                self.puzzles.push(puzzle);
                self.misses = 0;
            } else {
                self.misses += 1;
            }
        }
        self.puzzles.len() >= self.count || self.misses >= MOST_MISSES
    }

    /// How many there are so far.
    #[must_use]
    pub fn made(&self) -> usize {
        self.puzzles.len()
    }

    /// What was made.
    #[must_use]
    pub fn finish(self) -> Vec<Puzzle> {
        self.puzzles
    }
}
