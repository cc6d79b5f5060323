//! An iteration that computes only what counts (`specs/poh.md` §7): cells that have halted are not refined
//! and boards that have halted are not looked at; a head is computed for the cells that chose it alone. The
//! result is that of the plain path but for rounding.
//!
//! What counts is known on the device, so it is read back once an iteration, and once a block where heads are
//! chosen. That pays on the CPU, where reading waits for nothing, and not on a graphics card.

use burn::tensor::{Device, Int, Tensor};

use super::stack::{Block, PohStack};
use super::{PohNetwork, PohState};
use crate::config::{Halting, HeadSet, RouteMode};
use crate::models::{Pass, Recurrence};
use crate::nn::{Attention, Rows, relu, spread};
use crate::trace::Work;

/// What one iteration needs to know.
struct Around<'a> {
    rows: &'a Rows,
    at: Tensor<1, Int>,
    /// Rows of the whole batch.
    count: usize,
    cells: usize,
    knocked_out: HeadSet,
}

impl PohNetwork {
    /// Whether an iteration can leave something out.
    #[must_use]
    pub fn can_spare(&self) -> bool {
        let poh = &self.config.poh;
        let skips = poh.route_mode == RouteMode::Topk && poh.route_topk < self.config.heads && !poh.alpha_after_output;
        skips || poh.act_halting == Halting::Graves
    }

    /// One iteration as [`PohNetwork::advance`] without dropout, and what it cost.
    ///
    /// # Errors
    /// A device that does not answer.
    ///
    /// # Panics
    /// With a recurrence of another network: a fault of the program.
    pub async fn advance_sparing(
        &self,
        from: &Recurrence,
        pass: Pass,
    ) -> Result<(Recurrence, Tensor<2>, Work), String> {
        let more = from.poh.as_deref().expect("a recurrence of this network");
        let [count, _] = from.state.dims();
        let cells = count / from.boards.max(1);
        let rows = Rows::new(self.running(more, count).await?, cells);
        let x = self.mixed(from, more, pass);
        let stack = self.refiner.stack();
        let still = self.refiner.still(more);
        let x = still.as_ref().map_or_else(|| x.clone(), |s| s.hold(0, x.clone()));
        let (controller, routed) = stack.controlled(&x, more.controller.as_ref());
        let around = Around {
            at: rows.indices(&self.device),
            rows: &rows,
            count,
            cells,
            knocked_out: pass.interventions.knocked_out,
        };
        let (mut x, mut inner, mut weights, mut work) = (x, Vec::new(), Vec::new(), Work::default());
        for (i, block) in stack.blocks().iter().enumerate() {
            if let Some(still) = &still {
                x = if i > 0 { still.hold(i, x) } else { x };
                inner.push(x.clone());
            }
            let (next, alpha) = stack.block_at(i, block, x, routed.as_ref(), &around, &mut work).await?;
            x = next;
            if let Some(alpha) = alpha {
                weights.push(match (&routed, &still, more.weights.get(i)) {
                    // The controller weighs the heads of every cell, and costs the same for all.
                    (Some(routed), _, _) => routed.clone(),
                    // Who stands still keeps its weights: its router sees the same again.
                    (None, Some(still), Some(before)) => alpha + before.clone() * still.halted.clone(),
                    _ => alpha,
                });
            }
        }
        let refined = self.refiner.settle(&from.state, x, more, (controller, weights, inner), from.boards);
        let (next, logits) = self.answer(from, refined, pass);
        Ok((next, logits, work))
    }

    /// Rows that are refined in the iteration after `more`.
    async fn running(&self, more: &PohState, count: usize) -> Result<Vec<usize>, String> {
        let Some(still) = self.refiner.still(more) else { return Ok((0..count).collect()) };
        let halted = read(still.halted.clone()).await?;
        Ok(halted.iter().enumerate().filter(|(_, h)| **h < 0.5).map(|(i, _)| i).collect())
    }
}

