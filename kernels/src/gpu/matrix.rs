//! The kernels for cards with cooperative matrices in half precision: many boards at once.
//!
//! The residual stream, the normalisations, the softmax and everything that is read stay in f32; what is
//! multiplied is f16, summed up in f32. Two launches a block: attention, a few planes a board and head; and
//! the rest, a tile of [`TILE`] rows of any boards a workgroup.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;
use half::f16;

use super::matrix_plan::{EDGE, MatrixPlaces, MatrixPlan, PLANES, TILE};
use super::plan::KEPT;

/// Extra values at the end of a row of workgroup memory, so that rows start in different banks.
const GAP: usize = 8;

/// A square of a matrix of weights, which lie square by square.
#[cube]
fn square(weights: &[f16], at: usize) -> cmma::Matrix<f16> {
    cmma::Matrix::<f16>::from_slice(
        cmma::MatrixIdent::B,
        16usize,
        16usize,
        16usize,
        cmma::MatrixLayout::RowMajor,
        &weights[at..at + 256],
        16,
    )
}

/// acc += input · W: this plane's column of squares and all rows of the tile. `input` [TILE, d + gap] holds
/// one chunk of d columns.
#[cube]
fn multiply(
    input: &mut Shared<[f16]>,
    weights: &[f16],
    at: usize,
    acc: &mut Sequence<cmma::Matrix<f32>>,
    #[comptime] width: usize,
) {
    let stride = comptime!(width + GAP);
    for k in 0..comptime!(width / EDGE) {
        let b = square(weights, at + k * 256);
        #[unroll]
        for r in 0..comptime!(TILE / EDGE) {
            let first = r * EDGE * stride + k * EDGE;
            let a = cmma::Matrix::<f16>::from_slice(
                cmma::MatrixIdent::A,
                16usize,
                16usize,
                16usize,
                cmma::MatrixLayout::RowMajor,
                &input[first..first + comptime!((EDGE - 1) * (width + GAP) + EDGE)],
                comptime!((width + GAP) as u32),
            );
            let c = acc.index(r);
            cmma::execute(&a, &b, c, c);
        }
    }
}

/// Accumulators that begin with a bias: `biases` [EDGE, columns], every row the same.
#[cube]
fn biased(biases: &[f32], at: usize, #[comptime] columns: usize) -> Sequence<cmma::Matrix<f32>> {
    let mut acc = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for _ in 0..comptime!(TILE / EDGE) {
        acc.push(cmma::Matrix::<f32>::from_slice(
            cmma::MatrixIdent::Accumulator,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::RowMajor,
            &biases[at..at + comptime!((EDGE - 1) * columns + EDGE)],
            comptime!(columns as u32),
        ));
    }
    acc
}

/// Accumulators that begin with the residual stream, [rows, d].
#[cube]
fn residual_of(residual: &mut [f32], at: usize, #[comptime] width: usize) -> Sequence<cmma::Matrix<f32>> {
    let mut acc = Sequence::<cmma::Matrix<f32>>::new();
    #[unroll]
    for r in 0..comptime!(TILE / EDGE) {
        let first = at + r * EDGE * width;
        acc.push(cmma::Matrix::<f32>::from_slice(
            cmma::MatrixIdent::Accumulator,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::RowMajor,
            &residual[first..first + comptime!((EDGE - 1) * width + EDGE)],
            comptime!(width as u32),
        ));
    }
    acc
}

