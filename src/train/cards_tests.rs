//! Two cards against one, on whatever card there is, opened twice; where there is none, nothing is tested unless
//! `LOOPSCOPE_NEEDS_SOFTWARE_CARD` says that there must be one.

use burn::tensor::Device;
use loopscope_kernels::gpu::{WgpuDeviceKind, client};

use crate::config::{ModelConfig, Recipe, RunConfig};
use crate::models::Place;
use crate::tasks::sudoku::Shape;
use crate::train::way::Way;
use crate::train::{Batch, DataSource, Ground, Trainer};

fn card() -> Option<Place> {
    let found = std::panic::catch_unwind(|| client(WgpuDeviceKind::DefaultDevice)).ok();
    assert!(found.is_some() || std::env::var_os("LOOPSCOPE_NEEDS_SOFTWARE_CARD").is_none(), "no card");
    found.map(|client| Place::Card { client, wide: false, memory: 1 << 30, more: Vec::new() })
}

fn config(boards: usize) -> RunConfig {
    let model =
        ModelConfig { width: 16, blocks: 2, heads: 2, hidden: 32, ..ModelConfig::default() }.with_shape(Shape::S4);
    let recipe = Recipe {
        iterations: 3,
        batch: boards,
        steps: 400,
        peak_lr: 1e-3,
        warmup: 2,
        dropout: 0.2,
        ema: 0.5,
        ..Recipe::default()
    };
    let mut config = RunConfig { seed: 3, model, recipe, ..RunConfig::default() };
    config.puzzles.least_clues = 4;
    config.puzzles.most_clues = 9;
    config.puzzles.eval_count = 4;
    config
}

#[expect(clippy::disallowed_methods, reason = "a native test waits for its result")]
fn waited<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn far(a: &[f32], b: &[f32]) -> f32 {
    let most = a.iter().fold(1e-9f32, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0.0f32, |m, (x, y)| m.max((x - y).abs())) / most
}

/// Three cards' steps are one card's but for rounding, whatever the parts, and all have the same weights to the bit.
#[test]
fn cards_train_as_one() {
    let Some(one) = card() else { return };
    let mut several = one.clone();
    several.add_cards(vec![one.clone(), one.clone()]);
    let device = Device::flex();
    // A share in one part, in several, and fewer shares than cards.
    for (boards, micro_batch, parts) in [(22, None, 3), (22, Some(4), 6), (7, None, 2)] {
        let config = config(boards);
        let trainer =
            |fused| Trainer::new(config.clone(), &Ground { device: &device, fused: Some(fused), micro_batch });
        let (mut alone, mut spread) = (trainer(&one), trainer(&several));
        assert!(spread.notes().is_empty() && (alone.cards(), spread.cards()) == (1, 3));
        let mut source = DataSource::open(&config).unwrap();
        let batches: Vec<Batch> = (0..3).map(|step| source.batch(&config.recipe, step).unwrap()).collect();
        // A step that is dropped leaves nothing behind.
        let mut dropped = spread.begin(batches[2].clone(), false);
        spread.pull(&mut dropped).unwrap();
        assert!(dropped.is_done());
        assert_eq!(dropped.parts(), parts);
        drop(dropped);
        for batch in &batches {
            let [a, b] = [&mut alone, &mut spread].map(|t| waited(t.step(batch, true)).unwrap().unwrap());
            assert!(far(&a.loss_by_iteration, &b.loss_by_iteration) < 1e-5, "{boards}: {a:?} {b:?}");
            assert!((a.gradient_norm / b.gradient_norm - 1.0).abs() < 1e-4);
            assert_eq!(a.solved_by_iteration, b.solved_by_iteration);
        }
        waited(spread.settle()).unwrap();
        let [a, b] = [&alone, &spread].map(|t| waited(t.parameters()).unwrap().values);
        println!("{boards} boards: parameters {:.1e} apart", far(&a, &b));
        assert!(far(&a, &b) < 1e-3, "{boards}: {}", far(&a, &b));
        let Way::Cards(cards) = &spread.way else { panic!("no cards") };
        let all = [0, 1, 2].map(|card| waited(cards.parameters_of(card)).unwrap());
        let all = all.map(|s| [s.weights, s.first, s.second, s.average.expect("an average").values]);
        assert!(all[0] == all[1] && all[0] == all[2], "{boards}: the cards' weights differ");
        // What is shown is the average, as the processor has it.
        let place = Place::Cpu { threads: 2 };
        let mut processor = trainer(&place);
        batches.iter().for_each(|batch| drop(waited(processor.step(batch, false)).unwrap()));
        let want = waited(processor.way.parameters()).unwrap();
        let average = want.average.expect("an average").values;
        assert!(b == all[0][3] && a != all[0][0] && average != want.weights);
        assert!(far(&average, &b) < 1e-3, "{boards}: averages {}", far(&average, &b));
    }
}
