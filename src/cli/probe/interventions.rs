//! `loopscope probe interventions`.

use super::common::{ResultsArg, measure, measured};
use crate::cli::args::{self, DeviceArg, KernelsArg, ModelSettings};
use crate::cli::boards::BoardsArg;
use crate::cli::failure::Outcome;
use crate::cli::models;
use crate::cli::session::Session;
use crate::config::Interventions;
use crate::measure::plan::{CHANGES, Change, Kind, Measurement, Question};

const HELP: &str = "\
Every change is one pass over the same boards. Differences are from the undisturbed pass, of the mean over the
buckets, with a paired bootstrap over the boards; an interval that holds zero says that no difference was found.

Changes, several with commas:
  damping:A           carries A · new + (1 − A) · old on; predictions come from the undamped state
  prediction-scale:B  scales the fed-back prediction, its bias included
  normalise           normalises the state before the output head
  bf16                rounds the carried state to bfloat16

Examples:
  loopscope probe interventions --model sudoku6 --generate 200
  loopscope probe interventions --model sudoku6 --change damping:0.9,damping:0.5 --iterations 8,32,128 --svg changes.svg";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(long, value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    boards: BoardsArg,
    /// What to change, each by itself
    #[arg(
        long,
        value_name = "CHANGE,…",
        value_delimiter = ',',
        default_value = CHANGES
    )]
    change: Vec<Change>,
    /// Numbers of iterations to score [default: T, 2T, 4T and 16T of the model]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = args::recorded())]
    iterations: Vec<u32>,
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
    let card = session.open(models::resolve(&args.model)?, &args.settings.set)?;
    let mut question = Question::usual(Kind::Interventions, card.trained_iterations);
    if let Question::Interventions { iterations, changes } = &mut question {
        changes.clone_from(&args.change);
        if !args.iterations.is_empty() {
            *iterations = args::rising(&args.iterations);
        }
    }
    let puzzles = args.boards.puzzles(&args.model, &card, Kind::Interventions.boards())?;
    let mut all = Measurement::new(question, puzzles, card.trained_iterations, Interventions::default());
    measure(&mut session, &mut all, args.kernels.kernels)?;
    args.results.tell(&measured(&session, &all, &card, String::new())?)
}
