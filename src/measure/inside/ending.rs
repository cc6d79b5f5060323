//! How a board stands at the end of a pass, in the words of [`crate::trace::Verdict`].

use serde::{Deserialize, Serialize};

use crate::measure::timeline::Timeline;
use crate::trace::LASTING;

/// What a board's pass comes to, with the definitions that [`crate::trace::EventKind`] and
/// [`crate::trace::Verdict`] have for a single trace. Solved here means what it means there: full, by the rules and
/// with the clues kept, which is being right where a puzzle has one solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Solved at the end, and unchanged for at least [`LASTING`] iterations.
    SettledSolved,
    /// Not solved at the end, unchanged for at least [`LASTING`] iterations, and not collapsed.
    SettledWrong,
    /// The answers repeat, for at least two full periods.
    Cycle {
        /// Iterations in a period, from 2 to [`crate::trace::LONGEST_PERIOD`].
        period: u32,
    },
    /// It was solved, or much nearer to it, and left that for good.
    Collapsed,
    /// The answer still changes without a pattern and is not solved at the end.
    Wandering,
    /// Solved at the end, but too few iterations follow to call it settled.
    Solved,
    /// Never solved in so few iterations that no more can be said.
    TooShort,
    /// The state's norm is infinite or no number after some iteration.
    NotFinite,
}

impl Ending {
    /// Of a board's pass.
    pub(super) fn of(line: &Timeline) -> Self {
        let patterns = line.patterns();
        let cycle = patterns.cycle();
        let solved = line.valid.last() == Some(&true);
        if line.all().any(|t| !line.state_norm(t).is_finite()) {
            Self::NotFinite
        } else if patterns.collapsed(cycle).is_some() {
            Self::Collapsed
        } else if let Some((_, period)) = cycle {
            Self::Cycle { period: period as u32 }
        } else if patterns.settled().is_some() {
            if solved { Self::SettledSolved } else { Self::SettledWrong }
        } else if solved {
            Self::Solved
        } else if line.valid.len() <= LASTING && !line.valid.contains(&true) {
            Self::TooShort
        } else {
            Self::Wandering
        }
    }
}

/// Boards by how they end; they add up to all boards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endings {
    /// [`Ending::SettledSolved`].
    pub settled_solved: u32,
    /// [`Ending::SettledWrong`].
    pub settled_wrong: u32,
    /// [`Ending::Cycle`].
    pub cycle: u32,
    /// [`Ending::Collapsed`].
    pub collapsed: u32,
    /// [`Ending::Wandering`].
    pub wandering: u32,
    /// [`Ending::Solved`].
    pub solved: u32,
    /// [`Ending::TooShort`].
    pub too_short: u32,
    /// [`Ending::NotFinite`].
    pub not_finite: u32,
}

impl Endings {
    pub(super) fn add(&mut self, ending: Ending) {
        *match ending {
            Ending::SettledSolved => &mut self.settled_solved,
            Ending::SettledWrong => &mut self.settled_wrong,
            Ending::Cycle { .. } => &mut self.cycle,
            Ending::Collapsed => &mut self.collapsed,
            Ending::Wandering => &mut self.wandering,
            Ending::Solved => &mut self.solved,
            Ending::TooShort => &mut self.too_short,
            Ending::NotFinite => &mut self.not_finite,
        } += 1;
    }

    /// All of them with a name.
    #[must_use]
    pub fn named(self) -> [(&'static str, u32); 8] {
        [
            ("settled solved", self.settled_solved),
            ("settled wrong", self.settled_wrong),
            ("cycle", self.cycle),
            ("collapsed", self.collapsed),
            ("wandering", self.wandering),
            ("solved, not settled", self.solved),
            ("too short", self.too_short),
            ("not finite", self.not_finite),
        ]
    }

    /// All boards.
    #[must_use]
    pub fn sum(self) -> u32 {
        self.named().iter().map(|(_, n)| n).sum()
    }
}
