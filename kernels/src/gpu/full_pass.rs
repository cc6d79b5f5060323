//! A pass over a batch of boards in f32: what is on the card, and what is queued next.

use std::time::Duration;

use cubecl::client::Graph;
use cubecl::prelude::*;
use cubecl::server::Handle;

use super::kernel::{enter, last, middle};
use super::plan::{KEPT, LANES, Plan, settings};
use super::{Client, FEW, GpuError, GpuLoop};
use crate::Changes;

/// A submission takes no longer than this, so that a device that also draws can do so in between.
const SUBMISSION: Duration = Duration::from_millis(10);
/// Iterations that are recorded at once: an even number, so that what is read and what is written end as they
/// began.
const RECORDED: usize = 8;
/// Launches that cubecl submits at once by itself.
const LAUNCHES: usize = 32;

/// A pass over a batch of boards that is under way on the card.
pub(super) struct FullPass {
    of: GpuLoop,
    plan: Plan,
    boards: usize,
    settings: Handle,
    /// Queries, keys and values: what one launch reads and what it writes change places.
    qkv: [Handle; 2],
    turn: usize,
    residual: Handle,
    /// S_t of the last iterations, [slots, rows, d].
    states: Handle,
    slots: usize,
    /// [capacity, rows, 2 digits + 3].
    frames: Handle,
    capacity: usize,
    iteration: u32,
    /// Boards of a launch.
    group: usize,
    /// Launches of a submission.
    submission: usize,
    launched: usize,
    /// Launches of [`RECORDED`] iterations.
    graph: Option<Graph>,
    /// Whether recording is worth a try.
    records: bool,
}

impl FullPass {
    pub(super) fn new(
        of: &GpuLoop,
        plan: Plan,
        clues: &[u8],
        changes: &Changes,
        slots: usize,
        capacity: usize,
        limit: usize,
    ) -> Option<Self> {
        let (sizes, client, rows) = (of.sizes, &of.client, clues.len());
        let (slots, capacity) = (slots.max(2), capacity.max(1));
        let width = rows * sizes.width;
        let frames = capacity * rows * (2 * sizes.digits + 3);
        if [3 * width, slots * width, frames].into_iter().any(|n| 4 * n > limit) {
            return None;
        }
        let floats = |n: usize| client.empty(4 * n);
        let clues: Vec<u32> = clues.iter().map(|c| u32::from(*c)).collect();
        let clues = client.create_from_slice(u32::as_bytes(&clues));
        let boards = rows / sizes.cells;
        let mut pass = Self {
            plan,
            boards,
            settings: client.create_from_slice(f32::as_bytes(&settings(&sizes, changes, slots, capacity))),
            qkv: [floats(3 * width), floats(3 * width)],
            turn: 0,
            residual: floats(width),
            states: floats(slots * width),
            slots,
            frames: floats(frames),
            capacity,
            iteration: 0,
            group: boards,
            submission: LAUNCHES,
            launched: 0,
            graph: None,
            records: boards <= FEW && sizes.blocks * RECORDED <= 256,
            of: of.clone(),
        };
        pass.enter(&clues);
        Some(pass)
    }

    /// Boards times cells.
    pub(super) fn rows(&self) -> usize {
        self.boards * self.of.sizes.cells
    }

    /// Iterations queued so far.
    pub(super) fn iteration(&self) -> u32 {
        self.iteration
    }

