//! Which puzzles of a pool a step draws from: those of a curriculum phase, in the shares of the recipe.

use super::DataError;
use crate::config::{Key, Recipe};
use crate::tasks::sudoku::{Bucket, Puzzle};

/// The site of the words that choose a bucket; those that choose a puzzle have site 0.
const BUCKET_SITE: u16 = 1;

/// The puzzles of a pool that may be drawn, as indices.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    /// What it was made for: the least rating, the shares and the size of the pool.
    made_for: Option<(u32, Vec<f64>, usize)>,
    /// Without shares one group of everything that may be drawn; none where that is the whole pool.
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    /// Σ of the shares up to and with this group's.
    up_to: f64,
    puzzles: Vec<u32>,
}

impl Drawn {
    /// Made anew where a phase begins; `pool` is the same otherwise.
    ///
    /// # Errors
    /// Nothing is left to draw from.
    pub fn prepare(&mut self, pool: &[Puzzle], recipe: &Recipe, least: u32) -> Result<(), DataError> {
        let shares = &recipe.bucket_shares;
        if self.made_for.as_ref().is_some_and(|(l, s, n)| (*l, s, *n) == (least, shares, pool.len())) {
            return Ok(());
        }
        self.groups.clear();
        self.made_for = None;
        if shares.is_empty() && least == 0 {
            return Ok(());
        }
        let rating = |i: &u32| pool[*i as usize].rating.unwrap_or(0);
        let eligible = (0..pool.len() as u32).filter(|i| rating(i) >= least);
        if shares.is_empty() {
            let puzzles: Vec<u32> = eligible.collect();
            if puzzles.is_empty() {
                return Err(DataError::Phase(least));
            }
            self.groups.push(Group { up_to: 1.0, puzzles });
        } else {
            let mut buckets: [Vec<u32>; Bucket::ALL.len()] = Default::default();
            eligible.for_each(|i| buckets[Bucket::of(rating(&i)) as usize].push(i));
            let mut up_to = 0.0;
            for (puzzles, share) in buckets.into_iter().zip(shares) {
                if !puzzles.is_empty() && *share > 0.0 {
                    up_to += share;
                    self.groups.push(Group { up_to, puzzles });
                }
            }
            if self.groups.is_empty() {
                return Err(DataError::Shares { shares: shares.clone(), least });
            }
        }
        self.made_for = Some((least, shares.clone(), pool.len()));
        Ok(())
    }

    /// The puzzle at a place of a batch, as an index of the pool of `of` puzzles. Two words decide: one the bucket,
    /// by its share among the buckets that hold anything; the other the puzzle, each as likely.
    pub fn index(&self, key: Key, place: u32, of: usize) -> usize {
        let group = match &self.groups[..] {
            [] => return key.below(place, of),
            [only] => only,
            [.., last] => {
                let word = key.at(0, BUCKET_SITE).word(place);
                let at = f64::from(word) / 4_294_967_296.0 * last.up_to;
                &self.groups[self.groups.partition_point(|g| g.up_to <= at).min(self.groups.len() - 1)]
            }
        };
        group.puzzles[key.below(place, group.puzzles.len())] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ModelConfig, Phase, RunConfig, Stream};
    use crate::tasks::sudoku::{Grid, Shape, rate};
    use crate::train::DataSource;

    fn grid(cells: &[u8]) -> Grid {
        Grid::new(Shape::S4, cells.to_vec()).unwrap()
    }

    /// A pool with so many puzzles of every bucket, as indices in order.
    fn pool(counts: [usize; 5]) -> Vec<Puzzle> {
        let clues = grid(&[0; 16]);
        let ratings = [0, 2, 7, 30, 99];
        let of = |(n, rating): (usize, u32)| {
            std::iter::repeat_n(Puzzle { clues: clues.clone(), solution: None, rating: Some(rating), source: None }, n)
        };
        counts.into_iter().zip(ratings).flat_map(of).collect()
    }

