//! The gradient against finite differences, dropout against its definition, one puzzle learnt by heart.

use burn::tensor::{Tensor, TensorData};

#[path = "loss_tests.rs"]
mod losses;

use super::super::part::Source;
use super::*;
use crate::config::{Key, ModelConfig, NetworkKind, Precision, Recipe, Stream};
use crate::models::Place;
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

/// The fused kernels' place.
const THREADS: Place = Place::Cpu { threads: 2 };

/// A fresh run on the CPU, in fused kernels or on tensors.
fn fresh(config: &RunConfig, fused: bool) -> Trainer {
    Trainer::new(config.clone(), &Ground { fused: fused.then_some(&THREADS), ..Ground::tensors(&Device::flex()) })
}

/// Losses, solved shares and gradient of a step.
struct Pulled {
    losses: Vec<f64>,
    solved: Vec<f64>,
    gradient: Vec<f64>,
}

/// Everything that a step's parts give together.
fn pulled(trainer: &mut Trainer, batch: &Batch) -> Pulled {
    let mut under_way = trainer.begin(batch.clone(), true);
    while !under_way.is_done() {
        trainer.pull(&mut under_way).expect("a gradient");
    }
    let wide = |list: &[f32]| list.iter().copied().map(f64::from).collect::<Vec<f64>>();
    match under_way.sum {
        Sum::Tensors(p) => Pulled { losses: values(p.losses), solved: values(p.solved), gradient: values(p.gradient) },
        Sum::Host(p) => Pulled {
            losses: wide(&p.losses),
            solved: p.solved.iter().map(|n| f64::from(*n) / batch.boards as f64).collect(),
            gradient: wide(&p.gradient),
        },
        _ => panic!("no gradient"),
    }
}

/// The largest difference of two lists, relative to the largest value of the first.
fn far(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let most = a.iter().map(|v| v.abs()).fold(0.0, f64::max);
    // Nothing may be solved yet.
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) / most.max(1e-9)
}

/// The loss of a trainer whose weights are moved by `by`.
fn loss_at(trainer: &Trainer, weights: &[f32], direction: &[f32], by: f32, batch: &Batch) -> f64 {
    let moved: Vec<f32> = weights.iter().zip(direction).map(|(w, d)| w + by * d).collect();
    let flat = Tensor::<1>::from_data(TensorData::new(moved, [weights.len()]), &trainer.device);
    let pulled = Source {
        config: &trainer.config,
        layout: &trainer.layout,
        weights: &flat,
        device: &trainer.device,
        step: 0,
        ends: None,
    }
    .pull(&Part::split(batch, Split::new(batch.boards, 1, 1))[0], false);
    let losses = values(pulled.unwrap().losses);
    losses.iter().sum::<f64>() / losses.len() as f64
}

