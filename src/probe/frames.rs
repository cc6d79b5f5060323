//! One board, watched: every iteration becomes a frame.

use burn::tensor::{Tensor, TensorData, Transaction};

use super::ProbeError;
use super::disturb::{Disturbed, is_of_state};
use super::reading::{Reading, frames_of_outcome, read, read_boards};
use crate::config::{Interventions, Key, Stream};
use crate::measure::record::blanks;
use crate::measure::{Disturbance, DisturbanceKind};
use crate::models::{FusedPass, Network, Pass, Recurrence};
use crate::tasks::sudoku::{Grid, Puzzle};
use crate::trace::{Frame, Step, Trace, Work};

/// A forward pass on one board that can be gone on with, a few iterations at a time.
pub struct Thinker {
    network: Network,
    clues: Grid,
    pass: Pass,
    disturbance: Option<Disturbance>,
    at: At,
    iteration: u32,
    work: Work,
}

/// How the iterations are run.
enum At {
    /// On tensors.
    Plain {
        now: Box<Recurrence>,
        /// The recurrence before every iteration, for questions about attention afterwards.
        before: Vec<Recurrence>,
    },
    /// In the fused loop, which keeps what questions about attention need.
    Fused(Box<FusedPass>),
}

impl At {
    /// At S_0, in the fused loop where there is one; `kept` states can be asked for there.
    fn start(network: &Network, clues: &[u8], interventions: &Interventions, kept: usize) -> Self {
        match network.fused().and_then(|f| f.start(clues, interventions, kept)) {
            Some(pass) => Self::Fused(Box::new(pass)),
            None => Self::Plain { now: Box::new(network.start(clues)), before: Vec::new() },
        }
    }
}

impl Thinker {
    /// Iterations whose recurrence is kept for questions about attention.
    pub const KEPT: usize = 1024;

    /// Starts at S_0. A disturbance comes after its iteration, as on the first board of a recorded pass with seed 0.
    #[must_use]
    pub fn new(network: Network, clues: Grid, interventions: Interventions, disturbance: Option<Disturbance>) -> Self {
        let mut at = At::start(&network, clues.cells(), &interventions, Self::KEPT);
        if let At::Fused(pass) = &mut at
            && disturbance.is_some()
            && pass.carried().is_none()
        {
            // On a card only tensors can be reached into.
            at = At::Plain { now: Box::new(network.start(clues.cells())), before: Vec::new() };
        }
        let (pass, work) = (Pass { interventions, dropout: None }, Work::default());
        Self { network, clues, pass, disturbance, at, iteration: 0, work }
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
        let mut frames = Vec::with_capacity(count as usize);
        let end = self.iteration.saturating_add(count);
        while self.iteration < end {
            // A disturbance comes between two iterations.
            let ahead = self.disturbance.filter(|d| d.after > self.iteration && d.after <= end);
            let now = ahead.map_or(end, |d| d.after) - self.iteration;
            frames.extend(self.run(now).await?);
            if let Some(disturbance) = ahead {
                self.disturb(disturbance.kind).await?;
            }
        }
        Ok(frames)
    }

    /// Changes what is carried on.
    async fn disturb(&mut self, kind: DisturbanceKind) -> Result<(), ProbeError> {
        let (digits, width) = (self.network.config().digits(), self.network.config().width);
        let blanks = blanks(&self.clues);
        let key = Key::new(0, Stream::Disturbance).at(self.iteration.min(u32::from(u16::MAX)) as u16, 0).at_step(0);
        let board = Disturbed { key, blanks: &blanks, digits };
        match &mut self.at {
            At::Fused(pass) => {
                if let Some((state, prediction)) = pass.carried() {
                    board.state(kind, state, width);
                    board.prediction(kind, prediction);
                }
                pass.keep_carried();
            }
            At::Plain { now, .. } if is_of_state(kind) => {
                let mut values = values_of(&now.state).await?;
                board.state(kind, &mut values, width);
                now.state = Tensor::from_data(TensorData::new(values, now.state.dims()), &now.state.device());
            }
            At::Plain { now, .. } => {
                let rows = now.state.dims()[0];
                let mut values = match &now.prediction {
                    Some(prediction) => values_of(prediction).await?,
                    None => vec![0.0; rows * digits],
                };
                board.prediction(kind, &mut values);
                now.prediction = Some(Tensor::from_data(TensorData::new(values, [rows, digits]), &now.state.device()));
            }
        }
        Ok(())
    }

