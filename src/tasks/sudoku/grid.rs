//! A board: digits and blanks, what is wrong with them, and how they are written.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::conflict::Conflict;
use super::shape::Shape;

/// A board, complete or not. A cell holds 0 (blank) or a digit from 1 to the side.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Grid {
    shape: Shape,
    cells: Vec<u8>,
}

/// Why cells do not make a board.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GridError {
    /// The number of cells does not fit the shape.
    #[error("A {shape} board has {want} cells, but {found} were given.")]
    WrongCells {
        /// The shape that was asked for.
        shape: Shape,
        /// Cells given.
        found: usize,
        /// Cells needed.
        want: usize,
    },
    /// A digit is larger than the side.
    #[error(
        "The cell at row {row}, column {column} holds {digit}; on this board a cell holds 1 to {side}, or 0 for a blank."
    )]
    BadDigit {
        /// Row from 1.
        row: usize,
        /// Column from 1.
        column: usize,
        /// The digit found.
        digit: u8,
        /// The largest digit allowed.
        side: usize,
    },
    /// The cell index is past the end of the board.
    #[error("There is no cell {cell}: this board has cells 0 to {last}.")]
    NoSuchCell {
        /// The index asked for.
        cell: usize,
        /// The last index.
        last: usize,
    },
}

impl Grid {
    /// A board of blanks.
    pub fn empty(shape: Shape) -> Grid {
        Grid { shape, cells: vec![0; shape.cells()] }
    }

    /// A board with these cells, row by row; 0 is a blank. Repeated digits are allowed here:
    /// [`Grid::conflicts`] finds them.
    pub fn new(shape: Shape, cells: Vec<u8>) -> Result<Grid, GridError> {
        if cells.len() != shape.cells() {
            return Err(GridError::WrongCells { shape, found: cells.len(), want: shape.cells() });
        }
        for (cell, &digit) in cells.iter().enumerate() {
            check_digit(shape, cell, digit)?;
        }
        Ok(Grid { shape, cells })
    }

    /// For cells that are right by construction (the solver's, a symmetry's).
    pub(super) fn trusted(shape: Shape, cells: Vec<u8>) -> Grid {
        debug_assert!(Grid::new(shape, cells.clone()).is_ok());
        Grid { shape, cells }
    }

    /// The board's shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All cells, row by row; 0 is a blank.
    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// The digit in a cell, or 0 for a blank and for an index past the board.
    pub fn get(&self, cell: usize) -> u8 {
        self.cells.get(cell).copied().unwrap_or(0)
    }

    /// Puts a digit (or 0 for a blank) into a cell.
    pub fn set(&mut self, cell: usize, digit: u8) -> Result<(), GridError> {
        check_digit(self.shape, cell, digit)?;
        let last = self.cells.len() - 1;
        match self.cells.get_mut(cell) {
            Some(slot) => {
                *slot = digit;
                Ok(())
            }
            None => Err(GridError::NoSuchCell { cell, last }),
        }
    }

    /// A copy of the board with this digit (or 0 for a blank) in a cell.
    pub fn with(&self, cell: usize, digit: u8) -> Result<Grid, GridError> {
        let mut grid = self.clone();
        grid.set(cell, digit)?;
        Ok(grid)
    }

    /// Whether no cell is blank.
    pub fn is_full(&self) -> bool {
        !self.cells.contains(&0)
    }

    /// Number of blank cells.
    pub fn blanks(&self) -> usize {
        self.cells.iter().filter(|&&digit| digit == 0).count()
    }

    /// Number of cells that hold a digit.
    pub fn clues(&self) -> usize {
        self.cells.len() - self.blanks()
    }

    /// Every digit that stands more than once in a unit: rows first, then columns, then boxes.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for unit in self.shape.units() {
            for digit in 1..=self.shape.side() as u8 {
                let cells: Vec<usize> = self.shape.unit_cells(unit).filter(|&cell| self.cells[cell] == digit).collect();
                if cells.len() > 1 {
                    conflicts.push(Conflict { shape: self.shape, digit, unit, cells });
                }
            }
        }
        conflicts
    }

    /// Whether no digit stands twice in a unit; cheaper than asking for the conflicts.
    pub fn is_consistent(&self) -> bool {
        let mut seen = [[0u16; super::shape::MAX_SIDE]; 3];
        for (cell, &digit) in self.cells.iter().enumerate() {
            if digit == 0 {
                continue;
            }
            let units = [self.shape.row_of(cell), self.shape.col_of(cell), self.shape.box_of(cell)];
            for (kind, unit) in units.into_iter().enumerate() {
                if seen[kind][unit] >> digit & 1 == 1 {
                    return false;
                }
                seen[kind][unit] |= 1 << digit;
            }
        }
        true
    }

    /// Whether this board is full, obeys the rules and keeps every clue.
    pub fn is_valid_solution_of(&self, clues: &Grid) -> bool {
        self.shape == clues.shape && self.is_full() && self.extends(clues) && self.is_consistent()
    }

    /// Whether every digit of `clues` stands in the same cell here.
    pub fn extends(&self, clues: &Grid) -> bool {
        self.shape == clues.shape && self.cells.iter().zip(&clues.cells).all(|(mine, clue)| *clue == 0 || clue == mine)
    }

    /// The board on one line, row by row, with `.` for a blank.
    pub fn to_line(&self) -> String {
        self.cells.iter().map(|&digit| symbol(digit)).collect()
    }
}

fn check_digit(shape: Shape, cell: usize, digit: u8) -> Result<(), GridError> {
    if usize::from(digit) > shape.side() {
        return Err(GridError::BadDigit {
            row: shape.row_of(cell) + 1,
            column: shape.col_of(cell) + 1,
            digit,
            side: shape.side(),
        });
    }
    Ok(())
}

