//! Files of puzzles, read as a stream: plain text or CSV, gzipped or not.

use std::collections::VecDeque;
use std::io::{Read, Write};

use super::error::PuzzleError;
use super::grid::Grid;
use super::parse::{Assembler, board, is_comment, marks};
use super::puzzle::Puzzle;
use super::solver;

mod lines;
mod table;

use lines::Lines;
pub use lines::MAX_RECORD;
use table::Table;

/// Puzzles from a file, one by one, in bounded memory whatever the file holds.
///
/// The format is found out: gzip by its first bytes; CSV by a header that names a column
/// `puzzle` (or `question`); else boards in plain text, as [`super::parse_many`] reads them.
/// CSV columns come in any order; `solution` (or `answer`), `rating` and `source` may be absent,
/// others are ignored. A record is one line of at most [`MAX_RECORD`] bytes.
///
/// A solution that comes with a puzzle is checked against it; that there is no second one is
/// not, see [`check`]. After an error the next record follows, except where
/// [`PuzzleError::is_final`] says that nothing can.
pub struct PuzzleReader {
    lines: Lines,
    format: Format,
    ready: VecDeque<Result<Puzzle, PuzzleError>>,
    /// Whether anything has been given out: a file without any puzzle is an error.
    any: bool,
    finished: bool,
}

enum Format {
    Unknown,
    Plain(Assembler),
    Table(Table),
}

impl PuzzleReader {
    /// Reads puzzles from this source.
    pub fn new(source: Box<dyn Read>) -> PuzzleReader {
        PuzzleReader {
            lines: Lines::new(source),
            format: Format::Unknown,
            ready: VecDeque::new(),
            any: false,
            finished: false,
        }
    }

    /// Takes one line and puts what it completes in the queue.
    fn line(&mut self, number: usize, text: &str) {
        if let Format::Unknown = self.format {
            if text.trim().is_empty() || is_comment(text) {
                return;
            }
            match Table::from_header(number, text) {
                Some(Ok(table)) => {
                    self.format = Format::Table(table);
                    return;
                }
                Some(Err(error)) => {
                    self.ready.push_back(Err(error));
                    return;
                }
                None => self.format = Format::Plain(Assembler::default()),
            }
        }
        match &mut self.format {
            Format::Table(table) => {
                if !text.trim().is_empty() {
                    self.ready.push_back(table.record(number, text));
                }
            }
            Format::Plain(assembler) => {
                let boards = assembler.line(number, text);
                self.ready.extend(boards.into_iter().map(|b| b.map(Puzzle::unchecked)));
            }
            Format::Unknown => {}
        }
    }

    fn end(&mut self) {
        self.finished = true;
        if let Format::Plain(assembler) = &mut self.format {
            self.ready.extend(assembler.finish().map(|b| b.map(Puzzle::unchecked)));
        }
        if !self.any && self.ready.is_empty() {
            self.ready.push_back(Err(PuzzleError::Empty));
        }
    }
}

impl Iterator for PuzzleReader {
    type Item = Result<Puzzle, PuzzleError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                self.any = true;
                if next.as_ref().is_err_and(PuzzleError::is_final) {
                    self.finished = true;
                    self.ready.clear();
                }
                return Some(next);
            }
            if self.finished {
                return None;
            }
            match self.lines.next_line() {
                Some(Ok((number, text))) => self.line(number, &text),
                Some(Err(error)) => self.ready.push_back(Err(error)),
                None => self.end(),
            }
        }
    }
}

