//! Two models over the same boards.

use serde::{Deserialize, Serialize};

use crate::measure::record::{Record, right_digits};
use crate::measure::scaling::{Estimate, differences};
use crate::tasks::sudoku::Puzzle;

/// What an interval says of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The interval holds zero: more boards might find one.
    NotFound,
    /// The first solves more.
    First,
    /// The second solves more.
    Second,
}

impl Difference {
    /// Of an interval of second minus first.
    #[must_use]
    pub fn of(difference: &Estimate) -> Self {
        if difference.low > 0.0 {
            Self::Second
        } else if difference.high < 0.0 {
            Self::First
        } else {
            Self::NotFound
        }
    }

    /// In words; `first` and `second` are what the models are called.
    #[must_use]
    pub fn words(self, first: &str, second: &str) -> String {
        match self {
            Self::NotFound => "no difference found".into(),
            Self::First => format!("{first} solves more"),
            Self::Second => format!("{second} solves more"),
        }
    }
}

/// Two models after the same number of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardRow {
    /// So many.
    pub iterations: u32,
    /// Boards that both solved.
    pub both: u32,
    /// Boards that the first alone solved.
    pub first: u32,
    /// Boards that the second alone solved.
    pub second: u32,
    /// Boards that neither solved.
    pub neither: u32,
    /// Solved share of the second minus that of the first, mean over the difficulties that occur, with the 95 %
    /// interval of a paired bootstrap ([`differences`]).
    pub difference: Estimate,
    /// What that interval says.
    pub found: Difference,
    /// Exact McNemar test, two-sided ([`mcnemar`]): every board counts alike.
    pub p: f64,
}

/// Two models over the same boards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardsCompared {
    /// Boards in all.
    pub boards: u32,
    /// In rising order of iterations.
    pub rows: Vec<BoardRow>,
}

/// Compares two passes over the same boards after each of `iterations`. A board that left early keeps its last
/// answer. `seed` is that of the bootstrap.
///
/// # Errors
/// A puzzle without a solution, a puzzle without a record of both, or no board at all.
pub fn boards(
    puzzles: &[Puzzle],
    records: [&[Record]; 2],
    iterations: &[u32],
    seed: u64,
) -> Result<BoardsCompared, String> {
    let differences = differences(puzzles, records, iterations, seed)?;
    let mut counts = vec![[0_u32; 4]; iterations.len()];
    for (i, puzzle) in puzzles.iter().enumerate() {
        let right = right_digits(puzzle).ok_or_else(|| format!("puzzle {} has no solution beside it", i + 1))?;
        let solved = records.map(|list| list.get(i).map_or_else(Vec::new, |r| solved_after(r, &right, iterations)));
        for (k, count) in counts.iter_mut().enumerate() {
            let [a, b] = [0, 1].map(|m| solved[m].get(k).copied().unwrap_or(false));
            count[usize::from(a) + 2 * usize::from(b)] += 1;
        }
    }
    let rows =
        iterations.iter().zip(counts).zip(differences).map(|((t, [neither, first, second, both]), difference)| {
            let (found, p) = (Difference::of(&difference), mcnemar(first, second));
            BoardRow { iterations: *t, both, first, second, neither, difference, found, p }
        });
    Ok(BoardsCompared { boards: puzzles.len() as u32, rows: rows.collect() })
}

/// Whether a board is solved after each of some iterations; its last answer stands for all later ones.
fn solved_after(record: &Record, right: &[u8], iterations: &[u32]) -> Vec<bool> {
    let mut out = vec![false; iterations.len()];
    record.walk(|t, digits, _| {
        let end = if t == record.len() { u32::MAX } else { t };
        for (out, wanted) in out.iter_mut().zip(iterations) {
            if (t..=end).contains(wanted) {
                *out = digits == right;
            }
        }
    });
    out
}

/// The two-sided p value of the exact McNemar test: of the n = `first` + `second` boards that one model alone
/// solved, how likely is a split at least as uneven if each goes either way with probability ½?
/// p = min(1, 2 Σ C(n, k) / 2ⁿ) over k = 0 … the smaller of the two; 1 where there is no such board.
#[must_use]
pub fn mcnemar(first: u32, second: u32) -> f64 {
    let n = f64::from(first) + f64::from(second);
    // Logarithms: 2⁻ⁿ alone is too small for a number from n = 1,075 on.
    let mut term = -n * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for k in 0..=first.min(second) {
        if k > 0 {
            term += ((n - f64::from(k) + 1.0) / f64::from(k)).ln();
        }
        sum += term.exp();
    }
    (2.0 * sum).min(1.0)
}
