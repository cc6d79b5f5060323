//! Routing over heads (`specs/poh.md` §1.2): logits from a small network, weights α from logits.

use burn::tensor::{Int, Tensor, activation};

use super::{Bound, Layout, Linear, relu};
use crate::config::{PohConfig, RouteMode, TopkGradient};

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

/// −Σ α ln α of every row, in nats, [rows]: of α that sums to 1. It has a gradient.
#[must_use]
pub fn entropy(weights: Tensor<2>) -> Tensor<1> {
    let [rows, _] = weights.dims();
    (weights.clone() * weights.clamp_min(1e-12).log()).sum_dim(1).neg().reshape([rows])
}
