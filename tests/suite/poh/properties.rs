//! The properties after the 17 tests.

use burn::tensor::{Device, Tensor, TensorData};
use loopscope::config::{
    GradMode, Injection, ModelConfig, NetworkKind, PohConfig, Positions, RouteMode, RouteScale, Router, TopkGradient,
};
use loopscope::models::{Network, Pass, layout};
use loopscope::nn::{Controller, Layout, Mask};

use super::bench::{Encoder, largest, noise, placeless, sizes, values};

/// k = H with gains of 1 is no routing: the same bits as an encoder without a router.
#[test]
fn one_iteration_equals_a_vanilla_encoder() {
    let x = noise(2 * 5 * 32, 31);
    for norm_type in [loopscope::config::NormType::Pre, loopscope::config::NormType::Post] {
        let base = placeless(PohConfig { norm_type, ..PohConfig::default() });
        let vanilla = Encoder::new(sizes(32, 4, 3, PohConfig { route_mode: RouteMode::None, ..base.clone() }));
        for topk_gradient in [TopkGradient::StraightThrough, TopkGradient::None] {
            let poh = PohConfig { route_mode: RouteMode::Topk, route_topk: 4, topk_gradient, ..base.clone() };
            let mut routed = Encoder::new(sizes(32, 4, 3, poh));
            routed.copy(&vanilla);
            assert_eq!(routed.last(&x, 2, 1), vanilla.last(&x, 2, 1), "{topk_gradient:?}");
            routed.set("layers.1.gains", |i, v| if i == 2 { 0.5 } else { v });
            assert_ne!(routed.last(&x, 2, 1), vanilla.last(&x, 2, 1), "a gain matters");
        }
        let mut uniform = Encoder::new(sizes(32, 4, 3, PohConfig { route_mode: RouteMode::Uniform, ..base }));
        uniform.copy(&vanilla);
        assert_eq!(uniform.last(&x, 2, 3), vanilla.last(&x, 2, 3), "equal weights with their scale");
    }
}

