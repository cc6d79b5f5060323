//! Growth of small changes, beside the published estimator.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::scaling::quoted;
use crate::measure::spectrum::{BoardSpectrum, Differences, SpectrumSettings, Standing};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{iterations_axis, svg};
use crate::report::statistics::mean_interval;
use crate::report::{ReportError, Series, Size, palette};

/// A model with what was measured of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSpectrum {
    /// Its name.
    pub model: String,
    /// The command that measured it, with the names of files alone.
    pub command: String,
    /// The trained T.
    pub trained_iterations: u32,
    /// How it was measured.
    pub settings: SpectrumSettings,
    /// Every board at every iteration.
    pub boards: Vec<BoardSpectrum>,
}

/// Boards that stand alike at one iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// When.
    pub iteration: u32,
    /// How they stand.
    pub standing: Standing,
    /// They.
    pub boards: Vec<&'a BoardSpectrum>,
}

impl Group<'_> {
    /// Values of all boards.
    pub fn values(&self, of: impl Fn(&BoardSpectrum) -> f64) -> Vec<f64> {
        self.boards.iter().map(|b| of(b)).collect()
    }
}

impl ModelSpectrum {
    /// Boards by iteration and standing; no empty groups.
    #[must_use]
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut out = Vec::new();
        for iteration in &self.settings.iterations {
            for standing in Standing::ALL {
                let here = |b: &&BoardSpectrum| b.iteration == *iteration && b.standing == standing;
                let boards: Vec<_> = self.boards.iter().filter(here).collect();
                if !boards.is_empty() {
                    out.push(Group { iteration: *iteration, standing, boards });
                }
            }
        }
        out
    }
}

/// Mean and the extremes: “1.05 (1.01 to 1.20)”.
#[must_use]
pub fn spread(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high >= 10.0 {
        format!("{mean:.1} ({low:.1} to {high:.1})")
    } else {
        format!("{mean:.3} ({low:.3} to {high:.3})")
    }
}

/// The largest of a board's Lyapunov exponents.
fn lyapunov(board: &BoardSpectrum) -> f64 {
    board.lyapunov.first().copied().unwrap_or(f64::NAN)
}

/// A table for a terminal: means over boards with the least and the most.
#[must_use]
pub fn table(all: &[ModelSpectrum]) -> String {
    let mut out = String::new();
    for one in all {
        let _ = writeln!(
            out,
            "{}: growth of a small change of the state in an iteration, mean over boards (least to most)\n",
            one.model
        );
        let _ = writeln!(
            out,
            "{:>9}  {:<14} {:>6} {:>9}  {:>22}  {:>22}  {:>22}  {:>22}",
            "iteration",
            "answer",
            "boards",
            "converged",
            "exact, f64",
            "f32, ε = 1e-3",
            "the same in TF32",
            "the state itself"
        );
        for group in one.groups() {
            let converged = group.boards.iter().filter(|b| b.exact.converged).count();
            let estimator = |of: fn(&crate::measure::spectrum::Estimators) -> Differences| {
                let values: Vec<f64> =
                    group.boards.iter().filter_map(|b| b.estimators.as_ref()).map(|e| of(e).last).collect();
                if values.is_empty() { "–".to_owned() } else { spread(&values) }
            };
            let _ = writeln!(
                out,
                "{:>9}  {:<14} {:>6} {:>9}  {:>22}  {:>22}  {:>22}  {:>22}",
                group.iteration,
                group.standing.name(),
                group.boards.len(),
                converged,
                spread(&group.values(|b| b.exact.growth)),
                estimator(|e| e.single),
                estimator(|e| e.tf32),
                spread(&group.values(|b| b.state_growth)),
            );
        }
        if one.settings.moving {
            let _ = writeln!(out, "\nLargest Lyapunov exponent along the trajectory, nats an iteration:");
            for group in one.groups() {
                let values = group.values(lyapunov);
                let interval = mean_interval(&values);
                let interval =
                    interval.map_or_else(String::new, |i| format!(", 95 % interval {:.4} to {:.4}", i.low, i.high));
                let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
                let _ = writeln!(
                    out,
                    "{:>9}  {:<14} {:>6}  {mean:.4}{interval}",
                    group.iteration,
                    group.standing.name(),
                    values.len()
                );
            }
        }
        out.push('\n');
    }
    out.push_str("Estimators tell the factor of their last step, as published. Exact growth is a geometric mean.\n");
    out
}

