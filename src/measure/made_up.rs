//! Made-up records on 4×4 boards, for tests.

use proptest::prelude::*;

use super::record::{Change, Record, blanks};
use crate::tasks::sudoku::{Grid, Puzzle, Shape};

/// What all puzzles here come to.
pub(crate) const SOLUTION: [u8; 16] = [1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1];
/// A letter of [`record`] stands for the solution.
pub(crate) const RIGHT: char = 's';

/// A board of this rating whose cells of the first `given` are clues. With 11 or more there is one solution.
pub(crate) fn puzzle(given: usize, rating: u32) -> Puzzle {
    let grid = |cells| Grid::new(Shape::S4, cells).unwrap();
    let clues = SOLUTION.iter().enumerate().map(|(i, d)| if i < given { *d } else { 0 }).collect();
    Puzzle { solution: Some(grid(SOLUTION.to_vec())), rating: Some(rating), ..Puzzle::unchecked(grid(clues)) }
}

/// A record whose answers are told by letters: `s` is the solution; `a`, `b`, … are the solution with 1, 2, …
/// blank cells one digit too high. Confidence 0.9, entropy 0.1, a state that grows by 1 and a residual to match.
pub(crate) fn record(puzzle: &Puzzle, letters: &str) -> Record {
    let cells = blanks(&puzzle.clues);
    let answers: Vec<Vec<u8>> = letters
        .chars()
        .map(|letter| {
            let wrong = if letter == RIGHT { 0 } else { letter as usize - 'a' as usize + 1 };
            let digit = |(i, cell): (usize, &usize)| if i < wrong { SOLUTION[*cell] % 4 + 1 } else { SOLUTION[*cell] };
            cells.iter().enumerate().map(digit).collect()
        })
        .collect();
    from_answers(&answers)
}

/// A record of these answers.
pub(crate) fn from_answers(answers: &[Vec<u8>]) -> Record {
    let mut changes = Vec::new();
    for (pair, iteration) in answers.windows(2).zip(2..) {
        for (blank, (before, now)) in pair[0].iter().zip(&pair[1]).enumerate() {
            if before != now {
                changes.push(Change { iteration, blank: blank as u16, digit: *now });
            }
        }
    }
    let length = answers.len();
    Record {
        first: answers.first().cloned().unwrap_or_default(),
        changes,
        confidence: vec![0.9; length],
        entropy: vec![0.1; length],
        state_norm: (1..=length).map(|t| t as f32).collect(),
        residual: (0..length).map(|t| 1.0 / t.max(1) as f32).collect(),
        halting: Vec::new(),
    }
}

/// What a board that left is taken for: the record with its last answer and numbers again and again.
pub(crate) fn padded(record: &Record, iterations: usize) -> Record {
    let keep = |list: &[f32]| {
        let mut list = list.to_vec();
        list.resize(iterations, *list.last().unwrap());
        list
    };
    Record {
        first: record.first.clone(),
        changes: record.changes.clone(),
        confidence: keep(&record.confidence),
        entropy: keep(&record.entropy),
        state_norm: keep(&record.state_norm),
        residual: keep(&record.residual),
        halting: record.halting.clone(),
    }
}

/// Iterations of a pass over [`boards`].
pub(crate) const ITERATIONS: u32 = 24;

/// Boards of several difficulties, with 2 or 5 blank cells and one solution each; records of 1 to 24 iterations,
/// often near the solution, with numbers that mean nothing.
pub(crate) fn boards() -> impl Strategy<Value = (Vec<Puzzle>, Vec<Record>)> {
    let board = (prop_oneof![Just(14_usize), Just(11)], 0..80_u32).prop_flat_map(|(given, rating)| {
        let puzzle = puzzle(given, rating);
        let right: Vec<u8> = SOLUTION[given..].to_vec();
        let anything = proptest::collection::vec(1..=4_u8, right.len());
        let answer = prop_oneof![2 => Just(right), 1 => anything];
        // An answer, and for how long it stays.
        let answers = proptest::collection::vec((answer, 1..=8_usize), 1..12);
        let numbers = proptest::collection::vec((0.25..=1.0_f32, 0.0..2.0_f32), ITERATIONS as usize);
        (Just(puzzle), answers, numbers)
    });
    let boards = board.prop_map(|(puzzle, answers, numbers)| {
        let mut answers: Vec<Vec<u8>> = answers.into_iter().flat_map(|(a, n)| vec![a; n]).collect();
        answers.truncate(ITERATIONS as usize);
        let mut record = from_answers(&answers);
        for (i, (confidence, residual)) in numbers.into_iter().take(answers.len()).enumerate() {
            // Few different values, so that ties are common.
            record.confidence[i] = (8.0 * confidence).round() / 8.0;
            record.residual[i] = (4.0 * residual).round() / 4.0;
        }
        (puzzle, record)
    });
    proptest::collection::vec(boards, 1..12).prop_map(|list| list.into_iter().unzip())
}

#[test]
fn boards_have_one_solution() {
    for given in [11, 14] {
        let puzzle = puzzle(given, 0);
        assert_eq!(Puzzle::checked(puzzle.clues.clone()).unwrap().solution, puzzle.solution);
    }
}
