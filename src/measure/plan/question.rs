//! What can be measured, with the settings of each measurement.

use std::fmt::Write as _;

use crate::config::Interventions;
use crate::measure::scaling::doubling;
use crate::measure::spectrum::SpectrumSettings;
use crate::measure::verified::Again;
use crate::measure::{Disturbance, DisturbanceKind, Exit};

/// A measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Solved share against iterations.
    #[default]
    Scaling,
    /// What happens inside a pass.
    Inside,
    /// Rules for stopping.
    Stopping,
    /// Solved share under changes of every iteration.
    Interventions,
    /// Whether boards recover from a disturbance.
    Recovery,
    /// Whether the solution stays when it is fed in.
    Cold,
    /// Whether the answers of a long pass stay.
    Warm,
    /// Solved and known to be.
    Verified,
    /// What attention heads look at.
    Heads,
    /// Growth of small changes.
    Spectrum,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Scaling,
        Self::Inside,
        Self::Stopping,
        Self::Interventions,
        Self::Recovery,
        Self::Cold,
        Self::Warm,
        Self::Verified,
        Self::Heads,
        Self::Spectrum,
    ];

    /// What follows `loopscope probe`.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Scaling => "scaling",
            Self::Inside => "inside",
            Self::Stopping => "stopping",
            Self::Interventions => "interventions",
            Self::Recovery => "perturb",
            Self::Cold => "fixed-points --cold",
            Self::Warm => "fixed-points",
            Self::Verified => "verify",
            Self::Heads => "heads",
            Self::Spectrum => "spectrum",
        }
    }

    /// One word, for files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            other => other.command(),
        }
    }

    /// Puzzles that are made where nothing was said.
    #[must_use]
    pub fn boards(self) -> u32 {
        if self == Self::Spectrum { 12 } else { 200 }
    }

    /// Whether the engine answers it for the opened model alone, and not for one in training.
    #[must_use]
    pub fn opened_only(self) -> bool {
        matches!(self, Self::Heads | Self::Spectrum)
    }
}

/// A change of every iteration, with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As it is asked for: “damping:0.9”.
    pub name: String,
    /// The change.
    pub interventions: Interventions,
}

impl std::str::FromStr for Change {
    type Err = String;

    /// “damping:0.9”, “prediction-scale:0.5”, “normalise”, “bf16”.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let plain = Interventions::default();
        let wrong = || {
            format!(
                "“{s}” is no change; there are damping:A from 0 to 1, prediction-scale:B from 0 to 2, normalise and \
                 bf16"
            )
        };
        let (name, value) = s.split_once(':').unwrap_or((s, ""));
        let number = |most: f32| value.parse().ok().filter(|v| (0.0..=most).contains(v)).ok_or_else(wrong);
        let interventions = match name {
            "damping" => Interventions { damping: number(1.0)?, ..plain },
            "prediction-scale" => Interventions { prediction_scale: number(2.0)?, ..plain },
            "normalise" if value.is_empty() => Interventions { normalise_before_head: true, ..plain },
            "bf16" if value.is_empty() => Interventions { bf16_state: true, ..plain },
            _ => return Err(wrong()),
        };
        Ok(Self { name: s.to_owned(), interventions })
    }
}

/// The changes that are measured where nothing was said.
pub const CHANGES: &str =
    "damping:0.9,damping:0.7,damping:0.5,prediction-scale:0.5,prediction-scale:0.1,normalise,bf16";

/// The changes of a list with commas.
///
/// # Errors
/// A word that is no change.
pub fn changes(list: &str) -> Result<Vec<Change>, String> {
    list.split(',').map(str::parse).collect()
}

/// What is measured, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// [`Kind::Scaling`].
    Scaling {
        /// Numbers of iterations to score, rising.
        iterations: Vec<u32>,
        /// When a board leaves.
        exit: Exit,
        /// A second pass over the same boards with this exit, to compare with.
        beside: Option<Exit>,
    },
    /// [`Kind::Inside`].
    Inside {
        /// Of the pass.
        iterations: u32,
    },
    /// [`Kind::Stopping`].
    Stopping {
        /// Of the pass.
        iterations: u32,
    },
    /// [`Kind::Interventions`].
    Interventions {
        /// Numbers of iterations to score, rising.
        iterations: Vec<u32>,
        /// Each by itself.
        changes: Vec<Change>,
    },
    /// [`Kind::Recovery`].
    Recovery {
        /// What is disturbed, and when.
        disturbance: Disturbance,
        /// In all.
        iterations: u32,
        /// Of noise and of the choice of cells.
        seed: u64,
    },
    /// [`Kind::Cold`].
    Cold {
        /// Of the pass.
        iterations: u32,
    },
    /// [`Kind::Warm`].
    Warm {
        /// Before the answers are watched.
        after: u32,
        /// That are watched.
        watched: u32,
    },
    /// [`Kind::Verified`].
    Verified {
        /// Ways of asking again.
        ways: Vec<Again>,
        /// Iterations of an attempt.
        attempt: u32,
        /// Iterations of a board in all.
        budget: u32,
        /// On the first state, as a share of its root mean square.
        noise: f32,
        /// Of symmetries and noise.
        seed: u64,
    },
    /// [`Kind::Heads`].
    Heads {
        /// Which, from 1.
        iteration: u32,
    },
    /// [`Kind::Spectrum`]. What is changed in every iteration is told apart from it, as for all others.
    Spectrum(SpectrumSettings),
}

/// Iterations of the published cold test.
const COLD: u32 = 10;

