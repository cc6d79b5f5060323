//! What is wrong on the boards that are not solved after the last iteration.

use serde::{Deserialize, Serialize};

use crate::measure::numbers::{Part, Split, Spread, mean, share_or_one};
use crate::measure::timeline::Timeline;
use crate::tasks::sudoku::{Shape, Unit, UnitKind};

/// Wrong cells up to which failures are counted, as in the original.
const AT_MOST: [u32; 7] = [1, 2, 3, 5, 10, 20, 40];
/// Iterations at the end over which the right cells of failures are told.
const LAST: u32 = 5;
/// Cells that are told of.
const CELLS: usize = 10;

/// Digits that are missing from a unit since others stand there more than once: side minus different digits. Summed
/// over the units of a kind, mean over the failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Over the rows.
    pub rows: f64,
    /// Over the columns.
    pub columns: f64,
    /// Over the boxes.
    pub boxes: f64,
}

/// A cell and how often it is wrong. All count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongCell {
    /// Row.
    pub row: u32,
    /// Column.
    pub column: u32,
    /// Box, counted row by row.
    pub r#box: u32,
    /// Failures in which it is wrong.
    pub failures: u32,
}

/// Failures: boards with a blank cell that is wrong after iteration T.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    /// Of all boards, and by difficulty.
    pub boards: Split<Part>,
    /// Wrong cells of a failure; none without failures.
    pub wrong_cells: Option<Spread>,
    /// For 1, 2, 3, 5, 10, 20 and 40: failures with at most so many wrong cells.
    pub at_most: Vec<(u32, u32)>,
    /// Digits that stand twice.
    pub duplicates: Duplicates,
    /// Failures that are full, obey the rules and keep the clues: possible only where a puzzle has several
    /// solutions.
    pub valid: u32,
    /// Failures of which a blank cell changed in iteration T.
    pub changing: u32,
    /// The ten cells that are wrong most often, the first of equals in reading order.
    pub cells: Vec<WrongCell>,
    /// The last five iterations: which, and the share of the failures' blank cells that are right after it.
    pub right: Vec<(u32, f64)>,
}

/// What is gathered over the boards.
#[derive(Default)]
pub(super) struct Gathered {
    shape: Option<Shape>,
    boards: Split<(u32, u32)>,
    wrong: Vec<u32>,
    /// Over rows, columns and boxes.
    duplicates: [u64; 3],
    valid: u32,
    changing: u32,
    by_cell: Vec<u32>,
    blanks: u64,
    right: Vec<(u32, u64)>,
}

impl Gathered {
    /// Takes the next board, whether it failed or not.
    pub fn add(&mut self, line: &Timeline) -> Result<(), String> {
        let shape = *self.shape.get_or_insert(line.shape);
        if shape != line.shape {
            return Err(format!("boards of one shape are needed: there is a {shape} and a {}", line.shape));
        }
        let end = line.iterations();
        let failed = !line.solved(end);
        self.boards.add(line.bucket, |(count, of)| {
            *count += u32::from(failed);
            *of += 1;
        });
        if self.right.is_empty() {
            self.right = (end.saturating_sub(LAST - 1).max(1)..=end).map(|t| (t, 0)).collect();
        }
        if !failed {
            return Ok(());
        }
        self.by_cell.resize(shape.cells(), 0);
        let mut wrong = 0;
        for ((cell, digit), right) in line.blanks.iter().zip(&line.last).zip(&line.right) {
            if digit != right {
                wrong += 1;
                self.by_cell.iter_mut().skip(*cell).take(1).for_each(|n| *n += 1);
            }
        }
        self.wrong.push(wrong);
        let answer = line.answer();
        for unit in shape.units() {
            let kind = match unit.kind {
                UnitKind::Row => 0,
                UnitKind::Column => 1,
                UnitKind::Box => 2,
            };
            self.duplicates[kind] += missing(shape, unit, &answer);
        }
        self.valid += u32::from(line.valid.last() == Some(&true));
        self.changing += u32::from(line.flips.last().is_some_and(|f| *f > 0));
        self.blanks += line.blanks.len() as u64;
        for (t, right) in &mut self.right {
            *right += u64::from(line.right_cells(*t));
        }
        Ok(())
    }

    pub fn finish(self) -> Failures {
        let count = self.wrong.len() as u64;
        let [rows, columns, boxes] = self.duplicates.map(|n| mean(n as f64, count));
        let mut cells: Vec<WrongCell> = match self.shape {
            Some(shape) => self.by_cell.iter().enumerate().map(|(cell, n)| wrong_cell(shape, cell, *n)).collect(),
            None => Vec::new(),
        };
        cells.retain(|c| c.failures > 0);
        // Stable, so that equals stay in reading order.
        cells.sort_by_key(|c| std::cmp::Reverse(c.failures));
        cells.truncate(CELLS);
        Failures {
            at_most: AT_MOST.map(|n| (n, self.wrong.iter().filter(|w| **w <= n).count() as u32)).into(),
            wrong_cells: Spread::of(self.wrong),
            boards: self.boards.map(|(count, of)| Part::new(count, of)),
            duplicates: Duplicates { rows, columns, boxes },
            valid: self.valid,
            changing: self.changing,
            cells,
            right: match count {
                0 => Vec::new(),
                _ => self.right.into_iter().map(|(t, right)| (t, share_or_one(right, self.blanks))).collect(),
            },
        }
    }
}

fn wrong_cell(shape: Shape, cell: usize, failures: u32) -> WrongCell {
    let from_one = |i: usize| i as u32 + 1;
    WrongCell {
        row: from_one(shape.row_of(cell)),
        column: from_one(shape.col_of(cell)),
        r#box: from_one(shape.box_of(cell)),
        failures,
    }
}

/// Digits that do not stand in a unit.
fn missing(shape: Shape, unit: Unit, answer: &[u8]) -> u64 {
    let side = shape.side();
    let digits = shape.unit_cells(unit).filter_map(|cell| answer.get(cell).copied());
    let seen = digits
        .filter(|d| (1..=side).contains(&usize::from(*d)))
        .fold(0_u64, |seen, d| seen | 1_u64.checked_shl(d.into()).unwrap_or(0));
    (side as u64).saturating_sub(seen.count_ones().into())
}
