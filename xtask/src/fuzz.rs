//! Damaged input into every reader, inside the program (`loopscope dev fuzz`).

use std::process::Command;

use crate::options::Options;
use crate::{Done, cargo, random};

/// `cargo xtask fuzz`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["cases", "seed"])?;
    let cases = options.number("cases", 1_000_000_u64)?;
    let seed = options.number("seed", random::fresh_seed())?;
    cargo::program()?;
    Ok(fuzz(cases, seed).inspect_err(|e| eprintln!("{e}")).is_ok())
}

/// Runs so many cases with the program as it is built.
pub fn fuzz(cases: u64, seed: u64) -> Done {
    let mut command = Command::new(cargo::built()?);
    command.args(["dev", "fuzz", "--cases", &cases.to_string(), "--seed", &seed.to_string()]);
    cargo::succeed(command, "a reader panicked or asked for too much memory")
}
