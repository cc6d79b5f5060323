use proptest::prelude::*;

use super::*;
use crate::config::Interventions;
use crate::measure::made_up::{self, SOLUTION};
use crate::measure::record::Record;
use crate::measure::scaling::Estimate;
use crate::tasks::sudoku::Puzzle;
use crate::trace::{Frame, Iteration, Probability, Step, Trace};

/// A pass over the board of [`made_up::puzzle`] with 11 clues: a row of probabilities for each blank cell.
fn trace(iterations: &[Vec<Vec<f32>>]) -> Trace {
    let puzzle = made_up::puzzle(11, 0);
    let frames = iterations.iter().zip(1..).map(|(rows, t)| {
        let mut digits = vec![1; 16];
        let mut probabilities = vec![Probability::from_f32(0.25); 64];
        for (i, row) in rows.iter().enumerate() {
            let cell = 11 + i;
            digits[cell] = crate::measure::record::arg_max(row);
            for (d, p) in row.iter().enumerate() {
                probabilities[cell * 4 + d] = Probability::from_f32(*p);
            }
        }
        Frame { iteration: Iteration(t), digits, probabilities, state_norm: vec![1.0; 16], ..Frame::default() }
    });
    Trace {
        frames: frames.collect(),
        puzzle,
        model: "made up".into(),
        trained_iterations: 4,
        step: Step(1),
        interventions: Interventions::default(),
    }
}

/// Five cells that are sure of these digits.
fn sure(digits: [u8; 5]) -> Vec<Vec<f32>> {
    digits.map(|d| (1..=4).map(|k| f32::from(u8::from(k == d))).collect()).to_vec()
}

fn right() -> [u8; 5] {
    [11, 12, 13, 14, 15].map(|c: usize| SOLUTION[c])
}

fn any_pass() -> impl Strategy<Value = Trace> {
    let cell = proptest::collection::vec(0.0..1.0_f32, 4).prop_map(|row| {
        let sum: f32 = row.iter().sum::<f32>().max(1e-3);
        row.into_iter().map(|p| p / sum).collect::<Vec<f32>>()
    });
    let frame = proptest::collection::vec(cell, 5);
    proptest::collection::vec(prop_oneof![1 => Just(sure(right())), 2 => frame], 1..8).prop_map(|f| trace(&f))
}

fn swapped(row: &PairRow) -> PairRow {
    let right = row.right.map(|r| Right { first: r.second, second: r.first, ..r });
    PairRow { right, ..*row }
}

#[test]
fn cells_are_told_apart() {
    let wrong = |n: usize| {
        let mut digits = right();
        digits[..n].iter_mut().for_each(|d| *d = *d % 4 + 1);
        sure(digits)
    };
    let (a, b) = (trace(&[wrong(3), wrong(1), wrong(0)]), trace(&[wrong(1), wrong(1), wrong(0)]));
    let pair = Pair::of(&a, &b).unwrap();
    assert_eq!(pair.blanks, 5);
    let first = pair.rows[0];
    assert_eq!((first.iteration, first.differ), (1, 2));
    assert_eq!(first.right, Some(Right { both: 2, first: 0, second: 2, neither: 1 }));
    // Two of five cells have no digit in common: 2/5, and 2/5 of ln 2.
    assert!((first.variation - 0.4).abs() < 1e-9, "{first:?}");
    assert!((first.divergence - 0.4 * std::f64::consts::LN_2).abs() < 1e-9, "{first:?}");
    assert_eq!((pair.agreed(), pair.parted()), (Some(2), Some(1)));
    assert_eq!(pair.verdict(), "The answers are the same from iteration 2 to the last, 3.");
    let later = Pair::of(&trace(&[wrong(0), wrong(2)]), &trace(&[wrong(0), wrong(0), wrong(5)])).unwrap();
    assert_eq!((later.rows.len(), later.agreed(), later.parted()), (2, None, Some(2)));
    assert_eq!(
        later.verdict(),
        "In the end, at iteration 2, 2 of 5 cells differ; the answers have differed since iteration 2."
    );
}

