//! `loopscope trace`: record a forward pass, or look at one that was recorded.

mod record;
mod show;
mod steps;

use super::failure::Outcome;
pub(super) use steps::of_run;

const HELP: &str = "\
Examples:
  loopscope trace record --model sudoku4 --puzzle 1...34....4....1 --iterations 96 --out first.trace
  loopscope trace show first.trace --png curves.png
  loopscope trace steps runs/sudoku4-seed1";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Run a model on a puzzle and keep every iteration
    Record(record::Args),
    /// Show what a trace comes to, as text, CSV or a figure
    Show(show::Args),
    /// Show what a training recorded of its boards, step by step, or write it as one file
    Steps(steps::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Record(args) => record::run(args),
        Command::Show(args) => show::run(args),
        Command::Steps(args) => steps::run(args),
    }
}
