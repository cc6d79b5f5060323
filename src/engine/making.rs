//! A question under way: puzzles that a training leaves out.

use web_time::Instant;

use super::jobs::JobState;
use super::pace::UNIT;
use super::protocol::{Event, RequestId};
use super::session::Emit;
use crate::tasks::sudoku::{GenerateSpec, Puzzle, rate};
use crate::train::EvaluationPuzzles;

/// Puzzles being made, then rated.
pub(super) struct MakingJob {
    pub request: RequestId,
    making: Option<EvaluationPuzzles>,
    made: Vec<Puzzle>,
    rated: usize,
    count: usize,
}

impl MakingJob {
    pub fn new(request: RequestId, spec: GenerateSpec, seed: u64, count: usize) -> Result<Self, String> {
        spec.validate().map_err(|e| format!("puzzles cannot be made: {e}"))?;
        if count == 0 || count > 100_000 {
            return Err("ask for 1 to 100,000 puzzles".into());
        }
        let making = Some(EvaluationPuzzles::new(spec, seed, count));
        Ok(Self { request, making, made: Vec::new(), rated: 0, count })
    }

    pub fn unit(&mut self, emit: &mut Emit) -> JobState {
        let begun = Instant::now();
        while begun.elapsed() < UNIT {
            if let Some(making) = &mut self.making {
                if making.try_next() {
                    self.made = self.making.take().map(EvaluationPuzzles::finish).unwrap_or_default();
                }
            } else if let Some(puzzle) = self.made.get_mut(self.rated) {
                puzzle.rating = Some(rate(&puzzle.clues));
                self.rated += 1;
            } else {
                emit(Event::Puzzles { request: self.request, puzzles: std::mem::take(&mut self.made) });
                return JobState::Done;
            }
        }
        let done = self.making.as_ref().map_or(self.rated, EvaluationPuzzles::made);
        emit(Event::Progress { request: self.request, done, of: self.count });
        JobState::Goes
    }
}
