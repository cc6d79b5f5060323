//! `loopscope export`: a model as a file to give away, with a card of what was measured of it.

use std::path::{Path, PathBuf};

use super::args::{DeviceArg, ModelSettings};
use super::failure::{Answer, Failure, Outcome};
use super::session::Session;
use super::{boards, eval, models, output, read};
use crate::config::{Interventions, ModelCard, Provenance};
use crate::engine::protocol::{Command, Event, Kernels, ModelSource, Subject};
use crate::report::StepsCsv;
use crate::store;
use crate::tasks::sudoku::{Bucket, Puzzle};
use crate::trace::{Score, Step, Trace};

/// Puzzles that the card's figures are of.
const MEASURED: usize = 500;

const HELP: &str = "\
The card says with which command, seed and data the weights were made, and how many of 500 puzzles they solve
after T, 2T, 4T and 16T iterations: made ones that the training left out, where it did, or those of a file, as
many of each difficulty. The shipped models are made by this command.

Examples:
  loopscope export runs/sudoku4-seed1 --half --out sudoku4.safetensors --traces sudoku4.trace
  loopscope export runs/sudoku9-seed1 --half --out sudoku9.safetensors --puzzles dev.csv.gz";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(value_name = "MODEL")]
    model: String,
    /// The weights file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Store numbers as f16: half the size
    #[arg(long)]
    half: bool,
    /// Measure on 500 puzzles of this file, as many of each difficulty, and not on made ones
    #[arg(long, value_name = "FILE")]
    puzzles: Option<PathBuf>,
    /// Record four made puzzles, the hardest first, into this trace file
    #[arg(long, value_name = "FILE")]
    traces: Option<PathBuf>,
    /// The command that trained the weights, for the card
    #[arg(long, value_name = "TEXT")]
    command: Option<String>,
    /// Of the made puzzles that are measured and recorded; the same for two models makes their recordings
    /// comparable [default: the model's]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
}

pub(super) fn run(args: &Args) -> Outcome {
    let source = models::resolve(&args.model)?;
    let mut session = Session::start(&args.device.device)?;
    let card = session.open(source, &args.settings.set)?;
    let t = card.trained_iterations;
    let seed = args.seed.unwrap_or(card.provenance.seed);
    let (spec, left_out) = boards::left_out(&args.model, &card);
    let made = args.puzzles.is_none() || args.traces.is_some();
    let made = if made { boards::generated(spec, MEASURED, seed) } else { Vec::new() };
    let (puzzles, what) = match &args.puzzles {
        Some(file) => {
            let each = MEASURED / Bucket::ALL.len();
            let puzzles = read::scored_puzzles(file, card.config.shape(), Some(each))?;
            let name =
                file.file_name().map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into_owned());
            (puzzles, format!("puzzles of {name}, at most {each} of each difficulty,"))
        }
        None if seed == card.provenance.seed && left_out >= MEASURED => (made.clone(), "unseen puzzles".into()),
        None => (made.clone(), "made puzzles".into()),
    };

    // What is measured is what is given away: the file is written, opened again and then asked.
    save(&mut session, args, Box::new(card.provenance.clone()))?;
    let written = ModelSource::Path(args.out.clone());
    session.open(written, &[])?;
    let (scores, work) = eval::evaluate(&mut session, puzzles, vec![t, 2 * t, 4 * t, 16 * t], Kernels::Fused)?;
    save(&mut session, args, Box::new(provenance(args, &card, left_out, &scores, &what)))?;
    if let Some(file) = &args.traces {
        let traces = record(&mut session, &card, &made)?;
        std::fs::write(file, Trace::encode_many(&traces)).map_err(|e| Failure::file(file, e))?;
    }
    output::write(crate::report::evaluation_table(&card.name, &scores, work).as_bytes())?;
    Ok(Answer::Yes)
}

fn save(session: &mut Session, args: &Args, provenance: Box<Provenance>) -> Result<(), Failure> {
    let (path, half) = (args.out.clone(), args.half);
    let subject = Subject::Opened;
    let provenance = Some(provenance);
    let request = session.ask(|request| Command::SaveModel { request, subject, path, half, provenance });
    loop {
        if let Event::Written { .. } = session.next_of(request)? {
            return Ok(());
        }
    }
}

/// The card's provenance, with seconds from the run's curves and the figures just measured, of puzzles that are
/// called `what`.
fn provenance(args: &Args, card: &ModelCard, left_out: usize, scores: &[Score], what: &str) -> Provenance {
    let mut p = card.provenance.clone();
    p.left_out = Some(left_out as u32);
    if let Some(command) = &args.command {
        p.command.clone_from(command);
    }
    let curves = store::now(StepsCsv::read(&Path::new(&args.model).join("steps.csv")));
    if let Some(last) = curves.ok().and_then(|c| c.into_iter().rfind(|m| m.step.0 <= card.step)) {
        p.seconds = last.seconds;
    }
    p.figures = scores
        .iter()
        .map(|s| {
            let (low, high) = s.total.interval();
            format!(
                "{:.1} % (95 % interval {:.1} to {:.1}) of {} {what} solved after {} iterations",
                100.0 * s.total.share(),
                100.0 * low,
                100.0 * high,
                s.total.of,
                s.iterations
            )
        })
        .collect();
    p
}

/// Traces at 16 T of four puzzles, the hardest first.
fn record(session: &mut Session, card: &ModelCard, puzzles: &[Puzzle]) -> Result<Vec<Trace>, Failure> {
    let mut chosen: Vec<&Puzzle> = puzzles.iter().collect();
    chosen.sort_by_key(|p| (p.rating, p.clues.blanks()));
    let places = [1.0, 0.9, 0.5, 0.1].map(|share| ((chosen.len() - 1) as f64 * share) as usize);
    let mut traces = Vec::new();
    for place in places {
        let Some(puzzle) = chosen.get(place) else { continue };
        let iterations = (16 * card.trained_iterations).min(256);
        let interventions = Interventions::default();
        let (_, frames) = session.think(&puzzle.clues, iterations, interventions, |_| {})?;
        traces.push(Trace {
            puzzle: (*puzzle).clone(),
            model: card.name.clone(),
            trained_iterations: card.trained_iterations,
            step: Step(card.step),
            interventions,
            frames,
        });
    }
    Ok(traces)
}
