//! The program as it is started by a user.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What it said and how it ended.
pub struct Said {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Exit code.
    pub code: i32,
}

/// Runs it in a folder of its own with the words of `line`.
pub fn run(folder: &Path, line: &str) -> Said {
    run_words(folder, &line.split_whitespace().collect::<Vec<_>>())
}

/// The same with arguments that hold spaces.
pub fn run_words(folder: &Path, words: &[&str]) -> Said {
    let output: Output = command(folder).args(words).stdin(Stdio::null()).output().unwrap();
    Said {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// The program, in a folder.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loopscope"));
    command.current_dir(folder).env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}
