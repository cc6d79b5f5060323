//! Tangents against differences, growth rates against eigenvalues that are known otherwise.

use std::sync::Arc;

use super::*;
use crate::cpu::{Loop, Wanted};
use crate::{Changes, Model, Sizes};

mod estimates;
mod rates;

const S4: Sizes = Sizes { cells: 16, digits: 4, width: 32, blocks: 2, heads: 2, hidden: 128 };
/// Nothing here is a multiple of the width of a vector.
const ODD: Sizes = Sizes { cells: 9, digits: 3, width: 30, blocks: 3, heads: 5, hidden: 50 };
const TINY: Sizes = Sizes { cells: 4, digits: 2, width: 4, blocks: 2, heads: 2, hidden: 6 };

/// All numbers of a random network in the order of [`Model::flat`]; all but norms and tables are `gain` times as
/// large as they begin in training (`specs/sudoku.md` §1.5).
fn numbers(sizes: Sizes, seed: u64, gain: f32) -> Vec<f32> {
    let Sizes { cells, digits, width, blocks, heads: _, hidden } = sizes;
    let mut out = Vec::new();
    let mut put = |count: usize, middle: f32, around: f32| {
        let stream = out.len() as u64;
        out.extend(gaussian::<f32>(seed, stream, count).iter().map(|x| middle + around * x));
    };
    let mut part = |inputs: usize, outputs: usize| {
        let around = gain / (3.0 * inputs as f32).sqrt();
        match inputs {
            // A norm.
            0 => {
                put(outputs, 1.0, 0.2);
                put(outputs, 0.0, 0.2);
            }
            _ => {
                put(inputs * outputs, 0.0, around);
                put(outputs, 0.0, around);
            }
        }
    };
    part(digits + 1, width);
    part(digits, width);
    for _ in 0..blocks {
        part(0, width);
        (0..4).for_each(|_| part(width, width));
        part(0, width);
        part(width, hidden);
        part(hidden, width);
    }
    part(width, digits);
    let pairs = sizes.head_width() / 2;
    let angle = |i: usize| (i / pairs) as f32 * 0.3 + (i % pairs) as f32;
    out.extend((0..cells * pairs).map(|i| angle(i).cos()));
    out.extend((0..cells * pairs).map(|i| angle(i).sin()));
    out
}

fn clues(sizes: &Sizes) -> Vec<u8> {
    (0..sizes.cells).map(|i| (i * 7 % (sizes.digits + 1)) as u8).collect()
}

/// What the map allows to be changed.
fn changes(sizes: &Sizes) -> [Changes; 3] {
    let kept_heads = (0..sizes.blocks * sizes.heads).map(|i| if i % 3 == 1 { 0.0 } else { 1.0 }).collect();
    [
        Changes::default(),
        Changes { prediction_scale: 0.3, ..Changes::default() },
        Changes { kept_heads, prediction_scale: 1.5, normalise_before_head: true, ..Changes::default() },
    ]
}

fn map<R: Real>(sizes: Sizes, numbers: &[f32], changes: &Changes) -> Arc<Map<R>> {
    Arc::new(Map::new(&Model::of_flat(sizes, numbers).unwrap(), changes).unwrap())
}

/// Largest difference by the largest value.
fn difference<A: Real, B: Real>(got: &[A], want: &[B]) -> f64 {
    assert_eq!(got.len(), want.len());
    let most = want.iter().fold(0.0f64, |m, w| m.max(w.to_f64().abs()));
    got.iter().zip(want).fold(0.0f64, |m, (g, w)| m.max((g.to_f64() - w.to_f64()).abs())) / most
}

/// S_t.
fn state<R: Real>(map: &Map<R>, iterations: usize) -> Vec<R> {
    let mut at = map.start(&clues(&map.sizes())).unwrap();
    map.advance(&mut at, iterations);
    assert_eq!(at.iteration, iterations);
    at.state
}

