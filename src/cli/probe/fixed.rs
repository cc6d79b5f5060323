//! `loopscope probe fixed-points`.

use super::common::{PassArg, ResultsArg};
use crate::cli::args;
use crate::cli::failure::{Failure, Outcome};
use crate::measure::plan::{Kind, Question};

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

pub(super) fn run(args: &Args) -> Outcome {
    if let (Some(after), Some(iterations)) = (args.after, args.iterations)
        && after + iterations > 1 << 16
    {
        return Err(Failure::Input(format!(
            "--after and --iterations are {} together; at most 65,536 are recorded",
            after + iterations
        )));
    }
    let ready = args.pass.ready()?;
    let mut question = Question::usual(if args.cold { Kind::Cold } else { Kind::Warm }, ready.trained);
    match &mut question {
        Question::Cold { iterations } => *iterations = args.iterations.unwrap_or(*iterations),
        Question::Warm { after, watched } => {
            *after = args.after.unwrap_or(*after);
            *watched = args.iterations.unwrap_or(*watched);
        }
        _ => {}
    }
    ready.tell(question, &args.results)
}