impl PohStack {
    /// A block for the rows that run: x [rows, d] → the same with what runs renewed and zeros elsewhere, and
    /// α likewise.
    async fn block_at(
        &self,
        i: usize,
        block: &Block,
        x: Tensor<2>,
        routed: Option<&Tensor<2>>,
        around: &Around<'_>,
        work: &mut Work,
    ) -> Result<(Tensor<2>, Option<Tensor<2>>), String> {
        let ([count, d], device) = (x.dims(), x.device());
        let (heads, width) = (self.heads(), d / self.heads());
        let dense = (4 * d * d + 2 * around.cells * d + 2 * d * block.hidden()) as u64;
        work.of += count as u64 * dense;
        if around.rows.is_empty() {
            let alpha = routed.is_some() || self.router_of(block).is_some();
            return Ok((x.zeros_like(), alpha.then(|| Tensor::zeros([count, heads], &device))));
        }
        let y = if self.is_pre() { block.norm1.forward(x.clone()) } else { x.clone() };
        let some = |t: &Tensor<2>| t.clone().select(0, around.at.clone());
        let alpha = match (routed, self.router_of(block)) {
            (Some(alpha), _) => Some(some(alpha)),
            (None, Some(router)) => Some(self.routing().weights(router.forward(some(&y)))),
            (None, None) => None,
        };
        let n = around.rows.all.len();
        let a = match &alpha {
            Some(alpha) if self.routing().skips(heads) && !self.is_after_output() => {
                let chosen = read(alpha.clone()).await?;
                let mut a = block.attention.output_bias().expand([n, d]);
                for head in (0..heads).filter(|h| !around.knocked_out.has(i, *h)) {
                    let mine: Vec<usize> = (0..n).filter(|r| chosen[r * heads + head] > 0.0).collect();
                    if mine.is_empty() {
                        continue;
                    }
                    let rows = Rows::new(mine.iter().map(|r| around.rows.all[*r]).collect(), around.cells);
                    let turns = (self.queries(), self.keys());
                    let o = block.attention.heads_at(&y, &rows, head..head + 1, width, turns);
                    let here = Rows::new(mine, around.count.max(1)).indices(&device);
                    let one = alpha.clone().slice([0..n, head..head + 1]).select(0, here.clone());
                    let gain = block.gains.clone().map(|g| g.slice([0..1, head..head + 1, 0..1]));
                    let o = gain.map_or(o.clone(), |g| o * g).reshape([rows.all.len(), width]) * one;
                    let o = o.mul_scalar(self.routing().scale);
                    let out = block.attention.project_heads(o, head..head + 1, width);
                    a = a + spread(out, &here, n);
                    work.made += (rows.boards.len() * around.cells * 2 * d * width) as u64
                        + (rows.all.len() * (2 * d * width + 2 * around.cells * width)) as u64;
                }
                a
            }
            _ => {
                let turns = (self.queries(), self.keys());
                let o = block.attention.heads_at(&y, around.rows, 0..heads, width, turns);
                work.made += (around.rows.boards.len() * around.cells * 2 * d * d) as u64
                    + (n * (2 * d * d + 2 * around.cells * d)) as u64;
                let o = Attention::without(o, i, around.knocked_out);
                self.put_together(block, o, alpha.as_ref())
            }
        };
        let out = self.feed_forward(block, some(&x) + a);
        work.made += (n * 2 * d * block.hidden()) as u64;
        Ok((spread(out, &around.at, count), alpha.map(|alpha| spread(alpha, &around.at, count))))
    }

    /// What follows attention in a block, without dropout: x [rows, d], the residual sum.
    fn feed_forward(&self, block: &Block, x: Tensor<2>) -> Tensor<2> {
        let x = if self.is_pre() { x } else { block.norm1.forward(x) };
        let g = if self.is_pre() { block.norm2.forward(x.clone()) } else { x.clone() };
        let x = x + block.linear2.forward(relu(block.linear1.forward(g)));
        if self.is_pre() { x } else { block.norm2.forward(x) }
    }
}

async fn read(values: Tensor<2>) -> Result<Vec<f32>, String> {
    let data = values.into_data_async().await.map_err(|e| format!("{e:?}"))?;
    Ok(data.iter::<f32>().collect())
}

/// Whether reading back from a device costs next to nothing.
#[must_use]
pub fn reads_at_once(device: &Device) -> bool {
    *device == Device::flex()
}
