//! `loopscope probe`: measurements of a trained model.

mod common;
mod scaling;
mod verify;

use super::failure::Outcome;

const HELP: &str = "\
Every measurement prints a table, or JSON with --json, and writes CSV and a figure where it is told to. The
window shows the same numbers.

Examples:
  loopscope probe scaling --model sudoku6 --generate 200
  loopscope probe verify --model sudoku6 --generate 200 --budget 256";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Solved share against iterations, with intervals, by difficulty; boards may leave when they are done
    Scaling(scaling::Args),
    /// Ask again until an answer obeys the rules: solved and known to be, against iterations spent
    Verify(verify::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Scaling(args) => scaling::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
