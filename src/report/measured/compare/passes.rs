//! Two models on one board.

use std::fmt::Write as _;

use serde::Serialize;

use super::name_of;
use crate::measure::compare::{Pair, PairRow, Right};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{border, iterations_axis, svg};
use crate::report::measured::scaling::quoted;
use crate::report::measured::words::{landmarks, none, row, whole};
use crate::report::{ReportError, Series, Size, palette};
use crate::trace::{Curves, Trace};

/// Two passes over one board with what was read from them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassesCompared {
    /// Names of A and B.
    pub models: [String; 2],
    /// The trained T of each.
    pub trained_iterations: [u32; 2],
    /// The clues on one line.
    pub puzzle: String,
    /// How each pass went.
    pub verdicts: [String; 2],
    /// From this iteration to the last the answers are the same; none where they differ in the end.
    pub agreed: Option<u32>,
    /// What was read.
    #[serde(flatten)]
    pub pair: Pair,
}

impl PassesCompared {
    /// Reads two traces of one puzzle.
    ///
    /// # Errors
    /// They are of different puzzles.
    pub fn of(first: &Trace, second: &Trace) -> Result<Self, String> {
        let pair = Pair::of(first, second)?;
        let both = [first, second];
        Ok(Self {
            models: both.map(|t| t.model.clone()),
            trained_iterations: both.map(|t| t.trained_iterations),
            puzzle: first.puzzle.clues.to_line(),
            verdicts: both.map(|t| Curves::of(t).verdict().to_string()),
            agreed: pair.agreed(),
            pair,
        })
    }
}

/// The differences as curves: cells that differ, cells that A alone and B alone have right, total variation,
/// divergence. Those of right cells have no points where no solution is known.
#[must_use]
pub fn series(pair: &Pair) -> [Series; 5] {
    let at = |r: &PairRow, y: f64| [f64::from(r.iteration), y];
    let right = |pick: fn(Right) -> u32| {
        pair.rows.iter().filter_map(move |r| r.right.map(|right| at(r, f64::from(pick(right)))))
    };
    [
        Series::new("Answers differ", "cells", pair.rows.iter().map(|r| at(r, f64::from(r.differ)))),
        Series::new("A alone is right", "cells", right(|r| r.first)),
        Series::new("B alone is right", "cells", right(|r| r.second)),
        Series::new("Total variation", "", pair.rows.iter().map(|r| at(r, r.variation))),
        Series::new("Jensen–Shannon", "nats", pair.rows.iter().map(|r| at(r, r.divergence))),
    ]
}

/// A table for a terminal: iterations 1, 2, 4, … and the last.
#[must_use]
pub fn table(one: &PassesCompared) -> String {
    let [a, b] = &one.models;
    let mut out = format!("A is {a}, B is {b}, on {}: blank cells of {}\n\n", one.puzzle, one.pair.blanks);
    let heads =
        ["iteration", "differ", "both right", "A alone", "B alone", "neither", "total variation", "divergence (nats)"];
    let widths = [9, 6, 10, 7, 7, 7, 15, 17];
    out.push_str(&row(&heads.map(str::to_owned), &widths));
    let shown = landmarks(one.pair.rows.len() as u32);
    for r in one.pair.rows.iter().filter(|r| shown.contains(&r.iteration)) {
        let right = r
            .right
            .map_or_else(|| [none(), none(), none(), none()], |r| [r.both, r.first, r.second, r.neither].map(whole));
        let mut cells = vec![whole(r.iteration), whole(r.differ)];
        cells.extend(right);
        cells.extend([format!("{:.3}", r.variation), format!("{:.3}", r.divergence)]);
        out.push_str(&row(&cells, &widths));
    }
    let _ = writeln!(
        out,
        "\n{}\nA: {}\nB: {}\nTotal variation is ½ Σ |p − q|, the divergence Jensen and Shannon's, means over the blank \
         cells.",
        one.pair.verdict(),
        one.verdicts[0],
        one.verdicts[1]
    );
    out
}

