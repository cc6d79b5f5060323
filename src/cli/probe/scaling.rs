//! `loopscope probe scaling`.

use super::common::{ResultsArg, command_of, measure, measured};
use crate::cli::args::{self, ChangesArg, DeviceArg, KernelsArg, ModelSettings};
use crate::cli::boards::BoardsArg;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::models;
use crate::cli::session::Session;
use crate::measure::Exit;
use crate::measure::plan::{Kind, Measurement, Question};
use crate::report::measured::Measured;

const HELP: &str = "\
A puzzle counts as solved when the model's digit is right in every blank cell. The mean of the buckets counts
every difficulty alike; “as in the public set” weighs them by their share there. Intervals are percentiles of
2,000 bootstrap draws over the boards of each bucket.

With --exit, a board leaves the pass when its answer obeys the rules (valid), when it has not changed for N
iterations (unchanged:N) or when the model's halting head says so (q-head), and keeps that answer. None of them
looks at the solution. With --compare-exit a second pass is made over the same boards, which none leaves (or some
by the exit that is given), and the table tells which boards both solve, which one of them alone, and how much less
work the first was.

Examples:
  loopscope probe scaling --model sudoku6 --generate 200 --csv scaling.csv --svg scaling.svg
  loopscope probe scaling --model sudoku9 --model sudoku9-collapsing --puzzles pack:sudoku9
  loopscope probe scaling --model sudoku6 --generate 1000 --iterations 256 --exit valid --compare-exit";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder; may be given several times
    #[arg(long, value_name = "MODEL", required = true)]
    model: Vec<String>,
    #[command(flatten)]
    boards: BoardsArg,
    /// Numbers of iterations to score; one pass serves all [default: 1, 2, 4, … up to 16 times T]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = args::recorded())]
    iterations: Vec<u32>,
    /// When a board leaves: never, valid, unchanged:N, q-head
    #[arg(long, value_name = "EXIT", default_value_t = Exit::Never)]
    exit: Exit,
    /// A second pass over the same boards with this exit, and which boards each of the two solves
    #[arg(long, value_name = "EXIT", num_args = 0..=1, default_missing_value = "never")]
    compare_exit: Option<Exit>,
    #[command(flatten)]
    changes: ChangesArg,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
    #[command(flatten)]
    kernels: KernelsArg,
    #[command(flatten)]
    results: ResultsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut session = Session::start(&args.device.device)?;
    let mut found = Vec::new();
    for name in &args.model {
        let card = session.open(models::resolve(name)?, &args.settings.set)?;
        let by_head = [Some(args.exit), args.compare_exit].contains(&Some(Exit::QHead));
        if by_head && !card.config.has_q_head() {
            return Err(Failure::Input(format!(
                "“{name}” has no halting head to leave by; every model has the exits never, valid and unchanged:N, and \
                 `train … --set q_head=true` makes one with such a head"
            )));
        }
        let mut question = Question::usual(Kind::Scaling, card.trained_iterations);
        if let Question::Scaling { iterations, exit, beside } = &mut question {
            (*exit, *beside) = (args.exit, args.compare_exit);
            if !args.iterations.is_empty() {
                *iterations = args::rising(&args.iterations);
            }
        }
        let interventions = args.changes.interventions(&card)?;
        let puzzles = args.boards.puzzles(name, &card, Kind::Scaling.boards())?;
        let command = command_of(name, &args.boards, &args.settings, &question, &interventions);
        let mut all = Measurement::new(question, puzzles, card.trained_iterations, interventions);
        measure(&mut session, &mut all, args.kernels.kernels)?;
        if let Measured::Scaling(one) = measured(&session, &all, &card, command)? {
            found.extend(one);
        }
    }
    args.results.tell(&Measured::Scaling(found))
}
