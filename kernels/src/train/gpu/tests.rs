//! Against the step on the processor, on whatever card there is; where there is none, nothing is tested unless
//! `LOOPSCOPE_NEEDS_SOFTWARE_CARD` says that there must be one.

use cubecl::future::block_on;

use super::*;
use crate::Sizes;
use crate::gpu::{WgpuDeviceKind, client};
use crate::tangent::gaussian;
use crate::train::{Dropout, Earlier, FixedPoint, Layout, cpu, philox4x32};

const SMALL: Sizes = Sizes { cells: 16, digits: 4, width: 32, blocks: 2, heads: 2, hidden: 64 };
/// Nothing is a whole tile, and attention's rows no whole vectors.
const ODD: Sizes = Sizes { cells: 9, digits: 3, width: 20, blocks: 2, heads: 1, hidden: 44 };
/// The wider tile, several bands of queries, and more than a chunk of everything.
const WIDE: Sizes = Sizes { cells: 81, digits: 9, width: 64, blocks: 1, heads: 2, hidden: 132 };

const DROPOUT: Dropout = Dropout { rate: 0.2, seed: 77 << 32 | 5, stream: 4, step: 5 };
const UPDATE: Update = Update { step: 3, lr: 1e-2, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.01 };

fn card() -> Option<Client> {
    let found = std::panic::catch_unwind(|| client(WgpuDeviceKind::DefaultDevice)).ok();
    assert!(found.is_some() || std::env::var_os("LOOPSCOPE_NEEDS_SOFTWARE_CARD").is_none(), "no card");
    found
}

fn spec(sizes: Sizes, iterations: usize, drops: bool) -> Spec {
    let angles: Vec<f32> = gaussian(3, 0, sizes.cells * sizes.head_width() / 2);
    Spec {
        sizes,
        iterations,
        cos: angles.iter().map(|a| a.cos()).collect(),
        sin: angles.iter().map(|a| a.sin()).collect(),
        drops,
        carries: 0,
        fixed_point: FixedPoint::None,
    }
}

/// Weights of ordinary size, scales around one.
fn weights(sizes: &Sizes) -> Vec<f32> {
    let layout = Layout::new(sizes);
    let bound = 0.7 / (sizes.width as f32).sqrt();
    let mut weights: Vec<f32> = gaussian(9, 1, layout.total);
    weights.iter_mut().for_each(|w| *w *= bound);
    for l in 0..sizes.blocks {
        let at = layout.at(l);
        for norm in [at.norm1, at.norm2] {
            weights[norm.scale..norm.scale + sizes.width].iter_mut().for_each(|w| *w += 1.0);
        }
    }
    weights
}

/// Half of the clues are blanks, and a few blanks have no known solution.
fn puzzles(sizes: &Sizes, boards: usize) -> (Vec<u8>, Vec<u8>) {
    let digit = |word: u32| (word % sizes.digits as u32) as u8 + 1;
    (0..(boards * sizes.cells) as u32)
        .map(|i| {
            let words = philox4x32([i, 0, 0, 0], [1, 2]);
            let clue = if words[0] & 1 == 0 { digit(words[1]) } else { 0 };
            (clue, if words[2].is_multiple_of(7) { 0 } else { digit(words[1]) })
        })
        .unzip()
}

/// Largest difference by largest value.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, |most, v| most.max(v.abs()));
    largest(&mut a.iter().zip(b).map(|(a, b)| a - b)) / largest(&mut b.iter().copied()).max(1e-30)
}

