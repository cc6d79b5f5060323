//! New puzzles: a random complete board from which clues are taken while it stays unique.

use rand::{Rng, RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::grid::Grid;
use super::puzzle::Puzzle;
use super::shape::{MAX_CELLS, Shape};
use super::solver::{State, Tables};
use super::symmetry::Symmetry;

/// How many clues a new puzzle keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clues {
    /// As few as can be: taking any one more would allow a second solution.
    Minimal,
    /// A number drawn uniformly from this range (both ends included) for each puzzle. Where a
    /// board cannot be brought down to the number in a bounded number of tries, the fewest
    /// clues reached are kept.
    Between {
        /// Fewest clues.
        min: usize,
        /// Most clues.
        max: usize,
    },
}

/// What puzzles to make.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct GenerateSpec {
    /// The shape of the boards.
    pub shape: Shape,
    /// How many clues they keep.
    pub clues: Clues,
}

/// Why a spec cannot be met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SpecError {
    /// The range is empty.
    #[error("The fewest clues ({min}) are more than the most ({max}): exchange the two.")]
    Reversed {
        /// Fewest clues asked for.
        min: usize,
        /// Most clues asked for.
        max: usize,
    },
    /// More clues than cells.
    #[error("A {shape} board cannot have {max} clues: it has {cells} cells.")]
    TooMany {
        /// The shape.
        shape: Shape,
        /// Most clues asked for.
        max: usize,
        /// Cells of the board.
        cells: usize,
    },
    /// Fewer clues than any unique puzzle has, or than this generator reaches.
    #[error("A {shape} puzzle with {min} clues is out of reach: ask for at least {floor}.")]
    TooFew {
        /// The shape.
        shape: Shape,
        /// Fewest clues asked for.
        min: usize,
        /// The fewest that make sense.
        floor: usize,
    },
}

impl GenerateSpec {
    /// The usual puzzles of a shape: 4 to 9 clues on 4×4, where minimal puzzles are few; minimal
    /// ones on larger boards.
    pub fn usual(shape: Shape) -> GenerateSpec {
        let clues = if shape == Shape::S4 { Clues::Between { min: 4, max: 9 } } else { Clues::Minimal };
        GenerateSpec { shape, clues }
    }

    /// Whether the spec can be met, and if not, why.
    pub fn validate(&self) -> Result<(), SpecError> {
        let Clues::Between { min, max } = self.clues else {
            return Ok(());
        };
        let (shape, cells) = (self.shape, self.shape.cells());
        // 4, 8 and 17 are the known minima; the generator meets them on 4×4 and 6×6 only.
        let floor = match shape.side() {
            4 => 4,
            6 => 8,
            8 => 14,
            _ => 22,
        };
        if min > max {
            Err(SpecError::Reversed { min, max })
        } else if max > cells {
            Err(SpecError::TooMany { shape, max, cells })
        } else if min < floor {
            Err(SpecError::TooFew { shape, min, floor })
        } else {
            Ok(())
        }
    }
}

/// A new puzzle with exactly one solution, which is filled in; the rating is not.
pub fn generate(spec: &GenerateSpec, rng: &mut (impl Rng + ?Sized)) -> Puzzle {
    let shape = spec.shape;
    let cells = shape.cells();
    let (target, tries) = match spec.clues {
        Clues::Minimal => (0, 1),
        Clues::Between { min, max } => {
            let (low, high) = (min.min(max).min(cells), min.max(max).min(cells));
            // Larger boards take longer and are met less often: bound the time, not the tries.
            (rng.random_range(low..=high), 65_536 / (cells * cells) + 1)
        }
    };
    let mut best: Option<(usize, [u8; MAX_CELLS], Grid)> = None;
    for _ in 0..tries {
        let solution = random_solution(shape, rng);
        let (count, clues) = thin_out(&solution, target, rng);
        if best.as_ref().is_none_or(|(fewest, ..)| count < *fewest) {
            best = Some((count, clues, solution));
        }
        if count <= target {
            break;
        }
    }
    let (clues, solution) = match best {
        Some((_, clues, solution)) => (Grid::trusted(shape, clues[..cells].to_vec()), solution),
        // `tries` is at least 1, so this is never taken; a full board is a puzzle too.
        None => {
            let solution = random_solution(shape, rng);
            (solution.clone(), solution)
        }
    };
    Puzzle { clues, solution: Some(solution), rating: None, source: Some("generated".into()) }
}

/// A complete board: filled at random, then moved by a random symmetry, so that no place, digit
/// or line is favoured by the order in which the solver fills cells.
fn random_solution(shape: Shape, rng: &mut (impl Rng + ?Sized)) -> Grid {
    let tables = Tables::of(shape);
    let mut state = State::new(tables);
    fill(&mut state, tables, rng);
    let grid = Grid::trusted(shape, state.digits(tables));
    Symmetry::random(shape, rng).apply(&grid)
}

fn fill(state: &mut State, tables: &Tables, rng: &mut (impl Rng + ?Sized)) -> bool {
    while let Some(cell) = state.open_cell(tables) {
        let candidates = state.candidates(cell);
        let mut bit = candidates & candidates.wrapping_neg();
        let mut rest = candidates;
        for _ in 0..rng.random_range(0..candidates.count_ones()) {
            rest &= rest - 1;
            bit = rest & rest.wrapping_neg();
        }
        let mut branch = state.clone();
        if branch.fix(tables, cell, bit) && fill(&mut branch, tables, rng) {
            *state = branch;
            return true;
        }
        if !state.remove(tables, cell, bit) {
            return false;
        }
    }
    true
}

