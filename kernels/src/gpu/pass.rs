//! A pass over a batch of boards that is under way on a card, in either precision.

use std::time::Duration;

use cubecl::prelude::*;
use cubecl::server::Handle;

use super::GpuError;
use super::full_pass::FullPass;
use super::half_pass::HalfPass;

/// A pass over a batch of boards that is under way on the card.
pub struct Pass(pub(super) PassKind);

pub(super) enum PassKind {
    Full(FullPass),
    Half(HalfPass),
}

use PassKind::{Full, Half};

impl Pass {
    /// Boards times cells.
    #[must_use]
    pub fn rows(&self) -> usize {
        match &self.0 {
            Full(p) => p.rows(),
            Half(p) => p.rows(),
        }
    }

    /// Iterations queued so far.
    #[must_use]
    pub fn iteration(&self) -> u32 {
        match &self.0 {
            Full(p) => p.iteration(),
            Half(p) => p.iteration(),
        }
    }

    /// Frames that can wait to be read.
    #[must_use]
    pub fn capacity(&self) -> usize {
        match &self.0 {
            Full(p) => p.capacity(),
            Half(p) => p.capacity(),
        }
    }

    /// Queues iterations. Their frames wait until they are read or as many others follow as can wait.
    ///
    /// # Errors
    /// A device that fails.
    pub fn queue(&mut self, count: usize) -> Result<(), GpuError> {
        match &mut self.0 {
            Full(p) => p.queue(count),
            Half(p) => {
                (0..count).for_each(|_| p.queue());
                Ok(())
            }
        }
    }

    /// Learns from how long an iteration took how much goes into a launch and into a submission.
    pub fn learn(&mut self, iteration: Duration) {
        if let Full(p) = &mut self.0 {
            p.learn(iteration);
        }
    }

    /// Frames of the last `count` iterations, at most as many as can wait: logits, probabilities and the squared
    /// norms of state, change and state before, [count, rows, 2 digits + 3].
    ///
    /// # Errors
    /// A device that fails.
    pub async fn frames(&self, count: usize) -> Result<Vec<f32>, GpuError> {
        let (handle, frame) = self.frame();
        let capacity = self.capacity();
        let count = count.min(capacity).min(self.iteration() as usize);
        let first = (self.iteration() as usize - count) % capacity;
        let whole = capacity * frame;
        // They may go round the end of the buffer.
        let until_end = count.min(capacity - first);
        let mut all = self.read(handle, first * frame, until_end * frame, whole).await?;
        if until_end < count {
            all.extend(self.read(handle, 0, (count - until_end) * frame, whole).await?);
        }
        Ok(all)
    }

    /// Waits until everything that was queued is done.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn settle(&self) -> Result<(), GpuError> {
        let (handle, frame) = self.frame();
        self.read(handle, 0, 4, self.capacity() * frame).await.map(|_| ())
    }

    fn frame(&self) -> (&Handle, usize) {
        match &self.0 {
            Full(p) => p.frames(),
            Half(p) => p.frames(),
        }
    }

    /// S_t of an iteration, [rows, d]; nothing where it was not run or is no longer kept.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn state(&self, iteration: u32) -> Result<Option<Vec<f32>>, GpuError> {
        let (handle, slots, size) = match &self.0 {
            Full(p) => p.states(),
            Half(p) => p.states(),
        };
        let kept = slots as u32;
        if iteration > self.iteration() || iteration + kept <= self.iteration() {
            return Ok(None);
        }
        let at = (iteration % kept) as usize * size;
        self.read(handle, at, size, slots * size).await.map(Some)
    }

    /// `count` of `of` values, from the `at`-th on.
    async fn read(&self, handle: &Handle, at: usize, count: usize, of: usize) -> Result<Vec<f32>, GpuError> {
        let part = handle.clone().offset_start(4 * at as u64).offset_end(4 * (of - at - count) as u64);
        let client = match &self.0 {
            Full(p) => p.client(),
            Half(p) => p.client(),
        };
        let all = client.read_async(vec![part]).await.map_err(|e| GpuError(format!("{e:?}")))?;
        Ok(all.first().map(|bytes| f32::from_bytes(bytes).to_vec()).unwrap_or_default())
    }
}
