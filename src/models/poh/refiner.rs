//! The refiner (`specs/poh.md` §1.5): the stack applied again and again, with an outer residual, input
//! injection and halting.

use burn::tensor::{Device, Tensor, activation};

use super::stack::{Around, PohStack, Still};
use crate::config::{GradMode, HaltUnit, Halting, HeadSet, Injection, ModelConfig, PohConfig};
use crate::models::HaltState;
use crate::nn::{Bound, ControllerState, DropoutSites, Linear, Mask, entropy};

/// What is carried from iteration to iteration besides the states.
#[derive(Clone, Debug)]
pub struct PohState {
    /// The input with its positions, [rows, d].
    pub input: Tensor<2>,
    /// Slow and fast state.
    pub controller: Option<ControllerState>,
    /// Who has halted, and the answer so far.
    pub halting: Option<HaltState>,
    /// α of every block in the iteration that led here; see [`super::Applied`].
    pub weights: Vec<Tensor<2>>,
    /// What went into each block in the iteration that led here, where cells can halt.
    pub inner: Vec<Tensor<2>>,
    /// Iterations done.
    pub iterations: u32,
}

impl PohState {
    /// The same values, cut off from what led to them. The input keeps its gradient.
    #[must_use]
    pub fn detach(self) -> Self {
        let cut = |c: ControllerState| ControllerState {
            fast: c.fast.detach(),
            slow: c.slow.detach(),
            filled: c.filled.map(Tensor::detach),
            ..c
        };
        Self {
            controller: self.controller.map(cut),
            halting: self.halting.map(HaltState::detach),
            inner: self.inner.into_iter().map(Tensor::detach).collect(),
            ..self
        }
    }
}

/// What one iteration gives.
#[derive(Clone, Debug)]
pub struct Refined {
    /// The new states, [rows, d].
    pub state: Tensor<2>,
    /// What an answer is read from, [rows, d]: the states, or what halting has made of them so far.
    pub read: Tensor<2>,
    /// What is carried on.
    pub more: PohState,
}

/// The stack and what surrounds it.
#[derive(Clone, Debug)]
pub struct PohRefiner {
    config: PohConfig,
    stack: PohStack,
    /// g, [1, 1].
    outer_gain: Option<Tensor<2>>,
    halting: Option<Linear>,
    device: Device,
}

impl PohRefiner {
    /// Puts parameters into their places; see [`PohStack::bind`].
    #[must_use]
    pub fn bind(config: &ModelConfig, places: usize, bound: &Bound, device: &Device, step: u32) -> Self {
        let poh = &config.poh;
        Self {
            stack: PohStack::bind(config, places, bound, device, step),
            outer_gain: poh.outer_residual.then(|| bound.vector("outer_gain").unsqueeze()),
            halting: (poh.act_halting != Halting::None).then(|| Linear::bind(bound, "halting")),
            device: device.clone(),
            config: poh.clone(),
        }
    }

    /// The stack by itself.
    #[must_use]
    pub fn stack(&self) -> &PohStack {
        &self.stack
    }

    /// S_0 for x [sequences · places, d]: with learned positions, if there are such.
    #[must_use]
    pub fn start(&self, x: Tensor<2>, sequences: usize) -> (Tensor<2>, PohState) {
        let input = self.stack.placed(x, sequences);
        let more = PohState {
            controller: self.stack.start(sequences, &self.device),
            halting: self.halting.as_ref().map(|_| HaltState::start(&input)),
            weights: Vec::new(),
            inner: Vec::new(),
            iterations: 0,
            input: input.clone(),
        };
        (input, more)
    }

    /// What goes into the stack: the state, and what is added to it before every iteration.
    #[must_use]
    pub fn mixed(&self, state: &Tensor<2>, more: &PohState, sequences: usize) -> Tensor<2> {
        let first = more.iterations == 0;
        let mut x = state.clone();
        if self.config.positions_every_iteration && !first {
            x = self.stack.placed(x, sequences);
        }
        match self.config.input_injection {
            Injection::Every => x + more.input.clone(),
            Injection::AfterFirst if !first => x + more.input.clone(),
            Injection::AfterFirst | Injection::None => x,
        }
    }

