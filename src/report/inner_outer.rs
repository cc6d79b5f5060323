//! Inner against outer: what each iteration gains inside a forward pass, and what each step gains in a
//! training, read from the probes of a run (`iterations.csv`).
//!
//! The figures are those of `specs/poh.md` §3 (`plot_inner_vs_outer`), under this project's words: its
//! inner step is an iteration, its outer step a step. What was wrong with them is mended. The original wrote
//! one loss for all iterations, so that its convergence curve was flat; here every iteration was read
//! out. Rows of passes that had halted early dropped out of its learning curve; here every probe has all
//! iterations, and the curve is of the longest that all of them have. Halting was promised and not drawn.
//!
//! Everything here is a pure function of probes; who calls it reads and writes the files.

pub(in crate::report) mod draw;
mod json;
mod means;
mod numbers;
mod sheets;
mod summary;
mod tables;

pub use json::json_lines;
pub use means::{Mean, MeanRow, Means, means};
pub use numbers::Drops;
pub use sheets::{Figure, figures};
pub use summary::{Point, RunSummary, StepSummary, means_text, summary, summary_text};
pub use tables::tables;

use super::series::thousands;
use crate::trace::{Count, IterationReading, ProbeReport};

/// Steps that cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// There is nothing to choose from.
    #[error("there is no probe yet; the first is made when the training has come to it (probe.every)")]
    NoProbes,
    /// A step at which no probe was made.
    #[error(
        "there is no probe of step {}; the nearest is of step {} ({})",
        thousands((*step).into()), thousands((*nearest).into()), span(*probes, *first, *last)
    )]
    NoSuchStep {
        /// What was asked for.
        step: u32,
        /// The step with a probe that is nearest to it.
        nearest: u32,
        /// Probes there are.
        probes: usize,
        /// Step of the first.
        first: u32,
        /// Step of the last.
        last: u32,
    },
}

/// “12 probes, steps 250 to 3,000”.
fn span(probes: usize, first: u32, last: u32) -> String {
    let (first, last) = (thousands(first.into()), thousands(last.into()));
    match probes {
        1 => format!("1 probe, step {first}"),
        n => format!("{} probes, steps {first} to {last}", thousands(n as u64)),
    }
}

/// The probes of a run, and those of them that are looked at iteration by iteration.
#[derive(Clone, Debug)]
pub struct RunProbes<'a> {
    /// What the run is called, for titles.
    pub name: String,
    /// In rising order of steps, at least one; each has at least one iteration.
    probes: Vec<&'a ProbeReport>,
    /// Some of them, in rising order, at least one.
    chosen: Vec<&'a ProbeReport>,
}

