//! The two tables of a run folder: `steps.csv` and `iterations.csv`.
//!
//! Numbers are written as the shortest text that reads back as the same bits, so a resumed run goes
//! on from exactly what was recorded. How files survive a kill: see `rows.rs`.

use std::path::Path;

use super::ReportError;
use super::rows::{self, Line, exact};
use crate::trace::{ProbeReport, Step, StepMetrics};

/// `steps.csv`: a row for each reading of the training metrics.
pub struct StepsCsv;

/// `iterations.csv`: a row for each iteration of each probe.
pub struct IterationsCsv;

/// Columns before those of the iterations. The last iteration's solved share stands among them for
/// people and plotting programs; the reader takes it from `solved_T`.
const STEP_COLUMNS: [&str; 7] =
    ["step", "loss", "solved_share_last", "gradient_norm", "learning_rate", "boards_per_second", "seconds"];
const PROBE_HEADER: &str = "step,boards,trained_iterations,iteration,solved";

impl StepsCsv {
    const TABLE: &str = "steps.csv";

    /// Adds a row; makes the file with its header where there is none, and removes a torn last line.
    ///
    /// # Errors
    /// The file cannot be written, or its header is not that of this number of iterations.
    pub async fn append(path: &Path, metrics: &StepMetrics) -> Result<(), ReportError> {
        let iterations = metrics.loss_by_iteration.len().max(metrics.solved_by_iteration.len());
        let header = Self::header(iterations);
        rows::append(path, &header, &Self::row(metrics, iterations), |found| {
            if found == header {
                return Ok(());
            }
            let message = match iterations_of(found) {
                Some(n) => {
                    format!("the table is of {n} iterations and the new row of {iterations}; use another folder")
                }
                None => format!("the header is “{found}”; it must be “{header}”"),
            };
            Err(ReportError::Line { file: path.display().to_string(), line: 1, message })
        })
        .await
    }

    /// The rows of a file; none where there is no file. A torn last line is left out.
    ///
    /// # Errors
    /// The file cannot be read, or which line is wrong and why.
    pub async fn read(path: &Path) -> Result<Vec<StepMetrics>, ReportError> {
        rows::read(path).await?.map_or_else(|| Ok(Vec::new()), |text| Self::parse(&text).map_err(|e| e.in_file(path)))
    }

    /// The rows of a text, as [`StepsCsv::read`].
    ///
    /// # Errors
    /// Which line is wrong and why.
    pub fn parse(text: &str) -> Result<Vec<StepMetrics>, ReportError> {
        let mut lines = rows::lines(text, Self::TABLE);
        let Some(header) = lines.next() else { return Ok(Vec::new()) };
        let iterations = iterations_of(header.text).ok_or_else(|| {
            header.error(format!(
                "the header is “{}”; it must be “{}”",
                header.text,
                Self::header(header.cells().len().saturating_sub(7) / 2)
            ))
        })?;
        lines.map(|line| Self::metrics(&line, iterations)).collect()
    }

    /// All rows with their header. A run has the same number of iterations in all rows; a shorter
    /// list is filled up with NaN.
    #[must_use]
    pub fn text(metrics: &[StepMetrics]) -> String {
        let count = |m: &StepMetrics| m.loss_by_iteration.len().max(m.solved_by_iteration.len());
        let iterations = metrics.iter().map(count).max().unwrap_or(0);
        let mut out = Self::header(iterations) + "\n";
        metrics.iter().for_each(|m| out.push_str(&Self::row(m, iterations)));
        out
    }

    /// Removes the rows beyond a step, and a torn last line, by writing a new file and renaming it.
    /// Returns how many rows were removed; 0 where there is no file.
    ///
    /// # Errors
    /// As [`StepsCsv::read`], or the file cannot be replaced. The old file is then still there.
    pub async fn cut_back(path: &Path, step: Step) -> Result<usize, ReportError> {
        let Some(text) = rows::read(path).await? else { return Ok(0) };
        Self::parse(&text).map_err(|e| e.in_file(path))?;
        cut_back(path, &text, Self::TABLE, step).await
    }

    fn header(iterations: usize) -> String {
        let mut columns: Vec<String> = STEP_COLUMNS.map(String::from).to_vec();
        columns.extend((1..=iterations).map(|i| format!("loss_{i}")));
        columns.extend((1..=iterations).map(|i| format!("solved_{i}")));
        columns.join(",")
    }

    fn row(m: &StepMetrics, iterations: usize) -> String {
        let at = |list: &[f32], i: usize| exact(list.get(i).copied().unwrap_or(f32::NAN));
        let mut cells = vec![
            m.step.0.to_string(),
            exact(m.loss),
            exact(m.solved_by_iteration.last().copied().unwrap_or(f32::NAN)),
            exact(m.gradient_norm),
            exact(m.learning_rate),
            exact(m.boards_per_second),
            exact(m.seconds),
        ];
        cells.extend((0..iterations).map(|i| at(&m.loss_by_iteration, i)));
        cells.extend((0..iterations).map(|i| at(&m.solved_by_iteration, i)));
        cells.join(",") + "\n"
    }

