//! The transformer blocks of an iteration, in whichever precision.

use super::common::{Buffer, Common};
use super::full::FullBlocks;
use super::half::HalfBlocks;
use crate::gpu::Client;
use crate::train::Spec;

/// The kernels of the blocks.
pub(super) enum Blocks {
    /// In f32, on any card.
    Full(Box<FullBlocks>),
    /// With cooperative matrices, where a card has them.
    Half(Box<HalfBlocks>),
}

impl Blocks {
    /// Whether a card and the sizes allow products in half precision.
    pub(super) fn can_halve(client: &Client, spec: &Spec) -> bool {
        HalfBlocks::possible(client, spec)
    }

    /// Rows that row buffers are padded to; parts of fewer rows than there is room for are possible.
    pub(super) fn tile(half: bool) -> usize {
        if half { HalfBlocks::TILE } else { 1 }
    }

    /// In at most `memory` bytes. Nothing where that is too little, or a buffer would be longer than the card allows.
    /// `half` only where [`Self::can_halve`].
    pub(super) fn new(
        client: &Client,
        spec: &Spec,
        most: usize,
        padded: usize,
        memory: u64,
        half: bool,
    ) -> Option<Self> {
        if half {
            return HalfBlocks::new(client, spec, most, padded, memory).map(|b| Self::Half(Box::new(b)));
        }
        FullBlocks::new(client, spec, most, padded, memory).map(|b| Self::Full(Box::new(b)))
    }

    /// Whether products are in half precision.
    pub(super) fn is_half(&self) -> bool {
        match self {
            Self::Full(_) => false,
            Self::Half(_) => true,
        }
    }

    /// Iterations whose activations there is room for: all, or one.
    pub(super) fn slots(&self) -> usize {
        match self {
            Self::Full(b) => b.slots(),
            Self::Half(b) => b.slots(),
        }
    }

    /// What the loss is multiplied by before the pass backward.
    pub(super) fn scale(&self, blanks: usize, iterations: usize) -> f32 {
        match self {
            Self::Full(_) => 1.0,
            Self::Half(b) => b.scale(blanks, iterations),
        }
    }

    /// Once a step, after the weights changed.
    pub(super) fn prepare(&mut self, common: &Common) {
        match self {
            Self::Full(_) => {}
            Self::Half(b) => b.prepare(common),
        }
    }

    /// Where x_0 of iteration `t` must be put before [`Self::forward`], and at which value.
    pub(super) fn input<'a>(&'a self, _common: &'a Common, t: usize) -> (&'a Buffer, usize) {
        match self {
            Self::Full(b) => b.input(t),
            Self::Half(b) => b.input(t),
        }
    }

    /// All blocks of iteration `t` (from 1): x_0 → `states` slot t. With `keep`, what [`Self::backward`] needs is
    /// kept.
    pub(super) fn forward(&mut self, common: &Common, t: usize, keep: bool) {
        let _ = keep;
        match self {
            Self::Full(b) => b.forward(common, t),
            Self::Half(b) => b.forward(common, t),
        }
    }

    /// The gradient through all blocks of iteration `t`, in `gradient_stream`, and its sums for the parameters.
    pub(super) fn backward(&mut self, common: &Common, t: usize) {
        match self {
            Self::Full(b) => b.backward(common, t),
            Self::Half(b) => b.backward(common, t),
        }
    }

    /// Forgets sums of a step that was dropped.
    pub(super) fn forget(&self, common: &Common) {
        match self {
            Self::Full(_) => {}
            Self::Half(b) => b.forget(common),
        }
    }

    /// Once a step, before the sums are put together.
    pub(super) fn finish(&self, common: &Common) {
        match self {
            Self::Full(_) => {}
            Self::Half(b) => b.finish(common),
        }
    }

    /// Keeps the activations of so many iterations at most, and has tiles as for a card of so many lanes.
    #[cfg(test)]
    pub(super) fn change(&mut self, slots: usize, lanes: usize) {
        match self {
            Self::Full(b) => b.change(slots, lanes),
            Self::Half(_) => {}
        }
    }
}
