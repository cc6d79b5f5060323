//! Routing over heads (`specs/poh.md` §1.2): logits from a small network, weights α from logits.

use burn::tensor::{Int, Tensor, activation};

use super::{Bound, Layout, Linear, relu};
use crate::config::{PohConfig, RouteMode, TopkGradient};
use crate::trace::{RoutingMetrics, RoutingReading};

/// ℓ = W₂ relu(W₁ y + b₁), without a second bias.
#[derive(Clone, Debug)]
pub struct HeadRouter {
    first: Linear,
    second: Linear,
}

impl HeadRouter {
    /// Adds `NAME.first` (with bias) and `NAME.second.weight`.
    pub fn layout(layout: &mut Layout, name: &str, width: usize, hidden: usize, heads: usize) {
        layout.linear(&format!("{name}.first"), width, hidden);
        layout.matrix(&format!("{name}.second"), hidden, heads);
    }

    /// Binds what [`HeadRouter::layout`] added.
    #[must_use]
    pub fn bind(bound: &Bound, name: &str) -> Self {
        Self {
            first: Linear::bind(bound, &format!("{name}.first")),
            second: Linear::bind_plain(bound, &format!("{name}.second")),
        }
    }

    /// y [rows, d] → logits [rows, heads].
    #[must_use]
    pub fn forward(&self, y: Tensor<2>) -> Tensor<2> {
        self.second.forward(relu(self.first.forward(y)))
    }
}

/// How logits become weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Routing {
    /// The mode.
    pub mode: RouteMode,
    /// Heads that are kept in mode topk.
    pub keep: usize,
    /// What flows back through that choice.
    pub gradient: TopkGradient,
    /// Temperature τ.
    pub temperature: f64,
    /// Factor on α.
    pub scale: f64,
}

impl Routing {
    /// Of a configuration for `heads` heads, after `step` updates.
    #[must_use]
    pub fn of(config: &PohConfig, heads: usize, step: u32) -> Self {
        Self {
            mode: config.route_mode,
            keep: config.route_topk.min(heads),
            gradient: config.topk_gradient,
            temperature: config.temperature(step).max(1e-6),
            scale: config.scale(heads),
        }
    }

    /// Whether a cell leaves some of so many heads out.
    #[must_use]
    pub fn skips(&self, heads: usize) -> bool {
        self.mode == RouteMode::Topk && self.keep < heads
    }

    /// α [rows, heads] from logits of that shape, before its scale: soft and renormalised weights sum
    /// to 1, the others to k.
    #[must_use]
    pub fn weights(&self, logits: Tensor<2>) -> Tensor<2> {
        let soft = activation::softmax(logits.clone().div_scalar(self.temperature), 1);
        if self.mode != RouteMode::Topk {
            return soft;
        }
        let mask = top(logits, self.keep);
        match self.gradient {
            TopkGradient::None => mask,
            // Forwards the mask to the last bit: a number minus itself is zero.
            TopkGradient::StraightThrough => mask + (soft.clone() - soft.detach()),
            TopkGradient::Renormalised => {
                let kept = soft * mask;
                kept.clone() / kept.sum_dim(1).clamp_min(1e-9)
            }
        }
    }
}

/// One for the `keep` largest values of a row and zero for the others; the first of equals wins. There is
/// no gradient.
///
/// Largest by largest: a sort would read the values back to the host, which a browser cannot wait for.
fn top(values: Tensor<2>, keep: usize) -> Tensor<2> {
    let [rows, count] = values.dims();
    let mut left = values.detach();
    let mut mask = left.zeros_like();
    if keep >= count {
        return mask.ones_like();
    }
    let places: Tensor<2, Int> =
        Tensor::<1, Int>::arange(0..count as i64, &left.device()).reshape([1, count]).expand([rows, count]);
    for _ in 0..keep {
        let best = left.clone().argmax(1).expand([rows, count]);
        let chosen = places.clone().equal(best);
        left = left.mask_fill(chosen.clone(), f32::NEG_INFINITY);
        mask = mask.mask_fill(chosen, 1.0);
    }
    mask
}

