//! `cargo xtask tables`: a short training, whose tables pandas and polars then read and whose figures are
//! drawn, and traces that the reader in docs/trace-format.md reads. Python's packages go into an environment of their own below the target directory.

use std::path::Path;
use std::process::Command;

use crate::options::Options;
use crate::{Done, cargo};

/// What is installed, pinned so that a new release cannot turn a check red.
const PACKAGES: [&str; 2] = ["pandas==2.3.3", "polars==1.35.2"];

/// Runs it.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&[])?;
    let python = environment()?;
    let program = cargo::program()?;
    let folder = std::env::temp_dir().join(format!("loopscope-tables-{}", std::process::id()));
    let result = check(&python, &program, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    result.inspect_err(|e| eprintln!("{e}")).map(|()| true)
}

fn check(python: &Path, program: &Path, folder: &Path) -> Done {
    let run = folder.join("run");
    let mut train = Command::new(program);
    train.args(["train", "poh4", "--device", "cpu", "--out"]).arg(&run);
    for setting in ["recipe.steps=60", "recipe.warmup=10", "probe.every=20", "probe.metrics_every=5"] {
        train.args(["--set", setting]);
    }
    cargo::succeed(train, "the training failed")?;
    let mut read = Command::new(python);
    read.arg(cargo::root().join("tests/python/read_tables.py")).arg(&run);
    cargo::succeed(read, "pandas or polars does not read the tables as they are meant")?;
    let mut traces = Command::new(python);
    traces.arg(cargo::root().join("tests/python/read_trace.py"));
    traces.arg(cargo::root().join("docs/trace-format.md")).arg(program).arg(run.join("boards.trace"));
    traces.args(
        ["sudoku4", "sudoku6", "poh4-hrm", "sudoku4-training"]
            .map(|n| cargo::root().join(format!("assets/traces/{n}.trace"))),
    );
    cargo::succeed(traces, "the reader of docs/trace-format.md does not read traces as they are shown")?;
    let mut report = Command::new(program);
    report.args(["report", "inner-outer"]).arg(&run);
    cargo::succeed(report, "the figures could not be drawn")?;
    let figures = std::fs::read_dir(run.join("figures")).map_err(|e| format!("no figures: {e}"))?;
    let count = figures.flatten().filter(|f| f.path().extension().is_some_and(|e| e == "svg")).count();
    if count < 7 { Err(format!("{count} figures were drawn; seven or more are expected")) } else { Ok(()) }
}

/// The Python of an environment with the packages.
fn environment() -> Done<std::path::PathBuf> {
    let folder = cargo::target_dir()?.join("tables-python");
    let python = folder.join("bin").join("python");
    if !python.is_file() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&folder);
        cargo::succeed(make, "python3 makes no environment; on Debian, install python3-venv")?;
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    cargo::succeed(install, "pip does not install pandas and polars")?;
    Ok(python)
}