    /// How often each bucket and the most drawn puzzle of each were drawn.
    fn counts(pool: &[Puzzle], recipe: &Recipe, least: u32, draws: u32) -> Result<[usize; 5], DataError> {
        let mut drawn = Drawn::default();
        drawn.prepare(pool, recipe, least)?;
        let mut out = [0; 5];
        for step in 0..10 {
            let key = Key::new(5, Stream::Data).at_step(step);
            for place in 0..draws / 10 {
                let index = drawn.index(key, place, pool.len());
                out[Bucket::of(pool[index].rating.unwrap()) as usize] += 1;
            }
        }
        Ok(out)
    }

    /// The pools of the published curriculum (`specs/sudoku.md` §2.1): whole buckets, each puzzle as likely.
    #[test]
    fn a_phase_draws_alike_from_all_that_are_hard_enough() {
        let sizes = [400, 150, 250, 150, 50];
        let pool = pool(sizes);
        let draws = 40_000;
        for (least, eligible) in [(51, 50.0), (11, 200.0), (1, 600.0), (0, 1000.0)] {
            let found = counts(&pool, &Recipe::default(), least, draws).unwrap();
            let first = Bucket::of(least) as usize;
            for (bucket, (found, size)) in found.into_iter().zip(sizes).enumerate() {
                let want = if bucket < first { 0.0 } else { size as f64 / eligible };
                // Three standard deviations of a share of 40,000 draws are below this.
                let off = (found as f64 / f64::from(draws) - want).abs();
                assert!(off < 0.008 && (want > 0.0 || found == 0), "least {least}, bucket {bucket}: {found}");
            }
        }
    }

    #[test]
    fn shares_come_out() {
        let pool = pool([500, 20, 0, 300, 7]);
        let recipe = |shares: [f64; 5]| Recipe { bucket_shares: shares.to_vec(), ..Recipe::default() };
        let draws = 40_000;
        for (shares, least, want) in [
            // The middle bucket is empty: the others share what it would have had.
            ([1.0, 1.0, 1.0, 1.0, 1.0], 0, [0.25, 0.25, 0.0, 0.25, 0.25]),
            ([0.1, 0.0, 0.5, 0.3, 0.0], 0, [0.25, 0.0, 0.0, 0.75, 0.0]),
            ([8.0, 1.0, 1.0, 2.0, 4.0], 11, [0.0, 0.0, 0.0, 1.0 / 3.0, 2.0 / 3.0]),
            ([0.0, 0.0, 0.0, 0.0, 3.0], 0, [0.0, 0.0, 0.0, 0.0, 1.0]),
        ] {
            let got = counts(&pool, &recipe(shares), least, draws).unwrap();
            for (got, want) in got.into_iter().zip(want) {
                // Four standard deviations.
                let (n, got) = (f64::from(draws), got as f64);
                let error = 4.0 * (n * want * (1.0 - want)).sqrt();
                assert!((got - n * want).abs() <= error, "{shares:?} from {least}: {got} instead of {}", n * want);
            }
        }
        for (shares, least) in [([0.0, 0.0, 1.0, 0.0, 0.0], 0), ([1.0, 1.0, 1.0, 1.0, 0.0], 51)] {
            let error = counts(&pool, &recipe(shares), least, 10).unwrap_err().to_string();
            assert!(error.contains("bucket_shares"), "{error}");
            assert_eq!(error.contains("rated 51 or more"), least == 51, "{error}");
        }
    }

    #[test]
    fn every_puzzle_of_a_bucket_is_drawn_equally_often() {
        let pool = pool([40, 0, 0, 10, 0]);
        let recipe = Recipe { bucket_shares: vec![1.0, 0.0, 0.0, 3.0, 0.0], ..Recipe::default() };
        let mut drawn = Drawn::default();
        drawn.prepare(&pool, &recipe, 0).unwrap();
        let mut times = vec![0u32; pool.len()];
        let key = Key::new(1, Stream::Data);
        (0..80_000).for_each(|place| times[drawn.index(key, place, pool.len())] += 1);
        for (i, times) in times.into_iter().enumerate() {
            let want: f64 = if i < 40 { 500.0 } else { 6000.0 };
            assert!((f64::from(times) - want).abs() < 5.0 * want.sqrt(), "puzzle {i}: {times} instead of {want}");
        }
    }