    /// Frames that can wait to be read.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    fn count(&self, boards: usize) -> CubeCount {
        CubeCount::Static(self.plan.bands() as u32, boards as u32, 1)
    }

    fn weights(&self) -> BufferArg {
        // SAFETY: the buffer was made with that length.
        unsafe { BufferArg::from_raw_parts(self.of.weights.clone(), self.of.length) }
    }

    fn vectors(&self, handle: &Handle, rows: usize) -> BufferArg {
        // SAFETY: every such buffer was made for that many rows of d values.
        unsafe { BufferArg::from_raw_parts(handle.clone(), rows * self.of.sizes.width / LANES) }
    }

    fn settings(&self) -> BufferArg {
        let length = KEPT + self.of.sizes.blocks * self.of.sizes.heads;
        // SAFETY: as `settings` makes it.
        unsafe { BufferArg::from_raw_parts(self.settings.clone(), length) }
    }

    fn enter(&mut self, clues: &Handle) {
        let rows = self.rows();
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the plan.
        unsafe {
            enter::launch_unchecked(
                &self.of.client,
                self.count(self.boards),
                CubeDim::new_1d(self.plan.units as u32),
                self.weights(),
                self.settings(),
                BufferArg::from_raw_parts(clues.clone(), rows),
                self.vectors(&self.qkv[0], 3 * rows),
                self.vectors(&self.residual, rows),
                self.vectors(&self.states, self.slots * rows),
                0,
                self.plan,
                self.of.places,
            );
        }
    }

    /// Queues iterations.
    ///
    /// # Errors
    /// A device that fails.
    pub(super) fn queue(&mut self, count: usize) -> Result<(), GpuError> {
        let mut left = count;
        if self.graph.is_none() && self.records && left >= 2 * RECORDED {
            self.record()?;
            left -= RECORDED;
            self.iteration += RECORDED as u32;
        }
        while left > 0 {
            match &self.graph {
                Some(graph) if left >= RECORDED => {
                    // SAFETY: this pass holds every buffer of the recorded launches, and no other thread uses
                    // them.
                    unsafe { graph.replay() }.map_err(|e| GpuError(format!("{e:?}")))?;
                    left -= RECORDED;
                    self.iteration += RECORDED as u32;
                }
                _ => {
                    self.iterate()?;
                    left -= 1;
                    self.iteration += 1;
                }
            }
        }
        Ok(())
    }

    /// Runs some iterations and records as many, which are not run: what is the same in every launch is worked
    /// out once. A device that cannot record goes on without.
    fn record(&mut self) -> Result<(), GpuError> {
        self.records = false;
        let client = self.of.client.clone();
        let prepared = client.graph_prepare().is_ok();
        (0..RECORDED).try_for_each(|_| self.iterate())?;
        if !prepared || client.start_capture().is_err() {
            return Ok(());
        }
        let turn = self.turn;
        let recorded = (0..RECORDED).all(|_| self.iterate().is_ok());
        self.turn = turn;
        match client.stop_capture() {
            Ok(graph) if recorded => self.graph = Some(graph),
            _ => {}
        }
        Ok(())
    }

    /// The launches of one iteration.
    fn iterate(&mut self) -> Result<(), GpuError> {
        for block in 0..self.of.sizes.blocks {
            let mut first = 0;
            while first < self.boards {
                let boards = self.group.min(self.boards - first);
                self.launch(block, first, boards);
                first += boards;
                self.launched += 1;
                if self.launched >= self.submission {
                    self.launched = 0;
                    if self.submission < LAUNCHES {
                        self.of.client.flush().map_err(|e| GpuError(format!("{e:?}")))?;
                    }
                }
            }
            self.turn = 1 - self.turn;
        }
        Ok(())
    }

    fn launch(&self, block: usize, first: usize, boards: usize) {
        let sizes = self.of.sizes;
        let rows = self.rows();
        let dim = CubeDim::new_1d(self.plan.units as u32);
        let (from, to) = (&self.qkv[self.turn], &self.qkv[1 - self.turn]);
        // SAFETY: the kernels stay within the buffers, whose lengths follow from the plan.
        unsafe {
            if block + 1 < sizes.blocks {
                middle::launch_unchecked(
                    &self.of.client,
                    self.count(boards),
                    dim,
                    self.weights(),
                    self.settings(),
                    self.vectors(from, 3 * rows),
                    self.vectors(to, 3 * rows),
                    self.vectors(&self.residual, rows),
                    block as u32,
                    first as u32,
                    self.plan,
                    self.of.places,
                );
            } else {
                let length = self.capacity * rows * (2 * sizes.digits + 3);
                last::launch_unchecked(
                    &self.of.client,
                    self.count(boards),
                    dim,
                    self.weights(),
                    self.settings(),
                    self.vectors(from, 3 * rows),
                    self.vectors(to, 3 * rows),
                    self.vectors(&self.residual, rows),
                    self.vectors(&self.states, self.slots * rows),
                    BufferArg::from_raw_parts(self.frames.clone(), length),
                    self.boards as u32,
                    first as u32,
                    self.plan,
                    self.of.places,
                );
            }
        }
    }

    /// Learns from how long an iteration took how much goes into a launch and into a submission.
    pub(super) fn learn(&mut self, iteration: Duration) {
        let launches = self.of.sizes.blocks * self.boards.div_ceil(self.group);
        let launch = iteration / launches as u32;
        if launch > SUBMISSION && self.group > 1 {
            self.group = (self.group / 2).max(1);
            self.graph = None;
        }
        let fit = SUBMISSION.as_nanos() / launch.as_nanos().max(1);
        self.submission = (fit as usize).clamp(1, LAUNCHES);
    }

    /// Frames that wait to be read, and how many values each has.
    pub(super) fn frames(&self) -> (&Handle, usize) {
        (&self.frames, self.rows() * (2 * self.of.sizes.digits + 3))
    }

    /// Kept states, how many, and how many values each has.
    pub(super) fn states(&self) -> (&Handle, usize, usize) {
        (&self.states, self.slots, self.rows() * self.of.sizes.width)
    }

    pub(super) fn client(&self) -> &Client {
        &self.of.client
    }
}
