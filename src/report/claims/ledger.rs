//! The ledger: what was claimed, by whom, and which rule tests it (`claims/ledger.toml`).

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::config::{PohConfig, preset};

/// The ledger as it is written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Studies whose results the rows use.
    #[serde(default, rename = "study")]
    pub studies: Vec<StudyFile>,
    /// The rows.
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
}

/// Where a study is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// Its name; its results are in a folder of that name.
    pub name: String,
    /// Its file, from the ledger's working folder.
    pub file: String,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// A short word for it.
    pub id: String,
    /// The claim in our words.
    pub claim: String,
    /// Where it was published.
    pub source: String,
    /// The published numbers, or what is known of them.
    pub published: String,
    /// What the test here leaves open.
    #[serde(default)]
    pub caveat: String,
    /// How it is tested.
    pub test: Test,
}

/// A rule with what it is applied to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Test {
    /// Each T a model of its own.
    GainRetrained {
        /// The study.
        study: String,
        /// Cells by rising T; the first is what the others gain over.
        cells: Vec<String>,
        /// What must rise.
        #[serde(default)]
        judge: Judge,
        /// Points that would not matter.
        margin: f64,
        /// The published table.
        #[serde(default)]
        table: Vec<Published>,
    },
    /// One trained model at other T.
    GainOneModel {
        /// The study.
        study: String,
        /// The cell.
        cell: String,
        /// Rising iteration counts.
        iterations: Vec<u32>,
        /// What must rise.
        #[serde(default)]
        judge: Judge,
        /// Points that would not matter.
        margin: f64,
        /// The published table.
        #[serde(default)]
        table: Vec<Published>,
    },
    /// One T is better than every other.
    OptimumAt {
        /// The study.
        study: String,
        /// The T that is claimed to be best.
        at: u32,
        /// Cells, each at its own T; or one cell with `iterations`.
        cells: Vec<String>,
        /// Iteration counts of the one cell.
        #[serde(default)]
        iterations: Vec<u32>,
        /// Points that would not matter.
        margin: f64,
    },
    /// One arm is better than others.
    ArmDifference {
        /// The study.
        study: String,
        /// The arm that is claimed to be better.
        arm: String,
        /// The arms that it is held against.
        against: Vec<String>,
        /// Iterations of all arms; without it each at its own T.
        iterations: Option<u32>,
        /// Points that would not matter.
        margin: f64,
    },
    /// Exact growth of small changes of the state lies in a range.
    GrowthWithin {
        /// From this factor an iteration.
        low: f64,
        /// To this one.
        high: f64,
    },
    /// The published estimator of that growth tells what products in TF32 make, not what the network does.
    GrowthByRounding {
        /// The least published factor.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// Small changes shrink once an answer has settled on the solution, and grow while it moves.
    GrowthWhenSettled {},
    /// What single trainings did, one of each model: shown, and not judged.
    SingleRuns {
        /// The models, by the names on their cards.
        models: Vec<String>,
    },
    /// Parameters, by the program's own formulas.
    ExactCount {
        /// What is counted.
        counts: Vec<Counted>,
    },
    /// Nothing here can test it.
    NotTested {
        /// Why.
        reason: String,
    },
}

/// What a claim of gain is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// Every T solves more than the first.
    #[default]
    OverFirst,
    /// Every T solves more than the T before it.
    EachStep,
}

/// A row of the published table of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// T.
    pub iterations: u32,
    /// Gain over one iteration in points.
    pub gain: f64,
    /// Cost as a multiple of one iteration's.
    pub cost: f64,
    /// What was called efficiency, in percent.
    pub efficiency: f64,
}

/// One count.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The preset whose network is counted.
    pub preset: String,
    /// What of it.
    pub of: Part,
    /// The published count.
    pub published: usize,
    /// The preset whose stack it is a share of.
    pub over: Option<String>,
    /// How many percent more than that stack (of that stack, where a part is counted) were published.
    pub percent: Option<f64>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// [`PohConfig::stack_parameters`].
    Stack,
    /// [`PohConfig::controller_parameters`] and its temperature, which the published count has.
    Controller,
    /// What the stack would have more with the biases of its feed-forward parts.
    LeftOutBiases,
}

/// A ledger that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The text is no TOML, a key is unknown, or a value has the wrong type.
    #[error("the ledger cannot be read: {0}")]
    Toml(String),
    /// Everything that cannot be meant, one sentence each.
    #[error("the ledger cannot be used:{}", .0.iter().map(|p| format!("\n  {p}")).collect::<String>())]
    Invalid(Vec<String>),
}

