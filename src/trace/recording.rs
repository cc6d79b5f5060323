//! A training in recordings: traces of the same boards at several of its steps, step × iteration.
//!
//! Frames are all kept, since everything that reads a trace relies on iterations without gaps. What
//! grows with the length of a training is the number of steps, so that is what is bounded: once there
//! are too many, steps in between leave and the rest stays evenly spread. A step of eight boards at
//! four times the trained T has 41 KB of frames with the 4×4 preset, 160 KB with the 6×6 one and
//! 960 KB with the 9×9 one; [`MOST_BYTES`] hold 70 steps of the largest.

mod file;
mod quantity;

use serde::{Deserialize, Serialize};

pub use file::TraceFile;
pub use quantity::Quantity;
use quantity::Readings;

use super::file::MAX_TRACES;
use super::{Frame, Iteration, Step, Trace};
use crate::config::RunConfig;
use crate::tasks::sudoku::{Grid, Puzzle};

/// The most bytes of frames in a recording, and so in a run's folder and in the window's memory.
pub const MOST_BYTES: u64 = 64 << 20;

/// What a recording says about its training.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunFacts {
    /// The configuration's name: that of its preset, if it is one.
    pub name: String,
    /// The one seed of the training.
    pub seed: u64,
    /// Steps of the whole recipe.
    pub steps: u32,
    /// [`RunConfig::fingerprint`].
    pub config_hash: String,
    /// The command that trains it.
    pub command: String,
}

impl RunFacts {
    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &RunConfig) -> Self {
        Self {
            name: config.name.clone(),
            seed: config.seed,
            steps: config.recipe.steps,
            config_hash: config.fingerprint(),
            command: config.command(),
        }
    }
}

/// Why traces are no part of a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// Nothing to show.
    #[error("a recorded step has no board, or a board without iterations")]
    Empty,
    /// A step is recorded in one go.
    #[error("the boards of a recorded step are of steps {first} and {other}; they must be of one step")]
    Steps {
        /// Of the first board.
        first: u32,
        /// Of another one.
        other: u32,
    },
    /// The same boards at every step, or they cannot be compared.
    #[error("the boards of step {step} are not those of step {first}; a recording is of the same boards at every step")]
    Boards {
        /// The step that does not fit.
        step: u32,
        /// The first step recorded.
        first: u32,
    },
    /// Going backwards.
    #[error("step {step} stands after step {before}; steps must rise")]
    Order {
        /// The step that does not fit.
        step: u32,
        /// The one before it.
        before: u32,
    },
}

/// The boards of one step, with what the map shows of them.
#[derive(Clone, Debug, PartialEq)]
struct RecordedStep {
    traces: Vec<Trace>,
    readings: Vec<Readings>,
}

/// Traces of the same boards at rising steps of one training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    run: RunFacts,
    steps: Vec<RecordedStep>,
}

impl Recording {
    /// Nothing recorded yet.
    #[must_use]
    pub fn new(run: RunFacts) -> Self {
        Self { run, steps: Vec::new() }
    }

    /// A recording of traces that stand one step after the other.
    ///
    /// # Errors
    /// Steps that do not rise, or boards that change.
    pub fn of(run: RunFacts, traces: Vec<Trace>) -> Result<Self, RecordingError> {
        let mut recording = Self::new(run);
        let mut step: Vec<Trace> = Vec::new();
        for trace in traces {
            if step.first().is_some_and(|first| first.step != trace.step) {
                recording.follow(std::mem::take(&mut step))?;
            }
            step.push(trace);
        }
        if !step.is_empty() {
            recording.follow(step)?;
        }
        Ok(recording)
    }

    /// As [`Recording::push`], but nothing is taken back.
    fn follow(&mut self, traces: Vec<Trace>) -> Result<(), RecordingError> {
        if let (Some(before), Some(next)) = (self.steps().last(), traces.first())
            && next.step <= before
        {
            return Err(RecordingError::Order { step: next.step.0, before: before.0 });
        }
        self.push(traces)
    }

    /// Adds the boards of a step. Steps from there on leave: a training that went back to its checkpoint
    /// makes them anew. Once there are too many, one in between leaves as well.
    ///
    /// # Errors
    /// Boards that do not fit; nothing has changed then.
    pub fn push(&mut self, traces: Vec<Trace>) -> Result<(), RecordingError> {
        let Some(step) = traces.first().map(|t| t.step) else { return Err(RecordingError::Empty) };
        if traces.iter().any(|t| t.frames.is_empty()) {
            return Err(RecordingError::Empty);
        }
        if let Some(other) = traces.iter().find(|t| t.step != step) {
            return Err(RecordingError::Steps { first: step.0, other: other.step.0 });
        }
        if let Some(first) = self.steps.first() {
            let of = |traces: &[Trace]| -> Vec<Grid> { traces.iter().map(|t| t.puzzle.clues.clone()).collect() };
            if of(&first.traces) != of(&traces) {
                return Err(RecordingError::Boards { step: step.0, first: step_of(first).0 });
            }
        }
        self.steps.retain(|s| step_of(s) < step);
        let readings = traces.iter().map(Readings::of).collect();
        self.steps.push(RecordedStep { traces, readings });
        let largest = self.steps.iter().map(|s| bytes_of(&s.traces)).max().unwrap_or(0);
        while self.len() > most_steps(largest, self.boards()) {
            let steps: Vec<Step> = self.steps().collect();
            let Some(i) = surplus(&steps) else { break };
            self.steps.remove(i);
        }
        Ok(())
    }

