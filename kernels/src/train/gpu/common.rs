//! What is on the card whichever kernels the blocks have: parameters, states, predictions, masks, sums.

use cubecl::prelude::*;
use cubecl::server::Handle;

use super::masks::MaskPlan;
use crate::gpu::Client;
use crate::train::{Layout, Spec};

/// Values in a vector.
pub(super) const LANES: usize = 4;
/// Invocations of most workgroups.
pub(super) const UNITS: usize = 256;
/// Workgroups along x; what is more goes along y.
const ACROSS: usize = 32_768;
/// Bytes of all groups' sums of the gradient, at most.
const SUMS: usize = 256 << 20;
/// Groups of rows whose sums of the gradient are apart, at most.
const GROUPS: usize = 64;
/// Rows that a group has at least, as long as there are so many.
const GROUP_ROWS: usize = 256;

/// Values on the card and how many: f32 unless said otherwise.
#[derive(Clone)]
pub(super) struct Buffer {
    pub(super) handle: Handle,
    /// Values of four bytes, a multiple of four.
    pub(super) length: usize,
}

impl Buffer {
    /// Room for at least so many values, whatever stands there.
    pub(super) fn empty(client: &Client, length: usize) -> Self {
        let length = length.max(1).next_multiple_of(LANES);
        Self { handle: client.empty(4 * length), length }
    }

    /// These values, and zeros up to a multiple of four.
    pub(super) fn of(client: &Client, values: &[f32]) -> Self {
        let mut values = values.to_vec();
        values.resize(values.len().max(1).next_multiple_of(LANES), 0.0);
        Self { handle: client.create_from_slice(f32::as_bytes(&values)), length: values.len() }
    }

    /// As a kernel's array of single values.
    pub(super) fn values(&self) -> BufferArg {
        // SAFETY: the buffer was made with that length.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.length) }
    }

    /// As a kernel's array of vectors of four.
    pub(super) fn vectors(&self) -> BufferArg {
        // SAFETY: the buffer was made with that length.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.length / LANES) }
    }
}

/// Workgroups of so many units each, for one unit an item. The kernels check the item's number.
pub(super) fn spread(items: usize, units: usize) -> CubeCount {
    let groups = items.div_ceil(units).max(1);
    let across = groups.min(ACROSS);
    CubeCount::Static(across as u32, groups.div_ceil(across) as u32, 1)
}

/// What the blocks and everything around them share. Rows are cells of boards, board by board. Row buffers have
/// room for `padded` rows, and what stands beyond the rows of a part is never summed.
pub(super) struct Common {
    pub(super) client: Client,
    pub(super) spec: Spec,
    pub(super) layout: Layout,
    /// Most boards of a part.
    pub(super) most: usize,
    /// Rows that buffers have room for: those of `most` boards, up to a whole tile of the blocks.
    pub(super) padded: usize,
    /// Boards of the part under way.
    pub(super) boards: usize,
    /// Rows of the part under way.
    pub(super) rows: usize,
    /// [total], as [`Layout`] has it.
    pub(super) weights: Buffer,
    /// cos and sin of every cell and pair one after the other, [cells, dh / 2, 2].
    pub(super) turns: Buffer,
    /// S_t, slot 0 = S_0, [T + 1, padded, d].
    pub(super) states: Buffer,
    /// P_t, slot 0 zeros, [T + 1, padded, digits].
    pub(super) probabilities: Buffer,
    /// x_0 before the blocks, [padded, d].
    pub(super) stream: Buffer,
    /// Gradient of `scale` times the loss with respect to x_L = S_t before [`super::blocks::Blocks::backward`],
    /// with respect to x_0 after it, [padded, d].
    pub(super) gradient_stream: Buffer,
    /// Sums of the parameters' gradient, times `scale`, one for each group of rows, [groups, sum_stride]. A kernel
    /// adds to its own group's alone, so the order of summation is always the same.
    pub(super) partials: Buffer,
    /// Groups of rows.
    pub(super) groups: usize,
    /// Values of a group's sums: the total up to a multiple of four.
    pub(super) sum_stride: usize,
    /// Bits, one where a value is kept; a word where nothing is dropped.
    pub(super) masks: Buffer,
    pub(super) mask_plan: MaskPlan,
    /// What kept values are multiplied by, 1 where nothing is dropped.
    pub(super) keep: f32,
    /// The loss is multiplied by it before the pass backward, and the gradient divided.
    pub(super) scale: f32,
}

