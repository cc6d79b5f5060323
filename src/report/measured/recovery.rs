//! Whether a pass recovers from a disturbance.

use std::fmt::Write as _;

use super::words::{interval, iterations, landmarks, none, percent, percent_series, puzzles, row, share, whole};
use crate::measure::recovery::{Fate, Moment, Recovery};
use crate::measure::{Disturbance, DisturbanceKind, Split};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{iterations_axis, svg};
use crate::report::rows::exact;
use crate::report::{ReportError, Size, palette};

/// What was done, in words.
pub(super) fn disturbance(done: Disturbance) -> String {
    let cells = |n: u32| if n == 1 { "1 blank cell".to_owned() } else { format!("{} blank cells", whole(n)) };
    let what = match done.kind {
        DisturbanceKind::Noise(share) => format!("noise of {} % on the state", 100.0 * share),
        DisturbanceKind::Answers(n) => format!("other answers fed back for {}", cells(n)),
        DisturbanceKind::States(n) => format!("states of {} set to zero", cells(n)),
        DisturbanceKind::Answer { cell, digit } => format!("{digit} fed back as the answer of cell {}", cell + 1),
        DisturbanceKind::State(cell) => format!("the state of cell {} set to zero", cell + 1),
    };
    format!("{what} after iteration {}", whole(done.after))
}

/// A table for a terminal: the iterations since the disturbance, 1, 2, 4, … and the last; and what becomes of boards
/// that were solved when it came and of those that were not, by difficulty.
#[must_use]
pub fn table(found: &Recovery) -> String {
    let mut out = format!(
        "{}, {}; a pass of {}, shares in percent\n\n",
        puzzles(found.boards),
        disturbance(found.disturbance),
        iterations(found.iterations)
    );
    let widths = [10, 11, 9, 8, 15, 19];
    let heads = ["iterations", "cells alike", "solved", "share, %", "95 % interval", "undisturbed, solved"];
    out.push_str(&row(&heads.map(str::to_owned), &widths));
    for t in landmarks(found.moments.len() as u32) {
        let Some(m) = (t as usize).checked_sub(1).and_then(|i| found.moments.get(i)) else { continue };
        let (count, plain) = (whole(m.solved.count), whole(m.undisturbed.count));
        out.push_str(&row(&[whole(t), percent(m.agree), count, share(m.solved), interval(m.solved), plain], &widths));
    }
    out.push_str(
        "\nIterations count from the disturbance; cells are alike that have the digit of the undisturbed pass.\n",
    );
    push_fates(&mut out, "Solved when disturbed", "solved again", &found.were_solved);
    push_fates(&mut out, "Not solved when disturbed", "ever solved", &found.were_unsolved);
    if found.untouched > 0 {
        let _ = writeln!(out, "\nHad left before the disturbance: {}.", whole(found.untouched));
    }
    if found.unlike > 0 {
        let _ = writeln!(out, "\nDiffered between the passes before the disturbance: {}.", whole(found.unlike));
    }
    out
}

fn push_fates(out: &mut String, title: &str, reached: &str, fates: &Split<Fate>) {
    let widths = [7, 9, 9, 8, 15, 11, 10, 12, 30];
    let heads = [
        "guesses",
        "boards",
        "at end",
        "share, %",
        "95 % interval",
        "undisturbed",
        "never left",
        reached,
        "until then, median (quartiles)",
    ];
    let _ = write!(out, "\n{title}: boards that are solved at the end\n{}", row(&heads.map(str::to_owned), &widths));
    for (label, f) in fates.labelled().filter(|(label, f)| *label == "all" || f.solved.of > 0) {
        let until = f.until.map_or_else(none, |s| format!("{:.1} ({:.1} to {:.1})", s.median, s.lower, s.upper));
        let [of, count, plain, left, reached] =
            [f.solved.of, f.solved.count, f.undisturbed.count, f.never_left, f.reached].map(whole);
        let cells = [label.to_owned(), of, count, share(f.solved), interval(f.solved), plain, left, reached, until];
        out.push_str(&row(&cells, &widths));
    }
    let all = &fates.all;
    let _ = writeln!(
        out,
        "At the end solved only when disturbed: {}; only when not: {}.",
        whole(all.only_disturbed),
        whole(all.only_undisturbed)
    );
}

/// One row an iteration since the disturbance, from 1. `agree` is the share of the blank cells that have the digit of
/// the undisturbed pass; `solved` boards with their share and its 95 % Wilson interval, and those of the undisturbed
/// pass. Shares are 0 to 1.
#[must_use]
pub fn csv(found: &Recovery) -> String {
    let mut out = String::from("since,agree,solved,boards,share,low,high,undisturbed\n");
    for Moment { since, agree, solved, undisturbed } in &found.moments {
        let [agree, share, low, high] = [*agree, solved.share().unwrap_or(0.0), solved.low, solved.high].map(exact);
        let (count, of, plain) = (solved.count, solved.of, undisturbed.count);
        let _ = writeln!(out, "{since},{agree},{count},{of},{share},{low},{high},{plain}");
    }
    out
}

