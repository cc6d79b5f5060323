//! Fixed-point losses and the halting head's (`specs/sudoku.md` §4.1) against their formulas, written out in double
//! precision on the logits of a pass without autodiff; their gradients against differences of that.

use super::*;
use crate::config::FixedPointLoss;
use crate::nn::Parameters;

/// What a pass gives: logits Z_t [rows][digits] and the halting head's [boards], by iteration.
struct Seen {
    logits: Vec<Vec<Vec<f64>>>,
    halting: Vec<Vec<f64>>,
}

#[expect(clippy::disallowed_methods, reason = "a native test reads its result")]
fn seen(config: &RunConfig, weights: &[f32], batch: &Batch) -> Seen {
    let (device, layout) = (Device::flex(), layout(&config.model));
    let flat = Tensor::<1>::from_data(TensorData::new(weights.to_vec(), [weights.len()]), &device);
    let network = Network::bind(&config.model, &layout.bind(&flat, false), &device, 0);
    let mut at = network.start(&batch.clues);
    let mut seen = Seen { logits: Vec::new(), halting: Vec::new() };
    for _ in 0..config.recipe.iterations {
        let (next, logits) = network.iterate(&at, crate::models::Pass::default());
        let all: Vec<f64> = logits.into_data().iter::<f64>().collect();
        seen.logits.push(all.chunks(config.model.digits()).map(<[f64]>::to_vec).collect());
        seen.halting.extend(network.halting_logits(next.state.clone(), batch.boards).map(values));
        at = next;
    }
    seen
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let sum: f64 = z.iter().map(|z| z.exp()).sum();
    z.iter().map(|z| z.exp() / sum).collect()
}

fn arg_max(z: &[f64]) -> usize {
    (0..z.len()).fold(0, |best, i| if z[i] > z[best] { i } else { best })
}

/// The loss of every iteration and, where there is a halting head, its loss. What no gradient goes through is that of
/// `fixed`: c_(t−1), P_(t−1), and whether a board is solved.
fn written_out(config: &RunConfig, batch: &Batch, now: &Seen, fixed: &Seen) -> (Vec<f64>, f64) {
    let blank: Vec<usize> = (0..batch.clues.len()).filter(|row| batch.clues[*row] == 0).collect();
    let right = |row: usize| usize::from(batch.solutions[row]) - 1;
    let was_right = |t: usize, row: usize| arg_max(&fixed.logits[t][row]) == right(row);
    let m = blank.len() as f64;
    let loss = |t: usize| {
        let ce = |row: usize| -softmax(&now.logits[t][row])[right(row)].ln();
        let c = |row: usize| f64::from(u8::from(t > 0 && was_right(t - 1, row)));
        let count = blank.iter().map(|row| c(*row)).sum::<f64>().max(1.0);
        let plain = blank.iter().map(|row| ce(*row)).sum::<f64>() / m;
        let apart = |to: &dyn Fn(usize) -> Vec<f64>| {
            let square = |row: usize| -> f64 {
                softmax(&now.logits[t][row]).iter().zip(to(row)).map(|(p, to)| (p - to) * (p - to)).sum()
            };
            blank.iter().filter(|row| c(**row) > 0.0).map(|row| square(*row)).sum::<f64>() / count
        };
        match config.recipe.fixed_point {
            FixedPointLoss::None => plain,
            FixedPointLoss::Preserve => blank.iter().map(|row| ce(*row) * (1.0 + c(*row))).sum::<f64>() / m,
            FixedPointLoss::Mask => blank.iter().map(|row| ce(*row) * (1.0 - c(*row))).sum::<f64>() / m,
            FixedPointLoss::L2 => {
                let digits = config.model.digits();
                plain + apart(&|row| (0..digits).map(|i| f64::from(u8::from(i == right(row)))).collect())
            }
            FixedPointLoss::Copy => plain + apart(&|row| softmax(&fixed.logits[t - 1][row])),
        }
    };
    let cells = config.model.cells();
    let solved =
        |t: usize, board: usize| blank.iter().filter(|row| *row / cells == board).all(|row| was_right(t, *row));
    let halting = now
        .halting
        .iter()
        .enumerate()
        .flat_map(|(t, logits)| logits.iter().enumerate().map(move |(board, q)| (t, board, *q)));
    let halting: Vec<f64> = halting
        .map(|(t, board, q)| {
            let sigmoid = 1.0 / (1.0 + (-q).exp());
            if solved(t, board) { -sigmoid.ln() } else { -(1.0 - sigmoid).ln() }
        })
        .collect();
    let mean = halting.iter().sum::<f64>() / halting.len().max(1) as f64;
    ((0..now.logits.len()).map(loss).collect(), mean)
}

