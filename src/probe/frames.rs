//! One board, watched: every iteration becomes a frame.

use burn::tensor::{Tensor, Transaction, activation};

use super::ProbeError;
use crate::config::Interventions;
use crate::models::{Network, Pass, Recurrence};
use crate::tasks::sudoku::{Grid, Puzzle};
use crate::trace::{Frame, Iteration, Probability, Step, Trace};

/// A forward pass on one board that can be gone on with, a few iterations at a time.
pub struct Thinker {
    network: Network,
    clues: Grid,
    pass: Pass,
    at: Recurrence,
    iteration: u32,
    /// The recurrence before every iteration, for questions about attention afterwards.
    before: Vec<Recurrence>,
}

impl Thinker {
    /// Iterations whose recurrence is kept for questions about attention.
    pub const KEPT: usize = 1024;

    /// Starts at S_0.
    #[must_use]
    pub fn new(network: Network, clues: Grid, interventions: Interventions) -> Self {
        let at = network.start(clues.cells());
        Self { network, clues, pass: Pass { interventions, dropout: None }, at, iteration: 0, before: Vec::new() }
    }

    /// Iterations run.
    #[must_use]
    pub fn iteration(&self) -> u32 {
        self.iteration
    }

    /// The puzzle.
    #[must_use]
    pub fn clues(&self) -> &Grid {
        &self.clues
    }

    /// What is changed in the pass.
    #[must_use]
    pub fn interventions(&self) -> Interventions {
        self.pass.interventions
    }

    /// Runs `count` iterations and reads their frames in one transaction.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn advance(&mut self, count: u32) -> Result<Vec<Frame>, ProbeError> {
        let mut readings = Vec::new();
        let first = self.iteration + 1;
        for _ in 0..count {
            let (next, logits) = self.network.iterate(&self.at, self.pass);
            readings.push(Reading::new(&self.at.state, &next.state, logits, next.prediction.clone()));
            let before = std::mem::replace(&mut self.at, next);
            if self.before.len() < Self::KEPT {
                self.before.push(before);
            }
            self.iteration += 1;
        }
        read(readings, first, self.clues.shape().cells()).await
    }

    /// What `cell` attends to at an iteration that was run: [blocks][heads][cells]. Nothing where the
    /// iteration was not run or is beyond what is kept.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn attention(&self, cell: usize, iteration: u32) -> Result<Option<Vec<Vec<Vec<f32>>>>, ProbeError> {
        let cells = self.clues.shape().cells();
        let Some(before) = (iteration as usize).checked_sub(1).and_then(|i| self.before.get(i)) else {
            return Ok(None);
        };
        if cell >= cells {
            return Ok(None);
        }
        let mut transaction = Transaction::default();
        for block in self.network.attention(before, self.pass) {
            let [_, heads, _, _] = block.dims();
            let row: Tensor<2> = block.slice([0..1, 0..heads, cell..cell + 1, 0..cells]).reshape([heads, cells]);
            transaction = transaction.register(row);
        }
        let data = transaction.execute_async().await.map_err(|e| ProbeError(format!("{e:?}")))?;
        Ok(Some(
            data.into_iter()
                .map(|block| {
                    let values: Vec<f32> = block.iter::<f32>().collect();
                    values.chunks(cells).map(<[f32]>::to_vec).collect()
                })
                .collect(),
        ))
    }
}

/// What is read of one iteration of any number of boards.
struct Reading {
    /// [rows, digits].
    probabilities: Tensor<2>,
    /// Squared norm of each cell's state, [rows].
    norm: Tensor<1>,
    /// Squared norm of each cell's change, [rows].
    change: Tensor<1>,
    /// Squared norm of each cell's state before, [rows].
    before: Tensor<1>,
}

