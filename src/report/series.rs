//! Curves as points, for the live plots and the figures alike.

use crate::tasks::sudoku::Bucket;
use crate::trace::{Count, Curves, ProbeReport, Score, StepMetrics};

/// A named curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// For the legend.
    pub name: String,
    /// Of the values, such as "nats"; empty for a pure number.
    pub unit: &'static str,
    /// \[iteration or step, value\], in rising order. Values may be infinite or no number.
    pub points: Vec<[f64; 2]>,
}

impl Series {
    /// A curve from its points.
    pub fn new(name: impl Into<String>, unit: &'static str, points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        Self { name: name.into(), unit, points: points.into_iter().collect() }
    }

    /// Name and unit for an axis: "Entropy (nats)".
    #[must_use]
    pub fn label(&self) -> String {
        labelled(&self.name, self.unit)
    }

    /// The value at the last point that is not beyond `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> Option<f64> {
        self.points.partition_point(|p| p[0] <= x).checked_sub(1).map(|i| self.points[i][1])
    }
}

pub(super) fn labelled(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_owned() } else { format!("{name} ({unit})") }
}

/// A curve of a trace, against the iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// [`Curves::entropy`].
    Entropy,
    /// [`Curves::residual`].
    Residual,
    /// [`Curves::flips`].
    Flips,
    /// [`Curves::confidence`].
    Confidence,
    /// [`Curves::state_norm`].
    StateNorm,
    /// [`Curves::correct`]; no points where no solution is known.
    Correct,
    /// [`Curves::violations`].
    Violations,
    /// [`Curves::routing_entropy`]; no points without a router.
    RoutingEntropy,
    /// [`Curves::halted`]; no points where cells do not halt.
    Halted,
    /// Norm of the controller's fast state; no points without a controller.
    Fast,
    /// Norm of its slow state.
    Slow,
}

impl Curve {
    /// All of them; the first four are those of the figure.
    pub const ALL: [Self; 11] = [
        Self::Entropy,
        Self::Residual,
        Self::Flips,
        Self::Confidence,
        Self::StateNorm,
        Self::Correct,
        Self::Violations,
        Self::RoutingEntropy,
        Self::Halted,
        Self::Fast,
        Self::Slow,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Entropy => "Entropy",
            Self::Residual => "Residual",
            Self::Flips => "Flips",
            Self::Confidence => "Confidence",
            Self::StateNorm => "State norm",
            Self::Correct => "Right cells",
            Self::Violations => "Broken units",
            Self::RoutingEntropy => "Routing entropy",
            Self::Halted => "Halted cells",
            Self::Fast => "Fast state",
            Self::Slow => "Slow state",
        }
    }

    /// Its unit; empty for a pure number.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Entropy | Self::RoutingEntropy => "nats",
            Self::Halted => "%",
            Self::Flips | Self::Correct => "cells",
            Self::Violations => "rows, columns, boxes",
            Self::Residual | Self::Confidence | Self::StateNorm | Self::Fast | Self::Slow => "",
        }
    }

    /// One line on what it is and how it is computed.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Entropy => "How undecided the model is: −Σ p ln p over a cell's digits, mean over the blank cells.",
            Self::Residual => "How far the state moved: ‖state − state before‖ / ‖state before‖, over the whole board.",
            Self::Flips => "Blank cells whose most probable digit changed since the iteration before.",
            Self::Confidence => "Probability of the most probable digit, mean over the blank cells.",
            Self::StateNorm => "Euclidean length of a cell's state, mean over all cells.",
            Self::Correct => "Blank cells whose most probable digit is that of the solution.",
            Self::Violations => "Rows, columns and boxes in which a digit stands more than once.",
            Self::RoutingEntropy => {
                "How evenly the router weighs the heads: −Σ α ln α over the heads, mean over blocks and cells. 0 when one head takes all, ln of the number of heads when all count alike."
            }
            Self::Halted => "Share of the cells that are refined no further.",
            Self::Fast => "Euclidean length of the controller's fast state, which is updated in every iteration.",
            Self::Slow => "Euclidean length of the controller's slow state, which is updated every few iterations.",
        }
    }

    /// Whether it spans so many orders of magnitude that its axis is logarithmic.
    #[must_use]
    pub fn logarithmic(self) -> bool {
        self == Self::Residual
    }

    /// The value at an index (iteration − 1); none beyond what was read or where it is unknown.
    #[must_use]
    pub fn value(self, curves: &Curves, index: usize) -> Option<f64> {
        let single = |list: &[f32]| list.get(index).map(|x| f64::from(*x));
        let count = |list: &[u32]| list.get(index).map(|x| f64::from(*x));
        match self {
            Self::Entropy => single(&curves.entropy),
            Self::Residual => single(&curves.residual),
            Self::Flips => count(&curves.flips),
            Self::Confidence => single(&curves.confidence),
            Self::StateNorm => single(&curves.state_norm),
            Self::Correct => curves.correct.get(index).copied().flatten().map(f64::from),
            Self::Violations => count(&curves.violations),
            Self::RoutingEntropy => curves.routing_entropy.get(index).copied().flatten().map(f64::from),
            Self::Halted => curves.halted.get(index).copied().flatten().map(|s| 100.0 * f64::from(s)),
            Self::Fast => curves.controller.get(index).copied().flatten().map(|c| c.fast.into()),
            Self::Slow => curves.controller.get(index).copied().flatten().map(|c| c.slow.into()),
        }
    }

    /// Its points.
    #[must_use]
    pub fn series(self, curves: &Curves) -> Series {
        let point = |i| Some([i as f64 + 1.0, self.value(curves, i)?]);
        Series::new(self.name(), self.unit(), (0..curves.len()).filter_map(point))
    }
}

