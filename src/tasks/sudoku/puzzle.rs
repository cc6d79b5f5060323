//! A puzzle: clues, and what is known about them.

use serde::ser::{SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};

use super::error::PuzzleError;
use super::file::check;
use super::grid::Grid;

/// Clues together with what is known about them.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Puzzle {
    /// The board as given to the solver.
    pub clues: Grid,
    /// Its solution, where known.
    #[serde(default)]
    pub solution: Option<Grid>,
    /// Its difficulty: guesses of a propagating solver, see [`super::rate`].
    #[serde(default)]
    pub rating: Option<u32>,
    /// Where it comes from.
    #[serde(default)]
    pub source: Option<String>,
}

impl Serialize for Puzzle {
    /// What is not known is left out where fields have names, as in JSON. A format that only counts
    /// them, such as that of the messages between a page and its worker, gets all of them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = !serializer.is_human_readable();
        let (solution, rating, source) =
            (all || self.solution.is_some(), all || self.rating.is_some(), all || self.source.is_some());
        let count = [true, solution, rating, source].into_iter().filter(|there| *there).count();
        let mut out = serializer.serialize_struct("Puzzle", count)?;
        out.serialize_field("clues", &self.clues)?;
        if solution {
            out.serialize_field("solution", &self.solution)?;
        }
        if rating {
            out.serialize_field("rating", &self.rating)?;
        }
        if source {
            out.serialize_field("source", &self.source)?;
        }
        out.end()
    }
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
