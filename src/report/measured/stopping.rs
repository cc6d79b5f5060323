//! What rules for stopping solve and cost.

use std::fmt::Write as _;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::words::{
    interval, iterations, none, percent, percent_series, puzzles, range, ranges, row, share, whole, within,
};
use crate::measure::stopping::{Outcome, Stopping};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{INK, Line, Panel, colour, text};
use crate::report::figures::{Area, border, failed, iterations_axis, svg};
use crate::report::inner_outer::draw::several;
use crate::report::rows::exact;
use crate::report::series::thousands;
use crate::report::{ReportError, Size, palette};

/// A table for a terminal: what each rule solves, misses and costs; by difficulty; and with which iterations' answers.
#[must_use]
pub fn table(found: &Stopping) -> String {
    let names: Vec<String> = found.outcomes.iter().map(|o| o.rule.to_string()).collect();
    let wide = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(4);
    let mut out = format!(
        "{}, a pass of {}, trained with {}: share solved with its 95 % Wilson interval\n\n",
        puzzles(found.boards),
        iterations(found.iterations),
        whole(found.trained)
    );
    let heads = ["solved", "share, %", "95 % interval", "missed", "undecided", "mean", "median", "in all"];
    let widths = [9, 8, 15, 9, 9, 9, 9, 12];
    let _ = writeln!(out, "{:wide$}  {:>65}  iterations until the answer", "", "");
    let _ = write!(out, "{:<wide$}  {}", "rule", row(&heads.map(str::to_owned), &widths));
    for (o, name) in found.outcomes.iter().zip(&names) {
        let t = &o.tallies.all;
        let spent = |of: fn(&crate::measure::Spread) -> f64| t.spent.map_or_else(none, |s| format!("{:.1}", of(&s)));
        let cells = [
            whole(t.solved.count),
            share(t.solved),
            interval(t.solved),
            whole(t.missed),
            whole(t.undecided),
            spent(|s| s.mean),
            spent(|s| s.median),
            thousands(t.spent_in_all),
        ];
        let _ = write!(out, "{name:<wide$}  {}", row(&cells, &widths));
    }
    let _ = writeln!(
        out,
        "\nMissed: solved after some iteration, but not with the answer that was given. Undecided: the rule came to no \
         decision, and the last answer was given."
    );
    let labels: Vec<String> = shown(found).map(|(_, label)| label.to_owned()).collect();
    let widths = vec![13; labels.len()];
    let _ = writeln!(out, "\nSolved in percent (mean iterations), by guesses that a solver needs");
    let _ = write!(out, "{:<wide$}  {}", "rule", row(&labels, &widths));
    for (o, name) in found.outcomes.iter().zip(&names) {
        let cell = |(k, _): (usize, &str)| {
            let tally = o.tallies.buckets.get(k).map(|(_, t)| t);
            let spent = tally.and_then(|t| t.spent).map_or_else(none, |s| format!("{:.1}", s.mean));
            tally.map_or_else(none, |t| format!("{} ({spent})", share(t.solved)))
        };
        let cells: Vec<String> = shown(found).map(cell).collect();
        let _ = write!(out, "{name:<wide$}  {}", row(&cells, &widths));
    }
    let ranges = ranges(found.iterations);
    let heads: Vec<String> = ranges.iter().map(|r| range(*r)).collect();
    let widths: Vec<usize> = heads.iter().map(|h| h.chars().count().max(6)).collect();
    let _ = writeln!(out, "\nBoards by the iteration whose answer was given, in percent");
    let _ = write!(out, "{:<wide$}  {}", "rule", row(&heads, &widths));
    for (o, name) in found.outcomes.iter().zip(&names) {
        let part = |r| percent(f64::from(within(&o.chosen, r)) / f64::from(found.boards.max(1)));
        let cells: Vec<String> = ranges.iter().map(|r| part(*r)).collect();
        let _ = write!(out, "{name:<wide$}  {}", row(&cells, &widths));
    }
    out
}