/// A run with a fixed-point loss; puzzles have few blanks with a halting head, so that some are solved by chance.
fn config(fixed_point: FixedPointLoss, q_head: bool) -> RunConfig {
    let mut config = tiny(11, 0.0);
    (config.recipe.fixed_point, config.model.q_head, config.recipe.batch) = (fixed_point, q_head, 12);
    if q_head {
        (config.puzzles.least_clues, config.puzzles.most_clues) = (13, 15);
    }
    config
}

/// Weights whose halting head says something.
fn weights(config: &RunConfig) -> Vec<f32> {
    let mut weights = layout(&config.model).initial(config.seed).values;
    if config.model.q_head {
        let head = config.model.width + 1;
        let from = weights.len() - head;
        weights[from..].copy_from_slice(&Key::new(1, Stream::Statistics).uniform(head, 1.0));
    }
    weights
}

fn trainer(config: &RunConfig, weights: &[f32], fused: bool) -> Trainer {
    let parameters = Parameters { layout: layout(&config.model), values: weights.to_vec() };
    let device = Device::flex();
    Trainer::with(config.clone(), parameters, &Ground { fused: fused.then_some(&THREADS), ..Ground::tensors(&device) })
}

fn all() -> Vec<(FixedPointLoss, bool)> {
    FixedPointLoss::ALL.into_iter().flat_map(|kind| [(kind, false), (kind, true)]).collect()
}

#[test]
fn losses_are_their_formulas() {
    let mut plain = Vec::new();
    for (kind, q_head) in all() {
        let config = config(kind, q_head);
        let (batch, weights) = (batch(&config, 0), weights(&config));
        let seen = seen(&config, &weights, &batch);
        let (want, halting) = written_out(&config, &batch, &seen, &seen);
        let got = pulled(&mut trainer(&config, &weights, false), &batch).losses;
        assert!(far(&want, &got) < 1e-6, "{kind:?}, halting head {q_head}: {want:?} but {got:?}");
        assert_eq!(halting > 0.0, q_head);
        match kind {
            FixedPointLoss::None => plain.push(want),
            _ => assert!((far(&plain[usize::from(q_head)], &want) > 1e-5) && plain[usize::from(q_head)][0] == want[0]),
        }
    }
}

#[test]
fn gradients_are_differences_of_the_formulas() {
    for (kind, q_head) in all() {
        let config = config(kind, q_head);
        let (batch, weights) = (batch(&config, 0), weights(&config));
        let fixed = seen(&config, &weights, &batch);
        if q_head {
            let solved = pulled_solved(&config, &weights, &batch);
            assert!(solved.iter().any(|s| *s > 0.0) && solved.iter().any(|s| *s < 1.0), "{solved:?}");
        }
        let gradient = pulled(&mut trainer(&config, &weights, false), &batch).gradient;
        let loss = |by: f32, direction: &[f32]| {
            let moved: Vec<f32> = weights.iter().zip(direction).map(|(w, d)| w + by * d).collect();
            let (losses, halting) = written_out(&config, &batch, &seen(&config, &moved, &batch), &fixed);
            losses.iter().sum::<f64>() / losses.len() as f64 + config.recipe.q_weight * halting
        };
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let lean = (weights.len() as f64).sqrt() / norm;
        for site in 0..3 {
            let random = Key::new(7, Stream::Statistics).at(0, site).uniform(weights.len(), 1.0);
            let direction: Vec<f32> = random.iter().zip(&gradient).map(|(r, g)| r + (g * lean) as f32).collect();
            let along: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * f64::from(*d)).sum();
            let h = 3e-4;
            let measured = (loss(h, &direction) - loss(-h, &direction)) / (2.0 * f64::from(h));
            let off = (along - measured).abs() / along.abs();
            println!("{kind:?}, halting head {q_head}, direction {site}: {along:.6}, off by {off:.1e}");
            assert!(off < 1e-2, "{kind:?}, halting head {q_head}, direction {site}: {along} but {measured}");
        }
    }
}

