//! An iteration of one board as a function of the state alone, and the true recurrence.

use super::product::{Left, Panels, Put, To, multiply};
use super::real::Real;
use super::trace::{Reading, Trace};
use crate::{Changes, Linear, Model, Norm, Sizes};

/// How the two factors of every matrix product are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Products {
    /// As they are.
    #[default]
    Exact,
    /// Rounded to ten mantissa bits ([`super::tf32`]) before they are multiplied, sums in full: what a tensor core
    /// does with f32 in TF32 mode (`specs/sudoku.md` §10).
    Tf32,
}

/// The iteration map of a board (`specs/sudoku.md` §5.3),
/// f(S) = Block_L(… Block_1(S + β (softmax(S Woᵀ + bo) Wpᵀ + bp))).
///
/// The prediction is a function of the state from the first iteration on, so f continues the recurrence from
/// t ≥ 1: f(S_t) = S_{t+1}, bit for bit what [`Map::advance`] makes. Not from t = 0, where P_0 = 0 and not
/// softmax of S_0 (§1.2).
#[derive(Debug)]
pub struct Map<R> {
    pub(super) sizes: Sizes,
    pub(super) changes: Changes,
    pub(super) products: Products,
    /// We + be of every clue, [digits + 1, d].
    embedding: Vec<R>,
    pub(super) feedback: Dense<R>,
    pub(super) blocks: Vec<BlockWeights<R>>,
    pub(super) head: Dense<R>,
    /// [cells, dh / 2]
    pub(super) cos: Vec<R>,
    pub(super) sin: Vec<R>,
}

/// y = x Wᵀ + b.
#[derive(Debug)]
pub(super) struct Dense<R> {
    /// Wᵀ, [inputs, outputs].
    pub weight: Panels<R>,
    /// b, [outputs].
    pub bias: Vec<R>,
}

/// One block's weights.
#[derive(Debug)]
pub(super) struct BlockWeights<R> {
    /// Scale and shift, [d] each.
    pub norm1: [Vec<R>; 2],
    /// Queries, keys, values side by side, [d, 3 d].
    pub qkv: Dense<R>,
    pub out: Dense<R>,
    pub norm2: [Vec<R>; 2],
    pub linear1: Dense<R>,
    pub linear2: Dense<R>,
}

/// What the recurrence carries, for one board.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory<R> {
    /// t.
    pub iteration: usize,
    /// S_t, [cells, d].
    pub state: Vec<R>,
    /// P_t, [cells, digits]; zeros at t = 0.
    pub prediction: Vec<R>,
}

impl<R: Real> Map<R> {
    /// Lays out a network's weights. `changes` may scale the prediction, normalise before the head and knock heads
    /// out.
    ///
    /// Nothing where a weight does not have the size that the sizes ask for, a head's width is odd, or `changes` has a
    /// damping: a damped state does not determine the prediction, which comes from the undamped one
    /// (`specs/sudoku.md` §5.2), so the map would not be a function of the state.
    #[must_use]
    pub fn new(model: &Model, changes: &Changes) -> Option<Self> {
        Self::build(model, changes, Products::Exact)
    }

    fn build(model: &Model, changes: &Changes, products: Products) -> Option<Self> {
        let Sizes { cells, digits, width, heads, hidden, .. } = model.sizes;
        let even = width.checked_rem(heads.checked_mul(2)?) == Some(0);
        let pairs = cells * (width / heads.max(1) / 2);
        if !even || cells == 0 || digits == 0 || width == 0 || hidden == 0 || changes.damping != 1.0 {
            return None;
        }
        if model.cos.len() != pairs || model.sin.len() != pairs || model.blocks.len() != model.sizes.blocks {
            return None;
        }
        let dense = |parts: &[&Linear], inputs, outputs| Dense::new(parts, inputs, outputs, products);
        let norm = |norm: &Norm| {
            let fits = norm.scale.len() == width && norm.shift.len() == width;
            fits.then(|| [convert(norm.scale), convert(norm.shift)])
        };
        let block = |b: &crate::Block| {
            Some(BlockWeights {
                norm1: norm(&b.norm1)?,
                qkv: dense(&[&b.query, &b.key, &b.value], width, width)?,
                out: dense(&[&b.out], width, width)?,
                norm2: norm(&b.norm2)?,
                linear1: dense(&[&b.linear1], width, hidden)?,
                linear2: dense(&[&b.linear2], hidden, width)?,
            })
        };
        let Linear { weight, bias } = model.encoder;
        if weight.len() != width * (digits + 1) || bias.len() != width {
            return None;
        }
        let round = |x: R| if products == Products::Tf32 { x.to_tf32() } else { x };
        let embed = |clue: usize, o: usize| round(R::from_f32(weight[o * (digits + 1) + clue])) + R::from_f32(bias[o]);
        Some(Self {
            sizes: model.sizes,
            changes: changes.clone(),
            products,
            embedding: (0..=digits).flat_map(|clue| (0..width).map(move |o| embed(clue, o))).collect(),
            feedback: dense(&[&model.feedback], digits, width)?,
            blocks: model.blocks.iter().map(block).collect::<Option<_>>()?,
            head: dense(&[&model.head], width, digits)?,
            cos: convert(&model.cos),
            sin: convert(&model.sin),
        })
    }

