//! `loopscope eval`: how many puzzles a model solves, by difficulty and by iterations.

use std::path::{Path, PathBuf};

use super::args::{self, DeviceArg, KernelsArg, ModelSettings};
use super::failure::{Answer, Failure, Outcome};
use super::progress::Progress;
use super::session::Session;
use super::{models, output, read};
use crate::config::Interventions;
use crate::engine::protocol::{Command, Event, Kernels, Subject};
use crate::report;
use crate::store;
use crate::tasks::sudoku::{GenerateSpec, Puzzle, Shape, rate};
use crate::trace::{Score, Work};
use crate::train::{RunFolder, evaluation_puzzles};

/// What the presets leave out of their training.
const LEFT_OUT: usize = 500;

const HELP: &str = "\
A puzzle counts as solved when the model's digit is right in every blank cell. Difficulty is the
number of guesses that a propagating solver needs: the file's rating column, or rated here.

Examples:
  loopscope eval --model sudoku4 --generate 500
  loopscope eval --model runs/sudoku9-seed1 --puzzles dev.csv.gz --iterations 1,4,16,64 --limit-per-bucket 100 --json";

#[derive(clap::Args)]
#[command(after_help = HELP)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["puzzles", "generate"]))]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Puzzles as CSV or plain text, gzipped or not; - for standard input
    #[arg(long, value_name = "FILE")]
    puzzles: Option<PathBuf>,
    /// Make so many puzzles of the model's board instead, no two alike under its symmetries
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    generate: Option<u32>,
    /// The seed of --generate [default: the model's own; its training left the first of these out]
    #[arg(long, value_name = "SEED", conflicts_with = "puzzles")]
    seed: Option<u64>,
    /// Numbers of iterations to score; one pass serves all [default: T, 2T and 4T of the model]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = args::iterations())]
    iterations: Vec<u32>,
    /// Only the first N puzzles of each difficulty
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit_per_bucket: Option<u32>,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
    #[command(flatten)]
    kernels: KernelsArg,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let source = models::resolve(&args.model)?;
    let mut session = Session::start(&args.device.device)?;
    let card = session.open(source, &args.settings.set)?;
    let shape = card.config.shape();
    let puzzles = match (&args.puzzles, args.generate) {
        (Some(file), _) => read::scored_puzzles(file, shape, args.limit_per_bucket.map(|n| n as usize))?,
        (None, count) => {
            let own = card.provenance.seed;
            let seed = args.seed.unwrap_or(own);
            if seed != own {
                eprintln!(
                    "note: the model's training left out the puzzles of seed {own}; those of seed {seed} may be like ones that it saw"
                );
            }
            let (spec, left_out) = left_out(&args.model, shape);
            let count = count.unwrap_or(1) as usize;
            if count > left_out {
                eprintln!(
                    "note: the training left out the first {left_out} of these puzzles; later ones may be like ones that it saw"
                );
            }
            generated(spec, count, seed)
        }
    };
    let trained = card.trained_iterations.max(1);
    let iterations = if args.iterations.is_empty() {
        vec![trained, 2 * trained, 4 * trained]
    } else {
        args::rising(&args.iterations)
    };
    let (scores, work) = evaluate(&mut session, puzzles, iterations, args.kernels.kernels)?;
    if args.json {
        output::line(report::evaluation_json(&args.model, &scores, work))?;
    } else {
        output::write(report::evaluation_table(&card.name, &scores, work).as_bytes())?;
    }
    Ok(Answer::Yes)
}

/// Which puzzles of its seed a model's training left out: their kind and their number. A run folder
/// tells; of a file that stands alone the presets' settings are taken.
pub(super) fn left_out(model: &str, shape: Shape) -> (GenerateSpec, usize) {
    let Ok((_, config)) = store::now(RunFolder::open(Path::new(model))) else {
        return (GenerateSpec::usual(shape), LEFT_OUT);
    };
    // With a file of its own for evaluation, no made puzzle was left out.
    let count = if config.puzzles.eval_file.is_empty() { config.puzzles.eval_count } else { 0 };
    (config.puzzles.spec(shape), count)
}

