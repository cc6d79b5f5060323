//! What can be wrong with a puzzle or a file of puzzles, said so that it can be put right.

use super::conflict::Conflict;
use super::shape::Shape;

/// A cell of the board, for messages and for marking it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BoardCell {
    /// Index from 0, row by row.
    pub index: usize,
    /// Row from 1.
    pub row: usize,
    /// Column from 1.
    pub column: usize,
}

impl BoardCell {
    /// The cell with this index on a board of this shape.
    pub fn new(shape: Shape, index: usize) -> BoardCell {
        BoardCell { index, row: shape.row_of(index) + 1, column: shape.col_of(index) + 1 }
    }
}

/// What is wrong with a puzzle or with a file of puzzles. Lines count from 1; a puzzle that
/// comes from no text has none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PuzzleError {
    /// The text has no cells at all.
    #[error("There is no puzzle here. A puzzle is 16, 36 or 81 digits, with . for a blank.")]
    Empty,
    /// The number of cells fits no board.
    #[error("{} {found} cells; a board has {expected}.", lead(line, "this puzzle has"))]
    WrongLength {
        /// The line it starts on.
        line: Option<usize>,
        /// Cells found.
        found: usize,
        /// Cells that would do, in words.
        expected: String,
    },
    /// One row of a board that is spread over lines is too short or too long.
    #[error("{} {found} cells; the rows above it have {expected}.", lead(line, "this row of the board has"))]
    RaggedRow {
        /// The line of that row.
        line: Option<usize>,
        /// Cells in that row.
        found: usize,
        /// Cells in the first row.
        expected: usize,
    },
    /// A character is neither a digit of this board nor a blank.
    #[error("{} is `{}`; allowed are {allowed}.", lead(line, &place(cell, *column)), found.escape_debug())]
    BadCharacter {
        /// The line it stands on.
        line: Option<usize>,
        /// Which character of the line, from 1.
        column: usize,
        /// The cell of the board, where the board's size is known.
        cell: Option<BoardCell>,
        /// The character found.
        found: char,
        /// What would be right, in words.
        allowed: String,
    },
    /// A digit stands twice in a unit.
    #[error("{}{conflict}. A digit may stand only once in a row, a column or a box.", at(line))]
    Duplicate {
        /// The line the puzzle starts on.
        line: Option<usize>,
        /// Which digit, and where.
        conflict: Conflict,
    },
    /// No way to fill the blanks.
    #[error("{} no solution: the blanks cannot be filled without repeating a digit.", lead(line, "this puzzle has"))]
    NoSolution {
        /// The line the puzzle starts on.
        line: Option<usize>,
    },
    /// More than one way to fill the blanks.
    #[error(
        "{} more than one solution, such as {first} and {second}. It needs more clues.",
        lead(line, "this puzzle has")
    )]
    SeveralSolutions {
        /// The line the puzzle starts on.
        line: Option<usize>,
        /// One solution, as a line.
        first: String,
        /// Another one.
        second: String,
        /// The cells where the two differ.
        cells: Vec<usize>,
    },
    /// The given solution is not one of this puzzle.
    #[error("{} does not solve the puzzle: {reason}.", lead(line, "the solution given"))]
    SolutionMismatch {
        /// The line of the record.
        line: Option<usize>,
        /// Why not, in words.
        reason: String,
        /// The cells that show it.
        cells: Vec<usize>,
    },
    /// A record of a CSV file is malformed.
    #[error("{}{message}", at(line))]
    Csv {
        /// The line of the record.
        line: Option<usize>,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The CSV header names no puzzle column.
    #[error("{} no column named {want}; it has {have}.", lead(line, "the header has"))]
    MissingColumn {
        /// The line of the header.
        line: Option<usize>,
        /// The columns found.
        have: String,
        /// The columns that would do.
        want: String,
    },
    /// The text is not UTF-8.
    #[error(
        "{} byte {byte} of the line is not valid UTF-8. Puzzles are read from plain text, CSV or gzip.",
        lead(line, "this is not text:")
    )]
    NotText {
        /// The line.
        line: Option<usize>,
        /// Which byte of the line, from 1.
        byte: usize,
    },
    /// A line or a text is longer than any puzzle.
    #[error("{} {limit} bytes, which no {what} needs.", lead(line, "this is longer than"))]
    TooLarge {
        /// The line.
        line: Option<usize>,
        /// What is too long, in words.
        what: String,
        /// The longest that is read.
        limit: usize,
    },
    /// The compressed file is damaged.
    #[error("{} is damaged or cut short ({message}). Download or copy the file again.", lead(line, "the gzip data"))]
    Gzip {
        /// The line that was being read.
        line: Option<usize>,
        /// What the decompressor says.
        message: String,
    },
    /// Reading failed.
    #[error("{} {message}.", lead(line, "reading failed:"))]
    Io {
        /// The line that was being read.
        line: Option<usize>,
        /// What the system says.
        message: String,
    },
}

