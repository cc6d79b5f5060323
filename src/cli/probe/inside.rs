//! `loopscope probe inside`.

use super::common::{ResultsArg, WholePassArg};
use crate::cli::failure::Outcome;
use crate::measure::plan::Question;

const HELP: &str = "\
What happens iteration by iteration: right cells, boards solved, newly solved and lost, answers that change; when
boards are first solved and last change; how every board ends (settled, in a cycle, collapsed, wandering); and
what is wrong with those that fail.

Examples:
  loopscope probe inside --model sudoku6 --generate 200
  loopscope probe inside --model sudoku9 --puzzles pack:sudoku9 --iterations 256 --svg inside.svg";

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
    ready.tell(Question::Inside { iterations }, &args.results)
}
