//! `loopscope probe heads`.

use super::common::{PassArg, ResultsArg};
use crate::cli::args;
use crate::cli::failure::Outcome;
use crate::measure::plan::Question;

const HELP: &str = "\
Attention weights of one iteration, averaged over boards by where the other cell is: its row and column relative to
one's own, and whether it is in the same row, column or box. “Evenly” is a head that looks at all cells alike.

Examples:
  loopscope probe heads --model sudoku6 --generate 50
  loopscope probe heads --model sudoku9 --puzzles pack:sudoku9 --limit-per-bucket 4 --iteration 64 --svg heads.svg";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    pass: PassArg,
    /// Which iteration [default: T of the model]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    iteration: Option<u32>,
    #[command(flatten)]
    results: ResultsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    let ready = args.pass.ready()?;
    let iteration = args.iteration.unwrap_or(ready.trained);
    ready.tell(Question::Heads { iteration }, &args.results)
}