/// The same network in two files: without a router and with all biases it is the looped transformer.
#[test]
fn without_a_router_it_is_the_looped_transformer() {
    let poh = PohConfig { route_mode: RouteMode::None, param_match_baseline: false, ..PohConfig::default() };
    let routed = sizes(16, 4, 2, poh);
    let looped = ModelConfig { network: NetworkKind::Looped, ..routed.clone() };
    let device = Device::flex();
    let clues = [0u8, 0, 0, 2, 4, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    let of = |config: &ModelConfig| {
        assert_eq!(layout(config).total(), config.parameters());
        let parameters = layout(config).initial(5);
        let flat = parameters.upload(&device);
        let network = Network::bind(config, &parameters.layout.bind(&flat, false), &device, 0);
        let mut at = network.start(&clues);
        let mut all = Vec::new();
        for _ in 0..3 {
            let (next, logits) = network.iterate(&at, Pass::default());
            at = next;
            all.extend(values(logits));
        }
        all
    };
    let names = |config| layout(config).specs.into_iter().map(|s| s.name).collect::<Vec<_>>();
    assert_eq!(names(&routed), names(&looped));
    assert_eq!(of(&routed), of(&looped));
}

/// §1.2: soft routing at its raw scale leaves about an eighth of the attention of eight heads.
#[test]
fn the_raw_scale_shrinks_attention() {
    let x = noise(10 * 64, 32);
    let attention = |route_mode, route_scale| {
        let mut encoder =
            Encoder::new(sizes(64, 8, 1, placeless(PohConfig { route_mode, route_scale, ..PohConfig::default() })));
        encoder.set("layers.0.linear2.weight", |_, _| 0.0);
        encoder.set("layers.0.out_proj.bias", |_, _| 0.0);
        let out = encoder.last(&x, 1, 1);
        out.iter().zip(&x).map(|(o, x)| (o - x).powi(2)).sum::<f32>().sqrt()
    };
    let plain = attention(RouteMode::None, RouteScale::Raw);
    let raw = attention(RouteMode::Soft, RouteScale::Raw) / plain;
    let scaled = attention(RouteMode::Soft, RouteScale::TimesHeads) / plain;
    assert!((raw - 0.127).abs() < 0.01, "{raw}");
    assert!((scaled - 1.0).abs() < 0.08, "{scaled}");
}

/// A head without weight: what the output projection does with it cannot matter. Where α acts on slices of
/// the projected vector instead, it does.
#[test]
fn alpha_acts_before_the_projection() {
    let x = noise(5 * 16, 33);
    for (alpha_after_output, matters) in [(false, false), (true, true)] {
        let poh = placeless(PohConfig {
            route_mode: RouteMode::Topk,
            route_topk: 1,
            alpha_after_output,
            ..PohConfig::default()
        });
        let mut encoder = Encoder::new(sizes(16, 4, 1, poh));
        // Every cell chooses the first head.
        encoder.set("router.second.weight", |_, _| 0.0);
        let before = encoder.last(&x, 1, 1);
        // Columns of head 2: inputs 8 to 11 of the output projection.
        encoder.set("layers.0.out_proj.weight", |i, v| if (8..12).contains(&(i % 16)) { v + 1.0 } else { v });
        assert_eq!(encoder.last(&x, 1, 1) != before, matters, "after the output: {alpha_after_output}");
    }
}

/// Nothing flows back in time, at any number of iterations and with any positions.
#[test]
fn causality() {
    for pos_encoding in [Positions::None, Positions::Absolute, Positions::Rotary] {
        let poh = PohConfig { pos_encoding, input_injection: Injection::Every, ..PohConfig::default() };
        let encoder = Encoder::new(sizes(16, 4, 2, poh));
        let x = noise(2 * 8 * 16, 34);
        let mut other = x.clone();
        // The last three places of both sequences.
        for sequence in 0..2 {
            other[(sequence * 8 + 5) * 16..(sequence + 1) * 8 * 16].iter_mut().for_each(|v| *v = -*v);
        }
        for iterations in [1, 3] {
            let run = |x: &[f32]| encoder.run(x, 2, iterations, &Mask::causal()).0.pop().unwrap_or_default();
            let (a, b) = (run(&x), run(&other));
            for sequence in 0..2 {
                let past = sequence * 8 * 16..(sequence * 8 + 5) * 16;
                assert_eq!(a[past.clone()], b[past], "{pos_encoding:?}, {iterations} iterations");
            }
            assert_ne!(a, b);
            assert_ne!(encoder.run(&x, 2, iterations, &Mask::default()).0.pop().unwrap_or_default(), a);
        }
    }
}

/// What stands in padding is nobody's business, alone or together with causality.
#[test]
fn padding() {
    let encoder = Encoder::new(sizes(16, 4, 2, placeless(PohConfig::default())));
    let x = noise(2 * 6 * 16, 35);
    let mut other = x.clone();
    other[4 * 16..6 * 16].iter_mut().for_each(|v| *v = 9.0);
    let mut real = vec![true; 12];
    real[4..6].fill(false);
    for causal in [false, true] {
        let mask = Mask { causal, ..Mask::padding(real.clone()) };
        let run = |x: &[f32]| encoder.run(x, 2, 2, &mask).0.pop().unwrap_or_default();
        let (a, b) = (run(&x), run(&other));
        assert_eq!(a[..4 * 16], b[..4 * 16]);
        assert_eq!(a[6 * 16..], b[6 * 16..]);
        // The short sequence is as if it stood alone.
        let alone = Mask { causal, ..Mask::default() };
        let short = encoder.run(&x[..4 * 16], 1, 2, &alone).0.pop().unwrap_or_default();
        assert!(largest(&short, &a[..4 * 16]) < 1e-5);
    }
}

/// Through all iterations: every parameter's gradient against differences of the loss.
#[test]
fn full_gradients_are_those_of_the_loss() {
    let modes = [
        PohConfig { outer_residual: true, ..PohConfig::default() },
        PohConfig { router: Router::Hrm, controller_period: 2, temperature_init: 1.0, ..PohConfig::default() },
        PohConfig { act_halting: loopscope::config::Halting::Graves, ..PohConfig::default() },
    ];
    for poh in modes {
        let mut encoder = Encoder::new(sizes(8, 2, 1, placeless(poh.clone())));
        let x = noise(3 * 8, 36);
        let (gradients, _) = encoder.gradients(&x, 3);
        let most = gradients.iter().flat_map(|(_, g)| g).map(|g| g.abs()).fold(0.0, f32::max);
        for (name, gradient) in gradients {
            for (i, analytic) in gradient.iter().enumerate().step_by(gradient.len().div_ceil(5)) {
                let step = 2e-3;
                let mut at = |by: f32| {
                    let old = encoder.get(&name)[i];
                    encoder.set(&name, |j, v| if j == i { v + by } else { v });
                    let loss = encoder.loss(&x, 3);
                    encoder.set(&name, |j, v| if j == i { old } else { v });
                    loss
                };
                let numeric = (at(step) - at(-step)) / (2.0 * f64::from(step));
                let far = (numeric - f64::from(*analytic)).abs() / f64::from(most);
                // f32 throughout, and a ReLU may have its corner between the two points.
                assert!(far < 6e-3, "{name}[{i}]: {analytic} and {numeric} ({poh:?})");
            }
        }
    }
}

/// “last” is what one gets by hand from the state before, as a constant.
#[test]
fn last_gradients_are_truncated() {
    let x = noise(5 * 16, 37);
    let of = |grad_mode, grad_last| {
        Encoder::new(sizes(16, 4, 2, placeless(PohConfig { grad_mode, grad_last, ..PohConfig::default() })))
    };
    let (full, last) = (of(GradMode::Full, 1), of(GradMode::Last, 1));
    let before = full.last(&x, 1, 2);
    let by_hand = full.gradients(&before, 1).0;
    for ((name, a), (_, b)) in last.gradients(&x, 3).0.iter().zip(&by_hand) {
        assert!(largest(a, b) < 1e-6, "{name}");
    }
    assert!(last.gradients(&x, 3).1.iter().all(|g| *g == 0.0), "the input is out of reach");
    let two = full.gradients(&full.last(&x, 1, 1), 2).0;
    for ((name, a), (_, b)) in of(GradMode::LastK, 2).gradients(&x, 3).0.iter().zip(&two) {
        assert!(largest(a, b) < 1e-6, "{name}");
    }
    for ((name, a), (_, b)) in of(GradMode::LastK, 3).gradients(&x, 3).0.iter().zip(&full.gradients(&x, 3).0) {
        assert!(largest(a, b) < 1e-6, "{name}");
    }
}

/// Learned positions get a gradient through all iterations, and none where it is cut off before the first.
#[test]
fn positions_get_a_gradient() {
    let x = noise(5 * 16, 38);
    for (grad_mode, reaches) in [(GradMode::Full, true), (GradMode::Last, false)] {
        let poh = PohConfig { pos_encoding: Positions::Absolute, max_seq_len: 16, grad_mode, ..PohConfig::default() };
        let (gradients, _) = Encoder::new(sizes(16, 4, 2, poh)).gradients(&x, 2);
        let (_, positions) = gradients.iter().find(|(n, _)| n == "positions").expect("a table");
        assert_eq!(positions[..5 * 16].iter().any(|g| *g != 0.0), reaches, "{grad_mode:?}");
        assert!(positions[5 * 16..].iter().all(|g| *g == 0.0), "rows of places that are not there");
    }
}

/// The slow cell moves at iterations 0, T, 2T, …; the fast one always.
#[test]
fn the_slow_cell_keeps_its_clock() {
    let poh = placeless(PohConfig { router: Router::Hrm, controller_period: 4, ..PohConfig::default() });
    let sizes = sizes(16, 4, 1, poh);
    let mut layout = Layout::default();
    Controller::layout(&mut layout, &sizes);
    let device = Device::flex();
    let flat = layout.initial(9).upload(&device);
    let controller = Controller::bind(&layout.bind(&flat, false), &sizes);
    let x = Tensor::from_data(TensorData::new(noise(2 * 3 * 16, 39), [6, 16]), &device);
    let mut state = controller.start(2, &device);
    let mut moved = Vec::new();
    for t in 0..12 {
        let (next, logits) = controller.forward(&x, &state);
        assert_eq!(logits.dims(), [6, 4]);
        if values(next.slow.clone()) != values(state.slow.clone()) {
            moved.push(t);
        }
        assert_ne!(values(next.fast.clone()), values(state.fast.clone()));
        assert_eq!(values(next.moved.clone())[0] == 1.0, moved.last() == Some(&t));
        state = next;
    }
    assert_eq!(moved, [0, 4, 8]);
}

/// A trigger moves the slow cell of each board by itself.
#[test]
fn a_trigger_fills_up_board_by_board() {
    let poh = placeless(PohConfig { router: Router::HrmTrigger, ..PohConfig::default() });
    let sizes = sizes(16, 4, 1, poh);
    let mut encoder = Encoder::new(sizes.clone());
    let device = Device::flex();
    let x = Tensor::from_data(TensorData::new(noise(2 * 3 * 16, 40), [6, 16]), &device);
    let bound =
        |encoder: &Encoder| Controller::bind(&encoder.layout.bind(&encoder.parameters.upload(&device), false), &sizes);
    // The push depends on the slow state alone: on the element in which the two boards differ most.
    let first = bound(&encoder);
    let slow = values(first.forward(&x, &first.start(2, &device)).0.slow);
    let apart = |e: usize| slow[e] - slow[16 + e];
    let element = (0..16).max_by(|a, b| apart(*a).abs().total_cmp(&apart(*b).abs())).unwrap_or(0);
    let steep = 3.0 * apart(element).signum();
    let middle = (slow[element] + slow[16 + element]) / 2.0;
    encoder.set("controller.trigger.weight", |i, _| if i == element { steep } else { 0.0 });
    encoder.set("controller.trigger.bias", |_, _| -steep * middle);
    let controller = bound(&encoder);
    let mut state = controller.start(2, &device);
    let mut moved = [0, 0];
    for t in 0..12 {
        state = controller.forward(&x, &state).0;
        let now = values(state.moved.clone());
        if t == 0 {
            assert_eq!(now, [1.0, 1.0], "a trigger begins full");
        }
        (0..2).for_each(|b| moved[b] += now[b] as i32);
    }
    assert!(moved[0] > moved[1] && moved[1] >= 1, "{moved:?}");
}

/// One α a board, or one a cell.
#[test]
fn the_controller_weighs_boards_or_cells() {
    let x = noise(2 * 3 * 16, 41);
    for (controller_per_cell, alike) in [(false, true), (true, false)] {
        let poh = placeless(PohConfig { router: Router::Hrm, controller_per_cell, ..PohConfig::default() });
        let (_, more) = Encoder::new(sizes(16, 4, 2, poh)).run(&x, 2, 2, &Mask::default());
        let alpha = values(more.weights[0].clone());
        let board: Vec<&[f32]> = alpha.chunks(4).collect();
        assert_eq!(board[0] == board[1] && board[1] == board[2], alike);
        assert_ne!(board[0], board[3], "two boards are two");
        assert_eq!(values(more.weights[0].clone()), values(more.weights[1].clone()), "one look an iteration");
        // The other board may hold anything.
        let mut other = x.clone();
        other[3 * 16..].iter_mut().for_each(|v| *v = -*v);
        let poh = placeless(PohConfig { router: Router::Hrm, controller_per_cell, ..PohConfig::default() });
        let (_, changed) = Encoder::new(sizes(16, 4, 2, poh)).run(&other, 2, 2, &Mask::default());
        assert_eq!(values(changed.weights[0].clone())[..12], alpha[..12], "a board is its own business");
    }
}

/// What regularises is a part of the loss, with a gradient that spreads the weights.
#[test]
fn entropy_has_a_gradient() {
    let device = Device::flex().autodiff();
    let logits = Tensor::<2>::from_data(TensorData::new(vec![2.0f32, 0.0, 0.0], [1, 3]), &device).require_grad();
    let alpha = burn::tensor::activation::softmax(logits.clone(), 1);
    let gradient = logits.grad(&loopscope::nn::entropy(alpha).sum().backward()).map(values).unwrap_or_default();
    assert!(gradient[0] < -0.1 && gradient[1] > 0.05, "{gradient:?}");
}

/// What a configuration says of its parameters is what its layout holds.
#[test]
fn presets_are_counted_right() {
    for name in loopscope::config::all_preset_names() {
        let model = loopscope::config::preset(name).expect("a preset").model;
        assert_eq!(layout(&model).total(), model.parameters(), "{name}");
    }
}
