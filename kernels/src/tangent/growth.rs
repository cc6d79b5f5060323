//! Growth rates at a frozen state and Lyapunov exponents along the trajectory, by power iteration.

use std::sync::Arc;

use super::linear::Linearised;
use super::map::Map;
use super::random::gaussian;
use super::real::Real;
use super::rows::long_dot;

/// How several vectors are kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vectors {
    /// Not at all: each is scaled to unit length alone, so that all grow at the leading rate in the end. How well they
    /// agree tells whether they are there.
    #[default]
    Independent,
    /// They are made orthonormal after every step (modified Gram–Schmidt, twice): they grow at the several leading
    /// rates, the geometric means of the diagonal of R in J Q = Q' R.
    Orthonormal,
}

/// Which Jacobians are multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Along {
    /// J at one state, over and over: |eigenvalues| (`specs/sudoku.md` §10).
    #[default]
    Frozen,
    /// J at S_t, S_{t+1}, …: Lyapunov exponents. The state must be of an iteration t ≥ 1 ([`Map`]).
    Moving,
}

/// What is measured, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Number of vectors; no more than the map has dimensions.
    pub vectors: usize,
    /// How they are kept apart.
    pub kind: Vectors,
    /// Which Jacobians are multiplied.
    pub along: Along,
    /// Steps in all.
    pub steps: usize,
    /// Steps at the beginning that do not count.
    pub burn_in: usize,
    /// Of the random vectors at the start.
    pub seed: u64,
    /// How far apart logarithms of growth rates may be to count as equal.
    pub tolerance: f64,
}

impl Default for Options {
    /// Four independent vectors, a hundred steps at a frozen state, the first third of which does not count
    /// (`specs/sudoku.md` §10).
    fn default() -> Self {
        Self {
            vectors: 4,
            kind: Vectors::Independent,
            along: Along::Frozen,
            steps: 100,
            burn_in: 33,
            seed: 0,
            tolerance: 0.005,
        }
    }
}

/// How fast one vector grew after the burn-in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Mean logarithm of the factors: the exponent λ.
    pub exponent: f64,
    /// Standard error of the exponent, from means over up to ten stretches of successive steps, because successive
    /// factors depend on each other.
    pub error: f64,
    /// Mean logarithm in the second half less that in the first: a rate that is still on its way has a drift.
    pub drift: f64,
    /// The last factor, which is what the published script reports (§5.3).
    pub last: f64,
}

impl Rate {
    /// Growth of a step, the geometric mean of the factors.
    #[must_use]
    pub fn growth(&self) -> f64 {
        self.exponent.exp()
    }

    /// The rate of some factors' logarithms; not numbers where there are none.
    pub(super) fn of(logs: &[f64]) -> Self {
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let exponent = mean(logs);
        let (first, second) = logs.split_at(logs.len() / 2);
        let stretches = (logs.len() / 2).clamp(1, 10);
        let bounds = |i: usize| logs.len() * i / stretches..logs.len() * (i + 1) / stretches;
        let means: Vec<f64> = (0..stretches).map(|i| mean(&logs[bounds(i)])).collect();
        let (middle, count) = (mean(&means), stretches as f64);
        let squares: f64 = means.iter().map(|m| (m - middle).powi(2)).sum();
        // One stretch alone says nothing: 0 / 0 is not a number.
        let error = (squares / (count - 1.0) / count).sqrt();
        let last = logs.last().map_or(f64::NAN, |log| log.exp());
        Self { exponent, error, drift: mean(second) - mean(first), last }
    }

    /// Whether error and drift are within the tolerance (twice the tolerance for the drift, which is a difference).
    #[must_use]
    pub fn settled(&self, tolerance: f64) -> bool {
        self.error <= tolerance && self.drift.abs() <= 2.0 * tolerance
    }
}

/// What came out of a power iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Of every independent vector in order, or of the orthonormal ones from the fastest to the slowest.
    pub rates: Vec<Rate>,
    /// Mean exponent of independent vectors, or the largest of orthonormal ones.
    pub exponent: f64,
    /// Difference between the largest and the smallest exponent: of independent vectors a doubt, of orthonormal ones
    /// a result.
    pub spread: f64,
    /// Steps that counted.
    pub measured: usize,
    /// Whether all rates are settled ([`Rate::settled`]) and independent vectors agree within twice the tolerance.
    pub converged: bool,
}

impl Growth {
    /// The leading growth of a step.
    #[must_use]
    pub fn growth(&self) -> f64 {
        self.exponent.exp()
    }

    /// The last factor of the first vector, as the published script would report it.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.rates.first().map_or(f64::NAN, |rate| rate.last)
    }
}

/// Vectors that are multiplied by Jacobians, step by step, on one thread.
#[derive(Debug)]
pub struct PowerIteration<R> {
    map: Arc<Map<R>>,
    options: Options,
    /// Where it begins.
    start: Vec<R>,
    at: Option<Linearised<R>>,
    /// [vectors, cells, d]
    vectors: Vec<R>,
    /// The next vector of this step, and its next stage.
    next: (usize, usize),
    /// Whether the state has moved on for this step.
    moved: bool,
    /// Random vectors drawn so far.
    drawn: u64,
    /// Logarithms of the factors, [steps, vectors].
    logs: Vec<f64>,
}

