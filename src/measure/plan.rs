//! A measurement from its question to its answer: which passes are recorded, in which order, and what is read from
//! them. It asks nobody itself: [`Measurement::next_ask`] says what is to be asked of the engine, and what came is handed
//! back. The window and the command line drive the same plan, so they cannot tell different numbers.

mod found;
mod question;

pub use found::{Changed, Found};
pub use question::{CHANGES, Change, Kind, Question, changes};

use super::exits::exits;
use super::fixed::{cold, warm};
use super::heads::Heads;
use super::inside::inside;
use super::recovery::recovery;
use super::scaling::{differences, scaling};
use super::spectrum::{BoardSpectrum, SpectrumSettings};
use super::stopping::{Rule, stopping};
use super::verified::{self, Attempt, Verified};
use super::{Exit, Record, Recording, Spent, Start};
use crate::config::Interventions;
use crate::tasks::sudoku::Puzzle;

/// How a pass must be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// As was chosen.
    Chosen,
    /// Like passes that are reached into: it is compared with one. On a card that is operation by operation.
    Alike,
    /// Operation by operation.
    Plain,
}

/// What is to be asked next.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A pass over these puzzles.
    Record {
        /// In order.
        puzzles: Vec<Puzzle>,
        /// How it is made.
        settings: Recording,
        /// How it is computed.
        how: How,
    },
    /// What attention heads look at.
    Heads {
        /// In order.
        puzzles: Vec<Puzzle>,
        /// Which, from 1.
        iteration: u32,
        /// What is changed in every iteration.
        interventions: Interventions,
    },
    /// Growth of small changes.
    Spectrum {
        /// In order.
        puzzles: Vec<Puzzle>,
        /// What is measured.
        settings: SpectrumSettings,
    },
}

/// A pass that is done.
#[derive(Clone, Debug)]
struct Pass {
    records: Vec<Record>,
    spent: Spent,
}

/// A measurement under way.
#[derive(Clone, Debug)]
pub struct Measurement {
    question: Question,
    puzzles: Vec<Puzzle>,
    trained: u32,
    interventions: Interventions,
    done: Vec<Pass>,
    /// Of the pass under way.
    records: Vec<Record>,
    heads: Option<Heads>,
    spectrum: Vec<BoardSpectrum>,
    all_spectra: bool,
    /// One a way of asking again, as far as they were begun.
    ways: Vec<Verified>,
    attempt: Option<Attempt>,
}

impl Measurement {
    /// Nothing asked yet. T is of the model; the interventions are in force in every pass but those of a sweep.
    #[must_use]
    pub fn new(question: Question, puzzles: Vec<Puzzle>, trained: u32, interventions: Interventions) -> Self {
        Self {
            question,
            puzzles,
            trained: trained.max(1),
            interventions,
            done: Vec::new(),
            records: Vec::new(),
            heads: None,
            spectrum: Vec::new(),
            all_spectra: false,
            ways: Vec::new(),
            attempt: None,
        }
    }

    /// What is measured.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// T.
    #[must_use]
    pub fn trained(&self) -> u32 {
        self.trained
    }

    /// The boards.
    #[must_use]
    pub fn puzzles(&self) -> &[Puzzle] {
        &self.puzzles
    }

    /// Boards that were read in the pass under way, or in the last one.
    #[must_use]
    pub fn read(&self) -> usize {
        match &self.question {
            Question::Heads { .. } => self.heads.as_ref().map_or(0, |h| h.boards as usize),
            Question::Spectrum(settings) => self.spectrum.len() / settings.iterations.len().max(1),
            Question::Verified { .. } => self.puzzles.len(),
            _ if self.records.is_empty() => self.done.last().map_or(0, |p| p.records.len()),
            _ => self.records.len(),
        }
    }

    /// Which pass is under way, from 1, and how many there are; of verified solving which way.
    #[must_use]
    pub fn pass(&self) -> (usize, usize) {
        match &self.question {
            Question::Verified { ways, .. } => (self.ways.len().clamp(1, ways.len().max(1)), ways.len()),
            Question::Heads { .. } | Question::Spectrum(_) => (1, 1),
            _ => {
                let of = self.passes().len();
                ((self.done.len() + 1).min(of), of)
            }
        }
    }

