//! What is before and after the blocks: the puzzle, the fed back prediction, the output head and the loss.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;
use cubecl::server::Handle;

use super::common::{Buffer, Common, LANES, UNITS, spread};
use crate::gpu::{V4, sum4};
use crate::train::{Boards, Map};

/// Units of a board in the kernels of the head.
const BOARD_UNITS: usize = 128;
/// Most digits: sums over rows have registers for each.
const DIGITS: usize = 32;

/// Four values that do not lie on a multiple of four.
#[cube]
fn four(from: &[f32], at: usize, stride: usize) -> V4 {
    let mut v = V4::new(0.0f32);
    #[unroll]
    for i in 0..4usize {
        v.insert(i, from[at + i * stride]);
    }
    v
}

/// S_0 = We[clue] + be, and the clues as rows of zeros and a one, [rows, digits + 1].
#[cube(launch_unchecked)]
fn enter(
    weights: &[f32],
    cells: &[u32],
    states: &mut [V4],
    ones: &mut [f32],
    rows: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] map: Map,
) {
    let d4 = comptime!(width / 4);
    let (row, column) = (ABSOLUTE_POS / d4, ABSOLUTE_POS % d4);
    if row < rows as usize {
        let clue = (cells[row] & 255u32) as usize;
        let inputs = comptime!(map.inputs);
        let w = four(weights, comptime!(map.weight) + 4 * column * inputs + clue, inputs);
        states[ABSOLUTE_POS] = w + four(weights, comptime!(map.bias) + 4 * column, 1usize);
        if column == 0 {
            for digit in 0..comptime!(digits + 1) {
                let mut one = f32::new(0.0f32);
                if digit == clue {
                    one = f32::new(1.0f32);
                }
                ones[row * comptime!(digits + 1) + digit] = one;
            }
        }
    }
}

/// x_0 = S + P Wpᵀ + bp.
#[cube(launch_unchecked)]
fn mix(
    states: &[V4],
    probabilities: &[f32],
    weights: &[f32],
    x: &mut [V4],
    state_at: u32,
    prediction_at: u32,
    x_at: u32,
    rows: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] map: Map,
) {
    let d4 = comptime!(width / 4);
    let (row, column) = (ABSOLUTE_POS / d4, ABSOLUTE_POS % d4);
    if row < rows as usize {
        let mut sum =
            states[state_at as usize + ABSOLUTE_POS] + four(weights, comptime!(map.bias) + 4 * column, 1usize);
        for digit in 0..digits {
            let w = four(weights, comptime!(map.weight) + 4 * column * digits + digit, digits);
            sum = sum + w * V4::new(probabilities[prediction_at as usize + row * digits + digit]);
        }
        x[x_at as usize + ABSOLUTE_POS] = sum;
    }
}

/// Z = S Woᵀ + bo, P = softmax(Z), and a board's loss (times M) and whether it is solved, [T, 2, most].
#[cube(launch_unchecked)]
fn head(
    states: &[V4],
    weights: &[f32],
    cells: &[u32],
    probabilities: &mut [f32],
    marks: &mut [f32],
    state_at: u32,
    prediction_at: u32,
    marks_at: u32,
    most: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] of_board: usize,
    #[comptime] map: Map,
) {
    let d4 = comptime!(width / 4);
    let unit = UNIT_POS as usize;
    let board = CUBE_POS_X as usize;
    let base = board * of_board;
    let mut logits = Shared::<[f32]>::new_slice(comptime!(of_board * digits));
    let mut losses = Shared::<[f32]>::new_slice(of_board);
    let mut wrong = Shared::<[f32]>::new_slice(of_board);
    let mut i = unit;
    while i < comptime!(of_board * digits) {
        let (r, digit) = (i / digits, i % digits);
        let mut sum = V4::new(0.0f32);
        for k in 0..d4 {
            let w = four(weights, comptime!(map.weight) + digit * width + 4 * k, 1usize);
            sum = sum + states[state_at as usize + (base + r) * d4 + k] * w;
        }
        logits[i] = sum4(sum) + weights[comptime!(map.bias) + digit];
        i += BOARD_UNITS;
    }
    sync_cube();
    let mut r = unit;
    while r < of_board {
        let mut greatest = logits[r * digits];
        let mut best = 0usize;
        for digit in 1..digits {
            if logits[r * digits + digit] > greatest {
                greatest = logits[r * digits + digit];
                best = digit;
            }
        }
        let mut sum = f32::new(0.0f32);
        for digit in 0..digits {
            sum += (logits[r * digits + digit] - greatest).exp();
        }
        for digit in 0..digits {
            let p = (logits[r * digits + digit] - greatest).exp() / sum;
            probabilities[prediction_at as usize + (base + r) * digits + digit] = p;
        }
        let cell = cells[base + r];
        let right = (cell >> 8u32) as usize;
        let mut loss = f32::new(0.0f32);
        let mut miss = f32::new(0.0f32);
        if cell & 255u32 == 0 && right > 0 {
            loss = sum.ln() + greatest - logits[r * digits + right - 1];
            if best + 1 != right {
                miss = f32::new(1.0f32);
            }
        }
        losses[r] = loss;
        wrong[r] = miss;
        r += BOARD_UNITS;
    }
    sync_cube();
    if unit == 0 {
        let mut loss = f32::new(0.0f32);
        let mut misses = f32::new(0.0f32);
        for r in 0..of_board {
            loss += losses[r];
            misses += wrong[r];
        }
        let mut solved = f32::new(0.0f32);
        if misses == 0.0f32 {
            solved = f32::new(1.0f32);
        }
        marks[marks_at as usize + board] = loss;
        marks[marks_at as usize + most as usize + board] = solved;
    }
}

