//! `loopscope open`, and `loopscope` alone: the window.

use std::path::{Path, PathBuf};

use super::args::DeviceArg;
use super::failure::{Answer, Failure, Outcome};
use super::{models, output, read};
use crate::engine;
use crate::engine::protocol::{DeviceChoice, ModelSource};
use crate::models::{MAX_FILE, inspect, shipped};
use crate::tasks::sudoku::Grid;
use crate::trace::Trace;
use crate::ui::{self, LabOptions, ShippedModel};

const HELP: &str = "\
Examples:
  loopscope open runs/sudoku4-seed1
  loopscope open first.trace
  loopscope open sudoku6 --puzzle puzzle.txt --device cpu";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file, a run folder or a trace
    #[arg(value_name = "MODEL|TRACE")]
    what: Option<PathBuf>,
    /// 16, 36 or 81 characters with . for a blank, or a file with one puzzle
    #[arg(long, value_name = "PUZZLE|FILE")]
    puzzle: Option<String>,
    #[command(flatten)]
    device: DeviceArg,
}

/// The first bytes of a trace file.
const TRACE_MAGIC: &[u8] = b"\x89LSTRACE";

pub(super) fn run(args: &Args) -> Outcome {
    let mut options = options();
    options.puzzle = args.puzzle.as_deref().map(puzzle).transpose()?;
    if let Some(what) = &args.what {
        match trace_in(what)? {
            Some(trace) => options.opening = Some(trace),
            None => options.open = Some(checked_model(what)?),
        }
    }
    window(options, args.device.device.clone())
}

/// `loopscope` without a command.
pub(super) fn nothing() -> Outcome {
    window(options(), DeviceChoice::Auto)
}

/// Opens the window and returns when it is closed.
pub(super) fn window(options: LabOptions, device: DeviceChoice) -> Outcome {
    let link = |ctx: eframe::egui::Context| -> Box<dyn engine::protocol::EngineLink> {
        Box::new(engine::spawn(device, move || ctx.request_repaint()))
    };
    ui::open_window(options, link).map_err(|e| {
        Failure::Engine(format!(
            "the window cannot be opened: {e}. Without a screen the commands still work; see loopscope --help"
        ))
    })?;
    Ok(Answer::Yes)
}

/// What the window opens on by itself: the shipped models and their traces.
pub(super) fn options() -> LabOptions {
    let mut shipped = Vec::new();
    for name in shipped::names() {
        match shipped_model(name) {
            Ok(model) => shipped.push(model),
            // No user's fault, and the window is of use without it.
            Err(problem) => eprintln!("warning: the shipped model {name} is broken: {problem}"),
        }
    }
    // The largest board has the most to see: its hardest puzzle is not settled at once.
    let opening = shipped.last().and_then(|s: &ShippedModel| s.traces.first()).cloned();
    LabOptions { opening, shipped, ..LabOptions::default() }
}

fn shipped_model(name: &str) -> Result<ShippedModel, String> {
    let inspection = inspect(shipped::bytes(name).unwrap_or_default()).map_err(|e| e.to_string())?;
    let card = inspection.card.ok_or("it has no card")?;
    let traces = Trace::decode_many(shipped::traces(name).unwrap_or_default()).map_err(|e| e.to_string())?;
    Ok(ShippedModel {
        name: name.into(),
        title: format!("Sudoku {}", output::board(card.config.shape())),
        card,
        traces,
    })
}

fn puzzle(text: &str) -> Result<Grid, Failure> {
    read::one_puzzle(text).map(|p| p.clues)
}

/// The first trace of a file, or none where it is no trace file.
fn trace_in(path: &Path) -> Result<Option<Trace>, Failure> {
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = read::bytes(path, MAX_FILE)?;
    if !bytes.starts_with(TRACE_MAGIC) {
        return Ok(None);
    }
    let traces = Trace::decode_many(&bytes).map_err(|e| Failure::file(path, e))?;
    Ok(traces.into_iter().next())
}

/// A model is looked at before the window opens, so that a wrong name is told where it was typed.
fn checked_model(what: &Path) -> Result<ModelSource, Failure> {
    let source = models::resolve(&what.to_string_lossy())?;
    if let ModelSource::Path(path) = &source {
        inspect(&read::bytes(path, MAX_FILE)?).map_err(|e| Failure::file(path, e))?;
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_models_are_right() {
        for name in shipped::names() {
            let model = shipped_model(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            let trace = model.traces.first().expect("a trace");
            assert_eq!((trace.model.as_str(), trace.shape()), (name, model.card.config.shape()));
            assert!(!model.card.provenance.command.is_empty() && !model.card.provenance.figures.is_empty(), "{name}");
        }
    }
}
