//! The engine's messages: plain serde values, no burn. The window, the command line, a recorded
//! session and the tests all speak them.

mod choice;
mod command;
mod event;

use serde::{Deserialize, Serialize};

pub use choice::{DeviceChoice, DeviceInfo, Kernels, ModelSource, Subject, Trouble};
pub use command::Command;
pub use event::{Event, RunSummary, SelfTest, TrainingState};

/// Ties an answer to its question; the asker counts them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Whether a device's or a browser's words mean that memory ran out; they have no common word for it.
/// Only the message counts: the call stack below it has paths with such words.
#[must_use]
pub fn is_memory(reason: &str) -> bool {
    let message = reason.lines().find(|l| !l.trim().is_empty() && !l.starts_with("panicked at"));
    let lower = message.unwrap_or(reason).to_lowercase();
    let word = ["out of memory", "memory ran out", "allocation", "not enough memory"].iter().any(|w| lower.contains(w));
    word && !lower.contains("out of bounds")
}

/// The way to an engine: a thread here, a worker in a browser, a fake in a test.
pub trait EngineLink {
    /// Sends a command; an engine that is gone swallows it.
    fn send(&mut self, command: Command);
    /// The next event, if one has come.
    fn poll(&mut self) -> Option<Event>;
}

#[cfg(test)]
mod tests;
