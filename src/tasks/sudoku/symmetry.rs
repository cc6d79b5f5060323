//! Symmetries: the changes that turn every puzzle into an equivalent one.

use rand::{Rng, RngExt, seq::SliceRandom};

use super::grid::Grid;
use super::shape::Shape;

/// A change of the board that keeps the rules: rows within bands, bands, columns within stacks,
/// stacks and digits are permuted, and rows and columns may trade places where boxes are square.
///
/// Row `i`, column `j` of the result shows row `rows[i]`, column `cols[j]` of the board (of its
/// transpose, where `transpose` is set), with digit `d` shown as `digits[d]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Symmetry {
    shape: Shape,
    rows: Vec<u8>,
    cols: Vec<u8>,
    /// Indexed by digit; a blank stays a blank, so entry 0 is 0.
    digits: Vec<u8>,
    transpose: bool,
}

/// Why the parts do not make a symmetry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SymmetryError {
    /// Rows are no permutation, or one that tears bands apart.
    #[error("The rows are not a permutation of 0 to side − 1 that keeps bands together.")]
    Rows,
    /// Columns are no permutation, or one that tears stacks apart.
    #[error("The columns are not a permutation of 0 to side − 1 that keeps stacks together.")]
    Columns,
    /// Digits are no permutation that keeps blanks.
    #[error("The digits are not a permutation of 0 to side that keeps 0 (the blank) in place.")]
    Digits,
    /// Transposing changes a board whose boxes are not square.
    #[error("Rows and columns can trade places only where boxes are square.")]
    Transpose,
}

impl Symmetry {
    /// A symmetry from its parts; refused where they are none. `digits` has `side + 1` entries,
    /// the first of them 0.
    pub fn new(
        shape: Shape,
        rows: Vec<u8>,
        cols: Vec<u8>,
        digits: Vec<u8>,
        transpose: bool,
    ) -> Result<Symmetry, SymmetryError> {
        let side = shape.side();
        if !keeps_groups(&rows, side, shape.box_rows()) {
            return Err(SymmetryError::Rows);
        }
        if !keeps_groups(&cols, side, shape.box_cols()) {
            return Err(SymmetryError::Columns);
        }
        if !keeps_groups(&digits, side + 1, 1) || digits.first() != Some(&0) {
            return Err(SymmetryError::Digits);
        }
        if transpose && !shape.square_boxes() {
            return Err(SymmetryError::Transpose);
        }
        Ok(Symmetry { shape, rows, cols, digits, transpose })
    }

    /// The symmetry that changes nothing.
    pub fn identity(shape: Shape) -> Symmetry {
        let side = shape.side() as u8;
        Symmetry {
            shape,
            rows: (0..side).collect(),
            cols: (0..side).collect(),
            digits: (0..=side).collect(),
            transpose: false,
        }
    }

    /// A symmetry drawn uniformly from all of them.
    pub fn random(shape: Shape, rng: &mut (impl Rng + ?Sized)) -> Symmetry {
        let rows = random_lines(shape.box_cols(), shape.box_rows(), rng);
        let cols = random_lines(shape.box_rows(), shape.box_cols(), rng);
        let mut digits: Vec<u8> = (0..=shape.side() as u8).collect();
        digits[1..].shuffle(rng);
        let transpose = shape.square_boxes() && rng.random_bool(0.5);
        Symmetry { shape, rows, cols, digits, transpose }
    }

    /// The shape of the boards it works on.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// For each row of the result, the row it shows.
    pub fn rows(&self) -> &[u8] {
        &self.rows
    }

    /// For each column of the result, the column it shows.
    pub fn cols(&self) -> &[u8] {
        &self.cols
    }

    /// For each digit, what it is shown as; entry 0 is the blank.
    pub fn digits(&self) -> &[u8] {
        &self.digits
    }

    /// Whether rows and columns trade places first.
    pub fn transpose(&self) -> bool {
        self.transpose
    }

    /// The cell of the board that this cell of the result shows.
    pub fn source_cell(&self, cell: usize) -> usize {
        let row = usize::from(self.rows[self.shape.row_of(cell)]);
        let col = usize::from(self.cols[self.shape.col_of(cell)]);
        if self.transpose { self.shape.cell(col, row) } else { self.shape.cell(row, col) }
    }

    /// The board after the change.
    ///
    /// # Panics
    /// If the board has another shape.
    pub fn apply(&self, grid: &Grid) -> Grid {
        assert_eq!(grid.shape(), self.shape, "a symmetry works on boards of its own shape");
        let mut cells = vec![0; self.shape.cells()];
        self.apply_cells(grid.cells(), &mut cells);
        Grid::trusted(self.shape, cells)
    }

    /// The same for bare cells, without allocating: `out` becomes the cells after the change.
    ///
    /// # Panics
    /// If a slice is shorter than the board, or a digit larger than the side.
    pub fn apply_cells(&self, cells: &[u8], out: &mut [u8]) {
        let side = self.shape.side();
        let (row_stride, col_stride) = if self.transpose { (1, side) } else { (side, 1) };
        let cells = &cells[..side * side];
        for (out_row, &row) in out[..side * side].chunks_exact_mut(side).zip(&self.rows) {
            let start = usize::from(row) * row_stride;
            for (slot, &col) in out_row.iter_mut().zip(&self.cols) {
                *slot = self.digits[usize::from(cells[start + usize::from(col) * col_stride])];
            }
        }
    }

