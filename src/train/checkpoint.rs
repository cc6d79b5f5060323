//! Checkpoints: weights and moments by parameter name, the configuration and the step in one
//! safetensors file. A missing or surplus tensor is an error; nothing is filled in silently.

use serde::{Deserialize, Serialize};

use crate::config::{ModelCard, RunConfig};
use crate::models::{ModelFileError, TensorFile, layout, write_tensors};
use crate::nn::Parameters;

/// What a run needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The run's configuration.
    pub config: RunConfig,
    /// Updates made.
    pub step: u32,
    /// The model's description.
    pub card: ModelCard,
    /// Weights: what is looked at and shipped.
    pub parameters: Parameters,
    /// The weights that training goes on from, [total], where `parameters` are their moving average
    /// (`recipe.ema`).
    pub raw: Option<Vec<f32>>,
    /// First moments, [total].
    pub first: Vec<f32>,
    /// Second moments, [total].
    pub second: Vec<f32>,
}

/// Before the names of the weights that training goes on from.
const RAW: &str = "raw.";

/// A checkpoint that cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not a safetensors file, or tensors that do not fit.
    #[error(transparent)]
    File(#[from] ModelFileError),
    /// A weights file without the state of a run.
    #[error("this is no checkpoint: {0}")]
    NoCheckpoint(String),
}

/// The metadata: a model card, so that every checkpoint opens as a model, and the run beside it.
#[derive(Serialize, Deserialize)]
struct Metadata {
    #[serde(flatten)]
    card: ModelCard,
    run: RunConfig,
    run_step: u32,
}

impl Checkpoint {
    /// The file's bytes. They depend on the configuration, the step, the weights and the moments,
    /// and on no clock: two runs that agree write the same file.
    ///
    /// # Errors
    /// When a vector's length does not fit the layout.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        let metadata = Metadata { card: self.card.clone(), run: self.config.clone(), run_step: self.step };
        let json = serde_json::to_string(&metadata).map_err(|e| CheckpointError::NoCheckpoint(e.to_string()))?;
        let mut tensors = Vec::new();
        let raw = self.raw.as_ref().map(|raw| (RAW, raw));
        let vectors = [("", &self.parameters.values), ("moment1.", &self.first), ("moment2.", &self.second)];
        for (prefix, values) in vectors.into_iter().chain(raw) {
            let mut at = 0;
            for spec in &self.parameters.layout.specs {
                let part = values.get(at..at + spec.len()).unwrap_or(&[]);
                tensors.push((format!("{prefix}{}", spec.name), spec.shape.clone(), part));
                at += spec.len();
            }
        }
        Ok(write_tensors(&tensors, Some(json), false)?)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// Damaged files, weights without a run, missing, surplus or misshapen tensors.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let mut file = TensorFile::read(bytes)?;
        let json = file
            .metadata
            .take()
            .ok_or_else(|| CheckpointError::NoCheckpoint("it carries no description of a run".into()))?;
        let metadata: Metadata =
            serde_json::from_str(&json).map_err(|e| CheckpointError::NoCheckpoint(e.to_string()))?;
        let problems = metadata.run.problems();
        if !problems.is_empty() {
            return Err(CheckpointError::NoCheckpoint(problems.join("; ")));
        }
        let layout = layout(&metadata.run.model);
        let mut vectors = Vec::new();
        let averaged = metadata.run.recipe.ema > 0.0;
        for prefix in ["", "moment1.", "moment2."].into_iter().chain(averaged.then_some(RAW)) {
            let mut values = Vec::with_capacity(layout.total());
            for spec in &layout.specs {
                let name = format!("{prefix}{}", spec.name);
                let Some(tensor) = file.tensors.remove(&name) else {
                    return Err(ModelFileError::Missing { name, shape: spec.shape.clone() }.into());
                };
                if tensor.shape != spec.shape {
                    return Err(ModelFileError::Shape { name, found: tensor.shape, want: spec.shape.clone() }.into());
                }
                if tensor.values.iter().any(|v| !v.is_finite()) {
                    return Err(ModelFileError::NotFinite(name).into());
                }
                values.extend(tensor.values);
            }
            vectors.push(values);
        }
        let raw = averaged.then(|| vectors.pop().unwrap_or_default());
        if let Some((name, _)) = file.tensors.pop_first() {
            return Err(ModelFileError::Surplus(name).into());
        }
        let (second, first, values) =
            (vectors.pop().unwrap_or_default(), vectors.pop().unwrap_or_default(), vectors.pop().unwrap_or_default());
        Ok(Self {
            config: metadata.run,
            step: metadata.run_step,
            card: metadata.card,
            parameters: Parameters { layout, values },
            raw,
            first,
            second,
        })
    }
}
