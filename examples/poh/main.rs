//! Pointer-over-Heads in six usages: blocks whose attention heads are weighed by a router, applied again
//! and again. Each file is to be read by itself; `common.rs` has what they share.
//!
//! ```sh
//! cargo run --release --example poh                     # all of them
//! cargo run --release --example poh -- top-k halting    # some by name
//! ```

mod common;
mod drop_in;
mod halting;
mod logging;
mod parity;
mod refinement;
mod top_k;

use std::io::Write;
use std::process::ExitCode;

/// A usage writes what it shows.
type Usage = fn(&mut dyn Write) -> anyhow::Result<()>;

/// Name, title and function, in the order in which they are best read.
pub const USAGES: [(&str, &str, Usage); 6] = [
    ("drop-in", "A routed stack in the place of an encoder", drop_in::run),
    ("top-k", "Two heads for each token", top_k::run),
    ("refinement", "The same blocks three times", refinement::run),
    ("halting", "Each token stops by itself", halting::run),
    ("logging", "A training and its two tables", logging::run),
    ("parity", "Parameters, counted twice", parity::run),
];

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match run(&names, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the usages of these names, or all of them.
pub fn run(names: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    // A name that is wrong is told before anything has run.
    if let Some(unknown) = names.iter().find(|n| !USAGES.iter().any(|(name, ..)| name == n)) {
        let known: Vec<&str> = USAGES.iter().map(|(name, ..)| *name).collect();
        anyhow::bail!("there is no usage “{unknown}”; there are {}", known.join(", "));
    }
    for (name, title, usage) in USAGES {
        if names.is_empty() || names.iter().any(|n| n == name) {
            writeln!(out, "── {title} ({name})")?;
            usage(out)?;
            writeln!(out)?;
        }
    }
    Ok(())
}
