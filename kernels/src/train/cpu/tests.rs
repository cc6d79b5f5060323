use super::*;
use crate::Sizes;
use crate::tangent::gaussian;
use crate::train::oracle::{differences, loss, relative_error, sample};
use crate::train::{Earlier, FixedPoint, philox4x32};

const SMALL: Sizes = Sizes { cells: 16, digits: 4, width: 16, blocks: 2, heads: 2, hidden: 32 };
/// No width is a whole vector.
const ODD: Sizes = Sizes { cells: 9, digits: 3, width: 6, blocks: 2, heads: 3, hidden: 10 };
/// Heads of more than a panel, and panels with an odd vector after them.
const WIDE: Sizes = Sizes { cells: 20, digits: 9, width: 40, blocks: 1, heads: 2, hidden: 24 };

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
fn weights(sizes: &Sizes, seed: u64) -> Vec<f32> {
    let layout = Layout::new(sizes);
    let bound = 0.7 / (sizes.width as f32).sqrt();
    let mut weights: Vec<f32> = gaussian(seed, 1, layout.total);
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

const DROPOUT: Dropout = Dropout { rate: 0.2, seed: 77, stream: 4, step: 5 };

fn all<'a>(clues: &'a [u8], solutions: &'a [u8], cells: usize, dropout: Option<Dropout>) -> Boards<'a> {
    let blanks = clues.iter().filter(|clue| **clue == 0).count().max(1);
    Boards { clues, solutions, before: 0, of: clues.len() / cells, blanks, dropout, earlier: None }
}

/// The boards from `from` on.
fn part<'a>(boards: &Boards<'a>, cells: usize, from: usize, to: usize) -> Boards<'a> {
    let places = from * cells..to * cells;
    Boards { clues: &boards.clues[places.clone()], solutions: &boards.solutions[places], before: from, ..*boards }
}

fn mean(losses: &[f32]) -> f64 {
    losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / losses.len() as f64
}

fn judge(sizes: Sizes, boards: usize, each: usize, dropout: Option<Dropout>, fixed_point: FixedPoint) {
    judge_from(sizes, boards, each, dropout, fixed_point, false);
}

/// With `carries` every other board goes on from somewhere.
fn judge_from(
    sizes: Sizes,
    boards: usize,
    each: usize,
    dropout: Option<Dropout>,
    fixed_point: FixedPoint,
    carries: bool,
) {
    let carries_of = if carries { boards + 2 } else { 0 };
    let spec = Spec { fixed_point, carries: carries_of, ..spec(sizes, 3, dropout.is_some()) };
    let (layout, weights) = (Layout::new(&sizes), weights(&sizes, 9));
    let (clues, solutions) = puzzles(&sizes, boards + 2);
    // Not the first of the batch.
    let rows = boards * sizes.cells;
    let goes_on: Vec<bool> = (0..boards).map(|b| b.is_multiple_of(2)).collect();
    let (states, predictions): (Vec<f32>, Vec<f32>) =
        (gaussian(13, 4, rows * sizes.width), gaussian(13, 5, rows * sizes.digits));
    let earlier = Earlier { goes_on: &goes_on, states: &states, predictions: &predictions };
    let boards = Boards {
        earlier: carries.then_some(earlier),
        ..part(&all(&clues, &solutions, sizes.cells, dropout), sizes.cells, 1, boards + 1)
    };
    let pulled = pull(&spec, &weights, &boards);
    let wide: Vec<f64> = weights.iter().map(|w| f64::from(*w)).collect();
    let (got, want) = (mean(&pulled.losses), loss(&spec, &wide, &boards));
    assert!((got - want).abs() <= 1e-6 * want, "loss {got} {want}");
    let mut worst = ("", 0.0);
    let samples = sample(&layout, &sizes, each, 1);
    for (name, indices) in &samples {
        let analytic: Vec<f32> = indices.iter().map(|i| pulled.gradient[*i]).collect();
        let error = relative_error(&analytic, &differences(&spec, &weights, &boards, indices, 2));
        assert!(error.whole <= 1e-4 && error.worst <= 1e-4, "{name}: {error:?}");
        if error.whole > worst.1 {
            worst = (name, error.whole);
        }
    }
    println!(
        "{sizes:?}, dropout {}, {fixed_point:?}: loss {want:.6} off by {:.1e}, worst tensor {worst:?}",
        dropout.is_some(),
        got - want
    );
}

