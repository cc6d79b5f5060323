//! The fused loop: one iteration of a looped transformer with nothing between the arithmetic.
//!
//! The plain network on burn's tensors (`models/looped.rs` of the program) is the reference; what is here
//! computes the same iteration with a handful of passes over memory. Only keys and values of a block need
//! all cells of a board, so a row of the state goes through everything else on its own: one meeting point
//! a block is all there is.
//!
//! No burn in here, so that it builds and is tested in seconds.

#![warn(missing_docs)]

pub mod cpu;
mod flat;
#[cfg(feature = "gpu")]
pub mod gpu;
mod model;

#[cfg(feature = "page")]
mod page;
pub mod tangent;
pub mod train;

pub use model::{Block, Changes, Linear, Model, Norm, Sizes};