    fn metrics(line: &Line, iterations: usize) -> Result<StepMetrics, ReportError> {
        line.expect_columns(STEP_COLUMNS.len() + 2 * iterations)?;
        let single = |column: usize| line.get::<f32>(column, STEP_COLUMNS[column], "a number");
        let double = |column: usize| line.get::<f64>(column, STEP_COLUMNS[column], "a number");
        let list = |name: &str, first: usize| {
            let value = |i| line.get::<f32>(first + i, &format!("{name}_{}", i + 1), "a number");
            (0..iterations).map(value).collect::<Result<Vec<f32>, _>>()
        };
        single(2)?;
        Ok(StepMetrics {
            step: Step(line.integer(0, "step")?),
            loss: single(1)?,
            gradient_norm: single(3)?,
            learning_rate: double(4)?,
            boards_per_second: single(5)?,
            seconds: double(6)?,
            loss_by_iteration: list("loss", STEP_COLUMNS.len())?,
            solved_by_iteration: list("solved", STEP_COLUMNS.len() + iterations)?,
        })
    }
}

/// T of a header of `steps.csv`; none if it is another table's.
fn iterations_of(header: &str) -> Option<usize> {
    let extra = header.split(',').count().checked_sub(STEP_COLUMNS.len())?;
    (extra.is_multiple_of(2) && StepsCsv::header(extra / 2) == header).then_some(extra / 2)
}

impl IterationsCsv {
    const TABLE: &str = "iterations.csv";

    /// Adds the rows of a probe. The file is written anew and renamed, so that a probe is in it
    /// wholly or not at all; a torn last line is removed. A probe without iterations leaves no rows.
    ///
    /// # Errors
    /// The file cannot be written, or it is another table.
    pub async fn append(path: &Path, report: &ProbeReport) -> Result<(), ReportError> {
        let mut text = rows::read(path).await?.unwrap_or_default();
        if text.is_empty() {
            text = format!("{PROBE_HEADER}\n");
        }
        if let Some(header) = rows::lines(&text, Self::TABLE).next() {
            check_probe_header(&header).map_err(|e| e.in_file(path))?;
        }
        push_report(&mut text, report);
        rows::replace(path, &text).await
    }

    /// The probes of a file; none where there is no file. A torn last line is left out.
    ///
    /// # Errors
    /// The file cannot be read, or which line is wrong and why.
    pub async fn read(path: &Path) -> Result<Vec<ProbeReport>, ReportError> {
        rows::read(path).await?.map_or_else(|| Ok(Vec::new()), |text| Self::parse(&text).map_err(|e| e.in_file(path)))
    }

    /// The probes of a text, as [`IterationsCsv::read`].
    ///
    /// # Errors
    /// Which line is wrong and why.
    pub fn parse(text: &str) -> Result<Vec<ProbeReport>, ReportError> {
        let mut lines = rows::lines(text, Self::TABLE);
        let mut reports: Vec<ProbeReport> = Vec::new();
        let Some(header) = lines.next() else { return Ok(reports) };
        check_probe_header(&header)?;
        for line in lines {
            line.expect_columns(5)?;
            let (step, boards) = (Step(line.integer(0, "step")?), line.integer(1, "boards")?);
            let trained_iterations = line.integer(2, "trained_iterations")?;
            let (iteration, solved) = (line.integer(3, "iteration")?, line.integer(4, "solved")?);
            if solved > boards {
                return Err(line.error(format!("solved is {solved}; it must be at most the {boards} boards")));
            }
            if iteration == 1 {
                reports.push(ProbeReport { step, boards, trained_iterations, solved: vec![solved] });
                continue;
            }
            match reports.last_mut() {
                Some(r)
                    if (r.step, r.boards, r.trained_iterations) == (step, boards, trained_iterations)
                        && r.solved.len() as u64 + 1 == u64::from(iteration) =>
                {
                    r.solved.push(solved);
                }
                last => {
                    let next = last.map_or_else(
                        || "1".to_owned(),
                        |r| format!("{} of step {}, or 1 of another probe", r.solved.len() + 1, r.step.0),
                    );
                    return Err(line.error(format!("iteration is {iteration} of step {}; it must be {next}", step.0)));
                }
            }
        }
        Ok(reports)
    }

    /// All probes with the header.
    #[must_use]
    pub fn text(reports: &[ProbeReport]) -> String {
        let mut out = format!("{PROBE_HEADER}\n");
        reports.iter().for_each(|r| push_report(&mut out, r));
        out
    }

    /// Removes the probes beyond a step, as [`StepsCsv::cut_back`]; returns how many rows went.
    ///
    /// # Errors
    /// As [`IterationsCsv::read`], or the file cannot be replaced. The old file is then still there.
    pub async fn cut_back(path: &Path, step: Step) -> Result<usize, ReportError> {
        let Some(text) = rows::read(path).await? else { return Ok(0) };
        Self::parse(&text).map_err(|e| e.in_file(path))?;
        cut_back(path, &text, Self::TABLE, step).await
    }
}

fn push_report(text: &mut String, r: &ProbeReport) {
    for (solved, i) in r.solved.iter().zip(1u32..) {
        text.push_str(&format!("{},{},{},{i},{solved}\n", r.step.0, r.boards, r.trained_iterations));
    }
}

fn check_probe_header(line: &Line) -> Result<(), ReportError> {
    if line.text == PROBE_HEADER {
        return Ok(());
    }
    Err(line.error(format!("the header is “{}”; it must be “{PROBE_HEADER}”", line.text)))
}

/// Keeps the header and the rows up to `step`, word for word.
async fn cut_back(path: &Path, text: &str, table: &'static str, step: Step) -> Result<usize, ReportError> {
    let mut kept = String::new();
    let mut removed = 0;
    for line in rows::lines(text, table) {
        if line.number > 1 && line.integer(0, "step")? > step.0 {
            removed += 1;
        } else {
            kept.push_str(line.text);
            kept.push('\n');
        }
    }
    rows::replace(path, &kept).await?;
    Ok(removed)
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
