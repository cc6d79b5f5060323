//! Solved boards against test-time iterations (`specs/sudoku.md` §5.1), from records of one pass.

use serde::{Deserialize, Serialize};

use super::record::{Record, bucket_of, right_digits};
use crate::config::{Key, Stream};
use crate::tasks::sudoku::{Bucket, Puzzle};
use crate::trace::Count;

/// A share with its 95 % interval, all 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The share.
    pub share: f64,
    /// Lower edge.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
}

impl Estimate {
    /// Whether the interval holds zero: of a difference this says that none was found.
    #[must_use]
    pub fn holds_zero(self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }
}

/// What was solved after some iterations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// So many.
    pub iterations: u32,
    /// All boards.
    pub total: Count,
    /// By difficulty; all five, in rising order.
    pub buckets: Vec<(Bucket, Count)>,
    /// The mean over the buckets that have boards, each counting alike: the published score.
    pub balanced: Estimate,
    /// The mean over the buckets by their share in the public test set ([`natural_share`]); none where a bucket
    /// has no board.
    pub natural: Option<Estimate>,
}

/// Board iterations: those that were run, and those of a pass that no board leaves early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Run.
    pub made: u64,
    /// Without early exits.
    pub of: u64,
}

/// A whole measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// In rising order of iterations.
    pub rows: Vec<Row>,
    /// What it cost.
    pub spent: Spent,
    /// Boards that were solved after some iteration and are not at the end.
    pub lost: u32,
    /// Boards that were solved after some iteration.
    pub ever: Count,
}

/// A bucket's share of the public test set, which `specs/sudoku.md` §3 tells as about 14/25/50/10 % for ratings
/// of 0, 1 to 10, 11 to 50 and above; the middle two buckets are taken as equal (§8.5 does so too).
#[must_use]
pub fn natural_share(bucket: Bucket) -> f64 {
    let percent = match bucket {
        Bucket::Zero => 14.0,
        Bucket::OneTwo | Bucket::ThreeTen => 12.5,
        Bucket::ElevenFifty => 50.0,
        Bucket::FiftyOnePlus => 10.0,
    };
    percent / 99.0
}

/// By how much the mean over the buckets differs between two passes over the same boards, `second` minus `first`,
/// after each of `iterations`: shares from −1 to 1 with the interval of a paired bootstrap. An interval that holds
/// zero says that no difference was found.
///
/// # Errors
/// As [`scaling`].
pub fn differences(
    puzzles: &[Puzzle],
    [first, second]: [&[Record]; 2],
    iterations: &[u32],
    seed: u64,
) -> Result<Vec<Estimate>, String> {
    let groups = groups(puzzles);
    let [first, second] = [first, second].map(|records| solved_after(puzzles, records, iterations).map(|s| s.at));
    let (first, second) = (first?, second?);
    let rows = iterations.len();
    let [a, b] = [&first, &second].map(|solved| bootstrap(&groups, solved, rows, seed));
    let alike: Vec<f64> = groups.iter().map(|g| f64::from(u8::from(!g.is_empty()))).collect();
    let share = |solved: &[Vec<bool>], k: usize| {
        let shares: Vec<f64> =
            groups.iter().map(|g| g.iter().filter(|i| solved[**i][k]).count() as f64 / g.len().max(1) as f64).collect();
        weighted(&shares, &alike)
    };
    Ok((0..rows)
        .map(|k| {
            let pairs = a[k].iter().zip(&b[k]);
            let mut all: Vec<f64> = pairs.map(|(a, b)| weighted(b, &alike) - weighted(a, &alike)).collect();
            all.sort_by(f64::total_cmp);
            let (low, high) = (percentile(&all, 0.025), percentile(&all, 0.975));
            Estimate { share: share(&second, k) - share(&first, k), low, high }
        })
        .collect())
}

/// Which boards are solved when.
pub(super) struct SolvedAfter {
    /// After each of the iterations that were asked for, `[boards][iterations]`.
    pub at: Vec<Vec<bool>>,
    /// Solved at some iteration and not at the end.
    lost: u32,
    /// Solved at some iteration.
    ever: u32,
}

