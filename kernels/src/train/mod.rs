//! Training: a pass forward, a pass backward and the update of a looped transformer, without tensors in between.
//!
//! The stock path (`train/part.rs` of the program, on burn's tensors) is the reference. What is here computes the
//! same loss and the same gradient, with the same dropout masks:
//!
//! ```text
//! loss = 1/T Σ_t 1/M Σ over empty cells of CE(Z_t, y)        M: empty cells of the whole batch (specs/sudoku.md §2)
//! ```
//!
//! With a [`FixedPoint`] loss, a cell that was right an iteration before counts otherwise.
//!
//! Weights, gradient and moments are flat vectors in the order of [`Layout`], which is the order of saved files.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod layout;
pub mod oracle;
mod random;

pub use layout::{BlockLayout, Layout, Map, NormPlace};
pub use random::{Dropout, philox4x32};

use crate::Sizes;

/// What a cell counts that was right in the iteration before (`specs/sudoku.md` §4.1). With c_(t−1) = 1 where the
/// arg-max of Z_(t−1) is right, and no gradient through it, a cell's cross-entropy is multiplied from the second
/// iteration on; the sum is divided by M all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FixedPoint {
    /// As much as any other.
    #[default]
    None,
    /// Twice as much, 1 + c_(t−1).
    Preserve,
    /// Nothing, 1 − c_(t−1).
    Mask,
}

impl FixedPoint {
    /// What the cross-entropy of a cell that was right is multiplied by.
    #[must_use]
    pub fn factor(self) -> f32 {
        match self {
            Self::None => 1.0,
            Self::Preserve => 2.0,
            Self::Mask => 0.0,
        }
    }
}

/// What is trained: everything about a step that does not change from step to step.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Sizes of the network.
    pub sizes: Sizes,
    /// T, all of them supervised.
    pub iterations: usize,
    /// cos φ of every cell and adjacent pair of a head's elements, [cells, dh / 2] (`specs/sudoku.md` §1.4).
    pub cos: Vec<f32>,
    /// sin φ likewise.
    pub sin: Vec<f32>,
    /// Whether anything is dropped in this training.
    pub drops: bool,
    /// What a cell counts that was right.
    pub fixed_point: FixedPoint,
    /// Boards of a batch, where they may go on in the next step with the state and the prediction that this one
    /// leaves them with; 0 where every board begins anew.
    pub carries: usize,
}

/// How some boards of a batch go on from an earlier step, instead of beginning with their clues. The gradient stays
/// within a step.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// Whether a board goes on, [boards].
    pub goes_on: &'a [bool],
    /// S_T of the earlier step, [boards · cells, d]. A card has kept its own.
    pub states: &'a [f32],
    /// P_T of the earlier step, [boards · cells, digits]. A card has kept its own.
    pub predictions: &'a [f32],
}

impl<'a> Earlier<'a> {
    /// Of the boards from `from` up to `to`, where there are `cells` rows of `width` and `digits` values a board.
    fn part(self, from: usize, to: usize, [cells, width, digits]: [usize; 3]) -> Self {
        let of =
            |values: &'a [f32], each: usize| values.get(from * cells * each..to * cells * each).unwrap_or_default();
        Self {
            goes_on: &self.goes_on[from..to],
            states: of(self.states, width),
            predictions: of(self.predictions, digits),
        }
    }
}

/// Consecutive boards of a batch, which are put through together.
#[derive(Clone, Copy, Debug)]
pub struct Boards<'a> {
    /// [boards · cells], 0 for blanks.
    pub clues: &'a [u8],
    /// [boards · cells], 1..=digits. A zero where a solution is not known: such a cell has no loss.
    pub solutions: &'a [u8],
    /// Boards that stand before these in the batch.
    pub before: usize,
    /// Boards of the whole batch.
    pub of: usize,
    /// Empty cells of the whole batch, M, at least one.
    pub blanks: usize,
    /// What is dropped, if anything.
    pub dropout: Option<Dropout>,
    /// Where some of them go on; none begins all anew.
    pub earlier: Option<Earlier<'a>>,
}

/// The numbers of an AdamW update, as `train/adamw.rs` of the program has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Number of the update, from 1.
    pub step: u32,
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay of every parameter.
    pub weight_decay: f64,
}
