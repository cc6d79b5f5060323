//! A study: one file names a base, cells that differ from it, seeds and how every run is evaluated
//! (`specs/poh.md` §6). It expands to runs, the same ones whenever and wherever it is read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{ModelConfig, NetworkKind, RunConfig, preset};

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    question: String,
    base: String,
    #[serde(default)]
    set: Vec<String>,
    seeds: Vec<u64>,
    evaluate: Evaluate,
    #[serde(default, rename = "cell")]
    cells: Vec<FileCell>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCell {
    name: String,
    #[serde(default)]
    set: Vec<String>,
    match_parameters: Option<String>,
    seeds: Option<Vec<u64>>,
}

/// How every run of a study is evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Iteration counts that are scored; one pass serves all.
    pub iterations: Vec<u32>,
    /// Unseen puzzles of the run's own seed.
    pub puzzles: u32,
}

/// A study that was read and found to be in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// What it is called.
    pub name: String,
    /// What it is to answer.
    pub question: String,
    /// How every run is evaluated; iterations rise.
    pub evaluate: Evaluate,
    /// The cells, in the file's order.
    pub cells: Vec<StudyCell>,
}

/// One arm of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyCell {
    /// What it is called.
    pub name: String,
    /// What is trained; its seed is the first one's.
    pub config: RunConfig,
    /// The cell whose number of parameters it was brought near to, if any.
    pub matched: Option<Matched>,
    /// Its seeds.
    pub seeds: Vec<u64>,
}

/// What a cell's hidden width was chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The other cell.
    pub cell: String,
    /// Its number of parameters.
    pub parameters: usize,
}

/// One training of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyRun {
    /// Its cell.
    pub cell: String,
    /// `CELL-sSEED`: the name of its files.
    pub name: String,
    /// What is trained.
    pub config: RunConfig,
    /// [`RunConfig::fingerprint`].
    pub hash: String,
    /// See [`StudyCell::matched`].
    pub matched: Option<Matched>,
}

/// A study that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StudyError {
    /// The text is no TOML, a key is unknown, or a value has the wrong type.
    #[error("the study cannot be read: {0}")]
    Toml(String),
    /// Everything that cannot be meant, one sentence each.
    #[error("the study cannot be run:{}", .0.iter().map(|p| format!("\n  {p}")).collect::<String>())]
    Invalid(Vec<String>),
}

/// The most iterations that are evaluated.
const MOST_ITERATIONS: u32 = 1 << 20;

impl Study {
    /// Reads and expands a study.
    ///
    /// # Errors
    /// What is no TOML; or every problem at once.
    pub fn from_toml(text: &str) -> Result<Self, StudyError> {
        let file: File = toml::from_str(text).map_err(|e| StudyError::Toml(e.to_string()))?;
        let mut problems = Vec::new();
        let base = preset(&file.base)
            .and_then(|base| base.with_settings(&file.set))
            .map_err(|e| problems.push(format!("base: {e}")))
            .ok();
        about_names(&file, &mut problems);
        let mut evaluate = file.evaluate.clone();
        evaluate.iterations.sort_unstable();
        evaluate.iterations.dedup();
        if evaluate.iterations.is_empty() || evaluate.iterations.iter().any(|i| !(1..=MOST_ITERATIONS).contains(i)) {
            problems.push("evaluate.iterations must hold whole numbers from 1 to 1,048,576".into());
        }
        let mut cells = base.map_or_else(Vec::new, |base| cells(&file, &base, &mut problems));
        matched(&file, &mut cells, &mut problems);
        for cell in &cells {
            about_puzzles(cell, evaluate.puzzles, &mut problems);
        }
        let study = Self { name: file.name, question: file.question, evaluate, cells };
        about_twins(&study, &mut problems);
        if problems.is_empty() { Ok(study) } else { Err(StudyError::Invalid(problems)) }
    }

    /// All runs: seed by seed, so that a study that is cut short has whole pairs.
    #[must_use]
    pub fn runs(&self) -> Vec<StudyRun> {
        let most = self.cells.iter().map(|c| c.seeds.len()).max().unwrap_or(0);
        let mut out = Vec::new();
        for i in 0..most {
            for cell in &self.cells {
                let Some(seed) = cell.seeds.get(i) else { continue };
                let config = RunConfig { seed: *seed, ..cell.config.clone() };
                out.push(StudyRun {
                    cell: cell.name.clone(),
                    name: format!("{}-s{seed}", cell.name),
                    hash: config.fingerprint(),
                    config,
                    matched: cell.matched.clone(),
                });
            }
        }
        out
    }
}

impl StudyRun {
    /// Block evaluations of one answer: blocks times iterations.
    #[must_use]
    pub fn block_evaluations(&self) -> u64 {
        self.config.model.blocks as u64 * u64::from(self.config.recipe.iterations)
    }

    /// Boards that the training sees.
    #[must_use]
    pub fn boards(&self) -> u64 {
        self.config.recipe.batch as u64 * u64::from(self.config.recipe.steps)
    }

    /// Boards times iterations times blocks of the training.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.boards().saturating_mul(self.block_evaluations())
    }
}

