//! What a run comes to in a few numbers: for the terminal and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::means::{Mean, Means};
use super::numbers::{Drops, number, tenths};
use super::{RunProbes, count, landmark, landmarks, reading, span};
use crate::report::series::thousands;
use crate::trace::ProbeReport;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// Its name.
    pub run: String,
    /// Its seed, where the probes tell it.
    pub seed: Option<u64>,
    /// Of all that decides what it trains, where the probes tell it.
    pub config_hash: Option<String>,
    /// Probes made.
    pub probes: usize,
    /// Step of the first probe.
    pub first_step: u32,
    /// Step of the last probe.
    pub last_step: u32,
    /// Evaluation boards of the last probe.
    pub boards: u32,
    /// The trained T.
    pub trained_iterations: u32,
    /// The longest iteration that all probes have.
    pub longest_iteration: u32,
    /// The probes looked at.
    pub steps: Vec<StepSummary>,
    /// What could not be shown, and why.
    pub notes: Vec<String>,
}

/// A probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepSummary {
    /// Updates made.
    pub step: u32,
    /// How its loss falls; none where it has no two losses.
    pub drops: Option<Drops>,
    /// Iterations 1, T, 4T and the longest.
    pub points: Vec<Point>,
}

/// A probe after one iteration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// From 1.
    pub iteration: u32,
    /// "T", "4T", "longest", two of them, or nothing.
    pub landmark: &'static str,
    /// In nats; none where only solved counts are known.
    pub loss: Option<f32>,
    /// Boards solved.
    pub solved: u32,
    /// Boards asked.
    pub of: u32,
    /// Solved share, 0..=1.
    pub share: f64,
    /// Lower edge of its 95 % Wilson interval.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
}

/// Sums up a run.
#[must_use]
pub fn summary(run: &RunProbes) -> RunSummary {
    let stamp = run.last().stamp.as_ref();
    RunSummary {
        run: run.name.clone(),
        seed: stamp.map(|s| s.seed),
        config_hash: stamp.map(|s| s.config_hash.clone()),
        probes: run.probes.len(),
        first_step: run.probes[0].step.0,
        last_step: run.last().step.0,
        boards: run.last().boards,
        trained_iterations: run.last().trained_iterations,
        longest_iteration: run.longest(),
        steps: run.chosen.iter().map(|p| step_summary(run, p)).collect(),
        notes: run.notes(),
    }
}

fn step_summary(run: &RunProbes, probe: &ProbeReport) -> StepSummary {
    let point = |(iteration, landmark)| {
        let count = count(probe, iteration)?;
        let (low, high) = count.interval();
        let loss = reading(probe, iteration).map(|r| r.loss);
        let (solved, of, share) = (count.solved, count.of, count.share());
        Some(Point { iteration, landmark, loss, solved, of, share, low, high })
    };
    let points = landmarks(run.trained(), run.longest()).into_iter().filter_map(point).collect();
    StepSummary { step: probe.step.0, drops: Drops::of(probe), points }
}

/// A run as a table for a terminal.
#[must_use]
pub fn summary_text(run: &RunSummary) -> String {
    let mut out = format!(
        "{}: {}, {} boards; trained with {} iterations, run with {}\n\n",
        run.run,
        span(run.probes, run.first_step, run.last_step),
        thousands(run.boards.into()),
        thousands(run.trained_iterations.into()),
        thousands(run.longest_iteration.into())
    );
    let _ = writeln!(
        out,
        "{:>9}  {:>17}  {:>10}  {:>7}  {:>7}  {:>8}  {:>17}",
        "step", "iteration", "loss, nats", "solved", "of", "share", "95 % interval"
    );
    for step in &run.steps {
        for (i, p) in step.points.iter().enumerate() {
            let _ = writeln!(
                out,
                "{:>9}  {:>17}  {:>10}  {:>7}  {:>7}  {:>8}  {:>17}",
                if i == 0 { thousands(step.step.into()) } else { String::new() },
                landmark(p.iteration, p.landmark),
                p.loss.map_or_else(|| "–".to_owned(), |l| number(l.into())),
                thousands(p.solved.into()),
                thousands(p.of.into()),
                format!("{:.1} %", 100.0 * p.share),
                format!("{:.1} to {:.1} %", 100.0 * p.low, 100.0 * p.high)
            );
        }
        if let Some(drops) = step.drops {
            let _ = writeln!(out, "{:>9}  {}", "", drops.sentence());
        }
    }
    out
}

/// Means over runs as a table for a terminal.
#[must_use]
pub fn means_text(means: &Means) -> String {
    let mut out = format!("{}\n\n", heading(means));
    let cells = |mean: Option<&Mean>, scale: f64, write: fn(f64) -> String| {
        let Some(m) = mean else { return ["–".to_owned(), "–".to_owned(), "0".to_owned()] };
        let interval = m
            .interval
            .map_or_else(|| "none".to_owned(), |i| format!("{} to {}", write(scale * i.low), write(scale * i.high)));
        [write(scale * m.mean), interval, m.n.to_string()]
    };
    let _ = writeln!(
        out,
        "{:>17}  {:>10}  {:>20}  {:>3}  {:>9}  {:>17}  {:>3}",
        "iteration", "loss, nats", "95 % t interval", "n", "solved, %", "95 % t interval", "n"
    );
    for row in &means.rows {
        let [loss, loss_interval, losses] = cells(row.loss.as_ref(), 1.0, number);
        let [solved, solved_interval, shares] = cells(row.solved.as_ref(), 100.0, tenths);
        let _ = writeln!(
            out,
            "{:>17}  {loss:>10}  {loss_interval:>20}  {losses:>3}  {solved:>9}  {solved_interval:>17}  {shares:>3}",
            landmark(row.iteration, row.landmark)
        );
    }
    out
}

/// “Mean over 3 runs at step 3,000”.
pub(super) fn heading(means: &Means) -> String {
    let n = means.runs.len();
    let runs = if n == 1 { "1 run".to_owned() } else { format!("{} runs", thousands(n as u64)) };
    match means.steps.split_first() {
        Some((first, rest)) if rest.iter().all(|s| s == first) => {
            format!("Mean over {runs} at step {}", thousands((*first).into()))
        }
        _ => {
            let steps: Vec<_> = means.steps.iter().map(|s| thousands((*s).into())).collect();
            format!(
                "Mean over {runs} at the last probe of each (no step is common to all): steps {}",
                steps.join(" · ")
            )
        }
    }
}
