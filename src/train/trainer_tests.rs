//! The gradient against finite differences, dropout against its definition, one puzzle learnt by heart.

use super::*;
use crate::config::{Key, ModelConfig, Recipe, Stream};
use crate::tasks::sudoku::Shape;
use crate::train::DataSource;

fn tiny(seed: u64, dropout: f64) -> RunConfig {
    let model =
        ModelConfig { width: 8, blocks: 2, heads: 2, hidden: 16, ..ModelConfig::default() }.with_shape(Shape::S4);
    let recipe =
        Recipe { iterations: 3, batch: 4, steps: 400, peak_lr: 1e-2, warmup: 10, dropout, ..Recipe::default() };
    let mut config = RunConfig { seed, model, recipe, ..RunConfig::default() };
    config.puzzles.least_clues = 4;
    config.puzzles.most_clues = 9;
    config.puzzles.eval_count = 4;
    config
}

fn batch(config: &RunConfig, step: u32) -> Batch {
    DataSource::open(config).unwrap().batch(&config.recipe, step).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a native test reads its result")]
fn values(t: Tensor<1>) -> Vec<f64> {
    t.into_data().iter::<f64>().collect()
}

/// Everything that a step's parts give together.
fn pulled(trainer: &Trainer, batch: &Batch, watch: bool) -> Pulled {
    let mut under_way = trainer.begin(batch.clone(), watch);
    while !under_way.is_done() {
        trainer.pull(&mut under_way).expect("a gradient");
    }
    under_way.sum.expect("a gradient")
}

/// The loss of a trainer whose weights are moved by `by`.
fn loss_at(trainer: &Trainer, weights: &[f32], direction: &[f32], by: f32, batch: &Batch) -> f64 {
    let moved: Vec<f32> = weights.iter().zip(direction).map(|(w, d)| w + by * d).collect();
    let flat = Tensor::<1>::from_data(TensorData::new(moved, [weights.len()]), &trainer.device);
    let pulled =
        Source { config: &trainer.config, layout: &trainer.layout, weights: &flat, device: &trainer.device, step: 0 }
            .pull(&Part::split(batch, 1)[0], false);
    let losses = values(pulled.unwrap().losses);
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[test]
fn the_gradient_equals_finite_differences() {
    for (seed, dropout) in [(1, 0.0), (2, 0.0), (3, 0.2)] {
        let config = tiny(seed, dropout);
        let batch = batch(&config, 0);
        let trainer = Trainer::new(config, &Device::flex());
        let weights: Vec<f32> = trainer.layout.initial(seed).values;
        let gradient = values(pulled(&trainer, &batch, false).gradient);
        for site in 0..3 {
            // Random, and leaning towards the gradient, so that the derivative stands out of f32's noise.
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            let lean = (weights.len() as f64).sqrt() / norm;
            let random = Key::new(seed, Stream::Statistics).at(0, site).uniform(weights.len(), 1.0);
            let direction: Vec<f32> = random.iter().zip(&gradient).map(|(r, g)| r + (g * lean) as f32).collect();
            let along: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * f64::from(*d)).sum();
            let h = 3e-4;
            let up = loss_at(&trainer, &weights, &direction, h, &batch);
            let down = loss_at(&trainer, &weights, &direction, -h, &batch);
            let measured = (up - down) / (2.0 * f64::from(h));
            let scale = along.abs();
            assert!((along - measured).abs() / scale < 1e-2, "seed {seed}, direction {site}: {along} but {measured}");
        }
    }
}

/// Whatever the number of threads, the same gradient but for rounding, dropout included.
#[test]
fn parts_add_up_to_the_whole() {
    let mut config = tiny(4, 0.2);
    config.recipe.batch = 14;
    let batch = batch(&config, 0);
    let mut trainer = Trainer::new(config, &Device::flex());
    let all = [(1, None), (3, None), (2, Some(3)), (1, Some(1))].map(|(threads, micro_batch)| {
        trainer.threads = threads;
        trainer.micro_batch = micro_batch;
        let p = pulled(&trainer, &batch, true);
        (values(p.losses), values(p.solved), values(p.gradient))
    });
    trainer.micro_batch = Some(3);
    assert_eq!((trainer.parts(14), trainer.part(14)), (5, 3));
    let (l1, s1, g1) = &all[0];
    let far = |a: &[f64], b: &[f64]| {
        let most = a.iter().map(|v| v.abs()).fold(0.0, f64::max);
        // Nothing may be solved yet.
        a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) / most.max(1e-9)
    };
    for (l, s, g) in &all[1..] {
        assert!(far(s1, s) < 1e-6 && far(l1, l) < 1e-5 && far(g1, g) < 1e-5, "{} {}", far(l1, l), far(g1, g));
    }
}

#[test]
fn one_puzzle_is_learnt_by_heart() {
    let mut config = tiny(5, 0.0);
    config.model.width = 16;
    config.recipe.augment = false;
    config.puzzles.train_count = 1;
    let mut source = DataSource::open(&config).unwrap();
    while {
        let (done, of) = source.prepare(8, false);
        done < of
    } {}
    let mut trainer = Trainer::new(config.clone(), &Device::flex());
    let (mut first, mut last) = (f64::NAN, f64::NAN);
    for step in 0..300 {
        let batch = source.batch(&config.recipe, step).unwrap();
        if let Some(watched) = trainer.step(&batch, step == 0 || step == 299).unwrap() {
            let mean = values(watched.losses).iter().sum::<f64>() / 3.0;
            if step == 0 { first = mean } else { last = mean }
        }
    }
    assert!(first > 1.0 && last < 0.05, "from {first} to {last}");
}

#[test]
fn a_checkpoint_goes_on_bit_for_bit() {
    let config = tiny(9, 0.1);
    let mut source = DataSource::open(&config).unwrap();
    let mut whole = Trainer::new(config.clone(), &Device::flex());
    let mut kept = None;
    for step in 0..12 {
        if step == 5 {
            let checkpoint = pollster_test(whole.checkpoint(Provenance::default())).unwrap();
            kept = Some(Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap());
        }
        whole.step(&source.batch(&config.recipe, step).unwrap(), false).unwrap();
    }
    let mut resumed = Trainer::resume(config.clone(), &kept.unwrap(), &Device::flex());
    assert_eq!(resumed.steps_done(), 5);
    for step in 5..12 {
        resumed.step(&source.batch(&config.recipe, step).unwrap(), false).unwrap();
    }
    let bytes = |t: &Trainer| pollster_test(t.checkpoint(Provenance::default())).unwrap().to_bytes().unwrap();
    assert!(bytes(&whole) == bytes(&resumed), "the resumed run ends elsewhere");
}

#[expect(clippy::disallowed_methods, reason = "a native test waits for its result")]
fn pollster_test<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

#[test]
fn a_value_that_is_no_number_stops_with_its_step() {
    let mut config = tiny(1, 0.0);
    config.recipe.peak_lr = 1e30;
    let mut source = DataSource::open(&config).unwrap();
    let mut trainer = Trainer::new(config.clone(), &Device::flex());
    let mut error = None;
    for step in 0..20 {
        let watched = trainer.step(&source.batch(&config.recipe, step).unwrap(), true).unwrap().unwrap();
        if let Err(e) = pollster_test(watched.read()) {
            error = Some(e.to_string());
            break;
        }
    }
    let error = error.expect("a learning rate of 1e30 diverges");
    assert!(error.contains("at step") && error.contains("is"), "{error}");
}