    /// Without shares the words are those that were always drawn, in a phase too.
    #[test]
    fn no_shares_change_nothing() {
        let pool = pool([30, 0, 10, 0, 5]);
        let (mut drawn, recipe) = (Drawn::default(), Recipe::default());
        for (least, eligible) in [(0, (0..45).collect::<Vec<usize>>()), (3, (30..45).collect()), (0, (0..45).collect())]
        {
            drawn.prepare(&pool, &recipe, least).unwrap();
            let key = Key::new(3, Stream::Data).at_step(least);
            for place in 0..200 {
                assert_eq!(drawn.index(key, place, 45), eligible[key.below(place, eligible.len())]);
            }
        }
        assert!(matches!(drawn.prepare(&pool, &recipe, 100), Err(DataError::Phase(100))));
    }

    fn config(shape: Shape, shares: &[f64]) -> RunConfig {
        let model = ModelConfig::default().with_shape(shape);
        let recipe = Recipe { batch: 512, augment: false, bucket_shares: shares.to_vec(), ..Recipe::default() };
        let mut config = RunConfig { seed: 4, model, recipe, ..RunConfig::default() };
        config.puzzles.eval_count = 4;
        config
    }

    /// The puzzles of a batch.
    fn drawn(config: &RunConfig) -> Vec<Grid> {
        let mut source = DataSource::open(config).unwrap();
        while {
            let (done, of) = source.prepare(100, config.recipe.is_rated());
            done < of
        } {}
        let (batch, shape) = (source.batch(&config.recipe, 3).unwrap(), config.model.shape());
        batch.clues.chunks_exact(shape.cells()).map(|c| Grid::new(shape, c.to_vec()).unwrap()).collect()
    }

    /// Puzzles that are made beforehand are rated.
    #[test]
    fn made_puzzles_come_in_shares() {
        let mut config = config(Shape::S9, &[1.0, 0.0, 3.0, 0.0, 0.0]);
        config.puzzles.train_count = 200;
        let ratings: Vec<u32> = drawn(&config).iter().map(rate).collect();
        let easy = ratings.iter().filter(|r| **r == 0).count();
        assert!((80..=176).contains(&easy), "{easy} of 512 instead of 128");
        assert!(ratings.iter().all(|r| *r == 0 || (3..=10).contains(r)), "{ratings:?}");
    }

    /// Ratings of a file are used as they are.
    #[test]
    fn puzzles_of_a_file_come_in_shares() {
        let mut config = config(Shape::S4, &[0.0, 1.0, 1.0, 1.0, 1.0]);
        (config.puzzles.least_clues, config.puzzles.most_clues) = (4, 6);
        let made = crate::train::evaluation_puzzles(config.puzzles.spec(Shape::S4), 99, 20);
        let path = std::env::temp_dir().join(format!("loopscope-shares-{}.csv", std::process::id()));
        let lines = made.iter().enumerate().map(|(i, p)| format!("{},{}\n", p.clues.to_line(), 7 * (i % 2)));
        std::fs::write(&path, format!("puzzle,rating\n{}", lines.collect::<String>())).unwrap();
        config.puzzles.train_file = path.display().to_string();
        config.recipe.phases = vec![Phase { until_step: 2, least_rating: 0 }];
        let drawn = drawn(&config);
        std::fs::remove_file(path).unwrap();
        let rated = |grid: &Grid| made.iter().position(|p| p.clues == *grid).map(|i| i % 2);
        assert!(drawn.iter().all(|grid| rated(grid) == Some(1)));
    }
}
