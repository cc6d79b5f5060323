//! A recording as a file: version 3 of the trace format, which every reader of traces reads.

use super::{Recording, RunFacts};
use crate::trace::Trace;
use crate::trace::file::{self, TraceError};

/// What a file of traces holds.
#[derive(Clone, Debug)]
pub enum TraceFile {
    /// Forward passes.
    Traces(Vec<Trace>),
    /// A training in recordings.
    Training(Recording),
}

impl TraceFile {
    /// Reads a file of either kind. Never panics; memory as for [`Trace::from_bytes`].
    ///
    /// # Errors
    /// What is wrong with the file, and in which trace.
    pub fn read(bytes: &[u8]) -> Result<Self, TraceError> {
        Ok(match file::decode(bytes)? {
            (None, traces) => Self::Traces(traces),
            (Some(run), traces) => {
                Self::Training(Recording::of(run, traces).map_err(|e| TraceError::Recording(e.to_string()))?)
            }
        })
    }
}

impl Recording {
    /// The recording as one file. One without a step is refused when it is read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        file::encode(Some(self.run()), self.traces())
    }

    /// Reads a recording of a training.
    ///
    /// # Errors
    /// What is wrong with the file, or that it holds single passes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TraceError> {
        match TraceFile::read(bytes)? {
            TraceFile::Training(recording) => Ok(recording),
            TraceFile::Traces(_) => Err(TraceError::Recording(
                "it holds traces of single passes; a recording of a training is of the same boards at several steps"
                    .into(),
            )),
        }
    }
}

impl RunFacts {
    /// As JSON; plain structs with text keys always have one.
    pub(in crate::trace) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
