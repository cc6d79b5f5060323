//! The values of a link that are written by name, and why one cannot be used.

use std::fmt;
use std::str::FromStr;

use crate::tasks::sudoku::Shape;

/// The most rows and columns of any board.
const MOST_SIDE: u8 = 9;

/// Why a value in a link cannot be used: what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LinkError(pub(super) String);

/// A cell of the board by its row and column, as it is written: `r4c7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellPosition {
    /// Row from 1.
    pub row: u8,
    /// Column from 1.
    pub column: u8,
}

impl CellPosition {
    /// The position of the cell with this index, counted row by row from 0; none past the board.
    #[must_use]
    pub fn of(shape: Shape, cell: usize) -> Option<Self> {
        (cell < shape.cells()).then(|| Self { row: shape.row_of(cell) as u8 + 1, column: shape.col_of(cell) as u8 + 1 })
    }

    /// The index of the cell, counted row by row from 0; none where the board has no such cell.
    #[must_use]
    pub fn index(self, shape: Shape) -> Option<usize> {
        let (row, column) = (usize::from(self.row), usize::from(self.column));
        let on_board = (1..=shape.side()).contains(&row) && (1..=shape.side()).contains(&column);
        on_board.then(|| shape.cell(row - 1, column - 1))
    }
}

impl fmt::Display for CellPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}c{}", self.row, self.column)
    }
}

impl FromStr for CellPosition {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let side = 1..=MOST_SIDE;
        text.strip_prefix('r')
            .and_then(|rest| rest.split_once('c'))
            .and_then(|(row, column)| Some(Self { row: row.parse().ok()?, column: column.parse().ok()? }))
            .filter(|cell| side.contains(&cell.row) && side.contains(&cell.column))
            .ok_or_else(|| {
                LinkError(format!("give a row and a column from 1 to {MOST_SIDE}, such as r4c7 for row 4, column 7"))
            })
    }
}

/// A page of the narrow window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The puzzle.
    Puzzle,
    /// The model and its interventions.
    Model,
    /// The selected cell.
    Cell,
    /// The plots.
    Plots,
    /// The training.
    Train,
}

impl Panel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Puzzle, Self::Model, Self::Cell, Self::Plots, Self::Train];

    /// As it is written in a link.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Puzzle => "puzzle",
            Self::Model => "model",
            Self::Cell => "cell",
            Self::Plots => "plots",
            Self::Train => "train",
        }
    }
}

impl FromStr for Panel {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        one_of(&Self::ALL, Self::name, text)
    }
}

/// A page of the plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlotsPage {
    /// Curves over iterations.
    Iterations,
    /// Curves over training.
    Training,
    /// What the router does.
    Routing,
    /// Measurements over many boards.
    Boards,
    /// Two models.
    Compare,
}

impl PlotsPage {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Iterations, Self::Training, Self::Routing, Self::Boards, Self::Compare];

    /// As it is written in a link.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Iterations => "iterations",
            Self::Training => "training",
            Self::Routing => "routing",
            Self::Boards => "boards",
            Self::Compare => "compare",
        }
    }
}

impl FromStr for PlotsPage {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        one_of(&Self::ALL, Self::name, text)
    }
}

/// What the ground of a cell tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Right or wrong.
    Right,
    /// Probability of the digit shown.
    Confidence,
    /// How undecided the cell is.
    Entropy,
    /// What changed last.
    Flips,
    /// Which head has the largest weight.
    Heads,
    /// Which cells have halted.
    Halting,
}

impl Colour {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Right, Self::Confidence, Self::Entropy, Self::Flips, Self::Heads, Self::Halting];

    /// As it is written in a link.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Confidence => "confidence",
            Self::Entropy => "entropy",
            Self::Flips => "flips",
            Self::Heads => "heads",
            Self::Halting => "halting",
        }
    }
}

impl FromStr for Colour {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        one_of(&Self::ALL, Self::name, text)
    }
}

/// The one of `all` that has this name.
pub(super) fn one_of<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, LinkError> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        LinkError(format!("give one of {}", names.join(", ")))
    })
}
