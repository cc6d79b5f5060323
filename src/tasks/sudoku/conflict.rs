//! A digit that is repeated, and how that is said.

use std::fmt;

use super::shape::{Shape, Unit, UnitKind};

/// A digit that stands more than once in a row, column or box.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Conflict {
    /// The board's shape.
    pub shape: Shape,
    /// The digit that is repeated.
    pub digit: u8,
    /// Where it is repeated.
    pub unit: Unit,
    /// The cells that hold it, in reading order; two or more.
    pub cells: Vec<usize>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stands ", self.digit)?;
        match self.cells.len() {
            2 => f.write_str("twice")?,
            n => write!(f, "{n} times")?,
        }
        write!(f, " in {} (", self.unit)?;
        match self.unit.kind {
            UnitKind::Row => f.write_str("columns ")?,
            UnitKind::Column => f.write_str("rows ")?,
            UnitKind::Box => {}
        }
        for (i, &cell) in self.cells.iter().enumerate() {
            if i > 0 {
                f.write_str(if i + 1 == self.cells.len() { " and " } else { ", " })?;
            }
            let (row, col) = (self.shape.row_of(cell) + 1, self.shape.col_of(cell) + 1);
            match self.unit.kind {
                UnitKind::Row => write!(f, "{col}")?,
                UnitKind::Column => write!(f, "{row}")?,
                UnitKind::Box => write!(f, "row {row} column {col}")?,
            }
        }
        f.write_str(")")
    }
}