/// The largest difference of a tensor by its own largest value.
fn worst_tensor(layout: &Layout, sizes: &Sizes, got: &[f32], want: &[f32]) -> (String, f32) {
    let mut parts = Vec::new();
    let mut map = |name: &str, m: crate::train::Map| {
        parts.push((format!("{name} weight"), m.weights()));
        parts.push((format!("{name} bias"), m.biases()));
    };
    map("encoder", layout.encoder);
    map("feedback", layout.feedback);
    map("head", layout.head);
    for l in 0..sizes.blocks {
        let at = layout.at(l);
        for (name, m) in [("query", at.query), ("key", at.key), ("value", at.value), ("out", at.out)] {
            map(&format!("{l} {name}"), m);
        }
        map(&format!("{l} linear1"), at.linear1);
        map(&format!("{l} linear2"), at.linear2);
    }
    for l in 0..sizes.blocks {
        let at = layout.at(l);
        for (name, norm) in [("norm1", at.norm1), ("norm2", at.norm2)] {
            parts.push((format!("{l} {name}"), norm.scale..norm.scale + 2 * sizes.width));
        }
    }
    let whole = want.iter().fold(0.0f32, |m, w| m.max(w.abs()));
    let mut worst = (String::new(), 0.0);
    for (name, at) in parts {
        // The key's bias has no gradient but noise.
        let most = want[at.clone()].iter().fold(1e-3 * whole, |m, w| m.max(w.abs()));
        let error = got[at.clone()].iter().zip(&want[at]).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / most;
        if error > worst.1 || error.is_nan() {
            worst = (name, error);
        }
    }
    worst
}

/// A step in parts of at most `most` boards, and the same on the processor.
fn judge(
    client: &Client,
    sizes: Sizes,
    boards: usize,
    most: usize,
    dropout: Option<Dropout>,
    [slots, lanes]: [usize; 2],
    fixed_point: FixedPoint,
) {
    judge_from(client, sizes, (boards, most, false), dropout, [slots, lanes], fixed_point);
}

/// With `carries` two of three boards go on in the second step.
fn judge_from(
    client: &Client,
    sizes: Sizes,
    (boards, most, carries): (usize, usize, bool),
    dropout: Option<Dropout>,
    [slots, lanes]: [usize; 2],
    fixed_point: FixedPoint,
) {
    let mut spec = Spec { fixed_point, ..spec(sizes, 3, dropout.is_some()) };
    let (weights, layout) = (weights(&sizes), Layout::new(&sizes));
    let (clues, solutions) = puzzles(&sizes, boards);
    let first: Vec<f32> = gaussian(5, 2, layout.total);
    let second: Vec<f32> = gaussian::<f32>(6, 3, layout.total).iter().map(|v| 1.0 + v * v).collect();
    let blanks = clues.iter().filter(|clue| **clue == 0).count();
    let part = |from: usize, to: usize| {
        let places = from * sizes.cells..to * sizes.cells;
        let (clues, solutions) = (&clues[places.clone()], &solutions[places]);
        Boards { clues, solutions, before: from, of: boards, blanks, dropout, earlier: None }
    };
    spec.carries = if carries { boards } else { 0 };
    let goes_on: Vec<bool> = (0..boards).map(|b| b % 3 != 1).collect();
    let mut ends = [const { Vec::new() }; 2];
    let mut card =
        CardTraining::new(client, &spec, [&weights, &first, &second], Room { boards: most, memory: 1 << 30 }, false)
            .expect("sizes that fit");
    card.blocks.change(slots, lanes);
    let mut moved = [weights, first, second];
    for step in 0..2 {
        for from in (0..boards).step_by(most) {
            let to = (from + most).min(boards);
            let earlier = Earlier { goes_on: &goes_on[from..to], states: &[], predictions: &[] };
            let earlier = Some(earlier).filter(|_| carries && step > 0);
            card.pull(&Boards { earlier, ..part(from, to) }).unwrap();
        }
        card.update(&UPDATE);
        let watched = block_on(card.watched()).unwrap();
        let gradient = block_on(card.gradient()).unwrap();
        let earlier = Earlier { goes_on: &goes_on, states: &ends[0], predictions: &ends[1] };
        let earlier = Some(earlier).filter(|_| carries && step > 0);
        let want = cpu::pull(&spec, &moved[0], &Boards { earlier, ..part(0, boards) });
        let losses = apart(&watched.losses, &want.losses);
        let (name, error) = worst_tensor(&layout, &sizes, &gradient, &want.gradient);
        let whole = apart(&gradient, &want.gradient);
        println!(
            "{sizes:?} {boards} by {most}, dropout {}, {fixed_point:?}, step {step}: losses {losses:.1e}, gradient {whole:.1e}, {name} \
             {error:.1e}, solved {:?}",
            dropout.is_some(),
            watched.solved,
        );
        assert!(losses <= 1e-5 && error <= 1e-4, "{losses:e} {name} {error:e}");
        assert_eq!(watched.solved, want.solved);
        let norm: f32 = gradient.iter().map(|g| g * g).sum();
        assert!((watched.squared_norm / norm - 1.0).abs() < 1e-4, "{} {norm}", watched.squared_norm);
        ends = want.ends;
        let [w, m, v] = &mut moved;
        cpu::update(w, m, v, &gradient, &UPDATE);
        for (got, want) in block_on(card.parameters()).unwrap().iter().zip(&moved) {
            assert!(apart(got, want) <= 1e-6, "{sizes:?}: update {}", apart(got, want));
        }
    }
}

