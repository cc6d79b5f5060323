//! Whether solutions are fixed points, of a cold start and of a warm pass.

use std::fmt::Write as _;

use super::words::{interval, iterations, landmarks, percent, percent_series, puzzles, row, share, whole};
use crate::measure::fixed::{Cold, ColdMoment, Moves, Warm};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{iterations_axis, svg};
use crate::report::rows::exact;
use crate::report::series::thousands;
use crate::report::{ReportError, Size, palette};

/// A table for a terminal: iterations 1, 2, 4, … and the last; and what the first iteration makes of the solution, by
/// difficulty.
#[must_use]
pub fn cold_table(found: &Cold) -> String {
    let last = found.moments.len() as u32;
    let mut out = format!(
        "{}, a pass of {} that starts from the solution; shares in percent\n\n",
        puzzles(found.boards),
        iterations(last)
    );
    let widths = [9, 11, 9, 8, 15, 10, 8];
    let heads = ["iteration", "right cells", "perfect", "share, %", "95 % interval", "confidence", "flips"];
    out.push_str(&row(&heads.map(str::to_owned), &widths));
    for t in landmarks(last) {
        let Some(m) = (t as usize).checked_sub(1).and_then(|i| found.moments.get(i)) else { continue };
        let flips = format!("{:.2}", m.flips);
        let perfect = m.perfect;
        let (count, share, interval) = (whole(perfect.count), share(perfect), interval(perfect));
        let cells = [whole(t), percent(m.right), count, share, interval, percent(m.confidence), flips];
        out.push_str(&row(&cells, &widths));
    }
    out.push_str(
        "\nPerfect boards have no wrong cell; flips are a board's mean, against the solution in iteration 1.\n\nAfter \
         iteration 1, by guesses that a solver needs\n",
    );
    let widths = [7, 9, 11, 10, 10, 9];
    let heads = ["guesses", "boards", "blank cells", "flipped", "flipped, %", "perfect"];
    out.push_str(&row(&heads.map(str::to_owned), &widths));
    for (label, f) in found.first.labelled().filter(|(_, f)| f.boards > 0) {
        let part = percent(f.flipped as f64 / f.cells.max(1) as f64);
        let (cells, flipped) = (thousands(f.cells), thousands(f.flipped));
        out.push_str(&row(&[label.to_owned(), whole(f.boards), cells, flipped, part, whole(f.perfect)], &widths));
    }
    out
}

/// One row an iteration. `right` is the share of the blank cells that are right; `perfect` boards have no wrong cell,
/// with their share and its 95 % Wilson interval; `confidence` is the mean largest probability of a blank cell; all
/// shares 0 to 1. `flips` is the mean over the boards, against the solution in iteration 1.
#[must_use]
pub fn cold_csv(found: &Cold) -> String {
    let mut out = String::from("iteration,right,perfect,boards,share,low,high,confidence,flips\n");
    for ColdMoment { iteration, right, perfect, confidence, flips } in &found.moments {
        let [right, low, high] = [*right, perfect.low, perfect.high].map(exact);
        let share = exact(perfect.share().unwrap_or(0.0));
        let (confidence, flips) = (exact(*confidence), exact(*flips));
        let _ = writeln!(
            out,
            "{iteration},{right},{},{},{share},{low},{high},{confidence},{flips}",
            perfect.count, perfect.of
        );
    }
    out
}

/// Right cells, perfect boards with their 95 % interval and confidence against iterations.
///
/// # Errors
/// No iteration, or plotters cannot draw.
pub fn cold_figure(found: &Cold, size: Size) -> Result<String, ReportError> {
    if found.moments.is_empty() {
        return Err(ReportError::Figure("no iteration was read".into()));
    }
    let panel = Panel {
        x: iterations_axis(found.moments.len() as f64),
        y: Axis::new("Share (%)", Scale::Linear).over(0.0, 100.0),
        lines: cold_lines(found),
        marks: Vec::new(),
    };
    let title = format!("Started from the solution · {}", puzzles(found.boards));
    svg(size, &title, |area| panel.draw(area))
}

/// Lines of the figure of a cold start.
pub(super) fn cold_lines(found: &Cold) -> Vec<Line> {
    let series = |name, of: &dyn Fn(&ColdMoment) -> f64| {
        percent_series(name, found.moments.iter().map(|m| (m.iteration, of(m))))
    };
    let mut perfect = Line::new(series("Perfect boards", &|m| m.perfect.share().unwrap_or(0.0)), palette::RIGHT);
    perfect.band = Some((series("", &|m| m.perfect.low), series("", &|m| m.perfect.high)));
    let right = Line::new(series("Right cells", &|m| m.right), palette::INK);
    let confidence = Line::new(series("Confidence", &|m| m.confidence), palette::FAINT);
    vec![right, perfect, confidence]
}

