//! What was found.

use serde::{Deserialize, Serialize};

use crate::config::Interventions;
use crate::measure::Scaling;
use crate::measure::exits::Exits;
use crate::measure::fixed::{Cold, Warm};
use crate::measure::heads::Heads;
use crate::measure::inside::Inside;
use crate::measure::recovery::Recovery;
use crate::measure::scaling::{Estimate, Row};
use crate::measure::spectrum::{BoardSpectrum, SpectrumSettings};
use crate::measure::stopping::Stopping;
use crate::measure::verified::Outcome;

/// What one change does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// As it was asked for: “damping:0.9”.
    pub name: String,
    /// The change.
    pub interventions: Interventions,
    /// Solved shares, in rising order of iterations.
    pub rows: Vec<Row>,
    /// Of the mean over the buckets from the unchanged pass, a row each.
    pub differences: Vec<Estimate>,
}

/// An answer, one kind a [`super::Kind`].
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Solved shares, and the two exits side by side where two were asked for.
    Scaling(Scaling, Option<Exits>),
    /// What happens inside.
    Inside(Inside),
    /// Rules for stopping.
    Stopping(Stopping),
    /// Changes.
    Interventions {
        /// Without a change.
        unchanged: Vec<Row>,
        /// With each that was measured so far.
        changes: Vec<Changed>,
    },
    /// Recovery.
    Recovery(Recovery),
    /// A cold start.
    Cold(Cold),
    /// A warm pass.
    Warm(Warm),
    /// Verified solving, an outcome a way.
    Verified(Vec<Outcome>),
    /// What heads look at.
    Heads(Heads),
    /// Growth, with the settings in force, by iteration and board.
    Spectrum(SpectrumSettings, Vec<BoardSpectrum>),
}
