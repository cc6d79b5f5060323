//! Logging: a tiny network trains for a few steps on 4×4 Sudoku. The engine writes two tables into the run
//! folder: `steps.csv`, a row for each reading of a training step, and `iterations.csv`, a row for each
//! iteration of each probe. The two counters, updates of the weights and iterations inside a forward pass,
//! are never in one column.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use loopscope::config::preset;
use loopscope::engine::protocol::{Command, DeviceChoice, EngineLink as _, Event, Kernels, TrainingState};
use loopscope::report::{IterationsCsv, StepsCsv};
use loopscope::{engine, store};

/// What differs from the preset: a network small enough for a few seconds, and everything recorded.
const SETTINGS: [&str; 13] = [
    "model.width=16",
    "model.hidden=32",
    "recipe.iterations=3",
    "recipe.batch=16",
    "recipe.steps=8",
    "recipe.warmup=1",
    "puzzles.eval_count=16",
    "probe.boards=16",
    "probe.every=4",
    // Probes run twice as many iterations as training does.
    "probe.multiples=[2]",
    "probe.traces=1",
    "probe.metrics_every=1",
    "probe.checkpoint_every=8",
];

pub fn run(out: &mut dyn Write) -> anyhow::Result<()> {
    let config = preset("poh4")?.with_settings(&SETTINGS)?;
    // This folder goes away with the example. In one that stays, `loopscope train --resume FOLDER` goes on.
    let folder = tempfile::tempdir()?;

    // The engine trains on a thread of its own. One sends it commands and hears events.
    let mut engine = engine::spawn(DeviceChoice::Cpu, || {});
    let root = Some(folder.path().to_owned());
    engine.send(Command::Prepare { config: Box::new(config), folder: root, resume: false, kernels: Kernels::Fused });
    engine.send(Command::Start { steps: None });
    loop {
        match engine.wait().context("the engine has gone")? {
            Event::Metrics(m) => writeln!(out, "step {}: loss {:.4}", m.step.0, m.loss)?,
            Event::Probed { report, .. } => {
                writeln!(out, "probe at step {}: {} iterations", report.step.0, report.solved.len())?;
            }
            Event::Training { state: TrainingState::Finished, .. } => break,
            Event::Training { state: TrainingState::Stopped(why), .. }
            | Event::NoDevice(why)
            | Event::Failed { message: why, .. } => anyhow::bail!(why),
            _ => {}
        }
    }

    // The readers are those that a resume and the window use. Native files never wait, hence `now`.
    let (steps, iterations) = (folder.path().join("steps.csv"), folder.path().join("iterations.csv"));
    first_lines(&steps, out)?;
    let rows = store::now(StepsCsv::read(&steps))?;
    writeln!(out, "read back: {} steps", rows.len())?;
    first_lines(&iterations, out)?;
    let probes = store::now(IterationsCsv::read(&iterations))?;
    let rows: usize = probes.iter().map(|p| p.solved.len()).sum();
    writeln!(out, "read back: {} probes, {rows} iterations", probes.len())?;
    Ok(())
}

fn first_lines(path: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path)?;
    writeln!(out, "{}:", path.file_name().unwrap_or_default().display())?;
    text.lines().take(4).try_for_each(|line| writeln!(out, "  {line}"))?;
    Ok(())
}
