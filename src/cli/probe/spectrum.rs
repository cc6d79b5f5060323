//! `loopscope probe spectrum`.

use super::common::{ResultsArg, command_of, measure, measured};
use crate::cli::args::{self, ChangesArg, ModelSettings};
use crate::cli::boards::BoardsArg;
use crate::cli::failure::Outcome;
use crate::cli::models;
use crate::cli::session::Session;
use crate::engine::protocol::{DeviceChoice, Kernels};
use crate::measure::plan::{Kind, Measurement, Question};
use crate::report::measured::Measured;

const HELP: &str = "\
The state is frozen after an iteration, and the iteration's exact derivative there is applied to random vectors
again and again (f64, on the CPU). The geometric mean of their growth goes to the spectral radius; where it has not
converged within --steps, the table and the JSON say so. An answer counts as settled when no blank cell changes in
the next three iterations.

Beside it stands the published estimator: differences in f32 with ε = 1e-3, the last of the steps, with and
without products rounded as TF32 rounds them.

Examples:
  loopscope probe spectrum --model sudoku6 --generate 12
  loopscope probe spectrum --model sudoku9 --model sudoku9-collapsing --puzzles pack:sudoku9 --limit-per-bucket 4 --iterations 16,64,256 --json";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder; may be given several times
    #[arg(long, value_name = "MODEL", required = true)]
    model: Vec<String>,
    #[command(flatten)]
    boards: BoardsArg,
    /// After which iterations the state is frozen [default: T, 4T and 16T of the model]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = args::iterations())]
    iterations: Vec<u32>,
    /// Random vectors that are followed
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    vectors: u32,
    /// Power steps
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(3..=100_000))]
    steps: u32,
    /// Of the vectors
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    vector_seed: u64,
    /// Several leading rates too, by vectors that are kept orthonormal
    #[arg(long)]
    leading: bool,
    /// Lyapunov exponents too, along the moving trajectory
    #[arg(long)]
    moving: bool,
    /// Leave the estimators by differences out
    #[arg(long)]
    exact_only: bool,
    #[command(flatten)]
    changes: ChangesArg,
    #[command(flatten)]
    settings: ModelSettings,
    #[command(flatten)]
    results: ResultsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut session = Session::start(&DeviceChoice::Cpu)?;
    let mut found = Vec::new();
    for name in &args.model {
        let card = session.open(models::resolve(name)?, &args.settings.set)?;
        let mut question = Question::usual(Kind::Spectrum, card.trained_iterations);
        if let Question::Spectrum(settings) = &mut question {
            if !args.iterations.is_empty() {
                settings.iterations = args::rising(&args.iterations);
            }
            (settings.vectors, settings.steps, settings.burn_in) = (args.vectors, args.steps, args.steps / 3);
            settings.seed = args.vector_seed;
            (settings.leading, settings.moving, settings.estimators) = (args.leading, args.moving, !args.exact_only);
        }
        let interventions = args.changes.interventions(&card)?;
        let puzzles = args.boards.puzzles(name, &card, Kind::Spectrum.boards())?;
        let command = command_of(name, &args.boards, &args.settings, &question, &interventions);
        let mut all = Measurement::new(question, puzzles, card.trained_iterations, interventions);
        measure(&mut session, &mut all, Kernels::default())?;
        if let Measured::Spectrum(one) = measured(&session, &all, &card, command)? {
            found.extend(one);
        }
    }
    args.results.tell(&Measured::Spectrum(found))
}
