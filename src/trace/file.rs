//! Traces as files: one container for one trace or several, such as the boards of a probe.
//!
//! ```text
//! 8 bytes   magic: 0x89 "LSTRACE"   (not ASCII at first, so that no text file passes)
//! u32 LE    version: 1, 2 where a frame has what only routed networks have, or 3 for a recording of a
//!           training: the same boards at rising steps
//! u32 LE    traces N, 1..=MAX_TRACES
//! gzip      of, in version 3, once: u32 LE length of a JSON on the run, at most MAX_HEADER, and that JSON;
//!           then N times:
//!   u32 LE    length of the header, at most MAX_HEADER
//!   JSON      puzzle, model, trained_iterations, step, interventions, frames (their number F);
//!             in versions 2 and 3 perhaps blocks B and heads H of a router, controller, halting
//!   then, with C cells and n digits of the puzzle's board,
//!   u32 LE    iteration        [F]        1, 2, 3, …
//!   u8        digits           [F, C]     1..=n
//!   u16 LE    probabilities    [F, C, n]  in 1/65,535
//!   f32 LE    state norms      [F, C]
//!   f32 LE    residuals        [F]
//!   and, in versions 2 and 3, where the header has them,
//!   u16 LE    head weights     [F, B, C, H]  in 1/65,535
//!   f32 LE    norms of the fast and of the slow state, [F] each
//!   u8        whether the slow state was updated, [F]
//!   u16 LE    halting mass     [F, C]  in 1/65,535
//!   u8        whether it has halted, [F, C]
//! ```
//! A norm or residual that is infinite or no number is kept bit for bit: a diverging state is
//! something to look at. gzip's checksum finds damage; nothing may follow it.

mod error;

use std::io::{Read, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

pub use error::TraceError;

use super::{ControllerFrame, Frame, HaltingFrame, Iteration, Probability, Routing, RunFacts, Step, Trace};
use crate::config::Interventions;
use crate::tasks::sudoku::Puzzle;

const MAGIC: &[u8; 8] = b"\x89LSTRACE";
const VERSION: u32 = 3;
/// The version with what only routed networks have.
const ROUTED: u32 = 2;
/// The version without what only routed networks have; it is still written where it suffices.
const PLAIN: u32 = 1;
/// The most traces in a file.
pub const MAX_TRACES: u32 = 1024;
/// The longest header of a trace in bytes.
pub const MAX_HEADER: u32 = 65_536;
/// The most bytes of frames in a file, decompressed: 140,000 frames of a 9×9 board.
pub const MAX_FRAME_BYTES: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    puzzle: Puzzle,
    model: String,
    trained_iterations: u32,
    step: Step,
    interventions: Interventions,
    frames: u32,
    #[serde(default, skip_serializing_if = "Recorded::is_plain")]
    recorded: Recorded,
}

/// What the frames hold besides; the same for all frames of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Recorded {
    blocks: u16,
    heads: u16,
    controller: bool,
    halting: bool,
}

impl Recorded {
    fn of(frame: &Frame, cells: usize) -> Self {
        let routing = frame.routing.as_ref();
        Self {
            blocks: routing.map_or(0, |r| r.blocks(cells) as u16),
            heads: routing.map_or(0, |r| r.heads),
            controller: frame.controller.is_some(),
            halting: frame.halting.is_some(),
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over; 32-bit targets do not mind")]
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Weights of a frame.
    fn weights(self, cells: usize) -> usize {
        usize::from(self.blocks) * usize::from(self.heads) * cells
    }

    /// Bytes of a frame.
    fn bytes(self, cells: usize) -> usize {
        2 * self.weights(cells) + 9 * usize::from(self.controller) + 3 * cells * usize::from(self.halting)
    }
}

/// Traces as a file, with what is known of the run where they are a recording of one.
pub(super) fn encode<'a>(run: Option<&RunFacts>, traces: impl Iterator<Item = &'a Trace> + Clone) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let plain = traces.clone().all(|t| t.recorded().is_plain());
    let version = match run {
        Some(_) => VERSION,
        None if plain => PLAIN,
        None => ROUTED,
    };
    out.extend(version.to_le_bytes());
    out.extend((traces.clone().count() as u32).to_le_bytes());
    let facts = run.map(|run| with_length(&run.to_json())).unwrap_or_default();
    let mut gz = GzEncoder::new(out, flate2::Compression::default());
    // Writing into memory cannot fail; should it, the file is short and the reader says so.
    let written = gz.write_all(&facts).and_then(|()| traces.into_iter().try_for_each(|t| gz.write_all(&t.pack())));
    if let Err(e) = written {
        tracing::error!("a trace could not be compressed: {e}");
    }
    gz.finish().unwrap_or_default()
}

