//! `loopscope dev`: what the project's own checks need from inside the program. Hidden: no promise
//! is made about it.

mod fuzz;
mod inputs;
mod shots;

use super::failure::Outcome;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Feed damaged input to every reader; see `cargo xtask fuzz`
    Fuzz(fuzz::Args),
    /// Save pictures of the window and look at them; see `cargo xtask shots`
    Shots(shots::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Fuzz(args) => fuzz::run(args),
        Command::Shots(args) => shots::run(args),
    }
}
