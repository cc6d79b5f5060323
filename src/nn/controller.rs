//! The two-timescale controller (`specs/poh.md` §1.6): a fast cell that moves in every iteration and a
//! slow one that moves every few; their mixture weighs the heads.

use burn::tensor::{Device, Tensor, activation};

use super::{Bound, LayerNorm, Layout, Linear};
use crate::config::{ModelConfig, PohConfig, Router};

/// A gated recurrent unit, gates in PyTorch's order: r, q, n.
#[derive(Clone, Debug)]
pub struct Gru {
    input: Linear,
    hidden: Linear,
    width: usize,
}

impl Gru {
    /// Adds `NAME.input` [3 C, in] and `NAME.hidden` [3 C, C], both with biases.
    pub fn layout(layout: &mut Layout, name: &str, input: usize, width: usize) {
        let bound = 1.0 / (width as f32).sqrt();
        layout.linear_within(&format!("{name}.input"), input, 3 * width, bound);
        layout.linear_within(&format!("{name}.hidden"), width, 3 * width, bound);
    }

    /// Binds what [`Gru::layout`] added.
    #[must_use]
    pub fn bind(bound: &Bound, name: &str, width: usize) -> Self {
        Self {
            input: Linear::bind(bound, &format!("{name}.input")),
            hidden: Linear::bind(bound, &format!("{name}.hidden")),
            width,
        }
    }

    /// u [rows, in], z [rows, C] → z' [rows, C]: r = σ(Wᵢᵣ u + bᵢᵣ + Wₕᵣ z + bₕᵣ), q likewise,
    /// n = tanh(Wᵢₙ u + bᵢₙ + r ⊙ (Wₕₙ z + bₕₙ)), z' = (1 − q) ⊙ n + q ⊙ z.
    #[must_use]
    pub fn forward(&self, u: Tensor<2>, z: Tensor<2>) -> Tensor<2> {
        let [rows, _] = z.dims();
        let (i, h) = (self.input.forward(u), self.hidden.forward(z.clone()));
        let gate = |x: &Tensor<2>, k: usize| x.clone().slice([0..rows, k * self.width..(k + 1) * self.width]);
        let r = activation::sigmoid(gate(&i, 0) + gate(&h, 0));
        let q = activation::sigmoid(gate(&i, 1) + gate(&h, 1));
        let n = (gate(&i, 2) + r * gate(&h, 2)).tanh();
        // n + q (z − n): the same with one product less.
        n.clone() + q * (z - n)
    }
}

/// What the controller carries from one iteration to the next.
#[derive(Clone, Debug)]
pub struct ControllerState {
    /// z_L, [boards, C].
    pub fast: Tensor<2>,
    /// z_H, [boards, C].
    pub slow: Tensor<2>,
    /// How full the trigger is, [boards, 1], where there is one.
    pub filled: Option<Tensor<2>>,
    /// Iterations done.
    pub calls: u32,
    /// One where the slow cell moved in the last iteration, [boards, 1].
    pub moved: Tensor<2>,
    /// The trigger's push in the last iteration, [boards, 1], where there is one: its mean is the
    /// controller's ponder cost.
    pub push: Option<Tensor<2>>,
}

/// The trigger is full from here on.
const FULL: f64 = 0.99;

/// Slow and fast cell, and the router on their mixture.
#[derive(Clone, Debug)]
pub struct Controller {
    input: Linear,
    slow: Gru,
    slow_norm: LayerNorm,
    fast: Gru,
    fast_norm: LayerNorm,
    mix: Linear,
    head: Linear,
    /// Normalisation and first map of a router that sees the cell too.
    per_cell: Option<(LayerNorm, Linear)>,
    trigger: Option<Linear>,
    period: u32,
    width: usize,
    detach_slow: bool,
}

impl Controller {
    /// Adds the controller's parameters: 16 C² + D C + 17 C + C H + H of them, and those of a trigger and
    /// of a router for each cell, where there are such.
    pub fn layout(layout: &mut Layout, sizes: &ModelConfig) {
        let (d, c) = (sizes.width, sizes.poh.width_of_controller(sizes.width));
        layout.linear("controller.in", d, c);
        Gru::layout(layout, "controller.slow", c, c);
        layout.norm("controller.slow_norm", c);
        Gru::layout(layout, "controller.fast", 2 * c, c);
        layout.norm("controller.fast_norm", c);
        layout.matrix("controller.mix", c, c);
        if sizes.poh.controller_per_cell {
            layout.norm("controller.cell_norm", d + c);
            layout.linear("controller.cell", d + c, c);
        }
        layout.linear("controller.head", c, sizes.heads);
        if sizes.poh.router == Router::HrmTrigger {
            layout.linear("controller.trigger", c, 1);
        }
    }

