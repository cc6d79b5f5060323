//! Figures as SVG text, drawn by plotters from the same series as the live plots.
//!
//! Values that are infinite or no number, and zeros on a logarithmic axis, leave a gap in the line.

pub(super) mod axis;
pub(super) mod panel;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};

use self::axis::{Axis, Scale};
use self::panel::{INK, Line, Mark, Panel, text};
use super::series::{self, Curve, Series, thousands};
use super::{ReportError, palette};
use crate::tasks::sudoku::Bucket;
use crate::trace::{Curves, EventKind, ProbeReport, Score, StepMetrics, Trace};

/// Size of a figure in pixels; legible from 640 × 400 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { width: 800, height: 500 }
    }
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Entropy, residual, flips and confidence of a trace against its iterations, with the border at the
/// trained T and the events of the timeline.
///
/// # Errors
/// No frames, or plotters cannot draw.
pub fn curves_figure(trace: &Trace, curves: &Curves, size: Size) -> Result<String, ReportError> {
    if curves.is_empty() {
        return Err(ReportError::Figure("the trace has no frames yet".into()));
    }
    let title = format!("{} · {}", trace.model, curves.verdict());
    let mut marks = border(trace.trained_iterations, curves.len() as f64);
    marks.extend(curves.events().iter().filter_map(|e| {
        let (label, rgb) = match e.kind {
            EventKind::FirstSolved => ("solved".to_owned(), palette::RIGHT),
            EventKind::Settled => ("settled".to_owned(), palette::ACCENT),
            EventKind::Cycle { period } => (format!("period {period}"), palette::WRONG),
            EventKind::Collapsed => ("collapsed".to_owned(), palette::WRONG),
            EventKind::NotFinite => ("not finite".to_owned(), palette::WRONG),
            // There can be hundreds, and each would need a label.
            EventKind::LostSolution => return None,
        };
        Some(Mark { x: f64::from(e.iteration.0), label, rgb })
    }));
    svg(size, &title, |area| {
        for (quarter, curve) in area.split_evenly((2, 2)).iter().zip(Curve::ALL) {
            let series = curve.series(curves);
            let y = match curve {
                Curve::Entropy => Axis::new(series.label(), Scale::Linear).over(0.0, curves.most_entropy().into()),
                Curve::Confidence => Axis::new(series.label(), Scale::Linear).over(0.0, 1.0),
                _ if curve.logarithmic() => Axis::new(series.label(), Scale::Log10).holding(&series.points),
                _ => Axis::new(series.label(), Scale::Linear).over(0.0, 1.0).holding(&series.points),
            };
            Panel {
                x: iterations_axis(curves.len() as f64),
                y,
                lines: vec![Line::new(series, palette::ACCENT)],
                marks: marks.clone(),
            }
            .draw(quarter)?;
        }
        Ok(())
    })
}

/// Training loss against steps: mean over the iterations, and after the last one.
///
/// # Errors
/// No readings, or plotters cannot draw.
pub fn loss_figure(metrics: &[StepMetrics], size: Size) -> Result<String, ReportError> {
    let Some(last) = metrics.last() else {
        return Err(ReportError::Figure("no step has been recorded yet".into()));
    };
    let iterations = last.loss_by_iteration.len() as u32;
    let mean = series::loss(metrics);
    let after = series::loss_after(metrics, iterations);
    let all = [mean.points.as_slice(), &after.points].concat();
    let x = Axis::new("Step", Scale::Linear).over(0.0, 1.0).holding(&flipped(&all));
    let y = Axis::new("Loss (nats)", Scale::Linear).over(0.0, 0.1).holding(&all);
    let mut lines = vec![Line::new(mean, palette::ACCENT)];
    if !after.points.is_empty() {
        lines.push(Line::new(after, palette::SEVERAL[1]));
    }
    svg(size, "Training loss", |area| Panel { x, y, lines, marks: Vec::new() }.draw(area))
}

/// Solved share of the evaluation boards against iterations, for up to six of the probes, evenly
/// chosen, the last one with its 95 % Wilson interval.
///
/// # Errors
/// No probe with iterations, or plotters cannot draw.
pub fn probe_figure(reports: &[ProbeReport], size: Size) -> Result<String, ReportError> {
    let full: Vec<&ProbeReport> = reports.iter().filter(|r| !r.solved.is_empty()).collect();
    let Some(last) = full.last() else {
        return Err(ReportError::Figure("no probe has been recorded yet".into()));
    };
    let most = full.iter().map(|r| r.solved.len()).max().unwrap_or(1) as f64;
    let shown = full.len().min(palette::SEVERAL.len());
    // Counted back from the last, which so always is among them and always has the accent.
    let chosen = (0..shown).map(|i| full[(full.len() - 1) - i * (full.len() - 1) / (shown - 1).max(1)]);
    let mut lines: Vec<Line> = chosen.zip(palette::SEVERAL).map(|(r, rgb)| Line::new(series::probe(r), rgb)).collect();
    if let Some(line) = lines.first_mut() {
        line.band = Some(series::probe_band(last));
    }
    let title = format!("Solved of {} evaluation boards", thousands(last.boards.into()));
    let panel = Panel {
        x: iterations_axis(most),
        y: Axis::new("Solved (%)", Scale::Linear).over(0.0, 100.0),
        lines,
        marks: border(last.trained_iterations, most),
    };
    svg(size, &title, |area| panel.draw(area))
}

