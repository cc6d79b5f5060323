//! A reading by hand, endings against those of a trace, and what must add up.

use proptest::prelude::*;

use super::*;
use crate::config::Interventions;
use crate::measure::made_up::{ITERATIONS, SOLUTION, boards, from_answers, padded, puzzle, record};
use crate::measure::record::filled;
use crate::tasks::sudoku::{Bucket, Grid, Shape};
use crate::trace::{Curves, Frame, Iteration, Step, Trace, Verdict};

fn read(board: &Puzzle, letters: &[&str]) -> Inside {
    let records: Vec<Record> = letters.iter().map(|l| record(board, l)).collect();
    inside(&vec![board.clone(); letters.len()], &records, letters[0].len() as u32).unwrap()
}

#[test]
fn a_reading_by_hand() {
    let found = read(&puzzle(11, 5), &["essssss", "esbssab", "ecccccc"]);
    let column = |of: fn(&Moment) -> u32| found.moments.iter().map(of).collect::<Vec<_>>();
    assert_eq!(column(|m| m.iteration), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(column(|m| m.solved), [0, 2, 1, 2, 2, 1, 1]);
    assert_eq!(column(|m| m.gained), [0, 2, 0, 1, 0, 0, 0]);
    assert_eq!(column(|m| m.lost), [0, 0, 1, 0, 0, 1, 0]);
    assert_eq!(column(|m| m.ever), [0, 2, 2, 2, 2, 2, 2]);
    assert_eq!(column(|m| m.ever_lost), [0, 0, 1, 0, 0, 1, 1]);
    assert_eq!(column(|m| m.changed), [0, 3, 1, 1, 0, 1, 1]);
    assert_eq!(found.losses, 2);
    // Right cells after 2: 5, 5 and 2 of 5 each. Flips in it: 5, 5 and 2.
    assert_eq!(found.moments[1].right, 12.0 / 15.0);
    assert_eq!(found.moments[1].flips, 4.0);
    assert!((found.moments[0].confidence - 0.9).abs() < 1e-6);
    assert_eq!(found.first_solved, [0, 2, 0, 0, 0, 0, 0]);
    assert_eq!(found.last_change.solved, [0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(found.last_change.failed, [0, 1, 0, 0, 0, 0, 1]);
    let e = found.endings.all;
    assert_eq!((e.settled_solved, e.settled_wrong, e.wandering, e.sum()), (1, 1, 1, 3));
    assert_eq!(found.endings.buckets[2], (Bucket::ThreeTen, e));
}

#[test]
fn failures_by_hand() {
    let found = read(&puzzle(11, 5), &["essssss", "esbssab", "ecccccc"]).failures;
    assert_eq!((found.boards.all.count, found.boards.all.of), (2, 3));
    assert_eq!((found.boards.buckets[2].1.count, found.boards.buckets[0].1.of), (2, 0));
    let wrong = found.wrong_cells.unwrap();
    assert_eq!((wrong.least, wrong.median, wrong.mean, wrong.most), (2, 2.5, 2.5, 3));
    assert_eq!(found.at_most, [(1, 0), (2, 1), (3, 2), (5, 2), (10, 2), (20, 2), (40, 2)]);
    // Rows 3 and 4 are 2 1 4 4 and 1 3 2 1 with two wrong, and 2 1 4 4 and 1 4 2 1 with three: of each a digit is
    // missing in both rows and in both boxes, and in two columns and in three.
    let d = found.duplicates;
    assert_eq!((d.rows, d.columns, d.boxes), (2.0, 2.5, 2.0));
    assert_eq!((found.valid, found.changing), (0, 1));
    let cells: Vec<_> = found.cells.iter().map(|c| (c.row, c.column, c.r#box, c.failures)).collect();
    assert_eq!(cells, [(3, 4, 4, 2), (4, 1, 3, 2), (4, 2, 3, 1)]);
    // Of ten cells: s and c after 5, a and c after 6, b and c after 7.
    assert_eq!(found.right, [(3, 0.5), (4, 0.7), (5, 0.7), (6, 0.6), (7, 0.5)]);
    let none = read(&puzzle(11, 5), &["ss"]).failures;
    assert_eq!((none.wrong_cells, none.cells.len(), none.right.len()), (None, 0, 0));
}

#[test]
fn an_ambiguous_puzzle_can_fail_with_a_valid_board() {
    let clues = Grid::empty(Shape::S4);
    let mut puzzle = puzzle(11, 0);
    puzzle.clues = clues;
    // Digits 1 and 2 exchanged is as good a board.
    let other: Vec<u8> = SOLUTION.iter().map(|d| [0, 2, 1, 3, 4][usize::from(*d)]).collect();
    let found = inside(&[puzzle], &[from_answers(&[other])], 1).unwrap();
    assert_eq!((found.failures.valid, found.failures.boards.all.count, found.endings.all.solved), (1, 1, 1));
    assert_eq!(found.failures.duplicates, Duplicates::default());
}

#[test]
fn endings_by_hand() {
    let board = puzzle(11, 0);
    let found =
        read(&board, &["eabababab", "esbcdedca", "eccdcebda", "edcbsssss", "edcbaaaaa", "edcbacdss", "esbsbsbsb"]);
    let e = found.endings.all;
    assert_eq!((e.cycle, e.collapsed, e.wandering, e.settled_solved, e.settled_wrong, e.solved), (2, 1, 1, 1, 1, 1));
    assert_eq!(found.periods, [(2, 2)]);
    assert_eq!(read(&board, &["eb"]).endings.all.too_short, 1);
    let mut broken = record(&board, "essss");
    broken.state_norm[2] = f32::INFINITY;
    assert_eq!(inside(&[board], &[broken], 5).unwrap().endings.all.not_finite, 1);
}

#[test]
fn shapes_must_agree() {
    let big = Grid::new(Shape::S6, vec![0; 36]).unwrap();
    let other = Puzzle { solution: Some(big.clone()), rating: Some(0), ..Puzzle::unchecked(big) };
    let (small, records) = (puzzle(14, 0), [record(&puzzle(14, 0), "s"), from_answers(&[vec![1; 36]])]);
    let said = inside(&[small, other], &records, 1).unwrap_err();
    assert_eq!(said, "boards of one shape are needed: there is a 4×4 (2×2 boxes) and a 6×6 (2×3 boxes)");
}

/// The same pass as a trace.
fn trace(puzzle: &Puzzle, record: &Record) -> Trace {
    let mut frames = Vec::new();
    record.walk(|t, digits, _| {
        let i = t as usize - 1;
        frames.push(Frame {
            iteration: Iteration(t),
            digits: filled(&puzzle.clues, digits).unwrap().cells().to_vec(),
            state_norm: vec![record.state_norm[i]; 16],
            residual: record.residual[i],
            ..Frame::default()
        });
    });
    Trace {
        puzzle: puzzle.clone(),
        model: String::new(),
        trained_iterations: 4,
        step: Step(0),
        interventions: Interventions::default(),
        frames,
    }
}

fn ending_of(verdict: &Verdict) -> Option<Ending> {
    Some(match verdict {
        Verdict::Empty => return None,
        Verdict::TooShort { .. } => Ending::TooShort,
        Verdict::NotFinite { .. } => Ending::NotFinite,
        Verdict::Settled { .. } => Ending::SettledSolved,
        Verdict::Solved { .. } => Ending::Solved,
        Verdict::SettledWrong { .. } => Ending::SettledWrong,
        Verdict::Repeats { period, .. } => Ending::Cycle { period: *period },
        Verdict::Collapsed { .. } => Ending::Collapsed,
        Verdict::Wanders { .. } => Ending::Wandering,
    })
}

proptest! {
    /// The words mean what they mean for a single trace.
    #[test]
    fn endings_are_those_of_traces(letters in "[a-cs]{1,40}|([a-c]{1,3}){12}|[a-es]{1,20}s{0,6}[a-c]{0,10}", cell in 0..40_usize) {
        let puzzle = puzzle(11, 0);
        let mut record = record(&puzzle, &letters);
        if let Some(norm) = record.state_norm.get_mut(cell).filter(|_| letters.len() % 5 == 0) {
            *norm = f32::NAN;
        }
        let mut found = None;
        each(std::slice::from_ref(&puzzle), std::slice::from_ref(&record), record.len(), |line| {
            found = Some(Ending::of(line));
            Ok(())
        }).unwrap();
        prop_assert_eq!(found, ending_of(&Curves::of(&trace(&puzzle, &record)).verdict()));
    }

    #[test]
    fn all_boards_are_counted((puzzles, records) in boards()) {
        let found = inside(&puzzles, &records, ITERATIONS).unwrap();
        let all = found.boards;
        let end = found.moments.last().unwrap();
        prop_assert_eq!(found.first_solved.iter().sum::<u32>(), end.ever);
        prop_assert_eq!(found.last_change.solved.iter().sum::<u32>(), end.solved);
        prop_assert_eq!(found.last_change.failed.iter().sum::<u32>(), all - end.solved);
        prop_assert_eq!(found.failures.boards.all.count, all - end.solved);
        prop_assert_eq!(found.endings.all.sum(), all);
        prop_assert_eq!(found.endings.buckets.iter().map(|(_, e)| e.sum()).sum::<u32>(), all);
        prop_assert_eq!(found.periods.iter().map(|(_, n)| n).sum::<u32>(), found.endings.all.cycle);
        prop_assert_eq!(found.failures.valid, 0, "each puzzle has one solution");
        prop_assert_eq!(found.failures.at_most.last().unwrap().1, all - end.solved, "a board has five blanks at most");
        let mut before = 0;
        for m in &found.moments {
            prop_assert_eq!(m.solved + m.lost, before + m.gained);
            prop_assert!((0.0..=1.0).contains(&m.right) && m.ever_lost <= m.ever && m.ever <= all && m.changed <= all);
            before = m.solved;
        }
    }

    #[test]
    fn a_board_that_left_keeps_its_answer((puzzles, records) in boards()) {
        let whole: Vec<Record> = records.iter().map(|r| padded(r, ITERATIONS as usize)).collect();
        prop_assert_eq!(inside(&puzzles, &records, ITERATIONS), inside(&puzzles, &whole, ITERATIONS));
    }
}
