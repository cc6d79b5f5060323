//! What can be wrong with a file of traces.

use super::{MAX_FRAME_BYTES, MAX_TRACES, VERSION};
use crate::tasks::sudoku::Shape;

/// Why a file of traces, or a trace, cannot be used. Traces count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// It does not begin as one.
    #[error("this is no Loopscope trace: it does not begin with the bytes 89 4C 53 54 52 41 43 45")]
    NotATrace,
    /// Written by a newer program.
    #[error("this trace has format version {found}; this program reads versions up to {VERSION}: use a newer one")]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// None, or too many.
    #[error("the file says that it holds {found} traces; it must be from 1 to {MAX_TRACES}")]
    Count {
        /// The number in the file.
        found: u32,
    },
    /// One was asked for and there are several.
    #[error("the file holds {found} traces where one is expected: open it as a set of traces")]
    Several {
        /// The number in the file.
        found: usize,
    },
    /// The header's length or its JSON is wrong.
    #[error("the header of trace {trace} cannot be read: {message}")]
    Header {
        /// Which trace.
        trace: usize,
        /// What is wrong.
        message: String,
    },
    /// What a recording says about its run is wrong.
    #[error("what the file says about its training cannot be read: {message}")]
    Run {
        /// What is wrong.
        message: String,
    },
    /// Traces that are no recording of a training.
    #[error("the file is no recording of a training: {0}")]
    Recording(String),
    /// More frames than are read.
    #[error(
        "trace {trace} says that it has {frames} frames, which makes more than the {MAX_FRAME_BYTES} bytes of frames that are read from one file"
    )]
    TooLarge {
        /// Which trace.
        trace: usize,
        /// Its frames.
        frames: u32,
    },
    /// The data end too early or their checksum is wrong.
    #[error("the file is damaged or cut short in the {part} of trace {trace} ({message}): copy or download it again")]
    Damaged {
        /// Which trace.
        trace: usize,
        /// What was being read.
        part: &'static str,
        /// What the decompressor says.
        message: String,
    },
    /// Something follows the last trace.
    #[error("something follows the last trace; the file must end there")]
    Trailing,
    /// The solution that comes with the puzzle is none.
    #[error("trace {trace}: the solution {solution} does not solve the puzzle {clues}")]
    Solution {
        /// Which trace.
        trace: usize,
        /// The puzzle on one line.
        clues: String,
        /// The solution on one line.
        solution: String,
    },
    /// Frames are missing or out of order.
    #[error("frame {frame} of trace {trace} is of iteration {found}; it must be of iteration {frame}")]
    Order {
        /// Which trace.
        trace: usize,
        /// Which frame, from 1.
        frame: usize,
        /// Its iteration.
        found: u32,
    },
    /// A frame's lists do not fit the board, or a digit is none of it.
    #[error("frame {frame} of trace {trace} does not fit a board of {shape}: every list must have the board's size and every digit be from 1 to {}", shape.side())]
    Misfit {
        /// Which trace.
        trace: usize,
        /// Which frame, from 1.
        frame: usize,
        /// The board.
        shape: Shape,
    },
}
