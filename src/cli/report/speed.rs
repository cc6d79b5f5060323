//! `loopscope report speed`: benches as one table.

use std::path::PathBuf;

use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::output;
use crate::report::speed::{Speed, markdown, replaced};
use crate::store;

const HELP: &str = "\
In each group of a device and a number of boards, the quickest kernels of the loop are the measure for all:
a program that is twice as quick as they are stands there with 0.50.

--into replaces the table between the marks “<!-- speed: … -->” and “<!-- end of speed -->” of a text. Exit
code 1 says that --check found another table there.

Examples:
  loopscope bench --device cpu --json > cpu.json
  loopscope report speed cpu.json
  loopscope report speed benches/results/*.json --into README.md --check";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// What `loopscope bench --json` and `cargo xtask web-bench --json` wrote
    #[arg(required = true, value_name = "FILE.json")]
    files: Vec<PathBuf>,
    /// Put the table into this text instead of printing it
    #[arg(long, value_name = "FILE.md")]
    into: Option<PathBuf>,
    /// Write nothing; say whether the table in the text is what would be written
    #[arg(long, requires = "into")]
    check: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut reports = Vec::new();
    for file in &args.files {
        let text = std::fs::read_to_string(file).map_err(|e| Failure::file(file, format!("cannot be read: {e}")))?;
        reports.extend(Speed::read(&text).map_err(|e| Failure::file(file, e))?);
    }
    let table = markdown(&reports);
    let Some(into) = &args.into else {
        output::write(table.as_bytes())?;
        return Ok(Answer::Yes);
    };
    let text = std::fs::read_to_string(into).map_err(|e| Failure::file(into, format!("cannot be read: {e}")))?;
    let new = replaced(&text, &table).map_err(|e| Failure::file(into, e))?;
    let shown = into.display();
    if args.check && new != text {
        output::line(format_args!("The table in {shown} is not what would be written; leave --check out."))?;
        return Ok(Answer::No);
    }
    if new != text {
        store::now(store::replace(into, new.as_bytes()))
            .map_err(|e| Failure::file(into, format!("cannot be written: {e}")))?;
    }
    output::line(format_args!("The table in {shown} is up to date."))?;
    Ok(Answer::Yes)
}
