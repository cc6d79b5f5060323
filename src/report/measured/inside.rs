//! What happens inside a pass, and what is wrong where it fails.

use std::fmt::Write as _;

use super::words::{
    interval, iterations, landmarks, none, percent, percent_series, puzzles, range, ranges, row, share, whole, within,
};
use crate::measure::inside::{Failures, Inside, Moment};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{iterations_axis, svg};
use crate::report::rows::exact;
use crate::report::{ReportError, Series, Size, palette};

/// A table for a terminal: iterations 1, 2, 4, … and the last; when boards were first solved and last changed; how
/// they end; what is wrong in the end.
#[must_use]
pub fn table(found: &Inside) -> String {
    let mut out = format!(
        "{}, a pass of {}; boards, and shares in percent\n\n",
        puzzles(found.boards),
        iterations(found.iterations)
    );
    let heads =
        ["iteration", "right cells", "solved", "newly", "lost", "ever", "ever lost", "confidence", "changed", "flips"];
    let widths = [9, 11, 9, 9, 9, 9, 9, 10, 9, 8];
    out.push_str(&row(&heads.map(str::to_owned), &widths));
    for t in landmarks(found.iterations) {
        let Some(m) = found.moments.get(t as usize - 1) else { continue };
        let counts = [m.solved, m.gained, m.lost, m.ever, m.ever_lost].map(whole);
        let mut cells = vec![whole(t), percent(m.right)];
        cells.extend(counts);
        cells.extend([percent(m.confidence), whole(m.changed), format!("{:.2}", m.flips)]);
        out.push_str(&row(&cells, &widths));
    }
    let _ = writeln!(
        out,
        "\nNewly and lost are against the iteration before; changed boards have a cell that flipped, flips are a \
         board's mean.\nA solved board was lost {} {} in all.",
        whole(found.losses),
        if found.losses == 1 { "time" } else { "times" }
    );
    let histograms = [
        ("first solved", &found.first_solved),
        ("last changed, solved", &found.last_change.solved),
        ("last changed, failed", &found.last_change.failed),
    ];
    let ranges = ranges(found.iterations);
    let heads: Vec<String> = ranges.iter().map(|r| range(*r)).collect();
    let widths: Vec<usize> = heads.iter().map(|h| h.chars().count().max(6)).collect();
    let _ = write!(out, "\n{:<20}  {}", "boards by iteration", row(&heads, &widths));
    for (name, histogram) in histograms {
        let cells: Vec<String> = ranges.iter().map(|r| whole(within(histogram, *r))).collect();
        let _ = write!(out, "{name:<20}  {}", row(&cells, &widths));
    }
    push_endings(&mut out, found);
    push_failures(&mut out, found, &found.failures);
    out
}

fn push_endings(out: &mut String, found: &Inside) {
    // A column for each bucket that has boards.
    let columns: Vec<_> = found.endings.labelled().filter(|(_, e)| e.sum() > 0).collect();
    let widths = vec![9; columns.len()];
    let heads: Vec<String> = columns.iter().map(|(label, _)| (*label).to_owned()).collect();
    let _ = write!(out, "\n{:<22}  {}", "at the end, by guesses", row(&heads, &widths));
    for (k, (name, all)) in found.endings.all.named().into_iter().enumerate() {
        if all > 0 {
            let cells: Vec<String> = columns.iter().map(|(_, e)| whole(e.named()[k].1)).collect();
            let _ = write!(out, "{name:<22}  {}", row(&cells, &widths));
        }
    }
    if !found.periods.is_empty() {
        let words: Vec<String> = found.periods.iter().map(|(p, n)| format!("{p} ({})", whole(*n))).collect();
        let _ = writeln!(out, "Periods of the cycles, with boards: {}.", words.join(", "));
    }
}

