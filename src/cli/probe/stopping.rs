//! `loopscope probe stopping`.

use super::common::{ResultsArg, WholePassArg};
use crate::cli::failure::Outcome;
use crate::measure::plan::Question;

const HELP: &str = "\
Rules that decide after which iteration to answer, without looking at the solution, over one pass of all boards.
What a rule misses is told against the oracle: boards that were right at some iteration and whose chosen answer is
wrong. Rules that look at the whole pass spend all of it. A model with a halting head is asked by that head too.

Examples:
  loopscope probe stopping --model sudoku6 --generate 200
  loopscope probe stopping --model sudoku9 --puzzles pack:sudoku9 --iterations 64 --csv rules.csv";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    pass: WholePassArg,
    #[command(flatten)]
    results: ResultsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    let (ready, iterations) = args.pass.ready()?;
    ready.tell(Question::Stopping { iterations }, &args.results)
}