/// One row a board and iteration. `exact` is the geometric mean over the vectors; `*_last`, `*_mean` and `*_first`
/// are factors of the estimators by differences; `leading` and `lyapunov` are the largest of their kind.
#[must_use]
pub fn csv(all: &[ModelSpectrum]) -> String {
    let mut out = String::from(
        "model,board,iteration,answer,wrong,state_growth,exact,spread,converged,leading,lyapunov,fine_last,fine_mean,fine_first,f32_last,f32_mean,f32_first,tf32_last,tf32_mean,tf32_first\n",
    );
    for one in all {
        for b in &one.boards {
            let text = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
            let _ = write!(
                out,
                "{},{},{},\"{}\",{},{},{},{},{},{},{}",
                quoted(&one.model),
                b.board + 1,
                b.iteration,
                b.standing.name(),
                b.wrong,
                b.state_growth,
                b.exact.growth,
                b.exact.spread,
                b.exact.converged,
                text(b.leading.first().copied()),
                text(b.lyapunov.first().copied())
            );
            let estimators = b.estimators.map(|e| [e.fine, e.single, e.tf32]);
            for i in 0..3 {
                let values = estimators.map(|e| [e[i].last, e[i].mean, e[i].first]);
                for k in 0..3 {
                    let _ = write!(out, ",{}", text(values.map(|v| v[k])));
                }
            }
            out.push('\n');
        }
    }
    out
}

/// What is read of a board.
type Value = fn(&BoardSpectrum) -> Option<f64>;

/// Exact growth and the estimators against the iteration, means over all boards, growth on a logarithmic axis.
///
/// # Errors
/// Nothing was measured, or plotters cannot draw.
pub fn figure(all: &[ModelSpectrum], size: Size) -> Result<String, ReportError> {
    let lines = lines(all);
    let all_points: Vec<[f64; 2]> = lines.iter().flat_map(|l| l.series.points.iter().copied()).collect();
    if all_points.is_empty() {
        return Err(ReportError::Figure("nothing was measured".into()));
    }
    let most = all_points.iter().map(|p| p[0]).fold(1.0, f64::max);
    let (low, high) = all_points.iter().fold((1.0_f64, 1.0_f64), |(low, high), p| (low.min(p[1]), high.max(p[1])));
    let panel = Panel {
        x: iterations_axis(most),
        y: Axis::new("Growth in an iteration", Scale::Log10).over(if low < 0.9 { low } else { 1.0 }, high * 1.2),
        lines,
        marks: Vec::new(),
    };
    svg(size, "Growth of a small change of the state, mean over boards", |area| panel.draw(area))
}

/// Lines of the figure.
pub(super) fn lines(all: &[ModelSpectrum]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (i, one) in all.iter().enumerate() {
        let kinds: [(&str, Value); 3] = [
            ("exact", |b| Some(b.exact.growth)),
            ("f32 differences", |b| b.estimators.map(|e| e.single.last)),
            ("TF32 differences", |b| b.estimators.map(|e| e.tf32.last)),
        ];
        for (k, (name, of)) in kinds.into_iter().enumerate() {
            let points = one.settings.iterations.iter().filter_map(|t| {
                let values: Vec<f64> = one.boards.iter().filter(|b| b.iteration == *t).filter_map(of).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                (!values.is_empty()).then_some([f64::from(*t), mean])
            });
            let name = if all.len() == 1 { name.to_owned() } else { format!("{}: {name}", one.model) };
            let rgb = palette::SEVERAL[(3 * i + k) % palette::SEVERAL.len()];
            let mut line = Line::new(Series::new(name, "", points), rgb);
            line.dots = true;
            if !line.series.points.is_empty() {
                lines.push(line);
            }
        }
    }
    lines
}