impl Common {
    /// Nothing where a buffer would be longer than the card allows.
    pub(super) fn new(client: &Client, spec: &Spec, weights: &[f32], most: usize, tile: usize) -> Option<Self> {
        let s = spec.sizes;
        let layout = Layout::new(&s);
        let padded = (most * s.cells).next_multiple_of(tile);
        let slots = spec.iterations + 1;
        let sum_stride = layout.total.next_multiple_of(LANES);
        let groups = (most * s.cells).div_ceil(GROUP_ROWS).min(SUMS / (4 * sum_stride)).clamp(1, GROUPS);
        let mask_plan = MaskPlan::new(spec, most);
        let words = if spec.drops { spec.iterations * mask_plan.iteration } else { 1 };
        // In 64 bits: in a browser there would be too few.
        let of = |a: usize, b: usize, c: usize| a as u64 * b as u64 * c as u64;
        let lengths =
            [of(slots, padded, s.width), of(slots, padded, s.digits), of(groups, sum_stride, 1), of(words, 1, 1)];
        let limit = client.properties().memory.max_page_size;
        if weights.len() != layout.total || lengths.iter().any(|n| 4 * n + 16 > limit) {
            return None;
        }
        let lengths = lengths.map(|n| n as usize);
        let turns: Vec<f32> = spec.cos.iter().zip(&spec.sin).flat_map(|(c, s)| [*c, *s]).collect();
        Some(Self {
            client: client.clone(),
            spec: spec.clone(),
            layout,
            most,
            padded,
            boards: 0,
            rows: 0,
            weights: Buffer::of(client, weights),
            turns: Buffer::of(client, &turns),
            states: Buffer::empty(client, lengths[0]),
            probabilities: Buffer::empty(client, lengths[1]),
            stream: Buffer::empty(client, padded * s.width),
            gradient_stream: Buffer::empty(client, padded * s.width),
            partials: Buffer::empty(client, lengths[2]),
            groups,
            sum_stride,
            masks: Buffer::empty(client, lengths[3]),
            mask_plan,
            keep: 1.0,
            scale: 1.0,
        })
    }

    /// Bytes of its buffers.
    pub(super) fn bytes(&self) -> u64 {
        let all = [
            &self.weights,
            &self.states,
            &self.probabilities,
            &self.stream,
            &self.gradient_stream,
            &self.partials,
            &self.masks,
        ];
        4 * all.iter().map(|buffer| buffer.length as u64).sum::<u64>()
    }

    /// Where S_t begins in `states`, in values.
    pub(super) fn state(&self, t: usize) -> usize {
        t * self.padded * self.spec.sizes.width
    }

    /// Where P_t begins in `probabilities`, in values.
    pub(super) fn prediction(&self, t: usize) -> usize {
        t * self.padded * self.spec.sizes.digits
    }

    /// Rows of a group; the last may have fewer, or none.
    pub(super) fn group_rows(&self) -> usize {
        self.rows.div_ceil(self.groups).next_multiple_of(16)
    }

    /// The word where the masks of a site begin: iteration from 1, block, site 0..4 as `Dropout::words` has them.
    /// Bit i % 32 of the i / 32-th word from there is that of the part's i-th value.
    pub(super) fn mask(&self, t: usize, block: usize, site: usize) -> u32 {
        ((t - 1) * self.mask_plan.iteration + self.mask_plan.place(block, site)) as u32
    }
}
