//! `loopscope puzzles`: make, rate and check puzzles. No model and no device.

mod check;
mod generate;
mod rate;

use super::failure::Outcome;

const HELP: &str = "\
Examples:
  loopscope puzzles generate --size 9 --count 100 --seed 7 --out puzzles.csv.gz
  loopscope puzzles rate puzzles.csv.gz
  loopscope puzzles check puzzles.csv.gz";

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
    /// Count a file's puzzles by difficulty
    Rate(rate::Args),
    /// Find every error in a file of puzzles
    Check(check::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Generate(args) => generate::run(args),
        Command::Rate(args) => rate::run(args),
        Command::Check(args) => check::run(args),
    }
}
