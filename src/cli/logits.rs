//! `loopscope logits`: what a model puts out before the arg-max, as numbers for another program.

use std::path::PathBuf;

use super::args::{self, DeviceArg, KernelsArg, ModelSettings};
use super::failure::{Answer, Failure, Outcome};
use super::progress::Progress;
use super::session::Session;
use super::{models, output, read};
use crate::engine::protocol::{Command, Event, Subject};

const HELP: &str = "\
The file holds, for each number of iterations T, logits.T [boards, cells, digits] and
state_norm.T [boards, cells], as f32, boards in the order of the puzzles.

Example:
  loopscope logits --model sudoku9 --puzzles pack:sudoku9 --iterations 1,16 --limit 8 --out logits.safetensors";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Puzzles as CSV or plain text, gzipped or not; - for standard input
    #[arg(long, value_name = "FILE")]
    puzzles: PathBuf,
    /// Numbers of iterations to keep; one pass serves all
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', required = true, value_parser = args::iterations())]
    iterations: Vec<u32>,
    /// Only the first N puzzles
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// The file to write
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
    #[command(flatten)]
    kernels: KernelsArg,
}

pub(super) fn run(args: &Args) -> Outcome {
    let source = models::resolve(&args.model)?;
    if let Some(folder) = args.out.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        return Err(Failure::file(folder, "there is no such folder to write to"));
    }
    let mut session = Session::start(&args.device.device)?;
    let card = session.open(source, &args.settings.set)?;
    let puzzles = read::boards(&args.puzzles, card.config.shape(), args.limit.map(|n| n as usize))?;
    let boards = puzzles.len();
    let progress = Progress::bar(boards, "boards");
    let grids = puzzles.into_iter().map(|p| p.clues).collect();
    let (iterations, out) = (args::rising(&args.iterations), args.out.clone());
    let (subject, kernels) = (Subject::Opened, args.kernels.kernels);
    let request = session.ask(|request| Command::Logits { request, subject, puzzles: grids, iterations, kernels, out });
    loop {
        match session.next_of(request)? {
            Event::Progress { done, of, .. } => progress.set(done, of),
            Event::Written { path, .. } => {
                drop(progress);
                output::line(format_args!("{}: {}", path.display(), output::count(boards, "board")))?;
                return Ok(Answer::Yes);
            }
            _ => {}
        }
    }
}
