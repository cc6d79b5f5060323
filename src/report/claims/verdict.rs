//! Verdicts, and the one way from intervals to them.

use crate::report::statistics::Corrected;

/// What is found of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is as claimed.
    Holds,
    /// It is otherwise.
    DoesNotHold,
    /// There is no difference that would matter.
    NoDifference,
    /// The data tell neither.
    Inconclusive,
    /// One training each: shown, and not judged.
    SingleRun,
    /// There are no data, or not all.
    NotTested,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Holds, Self::DoesNotHold, Self::NoDifference, Self::Inconclusive, Self::SingleRun, Self::NotTested];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::NoDifference => "no difference",
            Self::Inconclusive => "inconclusive",
            Self::SingleRun => "single run",
            Self::NotTested => "not tested",
        }
    }

    /// What the word means, for the page.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Holds => "every difference that the claim is about has the claimed sign, its interval excludes 0",
            Self::DoesNotHold => {
                "a difference that the claim is about has the other sign, its interval excludes 0; or some have the \
                 claimed sign and all others are smaller than the row's margin"
            }
            Self::NoDifference => "every interval lies within the row's margin around 0",
            Self::Inconclusive => {
                "an interval holds 0 and reaches beyond the margin, so that more seeds would be needed; or all arms \
                 solve nothing, or everything"
            }
            Self::SingleRun => {
                "there is one training of each model: the numbers tell how these weights behave, and nothing of their \
                 recipe, which may do otherwise with another seed; the claim is neither confirmed nor refuted"
            }
            Self::NotTested => "results are missing, or nothing here can test it",
        }
    }
}

/// Where a difference lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Above 0.
    Above,
    /// Below 0.
    Below,
    /// Within the margin around 0.
    Nothing,
    /// It cannot be told.
    Unknown,
}

/// Where a difference lies, by its interval.
#[must_use]
pub fn sign(difference: &Corrected, margin: f64) -> Sign {
    let (low, high) = (difference.interval.low, difference.interval.high);
    if low > 0.0 {
        Sign::Above
    } else if high < 0.0 {
        Sign::Below
    } else if -margin <= low && high <= margin {
        Sign::Nothing
    } else {
        Sign::Unknown
    }
}

/// The verdict on “all of these differences are above 0”.
#[must_use]
pub fn all_above(differences: &[Corrected], margin: f64) -> Verdict {
    let signs: Vec<Sign> = differences.iter().map(|d| sign(d, margin)).collect();
    let any = |s| signs.contains(&s);
    if signs.is_empty() {
        Verdict::NotTested
    } else if any(Sign::Below) {
        Verdict::DoesNotHold
    } else if any(Sign::Unknown) {
        Verdict::Inconclusive
    } else if !any(Sign::Nothing) {
        Verdict::Holds
    } else if any(Sign::Above) {
        Verdict::DoesNotHold
    } else {
        Verdict::NoDifference
    }
}
