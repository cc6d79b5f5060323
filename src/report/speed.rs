//! What a bench of the loop found, as a table for the terminal, as JSON, and many of them as one table of
//! Markdown.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Starts of the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cold {
    /// Seconds from the start of a process to its end, with the answer; the median of all starts.
    pub first_answer_seconds: f64,
    /// Of each start, in order.
    #[serde(default)]
    pub first_answers: Vec<f64>,
    /// Seconds from the start of a process to its first training step: batch 64, T = 16.
    pub first_step_seconds: f64,
}

impl Cold {
    /// Of starts to the first answer, at least one, and one to the first training step.
    #[must_use]
    pub fn new(first_answers: Vec<f64>, first_step_seconds: f64) -> Self {
        Self { first_answer_seconds: median(&first_answers), first_answers, first_step_seconds }
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// “loopscope”, or what the other program calls itself.
    pub program: String,
    /// Kernels, or the other program's case.
    pub case: String,
    /// Boards at once, where that is known.
    pub boards: Option<u32>,
    /// T of a training step, where that is what was timed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<u32>,
    /// Milliseconds of an iteration of all boards together, or of a training step; a pass each.
    pub milliseconds: Vec<f64>,
    /// The middle of them.
    pub median: f64,
    /// Useful operations a second.
    pub gflop_per_second: Option<f64>,
    /// What the device could do at most: multiply-adds on registers in f32, the median of one measurement after
    /// each pass.
    pub limit_gflop_per_second: Option<f64>,
}

/// What this program calls itself in a [`Row`].
const OWN: &str = "loopscope";
/// The kernels that everything else is compared with.
const PLAIN: &str = "plain";

impl Row {
    /// A case of this program. `operations` are those of a board and iteration, `limits` operations a second.
    #[must_use]
    pub fn own(case: &str, boards: u32, times: Vec<f64>, operations: f64, limits: &[f64]) -> Self {
        let limit = (!limits.is_empty()).then(|| median(limits) / 1e9);
        Self { limit_gflop_per_second: limit, ..Self::other(OWN, case, Some(boards), times, operations) }
    }

    /// A case of another program.
    #[must_use]
    pub fn other(program: &str, case: &str, boards: Option<u32>, times: Vec<f64>, operations: f64) -> Self {
        let median = median(&times);
        Self {
            program: program.into(),
            case: case.into(),
            boards,
            training: None,
            milliseconds: times,
            median,
            gflop_per_second: boards.map(|n| operations * f64::from(n) / (median * 1e6)),
            limit_gflop_per_second: None,
        }
    }

    /// The same of training steps with T iterations: a pass back takes twice what a pass forward takes.
    #[must_use]
    pub fn of_training(self, iterations: u32) -> Self {
        let times = 3.0 * f64::from(iterations);
        Self { training: Some(iterations), gflop_per_second: self.gflop_per_second.map(|g| g * times), ..self }
    }

    fn boards_per_second(&self) -> String {
        self.boards.map_or_else(String::new, |n| format!("{:.0}", f64::from(n) * 1e3 / self.median))
    }

    fn range(&self) -> String {
        let least = self.milliseconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.milliseconds.iter().copied().fold(0.0, f64::max);
        format!("{least:.4} to {most:.4}")
    }

    fn share_of_limit(&self) -> String {
        let share = self.gflop_per_second.zip(self.limit_gflop_per_second).map(|(g, limit)| 100.0 * g / limit);
        share.map_or_else(String::new, |s| if s < 10.0 { format!("{s:.1} %") } else { format!("{s:.0} %") })
    }

    fn rate(&self) -> String {
        self.gflop_per_second.map_or_else(String::new, |g| format!("{g:.1}"))
    }
}

/// The middle value; of an even number the mean of the two in the middle.
fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// A whole bench.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// The device's name.
    pub device: String,
    /// The processor's name, where the system tells it.
    #[serde(default)]
    pub processor: Option<String>,
    /// What was timed.
    pub model: String,
    /// Operations of a board and iteration.
    pub operations: f64,
    /// Iterations of a pass.
    pub iterations: u32,
    /// Starts of the program, where they were timed.
    #[serde(default)]
    pub cold: Option<Cold>,
    /// What was found.
    pub rows: Vec<Row>,
}

