//! Iterations that compute only what counts: the same answers as the plain path, with less work.

use burn::tensor::Device;
use loopscope::config::{HaltUnit, Halting, Interventions, NormType, PohConfig, RouteMode, Router, TopkGradient};
use loopscope::models::{Network, Pass, Recurrence, layout};
use loopscope::store::now;
use loopscope::trace::Work;

use super::bench::{largest, sizes, values};

/// Three 4×4 puzzles, one after the other.
const CLUES: &str = "1...34....4....1.2..4......1..3.4..3....2..1....";

/// What an iteration leaves behind: logits, states and α.
type Left = (Vec<f32>, Vec<f32>, Vec<f32>);

fn left(at: &Recurrence, logits: Vec<f32>) -> Left {
    let weights = Network::routed(at).iter().flat_map(|w| values(w.clone())).collect();
    (logits, values(at.state.clone()), weights)
}

/// A network with random weights and a halting map with this bias, and three boards.
fn build(poh: PohConfig, bias: f32) -> (Network, Vec<u8>) {
    let config = sizes(32, 4, 2, poh);
    let layout = layout(&config);
    let mut parameters = layout.initial(5);
    let mut at = 0;
    for spec in &layout.specs {
        let range = at..at + spec.len();
        at = range.end;
        // A halting map with this bias and strong weights: cells halt at different times.
        match spec.name.as_str() {
            "halting.bias" => parameters.values[range].fill(bias),
            "halting.weight" => parameters.values[range].iter_mut().for_each(|w| *w *= 6.0),
            _ => {}
        }
    }
    let device = Device::flex();
    let network = Network::bind(&config, &layout.bind(&parameters.upload(&device), false), &device, 0);
    (network, CLUES.bytes().map(|c| if c == b'.' { 0 } else { c - b'0' }).collect())
}

/// Largest differences over eight iterations on three boards, and the work of the sparing path.
fn compare(poh: PohConfig, bias: f32, knocked_out: &str) -> (f32, Work) {
    let (network, clues) = build(poh, bias);
    let interventions =
        Interventions { knocked_out: knocked_out.parse().expect("heads"), damping: 0.9, ..Interventions::default() };
    let pass = Pass { interventions, dropout: None };
    let (mut plain, mut spared) = (network.start(&clues), network.start(&clues));
    let (mut worst, mut work) = (0.0f32, Work::default());
    for _ in 0..8 {
        let (next, logits) = network.iterate(&plain, pass);
        plain = next;
        let want = left(&plain, values(logits));
        let (next, logits) = now(network.iterate_sparing(&spared, pass, &mut work)).expect("the CPU answers");
        spared = next;
        let have = left(&spared, values(logits));
        for (a, b) in [(&want.0, &have.0), (&want.1, &have.1), (&want.2, &have.2)] {
            worst = worst.max(largest(a, b));
        }
    }
    (worst, work)
}

fn topk(k: usize) -> PohConfig {
    PohConfig { route_mode: RouteMode::Topk, route_topk: k, ..PohConfig::default() }
}

fn halting() -> PohConfig {
    PohConfig { act_halting: Halting::Graves, act_threshold: 0.9, ..PohConfig::default() }
}

#[test]
fn heads_that_are_not_chosen_cost_nothing() {
    let mut made = Vec::new();
    for k in [1, 2, 3] {
        let (worst, work) = compare(topk(k), 0.0, "");
        assert!(worst < 2e-5, "k = {k}: {worst}");
        assert!(work.made < work.of, "{work:?}");
        made.push(work.made);
    }
    assert!(made[0] < made[1] && made[1] < made[2], "fewer heads, less work: {made:?}");
    for gradient in [TopkGradient::StraightThrough, TopkGradient::None] {
        let (worst, _) = compare(PohConfig { topk_gradient: gradient, ..topk(2) }, 0.0, "1.2");
        assert!(worst < 2e-5, "{gradient:?}: {worst}");
    }
}

#[test]
fn a_head_that_a_whole_board_leaves_out_costs_no_keys() {
    let boards = PohConfig { router: Router::Hrm, controller_width: 16, ..topk(1) };
    let (worst, by_board) = compare(boards, 0.0, "");
    assert!(worst < 2e-5, "{worst}");
    let (_, by_cell) = compare(topk(1), 0.0, "");
    assert!(by_board.made < by_cell.made, "{by_board:?} {by_cell:?}");
}

#[test]
fn cells_and_boards_that_have_halted_cost_nothing() {
    let hrm = PohConfig { outer_residual: true, router: Router::Hrm, controller_width: 16, ..halting() };
    for poh in [
        halting(),
        PohConfig { norm_type: NormType::Post, ..halting() },
        hrm,
        PohConfig { route_mode: RouteMode::None, ..halting() },
        PohConfig { alpha_after_output: true, ..halting() },
        PohConfig { route_mode: RouteMode::Topk, route_topk: 2, ..halting() },
    ] {
        // With one of these biases cells halt at different times, whatever the first weights are.
        let all = [-0.5, 2.0, 4.0, 8.0].map(|bias| compare(poh.clone(), bias, "2.3"));
        assert!(all.iter().all(|(worst, _)| *worst < 2e-5), "{poh:?}: {all:?}");
        assert!(all.iter().any(|(_, work)| work.made * 10 < work.of * 9), "{poh:?}: {all:?}");
    }
    // All halt in the second iteration: the six that follow are free.
    let (_, soon) = compare(PohConfig { act_unit: HaltUnit::Board, ..halting() }, 0.5, "");
    assert!(soon.made * 3 < soon.of, "{soon:?}");
    let (_, never) = compare(PohConfig { act_threshold: 1.0, ..halting() }, -40.0, "");
    assert_eq!(never.made, never.of, "nobody halts, and so nothing is spared");
}

/// Keys and values of a halted cell do not change under the others, whose answers go on.
#[test]
fn what_has_halted_stands_still_in_every_block() {
    let (network, clues) = build(halting(), -0.5);
    let mut at = network.start(&clues);
    let mut before: Option<(Vec<f32>, Vec<Vec<f32>>)> = None;
    let mut seen = 0;
    for _ in 0..8 {
        at = network.iterate(&at, Pass::default()).0;
        let poh = at.poh.as_deref().expect("a routed network");
        let inner: Vec<Vec<f32>> = poh.inner.iter().map(|x| values(x.clone())).collect();
        assert_eq!(inner.len(), 2, "what went into both blocks");
        if let Some((halted, earlier)) = &before {
            for cell in (0..halted.len()).filter(|c| halted[*c] > 0.5) {
                seen += 1;
                for (now, then) in inner.iter().zip(earlier) {
                    assert_eq!(now[cell * 32..(cell + 1) * 32], then[cell * 32..(cell + 1) * 32], "cell {cell}");
                }
            }
        }
        let halting = poh.halting.as_ref().expect("cells that halt");
        before = Some((values(halting.halted.clone()), inner));
    }
    assert!(seen > 20, "cells that have halted were looked at: {seen}");
}
