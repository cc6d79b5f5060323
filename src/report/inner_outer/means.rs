//! Means over several runs of one configuration, which differ in their seed.

use serde::Serialize;

use super::{RunProbes, count, landmarks, reading};
use crate::report::series::thousands;
use crate::report::statistics::{Interval, mean_interval};
use crate::trace::ProbeReport;

/// A mean over runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// Runs that have the value.
    pub n: usize,
    /// Their arithmetic mean, in the unit of the values.
    pub mean: f64,
    /// Its standard deviation and 95 % Student-t interval; none of one run, and none where a value is
    /// infinite or no number.
    pub interval: Option<Interval>,
}

impl Mean {
    fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        (n > 0).then(|| Self { n, mean, interval: mean_interval(values) })
    }
}

/// Means after one iteration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeanRow {
    /// From 1.
    pub iteration: u32,
    /// What it is: "T", "4T", "longest", two of them, or nothing.
    pub landmark: &'static str,
    /// Loss in nats; none where no run has one.
    pub loss: Option<Mean>,
    /// Solved share, 0..=1; every run counts alike, whatever its number of boards. The interval is that of a
    /// mean of numbers without bounds and may reach beyond 0..=1.
    pub solved: Option<Mean>,
}

/// Means over runs at one moment of their trainings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Means {
    /// The runs, in the order given.
    pub runs: Vec<String>,
    /// The step of each run's probe.
    pub steps: Vec<u32>,
    /// Iterations 1, T, 4T and the longest that all of these probes have.
    pub rows: Vec<MeanRow>,
}

/// Means at each of these steps; where none is named, at the last step of which all runs have a probe, and
/// where there is none such, at each run's last.
///
/// # Errors
/// No run, or runs that were trained with different numbers of iterations, which have no common T: which.
pub fn means(runs: &[RunProbes], steps: &[u32]) -> Result<Vec<Means>, String> {
    let Some(first) = runs.first() else { return Err("there is no run".into()) };
    if let Some(other) = runs.iter().find(|r| r.last().trained_iterations != first.last().trained_iterations) {
        return Err(format!(
            "there are no means over the runs: {} was trained with {} iterations and {} with {}; give runs of one \
             configuration",
            first.name,
            thousands(first.last().trained_iterations.into()),
            other.name,
            thousands(other.last().trained_iterations.into())
        ));
    }
    let at = |step: u32| runs.iter().map(|r| r.probes.iter().rfind(|p| p.step.0 == step).copied()).collect();
    let moments: Vec<Option<Vec<&ProbeReport>>> = if steps.is_empty() {
        let common = first.probes.iter().rev().find_map(|p| at(p.step.0));
        vec![common.or_else(|| Some(runs.iter().map(RunProbes::last).collect()))]
    } else {
        steps.iter().map(|s| at(*s)).collect()
    };
    Ok(moments.into_iter().flatten().map(|probes| of_probes(runs, &probes)).collect())
}

fn of_probes(runs: &[RunProbes], probes: &[&ProbeReport]) -> Means {
    let longest = probes.iter().map(|p| p.solved.len()).min().unwrap_or(1) as u32;
    let trained = probes.first().map_or(1, |p| p.trained_iterations).clamp(1, longest);
    let row = |(iteration, landmark)| {
        let loss: Vec<f64> = probes.iter().filter_map(|p| reading(p, iteration)).map(|r| r.loss.into()).collect();
        let solved: Vec<f64> = probes.iter().filter_map(|p| count(p, iteration)).map(|c| c.share()).collect();
        MeanRow { iteration, landmark, loss: Mean::of(&loss), solved: Mean::of(&solved) }
    };
    Means {
        runs: runs.iter().map(|r| r.name.clone()).collect(),
        steps: probes.iter().map(|p| p.step.0).collect(),
        rows: landmarks(trained, longest).into_iter().map(row).collect(),
    }
}
