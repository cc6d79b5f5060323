//! One run of a study: train it, evaluate it, write its result.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::child::{self, Ended};
use crate::cli::output::{duration, thousands};
use crate::config::{Evaluate, StudyRun, multiplications};
use crate::report::StepsCsv;
use crate::report::claims::{Evaluation, MatchedParameters, SCHEMA, Status, StudyResult};
use crate::store;
use crate::trace::{Count, StepMetrics};
use crate::train::RunFolder;

/// A word on how far a run is, so often.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What all runs of a study share.
pub(super) struct Place {
    pub(super) study: String,
    pub(super) evaluate: Evaluate,
    pub(super) out: PathBuf,
    pub(super) device: String,
    pub(super) program: PathBuf,
    pub(super) interrupted: Arc<AtomicBool>,
}

/// How a run came out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Its result was there.
    Kept,
    /// Trained, evaluated and written; what it scored, in words.
    Finished(String),
    /// What went wrong.
    Failed(String),
    /// Ctrl-C came first.
    Left,
}

/// The files of one run.
struct Files {
    result: PathBuf,
    run: PathBuf,
    config: PathBuf,
    log: PathBuf,
    answers: PathBuf,
}

impl Files {
    fn of(place: &Place, run: &StudyRun) -> Self {
        let logs = place.out.join("logs");
        Self {
            result: place.out.join(format!("{}.json", run.name)),
            run: place.out.join("runs").join(&run.name),
            config: logs.join(format!("{}.toml", run.name)),
            log: logs.join(format!("{}.log", run.name)),
            answers: logs.join(format!("{}.jsonl", run.name)),
        }
    }
}

/// What is known of the training.
#[derive(Default)]
struct Trained {
    device: String,
    last: Option<StepMetrics>,
}

/// Does everything for one run that is not done; `count` is for people: “3 of 15”.
pub(super) fn perform(place: &Place, run: &StudyRun, count: &str) -> Done {
    let files = Files::of(place, run);
    match store::now(StudyResult::read(&files.result)) {
        Ok(Some(result)) if result.answers(&run.hash, &place.evaluate) => return Done::Kept,
        // A file that is no result is not ours to write over.
        Err(e) => return Done::Failed(e.to_string()),
        Ok(_) => {}
    }
    eprintln!("{}: begins ({count})", run.name);
    let mut trained = Trained::default();
    let outcome = train(place, run, &files, &mut trained).and_then(|()| evaluate(place, &files));
    let (evaluation, message) = match outcome {
        Ok(evaluation) => (evaluation, None),
        Err(_) if place.interrupted.load(Ordering::SeqCst) => return Done::Left,
        Err(message) => (Evaluation::default(), Some(message)),
    };
    let result = result(place, run, &trained, evaluation, message);
    if let Err(e) = store::now(store::replace(&files.result, result.to_json().as_bytes())) {
        return Done::Failed(format!("{}: cannot be written: {e}", files.result.display()));
    }
    match result.message {
        Some(message) => Done::Failed(message),
        None => Done::Finished(words(&result)),
    }
}

fn train(place: &Place, run: &StudyRun, files: &Files, trained: &mut Trained) -> Result<(), String> {
    let there = put_aside(run, files)?;
    store::now(async {
        store::make_folder(&place.out.join("runs")).await?;
        store::make_folder(&place.out.join("logs")).await?;
        store::replace(&files.config, run.config.to_toml().as_bytes()).await
    })
    .map_err(|e| format!("{}: cannot be written: {e}", place.out.display()))?;
    let mut arguments = vec!["train".to_owned(), "--json".into(), "--device".into(), place.device.clone()];
    if there {
        arguments.extend(["--resume".into(), text(&files.run)]);
    } else {
        arguments.extend([text(&files.config), "--out".into(), text(&files.run)]);
    }
    let mut last = Instant::now();
    let steps = run.config.recipe.steps;
    let ended = start(place, files, &arguments, |line| {
        if last.elapsed() >= SAY_EVERY
            && let Some((step, loss)) = reading(line)
        {
            last = Instant::now();
            eprintln!("{}: step {} of {}, loss {loss:.4}", run.name, thousands(step), thousands(steps));
        }
    })?;
    trained.device = device(&std::fs::read_to_string(&files.answers).unwrap_or_default(), steps);
    trained.last = store::now(StepsCsv::read(&files.run.join("steps.csv"))).ok().and_then(|mut rows| rows.pop());
    if !ended.status.success() {
        return Err(failed("training", &ended));
    }
    let step = ended_at(&ended.said).unwrap_or(0);
    if step < u64::from(steps) { Err(format!("training stopped at step {step} of {steps}")) } else { Ok(()) }
}

fn evaluate(place: &Place, files: &Files) -> Result<Evaluation, String> {
    let iterations: Vec<String> = place.evaluate.iterations.iter().map(u32::to_string).collect();
    let puzzles = place.evaluate.puzzles.to_string();
    let run = text(&files.run);
    let arguments = [
        "eval",
        "--model",
        &run,
        "--generate",
        &puzzles,
        "--iterations",
        &iterations.join(","),
        "--device",
        &place.device,
        "--json",
    ]
    .map(str::to_owned);
    let ended = start(place, files, &arguments, |_| {})?;
    if !ended.status.success() {
        return Err(failed("the evaluation", &ended));
    }
    let evaluation = scores(&ended.said).ok_or("the evaluation's answer cannot be read")?;
    let whole = |i: &u32| evaluation.iterations.get(i).is_some_and(|c| c.of == place.evaluate.puzzles);
    if place.evaluate.iterations.iter().all(whole) {
        Ok(evaluation)
    } else {
        Err(format!("there are fewer than {puzzles} puzzles of this board that are not alike; ask for fewer"))
    }
}

