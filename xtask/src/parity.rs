//! Trains fused and on tensors, three seeds each, and compares the losses: fused training must not differ by more than
//! seeds do.

use std::process::{Command, Stdio};

use crate::options::Options;
use crate::{Done, cargo};

/// Seeds of either way.
const SEEDS: [u32; 3] = [1, 2, 3];

/// `cargo xtask parity`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["preset", "device", "steps", "dropout", "set"])?;
    let preset = options.text("preset").unwrap_or("sudoku4");
    let device = options.text("device").unwrap_or("cpu");
    let dropout = options.text("dropout").unwrap_or("0.1");
    let steps = options.number("steps", 500_u32)?.max(10);
    let program = cargo::program()?;
    let folder = std::env::temp_dir().join(format!("loopscope-parity-{}", std::process::id()));
    let mut means = Vec::new();
    for kernels in ["plain", "fused"] {
        for seed in SEEDS {
            let run = folder.join(format!("{kernels}-{seed}"));
            let mut train = Command::new(&program);
            train.args(["train", preset, "--device", device, "--kernels", kernels, "--json", "--out"]).arg(&run);
            for set in [
                format!("seed={seed}"),
                format!("recipe.steps={steps}"),
                format!("recipe.dropout={dropout}"),
                "probe.every=0".into(),
                "probe.record_every=0".into(),
                "metrics_every=5".into(),
            ] {
                train.args(["--set", &set]);
            }
            if let Some(set) = options.text("set") {
                train.args(["--set", set]);
            }
            let status = train.stdout(Stdio::null()).stderr(Stdio::null()).status();
            let status = status.map_err(|e| format!("the training did not start: {e}"))?;
            if !status.success() {
                return Err(format!("the training {kernels}, seed {seed}, failed ({status})"));
            }
            let mean = mean_loss(&run.join("steps.csv"), steps - steps / 5, steps)?;
            println!("{kernels:<6} seed {seed}: mean loss of the last fifth {mean:.5}");
            means.push(mean);
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
    let (plain, fused) = means.split_at(SEEDS.len());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let greatest = plain.iter().copied().fold(f64::MIN, f64::max);
    let spread = greatest - plain.iter().copied().fold(f64::MAX, f64::min);
    let apart = (mean(fused) - mean(plain)).abs();
    let of_a_seed = plain.iter().zip(fused).map(|(p, f)| (p - f).abs()).fold(0.0, f64::max);
    println!("fused minus plain: {apart:.5}; at most {of_a_seed:.5} for one seed; spread of three seeds {spread:.5}");
    Ok(apart <= spread)
}

/// The mean of the column `loss` over the steps after `from` up to `until`.
fn mean_loss(csv: &std::path::Path, from: u32, until: u32) -> Done<f64> {
    let text = std::fs::read_to_string(csv).map_err(|e| format!("{}: {e}", csv.display()))?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).ok_or_else(|| format!("no column {name}"));
    let (step, loss) = (column("step")?, column("loss")?);
    let mut values = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |i: usize| cells.get(i).and_then(|c| c.parse::<f64>().ok());
        if let (Some(at), Some(loss)) = (number(step), number(loss))
            && at > f64::from(from)
            && at <= f64::from(until)
        {
            values.push(loss);
        }
    }
    if values.is_empty() {
        Err("no losses in steps.csv".into())
    } else {
        Ok(values.iter().sum::<f64>() / values.len() as f64)
    }
}
