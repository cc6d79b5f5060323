//! The shape of a board: how many rows and columns a box has, and what follows from it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest number of cells that a board of any [`Shape`] has.
pub(super) const MAX_CELLS: usize = 81;
/// The largest side that a board of any [`Shape`] has.
pub(super) const MAX_SIDE: usize = 9;

/// The shape of a board, given by its boxes: `box_rows` × `box_cols` cells each.
///
/// The side of the board is the number of cells in a box. A band (boxes side by side) holds
/// `box_rows` boxes; a stack (boxes on top of each other) holds `box_cols` boxes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawShape", into = "RawShape")]
pub struct Shape {
    box_rows: u8,
    box_cols: u8,
}

/// What is stored of a shape; reading it back goes through [`Shape::new`].
#[derive(Serialize, Deserialize)]
struct RawShape {
    box_rows: u8,
    box_cols: u8,
}

impl TryFrom<RawShape> for Shape {
    type Error = ShapeError;
    fn try_from(raw: RawShape) -> Result<Self, ShapeError> {
        Shape::new(usize::from(raw.box_rows), usize::from(raw.box_cols))
    }
}

impl From<Shape> for RawShape {
    fn from(shape: Shape) -> Self {
        RawShape { box_rows: shape.box_rows, box_cols: shape.box_cols }
    }
}

/// Why a box size gives no usable board.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShapeError {
    /// A box of one row or column repeats the rule for rows or columns.
    #[error(
        "A box of {box_rows} × {box_cols} cells adds no rule of its own: a box needs at least 2 rows and 2 columns."
    )]
    Thin {
        /// Rows asked for.
        box_rows: usize,
        /// Columns asked for.
        box_cols: usize,
    },
    /// More than nine digits do not fit one character each.
    #[error(
        "A box of {box_rows} × {box_cols} cells needs more than the digits 1 to 9: a box may have at most 9 cells."
    )]
    Large {
        /// Rows asked for.
        box_rows: usize,
        /// Columns asked for.
        box_cols: usize,
    },
}

/// Row, column or box.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum UnitKind {
    /// A row of cells.
    Row,
    /// A column of cells.
    Column,
    /// A box of cells.
    Box,
}

impl fmt::Display for UnitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnitKind::Row => "row",
            UnitKind::Column => "column",
            UnitKind::Box => "box",
        })
    }
}

/// One row, column or box: a set of cells that holds each digit once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Unit {
    /// Row, column or box.
    pub kind: UnitKind,
    /// Which one, from 0.
    pub index: usize,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.index + 1)
    }
}

impl Shape {
    /// 4×4 with boxes of 2×2.
    pub const S4: Shape = Shape { box_rows: 2, box_cols: 2 };
    /// 6×6 with boxes of 2 rows × 3 columns.
    pub const S6: Shape = Shape { box_rows: 2, box_cols: 3 };
    /// 9×9 with boxes of 3×3.
    pub const S9: Shape = Shape { box_rows: 3, box_cols: 3 };

    /// A shape with boxes of `box_rows` × `box_cols` cells; refused where the side would pass 9.
    pub fn new(box_rows: usize, box_cols: usize) -> Result<Shape, ShapeError> {
        if box_rows < 2 || box_cols < 2 {
            return Err(ShapeError::Thin { box_rows, box_cols });
        }
        match (u8::try_from(box_rows), u8::try_from(box_cols)) {
            (Ok(rows), Ok(cols)) if box_rows.saturating_mul(box_cols) <= MAX_SIDE => {
                Ok(Shape { box_rows: rows, box_cols: cols })
            }
            _ => Err(ShapeError::Large { box_rows, box_cols }),
        }
    }

    /// The usual shape of a board with this side: 4, 6 or 9.
    pub fn from_side(side: usize) -> Option<Shape> {
        match side {
            4 => Some(Shape::S4),
            6 => Some(Shape::S6),
            9 => Some(Shape::S9),
            _ => None,
        }
    }

    /// The usual shape of a board with this many cells: 16, 36 or 81.
    pub fn from_cells(cells: usize) -> Option<Shape> {
        match cells {
            16 => Some(Shape::S4),
            36 => Some(Shape::S6),
            81 => Some(Shape::S9),
            _ => None,
        }
    }

    /// Cells in a row, in a column and in a box; also the largest digit.
    pub fn side(self) -> usize {
        self.box_rows() * self.box_cols()
    }

    /// Cells of the board.
    pub fn cells(self) -> usize {
        self.side() * self.side()
    }

    /// Rows of a box.
    pub fn box_rows(self) -> usize {
        usize::from(self.box_rows)
    }

    /// Columns of a box.
    pub fn box_cols(self) -> usize {
        usize::from(self.box_cols)
    }