pub(super) fn solved_after(puzzles: &[Puzzle], records: &[Record], iterations: &[u32]) -> Result<SolvedAfter, String> {
    if puzzles.is_empty() || puzzles.len() != records.len() {
        return Err("there is no record for every puzzle".into());
    }
    let mut out = SolvedAfter { at: Vec::with_capacity(puzzles.len()), lost: 0, ever: 0 };
    for (i, (puzzle, record)) in puzzles.iter().zip(records).enumerate() {
        let right = right_digits(puzzle).ok_or_else(|| format!("puzzle {} has no solution beside it", i + 1))?;
        let mut at = vec![false; iterations.len()];
        let (mut once, mut last) = (false, false);
        record.walk(|t, digits, _| {
            last = digits == right;
            once |= last;
            // The last answer stands for all later iterations.
            let end = if t == record.len() { u32::MAX } else { t };
            for (at, wanted) in at.iter_mut().zip(iterations) {
                if (t..=end).contains(wanted) {
                    *at = last;
                }
            }
        });
        out.ever += u32::from(once);
        out.lost += u32::from(once && !last);
        out.at.push(at);
    }
    Ok(out)
}

/// Which boards are in which bucket.
fn groups(puzzles: &[Puzzle]) -> Vec<Vec<usize>> {
    Bucket::ALL
        .iter()
        .map(|bucket| (0..puzzles.len()).filter(|i| bucket_of(&puzzles[*i]) == *bucket).collect())
        .collect()
}

/// 1, 2, 4, … and the last one.
#[must_use]
pub fn doubling(last: u32) -> Vec<u32> {
    let powers = std::iter::successors(Some(1_u32), |t| t.checked_mul(2)).take_while(|t| *t < last);
    powers.chain([last]).collect()
}

/// Draws of a bootstrap.
const DRAWS: usize = 2000;

/// Scores records after each of `iterations` (rising). A board that left early keeps its last answer. Intervals
/// are percentiles of a bootstrap over the boards of each bucket, the same draws for every row.
///
/// # Errors
/// A puzzle without a solution, or no board at all.
pub fn scaling(puzzles: &[Puzzle], records: &[Record], iterations: &[u32], seed: u64) -> Result<Scaling, String> {
    let SolvedAfter { at: solved, lost, ever } = solved_after(puzzles, records, iterations)?;
    let groups = groups(puzzles);
    let draws = bootstrap(&groups, &solved, iterations.len(), seed);
    let longest = iterations.last().copied().unwrap_or(0);
    let rows = iterations.iter().enumerate().map(|(k, n)| row(*n, k, &groups, &solved, &draws)).collect();
    Ok(Scaling {
        rows,
        spent: Spent {
            made: records.iter().map(|r| u64::from(r.len())).sum(),
            of: records.len() as u64 * u64::from(longest.max(records.iter().map(Record::len).max().unwrap_or(0))),
        },
        lost,
        ever: Count { solved: ever, of: puzzles.len() as u32 },
    })
}

fn row(iterations: u32, k: usize, groups: &[Vec<usize>], solved: &[Vec<bool>], draws: &[Vec<Vec<f64>>]) -> Row {
    let count = |group: &Vec<usize>| Count {
        solved: group.iter().filter(|i| solved[**i][k]).count() as u32,
        of: group.len() as u32,
    };
    let buckets: Vec<(Bucket, Count)> = Bucket::ALL.into_iter().zip(groups.iter().map(count)).collect();
    let total =
        buckets.iter().fold(Count::default(), |t, (_, c)| Count { solved: t.solved + c.solved, of: t.of + c.of });
    let shares: Vec<f64> = buckets.iter().map(|(_, c)| c.share()).collect();
    let alike: Vec<f64> = groups.iter().map(|g| f64::from(u8::from(!g.is_empty()))).collect();
    let natural: Vec<f64> = Bucket::ALL.into_iter().map(natural_share).collect();
    let whole = groups.iter().all(|g| !g.is_empty());
    let estimate = |weights: &[f64]| {
        let mut means: Vec<f64> = draws[k].iter().map(|shares| weighted(shares, weights)).collect();
        means.sort_by(f64::total_cmp);
        let (low, high) = (percentile(&means, 0.025), percentile(&means, 0.975));
        Estimate { share: weighted(&shares, weights), low, high }
    };
    Row { iterations, total, balanced: estimate(&alike), natural: whole.then(|| estimate(&natural)), buckets }
}

fn weighted(shares: &[f64], weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    shares.iter().zip(weights).map(|(s, w)| s * w).sum::<f64>() / sum
}

/// Shares of the buckets, `[iterations][draws][buckets]`, of boards drawn with replacement within each bucket.
fn bootstrap(groups: &[Vec<usize>], solved: &[Vec<bool>], rows: usize, seed: u64) -> Vec<Vec<Vec<f64>>> {
    let mut out = vec![vec![vec![0.0; groups.len()]; DRAWS]; rows];
    for (g, group) in groups.iter().enumerate() {
        let key = Key::new(seed, Stream::Statistics).at(0, g as u16);
        for draw in 0..DRAWS {
            let key = key.at_step(draw as u32);
            let mut counts = vec![0_u32; rows];
            for i in 0..group.len() {
                let chosen = group[key.below(i as u32, group.len())];
                for (count, solved) in counts.iter_mut().zip(&solved[chosen]) {
                    *count += u32::from(*solved);
                }
            }
            for (row, count) in out.iter_mut().zip(counts) {
                row[draw][g] = f64::from(count) / group.len().max(1) as f64;
            }
        }
    }
    out
}