fn against_steps(
    name: impl Into<String>,
    unit: &'static str,
    metrics: &[StepMetrics],
    value: impl Fn(&StepMetrics) -> Option<f64>,
) -> Series {
    Series::new(name, unit, metrics.iter().filter_map(|m| Some([f64::from(m.step.0), value(m)?])))
}

/// Training loss against steps: mean over the batch's blank cells and the iterations.
#[must_use]
pub fn loss(metrics: &[StepMetrics]) -> Series {
    against_steps("Loss, mean over iterations", "nats", metrics, |m| Some(m.loss.into()))
}

/// Training loss after one iteration (from 1) against steps.
#[must_use]
pub fn loss_after(metrics: &[StepMetrics], iteration: u32) -> Series {
    against_steps(format!("Loss after iteration {iteration}"), "nats", metrics, |m| {
        at(&m.loss_by_iteration, iteration).map(f64::from)
    })
}

/// Share of the training batch that is solved after one iteration (from 1), in percent, against steps.
#[must_use]
pub fn training_solved(metrics: &[StepMetrics], iteration: u32) -> Series {
    against_steps(format!("Solved in training after iteration {iteration}"), "%", metrics, |m| {
        at(&m.solved_by_iteration, iteration).map(|s| 100.0 * f64::from(s))
    })
}

/// Norm of the gradient against steps.
#[must_use]
pub fn gradient_norm(metrics: &[StepMetrics]) -> Series {
    against_steps("Gradient norm", "", metrics, |m| Some(m.gradient_norm.into()))
}

/// Learning rate against steps.
#[must_use]
pub fn learning_rate(metrics: &[StepMetrics]) -> Series {
    against_steps("Learning rate", "", metrics, |m| Some(m.learning_rate))
}

/// Boards a second against steps.
#[must_use]
pub fn speed(metrics: &[StepMetrics]) -> Series {
    against_steps("Speed", "boards per second", metrics, |m| Some(m.boards_per_second.into()))
}

/// Share of the evaluation boards that is solved after one iteration (from 1), in percent, against
/// steps.
#[must_use]
pub fn probed(reports: &[ProbeReport], iteration: u32) -> Series {
    let point = |r: &ProbeReport| Some([f64::from(r.step.0), 100.0 * f64::from(r.share(iteration)?)]);
    Series::new(format!("Solved after iteration {iteration}"), "%", reports.iter().filter_map(point))
}

