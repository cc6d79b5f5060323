//! Questions put to a trained model: the frames of a forward pass, solved counts by iteration,
//! logits, attention.

mod disturb;
mod frames;
#[cfg(test)]
mod fused_tests;
mod looks;
mod reading;
mod recordings;
#[cfg(test)]
mod recordings_tests;
mod scaling;
mod spectrum;
mod watched;

pub use frames::{Thinker, frames_of};
pub use looks::Looks;
pub use recordings::Recordings;
pub use scaling::{Readout, Scaling, scores};
pub use spectrum::{Spectrum, SpectrumMaps};
pub use watched::Probing;

/// A device that did not answer a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device failed while it was read: {0}")]
pub struct ProbeError(pub String);