    /// The symmetry that undoes this one.
    pub fn inverse(&self) -> Symmetry {
        // With T for the transposition: (permute after T)⁻¹ = T after permute⁻¹, and moving the
        // permutations past T lets rows and columns trade places.
        let (rows, cols) = (invert(&self.rows), invert(&self.cols));
        let (rows, cols) = if self.transpose { (cols, rows) } else { (rows, cols) };
        Symmetry { shape: self.shape, rows, cols, digits: invert(&self.digits), transpose: self.transpose }
    }

    /// The symmetry that does this one first and `next` after it.
    ///
    /// # Panics
    /// If the two are for different shapes.
    pub fn then(&self, next: &Symmetry) -> Symmetry {
        assert_eq!(self.shape, next.shape, "symmetries of one shape can follow each other");
        let (by_row, by_col) = if next.transpose { (&next.cols, &next.rows) } else { (&next.rows, &next.cols) };
        // `by_row` picks among this one's rows; a transposition in `next` turns the picked rows
        // into columns, so the two trade places once more when this one is transposed too.
        let rows = pick(&self.rows, by_row);
        let cols = pick(&self.cols, by_col);
        let (rows, cols) = if next.transpose { (cols, rows) } else { (rows, cols) };
        Symmetry {
            shape: self.shape,
            rows,
            cols,
            digits: pick(&next.digits, &self.digits),
            transpose: self.transpose != next.transpose,
        }
    }
}

/// Number of symmetries of a shape: of the geometry, times the relabellings of the digits.
pub fn order(shape: Shape) -> u128 {
    let (rows, cols) = (shape.box_rows(), shape.box_cols());
    let lines = |groups: usize, size: usize| factorial(groups) * factorial(size).pow(groups as u32);
    let transpose = if shape.square_boxes() { 2 } else { 1 };
    lines(cols, rows) * lines(rows, cols) * transpose * factorial(shape.side())
}

fn factorial(n: usize) -> u128 {
    (1..=n as u128).product()
}

fn pick(from: &[u8], by: &[u8]) -> Vec<u8> {
    by.iter().map(|&i| from[usize::from(i)]).collect()
}

fn invert(permutation: &[u8]) -> Vec<u8> {
    let mut inverse = vec![0; permutation.len()];
    for (i, &to) in permutation.iter().enumerate() {
        inverse[usize::from(to)] = i as u8;
    }
    inverse
}

/// Whether this is a permutation of `0..len` that maps runs of `size` onto such runs.
fn keeps_groups(permutation: &[u8], len: usize, size: usize) -> bool {
    let mut seen = vec![false; len];
    permutation.len() == len
        && permutation.iter().all(|&i| seen.get_mut(usize::from(i)).is_some_and(|seen| !std::mem::replace(seen, true)))
        && permutation.chunks(size).all(|run| run.iter().all(|&i| usize::from(i) / size == usize::from(run[0]) / size))
}

fn random_lines(groups: usize, size: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<u8> {
    let mut order: Vec<usize> = (0..groups).collect();
    order.shuffle(rng);
    let mut lines = Vec::with_capacity(groups * size);
    for group in order {
        let start = lines.len();
        lines.extend((0..size).map(|i| (group * size + i) as u8));
        lines[start..].shuffle(rng);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::solver;
    use super::*;

    fn shape() -> impl Strategy<Value = Shape> {
        prop::sample::select(vec![(2, 2), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3)])
            .prop_map(|(rows, cols)| Shape::new(rows, cols).expect("a shape"))
    }

    proptest! {
        #[test]
        fn group_laws(shape in shape(), seed: u64) {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let board = solver::solve(&Grid::empty(shape)).expect("a solution");
            let (a, b) = (Symmetry::random(shape, rng), Symmetry::random(shape, rng));
            let moved = a.apply(&board);
            prop_assert!(moved.is_full() && moved.is_consistent());
            prop_assert_eq!(a.inverse().apply(&moved), board.clone());
            prop_assert_eq!(a.then(&b).apply(&board), b.apply(&moved));
            prop_assert_eq!(a.then(&a.inverse()), Symmetry::identity(shape));
            let again = Symmetry::new(shape, a.rows.clone(), a.cols.clone(), a.digits.clone(), a.transpose);
            prop_assert_eq!(again, Ok(a.clone()));
            for cell in 0..shape.cells() {
                let digit = board.get(a.source_cell(cell));
                prop_assert_eq!(moved.get(cell), a.digits[usize::from(digit)]);
            }
        }
    }

    #[test]
    fn orders() {
        assert_eq!(order(Shape::S9), 3_359_232 * 362_880);
        assert_eq!(order(Shape::S4), 128 * 24);
        assert_eq!(order(Shape::S6), 3456 * 720);
    }

    #[test]
    fn bad_parts_are_refused() {
        let shape = Shape::S4;
        let (id, digits) = (vec![0, 1, 2, 3], vec![0, 1, 2, 3, 4]);
        let new = |rows: &[u8], cols: &[u8], digits: &[u8]| {
            Symmetry::new(shape, rows.to_vec(), cols.to_vec(), digits.to_vec(), true)
        };
        assert_eq!(new(&[0, 2, 1, 3], &id, &digits), Err(SymmetryError::Rows));
        assert_eq!(new(&id, &[0, 1, 2, 2], &digits), Err(SymmetryError::Columns));
        assert_eq!(new(&id, &[0, 1, 2, 9], &digits), Err(SymmetryError::Columns));
        assert_eq!(new(&id, &id, &[1, 0, 2, 3, 4]), Err(SymmetryError::Digits));
        assert!(new(&id, &id, &digits).is_ok());
    }
}
