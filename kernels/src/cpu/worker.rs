//! What one thread does.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pulp::{Simd, WithSimd};

use super::pack::{Floats, HIDDEN, Layout, Packed};
use super::threads::{Meeting, Presence, better, cost, shares};
use super::{Iterations, State};
use crate::Changes;

/// Rows that go through the network together, at most: few enough for the nearest cache.
pub(super) const TOGETHER: usize = 48;

/// What all threads have in common.
pub(super) struct Shared<'a> {
    pub packed: &'a Packed,
    /// Those that no thread needs now.
    pub scratches: &'a Mutex<Vec<Scratch>>,
    pub changes: &'a Changes,
    pub count: usize,
    pub boards: usize,
    /// The first boards, each of which one thread takes as a whole.
    pub whole: usize,
    /// The next of them that nobody has taken.
    pub next: AtomicUsize,
    /// Over the other boards.
    pub meeting: Meeting,
    pub ledger: Mutex<Ledger<'a>>,
}

/// Where everything comes from and goes to. A thread has it for as long as it takes to copy its rows.
pub(super) struct Ledger<'a> {
    pub at: &'a mut State,
    pub out: &'a mut Iterations,
}

/// One thread: takes whole boards as long as there are some, and its part of the others.
pub(super) struct Worker<'a, 'b> {
    pub shared: &'a Shared<'b>,
    pub part: usize,
}

impl WithSimd for Worker<'_, '_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let Shared { packed, scratches, boards, whole, ref next, ref meeting, .. } = *self.shared;
        let _presence = Presence(meeting);
        let kept = scratches.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = kept.unwrap_or_else(|| Scratch::new(&packed.layout));
        if whole > 0 {
            let alone = scratch.alone.take().unwrap_or_else(|| Meeting::new(&packed.layout, 1));
            let mut pass = Pass::new(simd, self.shared, &alone, 0, &mut scratch);
            loop {
                let board = next.fetch_add(1, Ordering::Relaxed);
                if board >= whole {
                    break;
                }
                pass.run(board);
            }
            scratch.alone = Some(alone);
        }
        if self.part < meeting.parts() {
            let mut pass = Pass::new(simd, self.shared, meeting, self.part, &mut scratch);
            for board in whole..boards {
                pass.run(board);
            }
        }
        scratches.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

/// What a thread remembers of its rows. The first dimension is rows, at most [`TOGETHER`] of them where
/// nothing else is said.
pub(super) struct Scratch {
    /// S, all rows, [d].
    pub state: Floats,
    /// The state on its way through the blocks, all rows, [d].
    pub x: Floats,
    /// Normalised state, [d].
    pub normal: Floats,
    /// Queries and keys, turned, all rows, [2, heads, turned].
    pub turned: Floats,
    /// [cells]
    pub scores: Floats,
    /// One by the sum of weights.
    pub inverse: Floats,
    /// [heads, value]
    pub heads: Floats,
    /// [HIDDEN]
    pub hidden: Floats,
    /// Sum of the second map of the feed-forward part, [d].
    pub sum: Floats,
    /// All rows, [digits].
    pub logits: Floats,
    /// All rows, [digits].
    pub prediction: Floats,
    /// Three times all rows.
    pub squares: Floats,
    /// A meeting with nobody else, for whole boards.
    alone: Option<Meeting>,
}

impl Scratch {
    fn new(layout: &Layout) -> Self {
        let rows = layout.sizes.cells;
        let together = rows.min(TOGETHER);
        Self {
            state: Floats::zeros(rows * layout.width),
            x: Floats::zeros(rows * layout.width),
            normal: Floats::zeros(together * layout.width),
            turned: Floats::zeros(2 * rows * layout.queries()),
            scores: Floats::zeros(together * layout.cells),
            inverse: Floats::zeros(together),
            heads: Floats::zeros(together * layout.values()),
            hidden: Floats::zeros(together * HIDDEN.min(layout.hidden)),
            sum: Floats::zeros(together * layout.width),
            logits: Floats::zeros(rows * layout.digits),
            prediction: Floats::zeros(rows * layout.digits),
            squares: Floats::zeros(3 * rows),
            alone: None,
        }
    }
}

/// Rows of a board on their way through all iterations.
pub(super) struct Pass<'a, 'b, S> {
    pub simd: S,
    pub shared: &'a Shared<'b>,
    pub meeting: &'a Meeting,
    pub part: usize,
    /// The rows of all parts.
    pub shares: Vec<Range<usize>>,
    /// How many blocks were computed.
    pub blocks: usize,
    pub scratch: &'a mut Scratch,
    /// How often it has met the others.
    met: usize,
    /// When the time began that tells how fast it is, what of it was spent waiting, and the iterations since.
    /// Nothing where it is alone.
    clock: Option<(Instant, Duration)>,
    since: usize,
}

impl<'a, 'b, S: Simd> Pass<'a, 'b, S> {
    fn new(simd: S, shared: &'a Shared<'b>, meeting: &'a Meeting, part: usize, scratch: &'a mut Scratch) -> Self {
        let shares = shares(shared.packed.layout.sizes.cells, &meeting.paces());
        Self { simd, shared, meeting, part, shares, blocks: 0, scratch, met: 0, clock: None, since: 0 }
    }