/// Scores the opened model; what it cost, where something could be left out.
pub(super) fn evaluate(
    session: &mut Session,
    puzzles: Vec<Puzzle>,
    iterations: Vec<u32>,
    kernels: Kernels,
) -> Result<(Vec<Score>, Work), Failure> {
    let progress = Progress::bar(puzzles.len(), "boards");
    let (subject, interventions) = (Subject::Opened, Interventions::default());
    let request =
        session.ask(|request| Command::Evaluate { request, subject, puzzles, iterations, interventions, kernels });
    loop {
        match session.next_of(request)? {
            Event::Progress { done, of, .. } => progress.set(done, of),
            Event::Evaluated { scores, work, .. } => return Ok((scores, work)),
            _ => {}
        }
    }
}

/// The evaluation puzzles of a run with this seed, with their ratings: those that its training leaves
/// out, and as many more as are asked for.
pub(super) fn generated(spec: GenerateSpec, count: usize, seed: u64) -> Vec<Puzzle> {
    let mut puzzles = evaluation_puzzles(spec, seed, count);
    let progress = Progress::bar(puzzles.len(), "puzzles rated");
    for puzzle in &mut puzzles {
        puzzle.rating = Some(rate(&puzzle.clues));
        progress.add(1);
    }
    drop(progress);
    if puzzles.len() < count {
        eprintln!("warning: only {} puzzles of this board were found that are not alike", puzzles.len());
    }
    puzzles
}

#[cfg(test)]
mod tests {
    use super::super::session::fake;
    use super::*;
    use crate::trace::Count;

    #[test]
    fn a_run_folder_tells_what_its_training_left_out() {
        use crate::config::preset;
        use crate::tasks::sudoku::Clues;

        let folder = tempfile::tempdir().expect("a folder");
        let settings = ["eval_count=30", "least_clues=5", "most_clues=6"];
        let config = preset("sudoku4").expect("a preset").with_settings(&settings).expect("settings");
        store::now(RunFolder::create(folder.path(), &config)).expect("a run");
        let (spec, count) = left_out(&folder.path().display().to_string(), Shape::S4);
        assert_eq!((spec.clues, count), (Clues::Between { min: 5, max: 6 }, 30));
        assert_eq!(left_out("sudoku4", Shape::S4), (GenerateSpec::usual(Shape::S4), 500));
    }

    #[test]
    fn scores_come_back_and_a_refusal_is_the_engines() {
        let (mut session, heard) = fake::session(|command| match command {
            Command::Evaluate { request, puzzles, iterations, .. } => {
                let of = puzzles.len() as u32;
                let score = |i: &u32| Score { iterations: *i, total: Count { solved: 1, of }, by_bucket: Vec::new() };
                let scores = iterations.iter().map(score).collect();
                vec![
                    Event::Progress { request: *request, done: 1, of: 2 },
                    Event::Evaluated { request: *request, scores, work: Work::default() },
                ]
            }
            _ => Vec::new(),
        });
        let puzzles = generated(GenerateSpec::usual(Shape::S4), 3, 7);
        assert!(puzzles.iter().all(|p| p.rating.is_some() && p.solution.is_some()));
        let (scores, _) = evaluate(&mut session, puzzles, vec![1, 4], Kernels::Fused).expect("scores");
        assert_eq!(scores.iter().map(|s| (s.iterations, s.total.of)).collect::<Vec<_>>(), [(1, 3), (4, 3)]);
        assert_eq!(heard.lock().expect("no panic").len(), 1);

        let (mut session, _) = fake::session(|command| match command {
            Command::Evaluate { request, .. } => {
                vec![Event::Failed { request: Some(*request), message: "out of memory".into() }]
            }
            _ => Vec::new(),
        });
        let failure = evaluate(&mut session, Vec::new(), vec![1], Kernels::Fused).expect_err("refused");
        assert_eq!(failure, Failure::Engine("out of memory".into()));
    }
}
