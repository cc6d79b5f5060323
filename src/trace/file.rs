//! Traces as files: one container for one trace or several, such as the boards of a probe.
//!
//! ```text
//! 8 bytes   magic: 0x89 "LSTRACE"   (not ASCII at first, so that no text file passes)
//! u32 LE    version, 1
//! u32 LE    traces N, 1..=MAX_TRACES
//! gzip      of N times:
//!   u32 LE    length of the header, at most MAX_HEADER
//!   JSON      puzzle, model, trained_iterations, step, interventions, frames (their number F)
//!   then, with C cells and n digits of the puzzle's board,
//!   u32 LE    iteration        [F]        1, 2, 3, …
//!   u8        digits           [F, C]     1..=n
//!   u16 LE    probabilities    [F, C, n]  in 1/65,535
//!   f32 LE    state norms      [F, C]
//!   f32 LE    residuals        [F]
//! ```
//! A norm or residual that is infinite or no number is kept bit for bit: a diverging state is
//! something to look at. gzip's checksum finds damage; nothing may follow it.

use std::io::{Read, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::{Frame, Iteration, Probability, Step, Trace};
use crate::config::Interventions;
use crate::tasks::sudoku::{Puzzle, Shape};

const MAGIC: &[u8; 8] = b"\x89LSTRACE";
const VERSION: u32 = 1;
/// The most traces in a file.
pub const MAX_TRACES: u32 = 1024;
/// The longest header of a trace in bytes.
pub const MAX_HEADER: u32 = 65_536;
/// The most bytes of frames in a file, decompressed: 140,000 frames of a 9×9 board.
pub const MAX_FRAME_BYTES: u64 = 256 << 20;

/// Why a file of traces, or a trace, cannot be used. Traces count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// It does not begin as one.
    #[error("this is no Loopscope trace: it does not begin with the bytes 89 4C 53 54 52 41 43 45")]
    NotATrace,
    /// Written by a newer program.
    #[error("this trace has format version {found}; this program reads version {VERSION}: use a newer one")]
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    puzzle: Puzzle,
    model: String,
    trained_iterations: u32,
    step: Step,
    interventions: Interventions,
    frames: u32,
}

impl Trace {
    /// Checks what the rest of the program relies on: a solution, if given, that solves the puzzle;
    /// frames of iterations 1, 2, 3, … that fit the board. Norms may be anything.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), TraceError> {
        self.check_as(1)
    }

    /// The trace as a file. A trace that fails [`Trace::check`] becomes a file that is refused when
    /// it is read, for the same reason.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Self::encode_many(std::slice::from_ref(self))
    }

    /// Reads a file of one trace. Never panics; memory stays below [`MAX_FRAME_BYTES`] and what the
    /// lists themselves cost.
    ///
    /// # Errors
    /// What is wrong with the file, or that it holds several traces.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TraceError> {
        let mut traces = Self::decode_many(bytes)?;
        match (traces.pop(), traces.len()) {
            (Some(trace), 0) => Ok(trace),
            (last, rest) => Err(TraceError::Several { found: rest + usize::from(last.is_some()) }),
        }
    }

    /// Several traces as one file. The reader refuses none at all and more than [`MAX_TRACES`].
    #[must_use]
    pub fn encode_many(traces: &[Self]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend((traces.len() as u32).to_le_bytes());
        let mut gz = GzEncoder::new(out, flate2::Compression::default());
        // Writing into memory cannot fail; should it, the file is short and the reader says so.
        let written = traces.iter().try_for_each(|t| gz.write_all(&t.pack()));
        if let Err(e) = written {
            tracing::error!("a trace could not be compressed: {e}");
        }
        gz.finish().unwrap_or_default()
    }

    /// Reads a file of one trace or several. Never panics; memory as for [`Trace::from_bytes`].
    ///
    /// # Errors
    /// What is wrong with the file, and in which trace.
    pub fn decode_many(bytes: &[u8]) -> Result<Vec<Self>, TraceError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(TraceError::NotATrace)?;
        let mut reader = Reader { gz: GzDecoder::new(rest), trace: 1, part: "version", bytes_left: MAX_FRAME_BYTES };
        let (Some((version, rest)), true) = (rest.split_first_chunk::<4>(), rest.len() >= 8) else {
            return Err(reader.damaged("only the first bytes are there"));
        };
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(TraceError::Version { found: version });
        }
        let Some((count, stream)) = rest.split_first_chunk::<4>() else {
            return Err(reader.damaged("only the first bytes are there"));
        };
        let count = u32::from_le_bytes(*count);
        if !(1..=MAX_TRACES).contains(&count) {
            return Err(TraceError::Count { found: count });
        }
        reader.gz = GzDecoder::new(stream);
        let traces = (1..=count as usize).map(|i| reader.trace(i)).collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        Ok(traces)
    }

    fn check_as(&self, trace: usize) -> Result<(), TraceError> {
        let clues = &self.puzzle.clues;
        if let Some(solution) = self.puzzle.solution.as_ref().filter(|s| !s.is_valid_solution_of(clues)) {
            return Err(TraceError::Solution { trace, clues: clues.to_line(), solution: solution.to_line() });
        }
        for (frame, i) in self.frames.iter().zip(1..) {
            if frame.iteration.0 as usize != i {
                return Err(TraceError::Order { trace, frame: i, found: frame.iteration.0 });
            }
            if !frame.fits(self.shape()) {
                return Err(TraceError::Misfit { trace, frame: i, shape: self.shape() });
            }
        }
        Ok(())
    }

    /// Header and arrays, not compressed.
    fn pack(&self) -> Vec<u8> {
        let (cells, side) = (self.shape().cells(), self.shape().side());
        let header = Header {
            puzzle: self.puzzle.clone(),
            model: self.model.clone(),
            trained_iterations: self.trained_iterations,
            step: self.step,
            interventions: self.interventions,
            frames: self.frames.len() as u32,
        };
        // Plain structs with text keys always have a JSON form; an empty header would be refused.
        let json = serde_json::to_vec(&header).unwrap_or_default();
        let mut out = (json.len() as u32).to_le_bytes().to_vec();
        out.extend(json);
        // A frame that does not fit is written as zeros, which are no digits: the sizes of the file
        // stay right and the reader names the frame.
        let blank = Frame {
            iteration: Iteration(0),
            digits: vec![0; cells],
            probabilities: vec![Probability(0); cells * side],
            state_norm: vec![0.0; cells],
            residual: 0.0,
        };
        let frames = || self.frames.iter().map(|f| if f.fits(self.shape()) { f } else { &blank });
        self.frames.iter().for_each(|f| out.extend(f.iteration.0.to_le_bytes()));
        frames().for_each(|f| out.extend(&f.digits));
        frames().for_each(|f| out.extend(f.probabilities.iter().flat_map(|p| p.0.to_le_bytes())));
        frames().for_each(|f| out.extend(f.state_norm.iter().flat_map(|x| x.to_le_bytes())));
        self.frames.iter().for_each(|f| out.extend(f.residual.to_le_bytes()));
        out
    }
}

