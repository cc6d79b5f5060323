//! What is read of an iteration, and the frames that it becomes.

use burn::tensor::{Tensor, Transaction, activation};

use super::ProbeError;
use crate::measure::record::arg_max;
use crate::models::{Network, Outcome, Recurrence};
use crate::trace::{ControllerFrame, Frame, HaltingFrame, Iteration, Probability, Routing};

/// What is read of one iteration of any number of boards.
pub(super) struct Reading {
    /// [rows, digits].
    probabilities: Tensor<2>,
    /// Squared norm of each cell's state, of its change and of its state before, [3 · rows].
    squares: Tensor<1>,
    routed: Routed,
}

/// What only routed networks have.
struct Routed {
    /// α of all blocks, [blocks · rows, heads].
    weights: Option<Tensor<2>>,
    /// Squared norms of fast and slow state and whether the slow one moved, [3 · boards].
    controller: Option<Tensor<1>>,
    /// Halting mass and whether it has halted, [2 · rows].
    halting: Option<Tensor<1>>,
}

impl Reading {
    pub(super) fn new(before: &Tensor<2>, next: &Recurrence, logits: Tensor<2>) -> Self {
        Self {
            probabilities: next.prediction.clone().unwrap_or_else(|| activation::softmax(logits, 1)),
            squares: squares_of(before, &next.state),
            routed: Routed::new(next),
        }
    }

    /// In the order in which [`Reading::board`] takes them back.
    fn register(self, transaction: Transaction) -> Transaction {
        let mut all = transaction.register(self.probabilities).register(self.squares);
        if let Some(weights) = self.routed.weights {
            all = all.register(weights);
        }
        for list in [self.routed.controller, self.routed.halting].into_iter().flatten() {
            all = all.register(list);
        }
        all
    }
}

impl Routed {
    fn new(next: &Recurrence) -> Self {
        let poh = next.poh.as_deref();
        let weights = Network::routed(next);
        let flat = |x: &Tensor<2>| {
            let [rows, columns] = x.dims();
            x.clone().reshape([rows * columns])
        };
        Self {
            weights: (!weights.is_empty()).then(|| Tensor::cat(weights.to_vec(), 0)),
            controller: poh
                .and_then(|p| p.controller.as_ref())
                .map(|c| Tensor::cat(vec![squares(c.fast.clone()), squares(c.slow.clone()), flat(&c.moved)], 0)),
            halting: poh.and_then(|p| p.halting.as_ref()).map(|h| Tensor::cat(vec![flat(&h.mass), flat(&h.halted)], 0)),
        }
    }

    /// Which of the lists there are.
    fn kinds(&self) -> Kinds {
        Kinds {
            heads: self.weights.as_ref().map_or(0, |w| w.dims()[1]),
            controller: self.controller.is_some(),
            halting: self.halting.is_some(),
        }
    }
}

/// Which of the lists of [`Routed`] a network has.
#[derive(Clone, Copy, Default)]
struct Kinds {
    heads: usize,
    controller: bool,
    halting: bool,
}

/// Squared norms of every row of a state, of its change and of the state before, [3 · rows].
pub(super) fn squares_of(before: &Tensor<2>, after: &Tensor<2>) -> Tensor<1> {
    let all = [after.clone(), after.clone() - before.clone(), before.clone()];
    Tensor::cat(all.into_iter().map(squares).collect(), 0)
}

/// Squared norm of every row.
fn squares(x: Tensor<2>) -> Tensor<1> {
    let rows = x.dims()[0];
    x.clone().mul(x).sum_dim(1).reshape([rows])
}

