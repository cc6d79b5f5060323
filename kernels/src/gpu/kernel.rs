//! The kernels: a workgroup takes a band of rows of one board through a whole block.
//!
//! A block needs all cells of a board only as keys and values, so each launch begins with attention over
//! the keys and values that the launch before it wrote, and ends with queries, keys and values of the
//! block that follows: one launch a block, the output head and the feedback included in the last.
//!
//! Products are split over the workgroup by columns (a vector of four outputs a unit) and by inputs; the
//! parts of a row meet in workgroup memory.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]
#![allow(clippy::if_same_then_else, reason = "which branch there is, is decided when a kernel is compiled")]

use cubecl::prelude::*;

use super::plan::{CAPACITY, CLOCK, KEPT, LANES, Places, Plan, SLOTS};

/// Four values.
pub(crate) type V4 = Vector<f32, Const<4>>;

/// Workgroup memory of a band.
#[derive(CubeType)]
struct Band {
    /// The residual stream, [rows, d / 4].
    x: Shared<[V4]>,
    /// What goes into the next product, [rows, d / 4].
    a: Shared<[V4]>,
    /// Attention weights, [rows, heads, cells].
    scores: Shared<[f32]>,
    /// A part of the hidden layer, [rows, chunk / 4].
    hidden: Shared<[V4]>,
    /// Parts of a product, [units].
    parts: Shared<[V4]>,
    /// Greatest and sum of a softmax by parts, [2, units].
    reduce: Shared<[f32]>,
    /// Logits and probabilities, [2, rows, digits].
    digits: Shared<[f32]>,
}

#[cube]
impl Band {
    fn new(#[comptime] plan: Plan) -> Band {
        let s = comptime!(plan.sizes);
        let d4 = comptime!(plan.rows * s.width / LANES);
        Band {
            x: Shared::new_slice(d4),
            a: Shared::new_slice(d4),
            scores: Shared::new_slice(comptime!(plan.rows * s.heads * s.cells)),
            hidden: Shared::new_slice(comptime!(plan.rows * plan.chunk / LANES)),
            parts: Shared::new_slice(comptime!(plan.parts())),
            reduce: Shared::new_slice(comptime!(2 * plan.units)),
            digits: Shared::new_slice(comptime!(2 * plan.rows * s.digits)),
        }
    }
}

#[cube]
pub(crate) fn sum4(v: V4) -> f32 {
    (v.extract(0usize) + v.extract(1usize)) + (v.extract(2usize) + v.extract(3usize))
}

/// Adds `input` [rows, ..] times a part of a matrix to `acc`: this unit's column and share of the inputs.
/// `at` is the part's first vector, `stride` the vectors of a whole row of the matrix.
#[cube]
fn accumulate(
    weights: &[V4],
    at: usize,
    input: &Shared<[V4]>,
    acc: &mut Array<V4>,
    #[comptime] rows: usize,
    #[comptime] inputs4: usize,
    #[comptime] columns: usize,
    #[comptime] stride: usize,
    #[comptime] units: usize,
) {
    let splits = comptime!((units / columns).min(inputs4));
    let steps = comptime!(inputs4.div_ceil(splits));
    let exact = comptime!(steps * splits == inputs4 && splits * columns == units);
    let column = UNIT_POS as usize % columns;
    let split = UNIT_POS as usize / columns;
    for step in 0..steps {
        let k4 = step * splits + split;
        if exact {
            step_of(weights, at + k4 * 4 * stride + column, input, k4, acc, rows, inputs4, stride);
        } else if split < splits && k4 < inputs4 {
            step_of(weights, at + k4 * 4 * stride + column, input, k4, acc, rows, inputs4, stride);
        }
    }
}

/// Four inputs.
#[cube]
fn step_of(
    weights: &[V4],
    at: usize,
    input: &Shared<[V4]>,
    k4: usize,
    acc: &mut Array<V4>,
    #[comptime] rows: usize,
    #[comptime] inputs4: usize,
    #[comptime] stride: usize,
) {
    let w0 = weights[at];
    let w1 = weights[at + stride];
    let w2 = weights[at + comptime!(2 * stride)];
    let w3 = weights[at + comptime!(3 * stride)];
    #[unroll]
    for r in 0..rows {
        let v = input[r * inputs4 + k4];
        acc[r] = acc[r]
            + w0 * V4::new(v.extract(0usize))
            + w1 * V4::new(v.extract(1usize))
            + w2 * V4::new(v.extract(2usize))
            + w3 * V4::new(v.extract(3usize));
    }
}

