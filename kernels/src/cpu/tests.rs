//! The loop against a plain one in double precision, and against itself on other numbers of threads.

use super::threads::{Meeting, cost, shares};
use super::{Iterations, Loop, Processor, State, Wanted};
use crate::{Block, Changes, Linear, Model, Norm, Sizes};

const S4: Sizes = Sizes { cells: 16, digits: 4, width: 32, blocks: 2, heads: 2, hidden: 128 };
const S6: Sizes = Sizes { cells: 36, digits: 6, width: 64, blocks: 2, heads: 4, hidden: 256 };
const S9: Sizes = Sizes { cells: 81, digits: 9, width: 128, blocks: 4, heads: 4, hidden: 512 };
/// Nothing here is a multiple of the width of a vector.
const ODD: Sizes = Sizes { cells: 9, digits: 3, width: 30, blocks: 3, heads: 5, hidden: 150 };
const NARROW: Sizes = Sizes { cells: 25, digits: 5, width: 24, blocks: 2, heads: 4, hidden: 20 };

/// Small numbers that are always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn vector(&mut self, len: usize, middle: f32, around: f32) -> Vec<f32> {
        let unit = |r: u64| r as f32 / (1u64 << 30) as f32 - 1.0;
        (0..len).map(|_| middle + around * unit(self.next())).collect()
    }

    fn clues(&mut self, sizes: &Sizes, boards: usize) -> Vec<u8> {
        (0..boards * sizes.cells).map(|_| (self.next() % (sizes.digits as u64 + 1)) as u8).collect()
    }
}

/// The weights of a random network: pairs of weight and bias.
struct Weights {
    sizes: Sizes,
    pairs: Vec<(Vec<f32>, Vec<f32>)>,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Weights {
    fn new(sizes: Sizes, seed: u64) -> Self {
        let Sizes { cells, digits, width: d, blocks, hidden, .. } = sizes;
        let mut random = Random(seed);
        let mut pairs = Vec::new();
        let mut linear = |inputs: usize, outputs: usize| {
            let bound = 1.0 / (inputs as f32).sqrt();
            (random.vector(inputs * outputs, 0.0, bound), random.vector(outputs, 0.0, bound))
        };
        pairs.extend([linear(digits + 1, d), linear(digits, d), linear(d, digits)]);
        for _ in 0..blocks {
            pairs.extend([
                linear(d, d),
                linear(d, d),
                linear(d, d),
                linear(d, d),
                linear(d, hidden),
                linear(hidden, d),
            ]);
        }
        for _ in 0..2 * blocks {
            pairs.push((random.vector(d, 1.0, 0.3), random.vector(d, 0.0, 0.3)));
        }
        let side = cells.isqrt();
        let half = (sizes.head_width() / 4).max(1);
        let angle = |i: usize| {
            let (cell, pair) = (i / (sizes.head_width() / 2), i % (sizes.head_width() / 2));
            let (place, j) = if pair < half { (cell / side, pair) } else { (cell % side, pair - half) };
            place as f64 * 10f64.powf(-(j as f64) / half as f64)
        };
        let table = |of: fn(f64) -> f64| (0..cells * sizes.head_width() / 2).map(|i| of(angle(i)) as f32).collect();
        Self { sizes, pairs, cos: table(f64::cos), sin: table(f64::sin) }
    }

    fn model(&self) -> Model<'_> {
        let linear = |i: usize| Linear { weight: &self.pairs[i].0, bias: &self.pairs[i].1 };
        let norm = |i: usize| {
            let (scale, shift) = &self.pairs[3 + 6 * self.sizes.blocks + i];
            Norm { scale, shift }
        };
        let block = |b: usize| Block {
            norm1: norm(2 * b),
            query: linear(3 + 6 * b),
            key: linear(4 + 6 * b),
            value: linear(5 + 6 * b),
            out: linear(6 + 6 * b),
            norm2: norm(2 * b + 1),
            linear1: linear(7 + 6 * b),
            linear2: linear(8 + 6 * b),
        };
        Model {
            sizes: self.sizes,
            encoder: linear(0),
            feedback: linear(1),
            blocks: (0..self.sizes.blocks).map(block).collect(),
            head: linear(2),
            cos: self.cos.clone(),
            sin: self.sin.clone(),
        }
    }
}

