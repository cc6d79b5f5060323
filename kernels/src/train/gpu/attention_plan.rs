//! How attention is cut up for a graphics card.

use crate::Sizes;

/// Workgroup memory that is used even where there is more, so that some groups run side by side.
const MEMORY: usize = 20 << 10;
/// Tiles of keys' gradients that a unit can hold.
const HELD: usize = 4;

/// How attention is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AttentionPlan {
    pub(super) cells: usize,
    pub(super) heads: usize,
    pub(super) head_width: usize,
    /// Queries at a time, a multiple of four.
    pub(super) band: usize,
    /// Invocations of a workgroup.
    pub(super) units: usize,
    /// Lanes of a row's softmax.
    pub(super) lanes: usize,
    pub(super) drops: bool,
}

impl AttentionPlan {
    /// As few bands as fit into workgroup memory; nothing where none does.
    pub(super) fn new(sizes: &Sizes, memory: usize, most: usize, drops: bool) -> Option<Self> {
        let quads = sizes.cells.div_ceil(4);
        // Two values for each query of a band and key, two for each query, and one for each unit.
        let bytes = |band: usize| 4 * (2 * band * 4 * quads + 2 * sizes.cells + most);
        let fit = memory.min(MEMORY);
        let greatest = (1..=quads).rev().map(|q| 4 * q).find(|band| bytes(*band) <= fit && *band <= most)?;
        let bands = sizes.cells.div_ceil(greatest);
        let band = sizes.cells.div_ceil(bands).next_multiple_of(4);
        let held = quads * sizes.head_width() / 4;
        let units = held.max(band / 4 * quads).max(band).next_multiple_of(32).min(most);
        let lanes = (units / band).min(16);
        (lanes > 0 && held.div_ceil(units) <= HELD).then_some(Self {
            cells: sizes.cells,
            heads: sizes.heads,
            head_width: sizes.head_width(),
            band,
            units,
            lanes,
            drops,
        })
    }

    /// Workgroups of a board and head on the way forward.
    pub(super) fn bands(&self) -> usize {
        self.cells.div_ceil(self.band)
    }

    /// Vectors of keys.
    pub(super) fn quads(&self) -> usize {
        self.cells.div_ceil(4)
    }

    /// Tiles of four keys and four elements of a head that a unit holds at most.
    pub(super) fn held(&self) -> usize {
        (self.quads() * self.head_width / 4).div_ceil(self.units)
    }
}
