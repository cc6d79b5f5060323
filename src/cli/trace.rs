//! `loopscope trace`: record a forward pass, or look at one that was recorded.

mod record;
mod show;

use super::failure::Outcome;

const HELP: &str = "\
Examples:
  loopscope trace record --model sudoku4 --puzzle 1...34....4....1 --iterations 96 --out first.trace
  loopscope trace show first.trace --png curves.png";

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
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Record(args) => record::run(args),
        Command::Show(args) => show::run(args),
    }
}