#[test]
fn a_step_is_the_processors() {
    let Some(client) = card() else { return };
    judge(&client, SMALL, 4, 4, None, [3, 8], FixedPoint::None);
    judge(&client, SMALL, 4, 4, Some(DROPOUT), [3, 32], FixedPoint::None);
}

#[test]
fn parts_and_recomputing_change_nothing() {
    let Some(client) = card() else { return };
    judge(&client, SMALL, 10, 4, Some(DROPOUT), [1, 8], FixedPoint::None);
    judge(&client, SMALL, 10, 4, None, [1, 32], FixedPoint::None);
    // Several groups of rows, the last part with fewer.
    judge(&client, SMALL, 60, 40, Some(DROPOUT), [1, 8], FixedPoint::None);
}

#[test]
fn boards_go_on_where_they_were_left() {
    let Some(client) = card() else { return };
    judge_from(&client, SMALL, (10, 10, true), None, [3, 8], FixedPoint::None);
    judge_from(&client, SMALL, (10, 4, true), Some(DROPOUT), [1, 32], FixedPoint::Mask);
}

#[test]
fn odd_and_wide_sizes() {
    let Some(client) = card() else { return };
    judge(&client, ODD, 9, 4, Some(DROPOUT), [3, 8], FixedPoint::None);
    judge(&client, ODD, 5, 5, None, [1, 32], FixedPoint::None);
    judge(&client, WIDE, 2, 2, Some(DROPOUT), [3, 32], FixedPoint::None);
}

#[test]
fn cells_that_were_right_count_otherwise() {
    let Some(client) = card() else { return };
    for fixed_point in [FixedPoint::Preserve, FixedPoint::Mask] {
        judge(&client, SMALL, 10, 4, Some(DROPOUT), [1, 8], fixed_point);
        judge(&client, ODD, 5, 5, None, [3, 32], fixed_point);
    }
}