    /// Its rows.
    pub(super) fn rows(&self) -> Range<usize> {
        self.shares[self.part].clone()
    }

    /// All iterations of a board.
    fn run(&mut self, board: usize) {
        self.load(board);
        self.restart();
        for t in 0..self.shared.count {
            if self.balances_before(t) {
                self.balance(board);
            }
            self.mix();
            let blocks = self.shared.packed.blocks.len();
            for block in 0..blocks {
                self.see(block);
                if block + 1 == blocks && self.balances_before(t + 1) {
                    self.tell_pace();
                }
                self.meet();
                self.block(block);
                self.blocks += 1;
            }
            self.read_out();
            self.carry();
            self.record(board, t);
            self.since += 1;
        }
        self.tell_pace();
        self.save(board);
    }

    fn meet(&mut self) {
        if let Some((_, waited)) = &mut self.clock {
            self.met += 1;
            let begin = Instant::now();
            self.meeting.meet(self.met);
            *waited += begin.elapsed();
        }
    }

    /// Whether rows are shared out anew before an iteration: soon, because nothing is known about the
    /// threads at first, and then from time to time. Never twice in a row, so that what is told for one time
    /// is not mixed up with the next.
    fn balances_before(&self, t: usize) -> bool {
        self.clock.is_some() && t >= 2 && (t.is_power_of_two() || t.is_multiple_of(16))
    }

    /// Rows move from slower threads to faster ones. All threads come to the same shares, because all know
    /// the same paces.
    fn balance(&mut self, board: usize) {
        let paces = self.meeting.paces();
        let new = shares(self.shared.packed.layout.sizes.cells, &paces);
        if better(&new, &self.shares, &paces) {
            self.save(board);
            self.meet();
            self.shares = new;
            self.load(board);
        }
        self.restart();
    }

    /// Begins to measure how fast it is.
    fn restart(&mut self) {
        // There may be no clock where there are no threads.
        self.clock = (self.meeting.parts() > 1).then(|| (Instant::now(), Duration::ZERO));
        self.since = 0;
    }

    fn tell_pace(&self) {
        if let Some((begin, waited)) = self.clock {
            let busy = begin.elapsed().saturating_sub(waited).as_secs_f64().max(1e-9);
            self.meeting.tell_pace(self.part, cost(self.rows().len()) * (self.since.max(1)) as f64 / busy);
        }
    }

    /// Fetches the state and prediction of its rows.
    fn load(&mut self, board: usize) {
        let layout = &self.shared.packed.layout;
        let rows = self.rows_of(board);
        let ledger = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let (width, digits) = (layout.sizes.width, layout.sizes.digits);
        let state = &ledger.at.state[rows.start * width..rows.end * width];
        copy_rows(state, width, &mut self.scratch.state, layout.width);
        let prediction = &ledger.at.prediction[rows.start * digits..rows.end * digits];
        copy_rows(prediction, digits, &mut self.scratch.prediction, layout.digits);
    }

    /// Puts the state and prediction of its rows back.
    fn save(&mut self, board: usize) {
        let layout = &self.shared.packed.layout;
        let rows = self.rows_of(board);
        let mut ledger = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let (width, digits) = (layout.sizes.width, layout.sizes.digits);
        let state = &mut ledger.at.state[rows.start * width..rows.end * width];
        copy_rows(&self.scratch.state, layout.width, state, width);
        let prediction = &mut ledger.at.prediction[rows.start * digits..rows.end * digits];
        copy_rows(&self.scratch.prediction, layout.digits, prediction, digits);
    }

    /// Its rows among the rows of all boards.
    fn rows_of(&self, board: usize) -> Range<usize> {
        let (rows, before) = (self.rows(), board * self.shared.packed.layout.sizes.cells);
        before + rows.start..before + rows.end
    }

    /// Writes down what came out of an iteration.
    fn record(&self, board: usize, t: usize) {
        let layout = &self.shared.packed.layout;
        let (width, digits) = (layout.sizes.width, layout.sizes.digits);
        let (all, rows) = (self.shared.boards * layout.sizes.cells, self.rows_of(board));
        let Scratch { state, logits, prediction, squares, .. } = &*self.scratch;
        let mut ledger = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |outer: usize, size: usize| (outer * all + rows.start) * size..(outer * all + rows.end) * size;
        let out = &mut *ledger.out;
        copy_rows(prediction, layout.digits, &mut out.probabilities[place(t, digits)], digits);
        for (i, squares) in squares.chunks_exact(layout.sizes.cells).enumerate() {
            out.squares[place(3 * t + i, 1)].copy_from_slice(&squares[..rows.len()]);
        }
        if !out.logits.is_empty() {
            copy_rows(logits, layout.digits, &mut out.logits[place(t, digits)], digits);
        }
        if !out.states.is_empty() {
            copy_rows(state, layout.width, &mut out.states[place(t, width)], width);
        }
    }
}

/// Copies rows to rows of another width, as much as both have, and zeros after it.
fn copy_rows(from: &[f32], from_width: usize, to: &mut [f32], to_width: usize) {
    let width = from_width.min(to_width);
    for (from, to) in from.chunks_exact(from_width).zip(to.chunks_exact_mut(to_width)) {
        to[..width].copy_from_slice(&from[..width]);
        to[width..].fill(0.0);
    }
}
