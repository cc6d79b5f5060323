//! Hard puzzles: random minimal ones hardly ever need more than ten guesses, so they are looked for.
//!
//! A walk begins with a random minimal puzzle. At each step it takes a clue away, adds others until there
//! is one solution again, mostly the same, and takes away every clue that is not needed. What needs at
//! least about as many guesses is kept. Of the neighbours of a puzzle with 25 to 40 guesses 1.6 % need as
//! many when one clue is taken and the solution stays, 0.4 % when the solution may be any; 0.5 % when two are
//! taken, and none when three are (10 puzzles, 100 neighbours each).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::generate::{Clues, GenerateSpec, generate};
use super::grid::Grid;
use super::puzzle::Puzzle;
use super::rating::{Bucket, rate};
use super::shape::Shape;
use super::symmetry::Symmetry;

mod near;

use near::Place;

/// Ratings of a changed puzzle before it is taken. The rating depends on how a puzzle is written, and a
/// search on one way of writing would find lucky ways, not hard puzzles.
const LABELLINGS: u32 = 3;
/// Ratings of a puzzle before it is given out, all of them new: its first ones were good by selection.
const LABELLINGS_WHEN_FOUND: u32 = 8;
/// A changed puzzle is given up early when it needs less than this share of the guesses.
const HOPELESS: f64 = 0.6;
/// How freely easier puzzles are taken: one with 20 % fewer guesses once in nine times.
const TEMPERATURE: f64 = 0.1;
/// Two puzzles of one walk differ in at least so many cells.
const APART: usize = 8;

/// Set in ChaCha's stream number: separates these walks from generated puzzles.
const WALKS: u64 = 1 << 62;
/// The bits below hold the number of the walk, those above the bucket.
const BUCKET_SHIFT: u32 = 56;

/// An endless, seeded sequence of walks that look for puzzles of one bucket. A walk follows from the
/// shape, the bucket, the seed and its number alone, so walks can be made in parallel and in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Searcher {
    shape: Shape,
    bucket: Bucket,
    seed: u64,
}

impl Searcher {
    /// The walks for this shape, bucket and seed. Small boards have no hard puzzles: their walks end
    /// without one.
    pub fn new(shape: Shape, bucket: Bucket, seed: u64) -> Searcher {
        Searcher { shape, bucket, seed }
    }

    /// The bucket that is looked for.
    pub fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// The seed of the walks.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Walk number `number`, at its beginning.
    pub fn walk(&self, number: u64) -> Walk {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let number = number & ((1 << BUCKET_SHIFT) - 1);
        rng.set_stream(WALKS | (self.bucket as u64) << BUCKET_SHIFT | number);
        let (patience, most, target) = match self.bucket {
            // Random puzzles fall here often enough: nothing is climbed, each step draws a new one.
            Bucket::Zero | Bucket::OneTwo | Bucket::ThreeTen => (1_000, 1, 0.0),
            // Evenly spread by ratio, as the first puzzles that a climb meets would all be near 11.
            Bucket::ElevenFifty => (2_000, 1, 11.0 * (50.0f64 / 11.0).powf(rng.random_range(0.0..1.0))),
            // It takes long to come here, so a walk that has stays for a while.
            Bucket::FiftyOnePlus => (3_000, 4, 51.0),
        };
        let source = source(self.seed, number);
        let mut walk = Walk {
            shape: self.shape,
            bucket: self.bucket,
            rng,
            source,
            at: Place::default(),
            sets: Vec::new(),
            score: 0.0,
            target,
            left: patience,
            patience,
            most,
            found: Vec::new(),
        };
        if walk.climbs() {
            walk.at = walk.random_puzzle();
            walk.score = walk.mean_rating(&walk.at.clues(), LABELLINGS);
        }
        walk
    }
}

/// What is written into the source column of a puzzle that a walk has found.
fn source(seed: u64, walk: u64) -> String {
    format!("search seed {seed} walk {walk}")
}

/// The seed and the number of the walk that found a puzzle, from its source column.
pub fn walk_of(source: &str) -> Option<(u64, u64)> {
    let (seed, walk) = source.strip_prefix("search seed ")?.split_once(" walk ")?;
    Some((seed.parse().ok()?, walk.parse().ok()?))
}

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing yet.
    Going,
    /// A minimal puzzle of the bucket, with its solution, the rating of the board as it is written, and
    /// the walk as its source. More may follow.
    Found(Box<Puzzle>),
    /// This walk finds no more.
    Ended,
}

