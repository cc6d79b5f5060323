//! What the pass backward needs of the pass forward, and room for both.

use super::shape::Shape;
use crate::cpu::pack::Floats;

/// Of one block in one iteration; rows are those of the boards that go together.
pub(super) struct Kept {
    /// The input normalised, [rows, width], and one by its deviation, [rows].
    pub normal1: Floats,
    pub inverse1: Floats,
    /// Queries and keys, turned, and values, [rows, 3 · heads].
    pub attend: Floats,
    /// Attention weights, [boards, heads, cells, keys]; those that were dropped are negative.
    pub weights: Floats,
    /// The results of the heads, [rows, heads].
    pub mixed: Floats,
    /// Dropout factors of their projection, [rows, width].
    pub mask1: Floats,
    /// After attention, as before.
    pub normal2: Floats,
    pub inverse2: Floats,
    /// The hidden layer, [rows, hidden].
    pub hidden: Floats,
    /// Dropout factors of its projection, [rows, width].
    pub mask3: Floats,
}

/// Of one iteration.
pub(super) struct Iteration {
    pub blocks: Vec<Kept>,
    /// S_t, [rows, width].
    pub state: Floats,
    /// P_t, [rows, digits].
    pub prediction: Floats,
    /// What the loss of a row counts: one, or what a cell counts that was right in the iteration before, [rows].
    pub counts: Vec<f32>,
}

/// All iterations of some boards.
pub(super) struct Tape {
    pub iterations: Vec<Iteration>,
    /// P_0, [rows, digits].
    pub start: Floats,
    /// The right digit of every row, 0 where it has no loss.
    pub labels: Vec<u8>,
}

impl Tape {
    pub fn new(shape: &Shape, boards: usize, drops: bool) -> Self {
        let rows = boards * shape.sizes.cells;
        let mask = if drops { rows * shape.width } else { 0 };
        let kept = || Kept {
            normal1: Floats::zeros(rows * shape.width),
            inverse1: Floats::zeros(rows),
            attend: Floats::zeros(rows * 3 * shape.heads),
            weights: Floats::zeros(rows * shape.sizes.heads * shape.keys),
            mixed: Floats::zeros(rows * shape.heads),
            mask1: Floats::zeros(mask),
            normal2: Floats::zeros(rows * shape.width),
            inverse2: Floats::zeros(rows),
            hidden: Floats::zeros(rows * shape.hidden),
            mask3: Floats::zeros(mask),
        };
        let iteration = |_| Iteration {
            blocks: (0..shape.sizes.blocks).map(|_| kept()).collect(),
            state: Floats::zeros(rows * shape.width),
            prediction: Floats::zeros(rows * shape.digits),
            counts: vec![1.0; rows],
        };
        Self {
            iterations: (0..shape.iterations).map(iteration).collect(),
            start: Floats::zeros(rows * shape.digits),
            labels: vec![0; rows],
        }
    }
}

/// Room that a pass uses again and again.
pub(super) struct Scratch {
    /// The residual stream, then its gradient, [rows, width].
    pub x: Floats,
    /// A gradient of the same size.
    pub y: Floats,
    /// Another one.
    pub z: Floats,
    /// The gradient of P, then of Z, [rows, digits].
    pub logits: Floats,
    /// The gradient of the hidden layer, or the factors that it is multiplied by, [rows, hidden].
    pub hidden: Floats,
    /// The gradient of what the heads give, [rows, heads].
    pub mixed: Floats,
    /// The gradient of queries, keys and values, [rows, 3 · heads].
    pub attend: Floats,
    /// Dropout factors as they are counted.
    pub factors: Floats,
    /// Dropout factors of attention weights, [boards, heads, cells, keys].
    pub weights: Floats,
    /// Room for a head: [head, keys] and twice [cells, keys].
    pub turned: Floats,
    pub dropped: Floats,
    pub scores: Floats,
    /// Whether a row is right.
    pub right: Vec<bool>,
}

impl Scratch {
    pub fn new(shape: &Shape, boards: usize, drops: bool) -> Self {
        let cells = shape.sizes.cells;
        let rows = boards * cells;
        let weights = if drops { rows * shape.sizes.heads * shape.keys } else { 0 };
        Self {
            x: Floats::zeros(rows * shape.width),
            y: Floats::zeros(rows * shape.width),
            z: Floats::zeros(rows * shape.width),
            logits: Floats::zeros(rows * shape.digits),
            hidden: Floats::zeros(rows * shape.hidden),
            mixed: Floats::zeros(rows * shape.heads),
            attend: Floats::zeros(rows * 3 * shape.heads),
            factors: Floats::zeros(if drops { weights.max(rows * shape.hidden) } else { 0 }),
            weights: Floats::zeros(weights),
            turned: Floats::zeros(shape.head * shape.keys),
            dropped: Floats::zeros(cells * shape.keys),
            scores: Floats::zeros(cells * shape.keys),
            right: vec![true; rows],
        }
    }
}