type Rows = Vec<Vec<f64>>;

fn apply(linear: &Linear, x: &Rows) -> Rows {
    let dot = |row: &[f64], o: usize| {
        let weights = &linear.weight[o * linear.inputs()..(o + 1) * linear.inputs()];
        row.iter().zip(weights).map(|(x, w)| x * f64::from(*w)).sum::<f64>() + f64::from(linear.bias[o])
    };
    x.iter().map(|row| (0..linear.outputs()).map(|o| dot(row, o)).collect()).collect()
}

fn normalise(norm: Option<&Norm>, x: &Rows) -> Rows {
    let row = |x: &Vec<f64>| {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let deviation = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n + 1e-5).sqrt();
        let of = |(i, x): (usize, &f64)| {
            let (scale, shift) = norm.map_or((1.0, 0.0), |n| (f64::from(n.scale[i]), f64::from(n.shift[i])));
            (x - mean) / deviation * scale + shift
        };
        x.iter().enumerate().map(of).collect()
    };
    x.iter().map(row).collect()
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let highest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = x.iter().map(|x| (x - highest).exp()).collect();
    powers.iter().map(|p| p / powers.iter().sum::<f64>()).collect()
}

fn add(to: &mut Rows, what: &Rows, scale: f64) {
    for (to, what) in to.iter_mut().flatten().zip(what.iter().flatten()) {
        *to += what * scale;
    }
}

/// One block on one board.
fn block(model: &Model, index: usize, changes: &Changes, x: &mut Rows) {
    let (sizes, block) = (&model.sizes, &model.blocks[index]);
    let (dh, half) = (sizes.head_width(), sizes.head_width() / 2);
    let a = normalise(Some(&block.norm1), x);
    let turn = |mut rows: Rows| {
        for (cell, row) in rows.iter_mut().enumerate() {
            for pair in 0..sizes.width / 2 {
                let at = cell * half + pair % half;
                let (cos, sin) = (f64::from(model.cos[at]), f64::from(model.sin[at]));
                let (u, w) = (row[2 * pair], row[2 * pair + 1]);
                (row[2 * pair], row[2 * pair + 1]) = (u * cos - w * sin, u * sin + w * cos);
            }
        }
        rows
    };
    let (q, k, v) = (turn(apply(&block.query, &a)), turn(apply(&block.key, &a)), apply(&block.value, &a));
    let mut o = vec![vec![0.0; sizes.width]; sizes.cells];
    for head in (0..sizes.heads).filter(|head| changes.keeps(sizes, index, *head)) {
        let own = head * dh..(head + 1) * dh;
        for (q, o) in q.iter().zip(&mut o) {
            let dot = |k: &Vec<f64>| own.clone().map(|i| q[i] * k[i]).sum::<f64>() / (dh as f64).sqrt();
            let weights = softmax(&k.iter().map(dot).collect::<Vec<_>>());
            for i in own.clone() {
                o[i] = weights.iter().zip(&v).map(|(weight, v)| weight * v[i]).sum();
            }
        }
    }
    add(x, &apply(&block.out, &o), 1.0);
    let mut hidden = apply(&block.linear1, &normalise(Some(&block.norm2), x));
    hidden.iter_mut().flatten().for_each(|h| *h = h.max(0.0));
    add(x, &apply(&block.linear2, &hidden), 1.0);
}

