//! Two models side by side: on one board, iteration by iteration, and over many boards.
//!
//! They are called first and second; every number has its mirror image when they are swapped.

mod boards;
mod pair;
#[cfg(test)]
mod tests;

pub use boards::{BoardRow, BoardsCompared, Difference, boards, mcnemar};
pub use pair::{Pair, PairRow, Right};
