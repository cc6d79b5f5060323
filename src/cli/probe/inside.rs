//! `loopscope probe inside`.

use super::common::{ResultsArg, WholePassArg};
use crate::cli::failure::{Failure, Outcome};
use crate::measure::inside::inside;
use crate::report::measured::inside::{csv, figure, table};

const HELP: &str = "\
What happens iteration by iteration: right cells, boards solved, newly solved and lost, answers that change; when
boards are first solved and last change; how every board ends (settled, in a cycle, collapsed, wandering); and
what is wrong with those that fail.

Examples:
  loopscope probe inside --model sudoku6 --generate 200
  loopscope probe inside --model sudoku-9x9.safetensors --puzzles dev.csv.gz --iterations 256 --svg inside.svg";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    pass: WholePassArg,
    #[command(flatten)]
    results: ResultsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    let (ready, settings, records) = args.pass.record()?;
    let iterations = settings.iterations;
    let found = inside(&ready.puzzles, &records, iterations).map_err(Failure::Input)?;
    let found = ready.of(settings, found);
    args.results.tell(&found, |f| f.titled(&table(&f.found)), |f| csv(&f.found), |f, size| figure(&f.found, size))
}
