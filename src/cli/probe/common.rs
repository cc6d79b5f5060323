//! What all measurements take, and how their results leave.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::args::{self, ChangesArg, DeviceArg, KernelsArg, ModelSettings};
use crate::cli::boards::BoardsArg;
use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::{models, output};
use crate::config::{Interventions, ModelCard};
use crate::engine::protocol::{Command, Event, Kernels, Subject};
use crate::measure::heads::Heads;
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
    record_of(session, Subject::Opened, puzzles, settings, kernels)
}

/// The same with any weights.
pub(super) fn record_of(
    session: &mut Session,
    subject: Subject,
    puzzles: Vec<Puzzle>,
    settings: Recording,
    kernels: Kernels,
) -> Result<(Vec<Record>, Spent), Failure> {
    let progress = Progress::bar(puzzles.len(), "boards");
    let mut all = Vec::with_capacity(puzzles.len());
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

/// A result with what it is of.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Of<T> {
    pub(super) model: String,
    pub(super) device: String,
    pub(super) trained_iterations: u32,
    pub(super) settings: Recording,
    #[serde(flatten)]
    pub(super) found: T,
}

impl<T> Of<T> {
    /// A table with the model's name before it.
    pub(super) fn titled(&self, table: &str) -> String {
        format!("{} on {}\n\n{table}", self.model, self.device)
    }
}

/// What one pass over many boards with one model takes.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct PassArg {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(long, value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    boards: BoardsArg,
    #[command(flatten)]
    changes: ChangesArg,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
    #[command(flatten)]
    kernels: KernelsArg,
}

/// One undisturbed pass of a length that may be said.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct WholePassArg {
    #[command(flatten)]
    pass: PassArg,
    /// Iterations of the pass [default: 4T of the model]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    iterations: Option<u32>,
}

impl WholePassArg {
    /// Records it; what it was asked of, how, and the records.
    pub(super) fn record(&self) -> Result<(Ready, Recording, Vec<Record>), Failure> {
        let mut ready = self.pass.ready()?;
        let settings = Recording::plain(self.iterations.unwrap_or(4 * ready.trained));
        let records = ready.pass(settings)?;
        Ok((ready, settings, records))
    }
}

/// A model that is open, and the puzzles that it is asked.
pub(super) struct Ready {
    session: Session,
    card: ModelCard,
    kernels: Kernels,
    pub(super) interventions: Interventions,
    pub(super) puzzles: Vec<Puzzle>,
    /// T.
    pub(super) trained: u32,
}

/// Puzzles that are made where nothing was said.
const PUZZLES: u32 = 200;

impl PassArg {
    /// Opens the model and reads or makes the puzzles.
    pub(super) fn ready(&self) -> Result<Ready, Failure> {
        let mut session = Session::start(&self.device.device)?;
        let card = session.open(models::resolve(&self.model)?, &self.settings.set)?;
        let interventions = self.changes.interventions(&card)?;
        let puzzles = self.boards.puzzles(&self.model, &card, PUZZLES)?;
        let trained = card.trained_iterations.max(1);
        Ok(Ready { session, card, kernels: self.kernels.kernels, interventions, puzzles, trained })
    }
}

impl Ready {
    /// From now on operation by operation, where a pass that is reached into would be so anyway: passes that are
    /// compared must be computed alike. The loop on the CPU can be reached into; on a card it cannot.
    pub(super) fn alike(&mut self) {
        if self.session.device().gpu {
            self.kernels = Kernels::Plain;
        }
    }

    /// Records a pass; the interventions are those of the arguments.
    pub(super) fn pass(&mut self, settings: Recording) -> Result<Vec<Record>, Failure> {
        self.record(self.puzzles.clone(), self.with_changes(settings)).map(|(records, _)| records)
    }

    /// Records a pass over any puzzles, just as the settings say.
    pub(super) fn record(
        &mut self,
        puzzles: Vec<Puzzle>,
        settings: Recording,
    ) -> Result<(Vec<Record>, Spent), Failure> {
        record(&mut self.session, puzzles, settings, self.kernels)
    }

    /// The model's and the device's.
    pub(super) fn names(&self) -> (String, String) {
        (self.card.name.clone(), self.session.device().name.clone())
    }

    /// What attention heads look at in an iteration.
    pub(super) fn heads(&mut self, iteration: u32) -> Result<Heads, Failure> {
        let (puzzles, interventions) = (self.puzzles.clone(), self.interventions);
        let progress = Progress::bar(puzzles.len(), "boards");
        let request = self.session.ask(|request| Command::Heads { request, puzzles, iteration, interventions });
        loop {
            match self.session.next_of(request)? {
                Event::Progress { done, of, .. } => progress.set(done, of),
                Event::Heads { found, .. } => return Ok(found),
                _ => {}
            }
        }
    }

    fn with_changes(&self, settings: Recording) -> Recording {
        Recording { interventions: self.interventions, ..settings }
    }

    /// A result with the model's name on it.
    pub(super) fn of<T>(&self, settings: Recording, found: T) -> Of<T> {
        let (model, device) = self.names();
        Of { model, device, trained_iterations: self.trained, settings: self.with_changes(settings), found }
    }
}
