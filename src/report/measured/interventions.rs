//! Solved shares under test-time changes, beside the unchanged pass.

use std::fmt::Write as _;

use serde::Serialize;

use super::scaling::quoted;
use crate::measure::plan::Changed;
use crate::measure::scaling::{Estimate, Row};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{border, iterations_axis, svg};
use crate::report::series::thousands;
use crate::report::{ReportError, Series, Size, palette};

/// A model with what changes do to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelChanged {
    /// Its name.
    pub model: String,
    /// The device that computed.
    pub device: String,
    /// The trained T.
    pub trained_iterations: u32,
    /// Without a change.
    pub unchanged: Vec<Row>,
    /// With each.
    pub changes: Vec<Changed>,
}

/// A table for a terminal: shares and differences in percent and percentage points.
#[must_use]
pub fn table(one: &ModelChanged) -> String {
    let boards = one.unchanged.first().map_or(0, |r| r.total.of);
    let mut out = format!(
        "{} on {}: {} puzzles, solved (%), mean of the buckets; difference from the unchanged pass in points\n\n",
        one.model,
        one.device,
        thousands(boards.into())
    );
    let _ =
        writeln!(out, "{:<22} {:>10} {:>8}  {:>26}", "change", "iterations", "solved", "difference (95 % interval)");
    for row in &one.unchanged {
        let _ = writeln!(
            out,
            "{:<22} {:>10} {:>8.1}",
            "none",
            thousands(row.iterations.into()),
            100.0 * row.balanced.share
        );
    }
    for change in &one.changes {
        for (row, difference) in change.rows.iter().zip(&change.differences) {
            let [d, low, high] = [difference.share, difference.low, difference.high].map(|v| 100.0 * v);
            let text = format!("{d:+.1} ({low:+.1} to {high:+.1})");
            let verdict = if difference.holds_zero() { "  no difference found" } else { "" };
            let _ = writeln!(
                out,
                "{:<22} {:>10} {:>8.1}  {text:>26}{verdict}",
                change.name,
                thousands(row.iterations.into()),
                100.0 * row.balanced.share
            );
        }
    }
    out
}

/// One row a change and a number of iterations: the mean over the buckets and its difference from the unchanged
/// pass, which stands as “none”. Shares are 0 to 1.
#[must_use]
pub fn csv(one: &ModelChanged) -> String {
    let mut out = String::from("model,change,iterations,share,low,high,difference,difference_low,difference_high\n");
    let name = quoted(&one.model);
    let line = |change: &str, row: &Row| {
        let Estimate { share, low, high } = row.balanced;
        format!("{name},{},{},{share},{low},{high}", quoted(change), row.iterations)
    };
    for row in &one.unchanged {
        let _ = writeln!(out, "{},,,", line("none", row));
    }
    for change in &one.changes {
        for (row, Estimate { share, low, high }) in change.rows.iter().zip(&change.differences) {
            let _ = writeln!(out, "{},{share},{low},{high}", line(&change.name, row));
        }
    }
    out
}

/// Means over the buckets against iterations, a line a change.
///
/// # Errors
/// Nothing was measured, or plotters cannot draw.
pub fn figure(one: &ModelChanged, size: Size) -> Result<String, ReportError> {
    let Some(last) = one.unchanged.last() else { return Err(ReportError::Figure("nothing was measured".into())) };
    let most = f64::from(last.iterations.max(one.trained_iterations));
    let panel = Panel {
        x: iterations_axis(most),
        y: Axis::new("Solved (%)", Scale::Linear).over(0.0, 100.0),
        lines: lines(one),
        marks: border(one.trained_iterations, most),
    };
    svg(size, &format!("{} · solved under test-time changes", one.model), |area| panel.draw(area))
}

/// Lines of the figure.
pub(super) fn lines(one: &ModelChanged) -> Vec<Line> {
    let series = |name: &str, rows: &[Row]| {
        let points = rows.iter().map(|r| [f64::from(r.iterations), 100.0 * r.balanced.share]);
        Series::new(name, "%", points)
    };
    let mut lines = vec![Line::new(series("none", &one.unchanged), palette::INK)];
    for (i, change) in one.changes.iter().enumerate() {
        lines.push(Line::new(series(&change.name, &change.rows), palette::SEVERAL[i % palette::SEVERAL.len()]));
    }
    for line in &mut lines {
        line.dots = true;
    }
    lines
}