#[test]
fn a_known_divergence() {
    // p = (1, 0), q = (½, ½): m = (¾, ¼); ½ ln (4/3) + ½ (½ ln (2/3) + ½ ln 2) = 0.2157615 nats.
    let cell = |p: f32| vec![vec![p, 1.0 - p, 0.0, 0.0]; 5];
    let pair = Pair::of(&trace(&[cell(1.0)]), &trace(&[cell(0.5)])).unwrap();
    assert!((pair.rows[0].divergence - 0.215_761_5).abs() < 1e-4, "{pair:?}");
    assert!((pair.rows[0].variation - 0.5).abs() < 1e-4, "{pair:?}");
}

#[test]
fn other_puzzles_are_refused_and_solutions_may_come_late() {
    let a = trace(&[sure(right())]);
    let mut other = a.clone();
    other.puzzle = made_up::puzzle(14, 0);
    assert!(Pair::of(&a, &other).unwrap_err().contains("different puzzles"));
    let mut unsolved = a.clone();
    unsolved.puzzle.solution = None;
    let mut pair = Pair::of(&unsolved, &unsolved).unwrap();
    assert_eq!(pair.rows[0].right, None);
    pair.extend(&a, &a).unwrap();
    assert_eq!(pair.rows[0].right, Some(Right { both: 5, ..Right::default() }));
    // A pass that began again is read again.
    let long = trace(&[sure(right()), sure([1; 5])]);
    pair.extend(&long, &long).unwrap();
    pair.extend(&a, &a).unwrap();
    assert_eq!(pair, Pair::of(&a, &a).unwrap());
}

#[test]
fn exact_p_values() {
    // R: binom.test(k, n)$p.value; `mcnemar.exact` gives the same.
    for (first, second, p) in [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (3, 3, 1.0),
        (0, 5, 0.0625),
        (5, 0, 0.0625),
        (2, 10, 0.038_574_218_75),
        (0, 10, 0.001_953_125),
        (8, 12, 0.503_444_671_630_859_4),
    ] {
        assert!((mcnemar(first, second) - p).abs() < 1e-12, "{first}, {second}: {}", mcnemar(first, second));
    }
    // 2⁻ⁿ is far below the least number here, the p value is not: 2 (1 − Φ(40.5 / √1600)) + … near 0.32.
    let p = mcnemar(1560, 1640);
    assert!((p - 0.1626).abs() < 0.002, "{p}");
    assert!(mcnemar(0, 100_000) == 0.0);
}

#[test]
fn an_interval_that_holds_zero_finds_nothing() {
    let estimate = |low, high| Estimate { share: 0.5 * (low + high), low, high };
    let words = [(-0.2, -0.1), (-0.1, 0.0), (0.0, 0.0), (0.1, 0.3)]
        .map(|(low, high)| Difference::of(&estimate(low, high)).words("A", "B"));
    assert_eq!(words, ["A solves more", "no difference found", "no difference found", "B solves more"]);
}

#[test]
fn boards_are_counted() {
    let puzzles = vec![made_up::puzzle(11, 0); 4];
    let records = |all: [&str; 4]| -> Vec<Record> { all.map(|l| made_up::record(&puzzles[0], l)).to_vec() };
    let first = records(["ss", "as", "aa", "sb"]);
    let second = records(["sa", "ss", "aa", "ab"]);
    let found = boards(&puzzles, [&first, &second], &[1, 2, 9], 0).unwrap();
    let counts: Vec<[u32; 5]> =
        found.rows.iter().map(|r| [r.iterations, r.both, r.first, r.second, r.neither]).collect();
    assert_eq!(counts, [[1, 1, 1, 1, 1], [2, 1, 1, 0, 2], [9, 1, 1, 0, 2]]);
    assert_eq!(found.rows.iter().map(|r| r.difference.share).collect::<Vec<_>>(), [0.0, -0.25, -0.25]);
    assert_eq!(found.rows[1].p, 1.0);
    assert!(boards(&puzzles, [&first, &second[..3]], &[1], 0).is_err());
    let bare = vec![Puzzle { solution: None, ..made_up::puzzle(11, 0) }; 4];
    assert!(boards(&bare, [&first, &second], &[1], 0).unwrap_err().contains("no solution"));
}