/// The frames of one iteration of a fused loop, a board each.
pub(super) fn frames_of_outcome(outcome: &Outcome, iteration: u32, cells: usize) -> Vec<Frame> {
    let rows = outcome.squares.len() / 3;
    let digits = outcome.probabilities.len() / rows.max(1);
    let [norm, change, before] = [0, 1, 2].map(|k| &outcome.squares[k * rows..(k + 1) * rows]);
    (0..rows / cells)
        .map(|b| {
            let of = b * cells..(b + 1) * cells;
            let p = &outcome.probabilities[of.start * digits..of.end * digits];
            Frame {
                iteration: Iteration(iteration),
                ..plain_frame(p, digits, [&norm[of.clone()], &change[of.clone()], &before[of]])
            }
        })
        .collect()
}

/// A frame of one board from its probabilities [cells, digits] and the squared norms of state, change and
/// state before, [cells] each.
fn plain_frame(p: &[f32], digits: usize, [norm, change, before]: [&[f32]; 3]) -> Frame {
    Frame {
        iteration: Iteration(0),
        digits: p.chunks(digits).map(arg_max).collect(),
        probabilities: p.iter().map(|v| Probability::from_f32(*v)).collect(),
        state_norm: norm.iter().map(|v| v.sqrt()).collect(),
        residual: (sum(change) / sum(before)).sqrt() as f32,
        routing: None,
        controller: None,
        halting: None,
    }
}

/// Reads the readings of consecutive iterations of one board.
pub(super) async fn read(readings: Vec<Reading>, first: u32, cells: usize) -> Result<Vec<Frame>, ProbeError> {
    let mut boards = read_boards(readings, first, cells).await?;
    Ok(boards.pop().unwrap_or_default())
}

pub(super) async fn read_boards(
    readings: Vec<Reading>,
    first: u32,
    cells: usize,
) -> Result<Vec<Vec<Frame>>, ProbeError> {
    let kinds = readings.first().map(|r| r.routed.kinds()).unwrap_or_default();
    let iterations = readings.len();
    let transaction = readings.into_iter().fold(Transaction::default(), |t, r| r.register(t));
    let data = transaction.execute_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
    let mut vectors = data.into_iter().map(|d| d.iter::<f32>().collect::<Vec<f32>>());
    let mut next = || vectors.next().unwrap_or_default();
    let mut boards: Vec<Vec<Frame>> = Vec::new();
    for i in 0..iterations {
        let (p, squares) = (next(), next());
        let rows = squares.len() / 3;
        let [norm, change, before] = [0, 1, 2].map(|k| &squares[k * rows..(k + 1) * rows]);
        let weights = if kinds.heads > 0 { next() } else { Vec::new() };
        let controller = if kinds.controller { next() } else { Vec::new() };
        let halting = if kinds.halting { next() } else { Vec::new() };
        let digits = p.len() / rows.max(1);
        let count = rows / cells;
        boards.resize_with(count, Vec::new);
        for (b, frames) in boards.iter_mut().enumerate() {
            let rows_of = b * cells..(b + 1) * cells;
            let p = &p[rows_of.start * digits..rows_of.end * digits];
            // Every block has all boards' rows: this board's are picked out of each.
            let of_blocks = weights.chunks_exact((rows * kinds.heads).max(1)).flat_map(|block| {
                block[rows_of.start * kinds.heads..rows_of.end * kinds.heads].iter().map(|w| Probability::from_f32(*w))
            });
            frames.push(Frame {
                iteration: Iteration(first + i as u32),
                routing: (kinds.heads > 0).then(|| Routing { heads: kinds.heads as u16, weights: of_blocks.collect() }),
                controller: kinds.controller.then(|| ControllerFrame {
                    fast: controller[b].sqrt(),
                    slow: controller[count + b].sqrt(),
                    slow_moved: controller[2 * count + b] > 0.5,
                }),
                halting: kinds.halting.then(|| HaltingFrame {
                    mass: halting[rows_of.clone()].iter().map(|v| Probability::from_f32(*v)).collect(),
                    halted: halting[rows + rows_of.start..rows + rows_of.end].iter().map(|v| *v > 0.5).collect(),
                }),
                ..plain_frame(p, digits, [norm, change, before].map(|list| &list[rows_of.clone()]))
            });
        }
    }
    Ok(boards)
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v)).sum()
}