/// Puts accumulators back into the residual stream.
#[cube]
fn put_back(residual: &mut [f32], at: usize, acc: &Sequence<cmma::Matrix<f32>>, #[comptime] width: usize) {
    #[unroll]
    for r in 0..comptime!(TILE / EDGE) {
        let first = at + r * EDGE * width;
        cmma::store(
            &mut residual[first..first + comptime!((EDGE - 1) * width + EDGE)],
            acc.index(r),
            comptime!(width as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
}

/// Puts accumulators into workgroup memory as f16, at a column.
#[cube]
fn put_half(to: &mut Shared<[f16]>, column: usize, acc: &Sequence<cmma::Matrix<f32>>, #[comptime] width: usize) {
    let stride = comptime!(width + GAP);
    #[unroll]
    for r in 0..comptime!(TILE / EDGE) {
        let first = r * EDGE * stride + column;
        let half = cmma::cast::<f32, f16, cmma::Plane>(acc.index(r));
        cmma::store(
            &mut to[first..first + comptime!((EDGE - 1) * (width + GAP) + EDGE)],
            &half,
            comptime!((width + GAP) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
}

/// Sum over the four units of a row, which stand side by side.
#[cube]
fn of_row(x: f32) -> f32 {
    let two = x + plane_shuffle_xor(x, 1);
    two + plane_shuffle_xor(two, 2)
}

/// x += bias, a = LN(x) as f16. Four units a row, a quarter of its columns each.
#[cube]
fn normalise(
    residual: &mut [f32],
    row: usize,
    vectors: &[f32],
    bias: usize,
    norm: usize,
    a: &mut Shared<[f16]>,
    #[comptime] width: usize,
) {
    let stride = comptime!(width + GAP);
    let r = UNIT_POS as usize / 4;
    let quarter = UNIT_POS as usize % 4;
    let at = (row + r) * width;
    let mut sum = f32::new(0.0f32);
    for i in 0..comptime!(width / 4) {
        let column = i * 4 + quarter;
        let x = residual[at + column] + vectors[bias + column];
        residual[at + column] = x;
        sum += x;
    }
    let mean = of_row(sum) * comptime!(1.0 / width as f32);
    let mut squares = f32::new(0.0f32);
    for i in 0..comptime!(width / 4) {
        let c = residual[at + i * 4 + quarter] - mean;
        squares += c * c;
    }
    let scale = 1.0f32 / (of_row(squares) * comptime!(1.0 / width as f32) + 1e-5f32).sqrt();
    for i in 0..comptime!(width / 4) {
        let column = i * 4 + quarter;
        let y = (residual[at + column] - mean) * scale * vectors[norm + column] + vectors[norm + width + column];
        a[r * stride + column] = f16::cast_from(y);
    }
    sync_cube();
}

/// Queries, keys and values of a block from a = LN1(x), each [rows, d], one after the other in `qkv`.
#[cube]
fn project(
    weights: &[f16],
    at: usize,
    vectors: &[f32],
    biases: &[f32],
    bias: usize,
    qkv: &mut [f16],
    rows: usize,
    row: usize,
    a: &mut Shared<[f16]>,
    h: &mut Shared<[f16]>,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let s = comptime!(plan.sizes);
    let (d, dh) = comptime!((s.width, s.head_width()));
    let stride = comptime!(d + GAP);
    let plane = UNIT_POS as usize / 32;
    for which in 0..3usize {
        let mut acc = biased(biases, bias + which * d + plane * EDGE, comptime!(places.biases));
        multiply(a, weights, at + which * comptime!(d * d) + plane * comptime!(d * EDGE), &mut acc, d);
        put_half(h, plane * EDGE, &acc, d);
        sync_cube();
        // Pairs of a row: 64 rows of d / 2 pairs over 256 units.
        for i in 0..comptime!(TILE * d / 2 / (32 * PLANES)) {
            let pair = i * comptime!(32 * PLANES) + UNIT_POS as usize;
            let (r, p) = (pair / comptime!(d / 2), pair % comptime!(d / 2));
            let u = f32::cast_from(h[r * stride + 2 * p]);
            let w = f32::cast_from(h[r * stride + 2 * p + 1]);
            let mut x = u;
            let mut y = w;
            if which < 2 {
                let place = (row + r) % s.cells * comptime!(dh / 2) + p % comptime!(dh / 2);
                let (cos, sin) = (vectors[places.turns + 2 * place], vectors[places.turns + 2 * place + 1]);
                x = u * cos - w * sin;
                y = u * sin + w * cos;
            }
            if which == 0 {
                x = x * comptime!(1.0 / (s.head_width() as f32).sqrt());
                y = y * comptime!(1.0 / (s.head_width() as f32).sqrt());
            }
            let to = (which * rows + row + r) * d + 2 * p;
            qkv[to] = f16::cast_from(x);
            qkv[to + 1] = f16::cast_from(y);
        }
        sync_cube();
    }
}

/// Attention of half the rows of one board and head: planes of 16 rows. Keys beyond the board weigh nothing.
#[cube(launch_unchecked)]
pub(super) fn attend(knobs: &[f32], qkv: &[f16], out: &mut [f16], rows: u32, block: u32, #[comptime] plan: MatrixPlan) {
    let s = comptime!(plan.sizes);
    let (d, dh) = comptime!((s.width, s.head_width()));
    let tiles = comptime!(s.cells.div_ceil(EDGE));
    let planes = comptime!(plan.attention_planes());
    let keys = comptime!(tiles * EDGE);
    let (strip, half_strip) = comptime!((keys + 4, keys + GAP));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(planes * EDGE * (keys + 4)));
    let mut weights = Shared::<[f16]>::new_slice(comptime!(planes * EDGE * (keys + GAP)));

    let plane = UNIT_POS as usize / 32;
    let lane = UNIT_POS as usize % 32;
    let board = CUBE_POS_X as usize / s.heads;
    let head = CUBE_POS_X as usize % s.heads;
    let tile = CUBE_POS_Y as usize * planes + plane;
    let first = board * s.cells;
    let column = head * dh;
    let rows = rows as usize;
    let q = (first + tile * EDGE) * d + column;
    let k = (rows + first) * d + column;
    let v = (2 * rows + first) * d + column;
    let reach = comptime!((EDGE - 1) * d + EDGE);

    for t in 0..tiles {
        let acc = cmma::Matrix::<f32>::from_value(
            cmma::MatrixIdent::Accumulator,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::Undefined,
            0.0,
        );
        #[unroll]
        for p in 0..comptime!(dh / EDGE) {
            let at = q + p * EDGE;
            let a = cmma::Matrix::<f16>::from_slice(
                cmma::MatrixIdent::A,
                16usize,
                16usize,
                16usize,
                cmma::MatrixLayout::RowMajor,
                &qkv[at..at + reach],
                comptime!(d as u32),
            );
            let at = k + t * comptime!(EDGE * d) + p * EDGE;
            let b = cmma::Matrix::<f16>::from_slice(
                cmma::MatrixIdent::B,
                16usize,
                16usize,
                16usize,
                cmma::MatrixLayout::ColMajor,
                &qkv[at..at + reach],
                comptime!(d as u32),
            );
            cmma::execute(&a, &b, &acc, &acc);
        }
        let at = plane * comptime!(EDGE * (keys + 4)) + t * EDGE;
        cmma::store(
            &mut scores[at..at + comptime!((EDGE - 1) * (keys + 4) + EDGE)],
            &acc,
            comptime!((keys + 4) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
    sync_cube();

    // Two units a row, every other key each.
    let r = plane * EDGE + lane / 2;
    let odd = lane % 2;
    let mut greatest = f32::new(-3.0e38f32);
    for i in 0..comptime!(keys / 2) {
        let key = 2 * i + odd;
        if key < s.cells {
            greatest = max(greatest, scores[r * strip + key]);
        }
    }
    greatest = max(greatest, plane_shuffle_xor(greatest, 1));
    let mut sum = f32::new(0.0f32);
    for i in 0..comptime!(keys / 2) {
        let key = 2 * i + odd;
        let mut e = f32::new(0.0f32);
        if key < s.cells {
            e = (scores[r * strip + key] - greatest).exp();
        }
        scores[r * strip + key] = e;
        sum += e;
    }
    let kept = knobs[KEPT + block as usize * s.heads + head];
    let scale = kept / (sum + plane_shuffle_xor(sum, 1));
    for i in 0..comptime!(keys / 2) {
        let key = 2 * i + odd;
        weights[r * half_strip + key] = f16::cast_from(scores[r * strip + key] * scale);
    }
    sync_cube();

    #[unroll]
    for c in 0..comptime!(dh / EDGE) {
        let acc = cmma::Matrix::<f32>::from_value(
            cmma::MatrixIdent::Accumulator,
            16usize,
            16usize,
            16usize,
            cmma::MatrixLayout::Undefined,
            0.0,
        );
        for t in 0..tiles {
            let at = plane * comptime!(EDGE * (keys + GAP)) + t * EDGE;
            let a = cmma::Matrix::<f16>::from_slice(
                cmma::MatrixIdent::A,
                16usize,
                16usize,
                16usize,
                cmma::MatrixLayout::RowMajor,
                &weights[at..at + comptime!((EDGE - 1) * (keys + GAP) + EDGE)],
                comptime!((keys + GAP) as u32),
            );
            let at = v + t * comptime!(EDGE * d) + c * EDGE;
            let b = cmma::Matrix::<f16>::from_slice(
                cmma::MatrixIdent::B,
                16usize,
                16usize,
                16usize,
                cmma::MatrixLayout::RowMajor,
                &qkv[at..at + reach],
                comptime!(d as u32),
            );
            cmma::execute(&a, &b, &acc, &acc);
        }
        // The scores are done with: the result waits where they were.
        let at = plane * comptime!(EDGE * (keys + 4)) + c * EDGE;
        cmma::store(
            &mut scores[at..at + comptime!((EDGE - 1) * (keys + 4) + EDGE)],
            &acc,
            comptime!((keys + 4) as u32),
            cmma::MatrixLayout::RowMajor,
        );
    }
    sync_cube();
    for i in 0..comptime!(EDGE * dh / 32) {
        let (r, c) = ((i * 32 + lane) / dh, (i * 32 + lane) % dh);
        let cell = tile * EDGE + r;
        if cell < s.cells {
            out[(first + cell) * d + column + c] = f16::cast_from(scores[(plane * EDGE + r) * strip + c]);
        }
    }
}

/// x += out(o), x += feed-forward(LN2(x)); but for the second bias, which is left to what comes next.
#[cube]
fn transform(
    weights: &[f16],
    here: usize,
    vectors: &[f32],
    norms: usize,
    biases: &[f32],
    bias: usize,
    attended: &[f16],
    residual: &mut [f32],
    row: usize,
    a: &mut Shared<[f16]>,
    h: &mut Shared<[f16]>,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let s = comptime!(plan.sizes);
    let d = comptime!(s.width);
    let stride = comptime!(d + GAP);
    let plane = UNIT_POS as usize / 32;
    for i in 0..comptime!(TILE * d / (32 * PLANES)) {
        let at = i * comptime!(32 * PLANES) + UNIT_POS as usize;
        h[at / d * stride + at % d] = attended[row * d + at];
    }
    sync_cube();
    let at = row * d + plane * EDGE;
    let mut acc = residual_of(residual, at, d);
    multiply(h, weights, here + comptime!(places.out) + plane * comptime!(d * EDGE), &mut acc, d);
    put_back(residual, at, &acc, d);
    sync_storage();
    sync_cube();
    normalise(residual, row, vectors, norms + comptime!(places.out_bias), norms + comptime!(places.norm2), a, d);

    sync_storage();
    sync_cube();
    let mut acc = residual_of(residual, at, d);
    for c in 0..comptime!(s.hidden / s.width) {
        let mut up = biased(biases, bias + comptime!(3 * d) + c * d + plane * EDGE, comptime!(places.biases));
        multiply(
            a,
            weights,
            here + comptime!(places.linear1) + (c * comptime!(d / EDGE) + plane) * comptime!(d * EDGE),
            &mut up,
            d,
        );
        put_half(h, plane * EDGE, &up, d);
        sync_cube();
        for i in 0..comptime!(TILE * d / (32 * PLANES)) {
            let at = i * comptime!(32 * PLANES) + UNIT_POS as usize;
            let place = at / d * stride + at % d;
            h[place] = max(h[place], f16::new(0.0f32));
        }
        sync_cube();
        let part = here + comptime!(places.linear2) + plane * comptime!(s.hidden * EDGE) + c * comptime!(d * EDGE);
        multiply(h, weights, part, &mut acc, d);
        sync_cube();
    }
    put_back(residual, at, &acc, d);
    sync_storage();
    sync_cube();
}

/// Block 0's queries, keys and values of x as it stands; the entry of the first iteration.
#[cube(launch_unchecked)]
pub(super) fn begin(
    weights: &[f16],
    vectors: &[f32],
    biases: &[f32],
    qkv: &mut [f16],
    residual: &mut [f32],
    rows: u32,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let d = comptime!(plan.sizes.width);
    let mut a = Shared::<[f16]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP)));
    let mut h = Shared::<[f16]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP)));
    let row = CUBE_POS_X as usize * TILE;
    normalise(residual, row, vectors, comptime!(places.nothing), comptime!(places.norm1), &mut a, d);
    project(
        weights,
        comptime!(0usize),
        vectors,
        biases,
        comptime!(0usize),
        qkv,
        rows as usize,
        row,
        &mut a,
        &mut h,
        plan,
        places,
    );
}

/// A block that is not the last.
#[cube(launch_unchecked)]
pub(super) fn middle(
    weights: &[f16],
    vectors: &[f32],
    biases: &[f32],
    attended: &[f16],
    qkv: &mut [f16],
    residual: &mut [f32],
    rows: u32,
    block: u32,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let d = comptime!(plan.sizes.width);
    let mut a = Shared::<[f16]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP)));
    let mut h = Shared::<[f16]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP)));
    let row = CUBE_POS_X as usize * TILE;
    let block = block as usize;
    let here = block * comptime!(places.block);
    let norms = block * comptime!(places.norms);
    let bias = block * comptime!(3 * plan.sizes.width + plan.sizes.hidden);
    transform(weights, here, vectors, norms, biases, bias, attended, residual, row, &mut a, &mut h, plan, places);
    let next = norms + comptime!(places.norms);
    normalise(residual, row, vectors, norms + comptime!(places.bias2), next + comptime!(places.norm1), &mut a, d);
    let next_bias = bias + comptime!(3 * plan.sizes.width + plan.sizes.hidden);
    project(
        weights,
        here + comptime!(places.block),
        vectors,
        biases,
        next_bias,
        qkv,
        rows as usize,
        row,
        &mut a,
        &mut h,
        plan,
        places,
    );
}

