//! Planted faults: each test of Pointer-over-Heads must be able to fail. A test that passes whatever the
//! code does tells nothing, and at least four of the original's seventeen were such (`specs/poh.md` §5.4).
//!
//! Every fault of the list goes into a copy of the source, alone; the tests that it names must fail.

mod faults;
mod json;
mod report;
mod suite;
mod tree;

use std::time::Instant;

use crate::options::Options;
use crate::{Done, cargo};
use faults::{FAULTS, Fault};
use report::{Report, Verdict};
use suite::Ran;
use tree::Tree;

/// `cargo xtask mutants`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["only", "list", "json"])?;
    let only = options.text("only");
    if options.flag("only") && only.is_none() {
        return Err("--only needs a part of a fault's name; --list shows them".into());
    }
    let faults = chosen(only)?;
    if options.flag("list") {
        print!("{}", if options.flag("json") { report::list_json(&faults) } else { report::list_text(&faults) });
        return Ok(true);
    }
    // Another target directory can be named, so that other builds go on beside this long run.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(cargo::target_dir, |named| Ok(named.into()))?;
    let tree = Tree::renew(&cargo::root(), target)?;
    let tests = unchanged(&tree)?;
    let count = faults.len();
    let verdicts = faults.into_iter().enumerate().map(|(i, fault)| {
        let verdict = judge(&tree, fault);
        eprintln!("{}/{count} {}: {} ({} s)", i + 1, fault.name, verdict.word(), verdict.seconds);
        verdict
    });
    let report = Report { verdicts: verdicts.collect(), tests, whole: only.is_none() };
    print!("{}", if options.flag("json") { report.json() } else { report.text() });
    Ok(report.holds())
}

/// The faults with this in their name.
fn chosen(only: Option<&str>) -> Done<Vec<&'static Fault>> {
    let faults: Vec<_> = FAULTS.iter().filter(|fault| only.is_none_or(|only| fault.name.contains(only))).collect();
    if faults.is_empty() { Err("no fault has that in its name; --list shows them".into()) } else { Ok(faults) }
}

/// All tests of the suite, which pass as long as nothing is planted: else no failure would mean anything.
fn unchanged(tree: &Tree) -> Done<Vec<String>> {
    eprintln!("without a fault, in {}", tree.top().display());
    let start = Instant::now();
    let Ran { passed, failed } = suite::run(tree).map_err(|e| format!("without any fault, {e}"))?;
    if !failed.is_empty() {
        return Err(format!("these fail without any fault: {}", failed.join(", ")));
    }
    if passed.is_empty() {
        return Err("no test was run".into());
    }
    eprintln!("{} tests pass ({} s)", passed.len(), start.elapsed().as_secs());
    Ok(passed)
}

/// Plants the fault, runs the tests and takes it out again. What goes wrong is this fault's alone.
fn judge(tree: &Tree, fault: &'static Fault) -> Verdict {
    let start = Instant::now();
    let failed = tree.plant(fault).and_then(|planted| {
        let ran = suite::run(tree);
        planted.take_out()?;
        ran.map(|ran| ran.failed)
    });
    Verdict { fault, seconds: start.elapsed().as_secs(), failed }
}

#[cfg(test)]
#[path = "mutants/tests.rs"]
mod tests;
