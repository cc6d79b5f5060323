//! `loopscope report`: figures and tables from what was recorded, without a device.

mod inner_outer;
mod speed;

use super::failure::Outcome;

const HELP: &str = "\
Examples:
  loopscope report inner-outer runs/sudoku4-seed1
  loopscope report speed benches/results/*.json";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Draw what each iteration gains and what each step gains, from the probes of a run
    InnerOuter(inner_outer::Args),
    /// Set benches side by side in one table
    Speed(speed::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::InnerOuter(args) => inner_outer::run(args),
        Command::Speed(args) => speed::run(args),
    }
}