fn start(place: &Place, files: &Files, arguments: &[String], heard: impl FnMut(&str) + Send) -> Result<Ended, String> {
    child::run(&place.program, arguments, &files.log, &files.answers, &place.interrupted, heard)
        .map_err(|e| format!("{} cannot be run: {e}", place.program.display()))
}

/// Whether there is a run of this configuration to go on with. One of another configuration is put aside,
/// with its result: nothing is written over.
fn put_aside(run: &StudyRun, files: &Files) -> Result<bool, String> {
    if !files.run.join("config.toml").exists() {
        return Ok(false);
    }
    let (_, found) = store::now(RunFolder::open(&files.run)).map_err(|e| e.to_string())?;
    if found.fingerprint() == run.hash {
        return Ok(true);
    }
    let aside = (1..)
        .map(|n| files.run.with_file_name(format!("{}.{}-{n}", run.name, found.fingerprint())))
        .find(|f| !f.exists())
        .unwrap_or_default();
    let moved = |from: &Path, to: &Path| {
        if from.exists() { std::fs::rename(from, to).map_err(|e| format!("{}: {e}", from.display())) } else { Ok(()) }
    };
    moved(&files.run, &aside)?;
    for file in [&files.result, &files.log, &files.answers] {
        moved(file, &aside.join(file.file_name().unwrap_or_default()))?;
    }
    eprintln!("{}: a run of other settings was put aside as {}", run.name, aside.display());
    Ok(false)
}

fn result(
    place: &Place,
    run: &StudyRun,
    trained: &Trained,
    evaluation: Evaluation,
    message: Option<String>,
) -> StudyResult {
    let (model, recipe) = (&run.config.model, &run.config.recipe);
    let steps = trained.last.as_ref().map_or(0, |m| m.step.0);
    StudyResult {
        schema: SCHEMA.into(),
        study: place.study.clone(),
        cell: run.cell.clone(),
        seed: run.config.seed,
        config_hash: run.hash.clone(),
        command: run.config.command(),
        program: env!("CARGO_PKG_VERSION").into(),
        device: trained.device.clone(),
        status: if message.is_none() { Status::Finished } else { Status::Failed },
        message,
        steps,
        boards_seen: u64::from(steps) * recipe.batch as u64,
        training_seconds: trained.last.as_ref().map_or(0.0, |m| m.seconds),
        parameters: model.parameters(),
        stack_parameters: model.stack_parameters(),
        matched: run.matched.as_ref().map(|m| MatchedParameters { cell: m.cell.clone(), parameters: m.parameters }),
        block_evaluations: run.block_evaluations(),
        multiplications: multiplications(model, recipe.iterations),
        trained_iterations: recipe.iterations,
        evaluation,
        // JSON has no NaN.
        last_loss: trained.last.as_ref().map(|m| m.loss).filter(|l| l.is_finite()),
    }
}

fn words(result: &StudyResult) -> String {
    let at = |(i, c): (&u32, &Count)| format!("{:.1} % at {i}", 100.0 * c.share());
    let own = result.evaluation.iterations.get_key_value(&result.trained_iterations);
    let last = result.evaluation.iterations.last_key_value().filter(|l| Some(l.0) != own.map(|o| o.0));
    let solved: Vec<String> = own.into_iter().chain(last).map(at).collect();
    format!("solved {} iterations, trained in {}", solved.join(", "), duration(result.training_seconds))
}

fn failed(what: &str, ended: &Ended) -> String {
    match ended.status.code() {
        Some(code) => format!("{what} ended with exit code {code}: {}", ended.complaint),
        None => format!("{what} was killed: {}", ended.complaint),
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Step and loss, if a line of a training holds them.
fn reading(line: &str) -> Option<(u64, f64)> {
    let value: Value = serde_json::from_str(line).ok()?;
    (value["event"] == "metrics").then(|| Some((value["step"].as_u64()?, value["loss"].as_f64()?)))?
}

/// The device of the last stretch that trained. An evaluation that is made again prepares a training that
/// has nothing to do.
fn device(lines: &str, steps: u32) -> String {
    let prepared = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        let began = value["event"] == "prepared" && value["step"].as_u64()? < u64::from(steps);
        began.then(|| Some(value["device"]["name"].as_str()?.to_owned()))?
    };
    lines.lines().rev().find_map(prepared).unwrap_or_default()
}

fn ended_at(lines: &str) -> Option<u64> {
    let end = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        (value["event"] == "end").then(|| value["step"].as_u64())?
    };
    lines.lines().rev().find_map(end)
}

/// The counts of an evaluation's JSON.
fn scores(text: &str) -> Option<Evaluation> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let iterations = value["iterations"].as_object()?.iter();
    let of = |(i, score): (&String, &Value)| {
        Some((i.parse().ok()?, serde_json::from_value::<Count>(score["total"].clone()).ok()?))
    };
    Some(Evaluation { iterations: iterations.map(of).collect::<Option<_>>()? })
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