/// One row for boards that were solved when disturbed (`was_solved` 1) or not (0) and a bucket, `all` first; those
/// without boards are left out. `solved` at the end with its share and 95 % Wilson interval, and in the undisturbed
/// pass; `only_disturbed` and `only_undisturbed` are solved at the end in one of them; `never_left` and `reached` as
/// [`Fate`] has them, with the quartiles of the iterations until then, empty where there are none.
#[must_use]
pub fn fates_csv(found: &Recovery) -> String {
    let mut out = String::from(
        "was_solved,bucket,solved,boards,share,low,high,undisturbed,only_disturbed,only_undisturbed,never_left,reached,\
         lower,median,upper\n",
    );
    for (was, fates) in [(1, &found.were_solved), (0, &found.were_unsolved)] {
        for (label, f) in fates.labelled() {
            let Some(share) = f.solved.share() else { continue };
            let until = f.until.map_or([const { String::new() }; 3], |s| [s.lower, s.median, s.upper].map(exact));
            let _ = writeln!(
                out,
                "{was},{label},{},{},{},{},{},{},{},{},{},{},{}",
                f.solved.count,
                f.solved.of,
                exact(share),
                exact(f.solved.low),
                exact(f.solved.high),
                f.undisturbed.count,
                f.only_disturbed,
                f.only_undisturbed,
                f.never_left,
                f.reached,
                until.join(",")
            );
        }
    }
    out
}

/// Cells alike and solved boards, disturbed with the 95 % interval and undisturbed, against the iterations since the
/// disturbance.
///
/// # Errors
/// No iteration, or plotters cannot draw.
pub fn figure(found: &Recovery, size: Size) -> Result<String, ReportError> {
    if found.moments.is_empty() {
        return Err(ReportError::Figure("no iteration was read".into()));
    }
    let mut x = iterations_axis(found.moments.len() as f64);
    x.label = "Iterations since the disturbance".into();
    let panel =
        Panel { x, y: Axis::new("Share (%)", Scale::Linear).over(0.0, 100.0), lines: lines(found), marks: Vec::new() };
    let title = format!("Recovery · {}, {}", puzzles(found.boards), disturbance(found.disturbance));
    svg(size, &title, |area| panel.draw(area))
}

/// Lines of the figure, against the iterations since the disturbance.
pub(super) fn lines(found: &Recovery) -> Vec<Line> {
    let series =
        |name, of: &dyn Fn(&Moment) -> f64| percent_series(name, found.moments.iter().map(|m| (m.since, of(m))));
    let mut solved = Line::new(series("Solved boards", &|m| m.solved.share().unwrap_or(0.0)), palette::RIGHT);
    solved.band = Some((series("", &|m| m.solved.low), series("", &|m| m.solved.high)));
    let plain =
        Line::new(series("Solved boards, undisturbed", &|m| m.undisturbed.share().unwrap_or(0.0)), palette::FAINT);
    let alike = Line::new(series("Cells as in the undisturbed pass", &|m| m.agree), palette::INK);
    vec![alike, plain, solved]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Record;
    use crate::measure::made_up::{puzzle, record};
    use crate::measure::recovery::recovery;
    use crate::report::measured::words::sheet;

    fn found(kind: DisturbanceKind) -> Recovery {
        let plain = ["essssss", "essssss", "essssss", "essssss", "eeeeeee", "eddcbas", "eeeeeee"];
        let shaken = ["essssss", "esbasss", "es", "essasas", "eedcbas", "eddcbaa", "decsaaa"];
        let puzzles: Vec<_> = [0, 0, 2, 30, 30, 70, 70].map(|r| puzzle(11, r)).into();
        let of =
            |letters: [&str; 7]| -> Vec<Record> { puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect() };
        recovery(&puzzles, &of(plain), &of(shaken), Disturbance { after: 2, kind }, 7).unwrap()
    }

    #[test]
    fn the_table_reads_well() {
        insta::assert_snapshot!(table(&found(DisturbanceKind::Answers(3))));
    }

    #[test]
    fn the_files_are_tidy() {
        insta::assert_snapshot!(csv(&found(DisturbanceKind::Answers(3))));
        insta::assert_snapshot!(fates_csv(&found(DisturbanceKind::Answers(3))));
    }

    #[test]
    fn the_figure_says_what_it_shows() {
        let words = ["Iterations since the disturbance", "noise of 50 % on the state after iteration 2", "undisturbed"];
        sheet(figure(&found(DisturbanceKind::Noise(0.5)), Size::default()), "measured-recovery", &words);
        let one = figure(&found(DisturbanceKind::States(1)), Size::default()).unwrap();
        assert!(one.contains("states of 1 blank cell set to zero"));
    }
}
