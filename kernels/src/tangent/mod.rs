//! How a small difference between two states of one board grows from an iteration to the next
//! (`specs/sudoku.md` §5.3 and §10): exact tangents of the iteration map instead of differences that
//! rounding drowns.
//!
//! [`Map`] is an iteration as a function of the state alone, in f32 or f64. [`Linearised`] is its Jacobian at
//! a state: it takes tangent vectors through the network by hand-written forward differentiation.
//! [`PowerIteration`] repeats that at a frozen state (growth rates) or along the trajectory (Lyapunov
//! exponents). [`FiniteDifferences`] is the published estimator, its rounding included, for comparison.
//!
//! All of it works on one board and one thread, and can be stopped after every part of a step. Products and
//! sums are never fused or regrouped for a processor's vectors: up to the last bit of an exponential, every
//! machine gets the same numbers.

mod differences;
mod growth;
mod linear;
mod map;
pub(crate) mod product;
mod random;
mod real;
pub(crate) mod rows;
#[cfg(test)]
mod tests;
mod trace;

pub use differences::{Difference, FiniteDifferences};
pub use growth::{Along, Growth, Options, PowerIteration, Rate, Vectors, growth};
pub use linear::Linearised;
pub use map::{Map, Products, Trajectory};
pub use random::gaussian;
pub use real::{Real, tf32};
