//! A question under way: what attention heads look at.

use web_time::Instant;

use super::fault::Fault;
use super::jobs::{JobState, batch_of, check};
use super::pace::Pace;
use super::protocol::{Event, RequestId};
use super::session::Emit;
use crate::config::Interventions;
use crate::models::Network;
use crate::probe::Looks;
use crate::tasks::sudoku::Puzzle;

/// Many boards, a batch at a time.
pub(super) struct LooksJob {
    pub request: RequestId,
    looks: Looks,
    of: usize,
    pace: Pace,
}

impl LooksJob {
    pub fn new(
        request: RequestId,
        network: Network,
        puzzles: Vec<Puzzle>,
        iteration: u32,
        interventions: Interventions,
        gpu: bool,
    ) -> Result<Self, String> {
        let shape = network.config().shape();
        check(&puzzles, shape)?;
        if iteration == 0 || iteration > 1 << 16 {
            return Err("look at an iteration from 1 to 65,536".into());
        }
        let of = puzzles.len();
        let looks = Looks::new(network, puzzles, iteration, interventions, batch_of(shape, gpu));
        Ok(Self { request, looks, of, pace: Pace::new() })
    }

    pub async fn unit(&mut self, emit: &mut Emit) -> Result<JobState, Fault> {
        let begun = Instant::now();
        self.looks.advance(self.pace.count()).await?;
        self.pace.learn(begun.elapsed());
        emit(Event::Progress { request: self.request, done: self.looks.done(), of: self.of });
        if !self.looks.is_done() {
            return Ok(JobState::Goes);
        }
        emit(Event::Heads { request: self.request, found: self.looks.finish() });
        Ok(JobState::Done)
    }
}