/// Two cards with a part each make the step of one card, and have the same parameters to the bit.
#[test]
fn cards_share_a_step() {
    let Some(client) = card() else { return };
    let (spec, weights) = (spec(SMALL, 3, true), weights(&SMALL));
    let zeros = vec![0.0; weights.len()];
    let (clues, solutions) = puzzles(&SMALL, 10);
    let blanks = clues.iter().filter(|clue| **clue == 0).count();
    let part = |from: usize, to: usize| {
        let places = from * SMALL.cells..to * SMALL.cells;
        let (clues, solutions) = (&clues[places.clone()], &solutions[places]);
        Boards { clues, solutions, before: from, of: 10, blanks, dropout: Some(DROPOUT), earlier: None }
    };
    let new = |boards| {
        let room = Room { boards, memory: 1 << 30 };
        CardTraining::new(&client, &spec, [&weights, &zeros, &zeros], room, false).expect("sizes that fit")
    };
    let (mut alone, mut first, mut second) = (new(8), new(4), new(8));
    for k in 1..=3 {
        let update = Update { step: k, ..UPDATE };
        alone.pull(&part(0, 8)).unwrap();
        alone.pull(&part(8, 10)).unwrap();
        alone.update(&update);
        // A part that is forgotten changes nothing.
        second.pull(&part(0, 4)).unwrap();
        second.forget();
        first.pull(&part(0, 4)).unwrap();
        second.pull(&part(4, 10)).unwrap();
        let gathered = [first.gather(), second.gather()].map(|g| block_on(g).unwrap());
        let [a, b] = &gathered;
        let sum = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f32>>();
        let gradient = sum(&a.gradient, &b.gradient);
        for card in [&mut first, &mut second] {
            card.update_with(&gradient, &update).unwrap();
        }
        let watched = block_on(alone.watched()).unwrap();
        let norm = block_on(second.watched()).unwrap().squared_norm;
        let whole = block_on(alone.gradient()).unwrap();
        let (losses, gradients) = (apart(&sum(&a.losses, &b.losses), &watched.losses), apart(&gradient, &whole));
        println!("step {k}: losses {losses:.1e}, gradient {gradients:.1e}");
        assert!(losses <= 1e-5 && gradients <= 1e-4 && (norm / watched.squared_norm - 1.0).abs() < 1e-3);
        assert_eq!(sum(&a.solved, &b.solved), watched.solved);
        let [one, two, three] = [&alone, &first, &second].map(|card| block_on(card.parameters()).unwrap());
        assert_eq!(two, three);
        assert!(apart(&two[0], &one[0]) <= 1e-3, "{}", apart(&two[0], &one[0]));
    }
    assert!(first.update_with(&zeros[1..], &UPDATE).is_err());
}

/// What a step costs: `LOOPSCOPE_TIMES=width,blocks,heads,hidden,cells,digits,iterations,boards`.
#[test]
fn times() {
    let (Some(client), Ok(numbers)) = (card(), std::env::var("LOOPSCOPE_TIMES")) else { return };
    let n: Vec<usize> = numbers.split(',').map(|n| n.parse().unwrap()).collect();
    let sizes = Sizes { width: n[0], blocks: n[1], heads: n[2], hidden: n[3], cells: n[4], digits: n[5] };
    let (spec, weights) = (spec(sizes, n[6], true), weights(&sizes));
    let zeros = vec![0.0; weights.len()];
    let (clues, solutions) = puzzles(&sizes, n[7]);
    let blanks = clues.iter().filter(|clue| **clue == 0).count();
    let dropout = Some(Dropout { rate: 0.1, ..DROPOUT });
    let boards = Boards { clues: &clues, solutions: &solutions, before: 0, of: n[7], blanks, dropout, earlier: None };
    let begun = std::time::Instant::now();
    let most = n.get(8).copied().unwrap_or(n[7]);
    let mut card =
        CardTraining::new(&client, &spec, [&weights, &zeros, &zeros], Room { boards: most, memory: 1 << 30 }, false)
            .expect("sizes that fit");
    if let Some(lanes) = n.get(9) {
        card.blocks.change(usize::MAX, *lanes);
    }
    println!("{} slots, {} groups", card.blocks.slots(), card.common.groups);
    for step in 0..6 {
        let start = std::time::Instant::now();
        card.pull(&boards).unwrap();
        card.update(&UPDATE);
        let queued = start.elapsed();
        block_on(card.settle()).unwrap();
        println!("step {step}: queued {queued:?}, done {:?}, {:?} in all", start.elapsed(), begun.elapsed());
    }
}
