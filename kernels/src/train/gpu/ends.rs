//! What is before and after the blocks: the puzzle, the fed back prediction, the output head and the loss.

use cubecl::prelude::*;
use cubecl::server::Handle;

use super::common::{Buffer, Common, LANES, UNITS, spread};
use super::puzzle::{BOARD_UNITS, GOES_ON, enter, go_on, head, head_back, leave, mix, still};
use super::thin::learn;
use crate::train::Boards;

/// Most digits: sums over rows have registers for each.
const DIGITS: usize = 32;

/// What the kernels of this module need besides [`Common`].
pub(super) struct Ends {
    /// A cell each: its clue and, 256 times, its solution.
    cells: Handle,
    /// Clues as rows of zeros and a one, [padded, digits + 1].
    ones: Buffer,
    /// dZ, [padded, digits].
    dz: Buffer,
    /// Losses (times M) and whether solved, by board, [T, 2, most].
    marks: Buffer,
    /// What a cell's loss counts, [T + 1, padded]: one in the first iteration, afterwards what [`head`] writes.
    counts: Buffer,
    /// M of the part under way.
    blanks: usize,
    /// S_T and P_T of a batch's boards as the last step left them and as this one leaves them, [carries · cells, d] and
    /// [carries · cells, digits] each; nothing where every board begins anew.
    kept: Option<[[Buffer; 2]; 2]>,
    /// The row of a batch's first in the part under way, and whether boards of it go on.
    part: (usize, bool),
}

/// Workgroups for one unit a vector of the part's rows of d values.
fn row_vectors(common: &Common) -> CubeCount {
    spread(common.rows * common.spec.sizes.width / LANES, UNITS)
}

impl Ends {
    /// Nothing where boards, a board's digits or a row's values are too many.
    pub(super) fn new(common: &Common) -> Option<Self> {
        let s = common.spec.sizes;
        let client = &common.client;
        let memory = client.properties().hardware.max_shared_memory_size;
        let limit = usize::try_from(client.properties().memory.max_page_size).unwrap_or(usize::MAX);
        if common.most > 65_535
            || 4 * common.padded * (s.digits + 1) + 16 > limit
            || 4 * s.cells * (s.digits + 2) > memory
            || s.width / LANES > UNITS
            || s.digits + 1 > DIGITS
        {
            return None;
        }
        let rows = common.spec.carries * s.cells;
        if 4 * rows as u64 * s.width as u64 + 16 > limit as u64 {
            return None;
        }
        let ends = || [Buffer::empty(client, rows * s.width), Buffer::empty(client, rows * s.digits)];
        Some(Self {
            kept: (rows > 0).then(|| [ends(), ends()]),
            part: (0, false),
            cells: client.empty(4),
            ones: Buffer::empty(client, common.padded * (s.digits + 1)),
            dz: Buffer::empty(client, common.padded * s.digits),
            marks: Buffer::empty(client, 2 * common.spec.iterations * common.most),
            counts: Buffer::of(client, &vec![1.0; (common.spec.iterations + 1) * common.padded]),
            blanks: 1,
        })
    }

    /// Losses and solved boards of the part under way, [T, 2, most], and M.
    pub(super) fn marks(&self) -> (&Buffer, usize) {
        (&self.marks, self.blanks)
    }

    fn cells(&self, common: &Common) -> BufferArg {
        // SAFETY: a value for each row of the part, as `enter` made it.
        unsafe { BufferArg::from_raw_parts(self.cells.clone(), common.rows) }
    }