/// The last block, the output head, the feedback, and block 0 of the next iteration. `frames` as in the
/// kernels in f32.
#[cube(launch_unchecked)]
pub(super) fn last(
    weights: &[f16],
    vectors: &[f32],
    biases: &[f32],
    knobs: &[f32],
    attended: &[f16],
    qkv: &mut [f16],
    residual: &mut [f32],
    states: &mut [f32],
    frames: &mut [f32],
    rows: u32,
    total: u32,
    before: u32,
    after: u32,
    frame: u32,
    #[comptime] plan: MatrixPlan,
    #[comptime] places: MatrixPlaces,
) {
    let s = comptime!(plan.sizes);
    let (d, digits) = comptime!((s.width, s.digits));
    let mut a = Shared::<[f16]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP)));
    let mut h = Shared::<[f16]>::new_slice(comptime!(TILE * (plan.sizes.width + GAP)));
    let mut guess = Shared::<[f32]>::new_slice(comptime!(TILE * plan.sizes.digits));
    let row = CUBE_POS_X as usize * TILE;
    let here = comptime!((plan.sizes.blocks - 1) * places.block);
    let norms = comptime!((plan.sizes.blocks - 1) * places.norms);
    let bias = comptime!((plan.sizes.blocks - 1) * (3 * plan.sizes.width + plan.sizes.hidden));
    transform(weights, here, vectors, norms, biases, bias, attended, residual, row, &mut a, &mut h, plan, places);

    let r = UNIT_POS as usize / 4;
    let quarter = UNIT_POS as usize % 4;
    let at = (row + r) * d;
    let inside = row + r < total as usize;
    let frame = (frame as usize * total as usize + row + r) * comptime!(2 * digits + 3);
    let bias2 = comptime!((plan.sizes.blocks - 1) * places.norms + places.bias2);
    for digit in 0..digits {
        let mut sum = f32::new(0.0f32);
        for i in 0..comptime!(d / 4) {
            let column = i * 4 + quarter;
            sum += (residual[at + column] + vectors[bias2 + column]) * vectors[places.head + digit * d + column];
        }
        let logit = of_row(sum) + vectors[places.head_bias + digit];
        if quarter == 0 {
            guess[r * digits + digit] = logit;
            if inside {
                frames[frame + digit] = logit;
            }
        }
    }
    sync_cube();
    if quarter == 0 {
        let mut greatest = f32::new(-3.0e38f32);
        for digit in 0..digits {
            greatest = max(greatest, guess[r * digits + digit]);
        }
        let mut sum = f32::new(0.0f32);
        for digit in 0..digits {
            let e = (guess[r * digits + digit] - greatest).exp();
            guess[r * digits + digit] = e;
            sum += e;
        }
        for digit in 0..digits {
            let p = guess[r * digits + digit] / sum;
            guess[r * digits + digit] = p;
            if inside {
                frames[frame + digits + digit] = p;
            }
        }
    }
    sync_cube();

    let (alpha, beta) = (knobs[0], knobs[1]);
    let from = (before as usize * rows as usize + row + r) * d;
    let to = (after as usize * rows as usize + row + r) * d;
    let mut norm = f32::new(0.0f32);
    let mut change = f32::new(0.0f32);
    let mut of_old = f32::new(0.0f32);
    for i in 0..comptime!(d / 4) {
        let column = i * 4 + quarter;
        let old = states[from + column];
        let mut new = residual[at + column] + vectors[bias2 + column];
        if alpha != 1.0f32 {
            new = alpha * new + (1.0f32 - alpha) * old;
        }
        states[to + column] = new;
        norm += new * new;
        change += (new - old) * (new - old);
        of_old += old * old;
        let mut fed = vectors[places.feedback_bias + column];
        for digit in 0..digits {
            fed += guess[r * digits + digit] * vectors[places.feedback + digit * d + column];
        }
        residual[at + column] = new + beta * fed;
    }
    let (norm, change, of_old) = (of_row(norm), of_row(change), of_row(of_old));
    if quarter == 0 && inside {
        frames[frame + comptime!(2 * digits)] = norm;
        frames[frame + comptime!(2 * digits + 1)] = change;
        frames[frame + comptime!(2 * digits + 2)] = of_old;
    }
    normalise(residual, row, vectors, comptime!(places.nothing), comptime!(places.norm1), &mut a, d);
    project(
        weights,
        comptime!(0usize),
        vectors,
        biases,
        comptime!(0usize),
        qkv,
        rows as usize,
        row,
        &mut a,
        &mut h,
        plan,
        places,
    );
}