    /// Whether rows and columns may trade places.
    pub fn square_boxes(self) -> bool {
        self.box_rows == self.box_cols
    }

    /// The row of a cell, from 0.
    pub fn row_of(self, cell: usize) -> usize {
        cell / self.side()
    }

    /// The column of a cell, from 0.
    pub fn col_of(self, cell: usize) -> usize {
        cell % self.side()
    }

    /// The box of a cell, from 0, counted row by row.
    pub fn box_of(self, cell: usize) -> usize {
        // A band holds side / box_cols = box_rows boxes.
        self.row_of(cell) / self.box_rows() * self.box_rows() + self.col_of(cell) / self.box_cols()
    }

    /// The cell in this row and column, both from 0.
    pub fn cell(self, row: usize, col: usize) -> usize {
        row * self.side() + col
    }

    /// All rows, then all columns, then all boxes.
    pub fn units(self) -> impl Iterator<Item = Unit> {
        let side = self.side();
        [UnitKind::Row, UnitKind::Column, UnitKind::Box]
            .into_iter()
            .flat_map(move |kind| (0..side).map(move |index| Unit { kind, index }))
    }

    /// The cells of a unit, in reading order.
    pub fn unit_cells(self, unit: Unit) -> impl Iterator<Item = usize> {
        let (rows, cols, side) = (self.box_rows(), self.box_cols(), self.side());
        (0..side).map(move |i| match unit.kind {
            UnitKind::Row => self.cell(unit.index, i),
            UnitKind::Column => self.cell(i, unit.index),
            UnitKind::Box => self.cell(unit.index / rows * rows + i / cols, unit.index % rows * cols + i % cols),
        })
    }

    /// The other cells that share a row, a column or a box with this one, in reading order.
    pub fn peers(self, cell: usize) -> impl Iterator<Item = usize> {
        (0..self.cells()).filter(move |&other| {
            other != cell
                && (self.row_of(other) == self.row_of(cell)
                    || self.col_of(other) == self.col_of(cell)
                    || self.box_of(other) == self.box_of(cell))
        })
    }

    /// Number of complete boards of this shape, as known from the literature.
    pub fn solution_grids(self) -> u128 {
        match (self.box_rows.min(self.box_cols), self.box_rows.max(self.box_cols)) {
            (2, 2) => 288,
            (2, 3) => 28_200_960,
            (2, 4) => 29_136_487_207_403_520,
            _ => 6_670_903_752_021_072_936_960,
        }
    }

    /// Number of complete boards of this shape that no symmetry maps onto each other.
    pub fn solution_classes(self) -> u128 {
        match (self.box_rows.min(self.box_cols), self.box_rows.max(self.box_cols)) {
            (2, 2) => 2,
            (2, 3) => 49,
            (2, 4) => 1_673_187,
            _ => 5_472_730_538,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{0}×{0} ({1}×{2} boxes)", self.side(), self.box_rows, self.box_cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn all_shapes() -> [Shape; 6] {
        [(2, 2), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3)]
            .map(|(rows, cols)| Shape::new(rows, cols).expect("a valid shape"))
    }

    #[test]
    fn sizes_and_words() {
        assert_eq!(Shape::S9.to_string(), "9×9 (3×3 boxes)");
        assert_eq!(Shape::S6.to_string(), "6×6 (2×3 boxes)");
        assert_eq!(Shape::from_side(6), Some(Shape::S6));
        assert_eq!(Shape::from_cells(16), Some(Shape::S4));
        assert_eq!(Shape::from_cells(64), None);
        assert!(Shape::new(1, 9).is_err());
        assert!(Shape::new(2, 5).is_err());
        assert!(Shape::new(usize::MAX, usize::MAX).is_err());
    }

    #[test]
    fn units_cover_every_cell_three_times_and_agree_with_box_of() {
        for shape in all_shapes() {
            let mut seen = vec![0; shape.cells()];
            for unit in shape.units() {
                for cell in shape.unit_cells(unit) {
                    seen[cell] += 1;
                    let index = match unit.kind {
                        UnitKind::Row => shape.row_of(cell),
                        UnitKind::Column => shape.col_of(cell),
                        UnitKind::Box => shape.box_of(cell),
                    };
                    assert_eq!(index, unit.index, "{shape} cell {cell}");
                }
            }
            assert!(seen.iter().all(|&n| n == 3));
        }
    }

    #[test]
    fn peers_are_mutual() {
        assert_eq!(Shape::S9.peers(40).count(), 20);
        assert_eq!(Shape::S6.peers(0).count(), 12);
        for shape in all_shapes() {
            for cell in 0..shape.cells() {
                assert!(shape.peers(cell).all(|p| shape.peers(p).any(|q| q == cell)));
            }
        }
    }
}
