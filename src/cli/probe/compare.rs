//! `loopscope probe compare`.

use super::common::{ResultsArg, record_of};
use crate::cli::args::{self, ChangesArg, DeviceArg, KernelsArg, ModelSettings};
use crate::cli::boards::BoardsArg;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::{models, output, read, solve};
use crate::config::{Interventions, ModelCard};
use crate::engine::protocol::Subject;
use crate::measure::{Recording, compare, doubling};
use crate::report::measured::compare::{boards, passes};
use crate::tasks::sudoku::{Puzzle, solve as solution_of};
use crate::trace::Trace;

const HELP: &str = "\
A is the model of --model, B that of --with; both are asked the same boards with the same changes. For each number
of iterations it tells the boards that both solved, that one alone solved and that neither did, the difference of
the solved shares (mean over the difficulties, paired bootstrap interval) and the exact McNemar test. An interval
that holds zero finds no difference.

With --puzzle, one board is looked at instead, iteration by iteration: cells whose answers differ, cells that one
model alone has right, and how far the cells' probabilities are apart (total variation ½ Σ |p − q|, and the
divergence of Jensen and Shannon in nats). The window's page “compare” shows the same numbers.

Examples:
  loopscope probe compare --model sudoku4 --with runs/sudoku4-seed2 --generate 200 --csv compare.csv
  loopscope probe compare --model sudoku6 --with fresh:sudoku6 --iterations 8,32,128 --svg compare.svg
  loopscope probe compare --model sudoku4 --with poh4 --puzzle 1...34....4....1 --iterations 96";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A: a shipped model's name, a .safetensors file or a run folder
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// B: the model that it is compared with, of the same board
    #[arg(long, value_name = "MODEL")]
    with: String,
    /// One board, as 16, 36 or 81 characters with . for a blank, or a file with one puzzle
    #[arg(long, value_name = "PUZZLE|FILE", conflicts_with_all = ["puzzles", "generate", "seed", "limit_per_bucket"])]
    puzzle: Option<String>,
    #[command(flatten)]
    boards: BoardsArg,
    /// Numbers of iterations to compare after; of one board, how many are run [default: 1, 2, 4, … up to 16 times the
    /// larger T]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = args::recorded())]
    iterations: Vec<u32>,
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
    let first = session.open(models::resolve(&args.model)?, &args.settings.set)?;
    let second = session.open_other(models::resolve(&args.with)?, &args.settings.set)?;
    let [a, b] = [&first, &second].map(|card| card.config.shape());
    if a != b {
        let (a, b) = (output::board(a), output::board(b));
        return Err(Failure::Input(format!(
            "{} is for {a} boards and {} for {b}; only models of one board can be compared",
            first.name, second.name
        )));
    }
    let interventions = args.changes.interventions(&first)?;
    // What the first can be changed by, the second may not have: heads that are knocked out.
    args.changes.interventions(&second)?;
    let both = Both { first, second, interventions, session };
    match &args.puzzle {
        Some(text) => both.pass(args, text),
        None => both.over_boards(args),
    }
}

/// Two models that are open side by side.
struct Both {
    first: ModelCard,
    second: ModelCard,
    interventions: Interventions,
    session: Session,
}

impl Both {
    fn trained(&self) -> [u32; 2] {
        [&self.first, &self.second].map(|card| card.trained_iterations.max(1))
    }

    fn names(&self) -> [String; 2] {
        [&self.first, &self.second].map(|card| card.name.clone())
    }

    /// The numbers of iterations, in rising order.
    fn iterations(&self, args: &Args) -> Vec<u32> {
        let [a, b] = self.trained();
        if args.iterations.is_empty() { doubling(16 * a.max(b)) } else { args::rising(&args.iterations) }
    }

    fn over_boards(mut self, args: &Args) -> Outcome {
        let iterations = self.iterations(args);
        let puzzles = args.boards.puzzles(&args.model, &self.first, PUZZLES)?;
        if args.boards.puzzles.is_none() && self.second.provenance.seed != self.first.provenance.seed {
            eprintln!(
                "note: {} was trained with seed {}, which left out other puzzles; some of these may be like ones that it saw",
                self.second.name, self.second.provenance.seed
            );
        }
        let last = iterations.last().copied().unwrap_or(1);
        let settings = Recording { interventions: self.interventions, ..Recording::plain(last) };
        let kernels = args.kernels.kernels;
        let (a, _) = record_of(&mut self.session, Subject::Opened, puzzles.clone(), settings, kernels)?;
        let (b, _) = record_of(&mut self.session, Subject::Other, puzzles.clone(), settings, kernels)?;
        let found = compare::boards(&puzzles, [&a, &b], &iterations, 0).map_err(Failure::Input)?;
        let found = boards::ModelsCompared {
            models: self.names(),
            device: self.session.device().name.clone(),
            trained_iterations: self.trained(),
            settings,
            found,
        };
        args.results.tell_as(&found, boards::table, boards::csv, boards::figure)
    }

    fn pass(mut self, args: &Args, text: &str) -> Outcome {
        let mut puzzle = read::one_puzzle(text)?;
        solve::fits(&self.first, puzzle.clues.shape())?;
        if puzzle.solution.is_none() {
            puzzle.solution = solution_of(&puzzle.clues);
        }
        let iterations = self.iterations(args).last().copied().unwrap_or(1);
        let first = self.trace(Subject::Opened, &puzzle, iterations)?;
        let second = self.trace(Subject::Other, &puzzle, iterations)?;
        let found = passes::PassesCompared::of(&first, &second).map_err(Failure::Input)?;
        args.results.tell_as(&found, passes::table, passes::csv, passes::figure)
    }

    fn trace(&mut self, subject: Subject, puzzle: &Puzzle, iterations: u32) -> Result<Trace, Failure> {
        let progress = Progress::bar(iterations as usize, "iterations");
        let (step, frames) =
            self.session.think_with(subject, &puzzle.clues, iterations, self.interventions, |done| {
                progress.set(done, iterations as usize);
            })?;
        drop(progress);
        let card = if subject == Subject::Other { &self.second } else { &self.first };
        let mut trace = solve::trace_of(puzzle.clone(), card, step, frames);
        trace.interventions = self.interventions;
        Ok(trace)
    }
}