    /// Puts the boards on the card, and S_0.
    pub(super) fn enter(&mut self, common: &Common, boards: &Boards<'_>) {
        let s = common.spec.sizes;
        let goes_on = |row: usize| boards.earlier.is_some_and(|earlier| earlier.goes_on[row / s.cells]);
        let cell = |(row, (c, y)): (usize, (&u8, &u8))| {
            u32::from(*c) | (u32::from(*y) << 8) | if goes_on(row) { GOES_ON } else { 0 }
        };
        let cells: Vec<u32> = boards.clues.iter().zip(boards.solutions).enumerate().map(cell).collect();
        self.cells = common.client.create_from_slice(u32::as_bytes(&cells));
        self.blanks = boards.blanks;
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            enter::launch_unchecked(
                &common.client,
                row_vectors(common),
                CubeDim::new_1d(UNITS as u32),
                common.weights.values(),
                self.cells(common),
                common.states.vectors(),
                self.ones.values(),
                common.rows as u32,
                s.width,
                s.digits,
                common.layout.encoder,
            );
        }
        self.part = (boards.before * s.cells, boards.earlier.is_some());
        let Some([[states, predictions], _]) = &self.kept else { return };
        // SAFETY: as above; `CardTraining::pull` holds the part within the batch.
        unsafe {
            go_on::launch_unchecked(
                &common.client,
                row_vectors(common),
                CubeDim::new_1d(UNITS as u32),
                self.cells(common),
                states.vectors(),
                predictions.values(),
                common.states.vectors(),
                common.probabilities.values(),
                self.ones.values(),
                self.part.0 as u32,
                common.rows as u32,
                s.width,
                s.digits,
            );
        }
    }

    /// Keeps S_T and P_T for the next step.
    pub(super) fn leave(&self, common: &Common) {
        let Some([_, [states, predictions]]) = &self.kept else { return };
        let (s, last) = (common.spec.sizes, common.spec.iterations);
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            leave::launch_unchecked(
                &common.client,
                row_vectors(common),
                CubeDim::new_1d(UNITS as u32),
                common.states.vectors(),
                common.probabilities.values(),
                states.vectors(),
                predictions.values(),
                (common.state(last) / LANES) as u32,
                common.prediction(last) as u32,
                self.part.0 as u32,
                common.rows as u32,
                s.width,
                s.digits,
            );
        }
    }

    /// What this step left is what the next one goes on from.
    pub(super) fn turn(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.swap(0, 1);
        }
    }

    /// Bytes of what is kept for the next step.
    pub(super) fn bytes(&self) -> u64 {
        4 * self.kept.iter().flatten().flatten().map(|buffer| buffer.length as u64).sum::<u64>()
    }

    /// x_0 of iteration `t`.
    pub(super) fn mix(&self, common: &Common, (x, at): (&Buffer, usize), t: usize) {
        let s = common.spec.sizes;
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            mix::launch_unchecked(
                &common.client,
                row_vectors(common),
                CubeDim::new_1d(UNITS as u32),
                common.states.vectors(),
                common.probabilities.values(),
                common.weights.values(),
                x.vectors(),
                (common.state(t - 1) / LANES) as u32,
                common.prediction(t - 1) as u32,
                (at / LANES) as u32,
                common.rows as u32,
                s.width,
                s.digits,
                common.layout.feedback,
            );
        }
    }

    /// Where what cells count in iteration `t` begins.
    fn counts_at(common: &Common, t: usize) -> u32 {
        ((t - 1) * common.padded) as u32
    }

    /// Logits, probabilities and losses of iteration `t`.
    pub(super) fn head(&self, common: &Common, t: usize) {
        let s = common.spec.sizes;
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            head::launch_unchecked(
                &common.client,
                CubeCount::Static(common.boards as u32, 1, 1),
                CubeDim::new_1d(BOARD_UNITS as u32),
                common.states.vectors(),
                common.weights.values(),
                self.cells(common),
                common.probabilities.values(),
                self.marks.values(),
                self.counts.values(),
                (common.state(t) / LANES) as u32,
                common.prediction(t) as u32,
                Self::counts_at(common, t),
                Self::counts_at(common, t + 1),
                common.spec.fixed_point.factor(),
                (2 * (t - 1) * common.most) as u32,
                common.most as u32,
                s.width,
                s.digits,
                s.cells,
                common.layout.head,
            );
        }
    }

    /// The gradient with respect to S_t, in `gradient_stream`, and the head's.
    pub(super) fn head_backward(&self, common: &Common, t: usize) {
        let s = common.spec.sizes;
        let iterations = common.spec.iterations;
        let weight = f64::from(common.scale) / (self.blanks as f64 * iterations as f64);
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            head_back::launch_unchecked(
                &common.client,
                CubeCount::Static(common.boards as u32, 1, 1),
                CubeDim::new_1d(BOARD_UNITS as u32),
                common.probabilities.values(),
                common.weights.values(),
                self.cells(common),
                self.counts.values(),
                common.gradient_stream.vectors(),
                self.dz.values(),
                common.prediction(t) as u32,
                Self::counts_at(common, t),
                weight as f32,
                u32::from(t == iterations),
                s.width,
                s.digits,
                s.cells,
                common.layout.head,
                common.layout.feedback,
            );
        }
        learn(common, (&self.dz, 0), (&common.states, common.state(t)), common.layout.head, s.digits, false);
    }

    /// The feedback's gradient from that with respect to x_0 of iteration `t`.
    pub(super) fn mix_backward(&self, common: &Common, t: usize) {
        let narrow = (&common.probabilities, common.prediction(t - 1));
        let digits = common.spec.sizes.digits;
        learn(common, narrow, (&common.gradient_stream, 0), common.layout.feedback, digits, true);
    }

    /// The encoder's gradient from that with respect to S_0.
    pub(super) fn enter_backward(&self, common: &Common) {
        if self.part.1 {
            // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
            unsafe {
                still::launch_unchecked(
                    &common.client,
                    row_vectors(common),
                    CubeDim::new_1d(UNITS as u32),
                    self.cells(common),
                    common.gradient_stream.vectors(),
                    common.rows as u32,
                    common.spec.sizes.width,
                );
            }
        }
        let digits = common.spec.sizes.digits;
        learn(common, (&self.ones, 0), (&common.gradient_stream, 0), common.layout.encoder, digits + 1, true);
    }
}
