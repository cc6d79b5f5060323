//! Sudoku of any box size: boards, files, solver, rating, generator and symmetries.
//!
//! Everything works for every [`Shape`], from 4×4 to 9×9; nothing here knows about tensors,
//! threads or the file system beyond [`std::io::Read`] and [`std::io::Write`].

mod agreement;
mod canonical;
mod conflict;
mod error;
mod file;
mod generate;
mod grid;
mod parse;
mod pool;
mod puzzle;
mod rating;
mod report;
mod search;
mod shape;
mod signature;
mod solver;
mod symmetry;

pub use agreement::{Agreement, InBucket};
pub use canonical::{CanonicalKey, canonical, canonical_solution};
pub use conflict::Conflict;
pub use error::{BoardCell, PuzzleError};
pub use file::{MAX_RECORD, PuzzleReader, check, write_csv};
pub use generate::{Clues, GenerateSpec, Generator, SpecError, generate};
pub use grid::{Grid, GridError};
pub use parse::{MAX_TEXT, parse_grid, parse_many, parse_partial};
pub use pool::{PoolBuilder, PoolState, Split, evaluation_set, key_of, keys, training_pool};
pub use puzzle::Puzzle;
pub use rating::{Bucket, rate, spearman};
pub use report::SplitReport;
pub use search::{Searcher, Step, Walk, walk_of};
pub use shape::{Shape, ShapeError, Unit, UnitKind};
pub use signature::Signature;
pub use solver::{guesses, is_unique, solutions, solve};
pub use symmetry::{Symmetry, SymmetryError, order};
