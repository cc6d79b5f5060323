//! What a model was measured to do, as tables for terminals, CSV and figures; JSON is serde's.

pub mod compare;
pub mod fixed;
pub mod heads;
pub mod inside;
pub mod interventions;
pub mod recovery;
pub mod scaling;
pub mod spectrum;
pub mod stopping;
pub mod verified;
mod whole;
mod words;

pub use whole::{About, Lines, Measured, MeasuredLine, Of};
pub use words::{landmarks, range, ranges, within};
