//! The tests of Pointer-over-Heads in the copy, and what their harness says.

use super::tree::Tree;
use crate::{Done, cargo};

/// Which tests there are, by what became of them.
#[derive(Debug, PartialEq)]
pub struct Ran {
    /// Names as cargo prints them.
    pub passed: Vec<String>,
    /// The others.
    pub failed: Vec<String>,
}

/// Builds and runs them.
pub fn run(tree: &Tree) -> Done<Ran> {
    let mut command = cargo::cargo(&["test", "--release", "--test", "suite", "--no-fail-fast", "--", "poh::"]);
    command.current_dir(tree.top()).env("CARGO_TARGET_DIR", tree.target()).env("CARGO_TERM_COLOR", "never");
    let output = command.output().map_err(|e| format!("cargo does not start: {e}"))?;
    // Cargo puts a finished program under the same name for every workspace. One with a fault must not lie
    // where the real one is looked for; the next build of the checkout puts that back.
    let program = format!("loopscope{}", std::env::consts::EXE_SUFFIX);
    let _ = std::fs::remove_file(tree.target().join("release").join(program));
    read(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        match said.lines().find(|line| line.starts_with("error")) {
            Some(line) => format!("it does not build: {line}"),
            None => format!("the tests came to no end ({})", output.status),
        }
    })
}

/// “test poh::seventeen::outer_residual ... ok”; nothing where the harness did not come to its end.
pub fn read(said: &str) -> Option<Ran> {
    let mut ran = Ran { passed: Vec::new(), failed: Vec::new() };
    let mut ended = false;
    for line in said.lines() {
        ended |= line.starts_with("test result: ");
        match line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) {
            Some((name, "ok")) => ran.passed.push(name.to_owned()),
            Some((name, "FAILED")) => ran.failed.push(name.to_owned()),
            _ => {}
        }
    }
    ran.passed.sort();
    ran.failed.sort();
    ended.then_some(ran)
}
