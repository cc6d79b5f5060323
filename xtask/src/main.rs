//! `cargo xtask`: every check and every picture of the project, without a shell script.
//!
//! No dependencies, so that it compiles in seconds; it drives cargo and the finished program.
#![expect(clippy::disallowed_methods, reason = "a native tool that has nothing to do while it waits")]

mod bench;
mod cargo;
mod fuzz;
mod kill;
mod lock;
mod options;
mod packages;
mod random;
mod screen;
mod shots;
mod summary;
mod test;
mod weights;

use std::process::ExitCode;

use options::Options;

const HELP: &str = "\
cargo xtask COMMAND

  test                       every check; ends with a line such as “212 passed, 0 failed”
       [--quick]             without the window, the kill test, the fuzzing and the licences
  shots                      pictures of the real window under Xvfb, into shots/
       [--out FOLDER]
  kill-test                  kill -9 a training at random moments, resume it, compare the weights
       [--times N] [--seed S] [--steps N]
  fuzz                       damaged input into every reader; panics and memory are counted
       [--cases N] [--seed S]
  bench                      training steps and evaluated boards a second, through the program
       [--device D] [--steps N]

Set CARGO_TARGET_DIR to build somewhere else than in target/.";

/// What went wrong, in words; printed once, here.
pub type Done<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let result = Options::parse(arguments).and_then(|options| run(&command, &options));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything that was asked holds.
fn run(command: &str, options: &Options) -> Done<bool> {
    match command {
        "test" => test::run(options),
        "shots" => shots::run(options),
        "kill-test" => kill::run(options),
        "fuzz" => fuzz::run(options),
        "bench" => bench::run(options),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(true)
        }
        other => Err(format!("there is no command “{other}”.\n\n{HELP}")),
    }
}
