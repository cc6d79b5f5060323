//! A puzzle: clues, and what is known about them.

use serde::{Deserialize, Serialize};

use super::error::PuzzleError;
use super::file::check;
use super::grid::Grid;

/// Clues together with what is known about them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Puzzle {
    /// The board as given to the solver.
    pub clues: Grid,
    /// Its solution, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution: Option<Grid>,
    /// Its difficulty: guesses of a propagating solver, see [`super::rate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u32>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Puzzle {
    /// A puzzle of which nothing but the clues is known; nothing is checked.
    pub fn unchecked(clues: Grid) -> Puzzle {
        Puzzle { clues, solution: None, rating: None, source: None }
    }

    /// A puzzle with its one solution filled in; refused where a digit stands twice in a unit,
    /// and where there is no solution or more than one.
    pub fn checked(clues: Grid) -> Result<Puzzle, PuzzleError> {
        let mut puzzle = Puzzle::unchecked(clues);
        puzzle.solution = Some(check(&puzzle)?);
        Ok(puzzle)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Shape, parse_grid};
    use super::*;

    #[test]
    fn checked_fills_the_solution() {
        let clues = parse_grid("1...34....4....1").expect("a board");
        let puzzle = Puzzle::checked(clues.clone()).expect("one solution");
        assert!(puzzle.solution.is_some_and(|s| s.is_valid_solution_of(&clues)));
    }

    #[test]
    fn checked_says_what_is_wrong() {
        let several = Puzzle::checked(Grid::empty(Shape::S4)).expect_err("many solutions");
        let PuzzleError::SeveralSolutions { first, second, .. } = &several else {
            panic!("{several:?}");
        };
        assert_ne!(first, second);
        assert_eq!(first.len(), 16);
        let none = Puzzle::checked(parse_grid("123....4........").expect("a board"));
        assert!(matches!(none, Err(PuzzleError::NoSolution { .. })), "{none:?}");
        let twice = Puzzle::checked(Grid::empty(Shape::S4).with(0, 1).and_then(|g| g.with(1, 1)).expect("two cells"));
        assert!(matches!(twice, Err(PuzzleError::Duplicate { .. })), "{twice:?}");
    }
}