fn push_failures(out: &mut String, found: &Inside, f: &Failures) {
    let all = f.boards.all;
    let _ = writeln!(
        out,
        "\nNot solved after iteration {}: {} of {}, {} % ({} %).",
        whole(found.iterations),
        whole(all.count),
        whole(all.of),
        share(all),
        interval(all)
    );
    let Some(wrong) = f.wrong_cells else { return };
    let buckets = f.boards.buckets.iter().filter(|(_, p)| p.of > 0);
    let words: Vec<String> =
        buckets.map(|(b, p)| format!("{b}: {} of {} ({} %)", whole(p.count), whole(p.of), share(*p))).collect();
    let _ = writeln!(out, "By guesses that a solver needs: {}.", words.join("; "));
    let _ = writeln!(
        out,
        "Wrong cells: mean {:.1}, median {:.1}, {} to {}.",
        wrong.mean, wrong.median, wrong.least, wrong.most
    );
    let words: Vec<String> = f.at_most.iter().map(|(n, count)| format!("{n}: {}", whole(*count))).collect();
    let _ = writeln!(out, "Failures with at most so many wrong cells: {}.", words.join(", "));
    let d = f.duplicates;
    let _ = writeln!(
        out,
        "Digits that stand twice, mean over the failures: {:.1} in rows, {:.1} in columns, {:.1} in boxes.",
        d.rows, d.columns, d.boxes
    );
    let _ = writeln!(out, "Still changing in the last iteration: {}.", whole(f.changing));
    if f.valid > 0 {
        let _ = writeln!(
            out,
            "Obey the rules and keep the clues, though they are not the solution: {}; these puzzles have several.",
            whole(f.valid)
        );
    }
    let words: Vec<String> = f.right.iter().map(|(t, s)| format!("{}: {}", whole(*t), percent(*s))).collect();
    let _ = writeln!(out, "Right cells of the failures in percent, by iteration: {}.", words.join(", "));
    let words: Vec<String> =
        f.cells.iter().map(|c| format!("r{}c{} (box {}, {})", c.row, c.column, c.r#box, whole(c.failures))).collect();
    let often = if words.is_empty() { none() } else { words.join(", ") };
    let _ = writeln!(out, "Most often wrong, with the failures in which they are: {often}.");
}

/// One row an iteration. `right` is the share of all blank cells that are right, `confidence` the mean largest
/// probability of a blank cell, both 0 to 1; `flips` is the mean over the boards; `first_solved`,
/// `last_change_solved` and `last_change_failed` count the boards that were first solved, and that changed for the
/// last time, in this iteration. All others count boards.
#[must_use]
pub fn csv(found: &Inside) -> String {
    let mut out = String::from(
        "iteration,right,solved,gained,lost,ever,ever_lost,confidence,changed,flips,first_solved,last_change_solved,\
         last_change_failed\n",
    );
    for (i, m) in found.moments.iter().enumerate() {
        let Moment { iteration, solved, gained, lost, ever, ever_lost, changed, .. } = m;
        let [first, last_solved, last_failed] =
            [&found.first_solved, &found.last_change.solved, &found.last_change.failed]
                .map(|h| h.get(i).copied().unwrap_or(0));
        let _ = writeln!(
            out,
            "{iteration},{},{solved},{gained},{lost},{ever},{ever_lost},{},{changed},{},{first},{last_solved},{last_failed}",
            exact(m.right),
            exact(m.confidence),
            exact(m.flips)
        );
    }
    out
}

/// One row a bucket, `all` first: boards by how they end, and failures. Buckets without boards are left out.
#[must_use]
pub fn endings_csv(found: &Inside) -> String {
    let mut out = String::from("bucket,boards");
    found.endings.all.named().iter().for_each(|(name, _)| {
        let _ = write!(out, ",{}", name.replace(", ", "_").replace(' ', "_"));
    });
    out.push_str(",failed\n");
    for ((label, endings), (_, failed)) in found.endings.labelled().zip(found.failures.boards.labelled()) {
        if failed.of > 0 {
            let _ = write!(out, "{label},{}", failed.of);
            endings.named().iter().for_each(|(_, n)| {
                let _ = write!(out, ",{n}");
            });
            let _ = writeln!(out, ",{}", failed.count);
        }
    }
    out
}

/// Four plots against iterations: solved boards and right cells; boards that are newly solved and lost; flips; and
/// the share of the boards that have changed for the last time.
///
/// # Errors
/// No iteration, or plotters cannot draw.
pub fn figure(found: &Inside, size: Size) -> Result<String, ReportError> {
    if found.moments.is_empty() || found.boards == 0 {
        return Err(ReportError::Figure("no iteration was read".into()));
    }
    let x = || iterations_axis(f64::from(found.iterations));
    let [share, turns, flips, still] = lines(found);
    let percents = || Axis::new("Share (%)", Scale::Linear).over(0.0, 100.0);
    let panel = |y, lines| Panel { x: x(), y, lines, marks: Vec::new() };
    let holding =
        |axis: Axis, lines: &[Line]| lines.iter().fold(axis.over(0.0, 1.0), |a, l| a.holding(&l.series.points));
    let boards = holding(Axis::new("Boards", Scale::Linear), &turns);
    let label = flips.first().map_or_else(String::new, |l| l.series.label());
    let cells = holding(Axis::new(label, Scale::Linear), &flips);
    let last = Axis::new("Changed for the last time (%)", Scale::Linear).over(0.0, 100.0);
    let panels = [panel(percents(), share), panel(boards, turns), panel(cells, flips), panel(last, still)];
    let title = format!("Inside a pass · {}", puzzles(found.boards));
    svg(size, &title, |area| {
        for (quarter, panel) in area.split_evenly((2, 2)).iter().zip(&panels) {
            panel.draw(quarter)?;
        }
        Ok(())
    })
}

/// Lines of the figure's four panels: shares; boards newly solved and lost; flips; when boards changed last.
pub(super) fn lines(found: &Inside) -> [Vec<Line>; 4] {
    let boards = f64::from(found.boards.max(1));
    let shares =
        |name, of: &dyn Fn(&Moment) -> f64| percent_series(name, found.moments.iter().map(|m| (m.iteration, of(m))));
    let plain = |name: &str, unit, of: fn(&Moment) -> f64| {
        Series::new(name, unit, found.moments.iter().map(|m| [f64::from(m.iteration), of(m)]))
    };
    let still = |name, histogram: &[u32]| {
        let sums = histogram.iter().zip(1..).scan(0, |sum, (n, t)| {
            *sum += n;
            Some((t, f64::from(*sum) / boards))
        });
        percent_series(name, sums)
    };
    [
        vec![
            Line::new(shares("Solved", &|m| f64::from(m.solved) / boards), palette::RIGHT),
            Line::new(shares("Solved at some time", &|m| f64::from(m.ever) / boards), palette::ACCENT),
            Line::new(shares("Right cells", &|m| m.right), palette::INK),
        ],
        vec![
            Line::new(plain("Newly solved", "boards", |m| m.gained.into()), palette::RIGHT),
            Line::new(plain("Lost", "boards", |m| m.lost.into()), palette::WRONG),
        ],
        vec![Line::new(plain("Flips, mean of a board", "cells", |m| m.flips), palette::ACCENT)],
        vec![
            Line::new(still("Solved at the end", &found.last_change.solved), palette::RIGHT),
            Line::new(still("Failed at the end", &found.last_change.failed), palette::WRONG),
        ],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Record;
    use crate::measure::inside::inside;
    use crate::measure::made_up::{puzzle, record};
    use crate::report::measured::words::sheet;

    fn found() -> Inside {
        let letters = ["essssssssscc", "edcbaaaaassa", "eccssbssbssb", "ebababababab", "eeddccbbssss", "eaaaaaaaaaaa"];
        let puzzles: Vec<_> = [0, 0, 2, 30, 30, 70].map(|r| puzzle(11, r)).into();
        let records: Vec<Record> = puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect();
        inside(&puzzles, &records, 12).unwrap()
    }

    #[test]
    fn the_table_reads_well() {
        insta::assert_snapshot!(table(&found()));
        let good = inside(&[puzzle(11, 0)], &[record(&puzzle(11, 0), "sssss")], 5).unwrap();
        insta::assert_snapshot!(table(&good));
    }

    #[test]
    fn the_files_are_tidy() {
        insta::assert_snapshot!(csv(&found()));
        insta::assert_snapshot!(endings_csv(&found()));
    }

    #[test]
    fn the_figure_says_what_it_shows() {
        let words = ["Right cells", "Newly solved", "Flips, mean of a board (cells)", "Failed at the end"];
        sheet(figure(&found(), Size { width: 1000, height: 700 }), "measured-inside", &words);
    }
}
