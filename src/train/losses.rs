//! The explicit fixed-point losses (`specs/sudoku.md` §4.1) on tensors, and the loss of the halting head.

use burn::tensor::{Tensor, activation};

use super::part::Targets;
use crate::config::FixedPointLoss;

/// What the loss of an iteration knows of the one before, all of it without gradient; nothing in the first.
pub(super) struct Before {
    kind: FixedPointLoss,
    /// c_(t−1), one at every empty cell that was right, [boards · cells, 1].
    right: Option<Tensor<2>>,
    /// P_(t−1), [boards · cells, digits], for the loss that copies it.
    prediction: Option<Tensor<2>>,
}

impl Before {
    pub fn new(kind: FixedPointLoss) -> Self {
        Self { kind, right: None, prediction: None }
    }

    /// The loss of an iteration, [1], from log P_t and P_t, [boards · cells, digits].
    pub fn loss(&self, log_p: Tensor<2>, p: &Tensor<2>, targets: &Targets) -> Tensor<1> {
        let each = log_p * targets.weights.clone();
        let Some(right) = self.right.clone() else { return each.sum() };
        match (self.kind, &self.prediction) {
            (FixedPointLoss::Preserve, _) => (each * right.add_scalar(1.0)).sum(),
            (FixedPointLoss::Mask, _) => (each * right.neg().add_scalar(1.0)).sum(),
            (FixedPointLoss::L2, _) => each.sum() + apart(right, p, targets.one_hot()),
            (FixedPointLoss::Copy, Some(before)) => each.sum() + apart(right, p, before.clone()),
            (FixedPointLoss::Copy, None) | (FixedPointLoss::None, _) => each.sum(),
        }
    }

    /// Goes on to the next iteration.
    pub fn follow(&mut self, logits: Tensor<2>, p: &Tensor<2>, targets: &Targets) {
        if self.kind != FixedPointLoss::None {
            self.right = Some(Tensor::from_inner(targets.right(logits)));
        }
        if self.kind == FixedPointLoss::Copy {
            self.prediction = Some(p.clone().detach());
        }
    }
}

/// Σ c ‖P − to‖² / max(1, Σ c), [1], with c [boards · cells, 1] and the others [boards · cells, digits].
fn apart(right: Tensor<2>, p: &Tensor<2>, to: Tensor<2>) -> Tensor<1> {
    let off = p.clone() - to;
    let count = right.clone().sum().clamp_min(1.0);
    (off.clone() * off * right).sum() / count
}

/// The mean over boards of BCE-with-logits(q, y), [1]: softplus(q) − q y, with the halting head's logits q [boards] and
/// y = 1 where every empty cell of a board is right, [boards, 1] without gradient (`specs/sudoku.md` §4.1).
pub(super) fn halting_cost(q: Tensor<1>, solved: Tensor<2>) -> Tensor<1> {
    let [boards] = q.dims();
    let target: Tensor<1> = Tensor::from_inner(solved.reshape([boards]));
    (activation::log_sigmoid(q.clone().neg()).neg() - q * target).mean()
}
