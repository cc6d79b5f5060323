//! `loopscope train`: a run from its preset or file to its last checkpoint.

mod drive;
mod tell;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{self, DeviceArg};
use super::failure::{Answer, Failure, Outcome};
use super::interrupt;
use super::session::Session;
use crate::config::{RunConfig, preset, preset_names};
use crate::engine::protocol::Kernels;
use crate::store;
use crate::train::{RunFolder, first_weights};
use drive::{Limits, Plan};
use tell::Teller;

const HELP: &str = "\
A run is a folder: config.toml, steps.csv, iterations.csv, boards.trace, boards/ and checkpoints/. Ctrl-C, the
time limit and --steps all write a checkpoint and end with exit code 0; --resume goes on from it. A
value that is infinite or no number ends with exit code 4 and names the last good checkpoint.

Examples:
  loopscope train sudoku4
  loopscope train sudoku6 --time-limit 20m --set batch=64 --set seed=2
  loopscope train mine.toml --out runs/mine --json
  loopscope train sudoku9 --device gpu:40 --cards 4
  loopscope train --resume runs/sudoku4-seed1";

#[derive(clap::Args)]
#[command(after_help = HELP)]
#[command(group = clap::ArgGroup::new("from").required(true).args(["preset", "resume"]))]
pub(super) struct Args {
    /// A preset (sudoku4, sudoku6, sudoku9, poh4, poh4-hrm, poh4-halting, poh6, sudoku4-collapsing,
    /// sudoku9-collapsing), or a TOML file with some of their settings
    #[arg(value_name = "PRESET|FILE.toml")]
    preset: Option<String>,
    /// The run folder to make [default: runs/NAME-seedSEED, with a number where that is taken]
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on from the last checkpoint of a run folder, with its own settings
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Take at most N steps now. The learning rate still follows the whole run: for a shorter run, --set steps=N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Train for so long, making puzzles left out: 90s, 25m, 1h30m
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    time_limit: Option<Duration>,
    /// Change a setting, for example batch=64 or recipe.peak_lr=1e-3; config.toml of a run lists all
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    set: Vec<String>,
    /// fused: kernels of its own, where they know the network; plain: operation by operation, the reference
    #[arg(long, value_name = "NAME", default_value = "fused", value_parser = kernels)]
    kernels: Kernels,
    #[command(flatten)]
    device: DeviceArg,
    /// Spread each batch over N graphics cards of a kind: the one of --device and those after it. The result is
    /// that of one card but for rounding. A software adapter takes the part of all N
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    cards: u16,
    /// A line of JSON for each reading of the metrics, probe and checkpoint
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Outcome {
    let plan = plan(&args)?;
    let interrupted = interrupt::heard(None)?;
    let mut session = Session::start(&args.device.device.on_cards(args.cards.into()))?;
    let mut teller = Teller::new(args.json, &plan, session.device());
    let limits = Limits { steps: args.steps, time: args.time_limit, interrupted };
    let end = drive::drive(&mut session, &plan, &limits, &mut teller)?;
    teller.end(&end, &plan)?;
    match end.stopped {
        Some(why) => Err(Failure::Diverged(why)),
        None => Ok(Answer::Yes),
    }
}

fn plan(args: &Args) -> Result<Plan, Failure> {
    if let Some(folder) = &args.resume {
        let (_, config) = store::now(RunFolder::open(folder)).map_err(Failure::input)?;
        return Ok(Plan { config, folder: folder.clone(), resume: true, kernels: args.kernels });
    }
    let config = read_config(args.preset.as_deref().unwrap_or_default())?;
    let settings: Vec<&str> = args.set.iter().map(String::as_str).collect();
    let config = config.with_settings(&settings).map_err(Failure::input)?;
    // Told here, before a device is opened; the engine reads it for itself.
    if !config.start_from.is_empty() {
        store::now(first_weights(&config)).map_err(Failure::input)?;
    }
    let folder = match &args.out {
        Some(out) if holds_run(out) => {
            return Err(Failure::file(
                out,
                "this folder already holds a run; go on with --resume, or name another with --out",
            ));
        }
        Some(out) => out.clone(),
        None => free_folder(Path::new("runs"), &config),
    };
    Ok(Plan { config, folder, resume: false, kernels: args.kernels })
}

/// Of a training: its precision is a setting of the recipe.
fn kernels(text: &str) -> Result<Kernels, String> {
    match text.parse() {
        Ok(Kernels::Half) | Err(_) => Err(format!(
            "“{text}” names no kernels of a training; there are fused and plain, and --set precision=mixed"
        )),
        found => found,
    }
}

/// A preset by name, or a file.
fn read_config(text: &str) -> Result<RunConfig, Failure> {
    let path = Path::new(text);
    if preset_names().contains(&text) {
        return preset(text).map_err(Failure::input);
    }
    if path.is_file() {
        let toml = std::fs::read_to_string(path).map_err(|e| Failure::file(path, format!("cannot be read: {e}")))?;
        return RunConfig::from_toml(&toml).map_err(|e| Failure::file(path, e));
    }
    if path.extension().is_some() || text.contains(['/', '\\']) {
        return Err(Failure::file(path, "there is no such file"));
    }
    preset(text).map_err(Failure::input)
}

fn holds_run(folder: &Path) -> bool {
    folder.join("config.toml").exists()
}

/// `runs/NAME-seedS`, or with -2, -3, … where it is taken.
fn free_folder(runs: &Path, config: &RunConfig) -> PathBuf {
    // The name may hold anything; a folder's may not.
    let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = config.name.chars().map(safe).collect();
    let name = if name.trim_matches(['.', '-']).is_empty() { "run".to_owned() } else { name };
    let first = runs.join(format!("{name}-seed{}", config.seed));
    let more = (2..).map(|n| runs.join(format!("{name}-seed{}-{n}", config.seed)));
    std::iter::once(first.clone()).chain(more).find(|f| !f.exists()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_are_taken_get_a_number() {
        let runs = tempfile::tempdir().expect("a folder");
        let config = RunConfig { name: "a b/c".into(), seed: 3, ..RunConfig::default() };
        let first = free_folder(runs.path(), &config);
        assert_eq!(first, runs.path().join("a-b-c-seed3"));
        std::fs::create_dir(&first).expect("a folder");
        assert_eq!(free_folder(runs.path(), &config), runs.path().join("a-b-c-seed3-2"));
        let odd = RunConfig { name: "..".into(), ..config };
        assert_eq!(free_folder(runs.path(), &odd), runs.path().join("run-seed3"));
    }

    #[test]
    fn presets_and_files() {
        assert_eq!(read_config("sudoku4").expect("a preset").name, "sudoku4");
        let message = |text: &str| match read_config(text) {
            Err(Failure::Input(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(message("sudoku5").contains("there are sudoku4"));
        assert!(message("mine.toml").contains("no such file"));
    }
}
