//! `loopscope probe verify`.

use super::common::{PassArg, ResultsArg};
use crate::cli::args;
use crate::cli::failure::{Failure, Outcome};
use crate::measure::plan::Question;
use crate::measure::verified::Again;

const HELP: &str = "\
Whether an answer obeys the rules is free to check, so nothing here looks at a solution and no solver helps: a
board is done at its first valid answer, and those without one are asked again.

  more-iterations  one pass as long as the budget
  noise            attempts that start with noise on the state
  symmetry         attempts as an equivalent puzzle: digits renamed, rows, columns, bands, stacks moved
  both             attempts as an equivalent puzzle, with noise

The first attempt is always the puzzle as it is.

Examples:
  loopscope probe verify --model sudoku6 --generate 200
  loopscope probe verify --model sudoku9 --puzzles pack:sudoku9 --again more-iterations,symmetry --budget 1024 --svg verified.svg";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    pass: PassArg,
    /// Ways of asking again; each is measured from the beginning
    #[arg(long, value_name = "WAY,…", value_delimiter = ',', default_value = "more-iterations,noise,symmetry,both")]
    again: Vec<Again>,
    /// Iterations of an attempt [default: 2T of the model]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    attempt: Option<u32>,
    /// Iterations of a board in all, over its attempts [default: 16T]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    budget: Option<u32>,
    /// Noise on the first state, as a share of its root mean square
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    noise: f32,
    /// Of symmetries and noise
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    again_seed: u64,
    #[command(flatten)]
    results: ResultsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    if !(args.noise.is_finite() && (0.0..=10.0).contains(&args.noise)) {
        return Err(Failure::Input(format!("--noise is {}; it must be from 0 to 10", args.noise)));
    }
    let ready = args.pass.ready()?;
    let question = Question::Verified {
        ways: args.again.clone(),
        attempt: args.attempt.unwrap_or(2 * ready.trained),
        budget: args.budget.unwrap_or(16 * ready.trained),
        noise: args.noise,
        seed: args.again_seed,
    };
    ready.tell(question, &args.results)
}
