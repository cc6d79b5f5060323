//! What is known of a study: its file as it is today, and the results that were found; and what was measured of
//! models that belong to none.

use std::collections::{BTreeMap, BTreeSet};

use super::{Status, StudyResult};
use crate::config::{Study, StudyCell, StudyRun};
use crate::report::measured::scaling::ModelScaling;
use crate::report::measured::spectrum::ModelSpectrum;

/// A study with its results.
#[derive(Clone, Debug)]
pub struct Evidence {
    study: Study,
    file: String,
    folder: String,
    runs: Vec<StudyRun>,
    results: BTreeMap<String, StudyResult>,
}

/// Solved shares of one cell in percent, by seed, after so many iterations.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The cell.
    pub cell: String,
    /// Iterations that it was run for.
    pub iterations: u32,
    /// Percent by seed.
    pub percent: BTreeMap<u64, f64>,
    /// Multiplications of one answer.
    pub multiplications: u64,
    /// Mean seconds of training.
    pub training_seconds: f64,
    /// Devices that its runs were trained on.
    pub devices: BTreeSet<String>,
}

/// What `loopscope probe` measured of single models, which belong to no study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probes {
    /// The output of `loopscope probe spectrum --json`, all files of `claims/results/spectrum`.
    pub spectra: Vec<ModelSpectrum>,
    /// The output of `loopscope probe scaling --json`, all files of `claims/results/scaling`.
    pub scaling: Vec<ModelScaling>,
}

impl Evidence {
    /// A study, the file that it was read from, the folder of its results, and all results there.
    #[must_use]
    pub fn new(study: Study, file: &str, folder: &str, results: Vec<StudyResult>) -> Self {
        let runs = study.runs();
        let named = |r: StudyResult| (format!("{}-s{}", r.cell, r.seed), r);
        let results = results.into_iter().filter(|r| r.study == study.name).map(named).collect();
        Self { study, file: file.into(), folder: folder.into(), runs, results }
    }

    /// The study.
    #[must_use]
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// The command that makes the results.
    #[must_use]
    pub fn command(&self) -> String {
        format!("loopscope study {} --out {}", self.file, self.folder)
    }

    /// Unseen puzzles of every evaluation.
    #[must_use]
    pub fn puzzles(&self) -> u32 {
        self.study.evaluate.puzzles
    }

    /// Runs with their results, in the study's order; a result of other settings is none.
    pub fn runs(&self) -> impl Iterator<Item = (&StudyRun, Option<&StudyResult>)> {
        self.runs.iter().map(|run| (run, self.usable(run).ok()))
    }

    /// A cell after so many iterations (without: its own T), for all its seeds.
    ///
    /// # Errors
    /// Everything that is missing, in words.
    pub fn arm(&self, cell: &str, iterations: Option<u32>) -> Result<Arm, Vec<String>> {
        let Some(found) = self.cell(cell) else {
            return Err(vec![format!("the study “{}” has no cell “{cell}”", self.study.name)]);
        };
        let iterations = iterations.unwrap_or(found.config.recipe.iterations);
        let (mut percent, mut missing, mut seconds) = (BTreeMap::new(), Vec::new(), 0.0);
        let mut devices = BTreeSet::new();
        for run in self.runs.iter().filter(|r| r.cell == cell) {
            let asked = |r: &StudyResult| {
                let count = r.evaluation.iterations.get(&iterations).filter(|c| c.of == self.puzzles());
                count.and(r.percent(iterations)).ok_or_else(|| {
                    format!("{} was not evaluated on {} puzzles at {iterations} iterations", run.name, self.puzzles())
                })
            };
            match self.usable(run).and_then(|r| Ok((r, asked(r)?))) {
                Ok((result, value)) => {
                    percent.insert(result.seed, value);
                    seconds += result.training_seconds;
                    devices.insert(result.device.clone());
                }
                Err(why) => missing.push(why),
            }
        }
        if missing.is_empty() {
            let (cell, training_seconds) = (cell.to_owned(), seconds / percent.len().max(1) as f64);
            let multiplications = crate::config::multiplications(&found.config.model, iterations);
            Ok(Arm { cell, iterations, percent, multiplications, training_seconds, devices })
        } else {
            Err(missing)
        }
    }

    /// Names of runs whose hash is no longer what the study gives: the form of the configuration, or what it
    /// takes for granted, has changed since, though the command that trains them has not.
    #[must_use]
    pub fn older(&self) -> Vec<&str> {
        let changed =
            |(run, result): (&'_ StudyRun, Option<&StudyResult>)| result.is_some_and(|r| r.config_hash != run.hash);
        self.runs.iter().filter(|run| changed((run, self.usable(run).ok()))).map(|run| run.name.as_str()).collect()
    }

    fn cell(&self, name: &str) -> Option<&StudyCell> {
        self.study.cells.iter().find(|c| c.name == name)
    }

    fn usable(&self, run: &StudyRun) -> Result<&StudyResult, String> {
        let result = self.results.get(&run.name).ok_or_else(|| format!("{} has no result", run.name))?;
        if result.config_hash != run.hash && result.command != run.config.command() {
            return Err(format!("the result of {} is of other settings than the study's", run.name));
        }
        match (result.status, &result.message) {
            (Status::Finished, _) => Ok(result),
            (Status::Failed, why) => {
                Err(format!("{} failed: {}", run.name, why.as_deref().unwrap_or("for no told reason")))
            }
        }
    }
}
