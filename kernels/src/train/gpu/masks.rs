//! Dropout masks: bits for all iterations, blocks and sites of a part, made at once.

use cubecl::prelude::*;

use super::common::{Buffer, Common, UNITS, spread};
use crate::train::{Dropout, Spec};

/// Calls of Philox for a word of bits.
const CALLS: usize = 32 / 4;

/// Where the bits of a site are: [iterations, blocks, 4 sites], each site from a whole word on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct MaskPlan {
    /// Values of each site and board.
    pub(super) values: [usize; 4],
    /// Where each site begins in its block, in words, and the words of a block.
    pub(super) sites: [usize; 5],
    /// Words of an iteration.
    pub(super) iteration: usize,
}

impl MaskPlan {
    pub(super) fn new(spec: &Spec, most: usize) -> Self {
        let s = spec.sizes;
        let values = [s.heads * s.cells * s.cells, s.cells * s.width, s.cells * s.hidden, s.cells * s.width];
        let mut sites = [0; 5];
        for (i, n) in values.iter().enumerate() {
            sites[i + 1] = sites[i] + (n * most).div_ceil(32);
        }
        Self { values, sites, iteration: s.blocks * sites[4] }
    }

    /// The first word of a site in its iteration.
    pub(super) fn place(&self, block: usize, site: usize) -> usize {
        block * self.sites[4] + self.sites[site]
    }
}
