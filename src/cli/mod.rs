//! The command line: one file a subcommand. It speaks to the engine by its messages only, as the
//! window does.
//!
//! Standard output holds the answer and nothing else, so that it can be piped; everything about
//! how it is going is on standard error.

mod args;
mod bench;
mod boards;
mod claims;
mod dev;
mod eval;
mod export;
mod failure;
mod inspect;
mod interrupt;
mod lines;
mod logits;
mod memory;
mod models;
mod open;
mod output;
mod probe;
mod progress;
mod puzzles;
mod read;
mod report;
mod session;
mod solve;
mod study;
mod trace;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use memory::Counting;

use failure::Outcome;

const EXIT_CODES: &str = "\
Without a command it opens the window.

Exit codes:
  0  done
  1  done, and the answer is no: not solved, or a check found errors
  2  bad usage or bad input
  3  trouble with the device or the engine
  4  training stopped by a value that is infinite or no number

Example:
  loopscope solve 1...34....4....1";

/// A microscope for looped transformers: train one live, scrub through its iterations, run it far
/// longer than it was trained for.
#[derive(Parser)]
#[command(name = "loopscope", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Let a model solve a puzzle
    Solve(solve::Args),
    /// Train a model, or go on with a run
    Train(train::Args),
    /// Count the puzzles that a model solves, by difficulty and by iterations
    Eval(eval::Args),
    /// Measure a trained model: scaling, stopping, recovery, fixed points, growth of small changes
    Probe(probe::Args),
    /// Time iterations and training steps, beside another program if there is one
    Bench(bench::Args),
    /// Train and evaluate every run of a study
    Study(study::Args),
    /// Write the page of published claims with what was measured of them
    Claims(claims::Args),
    /// Write a model's logits and state norms to a safetensors file
    Logits(logits::Args),
    /// Make, rate and check puzzles
    Puzzles(puzzles::Args),
    /// Record a forward pass, or show one that was recorded
    Trace(trace::Args),
    /// Draw and tabulate what a run's probes recorded
    Report(report::Args),
    /// Show what a model file holds
    Inspect(inspect::Args),
    /// Write a model with what was measured of it, and traces of it
    Export(export::Args),
    /// Open a model or a trace in the window
    Open(open::Args),
    /// For the project's own checks (`cargo xtask`)
    #[command(hide = true)]
    Dev(dev::Args),
}

/// Runs the program with the arguments that it was started with.
#[must_use]
pub fn main() -> ExitCode {
    // Wrong usage ends here with exit code 2, --help and --version with 0.
    let cli = Cli::parse();
    start_log();
    match run(cli) {
        Ok(answer) => answer.into(),
        Err(failure) => {
            failure.print();
            failure.into()
        }
    }
}

fn run(cli: Cli) -> Outcome {
    match cli.command {
        None => open::nothing(),
        Some(Command::Solve(args)) => solve::run(&args),
        Some(Command::Train(args)) => train::run(args),
        Some(Command::Eval(args)) => eval::run(&args),
        Some(Command::Probe(args)) => probe::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Study(args)) => study::run(&args),
        Some(Command::Claims(args)) => claims::run(&args),
        Some(Command::Logits(args)) => logits::run(&args),
        Some(Command::Puzzles(args)) => puzzles::run(&args),
        Some(Command::Trace(args)) => trace::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Open(args)) => open::run(&args),
        Some(Command::Dev(args)) => dev::run(&args),
    }
}

/// Warnings of the libraries go to standard error; `RUST_LOG` asks for more.
fn start_log() {
    use tracing_subscriber::EnvFilter;
    // Graphics libraries warn of what they then handle; only their errors concern a user.
    let quiet = "warn,wgpu_core=error,wgpu_hal=error,naga=error,cubecl=error";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    // A log that was set up by someone else (a test) stays.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_shown_command_has_an_example() {
        fn check(command: &clap::Command) {
            let shown: Vec<_> = command.get_subcommands().filter(|c| !c.is_hide_set()).collect();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
            shown.into_iter().for_each(check);
        }
        check(&Cli::command());
    }
}
