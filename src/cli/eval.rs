//! `loopscope eval`: how many puzzles a model solves, by difficulty and by iterations.

use super::args::{self, DeviceArg, KernelsArg, ModelSettings};
use super::boards::BoardsArg;
use super::failure::{Answer, Failure, Outcome};
use super::progress::Progress;
use super::session::Session;
use super::{models, output};
use crate::config::Interventions;
use crate::engine::protocol::{Command, Event, Kernels, Subject};
use crate::report;
use crate::tasks::sudoku::Puzzle;
use crate::trace::{Score, Work};

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
    #[command(flatten)]
    boards: BoardsArg,
    /// Numbers of iterations to score; one pass serves all [default: T, 2T and 4T of the model]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = args::iterations())]
    iterations: Vec<u32>,
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
    let puzzles = args.boards.puzzles(&args.model, &card, 1)?;
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

#[cfg(test)]
mod tests {
    use super::super::boards::generated;
    use super::super::session::fake;
    use super::*;
    use crate::tasks::sudoku::{GenerateSpec, Shape};
    use crate::trace::Count;

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
