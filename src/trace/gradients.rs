//! A gradient, computed in several ways, against differences in double precision.

use serde::{Deserialize, Serialize};

/// The most that a tensor may be off, in f32.
const FULL: f64 = 1e-3;
/// The same with products in half precision.
const MIXED: f64 = 2e-2;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GradientReport {
    /// Boards of the batch.
    pub boards: usize,
    /// T.
    pub iterations: u32,
    /// Dropout rate.
    pub dropout: f64,
    /// Values of the network.
    pub parameters: usize,
    /// Seconds that the differences took.
    pub seconds: f64,
    /// Each way of computing it.
    pub ways: Vec<GradientWay>,
    /// Ways that are not there on this device, and why.
    pub missing: Vec<String>,
}

/// A gradient that was computed in some way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientWay {
    /// Which kernels.
    pub kernels: String,
    /// Whether products are in half precision.
    pub mixed: bool,
    /// Every tensor, in file order.
    pub tensors: Vec<GradientTensor>,
    /// |g − s| / |s| of the whole gradient, s on tensors on the processor; where that was asked for.
    pub against_stock: Option<f64>,
}

/// Some entries of a tensor, g, against their differences, d.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientTensor {
    /// Its name in files.
    pub name: String,
    /// Entries that were looked at.
    pub entries: usize,
    /// |g − d| / |d| of these entries as vectors.
    pub whole: f64,
    /// The largest |g − d| of an entry by the largest |d|.
    pub worst: f64,
}

impl GradientWay {
    /// The most that it may be off.
    #[must_use]
    pub fn limit(&self) -> f64 {
        if self.mixed { MIXED } else { FULL }
    }

    /// The tensor that is off the most.
    #[must_use]
    pub fn worst(&self) -> Option<&GradientTensor> {
        self.tensors.iter().max_by(|a, b| a.whole.total_cmp(&b.whole))
    }

    /// Whether nothing is off by more than it may be.
    #[must_use]
    pub fn holds(&self) -> bool {
        let all = self.tensors.iter().map(|t| t.whole).chain(self.against_stock);
        // What is no number holds nothing.
        !self.tensors.is_empty() && all.into_iter().all(|off| off <= self.limit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_does_not_hold() {
        let tensor = |whole| GradientTensor { name: "t".into(), entries: 1, whole, worst: whole };
        let way = |mixed, off: &[f64], against_stock| GradientWay {
            kernels: "fused".into(),
            mixed,
            tensors: off.iter().copied().map(tensor).collect(),
            against_stock,
        };
        assert!(way(false, &[1e-4, 1e-5], Some(1e-5)).holds() && way(true, &[1e-2], None).holds());
        assert!(!way(false, &[1e-2], None).holds() && !way(false, &[1e-5], Some(0.1)).holds());
        assert!(!way(false, &[1e-5, f64::NAN], None).holds() && !way(false, &[], None).holds());
        assert_eq!(way(false, &[1e-5, f64::NAN], None).worst().map(|t| t.whole.is_nan()), Some(true));
    }
}
