//! Adaptive computation time (`specs/poh.md` §1.5): who has halted, and the answer as a mean over the
//! iterations. As in Graves (2016), with weights that sum to 1; or as shipped in the original.

use burn::tensor::Tensor;

use crate::config::{Halting, PohConfig};

/// What is carried from iteration to iteration; all of it a row a cell.
#[derive(Clone, Debug)]
pub struct HaltState {
    /// Halting mass so far, [rows, 1].
    pub mass: Tensor<2>,
    /// Weighted states so far, [rows, d].
    sum: Tensor<2>,
    /// One where it has halted, [rows, 1].
    pub halted: Tensor<2>,
    /// Iterations until it halted, or so far, [rows, 1].
    pub count: Tensor<2>,
    /// The weight of the last state counted, if it had to end here, [rows, 1].
    remainder: Tensor<2>,
}

impl HaltState {
    /// Nobody has halted. x [rows, d].
    #[must_use]
    pub fn start(x: &Tensor<2>) -> Self {
        let [rows, _] = x.dims();
        let zero = Tensor::zeros([rows, 1], &x.device());
        Self {
            mass: zero.clone(),
            sum: x.zeros_like(),
            halted: zero.clone(),
            count: zero.clone(),
            remainder: zero.ones_like(),
        }
    }

    /// The same, cut off from what led to it.
    #[must_use]
    pub fn detach(self) -> Self {
        Self {
            mass: self.mass.detach(),
            sum: self.sum.detach(),
            halted: self.halted,
            count: self.count,
            remainder: self.remainder.detach(),
        }
    }

    /// The new states, but the old ones where it had halted. The original refines on.
    #[must_use]
    pub fn freeze(&self, old: Tensor<2>, new: Tensor<2>, how: Halting) -> Tensor<2> {
        if how == Halting::Legacy {
            return new;
        }
        let halted = self.halted.clone();
        // Products, not a sum with a difference: a running state comes through to the last bit.
        old * halted.clone() + new * (halted.neg() + 1.0)
    }

    /// Counts the states of an iteration, h [rows, d], with their halting probabilities p [rows, 1]. Returns
    /// what is carried on and the answer's state [rows, d] if this iteration were the last.
    ///
    /// Graves: halts at n = min{n : Σ_{t≤n} p_t ≥ θ}; weight p_t before n, and the remainder
    /// 1 − Σ_{t<n} p_t at n. If it ends earlier, the last state takes the remainder, so that the weights
    /// sum to 1 after every iteration.
    ///
    /// Legacy: m = p (1 − c), or θ − c where that would reach θ; the answer is Σ m h, and the weights
    /// never sum to 1.
    #[must_use]
    pub fn advance(&self, h: &Tensor<2>, p: Tensor<2>, config: &PohConfig) -> (Self, Tensor<2>) {
        let running = self.halted.clone().neg() + 1.0;
        let theta = config.act_threshold;
        let count = self.count.clone() + running.clone();
        if config.act_halting == Halting::Legacy {
            let step = p * (self.mass.clone().neg() + 1.0);
            let full = (self.mass.clone() + step.clone()).detach().greater_equal_elem(theta);
            let step = step.mask_where(full.clone(), self.mass.clone().neg() + theta);
            let sum = self.sum.clone() + h.clone() * step.clone();
            let halted = full.float();
            let next = Self {
                mass: self.mass.clone() + step,
                sum: sum.clone(),
                halted,
                count,
                remainder: self.remainder.clone(),
            };
            return (next, sum);
        }
        let full = (self.mass.clone() + p.clone()).detach().greater_equal_elem(theta).float();
        let remainder = self.mass.clone().neg() + 1.0;
        // Before it halts p counts; in the iteration in which it halts, the remainder; afterwards nothing.
        let stops = running.clone() * full.clone();
        let goes = running.clone() * (full.neg() + 1.0);
        let weight = p * goes + remainder.clone() * stops.clone();
        let sum = self.sum.clone() + h.clone() * weight.clone();
        let mass = self.mass.clone() + weight;
        let halted = self.halted.clone() + stops;
        let left = mass.clone().neg() + 1.0;
        let answer = sum.clone() + h.clone() * (left * (halted.clone().neg() + 1.0));
        let remainder = self.remainder.clone() * self.halted.clone() + remainder * running;
        (Self { mass, sum, halted, count, remainder }, answer)
    }

    /// Mean of n + remainder over all cells, [1]: the ponder cost, whose gradient goes through the
    /// remainder.
    #[must_use]
    pub fn ponder(&self) -> Tensor<1> {
        (self.count.clone() + self.remainder.clone()).mean()
    }

    /// The original's cost: the mean halting mass, [1]. It grows with halting.
    #[must_use]
    pub fn legacy_ponder(&self) -> Tensor<1> {
        self.mass.clone().mean()
    }
}
