//! The 17 tests, in their order.

use burn::tensor::{Device, Tensor, TensorData};
use loopscope::config::{Halting, ModelConfig, PohConfig, Positions, RouteMode, RouteScale, Router, TopkGradient};
use loopscope::models::stack_layout;
use loopscope::nn::{Layout, Mask, Rotary, Routing, entropy};

use super::bench::{Encoder, largest, noise, placeless, sizes, values};

fn published(poh: PohConfig) -> ModelConfig {
    ModelConfig { hidden: 2048, ..sizes(512, 8, 6, poh) }
}

fn count(config: &ModelConfig) -> usize {
    let mut layout = Layout::default();
    stack_layout(config, &mut layout);
    assert_eq!(layout.total(), config.stack_parameters(), "the formula and the layout agree");
    layout.total()
}

fn routing(mode: RouteMode, keep: usize, gradient: TopkGradient, temperature: f64) -> Routing {
    Routing { mode, keep, gradient, temperature, scale: 1.0 }
}

fn logits(rows: usize, heads: usize) -> Tensor<2> {
    Tensor::from_data(TensorData::new(noise(rows * heads, 1), [rows, heads]), &Device::flex())
}

/// 1. Exact counts, where the original only asked for 1 %.
#[test]
fn poh_vs_baseline_param_count() {
    let none = placeless(PohConfig::default());
    let vanilla = PohConfig { route_mode: RouteMode::None, param_match_baseline: false, ..none.clone() };
    assert_eq!(count(&published(vanilla)), 18_914_304);
    assert_eq!(count(&published(none.clone())), 18_965_680);
    assert_eq!(count(&published(PohConfig { pos_encoding: Positions::Absolute, ..none.clone() })), 19_227_824);
    assert_eq!(count(&published(PohConfig { param_match_baseline: false, ..none.clone() })), 18_981_040);
    let apart = PohConfig { share_router: false, router_hidden: 512, ..none.clone() };
    assert_eq!(count(&published(apart)), 20_499_504);
    // §1.6, with the temperature that is not trained.
    for (width, c, heads, published) in
        [(512, 512, 8, 4_469_257), (256, 256, 8, 1_120_521), (128, 64, 8, 75_337), (768, 768, 12, 10_049_293)]
    {
        let poh = PohConfig { router: Router::Hrm, controller_width: c, ..none.clone() };
        let sizes = sizes(width, heads, 1, poh);
        assert_eq!(sizes.poh.controller_parameters(&sizes) + 1, published);
        count(&sizes);
    }
}

/// 2. Also at the same router width, so that sharing alone is compared.
#[test]
fn shared_router_reduces_params() {
    let of = |share_router, router_hidden| {
        let poh = placeless(PohConfig { share_router, router_hidden, ..PohConfig::default() });
        count(&ModelConfig { hidden: 1024, ..sizes(256, 8, 4, poh) })
    };
    let router = 256 * 64 + 64 + 64 * 8;
    assert_eq!(of(false, 64) - of(true, 64), 3 * router);
    assert_eq!(of(false, 256) - of(true, 0), 4 * (256 * 256 + 256 + 256 * 8) - router);
}

