//! `loopscope probe scaling`.

use super::common::{ResultsArg, record};
use crate::cli::args::{self, ChangesArg, DeviceArg, KernelsArg, ModelSettings};
use crate::cli::boards::BoardsArg;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::models;
use crate::cli::session::Session;
use crate::measure::{Exit, Recording, doubling, scaling};
use crate::report::measured::scaling::{ModelScaling, csv, figure, table};

const HELP: &str = "\
A puzzle counts as solved when the model's digit is right in every blank cell. The mean of the buckets counts
every difficulty alike; “as in the public set” weighs them by their share there. Intervals are percentiles of
2,000 bootstrap draws over the boards of each bucket.

With --exit, a board leaves the pass when its answer obeys the rules (valid) or has not changed for N iterations
(unchanged:N), and keeps that answer. Neither looks at the solution.

Examples:
  loopscope probe scaling --model sudoku6 --generate 200 --csv scaling.csv --svg scaling.svg
  loopscope probe scaling --model first.safetensors --model second.safetensors --puzzles dev.csv.gz
  loopscope probe scaling --model sudoku6 --generate 1000 --iterations 256 --exit valid";

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
    /// When a board leaves: never, valid, unchanged:N
    #[arg(long, value_name = "EXIT", default_value_t = Exit::Never)]
    exit: Exit,
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

/// Puzzles that are made where nothing was said.
const PUZZLES: u32 = 200;

pub(super) fn run(args: &Args) -> Outcome {
    let mut session = Session::start(&args.device.device)?;
    let mut all = Vec::new();
    for name in &args.model {
        let card = session.open(models::resolve(name)?, &args.settings.set)?;
        let trained = card.trained_iterations.max(1);
        let iterations =
            if args.iterations.is_empty() { doubling(16 * trained) } else { args::rising(&args.iterations) };
        let settings = Recording {
            interventions: args.changes.interventions(&card)?,
            exit: args.exit,
            ..Recording::plain(iterations.last().copied().unwrap_or(trained))
        };
        let puzzles = args.boards.puzzles(name, &card, PUZZLES)?;
        let (records, spent) = record(&mut session, puzzles.clone(), settings, args.kernels.kernels)?;
        let mut found = scaling(&puzzles, &records, &iterations, 0).map_err(Failure::Input)?;
        found.spent = spent;
        all.push(ModelScaling {
            model: card.name.clone(),
            device: session.device().name.clone(),
            trained_iterations: trained,
            settings,
            scaling: found,
        });
    }
    args.results.tell(&all[..], table, csv, figure)
}
