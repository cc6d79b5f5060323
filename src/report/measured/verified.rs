//! Boards solved and known to be, against iterations spent.

use std::fmt::Write as _;

use serde::Serialize;

use super::scaling::quoted;
use crate::measure::verified::Outcome;
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{border, iterations_axis, svg};
use crate::report::series::thousands;
use crate::report::{ReportError, Series, Size, palette};

/// A model with what it solved, one outcome a way of asking again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelVerified {
    /// Its name.
    pub model: String,
    /// The device that computed.
    pub device: String,
    /// The trained T.
    pub trained_iterations: u32,
    /// What was found.
    pub outcomes: Vec<Outcome>,
}

/// A table for a terminal: shares in percent with their 95 % Wilson intervals.
#[must_use]
pub fn table(one: &ModelVerified) -> String {
    let boards = one.outcomes.first().map_or(0, |o| o.boards.len() as u64);
    let mut out = format!(
        "{} on {}: {} puzzles, share with a valid answer (%) within so many iterations of a board in all\n",
        one.model,
        one.device,
        thousands(boards)
    );
    for outcome in &one.outcomes {
        let _ = writeln!(out, "\n{}", capital(outcome.plan.again.name()));
        let _ = writeln!(
            out,
            "{:>10} {:>8}  {:>17}  by guesses that a solver needs",
            "iterations", "share", "95 % interval"
        );
        for row in &outcome.rows {
            let (low, high) = row.total.interval();
            let interval = format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high);
            let buckets: Vec<String> = row
                .buckets
                .iter()
                .filter(|(_, c)| c.of > 0)
                .map(|(b, c)| format!("{b}: {:.1}", 100.0 * c.share()))
                .collect();
            let _ = writeln!(
                out,
                "{:>10} {:>8.1}  {interval:>17}  {}",
                thousands(row.iterations.into()),
                100.0 * row.total.share(),
                buckets.join(", ")
            );
        }
        let _ = writeln!(
            out,
            "{} attempts, {} board iterations computed; valid answers other than the given solution: {}",
            outcome.attempts,
            thousands(outcome.work),
            outcome.other_solutions
        );
    }
    out
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// One row a way of asking again, a number of iterations and a bucket. Shares are 0 to 1, intervals Wilson's.
#[must_use]
pub fn csv(one: &ModelVerified) -> String {
    let mut out = String::from("model,again,iterations,bucket,valid,boards,share,low,high\n");
    let name = quoted(&one.model);
    for outcome in &one.outcomes {
        for row in &outcome.rows {
            let counts = row.buckets.iter().map(|(b, c)| (b.label(), *c)).chain([("all", row.total)]);
            for (label, count) in counts.filter(|(_, c)| c.of > 0) {
                let (low, high) = count.interval();
                let _ = writeln!(
                    out,
                    "{name},{},{},{label},{},{},{},{low},{high}",
                    outcome.plan.again.word(),
                    row.iterations,
                    count.solved,
                    count.of,
                    count.share()
                );
            }
        }
    }
    out
}

/// Shares against iterations, a line a way of asking again.
///
/// # Errors
/// Nothing was measured, or plotters cannot draw.
pub fn figure(one: &ModelVerified, size: Size) -> Result<String, ReportError> {
    if one.outcomes.is_empty() {
        return Err(ReportError::Figure("nothing was measured".into()));
    }
    let most = one.outcomes.iter().flat_map(|o| o.rows.last()).map(|r| r.iterations).max().unwrap_or(1);
    let most = f64::from(most.max(one.trained_iterations));
    let panel = Panel {
        x: iterations_axis(most),
        y: Axis::new("Solved and verified (%)", Scale::Linear).over(0.0, 100.0),
        lines: lines(one),
        marks: border(one.trained_iterations, most),
    };
    let title = format!("{} · valid answers, 95 % intervals", one.model);
    svg(size, &title, |area| panel.draw(area))
}

/// Lines of the figure.
pub(super) fn lines(one: &ModelVerified) -> Vec<Line> {
    let lines = one.outcomes.iter().zip(palette::SEVERAL).map(|(outcome, rgb)| {
        let points = |of: &dyn Fn(&crate::trace::Count) -> f64| -> Vec<[f64; 2]> {
            outcome.rows.iter().map(|r| [f64::from(r.iterations), 100.0 * of(&r.total)]).collect()
        };
        let mut line = Line::new(Series::new(capital(outcome.plan.again.name()), "%", points(&|c| c.share())), rgb);
        line.band = Some((
            Series::new("", "%", points(&|c| c.interval().0)),
            Series::new("", "%", points(&|c| c.interval().1)),
        ));
        line.dots = true;
        line
    });
    lines.collect()
}
