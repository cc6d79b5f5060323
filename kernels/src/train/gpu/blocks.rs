//! The transformer blocks of an iteration, in whichever precision.

use super::common::{Buffer, Common};
use super::full::FullBlocks;
use crate::gpu::Client;
use crate::train::Spec;

/// The kernels of the blocks. A further precision is a further variant.
pub(super) enum Blocks {
    /// In f32, on any card.
    Full(FullBlocks),
}

impl Blocks {
    /// Rows that row buffers are padded to; parts of fewer rows than there is room for are possible.
    pub(super) fn tile(half: bool) -> usize {
        let _ = half;
        1
    }

    /// Nothing where the card or the sizes do not allow it.
    pub(super) fn new(client: &Client, spec: &Spec, most: usize, padded: usize, half: bool) -> Option<Self> {
        let _ = half;
        FullBlocks::new(client, spec, most, padded).map(Self::Full)
    }

    /// Whether products are in half precision.
    pub(super) fn is_half(&self) -> bool {
        match self {
            Self::Full(_) => false,
        }
    }

    /// Iterations whose activations there is room for: all, or one.
    pub(super) fn slots(&self) -> usize {
        match self {
            Self::Full(b) => b.slots(),
        }
    }

    /// What the loss is multiplied by before the pass backward.
    pub(super) fn scale(&self, blanks: usize, iterations: usize) -> f32 {
        let _ = (blanks, iterations);
        match self {
            Self::Full(_) => 1.0,
        }
    }

    /// Once a step, after the weights changed.
    pub(super) fn prepare(&mut self, common: &Common) {
        let _ = common;
        match self {
            Self::Full(_) => {}
        }
    }

    /// Where x_0 of iteration `t` must be put before [`Self::forward`], and at which value.
    pub(super) fn input<'a>(&'a self, _common: &'a Common, t: usize) -> (&'a Buffer, usize) {
        match self {
            Self::Full(b) => b.input(t),
        }
    }

    /// All blocks of iteration `t` (from 1): x_0 → `states` slot t. With `keep`, what [`Self::backward`] needs is
    /// kept.
    pub(super) fn forward(&mut self, common: &Common, t: usize, keep: bool) {
        let _ = keep;
        match self {
            Self::Full(b) => b.forward(common, t),
        }
    }

    /// The gradient through all blocks of iteration `t`, in `gradient_stream`, and its sums for the parameters.
    pub(super) fn backward(&mut self, common: &Common, t: usize) {
        match self {
            Self::Full(b) => b.backward(common, t),
        }
    }

    /// Keeps the activations of so many iterations: all, or one.
    #[cfg(test)]
    pub(super) fn keep(&mut self, slots: usize) {
        match self {
            Self::Full(b) => b.keep(slots),
        }
    }
}
