//! Measurements of a trained model, as far as they are arithmetic on what was recorded: no burn here. A pass
//! over many boards is recorded once (`probe` runs it); scaling, stopping rules and all other readings are
//! functions of the records, the same for the window and the command line.

pub mod compare;
pub mod exits;
pub mod fixed;
pub mod heads;
pub mod inside;
#[cfg(test)]
pub(crate) mod made_up;
mod numbers;
pub mod plan;
pub mod record;
pub mod recovery;
pub mod scaling;
pub mod spectrum;
pub mod stopping;
mod timeline;
pub mod verified;

pub use numbers::{Part, Split, Spread};
pub use record::{Change, Disturbance, DisturbanceKind, Exit, Record, Recorder, Recording, Start};
pub use scaling::{Scaling, Spent, doubling, scaling};
