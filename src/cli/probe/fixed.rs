//! `loopscope probe fixed-points`.

use super::common::{PassArg, ResultsArg};
use crate::cli::args;
use crate::cli::failure::{Failure, Outcome};
use crate::measure::fixed::{cold, warm};
use crate::measure::{Recording, Start};
use crate::report::measured::fixed::{cold_csv, cold_figure, cold_table, warm_csv, warm_figure, warm_table};

const HELP: &str = "\
Two tests of whether answers are fixed points of the iteration.

Cold: the state begins as usual, but the solution is fed in as the first prediction. Does it stay?

Warm: the network runs --after iterations as usual. Does the answer of each blank cell stay over the next
--iterations, whether it is right or not? Counting solved boards alone would not tell.

Examples:
  loopscope probe fixed-points --model sudoku6 --generate 200 --cold
  loopscope probe fixed-points --model sudoku6 --generate 200 --after 64 --iterations 1024";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    pass: PassArg,
    /// Feed the solution in and watch, instead of the warm test
    #[arg(long, conflicts_with = "after")]
    cold: bool,
    /// Warm: iterations before the answers are watched [default: 4T of the model]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    after: Option<u32>,
    /// Iterations that are watched [default: 10 cold, 16T warm]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    iterations: Option<u32>,
    #[command(flatten)]
    results: ResultsArg,
}

/// Iterations of the published cold test.
const COLD: u32 = 10;

pub(super) fn run(args: &Args) -> Outcome {
    if let (Some(after), Some(iterations)) = (args.after, args.iterations)
        && after + iterations > 1 << 16
    {
        return Err(Failure::Input(format!(
            "--after and --iterations are {} together; at most 65,536 are recorded",
            after + iterations
        )));
    }
    let mut ready = args.pass.ready()?;
    if args.cold {
        let iterations = args.iterations.unwrap_or(COLD);
        let start = Start { from_solution: true, ..Start::default() };
        let settings = Recording { start, ..Recording::plain(iterations) };
        let records = ready.pass(settings)?;
        let found = cold(&ready.puzzles, &records, iterations).map_err(Failure::Input)?;
        let found = ready.of(settings, found);
        return args.results.tell(
            &found,
            |f| f.titled(&cold_table(&f.found)),
            |f| cold_csv(&f.found),
            |f, size| cold_figure(&f.found, size),
        );
    }
    let after = args.after.unwrap_or(4 * ready.trained);
    let iterations = after.saturating_add(args.iterations.unwrap_or(16 * ready.trained));
    let settings = Recording::plain(iterations);
    let records = ready.pass(settings)?;
    let found = warm(&ready.puzzles, &records, after, iterations).map_err(Failure::Input)?;
    let found = ready.of(settings, found);
    args.results.tell(
        &found,
        |f| f.titled(&warm_table(&f.found)),
        |f| warm_csv(&f.found),
        |f, size| warm_figure(&f.found, size),
    )
}