impl Speed {
    /// Reads one report or a list of them.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Vec<Self>, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("this is no JSON: {e}"))?;
        let list = if value.is_array() { value } else { serde_json::Value::Array(vec![value]) };
        serde_json::from_value(list).map_err(|e| format!("this is no output of `loopscope bench --json`: {e}"))
    }

    /// For a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{} on {}: {:.1} MFLOP a board and iteration, {} iterations a pass",
            self.model,
            self.device,
            self.operations / 1e6,
            self.iterations
        );
        if let Some(cold) = &self.cold {
            let _ = writeln!(
                out,
                "first answer          {:>8.2} s from the start of the program",
                cold.first_answer_seconds
            );
            let _ =
                writeln!(out, "first training step   {:>8.2} s from the start of the program", cold.first_step_seconds);
        }
        self.iterations_table(&mut out);
        self.training_table(&mut out);
        out
    }

    fn iterations_table(&self, out: &mut String) {
        if self.of_kind(false).next().is_none() {
            return;
        }
        let _ = writeln!(
            out,
            "\n{:<12} {:<22} {:>6} {:>12} {:>21} {:>10} {:>9}",
            "program", "case", "boards", "ms/iteration", "least to most", "GFLOP/s", "of limit"
        );
        for row in self.of_kind(false) {
            let boards = row.boards.map_or_else(String::new, |b| b.to_string());
            let _ = writeln!(
                out,
                "{:<12} {:<22} {boards:>6} {:>12.4} {:>21} {:>10} {:>9}",
                row.program,
                row.case,
                row.median,
                row.range(),
                row.rate(),
                row.share_of_limit()
            );
        }
    }

    fn training_table(&self, out: &mut String) {
        if self.of_kind(true).next().is_none() {
            return;
        }
        let _ = writeln!(
            out,
            "\n{:<12} {:<22} {:>6} {:>3} {:>12} {:>21} {:>10} {:>10} {:>9} {:>7}",
            "program",
            "training",
            "boards",
            "T",
            "ms/step",
            "least to most",
            "boards/s",
            "GFLOP/s",
            "of limit",
            "ratio"
        );
        for row in self.of_kind(true) {
            let boards = row.boards.map_or_else(String::new, |b| b.to_string());
            let _ = writeln!(
                out,
                "{:<12} {:<22} {boards:>6} {:>3} {:>12.3} {:>21} {:>10} {:>10} {:>9} {:>7}",
                row.program,
                row.case,
                row.training.unwrap_or_default(),
                row.median,
                row.range(),
                row.boards_per_second(),
                row.rate(),
                row.share_of_limit(),
                self.ratio(row).map_or_else(String::new, |r| format!("{r:.2}"))
            );
        }
    }

    /// Rows of training steps, or of iterations.
    fn of_kind(&self, training: bool) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |r| r.training.is_some() == training)
    }

    /// How many times as long a row took as this program's own kernels for so many boards, the quickest that are
    /// not the plain path.
    fn ratio(&self, row: &Row) -> Option<f64> {
        let like = |r: &&Row| r.boards == row.boards && r.training == row.training;
        let own = self.rows.iter().filter(|r| r.program == OWN && r.case != PLAIN).filter(like);
        own.map(|r| r.median).min_by(f64::total_cmp).map(|own| row.median / own)
    }

    fn name(&self) -> String {
        match &self.processor {
            Some(processor) => format!("{}, {processor}", self.device),
            None => self.device.clone(),
        }
    }
}

/// Reports as one table of Markdown. In each group of a device and a number of boards the quickest kernels of the
/// loop are the measure for all.
#[must_use]
pub fn markdown(reports: &[Speed]) -> String {
    let mut out = String::from(
        "| device | boards | program | ms an iteration (least to most) | times as long as the loop | GFLOP/s | of the limit |\n\
         |---|---:|---|---:|---:|---:|---:|\n",
    );
    for report in reports {
        let name = report.name();
        for row in report.of_kind(false) {
            let (ratio, boards) = (shown(report.ratio(row)), row.boards.map_or_else(|| "–".into(), |b| b.to_string()));
            let _ = writeln!(
                out,
                "| {name} | {boards} | {} {} | {:.4} ({}) | {ratio} | {} | {} |",
                row.program,
                row.case,
                row.median,
                row.range(),
                row.rate(),
                row.share_of_limit()
            );
        }
    }
    let mut trained = reports.iter().flat_map(|r| r.of_kind(true).map(move |row| (r, row))).peekable();
    if trained.peek().is_some() {
        out.push_str(
            "\n| device | model | boards | T | program | ms a training step (least to most) | boards/s | times as long as the fused kernels | GFLOP/s | of the limit |\n\
             |---|---|---:|---:|---|---:|---:|---:|---:|---:|\n",
        );
    }
    for (report, row) in trained {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} {} | {:.3} ({}) | {} | {} | {} | {} |",
            report.name(),
            report.model,
            row.boards.map_or_else(|| "–".into(), |b| b.to_string()),
            row.training.unwrap_or_default(),
            row.program,
            row.case,
            row.median,
            row.range(),
            row.boards_per_second(),
            shown(report.ratio(row)),
            row.rate(),
            row.share_of_limit()
        );
    }
    let mut starts = reports.iter().filter_map(|r| Some((r, r.cold.as_ref()?))).peekable();
    if starts.peek().is_some() {
        out.push_str("\n| device | from the start of the program, no cache | seconds |\n|---|---|---:|\n");
    }
    for (report, cold) in starts {
        let name = report.name();
        let _ = writeln!(out, "| {name} | to the first answer of the 9×9 network | {:.2} |", cold.first_answer_seconds);
        let _ = writeln!(
            out,
            "| {name} | to its first training step (batch 64, T = 16) | {:.2} |",
            cold.first_step_seconds
        );
    }
    out
}

