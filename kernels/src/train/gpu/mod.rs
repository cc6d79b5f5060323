//! A training step on a graphics card.
//!
//! The pass backward keeps S_t and P_t of all iterations and recomputes the rest of an iteration from them, or keeps
//! everything where that is little. Sums over rows are made by groups of rows, each group always the same rows in the
//! same order: a step gives the same bits whenever it is repeated on the same card.

mod attention;
mod attention_plan;
mod backward;
mod blocks;
mod common;
mod ends;
mod forward;
mod full;
mod full_back;
mod half;
mod learn;
mod masks;
mod norm;
mod puzzle;
#[cfg(test)]
mod tests;
mod thin;
mod tile;
mod update;

use std::task::{Context, Poll, Waker};

use cubecl::prelude::*;

use self::blocks::Blocks;
use self::common::{Buffer, Common};
use self::ends::Ends;
use self::masks::draw;
use self::update::Sums;
use super::{Boards, Spec, Update};
use crate::gpu::{Client, GpuError};

/// What a step gives to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Loss by iteration, [T].
    pub losses: Vec<f32>,
    /// Boards with all empty cells right, by iteration, [T].
    pub solved: Vec<f32>,
    /// Squared norm of the gradient.
    pub squared_norm: f32,
}

/// What the parts of one card give to a step that several cards share.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    /// Gradient of the mean loss, [total].
    pub gradient: Vec<f32>,
    /// Loss by iteration, [T].
    pub losses: Vec<f32>,
    /// Boards with all empty cells right, by iteration, [T].
    pub solved: Vec<f32>,
}

/// What a training may take of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The most boards of a part: a multiple of four, or the whole batch.
    pub boards: usize,
    /// Bytes of the card's memory. With more than is needed, the pass backward recomputes nothing.
    pub memory: u64,
}

/// A training on a card: parameters, moments, and the step under way.
pub struct CardTraining {
    common: Common,
    blocks: Blocks,
    ends: Ends,
    sums: Sums,
    /// Parts of the step under way.
    pulled: usize,
}

impl CardTraining {
    /// Puts parameters and both moments, [total] each, on a card. With `half`, products are in half precision where
    /// the card has cooperative matrices. Nothing where the card, the sizes or the room do not allow it.
    #[must_use]
    pub fn new(
        client: &Client,
        spec: &Spec,
        [weights, first, second]: [&[f32]; 3],
        room: Room,
        half: bool,
    ) -> Option<Self> {
        let most = room.boards;
        let s = spec.sizes;
        let fours = [s.width, s.width / s.heads.max(1), s.hidden].iter().all(|n| *n > 0 && n.is_multiple_of(4));
        let turns = s.cells * s.head_width() / 2;
        if !fours
            || !s.width.is_multiple_of(s.heads)
            || most == 0
            || spec.iterations == 0
            || s.blocks == 0
            || [spec.cos.len(), spec.sin.len()] != [turns; 2]
        {
            return None;
        }
        let half = half && Blocks::can_halve(client, spec);
        let common = Common::new(client, spec, weights, most, Blocks::tile(half))?;
        let ends = Ends::new(&common)?;
        let left = room.memory.checked_sub(common.bytes() + ends.bytes())?;
        let blocks = Blocks::new(client, spec, most, common.padded, left, half)?;
        let sums = Sums::new(&common, first, second)?;
        Some(Self { common, blocks, ends, sums, pulled: 0 })
    }

    /// Keeps a moving average of the parameters, [total], from now on: average ← decay · average + (1 − decay) ·
    /// parameters after every update.
    ///
    /// # Errors
    /// An average of another length.
    pub fn keep_average(&mut self, average: &[f32], decay: f64) -> Result<(), GpuError> {
        if average.len() != self.common.layout.total {
            return Err(GpuError("an average of another length than the parameters".into()));
        }
        self.sums.keep_average(&self.common, average, decay);
        Ok(())
    }