/// Routing entropy of a training against iterations: of the last training batch, and of up to five probes.
///
/// # Errors
/// Nothing routes, or plotters cannot draw.
pub fn routing_figure(
    metrics: &[StepMetrics],
    reports: &[ProbeReport],
    heads: usize,
    size: Size,
) -> Result<String, ReportError> {
    let mut all: Vec<Series> = reports.iter().rev().map(series::probed_routing).take(5).collect();
    all.extend(metrics.last().map(series::routed));
    all.retain(|s| !s.points.is_empty());
    let Some(most) = all.iter().filter_map(|s| s.points.last()).map(|p| p[0]).reduce(f64::max) else {
        return Err(ReportError::Figure("nothing routes in this training, or nothing was recorded yet".into()));
    };
    let trained = metrics.last().map_or(1, |m| m.loss_by_iteration.len() as u32);
    let panel = Panel {
        x: iterations_axis(most),
        y: Axis::new("Routing entropy (nats)", Scale::Linear).over(0.0, (heads.max(2) as f64).ln()),
        lines: all.into_iter().zip(palette::SEVERAL).map(|(s, rgb)| Line::new(s, rgb)).collect(),
        marks: border(trained, most),
    };
    svg(size, "Routing entropy by iteration", |area| panel.draw(area))
}

/// Mean weight of each head against steps.
///
/// # Errors
/// As [`routing_figure`].
pub fn head_load_figure(metrics: &[StepMetrics], size: Size) -> Result<String, ReportError> {
    let heads = metrics.iter().find_map(|m| m.routing.as_ref()).map_or(0, |r| r.load.len());
    let lines: Vec<Line> = (0..heads)
        .map(|h| Line::new(series::head_load(metrics, h), palette::SEVERAL[h % palette::SEVERAL.len()]))
        .collect();
    let Some(end) = metrics.last().filter(|_| heads > 0).map(|m| f64::from(m.step.0)) else {
        return Err(ReportError::Figure("nothing routes in this training, or nothing was recorded yet".into()));
    };
    let x = Axis::new("Step", Scale::Linear).over(0.0, end.max(1.0));
    let y = Axis::new("Mean weight of a head (%)", Scale::Linear).over(0.0, 100.0);
    svg(size, "Head load", |area| Panel { x, y, lines, marks: Vec::new() }.draw(area))
}

/// Solved share of an evaluation against iterations: all puzzles, with their 95 % Wilson interval,
/// and each bucket of ratings.
///
/// # Errors
/// No scores, or plotters cannot draw.
pub fn scores_figure(
    model: &str,
    trained_iterations: u32,
    scores: &[Score],
    size: Size,
) -> Result<String, ReportError> {
    let all = series::score_counts(scores, None);
    let Some((most, count)) = all.last().copied() else {
        return Err(ReportError::Figure("no puzzle has been evaluated".into()));
    };
    let edge = |pick: fn((f64, f64)) -> f64| {
        Series::new("", "%", all.iter().map(|(i, c)| [f64::from(*i), 100.0 * pick(c.interval())]))
    };
    let mut first = Line::new(series::scores(scores, None), palette::INK);
    first.band = Some((edge(|i| i.0), edge(|i| i.1)));
    first.dots = true;
    let mut lines = vec![first];
    for (bucket, rgb) in Bucket::ALL.into_iter().zip(palette::SEVERAL) {
        let mut line = Line::new(series::scores(scores, Some(bucket)), rgb);
        line.dots = true;
        if !line.series.points.is_empty() {
            lines.push(line);
        }
    }
    let title = format!("{model} · solved of {} puzzles, by guesses that a solver needs", thousands(count.of.into()));
    let most = f64::from(most.max(trained_iterations));
    let panel = Panel {
        x: iterations_axis(most),
        y: Axis::new("Solved (%)", Scale::Linear).over(0.0, 100.0),
        lines,
        marks: border(trained_iterations, most),
    };
    svg(size, &title, |area| panel.draw(area))
}

pub(super) fn iterations_axis(most: f64) -> Axis {
    Axis::new("Iteration", Scale::Log2).over(1.0, most.max(2.0))
}

/// The border between what was trained and what was not; none if the axis ends before it.
pub(super) fn border(trained: u32, most: f64) -> Vec<Mark> {
    let x = f64::from(trained);
    let mark = Mark { x, label: format!("trained with {}", thousands(trained.into())), rgb: palette::FAINT };
    if (1.0..=most).contains(&x) { vec![mark] } else { Vec::new() }
}

pub(super) fn flipped(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    points.iter().map(|p| [p[1], p[0]]).collect()
}

/// A white sheet with a title, and what `draw` puts below it.
pub(super) fn svg(
    size: Size,
    title: &str,
    draw: impl FnOnce(&Area) -> Result<(), ReportError>,
) -> Result<String, ReportError> {
    let mut out = String::new();
    {
        let area = SVGBackend::with_string(&mut out, (size.width.max(320), size.height.max(200))).into_drawing_area();
        area.fill(&plotters::style::WHITE).map_err(failed)?;
        let (head, body) = area.split_vertically(30);
        // A long title must not run out of the sheet: about half its size is the width of a letter.
        let letters = title.chars().count().max(1) as f64;
        let points = (f64::from(size.width.max(320)) - 24.0) / (0.52 * letters);
        head.draw_text(title, &text(points.clamp(9.0, 15.0), INK), (12, 9)).map_err(failed)?;
        draw(&body)?;
        area.present().map_err(failed)?;
    }
    Ok(out)
}

pub(super) fn failed(e: impl std::fmt::Display) -> ReportError {
    ReportError::Figure(e.to_string())
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
