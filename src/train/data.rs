//! Which puzzle stands where in which batch: a function of the seed and the step, nothing else.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::OnceLock;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::carry::ages;
use super::part::together;
use super::shares::Drawn;
use super::unseen::{Unseen, evaluation_puzzles};
use crate::config::{Key, Recipe, RunConfig, Stream};
use crate::tasks::sudoku::{
    Bucket, CanonicalKey, Generator, Puzzle, PuzzleReader, Shape, Symmetry, canonical_solution, key_of, rate, solve,
};

/// Puzzles that cannot be trained on.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file that cannot be opened.
    #[error("the puzzle file {path} cannot be read: {cause}")]
    File {
        /// Which.
        path: String,
        /// Why.
        cause: String,
    },
    /// No puzzle of the right size.
    #[error("the puzzle file {path} holds no {shape} puzzle")]
    Empty {
        /// Which.
        path: String,
        /// The board.
        shape: Shape,
    },
    /// The generator refuses.
    #[error("puzzles cannot be made: {0}")]
    Generate(String),
    /// No puzzle is hard enough for a phase.
    #[error("no training puzzle is rated {0} or more, which a phase of the recipe asks for")]
    Phase(u32),
    /// No puzzle is in a bucket that has a share.
    #[error("no training puzzle is in a bucket of ratings that has a share{}: bucket_shares is {shares:?}, for 0, 1-2, 3-10, 11-50 and 51+ guesses; give a share to buckets that hold puzzles", at_least(*.least))]
    Shares {
        /// The recipe's shares.
        shares: Vec<f64>,
        /// The least rating of the phase.
        least: u32,
    },
}

/// What a phase leaves, in the message about shares.
fn at_least(rating: u32) -> String {
    if rating > 0 { format!(" and rated {rating} or more, as the recipe's phase asks") } else { String::new() }
}

/// A batch on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// [boards · cells], 0 for blanks.
    pub clues: Vec<u8>,
    /// [boards · cells], 1..=side.
    pub solutions: Vec<u8>,
    /// Boards.
    pub boards: usize,
    /// Whether a board goes on where the step before left it, [boards]; empty where none does.
    pub goes_on: Vec<bool>,
}

impl Batch {
    /// Of puzzles of one size; one without a solution has no loss.
    #[must_use]
    pub fn of(puzzles: &[Puzzle]) -> Self {
        let clues = puzzles.iter().flat_map(|p| p.clues.cells().to_vec()).collect();
        let solution = |p: &Puzzle| p.solution.as_ref().unwrap_or(&p.clues).cells().to_vec();
        Self {
            clues,
            solutions: puzzles.iter().flat_map(solution).collect(),
            boards: puzzles.len(),
            goes_on: Vec::new(),
        }
    }
}

/// Where a run's puzzles come from, kept apart from its evaluation puzzles.
pub struct DataSource {
    shape: Shape,
    seed: u64,
    augment: bool,
    generator: Generator,
    /// Puzzles in memory; empty where every draw makes a fresh one.
    pool: Vec<Puzzle>,
    target: usize,
    next: u64,
    pooled: HashSet<CanonicalKey>,
    from_file: bool,
    drawn: Drawn,
    evaluation: Vec<Puzzle>,
    unseen: Unseen,
    /// Inequivalent solution grids of the evaluation puzzles: a millisecond and more each, so counted once.
    grids: OnceLock<usize>,
}

impl DataSource {
    /// Makes or reads the evaluation puzzles and opens the training source. A pool is filled by
    /// [`DataSource::prepare`].
    ///
    /// # Errors
    /// Files that cannot be read or hold nothing that fits.
    pub fn open(config: &RunConfig) -> Result<Self, DataError> {
        let shape = config.model.shape();
        let spec = config.puzzles.spec(shape);
        spec.validate().map_err(|e| DataError::Generate(e.to_string()))?;

        let evaluation = if config.puzzles.eval_file.is_empty() {
            evaluation_puzzles(spec, config.seed, config.puzzles.eval_count)
        } else {
            let mut all = spread(read_file(&config.puzzles.eval_file, shape)?);
            all.truncate(config.puzzles.eval_count.max(1));
            all
        };
        let unseen = Unseen::new(&evaluation);
        let mut source = Self {
            shape,
            seed: config.seed,
            augment: config.recipe.augment,
            generator: Generator::new(spec, Key::new(config.seed, Stream::Training).wide(0)),
            pool: Vec::new(),
            target: config.puzzles.train_count,
            next: 0,
            pooled: HashSet::new(),
            from_file: !config.puzzles.train_file.is_empty(),
            drawn: Drawn::default(),
            evaluation,
            unseen,
            grids: OnceLock::new(),
        };
        if source.from_file {
            let mut all = read_file(&config.puzzles.train_file, shape)?;
            all.retain(|p| !source.unseen.has(p));
            if source.target > 0 {
                all.truncate(source.target);
            }
            source.pool = all;
            source.target = source.pool.len();
        } else if config.recipe.is_rated() && source.target == 0 {
            // Who chooses by rating needs puzzles to choose from.
            source.target = 20_000;
        }
        if config.recipe.is_rated() {
            for p in &mut source.pool {
                p.rating.get_or_insert_with(|| rate(&p.clues));
            }
        }
        Ok(source)
    }

