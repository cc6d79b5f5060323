//! `cargo xtask probe-tour`: every measurement from the command line on a real model, into a folder of tables,
//! CSV, JSON and figures.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::options::Options;
use crate::{Done, cargo};

/// A measurement, and what it takes besides the model and the puzzles.
const STOPS: [(&str, &str, &[&str]); 12] = [
    ("scaling", "scaling", &[]),
    ("scaling-exit", "scaling", &["--exit", "valid"]),
    ("compare", "compare", &[]),
    ("interventions", "interventions", &[]),
    ("stopping", "stopping", &[]),
    ("perturb", "perturb", &["--change", "answers:5"]),
    ("fixed-points-cold", "fixed-points", &["--cold"]),
    ("fixed-points-warm", "fixed-points", &[]),
    ("inside", "inside", &[]),
    ("heads", "heads", &[]),
    ("spectrum", "spectrum", &["--moving", "--leading"]),
    ("verify", "verify", &[]),
];

/// Those that always compute on the CPU.
const WITHOUT_DEVICE: [&str; 1] = ["spectrum"];

/// `cargo xtask probe-tour`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["model", "with", "puzzles", "boards", "device", "out"])?;
    let program = cargo::program()?;
    let out = options.text("out").map_or_else(|| cargo::root().join("dist").join("probe-tour"), PathBuf::from);
    std::fs::create_dir_all(&out).map_err(|e| format!("{} cannot be made: {e}", out.display()))?;
    let boards: u32 = options.number("boards", 40)?;
    let mut good = true;
    for (name, probe, more) in STOPS {
        let mut command = Command::new(&program);
        command.args(["probe", probe, "--model", options.text("model").unwrap_or("sudoku6")]);
        if probe == "compare" {
            command.args(["--with", options.text("with").unwrap_or("fresh:sudoku6")]);
        }
        // The growth of small changes takes seconds a board.
        let count = if probe == "spectrum" { boards.div_ceil(10) } else { boards };
        match options.text("puzzles") {
            Some(file) => command.args(["--puzzles", file, "--limit-per-bucket", &count.div_ceil(5).to_string()]),
            None => command.args(["--generate", &count.to_string()]),
        };
        if !WITHOUT_DEVICE.contains(&probe) {
            command.args(["--device", options.text("device").unwrap_or("cpu")]);
        }
        command.args(more);
        let begun = Instant::now();
        let result = stop(command, &out, name);
        good &= result.is_ok();
        let said = result.map_or_else(|e| e, |()| "done".into());
        println!("{name:<20} {:>7.1} s  {said}", begun.elapsed().as_secs_f64());
    }
    println!("tables, CSV, JSON and figures are in {}", out.display());
    Ok(good)
}

/// One measurement as JSON, CSV and a figure, as a table, and once more as JSON, which must be the same to the byte.
fn stop(mut command: Command, out: &Path, name: &str) -> Done {
    let file = |end: &str| out.join(format!("{name}.{end}"));
    let mut table = Command::new(command.get_program());
    table.args(command.get_args());
    command.arg("--json").arg("--csv").arg(file("csv")).arg("--svg").arg(file("svg"));
    let mut again = Command::new(command.get_program());
    again.args(command.get_args());
    let json = output(command)?;
    if output(again)? != json {
        return Err("the same command told something else the second time".into());
    }
    let table = output(table)?;
    std::fs::write(file("json"), &json).map_err(|e| format!("{}: {e}", file("json").display()))?;
    std::fs::write(file("txt"), &table).map_err(|e| format!("{}: {e}", file("txt").display()))?;
    for end in ["csv", "svg", "txt", "json"] {
        let size = std::fs::metadata(file(end)).map_err(|e| format!("{}: {e}", file(end).display()))?.len();
        let text = std::fs::read_to_string(file(end)).unwrap_or_default();
        if text.contains("NaN") {
            return Err(format!("{} holds what is no number", file(end).display()));
        }
        if size < 100 {
            return Err(format!("{} holds {size} bytes", file(end).display()));
        }
    }
    Ok(())
}

fn output(mut command: Command) -> Done<Vec<u8>> {
    let output = command.stderr(Stdio::piped()).output().map_err(|e| format!("it did not start: {e}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, said.lines().last().unwrap_or("it said nothing")))
}
