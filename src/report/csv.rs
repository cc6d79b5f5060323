//! The two tables of a run folder: `steps.csv` and `iterations.csv`.
//!
//! Numbers are written as the shortest text that reads back as the same bits, so a resumed run goes
//! on from exactly what was recorded. How files survive a kill: see `rows.rs`.

mod iterations;
mod steps;

use std::path::Path;

pub use iterations::IterationsCsv;
pub use steps::StepsCsv;

use super::ReportError;
use super::rows;
use crate::trace::Step;

/// Keeps the header and the rows up to `step` in column `column`, word for word.
async fn cut_back(
    path: &Path,
    text: &str,
    table: &'static str,
    column: usize,
    step: Step,
) -> Result<usize, ReportError> {
    let mut kept = String::new();
    let mut removed = 0;
    for line in rows::lines(text, table) {
        if line.number > 1 && line.integer(column, "step")? > step.0 {
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