/// From dx, the gradient with respect to the next iteration's x_0, to that with respect to this one's S: dx + dZ Wo,
/// where dZ is the loss's and what comes back through P. `weight` is 1 / (M T) times the scale. With `last` there is
/// no next iteration.
#[cube(launch_unchecked)]
fn head_back(
    probabilities: &[f32],
    weights: &[f32],
    cells: &[u32],
    dx: &mut [V4],
    dz: &mut [f32],
    prediction_at: u32,
    weight: f32,
    last: u32,
    #[comptime] width: usize,
    #[comptime] digits: usize,
    #[comptime] of_board: usize,
    #[comptime] map: Map,
    #[comptime] feedback: Map,
) {
    let d4 = comptime!(width / 4);
    let unit = UNIT_POS as usize;
    let base = CUBE_POS_X as usize * of_board;
    let mut logits = Shared::<[f32]>::new_slice(comptime!(of_board * digits));
    let mut i = unit;
    while i < comptime!(of_board * digits) {
        let (r, digit) = (i / digits, i % digits);
        let mut sum = V4::new(0.0f32);
        if last == 0 {
            for k in 0..d4 {
                let w = four(weights, comptime!(feedback.weight) + 4 * k * digits + digit, digits);
                sum = sum + dx[(base + r) * d4 + k] * w;
            }
        }
        logits[i] = sum4(sum);
        i += BOARD_UNITS;
    }
    sync_cube();
    let mut r = unit;
    while r < of_board {
        let row = base + r;
        let from = prediction_at as usize + row * digits;
        let mut inner = f32::new(0.0f32);
        for digit in 0..digits {
            inner += logits[r * digits + digit] * probabilities[from + digit];
        }
        let cell = cells[row];
        let right = (cell >> 8u32) as usize;
        let mut share = f32::new(0.0f32);
        if cell & 255u32 == 0 && right > 0 {
            share = weight;
        }
        for digit in 0..digits {
            let p = probabilities[from + digit];
            let mut off = p;
            if digit + 1 == right {
                off = p - 1.0f32;
            }
            let z = p * (logits[r * digits + digit] - inner) + off * share;
            logits[r * digits + digit] = z;
            dz[row * digits + digit] = z;
        }
        r += BOARD_UNITS;
    }
    sync_cube();
    let mut i = unit;
    while i < comptime!(of_board * d4) {
        let (r, k) = (i / d4, i % d4);
        let mut sum = V4::new(0.0f32);
        if last == 0 {
            sum = dx[base * d4 + i];
        }
        for digit in 0..digits {
            let w = four(weights, comptime!(map.weight) + digit * width + 4 * k, 1usize);
            sum = sum + w * V4::new(logits[r * digits + digit]);
        }
        dx[base * d4 + i] = sum;
        i += BOARD_UNITS;
    }
}