/// Takes clues in random order while the solution stays the only one, down to `target` clues.
/// Gives the number of clues left, and them.
fn thin_out(solution: &Grid, target: usize, rng: &mut (impl Rng + ?Sized)) -> (usize, [u8; MAX_CELLS]) {
    let tables = Tables::of(solution.shape());
    let mut clues = [0; MAX_CELLS];
    clues[..tables.cells].copy_from_slice(solution.cells());
    let mut order = [0u8; MAX_CELLS];
    for (i, slot) in order.iter_mut().enumerate() {
        *slot = i as u8;
    }
    let order = &mut order[..tables.cells];
    order.shuffle(rng);
    let mut count = tables.cells;
    for &cell in order.iter() {
        if count <= target {
            break;
        }
        let cell = usize::from(cell);
        let digit = std::mem::take(&mut clues[cell]);
        if another_digit_fits(tables, &clues[..tables.cells], cell, digit) {
            clues[cell] = digit;
        } else {
            count -= 1;
        }
    }
    (count, clues)
}

/// Whether there is a solution with another digit in this cell. With the clue there the puzzle
/// was unique, so this is the one question to ask; it is answered by one search without hits.
fn another_digit_fits(tables: &Tables, clues: &[u8], cell: usize, digit: u8) -> bool {
    let Some(mut state) = State::with_clues(tables, clues) else {
        return false;
    };
    state.remove(tables, cell, 1 << (digit - 1)) && state.solvable(tables)
}

/// An endless, seeded sequence of puzzles. Puzzle `i` follows from the seed and `i` alone, so the
/// sequence can be made in parallel, in any order, and taken up again anywhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Generator {
    spec: GenerateSpec,
    seed: u64,
    /// Set in the stream number: separates the puzzles to evaluate on from those to train on.
    branch: u64,
}

/// The top bit of ChaCha's stream number; indices stay below it.
const EVALUATION: u64 = 1 << 63;

impl Generator {
    /// The sequence for this spec and seed.
    pub fn new(spec: GenerateSpec, seed: u64) -> Generator {
        Generator { spec, seed, branch: 0 }
    }

    /// Another sequence for the same spec and seed, for evaluation: it uses random numbers that
    /// [`Generator::new`]'s does not.
    pub fn for_evaluation(spec: GenerateSpec, seed: u64) -> Generator {
        Generator { spec, seed, branch: EVALUATION }
    }

    /// What puzzles it makes.
    pub fn spec(&self) -> &GenerateSpec {
        &self.spec
    }

    /// Puzzle number `i`.
    pub fn puzzle(&self, i: u64) -> Puzzle {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream((i & !EVALUATION) | self.branch);
        generate(&self.spec, &mut rng)
    }
}

#[cfg(test)]
mod tests {
    use super::super::is_unique;
    use super::*;

    #[test]
    fn minimal_puzzles_are_unique_and_minimal() {
        for (rows, cols) in [(2, 2), (2, 3), (3, 2), (2, 4), (3, 3)] {
            let shape = Shape::new(rows, cols).expect("a shape");
            let generator = Generator::new(GenerateSpec { shape, clues: Clues::Minimal }, 1);
            for i in 0..3 {
                let puzzle = generator.puzzle(i);
                assert!(is_unique(&puzzle.clues));
                assert!(puzzle.solution.is_some_and(|s| s.is_valid_solution_of(&puzzle.clues)));
                for cell in (0..shape.cells()).filter(|&c| puzzle.clues.get(c) != 0) {
                    assert!(!is_unique(&puzzle.clues.with(cell, 0).expect("a cell")));
                }
            }
        }
    }

    #[test]
    fn clue_numbers_are_spread_over_the_range() {
        let spec = GenerateSpec::usual(Shape::S4);
        assert_eq!(spec.validate(), Ok(()));
        let generator = Generator::new(spec, 3);
        let mut seen = [0; 17];
        for i in 0..1200 {
            let puzzle = generator.puzzle(i);
            assert!(is_unique(&puzzle.clues));
            seen[puzzle.clues.clues()] += 1;
        }
        assert!(seen[4..=9].iter().all(|&n| (140..=260).contains(&n)), "{seen:?}");
        assert_eq!(seen[4..=9].iter().sum::<i32>(), 1200);
    }

    #[test]
    fn puzzles_depend_on_seed_index_and_branch_only() {
        let spec = GenerateSpec::usual(Shape::S6);
        let (a, b) = (Generator::new(spec, 7), Generator::new(spec, 7));
        assert_eq!(a.puzzle(5), {
            b.puzzle(4);
            b.puzzle(5)
        });
        assert_ne!(a.puzzle(5), a.puzzle(6));
        assert_ne!(a.puzzle(5), Generator::new(spec, 8).puzzle(5));
        assert_ne!(a.puzzle(5), Generator::for_evaluation(spec, 7).puzzle(5));
    }

    #[test]
    fn odd_ranges_are_named_and_survived() {
        let spec = |min, max| GenerateSpec { shape: Shape::S4, clues: Clues::Between { min, max } };
        assert!(matches!(spec(9, 4).validate(), Err(SpecError::Reversed { .. })));
        assert!(matches!(spec(4, 17).validate(), Err(SpecError::TooMany { .. })));
        assert!(matches!(spec(0, 4).validate(), Err(SpecError::TooFew { .. })));
        for spec in [spec(9, 4), spec(99, 99), spec(0, 0), spec(16, 16)] {
            assert!(is_unique(&Generator::new(spec, 0).puzzle(0).clues));
        }
    }
}
