//! Questions put to a trained model: the frames of a forward pass, solved counts by iteration,
//! logits, attention.

mod frames;
mod scaling;

pub use frames::{Thinker, frames_of};
pub use scaling::{Readout, Scaling, probe_report, scores};

/// A device that did not answer a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device failed while it was read: {0}")]
pub struct ProbeError(pub String);
