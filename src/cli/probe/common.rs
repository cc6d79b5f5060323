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
use crate::measure::plan::{Ask, Kind, Measurement, Question};
use crate::measure::{Record, Recording, Spent};
use crate::report::measured::{About, Measured};
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
    /// Prints and writes one measurement in all its forms.
    pub(super) fn tell(&self, result: &Measured) -> Outcome {
        self.leave(|| result.table(), || result.csv(), || result.figure(SIZE), || Ok(result.json()))
    }

    /// The same of a result that is not of one model alone.
    pub(super) fn tell_as<T: Serialize>(
        &self,
        result: &T,
        table: impl FnOnce(&T) -> String,
        csv: impl FnOnce(&T) -> String,
        figure: impl FnOnce(&T, Size) -> Result<String, ReportError>,
    ) -> Outcome {
        let json = || serde_json::to_string(result).map_err(|e| Failure::Engine(e.to_string()));
        self.leave(|| table(result), || csv(result), || figure(result, SIZE), json)
    }

    fn leave(
        &self,
        table: impl FnOnce() -> String,
        csv: impl FnOnce() -> String,
        figure: impl FnOnce() -> Result<String, ReportError>,
        json: impl FnOnce() -> Result<String, Failure>,
    ) -> Outcome {
        if let Some(path) = &self.csv {
            output::file(path, csv().as_bytes())?;
        }
        if let Some(path) = &self.svg {
            let svg = figure().map_err(|e| Failure::Engine(e.to_string()))?;
            output::file(path, svg.as_bytes())?;
        }
        if self.json {
            output::line(json()?)?;
        } else {
            output::write(table().as_bytes())?;
        }
        Ok(Answer::Yes)
    }
}

/// Records every iteration of a pass over all puzzles with some weights.
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

