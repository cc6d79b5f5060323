//! `loopscope dev`: what the project's own checks need from inside the program. Hidden: no promise
//! is made about it.

mod fuzz;
mod gradients;
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
    /// Compare the gradient of a training step with differences in double precision. Exit code 1: it is off
    Gradients(gradients::Args),
    /// Save pictures of the window and look at them; see `cargo xtask shots`
    Shots(shots::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Fuzz(args) => fuzz::run(args),
        Command::Gradients(args) => gradients::run(args),
        Command::Shots(args) => shots::run(args),
    }
}
