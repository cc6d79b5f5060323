//! The gradient of a training step in every way that the device has, against differences.

use burn::tensor::Device;

use super::device::{OpenedDevice, threads};
use super::fault::Fault;
use super::protocol::Kernels;
use crate::config::{ModelCard, Precision, Recipe, RunConfig};
use crate::nn::Parameters;
use crate::tasks::sudoku::Puzzle;
use crate::trace::GradientReport;
use crate::train::{Batch, Differences, Ground, Wanted, compare_gradients};

/// What is compared.
pub(super) struct Asked<'a> {
    pub card: &'a ModelCard,
    pub parameters: &'a Parameters,
    pub puzzles: &'a [Puzzle],
    pub iterations: Option<u32>,
    pub dropout: f64,
    pub seed: u64,
    pub kernels: &'a [Kernels],
    pub each: usize,
    pub against_stock: bool,
}

pub(super) async fn run(asked: &Asked<'_>, device: &OpenedDevice) -> Result<GradientReport, Fault> {
    let config = RunConfig {
        model: asked.card.config.clone(),
        seed: asked.seed,
        recipe: Recipe {
            iterations: asked.iterations.unwrap_or(asked.card.trained_iterations),
            batch: asked.puzzles.len(),
            dropout: asked.dropout,
            ..Recipe::default()
        },
        ..RunConfig::default()
    };
    if let Some(problem) = config.problems().into_iter().next() {
        return Err(Fault::Told(problem));
    }
    let batch = Batch::of(asked.puzzles);
    let wanted: Vec<Wanted<'_>> = asked
        .kernels
        .iter()
        .map(|kernels| Wanted {
            kernels: kernels.word(),
            ground: device.ground(*kernels, None),
            precision: if *kernels == Kernels::Half { Precision::Mixed } else { Precision::Full },
        })
        .collect();
    let differences = Differences { each: asked.each, seed: asked.seed, threads: threads() };
    let processor = Device::flex();
    let stock = asked.against_stock.then(|| Ground::tensors(&processor));
    Ok(compare_gradients(&config, asked.parameters, &batch, &wanted, differences, stock).await?)
}
