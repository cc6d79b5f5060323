//! What was recorded of a forward pass, and what can be read from it. No burn here.

mod analysis;
mod file;
mod frame;
mod gradients;
mod metrics;
mod recording;
mod routing;

pub(crate) use analysis::{Answers, answer_hash, violations};
pub use analysis::{COLLAPSE_FRAMES, Curves, Event, EventKind, LASTING, LONGEST_PERIOD, Verdict};
pub use file::TraceError;
pub use frame::{Frame, Iteration, Probability, Step, Trace};
pub use gradients::{GradientReport, GradientTensor, GradientWay};
pub use metrics::{
    Count, HaltingReading, IterationReading, ProbeReport, RoutingReading, RunStamp, Score, StepMetrics, Work,
};
pub use recording::{
    MOST_BYTES, Quantity, Recording, RecordingError, RunFacts, TraceFile, bytes_of, most_steps, surplus,
};
pub use routing::{ControllerFrame, HaltingFrame, Routing, RoutingAlarm, RoutingMetrics, TAKES_ALL, row_entropy};
