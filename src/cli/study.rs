//! `loopscope study`: every run of a study, trained and evaluated, with a result file each.

mod child;
mod work;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::failure::{Answer, Failure, Outcome};
use super::interrupt;
use super::output::{self, thousands};
use crate::config::{Study, StudyRun, multiplications};
use work::{Done, Place};

const HELP: &str = "\
A study names a preset, cells that differ from it, seeds and an evaluation. Every cell and seed is a
process of its own: its run is in FOLDER/runs, its output in FOLDER/logs, its result in
FOLDER/CELL-sSEED.json. Results that are there are kept, runs that are not finished go on from their
last checkpoint, and one that fails leaves the others alone. Exit code 1 says that one failed.

Examples:
  loopscope study studies/iterations-6x6.toml --out claims/results/iterations-6x6 --dry-run
  loopscope study studies/arms-6x6.toml --out claims/results/arms-6x6 --jobs 4 --device gpu";

/// A terminal sends Ctrl-C to the processes of the runs too.
const INTERRUPTED: &str = "The runs under way write their checkpoints; press Ctrl-C again to end at once.";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The study
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// The folder of its runs and results
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Runs at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: u32,
    /// As for train and eval: auto, cpu, gpu, or a part of an adapter's name
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
    /// Only runs whose CELL-sSEED holds this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Print the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let study = read(&args.file)?;
    let mut runs = study.runs();
    if let Some(only) = &args.only {
        runs.retain(|r| r.name.contains(only.as_str()));
        if runs.is_empty() {
            return Err(Failure::Input(format!("no run of “{}” holds “{only}” in its name", study.name)));
        }
    }
    output::write(plan(&study, &runs).as_bytes())?;
    if args.dry_run {
        return Ok(Answer::Yes);
    }
    let program = std::env::current_exe()
        .map_err(|e| Failure::Engine(format!("the program does not find itself: {e}; start it by its whole path")))?;
    let interrupted = interrupt::heard(Some(INTERRUPTED))?;
    let place = Place {
        study: study.name.clone(),
        evaluate: study.evaluate.clone(),
        out: args.out.clone(),
        device: args.device.clone(),
        program,
        interrupted,
    };
    let (failed, left) = all(&place, runs, args.jobs as usize)?;
    if left > 0 {
        output::line(format_args!("Stopped with {} to do; the same command goes on.", output::count(left, "run")))?;
    }
    Ok(if failed == 0 { Answer::Yes } else { Answer::No })
}

fn read(file: &Path) -> Result<Study, Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| Failure::file(file, format!("cannot be read: {e}")))?;
    Study::from_toml(&text).map_err(|e| Failure::file(file, e))
}

/// Does all runs, so many at a time; how many failed and how many were left undone.
fn all(place: &Place, runs: Vec<StudyRun>, jobs: usize) -> Result<(usize, usize), Failure> {
    let of = runs.len();
    let queue = Mutex::new(runs.into_iter().enumerate().collect::<VecDeque<_>>());
    let told: Mutex<(usize, usize, Option<Failure>)> = Mutex::new((0, 0, None));
    let worker = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((i, run)) = next else { return };
            let done = if place.interrupted.load(Ordering::SeqCst) {
                Done::Left
            } else {
                work::perform(place, &run, &format!("{} of {of}", i + 1))
            };
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            let said = match &done {
                Done::Left => {
                    told.1 += 1;
                    continue;
                }
                Done::Failed(message) => {
                    told.0 += 1;
                    format!("{}: failed: {message}", run.name)
                }
                Done::Kept => format!("{}: its result is there", run.name),
                Done::Finished(text) => format!("{}: {text}", run.name),
            };
            if let Err(failure) = output::line(said) {
                told.2.get_or_insert(failure);
                place.interrupted.store(true, Ordering::SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(of) {
            scope.spawn(worker);
        }
    });
    let (failed, left, failure) = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok((failed, left)), Err)
}

/// The plan as a table.
fn plan(study: &Study, runs: &[StudyRun]) -> String {
    let name = study.cells.iter().map(|c| c.name.len()).max().unwrap_or(0).max(4);
    let mut out = format!(
        "{}: {}\n{}, each evaluated on {} unseen puzzles after up to {} iterations.\n\n",
        study.name,
        study.question,
        output::count(runs.len(), "run"),
        thousands(study.evaluate.puzzles),
        thousands(study.evaluate.iterations.last().copied().unwrap_or(0))
    );
    out.push_str(&format!(
        "{:name$}  {:>5}  {:>4}  {:>6}  {:>6}  {:>10}  {:>11}  {:>15}  {:>17}\n",
        "cell", "seeds", "T", "blocks", "hidden", "parameters", "block evals", "mults an answer", "training work"
    ));
    for cell in &study.cells {
        let of: Vec<&StudyRun> = runs.iter().filter(|r| r.cell == cell.name).collect();
        let Some(first) = of.first() else { continue };
        let (model, t) = (&first.config.model, first.config.recipe.iterations);
        out.push_str(&format!(
            "{:name$}  {:>5}  {t:>4}  {:>6}  {:>6}  {:>10}  {:>11}  {:>15}  {:>17}",
            cell.name,
            of.len(),
            model.blocks,
            model.hidden,
            thousands(model.parameters()),
            thousands(first.block_evaluations()),
            thousands(multiplications(model, t)),
            thousands(of.iter().map(|r| r.work()).sum::<u64>()),
        ));
        if let Some(matched) = &cell.matched {
            out.push_str(&format!("  near the {} of {}", thousands(matched.parameters), matched.cell));
        }
        out.push('\n');
    }
    let work: u64 = runs.iter().map(StudyRun::work).sum();
    out.push_str(&format!("\nTraining work in all: {} boards · iterations · blocks.\n", thousands(work)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_studies_have_a_plan() {
        let studies = Path::new(env!("CARGO_MANIFEST_DIR")).join("studies");
        for (name, runs, words) in [
            ("iterations-6x6", 15, ["T20", "boards · iterations · blocks"]),
            ("arms-6x6", 30, ["tied-matched", "of soft"]),
        ] {
            let study = read(&studies.join(format!("{name}.toml"))).expect("a study");
            assert_eq!((study.name.as_str(), study.runs().len()), (name, runs));
            let plan = plan(&study, &study.runs());
            assert!(words.iter().all(|w| plan.contains(w)), "{plan}");
        }
    }

    #[test]
    fn what_is_no_study_is_bad_input() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.toml");
        assert!(matches!(read(&file), Err(Failure::Input(m)) if m.contains("cannot be read")));
        std::fs::write(&file, "name = 3").expect("written");
        assert!(matches!(read(&file), Err(Failure::Input(m)) if m.contains("x.toml")));
    }
}