impl Ledger {
    /// Reads a ledger.
    ///
    /// # Errors
    /// What is no TOML; or every problem at once.
    pub fn from_toml(text: &str) -> Result<Self, LedgerError> {
        let ledger: Self = toml::from_str(text).map_err(|e| LedgerError::Toml(e.to_string()))?;
        let mut problems = Vec::new();
        let mut ids = BTreeSet::new();
        for claim in &ledger.claims {
            let mut need = |holds: bool, text: &str| {
                if !holds {
                    problems.push(format!("claim “{}”: {text}", claim.id));
                }
            };
            let safe = claim.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            need(safe && !claim.id.is_empty(), "its id must be of small letters, digits and “-”");
            need(ids.insert(&claim.id), "another claim has the same id");
            ledger.check(&claim.test, &mut need);
        }
        if problems.is_empty() { Ok(ledger) } else { Err(LedgerError::Invalid(problems)) }
    }

    fn check(&self, test: &Test, need: &mut impl FnMut(bool, &str)) {
        let rise = |counts: &[u32]| counts.windows(2).all(|w| w[0] < w[1]);
        if let Some(study) = test.study() {
            let known = self.studies.iter().any(|s| s.name == study);
            need(known, &format!("its study “{study}” is none of the ledger's [[study]]"));
        }
        match test {
            Test::GainRetrained { cells, margin, .. } => {
                need(cells.len() >= 2, "cells must be at least two");
                need(*margin > 0.0, "margin must be above 0");
            }
            Test::GainOneModel { iterations, margin, .. } => {
                need(iterations.len() >= 2 && rise(iterations), "iterations must be at least two and rise");
                need(*margin > 0.0, "margin must be above 0");
            }
            Test::OptimumAt { at, cells, iterations, margin, .. } => {
                let one = cells.len() == 1 && iterations.len() >= 2 && iterations.contains(at) && rise(iterations);
                let many = cells.len() >= 2 && iterations.is_empty();
                need(one || many, "give several cells, or one cell and rising iterations that hold `at`");
                need(*margin > 0.0, "margin must be above 0");
            }
            Test::ArmDifference { arm, against, margin, .. } => {
                need(!against.is_empty() && !against.contains(arm), "against must name other arms");
                need(*margin > 0.0, "margin must be above 0");
            }
            Test::ExactCount { counts } => {
                need(!counts.is_empty(), "counts must be at least one");
                for name in counts.iter().flat_map(|c| std::iter::once(&c.preset).chain(&c.over)) {
                    need(preset(name).is_ok(), &format!("there is no preset “{name}”"));
                }
                need(
                    counts.iter().all(|c| c.percent.is_none() || c.over.is_some()),
                    "a percent needs the preset that it is over",
                );
            }
            Test::GrowthWithin { low, high } | Test::GrowthByRounding { low, high } => {
                need(*low > 0.0 && low < high, "low must be above 0 and below high");
            }
            Test::GrowthWhenSettled {} => {}
            Test::SingleRuns { models } => {
                let once = models.iter().collect::<BTreeSet<_>>().len() == models.len();
                need(!models.is_empty() && once, "models must name at least one, and each once");
            }
            Test::NotTested { reason } => need(!reason.is_empty(), "say why it is not tested"),
        }
    }
}

impl Test {
    /// The study whose results it needs.
    #[must_use]
    pub fn study(&self) -> Option<&str> {
        match self {
            Self::GainRetrained { study, .. }
            | Self::GainOneModel { study, .. }
            | Self::OptimumAt { study, .. }
            | Self::ArmDifference { study, .. } => Some(study),
            Self::GrowthWithin { .. }
            | Self::GrowthByRounding { .. }
            | Self::GrowthWhenSettled {}
            | Self::SingleRuns { .. }
            | Self::ExactCount { .. }
            | Self::NotTested { .. } => None,
        }
    }
}

impl Part {
    /// The count, by the formulas of [`PohConfig`].
    #[must_use]
    pub fn count(self, preset_name: &str) -> Option<usize> {
        let model = preset(preset_name).ok()?.model;
        let with = |param_match_baseline| PohConfig { param_match_baseline, ..model.poh.clone() };
        Some(match self {
            Self::Stack => model.poh.stack_parameters(&model),
            Self::Controller => model.poh.controller_parameters(&model) + 1,
            Self::LeftOutBiases => with(false).stack_parameters(&model) - with(true).stack_parameters(&model),
        })
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Controller => "controller, its temperature included",
            Self::LeftOutBiases => "biases left out of the feed-forward parts",
        }
    }
}