impl<'a> RunProbes<'a> {
    /// Looks closely at the probes of these steps; where none is named, at the first, the middle and the
    /// last.
    ///
    /// # Errors
    /// No probes, or a step without one.
    pub fn new(name: impl Into<String>, probes: &'a [ProbeReport], steps: &[u32]) -> Result<Self, SelectionError> {
        let mut probes: Vec<&ProbeReport> = probes.iter().filter(|p| !p.solved.is_empty()).collect();
        probes.sort_by_key(|p| p.step);
        let (Some(first), Some(last)) = (probes.first(), probes.last()) else { return Err(SelectionError::NoProbes) };
        let (first, last) = (first.step.0, last.step.0);
        let mut places = if steps.is_empty() {
            vec![0, (probes.len() - 1) / 2, probes.len() - 1]
        } else {
            let place = |step: &u32| {
                let (place, nearest) = probes
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, p)| p.step.0.abs_diff(*step))
                    .map_or((0, first), |(i, p)| (i, p.step.0));
                let missing = SelectionError::NoSuchStep { step: *step, nearest, probes: probes.len(), first, last };
                if nearest == *step { Ok(place) } else { Err(missing) }
            };
            steps.iter().map(place).collect::<Result<Vec<_>, _>>()?
        };
        places.sort_unstable();
        places.dedup();
        let chosen = places.into_iter().map(|i| probes[i]).collect();
        Ok(Self { name: name.into(), probes, chosen })
    }

    /// The newest probe.
    fn last(&self) -> &'a ProbeReport {
        self.probes[self.probes.len() - 1]
    }

    /// The trained T; the longest iteration where that is shorter.
    fn trained(&self) -> u32 {
        self.last().trained_iterations.clamp(1, self.longest())
    }

    /// The longest iteration that all probes have.
    fn longest(&self) -> u32 {
        self.probes.iter().map(|p| p.solved.len()).min().unwrap_or(1) as u32
    }

    /// Whether a reading has what `pick` takes, anywhere in the run.
    fn any<T>(&self, pick: impl Fn(&IterationReading) -> Option<T>) -> bool {
        self.probes.iter().any(|p| p.readings.iter().any(|r| pick(r).is_some()))
    }

    /// Heads of the router; 0 where there is none.
    fn heads(&self) -> usize {
        let loads = self.probes.iter().flat_map(|p| &p.readings).filter_map(|r| r.routing.as_ref());
        loads.map(|r| r.load.len()).max().unwrap_or(0)
    }

    /// What the probes cannot show, a sentence each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let all = self.probes.len();
        let without: Vec<_> = self.probes.iter().filter(|p| p.readings.is_empty()).collect();
        let mut notes = Vec::new();
        if without.len() == all {
            notes.push(format!(
                "No probe ({}) has more than solved counts: they are of the first schema of iterations.csv. Loss, \
                 entropies, times, head load and halting were not read and cannot be shown; probes that this \
                 version makes have them.",
                span(all, self.probes[0].step.0, self.last().step.0)
            ));
            return notes;
        }
        if let (Some(first), Some(last)) = (without.first(), without.last()) {
            notes.push(format!(
                "{} of {} probes (steps {} to {}) hold solved counts alone, of the first schema of iterations.csv: they \
                 are missing in all but the solved share.",
                thousands(without.len() as u64),
                thousands(all as u64),
                thousands(first.step.0.into()),
                thousands(last.step.0.into())
            ));
        }
        let longer = self.probes.iter().map(|p| p.solved.len()).max().unwrap_or(1) as u64;
        if longer > u64::from(self.longest()) {
            notes.push(format!(
                "Not all probes were run equally long: curves against steps are of iteration {}, the longest that \
                 all have; some have {}.",
                thousands(self.longest().into()),
                thousands(longer)
            ));
        }
        if !self.any(|r| r.routing.as_ref().map(drop)) {
            notes.push("There is no router: no routing entropy and no head load.".into());
        }
        if !self.any(|r| r.halting) {
            notes.push("No cell can halt: no halting statistics.".into());
        }
        notes
    }
}

/// What was read of an iteration (from 1); nothing where only the solved count is known.
fn reading(probe: &ProbeReport, iteration: u32) -> Option<&IterationReading> {
    probe.readings.get((iteration as usize).checked_sub(1)?)
}

/// Solved boards after an iteration (from 1); nothing beyond what was run.
fn count(probe: &ProbeReport, iteration: u32) -> Option<Count> {
    let solved = *probe.solved.get((iteration as usize).checked_sub(1)?)?;
    Some(Count { solved, of: probe.boards })
}

/// The iterations that a short table shows: 1, T, 4T and the longest, in rising order, with words for the
/// last three.
fn landmarks(trained: u32, longest: u32) -> Vec<(u32, &'static str)> {
    let all = [(1, ""), (trained, "T"), (trained.saturating_mul(4), "4T"), (longest, "longest")];
    let mut out: Vec<(u32, &'static str)> = Vec::new();
    for (iteration, word) in all.into_iter().filter(|(i, _)| (1..=longest).contains(i)) {
        match out.iter_mut().find(|(i, _)| *i == iteration) {
            Some((_, there)) => {
                *there = match (*there, word) {
                    ("", word) => word,
                    ("T", "longest") => "T, longest",
                    ("4T", "longest") => "4T, longest",
                    (there, _) => there,
                }
            }
            None => out.push((iteration, word)),
        }
    }
    out.sort_by_key(|(i, _)| *i);
    out
}

/// “6 (T)”.
fn landmark(iteration: u32, word: &str) -> String {
    let number = thousands(iteration.into());
    if word.is_empty() { number } else { format!("{number} ({word})") }
}

#[cfg(test)]
#[path = "inner_outer/tests.rs"]
mod tests;