    /// The pass that stands for the whole measurement in what is told of it.
    #[must_use]
    pub fn settings(&self) -> Recording {
        let plain = |iterations| Recording { interventions: self.interventions, ..Recording::plain(iterations) };
        match &self.question {
            Question::Scaling { iterations, exit, .. } => Recording { exit: *exit, ..plain(last(iterations)) },
            Question::Inside { iterations } => plain(*iterations),
            Question::Stopping { iterations } => Recording { halting: true, ..plain(*iterations) },
            Question::Interventions { iterations, .. } => Recording::plain(last(iterations)),
            Question::Recovery { disturbance, iterations, seed } => {
                Recording { disturbance: Some(*disturbance), seed: *seed, ..plain(*iterations) }
            }
            Question::Cold { iterations } => {
                Recording { start: Start { from_solution: true, ..Start::default() }, ..plain(*iterations) }
            }
            Question::Warm { after, watched } => plain(after.saturating_add(*watched)),
            Question::Verified { budget, .. } => Recording { exit: Exit::Valid, ..plain(*budget) },
            Question::Heads { iteration } => plain(*iteration),
            Question::Spectrum(settings) => plain(last(&settings.iterations)),
        }
    }

    /// Passes that are recorded, in order; none of verified solving, whose passes follow from each other.
    fn passes(&self) -> Vec<Recording> {
        let settings = self.settings();
        match &self.question {
            Question::Scaling { beside, .. } => {
                let second = beside.map(|exit| Recording { exit, ..settings });
                std::iter::once(settings).chain(second).collect()
            }
            Question::Interventions { changes, .. } => {
                let changed = changes.iter().map(|c| Recording { interventions: c.interventions, ..settings });
                std::iter::once(settings).chain(changed).collect()
            }
            Question::Recovery { .. } => vec![Recording { disturbance: None, ..settings }, settings],
            Question::Verified { .. } | Question::Heads { .. } | Question::Spectrum(_) => Vec::new(),
            _ => vec![settings],
        }
    }

    fn how(&self) -> How {
        match &self.question {
            Question::Recovery { .. } | Question::Scaling { beside: Some(_), .. } => How::Alike,
            // A rounded state is computed operation by operation, so what it is compared with is, too.
            Question::Interventions { changes, .. } if changes.iter().any(|c| c.interventions.bf16_state) => How::Plain,
            _ => How::Chosen,
        }
    }

    /// What to ask next; nothing once all is there.
    pub fn next_ask(&mut self) -> Option<Ask> {
        match &self.question {
            Question::Heads { iteration } => self.heads.is_none().then(|| Ask::Heads {
                puzzles: self.puzzles.clone(),
                iteration: *iteration,
                interventions: self.interventions,
            }),
            Question::Spectrum(_) => (!self.all_spectra)
                .then(|| Ask::Spectrum { puzzles: self.puzzles.clone(), settings: self.spectrum_settings() }),
            Question::Verified { .. } => self.next_attempt(),
            _ => {
                let settings = *self.passes().get(self.done.len())?;
                Some(Ask::Record { puzzles: self.puzzles.clone(), settings, how: self.how() })
            }
        }
    }

    fn next_attempt(&mut self) -> Option<Ask> {
        let Question::Verified { ways, attempt, budget, noise, seed } = self.question.clone() else { return None };
        loop {
            if let Some(next) = self.ways.last().and_then(Verified::next) {
                let ask = Ask::Record { puzzles: next.puzzles.clone(), settings: next.settings, how: How::Chosen };
                self.attempt = Some(next);
                return Some(ask);
            }
            let again = *ways.get(self.ways.len())?;
            let interventions = self.interventions;
            let plan = verified::Plan { again, attempt, budget, noise, seed, interventions };
            self.ways.push(Verified::new(self.puzzles.clone(), plan));
        }
    }

    fn spectrum_settings(&self) -> SpectrumSettings {
        match &self.question {
            Question::Spectrum(settings) => SpectrumSettings { interventions: self.interventions, ..settings.clone() },
            // Nobody asks.
            _ => SpectrumSettings {
                iterations: Vec::new(),
                vectors: 0,
                steps: 0,
                burn_in: 0,
                seed: 0,
                leading: false,
                moving: false,
                estimators: false,
                interventions: self.interventions,
            },
        }
    }