/// What is read of how a batch's heads were weighed; every list is a mean over rows.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockMoments {
    /// Entropy of α in nats.
    pub entropy: f32,
    /// Mean α of each head, [heads]; of rows divided by their sums.
    pub mean: Vec<f32>,
    /// Share of the rows in which each head has the largest weight, [heads].
    pub top1: Vec<f32>,
    /// Mean α² of each head, [heads].
    pub square: Vec<f32>,
}

impl BlockMoments {
    /// Numbers a block.
    #[must_use]
    pub fn count(heads: usize) -> usize {
        1 + 3 * heads
    }

    /// α of every block [rows, heads] → [blocks · count], to be read by [`BlockMoments::read`]. Means of
    /// parts of a batch can be added up, each times its share.
    #[must_use]
    pub fn of(weights: &[Tensor<2>]) -> Option<Tensor<1>> {
        let parts = weights.iter().map(|w| {
            let [_, heads] = w.dims();
            let alpha = w.clone() / w.clone().sum_dim(1).clamp_min(1e-9);
            let mean = |x: Tensor<2>| x.mean_dim(0).reshape([heads]);
            Tensor::cat(
                vec![
                    entropy(alpha.clone()).mean(),
                    mean(alpha.clone()),
                    mean(top(alpha.clone(), 1)),
                    mean(alpha.clone() * alpha),
                ],
                0,
            )
        });
        let parts: Vec<Tensor<1>> = parts.collect();
        (!parts.is_empty()).then(|| Tensor::cat(parts, 0))
    }

    /// One for each block.
    #[must_use]
    pub fn read(values: &[f32], heads: usize) -> Vec<Self> {
        let list = |block: &[f32], i: usize| block[1 + i * heads..1 + (i + 1) * heads].to_vec();
        values
            .chunks_exact(Self::count(heads))
            .map(|b| Self { entropy: b[0], mean: list(b, 0), top1: list(b, 1), square: list(b, 2) })
            .collect()
    }
}

/// What a training batch's routing comes to, from the moments of every block of every iteration.
#[must_use]
pub fn routing_metrics(moments: &[BlockMoments], iterations: usize, gradient_norm: f32) -> RoutingMetrics {
    let blocks = (moments.len() / iterations.max(1)).max(1);
    let mean = |list: &mut dyn Iterator<Item = f32>| {
        let (sum, count) = list.fold((0.0f64, 0u32), |(s, n), v| (s + f64::from(v), n + 1));
        (sum / f64::from(count.max(1))) as f32
    };
    let heads = moments.first().map_or(0, |m| m.mean.len());
    let by_head = |pick: fn(&BlockMoments) -> &[f32]| {
        (0..heads).map(|h| mean(&mut moments.iter().map(|m| pick(m)[h]))).collect::<Vec<f32>>()
    };
    RoutingMetrics {
        entropy: moments.chunks(blocks).map(|all| mean(&mut all.iter().map(|m| m.entropy))).collect(),
        load: by_head(|m| &m.mean),
        top1: by_head(|m| &m.top1),
        spread: mean(
            &mut moments.iter().flat_map(|m| {
                m.mean.iter().zip(&m.square).map(|(mean, square)| (square - mean * mean).max(0.0).sqrt())
            }),
        ),
        gradient_norm,
    }
}

/// What one iteration of a probe's boards comes to.
#[must_use]
pub fn routing_reading(blocks: &[BlockMoments]) -> RoutingReading {
    let all = routing_metrics(blocks, 1, f32::NAN);
    RoutingReading {
        entropy: all.entropy.first().copied().unwrap_or(f32::NAN),
        top1_share: all.top1.iter().copied().fold(0.0, f32::max),
        load: all.load,
    }
}

/// −Σ α ln α of every row, in nats, [rows]: of α that sums to 1. It has a gradient.
#[must_use]
pub fn entropy(weights: Tensor<2>) -> Tensor<1> {
    let [rows, _] = weights.dims();
    (weights.clone() * weights.clamp_min(1e-12).log()).sum_dim(1).neg().reshape([rows])
}