/// Logits, probabilities, carried states and their squares of one board at every iteration.
fn plainly(model: &Model, clues: &[u8], count: usize, changes: &Changes) -> [Vec<f64>; 4] {
    let one_hot = |clue: &u8| (0..=model.sizes.digits).map(|i| f64::from(u8::from(i == usize::from(*clue)))).collect();
    let mut state = apply(&model.encoder, &clues.iter().map(one_hot).collect());
    let mut prediction = vec![vec![0.0; model.sizes.digits]; clues.len()];
    let mut out = [const { Vec::new() }; 4];
    for _ in 0..count {
        let mut x = state.clone();
        add(&mut x, &apply(&model.feedback, &prediction), f64::from(changes.prediction_scale));
        for index in 0..model.blocks.len() {
            block(model, index, changes, &mut x);
        }
        let read = if changes.normalise_before_head { normalise(None, &x) } else { x.clone() };
        let logits = apply(&model.head, &read);
        prediction = logits.iter().map(|row| softmax(row)).collect();
        let mut new = vec![vec![0.0; model.sizes.width]; clues.len()];
        add(&mut new, &x, f64::from(changes.damping));
        add(&mut new, &state, 1.0 - f64::from(changes.damping));
        let squares = |of: fn(f64, f64) -> f64| {
            new.iter().zip(&state).map(move |(n, o)| n.iter().zip(o).map(|(n, o)| of(*n, *o).powi(2)).sum::<f64>())
        };
        out[0].extend(logits.iter().flatten());
        out[1].extend(prediction.iter().flatten());
        out[2].extend(new.iter().flatten());
        out[3].extend(squares(|n, _| n).chain(squares(|n, o| n - o)).chain(squares(|_, o| o)));
        state = new;
    }
    out
}

/// Largest difference by the largest value.
fn difference(got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let most = want.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    got.iter().zip(want).fold(0.0f64, |m, (g, w)| m.max((f64::from(*g) - w).abs())) / most
}

const ALL: Wanted = Wanted { logits: true, states: true };

fn run(net: &Loop, clues: &[u8], count: usize, changes: &Changes, threads: usize) -> (State, Iterations) {
    let mut at = net.start(clues);
    let out = net.advance(&mut at, count, changes, ALL, threads);
    (at, out)
}

fn changes(sizes: &Sizes) -> Vec<Changes> {
    let kept_heads = (0..sizes.blocks * sizes.heads).map(|i| if i % 3 == 1 { 0.0 } else { 1.0 }).collect();
    vec![
        Changes::default(),
        Changes { damping: 0.7, ..Changes::default() },
        Changes { prediction_scale: 0.3, ..Changes::default() },
        Changes { normalise_before_head: true, ..Changes::default() },
        Changes { kept_heads, damping: 0.5, prediction_scale: 1.5, normalise_before_head: true },
    ]
}

/// Compares a loop with the plain one, for all changes.
fn compare(processor: Processor, sizes: Sizes, count: usize) {
    let weights = Weights::new(sizes, 7);
    let (model, net) = (weights.model(), Loop::on(processor, &weights.model()));
    let clues = Random(3).clues(&sizes, 1);
    for changes in changes(&sizes) {
        let [logits, probabilities, states, squares] = plainly(&model, &clues, count, &changes);
        let (at, out) = run(&net, &clues, count, &changes, 2);
        let what = format!("{sizes:?} {changes:?}");
        assert!(difference(&out.logits, &logits) < 1e-5, "logits {what}: {}", difference(&out.logits, &logits));
        assert!(difference(&out.probabilities, &probabilities) < 1e-4, "probabilities {what}");
        assert!(difference(&out.states, &states) < 1e-5, "states {what}");
        assert!(difference(&out.squares, &squares) < 1e-5, "squares {what}");
        assert_eq!(at.state, out.states[out.states.len() - at.state.len()..]);
        assert_eq!(at.prediction, out.probabilities[out.probabilities.len() - at.prediction.len()..]);
    }
}

#[test]
fn agrees_with_double_precision() {
    for (sizes, count) in [(S4, 16), (S6, 16), (ODD, 16), (NARROW, 16), (S9, 2)] {
        compare(Processor::find(), sizes, count);
    }
}

#[test]
fn agrees_without_vectors() {
    for sizes in [S4, ODD] {
        compare(Processor { arch: pulp::Arch::Scalar }, sizes, 5);
    }
}