    /// Whether products are in half precision.
    #[must_use]
    pub fn is_half(&self) -> bool {
        self.blocks.is_half()
    }

    /// Most boards of a part.
    #[must_use]
    pub fn part(&self) -> usize {
        self.common.most
    }

    /// Queues a pass forward and backward of a part, and adds to the step's gradient, losses and counts. All parts of
    /// a step have the same batch and the same dropout. The first boards of a batch begin a new step: what was pulled
    /// before without an update is forgotten.
    ///
    /// # Errors
    /// Boards that do not fit, or a device that fails.
    pub fn pull(&mut self, boards: &Boards<'_>) -> Result<(), GpuError> {
        let s = self.common.spec.sizes;
        let iterations = self.common.spec.iterations;
        let rows = boards.clues.len();
        let fits = rows.is_multiple_of(s.cells) && rows > 0 && rows <= self.common.most * s.cells;
        if !fits || boards.solutions.len() != rows {
            return Err(GpuError("a part that has no room".into()));
        }
        let (first, last) = (boards.before, boards.before + rows / s.cells);
        let kept = self.common.spec.carries;
        if (kept > 0 && last > kept)
            || boards.earlier.is_some_and(|earlier| kept == 0 || earlier.goes_on.len() != last - first)
        {
            return Err(GpuError(format!("boards {first} to {last} go on, and {kept} are kept")));
        }
        if boards.dropout.is_some() && !self.common.spec.drops {
            return Err(GpuError("dropout in a training without".into()));
        }
        self.common.rows = rows;
        self.common.boards = rows / s.cells;
        self.common.keep = boards.dropout.map_or(1.0, |d| d.keep());
        self.common.scale = self.blocks.scale(boards.blanks, iterations);
        if boards.before == 0 {
            self.forget();
        }
        if self.pulled == 0 {
            self.blocks.prepare(&self.common);
        }
        self.pulled += 1;
        let Self { common, blocks, ends, sums, pulled } = self;
        if common.spec.drops {
            draw(common, boards);
        }
        ends.enter(common, boards);
        let all = blocks.slots() >= iterations;
        for t in 1..=iterations {
            ends.mix(common, blocks.input(common, t), t);
            // Nothing comes between the last iteration and its own pass backward.
            blocks.forward(common, t, all || t == iterations);
            ends.head(common, t);
            flush(&common.client)?;
        }
        ends.leave(common);
        sums.tally(common, ends.marks(), *pulled == 1);
        for t in (1..=iterations).rev() {
            if !all && t < iterations {
                ends.mix(common, blocks.input(common, t), t);
                blocks.forward(common, t, true);
            }
            ends.head_backward(common, t);
            blocks.backward(common, t);
            ends.mix_backward(common, t);
            flush(&common.client)?;
        }
        ends.enter_backward(common);
        Ok(())
    }

    /// Queues the gradient of the parts that were pulled, its norm and the update of the parameters. This ends the
    /// step.
    pub fn update(&mut self, update: &Update) {
        self.blocks.finish(&self.common);
        self.sums.update(&self.common, update);
        self.ends.turn();
        self.pulled = 0;
    }

    /// Forgets what was pulled since the last update.
    pub fn forget(&mut self) {
        if self.pulled > 0 {
            self.sums.forget(&self.common);
            self.blocks.forget(&self.common);
            self.pulled = 0;
        }
    }

    /// Queues the gradient of the parts that were pulled, at least one, and reads it in one go with their losses and
    /// counts. This ends the step for a card that shares it with others: what all gave is the gradient of
    /// [`Self::update_with`].
    pub fn gather(&mut self) -> impl Future<Output = Result<Gathered, GpuError>> + use<> {
        self.blocks.finish(&self.common);
        let gathered = self.sums.gather(&self.common);
        self.ends.turn();
        self.pulled = 0;
        let (total, stride, iterations) =
            (self.common.layout.total, self.common.sum_stride, self.common.spec.iterations);
        let values = read(&self.common.client, &gathered, stride + 2 * iterations);
        async move {
            let mut gradient = values.await?;
            let solved = gradient.split_off(stride + iterations);
            let losses = gradient.split_off(stride);
            gradient.truncate(total);
            Ok(Gathered { gradient, losses, solved })
        }
    }