/// Routing entropy of one reading of a training batch against iterations; no points without a router.
#[must_use]
pub fn routed(metrics: &StepMetrics) -> Series {
    let entropy = metrics.routing.iter().flat_map(|r| &r.entropy);
    let points = entropy.zip(1u32..).map(|(e, i)| [f64::from(i), f64::from(*e)]);
    Series::new("Last training batch", "nats", points)
}

/// Routing entropy of one probe against iterations; no points without a router.
#[must_use]
pub fn probed_routing(report: &ProbeReport) -> Series {
    let name = format!("Step {}", thousands(report.step.0.into()));
    let entropy = report.readings.iter().map(|r| r.routing.as_ref().map(|r| r.entropy));
    let points = entropy.zip(1u32..).filter_map(|(e, i)| Some([f64::from(i), f64::from(e?)]));
    Series::new(name, "nats", points)
}

/// Mean weight of a head (from 0) over the training batch against steps, in percent; no points without a
/// router.
#[must_use]
pub fn head_load(metrics: &[StepMetrics], head: usize) -> Series {
    against_steps(format!("Head {}", head + 1), "%", metrics, |m| {
        m.routing.as_ref().and_then(|r| r.load.get(head)).map(|l| 100.0 * f64::from(*l))
    })
}

fn probe_counts(report: &ProbeReport) -> impl Iterator<Item = (u32, Count)> + '_ {
    report.solved.iter().zip(1..).map(|(s, i)| (i, Count { solved: *s, of: report.boards }))
}

/// Solved share of one probe in percent against iterations.
#[must_use]
pub fn probe(report: &ProbeReport) -> Series {
    let name = format!("Step {}", thousands(report.step.0.into()));
    Series::new(name, "%", probe_counts(report).map(|(i, c)| [f64::from(i), 100.0 * c.share()]))
}

/// 95 % Wilson interval of [`probe`] in percent: its lower and its upper edge.
#[must_use]
pub fn probe_band(report: &ProbeReport) -> (Series, Series) {
    let edge = |name: &str, pick: fn((f64, f64)) -> f64| {
        Series::new(name, "%", probe_counts(report).map(|(i, c)| [f64::from(i), 100.0 * pick(c.interval())]))
    };
    (edge("Lower edge of the 95 % interval", |i| i.0), edge("Upper edge of the 95 % interval", |i| i.1))
}

/// Solved share in percent against iterations, of all puzzles or of one bucket of ratings. Points
/// are in rising order of iterations; a bucket without puzzles has none.
#[must_use]
pub fn scores(scores: &[Score], bucket: Option<Bucket>) -> Series {
    let name = bucket.map_or_else(|| "All".to_owned(), |b| format!("{b} guesses"));
    let points = score_counts(scores, bucket).into_iter().map(|(i, c)| [f64::from(i), 100.0 * c.share()]);
    Series::new(name, "%", points)
}

/// The counts behind [`scores`].
pub(super) fn score_counts(scores: &[Score], bucket: Option<Bucket>) -> Vec<(u32, Count)> {
    let count = |s: &Score| match bucket {
        None => s.total,
        Some(b) => bucket_count(s, b),
    };
    let mut out: Vec<_> = scores.iter().map(|s| (s.iterations, count(s))).filter(|(_, c)| c.of > 0).collect();
    out.sort_by_key(|(i, _)| *i);
    out
}

/// The count of a bucket; zero of zero where the score does not have it.
pub(super) fn bucket_count(score: &Score, bucket: Bucket) -> Count {
    score.by_bucket.iter().find(|(b, _)| *b == bucket).map_or_else(Count::default, |(_, c)| *c)
}

fn at(list: &[f32], iteration: u32) -> Option<f32> {
    list.get((iteration as usize).checked_sub(1)?).copied()
}

/// An integer with thousands separated: 1,024.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
