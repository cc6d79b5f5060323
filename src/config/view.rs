//! What is changed in a forward pass while one looks at it.

use serde::{Deserialize, Serialize};

use super::HeadSet;

/// Test-time interventions of `specs/sudoku.md` §5.2. The default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Interventions {
    /// α: the carried state is α · new + (1 - α) · old; predictions come from the undamped state.
    pub damping: f32,
    /// β: the fed-back prediction, its bias included, is scaled by β.
    pub prediction_scale: f32,
    /// Whether the state is normalised (no scale, no shift) before the output head.
    pub normalise_before_head: bool,
    /// Whether the carried state is rounded to bfloat16, as in the published evaluations (`specs/sudoku.md` §8.3).
    pub bf16_state: bool,
    /// Attention heads that contribute nothing.
    pub knocked_out: HeadSet,
}

impl Interventions {
    /// As they are written on the command line, each with a blank before it; nothing where nothing is changed.
    #[must_use]
    pub fn flags(&self) -> String {
        let mut out = String::new();
        if self.damping != 1.0 {
            out.push_str(&format!(" --damping {}", self.damping));
        }
        if self.prediction_scale != 1.0 {
            out.push_str(&format!(" --prediction-scale {}", self.prediction_scale));
        }
        for (flag, on) in [("normalise-before-head", self.normalise_before_head), ("bf16-state", self.bf16_state)] {
            if on {
                out.push_str(&format!(" --{flag}"));
            }
        }
        if !self.knocked_out.is_empty() {
            out.push_str(&format!(" --knocked-out {}", self.knocked_out));
        }
        out
    }
}

impl Default for Interventions {
    fn default() -> Self {
        Self {
            damping: 1.0,
            prediction_scale: 1.0,
            normalise_before_head: false,
            bf16_state: false,
            knocked_out: HeadSet::default(),
        }
    }
}