    /// Fills the pool by at most `count` puzzles; returns how many there are and are to be.
    pub fn prepare(&mut self, count: usize, rated: bool) -> (usize, usize) {
        let end = (self.pool.len() + count).min(self.target);
        // A board with few inequivalent puzzles runs dry; then it is content with what it has.
        let mut misses = 0;
        while self.pool.len() < end {
            let first = self.next;
            let made = each(end - self.pool.len(), |i| {
                let puzzle = self.generator.puzzle(first + i as u64);
                let key = key_of(&puzzle);
                let rating = rated.then(|| rate(&puzzle.clues));
                (puzzle, key, rating)
            });
            for (mut puzzle, key, rating) in made {
                self.next += 1;
                if key.is_some_and(|k| !self.unseen.keys.contains(&k) && self.pooled.insert(k)) {
                    puzzle.rating = rating.or(puzzle.rating);
                    self.pool.push(puzzle);
                    misses = 0;
                } else {
                    misses += 1;
                    if misses > 2_000 {
                        self.target = self.pool.len();
                    }
                }
                if self.pool.len() >= self.target {
                    break;
                }
            }
            if self.pool.len() >= self.target {
                break;
            }
        }
        if self.pool.len() >= self.target {
            self.pooled = HashSet::new();
        }
        (self.pool.len(), self.target)
    }

    /// Puzzles that training draws from; none where every draw makes a fresh one.
    #[must_use]
    pub fn pool(&self) -> Option<usize> {
        (!self.pool.is_empty()).then_some(self.pool.len())
    }

    /// Unseen puzzles, with solutions.
    #[must_use]
    pub fn evaluation(&self) -> &[Puzzle] {
        &self.evaluation
    }

    /// The batch of step `step` (from 0).
    ///
    /// # Errors
    /// When a phase or shares ask for ratings that no puzzle has.
    pub fn batch(&mut self, recipe: &Recipe, step: u32) -> Result<Batch, DataError> {
        let ages = ages(self.seed, recipe, step);
        let least = recipe.least_rating(step);
        self.drawn.prepare(&self.pool, recipe, least)?;
        let cells = self.shape.cells();
        let mut batch = Batch {
            clues: vec![0; recipe.batch * cells],
            solutions: vec![0; recipe.batch * cells],
            boards: recipe.batch,
            goes_on: ages.iter().map(|age| *age > 0).collect(),
        };
        // A board that goes on is that of the step in which it came.
        let drawn = each(recipe.batch, |place| {
            let age = ages.get(place).copied().unwrap_or(0);
            self.place(recipe, step - age, place)
        });
        for (place, drawn) in drawn.into_iter().enumerate() {
            let (clues, solution) = drawn?;
            let range = place * cells..(place + 1) * cells;
            batch.clues[range.clone()].copy_from_slice(&clues);
            batch.solutions[range].copy_from_slice(&solution);
        }
        Ok(batch)
    }

    /// Clues and solution of a place in a batch.
    fn place(&self, recipe: &Recipe, step: u32, place: usize) -> Result<(Vec<u8>, Vec<u8>), DataError> {
        let puzzle = self.draw(recipe, step, place)?;
        let clues = puzzle.clues.cells();
        let solution = puzzle.solution.as_ref().map_or(clues, |s| s.cells());
        if !self.augment {
            return Ok((clues.to_vec(), solution.to_vec()));
        }
        let key = Key::new(self.seed, Stream::Augmentation).at_step(step);
        let mut rng = ChaCha8Rng::seed_from_u64(key.wide(place as u32));
        let symmetry = Symmetry::random(self.shape, &mut rng);
        let turned = |cells: &[u8]| {
            let mut out = vec![0; cells.len()];
            symmetry.apply_cells(cells, &mut out);
            out
        };
        Ok((turned(clues), turned(solution)))
    }