/// Multiplications of one answer: of the maps and of attention, for one board. Normalisation, softmax and
/// what else is done number by number is left out, as is usual.
#[must_use]
pub fn multiplications(model: &ModelConfig, iterations: u32) -> u64 {
    let (cells, digits) = (model.cells() as u64, model.digits() as u64);
    let (d, f, h) = (model.width as u64, model.hidden as u64, model.heads as u64);
    let poh = &model.poh;
    let routed = model.network == NetworkKind::Poh && poh.routes();
    let router = if routed && !poh.is_recurrent() {
        let hidden = poh.hidden_of_router(model.width) as u64;
        cells * (d * hidden + hidden * h)
    } else {
        0
    };
    let block = cells * (4 * d * d + 2 * d * f) + 2 * cells * cells * d + router;
    let controller = if routed && poh.is_recurrent() {
        let c = poh.width_of_controller(model.width) as u64;
        let (heads, cell) = if poh.controller_per_cell { (cells * c * h, cells * (d + c) * c) } else { (c * h, 0) };
        // Both cells are counted in every iteration; the slow one's result is kept only at times.
        d * c + 15 * c * c + c * c + heads + cell
    } else {
        0
    };
    let fed_back = model.network == NetworkKind::Looped || poh.feedback;
    let around = cells * digits * d * (1 + u64::from(fed_back));
    u64::from(iterations) * (model.blocks as u64 * block + controller + around)
}

/// The hidden width whose network's number of parameters is nearest to `wanted`; of two the smaller one.
#[must_use]
pub fn hidden_for(model: &ModelConfig, wanted: usize) -> usize {
    let with = |hidden| ModelConfig { hidden, ..model.clone() }.parameters();
    // The number of parameters is a straight line in the hidden width.
    let (one, two) = (with(1), with(2));
    let slope = (two - one).max(1);
    let guess = 1 + wanted.saturating_sub(one) / slope;
    [guess, guess + 1].into_iter().map(|f| f.clamp(1, 16_384)).min_by_key(|f| with(*f).abs_diff(wanted)).unwrap_or(1)
}

fn is_name(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 80 && text.chars().all(safe)
}

fn about_names(file: &File, problems: &mut Vec<String>) {
    let letters = "letters, digits, “-”, “_” and “.”, at most 80 and a letter or digit first: files are named so";
    if !is_name(&file.name) {
        problems.push(format!("the study's name “{}” must be of {letters}", file.name));
    }
    if file.cells.is_empty() {
        problems.push("there is no [[cell]]".into());
    }
    let mut seen = BTreeSet::new();
    for cell in &file.cells {
        if !is_name(&cell.name) {
            problems.push(format!("the cell's name “{}” must be of {letters}", cell.name));
        }
        // A file system may not tell capitals from small letters.
        if !seen.insert(cell.name.to_ascii_lowercase()) {
            problems.push(format!("two cells are named “{}”", cell.name));
        }
        let seeds = cell.seeds.as_ref().unwrap_or(&file.seeds);
        if seeds.is_empty() || seeds.iter().collect::<BTreeSet<_>>().len() < seeds.len() {
            problems.push(format!("cell “{}”: seeds must be at least one, each once", cell.name));
        }
    }
}

fn cells(file: &File, base: &RunConfig, problems: &mut Vec<String>) -> Vec<StudyCell> {
    let mut out = Vec::new();
    for cell in &file.cells {
        let seeds = cell.seeds.clone().unwrap_or_else(|| file.seeds.clone());
        for seed in &seeds {
            let found = RunConfig { seed: *seed, ..base.clone() }.problems();
            problems.extend(found.into_iter().map(|p| format!("cell “{}”: {p}", cell.name)));
        }
        match base.with_settings(&cell.set) {
            // The name is the base's, so that a run's command can name its preset; seeds are the study's.
            Ok(config) if config.name != file.base || config.seed != base.seed => {
                problems.push(format!("cell “{}”: name and seed cannot be set in a study", cell.name));
            }
            Ok(config) => {
                let seed = seeds.first().copied().unwrap_or(1);
                out.push(StudyCell {
                    name: cell.name.clone(),
                    config: RunConfig { seed, ..config },
                    matched: None,
                    seeds,
                });
            }
            Err(e) => problems.push(format!("cell “{}”: {e}", cell.name)),
        }
    }
    out
}

fn matched(file: &File, cells: &mut [StudyCell], problems: &mut Vec<String>) {
    let parameters: BTreeMap<String, usize> =
        cells.iter().map(|c| (c.name.clone(), c.config.model.parameters())).collect();
    for (cell, other) in file.cells.iter().filter_map(|c| c.match_parameters.as_ref().map(|other| (c, other))) {
        let said = format!("cell “{}”: match_parameters = “{other}”", cell.name);
        match file.cells.iter().find(|c| c.name == *other) {
            None => problems.push(format!("{said}, and there is no such cell")),
            Some(o) if o.match_parameters.is_some() => {
                problems.push(format!("{said}, which is itself one that is matched; name the one it goes back to"));
            }
            Some(_) => {
                let Some(count) = parameters.get(other) else { continue };
                let Some(found) = cells.iter_mut().find(|c| c.name == cell.name) else { continue };
                found.config.model.hidden = hidden_for(&found.config.model, *count);
                found.matched = Some(Matched { cell: other.clone(), parameters: *count });
            }
        }
    }
}

/// Only the puzzles that the training left out are unseen.
fn about_puzzles(cell: &StudyCell, count: u32, problems: &mut Vec<String>) {
    let puzzles = &cell.config.puzzles;
    let left_out = puzzles.made_left_out();
    if count == 0 || count as usize > left_out {
        problems.push(format!(
            "cell “{}”: evaluate.puzzles is {count}; its training leaves out {left_out} made puzzles \
             (puzzles.eval_count), and only those are unseen",
            cell.name
        ));
    }
}

/// Two cells that train the same would count one result twice.
fn about_twins(study: &Study, problems: &mut Vec<String>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for run in study.runs() {
        if let Some(other) = seen.insert(run.hash.clone(), run.name.clone()) {
            problems.push(format!("“{}” trains the same as “{other}”; leave one out", run.name));
        }
    }
}

#[cfg(test)]
#[path = "study_tests.rs"]
mod tests;
