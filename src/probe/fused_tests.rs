//! The fused loop against the plain network: frames, readouts and attention, whatever is changed.

use burn::tensor::Device;

use super::{Scaling, Thinker};
use crate::config::{HeadSet, Interventions, ModelConfig};
use crate::models::{Fused, Network, Place, layout};
use crate::nn::Parameters;
use crate::tasks::sudoku::{Grid, Shape, parse_grid};
use crate::trace::Frame;

#[expect(clippy::disallowed_methods, reason = "a test may wait")]
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

pub(super) fn networks(config: &ModelConfig) -> [Network; 2] {
    networks_of(config, layout(config).initial(5))
}

/// With these weights.
pub(super) fn networks_of(config: &ModelConfig, parameters: Parameters) -> [Network; 2] {
    let device = Device::flex();
    let flat = parameters.upload(&device);
    let plain = Network::bind(config, &parameters.layout.bind(&flat, false), &device, 0);
    let fused = Fused::new(config, &parameters, &Place::Cpu { threads: 2 });
    assert!(fused.is_some(), "the loop covers this network");
    [plain.clone(), plain.with_fused(fused)]
}

/// A network for 4×4 boards.
pub(super) fn small() -> ModelConfig {
    ModelConfig { width: 32, blocks: 2, heads: 2, hidden: 64, ..ModelConfig::default() }.with_shape(Shape::S4)
}

fn close(a: f32, b: f32, most: f32) {
    assert!((a - b).abs() <= 1e-5 * most.abs().max(1.0), "{a} and {b}");
}

fn same(a: &[Frame], b: &[Frame]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.iteration, b.iteration);
        close(a.residual, b.residual, 1.0);
        let most = a.state_norm.iter().copied().fold(0.0, f32::max);
        a.state_norm.iter().zip(&b.state_norm).for_each(|(x, y)| close(*x, *y, most));
        // A probability is kept in 1/65,535.
        a.probabilities.iter().zip(&b.probabilities).for_each(|(x, y)| assert!(x.0.abs_diff(y.0) <= 3, "{x:?} {y:?}"));
    }
}

fn changes() -> Vec<Interventions> {
    let none = Interventions::default();
    let mut knocked_out = HeadSet::default();
    knocked_out.toggle(0, 1);
    knocked_out.toggle(1, 0);
    vec![
        none,
        Interventions { damping: 0.5, ..none },
        Interventions { prediction_scale: 0.25, ..none },
        Interventions { normalise_before_head: true, ..none },
        Interventions { knocked_out, damping: 0.75, prediction_scale: 0.0, ..none },
    ]
}

#[test]
fn frames_and_attention_are_those_of_the_plain_network() {
    let [plain, fused] = networks(&small());
    let clues = parse_grid("1...34....4....1").expect("a board");
    for interventions in changes() {
        wait(async {
            let mut a = Thinker::new(plain.clone(), clues.clone(), interventions, None);
            let mut b = Thinker::new(fused.clone(), clues.clone(), interventions, None);
            let of_plain = a.advance(5).await.expect("frames");
            let mut of_fused = b.advance(2).await.expect("frames");
            of_fused.extend(b.advance(3).await.expect("frames"));
            same(&of_plain, &of_fused);
            for iteration in [1, 2, 5] {
                let [x, y] = [&a, &b].map(|t| wait(t.attention(3, iteration)).expect("attention"));
                let (x, y) = (x.expect("kept"), y.expect("kept"));
                x.iter().flatten().flatten().zip(y.iter().flatten().flatten()).for_each(|(x, y)| close(*x, *y, 1.0));
            }
            for t in [&a, &b] {
                assert_eq!(t.attention(3, 6).await.expect("no trouble"), None, "iteration 6 was not run");
                assert_eq!(t.attention(16, 1).await.expect("no trouble"), None, "there is no cell 16");
            }
        });
    }
}

#[test]
fn readouts_of_many_boards_are_those_of_the_plain_network() {
    let config =
        ModelConfig { width: 64, blocks: 2, heads: 4, hidden: 128, ..ModelConfig::default() }.with_shape(Shape::S6);
    let networks = networks(&config);
    let boards: Vec<Grid> = (0..5)
        .map(|i| Grid::new(Shape::S6, (0..36).map(|c| u8::from(c % 7 == i) * 3).collect()).expect("a board"))
        .collect();
    let boards: Vec<&Grid> = boards.iter().collect();
    let wanted = [1, 4, 9];
    let [a, b] = networks.map(|network| {
        let mut scaling = Scaling::new(network, &boards, &wanted, Interventions::default(), true);
        let mut all = Vec::new();
        // As the engine goes on: some iterations at a time, however they fall.
        for count in [1, 2, 4, 8] {
            all.extend(wait(scaling.advance(count)).expect("readouts"));
        }
        assert!(scaling.is_done());
        all
    });
    assert_eq!(a.iter().map(|r| r.iteration).collect::<Vec<_>>(), wanted);
    for (a, b) in a.iter().zip(&b) {
        assert_eq!((a.iteration, &a.digits), (b.iteration, &b.digits));
        let (Some((x, m)), Some((y, n))) = (&a.logits, &b.logits) else { panic!("logits were asked for") };
        let most = x.iter().map(|v| v.abs()).fold(0.0, f32::max);
        x.iter().zip(y).for_each(|(x, y)| close(*x, *y, most));
        let most = m.iter().copied().fold(0.0, f32::max);
        m.iter().zip(n).for_each(|(x, y)| close(*x, *y, most));
    }
}