impl Question {
    /// With the settings that it has where nothing was said, of a model that was trained with T iterations.
    #[must_use]
    pub fn usual(kind: Kind, trained: u32) -> Self {
        let t = trained.max(1);
        match kind {
            Kind::Scaling => Self::Scaling { iterations: doubling(16 * t), exit: Exit::Never, beside: None },
            Kind::Inside => Self::Inside { iterations: 4 * t },
            Kind::Stopping => Self::Stopping { iterations: 4 * t },
            Kind::Interventions => Self::Interventions {
                iterations: vec![t, 2 * t, 4 * t, 16 * t],
                // The list is known, and a test reads it.
                changes: changes(CHANGES).unwrap_or_default(),
            },
            Kind::Recovery => Self::Recovery {
                disturbance: Disturbance { after: t, kind: DisturbanceKind::Answers(3) },
                iterations: 3 * t,
                seed: 0,
            },
            Kind::Cold => Self::Cold { iterations: COLD },
            Kind::Warm => Self::Warm { after: 4 * t, watched: 16 * t },
            Kind::Verified => {
                Self::Verified { ways: Again::ALL.into(), attempt: 2 * t, budget: 16 * t, noise: 0.3, seed: 0 }
            }
            Kind::Heads => Self::Heads { iteration: t },
            Kind::Spectrum => Self::Spectrum(SpectrumSettings {
                iterations: vec![t, 4 * t, 16 * t],
                vectors: 4,
                steps: 100,
                burn_in: 100 / 3,
                seed: 0,
                leading: false,
                moving: false,
                estimators: true,
                interventions: Interventions::default(),
            }),
        }
    }

    /// Which measurement it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Scaling { .. } => Kind::Scaling,
            Self::Inside { .. } => Kind::Inside,
            Self::Stopping { .. } => Kind::Stopping,
            Self::Interventions { .. } => Kind::Interventions,
            Self::Recovery { .. } => Kind::Recovery,
            Self::Cold { .. } => Kind::Cold,
            Self::Warm { .. } => Kind::Warm,
            Self::Verified { .. } => Kind::Verified,
            Self::Heads { .. } => Kind::Heads,
            Self::Spectrum(_) => Kind::Spectrum,
        }
    }

    /// Whether it is measured under the changes that are in force; a sweep of changes begins from none.
    #[must_use]
    pub fn takes_interventions(&self) -> bool {
        self.kind() != Kind::Interventions
    }

    /// Its settings as they are written on the command line, each with a blank before it.
    #[must_use]
    pub fn flags(&self) -> String {
        let mut out = String::new();
        let mut add = |flag: &str, value: &dyn std::fmt::Display| {
            let _ = write!(out, " --{flag} {value}");
        };
        match self {
            Self::Scaling { iterations, exit, beside } => {
                add("iterations", &list(iterations));
                if *exit != Exit::Never {
                    add("exit", exit);
                }
                if let Some(beside) = beside {
                    add("compare-exit", beside);
                }
            }
            Self::Inside { iterations } | Self::Stopping { iterations } | Self::Cold { iterations } => {
                add("iterations", iterations);
            }
            Self::Interventions { iterations, changes } => {
                let names: Vec<&str> = changes.iter().map(|c| c.name.as_str()).collect();
                add("change", &names.join(","));
                add("iterations", &list(iterations));
            }
            Self::Recovery { disturbance, iterations, seed } => {
                add("change", &disturbance.kind);
                add("after", &disturbance.after);
                add("iterations", iterations);
                add("change-seed", seed);
            }
            Self::Warm { after, watched } => {
                add("after", after);
                add("iterations", watched);
            }
            Self::Verified { ways, attempt, budget, noise, seed } => {
                let names: Vec<&str> = ways.iter().map(|w| w.word()).collect();
                add("again", &names.join(","));
                add("attempt", attempt);
                add("budget", budget);
                add("noise", noise);
                add("again-seed", seed);
            }
            Self::Heads { iteration } => add("iteration", iteration),
            Self::Spectrum(s) => {
                add("iterations", &list(&s.iterations));
                add("vectors", &s.vectors);
                add("steps", &s.steps);
                add("vector-seed", &s.seed);
                let switches = [("leading", s.leading), ("moving", s.moving), ("exact-only", !s.estimators)];
                for (switch, _) in switches.into_iter().filter(|(_, on)| *on) {
                    let _ = write!(out, " --{switch}");
                }
            }
        }
        out
    }
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read() {
        assert_eq!("damping:0.9".parse::<Change>().unwrap().interventions.damping, 0.9);
        assert!("bf16".parse::<Change>().unwrap().interventions.bf16_state);
        for text in ["", "damping", "damping:2", "prediction-scale:x", "normalise:1", "noise:1"] {
            assert!(text.parse::<Change>().unwrap_err().contains("damping:A"), "{text}");
        }
        assert_eq!(changes(CHANGES).map(|c| c.len()), Ok(7));
    }

    #[test]
    fn usual_questions_are_of_their_kind_and_tell_their_flags() {
        for kind in Kind::ALL {
            assert_eq!(Question::usual(kind, 8).kind(), kind);
            assert!(Question::usual(kind, 8).flags().starts_with(" --"), "{kind:?}");
        }
        let flags = |kind| Question::usual(kind, 4).flags();
        assert_eq!(flags(Kind::Recovery), " --change answers:3 --after 4 --iterations 12 --change-seed 0");
        assert_eq!(flags(Kind::Spectrum), " --iterations 4,16,64 --vectors 4 --steps 100 --vector-seed 0");
    }
}