proptest! {
    #[test]
    fn a_pass_does_not_differ_from_itself(pass in any_pass()) {
        let pair = Pair::of(&pass, &pass).unwrap();
        prop_assert_eq!(pair.rows.len(), pass.frames.len());
        prop_assert_eq!((pair.agreed(), pair.parted()), (Some(1), None));
        for row in &pair.rows {
            prop_assert_eq!((row.differ, row.variation, row.divergence), (0, 0.0, 0.0));
            let right = row.right.unwrap();
            prop_assert_eq!((right.first, right.second, right.both + right.neither), (0, 0, 5));
        }
    }

    #[test]
    fn a_swap_mirrors_two_passes(first in any_pass(), second in any_pass()) {
        let (there, back) = (Pair::of(&first, &second).unwrap(), Pair::of(&second, &first).unwrap());
        prop_assert_eq!(there.rows.iter().map(swapped).collect::<Vec<_>>(), back.rows.clone());
        prop_assert_eq!((there.agreed(), there.parted(), there.verdict()), (back.agreed(), back.parted(), back.verdict()));
        for row in &there.rows {
            let right = row.right.unwrap();
            prop_assert_eq!(right.both + right.first + right.second + right.neither, 5);
            prop_assert!(right.first + right.second <= row.differ);
            prop_assert!((0.0..=1.0).contains(&row.variation) && (0.0..=0.693_148).contains(&row.divergence));
            // Pinsker and its converse: ½ V² ≤ JS ≤ V ln 2 hold for means as well.
            prop_assert!(row.divergence <= row.variation * std::f64::consts::LN_2 + 1e-4);
            prop_assert!(0.5 * row.variation * row.variation <= row.divergence + 1e-4);
        }
        // Frame by frame or at once is the same.
        let mut grown = Pair::of(&Trace { frames: first.frames[..1].to_vec(), ..first.clone() }, &second).unwrap();
        grown.extend(&first, &second).unwrap();
        prop_assert_eq!(grown, there);
    }

    #[test]
    fn models_over_boards_mirror_each_other((puzzles, records) in made_up::boards(), shift in 1..5_usize) {
        let iterations = [1, 2, 5, 24];
        let same = boards(&puzzles, [&records, &records], &iterations, 3).unwrap();
        for row in &same.rows {
            prop_assert_eq!((row.first, row.second, row.p, row.found), (0, 0, 1.0, Difference::NotFound));
            prop_assert_eq!((row.difference.share, row.difference.low, row.difference.high), (0.0, 0.0, 0.0));
        }
        // Others: every record without its first answers.
        let later: Vec<Record> = records.iter().map(|r| {
            let mut answers = Vec::new();
            r.walk(|_, digits, _| answers.push(digits.to_vec()));
            let skip = shift.min(answers.len() - 1);
            made_up::from_answers(&answers[skip..])
        }).collect();
        let there = boards(&puzzles, [&records, &later], &iterations, 3).unwrap();
        let back = boards(&puzzles, [&later, &records], &iterations, 3).unwrap();
        for (a, b) in there.rows.iter().zip(&back.rows) {
            prop_assert_eq!((a.both, a.first, a.second, a.neither), (b.both, b.second, b.first, b.neither));
            prop_assert_eq!(a.both + a.first + a.second + a.neither, there.boards);
            prop_assert_eq!(a.p, b.p);
            let mirrored = [-b.difference.share, -b.difference.high, -b.difference.low];
            for (x, y) in [a.difference.share, a.difference.low, a.difference.high].into_iter().zip(mirrored) {
                prop_assert!((x - y).abs() < 1e-12, "{} and {}", x, y);
            }
        }
    }
}
