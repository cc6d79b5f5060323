//! A training step on a processor: one thread takes some boards at a time forward through all iterations, keeping in
//! memory what the pass backward needs, and backward again.
//!
//! Only products (`product`) and what is done to their sums while they are in registers (`tiles`) touch all values;
//! little is left besides (`rows`, `softmax`, `masks`).

#![allow(
    clippy::needless_range_loop,
    reason = "arrays of registers: loops with fixed bounds over several of them at once are unrolled as a whole"
)]

mod adamw;
mod attention;
mod backward;
mod forward;
mod masks;
mod pack;
mod product;
mod rows;
mod shape;
mod softmax;
mod tape;
#[cfg(test)]
mod tests;
mod tiles;
mod unpack;

use pulp::{Simd, WithSimd};

pub use adamw::{average, update};
use pack::Packed;
use shape::Shape;
use tape::{Scratch, Tape};
use tiles::Angles;
use unpack::Gradient;

use super::{Boards, Dropout, Layout, Spec};
use crate::cpu::Processor;

/// Rows that go together: enough for weights to be worth reading, few enough for what is kept of them to stay near.
const TOGETHER: usize = 64;

/// What a part of a batch gives; sums over the parts are those of the batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// Loss by iteration, [T], divided by the empty cells of the whole batch.
    pub losses: Vec<f32>,
    /// Boards of this part whose every empty cell is right, by iteration, [T].
    pub solved: Vec<f32>,
    /// Gradient of the mean loss, in the order of [`Layout`].
    pub gradient: Vec<f32>,
    /// S_T [boards · cells, d] and P_T [boards · cells, digits], where boards may go on from there; else empty.
    pub ends: [Vec<f32>; 2],
}

/// Forward and backward of some boards, on this thread. The same boards give the same bits.
///
/// # Panics
/// When the weights are not those of the spec's network, or the boards are not whole.
#[must_use]
pub fn pull(spec: &Spec, weights: &[f32], boards: &Boards<'_>) -> Pulled {
    Processor::find().run(Pull { spec, weights, boards })
}

struct Pull<'a> {
    spec: &'a Spec,
    weights: &'a [f32],
    boards: &'a Boards<'a>,
}

impl WithSimd for Pull<'_> {
    type Output = Pulled;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Pulled {
        pull_with(simd, self)
    }
}

fn pull_with<S: Simd>(simd: S, Pull { spec, weights, boards }: Pull<'_>) -> Pulled {
    let (layout, cells) = (Layout::new(&spec.sizes), spec.sizes.cells);
    assert_eq!(weights.len(), layout.total, "the weights of another network");
    assert!(
        boards.clues.len().is_multiple_of(cells) && boards.solutions.len() == boards.clues.len(),
        "{} clues and {} solutions are no boards of {cells} cells",
        boards.clues.len(),
        boards.solutions.len()
    );
    let count = boards.clues.len() / cells;
    // Of nearly equal size.
    let some = TOGETHER.div_ceil(cells);
    let some = count.div_ceil(count.div_ceil(some).max(1)).max(1);
    let shape = Shape::new(spec, S::F32_LANES);
    let drops = boards.dropout.is_some_and(|d| d.rate > 0.0);
    let sizes = [cells, spec.sizes.width, spec.sizes.digits];
    if let Some(earlier) = &boards.earlier {
        let lengths = [earlier.goes_on.len(), earlier.states.len(), earlier.predictions.len()];
        assert_eq!(lengths, [count, count * cells * sizes[1], count * cells * sizes[2]], "the ends of other boards");
    }
    // Scores carry 1/√dh and, because a power of two is quicker, log2 e.
    let scale = std::f32::consts::LOG2_E / (spec.sizes.head_width() as f32).sqrt();
    let mut pass = Pass {
        simd,
        packed: Packed::new(&shape, &layout, weights),
        tape: Tape::new(&shape, some, drops),
        scratch: Scratch::new(&shape, some, drops),
        gradient: Gradient::zeros(&shape),
        cos: [shape.angles(&spec.cos, some, scale), shape.angles(&spec.cos, some, 1.0)],
        sin: [shape.angles(&spec.sin, some, scale), shape.angles(&spec.sin, some, 1.0)],
        keys: mask(cells, shape.keys),
        digits: mask(spec.sizes.digits, shape.digits),
        dropout: boards.dropout.filter(|_| drops),
        losses: vec![0.0; spec.iterations],
        solved: vec![0.0; spec.iterations],
        again: spec.fixed_point.factor(),
        each: 1.0 / (boards.blanks as f32 * spec.iterations as f32),
        shape,
        before: boards.before,
        boards: 0,
    };
    let (mut ends, mut done) = ([const { Vec::new() }; 2], 0);
    for clues in boards.clues.chunks(some * cells).zip(boards.solutions.chunks(some * cells)) {
        pass.boards = clues.0.len() / cells;
        let earlier = boards.earlier.map(|all| all.part(done, done + pass.boards, sizes));
        pass.forward(clues.0, clues.1, earlier);
        pass.backward(clues.0, earlier);
        pass.before += pass.boards;
        done += pass.boards;
        if spec.carries > 0 {
            pass.leave(&mut ends);
        }
    }
    Pulled {
        losses: pass.losses.iter().map(|loss| (loss / boards.blanks as f64) as f32).collect(),
        gradient: pass.gradient.unpack(&pass.shape, &layout, weights),
        solved: pass.solved,
        ends,
    }
}

/// 0 where there is something, −∞ after it.
fn mask(count: usize, stride: usize) -> Vec<f32> {
    (0..stride).map(|i| if i < count { 0.0 } else { f32::NEG_INFINITY }).collect()
}

/// Some boards on their way.
struct Pass<S> {
    simd: S,
    shape: Shape,
    packed: Packed,
    tape: Tape,
    scratch: Scratch,
    gradient: Gradient,
    /// Of queries, scaled, and of keys, [rows, head / 2].
    cos: [Vec<f32>; 2],
    sin: [Vec<f32>; 2],
    /// Masks of a row of scores and of a row of logits.
    keys: Vec<f32>,
    digits: Vec<f32>,
    dropout: Option<Dropout>,
    /// Σ of what cross-entropies count, [T].
    losses: Vec<f64>,
    /// [T]
    solved: Vec<f32>,
    /// What a cell's cross-entropy in an iteration counts in the loss, 1 / (M T).
    each: f32,
    /// What a cell counts that was right in the iteration before.
    again: f32,
    /// Boards of the batch before these.
    before: usize,
    /// How many go together.
    boards: usize,
}

impl<S> Pass<S> {
    fn rows(&self) -> usize {
        self.boards * self.shape.sizes.cells
    }
}

/// Of queries and of keys.
fn angles<'a>(shape: &Shape, cos: &'a [Vec<f32>; 2], sin: &'a [Vec<f32>; 2]) -> [Angles<'a>; 2] {
    let stride = shape.head / 2;
    [0, 1].map(|i| Angles { cos: &cos[i], sin: &sin[i], stride })
}