/// A walk through minimal puzzles, a step at a time, so that whoever makes it can stop in between.
#[derive(Clone, Debug)]
pub struct Walk {
    shape: Shape,
    bucket: Bucket,
    rng: ChaCha8Rng,
    source: String,
    at: Place,
    /// Sets of cells, a bit each, of which a puzzle with this solution must give one at least: where another
    /// complete board differs from the solution. They tell most of what the solver would have to be asked.
    sets: Vec<u128>,
    /// Mean rating over random ways of writing the puzzle.
    score: f64,
    /// The score from which on a puzzle is given out.
    target: f64,
    /// Steps left without anything better or found.
    left: u32,
    patience: u32,
    /// Puzzles that it may still find.
    most: u32,
    /// What was found, as the walk writes it.
    found: Vec<Vec<u8>>,
}

impl Walk {
    /// Goes one step, a millisecond or less on a 9×9 board.
    pub fn step(&mut self) -> Step {
        if self.most == 0 {
            return Step::Ended;
        }
        if self.left == 0 {
            self.most = 0;
            if !self.climbs() {
                return Step::Ended;
            }
            // What a climb ended at may be in the bucket, though it is not what was aimed at.
            let clues = self.at.clues();
            return self.find(&clues, self.score).map_or(Step::Ended, |puzzle| Step::Found(Box::new(puzzle)));
        }
        self.left -= 1;
        let Some(puzzle) = (if self.climbs() { self.climb() } else { self.pick() }) else { return Step::Going };
        self.most -= 1;
        self.left = self.patience;
        Step::Found(Box::new(puzzle))
    }

    fn climbs(&self) -> bool {
        self.bucket > Bucket::ThreeTen
    }

    /// Draws a random minimal puzzle and gives it out if it is in the bucket.
    fn pick(&mut self) -> Option<Puzzle> {
        let clues = self.random_puzzle().clues();
        let score = self.mean_rating(&clues, 1);
        self.find(&clues, score)
    }

    /// Changes the puzzle, keeps the change if the result is about as hard, and gives it out if it is hard
    /// enough.
    fn climb(&mut self) -> Option<Puzzle> {
        let (changed, sets) = self.change()?;
        let clues = changed.clues();
        // Too hard is no way to go on for a walk that looks for less.
        let score = self.promising(&clues).filter(|score| Bucket::of(score.round() as u32) <= self.bucket)?;
        let found = if score < self.target { None } else { self.find(&clues, score) };
        if score > self.score {
            self.left = self.patience;
        }
        if score >= self.score || self.rng.random_range(0.0..1.0) < (score / self.score).powf(1.0 / TEMPERATURE) {
            self.score = score;
            self.at = changed;
            if let Some(sets) = sets {
                self.sets = sets;
            }
        }
        found
    }

    fn random_puzzle(&mut self) -> Place {
        let spec = GenerateSpec { shape: self.shape, clues: Clues::Minimal };
        let puzzle = generate(&spec, &mut self.rng);
        let solution = puzzle.solution.map(|solution| solution.cells().to_vec()).unwrap_or_default();
        let given = puzzle.clues.cells().iter().rev().fold(0, |bits, &clue| bits << 1 | u128::from(clue != 0));
        Place { solution, given }
    }

    /// The puzzle in a new way of writing, if it is one to give out: in the bucket as it is written then,
    /// in the mean over other ways, and unlike what the walk has found.
    fn find(&mut self, clues: &[u8], score: f64) -> Option<Puzzle> {
        let inside = |mean: f64| Bucket::of(mean.round() as u32);
        if inside(score) != self.bucket || !self.is_apart(clues) {
            return None;
        }
        let written = Symmetry::random(self.shape, &mut self.rng).apply(&Grid::trusted(self.shape, clues.to_vec()));
        let rating = rate(&written);
        if Bucket::of(rating) != self.bucket || inside(self.mean_rating(clues, LABELLINGS_WHEN_FOUND)) != self.bucket {
            return None;
        }
        self.found.push(clues.to_vec());
        let mut puzzle = Puzzle::checked(written).ok()?;
        puzzle.rating = Some(rating);
        puzzle.source = Some(self.source.clone());
        Some(puzzle)
    }

