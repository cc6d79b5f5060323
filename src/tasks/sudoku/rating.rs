//! How hard a puzzle is: the guesses of a solver that draws strong conclusions.

use super::grid::Grid;

mod bands;

pub(super) use bands::{count_guesses, solutions};

/// A range of ratings, as used in the public sets of hard puzzles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum Bucket {
    /// No guess: conclusions alone solve it.
    #[serde(rename = "0")]
    Zero,
    /// 1 or 2 guesses.
    #[serde(rename = "1-2")]
    OneTwo,
    /// 3 to 10 guesses.
    #[serde(rename = "3-10")]
    ThreeTen,
    /// 11 to 50 guesses.
    #[serde(rename = "11-50")]
    ElevenFifty,
    /// 51 guesses or more.
    #[serde(rename = "51+")]
    FiftyOnePlus,
}

impl Bucket {
    /// All buckets, easiest first.
    pub const ALL: [Bucket; 5] =
        [Bucket::Zero, Bucket::OneTwo, Bucket::ThreeTen, Bucket::ElevenFifty, Bucket::FiftyOnePlus];

    /// The bucket of a rating.
    pub fn of(rating: u32) -> Bucket {
        match rating {
            0 => Bucket::Zero,
            1..=2 => Bucket::OneTwo,
            3..=10 => Bucket::ThreeTen,
            11..=50 => Bucket::ElevenFifty,
            51.. => Bucket::FiftyOnePlus,
        }
    }

    /// The bucket with this label.
    pub fn named(label: &str) -> Option<Bucket> {
        Bucket::ALL.into_iter().find(|bucket| bucket.label() == label)
    }

    /// The range in digits, such as `3-10`.
    pub fn label(self) -> &'static str {
        match self {
            Bucket::Zero => "0",
            Bucket::OneTwo => "1-2",
            Bucket::ThreeTen => "3-10",
            Bucket::ElevenFifty => "11-50",
            Bucket::FiftyOnePlus => "51+",
        }
    }
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label())
    }
}

/// The difficulty of a puzzle: guesses until the first solution, on the scale of the `rating`
/// column of the public sets (tdoku's guess count). Not invariant under symmetry: a relabelled
/// puzzle may need a few guesses more or fewer.
pub fn rate(grid: &Grid) -> u32 {
    count_guesses(grid)
}

/// Spearman's rank correlation, ties given their average rank. NaN where the lengths differ,
/// where there are fewer than two pairs, or where one side is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() || a.len() < 2 {
        return f64::NAN;
    }
    let (ra, rb) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in ra.iter().zip(&rb) {
        ab += (x - mean) * (y - mean);
        aa += (x - mean) * (x - mean);
        bb += (y - mean) * (y - mean);
    }
    ab / (aa * bb).sqrt()
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&i, &j| values[i] == values[j]) {
        for &i in tied {
            ranks[i] = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        }
        before += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_meet_without_gaps() {
        for (rating, label) in
            [(0, "0"), (1, "1-2"), (2, "1-2"), (3, "3-10"), (10, "3-10"), (11, "11-50"), (50, "11-50"), (51, "51+")]
        {
            assert_eq!(Bucket::of(rating).to_string(), label);
        }
        assert!(Bucket::ALL.is_sorted());
    }

    #[test]
    fn spearman_with_ties() {
        assert!((spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]) - 1.0).abs() < 1e-12);
        assert!((spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
        let tied = spearman(&[1.0, 2.0, 2.0, 5.0], &[1.0, 2.0, 3.0, 4.0]);
        assert!((tied - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-12, "{tied}");
        assert!(spearman(&[1.0], &[1.0]).is_nan());
        assert!(spearman(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
    }
}