    /// Who stands still in the iteration after `more`, where halting is Graves'. The original refines on.
    #[must_use]
    pub fn still<'a>(&self, more: &'a PohState) -> Option<Still<'a>> {
        let halting = more.halting.as_ref().filter(|_| self.config.act_halting == Halting::Graves)?;
        Some(Still { halted: &halting.halted, inner: &more.inner })
    }

    /// One iteration from `state`; `x` is what goes into the stack (see [`PohRefiner::mixed`]).
    #[must_use]
    pub fn advance(
        &self,
        state: &Tensor<2>,
        x: Tensor<2>,
        more: &PohState,
        sequences: usize,
        (allowed, knocked_out): (Option<&Tensor<4>>, HeadSet),
        drop: impl Fn(usize) -> Option<DropoutSites>,
    ) -> Refined {
        let around = Around { allowed, controller: more.controller.as_ref(), still: self.still(more), knocked_out };
        let applied = self.stack.apply(x, sequences, around, drop, |_, _| {});
        let carried = (applied.controller, applied.weights, applied.inner);
        self.settle(state, applied.x, more, carried, sequences)
    }

    /// What comes of an application of the stack: outer residual, halting, and what is carried on. `carried`
    /// is the controller's state, α and what went into each block.
    pub(super) fn settle(
        &self,
        state: &Tensor<2>,
        mut u: Tensor<2>,
        more: &PohState,
        (controller, weights, inner): (Option<ControllerState>, Vec<Tensor<2>>, Vec<Tensor<2>>),
        sequences: usize,
    ) -> Refined {
        if let Some(g) = &self.outer_gain {
            u = state.clone() + (u - state.clone()) * g.clone();
        }
        let (halting, read) = match (&self.halting, &more.halting) {
            (Some(map), Some(halting)) => {
                // What had halted before is refined no further.
                u = halting.freeze(state.clone(), u, self.config.act_halting);
                let push = activation::sigmoid(map.forward(u.clone()));
                let push = match self.config.act_unit {
                    HaltUnit::Token => push,
                    HaltUnit::Board => together(push, sequences),
                };
                let (next, read) = halting.advance(&u, push, &self.config);
                (Some(next), read)
            }
            _ => (None, u.clone()),
        };
        let more = PohState {
            input: more.input.clone(),
            controller,
            halting,
            weights,
            inner,
            iterations: more.iterations + 1,
        };
        Refined { state: u, read, more }
    }

    /// A drop-in encoder: x [sequences · places, d] refined `iterations` times under a mask. Gives what each
    /// iteration would answer with, and the last one's carried state.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>, sequences: usize, iterations: u32, mask: &Mask) -> (Vec<Tensor<2>>, PohState) {
        let [rows, _] = x.dims();
        let allowed = mask.allowed(sequences, rows / sequences.max(1), &self.device);
        let (mut state, mut more) = self.start(x, sequences);
        let mut reads = Vec::with_capacity(iterations as usize);
        for t in 1..=iterations {
            let x = self.mixed(&state, &more, sequences);
            let around = (allowed.as_ref(), HeadSet::default());
            let refined = self.advance(&state, x, &more, sequences, around, |_| None);
            (state, more) = (refined.state, refined.more);
            reads.push(refined.read);
            if self.cuts_after(t, iterations) {
                (state, more) = (state.detach(), more.detach());
            }
        }
        (reads, more)
    }

    /// Whether the gradient of a training pass of `of` iterations is cut off after iteration `t`.
    #[must_use]
    pub fn cuts_after(&self, t: u32, of: u32) -> bool {
        let back = match self.config.grad_mode {
            GradMode::Full => return false,
            GradMode::Last => 1,
            GradMode::LastK => self.config.grad_last,
        };
        t + back <= of
    }

    /// What an iteration adds to the loss, [1]: minus the mean routing entropy times its weight, so that
    /// heads stay alive. `of` iterations are summed.
    #[must_use]
    pub fn iteration_cost(&self, more: &PohState, of: u32) -> Option<Tensor<1>> {
        let rate = self.config.entropy_reg;
        if rate == 0.0 || more.weights.is_empty() {
            return None;
        }
        let share = rate / (more.weights.len() as f64 * f64::from(of));
        let all = more.weights.iter().map(|w| entropy(w.clone()).mean()).reduce(|a, b| a + b)?;
        Some(all.mul_scalar(-share))
    }

    /// What a whole pass adds to the loss, [1]: ρ times the ponder cost of what halts and of what triggers.
    #[must_use]
    pub fn pass_cost(&self, more: &PohState) -> Option<Tensor<1>> {
        let rate = self.config.act_penalty;
        let ponder = match (&more.halting, self.config.act_halting) {
            // The original's cost is in no loss.
            (Some(halting), Halting::Graves) => Some(halting.ponder()),
            _ => None,
        };
        let push = more.controller.as_ref().and_then(|c| c.push.clone()).map(Tensor::mean);
        let all = ponder.into_iter().chain(push).reduce(|a, b| a + b)?;
        (rate != 0.0).then(|| all.mul_scalar(rate))
    }
}

/// The mean over a sequence's places, at each of them: [sequences · places, 1].
fn together(x: Tensor<2>, sequences: usize) -> Tensor<2> {
    let [rows, _] = x.dims();
    let places = rows / sequences;
    x.reshape([sequences, places]).mean_dim(1).expand([sequences, places]).reshape([rows, 1])
}