/// Places and labels of the buckets that have boards.
fn shown(found: &Stopping) -> impl Iterator<Item = (usize, &'static str)> + '_ {
    let buckets = found.outcomes.first().map_or(&[][..], |o| &o.tallies.buckets);
    buckets.iter().enumerate().filter(|(_, (_, t))| t.solved.of > 0).map(|(k, (b, _))| (k, b.label()))
}

/// One row a rule and bucket, `all` first; buckets without boards are left out. `low` and `high` are the 95 % Wilson
/// interval of `share`, all 0 to 1. `missed` boards are solved after some iteration but not with the answer given,
/// `undecided` ones got the last answer. `mean`, `median` and `iterations` are those run until the answers: a
/// board's mean and median, and in all.
#[must_use]
pub fn csv(found: &Stopping) -> String {
    let mut out = String::from("rule,bucket,solved,boards,share,low,high,missed,undecided,mean,median,iterations\n");
    for Outcome { rule, tallies, .. } in &found.outcomes {
        for (label, t) in tallies.labelled() {
            let (Some(share), Some(spent)) = (t.solved.share(), t.spent) else { continue };
            let _ = writeln!(
                out,
                "{rule},{label},{},{},{},{},{},{},{},{},{},{}",
                t.solved.count,
                t.solved.of,
                exact(share),
                exact(t.solved.low),
                exact(t.solved.high),
                t.missed,
                t.undecided,
                exact(spent.mean),
                exact(spent.median),
                t.spent_in_all
            );
        }
    }
    out
}

/// One row a rule and iteration, from 1: boards whose answer was that of this iteration. Rows with none are left out.
#[must_use]
pub fn chosen_csv(found: &Stopping) -> String {
    let mut out = String::from("rule,iteration,boards\n");
    for Outcome { rule, chosen, .. } in &found.outcomes {
        for (n, t) in chosen.iter().zip(1_u32..).filter(|(n, _)| **n > 0) {
            let _ = writeln!(out, "{rule},{t},{n}");
        }
    }
    out
}

/// Solved shares against mean iterations: a numbered dot with its interval for each rule, and as a line what answering
/// all boards after the same iteration solves. A rule above the line is worth its iterations.
///
/// # Errors
/// No rule, or plotters cannot draw.
pub fn figure(found: &Stopping, size: Size) -> Result<String, ReportError> {
    if found.outcomes.is_empty() || found.boards == 0 {
        return Err(ReportError::Figure("no rule was compared".into()));
    }
    let most = f64::from(found.iterations.max(found.trained));
    let mut x = iterations_axis(most);
    x.label = "Iterations until the answer, mean".into();
    let panel = Panel {
        x,
        y: Axis::new("Solved (%)", Scale::Linear).over(0.0, 100.0),
        lines: vec![alike(found, "")],
        marks: border(found.trained, most),
    };
    let title = format!("When to stop · solved of {}, 95 % intervals", puzzles(found.boards));
    svg(size, &title, |area| {
        let width = area.dim_in_pixel().0 as i32;
        let (left, right) = area.split_horizontally((width - NAMES).max(width / 2));
        dots(&left, &panel, &found.outcomes)?;
        names(&right, &found.outcomes)
    })
}

/// What answering all boards after the same iteration solves.
pub(super) fn alike(found: &Stopping, name: &str) -> Line {
    let boards = f64::from(found.boards.max(1));
    let shares = found.solved.iter().zip(1..).map(|(n, t)| (t, f64::from(*n) / boards));
    Line::new(percent_series(name, shares), palette::FAINT)
}

/// Width of the column of names in pixels.
const NAMES: i32 = 250;

/// Numbers beside one or more dots.
struct Label {
    /// In coordinates of the axes.
    point: (f64, f64),
    pixel: (i32, i32),
    text: String,
}

/// The panel with a dot a rule.
fn dots(area: &Area, panel: &Panel, outcomes: &[Outcome]) -> Result<(), ReportError> {
    let mut chart = panel.chart(area)?;
    // Numbers of dots that lie on each other stand in one place.
    let mut labels: Vec<Label> = Vec::new();
    for (i, Outcome { tallies, .. }) in outcomes.iter().enumerate() {
        let (solved, Some(spent)) = (tallies.all.solved, tallies.all.spent) else { continue };
        let place = |share: f64| Some((panel.x.coordinate(spent.mean)?, panel.y.coordinate(100.0 * share)?));
        let at = [solved.low, solved.share().unwrap_or(0.0), solved.high].map(place);
        let [Some(low), Some(point), Some(high)] = at else { continue };
        let rgb = colour(several(i));
        chart.draw_series([PathElement::new([low, high], rgb.mix(0.4).stroke_width(3))]).map_err(failed)?;
        chart.draw_series([Circle::new(point, 4, rgb.filled())]).map_err(failed)?;
        let pixel = chart.backend_coord(&point);
        let near = |l: &&mut Label| (l.pixel.0 - pixel.0).abs() < 14 && (l.pixel.1 - pixel.1).abs() < 14;
        match labels.iter_mut().find(near) {
            Some(label) => label.text.push_str(&format!(", {}", i + 1)),
            None => labels.push(Label { point, pixel, text: (i + 1).to_string() }),
        }
    }
    let style = || text(11.0, INK).pos(Pos::new(HPos::Right, VPos::Bottom));
    let words = labels.into_iter().map(|l| EmptyElement::at(l.point) + Text::new(l.text, (-6, -3), style()));
    chart.draw_series(words).map_err(failed)?;
    Ok(())
}

/// What the numbers mean.
fn names(area: &Area, outcomes: &[Outcome]) -> Result<(), ReportError> {
    let stroke = colour(palette::FAINT).stroke_width(2);
    area.draw(&PathElement::new([(4, 19), (18, 19)], stroke)).map_err(failed)?;
    area.draw_text("all after the same iteration", &text(12.0, INK), (26, 12)).map_err(failed)?;
    for (i, (outcome, top)) in outcomes.iter().zip((30..).step_by(18)).enumerate() {
        area.draw(&Circle::new((11, top + 7), 4, colour(several(i)).filled())).map_err(failed)?;
        area.draw_text(&format!("{}. {}", i + 1, outcome.rule), &text(12.0, INK), (26, top)).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Record;
    use crate::measure::made_up::{puzzle, record};
    use crate::measure::stopping::{Rule, stopping};
    use crate::report::measured::words::sheet;

    fn found() -> Stopping {
        let letters = ["essssssssscc", "edcbaaaaassa", "eccssbssbssb", "sbababababab", "eeddccbbaass", "eabeabeabeab"];
        let puzzles: Vec<_> = [0, 0, 2, 30, 30, 70].map(|r| puzzle(11, r)).into();
        let records: Vec<Record> = puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect();
        stopping(&puzzles, &records, 12, 6, &Rule::usual(6, false)).unwrap()
    }

    #[test]
    fn the_table_reads_well() {
        insta::assert_snapshot!(table(&found()));
    }

    #[test]
    fn the_files_are_tidy() {
        insta::assert_snapshot!(csv(&found()));
        let text = chosen_csv(&found());
        let boards: u32 = text.lines().skip(1).map(|l| l.split(',').next_back().unwrap().parse::<u32>().unwrap()).sum();
        assert_eq!(boards, 6 * Rule::usual(6, false).len() as u32);
    }

    #[test]
    fn the_figure_says_what_it_shows() {
        let words =
            ["Solved (%)", "Iterations until the answer, mean", "1. after the trained iterations", "trained with 6"];
        sheet(figure(&found(), Size::default()), "measured-stopping", &words);
        let none = stopping(&[puzzle(11, 0)], &[record(&puzzle(11, 0), "s")], 1, 1, &[]).unwrap();
        assert!(figure(&none, Size::default()).is_err());
        insta::assert_snapshot!(table(&none));
    }
}