    /// Fewer boards and fewer steps: the first boards, and steps that stay evenly spread.
    #[must_use]
    pub fn thinned(&self, boards: usize, steps: usize) -> Self {
        let mut out = self.clone();
        for step in &mut out.steps {
            step.traces.truncate(boards.max(1));
            step.readings.truncate(boards.max(1));
        }
        while out.len() > steps.max(2) {
            let all: Vec<Step> = out.steps().collect();
            let Some(i) = surplus(&all) else { break };
            out.steps.remove(i);
        }
        out
    }

    /// What it says about its training.
    #[must_use]
    pub fn run(&self) -> &RunFacts {
        &self.run
    }

    /// Recorded steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing is recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The recorded steps, rising.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = Step> + DoubleEndedIterator + '_ {
        self.steps.iter().map(step_of)
    }

    /// Boards of each step.
    #[must_use]
    pub fn boards(&self) -> usize {
        self.steps.first().map_or(0, |s| s.traces.len())
    }

    /// The puzzle of a board, from 0.
    #[must_use]
    pub fn puzzle(&self, board: usize) -> Option<&Puzzle> {
        Some(&self.steps.first()?.traces.get(board)?.puzzle)
    }

    /// Which board has these clues.
    #[must_use]
    pub fn board_of(&self, clues: &Grid) -> Option<usize> {
        (0..self.boards()).find(|b| self.puzzle(*b).is_some_and(|p| p.clues == *clues))
    }

    /// The trace of a board at the `index`th recorded step, both from 0.
    #[must_use]
    pub fn trace(&self, index: usize, board: usize) -> Option<&Trace> {
        self.steps.get(index)?.traces.get(board)
    }

    /// All traces, step after step.
    pub fn traces(&self) -> impl Iterator<Item = &Trace> + Clone {
        self.steps.iter().flat_map(|s| &s.traces)
    }

    /// The traces of each step.
    pub fn into_steps(self) -> impl Iterator<Item = Vec<Trace>> {
        self.steps.into_iter().map(|s| s.traces)
    }

    /// The index of the recorded step that is nearest to a step, the earlier one of two; none where
    /// nothing is recorded.
    #[must_use]
    pub fn nearest(&self, step: Step) -> Option<usize> {
        self.steps().enumerate().min_by_key(|(_, s)| s.0.abs_diff(step.0)).map(|(i, _)| i)
    }

    /// The most iterations recorded of a board.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.traces().map(|t| t.last().0).max().unwrap_or(0)
    }

    /// The iterations that it is trained with; at least 1.
    #[must_use]
    pub fn trained(&self) -> u32 {
        self.traces().next().map_or(1, |t| t.trained_iterations.max(1))
    }

    /// The last step of the recipe, or the last one recorded where that is later.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.steps().last().map_or(0, |s| s.0).max(self.run.steps).max(1)
    }

    /// What the map shows of an iteration at the `index`th recorded step: of one board, or the mean over
    /// all boards that have it. Shares are from 0 to 1.
    #[must_use]
    pub fn value(&self, quantity: Quantity, index: usize, iteration: Iteration, board: Option<usize>) -> Option<f64> {
        let readings = &self.steps.get(index)?.readings;
        match board {
            Some(board) => readings.get(board)?.at(quantity, iteration),
            None => {
                let all = readings.iter().filter_map(|r| r.at(quantity, iteration));
                let (sum, count) = all.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
                (count > 0).then(|| sum / f64::from(count))
            }
        }
    }

    /// The upper end of the map's colours: 1 for shares, ln n nats, or the most cells that flip.
    #[must_use]
    pub fn most(&self, quantity: Quantity) -> f64 {
        match quantity {
            Quantity::Solved | Quantity::Right => 1.0,
            Quantity::Entropy => self.puzzle(0).map_or(1.0, |p| (p.clues.shape().side() as f64).ln()),
            Quantity::Flips => {
                let all = self.steps.iter().flat_map(|s| &s.readings);
                all.map(Readings::most_flips).fold(1.0, f64::max)
            }
        }
    }

    /// Bytes of frames.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(|s| bytes_of(&s.traces)).sum()
    }
}

fn step_of(step: &RecordedStep) -> Step {
    step.traces.first().map_or(Step(0), |t| t.step)
}

/// Bytes of frames of some traces.
#[must_use]
pub fn bytes_of(traces: &[Trace]) -> u64 {
    let frame = |f: &Frame| {
        let routing = f.routing.as_ref().map_or(0, |r| 2 * r.weights.len());
        let halting = f.halting.as_ref().map_or(0, |h| 3 * h.mass.len());
        (8 + f.digits.len() + 2 * f.probabilities.len() + 4 * f.state_norm.len() + routing + halting) as u64
    };
    traces.iter().flat_map(|t| &t.frames).map(frame).sum()
}

/// How many steps are kept whose frames have so many bytes and so many boards: at least two, and no more
/// than a file of traces holds.
#[must_use]
pub fn most_steps(bytes_of_a_step: u64, boards: usize) -> usize {
    let by_size = MOST_BYTES / bytes_of_a_step.max(1);
    let by_count = u64::from(MAX_TRACES) / (boards as u64).max(1);
    by_size.min(by_count).max(2) as usize
}

/// Which of some rising steps leaves first: the one in between whose neighbours are closest, the earliest
/// of several. Thinned again and again, the rest stays evenly spread; first and last stay.
#[must_use]
pub fn surplus(steps: &[Step]) -> Option<usize> {
    let gap = |w: &[Step]| w[2].0.abs_diff(w[0].0);
    (1..).zip(steps.windows(3)).min_by_key(|(i, w)| (gap(w), *i)).map(|(i, _)| i)
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;