    async fn run(&mut self, count: u32) -> Result<Vec<Frame>, ProbeError> {
        let first = self.iteration + 1;
        let cells = self.clues.shape().cells();
        match &mut self.at {
            At::Fused(pass) => {
                let outcomes = pass.advance(count).await.map_err(ProbeError::Device)?;
                self.iteration += count;
                let frames = outcomes.iter().zip(first..).flat_map(|(o, t)| frames_of_outcome(o, t, cells));
                Ok(frames.collect())
            }
            At::Plain { now, before } => {
                let mut readings = Vec::new();
                for _ in 0..count {
                    let (next, logits) = self
                        .network
                        .iterate_sparing(now, self.pass, &mut self.work)
                        .await
                        .map_err(ProbeError::Device)?;
                    readings.push(Reading::new(&now.state, &next, logits));
                    let last = std::mem::replace(&mut **now, next);
                    if before.len() < Self::KEPT {
                        before.push(last);
                    }
                    self.iteration += 1;
                }
                read(readings, first, cells).await
            }
        }
    }

    /// What iteration `t` began from; nothing where it was not run or is no longer kept.
    async fn before(&self, iteration: u32) -> Result<Option<Recurrence>, ProbeError> {
        if iteration == 0 || iteration > self.iteration {
            return Ok(None);
        }
        match &self.at {
            At::Plain { before, .. } => Ok(before.get(iteration as usize - 1).cloned()),
            At::Fused(_) if iteration == 1 => Ok(Some(self.network.start(self.clues.cells()))),
            At::Fused(pass) => {
                let after = pass.after(iteration - 1).await.map_err(ProbeError::Device)?;
                Ok(after.map(|(state, prediction)| self.network.recurrence(state, prediction)))
            }
        }
    }

    /// What `cell` attends to at an iteration that was run: [blocks][heads][cells]. Nothing where the
    /// iteration was not run or is beyond what is kept.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn attention(&self, cell: usize, iteration: u32) -> Result<Option<Vec<Vec<Vec<f32>>>>, ProbeError> {
        let cells = self.clues.shape().cells();
        let Some(before) = self.before(iteration).await?.filter(|_| cell < cells) else { return Ok(None) };
        let mut transaction = Transaction::default();
        for block in self.network.attention(&before, self.pass) {
            let [_, heads, _, _] = block.dims();
            let row: Tensor<2> = block.slice([0..1, 0..heads, cell..cell + 1, 0..cells]).reshape([heads, cells]);
            transaction = transaction.register(row);
        }
        let data = transaction.execute_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
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

/// A tensor's values on the host.
async fn values_of(tensor: &Tensor<2>) -> Result<Vec<f32>, ProbeError> {
    let data = tensor.clone().into_data_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
    Ok(data.iter::<f32>().collect())
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
    let mut frames: Vec<Vec<Frame>> = vec![Vec::new(); puzzles.len()];
    let mut at = At::start(network, &clues, &Interventions::default(), 0);
    let mut done = 0;
    while done < iterations {
        let count = (iterations - done).min(16);
        match &mut at {
            At::Fused(pass) => {
                for (outcome, t) in pass.advance(count).await.map_err(ProbeError::Device)?.iter().zip(done + 1..) {
                    let new = frames_of_outcome(outcome, t, shape.cells());
                    frames.iter_mut().zip(new).for_each(|(all, new)| all.push(new));
                }
            }
            At::Plain { now, .. } => {
                let mut readings = Vec::new();
                for _ in 0..count {
                    let (next, logits) = network
                        .iterate_sparing(now, Pass::default(), &mut Work::default())
                        .await
                        .map_err(ProbeError::Device)?;
                    readings.push(Reading::new(&now.state, &next, logits));
                    **now = next;
                }
                let new = read_boards(readings, done + 1, shape.cells()).await?;
                frames.iter_mut().zip(new).for_each(|(all, new)| all.extend(new));
            }
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
