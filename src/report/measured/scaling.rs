//! Solved shares against test-time iterations, of one model or several.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::words::{points, whole};
use crate::measure::exits::Exits;
use crate::measure::scaling::{Estimate, Row};
use crate::measure::{Exit, Recording, Scaling};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{border, iterations_axis, svg};
use crate::report::series::thousands;
use crate::report::{ReportError, Series, Size, palette};
use crate::trace::Count;

/// A model with what was measured of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelScaling {
    /// Its name.
    pub model: String,
    /// The command that measured it, with the names of files alone; nothing where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The device that computed.
    pub device: String,
    /// The trained T.
    pub trained_iterations: u32,
    /// How the pass was made.
    pub settings: Recording,
    /// What was found.
    #[serde(flatten)]
    pub scaling: Scaling,
    /// Which boards are solved with this exit and with another, where both were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exits: Option<Exits>,
}

impl ModelScaling {
    fn boards(&self) -> u32 {
        self.scaling.rows.first().map_or(0, |r| r.total.of)
    }
}

/// A table for a terminal: solved shares in percent with 95 % bootstrap intervals of the two means.
#[must_use]
pub fn table(all: &[ModelScaling]) -> String {
    let mut out = String::new();
    for (i, one) in all.iter().enumerate() {
        let gap = if i > 0 { "\n" } else { "" };
        let _ = writeln!(
            out,
            "{gap}{} on {}: {} puzzles, solved (%) by guesses that a solver needs\n",
            one.model,
            one.device,
            thousands(one.boards().into())
        );
        let labels: Vec<&str> =
            one.scaling.rows.first().map(|r| r.buckets.iter().map(|(b, _)| b.label()).collect()).unwrap_or_default();
        let _ = write!(out, "{:>10}    ", "iterations");
        for label in labels {
            let _ = write!(out, " {label:>6}");
        }
        let _ = writeln!(out, "  {:>23}  {:>23}", "mean of buckets", "as in the public set");
        for row in &one.scaling.rows {
            let mark = if row.iterations == one.trained_iterations { " (T)" } else { "    " };
            let _ = write!(out, "{:>10}{mark}", thousands(row.iterations.into()));
            for (_, count) in &row.buckets {
                let _ = write!(out, " {:>6}", percent(*count));
            }
            let _ = writeln!(
                out,
                "  {:>23}  {:>23}",
                estimate(row.balanced),
                row.natural.map_or_else(|| "–".into(), estimate)
            );
        }
        out.push_str(&ending(one));
        if let Some(exits) = &one.exits {
            out.push_str(&beside(exits));
        }
    }
    out
}

/// Boards whose numbers are told in a table.
const NUMBERS: usize = 20;

/// Which boards are solved with one exit and with another.
fn beside(exits: &Exits) -> String {
    let Exits { exit, beside, iterations, solved, only, only_beside, difference, spent, spent_beside } = exits;
    let all = solved.all;
    let mut out = format!(
        "\nThe same boards with the exit “{exit}” and with “{beside}”, after iteration {}:\n",
        thousands((*iterations).into())
    );
    let none: &[u32] = &[];
    let rows = [
        ("solved with both".to_owned(), all.both, none),
        (format!("solved with “{exit}” alone"), all.only, only.as_slice()),
        (format!("solved with “{beside}” alone"), all.only_beside, only_beside.as_slice()),
        ("solved with neither".to_owned(), all.neither, none),
    ];
    let wide = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, count, boards) in rows {
        let numbers: Vec<String> = boards.iter().take(NUMBERS).map(u32::to_string).collect();
        let more = if boards.len() > NUMBERS { ", …" } else { "" };
        let numbers =
            if numbers.is_empty() { String::new() } else { format!("  puzzles {}{more}", numbers.join(", ")) };
        let _ = writeln!(out, "  {name:<wide$} {:>9}{numbers}", whole(count));
    }
    let Estimate { share, low, high } = *difference;
    let [d, low, high] = [share, low, high].map(points);
    let _ = writeln!(
        out,
        "Mean of the buckets, “{exit}” minus “{beside}”, in points: {d} ({low} to {high}){}",
        if exits.differ() { "." } else { ": no difference found." }
    );
    let _ = write!(out, "Board iterations: {} and {}", thousands(spent.made), thousands(spent_beside.made));
    match exits.times() {
        Some(times) => {
            let _ = writeln!(out, ", {times:.1} times less work.");
        }
        None => out.push_str(".\n"),
    }
    out
}

