//! `loopscope probe perturb`.

use super::common::{PassArg, ResultsArg};
use crate::cli::args;
use crate::cli::failure::{Failure, Outcome};
use crate::measure::plan::Question;
use crate::measure::{Disturbance, DisturbanceKind};

const HELP: &str = "\
Every board runs twice: as it is, and with a change after one iteration. What follows is compared: how many of the
boards that were solved then are solved again at the end, how soon, and what became of the others.

Changes:
  noise:SHARE  Gaussian noise on every element of the state, as a share of its root mean square
  answers:N    the fed-back answers of N blank cells of each board become another digit, with all weight
  states:N     the states of N blank cells of each board become zero
  answer:CELL=DIGIT, state:CELL
               the same of one cell, the same of every board; cells count from 1, row by row

Examples:
  loopscope probe perturb --model sudoku6 --generate 200 --change answers:5
  loopscope probe perturb --model sudoku6 --generate 200 --change noise:0.5 --after 16 --iterations 64 --svg recovery.svg";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    pass: PassArg,
    /// What is changed: noise:SHARE, answers:N, states:N, answer:CELL=DIGIT, state:CELL
    #[arg(long, value_name = "CHANGE", default_value = "answers:3")]
    change: DisturbanceKind,
    /// After which iteration [default: T of the model]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    after: Option<u32>,
    /// Iterations in all [default: three times that]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    iterations: Option<u32>,
    /// Of noise and of the choice of cells
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    change_seed: u64,
    #[command(flatten)]
    results: ResultsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    let ready = args.pass.ready()?;
    let after = args.after.unwrap_or(ready.trained);
    let iterations = args.iterations.unwrap_or(3 * after);
    if iterations <= after {
        return Err(Failure::Input(format!(
            "--iterations is {iterations}; it counts from the beginning and must be more than --after, {after}"
        )));
    }
    let disturbance = Disturbance { after, kind: args.change };
    ready.tell(Question::Recovery { disturbance, iterations, seed: args.change_seed }, &args.results)
}