impl<R: Real> PowerIteration<R> {
    /// Draws vectors for a power iteration at, or from, the state S, [cells, d]; computes nothing yet. `steps` and
    /// `burn_in` are left to the caller.
    ///
    /// # Panics
    /// When `state` is not that of a board.
    #[must_use]
    pub fn new(map: &Arc<Map<R>>, state: &[R], options: Options) -> Self {
        map.check(state);
        let count = options.vectors.min(map.dimension());
        let mut all = Self {
            map: Arc::clone(map),
            options: Options { vectors: count, ..options },
            start: state.to_vec(),
            at: None,
            vectors: vec![R::ZERO; count * map.dimension()],
            next: (0, 0),
            moved: true,
            drawn: 0,
            logs: Vec::new(),
        };
        (0..count).for_each(|index| all.redraw(index));
        all
    }

    /// Does a part of a step, at most one block on one vector or one evaluation of f. Says whether that was the last
    /// part of the step.
    pub fn part(&mut self) -> bool {
        let Some(at) = &mut self.at else {
            self.at = Some(Linearised::new(&self.map, &self.start));
            return false;
        };
        if self.options.along == Along::Moving && !self.moved {
            at.advance();
            self.moved = true;
            return false;
        }
        let (vector, stage) = self.next;
        let size = self.map.dimension();
        if let Some(vector) = self.vectors.get_mut(vector * size..(vector + 1) * size) {
            at.stage(stage, vector);
        }
        self.next = if stage + 1 < at.stages() { (vector, stage + 1) } else { (vector + 1, 0) };
        if self.next.0 < self.options.vectors {
            return false;
        }
        self.next = (0, 0);
        self.moved = false;
        for index in 0..self.options.vectors {
            let length = self.tidy(index);
            self.logs.push(length.ln());
            if !(length.is_finite() && length > 0.0) {
                self.redraw(index);
            }
        }
        true
    }

    /// Does a whole step, or the rest of one that has begun: every vector is multiplied by J once.
    pub fn step(&mut self) {
        while !self.part() {}
    }

    /// Steps done.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.logs.len().checked_div(self.options.vectors).unwrap_or(0)
    }

    /// Logarithms of all factors so far, [steps, vectors].
    #[must_use]
    pub fn logs(&self) -> &[f64] {
        &self.logs
    }

    /// The vectors as they are now, of unit length after a whole step, [vectors, cells, d].
    #[must_use]
    pub fn vectors(&self) -> &[R] {
        &self.vectors
    }

    /// What the steps so far amount to, without the first `burn_in`.
    #[must_use]
    pub fn growth(&self) -> Growth {
        let count = self.options.vectors;
        let logs = self.logs.get(self.options.burn_in * count..).unwrap_or_default();
        let of = |v: usize| Rate::of(&logs.iter().skip(v).step_by(count).copied().collect::<Vec<_>>());
        let mut rates: Vec<Rate> = (0..count).map(of).collect();
        if self.options.kind == Vectors::Orthonormal {
            rates.sort_by(|a, b| b.exponent.total_cmp(&a.exponent));
        }
        let most = rates.iter().map(|r| r.exponent).fold(f64::NEG_INFINITY, f64::max);
        let least = rates.iter().map(|r| r.exponent).fold(f64::INFINITY, f64::min);
        let spread = if most == least { 0.0 } else { most - least };
        let settled = !rates.is_empty() && rates.iter().all(|rate| rate.settled(self.options.tolerance));
        let (exponent, agree) = match self.options.kind {
            Vectors::Independent => {
                (rates.iter().map(|r| r.exponent).sum::<f64>() / count as f64, spread <= 2.0 * self.options.tolerance)
            }
            Vectors::Orthonormal => (rates.first().map_or(f64::NAN, |r| r.exponent), true),
        };
        let measured = logs.len().checked_div(count).unwrap_or(0);
        Growth { rates, exponent, spread, measured, converged: settled && agree }
    }

    /// A new random vector of unit length, orthogonal to those before it where all are.
    fn redraw(&mut self, index: usize) {
        let size = self.map.dimension();
        let vector = gaussian(self.options.seed, self.drawn, size);
        self.drawn += 1;
        self.vectors[index * size..][..size].copy_from_slice(&vector);
        self.tidy(index);
    }

    /// Takes what the vectors before it span out of a vector, where they are orthonormal, and scales it to unit
    /// length. Returns its length before: the factor, or R's diagonal.
    fn tidy(&mut self, index: usize) -> f64 {
        let size = self.map.dimension();
        let (before, rest) = self.vectors.split_at_mut(index * size);
        let vector = &mut rest[..size];
        if self.options.kind == Vectors::Orthonormal {
            // Once leaves too much of them where vectors are nearly parallel; twice is enough.
            for _ in 0..2 {
                for other in before.chunks_exact(size) {
                    let along = R::from_f64(long_dot(other, vector));
                    vector.iter_mut().zip(other).for_each(|(v, o)| *v = *v - along * *o);
                }
            }
        }
        unit(vector)
    }
}

/// Scales a vector to unit length and returns the length it had. One without a length stays as it is.
pub(super) fn unit<R: Real>(vector: &mut [R]) -> f64 {
    let length = long_dot(vector, vector).sqrt();
    if length.is_finite() && length > 0.0 {
        vector.iter_mut().for_each(|v| *v = R::from_f64(v.to_f64() / length));
    }
    length
}

/// A whole power iteration at, or from, a state S, [cells, d].
///
/// # Panics
/// When `state` is not that of a board.
#[must_use]
pub fn growth<R: Real>(map: &Arc<Map<R>>, state: &[R], options: Options) -> Growth {
    let mut powers = PowerIteration::new(map, state, options);
    if options.vectors > 0 {
        (0..options.steps).for_each(|_| powers.step());
    }
    powers.growth()
}
