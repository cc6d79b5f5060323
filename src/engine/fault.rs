//! Why a unit of work did not come to its end.

use crate::probe::ProbeError;
use crate::train::TrainError;

/// What went wrong with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The question cannot be answered; the text says why.
    Told(String),
    /// The device did not answer: nothing on it can be trusted any more.
    Device(String),
}

impl From<ProbeError> for Fault {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Device(_) => Self::Device(error.to_string()),
            ProbeError::Asked(why) => Self::Told(why),
        }
    }
}

impl From<TrainError> for Fault {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Device(reason) => Self::Device(reason),
            other => Self::Told(other.to_string()),
        }
    }
}
