//! The end of a step: the groups' sums put together, and AdamW.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::common::{Buffer, Common, LANES, UNITS, spread};
use crate::gpu::{V4, sum4};
use crate::train::Update;

/// Units that add up boards or squares.
const ADDERS: usize = 64;

/// Zeros.
#[cube(launch_unchecked)]
fn clear(values: &mut [V4], count: u32) {
    if ABSOLUTE_POS < count as usize {
        values[ABSOLUTE_POS] = V4::new(0.0f32);
    }
}

/// Queues zeros for a whole buffer.
fn zero(common: &Common, buffer: &Buffer) {
    let vectors = buffer.length / LANES;
    // SAFETY: a vector a unit, as many as the buffer has.
    unsafe {
        clear::launch_unchecked(
            &common.client,
            spread(vectors, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer.vectors(),
            vectors as u32,
        );
    }
}

/// The sum of the units' values, for unit 0.
#[cube]
fn together(value: f32) -> f32 {
    let mut parts = Shared::<[f32]>::new_slice(ADDERS);
    parts[UNIT_POS as usize] = value;
    sync_cube();
    let mut sum = f32::new(0.0f32);
    if UNIT_POS == 0 {
        for i in 0..ADDERS {
            sum += parts[i];
        }
    }
    sum
}

/// Adds the losses and solved boards of a part, [T, 2, most], to the step's, [2, T]; a workgroup each.
#[cube(launch_unchecked)]
fn add_marks(marks: &[f32], tallies: &mut [f32], boards: u32, most: u32, share: f32, fresh: u32, iterations: u32) {
    let of = CUBE_POS_X as usize;
    let (which, t) = (of / iterations as usize, of % iterations as usize);
    let from = (2 * t + which) * most as usize;
    let mut sum = f32::new(0.0f32);
    let mut i = UNIT_POS as usize;
    while i < boards as usize {
        sum += marks[from + i];
        i += ADDERS;
    }
    let mut whole = together(sum);
    if UNIT_POS == 0 {
        if which == 0 {
            whole = whole * share;
        }
        if fresh == 0 {
            whole += tallies[of];
        }
        tallies[of] = whole;
    }
}

/// The numbers of an update in f32, as tensors would have them: 1 − β1, β2, 1 − β2, √(1 − β2ᵏ), eps, 1 − lr · decay,
/// lr / (1 − β1ᵏ).
struct Numbers([f32; 7]);

impl Numbers {
    fn of(update: &Update) -> Self {
        let k = f64::from(update.step);
        let correction1 = 1.0 - update.beta1.powf(k);
        let correction2 = (1.0 - update.beta2.powf(k)).sqrt();
        let numbers = [
            1.0 - update.beta1,
            update.beta2,
            1.0 - update.beta2,
            correction2,
            update.eps,
            1.0 - update.lr * update.weight_decay,
            update.lr / correction1,
        ];
        Self(numbers.map(|n| n as f32))
    }
}

/// The sum of the groups for a unit's four parameters; the groups begin anew.
#[cube]
fn of_groups(partials: &mut [V4], count: usize, groups: u32) -> V4 {
    let mut g = V4::new(0.0f32);
    for group in 0..groups as usize {
        g = g + partials[group * count + ABSOLUTE_POS];
        partials[group * count + ABSOLUTE_POS] = V4::new(0.0f32);
    }
    g
}

/// Adds up the groups, which begin anew, and moves four parameters a unit (`train/adamw.rs` of the program). `squares`
/// gets the sum of the gradient's squares of each workgroup.
#[cube(launch_unchecked)]
fn adamw(
    partials: &mut [V4],
    gradient: &mut [V4],
    weights: &mut [V4],
    first: &mut [V4],
    second: &mut [V4],
    squares: &mut [f32],
    count: u32,
    groups: u32,
    share: f32,
    less1: f32,
    beta2: f32,
    less2: f32,
    correction2: f32,
    eps: f32,
    decay: f32,
    rate: f32,
) {
    let count = count as usize;
    let mut square = f32::new(0.0f32);
    if ABSOLUTE_POS < count {
        let g = of_groups(partials, count, groups) * V4::new(share);
        square = sum4(g * g);
        gradient[ABSOLUTE_POS] = g;
        let m = first[ABSOLUTE_POS] + (g - first[ABSOLUTE_POS]) * V4::new(less1);
        let v = second[ABSOLUTE_POS] * V4::new(beta2) + g * g * V4::new(less2);
        let root = v.sqrt() / V4::new(correction2) + V4::new(eps);
        first[ABSOLUTE_POS] = m;
        second[ABSOLUTE_POS] = v;
        weights[ABSOLUTE_POS] = weights[ABSOLUTE_POS] * V4::new(decay) - m / root * V4::new(rate);
    }
    let sum = together(square);
    if UNIT_POS == 0 {
        squares[CUBE_POS] = sum;
    }
}

/// Adds up the groups, which begin anew, four parameters a unit, and puts the step's tallies behind them.
#[cube(launch_unchecked)]
fn collect(
    partials: &mut [V4],
    tallies: &[V4],
    gathered: &mut [V4],
    count: u32,
    tallied: u32,
    groups: u32,
    share: f32,
) {
    let count = count as usize;
    if ABSOLUTE_POS < count {
        let g = of_groups(partials, count, groups) * V4::new(share);
        gathered[ABSOLUTE_POS] = g;
    } else if ABSOLUTE_POS < count + tallied as usize {
        gathered[ABSOLUTE_POS] = tallies[ABSOLUTE_POS - count];
    }
}

/// The moving average of the weights after an update, four a unit.
#[cube(launch_unchecked)]
fn follow(weights: &[V4], average: &mut [V4], count: u32, keep: f32, rest: f32) {
    if ABSOLUTE_POS < count as usize {
        average[ABSOLUTE_POS] = average[ABSOLUTE_POS] * V4::new(keep) + weights[ABSOLUTE_POS] * V4::new(rest);
    }
}

/// What there is to look at, [2 T + 1]: losses, solved boards, the squared norm.
#[cube(launch_unchecked)]
fn show(tallies: &[f32], squares: &[f32], shown: &mut [f32], tallied: u32, groups: u32) {
    let mut i = UNIT_POS as usize;
    while i < tallied as usize {
        shown[i] = tallies[i];
        i += ADDERS;
    }
    let mut sum = f32::new(0.0f32);
    let mut i = UNIT_POS as usize;
    while i < groups as usize {
        sum += squares[i];
        i += ADDERS;
    }
    let whole = together(sum);
    if UNIT_POS == 0 {
        shown[tallied as usize] = whole;
    }
}

/// Moments, and what is summed over a step.
pub(super) struct Sums {
    first: Buffer,
    second: Buffer,
    /// [total], of the last update.
    gradient: Buffer,
    /// Losses, then solved boards, of the step under way, [2, T].
    tallies: Buffer,
    squares: Buffer,
    shown: Buffer,
    /// Moving average of the weights, [total], and its decay, where one is kept.
    average: Option<(Buffer, f64)>,
}

impl Sums {
    /// Nothing where moments have another length than the parameters, or there are too many. The buffers of `common` become zeros.
    pub(super) fn new(common: &Common, first: &[f32], second: &[f32]) -> Option<Self> {
        let groups = (common.sum_stride / LANES).div_ceil(ADDERS);
        if [first.len(), second.len()] != [common.layout.total; 2] || groups > 65_535 {
            return None;
        }
        for buffer in [&common.partials, &common.states, &common.probabilities, &common.stream, &common.gradient_stream]
        {
            zero(common, buffer);
        }
        let client = &common.client;
        let shown = 2 * common.spec.iterations;
        let sums = Self {
            first: Buffer::of(client, first),
            second: Buffer::of(client, second),
            gradient: Buffer::empty(client, common.sum_stride),
            tallies: Buffer::empty(client, shown),
            squares: Buffer::empty(client, groups),
            shown: Buffer::empty(client, shown + 1),
            average: None,
        };
        zero(common, &sums.shown);
        zero(common, &sums.gradient);
        Some(sums)
    }

    /// Forgets the groups of a step that was dropped.
    pub(super) fn forget(&self, common: &Common) {
        zero(common, &common.partials);
    }

    /// Adds the losses and solved boards of a part; `fresh` for the first part of a step.
    pub(super) fn tally(&self, common: &Common, (marks, blanks): (&Buffer, usize), fresh: bool) {
        let iterations = common.spec.iterations;
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            add_marks::launch_unchecked(
                &common.client,
                CubeCount::Static(2 * iterations as u32, 1, 1),
                CubeDim::new_1d(ADDERS as u32),
                marks.values(),
                self.tallies.values(),
                common.boards as u32,
                common.most as u32,
                (1.0 / blanks as f64) as f32,
                u32::from(fresh),
                iterations as u32,
            );
        }
    }

    /// Queues the sum of the groups: the gradient, [`Common::sum_stride`], then the tallies, [2, T].
    pub(super) fn gather(&self, common: &Common) -> Buffer {
        let (vectors, tallied) = (common.sum_stride / LANES, self.tallies.length / LANES);
        let gathered = Buffer::empty(&common.client, common.sum_stride + self.tallies.length);
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the sizes.
        unsafe {
            collect::launch_unchecked(
                &common.client,
                spread(vectors + tallied, UNITS),
                CubeDim::new_1d(UNITS as u32),
                common.partials.vectors(),
                self.tallies.vectors(),
                gathered.vectors(),
                vectors as u32,
                tallied as u32,
                common.groups as u32,
                1.0 / common.scale,
            );
        }
        gathered
    }

    /// Queues the end of the step.
    pub(super) fn update(&self, common: &Common, update: &Update) {
        self.update_of(common, &common.partials, common.groups, 1.0 / common.scale, update);
    }

    /// Queues the end of a step whose gradient, [total], is known.
    pub(super) fn update_with(&self, common: &Common, gradient: &[f32], update: &Update) {
        // As the sums of a single group.
        self.update_of(common, &Buffer::of(&common.client, gradient), 1, 1.0, update);
    }

    /// `partials` times `share` are sums of the gradient by group.
    fn update_of(&self, common: &Common, partials: &Buffer, of: usize, share: f32, update: &Update) {
        let vectors = common.sum_stride / LANES;
        let groups = vectors.div_ceil(ADDERS);
        let Numbers([less1, beta2, less2, correction2, eps, decay, rate]) = Numbers::of(update);
        // SAFETY: the kernels stay within the buffers, whose lengths follow from the sizes.
        unsafe {
            adamw::launch_unchecked(
                &common.client,
                CubeCount::Static(groups as u32, 1, 1),
                CubeDim::new_1d(ADDERS as u32),
                partials.vectors(),
                self.gradient.vectors(),
                common.weights.vectors(),
                self.first.vectors(),
                self.second.vectors(),
                self.squares.values(),
                vectors as u32,
                of as u32,
                share,
                less1,
                beta2,
                less2,
                correction2,
                eps,
                decay,
                rate,
            );
            show::launch_unchecked(
                &common.client,
                CubeCount::Static(1, 1, 1),
                CubeDim::new_1d(ADDERS as u32),
                self.tallies.values(),
                self.squares.values(),
                self.shown.values(),
                2 * common.spec.iterations as u32,
                groups as u32,
            );
        }
        if let Some((average, decay)) = &self.average {
            // SAFETY: a vector a unit, as many as both buffers have.
            unsafe {
                follow::launch_unchecked(
                    &common.client,
                    spread(vectors, UNITS),
                    CubeDim::new_1d(UNITS as u32),
                    common.weights.vectors(),
                    average.vectors(),
                    vectors as u32,
                    *decay as f32,
                    (1.0 - decay) as f32,
                );
            }
        }
    }

    /// Keeps a moving average of the weights, [total], from now on.
    pub(super) fn keep_average(&mut self, common: &Common, average: &[f32], decay: f64) {
        self.average = Some((Buffer::of(&common.client, average), decay));
    }

    /// The moving average, where one is kept.
    pub(super) fn average(&self) -> Option<&Buffer> {
        self.average.as_ref().map(|(average, _)| average)
    }

    /// Losses, solved boards and the squared norm of the last update's step, [2 T + 1].
    pub(super) fn shown(&self) -> &Buffer {
        &self.shown
    }

    /// The gradient of the last update.
    pub(super) fn gradient(&self) -> &Buffer {
        &self.gradient
    }

    /// First and second.
    pub(super) fn moments(&self) -> [&Buffer; 2] {
        [&self.first, &self.second]
    }
}