/// Reads traces off the decompressor, so that a file's claims cost no memory before its data do.
struct Reader<'a> {
    gz: GzDecoder<&'a [u8]>,
    trace: usize,
    part: &'static str,
    bytes_left: u64,
}

impl Reader<'_> {
    fn damaged(&self, message: impl ToString) -> TraceError {
        TraceError::Damaged { trace: self.trace, part: self.part, message: message.to_string() }
    }

    /// Exactly `count` bytes. The buffer grows with what is really there.
    fn bytes(&mut self, part: &'static str, count: usize) -> Result<Vec<u8>, TraceError> {
        self.part = part;
        let mut out = Vec::new();
        (&mut self.gz).take(count as u64).read_to_end(&mut out).map_err(|e| self.damaged(e))?;
        if out.len() < count {
            return Err(self.damaged(format!("{} of {count} bytes are there", out.len())));
        }
        Ok(out)
    }

    /// `count` values of K bytes.
    fn values<const K: usize, T>(
        &mut self,
        part: &'static str,
        count: usize,
        read: fn([u8; K]) -> T,
    ) -> Result<Vec<T>, TraceError> {
        Ok(self.bytes(part, count.saturating_mul(K))?.as_chunks::<K>().0.iter().map(|c| read(*c)).collect())
    }

    fn header(&mut self) -> Result<Header, TraceError> {
        let trace = self.trace;
        let refuse = |message| TraceError::Header { trace, message };
        let length = self.values("header", 1, u32::from_le_bytes)?.first().copied().unwrap_or(0);
        if length > MAX_HEADER {
            return Err(refuse(format!("it claims {length} bytes; at most {MAX_HEADER} are read")));
        }
        let json = self.bytes("header", length as usize)?;
        serde_json::from_slice(&json).map_err(|e| refuse(e.to_string()))
    }

    fn trace(&mut self, number: usize) -> Result<Trace, TraceError> {
        self.trace = number;
        let header = self.header()?;
        let shape = header.puzzle.clues.shape();
        let (cells, side, frames) = (shape.cells(), shape.side(), header.frames as usize);
        let frame_bytes = 4 + cells + 2 * cells * side + 4 * cells + 4;
        self.bytes_left = (u64::from(header.frames).checked_mul(frame_bytes as u64))
            .and_then(|bytes| self.bytes_left.checked_sub(bytes))
            .ok_or(TraceError::TooLarge { trace: number, frames: header.frames })?;

        let iterations = self.values("iterations", frames, u32::from_le_bytes)?;
        let digits = self.bytes("digits", frames * cells)?;
        let probabilities =
            self.values("probabilities", frames * cells * side, |b| Probability(u16::from_le_bytes(b)))?;
        let norms = self.values("state norms", frames * cells, f32::from_le_bytes)?;
        let residuals = self.values("residuals", frames, f32::from_le_bytes)?;
        let frames = iterations
            .into_iter()
            .zip(residuals)
            .zip(digits.chunks_exact(cells))
            .zip(probabilities.chunks_exact(cells * side))
            .zip(norms.chunks_exact(cells))
            .map(|((((iteration, residual), digits), probabilities), norms)| Frame {
                iteration: Iteration(iteration),
                digits: digits.to_vec(),
                probabilities: probabilities.to_vec(),
                state_norm: norms.to_vec(),
                residual,
            })
            .collect();
        let trace = Trace {
            puzzle: header.puzzle,
            model: header.model,
            trained_iterations: header.trained_iterations,
            step: header.step,
            interventions: header.interventions,
            frames,
        };
        trace.check_as(number)?;
        Ok(trace)
    }

    /// Nothing may be left, and the checksum must be right: gzip checks it at its end.
    fn end(mut self) -> Result<(), TraceError> {
        self.part = "end";
        let mut one = [0];
        match self.gz.read(&mut one) {
            Ok(0) if self.gz.get_ref().is_empty() => Ok(()),
            Ok(_) => Err(TraceError::Trailing),
            Err(e) => Err(self.damaged(e)),
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
