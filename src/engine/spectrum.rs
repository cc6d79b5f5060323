//! A question under way: the growth of small changes, board by board, as many at a time as there are threads.

use std::collections::VecDeque;

use web_time::Instant;

use super::fault::Fault;
use super::jobs::{JobState, check};
use super::pace::UNIT;
use super::protocol::{Event, RequestId};
use super::session::{Emit, Opened};
use crate::measure::spectrum::SpectrumSettings;
use crate::probe::{Spectrum, SpectrumMaps};
use crate::tasks::sudoku::Puzzle;

/// Boards on their way.
pub(super) struct SpectrumJob {
    pub request: RequestId,
    maps: SpectrumMaps,
    settings: SpectrumSettings,
    waiting: VecDeque<(usize, Puzzle)>,
    running: Vec<Spectrum>,
    done: usize,
    of: usize,
}

impl SpectrumJob {
    pub fn new(
        request: RequestId,
        opened: &Opened,
        puzzles: Vec<Puzzle>,
        settings: &SpectrumSettings,
    ) -> Result<Self, String> {
        check(&puzzles, opened.card.config.shape())?;
        let rising = settings.iterations.windows(2).all(|w| w[0] < w[1]);
        if !rising || settings.iterations.first().is_none_or(|t| *t == 0) {
            return Err("name iterations in rising order, from 1".into());
        }
        if settings.vectors == 0 || settings.vectors > 64 || settings.burn_in >= settings.steps {
            return Err("follow from 1 to 64 vectors, over more steps than those that do not count".into());
        }
        let maps = SpectrumMaps::new(&opened.card.config, &opened.parameters, &settings.interventions)?;
        let of = puzzles.len();
        if let Some(i) = puzzles.iter().position(|p| p.solution.is_none()) {
            return Err(format!("puzzle {} has no solution beside it", i + 1));
        }
        let waiting = puzzles.into_iter().enumerate().collect();
        Ok(Self { request, maps, settings: settings.clone(), waiting, running: Vec::new(), done: 0, of })
    }

    pub fn unit(&mut self, emit: &mut Emit) -> Result<JobState, Fault> {
        let threads = super::device::threads();
        while self.running.len() < threads {
            let Some((board, puzzle)) = self.waiting.pop_front() else { break };
            let spectrum = Spectrum::new(&self.maps, &self.settings, puzzle, board);
            self.running.push(spectrum?);
        }
        work(&mut self.running);
        let mut going = Vec::new();
        for spectrum in self.running.drain(..) {
            if spectrum.is_done() {
                self.done += 1;
                emit(Event::Spectrum { request: self.request, found: spectrum.finish(), done: self.done == self.of });
            } else {
                going.push(spectrum);
            }
        }
        self.running = going;
        emit(Event::Progress { request: self.request, done: self.done, of: self.of });
        Ok(if self.done == self.of { JobState::Done } else { JobState::Goes })
    }
}

/// Each board for as long as a unit takes, all at once.
#[cfg(not(target_family = "wasm"))]
fn work(boards: &mut [Spectrum]) {
    std::thread::scope(|scope| {
        for board in boards {
            scope.spawn(move || for_a_unit(board, 1));
        }
    });
}

/// Each board in turn for its part of a unit: a browser's worker has one thread.
#[cfg(target_family = "wasm")]
fn work(boards: &mut [Spectrum]) {
    let share = boards.len().max(1) as u32;
    for board in boards {
        for_a_unit(board, share);
    }
}

fn for_a_unit(board: &mut Spectrum, share: u32) {
    let begun = Instant::now();
    while !board.is_done() && begun.elapsed() < UNIT / share {
        board.part();
    }
}