fn pulled_solved(config: &RunConfig, weights: &[f32], batch: &Batch) -> Vec<f64> {
    pulled(&mut trainer(config, weights, false), batch).solved
}

/// Parts of a batch add up; where a term is divided by a number of the whole batch, there is one part.
#[test]
fn parts_add_up_with_every_loss() {
    for (kind, q_head) in all() {
        let config = config(kind, q_head);
        let (batch, weights) = (batch(&config, 0), weights(&config));
        let [whole, parts] = [1, 3].map(|threads| {
            let mut trainer = trainer(&config, &weights, false);
            if let Way::Tensors(tensors) = &mut trainer.way {
                tensors.threads = threads;
            }
            let split = trainer.split(12).count;
            assert_eq!(split, if kind.needs_whole_batch() { 1 } else { threads });
            assert_eq!(trainer.can_split(), !kind.needs_whole_batch());
            pulled(&mut trainer, &batch)
        });
        let (losses, gradients) = (far(&whole.losses, &parts.losses), far(&whole.gradient, &parts.gradient));
        assert!(losses < 1e-5 && gradients < 1e-5, "{kind:?}, halting head {q_head}: {losses:.1e} {gradients:.1e}");
    }
}

/// The fused kernels know two of the four; of the others and of the halting head one is told.
#[test]
fn fused_kernels_know_the_losses_or_say_so() {
    for (kind, q_head) in all() {
        let mut config = config(kind, q_head);
        config.recipe.dropout = 0.2;
        let (batch, weights) = (batch(&config, 0), weights(&config));
        let mut fused = trainer(&config, &weights, true);
        let is_fused = !q_head && !kind.needs_whole_batch();
        assert_eq!(matches!(fused.way, Way::Host(_)), is_fused);
        if !is_fused {
            let note = &fused.notes()[0];
            assert!(note.contains(if q_head { "halting head" } else { "fixed-point loss" }), "{note}");
            continue;
        }
        let (plain, fused) = (pulled(&mut trainer(&config, &weights, false), &batch), pulled(&mut fused, &batch));
        let (losses, gradients) = (far(&plain.losses, &fused.losses), far(&plain.gradient, &fused.gradient));
        println!("{kind:?}: losses {losses:.1e}, gradients {gradients:.1e}");
        assert!(losses < 1e-5 && gradients < 1e-4, "{kind:?}: {losses:.1e} {gradients:.1e}");
    }
}

/// First values of §4.1, the count of parameters, a checkpoint that is read again, and a head that learns.
#[test]
fn the_halting_head_is_trained_and_kept() {
    let mut config = config(FixedPointLoss::None, true);
    let first = layout(&config.model).initial(1).values;
    assert_eq!(first.len(), config.model.parameters());
    let head = &first[first.len() - 9..];
    assert!(head[..8].iter().all(|w| *w == 0.0) && head[8] == -5.0, "{head:?}");
    let without = layout(&crate::config::ModelConfig { q_head: false, ..config.model.clone() }).initial(1).values;
    assert_eq!(without, first[..first.len() - 9], "the other weights do not know of the head");
    config.recipe.peak_lr = 3e-3;
    let mut trained = trainer(&config, &first, false);
    let batch = batch(&config, 0);
    for _ in 0..30 {
        waited(trained.step(&batch, false)).unwrap();
    }
    let bytes = kept(&trained);
    let device = Device::flex();
    let back = Trainer::resume(config, &Checkpoint::from_bytes(&bytes).unwrap(), &Ground::tensors(&device));
    let [a, b] = [&trained, &back].map(|t| waited(t.parameters()).unwrap().values);
    assert_eq!(a, b);
    let head = &a[a.len() - 9..];
    assert!(head[..8].iter().all(|w| *w != 0.0) && head[8] != -5.0, "{head:?}");
}
