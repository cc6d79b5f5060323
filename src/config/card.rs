//! What a weights file says about itself: stored as JSON in the safetensors metadata.

use serde::{Deserialize, Serialize};

use super::ModelConfig;

/// A model's own description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// What it is called.
    pub name: String,
    /// Its sizes.
    pub config: ModelConfig,
    /// Iterations T that it was trained with.
    pub trained_iterations: u32,
    /// Optimizer steps behind the weights.
    pub step: u32,
    /// Where it comes from.
    #[serde(default)]
    pub provenance: Provenance,
}

/// How weights came to be, so that anyone can make them again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The command that trained them.
    #[serde(default)]
    pub command: String,
    /// A sentence about the model whose weights the run began with, where its seed did not draw them. Never left
    /// out where a card is written: the messages of the page's engine count fields.
    #[serde(default)]
    pub began_with: Option<String>,
    /// Its seed.
    #[serde(default)]
    pub seed: u64,
    /// How many of the made puzzles of its seed its training left out; not known of older files.
    #[serde(default)]
    pub left_out: Option<u32>,
    /// What they were trained on.
    #[serde(default)]
    pub data: String,
    /// The device.
    #[serde(default)]
    pub device: String,
    /// Seconds of training.
    #[serde(default)]
    pub seconds: f64,
    /// Measured figures, one sentence each.
    #[serde(default)]
    pub figures: Vec<String>,
}