impl Reading {
    fn new(before: &Tensor<2>, after: &Tensor<2>, logits: Tensor<2>, prediction: Option<Tensor<2>>) -> Self {
        let squares = |x: Tensor<2>| {
            let rows = x.dims()[0];
            x.clone().mul(x).sum_dim(1).reshape([rows])
        };
        Self {
            probabilities: prediction.unwrap_or_else(|| activation::softmax(logits, 1)),
            norm: squares(after.clone()),
            change: squares(after.clone() - before.clone()),
            before: squares(before.clone()),
        }
    }
}

/// Reads the readings of consecutive iterations of one board.
async fn read(readings: Vec<Reading>, first: u32, cells: usize) -> Result<Vec<Frame>, ProbeError> {
    let mut boards = read_boards(readings, first, cells).await?;
    Ok(boards.pop().unwrap_or_default())
}

async fn read_boards(readings: Vec<Reading>, first: u32, cells: usize) -> Result<Vec<Vec<Frame>>, ProbeError> {
    let mut transaction = Transaction::default();
    for r in readings {
        transaction = transaction.register(r.probabilities).register(r.norm).register(r.change).register(r.before);
    }
    let data = transaction.execute_async().await.map_err(|e| ProbeError(format!("{e:?}")))?;
    let vectors: Vec<Vec<f32>> = data.into_iter().map(|d| d.iter::<f32>().collect()).collect();
    let mut boards: Vec<Vec<Frame>> = Vec::new();
    for (i, part) in vectors.chunks_exact(4).enumerate() {
        let [p, norm, change, before] = part else { continue };
        let digits = p.len() / norm.len().max(1);
        boards.resize_with(norm.len() / cells, Vec::new);
        for (b, frames) in boards.iter_mut().enumerate() {
            let rows = b * cells..(b + 1) * cells;
            let p = &p[rows.start * digits..rows.end * digits];
            frames.push(Frame {
                iteration: Iteration(first + i as u32),
                digits: p.chunks(digits).map(arg_max).collect(),
                probabilities: p.iter().map(|v| Probability::from_f32(*v)).collect(),
                state_norm: norm[rows.clone()].iter().map(|v| v.sqrt()).collect(),
                residual: (sum(&change[rows.clone()]) / sum(&before[rows])).sqrt() as f32,
            });
        }
    }
    Ok(boards)
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v)).sum()
}

/// The digit (from 1) of the largest probability; the first of equals.
fn arg_max(p: &[f32]) -> u8 {
    let mut best = 0;
    for (i, v) in p.iter().enumerate() {
        if *v > p[best] {
            best = i;
        }
    }
    best as u8 + 1
}

/// Traces of several boards at once, for the boards that a run keeps.
///
/// # Errors
/// A device that fails.
pub async fn frames_of(
    network: &Network,
    model: &str,
    trained_iterations: u32,
    step: Step,
    puzzles: &[Puzzle],
    iterations: u32,
) -> Result<Vec<Trace>, ProbeError> {
    let Some(shape) = puzzles.first().map(|p| p.clues.shape()) else { return Ok(Vec::new()) };
    let clues: Vec<u8> = puzzles.iter().flat_map(|p| p.clues.cells().iter().copied()).collect();
    let mut at = network.start(&clues);
    let mut frames: Vec<Vec<Frame>> = vec![Vec::new(); puzzles.len()];
    let mut done = 0;
    while done < iterations {
        let count = (iterations - done).min(16);
        let mut readings = Vec::new();
        for _ in 0..count {
            let (next, logits) = network.iterate(&at, Pass::default());
            readings.push(Reading::new(&at.state, &next.state, logits, next.prediction.clone()));
            at = next;
        }
        for (all, new) in frames.iter_mut().zip(read_boards(readings, done + 1, shape.cells()).await?) {
            all.extend(new);
        }
        done += count;
    }
    Ok(puzzles
        .iter()
        .zip(frames)
        .map(|(puzzle, frames)| Trace {
            puzzle: puzzle.clone(),
            model: model.to_owned(),
            trained_iterations,
            step,
            interventions: Interventions::default(),
            frames,
        })
        .collect())
}
