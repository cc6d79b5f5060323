//! `loopscope report inner-outer`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::output;
use crate::config::RunConfig;
use crate::report::inner_outer::{self, Means, RunProbes, RunSummary};
use crate::report::{IterationsCsv, Size};
use crate::store;
use crate::trace::ProbeReport;
use crate::train::RunFolder;

const HELP: &str = "\
Reads iterations.csv and writes figures (SVG), iterations.jsonl and tables.md: loss by iteration with
the change between points, loss and solved share by step, entropies, times, and where there are such
the load of the heads and halting. Several runs are taken as seeds of one configuration: the means over
them have Student-t intervals.

Examples:
  loopscope report inner-outer runs/poh4-seed1
  loopscope report inner-outer runs/poh4-seed1 --steps 500,1500 --out figures --json
  loopscope report inner-outer runs/poh4-seed1 runs/poh4-seed2 runs/poh4-seed3";

const TABLE: &str = "iterations.csv";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Run folders
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Steps of the probes to look at iteration by iteration [default: the first, the middle, the last]
    #[arg(long, value_name = "STEP,STEP,…", value_delimiter = ',')]
    steps: Vec<u32>,
    /// Where the files go; those of several runs go into a folder each in it [default: RUN/figures]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// A run as it was read.
struct Run {
    folder: PathBuf,
    /// For titles and for the folder of its files; no two alike.
    name: String,
    probes: Vec<ProbeReport>,
    /// None where config.toml is not there or broken: the probes tell enough for all but a comparison.
    config: Option<RunConfig>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    runs: Vec<RunReport>,
    /// At each step; none for a single run.
    means: Vec<Means>,
    /// How the runs differ but for their seed, and what else is to be known of the means.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct RunReport {
    #[serde(flatten)]
    summary: RunSummary,
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut runs: Vec<Run> = Vec::new();
    for folder in &args.runs {
        let run = read(folder, &runs)?;
        runs.push(run);
    }
    let views = runs
        .iter()
        .map(|run| {
            RunProbes::new(&run.name, &run.probes, &args.steps).map_err(|e| Failure::file(&run.folder.join(TABLE), e))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut notes = comparison(&runs);
    let means = match inner_outer::means(&views, &args.steps) {
        _ if runs.len() < 2 => Vec::new(),
        Ok(means) => means,
        Err(why) => {
            notes.push(capital(&why) + ".");
            Vec::new()
        }
    };
    let mut report = Report { runs: Vec::new(), means, notes };
    for (run, view) in runs.iter().zip(&views) {
        let folder = match &args.out {
            Some(out) if runs.len() > 1 => out.join(&run.name),
            Some(out) => out.clone(),
            None => run.folder.join("figures"),
        };
        let files = write(&folder, run, view, &report)?;
        report.runs.push(RunReport { summary: inner_outer::summary(view), files });
    }
    if args.json {
        output::json(&report)?;
    } else {
        for run in &report.runs {
            run.summary.notes.iter().for_each(|n| eprintln!("note: {}: {n}", run.summary.run));
        }
        report.notes.iter().for_each(|n| eprintln!("note: {n}"));
        output::write(text(&report).as_bytes())?;
    }
    Ok(Answer::Yes)
}

/// Reads a run folder that is none of those before it.
fn read(folder: &Path, before: &[Run]) -> Result<Run, Failure> {
    if folder.is_file() {
        return Err(Failure::file(folder, "this is a file; name the run folder that it lies in"));
    }
    if !folder.is_dir() {
        return Err(Failure::file(
            folder,
            "there is no such folder; name a run folder, as `loopscope train` makes it in runs/",
        ));
    }
    let config = store::now(RunFolder::open(folder)).ok().map(|(_, config)| config);
    let table = folder.join(TABLE);
    if !table.is_file() {
        let why = match &config {
            Some(config) if config.probe.every > 0 => format!(
                "there is no {TABLE} in it yet; the first probe of this run is after {} steps (probe.every)",
                output::thousands(config.probe.every)
            ),
            Some(_) => format!("there is no {TABLE} in it yet; this run is probed at its end (probe.every = 0)"),
            None => format!("there is no {TABLE} in it; name a run folder, as `loopscope train` makes it in runs/"),
        };
        return Err(Failure::file(folder, why));
    }
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    if before.iter().any(|r| std::fs::canonicalize(&r.folder).is_ok_and(|f| f == whole)) {
        return Err(Failure::file(folder, "this run is named twice; a mean over runs needs different ones"));
    }
    let probes = store::now(IterationsCsv::read(&table)).map_err(Failure::input)?;
    let own = whole.file_name().map_or_else(|| "run".into(), |n| n.to_string_lossy().into_owned());
    // Folders of the same name in different places.
    let name = std::iter::once(own.clone())
        .chain((2..).map(|i| format!("{own}-{i}")))
        .find(|name| before.iter().all(|r| r.name != *name))
        .unwrap_or(own);
    Ok(Run { folder: folder.to_owned(), name, probes, config })
}

/// Writes everything about a run; returns the files.
fn write(folder: &Path, run: &Run, view: &RunProbes, report: &Report) -> Result<Vec<PathBuf>, Failure> {
    let figures = inner_outer::figures(view, Size::default()).map_err(|e| Failure::file(&run.folder.join(TABLE), e))?;
    let about = std::iter::once(format!("Read from {}.", run.folder.join(TABLE).display()));
    let about: Vec<String> = about.chain(report.notes.iter().cloned()).collect();
    let mut files: Vec<(PathBuf, String)> =
        figures.into_iter().map(|f| (folder.join(f.name + ".svg"), f.svg)).collect();
    files.push((folder.join("iterations.jsonl"), inner_outer::json_lines(&run.probes)));
    files.push((folder.join("tables.md"), inner_outer::tables(view, &about, &report.means)));
    for (path, text) in &files {
        output::file(path, text.as_bytes())?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// What is to be known of several runs that are taken together.
fn comparison(runs: &[Run]) -> Vec<String> {
    let mut notes = Vec::new();
    if runs.len() < 2 {
        return notes;
    }
    let unknown: Vec<&str> = runs.iter().filter(|r| r.config.is_none()).map(|r| r.name.as_str()).collect();
    if !unknown.is_empty() {
        notes.push(format!(
            "Without a config.toml that can be read it was taken as given that these runs are of the same configuration as \
             the others: {}.",
            unknown.join(", ")
        ));
    }
    let known: Vec<(&str, &RunConfig)> =
        runs.iter().filter_map(|r| Some((r.name.as_str(), r.config.as_ref()?))).collect();
    let Some(((first, base), others)) = known.split_first() else { return notes };
    for (name, config) in others {
        let different = differences(base, config);
        if !different.is_empty() {
            notes.push(format!(
                "{name} differs from {first} in more than the seed, so a mean over them is not one over seeds: {}.",
                different.join(", ")
            ));
        }
    }
    let mut seeds: Vec<u64> = known.iter().map(|(_, c)| c.seed).collect();
    seeds.sort_unstable();
    if seeds.windows(2).any(|w| w[0] == w[1]) {
        notes.push("Some runs have the same seed: they are not independent, and the intervals are too narrow.".into());
    }
    notes
}

/// Settings in which two runs differ, but for name and seed: “recipe.batch (64, 128)”.
fn differences(a: &RunConfig, b: &RunConfig) -> Vec<String> {
    let settings = |c: &RunConfig| {
        let mut out = Vec::new();
        flatten("", &toml::Table::try_from(c).unwrap_or_default(), &mut out);
        out
    };
    let (a, b) = (settings(a), settings(b));
    let value = |of: &[(String, String)], key: &str| {
        of.iter().find(|(k, _)| k == key).map_or_else(|| "none".to_owned(), |(_, v)| v.clone())
    };
    let mut keys: Vec<&str> = a.iter().chain(&b).map(|(k, _)| k.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter(|k| *k != "name" && *k != "seed" && value(&a, k) != value(&b, k))
        .map(|k| format!("{k} ({}, {})", value(&a, k), value(&b, k)))
        .collect()
}

/// Keys with dots and their values.
fn flatten(before: &str, table: &toml::Table, out: &mut Vec<(String, String)>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => flatten(&format!("{before}{key}."), inner, out),
            value => out.push((format!("{before}{key}"), value.to_string())),
        }
    }
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    for run in &report.runs {
        out.push_str(&inner_outer::summary_text(&run.summary));
        out.push('\n');
    }
    for means in &report.means {
        out.push_str(&inner_outer::means_text(means));
        out.push('\n');
    }
    out.push_str("Written:\n");
    for file in report.runs.iter().flat_map(|r| &r.files) {
        out.push_str(&format!("  {}\n", file.display()));
    }
    out
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::preset;
    use crate::trace::{IterationReading, Step};

    fn probe(step: u32) -> ProbeReport {
        let reading = |i: u16| IterationReading {
            loss: 1.0 / f32::from(i),
            right_share: 0.5,
            residual: 0.1,
            attention_entropy: 2.0,
            routing: None,
            halting: None,
            milliseconds: 3.0,
        };
        ProbeReport {
            step: Step(step),
            boards: 64,
            trained_iterations: 2,
            solved: vec![1, 2, 3, 4],
            readings: (1..=4).map(reading).collect(),
            ..ProbeReport::default()
        }
    }

    fn folder_of(root: &Path, name: &str, settings: &[&str], steps: &[u32]) -> PathBuf {
        let folder = root.join(name);
        let config = preset("sudoku4").expect("a preset").with_settings(settings).expect("settings");
        store::now(RunFolder::create(&folder, &config)).expect("a run");
        for step in steps {
            store::now(IterationsCsv::append(&folder.join(TABLE), &probe(*step))).expect("written");
        }
        folder
    }

    fn args(runs: &[&Path]) -> Args {
        Args { runs: runs.iter().map(|r| (*r).to_owned()).collect(), steps: Vec::new(), out: None, json: false }
    }

    fn refused(args: &Args) -> String {
        match run(args) {
            Err(Failure::Input(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn files_are_written_beside_the_run_or_where_they_are_asked_for() {
        let root = tempfile::tempdir().expect("a folder");
        let one = folder_of(root.path(), "a/run", &["seed=1"], &[10, 20]);
        assert_eq!(run(&args(&[&one])), Ok(Answer::Yes));
        let names = |folder: &Path| {
            let all = std::fs::read_dir(folder).expect("a folder");
            let mut all: Vec<_> = all.map(|e| e.expect("an entry").file_name().into_string().expect("text")).collect();
            all.sort();
            all
        };
        let wanted = [
            "convergence-step-10.svg",
            "convergence-step-20.svg",
            "entropy.svg",
            "iterations.jsonl",
            "learning-curve.svg",
            "milliseconds.svg",
            "solved.svg",
            "tables.md",
        ];
        assert_eq!(names(&one.join("figures")), wanted);

        let two = folder_of(root.path(), "b/run", &["seed=2"], &[10, 20]);
        let out = root.path().join("out");
        let both = Args { out: Some(out.clone()), steps: vec![20], ..args(&[&one, &two]) };
        assert_eq!(run(&both), Ok(Answer::Yes));
        assert_eq!(names(&out), ["run", "run-2"]);
        let page = std::fs::read_to_string(out.join("run-2/tables.md")).expect("written");
        assert!(page.contains("## Mean over 2 runs at step 20") && !page.contains("differs"), "{page}");
    }

    #[test]
    fn what_is_wrong_is_said_and_what_would_be_right() {
        let root = tempfile::tempdir().expect("a folder");
        let missing = root.path().join("missing");
        assert!(refused(&args(&[&missing])).contains("missing: there is no such folder; name a run folder"));
        assert!(refused(&args(&[root.path()])).contains("there is no iterations.csv in it; name a run folder"));
        let early = folder_of(root.path(), "early", &["every=250"], &[]);
        assert!(refused(&args(&[&early])).contains("the first probe of this run is after 250 steps"));
        store::now(store::append(&early.join(TABLE), IterationsCsv::text(&[]).as_bytes())).expect("written");
        assert!(refused(&args(&[&early])).contains("iterations.csv: there is no probe yet"));
        let run = folder_of(root.path(), "run", &[], &[10, 20]);
        assert!(refused(&args(&[&run.join(TABLE)])).contains("this is a file; name the run folder"));
        assert!(refused(&args(&[&run, &run])).contains("named twice"));
        let other = Args { steps: vec![17], ..args(&[&run]) };
        assert!(refused(&other).contains("no probe of step 17; the nearest is of step 20"));
        assert!(!run.join("figures").exists(), "a refused command left files");
        store::now(store::append(&run.join(TABLE), b"2,broken\n")).expect("written");
        assert!(refused(&args(&[&run])).contains("iterations.csv, line 10:"), "{}", refused(&args(&[&run])));
    }

    #[test]
    fn runs_that_do_not_belong_together_are_told() {
        let root = tempfile::tempdir().expect("a folder");
        let read_in = |name: &str, settings: &[&str], before: &[Run]| {
            read(&folder_of(root.path(), name, settings, &[10]), before).expect("readable")
        };
        let mut runs = vec![read_in("a", &["seed=1"], &[])];
        runs.push(read_in("b", &["seed=2"], &runs));
        assert_eq!(comparison(&runs), Vec::<String>::new());
        runs.push(read_in("c", &["seed=2", "batch=7"], &runs));
        let said = comparison(&runs);
        assert!(said[0].starts_with("c differs from a in more than the seed"), "{said:?}");
        assert!(said[0].contains("recipe.batch (") && said[0].contains(", 7)"), "{said:?}");
        assert!(said[1].contains("the same seed"), "{said:?}");
        runs[0].config = None;
        assert!(comparison(&runs)[0].contains("as given"), "{:?}", comparison(&runs));
    }
}
