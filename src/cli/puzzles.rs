//! `loopscope puzzles`: make, rate and check puzzles. No model and no device.

mod check;
mod generate;
mod hunt;
mod rate;
mod report;
mod search;

use super::failure::Outcome;

const HELP: &str = "\
Examples:
  loopscope puzzles generate --size 9 --count 100 --seed 7 --out puzzles.csv.gz
  loopscope puzzles search --bucket 11-50 --bucket 51+ --count 100 --seed 7 --out hard.csv.gz
  loopscope puzzles rate puzzles.csv.gz
  loopscope puzzles check puzzles.csv.gz
  loopscope puzzles report --minutes 4 --against dev.csv.gz";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make puzzles with exactly one solution
    Generate(generate::Args),
    /// Search for puzzles of a difficulty, hard ones too
    Search(search::Args),
    /// Count a file's puzzles by difficulty
    Rate(rate::Args),
    /// Find every error in a file of puzzles
    Check(check::Args),
    /// Measure how quickly hard puzzles are found, and how the rating agrees with a file's
    Report(report::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Generate(args) => generate::run(args),
        Command::Rate(args) => rate::run(args),
        Command::Search(args) => search::run(args),
        Command::Check(args) => check::run(args),
        Command::Report(args) => report::run(args),
    }
}