    fn draw(&self, recipe: &Recipe, step: u32, place: usize) -> Result<Puzzle, DataError> {
        let key = Key::new(self.seed, Stream::Data).at_step(step);
        if !self.pool.is_empty() {
            let index = self.drawn.index(key, place as u32, self.pool.len());
            return Ok(self.pool[index].clone());
        }
        // A fresh puzzle for every draw; one that is equivalent to an evaluation puzzle is passed over.
        let index = u64::from(step) * recipe.batch as u64 + place as u64;
        for attempt in 0..4096u64 {
            let puzzle = self.generator.puzzle(index + (attempt << 40));
            if !self.unseen.has(&puzzle) {
                return Ok(puzzle);
            }
        }
        Err(DataError::Generate(
            "every puzzle made is equivalent to an evaluation puzzle; ask for fewer with puzzles.eval_count".into(),
        ))
    }

    /// How training and evaluation are kept apart, in sentences.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!(
            "{} unseen evaluation puzzles on {}; no training puzzle is equivalent to one of them under the board's symmetries.",
            self.evaluation.len(),
            self.shape
        )];
        if self.shape.cells() == 16 {
            notes.push(
                "All 288 solution grids of the 4×4 board occur in training and in evaluation, since there are no more; only the puzzles are kept apart."
                    .into(),
            );
        } else {
            let grids = self.grids.get_or_init(|| {
                let of = |i: usize| self.evaluation[i].solution.as_ref().map(canonical_solution);
                each(self.evaluation.len(), of).into_iter().flatten().collect::<HashSet<_>>().len()
            });
            notes.push(format!("The evaluation puzzles have {grids} inequivalent solution grids."));
        }
        notes.push(match (self.from_file, self.pool.len()) {
            (true, n) => format!("{n} training puzzles from a file."),
            (false, 0) => "A fresh training puzzle is made for every place in every batch.".into(),
            (false, n) => format!("{n} inequivalent training puzzles made beforehand."),
        });
        notes
    }
}

/// In turns of each difficulty, so that the first few are of all kinds also where a file is sorted by it; puzzles
/// without a rating are of one kind.
fn spread(puzzles: Vec<Puzzle>) -> Vec<Puzzle> {
    let mut seen = HashMap::new();
    let mut turns: Vec<_> = puzzles
        .into_iter()
        .map(|puzzle| {
            let kind = puzzle.rating.map(Bucket::of);
            let turn: &mut usize = seen.entry(kind).or_default();
            *turn += 1;
            (*turn, kind, puzzle)
        })
        .collect();
    turns.sort_by_key(|(turn, kind, _)| (*turn, *kind));
    turns.into_iter().map(|(.., puzzle)| puzzle).collect()
}

/// What `make` gives for each number below `count`, in order: on all cores where there are several.
pub(super) fn each<T: Send>(count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads =
        if cfg!(target_family = "wasm") { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
    // A thread costs as much as a few puzzles.
    let shares = threads.min(count / 8).max(1);
    let ranges: Vec<_> = (0..shares).map(|i| count * i / shares..count * (i + 1) / shares).collect();
    together(&ranges, |range| range.clone().map(&make).collect::<Vec<T>>()).into_iter().flatten().collect()
}

/// Puzzles of one board from a file, each with its solution.
fn read_file(path: &str, shape: Shape) -> Result<Vec<Puzzle>, DataError> {
    let file = |cause: String| DataError::File { path: path.into(), cause };
    let reader: Box<dyn Read> = Box::new(std::fs::File::open(path).map_err(|e| file(e.to_string()))?);
    let mut out = Vec::new();
    for puzzle in PuzzleReader::new(reader) {
        let mut puzzle = puzzle.map_err(|e| file(e.to_string()))?;
        if puzzle.clues.shape() != shape {
            continue;
        }
        if puzzle.solution.is_none() {
            puzzle.solution = solve(&puzzle.clues);
        }
        if puzzle.solution.is_some() {
            out.push(puzzle);
        }
    }
    if out.is_empty() { Err(DataError::Empty { path: path.into(), shape }) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_puzzles_of_a_sorted_file_are_of_all_kinds() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let made = crate::tasks::sudoku::generate(&crate::tasks::sudoku::GenerateSpec::usual(Shape::S4), &mut rng);
        let ratings = [Some(0), Some(0), Some(0), Some(2), Some(60), Some(70)];
        let rated = |ratings: &[Option<u32>]| -> Vec<Puzzle> {
            ratings.iter().map(|rating| Puzzle { rating: *rating, ..made.clone() }).collect()
        };
        let of = |puzzles: Vec<Puzzle>| puzzles.into_iter().map(|p| p.rating).collect::<Vec<_>>();
        assert_eq!(of(spread(rated(&ratings))), [Some(0), Some(2), Some(60), Some(0), Some(70), Some(0)]);
        assert_eq!(of(spread(rated(&[None, None]))), [None, None]);
    }
}
