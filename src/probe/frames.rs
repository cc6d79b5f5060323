//! One board, watched: every iteration becomes a frame.

use burn::tensor::{Tensor, Transaction};

use super::ProbeError;
use super::reading::{Reading, read, read_boards};
use crate::config::Interventions;
use crate::models::{Network, Pass, Recurrence};
use crate::tasks::sudoku::{Grid, Puzzle};
use crate::trace::{Frame, Step, Trace, Work};

/// A forward pass on one board that can be gone on with, a few iterations at a time.
pub struct Thinker {
    network: Network,
    clues: Grid,
    pass: Pass,
    at: Recurrence,
    iteration: u32,
    /// The recurrence before every iteration, for questions about attention afterwards.
    before: Vec<Recurrence>,
    work: Work,
}

impl Thinker {
    /// Iterations whose recurrence is kept for questions about attention.
    pub const KEPT: usize = 1024;

    /// Starts at S_0.
    #[must_use]
    pub fn new(network: Network, clues: Grid, interventions: Interventions) -> Self {
        let at = network.start(clues.cells());
        Self {
            network,
            clues,
            pass: Pass { interventions, dropout: None },
            at,
            iteration: 0,
            before: Vec::new(),
            work: Work::default(),
        }
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
            let (next, logits) =
                self.network.iterate_sparing(&self.at, self.pass, &mut self.work).await.map_err(ProbeError)?;
            readings.push(Reading::new(&self.at.state, &next, logits));
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
            let (next, logits) =
                network.iterate_sparing(&at, Pass::default(), &mut Work::default()).await.map_err(ProbeError)?;
            readings.push(Reading::new(&at.state, &next, logits));
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