#[test]
fn it_is_the_same_network() {
    for sizes in [S4, ODD, TINY] {
        let numbers = numbers(sizes, 1, 1.0);
        let model = Model::of_flat(sizes, &numbers).unwrap();
        let net = Loop::new(&model);
        for changes in changes(&sizes) {
            let map = map::<f32>(sizes, &numbers, &changes);
            let (mut at, mut want) = (map.start(&clues(&sizes)).unwrap(), net.start(&clues(&sizes)));
            assert_eq!((&at.state, &at.prediction), (&want.state, &want.prediction));
            for t in 1..=8 {
                let from = at.clone();
                map.advance(&mut at, 1);
                net.advance(&mut want, 1, &changes, Wanted::default(), 1);
                assert!(difference(&at.state, &want.state) < 1e-5, "state {t} {sizes:?} {changes:?}");
                assert!(difference(&at.prediction, &want.prediction) < 1e-5, "prediction {t} {sizes:?} {changes:?}");
                assert_eq!(map.predict(&at.state), at.prediction);
                // P_0 is zero and no function of S_0; after that the map goes on as the loop does.
                assert_eq!(map.apply(&from.state) == at.state, t > 1, "{t} {sizes:?} {changes:?}");
            }
        }
    }
}

#[test]
fn what_is_no_network_is_refused() {
    let numbers = numbers(TINY, 1, 1.0);
    let model = Model::of_flat(TINY, &numbers).unwrap();
    let refused = |model: &Model, changes: &Changes| Map::<f64>::new(model, changes).is_none();
    assert!(!refused(&model, &Changes::default()));
    assert!(refused(&model, &Changes { damping: 0.5, ..Changes::default() }));
    let mut other = model.clone();
    other.sizes.hidden = 7;
    assert!(refused(&other, &Changes::default()));
    other.sizes = Sizes { heads: 4, ..TINY };
    assert!(refused(&other, &Changes::default()));
    let map = map::<f64>(TINY, &numbers, &Changes::default());
    assert!(map.start(&[0, 1, 2]).is_none());
    assert!(map.start(&[0, 1, 2, 3]).is_none());
    assert!(map.start(&[0, 1, 2, 0]).is_some());
}

/// (f(S + ε v) − f(S − ε v)) / 2 ε with the error of order ε² taken out by a second ε.
fn central(map: &Map<f64>, state: &[f64], v: &[f64]) -> Vec<f64> {
    let at = |epsilon: f64| {
        let to = |e: f64| map.apply(&state.iter().zip(v).map(|(s, v)| s + e * v).collect::<Vec<_>>());
        to(epsilon).iter().zip(to(-epsilon)).map(|(a, b)| (a - b) / (2.0 * epsilon)).collect::<Vec<_>>()
    };
    at(1e-5).iter().zip(at(2e-5)).map(|(fine, coarse)| (4.0 * fine - coarse) / 3.0).collect()
}

#[test]
fn tangents_agree_with_differences() {
    for (sizes, gain) in [(S4, 1.0), (S4, 2.5), (ODD, 1.5), (TINY, 2.0)] {
        let numbers = numbers(sizes, 5, gain);
        for changes in changes(&sizes) {
            let map = map::<f64>(sizes, &numbers, &changes);
            let size = map.dimension();
            for t in [1, 7] {
                let state = state(&map, t);
                let vectors = gaussian::<f64>(3, t as u64, 3 * size);
                let got = map.tangent(&state, &vectors);
                for (v, got) in vectors.chunks_exact(size).zip(got.chunks_exact(size)) {
                    let error = difference(got, &central(&map, &state, v));
                    assert!(error < 1e-7, "{error} at {t} of {sizes:?} {changes:?}");
                }
            }
        }
    }
}

#[test]
fn tangents_are_linear_and_alike_in_both_types() {
    for sizes in [S4, ODD] {
        let numbers = numbers(sizes, 9, 1.5);
        let (exact, single) =
            (map::<f64>(sizes, &numbers, &changes(&sizes)[2]), map(sizes, &numbers, &changes(&sizes)[2]));
        let state = state(&exact, 4);
        let at = Linearised::new(&exact, &state);
        assert_eq!(at.image(), exact.apply(&state));
        let size = exact.dimension();
        let vectors = gaussian::<f64>(1, 0, 2 * size);
        let (u, v) = vectors.split_at(size);
        let sum: Vec<f64> = u.iter().zip(v).map(|(u, v)| 2.0 * u - 3.0 * v).collect();
        let got = at.apply(&vectors);
        let want: Vec<f64> = got[..size].iter().zip(&got[size..]).map(|(u, v)| 2.0 * u - 3.0 * v).collect();
        assert!(difference(&at.apply(&sum), &want) < 1e-12);
        // Several at once are the same as one after the other, bit for bit.
        assert_eq!([at.apply(u), at.apply(v)].concat(), got);
        let narrow = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<_>>();
        let rough = single.tangent(&narrow(&state), &narrow(&vectors));
        assert!(difference(&rough, &got) < 1e-4, "{}", difference(&rough, &got));
    }
}