fn percent(count: Count) -> String {
    if count.of == 0 { "–".into() } else { format!("{:.1}", 100.0 * count.share()) }
}

fn estimate(e: Estimate) -> String {
    format!("{:.1} ({:.1} to {:.1})", 100.0 * e.share, 100.0 * e.low, 100.0 * e.high)
}

/// What does not fit in a row.
fn ending(one: &ModelScaling) -> String {
    let Scaling { spent, lost, ever, .. } = one.scaling;
    let mut out = format!(
        "\nSolved at some iteration: {} of {}; of these, no longer at the end: {}.\n",
        thousands(ever.solved.into()),
        thousands(ever.of.into()),
        thousands(lost.into())
    );
    if one.settings.exit != Exit::Never && spent.made > 0 {
        let _ = writeln!(
            out,
            "With the exit “{}”, {} of {} board iterations were computed: {:.1} times less work.",
            one.settings.exit,
            thousands(spent.made),
            thousands(spent.of),
            spent.of as f64 / spent.made as f64
        );
    }
    out
}

/// One row a model, a number of iterations and a bucket; `bucket` is `balanced` or `natural` for the means, whose
/// `low` and `high` are of the bootstrap. Those of buckets are Wilson's. Shares are 0 to 1. Where two exits were
/// compared, rows follow with `both`, `only EXIT` and `only OTHER` in `bucket`: boards by which of the passes solves
/// them; and `work EXIT` and `work OTHER`: board iterations computed, and without exits.
#[must_use]
pub fn csv(all: &[ModelScaling]) -> String {
    let mut out = String::from("model,iterations,bucket,solved,boards,share,low,high\n");
    for one in all {
        let name = quoted(&one.model);
        for Row { iterations, buckets, balanced, natural, total } in &one.scaling.rows {
            let counts = buckets.iter().map(|(b, c)| (b.label(), *c)).chain([("all", *total)]);
            for (label, count) in counts.filter(|(_, c)| c.of > 0) {
                let (low, high) = count.interval();
                let Count { solved, of } = count;
                let _ = writeln!(out, "{name},{iterations},{label},{solved},{of},{},{low},{high}", count.share());
            }
            for (label, e) in [("balanced", Some(balanced)), ("natural", natural.as_ref())] {
                if let Some(Estimate { share, low, high }) = e {
                    let _ = writeln!(out, "{name},{iterations},{label},,,{share},{low},{high}");
                }
            }
        }
        if let Some(exits) = &one.exits {
            let (all, iterations) = (exits.solved.all, exits.iterations);
            let [only, beside] = [exits.exit, exits.beside].map(|exit| format!("only {exit}"));
            for (label, solved) in [("both", all.both), (&only, all.only), (&beside, all.only_beside)] {
                let count = Count { solved, of: all.boards() };
                let (low, high) = count.interval();
                let of = count.of;
                let _ = writeln!(out, "{name},{iterations},{label},{solved},{of},{},{low},{high}", count.share());
            }
            for (exit, spent) in [(exits.exit, exits.spent), (exits.beside, exits.spent_beside)] {
                let share = spent.made as f64 / spent.of.max(1) as f64;
                let _ = writeln!(out, "{name},{iterations},work {exit},{},{},{share},,", spent.made, spent.of);
            }
        }
    }
    out
}

/// A field of CSV.
pub(super) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Shares against iterations: of one model the mean over the buckets with its interval and every bucket, of
/// several their means.
///
/// # Errors
/// Nothing was measured, or plotters cannot draw.
pub fn figure(all: &[ModelScaling], size: Size) -> Result<String, ReportError> {
    let Some(first) = all.first() else { return Err(ReportError::Figure("nothing was measured".into())) };
    let lines = lines(all);
    let most = all.iter().flat_map(|m| m.scaling.rows.last()).map(|r| r.iterations).max().unwrap_or(1);
    let most = f64::from(most.max(first.trained_iterations));
    let same = all.iter().all(|m| m.trained_iterations == first.trained_iterations);
    let panel = Panel {
        x: iterations_axis(most),
        y: Axis::new("Solved (%)", Scale::Linear).over(0.0, 100.0),
        lines,
        marks: if same { border(first.trained_iterations, most) } else { Vec::new() },
    };
    let names = if all.len() == 1 { first.model.clone() } else { format!("{} models", all.len()) };
    let title = format!("{names} · solved of {} puzzles, 95 % intervals", thousands(first.boards().into()));
    svg(size, &title, |area| panel.draw(area))
}

