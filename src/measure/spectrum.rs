//! By how much a small change of the state grows in an iteration (`specs/sudoku.md` §5.3 and §10): what is asked
//! and what was found. `probe/spectrum.rs` measures it.

use serde::{Deserialize, Serialize};

use crate::config::Interventions;

/// JSON has no word for a number that is infinite or none: it is written as null and read as none.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    if deserializer.is_human_readable() {
        Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
    } else {
        f64::deserialize(deserializer)
    }
}

/// The same of a list.
fn numbers<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    if deserializer.is_human_readable() {
        let list = Vec::<Option<f64>>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    } else {
        Vec::deserialize(deserializer)
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectrumSettings {
    /// After which iterations the state is frozen; rising, from 1.
    pub iterations: Vec<u32>,
    /// Random vectors that are followed.
    pub vectors: u32,
    /// Power steps.
    pub steps: u32,
    /// Steps that do not count.
    pub burn_in: u32,
    /// Of the vectors.
    pub seed: u64,
    /// Whether several leading rates are measured, by vectors that are kept orthonormal.
    pub leading: bool,
    /// Whether Lyapunov exponents are measured, along the moving trajectory.
    pub moving: bool,
    /// Whether estimators by differences are measured beside: the published one, with and without TF32-like
    /// rounding, and a fine one in f64.
    pub estimators: bool,
    /// What is changed in every iteration. Damping and a rounded state are refused: the prediction is no function
    /// of the carried state then.
    pub interventions: Interventions,
}

/// Exact growth at a frozen state: tangents in f64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exact {
    /// Geometric mean of the growth factor after the burn-in, over all vectors.
    #[serde(deserialize_with = "number")]
    pub growth: f64,
    /// The largest difference of a vector's mean logarithm from another's.
    #[serde(deserialize_with = "number")]
    pub spread: f64,
    /// Whether steps and vectors agree (`kernels/src/tangent/growth.rs`).
    pub converged: bool,
    /// Of each vector.
    #[serde(deserialize_with = "numbers")]
    pub vectors: Vec<f64>,
}

/// Growth by differences, as published: (f(S + εv) − f(S)) / ε.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Differences {
    /// Factor of the last step, which is what was published.
    #[serde(deserialize_with = "number")]
    pub last: f64,
    /// Geometric mean after the burn-in.
    #[serde(deserialize_with = "number")]
    pub mean: f64,
    /// Factor of the very first step, with a random vector.
    #[serde(deserialize_with = "number")]
    pub first: f64,
}

/// The estimators side by side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimators {
    /// f64, ε = 1e-6.
    pub fine: Differences,
    /// f32, ε = 1e-3: as published, but for the rounding of products.
    pub single: Differences,
    /// The same with operands of products rounded to 10 bits, as TF32 does: as published.
    pub tf32: Differences,
}

/// How an answer stands when the state is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Right in all blank cells, and no blank cell changes in the next three iterations.
    SettledRight,
    /// Wrong somewhere, and no blank cell changes in the next three iterations.
    SettledWrong,
    /// Some blank cell changes in the next three iterations.
    Moving,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::SettledRight, Self::SettledWrong, Self::Moving];

    /// In a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SettledRight => "settled, right",
            Self::SettledWrong => "settled, wrong",
            Self::Moving => "moving",
        }
    }
}

/// One board, frozen after one iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardSpectrum {
    /// Which puzzle, from 0.
    pub board: usize,
    /// After which iteration.
    pub iteration: u32,
    /// How the answer stands.
    pub standing: Standing,
    /// Blank cells that are wrong.
    pub wrong: u32,
    /// ‖S_(t+1)‖ / ‖S_t‖ over the board: the state itself grows.
    #[serde(deserialize_with = "number")]
    pub state_growth: f64,
    /// Exact growth of a small change.
    pub exact: Exact,
    /// Leading growth rates, largest first.
    #[serde(deserialize_with = "numbers")]
    pub leading: Vec<f64>,
    /// Lyapunov exponents in nats an iteration, largest first.
    #[serde(deserialize_with = "numbers")]
    pub lyapunov: Vec<f64>,
    /// Beside them.
    pub estimators: Option<Estimators>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_comes_back_as_none() {
        let exact = Exact { growth: f64::NAN, spread: f64::INFINITY, converged: false, vectors: vec![1.0, f64::NAN] };
        let text = serde_json::to_string(&exact).unwrap();
        let read: Exact = serde_json::from_str(&text).unwrap();
        assert!(read.growth.is_nan() && read.spread.is_nan() && read.vectors[0] == 1.0 && read.vectors[1].is_nan());
    }
}
