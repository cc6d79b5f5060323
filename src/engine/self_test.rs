//! The device against the CPU, on a network small enough for a software renderer.

use burn::tensor::Device;

use super::device::OpenedDevice;
use super::fault::Fault;
use super::protocol::{Kernels, SelfTest};
use crate::config::{Interventions, ModelConfig, Recipe, RunConfig, preset};
use crate::models::{Fused, Network, layout};
use crate::nn::Parameters;
use crate::probe::Scaling;
use crate::tasks::sudoku::{Grid, Puzzle};
use crate::train::{Batch, Ground, TrainError, Trainer, evaluation_puzzles};

/// Iterations of the network that is compared.
const ITERATIONS: u32 = 3;
/// Boards of a batch.
const BOARDS: usize = 4;
/// Training steps taken.
const STEPS: u32 = 4;

/// Compares logits and losses.
pub(super) async fn run(device: &OpenedDevice) -> Result<SelfTest, Fault> {
    let config = config().map_err(Fault::Told)?;
    let puzzles = evaluation_puzzles(config.puzzles.spec(config.model.shape()), config.seed, BOARDS);
    let parameters = layout(&config.model).initial(config.seed);
    let cpu = Device::flex();
    let fused = Fused::new(&config.model, &parameters, &device.place);
    let (here, in_the_loop, there) = (
        logits(&config.model, &parameters, &puzzles, &device.device, None).await?,
        logits(&config.model, &parameters, &puzzles, &device.device, fused).await?,
        logits(&config.model, &parameters, &puzzles, &cpu, None).await?,
    );
    let losses = losses(&config, &puzzles, &device.ground(Kernels::Fused, None)).await?;
    let on_tensors = self::losses(&config, &puzzles, &device.ground(Kernels::Plain, None)).await?;
    let right = self::losses(&config, &puzzles, &Ground::tensors(&cpu)).await?;
    Ok(SelfTest {
        device: device.info.name.clone(),
        largest_difference: largest(&here, &there).max(largest(&in_the_loop, &there)),
        largest_loss_difference: largest(&losses, &right).max(largest(&on_tensors, &right)),
        losses,
    })
}

fn config() -> Result<RunConfig, String> {
    let base = preset("sudoku4").map_err(|e| e.to_string())?;
    Ok(RunConfig {
        model: ModelConfig { width: 16, blocks: 2, heads: 1, hidden: 32, ..base.model.clone() },
        recipe: Recipe { iterations: ITERATIONS, batch: BOARDS, warmup: 1, ..base.recipe.clone() },
        ..base
    })
}

/// Logits of every iteration, one after the other.
async fn logits(
    model: &ModelConfig,
    parameters: &Parameters,
    puzzles: &[Puzzle],
    device: &Device,
    fused: Option<Fused>,
) -> Result<Vec<f32>, Fault> {
    let flat = parameters.upload(device);
    let network = Network::bind(model, &parameters.layout.bind(&flat, false), device, 0).with_fused(fused);
    let boards: Vec<&Grid> = puzzles.iter().map(|p| &p.clues).collect();
    let all: Vec<u32> = (1..=ITERATIONS).collect();
    let mut scaling = Scaling::new(network, &boards, &all, Interventions::default(), true);
    let readouts = scaling.advance(ITERATIONS).await?;
    Ok(readouts.into_iter().filter_map(|r| r.logits).flat_map(|(logits, _)| logits).collect())
}

/// The loss of each of a few training steps.
async fn losses(config: &RunConfig, puzzles: &[Puzzle], ground: &Ground<'_>) -> Result<Vec<f32>, TrainError> {
    let batch = Batch::of(puzzles);
    let mut trainer = Trainer::new(config.clone(), ground);
    let mut out = Vec::new();
    for _ in 0..STEPS {
        out.extend(trainer.step(&batch, true).await?.map(|metrics| metrics.loss));
    }
    Ok(out)
}

/// The largest difference of two lists; infinite where they are of different length or hold no number.
fn largest(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() || a.is_empty() {
        return f32::INFINITY;
    }
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |most, d| if d.is_nan() { f32::INFINITY } else { d.max(most) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences() {
        assert_eq!(largest(&[1.0, 2.0], &[1.0, 2.5]), 0.5);
        assert_eq!(largest(&[], &[]), f32::INFINITY);
        assert_eq!(largest(&[f32::NAN], &[1.0]), f32::INFINITY);
        assert_eq!(largest(&[1.0], &[1.0, 2.0]), f32::INFINITY);
    }
}