/// Lines of the figure.
pub(super) fn lines(all: &[ModelScaling]) -> Vec<Line> {
    let points = |rows: &[Row], of: fn(&Row) -> f64| -> Vec<[f64; 2]> {
        rows.iter().map(|r| [f64::from(r.iterations), 100.0 * of(r)]).collect()
    };
    let mut lines = Vec::new();
    for (i, one) in all.iter().enumerate() {
        let rows = &one.scaling.rows;
        let (name, rgb) = match all.len() {
            1 => ("Mean of the buckets".to_owned(), palette::INK),
            _ => (one.model.clone(), palette::SEVERAL[i % palette::SEVERAL.len()]),
        };
        let mut line = Line::new(Series::new(name, "%", points(rows, |r| r.balanced.share)), rgb);
        let edge = |of: fn(&Row) -> f64| Series::new("", "%", points(rows, of));
        line.band = Some((edge(|r| r.balanced.low), edge(|r| r.balanced.high)));
        line.dots = true;
        lines.push(line);
    }
    if let [first] = all {
        let labels = first.scaling.rows.first().map(|r| r.buckets.clone()).unwrap_or_default();
        for (k, ((bucket, count), rgb)) in labels.iter().zip(palette::SEVERAL).enumerate() {
            if count.of > 0 {
                let of_bucket = first.scaling.rows.iter().filter_map(|r| {
                    let (_, count) = r.buckets.get(k)?;
                    Some([f64::from(r.iterations), 100.0 * count.share()])
                });
                let mut line = Line::new(Series::new(format!("{bucket} guesses"), "%", of_bucket), rgb);
                line.dots = true;
                lines.push(line);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::exits::exits;
    use crate::measure::made_up::{puzzle, record};
    use crate::measure::{Record, Spent, scaling};

    #[test]
    fn two_exits_stand_side_by_side() {
        let puzzles: Vec<_> = [0, 0, 2, 30, 70].map(|r| puzzle(11, r)).into();
        let of =
            |letters: [&str; 5]| -> Vec<Record> { puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect() };
        let (early, whole) =
            (of(["es", "edcs", "bas", "aaaaaa", "ss"]), of(["esssss", "edcsba", "basssa", "aaaaas", "ssssss"]));
        let spent = [Spent { made: 17, of: 30 }, Spent { made: 30, of: 30 }];
        let mut found = scaling(&puzzles, &early, &[1, 2, 4, 6], 0).unwrap();
        found.spent = spent[0];
        let compared = exits(&puzzles, [&early, &whole], [Exit::Valid, Exit::Never], spent, 6, 0).unwrap();
        let one = ModelScaling {
            model: "made up".into(),
            command: String::new(),
            device: "a test".into(),
            trained_iterations: 2,
            settings: Recording { exit: Exit::Valid, ..Recording::plain(6) },
            scaling: found,
            exits: Some(compared),
        };
        insta::assert_snapshot!(table(std::slice::from_ref(&one)));
        let csv = csv(std::slice::from_ref(&one));
        assert!(csv.contains("made up,6,only valid,2,5,0.4,"), "{csv}");
        assert!(csv.contains("made up,6,work valid,17,30,"), "{csv}");
        let json = serde_json::to_value(&one).unwrap();
        assert_eq!(json["exits"]["only"], serde_json::json!([2, 3]));
        assert_eq!(serde_json::from_value::<ModelScaling>(json).unwrap(), one);
        let bare = serde_json::to_value(ModelScaling { exits: None, ..one }).unwrap();
        assert!(bare.get("exits").is_none() && bare.get("command").is_none());
        assert!(serde_json::from_value::<ModelScaling>(bare).is_ok());
    }
}