/// Asks an engine what a measurement asks, until all is there.
pub(super) fn measure(session: &mut Session, measurement: &mut Measurement, kernels: Kernels) -> Result<(), Failure> {
    let gpu = session.device().gpu;
    while let Some(ask) = measurement.next_ask() {
        let boards = match &ask {
            Ask::Record { puzzles, .. } | Ask::Heads { puzzles, .. } | Ask::Spectrum { puzzles, .. } => puzzles.len(),
        };
        let progress = Progress::bar(boards, "boards");
        let request = session.ask(|request| Command::measuring(request, Subject::Opened, ask, kernels, gpu));
        loop {
            match session.next_of(request)? {
                Event::Progress { done, of, .. } => progress.set(done, of),
                Event::Recorded { records, spent, .. } => {
                    measurement.take_records(records, spent);
                    if spent.is_some() {
                        break;
                    }
                }
                Event::Heads { found, .. } => {
                    measurement.take_heads(found);
                    break;
                }
                Event::Spectrum { found, done, .. } => {
                    measurement.take_spectrum(found, done);
                    if done {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What was measured of an opened model.
pub(super) fn measured(
    session: &Session,
    measurement: &Measurement,
    card: &ModelCard,
    command: String,
) -> Result<Measured, Failure> {
    let about = About { model: card.name.clone(), device: session.device().name.clone(), command };
    let found = Measured::of(measurement, &about).map_err(Failure::Input)?;
    found.ok_or_else(|| Failure::Engine("the engine gave no board back".into()))
}

/// The command of a measurement of one model, with the names of files and not where they are on this machine.
pub(super) fn command_of(
    model: &str,
    boards: &BoardsArg,
    settings: &ModelSettings,
    question: &Question,
    interventions: &Interventions,
) -> String {
    let name = |path: &str| {
        std::path::Path::new(path).file_name().map_or_else(|| path.into(), |n| n.to_string_lossy().into_owned())
    };
    let mut out = format!("loopscope probe {} --model {}", question.kind().command(), name(model));
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!(" --{flag} {value}"));
        }
    };
    add("puzzles", boards.puzzles.as_ref().map(|p| name(&p.display().to_string())));
    add("generate", boards.generate.map(|n| n.to_string()));
    add("seed", boards.seed.map(|n| n.to_string()));
    add("limit-per-bucket", boards.limit_per_bucket.map(|n| n.to_string()));
    for set in &settings.set {
        add("set", Some(set.clone()));
    }
    out + &question.flags() + &interventions.flags() + " --json"
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
    /// Opens the model; with it the iterations of the pass.
    pub(super) fn ready(&self) -> Result<(Ready, u32), Failure> {
        let ready = self.pass.ready()?;
        let iterations = self.iterations.unwrap_or(4 * ready.trained);
        Ok((ready, iterations))
    }
}

/// A model that is open, and the puzzles that it is asked.
pub(super) struct Ready {
    session: Session,
    card: ModelCard,
    kernels: Kernels,
    interventions: Interventions,
    puzzles: Vec<Puzzle>,
    /// T.
    pub(super) trained: u32,
}

impl PassArg {
    /// Opens the model and reads or makes the puzzles.
    pub(super) fn ready(&self) -> Result<Ready, Failure> {
        // The same number of all measurements that take this.
        let boards = Kind::default().boards();
        let mut session = Session::start(&self.device.device)?;
        let card = session.open(models::resolve(&self.model)?, &self.settings.set)?;
        let interventions = self.changes.interventions(&card)?;
        let puzzles = self.boards.puzzles(&self.model, &card, boards)?;
        let trained = card.trained_iterations.max(1);
        Ok(Ready { session, card, kernels: self.kernels.kernels, interventions, puzzles, trained })
    }
}

impl Ready {
    /// Measures, and tells the result.
    pub(super) fn tell(mut self, question: Question, results: &ResultsArg) -> Outcome {
        let mut all = Measurement::new(question, self.puzzles, self.trained, self.interventions);
        measure(&mut self.session, &mut all, self.kernels)?;
        results.tell(&measured(&self.session, &all, &self.card, String::new())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::fake;
    use crate::measure::made_up::{puzzle, record};
    use crate::measure::{Disturbance, DisturbanceKind, Record, Recording, Spent};

    /// What a made-up engine records of a pass.
    fn recorded(puzzles: &[Puzzle], settings: &Recording) -> (Vec<Record>, Spent) {
        let letters =
            if settings.disturbance.is_some() { ["essssabss", "edcbaaaaa"] } else { ["esssssscc", "edcsbsbsb"] };
        let records: Vec<Record> = puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect();
        (records, Spent { made: 18, of: 18 })
    }

    #[test]
    fn a_measurement_is_asked_pass_by_pass() {
        let puzzles: Vec<Puzzle> = [0, 30].map(|rating| puzzle(11, rating)).into();
        let (mut session, heard) = fake::session(|command| match command {
            Command::Record { request, puzzles, settings, .. } => {
                let (mut records, spent) = recorded(puzzles, settings);
                let rest = records.split_off(1);
                let request = *request;
                vec![
                    Event::Recorded { request, first: 0, records, spent: None },
                    Event::Recorded { request, first: 1, records: rest, spent: Some(spent) },
                ]
            }
            _ => Vec::new(),
        });
        let disturbance = Disturbance { after: 5, kind: DisturbanceKind::Answers(2) };
        let question = Question::Recovery { disturbance, iterations: 9, seed: 3 };
        let mut all = Measurement::new(question.clone(), puzzles.clone(), 4, Interventions::default());
        measure(&mut session, &mut all, Kernels::Fused).expect("all is answered");
        assert_eq!(heard.lock().expect("no panic").len(), 2, "undisturbed, then disturbed");

        // The same as the plan by itself, which the window's tests drive too.
        let mut other = Measurement::new(question, puzzles.clone(), 4, Interventions::default());
        while let Some(Ask::Record { puzzles, settings, .. }) = other.next_ask() {
            let (records, spent) = recorded(&puzzles, &settings);
            other.take_records(records, Some(spent));
        }
        assert!(all.found().is_ok_and(|found| found.is_some()));
        assert_eq!(all.found(), other.found());
    }
}