/// Checks that a puzzle has exactly one solution, which is the one it comes with if it does;
/// gives that solution. This solves the puzzle, which a file of millions may not want.
pub fn check(puzzle: &Puzzle) -> Result<Grid, PuzzleError> {
    if let Some(conflict) = puzzle.clues.conflicts().into_iter().next() {
        return Err(PuzzleError::Duplicate { line: None, conflict });
    }
    let mut found = solver::solutions(&puzzle.clues, 2).into_iter();
    let Some(first) = found.next() else {
        return Err(PuzzleError::NoSolution { line: None });
    };
    if let Some(second) = found.next() {
        return Err(PuzzleError::SeveralSolutions {
            line: None,
            cells: (0..first.cells().len()).filter(|&c| first.get(c) != second.get(c)).collect(),
            first: first.to_line(),
            second: second.to_line(),
        });
    }
    match &puzzle.solution {
        Some(given) if *given != first => {
            Err(mismatch(&puzzle.clues, given).unwrap_or(PuzzleError::NoSolution { line: None }))
        }
        _ => Ok(first),
    }
}

/// Why a board is no solution of these clues; `None` if it is one.
fn mismatch(clues: &Grid, solution: &Grid) -> Option<PuzzleError> {
    let error = |reason: String, cells: Vec<usize>| Some(PuzzleError::SolutionMismatch { line: None, reason, cells });
    let shape = clues.shape();
    if solution.shape() != shape {
        return error(format!("it is a {} board, the puzzle a {shape} one", solution.shape()), vec![]);
    }
    let place = |cell| format!("row {}, column {}", shape.row_of(cell) + 1, shape.col_of(cell) + 1);
    for (cell, (&clue, &digit)) in clues.cells().iter().zip(solution.cells()).enumerate() {
        if digit == 0 {
            return error(format!("its cell at {} is blank", place(cell)), vec![cell]);
        }
        if clue != 0 && clue != digit {
            let reason = format!("at {} it has {digit}, the puzzle {clue}", place(cell));
            return error(reason, vec![cell]);
        }
    }
    let conflict = solution.conflicts().into_iter().next()?;
    error(format!("in it {conflict}"), conflict.cells)
}

/// The solution column of a record, checked against the puzzle.
fn read_solution(clues: &Grid, number: usize, text: &str) -> Result<Grid, PuzzleError> {
    let reason = match board(&marks(number, text)) {
        Ok(solution) => match mismatch(clues, &solution) {
            None => return Ok(solution),
            Some(error) => return Err(error.on_line(number)),
        },
        Err(PuzzleError::Duplicate { conflict, .. }) => {
            let reason = format!("in it {conflict}");
            let cells = if conflict.shape == clues.shape() { conflict.cells } else { Vec::new() };
            return Err(PuzzleError::SolutionMismatch { line: Some(number), reason, cells });
        }
        Err(PuzzleError::WrongLength { found, .. }) => {
            format!("it has {found} cells, the puzzle {}", clues.cells().len())
        }
        Err(PuzzleError::BadCharacter { column, found, .. }) => {
            format!("its character {column} is `{}`", found.escape_debug())
        }
        Err(other) => return Err(other),
    };
    Err(PuzzleError::SolutionMismatch { line: Some(number), reason, cells: Vec::new() })
}

/// Writes puzzles as CSV with the columns puzzle, solution, rating and source; what a puzzle
/// does not have stays empty. [`PuzzleReader`] reads it back.
pub fn write_csv<'a>(writer: impl Write, puzzles: impl IntoIterator<Item = &'a Puzzle>) -> Result<(), PuzzleError> {
    let failed = |message: String| PuzzleError::Io { line: None, message: format!("writing: {message}") };
    let mut out = csv::Writer::from_writer(writer);
    let header = ["puzzle", "solution", "rating", "source"];
    out.write_record(header).map_err(|e| failed(e.to_string()))?;
    for puzzle in puzzles {
        let solution = puzzle.solution.as_ref().map(Grid::to_line).unwrap_or_default();
        let rating = puzzle.rating.map(|r| r.to_string()).unwrap_or_default();
        // A record is one line when it is read back.
        let source = puzzle.source.as_deref().unwrap_or_default().replace(['\r', '\n'], " ");
        out.write_record([puzzle.clues.to_line(), solution, rating, source]).map_err(|e| failed(e.to_string()))?;
    }
    out.flush().map_err(|e| failed(e.to_string()))
}

#[cfg(test)]
mod tests;