    /// Queues an update of the parameters with this gradient, [total], instead of that of the parts that were pulled:
    /// the same gradient makes the same parameters, to the bit, on all cards of a kind. [`Self::gradient`] gives it
    /// back, and of [`Self::watched`] the squared norm is its own.
    ///
    /// # Errors
    /// A gradient of another length.
    pub fn update_with(&mut self, gradient: &[f32], update: &Update) -> Result<(), GpuError> {
        if gradient.len() != self.common.layout.total {
            return Err(GpuError("a gradient of another length than the parameters".into()));
        }
        self.sums.update_with(&self.common, gradient, update);
        Ok(())
    }

    /// What the last update's step gave. The values are read in the order of calls: steps that follow do not change
    /// them.
    pub fn watched(&self) -> impl Future<Output = Result<Watched, GpuError>> + use<> {
        let iterations = self.common.spec.iterations;
        let values = read(&self.common.client, self.sums.shown(), 2 * iterations + 1);
        async move {
            let values = values.await?;
            Ok(Watched {
                losses: values[..iterations].to_vec(),
                solved: values[iterations..2 * iterations].to_vec(),
                squared_norm: values[2 * iterations],
            })
        }
    }

    /// The gradient of the last update, [total].
    ///
    /// # Errors
    /// A device that fails.
    pub async fn gradient(&self) -> Result<Vec<f32>, GpuError> {
        read(&self.common.client, self.sums.gradient(), self.common.layout.total).await
    }

    /// Parameters, [total].
    ///
    /// # Errors
    /// A device that fails.
    pub async fn weights(&self) -> Result<Vec<f32>, GpuError> {
        read(&self.common.client, &self.common.weights, self.common.layout.total).await
    }

    /// Parameters, first and second moments, [total] each.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn parameters(&self) -> Result<[Vec<f32>; 3], GpuError> {
        let total = self.common.layout.total;
        let client = &self.common.client;
        let [first, second] = self.sums.moments();
        Ok([self.weights().await?, read(client, first, total).await?, read(client, second, total).await?])
    }

    /// The moving average of the parameters, [total], where one is kept.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn average(&self) -> Result<Option<Vec<f32>>, GpuError> {
        match self.sums.average() {
            Some(average) => read(&self.common.client, average, self.common.layout.total).await.map(Some),
            None => Ok(None),
        }
    }

    /// Waits until everything that was queued is done.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn settle(&self) -> Result<(), GpuError> {
        read(&self.common.client, self.sums.shown(), 1).await.map(|_| ())
    }
}

/// So that a device that also draws can do so in between.
fn flush(client: &Client) -> Result<(), GpuError> {
    client.flush().map_err(|e| GpuError(format!("{e:?}")))
}

/// The first `count` values. The read is queued now, before what is queued after this call.
fn read(client: &Client, from: &Buffer, count: usize) -> impl Future<Output = Result<Vec<f32>, GpuError>> + use<> {
    let part = from.handle.clone().offset_end(4 * (from.length - count) as u64);
    let client = client.clone();
    let mut reading = Box::pin(async move { client.read_async(vec![part]).await });
    // The first poll queues it.
    let early = match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(all) => Some(all),
        Poll::Pending => None,
    };
    async move {
        let all = match early {
            Some(all) => all,
            None => reading.await,
        };
        let all = all.map_err(|e| GpuError(format!("{e:?}")))?;
        let values = all.first().map(|bytes| f32::from_bytes(bytes).to_vec()).unwrap_or_default();
        if values.len() == count { Ok(values) } else { Err(GpuError("a read that came back short".into())) }
    }
}
