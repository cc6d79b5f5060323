//! Both tests by hand, and what must add up.

use proptest::prelude::*;

use super::*;
use crate::measure::made_up::{ITERATIONS, boards, padded, puzzle, record};

fn records(letters: &[&str]) -> (Vec<Puzzle>, Vec<Record>) {
    let puzzle = puzzle(11, 30);
    letters.iter().map(|l| (puzzle.clone(), record(&puzzle, l))).unzip()
}

#[test]
fn a_cold_start_by_hand() {
    let (puzzles, records) = records(&["sss", "bcs"]);
    let found = cold(&puzzles, &records, 3).unwrap();
    let right: Vec<f64> = found.moments.iter().map(|m| m.right).collect();
    assert_eq!(right, [0.8, 0.7, 1.0]);
    let flips: Vec<f64> = found.moments.iter().map(|m| m.flips).collect();
    assert_eq!(flips, [1.0, 0.5, 1.5], "before iteration 1 is the solution");
    let perfect: Vec<u32> = found.moments.iter().map(|m| m.perfect.count).collect();
    assert_eq!(perfect, [1, 1, 2]);
    let wanted = FirstFlips { boards: 2, cells: 10, flipped: 2, perfect: 1 };
    assert_eq!((found.first.all, found.first.buckets[3].1), (wanted, wanted));
    assert_eq!(found.first.buckets[0].1, FirstFlips::default());
}

#[test]
fn a_warm_pass_by_hand() {
    // Iterations 1 to 3, then 4 to 6.
    let (puzzles, records) = records(&["esssss", "edcccc", "essabs", "essabc", "edcbas", "edcdcb"]);
    let found = warm(&puzzles, &records, 3, 6).unwrap();
    let m = found.moves.all;
    assert_eq!(m.named().map(|(_, n)| n), [1, 1, 1, 1, 2]);
    assert_eq!((m.boards(), m.wrong_then_solved, found.solved), (6, 1, 3));
    // Cells that ever change: 0, 0, 2, 3, 3 and 2 (the fourth, then the third).
    assert_eq!((m.cells, m.cells_changed), (30, 10));
    assert_eq!(m, found.moves.buckets[3].1);
    let at: Vec<_> = found.moments.iter().map(|m| (m.iteration, m.same_boards, m.solved)).collect();
    assert_eq!(at, [(4, 2, 1), (5, 3, 1), (6, 3, 3)]);
    // After iteration 4 one cell differs on each of the four.
    assert_eq!(found.moments[0].same_cells, 26.0 / 30.0);
}

#[test]
fn a_warm_pass_needs_a_before_and_an_after() {
    let (puzzles, records) = records(&["sss"]);
    for (after, iterations) in [(0, 3), (3, 3), (4, 3)] {
        assert!(warm(&puzzles, &records, after, iterations).unwrap_err().contains("before and after"));
    }
    assert!(cold(&puzzles, &records, 0).is_err() && cold(&[], &[], 3).is_err() && warm(&[], &[], 1, 9).is_err());
}

proptest! {
    #[test]
    fn boards_add_up((puzzles, records) in boards(), after in 1..ITERATIONS) {
        let found = warm(&puzzles, &records, after, ITERATIONS).unwrap();
        let m = found.moves.all;
        prop_assert_eq!(m.boards(), found.boards);
        prop_assert_eq!(found.moves.buckets.iter().map(|(_, m)| m.boards()).sum::<u32>(), found.boards);
        prop_assert_eq!(found.solved, m.stays_right + m.moves_and_returns + m.moves_away);
        let end = found.moments.last().unwrap();
        prop_assert_eq!(end.solved, m.stays_right + m.moves_and_returns + m.wrong_then_solved);
        prop_assert!(end.same_boards >= m.stays_right + m.stays_wrong);
        prop_assert!((0.0..=1.0).contains(&m.changed_share()));
        prop_assert_eq!(m.cells_changed == 0, m.stays_right + m.stays_wrong == found.boards);
        let first = cold(&puzzles, &records, ITERATIONS).unwrap();
        prop_assert_eq!(first.first.all.perfect, first.moments[0].perfect.count);
        prop_assert_eq!(first.first.buckets.iter().map(|(_, f)| f.flipped).sum::<u64>(), first.first.all.flipped);
    }

    #[test]
    fn a_board_that_left_keeps_its_answer((puzzles, records) in boards(), after in 1..ITERATIONS) {
        let whole: Vec<Record> = records.iter().map(|r| padded(r, ITERATIONS as usize)).collect();
        prop_assert_eq!(warm(&puzzles, &records, after, ITERATIONS), warm(&puzzles, &whole, after, ITERATIONS));
        prop_assert_eq!(cold(&puzzles, &records, ITERATIONS), cold(&puzzles, &whole, ITERATIONS));
    }
}