/// The traces of a file, with what it says of a run where it is a recording of one.
pub(super) fn decode(bytes: &[u8]) -> Result<(Option<RunFacts>, Vec<Trace>), TraceError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(TraceError::NotATrace)?;
    let mut reader = Reader { gz: GzDecoder::new(rest), trace: 1, part: "version", bytes_left: MAX_FRAME_BYTES };
    let (Some((version, rest)), true) = (rest.split_first_chunk::<4>(), rest.len() >= 8) else {
        return Err(reader.damaged("only the first bytes are there"));
    };
    let version = u32::from_le_bytes(*version);
    if !(PLAIN..=VERSION).contains(&version) {
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
    let run = if version == VERSION {
        Some(reader.json("facts of the run", |_, message| TraceError::Run { message })?)
    } else {
        None
    };
    let traces = (1..=count as usize).map(|i| reader.trace(i)).collect::<Result<Vec<_>, _>>()?;
    reader.end()?;
    Ok((run, traces))
}

fn with_length(json: &[u8]) -> Vec<u8> {
    let mut out = (json.len() as u32).to_le_bytes().to_vec();
    out.extend(json);
    out
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
        encode(None, traces.iter())
    }

    /// Reads a file of one trace or several. Never panics; memory as for [`Trace::from_bytes`].
    ///
    /// # Errors
    /// What is wrong with the file, and in which trace.
    pub fn decode_many(bytes: &[u8]) -> Result<Vec<Self>, TraceError> {
        decode(bytes).map(|(_, traces)| traces)
    }

    fn check_as(&self, trace: usize) -> Result<(), TraceError> {
        let clues = &self.puzzle.clues;
        if let Some(solution) = self.puzzle.solution.as_ref().filter(|s| !s.is_valid_solution_of(clues)) {
            return Err(TraceError::Solution { trace, clues: clues.to_line(), solution: solution.to_line() });
        }
        let recorded = self.recorded();
        for (frame, i) in self.frames.iter().zip(1..) {
            if frame.iteration.0 as usize != i {
                return Err(TraceError::Order { trace, frame: i, found: frame.iteration.0 });
            }
            if !frame.fits(self.shape()) || Recorded::of(frame, self.shape().cells()) != recorded {
                return Err(TraceError::Misfit { trace, frame: i, shape: self.shape() });
            }
        }
        Ok(())
    }

    /// What its frames hold besides: that of the first.
    fn recorded(&self) -> Recorded {
        self.frames.first().map_or_else(Recorded::default, |f| Recorded::of(f, self.shape().cells()))
    }

    /// Header and arrays, not compressed.
    fn pack(&self) -> Vec<u8> {
        let (cells, side) = (self.shape().cells(), self.shape().side());
        let recorded = self.recorded();
        let header = Header {
            recorded,
            puzzle: self.puzzle.clone(),
            model: self.model.clone(),
            trained_iterations: self.trained_iterations,
            step: self.step,
            interventions: self.interventions,
            frames: self.frames.len() as u32,
        };
        // Plain structs with text keys always have a JSON form; an empty header would be refused.
        let json = serde_json::to_vec(&header).unwrap_or_default();
        let mut out = with_length(&json);
        // A frame that does not fit is written as zeros, which are no digits: the sizes of the file
        // stay right and the reader names the frame.
        let blank = Frame {
            iteration: Iteration(0),
            digits: vec![0; cells],
            probabilities: vec![Probability(0); cells * side],
            state_norm: vec![0.0; cells],
            ..blank_of(recorded, cells)
        };
        let fits = |f: &Frame| f.fits(self.shape()) && Recorded::of(f, cells) == recorded;
        let frames = || self.frames.iter().map(|f| if fits(f) { f } else { &blank });
        self.frames.iter().for_each(|f| out.extend(f.iteration.0.to_le_bytes()));
        frames().for_each(|f| out.extend(&f.digits));
        frames().for_each(|f| out.extend(f.probabilities.iter().flat_map(|p| p.0.to_le_bytes())));
        frames().for_each(|f| out.extend(f.state_norm.iter().flat_map(|x| x.to_le_bytes())));
        self.frames.iter().for_each(|f| out.extend(f.residual.to_le_bytes()));
        let weights = |r: &Routing| r.weights.iter().flat_map(|p| p.0.to_le_bytes()).collect::<Vec<u8>>();
        frames().filter_map(|f| f.routing.as_ref()).for_each(|r| out.extend(weights(r)));
        let controllers = || frames().filter_map(|f| f.controller);
        controllers().for_each(|c| out.extend(c.fast.to_le_bytes()));
        controllers().for_each(|c| out.extend(c.slow.to_le_bytes()));
        out.extend(controllers().map(|c| u8::from(c.slow_moved)));
        let halting = || frames().filter_map(|f| f.halting.as_ref());
        halting().for_each(|h| out.extend(h.mass.iter().flat_map(|p| p.0.to_le_bytes())));
        halting().for_each(|h| out.extend(h.halted.iter().map(|b| u8::from(*b))));
        out
    }
}