    /// Sizes of the network.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Numbers of a state, cells · d: the dimension of the map.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.sizes.cells * self.sizes.width
    }

    /// S_0 = X Weᵀ + be and P_0 = 0 of a board (`specs/sudoku.md` §1.2). Nothing where `clues`, [cells], is no board of
    /// digits and 0 for blanks.
    #[must_use]
    pub fn start(&self, clues: &[u8]) -> Option<Trajectory<R>> {
        let Sizes { cells, digits, width, .. } = self.sizes;
        let board = clues.len() == cells && clues.iter().all(|clue| usize::from(*clue) <= digits);
        board.then(|| Trajectory {
            iteration: 0,
            state: clues.iter().flat_map(|c| &self.embedding[usize::from(*c) * width..][..width]).copied().collect(),
            prediction: vec![R::ZERO; cells * digits],
        })
    }

    /// Runs `count` iterations of the true recurrence (S, P) (`specs/sudoku.md` §1.2).
    ///
    /// # Panics
    /// When state and prediction are not those of a board of these sizes.
    pub fn advance(&self, at: &mut Trajectory<R>, count: usize) {
        self.check(&at.state);
        assert_eq!(at.prediction.len(), self.sizes.cells * self.sizes.digits, "the prediction of a board");
        let mut trace = Trace::new(&self.sizes);
        let mut reading = Reading::new(self);
        for _ in 0..count {
            self.mix(&mut at.state, &at.prediction);
            for index in 0..self.blocks.len() {
                self.block(index, &mut at.state, &mut trace);
            }
            self.read(&at.state, &mut reading);
            at.prediction.copy_from_slice(&reading.prediction);
            at.iteration += 1;
        }
    }

    /// f(S), [cells, d].
    ///
    /// # Panics
    /// When `state` is not that of a board.
    #[must_use]
    pub fn apply(&self, state: &[R]) -> Vec<R> {
        self.check(state);
        let mut trace = Trace::new(&self.sizes);
        let mut x = state.to_vec();
        self.mix(&mut x, &self.predict(state));
        for index in 0..self.blocks.len() {
            self.block(index, &mut x, &mut trace);
        }
        x
    }

    /// P = softmax(S Woᵀ + bo), [cells, digits]: what a state predicts.
    ///
    /// # Panics
    /// When `state` is not that of a board.
    #[must_use]
    pub fn predict(&self, state: &[R]) -> Vec<R> {
        self.check(state);
        let mut reading = Reading::new(self);
        self.read(state, &mut reading);
        reading.prediction
    }

    pub(super) fn check(&self, state: &[R]) {
        assert_eq!(state.len(), self.dimension(), "the state of a board");
    }

    /// β.
    pub(super) fn scale(&self) -> R {
        R::from_f32(self.changes.prediction_scale)
    }

    /// U = S + β (P Wpᵀ + bp), in place.
    pub(super) fn mix(&self, state: &mut [R], prediction: &[R]) {
        let Sizes { digits, width, .. } = self.sizes;
        let mut fed_back = vec![R::ZERO; state.len()];
        let prediction = self.factor(prediction);
        let to = To::whole(&mut fed_back, width, Put::Bias(&self.feedback.bias));
        multiply(Left::whole(&prediction, digits), &self.feedback.weight, to);
        let scale = self.scale();
        state.iter_mut().zip(&fed_back).for_each(|(s, f)| *s += scale * *f);
    }
}

impl Map<f32> {
    /// [`Map::new`] with a choice of how products are taken.
    #[must_use]
    pub fn with_products(model: &Model, changes: &Changes, products: Products) -> Option<Self> {
        Self::build(model, changes, products)
    }
}

impl<R: Real> Dense<R> {
    /// Maps with the same inputs side by side, each with `outputs`.
    fn new(parts: &[&Linear], inputs: usize, outputs: usize, products: Products) -> Option<Self> {
        let mut weight = Panels::new(inputs, outputs * parts.len());
        let mut bias = Vec::with_capacity(outputs * parts.len());
        for (index, part) in parts.iter().enumerate() {
            if part.bias.len() != outputs || part.weight.len() != inputs * outputs {
                return None;
            }
            weight.fill_transposed(&convert(part.weight), inputs, 0, index * outputs);
            bias.extend(convert::<R>(part.bias));
        }
        if products == Products::Tf32 {
            weight.round();
        }
        Some(Self { weight, bias })
    }
}

fn convert<R: Real>(from: &[f32]) -> Vec<R> {
    from.iter().map(|x| R::from_f32(*x)).collect()
}