#[test]
fn boards_go_on_where_they_were_left() {
    judge_from(SMALL, 6, 60, None, FixedPoint::None, true);
    judge_from(ODD, 20, 60, Some(DROPOUT), FixedPoint::Preserve, true);
    // Twice three iterations are six.
    let (short, weights) = (Spec { carries: 5, ..spec(ODD, 3, false) }, weights(&ODD, 9));
    let (clues, solutions) = puzzles(&ODD, 5);
    let boards = all(&clues, &solutions, ODD.cells, None);
    let first = pull(&short, &weights, &boards);
    let [states, predictions] = &first.ends;
    let earlier = Some(Earlier { goes_on: &[true; 5], states, predictions });
    let second = pull(&short, &weights, &Boards { earlier, ..boards });
    let whole = pull(&Spec { carries: 5, ..spec(ODD, 6, false) }, &weights, &boards);
    assert_eq!([first.losses, second.losses].concat(), whole.losses);
    assert_eq!(second.ends, whole.ends);
}

#[test]
fn the_gradient_is_that_of_the_differences() {
    for dropout in [None, Some(DROPOUT)] {
        judge(SMALL, 2, 200, dropout, FixedPoint::None);
    }
}

#[test]
fn the_gradient_of_odd_sizes_is_that_of_the_differences() {
    for sizes in [ODD, WIDE] {
        for dropout in [None, Some(DROPOUT)] {
            judge(sizes, 2, 60, dropout, FixedPoint::None);
        }
    }
}

#[test]
fn cells_that_were_right_count_otherwise() {
    let (clues, solutions) = puzzles(&SMALL, 3);
    let losses = [FixedPoint::None, FixedPoint::Preserve, FixedPoint::Mask].map(|fixed_point| {
        judge(SMALL, 2, 120, Some(DROPOUT), fixed_point);
        judge(ODD, 2, 60, None, fixed_point);
        let spec = Spec { fixed_point, ..spec(SMALL, 3, true) };
        pull(&spec, &weights(&SMALL, 9), &all(&clues, &solutions, SMALL.cells, None)).losses
    });
    let [none, preserve, mask] = losses;
    // Nothing comes before the first iteration; after it what counts twice and what counts nothing are the same cells.
    assert!(none[0] == preserve[0] && none[0] == mask[0]);
    for t in 1..3 {
        assert!(preserve[t] > none[t] && none[t] > mask[t] && mask[t] > 0.0);
        assert!((preserve[t] + mask[t] - 2.0 * none[t]).abs() < 1e-5 * none[t]);
    }
}

/// Largest difference by largest value.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0f32, |most, v| most.max(v.abs()));
    largest(&mut a.iter().zip(b).map(|(a, b)| a - b)) / largest(&mut b.iter().copied())
}