    /// Binds what [`Controller::layout`] added.
    #[must_use]
    pub fn bind(bound: &Bound, sizes: &ModelConfig) -> Self {
        let poh: &PohConfig = &sizes.poh;
        let width = poh.width_of_controller(sizes.width);
        Self {
            input: Linear::bind(bound, "controller.in"),
            slow: Gru::bind(bound, "controller.slow", width),
            slow_norm: LayerNorm::bind(bound, "controller.slow_norm"),
            fast: Gru::bind(bound, "controller.fast", width),
            fast_norm: LayerNorm::bind(bound, "controller.fast_norm"),
            mix: Linear::bind_plain(bound, "controller.mix"),
            head: Linear::bind(bound, "controller.head"),
            per_cell: poh
                .controller_per_cell
                .then(|| (LayerNorm::bind(bound, "controller.cell_norm"), Linear::bind(bound, "controller.cell"))),
            trigger: (poh.router == Router::HrmTrigger).then(|| Linear::bind(bound, "controller.trigger")),
            period: poh.controller_period,
            width,
            detach_slow: poh.detach_slow,
        }
    }

    /// Both cells at zero; a trigger begins full, so that the slow cell moves in the first iteration.
    #[must_use]
    pub fn start(&self, boards: usize, device: &Device) -> ControllerState {
        let zeros = |width| Tensor::zeros([boards, width], device);
        ControllerState {
            fast: zeros(self.width),
            slow: zeros(self.width),
            filled: self.trigger.as_ref().map(|_| Tensor::ones([boards, 1], device)),
            calls: 0,
            moved: zeros(1),
            push: None,
        }
    }

    /// One iteration: the slow cell first, if it is its turn, then the fast one, which sees the new slow
    /// state. x [boards · cells, d] is summed up by the mean over a board's cells.
    ///
    /// Returns the new state and logits [boards · cells, heads]; without a router for each cell, those of
    /// a board are all alike.
    #[must_use]
    pub fn forward(&self, x: &Tensor<2>, state: &ControllerState) -> (ControllerState, Tensor<2>) {
        let ([boards, _], [rows, d]) = (state.fast.dims(), x.dims());
        let cells = rows / boards;
        let mean = x.clone().reshape([boards, cells, d]).mean_dim(1).reshape([boards, d]);
        let u = self.input.forward(mean);
        let mut next = state.clone();
        next.calls += 1;
        match (&self.trigger, &state.filled) {
            (Some(trigger), Some(filled)) => {
                let full = filled.clone().detach().greater_equal_elem(FULL).float();
                // Forwards 0 or 1; backwards how full it is, so that the trigger learns.
                let gate = full.clone() + (filled.clone() - filled.clone().detach());
                let moved = self.slow_norm.forward(self.slow.forward(u.clone(), state.slow.clone()));
                next.slow = state.slow.clone() + (moved - state.slow.clone()) * gate;
                let push = activation::sigmoid(trigger.forward(next.slow.clone()));
                let rest = filled.clone() * (full.clone().neg() + 1.0);
                next.filled = Some((rest + push.clone()).clamp_max(1.0));
                next.push = Some(push);
                next.moved = full;
            }
            _ if state.calls.is_multiple_of(self.period) => {
                next.slow = self.slow_norm.forward(self.slow.forward(u.clone(), state.slow.clone()));
                if self.detach_slow {
                    next.slow = next.slow.detach();
                }
                next.moved = state.moved.ones_like();
            }
            _ => next.moved = state.moved.zeros_like(),
        }
        let seen = Tensor::cat(vec![u, next.slow.clone()], 1);
        next.fast = self.fast_norm.forward(self.fast.forward(seen, state.fast.clone()));
        let mixed = next.fast.clone() + self.mix.forward(next.slow.clone());
        let spread = |s: Tensor<2>| {
            let [_, width] = s.dims();
            s.reshape([boards, 1, width]).expand([boards, cells, width]).reshape([rows, width])
        };
        let logits = match &self.per_cell {
            Some((norm, first)) => {
                let seen = Tensor::cat(vec![x.clone(), spread(mixed)], 1);
                self.head.forward(activation::gelu(first.forward(norm.forward(seen))))
            }
            None => spread(self.head.forward(mixed)),
        };
        (next, logits)
    }
}