/// A frame of nothing, with the lists of a recording.
fn blank_of(recorded: Recorded, cells: usize) -> Frame {
    let zeros = |count| vec![Probability(0); count];
    Frame {
        routing: (recorded.heads > 0)
            .then(|| Routing { heads: recorded.heads, weights: zeros(recorded.weights(cells)) }),
        controller: recorded.controller.then_some(ControllerFrame { fast: 0.0, slow: 0.0, slow_moved: false }),
        halting: recorded.halting.then(|| HaltingFrame { mass: zeros(cells), halted: vec![false; cells] }),
        ..Frame::default()
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

    /// A length and a JSON of it.
    fn json<T: serde::de::DeserializeOwned>(
        &mut self,
        part: &'static str,
        refuse: fn(usize, String) -> TraceError,
    ) -> Result<T, TraceError> {
        let trace = self.trace;
        let length = self.values(part, 1, u32::from_le_bytes)?.first().copied().unwrap_or(0);
        if length > MAX_HEADER {
            return Err(refuse(trace, format!("it claims {length} bytes; at most {MAX_HEADER} are read")));
        }
        let json = self.bytes(part, length as usize)?;
        serde_json::from_slice(&json).map_err(|e| refuse(trace, e.to_string()))
    }

    fn header(&mut self) -> Result<Header, TraceError> {
        self.json("header", |trace, message| TraceError::Header { trace, message })
    }

    fn trace(&mut self, number: usize) -> Result<Trace, TraceError> {
        self.trace = number;
        let header = self.header()?;
        let shape = header.puzzle.clues.shape();
        let (cells, side, frames) = (shape.cells(), shape.side(), header.frames as usize);
        let recorded = header.recorded;
        let has_heads = recorded.heads > 0;
        if has_heads != (recorded.blocks > 0) {
            let Recorded { blocks, heads, .. } = recorded;
            let message = format!("it claims {heads} heads in {blocks} blocks; both must be 0, or neither");
            return Err(TraceError::Header { trace: number, message });
        }
        let frame_bytes = 4 + cells + 2 * cells * side + 4 * cells + 4 + recorded.bytes(cells);
        self.bytes_left = (u64::from(header.frames).checked_mul(frame_bytes as u64))
            .and_then(|bytes| self.bytes_left.checked_sub(bytes))
            .ok_or(TraceError::TooLarge { trace: number, frames: header.frames })?;

        let iterations = self.values("iterations", frames, u32::from_le_bytes)?;
        let digits = self.bytes("digits", frames * cells)?;
        let probabilities =
            self.values("probabilities", frames * cells * side, |b| Probability(u16::from_le_bytes(b)))?;
        let norms = self.values("state norms", frames * cells, f32::from_le_bytes)?;
        let residuals = self.values("residuals", frames, f32::from_le_bytes)?;
        let mut more = self.more(recorded, frames, cells)?;
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
                ..more.next().unwrap_or_default()
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

    /// What only routed networks have, a frame each, the rest of it empty.
    fn more(
        &mut self,
        recorded: Recorded,
        frames: usize,
        cells: usize,
    ) -> Result<impl Iterator<Item = Frame> + use<>, TraceError> {
        let probability = |b| Probability(u16::from_le_bytes(b));
        let weights = self.values("head weights", frames * recorded.weights(cells), probability)?;
        let controllers = if recorded.controller { frames } else { 0 };
        let fast = self.values("norms of the fast state", controllers, f32::from_le_bytes)?;
        let slow = self.values("norms of the slow state", controllers, f32::from_le_bytes)?;
        let moved = self.bytes("updates of the slow state", controllers)?;
        let halting = if recorded.halting { frames * cells } else { 0 };
        let mass = self.values("halting mass", halting, probability)?;
        let halted = self.bytes("halted cells", halting)?;
        Ok((0..frames).map(move |i| {
            let list = |all: &[Probability], count: usize| all.get(i * count..(i + 1) * count).map(<[_]>::to_vec);
            let controller = fast.get(i).zip(slow.get(i)).zip(moved.get(i));
            let halted = halted.get(i * cells..(i + 1) * cells);
            Frame {
                routing: (recorded.heads > 0)
                    .then(|| list(&weights, recorded.weights(cells)))
                    .flatten()
                    .map(|weights| Routing { heads: recorded.heads, weights }),
                controller: controller.map(|((fast, slow), moved)| ControllerFrame {
                    fast: *fast,
                    slow: *slow,
                    slow_moved: *moved != 0,
                }),
                halting: halted
                    .zip(list(&mass, cells))
                    .map(|(halted, mass)| HaltingFrame { mass, halted: halted.iter().map(|b| *b != 0).collect() }),
                ..Frame::default()
            }
        }))
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