#[test]
fn threads_boards_and_pauses_change_nothing() {
    for (sizes, count) in [(S4, 5), (S6, 3), (ODD, 5), (NARROW, 3), (S9, 3)] {
        let net = Loop::new(&Weights::new(sizes, 11).model());
        let some = if sizes == S9 { 4.. } else { 0.. };
        for changes in &changes(&sizes)[some] {
            for boards in [1, 2, 3, 5] {
                let clues = Random(boards as u64).clues(&sizes, boards);
                let (at, out) = run(&net, &clues, count, changes, 1);
                for threads in [2, 3, 7] {
                    assert!(
                        run(&net, &clues, count, changes, threads) == (at.clone(), out.clone()),
                        "{threads} threads"
                    );
                }
                let mut halfway = net.start(&clues);
                let first = net.advance(&mut halfway, 1, changes, ALL, 2);
                let rest = net.advance(&mut halfway, count - 1, changes, ALL, 2);
                assert_eq!(halfway, at);
                assert_eq!([first.probabilities, rest.probabilities].concat(), out.probabilities);
                // The last board by itself.
                let (alone, _) = run(&net, &clues[(boards - 1) * sizes.cells..], count, changes, 2);
                assert_eq!(alone.state, at.state[at.state.len() - alone.state.len()..]);
            }
        }
    }
}

#[test]
fn rows_go_to_who_is_quick() {
    let ends = |paces: &[f64]| shares(81, &paces.to_vec()).iter().map(|rows| rows.end).collect::<Vec<_>>();
    assert_eq!(ends(&[1.0]), [81]);
    assert_eq!(ends(&[5e4, 5e4]), [41, 81]);
    // Whole tiles, because a tile of one row costs as much as one of four.
    assert_eq!(cost(54), 54.0);
    assert_eq!(ends(&[2e5, 1e5]), [54, 81]);
    assert_eq!(ends(&[1.0, 1e-9, 1e9]), [1, 2, 81]);
    assert_eq!(shares(3, &vec![1e9, 1.0, 1.0]), [0..1, 1..2, 2..3]);
    // Rows that change hands on the way.
    for sizes in [S4, ODD, S6] {
        let net = Loop::new(&Weights::new(sizes, 3).model());
        let clues = Random(2).clues(&sizes, 1);
        let alone = run(&net, &clues, 6, &Changes::default(), 1);
        for paces in [[4e5, 1e5], [1e5, 9e5]] {
            let meeting = Meeting::new(&net.packed.layout, 2);
            meeting.tell_pace(0, paces[0]);
            meeting.tell_pace(1, paces[1]);
            *net.meeting.lock().unwrap() = Some(meeting);
            assert!(run(&net, &clues, 6, &Changes::default(), 2) == alone);
        }
    }
}

#[test]
fn a_knocked_out_head_is_gone_even_where_it_is_infinite() {
    let mut weights = Weights::new(S4, 5);
    // The first head's values of the first block.
    weights.pairs[5].1[..16].fill(f32::INFINITY);
    let net = Loop::new(&weights.model());
    let clues = Random(1).clues(&S4, 1);
    let (_, whole) = run(&net, &clues, 1, &Changes::default(), 1);
    assert!(whole.logits.iter().all(|z| !z.is_finite()));
    let changes = Changes { kept_heads: vec![0.0, 1.0, 1.0, 1.0], ..Changes::default() };
    let (_, out) = run(&net, &clues, 3, &changes, 2);
    assert!(out.logits.iter().all(|z| z.is_finite()));
}

#[test]
fn what_is_not_a_number_does_not_stay() {
    for sizes in [S4, ODD] {
        let net = Loop::new(&Weights::new(sizes, 5).model());
        let clues = Random(1).clues(&sizes, 3);
        let before = run(&net, &clues, 3, &Changes::default(), 2);
        let mut at = net.start(&clues);
        at.state.fill(f32::INFINITY);
        let lost = net.advance(&mut at, 2, &Changes::default(), ALL, 2);
        assert!(lost.probabilities.iter().chain(&lost.logits).all(|p| p.is_nan()));
        assert!(run(&net, &clues, 3, &Changes::default(), 2) == before);
    }
}

#[test]
fn nothing_wanted_nothing_kept() {
    let net = Loop::new(&Weights::new(S4, 5).model());
    let mut at = net.start(&[0; 32]);
    assert_eq!((at.boards, at.state.len(), at.prediction.len()), (2, 32 * 32, 32 * 4));
    let before = at.clone();
    let out = net.advance(&mut at, 0, &Changes::default(), ALL, 2);
    assert_eq!((at, out), (before, Iterations::default()));
    let mut none = net.start(&[]);
    let out = net.advance(&mut none, 3, &Changes::default(), Wanted::default(), 2);
    assert_eq!(out, Iterations { count: 3, ..Iterations::default() });
}