/// No parts yet.
#[cube]
fn nothing(#[comptime] rows: usize) -> Array<V4> {
    let mut acc = Array::<V4>::new(rows);
    #[unroll]
    for r in 0..rows {
        acc[r] = V4::new(0.0f32);
    }
    acc
}

/// The parts of a row put together, for the units that have a column: those below `columns`. All units must
/// call it; the parts may be overwritten after the next [`meet`].
#[cube]
fn gather(
    parts: &mut Shared<[V4]>,
    part: V4,
    #[comptime] inputs4: usize,
    #[comptime] columns: usize,
    #[comptime] units: usize,
) -> V4 {
    let splits = comptime!((units / columns).min(inputs4));
    let unit = UNIT_POS as usize;
    let mut sum = part;
    if comptime!(splits > 1) {
        parts[unit] = part;
        sync_cube();
        sum = V4::new(0.0f32);
        if unit < columns {
            for s in 0..splits {
                sum = sum + parts[s * columns + unit];
            }
        }
    }
    sum
}

/// A barrier where a product is split over units.
#[cube]
fn meet(#[comptime] inputs4: usize, #[comptime] columns: usize, #[comptime] units: usize) {
    if comptime!((units / columns).min(inputs4) > 1) {
        sync_cube();
    }
}

/// a = LN(x) with scale and shift at `at`.
#[cube]
fn normalise(weights: &[V4], at: usize, band: &mut Band, #[comptime] plan: Plan) {
    let d4 = comptime!(plan.sizes.width / LANES);
    let share = comptime!(plan.units / plan.rows);
    let r = UNIT_POS as usize / share;
    let first = UNIT_POS as usize % share;
    if r < plan.rows {
        // Every unit of a row finds mean and variance by itself: reads of one place are shared, and there
        // is no barrier.
        let mut sum = V4::new(0.0f32);
        for i in 0..d4 {
            sum = sum + band.x[r * d4 + i];
        }
        let mean = V4::new(sum4(sum) * comptime!(1.0 / plan.sizes.width as f32));
        let mut squares = V4::new(0.0f32);
        for i in 0..d4 {
            let c = band.x[r * d4 + i] - mean;
            squares = squares + c * c;
        }
        let variance = sum4(squares) * comptime!(1.0 / plan.sizes.width as f32);
        let scale = V4::new(1.0f32 / (variance + 1e-5f32).sqrt());
        let mut i = first;
        while i < d4 {
            band.a[r * d4 + i] = (band.x[r * d4 + i] - mean) * scale * weights[at + i] + weights[at + d4 + i];
            i += share;
        }
    }
    sync_cube();
}

/// Turns two pairs by (cos, sin, cos, sin).
#[cube]
pub(crate) fn turn(v: V4, by: V4) -> V4 {
    let (c0, s0) = (by.extract(0usize), by.extract(1usize));
    let (c1, s1) = (by.extract(2usize), by.extract(3usize));
    let (a, b) = (v.extract(0usize), v.extract(1usize));
    let (c, d) = (v.extract(2usize), v.extract(3usize));
    let mut out = V4::new(0.0f32);
    out.insert(0usize, a * c0 - b * s0);
    out.insert(1usize, a * s0 + b * c0);
    out.insert(2usize, c * c1 - d * s1);
    out.insert(3usize, c * s1 + d * c1);
    out
}

