//! Boards that go on in the next step where the one before left them.

use super::*;
use crate::config::{ModelConfig, Recipe};
use crate::models::Place;
use crate::store::now;
use crate::tasks::sudoku::Shape;
use crate::train::DataSource;

const THREADS: Place = Place::Cpu { threads: 2 };

fn config(iterations: u32, carry: f64) -> RunConfig {
    let model =
        ModelConfig { width: 8, blocks: 2, heads: 2, hidden: 16, ..ModelConfig::default() }.with_shape(Shape::S4);
    let recipe = Recipe { iterations, batch: 20, steps: 400, warmup: 10, dropout: 0.0, carry, ..Recipe::default() };
    let mut config = RunConfig { seed: 3, model, recipe, ..RunConfig::default() };
    config.puzzles.least_clues = 4;
    config.puzzles.most_clues = 9;
    config.puzzles.eval_count = 4;
    config
}

fn fresh(config: &RunConfig, fused: bool) -> Trainer {
    Trainer::new(config.clone(), &Ground { fused: fused.then_some(&THREADS), ..Ground::tensors(&Device::flex()) })
}

fn step(trainer: &mut Trainer, batch: &Batch) -> StepMetrics {
    let step = trainer.step(batch, true);
    match now(step) {
        Ok(Some(metrics)) => metrics,
        other => panic!("no step: {other:?}"),
    }
}

/// Without learning, two steps of three iterations are one of six.
#[test]
fn two_short_steps_are_a_long_one() {
    for fused in [false, true] {
        let [mut short, mut long] = [config(3, 0.5), config(6, 0.0)];
        short.recipe.peak_lr = 0.0;
        short.recipe.weight_decay = 0.0;
        long.recipe.peak_lr = 0.0;
        let batch = DataSource::open(&short).unwrap().batch(&short.recipe, 0).unwrap();
        let mut trainer = fresh(&short, fused);
        let first = step(&mut trainer, &batch);
        let second = step(&mut trainer, &Batch { goes_on: vec![true; batch.boards], ..batch.clone() });
        let whole = step(&mut fresh(&long, fused), &batch);
        let both = [first.loss_by_iteration, second.loss_by_iteration].concat();
        for (a, b) in both.iter().zip(&whole.loss_by_iteration) {
            assert!((a - b).abs() < 1e-6 * b, "fused {fused}: {both:?} {:?}", whole.loss_by_iteration);
        }
    }
}

/// The same weights either way, where boards come and go.
#[test]
fn either_way_carries_the_same() {
    let config = config(3, 0.6);
    let [plain, fused] = [false, true].map(|fused| {
        let (mut trainer, mut source) = (fresh(&config, fused), DataSource::open(&config).unwrap());
        let losses: Vec<f32> = (0..6)
            .map(|k| {
                let batch = source.batch(&config.recipe, k).unwrap();
                assert_eq!(batch.goes_on.iter().any(|on| *on), k > 0, "step {k}");
                step(&mut trainer, &batch).loss
            })
            .collect();
        (losses, now(trainer.parameters()).unwrap().values)
    });
    for (a, b) in plain.0.iter().zip(&fused.0).chain(plain.1.iter().zip(&fused.1)) {
        assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{a} {b}");
    }
}

/// Where nothing was left, as after a resume, every board begins with its clues.
#[test]
fn a_resumed_run_begins_its_boards_anew() {
    let config = config(3, 0.6);
    let batch = DataSource::open(&config).unwrap().batch(&config.recipe, 5).unwrap();
    assert!(batch.goes_on.iter().any(|on| *on));
    let plain = Batch { goes_on: Vec::new(), ..batch.clone() };
    let [with, without] = [batch, plain].map(|batch| step(&mut fresh(&config, true), &batch).loss);
    assert_eq!(with.to_bits(), without.to_bits());
}

/// A board stays for as long as its chances say, and is the same for as long as it stays.
#[test]
fn boards_come_and_go_by_chance() {
    let mut config = config(3, 0.75);
    (config.recipe.batch, config.recipe.carry_most) = (500, 4);
    let mut source = DataSource::open(&config).unwrap();
    let mut last = source.batch(&config.recipe, 0).unwrap();
    assert!(last.goes_on.iter().all(|on| !on));
    let (mut gone_on, mut ages) = (0, vec![0u32; 500]);
    for step in 1..40 {
        let batch = source.batch(&config.recipe, step).unwrap();
        for (place, age) in ages.iter_mut().enumerate() {
            let cells = place * 16..(place + 1) * 16;
            if batch.goes_on[place] {
                assert_eq!(batch.clues[cells.clone()], last.clues[cells]);
                (gone_on, *age) = (gone_on + 1, *age + 1);
            } else {
                *age = 0;
            }
            assert!(*age < 4, "a place that is never given away");
        }
        last = batch;
    }
    // Of steps that follow one another three in four stay, and every fourth is given away all the same: the mean of
    // 1 − 1 / Σ_k<4 0.75^k.
    let share = f64::from(gone_on) / (39.0 * 500.0);
    assert!((share - (1.0 - 1.0 / (1.0 + 0.75 + 0.5625 + 0.421_875))).abs() < 0.02, "{share}");
    // Drawn again, the same.
    assert_eq!(DataSource::open(&config).unwrap().batch(&config.recipe, 39).unwrap(), last);
    // The first fifth of the places alone keep boards, and none goes on in the first step of a phase.
    config.recipe.carry_share = 0.2;
    let kept = source.batch(&config.recipe, 39).unwrap().goes_on;
    assert_eq!(kept[..100], last.goes_on[..100]);
    assert!(kept[100..].iter().all(|on| !on));
    config.recipe.phases = vec![crate::config::Phase { until_step: 39, least_rating: 0 }];
    assert!(source.batch(&config.recipe, 39).unwrap().goes_on.is_empty());
    config.recipe.carry_from = 100;
    assert!(source.batch(&config.recipe, 50).unwrap().goes_on.is_empty());
}