#[test]
fn parts_add_up_and_nothing_depends_on_chance() {
    for (sizes, dropout) in [(SMALL, None), (SMALL, Some(DROPOUT)), (ODD, Some(DROPOUT))] {
        let (spec, weights) = (spec(sizes, 3, true), weights(&sizes, 5));
        let (clues, solutions) = puzzles(&sizes, 21);
        let boards = all(&clues, &solutions, sizes.cells, dropout);
        let whole = pull(&spec, &weights, &boards);
        assert_eq!(whole, pull(&spec, &weights, &boards));
        let parts = [(0, 8), (8, 21)].map(|(from, to)| pull(&spec, &weights, &part(&boards, sizes.cells, from, to)));
        let sum = |of: fn(&Pulled) -> &Vec<f32>| -> Vec<f32> {
            of(&parts[0]).iter().zip(of(&parts[1])).map(|(a, b)| a + b).collect()
        };
        assert!(apart(&sum(|p| &p.losses), &whole.losses) < 1e-6);
        assert!(apart(&sum(|p| &p.gradient), &whole.gradient) < 1e-5);
        assert_eq!(sum(|p| &p.solved), whole.solved);
    }
}

#[test]
fn vectors_change_rounding_alone() {
    for sizes in [SMALL, ODD, WIDE] {
        let (spec, weights) = (spec(sizes, 3, true), weights(&sizes, 5));
        let (clues, solutions) = puzzles(&sizes, 3);
        let boards = all(&clues, &solutions, sizes.cells, Some(DROPOUT));
        let with = pull(&spec, &weights, &boards);
        let without = pull_with(pulp::Scalar::new(), Pull { spec: &spec, weights: &weights, boards: &boards });
        assert!(apart(&with.losses, &without.losses) < 1e-6);
        assert!(apart(&with.gradient, &without.gradient) < 1e-5);
    }
}

/// A network without blocks' influence whose head says the clue's digit.
#[test]
fn boards_are_solved_when_every_empty_cell_is_right() {
    let sizes = Sizes { cells: 4, digits: 2, width: 2, blocks: 1, heads: 1, hidden: 2 };
    let spec = spec(sizes, 2, false);
    let layout = Layout::new(&sizes);
    let mut weights = vec![0.0; layout.total];
    // Both logits are equal: the first digit counts.
    let solved = |weights: &[f32], solutions: &[u8]| {
        pull(&spec, weights, &all(&[0, 1, 2, 0, 0, 0, 0, 0], solutions, 4, None)).solved
    };
    assert_eq!(solved(&weights, &[1, 2, 2, 1, 1, 1, 1, 2]), [1.0, 1.0]);
    // What is not known does not count.
    assert_eq!(solved(&weights, &[1, 2, 2, 0, 1, 0, 1, 0]), [2.0, 2.0]);
    weights[layout.head.bias + 1] = 1.0;
    assert_eq!(solved(&weights, &[2, 1, 1, 2, 1, 1, 1, 1]), [1.0, 1.0]);
    assert_eq!(solved(&weights, &[1; 8]), [0.0, 0.0]);
}

/// The first lines of `tests/reference/adamw.json`'s rule, by hand in double precision.
#[test]
fn an_update_is_adamw() {
    let by = crate::train::Update { step: 3, lr: 1e-2, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.01 };
    let (mut p, mut m, mut v) = (vec![0.5f32, -2.0, 0.0], vec![0.1f32, -0.2, 0.0], vec![0.04f32, 0.01, 0.0]);
    let gradient = [0.3f32, -0.05, 1e-3];
    let want: Vec<[f64; 3]> = (0..3)
        .map(|i| {
            let g = f64::from(gradient[i]);
            let m = 0.9 * f64::from(m[i]) + 0.1 * g;
            let v = 0.95 * f64::from(v[i]) + 0.05 * g * g;
            let root = v.sqrt() / (1.0 - 0.95f64.powi(3)).sqrt() + 1e-8;
            [f64::from(p[i]) * (1.0 - 1e-4) - 1e-2 / (1.0 - 0.9f64.powi(3)) * m / root, m, v]
        })
        .collect();
    update(&mut p, &mut m, &mut v, &gradient, &by);
    for (i, want) in want.iter().enumerate() {
        for (got, want) in [p[i], m[i], v[i]].into_iter().zip(want) {
            assert!((f64::from(got) - want).abs() <= 1e-6 * want.abs().max(1e-3), "{got} {want}");
        }
    }
}