/// Queries, keys and values of the block at `block` from a = LN1(x): q [cells, d / 4],
/// kᵀ [d / 4, cells], v [cells, d / 4] of each board.
#[cube]
fn project(
    weights: &[V4],
    block: usize,
    qkv: &mut [V4],
    board: usize,
    band: &mut Band,
    #[comptime] plan: Plan,
    #[comptime] at: Places,
) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let dh4 = comptime!(s.head_width() / LANES);
    let whole = comptime!(s.cells * d4);
    let base = board * comptime!(3 * s.cells * d4);
    let first = CUBE_POS_X as usize * plan.rows;
    let column = UNIT_POS as usize;
    // The three lie one after the other and are equally long.
    for which in 0..3usize {
        let place = block + comptime!(at.query) + which * comptime!(at.key - at.query);
        let mut acc = nothing(plan.rows);
        accumulate(weights, place, &band.a, &mut acc, plan.rows, d4, d4, d4, plan.units);
        #[unroll]
        for r in 0..plan.rows {
            let sum = gather(&mut band.parts, acc[r], d4, d4, plan.units);
            let cell = first + r;
            if column < d4 && cell < s.cells {
                let mut y = sum + weights[place + comptime!(s.width * d4) + column];
                if which < 2 {
                    y = turn(y, weights[comptime!(at.turns) + cell * dh4 + column % dh4]);
                }
                if which == 0 {
                    y = y * V4::new(comptime!(1.0 / (s.head_width() as f32).sqrt()));
                }
                let mut place = which * whole + cell * d4 + column;
                if which == 1 {
                    place = whole + column * s.cells + cell;
                }
                qkv[base + place] = y;
            }
            meet(d4, d4, plan.units);
        }
    }
}

/// a = the heads' results, put together.
#[cube]
fn attend(knobs: &mut [f32], block: usize, qkv: &[V4], board: usize, band: &mut Band, #[comptime] plan: Plan) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let dh4 = comptime!(s.head_width() / LANES);
    let (rows, units) = comptime!((plan.rows, plan.units));
    let base = board * comptime!(3 * s.cells * d4);
    let keys = base + comptime!(s.cells * d4);
    let values = base + comptime!(2 * s.cells * d4);
    let first = CUBE_POS_X as usize * rows;
    let unit = UNIT_POS as usize;

    let mut i = unit;
    while i < comptime!(rows * d4) {
        let cell = min(first + i / d4, comptime!(s.cells - 1));
        band.a[i] = qkv[base + cell * d4 + i % d4];
        i += units;
    }
    sync_cube();

    let mut i = unit;
    while i < comptime!(s.heads * s.cells) {
        let (head, key) = (i / s.cells, i % s.cells);
        let mut acc = nothing(rows);
        for p in 0..dh4 {
            let k = qkv[keys + (head * dh4 + p) * s.cells + key];
            #[unroll]
            for r in 0..rows {
                acc[r] = acc[r] + band.a[r * d4 + head * dh4 + p] * k;
            }
        }
        #[unroll]
        for r in 0..rows {
            band.scores[(r * s.heads + head) * s.cells + key] = sum4(acc[r]);
        }
        i += units;
    }
    sync_cube();

    // A few units a softmax.
    let pairs = comptime!(rows * s.heads);
    let lanes = comptime!((units / pairs).min(16));
    let pair = unit / lanes;
    let lane = unit % lanes;
    if pair < pairs {
        let mut greatest = f32::new(-3.0e38f32);
        let mut j = lane;
        while j < s.cells {
            greatest = max(greatest, band.scores[pair * s.cells + j]);
            j += lanes;
        }
        band.reduce[unit] = greatest;
    }
    sync_cube();
    if pair < pairs {
        let mut greatest = f32::new(-3.0e38f32);
        #[unroll]
        for l in 0..lanes {
            greatest = max(greatest, band.reduce[pair * lanes + l]);
        }
        let mut sum = f32::new(0.0f32);
        let mut j = lane;
        while j < s.cells {
            let e = (band.scores[pair * s.cells + j] - greatest).exp();
            band.scores[pair * s.cells + j] = e;
            sum += e;
            j += lanes;
        }
        band.reduce[units + unit] = sum;
    }
    sync_cube();

    let column = unit % d4;
    let split = unit / d4;
    let splits = comptime!((units / d4).min(s.cells));
    let head = column / dh4;
    let mut acc = nothing(rows);
    if split < splits {
        let mut j = split;
        while j < s.cells {
            let v = qkv[values + j * d4 + column];
            #[unroll]
            for r in 0..rows {
                acc[r] = acc[r] + v * V4::new(band.scores[(r * s.heads + head) * s.cells + j]);
            }
            j += splits;
        }
    }
    // The queries have been read by all: what comes out takes their place.
    #[unroll]
    for r in 0..rows {
        let sum = gather(&mut band.parts, acc[r], s.cells, d4, units);
        if unit < d4 {
            let mut whole = f32::new(0.0f32);
            #[unroll]
            for l in 0..lanes {
                whole += band.reduce[units + (r * s.heads + head) * lanes + l];
            }
            let o = sum * V4::new(1.0f32 / whole);
            // Chosen, not multiplied: a head that is infinite is gone as well.
            let kept = knobs[KEPT + block * s.heads + head];
            let mut result = V4::new(0.0f32);
            if kept != 0.0f32 {
                result = o;
            }
            band.a[r * d4 + unit] = result;
        }
        meet(s.cells, d4, units);
    }
    sync_cube();
}