/// The value below which this share of a sorted list lies, linear in between.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len().max(1) - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * at.fract(),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::record::Change;
    use crate::tasks::sudoku::{Grid, Shape};

    /// A 4×4 puzzle with one blank, whose right digit is 1.
    fn puzzle(rating: u32) -> Puzzle {
        let solution = vec![1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1];
        let mut clues = solution.clone();
        clues[0] = 0;
        let grid = |cells| Grid::new(Shape::S4, cells).unwrap();
        Puzzle { solution: Some(grid(solution)), rating: Some(rating), ..Puzzle::unchecked(grid(clues)) }
    }

    /// A record whose answers are these digits.
    fn record(digits: &[u8]) -> Record {
        let changes = digits.windows(2).enumerate().filter(|(_, w)| w[0] != w[1]);
        let numbers = vec![0.5; digits.len()];
        Record {
            first: vec![digits[0]],
            changes: changes.map(|(i, w)| Change { iteration: i as u32 + 2, blank: 0, digit: w[1] }).collect(),
            confidence: numbers.clone(),
            entropy: numbers.clone(),
            state_norm: numbers.clone(),
            residual: numbers,
            halting: Vec::new(),
        }
    }

    #[test]
    fn solved_boards_are_counted_by_iteration_and_bucket() {
        let puzzles = [puzzle(0), puzzle(0), puzzle(60)];
        let records = [record(&[2, 1, 1, 2]), record(&[1]), record(&[2, 2, 2, 1])];
        let found = scaling(&puzzles, &records, &[1, 2, 4, 8], 7).unwrap();
        let totals: Vec<u32> = found.rows.iter().map(|r| r.total.solved).collect();
        assert_eq!(totals, [1, 2, 2, 2]);
        assert_eq!(found.rows[1].buckets[0].1, Count { solved: 2, of: 2 });
        // The mean over the two buckets that have boards.
        assert_eq!(found.rows[1].balanced.share, 0.5);
        assert_eq!(found.rows[3].balanced.share, 0.75);
        assert_eq!(found.rows[1].natural, None);
        assert_eq!((found.lost, found.ever), (1, Count { solved: 3, of: 3 }));
        assert_eq!(found.spent, Spent { made: 9, of: 24 });
        for row in &found.rows {
            assert!(row.balanced.low <= row.balanced.share && row.balanced.share <= row.balanced.high);
        }
        let better = [record(&[1]), record(&[1]), record(&[2])];
        let differences = differences(&puzzles, [&records, &better], &[1, 4], 7).unwrap();
        assert_eq!(differences.iter().map(|d| d.share).collect::<Vec<_>>(), [0.25, -0.25]);
        assert!(scaling(&puzzles, &records[..2], &[1], 7).is_err());
        assert!(scaling(&[Puzzle { solution: None, ..puzzle(0) }], &records[..1], &[1], 7).is_err());
    }

    #[test]
    fn counts_double() {
        assert_eq!(doubling(1), [1]);
        assert_eq!(doubling(16), [1, 2, 4, 8, 16]);
        assert_eq!(doubling(96), [1, 2, 4, 8, 16, 32, 64, 96]);
    }

    #[test]
    fn the_interval_is_as_wide_as_a_binomial_says() {
        // 400 boards in each bucket, half of them solved: a bucket's share has a deviation of 0.025, the mean
        // over five of 0.025 / √5.
        let puzzles: Vec<Puzzle> = [0, 1, 5, 20, 60].iter().flat_map(|r| (0..400).map(|_| puzzle(*r))).collect();
        let records: Vec<Record> = (0..2000).map(|i| record(&[1 + (i % 2) as u8])).collect();
        let row = scaling(&puzzles, &records, &[1], 3).unwrap().rows.remove(0);
        let half = |e: Estimate| (e.high - e.low) / 2.0;
        let wanted = 1.96 * 0.025 / 5.0_f64.sqrt();
        assert!((half(row.balanced) / wanted - 1.0).abs() < 0.08, "{:?}", row.balanced);
        // By natural shares the hard half counts more, so the interval is wider.
        let sum: f64 = Bucket::ALL.into_iter().map(|b| natural_share(b).powi(2)).sum();
        let natural = row.natural.unwrap();
        assert!((half(natural) / (1.96 * 0.025 * sum.sqrt()) - 1.0).abs() < 0.08, "{natural:?}");
    }
}