fn symbol(digit: u8) -> char {
    if digit == 0 { '.' } else { char::from(b'0' + digit) }
}

impl fmt::Display for Grid {
    /// Several lines with bars between boxes; `parse_grid` reads it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (side, rows, cols) = (self.shape.side(), self.shape.box_rows(), self.shape.box_cols());
        for row in 0..side {
            if row > 0 {
                f.write_str("\n")?;
                if row % rows == 0 {
                    for stack in 0..rows {
                        // A box is 2·cols − 1 characters wide, plus a space beside each bar.
                        let edges = usize::from(stack > 0) + usize::from(stack + 1 < rows);
                        f.write_str(&"-".repeat(2 * cols - 1 + edges))?;
                        f.write_str(if stack + 1 < rows { "+" } else { "\n" })?;
                    }
                }
            }
            for col in 0..side {
                if col > 0 {
                    f.write_str(if col % cols == 0 { " | " } else { " " })?;
                }
                write!(f, "{}", symbol(self.cells[self.shape.cell(row, col)]))?;
            }
        }
        Ok(())
    }
}

/// A board is stored as its line. Only the usual shapes follow from the length of the line;
/// the others are written as `2x4:` and the line.
impl Serialize for Grid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = self.to_line();
        if Shape::from_cells(self.cells.len()) == Some(self.shape) {
            serializer.serialize_str(&line)
        } else {
            let (rows, cols) = (self.shape.box_rows(), self.shape.box_cols());
            serializer.serialize_str(&format!("{rows}x{cols}:{line}"))
        }
    }
}

impl<'de> Deserialize<'de> for Grid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_stored(&text).map_err(de::Error::custom)
    }
}

fn from_stored(text: &str) -> Result<Grid, String> {
    let (shape, line) = match text.split_once(':') {
        Some((boxes, line)) => {
            let size = boxes
                .split_once('x')
                .and_then(|(rows, cols)| Some((rows.parse().ok()?, cols.parse().ok()?)))
                .ok_or_else(|| format!("`{boxes}` is no box size; one reads like `2x4`."))?;
            (Shape::new(size.0, size.1).map_err(|e| e.to_string())?, line)
        }
        None => {
            let count = text.chars().count();
            let shape =
                Shape::from_cells(count).ok_or_else(|| format!("A board has 16, 36 or 81 cells, not {count}."))?;
            (shape, text)
        }
    };
    let cells = line
        .chars()
        .map(|c| match c {
            '.' | '_' => Ok(0),
            c => c.to_digit(10).map(|d| d as u8).ok_or(c),
        })
        .collect::<Result<Vec<u8>, char>>()
        .map_err(|c| format!("`{c}` is neither a digit nor `.` for a blank."))?;
    Grid::new(shape, cells).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid4(line: &str) -> Grid {
        from_stored(line).expect("a board")
    }

    #[test]
    fn conflicts_in_words() {
        let grid = grid4("1..1............");
        let conflicts = grid.conflicts();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].to_string(), "1 stands twice in row 1 (columns 1 and 4)");
        assert_eq!(conflicts[0].cells, [0, 3]);
        assert!(!grid.is_consistent());
        let column = grid4(".2.......2...2..");
        assert_eq!(column.conflicts()[0].to_string(), "2 stands 3 times in column 2 (rows 1, 3 and 4)");
        assert_eq!(
            grid4("1....1..........").conflicts()[0].to_string(),
            "1 stands twice in box 1 (row 1 column 1 and row 2 column 2)"
        );
    }

    #[test]
    fn solutions_are_checked_against_the_clues() {
        let solution = grid4("1234341221434321");
        assert!(solution.is_valid_solution_of(&grid4("1...............")));
        assert!(!solution.is_valid_solution_of(&grid4("2...............")));
        assert!(!grid4("1234341221434312").is_valid_solution_of(&Grid::empty(Shape::S4)));
        assert!(!solution.is_valid_solution_of(&Grid::empty(Shape::S6)));
    }

    #[test]
    fn bad_cells_are_refused() {
        assert!(Grid::new(Shape::S4, vec![0; 15]).is_err());
        assert!(Grid::new(Shape::S4, vec![5; 16]).is_err());
        let mut grid = Grid::empty(Shape::S4);
        assert!(grid.set(0, 5).is_err());
        assert!(grid.set(16, 1).is_err());
        assert_eq!(grid.with(3, 4).map(|g| g.get(3)), Ok(4));
        assert_eq!(grid.get(99), 0);
    }

    #[test]
    fn pretty_text() {
        let text = grid4("1234341221434321").to_string();
        assert_eq!(text, "1 2 | 3 4\n3 4 | 1 2\n----+----\n2 1 | 4 3\n4 3 | 2 1");
        assert_eq!(Grid::empty(Shape::S6).to_string().lines().nth(2), Some("------+------"));
    }

    #[test]
    fn stored_text_keeps_the_shape() {
        for (rows, cols) in [(2, 2), (2, 3), (3, 2), (4, 2), (3, 3)] {
            let shape = Shape::new(rows, cols).expect("a shape");
            let grid = Grid::empty(shape).with(1, 3).expect("a cell");
            let text = serde_json::to_string(&grid).expect("text");
            assert_eq!(serde_json::from_str::<Grid>(&text).expect("a grid"), grid);
        }
        assert!(serde_json::from_str::<Grid>("\"9x9:..\"").is_err());
        assert!(serde_json::from_str::<Grid>("\"123\"").is_err());
    }
}