/// `Line 3: this puzzle`, or `This puzzle` for one that comes from no text.
fn lead(line: &Option<usize>, words: &str) -> String {
    if line.is_some() {
        return at(line) + words;
    }
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// `Line 3: `, or nothing for a puzzle that comes from no text.
fn at(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("Line {line}: "))
}

fn place(cell: &Option<BoardCell>, column: usize) -> String {
    match cell {
        Some(cell) => format!("the cell at row {}, column {}", cell.row, cell.column),
        None => format!("character {column}"),
    }
}

impl PuzzleError {
    /// The line of the text or file, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            PuzzleError::Empty => None,
            PuzzleError::WrongLength { line, .. }
            | PuzzleError::RaggedRow { line, .. }
            | PuzzleError::BadCharacter { line, .. }
            | PuzzleError::Duplicate { line, .. }
            | PuzzleError::NoSolution { line }
            | PuzzleError::SeveralSolutions { line, .. }
            | PuzzleError::SolutionMismatch { line, .. }
            | PuzzleError::Csv { line, .. }
            | PuzzleError::MissingColumn { line, .. }
            | PuzzleError::NotText { line, .. }
            | PuzzleError::TooLarge { line, .. }
            | PuzzleError::Gzip { line, .. }
            | PuzzleError::Io { line, .. } => *line,
        }
    }

    /// The cells of the board to mark, in reading order; empty where the error has no place on
    /// a board.
    pub fn cells(&self) -> Vec<usize> {
        match self {
            PuzzleError::BadCharacter { cell, .. } => cell.iter().map(|c| c.index).collect(),
            PuzzleError::Duplicate { conflict, .. } => conflict.cells.clone(),
            PuzzleError::SeveralSolutions { cells, .. } | PuzzleError::SolutionMismatch { cells, .. } => cells.clone(),
            _ => Vec::new(),
        }
    }

    /// The same error, placed on this line where it had none.
    pub(super) fn on_line(mut self, number: usize) -> PuzzleError {
        match &mut self {
            PuzzleError::Empty => {}
            PuzzleError::WrongLength { line, .. }
            | PuzzleError::RaggedRow { line, .. }
            | PuzzleError::BadCharacter { line, .. }
            | PuzzleError::Duplicate { line, .. }
            | PuzzleError::NoSolution { line }
            | PuzzleError::SeveralSolutions { line, .. }
            | PuzzleError::SolutionMismatch { line, .. }
            | PuzzleError::Csv { line, .. }
            | PuzzleError::MissingColumn { line, .. }
            | PuzzleError::NotText { line, .. }
            | PuzzleError::TooLarge { line, .. }
            | PuzzleError::Gzip { line, .. }
            | PuzzleError::Io { line, .. } => *line = line.or(Some(number)),
        }
        self
    }

    /// Whether nothing more can be read from the file after this error.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            PuzzleError::Empty | PuzzleError::MissingColumn { .. } | PuzzleError::Gzip { .. } | PuzzleError::Io { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_where() {
        let error = PuzzleError::WrongLength { line: Some(3), found: 80, expected: "16, 36 or 81".into() };
        assert_eq!(error.to_string(), "Line 3: this puzzle has 80 cells; a board has 16, 36 or 81.");
        assert_eq!(error.line(), Some(3));
        let error = PuzzleError::BadCharacter {
            line: Some(2),
            column: 14,
            cell: Some(BoardCell::new(Shape::S9, 13)),
            found: 'x',
            allowed: "1 to 9, or . for a blank".into(),
        };
        assert_eq!(
            error.to_string(),
            "Line 2: the cell at row 2, column 5 is `x`; allowed are 1 to 9, or . for a blank."
        );
        assert_eq!(error.cells(), [13]);
        let moved = PuzzleError::NoSolution { line: None }.on_line(7);
        assert_eq!(moved.line(), Some(7));
    }
}