/// A table for a terminal: what boards do after t0, by difficulty, and how far the answers are from those at t0.
#[must_use]
pub fn warm_table(found: &Warm) -> String {
    let Warm { boards, after, iterations: last, .. } = found;
    let mut out = format!(
        "{}: what their answers do in iterations {} to {}\n\n",
        puzzles(*boards),
        whole(after.saturating_add(1)),
        whole(*last)
    );
    let columns: Vec<(&str, &Moves)> = found.moves.labelled().filter(|(_, m)| m.boards() > 0).collect();
    let widths = vec![9; columns.len()];
    let mut push = |name: &str, cell: &dyn Fn(&str, &Moves) -> String| {
        let cells: Vec<String> = columns.iter().map(|(label, m)| cell(label, m)).collect();
        let _ = write!(out, "{name:<28}  {}", row(&cells, &widths));
    };
    push("boards, by guesses", &|label, _| label.to_owned());
    for (k, (name, _)) in Moves::default().named().into_iter().enumerate() {
        push(name, &|_, m| whole(m.named()[k].1));
    }
    push("  of these solved at the end", &|_, m| whole(m.wrong_then_solved));
    push("in all", &|_, m| whole(m.boards()));
    push("blank cells that change, %", &|_, m| format!("{:.3}", 100.0 * m.changed_share()));
    let end = found.moments.last().copied().unwrap_or_default();
    let _ = writeln!(
        out,
        "\nSolved after iteration {}: {}; after iteration {}: {}. Cells that then have the same digit: {:.3} %; boards \
         with the same answer: {}.",
        whole(*after),
        whole(found.solved),
        whole(*last),
        whole(end.solved),
        100.0 * end.same_cells,
        whole(end.same_boards)
    );
    out
}

/// One row a bucket, `all` first: boards by what they do after t0, those that were wrong, moved and are solved at the
/// end, blank cells and how many of them ever change after t0. Buckets without boards are left out.
#[must_use]
pub fn warm_csv(found: &Warm) -> String {
    let mut out = String::from(
        "bucket,boards,stays_right,stays_wrong,moves_and_returns,moves_away,wrong_and_moves,wrong_then_solved,cells,\
         cells_changed\n",
    );
    for (label, m) in found.moves.labelled().filter(|(_, m)| m.boards() > 0) {
        let _ = write!(out, "{label},{}", m.boards());
        m.named().iter().for_each(|(_, n)| {
            let _ = write!(out, ",{n}");
        });
        let _ = writeln!(out, ",{},{},{}", m.wrong_then_solved, m.cells, m.cells_changed);
    }
    out
}

/// Cells with the digit and boards with the answer that they had at t0, and solved boards, against the iterations
/// after t0.
///
/// # Errors
/// No iteration, or plotters cannot draw.
pub fn warm_figure(found: &Warm, size: Size) -> Result<String, ReportError> {
    if found.moments.is_empty() || found.boards == 0 {
        return Err(ReportError::Figure("no iteration was read".into()));
    }
    let mut x = iterations_axis(f64::from(found.iterations.saturating_sub(found.after)));
    x.label = format!("Iterations after {}", whole(found.after));
    let y = Axis::new("Share (%)", Scale::Linear).over(0.0, 100.0);
    let panel = Panel { x, y, lines: warm_lines(found), marks: Vec::new() };
    let title = format!("Does the answer stay? · {}", puzzles(found.boards));
    svg(size, &title, |area| panel.draw(area))
}

/// Lines of the figure of a warm pass, against the iterations after t0.
pub(super) fn warm_lines(found: &Warm) -> Vec<Line> {
    let boards = f64::from(found.boards.max(1));
    let since = |t: u32| t.saturating_sub(found.after);
    let series = |name, of: &dyn Fn(&crate::measure::fixed::WarmMoment) -> f64| {
        percent_series(name, found.moments.iter().map(|m| (since(m.iteration), of(m))))
    };
    vec![
        Line::new(series("Cells with the same digit", &|m| m.same_cells), palette::INK),
        Line::new(series("Boards with the same answer", &|m| f64::from(m.same_boards) / boards), palette::ACCENT),
        Line::new(series("Solved boards", &|m| f64::from(m.solved) / boards), palette::RIGHT),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Record;
    use crate::measure::fixed::{cold, warm};
    use crate::measure::made_up::{puzzle, record};
    use crate::report::measured::words::sheet;
    use crate::tasks::sudoku::Puzzle;

    fn boards() -> (Vec<Puzzle>, Vec<Record>) {
        let letters = ["sssssssss", "bcsabssss", "cccbbaaaa", "sssabcsss", "ssssssabc", "abababcbs"];
        let puzzles: Vec<_> = [0, 0, 2, 30, 30, 70].map(|r| puzzle(11, r)).into();
        let records = puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect();
        (puzzles, records)
    }

    #[test]
    fn a_cold_start_reads_well() {
        let (puzzles, records) = boards();
        let found = cold(&puzzles, &records, 9).unwrap();
        insta::assert_snapshot!(cold_table(&found));
        insta::assert_snapshot!(cold_csv(&found));
        sheet(cold_figure(&found, Size::default()), "measured-cold", &["Perfect boards", "Started from the solution"]);
    }

    #[test]
    fn a_warm_pass_reads_well() {
        let (puzzles, records) = boards();
        let found = warm(&puzzles, &records, 4, 9).unwrap();
        insta::assert_snapshot!(warm_table(&found));
        insta::assert_snapshot!(warm_csv(&found));
        sheet(warm_figure(&found, Size::default()), "measured-warm", &["Iterations after 4", "Solved boards"]);
    }
}