#[test]
fn the_gradient_equals_finite_differences() {
    for (seed, dropout) in [(1, 0.0), (2, 0.0), (3, 0.2)] {
        let config = tiny(seed, dropout);
        let batch = batch(&config, 0);
        let mut trainer = fresh(&config, false);
        let weights: Vec<f32> = trainer.layout.initial(seed).values;
        let gradient = pulled(&mut trainer, &batch).gradient;
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
    for fused in [false, true] {
        let mut trainer = fresh(&config, fused);
        let all = [(1, None), (3, None), (2, Some(3)), (1, Some(1))].map(|(threads, micro_batch)| {
            match &mut trainer.way {
                Way::Tensors(tensors) => tensors.threads = threads,
                Way::Host(host) => host.threads = threads,
                #[cfg(feature = "gpu")]
                _ => unreachable!("this is the CPU"),
            }
            trainer.micro_batch = micro_batch;
            pulled(&mut trainer, &batch)
        });
        trainer.micro_batch = Some(3);
        assert_eq!((trainer.split(14).count, trainer.part(14)), (5, 3));
        let first = &all[0];
        for other in &all[1..] {
            let (losses, gradients) = (far(&first.losses, &other.losses), far(&first.gradient, &other.gradient));
            assert!(far(&first.solved, &other.solved) < 1e-6, "fused {fused}");
            assert!(losses < 1e-5 && gradients < 1e-5, "fused {fused}: {losses} {gradients}");
        }
    }
}

/// The fused kernels and the tensors compute the same step.
#[test]
fn fused_kernels_agree_with_tensors() {
    for (seed, dropout, boards, micro_batch) in [(1, 0.0, 6, None), (2, 0.2, 14, None), (3, 0.2, 13, Some(2))] {
        let mut config = tiny(seed, dropout);
        config.recipe.batch = boards;
        let batch = batch(&config, 0);
        let [plain, fused] = [false, true].map(|fused| {
            let mut trainer = fresh(&config, fused);
            trainer.micro_batch = micro_batch;
            assert_eq!(matches!(trainer.way, Way::Host(_)), fused);
            pulled(&mut trainer, &batch)
        });
        let (losses, gradients) = (far(&plain.losses, &fused.losses), far(&plain.gradient, &fused.gradient));
        assert!(losses < 1e-5 && gradients < 1e-4, "seed {seed}: {losses:.1e} {gradients:.1e}");
        assert!(far(&plain.solved, &fused.solved) < 1e-6, "seed {seed}");
        // Every tensor by itself: small ones do not hide behind large ones.
        let mut at = 0;
        for spec in &layout(&config.model).specs {
            let range = at..at + spec.len();
            at = range.end;
            let (a, b) = (&plain.gradient[range.clone()], &fused.gradient[range]);
            assert!(far(a, b) < 1e-4, "seed {seed}, {}: {:.1e}", spec.name, far(a, b));
        }
    }
}

/// Twenty steps either way end with weights that are close, and with close losses.
#[test]
fn either_way_trains_the_same() {
    let mut config = tiny(6, 0.1);
    config.recipe.peak_lr = 1e-3;
    let [plain, fused] = [false, true].map(|fused| {
        let mut trainer = fresh(&config, fused);
        let mut source = DataSource::open(&config).unwrap();
        let mut losses = Vec::new();
        for step in 0..20 {
            let batch = source.batch(&config.recipe, step).unwrap();
            losses.extend(waited(trainer.step(&batch, true)).unwrap().map(|m| f64::from(m.loss)));
        }
        let weights = waited(trainer.parameters()).unwrap().values;
        (weights.into_iter().map(f64::from).collect::<Vec<f64>>(), losses)
    });
    assert!(far(&plain.0, &fused.0) < 1e-3 && far(&plain.1, &fused.1) < 1e-4, "{}", far(&plain.0, &fused.0));
}

/// The order of the kernels' flat vectors is that of files.
#[test]
fn the_kernels_know_the_layout_of_files() {
    for width in [8, 16] {
        let model = ModelConfig { width, blocks: 3, heads: 2, hidden: 24, ..ModelConfig::default() };
        let (ours, theirs) = (layout(&model), loopscope_kernels::train::Layout::new(&crate::models::sizes(&model)));
        assert_eq!(ours.total(), theirs.total);
        let mut begins = std::collections::BTreeMap::new();
        let mut at = 0;
        for spec in &ours.specs {
            begins.insert(spec.name.as_str(), at);
            at += spec.len();
        }
        let block = theirs.at(2);
        for (name, begin) in [
            ("initial_encoder.weight", theirs.encoder.weight),
            ("pred_proj.bias", theirs.feedback.bias),
            ("layers.2.norm1.weight", block.norm1.scale),
            ("layers.2.norm2.bias", block.norm2.shift),
            ("layers.2.q_proj.weight", block.query.weight),
            ("layers.2.k_proj.weight", block.key.weight),
            ("layers.2.v_proj.bias", block.value.bias),
            ("layers.2.out_proj.weight", block.out.weight),
            ("layers.2.linear1.bias", block.linear1.bias),
            ("layers.2.linear2.weight", block.linear2.weight),
            ("output_head.weight", theirs.head.weight),
        ] {
            assert_eq!(begins[name], begin, "{name}");
        }
    }
}

/// The average of the weights follows them by its rule and changes nothing else; it is what is shown and what a
/// checkpoint's model is.
#[test]
fn the_average_follows_the_weights() {
    let mut config = tiny(8, 0.1);
    let mut source = DataSource::open(&config).unwrap();
    let batches: Vec<Batch> = (0..5).map(|step| source.batch(&config.recipe, step).unwrap()).collect();
    for fused in [false, true] {
        config.recipe.ema = 0.0;
        let mut plain = fresh(&config, fused);
        config.recipe.ema = 0.75;
        let mut averaged = fresh(&config, fused);
        let mut want = waited(plain.parameters()).unwrap().values;
        assert_eq!(waited(averaged.parameters()).unwrap().values, want);
        for batch in &batches {
            waited(plain.step(batch, false)).unwrap();
            waited(averaged.step(batch, false)).unwrap();
            let weights = waited(plain.parameters()).unwrap().values;
            want.iter_mut().zip(&weights).for_each(|(a, w)| *a = 0.75 * *a + 0.25 * w);
            let got = waited(averaged.parameters()).unwrap().values;
            let apart = got.iter().zip(&want).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(apart < 1e-6 && got != weights, "fused {fused}: {apart}");
        }
        let bytes = kept(&averaged);
        let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
        assert_eq!(checkpoint.raw, Some(waited(plain.parameters()).unwrap().values), "fused {fused}");
        let model = crate::models::read_model("averaged", &bytes, &[]).unwrap();
        assert_eq!(model.parameters.values, waited(averaged.parameters()).unwrap().values);
        // Without an average there is nothing more in the file.
        assert!(Checkpoint::from_bytes(&kept(&plain)).unwrap().raw.is_none() && kept(&plain).len() < bytes.len());
    }
}

/// What cannot be fused is trained on tensors, and one is told so.
#[test]
fn one_is_told_of_the_way() {
    let mut config = tiny(1, 0.0);
    assert!(fresh(&config, true).notes().is_empty() && fresh(&config, false).notes().is_empty());
    config.recipe.precision = Precision::Mixed;
    assert!(fresh(&config, true).notes()[0].contains("full precision"));
    config.recipe.precision = Precision::Full;
    config.model.network = NetworkKind::Poh;
    let trainer = fresh(&config, true);
    assert!(matches!(trainer.way, Way::Tensors(_)) && trainer.notes()[0].contains("looped transformers only"));
}

#[test]
fn parts_are_whole_and_small_enough() {
    for of in 1..70 {
        for most in [1, 2, 3, 4, 7, 8, 64, usize::MAX] {
            let split = Split::within(of, most);
            let batch = Batch { clues: vec![0; of], solutions: vec![1; of], boards: of, goes_on: Vec::new() };
            let parts = Part::split(&batch, split);
            assert_eq!(parts.len(), split.count);
            assert_eq!(parts.iter().map(|p| p.boards).sum::<usize>(), of);
            assert_eq!(parts.iter().map(|p| p.boards).max(), Some(split.largest(of)));
            assert!(split.largest(of) <= most && parts.iter().all(|p| p.boards > 0), "{of} boards, {most} at most");
            let whole = most < 4 || parts[..parts.len() - 1].iter().all(|p| p.boards % 4 == 0);
            assert!(whole, "{of} boards, {most} at most");
            for cards in 1..5 {
                let over = Split::over(of, cards, most);
                assert!(over.largest(of) <= split.largest(of), "{of} boards, {most} at most, {cards} cards");
                assert!(over.count.is_multiple_of(cards) || over.count == of.div_ceil(over.grain));
            }
        }
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
    for fused in [false, true] {
        let mut trainer = fresh(&config, fused);
        let (mut first, mut last) = (f32::NAN, f32::NAN);
        for step in 0..300 {
            let batch = source.batch(&config.recipe, step).unwrap();
            if let Some(metrics) = waited(trainer.step(&batch, step == 0 || step == 299)).unwrap() {
                if step == 0 { first = metrics.loss } else { last = metrics.loss }
            }
        }
        assert!(first > 1.0 && last < 0.05, "fused {fused}: from {first} to {last}");
    }
}

fn kept(trainer: &Trainer) -> Vec<u8> {
    waited(trainer.checkpoint(Provenance::default())).unwrap().to_bytes().unwrap()
}

/// Either way goes on bit for bit, and from the other's checkpoint too.
#[test]
fn a_checkpoint_goes_on_bit_for_bit() {
    for ema in [0.0, 0.9] {
        goes_on_bit_for_bit(ema);
    }
}

fn goes_on_bit_for_bit(ema: f64) {
    let mut config = tiny(9, 0.1);
    config.recipe.ema = ema;
    let mut source = DataSource::open(&config).unwrap();
    let batches: Vec<Batch> = (0..12).map(|step| source.batch(&config.recipe, step).unwrap()).collect();
    let train = |trainer: &mut Trainer, steps: std::ops::Range<usize>| {
        batches[steps].iter().for_each(|batch| drop(waited(trainer.step(batch, false)).unwrap()));
    };
    let resumed = |bytes: &[u8], fused: bool| {
        let device = Device::flex();
        let ground = Ground { fused: fused.then_some(&THREADS), ..Ground::tensors(&device) };
        let trainer = Trainer::resume(config.clone(), &Checkpoint::from_bytes(bytes).unwrap(), &ground);
        assert_eq!((trainer.steps_done(), matches!(trainer.way, Way::Host(_))), (5, fused));
        trainer
    };
    for fused in [false, true] {
        let mut whole = fresh(&config, fused);
        train(&mut whole, 0..5);
        let middle = kept(&whole);
        // A step that is dropped halfway leaves nothing behind.
        whole.micro_batch = Some(2);
        let mut dropped = whole.begin(batches[7].clone(), false);
        whole.pull(&mut dropped).unwrap();
        drop(dropped);
        whole.micro_batch = None;
        train(&mut whole, 5..12);
        let mut same = resumed(&middle, fused);
        train(&mut same, 5..12);
        assert!(kept(&whole) == kept(&same), "the resumed run ends elsewhere, fused {fused}");
        let mut other = resumed(&middle, !fused);
        train(&mut other, 5..12);
        let [a, b] = [&whole, &other]
            .map(|t| waited(t.parameters()).unwrap().values.into_iter().map(f64::from).collect::<Vec<f64>>());
        assert!(far(&a, &b) < 1e-2, "the other way ends elsewhere, fused {fused}: {}", far(&a, &b));
    }
}

#[expect(clippy::disallowed_methods, reason = "a native test waits for its result")]
fn waited<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

#[test]
fn a_value_that_is_no_number_stops_with_its_step() {
    let mut config = tiny(1, 0.0);
    config.recipe.peak_lr = 1e30;
    let mut source = DataSource::open(&config).unwrap();
    for fused in [false, true] {
        let mut trainer = fresh(&config, fused);
        let error = (0..20).find_map(|step| {
            let batch = source.batch(&config.recipe, step).unwrap();
            waited(trainer.step(&batch, true)).err().map(|e| e.to_string())
        });
        let error = error.expect("a learning rate of 1e30 diverges");
        assert!(error.contains("at step") && error.contains("is"), "{error}");
    }
}
