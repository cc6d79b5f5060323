//! Solved counts against test-time iterations, and logits: one pass serves all iteration counts.

use std::collections::BTreeMap;

use burn::tensor::{Int, Tensor, Transaction};

use super::ProbeError;
use crate::config::Interventions;
use crate::measure::record::arg_max;
use crate::models::{FusedPass, Network, Pass, Recurrence};
use crate::tasks::sudoku::{Bucket, Grid, Puzzle};
use crate::trace::{Count, Score, Work};

/// What is read after an iteration that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// The iteration.
    pub iteration: u32,
    /// Arg-max digits from 1, [boards · cells].
    pub digits: Vec<u8>,
    /// Logits [boards · cells · digits] and state norms [boards · cells], where they were asked for.
    pub logits: Option<(Vec<f32>, Vec<f32>)>,
}

/// A pass over a batch of boards that stops to read at given iterations.
pub struct Scaling {
    network: Network,
    pass: Pass,
    at: At,
    iteration: u32,
    wanted: Vec<u32>,
    with_logits: bool,
    work: Work,
}

/// How the iterations are run.
enum At {
    Plain(Box<Recurrence>),
    Fused(Box<FusedPass>),
}

impl Scaling {
    /// Starts on a batch. `wanted` are the iterations to read after.
    #[must_use]
    pub fn new(
        network: Network,
        boards: &[&Grid],
        wanted: &[u32],
        interventions: Interventions,
        with_logits: bool,
    ) -> Self {
        let clues: Vec<u8> = boards.iter().flat_map(|g| g.cells().iter().copied()).collect();
        let mut wanted: Vec<u32> = wanted.iter().copied().filter(|t| *t > 0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.reverse();
        let at = match network.fused().and_then(|f| f.start(&clues, &interventions, 0)) {
            Some(pass) => At::Fused(Box::new(pass)),
            None => At::Plain(Box::new(network.start(&clues))),
        };
        Self {
            network,
            pass: Pass { interventions, dropout: None },
            at,
            iteration: 0,
            wanted,
            with_logits,
            work: Work::default(),
        }
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.wanted.is_empty()
    }

    /// What the iterations cost so far, where something could be spared.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work
    }

    /// Runs at most `count` iterations and reads what became due, in one transaction.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn advance(&mut self, count: u32) -> Result<Vec<Readout>, ProbeError> {
        let at = match &mut self.at {
            At::Plain(at) => at,
            At::Fused(_) => return self.advance_fused(count).await,
        };
        let mut transaction = Transaction::default();
        let mut due = Vec::new();
        for _ in 0..count {
            let Some(next_wanted) = self.wanted.last().copied() else { break };
            let (next, logits) =
                self.network.iterate_sparing(at, self.pass, &mut self.work).await.map_err(ProbeError::Device)?;
            **at = next;
            self.iteration += 1;
            if self.iteration == next_wanted {
                self.wanted.pop();
                due.push(self.iteration);
                let digits: Tensor<2, Int> = logits.clone().argmax(1);
                transaction = transaction.register(digits);
                if self.with_logits {
                    let state = at.state.clone();
                    transaction = transaction.register(logits).register(state.clone().mul(state).sum_dim(1).sqrt());
                }
            }
        }
        if due.is_empty() {
            // One value is awaited, so that a caller's clock measures the work and not its queueing.
            let one = at.state.clone().slice([0..1, 0..1]).into_data_async().await;
            return one.map(|_| Vec::new()).map_err(|e| ProbeError::Device(format!("{e:?}")));
        }
        let data = transaction.execute_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
        let mut data = data.into_iter();
        let mut out = Vec::new();
        for iteration in due {
            let Some(digits) = data.next() else { break };
            let digits = digits.iter::<i32>().map(|d| d as u8 + 1).collect();
            let logits = if self.with_logits {
                let mut floats = || data.next().map(|d| d.iter::<f32>().collect::<Vec<f32>>()).unwrap_or_default();
                Some((floats(), floats()))
            } else {
                None
            };
            out.push(Readout { iteration, digits, logits });
        }
        Ok(out)
    }
}

impl Scaling {
    async fn advance_fused(&mut self, count: u32) -> Result<Vec<Readout>, ProbeError> {
        let mut out = Vec::new();
        let At::Fused(pass) = &mut self.at else { return Ok(out) };
        let digits = self.network.config().digits();
        let mut left = count;
        while let Some(wanted) = self.wanted.last().copied() {
            let to_go = wanted - self.iteration;
            if to_go > left {
                pass.skip(left).await.map_err(ProbeError::Device)?;
                self.iteration += left;
                break;
            }
            if to_go > 1 {
                pass.skip(to_go - 1).await.map_err(ProbeError::Device)?;
            }
            for outcome in pass.advance(1).await.map_err(ProbeError::Device)? {
                let rows = outcome.squares.len() / 3;
                out.push(Readout {
                    iteration: wanted,
                    digits: outcome.logits.chunks(digits).map(arg_max).collect(),
                    logits: self.with_logits.then(|| {
                        let norms = outcome.squares[..rows].iter().map(|s| s.sqrt()).collect();
                        (outcome.logits, norms)
                    }),
                });
            }
            self.wanted.pop();
            self.iteration = wanted;
            left -= to_go;
            if left == 0 {
                break;
            }
        }
        Ok(out)
    }
}

/// Whether the digits of one board equal the solution on every blank cell.
fn is_solved(puzzle: &Puzzle, digits: &[u8]) -> bool {
    let Some(solution) = &puzzle.solution else { return false };
    puzzle
        .clues
        .cells()
        .iter()
        .zip(solution.cells())
        .zip(digits)
        .all(|((clue, right), found)| *clue != 0 || right == found)
}

/// Scores from readouts of batches: `batches` holds each batch's puzzles with its readouts.
#[must_use]
pub fn scores<'a>(batches: impl IntoIterator<Item = (&'a [Puzzle], &'a [Readout])>) -> Vec<Score> {
    let mut by_iteration: BTreeMap<u32, BTreeMap<Bucket, Count>> = BTreeMap::new();
    for (puzzles, readouts) in batches {
        for readout in readouts {
            let counts = by_iteration.entry(readout.iteration).or_default();
            let cells = readout.digits.len() / puzzles.len().max(1);
            for (puzzle, digits) in puzzles.iter().zip(readout.digits.chunks(cells.max(1))) {
                let count = counts.entry(Bucket::of(puzzle.rating.unwrap_or(0))).or_default();
                count.of += 1;
                count.solved += u32::from(is_solved(puzzle, digits));
            }
        }
    }
    by_iteration
        .into_iter()
        .map(|(iterations, counts)| {
            let by_bucket: Vec<(Bucket, Count)> =
                Bucket::ALL.iter().map(|b| (*b, counts.get(b).copied().unwrap_or_default())).collect();
            let total = by_bucket
                .iter()
                .fold(Count::default(), |t, (_, c)| Count { solved: t.solved + c.solved, of: t.of + c.of });
            Score { iterations, total, by_bucket }
        })
        .collect()
}
