//! What a map of steps and iterations shows.

use crate::trace::{Curves, Iteration, Trace};

/// What the map step × iteration shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantity {
    /// Share of the boards whose answer solves the puzzle.
    #[default]
    Solved,
    /// Share of the blank cells that agree with the solution.
    Right,
    /// Mean entropy of the blank cells.
    Entropy,
    /// Blank cells whose answer changed.
    Flips,
}

impl Quantity {
    /// All of them, in the order shown.
    pub const ALL: [Self; 4] = [Self::Solved, Self::Right, Self::Entropy, Self::Flips];

    /// In a word, as on its button and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Solved => "solved",
            Self::Right => "right",
            Self::Entropy => "entropy",
            Self::Flips => "flips",
        }
    }

    /// For an axis or a title, with its unit.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Solved => "Solved boards (%)",
            Self::Right => "Right cells (%)",
            Self::Entropy => "Entropy (nats)",
            Self::Flips => "Flips (cells)",
        }
    }

    /// A sentence on what it is and how it is computed.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Solved => "Share of the recorded boards whose answer is full, keeps the clues and obeys the rules.",
            Self::Right => "Share of the blank cells whose answer is that of the solution.",
            Self::Entropy => {
                "How undecided the blank cells are: the mean over them of minus the sum of p ln p over the digits, in nats."
            }
            Self::Flips => "Blank cells whose answer changed since the iteration before.",
        }
    }

    /// A value as it is told: shares as whole percent, the rest with its unit.
    #[must_use]
    pub fn words(self, value: f64) -> String {
        match self {
            Self::Solved => format!("{:.0} % solved", 100.0 * value),
            Self::Right => format!("{:.0} % of the blank cells right", 100.0 * value),
            Self::Entropy => format!("entropy {value:.3} nats"),
            Self::Flips if value == 1.0 => "1 cell flipped".into(),
            Self::Flips if value.fract() == 0.0 => format!("{value:.0} cells flipped"),
            Self::Flips => format!("{value:.1} cells flipped"),
        }
    }

    /// The value that an axis shows: percent for shares.
    #[must_use]
    pub fn shown(self, value: f64) -> f64 {
        match self {
            Self::Solved | Self::Right => 100.0 * value,
            Self::Entropy | Self::Flips => value,
        }
    }
}

/// What the map needs of a trace; index i is iteration i + 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Readings {
    blanks: u32,
    solved: Vec<bool>,
    right: Vec<Option<u32>>,
    entropy: Vec<f32>,
    flips: Vec<u32>,
}

impl Readings {
    pub fn of(trace: &Trace) -> Self {
        let curves = Curves::of(trace);
        Self {
            blanks: curves.blanks(),
            solved: curves.valid,
            right: curves.correct,
            entropy: curves.entropy,
            flips: curves.flips,
        }
    }

    /// A value at an iteration; none where it was not recorded, or where no solution is known.
    pub fn at(&self, quantity: Quantity, iteration: Iteration) -> Option<f64> {
        let i = (iteration.0 as usize).checked_sub(1)?;
        Some(match quantity {
            Quantity::Solved => f64::from(u8::from(*self.solved.get(i)?)),
            Quantity::Right => f64::from((*self.right.get(i)?)?) / f64::from(self.blanks.max(1)),
            Quantity::Entropy => f64::from(*self.entropy.get(i)?),
            Quantity::Flips => f64::from(*self.flips.get(i)?),
        })
    }

    pub fn most_flips(&self) -> f64 {
        f64::from(self.flips.iter().copied().max().unwrap_or(0))
    }
}