    fn is_apart(&self, clues: &[u8]) -> bool {
        let differ = |other: &Vec<u8>| clues.iter().zip(other).filter(|(a, b)| a != b).count();
        self.found.iter().all(|other| differ(other) >= APART)
    }

    /// The mean of a few ratings, or nothing where the first ones are too low already.
    fn promising(&mut self, clues: &[u8]) -> Option<f64> {
        let mut sum = 0.0;
        for i in 1..=LABELLINGS {
            sum += self.mean_rating(clues, 1);
            if sum / f64::from(i) < HOPELESS * self.score {
                return None;
            }
        }
        Some(sum / f64::from(LABELLINGS))
    }

    /// The mean rating over so many random ways of writing the puzzle.
    fn mean_rating(&mut self, clues: &[u8], labellings: u32) -> f64 {
        let grid = Grid::trusted(self.shape, clues.to_vec());
        let one = |_| f64::from(rate(&Symmetry::random(self.shape, &mut self.rng).apply(&grid)));
        (0..labellings).map(one).sum::<f64>() / f64::from(labellings)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::is_unique;
    use super::*;

    /// What a walk finds in so many steps.
    fn finds(mut walk: Walk, steps: usize) -> Vec<Puzzle> {
        let mut out = Vec::new();
        for _ in 0..steps {
            match walk.step() {
                Step::Going => {}
                Step::Found(puzzle) => out.push(*puzzle),
                Step::Ended => break,
            }
        }
        out
    }

    #[test]
    fn found_puzzles_are_minimal_and_of_the_bucket() {
        for bucket in [Bucket::Zero, Bucket::OneTwo, Bucket::ThreeTen, Bucket::ElevenFifty] {
            let searcher = Searcher::new(Shape::S9, bucket, 1);
            let found: Vec<_> = (0..3).flat_map(|number| finds(searcher.walk(number), 1_500)).collect();
            assert!(!found.is_empty(), "{bucket}");
            for puzzle in found {
                assert_eq!(puzzle.rating, Some(rate(&puzzle.clues)));
                assert_eq!(puzzle.rating.map(Bucket::of), Some(bucket));
                assert!(puzzle.solution.is_some_and(|s| s.is_valid_solution_of(&puzzle.clues)));
                for cell in (0..81).filter(|&cell| puzzle.clues.get(cell) != 0) {
                    assert!(!is_unique(&puzzle.clues.with(cell, 0).expect("a cell")));
                }
            }
        }
    }

    #[test]
    fn a_walk_depends_on_seed_bucket_and_number_only() {
        let searcher = Searcher::new(Shape::S9, Bucket::ThreeTen, 5);
        let one = finds(searcher.walk(2), 400);
        assert_eq!(one, finds(searcher.walk(2), 400));
        assert_eq!(one.len(), 1);
        assert_ne!(one, finds(searcher.walk(3), 400));
        assert_ne!(one, finds(Searcher::new(Shape::S9, Bucket::ThreeTen, 6).walk(2), 400));
        assert_eq!(walk_of(one[0].source.as_deref().unwrap_or_default()), Some((5, 2)));
    }

    #[test]
    fn boards_without_hard_puzzles_end() {
        let mut walk = Searcher::new(Shape::S4, Bucket::FiftyOnePlus, 1).walk(0);
        let steps = (0..).take_while(|_| walk.step() != Step::Ended).count();
        assert!(steps >= 3_000);
        assert_eq!(walk.step(), Step::Ended);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_change_keeps_one_solution_and_no_clue_too_many(seed: u64, box_rows in 2usize..=3) {
            let shape = Shape::new(box_rows, 3).expect("a shape");
            let mut walk = Searcher::new(shape, Bucket::ElevenFifty, seed).walk(0);
            for _ in 0..4 {
                let Some((changed, sets)) = walk.change() else { continue };
                let grid = Grid::new(shape, changed.clues()).expect("a board");
                prop_assert!(is_unique(&grid));
                for cell in (0..shape.cells()).filter(|&cell| grid.get(cell) != 0) {
                    prop_assert!(!is_unique(&grid.with(cell, 0).expect("a cell")));
                }
                walk.at = changed;
                walk.sets = sets.unwrap_or(walk.sets);
            }
        }

        #[test]
        fn any_source_is_survived(text: String) {
            if let Some((seed, walk)) = walk_of(&text) {
                prop_assert!(text.starts_with("search seed ") && source(seed, walk).len() <= text.len());
            }
        }
    }
}
