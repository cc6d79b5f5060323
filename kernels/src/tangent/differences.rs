//! The published estimator of a spectral radius, which differences and rounding dominate.

use std::sync::Arc;

use super::growth::{Rate, unit};
use super::map::Map;
use super::random::gaussian;
use super::real::Real;
use super::rows::long_dot;
use super::trace::Trace;

/// How a difference is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// ε: length of the difference over the whole board.
    pub epsilon: f64,
    /// Of the random vector at the start.
    pub seed: u64,
}

impl Difference {
    /// ε = 1e-3, as published for f32 (`specs/sudoku.md` §5.3).
    #[must_use]
    pub fn published(seed: u64) -> Self {
        Self { epsilon: 1e-3, seed }
    }

    /// ε = 1e-6, which f64 allows (`specs/sudoku.md` §10).
    #[must_use]
    pub fn fine(seed: u64) -> Self {
        Self { epsilon: 1e-6, seed }
    }
}

/// Power iteration by finite differences (`specs/sudoku.md` §5.3): from a random v of unit length over the whole
/// board, w = (f(S + ε v) − f(S)) / ε, σ = |w| / |v|, v = w / |w|, again and again.
///
/// In f32, and far more with rounded products ([`super::Products::Tf32`]), what comes out is the noise of the
/// difference and no growth rate: that is what it is here to show.
#[derive(Debug)]
pub struct FiniteDifferences<R> {
    map: Arc<Map<R>>,
    epsilon: R,
    /// S, [cells, d].
    state: Vec<R>,
    /// f(S), once it is known.
    image: Option<Vec<R>>,
    v: Vec<R>,
    /// S or S + ε v on its way through the network.
    x: Vec<R>,
    trace: Trace<R>,
    /// The next block; 0 where x is still to be set.
    stage: usize,
    logs: Vec<f64>,
}

impl<R: Real> FiniteDifferences<R> {
    /// Draws v for a state S, [cells, d]; computes nothing yet.
    ///
    /// # Panics
    /// When `state` is not that of a board.
    #[must_use]
    pub fn new(map: &Arc<Map<R>>, state: &[R], difference: Difference) -> Self {
        map.check(state);
        let mut v = gaussian(difference.seed, 0, map.dimension());
        unit(&mut v);
        Self {
            epsilon: R::from_f64(difference.epsilon),
            state: state.to_vec(),
            image: None,
            v,
            x: Vec::new(),
            trace: Trace::new(&map.sizes),
            stage: 0,
            logs: Vec::new(),
            map: Arc::clone(map),
        }
    }

    /// Does a part of a step, at most one block. Says whether that was the last part of the step.
    pub fn part(&mut self) -> bool {
        let blocks = self.map.blocks.len();
        if self.stage == 0 {
            self.x.clone_from(&self.state);
            if self.image.is_some() {
                self.x.iter_mut().zip(&self.v).for_each(|(x, v)| *x += self.epsilon * *v);
            }
            let prediction = self.map.predict(&self.x);
            self.map.mix(&mut self.x, &prediction);
        } else {
            self.map.block(self.stage - 1, &mut self.x, &mut self.trace);
        }
        self.stage += 1;
        if self.stage <= blocks {
            return false;
        }
        self.stage = 0;
        let Some(image) = &self.image else {
            self.image = Some(std::mem::take(&mut self.x));
            return false;
        };
        let before = long_dot(&self.v, &self.v).sqrt();
        for ((v, x), image) in self.v.iter_mut().zip(&self.x).zip(image) {
            *v = (*x - *image) / self.epsilon;
        }
        // Without any difference left v stays 0, and all factors after this one are not numbers.
        self.logs.push((unit(&mut self.v) / before).ln());
        true
    }

    /// Does a whole step, or the rest of one that has begun. Returns σ.
    pub fn step(&mut self) -> f64 {
        while !self.part() {}
        self.logs.last().map_or(f64::NAN, |log| log.exp())
    }

    /// Logarithms of all σ so far.
    #[must_use]
    pub fn logs(&self) -> &[f64] {
        &self.logs
    }

    /// The last σ, which is what was published, and the geometric mean of all but the first `burn_in`.
    #[must_use]
    pub fn rate(&self, burn_in: usize) -> Rate {
        Rate::of(self.logs.get(burn_in..).unwrap_or_default())
    }
}
