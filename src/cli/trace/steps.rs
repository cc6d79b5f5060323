//! `loopscope trace steps`: a recorded training, step × iteration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::show::MOST_BYTES;
use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::{output, read};
use crate::report::{self, Size};
use crate::store;
use crate::trace::{Iteration, Quantity, Recording};
use crate::train::RunFolder;

const HELP: &str = "\
A run folder keeps the traces of its probe's first boards at every recorded step, below boards/. As one
file they can be opened elsewhere: by `loopscope open`, or dropped on the window or the web page.

Examples:
  loopscope trace steps runs/sudoku4-seed1
  loopscope trace steps runs/sudoku4-seed1 --out training.trace
  loopscope trace steps training.trace --quantity entropy --svg map.svg --csv > map.csv";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A run folder, or a recording of a training
    #[arg(value_name = "RUN|FILE")]
    what: PathBuf,
    /// A row for each step, iteration and board, and for the mean of all boards
    #[arg(long)]
    csv: bool,
    /// What the figure shows
    #[arg(long, value_name = "NAME", default_value = "solved", value_parser = quantity)]
    quantity: Quantity,
    /// The board of the figure, from 1; without, the mean of all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    board: Option<u32>,
    /// Draw the map step × iteration
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Draw the map, at twice the size for print
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Write the recording as one file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Of so many boards at most, the first ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    boards: Option<u32>,
    /// Of so many steps at most, evenly spread
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    steps: Option<u32>,
}

/// A quantity by its name.
fn quantity(text: &str) -> Result<Quantity, String> {
    Quantity::ALL.into_iter().find(|q| q.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Quantity::ALL.iter().map(|q| q.name()).collect();
        format!("there are {}", names.join(", "))
    })
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let whole = recording(&args.what)?;
    let most = |n: Option<u32>| n.map_or(usize::MAX, |n| n as usize);
    let recording = whole.thinned(most(args.boards), most(args.steps));
    if let Some(path) = &args.out {
        output::file(path, &recording.to_bytes())?;
    }
    if args.svg.is_some() || args.png.is_some() {
        let board = args.board.map(|b| b as usize - 1);
        let svg = report::steps_figure(&recording, args.quantity, board, Size::default())
            .map_err(|e| Failure::file(&args.what, e))?;
        if let Some(path) = &args.svg {
            output::file(path, svg.as_bytes())?;
        }
        if let Some(path) = &args.png {
            let png = report::png(&svg, 2.0).map_err(|e| Failure::Engine(e.to_string()))?;
            output::file(path, &png)?;
        }
    }
    let text = if args.csv { report::steps_csv(&recording) } else { text(&recording) };
    output::write(text.as_bytes())?;
    Ok(Answer::Yes)
}

/// The recorded steps of a run folder or of a file.
fn recording(what: &Path) -> Result<Recording, Failure> {
    if !what.is_dir() {
        let bytes = read::bytes(what, MOST_BYTES)?;
        return Recording::from_bytes(&bytes).map_err(|e| Failure::file(what, e));
    }
    let recording = of_run(what)?;
    if recording.is_empty() {
        let message = "no step is recorded in it: it has not begun, or an older program trained it";
        return Err(Failure::file(what, message));
    }
    Ok(recording)
}

/// The recorded steps of a run folder; what is wrong with one of them goes to standard error.
pub(in crate::cli) fn of_run(root: &Path) -> Result<Recording, Failure> {
    let (run, config) = store::now(RunFolder::open(root)).map_err(|e| Failure::Input(e.to_string()))?;
    let (recording, notes) = store::now(run.recording(&config)).map_err(|e| Failure::file(root, e))?;
    notes.iter().for_each(|note| eprintln!("warning: {note}"));
    Ok(recording)
}

/// What it is, and a row a step.
fn text(recording: &Recording) -> String {
    let (run, trained, last) = (recording.run(), recording.trained(), recording.last());
    let mut out = format!(
        "{}, seed {}, trained with {}: {} of {}, {} each.\n{}\n\n",
        run.name,
        run.seed,
        output::count(trained as usize, "iteration"),
        output::count(recording.len(), "recorded step"),
        output::count(recording.boards(), "board"),
        output::count(last as usize, "iteration"),
        run.command,
    );
    let _ = writeln!(
        out,
        "{:>9}  {:>16}  {:>16}  {:>13}  {:>8}",
        "step",
        format!("solved, t = {trained}"),
        format!("solved, t = {last}"),
        "entropy, nats",
        "flips"
    );
    for (index, step) in recording.steps().enumerate() {
        let at = |q, t| recording.value(q, index, Iteration(t), None);
        let share = |v: Option<f64>| v.map_or_else(|| "–".into(), |v| format!("{:.1} %", 100.0 * v));
        let number = |v: Option<f64>, digits: usize| v.map_or_else(|| "–".into(), |v| format!("{v:.digits$}"));
        let end = trained.min(last);
        let _ = writeln!(
            out,
            "{:>9}  {:>16}  {:>16}  {:>13}  {:>8}",
            output::thousands(step.0),
            share(at(Quantity::Solved, end)),
            share(at(Quantity::Solved, last)),
            number(at(Quantity::Entropy, end), 4),
            number(at(Quantity::Flips, end), 2),
        );
    }
    out + "\nEntropy and flips are those of the last trained iteration; means over the boards.\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{preset, shipped};

    #[test]
    fn a_recording_is_told_and_what_is_none_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("training.trace");
        std::fs::write(&file, shipped::training()).expect("written");
        let recording = recording(&file).expect("a recording");
        let text = text(&recording);
        assert!(text.starts_with("sudoku4, seed 1, trained with 6 iterations"), "{text}");
        assert_eq!(text.lines().count(), recording.len() + 6, "{text}");
        assert_eq!(quantity("entropy"), Ok(Quantity::Entropy));
        assert!(quantity("loss").is_err_and(|e| e.contains("solved, right, entropy, flips")));
        std::fs::write(&file, shipped::traces("sudoku4").expect("traces")).expect("written");
        let Err(Failure::Input(said)) = super::recording(&file) else { panic!("single passes are no training") };
        assert!(said.contains("training.trace") && said.contains("single passes"), "{said}");
        store::now(RunFolder::create(&folder.path().join("run"), &preset("sudoku4").expect("a preset")))
            .expect("a run");
        let Err(Failure::Input(said)) = super::recording(&folder.path().join("run")) else { panic!("no step") };
        assert!(said.contains("no step is recorded"), "{said}");
    }
}
