//! A question under way: many boards, recorded batch by batch.

use web_time::Instant;

use super::fault::Fault;
use super::jobs::{JobState, batch_of, check};
use super::pace::Pace;
use super::protocol::{Event, RequestId};
use super::session::Emit;
use crate::measure::{Disturbance, Recording, Spent};
use crate::models::Network;
use crate::probe::Recordings;
use crate::tasks::sudoku::Puzzle;

/// Many boards, a batch at a time.
pub(super) struct RecordJob {
    pub request: RequestId,
    network: Network,
    puzzles: Vec<Puzzle>,
    settings: Recording,
    batch: usize,
    /// First puzzle of the batch under way.
    at: usize,
    running: Option<Recordings>,
    spent: u64,
    pace: Pace,
}

impl RecordJob {
    pub fn new(
        request: RequestId,
        network: Network,
        puzzles: Vec<Puzzle>,
        settings: Recording,
        gpu: bool,
    ) -> Result<Self, String> {
        let shape = network.config().shape();
        check(&puzzles, shape)?;
        if settings.iterations == 0 || settings.iterations > 1 << 16 {
            return Err("record from 1 to 65,536 iterations".into());
        }
        if let Some(Disturbance { kind, .. }) = settings.disturbance.filter(|d| !d.kind.fits(shape)) {
            return Err(format!("“{kind}” is no disturbance of a {shape} board: it has no such cell or digit"));
        }
        let batch = batch_of(shape, gpu);
        Ok(Self { request, network, puzzles, settings, batch, at: 0, running: None, spent: 0, pace: Pace::new() })
    }

    pub async fn unit(&mut self, emit: &mut Emit) -> Result<JobState, Fault> {
        let end = (self.at + self.batch).min(self.puzzles.len());
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Recordings::new(self.network.clone(), &self.puzzles[self.at..end], self.at, self.settings).await?,
        };
        let begun = Instant::now();
        running.advance(self.pace.count()).await?;
        self.pace.learn(begun.elapsed());
        let share = f64::from(running.iteration()) / f64::from(self.settings.iterations);
        let share = if running.is_done() { 1.0 } else { share };
        let done = self.at + ((end - self.at) as f64 * share) as usize;
        emit(Event::Progress { request: self.request, done, of: self.puzzles.len() });
        if !running.is_done() {
            self.running = Some(running);
            return Ok(JobState::Goes);
        }
        self.spent += running.spent();
        let (first, records) = (self.at, running.finish());
        self.at = end;
        let done = end == self.puzzles.len();
        let of = self.puzzles.len() as u64 * u64::from(self.settings.iterations);
        let spent = done.then_some(Spent { made: self.spent, of });
        emit(Event::Recorded { request: self.request, first, records, spent });
        Ok(if done { JobState::Done } else { JobState::Goes })
    }
}
