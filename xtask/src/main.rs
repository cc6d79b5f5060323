//! `cargo xtask`: every check and every picture of the project, without a shell script.
//!
//! No dependencies, so that it compiles in seconds; it drives cargo and the finished program.
#![expect(clippy::disallowed_methods, reason = "a native tool that has nothing to do while it waits")]

mod bench;
mod browser;
mod cargo;
mod fuzz;
mod kill;
mod lock;
mod mutants;
mod names;
mod options;
mod packages;
mod parity;
mod random;
mod screen;
mod serve;
mod shots;
mod speed;
mod summary;
mod tables;
mod test;
mod tour;
mod web;
mod weights;

use std::process::ExitCode;

use options::Options;

const HELP: &str = "\
cargo xtask COMMAND

  test                       every check; ends with a line such as “212 passed, 0 failed”
       [--quick]             without the window, the page, the kill test, the fuzzing and the licences
  shots                      pictures of the real window under Xvfb, into shots/
       [--out FOLDER]
  kill-test                  kill -9 a training at random moments, resume it, compare the weights
       [--times N] [--seed S] [--steps N]
  fuzz                       damaged input into every reader; panics and memory are counted
       [--cases N] [--seed S]
  mutants                    faults planted in a copy of the source, one at a time: the tests of
                             Pointer-over-Heads must notice each; takes an hour or so
       [--only NAME]         only the faults with this in their name
       [--list]              shows the faults and runs nothing
       [--json]
  bench                      training steps and evaluated boards a second, through the program
       [--device D] [--steps N]
  parity                     trains fused and on tensors, three seeds each: their losses must not differ by more
                             than seeds do
       [--preset P] [--device D] [--steps N] [--dropout RATE] [--set KEY=VALUE]
  tables                     the tables of a short training, read by pandas and polars, and its figures; traces,
                             read by the reader that docs/trace-format.md shows
  probe-tour                 every measurement on a real model, into dist/probe-tour
       [--model M] [--puzzles FILE] [--boards N] [--device D] [--out FOLDER]
  web                        the page, into dist/web: a folder for any static host
       [--out FOLDER]
  serve                      builds the page and serves it on this machine
       [--port 8080] [--out FOLDER]
  web-test                   builds the page and tests it in Chromium
       [--only NAME]         only the files of tests/browser with this in their name
  page-report                sizes, times and frame rates of the page, against their limits
       [--json]
  web-bench                  an iteration of a 9×9 board in the page: fused and plain, CPU and software card; and a
                             training step of sudoku4 (--training: that alone)
       [--json]
  speed                      times the loop on the CPU and in the page, keeps the results in benches/results,
                             and puts all results that are kept there into the README's table
       [--only cpu,page,card] what to time; card needs a hardware graphics card
       [--python PATH]       a Python with onnxruntime (cpu) or torch (card), to take turns with
       [--table]             times nothing: the table alone
  web-shots                  pictures of the page, into assets/pictures/web
       [--out FOLDER] [--only NAME]
The last five take --built FOLDER for a page that is built already.

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
        "mutants" => mutants::run(options),
        "bench" => bench::run(options),
        "parity" => parity::run(options),
        "tables" => tables::run(options),
        "probe-tour" => tour::run(options),
        "web" => web::run(options),
        "serve" => serve::run(options),
        "web-test" => browser::run(options),
        "page-report" => browser::report(options),
        "web-bench" => browser::bench(options),
        "speed" => speed::run(options),
        "web-shots" => browser::shots(options),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(true)
        }
        other => Err(format!("there is no command “{other}”.\n\n{HELP}")),
    }
}
