//! `loopscope trace record`.

use std::path::PathBuf;

use crate::cli::args::{self, ChangesArg, DeviceArg, ModelSettings};
use crate::cli::failure::{Answer, Outcome};
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::{models, output, read, solve};
use crate::tasks::sudoku::solve as solution_of;
use crate::trace::Curves;

const HELP: &str = "\
The file opens in the window (loopscope open FILE) and needs no device there.

Example:
  loopscope trace record --model sudoku4 --puzzle 1...34....4....1 --iterations 96 --out first.trace";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// 16, 36 or 81 characters with . for a blank, or a file with one puzzle
    #[arg(long, value_name = "PUZZLE|FILE")]
    puzzle: String,
    /// Iterations to record [default: four times those that the model was trained with]
    #[arg(long, value_name = "N", value_parser = args::iterations())]
    iterations: Option<u32>,
    #[command(flatten)]
    changes: ChangesArg,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let mut puzzle = read::one_puzzle(&args.puzzle)?;
    let source = models::resolve(&args.model)?;
    if puzzle.solution.is_none() {
        puzzle.solution = solution_of(&puzzle.clues);
    }
    let mut session = Session::start(&args.device.device)?;
    let card = session.open(source, &args.settings.set)?;
    solve::fits(&card, puzzle.clues.shape())?;
    let interventions = args.changes.interventions(&card)?;
    let iterations = args.iterations.unwrap_or(4 * card.trained_iterations.max(1));
    let progress = Progress::bar(iterations as usize, "iterations");
    let (step, frames) =
        session.think(&puzzle.clues, iterations, interventions, |done| progress.set(done, iterations as usize))?;
    drop(progress);
    let mut trace = solve::trace_of(puzzle, &card, step, frames);
    trace.interventions = interventions;
    output::file(&args.out, &trace.to_bytes())?;
    let recorded = output::count(trace.frames.len(), "iteration");
    output::line(format_args!(
        "{}: {recorded} of {}. {}",
        args.out.display(),
        trace.model,
        Curves::of(&trace).verdict()
    ))?;
    Ok(Answer::Yes)
}