    /// A batch of boards of the pass under way came, in order; `spent` comes with the last.
    pub fn take_records(&mut self, records: Vec<Record>, spent: Option<Spent>) {
        self.records.extend(records);
        let Some(spent) = spent else { return };
        let records = std::mem::take(&mut self.records);
        match (self.attempt.take(), self.ways.last_mut()) {
            (Some(attempt), Some(way)) => way.take(&attempt, &records, spent.made),
            _ => self.done.push(Pass { records, spent }),
        }
    }

    /// What the heads look at came.
    pub fn take_heads(&mut self, heads: Heads) {
        self.heads = Some(heads);
    }

    /// A board's growth came; `done` with the last.
    pub fn take_spectrum(&mut self, found: Vec<BoardSpectrum>, done: bool) {
        self.spectrum.extend(found);
        self.spectrum.sort_by_key(|b| (b.iteration, b.board));
        self.all_spectra |= done;
    }

    /// Records of a pass, from 0, as far as they are there.
    fn records(&self, pass: usize) -> &[Record] {
        match self.done.get(pass) {
            Some(pass) => &pass.records,
            None if pass == self.done.len() => &self.records,
            None => &[],
        }
    }

    /// What can be read so far: of the boards that are there in every pass that it takes. Nothing while there is none.
    ///
    /// # Errors
    /// Puzzles or settings that cannot be measured.
    pub fn found(&self) -> Result<Option<Found>, String> {
        let pair = matches!(self.question, Question::Recovery { .. });
        let records = self.records(usize::from(pair));
        let boards = records.len().min(self.puzzles.len());
        let puzzles = &self.puzzles[..boards];
        let settings = self.settings();
        let iterations = settings.iterations;
        let of_records = match &self.question {
            Question::Heads { .. } => return Ok(self.heads.clone().map(Found::Heads)),
            Question::Spectrum(_) if self.spectrum.is_empty() => return Ok(None),
            Question::Spectrum(_) => {
                return Ok(Some(Found::Spectrum(self.spectrum_settings(), self.spectrum.clone())));
            }
            Question::Verified { .. } => {
                let outcomes: Vec<_> = self.ways.iter().map(Verified::outcome).filter(|o| o.attempts > 0).collect();
                return Ok((!outcomes.is_empty()).then_some(Found::Verified(outcomes)));
            }
            _ if boards == 0 => return Ok(None),
            Question::Scaling { iterations, beside, .. } => {
                let mut found = scaling(puzzles, records, iterations, 0)?;
                if let Some(first) = self.done.first() {
                    found.spent = first.spent;
                }
                let compared = match (beside, &self.done[..]) {
                    (Some(beside), [first, second]) => Some(exits(
                        puzzles,
                        [&first.records, &second.records],
                        [settings.exit, *beside],
                        [first.spent, second.spent],
                        settings.iterations,
                        0,
                    )?),
                    _ => None,
                };
                Found::Scaling(found, compared)
            }
            Question::Inside { .. } => Found::Inside(inside(puzzles, records, iterations)?),
            Question::Stopping { .. } => {
                let rules = Rule::usual(self.trained, records.iter().any(|r| !r.halting.is_empty()));
                Found::Stopping(stopping(puzzles, records, iterations, self.trained, &rules)?)
            }
            Question::Interventions { iterations, changes } => {
                let score = |records: &[Record]| scaling(puzzles, records, iterations, 0).map(|s| s.rows);
                let unchanged = score(records)?;
                let done = self.done.iter().skip(1).zip(changes).map(|(pass, change)| -> Result<Changed, String> {
                    Ok(Changed {
                        name: change.name.clone(),
                        interventions: change.interventions,
                        rows: score(&pass.records)?,
                        differences: differences(puzzles, [records, &pass.records], iterations, 0)?,
                    })
                });
                Found::Interventions { unchanged, changes: done.collect::<Result<_, _>>()? }
            }
            Question::Recovery { disturbance, .. } => {
                let undisturbed = &self.records(0)[..boards];
                Found::Recovery(recovery(puzzles, undisturbed, records, *disturbance, iterations)?)
            }
            Question::Cold { .. } => Found::Cold(cold(puzzles, records, iterations)?),
            Question::Warm { after, .. } => Found::Warm(warm(puzzles, records, *after, iterations)?),
        };
        Ok(Some(of_records))
    }
}

/// The last of a rising list, at least 1.
fn last(iterations: &[u32]) -> u32 {
    iterations.last().copied().unwrap_or(1)
}

#[cfg(test)]
mod tests;
