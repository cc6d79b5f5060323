//! How two ratings of the same puzzles agree.

use super::rating::{Bucket, spearman};

/// The rating here beside the one that came with a puzzle, counted over many puzzles.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Agreement {
    /// Puzzles with both ratings.
    pub puzzles: usize,
    /// Bucket by bucket.
    pub buckets: Vec<InBucket>,
    /// Puzzles by both ratings: a row for each bucket of the given rating, in it a number for each bucket
    /// of the rating here.
    pub confusion: [[usize; 5]; 5],
    /// The largest difference of a bucket's shares, in percentage points.
    pub largest_difference: f64,
    /// Share of puzzles whose two ratings fall in the same bucket.
    pub same_bucket: f64,
    /// Spearman's rank correlation; nothing where one of the ratings never differs.
    pub rank_correlation: Option<f64>,
}

/// A bucket's puzzles by either rating.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct InBucket {
    /// The bucket.
    pub bucket: Bucket,
    /// Puzzles in it by the rating here.
    pub here: usize,
    /// Puzzles in it by the given rating.
    pub given: usize,
    /// The share here less the share by the given rating, in percentage points.
    pub difference: f64,
}

impl Agreement {
    /// Compares pairs of the rating here and the given one. Nothing where there are none.
    pub fn of(pairs: &[(u32, u32)]) -> Option<Agreement> {
        if pairs.is_empty() {
            return None;
        }
        let mut confusion = [[0; 5]; 5];
        for &(here, given) in pairs {
            confusion[Bucket::of(given) as usize][Bucket::of(here) as usize] += 1;
        }
        let count = pairs.len() as f64;
        let buckets: Vec<InBucket> = Bucket::ALL
            .into_iter()
            .enumerate()
            .map(|(i, bucket)| {
                let (here, given) = (confusion.iter().map(|row| row[i]).sum(), confusion[i].iter().sum());
                InBucket { bucket, here, given, difference: 100.0 * (here as f64 - given as f64) / count }
            })
            .collect();
        let (here, given): (Vec<f64>, Vec<f64>) = pairs.iter().map(|&(a, b)| (f64::from(a), f64::from(b))).unzip();
        Some(Agreement {
            puzzles: pairs.len(),
            largest_difference: buckets.iter().map(|row| row.difference.abs()).fold(0.0, f64::max),
            same_bucket: (0..5).map(|i| confusion[i][i]).sum::<usize>() as f64 / count,
            rank_correlation: Some(spearman(&here, &given)).filter(|r| r.is_finite()),
            buckets,
            confusion,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_few_pairs_by_hand() {
        let found = Agreement::of(&[(0, 0), (2, 1), (60, 99), (4, 11)]).expect("pairs");
        assert_eq!((found.puzzles, found.same_bucket), (4, 0.75));
        let of = |bucket: Bucket| &found.buckets[bucket as usize];
        assert_eq!((of(Bucket::ThreeTen).here, of(Bucket::ThreeTen).given), (1, 0));
        assert_eq!(of(Bucket::ThreeTen).difference, 25.0);
        assert_eq!(of(Bucket::ElevenFifty).difference, -25.0);
        assert_eq!(found.largest_difference, 25.0);
        assert_eq!(found.confusion[3], [0, 0, 1, 0, 0]);
        assert!(found.rank_correlation.is_some_and(|r| (r - 1.0).abs() < 1e-9));
        assert_eq!(Agreement::of(&[]), None);
    }

    proptest! {
        #[test]
        fn counts_add_up(pairs in prop::collection::vec((0u32..100, 0u32..100), 1..50)) {
            let found = Agreement::of(&pairs).expect("pairs");
            prop_assert_eq!(found.confusion.iter().flatten().sum::<usize>(), pairs.len());
            prop_assert_eq!(found.buckets.iter().map(|row| row.here).sum::<usize>(), pairs.len());
            prop_assert_eq!(found.buckets.iter().map(|row| row.given).sum::<usize>(), pairs.len());
            prop_assert!(found.buckets.iter().map(|row| row.difference).sum::<f64>().abs() < 1e-9);
        }
    }
}
