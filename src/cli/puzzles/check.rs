//! `loopscope puzzles check`.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::failure::{Answer, Outcome};
use crate::cli::progress::Progress;
use crate::cli::{output, read};
use crate::tasks::sudoku::{PuzzleError, check};

const HELP: &str = "\
Checked are the characters, the length, the rules, that there is exactly one solution, and that a
solution given in the file is that one. Exit code 1 says that there are errors.

Example:
  loopscope puzzles check puzzles.csv.gz";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Puzzles as CSV or plain text, gzipped or not; - for standard input; or pack:sudoku9
    file: PathBuf,
    /// One line of JSON for each error, then one on the whole
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Fault {
    line: Option<usize>,
    /// Cells to mark, from 0, row by row.
    cells: Vec<usize>,
    error: String,
}

#[derive(Serialize)]
struct Whole {
    puzzles: usize,
    errors: usize,
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let progress = Progress::waiting("checking puzzles");
    let mut reader = read::puzzles(&args.file)?;
    let mut whole = Whole { puzzles: 0, errors: 0 };
    while let Some(puzzle) = reader.next() {
        let error = match puzzle {
            Ok(puzzle) => check(&puzzle).err(),
            Err(error) => Some(error),
        };
        whole.puzzles += 1;
        if let Some(error) = error {
            whole.errors += 1;
            let fault = fault(&error, reader.line());
            let name = args.file.display();
            progress.aside(|| {
                if args.json { output::json(&fault) } else { output::line(format_args!("{name}: {}", fault.error)) }
            })?;
        }
        if whole.puzzles.is_multiple_of(1000) {
            progress.say(format!("{} puzzles checked", output::thousands(whole.puzzles as u64)));
        }
    }
    drop(progress);
    if args.json {
        output::json(&whole)?;
    } else {
        let (puzzles, errors) = (output::count(whole.puzzles, "puzzle"), output::count(whole.errors, "error"));
        output::line(format_args!(
            "{puzzles}, {}",
            if whole.errors == 0 { "all with exactly one solution".into() } else { errors }
        ))?;
    }
    Ok(if whole.errors == 0 { Answer::Yes } else { Answer::No })
}

/// The error with its line: the reader's own errors know theirs, the checks after it do not.
fn fault(error: &PuzzleError, line: usize) -> Fault {
    let text = error.to_string();
    match error.line() {
        None if !error.is_final() => {
            // “Line 3: this puzzle …”, as the reader says it.
            let mut rest = text.chars();
            let first = rest.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
            Fault { line: Some(line), cells: error.cells(), error: format!("Line {line}: {first}{}", rest.as_str()) }
        }
        line => Fault { line, cells: error.cells(), error: text },
    }
}
