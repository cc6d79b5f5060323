//! `loopscope open`, and `loopscope` alone: the window.

use std::path::{Path, PathBuf};

use super::args::DeviceArg;
use super::failure::{Answer, Failure, Outcome};
use super::{models, read, trace};
use crate::config::{Link, shipped};
use crate::engine;
use crate::engine::protocol::{DeviceChoice, ModelSource};
use crate::models::{MAX_FILE, inspect};
use crate::tasks::sudoku::Grid;
use crate::trace::TraceFile;
use crate::ui::{self, LabOptions};

const HELP: &str = "\
Examples:
  loopscope open runs/sudoku4-seed1
  loopscope open first.trace
  loopscope open sudoku6 --puzzle puzzle.txt --device cpu
  loopscope open \"#model=sudoku6&iterations=64&cell=r4c1\"";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file, a run folder, a trace, a recorded training, or a link in quotes
    #[arg(value_name = "MODEL|TRACE|LINK")]
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
        if let Some((mut link, messages)) = link_in(what)? {
            messages.iter().for_each(|message| eprintln!("warning: {message}"));
            if options.puzzle.is_some() {
                // What is asked for beside the link counts.
                link.puzzle = None;
            }
            options.link = Some(link);
        } else if let Some(file) = trace_in(what)? {
            match file {
                TraceFile::Traces(traces) => options.opening = traces.into_iter().next(),
                TraceFile::Training(recording) => options.recording = Some(recording),
            }
        } else {
            if what.join("config.toml").is_file() {
                options.recorded_run = Some(trace::of_run(what)?).filter(|r| !r.is_empty());
            }
            options.open = Some(checked_model(what)?);
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

/// What the window opens on by itself: the shipped models.
pub(super) fn options() -> LabOptions {
    let (options, problems) = LabOptions::shipped();
    // No user's fault, and the window is of use without it.
    problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
    options
}

fn puzzle(text: &str) -> Result<Grid, Failure> {
    read::one_puzzle(text).map(|p| p.clues)
}

/// The link that a word is, and what is wrong with it; none where the word is a file or no link.
fn link_in(what: &Path) -> Result<Option<(Link, Vec<String>)>, Failure> {
    let text = what.to_string_lossy();
    if !Link::is_link(&text) || what.exists() {
        return Ok(None);
    }
    let (link, messages) = Link::parse(&text);
    match &link.model {
        Some(name) if !shipped::names().contains(&name.as_str()) => {
            Err(Failure::Input(format!("the link's model “{name}” is no shipped model ({})", models::names())))
        }
        _ => Ok(Some((link, messages))),
    }
}

/// What a trace file holds, or none where it is no trace file.
fn trace_in(path: &Path) -> Result<Option<TraceFile>, Failure> {
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = read::bytes(path, MAX_FILE)?;
    if !bytes.starts_with(TRACE_MAGIC) {
        return Ok(None);
    }
    TraceFile::read(&bytes).map(Some).map_err(|e| Failure::file(path, e))
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
    use crate::trace::Trace;

    #[test]
    fn the_shipped_models_are_right() {
        let (options, problems) = LabOptions::shipped();
        assert!(problems.is_empty() && options.shipped.len() == shipped::names().len(), "{problems:?}");
        for model in options.shipped {
            assert!(model.traces.is_empty(), "what is not shown is not read while the window opens");
            let name = model.name.as_str();
            let traces = Trace::decode_many(shipped::traces(name).expect("traces")).expect("a trace file");
            let trace = traces.first().expect("a trace");
            let stored = inspect(shipped::bytes(name).expect("weights")).expect("a model file").card.expect("a card");
            assert_eq!(stored, model.card);
            assert_eq!((trace.model.as_str(), trace.shape()), (name, model.card.config.shape()));
            assert!(!model.card.provenance.command.is_empty() && !model.card.provenance.figures.is_empty(), "{name}");
        }
    }

    #[test]
    fn links_are_told_from_models() {
        let link = |text: &str| link_in(Path::new(text));
        let (read, messages) = link("#model=sudoku6&seed=7&sed=8").expect("a shipped model").expect("a link");
        assert_eq!((read.model.as_deref(), read.seed, messages.len()), (Some("sudoku6"), Some(7), 1));
        assert_eq!(link("sudoku6"), Ok(None));
        assert!(link("https://host/#seed=7").is_ok_and(|found| found.is_some()));
        let refusal = link("#model=sudoku44").expect_err("it does not ship");
        assert!(matches!(&refusal, Failure::Input(m) if m.contains("sudoku4, poh4")), "{refusal:?}");
    }
}
