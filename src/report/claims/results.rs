//! The result of one run of a study: what `loopscope study` writes and `loopscope claims` reads.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Evaluate;
use crate::report::ReportError;
use crate::store;
use crate::trace::Count;

/// What a result file begins with.
pub const SCHEMA: &str = "loopscope-study-1";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Trained and evaluated.
    Finished,
    /// Not; the message says why.
    Failed,
}

/// What another cell's number of parameters was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchedParameters {
    /// The other cell.
    pub cell: String,
    /// Its parameters.
    pub parameters: usize,
}

/// Solved puzzles by iterations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// By the number of iterations.
    pub iterations: BTreeMap<u32, Count>,
}

/// A result file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyResult {
    /// [`SCHEMA`].
    pub schema: String,
    /// The study's name.
    pub study: String,
    /// The cell's name.
    pub cell: String,
    /// The seed.
    pub seed: u64,
    /// Of all that decides what is trained.
    pub config_hash: String,
    /// The command that trains it.
    pub command: String,
    /// Version of the program.
    pub program: String,
    /// What it was trained on.
    pub device: String,
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    pub message: Option<String>,
    /// Updates made.
    pub steps: u32,
    /// Boards seen.
    pub boards_seen: u64,
    /// Seconds of training, pauses left out.
    pub training_seconds: f64,
    /// Parameters of the whole network.
    pub parameters: usize,
    /// Parameters of what is applied again and again.
    pub stack_parameters: usize,
    /// The number of parameters that the hidden width was chosen for.
    pub matched: Option<MatchedParameters>,
    /// Blocks times iterations of one answer.
    pub block_evaluations: u64,
    /// Multiplications of one answer.
    pub multiplications: u64,
    /// T of the training.
    pub trained_iterations: u32,
    /// Unseen puzzles that are solved.
    pub evaluation: Evaluation,
    /// Loss at the last reading.
    pub last_loss: Option<f32>,
}

impl StudyResult {
    /// Whether it is the whole result of a configuration under an evaluation: nothing is to be done.
    #[must_use]
    pub fn answers(&self, hash: &str, evaluate: &Evaluate) -> bool {
        let scored = |i: &u32| self.evaluation.iterations.get(i).is_some_and(|c| c.of == evaluate.puzzles);
        self.status == Status::Finished && self.config_hash == hash && evaluate.iterations.iter().all(scored)
    }

    /// Solved share in percent after so many iterations.
    #[must_use]
    pub fn percent(&self, iterations: u32) -> Option<f64> {
        self.evaluation.iterations.get(&iterations).filter(|c| c.of > 0).map(|c| 100.0 * c.share())
    }

    /// As it is written: indented, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Plain structs with text keys always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads a file; none where there is no file.
    ///
    /// # Errors
    /// What is no result, with the file.
    pub async fn read(path: &Path) -> Result<Option<Self>, ReportError> {
        let Some(bytes) = store::read(path).await.map_err(ReportError::io(path, "read"))? else { return Ok(None) };
        let wrong =
            |line: usize, message: String| ReportError::Line { file: path.display().to_string(), line, message };
        let result: Self =
            serde_json::from_slice(&bytes).map_err(|e| wrong(e.line(), format!("it is no result of a study: {e}")))?;
        if result.schema != SCHEMA {
            return Err(wrong(1, format!("its schema is “{}”; it must be “{SCHEMA}”", result.schema)));
        }
        Ok(Some(result))
    }
}
