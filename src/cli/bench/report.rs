//! What a bench found, as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

/// Starts of the program.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cold {
    /// Seconds from the start of a process to its end, with the answer.
    pub(super) first_answer_seconds: f64,
    /// Seconds from the start of a process to its first training step: batch 64, T = 16.
    pub(super) first_step_seconds: f64,
}

/// One case.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// “loopscope”, or what the other program calls itself.
    pub(super) program: String,
    /// Kernels, or the other program's case.
    pub(super) case: String,
    /// Boards at once, where that is known.
    pub(super) boards: Option<u32>,
    /// Milliseconds of an iteration of all boards together, a pass each.
    pub(super) milliseconds: Vec<f64>,
    pub(super) median: f64,
    /// Useful operations a second.
    pub(super) gflop_per_second: Option<f64>,
}

impl Row {
    pub(super) fn own(case: &str, boards: u32, times: Vec<f64>, operations: f64) -> Self {
        let median = median(&times);
        Self {
            program: "loopscope".into(),
            case: case.into(),
            boards: Some(boards),
            gflop_per_second: Some(operations * f64::from(boards) / (median * 1e6)),
            milliseconds: times,
            median,
        }
    }

    pub(super) fn other(program: &str, case: &str, times: Vec<f64>) -> Self {
        let median = median(&times);
        Self {
            program: program.into(),
            case: case.into(),
            boards: None,
            milliseconds: times,
            median,
            gflop_per_second: None,
        }
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
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) device: String,
    pub(super) model: String,
    /// Operations of a board and iteration.
    pub(super) operations: f64,
    pub(super) iterations: u32,
    pub(super) cold: Option<Cold>,
    pub(super) rows: Vec<Row>,
}

impl Report {
    pub(super) fn table(&self) -> String {
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
        let _ = writeln!(
            out,
            "\n{:<12} {:<22} {:>6} {:>12} {:>21} {:>10}",
            "program", "case", "boards", "ms/iteration", "least to most", "GFLOP/s"
        );
        for row in &self.rows {
            let least = row.milliseconds.iter().copied().fold(f64::INFINITY, f64::min);
            let most = row.milliseconds.iter().copied().fold(0.0, f64::max);
            let boards = row.boards.map_or_else(String::new, |b| b.to_string());
            let rate = row.gflop_per_second.map_or_else(String::new, |g| format!("{g:.1}"));
            let range = format!("{least:.4} to {most:.4}");
            let _ = writeln!(
                out,
                "{:<12} {:<22} {boards:>6} {:>12.4} {range:>21} {rate:>10}",
                row.program, row.case, row.median
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_times() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_table() {
        let report = Report {
            device: "a card".into(),
            model: "sudoku9".into(),
            operations: 141e6,
            iterations: 64,
            cold: Some(Cold { first_answer_seconds: 1.25, first_step_seconds: 8.5 }),
            rows: vec![
                Row::own("fused", 1, vec![0.05, 0.07, 0.06], 141e6),
                Row::other("pytorch", "one-eager-tf32", vec![2.4]),
            ],
        };
        insta::assert_snapshot!(report.table(), @r"
        sudoku9 on a card: 141.0 MFLOP a board and iteration, 64 iterations a pass
        first answer              1.25 s from the start of the program
        first training step       8.50 s from the start of the program

        program      case                   boards ms/iteration         least to most    GFLOP/s
        loopscope    fused                       1       0.0600      0.0500 to 0.0700     2350.0
        pytorch      one-eager-tf32                      2.4000      2.4000 to 2.4000           
        ");
    }
}
