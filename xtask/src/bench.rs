//! How fast it is, through the program itself: what a user gets, start-up left out.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::options::Options;
use crate::{Done, cargo};

/// `cargo xtask bench`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["device", "steps"])?;
    let device = options.text("device").unwrap_or("cpu");
    let steps = options.number("steps", 60_u32)?.max(20);
    let program = cargo::program()?;
    println!("\n{:<10} {:>16} {:>18} {:>22}", "preset", "seconds a step", "boards a second", "evaluation, boards/s");
    for preset in ["sudoku4", "sudoku6", "sudoku9"] {
        let folder = std::env::temp_dir().join(format!("loopscope-bench-{}-{preset}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let result = measure(&program, preset, device, steps, &folder);
        let _ = std::fs::remove_dir_all(&folder);
        let (rate, batch, evaluated) = result?;
        println!("{preset:<10} {:>16.4} {rate:>18.1} {evaluated:>22.1}", batch / rate);
    }
    Ok(true)
}

/// Boards trained on a second (the last reading), boards in a batch, boards evaluated a second.
fn measure(
    program: &std::path::Path,
    preset: &str,
    device: &str,
    steps: u32,
    run: &std::path::Path,
) -> Done<(f64, f64, f64)> {
    // The 9×9 network is some hundred times as much work: fewer steps and smaller batches.
    let (steps, batch, boards) = match preset {
        "sudoku4" => (steps, 64, 512),
        "sudoku6" => (steps / 2, 48, 256),
        _ => (steps / 10, 4, 16),
    };
    let mut train = Command::new(program);
    train.args(["train", preset, "--device", device, "--json", "--steps", &steps.to_string()]);
    train.args(["--set", &format!("batch={batch}"), "--set", "train_count=64", "--set", "eval_count=16"]);
    train.args(["--set", "probe.every=0", "--set", "metrics_every=2", "--out"]).arg(run);
    let lines = output(train, "the training")?;
    let rates: Vec<f64> = lines.lines().filter_map(|l| number(l, "\"boards_per_second\":")).collect();
    let rate = *rates.last().ok_or("the training told no boards a second")?;

    let mut eval = Command::new(program);
    eval.args(["eval", "--json", "--device", device, "--generate", &boards.to_string(), "--seed", "1", "--model"])
        .arg(run);
    let start = Instant::now();
    output(eval, "the evaluation")?;
    Ok((rate, f64::from(batch), f64::from(boards) / start.elapsed().as_secs_f64()))
}

fn output(mut command: Command, what: &str) -> Done<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| format!("{what} did not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("{what} failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("{what} wrote no text: {e}"))
}

/// The number that follows `key` in a line of JSON.
fn number(line: &str, key: &str) -> Option<f64> {
    let rest = &line[line.find(key)? + key.len()..];
    rest[..rest.find([',', '}'])?].trim().parse().ok()
}