/// A ratio in a table of Markdown.
fn shown(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |r| if r == 1.0 { "1".into() } else { format!("**{r:.2}**") })
}

/// Where a table stands in a text.
const BEGIN: &str = "<!-- speed: made by `cargo xtask speed` from benches/results; do not edit -->\n";
const END: &str = "<!-- end of speed -->";

/// A text with another table between its marks.
///
/// # Errors
/// When the marks are not there.
pub fn replaced(text: &str, table: &str) -> Result<String, String> {
    let missing = || format!("there is no place for the table: it goes between “{}” and “{END}”", BEGIN.trim_end());
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Speed {
        Speed {
            device: "a card".into(),
            processor: None,
            model: "sudoku9".into(),
            operations: 141e6,
            iterations: 64,
            cold: Some(Cold::new(vec![2.0, 1.25, 1.0], 8.5)),
            rows: vec![
                Row::own("fused", 1, vec![0.05, 0.07, 0.06], 141e6, &[47e12, 46e12, 48e12]),
                Row::own("plain", 1, vec![0.9], 141e6, &[47e12]),
                Row::other("pytorch", "one-eager-tf32", Some(1), vec![2.4], 141e6),
                Row::other("pytorch", "unknown", None, vec![2.4], 141e6),
            ],
        }
    }

    #[test]
    fn the_middle_of_times() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_table() {
        insta::assert_snapshot!(report().table());
    }

    #[test]
    fn the_table_of_many() {
        let other = Speed { device: "CPU".into(), processor: Some("a processor".into()), cold: None, ..report() };
        insta::assert_snapshot!(markdown(&[report(), other]));
    }

    #[test]
    fn training_steps_have_tables_of_their_own() {
        let rows = vec![
            Row::own("half", 64, vec![10.0], 141e6, &[90e12]).of_training(16),
            Row::own("fused", 64, vec![20.0], 141e6, &[47e12]).of_training(16),
            Row::own("plain", 64, vec![80.0], 141e6, &[47e12]).of_training(16),
            Row::other("pytorch", "train-compiled-bf16", Some(64), vec![15.0], 141e6).of_training(16),
        ];
        let all = Speed { cold: None, rows: report().rows.into_iter().take(1).chain(rows).collect(), ..report() };
        insta::assert_snapshot!(format!("{}\n{}", all.table(), markdown(std::slice::from_ref(&all))));
        assert_eq!(Speed::read(&serde_json::to_string(&all).unwrap()).unwrap(), [all]);
    }

    #[test]
    fn what_was_written_is_read() {
        let report = report();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(Speed::read(&text).unwrap(), std::slice::from_ref(&report));
        assert_eq!(Speed::read(&format!("[{text},{text}]")).unwrap(), [report.clone(), report]);
        assert!(Speed::read("[1]").unwrap_err().contains("loopscope bench --json"));
        assert!(Speed::read("").unwrap_err().contains("no JSON"));
    }

    #[test]
    fn a_table_takes_the_place_of_the_last() {
        let text = format!("a\n{BEGIN}old\n{END}\nz\n");
        let once = replaced(&text, "new\n").unwrap();
        assert_eq!(once, format!("a\n{BEGIN}\nnew\n\n{END}\nz\n"));
        assert_eq!(replaced(&once, "new\n").unwrap(), once);
        assert!(replaced("a\n", "new\n").unwrap_err().contains("speed"));
    }
}
