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

/// A question without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The device did not answer.
    #[error("the device failed while it was read: {0}")]
    Device(String),
    /// It cannot be asked of this model or these puzzles; the device is as good as before.
    #[error("{0}")]
    Asked(String),
}
