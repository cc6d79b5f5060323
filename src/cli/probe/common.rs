//! What all measurements take, and how their results leave.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::engine::protocol::{Command, Event, Kernels, Subject};
use crate::measure::{Record, Recording, Spent};
use crate::report::{ReportError, Size};
use crate::tasks::sudoku::Puzzle;

/// Where results go.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct ResultsArg {
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Write the numbers as CSV too
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Draw the figure too
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
}

/// Of a figure that is written to a file.
const SIZE: Size = Size { width: 900, height: 560 };

impl ResultsArg {
    /// Prints and writes one result in all its forms.
    pub(super) fn tell<T: Serialize + ?Sized>(
        &self,
        result: &T,
        table: impl FnOnce(&T) -> String,
        csv: impl FnOnce(&T) -> String,
        figure: impl FnOnce(&T, Size) -> Result<String, ReportError>,
    ) -> Outcome {
        if let Some(path) = &self.csv {
            output::file(path, csv(result).as_bytes())?;
        }
        if let Some(path) = &self.svg {
            let svg = figure(result, SIZE).map_err(|e| Failure::Engine(e.to_string()))?;
            output::file(path, svg.as_bytes())?;
        }
        if self.json {
            output::json(&result)?;
        } else {
            output::write(table(result).as_bytes())?;
        }
        Ok(Answer::Yes)
    }
}

/// Records every iteration of a pass over all puzzles with the opened model.
pub(super) fn record(
    session: &mut Session,
    puzzles: Vec<Puzzle>,
    settings: Recording,
    kernels: Kernels,
) -> Result<(Vec<Record>, Spent), Failure> {
    let progress = Progress::bar(puzzles.len(), "boards");
    let mut all = Vec::with_capacity(puzzles.len());
    let subject = Subject::Opened;
    let request = session.ask(|request| Command::Record { request, subject, puzzles, settings, kernels });
    loop {
        match session.next_of(request)? {
            Event::Progress { done, of, .. } => progress.set(done, of),
            Event::Recorded { records, spent, .. } => {
                all.extend(records);
                if let Some(spent) = spent {
                    return Ok((all, spent));
                }
            }
            _ => {}
        }
    }
}