/// x += out(a), then x += feed-forward(LN2(x)).
#[cube]
fn transform(weights: &[V4], block: usize, band: &mut Band, #[comptime] plan: Plan, #[comptime] at: Places) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let f4 = comptime!(s.hidden / LANES);
    let c4 = comptime!(plan.chunk / LANES);
    let (rows, units) = comptime!((plan.rows, plan.units));
    let unit = UNIT_POS as usize;

    let mut acc = nothing(rows);
    accumulate(weights, block + at.out, &band.a, &mut acc, rows, d4, d4, d4, units);
    #[unroll]
    for r in 0..rows {
        let sum = gather(&mut band.parts, acc[r], d4, d4, units);
        if unit < d4 {
            let bias = weights[block + comptime!(at.out + s.width * d4) + unit];
            band.x[r * d4 + unit] = band.x[r * d4 + unit] + sum + bias;
        }
        meet(d4, d4, units);
    }
    sync_cube();
    normalise(weights, block + at.norm2, band, plan);

    let mut acc = nothing(rows);
    for c in 0..comptime!(s.hidden / plan.chunk) {
        let mut up = nothing(rows);
        accumulate(weights, block + at.linear1 + c * c4, &band.a, &mut up, rows, d4, c4, f4, units);
        #[unroll]
        for r in 0..rows {
            let sum = gather(&mut band.parts, up[r], d4, c4, units);
            if unit < c4 {
                let y = sum + weights[block + comptime!(at.linear1 + s.width * f4) + c * c4 + unit];
                band.hidden[r * c4 + unit] = y.max(V4::new(0.0f32));
            }
            meet(d4, c4, units);
        }
        sync_cube();
        let rows_of = block + at.linear2 + c * comptime!(plan.chunk * d4);
        accumulate(weights, rows_of, &band.hidden, &mut acc, rows, c4, d4, d4, units);
        sync_cube();
    }
    #[unroll]
    for r in 0..rows {
        let sum = gather(&mut band.parts, acc[r], c4, d4, units);
        if unit < d4 {
            let bias = weights[block + comptime!(at.linear2 + s.hidden * d4) + unit];
            band.x[r * d4 + unit] = band.x[r * d4 + unit] + sum + bias;
        }
        meet(c4, d4, units);
    }
    sync_cube();
}

/// x += β (P Wp + bp) with the probabilities in workgroup memory.
#[cube]
fn feed_back(weights: &[V4], knobs: &mut [f32], band: &mut Band, #[comptime] plan: Plan, #[comptime] at: Places) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let beta = V4::new(knobs[1]);
    let mut i = UNIT_POS as usize;
    while i < comptime!(plan.rows * d4) {
        let (r, column) = (i / d4, i % d4);
        let mut sum = weights[at.feedback_bias + column];
        for digit in 0..s.digits {
            let p = band.digits[comptime!(plan.rows * s.digits) + r * s.digits + digit];
            sum = sum + weights[at.feedback + digit * d4 + column] * V4::new(p);
        }
        band.x[i] = band.x[i] + beta * sum;
        i += plan.units;
    }
    sync_cube();
}

