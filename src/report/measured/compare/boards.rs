//! Two models over the same boards.

use std::fmt::Write as _;

use serde::Serialize;

use super::{name_of, p_value};
use crate::measure::Recording;
use crate::measure::compare::{BoardRow, BoardsCompared};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{border, iterations_axis, svg};
use crate::report::measured::scaling::quoted;
use crate::report::measured::words::{puzzles, row, whole};
use crate::report::{ReportError, Series, Size, palette};

/// Two models with what was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelsCompared {
    /// Names of A and B.
    pub models: [String; 2],
    /// The device that computed.
    pub device: String,
    /// The trained T of each.
    pub trained_iterations: [u32; 2],
    /// How both passes were made.
    pub settings: Recording,
    /// What was found.
    #[serde(flatten)]
    pub found: BoardsCompared,
}

impl ModelsCompared {
    /// T where both were trained with the same.
    fn common_t(&self) -> Option<u32> {
        let [a, b] = self.trained_iterations;
        (a == b).then_some(a)
    }
}

/// A table for a terminal: boards by who solved them, the difference in percentage points, and the test.
#[must_use]
pub fn table(one: &ModelsCompared) -> String {
    let [a, b] = &one.models;
    let mut out = format!(
        "A is {a}, B is {b}, on {}: {}, solved by both, by one alone, by neither\n\n",
        one.device,
        puzzles(one.found.boards)
    );
    let heads = ["iterations    ", "both", "A alone", "B alone", "neither", "B − A (95 % interval)", "p", ""];
    let widths = [14, 7, 7, 7, 7, 24, 7, 0];
    out.push_str(&row(&heads.map(str::to_owned), &widths));
    for r in &one.found.rows {
        let [d, low, high] = [r.difference.share, r.difference.low, r.difference.high].map(|v| 100.0 * v);
        let mark = if one.common_t() == Some(r.iterations) { " (T)" } else { "    " };
        let cells = [
            format!("{}{mark}", whole(r.iterations)),
            whole(r.both),
            whole(r.first),
            whole(r.second),
            whole(r.neither),
            format!("{d:+.1} ({low:+.1} to {high:+.1})"),
            p_value(r.p),
            r.found.words("A", "B"),
        ];
        out.push_str(&row(&cells, &widths));
    }
    out.push_str(
        "\nThe difference is in percentage points, mean over the difficulties that occur, with the interval of 2,000 \
         paired\nbootstrap draws; an interval that holds 0 finds no difference. p is of the exact two-sided McNemar \
         test on the\nboards that one model alone solved.\n",
    );
    out
}

/// One row a number of iterations. Boards are counted; `difference` is the share of `second` minus that of `first`,
/// −1 to 1, with its 95 % interval; `found` is `not_found`, `first` or `second`.
#[must_use]
pub fn csv(one: &ModelsCompared) -> String {
    let mut out = String::from(
        "first_model,second_model,iterations,both,first,second,neither,difference,low,high,found,mcnemar_p\n",
    );
    let [a, b] = one.models.each_ref().map(|m| quoted(m));
    for BoardRow { iterations, both, first, second, neither, difference: d, found, p } in &one.found.rows {
        let found = serde_json::to_value(found).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let _ = writeln!(
            out,
            "{a},{b},{iterations},{both},{first},{second},{neither},{},{},{},{found},{p}",
            d.share, d.low, d.high
        );
    }
    out
}

/// Solved shares of both models, and under them the difference with its interval.
///
/// # Errors
/// Nothing was measured, or plotters cannot draw.
pub fn figure(one: &ModelsCompared, size: Size) -> Result<String, ReportError> {
    let rows = &one.found.rows;
    let Some(last) = rows.last() else { return Err(ReportError::Figure("nothing was measured".into())) };
    let most = f64::from(last.iterations);
    let of = f64::from(one.found.boards.max(1));
    let points = |value: &dyn Fn(&BoardRow) -> f64| -> Vec<[f64; 2]> {
        rows.iter().map(|r| [f64::from(r.iterations), 100.0 * value(r)]).collect()
    };
    let line = |name: String, points: Vec<[f64; 2]>, rgb| {
        let mut line = Line::new(Series::new(name, "%", points), rgb);
        line.dots = true;
        line
    };
    let [a, b] = &one.models;
    let first = line(name_of(false, a), points(&|r| f64::from(r.both + r.first) / of), palette::ACCENT);
    let second = line(name_of(true, b), points(&|r| f64::from(r.both + r.second) / of), palette::SEVERAL[3]);
    let marks = one.common_t().map_or_else(Vec::new, |t| border(t, most));
    let shares = Panel {
        x: iterations_axis(most),
        y: Axis::new("Solved (%)", Scale::Linear).over(0.0, 100.0),
        lines: vec![first, second],
        marks: marks.clone(),
    };
    let (low, high) = (points(&|r| r.difference.low), points(&|r| r.difference.high));
    let y = Axis::new("B − A (points)", Scale::Linear).over(-5.0, 5.0).holding(&low).holding(&high);
    let mut difference = line("B − A, 95 % interval".into(), points(&|r| r.difference.share), palette::INK);
    difference.band = Some((Series::new("", "%", low), Series::new("", "%", high)));
    let mut zero = Line::new(Series::new("no difference", "%", [[1.0, 0.0], [most.max(2.0), 0.0]]), palette::FAINT);
    zero.width = 1;
    let under = Panel { x: iterations_axis(most), y, lines: vec![difference, zero], marks };
    let title = format!("{a} and {b} · {}", puzzles(one.found.boards));
    svg(size, &title, |area| {
        let halves = area.split_evenly((2, 1));
        let mut halves = halves.iter();
        for panel in [shares, under] {
            if let Some(half) = halves.next() {
                panel.draw(half)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::compare::boards;
    use crate::measure::made_up;
    use crate::report::measured::words::sheet;

    fn compared() -> ModelsCompared {
        let puzzles = vec![made_up::puzzle(11, 0); 40];
        let records = |letters: [&str; 2]| -> Vec<_> {
            (0..40).map(|i| made_up::record(&puzzles[0], letters[usize::from(i < 30)])).collect()
        };
        let (a, b) = (records(["asss", "ssss"]), records(["asaa", "ssaa"]));
        ModelsCompared {
            models: ["steady".into(), "falls, then".into()],
            device: "CPU".into(),
            trained_iterations: [2, 2],
            settings: Recording::plain(4),
            found: boards(&puzzles, [&a, &b], &[1, 2, 4], 0).expect("records"),
        }
    }

    #[test]
    fn a_difference_is_told_in_every_form() {
        let one = compared();
        let table = table(&one);
        for part in
            ["A is steady, B is falls, then", "no difference found", "A solves more", "< 0.001", "-100.0", "2 (T)"]
        {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        let csv = csv(&one);
        assert!(
            csv.lines().nth(1).is_some_and(|l| l == "steady,\"falls, then\",1,30,0,0,10,0,0,0,not_found,1"),
            "{csv}"
        );
        assert!(csv.lines().nth(3).is_some_and(|l| l.contains(",4,0,40,0,0,-1,-1,-1,first,")), "{csv}");
        sheet(figure(&one, Size::default()), "compare-boards", &["A · steady", "B · falls, then", "trained with 2"]);
    }
}
