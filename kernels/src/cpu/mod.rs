//! The loop on a processor: vectors of the width that is found when the program runs, a few threads, and
//! nothing in memory that does not fit close to the arithmetic.
//!
//! A thread takes some rows of a board (or whole boards, where there are enough) through everything
//! (`worker`, `block`). Keys and values of a block are all it needs of the other rows, so threads meet once
//! a block (`threads`). Weights are packed once into panels that are read from front to back (`pack`), and
//! one small kernel multiplies all of them (`gemm`). Every row goes through the same operations in the same
//! order however the rows are shared out, so the result does not depend on the number of threads, bit for
//! bit.

#![allow(
    clippy::needless_range_loop,
    reason = "arrays of registers: loops with fixed bounds over several of them at once are unrolled as a whole"
)]

mod attention;
mod block;
pub(crate) mod exp;
pub(crate) mod gemm;
mod limit;
pub(crate) mod pack;
mod rows;
#[cfg(test)]
mod tests;
mod threads;
mod worker;

use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};

pub use limit::multiply_adds;
use pack::Packed;
use pulp::{Simd, WithSimd};
use threads::Meeting;
use worker::{Ledger, Scratch, Shared, Worker};

use crate::{Changes, Model, Sizes};

/// A looped transformer with its weights packed for this processor.
pub struct Loop {
    packed: Packed,
    processor: Processor,
    /// What threads need, from one time to the next.
    scratches: Mutex<Vec<Scratch>>,
    /// How they shared a board the last time; it knows how fast each of them is.
    meeting: Mutex<Option<Meeting>>,
}

/// What the loop carries from one iteration to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Number of boards.
    pub boards: usize,
    /// S_t, [boards · cells, d].
    pub state: Vec<f32>,
    /// P_t, [boards · cells, digits]; zeros at t = 0.
    pub prediction: Vec<f32>,
}

/// What to keep besides the predictions; it costs memory, hardly time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The logits Z_t.
    pub logits: bool,
    /// The carried states S_t.
    pub states: bool,
}

/// What came out of some iterations, t the slowest axis; rows = boards · cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Iterations {
    /// Number of iterations.
    pub count: usize,
    /// P_t, [count, rows, digits].
    pub probabilities: Vec<f32>,
    /// |S_t|², |S_t − S_{t−1}|² and |S_{t−1}|² of every row of the carried state, [count, 3, rows].
    pub squares: Vec<f32>,
    /// Z_t, [count, rows, digits], or empty.
    pub logits: Vec<f32>,
    /// S_t as it is carried on, [count, rows, d], or empty.
    pub states: Vec<f32>,
}

impl Loop {
    /// Packs a network's weights for the vectors of this processor.
    ///
    /// # Panics
    /// When a weight does not have the size that `model.sizes` says.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        Self::on(Processor::find(), model)
    }

    fn on(processor: Processor, model: &Model) -> Self {
        let packed = Packed::new(model, processor.run(Lanes));
        Self { packed, processor, scratches: Mutex::default(), meeting: Mutex::default() }
    }

    /// Sizes of the network.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.packed.layout.sizes
    }

    /// S_0 = X We + be and P_0 = 0 of boards whose clues, [boards · cells], are digits or 0 for blanks.
    ///
    /// # Panics
    /// When the clues are not whole boards, or one is no digit.
    #[must_use]
    pub fn start(&self, clues: &[u8]) -> State {
        let Sizes { cells, digits, width, .. } = self.sizes();
        assert!(clues.len().is_multiple_of(cells), "{} clues are no boards of {cells} cells", clues.len());
        let embedded = clues.iter().flat_map(|clue| &self.packed.embedding[usize::from(*clue) * width..][..width]);
        State {
            boards: clues.len() / cells,
            state: embedded.copied().collect(),
            prediction: vec![0.0; clues.len() * digits],
        }
    }

    /// Runs `count` iterations from `at`, which moves on, on at most `threads` threads; one where there are
    /// none to be had, in a browser.
    ///
    /// # Panics
    /// When `at` does not have the size of its boards.
    pub fn advance(
        &self,
        at: &mut State,
        count: usize,
        changes: &Changes,
        wanted: Wanted,
        threads: usize,
    ) -> Iterations {
        let Sizes { cells, digits, width, .. } = self.sizes();
        let rows = at.boards * cells;
        assert_eq!(at.state.len(), rows * width, "the state of {} boards", at.boards);
        assert_eq!(at.prediction.len(), rows * digits, "the prediction of {} boards", at.boards);
        let zeros = |wanted: bool, size: usize| vec![0.0; if wanted { count * rows * size } else { 0 }];
        let mut out = Iterations {
            count,
            probabilities: zeros(true, digits),
            squares: zeros(true, 3),
            logits: zeros(wanted.logits, digits),
            states: zeros(wanted.states, width),
        };
        if rows == 0 || count == 0 {
            return out;
        }
        let threads = if cfg!(target_family = "wasm") { 1 } else { threads.clamp(1, rows) };
        // As many whole boards as there are threads each go to single threads; all share those left over.
        let whole = at.boards / threads * threads;
        let parts = if whole < at.boards { threads.min(cells) } else { 0 };
        let shared = Shared {
            packed: &self.packed,
            scratches: &self.scratches,
            changes,
            count,
            boards: at.boards,
            whole,
            next: AtomicUsize::new(0),
            meeting: self.meeting(parts),
            ledger: Mutex::new(Ledger { at, out: &mut out }),
        };
        self.work(&shared, if whole > 0 { threads } else { parts });
        if parts > 0 {
            *self.meeting.lock().unwrap_or_else(PoisonError::into_inner) = Some(shared.meeting);
        }
        out
    }

    /// The last meeting again, if it was one of as many.
    fn meeting(&self, parts: usize) -> Meeting {
        let last = if parts > 0 { self.meeting.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None };
        match last {
            Some(last) if last.parts() == parts => last.again(),
            _ => Meeting::new(&self.packed.layout, parts),
        }
    }

    /// Lets all threads work, this one as the first.
    fn work(&self, shared: &Shared, threads: usize) {
        if threads == 1 {
            self.processor.run(Worker { shared, part: 0 });
            return;
        }
        std::thread::scope(|scope| {
            for part in 1..threads {
                scope.spawn(move || self.processor.run(Worker { shared, part }));
            }
            self.processor.run(Worker { shared, part: 0 });
        });
    }
}

/// The vectors that this processor has.
///
/// In a browser that is settled when the program is built, because a module with instructions that the
/// browser does not know is refused as a whole, whether they would run or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor {
    #[cfg(not(target_family = "wasm"))]
    arch: pulp::Arch,
}

impl Processor {
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn find() -> Self {
        Self { arch: pulp::Arch::new() }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        self.arch.dispatch(op)
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn find() -> Self {
        Self {}
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        #[cfg(target_feature = "relaxed-simd")]
        if let Some(simd) = pulp::wasm::RelaxedSimd::try_new() {
            return Simd::vectorize(simd, op);
        }
        #[cfg(all(target_feature = "simd128", not(target_feature = "relaxed-simd")))]
        if let Some(simd) = pulp::wasm::Simd128::try_new() {
            return Simd::vectorize(simd, op);
        }
        Simd::vectorize(pulp::Scalar::new(), op)
    }
}

/// Asks for the number of floats in a vector.
pub(crate) struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}