/// The first iteration's entry: S_0 = We[clue] + be, P_0 = 0, and queries, keys and values of block 0.
#[cube(launch_unchecked)]
pub(super) fn enter(
    weights: &[V4],
    knobs: &mut [f32],
    clues: &[u32],
    qkv: &mut [V4],
    residual: &mut [V4],
    states: &mut [V4],
    first_board: u32,
    #[comptime] plan: Plan,
    #[comptime] at: Places,
) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let board = first_board as usize + CUBE_POS_Y as usize;
    let mut band = Band::new(plan);
    let first = CUBE_POS_X as usize * plan.rows;
    let row = board * s.cells;
    let mut i = UNIT_POS as usize;
    while i < comptime!(plan.rows * d4) {
        let cell = min(first + i / d4, comptime!(s.cells - 1));
        let clue = clues[row + cell] as usize;
        let start = weights[at.encoder + clue * d4 + i % d4] + weights[at.encoder_bias + i % d4];
        band.x[i] = start;
        if first + i / d4 < s.cells {
            states[(row + cell) * d4 + i % d4] = start;
        }
        i += plan.units;
    }
    let mut i = UNIT_POS as usize;
    while i < comptime!(plan.rows * s.digits) {
        band.digits[comptime!(plan.rows * s.digits) + i] = f32::new(0.0f32);
        i += plan.units;
    }
    sync_cube();
    feed_back(weights, knobs, &mut band, plan, at);
    leave(weights, comptime!(at.blocks), qkv, residual, board, &mut band, plan, at);
}

/// What the next launch needs: the residual stream, and queries, keys and values.
#[cube]
fn leave(
    weights: &[V4],
    block: usize,
    qkv: &mut [V4],
    residual: &mut [V4],
    board: usize,
    band: &mut Band,
    #[comptime] plan: Plan,
    #[comptime] at: Places,
) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let first = CUBE_POS_X as usize * plan.rows;
    let mut i = UNIT_POS as usize;
    while i < comptime!(plan.rows * d4) {
        let cell = first + i / d4;
        if cell < s.cells {
            residual[(board * s.cells + cell) * d4 + i % d4] = band.x[i];
        }
        i += plan.units;
    }
    normalise(weights, block + at.norm1, band, plan);
    project(weights, block, qkv, board, band, plan, at);
}

/// x of this band.
#[cube]
fn load(residual: &mut [V4], board: usize, band: &mut Band, #[comptime] plan: Plan) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let first = CUBE_POS_X as usize * plan.rows;
    let mut i = UNIT_POS as usize;
    while i < comptime!(plan.rows * d4) {
        let cell = min(first + i / d4, comptime!(s.cells - 1));
        band.x[i] = residual[(board * s.cells + cell) * d4 + i % d4];
        i += plan.units;
    }
}

/// A block that is not the last.
#[cube(launch_unchecked)]
pub(super) fn middle(
    weights: &[V4],
    knobs: &mut [f32],
    qkv_in: &[V4],
    qkv_out: &mut [V4],
    residual: &mut [V4],
    block: u32,
    first_board: u32,
    #[comptime] plan: Plan,
    #[comptime] at: Places,
) {
    let board = first_board as usize + CUBE_POS_Y as usize;
    let mut band = Band::new(plan);
    if block == 0 && board == 0 && CUBE_POS_X == 0 && UNIT_POS == 0 {
        knobs[CLOCK] = knobs[CLOCK] + 1.0f32;
    }
    load(residual, board, &mut band, plan);
    let block = block as usize;
    let here = at.blocks + block * at.block;
    attend(knobs, block, qkv_in, board, &mut band, plan);
    transform(weights, here, &mut band, plan, at);
    leave(weights, here + at.block, qkv_out, residual, board, &mut band, plan, at);
}

