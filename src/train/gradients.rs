//! The gradient of a step, computed in several ways, against differences of the loss in double precision.

use loopscope_kernels::train::{Layout, oracle};
use web_time::Instant;

use super::fused::{boards, spec};
use super::part::{Part, Split};
use super::way::Context;
use super::{Batch, Ground, TrainError, Trainer};
use crate::config::{Precision, RunConfig};
use crate::nn::Parameters;
use crate::trace::{GradientReport, GradientTensor, GradientWay};

/// A way to compute it.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// What it is called.
    pub kernels: &'static str,
    /// Where it computes.
    pub ground: Ground<'a>,
    /// How precisely.
    pub precision: Precision,
}

/// Which differences are made.
#[derive(Clone, Copy, Debug)]
pub struct Differences {
    /// Entries of every tensor.
    pub each: usize,
    /// Chooses them.
    pub seed: u64,
    /// Threads that share them.
    pub threads: usize,
}

/// Computes the gradient of a batch in every way that is wanted and there, and compares some entries of every
/// tensor with differences. `stock` is the ground of the reference, with which whole gradients are compared.
///
/// # Errors
/// A network that the kernels do not know; a device that fails.
pub async fn compare_gradients(
    config: &RunConfig,
    parameters: &Parameters,
    batch: &Batch,
    wanted: &[Wanted<'_>],
    differences: Differences,
    stock: Option<Ground<'_>>,
) -> Result<GradientReport, TrainError> {
    let spec = spec(config).map_err(TrainError::Kernels)?;
    let mut report = GradientReport {
        boards: batch.boards,
        iterations: config.recipe.iterations,
        dropout: config.recipe.dropout,
        parameters: parameters.values.len(),
        ..GradientReport::default()
    };
    let mut found = Vec::new();
    for Wanted { kernels, ground, precision } in wanted {
        let mut config = config.clone();
        config.recipe.precision = *precision;
        let trainer = Trainer::with(config, parameters.clone(), ground);
        match trainer.notes() {
            [] => found.push((*kernels, *precision == Precision::Mixed, trainer.gradient(batch).await?)),
            notes => report.missing.push(format!("{kernels}: {}", notes.join(" "))),
        }
    }
    let stock = match stock {
        Some(ground) => Some(Trainer::with(config.clone(), parameters.clone(), &ground).gradient(batch).await?),
        None => None,
    };

    let begun = Instant::now();
    let samples = oracle::sample(&Layout::new(&spec.sizes), &spec.sizes, differences.each, differences.seed);
    let indices: Vec<usize> = samples.iter().flat_map(|(_, indices)| indices.iter().copied()).collect();
    let whole = Part::split(batch, Split::new(batch.boards, 1, 1));
    let context = Context { config, layout: &parameters.layout, step: 0 };
    let whole = whole.first().ok_or(TrainError::NoGradient)?;
    let right = oracle::differences(&spec, &parameters.values, &boards(&context, whole), &indices, differences.threads);
    report.seconds = begun.elapsed().as_secs_f64();

    for (kernels, mixed, gradient) in found {
        let mut right = &right[..];
        let tensors = samples.iter().map(|(name, indices)| {
            let (now, later) = right.split_at(indices.len());
            right = later;
            let found: Vec<f32> = indices.iter().map(|i| gradient[*i]).collect();
            let oracle::Deviation { whole, worst } = oracle::relative_error(&found, now);
            GradientTensor { name: name.clone(), entries: indices.len(), whole, worst }
        });
        let tensors = tensors.collect();
        let against_stock = stock.as_ref().map(|stock| {
            let stock: Vec<f64> = stock.iter().copied().map(f64::from).collect();
            oracle::relative_error(&gradient, &stock).whole
        });
        report.ways.push(GradientWay { kernels: kernels.into(), mixed, tensors, against_stock });
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::config::{ModelConfig, Recipe};
    use crate::models::{Place, layout};
    use crate::tasks::sudoku::Shape;
    use crate::train::evaluation_puzzles;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a native test waits for its result")]
    fn every_way_on_the_processor_holds() {
        let model =
            ModelConfig { width: 8, blocks: 2, heads: 2, hidden: 16, ..ModelConfig::default() }.with_shape(Shape::S4);
        let recipe = Recipe { iterations: 3, batch: 3, dropout: 0.2, ..Recipe::default() };
        let config = RunConfig { model, recipe, ..RunConfig::default() };
        let parameters = layout(&config.model).initial(3);
        let batch = Batch::of(&evaluation_puzzles(config.puzzles.spec(Shape::S4), 1, 3));
        let (device, place) = (Device::flex(), Place::Cpu { threads: 2 });
        let plain = Ground::tensors(&device);
        let fused = Ground { fused: Some(&place), ..plain };
        let wanted = [
            Wanted { kernels: "plain", ground: plain, precision: Precision::Full },
            Wanted { kernels: "fused", ground: fused, precision: Precision::Full },
            Wanted { kernels: "half", ground: fused, precision: Precision::Mixed },
        ];
        let differences = Differences { each: 8, seed: 1, threads: 2 };
        let report = pollster::block_on(compare_gradients(
            &config,
            &parameters,
            &batch,
            &wanted,
            differences,
            Some(Ground::tensors(&device)),
        ));
        let report = report.unwrap();
        assert_eq!(report.ways.iter().map(|w| w.kernels.as_str()).collect::<Vec<_>>(), ["plain", "fused"]);
        assert!(report.missing.len() == 1 && report.missing[0].starts_with("half: "), "{:?}", report.missing);
        for way in &report.ways {
            assert!(way.holds(), "{way:?}");
            assert_eq!(way.tensors.len(), layout(&config.model).specs.len());
        }
    }
}