/// Adds Σ_r narrow[r, ·] wide[r, ·] of a group of rows to its sums: as [count, d] with Σ narrow for the bias, or with
/// `turned` as [d, count] with Σ wide.
#[cube(launch_unchecked)]
fn learn_thin(
    narrow: &[f32],
    wide: &[V4],
    partials: &mut [f32],
    narrow_at: u32,
    wide_at: u32,
    matrix: u32,
    bias: u32,
    count: u32,
    rows: u32,
    group_rows: u32,
    sum_stride: u32,
    #[comptime] width: usize,
    #[comptime] most: usize,
    #[comptime] turned: bool,
) {
    let d4 = comptime!(width / 4);
    let splits = comptime!(UNITS / (width / 4));
    let unit = UNIT_POS as usize;
    let (split, column) = (unit / d4, unit % d4);
    let group = CUBE_POS_X as usize;
    let end = min((group + 1) * group_rows as usize, rows as usize);
    let count = count as usize;
    let mut acc = Array::<V4>::new(most);
    let mut ones = Array::<f32>::new(most);
    let mut of_wide = V4::new(0.0f32);
    #[unroll]
    for i in 0..most {
        acc[i] = V4::new(0.0f32);
        ones[i] = f32::new(0.0f32);
    }
    if split < splits {
        let mut row = group * group_rows as usize + split;
        while row < end {
            let v = wide[wide_at as usize + row * d4 + column];
            of_wide = of_wide + v;
            #[unroll]
            for i in 0..most {
                if i < count {
                    let n = narrow[narrow_at as usize + row * count + i];
                    acc[i] = acc[i] + v * V4::new(n);
                    if comptime!(!turned) {
                        ones[i] += n;
                    }
                }
            }
            row += splits;
        }
    }
    let start = group * sum_stride as usize;
    let matrix = start + matrix as usize;
    let bias = start + bias as usize;
    let mut parts = Shared::<[V4]>::new_slice(UNITS);
    #[unroll]
    for i in 0..most {
        parts[unit] = acc[i];
        sync_cube();
        if unit < d4 && i < count {
            let sum = over_splits(&parts, unit, d4, splits);
            #[unroll]
            for j in 0..4usize {
                let mut at = matrix + i * width + 4 * unit + j;
                if turned {
                    at = matrix + (4 * unit + j) * count + i;
                }
                partials[at] += sum.extract(j);
            }
        }
        sync_cube();
        if comptime!(!turned) {
            parts[unit] = V4::new(ones[i]);
            sync_cube();
            if unit == 0 && i < count {
                let sum = over_splits(&parts, 0usize, d4, splits);
                partials[bias + i] += sum.extract(0usize);
            }
            sync_cube();
        }
    }
    if turned {
        parts[unit] = of_wide;
        sync_cube();
        if unit < d4 {
            let sum = over_splits(&parts, unit, d4, splits);
            #[unroll]
            for j in 0..4usize {
                partials[bias + 4 * unit + j] += sum.extract(j);
            }
        }
    }
}

#[cube]
fn over_splits(parts: &Shared<[V4]>, unit: usize, #[comptime] d4: usize, #[comptime] splits: usize) -> V4 {
    let mut sum = V4::new(0.0f32);
    for s in 0..splits {
        sum = sum + parts[s * d4 + unit];
    }
    sum
}

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
    /// M of the part under way.
    blanks: usize,
}

impl Ends {
    /// Nothing where a board's digits, or a row, are too many.
    pub(super) fn new(common: &Common) -> Option<Self> {
        let s = common.spec.sizes;
        let client = &common.client;
        let memory = client.properties().hardware.max_shared_memory_size;
        if 4 * s.cells * (s.digits + 2) > memory || s.width / LANES > UNITS || s.digits + 1 > DIGITS {
            return None;
        }
        Some(Self {
            cells: client.empty(4),
            ones: Buffer::empty(client, common.padded * (s.digits + 1)),
            dz: Buffer::empty(client, common.padded * s.digits),
            marks: Buffer::empty(client, 2 * common.spec.iterations * common.most),
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
        let cells: Vec<u32> =
            boards.clues.iter().zip(boards.solutions).map(|(c, y)| u32::from(*c) | u32::from(*y) << 8).collect();
        self.cells = common.client.create_from_slice(u32::as_bytes(&cells));
        self.blanks = boards.blanks;
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            enter::launch_unchecked(
                &common.client,
                spread(common.rows * s.width / LANES, UNITS),
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
    }

    /// x_0 of iteration `t`.
    pub(super) fn mix(&self, common: &Common, (x, at): (&Buffer, usize), t: usize) {
        let s = common.spec.sizes;
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            mix::launch_unchecked(
                &common.client,
                spread(common.rows * s.width / LANES, UNITS),
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
                (common.state(t) / LANES) as u32,
                common.prediction(t) as u32,
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
                common.gradient_stream.vectors(),
                self.dz.values(),
                common.prediction(t) as u32,
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
        let digits = common.spec.sizes.digits;
        learn(common, (&self.ones, 0), (&common.gradient_stream, 0), common.layout.encoder, digits + 1, true);
    }
}

fn learn(common: &Common, narrow: (&Buffer, usize), wide: (&Buffer, usize), map: Map, count: usize, turned: bool) {
    let s = common.spec.sizes;
    // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
    unsafe {
        learn_thin::launch_unchecked(
            &common.client,
            CubeCount::Static(common.groups as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            narrow.0.values(),
            wide.0.vectors(),
            common.partials.values(),
            narrow.1 as u32,
            (wide.1 / LANES) as u32,
            map.weight as u32,
            map.bias as u32,
            count as u32,
            common.rows as u32,
            common.group_rows() as u32,
            common.sum_stride as u32,
            s.width,
            s.digits + 1,
            turned,
        );
    }
}