/// The last block, the output head, the feedback and the next iteration's beginning. `frames` holds logits,
/// probabilities and the squared norms of state, change and state before, [frames, rows, 2 digits + 3];
/// `states` [slots, rows, d / 4].
#[cube(launch_unchecked)]
pub(super) fn last(
    weights: &[V4],
    knobs: &mut [f32],
    qkv_in: &[V4],
    qkv_out: &mut [V4],
    residual: &mut [V4],
    states: &mut [V4],
    frames: &mut [f32],
    boards: u32,
    first_board: u32,
    #[comptime] plan: Plan,
    #[comptime] at: Places,
) {
    let s = comptime!(plan.sizes);
    let d4 = comptime!(s.width / LANES);
    let (rows, units) = comptime!((plan.rows, plan.units));
    let digits = comptime!(s.digits);
    let of_rows = comptime!(rows * digits);
    let board = first_board as usize + CUBE_POS_Y as usize;
    let mut band = Band::new(plan);
    load(residual, board, &mut band, plan);
    let block = comptime!(s.blocks - 1);
    let here = comptime!(at.blocks + (s.blocks - 1) * at.block);
    attend(knobs, block, qkv_in, board, &mut band, plan);
    transform(weights, here, &mut band, plan, at);

    let unit = UNIT_POS as usize;
    let first = CUBE_POS_X as usize * rows;
    let row = board * s.cells + first;
    let total = boards as usize * s.cells;
    let stride = comptime!(2 * digits + 3);
    // The clock counts this iteration already.
    let begun = usize::cast_from(knobs[CLOCK]) - 1;
    let (slots, capacity) = (usize::cast_from(knobs[SLOTS]), usize::cast_from(knobs[CAPACITY]));
    let base = (begun % capacity * total + row) * stride;

    let mut i = unit;
    while i < of_rows {
        let (r, digit) = (i / digits, i % digits);
        let mut mean = V4::new(0.0f32);
        let mut scale = V4::new(1.0f32);
        if comptime!(plan.normalise) {
            let mut sum = V4::new(0.0f32);
            for k in 0..d4 {
                sum = sum + band.x[r * d4 + k];
            }
            mean = V4::new(sum4(sum) * comptime!(1.0 / s.width as f32));
            let mut squares = V4::new(0.0f32);
            for k in 0..d4 {
                let c = band.x[r * d4 + k] - mean;
                squares = squares + c * c;
            }
            scale = V4::new(1.0f32 / (sum4(squares) * comptime!(1.0 / s.width as f32) + 1e-5f32).sqrt());
        }
        let mut sum = V4::new(0.0f32);
        for k in 0..d4 {
            sum = sum + (band.x[r * d4 + k] - mean) * scale * weights[at.head + digit * d4 + k];
        }
        let logit = sum4(sum) + weights[at.head_bias + digit].extract(0usize);
        band.digits[i] = logit;
        if first + r < s.cells {
            frames[base + r * stride + digit] = logit;
        }
        i += units;
    }
    sync_cube();
    let mut i = unit;
    while i < of_rows {
        let r = i / digits;
        let mut greatest = f32::new(-3.0e38f32);
        for digit in 0..digits {
            greatest = max(greatest, band.digits[r * digits + digit]);
        }
        let mut sum = f32::new(0.0f32);
        for digit in 0..digits {
            sum += (band.digits[r * digits + digit] - greatest).exp();
        }
        let p = (band.digits[i] - greatest).exp() / sum;
        band.digits[of_rows + i] = p;
        if first + r < s.cells {
            frames[base + r * stride + digits + i % digits] = p;
        }
        i += units;
    }

    // What is carried on.
    let (from, to) = (begun % slots * total + row, (begun + 1) % slots * total + row);
    let alpha = knobs[0];
    let mut i = unit;
    while i < comptime!(rows * d4) {
        let inside = first + i / d4 < s.cells;
        let mut old = V4::new(0.0f32);
        if inside {
            old = states[from * d4 + i];
        }
        let mut new = band.x[i];
        if alpha != 1.0f32 {
            new = V4::new(alpha) * new + V4::new(1.0f32 - alpha) * old;
        }
        band.x[i] = new;
        // The old state is needed once more, for the norms.
        band.a[i] = old;
        if inside {
            states[to * d4 + i] = new;
        }
        i += units;
    }
    sync_cube();
    let mut j = unit;
    while j < comptime!(3 * rows) {
        let (r, which) = (j / 3, j % 3);
        let mut sum = V4::new(0.0f32);
        for i in 0..d4 {
            let new = band.x[r * d4 + i];
            let old = band.a[r * d4 + i];
            let mut v = new;
            if which == 1 {
                v = new - old;
            }
            if which == 2 {
                v = old;
            }
            sum = sum + v * v;
        }
        if first + r < s.cells {
            frames[base + r * stride + comptime!(2 * digits) + which] = sum4(sum);
        }
        j += units;
    }
    sync_cube();
    feed_back(weights, knobs, &mut band, plan, at);
    leave(weights, comptime!(at.blocks), qkv_out, residual, board, &mut band, plan, at);
}
