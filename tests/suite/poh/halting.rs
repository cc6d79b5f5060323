//! Adaptive computation time: weights that sum to 1, a cost that trains, and what the original did.

use burn::tensor::{Device, Tensor, TensorData};
use loopscope::config::{HaltUnit, Halting, PohConfig};
use loopscope::models::HaltState;
use loopscope::nn::Mask;

use super::bench::{Encoder, largest, noise, placeless, sizes, values};

fn config(act_halting: Halting) -> PohConfig {
    PohConfig { act_halting, act_threshold: 0.99, ..PohConfig::default() }
}

fn column(v: Vec<f32>) -> Tensor<2> {
    let rows = v.len();
    Tensor::from_data(TensorData::new(v, [rows, 1]), &Device::flex())
}

/// Feeds the states 1, 1, … and the same halting probability: what comes out is the sum of the weights.
fn sum_of_weights(config: &PohConfig, p: f32, iterations: usize) -> Vec<f32> {
    let h = Tensor::<2>::ones([1, 1], &Device::flex());
    let mut state = HaltState::start(&h);
    (0..iterations)
        .map(|_| {
            let (next, answer) = state.advance(&h, column(vec![p]), config);
            state = next;
            values(answer)[0]
        })
        .collect()
}

#[test]
fn weights_sum_to_one_after_every_iteration() {
    for p in [0.01, 0.2, 0.5, 0.98, 0.999] {
        for sum in sum_of_weights(&config(Halting::Graves), p, 6) {
            assert!((sum - 1.0).abs() < 1e-6, "{p}: {sum}");
        }
    }
}

/// §1.5: with σ(−3) and R = 5 the original's weights sum to 0.216, and to 0.99 with large p.
#[test]
fn the_original_shrinks_its_answer() {
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    let last = |p| sum_of_weights(&config(Halting::Legacy), p, 5)[4];
    assert!((last(sigmoid(-3.0)) - 0.216).abs() < 1e-3);
    assert!((last(sigmoid(0.0)) - 0.969).abs() < 1e-3);
    assert!((last(sigmoid(3.0)) - 0.990).abs() < 1e-3);
}

#[test]
fn graves_by_hand() {
    // p = 0.3, 0.5, 0.4: halts at the third, whose weight is the remainder 0.2.
    let h = |v: f32| column(vec![v]);
    let config = PohConfig { act_threshold: 0.9, ..config(Halting::Graves) };
    let mut state = HaltState::start(&h(0.0));
    let mut answers = Vec::new();
    for (value, p) in [(1.0, 0.3), (10.0, 0.5), (100.0, 0.4), (1000.0, 0.4)] {
        let (next, answer) = state.advance(&h(value), h(p), &config);
        state = next;
        answers.push(values(answer)[0]);
    }
    let want = [1.0, 0.3 + 7.0, 0.3 + 5.0 + 20.0, 25.3];
    assert!(largest(&answers, &want) < 1e-4, "{answers:?}");
    assert_eq!(values(state.count.clone()), [3.0]);
    assert!((values(state.ponder())[0] - 3.2).abs() < 1e-6, "n + remainder");
}

#[test]
fn the_cost_grows_with_pondering() {
    let ponder = |act_halting, p: f32| {
        let h = Tensor::<2>::ones([1, 1], &Device::flex());
        let config = config(act_halting);
        let mut state = HaltState::start(&h);
        (0..5).for_each(|_| state = state.advance(&h, column(vec![p]), &config).0);
        values(if act_halting == Halting::Graves { state.ponder() } else { state.legacy_ponder() })[0]
    };
    let all: Vec<f32> = [0.995, 0.6, 0.4, 0.3, 0.1].iter().map(|p| ponder(Halting::Graves, *p)).collect();
    assert!(all.windows(2).all(|w| w[0] < w[1]), "{all:?}");
    // The original's grows with halting: to lower it would teach never to halt.
    assert!(ponder(Halting::Legacy, 0.9) > ponder(Halting::Legacy, 0.05));
}

#[test]
fn the_cost_trains() {
    // One cell that halts at the second iteration: ponder = 2 + 1 − p₁.
    let device = Device::flex().autodiff();
    let p = Tensor::<2>::from_data(TensorData::new(vec![0.4f32], [1, 1]), &device).require_grad();
    let h = Tensor::<2>::ones([1, 1], &device);
    let config = PohConfig { act_threshold: 0.7, ..config(Halting::Graves) };
    let state = HaltState::start(&h).advance(&h, p.clone(), &config).0.advance(&h, p.clone(), &config).0;
    let ponder = state.ponder();
    assert!((values(ponder.clone().inner())[0] - 2.6).abs() < 1e-6);
    let gradient = p.grad(&ponder.backward()).map(values).unwrap_or_default();
    assert_eq!(gradient, [-1.0]);
}

#[test]
fn a_board_halts_as_one() {
    let x = noise(2 * 5 * 16, 21);
    let halted = |act_unit| {
        let poh = placeless(PohConfig { act_unit, act_threshold: 0.9, ..config(Halting::Graves) });
        let mut encoder = Encoder::new(sizes(16, 4, 2, poh));
        encoder.set("halting.weight", |_, v| v * 4.0);
        let (_, more) = encoder.run(&x, 2, 2, &Mask::default());
        values(more.halting.expect("it halts").halted.clone())
    };
    let together = halted(HaltUnit::Board);
    assert!(together.chunks(5).all(|b| b.iter().all(|h| *h == b[0])), "{together:?}");
    let apart = halted(HaltUnit::Token);
    assert!(apart.chunks(5).any(|b| b.iter().any(|h| *h != b[0])), "{apart:?}");
}