/// One row an iteration; cells are counted, empty where no solution is known. `variation` is 0 to 1, `divergence`
/// in nats, 0 to 0.693.
#[must_use]
pub fn csv(one: &PassesCompared) -> String {
    let mut out = String::from(
        "first_model,second_model,iteration,differ,both_right,first_right,second_right,neither_right,variation,divergence\n",
    );
    let [a, b] = one.models.each_ref().map(|m| quoted(m));
    for PairRow { iteration, differ, right, variation, divergence } in &one.pair.rows {
        let right = right.map_or_else(
            || ",,,".to_owned(),
            |Right { both, first, second, neither }| format!("{both},{first},{second},{neither}"),
        );
        let _ = writeln!(out, "{a},{b},{iteration},{differ},{right},{variation},{divergence}");
    }
    out
}

/// Cells that differ and cells that one model alone has right, and under them the distances of the probabilities.
///
/// # Errors
/// The passes have no iteration in common, or plotters cannot draw.
pub fn figure(one: &PassesCompared, size: Size) -> Result<String, ReportError> {
    let most = one.pair.rows.len() as f64;
    if one.pair.rows.is_empty() {
        return Err(ReportError::Figure("the passes have no iteration in common".into()));
    }
    let [differ, first, second, variation, divergence] = series(&one.pair);
    let [t, other] = one.trained_iterations;
    let marks = if t == other { border(t, most) } else { Vec::new() };
    let lines = [(differ, palette::INK), (first, palette::ACCENT), (second, palette::SEVERAL[3])];
    let mut lines: Vec<Line> = lines.into_iter().map(|(s, rgb)| Line::new(s, rgb)).collect();
    lines.retain(|l| !l.series.points.is_empty());
    let cells = Panel {
        x: iterations_axis(most),
        y: Axis::new("Cells", Scale::Linear).over(0.0, f64::from(one.pair.blanks.max(1))),
        lines,
        marks: marks.clone(),
    };
    let distances = Panel {
        x: iterations_axis(most),
        y: Axis::new("Distance", Scale::Linear).over(0.0, 1.0),
        lines: vec![Line::new(variation, palette::INK), Line::new(divergence, palette::SEVERAL[1])],
        marks,
    };
    let [a, b] = [false, true].map(|second| name_of(second, &one.models[usize::from(second)]));
    svg(size, &format!("{a}, {b} · {}", one.pair.verdict()), |area| {
        for (half, panel) in area.split_evenly((2, 1)).iter().zip([cells, distances]) {
            panel.draw(half)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shipped;
    use crate::report::measured::words::sheet;

    /// Two recordings of one puzzle: the shipped one, and the same one iteration late.
    fn compared() -> PassesCompared {
        let traces = Trace::decode_many(shipped::traces("sudoku4").expect("shipped")).expect("a trace");
        let first = traces[0].clone();
        let mut second = Trace { model: "late".into(), ..first.clone() };
        let late = second.frames[0].clone();
        second.frames.insert(0, late);
        PassesCompared::of(&first, &second).expect("the same puzzle")
    }

    #[test]
    fn a_pass_is_compared_in_every_form() {
        let one = compared();
        assert_eq!((one.pair.rows[0].differ, one.pair.rows[0].variation), (0, 0.0));
        let table = table(&one);
        for part in ["A is sudoku4, B is late", "divergence (nats)", "A: Solved", "B: Solved"] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        let csv = csv(&one);
        assert_eq!(csv.lines().count(), one.pair.rows.len() + 1);
        assert!(csv.lines().all(|l| l.split(',').count() == 10), "{csv}");
        sheet(figure(&one, Size::default()), "compare-passes", &["Answers differ", "Total variation", "B · late"]);
        let bare = |trace: &Trace| {
            let mut trace = trace.clone();
            trace.puzzle.solution = None;
            trace
        };
        let traces = Trace::decode_many(shipped::traces("sudoku4").expect("shipped")).expect("a trace");
        let unsolved = PassesCompared::of(&bare(&traces[0]), &bare(&traces[0])).expect("the same puzzle");
        assert!(super::csv(&unsolved).lines().nth(1).is_some_and(|l| l.contains(",,,,0,0")));
        assert!(PassesCompared::of(&traces[0], &traces[1]).is_err());
    }
}