/// 3.
#[test]
fn soft_routing_sums_to_one() {
    let alpha = values(routing(RouteMode::Soft, 8, TopkGradient::None, 1.0).weights(logits(20, 8)));
    for row in alpha.chunks(8) {
        assert!(row.iter().all(|a| *a > 0.0) && (row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
    }
}

/// 4. Every way to choose chooses the same heads, and ties still give exactly k.
#[test]
fn topk_routing_sparsity() {
    let all = [TopkGradient::None, TopkGradient::StraightThrough, TopkGradient::Renormalised]
        .map(|gradient| values(routing(RouteMode::Topk, 3, gradient, 1.0).weights(logits(20, 8))));
    for ((hard, through), soft) in all[0].chunks(8).zip(all[1].chunks(8)).zip(all[2].chunks(8)) {
        assert_eq!(hard.iter().filter(|a| **a == 1.0).count(), 3);
        assert_eq!(hard.iter().filter(|a| **a == 0.0).count(), 5);
        assert_eq!(hard, through, "to the last bit");
        assert!(hard.iter().zip(soft).all(|(h, s)| (*h > 0.0) == (*s > 0.0)));
        assert!((soft.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let ties = Tensor::<2>::zeros([2, 8], &Device::flex());
    let alpha = values(routing(RouteMode::Topk, 3, TopkGradient::None, 1.0).weights(ties));
    assert_eq!(alpha[..8], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

/// 4, second part: the router learns from a choice, but not from the original's.
#[test]
fn topk_router_gets_a_gradient() {
    let x = noise(5 * 16, 2);
    for (topk_gradient, learns) in
        [(TopkGradient::Renormalised, true), (TopkGradient::StraightThrough, true), (TopkGradient::None, false)]
    {
        let poh = placeless(PohConfig { route_mode: RouteMode::Topk, topk_gradient, ..PohConfig::default() });
        let (gradients, _) = Encoder::new(sizes(16, 4, 2, poh)).gradients(&x, 2);
        let of_router: f32 =
            gradients.iter().filter(|(n, _)| n.starts_with("router")).flat_map(|(_, g)| g).map(|g| g.abs()).sum();
        assert_eq!(of_router > 0.0, learns, "{topk_gradient:?}: {of_router}");
    }
}

/// 5. Sharper at every lower temperature, and by the right amount.
#[test]
fn temperature_affects_sharpness() {
    let mean_of_most = |temperature| {
        let alpha = values(routing(RouteMode::Soft, 8, TopkGradient::None, temperature).weights(logits(100, 8)));
        alpha.chunks(8).map(|r| r.iter().copied().fold(0.0, f32::max)).sum::<f32>() / 100.0
    };
    let all: Vec<f32> = [10.0, 2.0, 1.0, 0.5, 0.1].into_iter().map(mean_of_most).collect();
    assert!(all.windows(2).all(|w| w[0] < w[1]), "{all:?}");
    assert!(all[0] < 0.15 && all[4] > 0.7, "{all:?}");
}

/// 6. The original never looked whether anything was reduced.
#[test]
fn act_reduces_computation() {
    let poh = placeless(PohConfig { act_halting: Halting::Graves, act_threshold: 0.9, ..PohConfig::default() });
    let x = noise(10 * 64, 3);
    let iterations_of = |bias: f32| {
        let mut encoder = Encoder::new(sizes(64, 4, 2, poh.clone()));
        encoder.set("halting.weight", |_, _| 0.0);
        encoder.set("halting.bias", |_, _| bias);
        let (reads, more) = encoder.run(&x, 1, 5, &Mask::default());
        let halting = more.halting.expect("it halts");
        (values(halting.count.clone()), values(halting.halted.clone()), reads)
    };
    // σ(4) = 0.98 is above the threshold at once, σ(0) = 0.5 after two, σ(−3) never within five.
    for (bias, iterations, halted) in [(4.0, 1.0, 1.0), (0.0, 2.0, 1.0), (-3.0, 5.0, 0.0)] {
        let (count, done, reads) = iterations_of(bias);
        assert!(count.iter().all(|c| *c == iterations), "{bias}: {count:?}");
        assert!(done.iter().all(|h| *h == halted), "{bias}: {done:?}");
        // After it has halted the answer stands still, to the last bit.
        let standing = reads.windows(2).filter(|w| w[0] == w[1]).count();
        assert_eq!(standing, 5 - iterations as usize, "{bias}");
    }
}

/// 7.
#[test]
fn no_act_runs_all_iters() {
    let encoder = Encoder::new(sizes(16, 4, 2, placeless(PohConfig::default())));
    let (reads, more) = encoder.run(&noise(5 * 16, 4), 1, 3, &Mask::default());
    assert_eq!((reads.len(), more.iterations), (3, 3));
    assert!(more.halting.is_none());
}

/// 8. Without dropout, so that only refinement can make the difference.
#[test]
fn refinement_changes_output() {
    let encoder = Encoder::new(sizes(16, 4, 2, placeless(PohConfig::default())));
    let x = noise(5 * 16, 5);
    let (reads, _) = encoder.run(&x, 1, 3, &Mask::default());
    assert_eq!(encoder.last(&x, 1, 3), reads[2], "the same twice");
    assert_eq!(encoder.last(&x, 1, 1), reads[0], "one iteration is the first of three");
    assert!(largest(&reads[0], &reads[2]) > 0.1);
}

/// 9. Values, not only names.
#[test]
fn stats_collection() {
    let encoder = Encoder::new(sizes(16, 4, 2, placeless(PohConfig::default())));
    let (_, more) = encoder.run(&noise(2 * 5 * 16, 6), 2, 2, &Mask::default());
    assert_eq!(more.weights.len(), 2, "one a block");
    for weights in more.weights {
        assert_eq!(weights.dims(), [10, 4]);
        let h = values(entropy(weights));
        assert!(h.iter().all(|h| *h > 0.5 && *h <= 4f32.ln() + 1e-5), "{h:?}");
    }
    let equal = Tensor::<2>::ones([1, 4], &Device::flex()).div_scalar(4.0);
    assert!((values(entropy(equal))[0] - 4f32.ln()).abs() < 1e-6);
}

/// 10. A plain outer residual changes nothing, and ReZero begins as nothing at all.
#[test]
fn outer_residual() {
    let of = |outer_residual, rezero_init| {
        Encoder::new(sizes(16, 4, 2, placeless(PohConfig { outer_residual, rezero_init, ..PohConfig::default() })))
    };
    let (none, mut plain, rezero) = (of(false, false), of(true, false), of(true, true));
    plain.copy(&none);
    let x = noise(5 * 16, 7);
    assert!(none.layout.specs.iter().all(|s| s.name != "outer_gain"));
    assert_eq!((plain.get("outer_gain"), rezero.get("outer_gain")), (&[1.0][..], &[0.0][..]));
    assert!(largest(&plain.last(&x, 1, 3), &none.last(&x, 1, 3)) < 1e-5);
    assert_eq!(rezero.last(&x, 1, 3), x);
    let (gradients, _) = rezero.gradients(&x, 2);
    for (name, gradient) in gradients {
        let moves = gradient.iter().any(|g| *g != 0.0);
        assert_eq!(moves, name == "outer_gain", "{name}");
    }
}

/// 11. And the cells may be told apart by nothing: a permutation goes through.
#[test]
fn none_encoding() {
    let encoder = Encoder::new(sizes(16, 4, 2, placeless(PohConfig::default())));
    let x = noise(5 * 16, 8);
    let tensor = Tensor::from_data(TensorData::new(x.clone(), [5, 16]), &Device::flex());
    assert_eq!(values(encoder.refiner(5).stack().placed(tensor, 1)), x);
    let turn = |v: &[f32]| [&v[16..], &v[..16]].concat();
    assert!(largest(&encoder.last(&turn(&x), 1, 2), &turn(&encoder.last(&x, 1, 2))) < 1e-5);
}

/// 12.
#[test]
fn absolute_encoding() {
    let poh = PohConfig { pos_encoding: Positions::Absolute, ..PohConfig::default() };
    let encoder = Encoder::new(sizes(128, 4, 1, poh));
    let table = encoder.get("positions");
    assert_eq!(table.len(), 512 * 128);
    let x = Tensor::<2>::zeros([6, 128], &Device::flex());
    let placed = values(encoder.refiner(3).stack().placed(x, 2));
    assert_eq!(placed[..3 * 128], table[..3 * 128], "row i at place i");
    assert_eq!(placed[3 * 128..], table[..3 * 128], "in every sequence");
}

/// 13. Told before anything is built.
#[test]
fn absolute_encoding_max_len_check() {
    let of = |max_seq_len| {
        let poh = PohConfig { pos_encoding: Positions::Absolute, max_seq_len, ..PohConfig::default() };
        ModelConfig { box_rows: 3, box_cols: 3, ..sizes(16, 4, 1, poh) }.validate().map_err(|e| e.to_string())
    };
    assert!(of(80).is_err_and(|e| e.contains("max_seq_len is 80") && e.contains("81 cells")));
    assert_eq!(of(81), Ok(()));
}

/// 14. The original only printed whether a package was there.
#[test]
fn rotary_turns() {
    let device = Device::flex();
    let rotary = Rotary::line(12, 8, 1.0, &device);
    let (q, k) = (noise(8, 9), noise(8, 10));
    // The same two vectors at every place.
    let turned = |v: &[f32]| {
        let all = v.repeat(12);
        values(rotary.forward(Tensor::from_data(TensorData::new(all, [12, 8]), &device), 1, 12))
    };
    let (q, k) = (turned(&q), turned(&k));
    let score = |i: usize, j: usize| -> f32 { (0..8).map(|e| q[i * 8 + e] * k[j * 8 + e]).sum() };
    for shift in 0..8 {
        assert!((score(shift, shift + 3) - score(0, 3)).abs() < 1e-5, "only the distance counts");
    }
    assert!((score(0, 3) - score(0, 1)).abs() > 1e-3, "but the distance does");
    // Place 1: pair 0 turns by one radian, elements 0 and 4.
    let one = turned(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!((one[8] - 1f32.cos()).abs() < 1e-6 && (one[12] - 1f32.sin()).abs() < 1e-6);
    // Place 2: pair 1 turns by twice 10,000^(-2/8), a tenth each, elements 1 and 5.
    let two = turned(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!((two[17] - 0.2f32.cos()).abs() < 1e-6 && (two[21] - 0.2f32.sin()).abs() < 1e-6);
}

/// 15. All of them, and they are not the same.
#[test]
fn stack_with_different_encodings() {
    let x = noise(16 * 16, 11);
    let all = [Positions::None, Positions::Absolute, Positions::Rotary, Positions::Board].map(|pos_encoding| {
        let mut encoder = Encoder::new(sizes(16, 4, 2, PohConfig { pos_encoding, ..PohConfig::default() }));
        let plain = Encoder::new(sizes(16, 4, 2, placeless(PohConfig::default())));
        encoder.copy(&plain);
        let (reads, more) = encoder.run(&x, 1, 1, &Mask::default());
        assert_eq!((reads[0].len(), more.weights.len()), (x.len(), 2));
        assert!(reads[0].iter().all(|v| v.is_finite()));
        reads.into_iter().next().unwrap_or_default()
    });
    for i in 0..4 {
        for j in 0..i {
            assert!(largest(&all[i], &all[j]) > 1e-3, "{i} and {j}");
        }
    }
}

/// 16. A mask that allows everything changes no bit; one that forbids everything gives numbers.
#[test]
fn forward_signature_compatibility() {
    let encoder = Encoder::new(sizes(256, 8, 4, placeless(PohConfig::default())));
    let x = noise(10 * 256, 12);
    let plain = encoder.last(&x, 1, 1);
    let with = |mask: Mask| encoder.run(&x, 1, 1, &mask).0.remove(0);
    assert_eq!(with(Mask { pairs: vec![true; 100], ..Mask::default() }), plain);
    let nothing = with(Mask { pairs: vec![false; 100], ..Mask::default() });
    assert!(nothing.iter().all(|v| v.is_finite()));
    assert!(largest(&nothing, &plain) > 1e-3);
    // Then a cell sees itself alone, through the residual, so that the others do not matter.
    let mut other = x.clone();
    other[256..].iter_mut().for_each(|v| *v = -*v);
    let again = encoder.run(&other, 1, 1, &Mask { pairs: vec![false; 100], ..Mask::default() }).0.remove(0);
    assert_eq!(again[..256], nothing[..256]);
}

/// 17. In every mode, and for the input too.
#[test]
fn gradient_flow() {
    let base = PohConfig { pos_encoding: Positions::Absolute, max_seq_len: 16, ..PohConfig::default() };
    let modes = [
        base.clone(),
        PohConfig { route_mode: RouteMode::Topk, ..base.clone() },
        PohConfig { share_router: false, outer_residual: true, ..base.clone() },
        PohConfig { act_halting: Halting::Graves, ..base.clone() },
        PohConfig { router: Router::Hrm, controller_period: 1, ..base.clone() },
        PohConfig { router: Router::Hrm, controller_per_cell: true, controller_period: 2, ..base.clone() },
        PohConfig { router: Router::HrmTrigger, ..base.clone() },
        PohConfig { route_scale: RouteScale::Raw, norm_type: loopscope::config::NormType::Post, ..base },
    ];
    let x = noise(16 * 16, 13);
    for poh in modes {
        let encoder = Encoder::new(sizes(16, 4, 2, poh.clone()));
        // The slow cell's own weights matter from the second time on that it moves.
        let iterations = if poh.router == Router::HrmTrigger { 6 } else { 3 };
        let (gradients, of_input) = encoder.gradients(&x, iterations);
        assert!(of_input.iter().any(|g| *g != 0.0), "{poh:?}");
        for (name, gradient) in gradients {
            assert!(gradient.iter().all(|g| g.is_finite()), "{name} in {poh:?}");
            // A key's bias moves all scores of a query alike.
            let silent = name.ends_with("k_proj.bias");
            assert!(silent || gradient.iter().any(|g| *g != 0.0), "{name} gets nothing in {poh:?}");
        }
    }
}
