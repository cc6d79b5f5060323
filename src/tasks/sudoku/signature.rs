//! What every symmetry leaves as it is, quickly counted: puzzles with different signatures are not alike.

use super::grid::Grid;
use super::shape::MAX_SIDE;

/// How often each digit is given, and how many clues the rows and the columns have, band by band; each in an order
/// that no symmetry changes. [`super::canonical`] tells whether puzzles with equal signatures are alike; it takes a
/// hundred times as long.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Signature([[u8; MAX_SIDE]; 3]);

impl Signature {
    /// Of a puzzle's clues.
    #[must_use]
    pub fn of(clues: &Grid) -> Self {
        let shape = clues.shape();
        let side = shape.side();
        let (mut digits, mut rows, mut columns) = ([0u8; MAX_SIDE], [0u8; MAX_SIDE], [0u8; MAX_SIDE]);
        for (cell, &digit) in clues.cells().iter().enumerate() {
            if digit != 0 {
                digits[usize::from(digit) - 1] += 1;
                rows[cell / side] += 1;
                columns[cell % side] += 1;
            }
        }
        digits.sort_unstable();
        banded(&mut rows[..side], shape.box_rows());
        banded(&mut columns[..side], shape.box_cols());
        // A board may be turned over.
        if columns < rows {
            std::mem::swap(&mut rows, &mut columns);
        }
        Self([digits, rows, columns])
    }
}

/// Sorts the lines of every band, then the bands.
fn banded(lines: &mut [u8], size: usize) {
    let mut bands: Vec<Vec<u8>> = lines
        .chunks(size)
        .map(|band| {
            let mut band = band.to_vec();
            band.sort_unstable();
            band
        })
        .collect();
    bands.sort_unstable();
    lines.copy_from_slice(&bands.concat());
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::{GenerateSpec, Generator, Shape, Symmetry};
    use super::*;

    #[test]
    fn no_symmetry_changes_it_and_most_puzzles_have_their_own() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (rows, columns) in [(2, 2), (2, 3), (3, 3)] {
            let shape = Shape::new(rows, columns).unwrap();
            let generator = Generator::new(GenerateSpec::usual(shape), 3);
            let mut seen = std::collections::HashSet::new();
            for i in 0..40 {
                let clues = generator.puzzle(i).clues;
                let signature = Signature::of(&clues);
                for _ in 0..5 {
                    let mut cells = vec![0; shape.cells()];
                    Symmetry::random(shape, &mut rng).apply_cells(clues.cells(), &mut cells);
                    assert_eq!(Signature::of(&Grid::new(shape, cells).unwrap()), signature);
                }
                seen.insert(signature);
            }
            assert!(rows * columns < 9 || seen.len() >= 38, "{}", seen.len());
        }
    }
}
