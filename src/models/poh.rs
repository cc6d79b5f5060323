//! Pointer-over-Heads on boards (`specs/poh.md` §1.3 to §1.6): the clues go through the refiner, and every
//! iteration gives an answer, so that it trains and is looked at like the looped transformer.

mod refiner;
mod sparing;
mod stack;

use burn::tensor::{Device, Tensor};

pub use refiner::{PohRefiner, PohState, Refined};
pub use sparing::reads_at_once;
pub use stack::{Applied, Around, PohStack, Still, layout as stack_layout};

use super::{Pass, Recurrence, dropout_sites, one_hot, round_to_bf16};
use crate::config::ModelConfig;
use crate::nn::{Bound, LayerNorm, Layout, Linear};

/// Names, shapes and first values of all parameters, in file order.
#[must_use]
pub fn layout(config: &ModelConfig) -> Layout {
    let (d, n) = (config.width, config.digits());
    let mut layout = Layout::default();
    layout.linear("initial_encoder", n + 1, d);
    if config.poh.feedback {
        layout.linear("pred_proj", n, d);
    }
    stack::layout(config, &mut layout);
    layout.linear("output_head", d, n);
    layout
}

/// The network with its weights on a device.
#[derive(Clone, Debug)]
pub struct PohNetwork {
    config: ModelConfig,
    encoder: Linear,
    feedback: Option<Linear>,
    refiner: PohRefiner,
    head: Linear,
    device: Device,
}

impl PohNetwork {
    /// Puts parameters into their places. `step` decides the temperature of a router that anneals.
    #[must_use]
    pub fn bind(config: &ModelConfig, bound: &Bound, device: &Device, step: u32) -> Self {
        Self {
            encoder: Linear::bind(bound, "initial_encoder"),
            feedback: config.poh.feedback.then(|| Linear::bind(bound, "pred_proj")),
            refiner: PohRefiner::bind(config, config.cells(), bound, device, step),
            head: Linear::bind(bound, "output_head"),
            device: device.clone(),
            config: config.clone(),
        }
    }

    /// Its sizes.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What refines.
    #[must_use]
    pub fn refiner(&self) -> &PohRefiner {
        &self.refiner
    }

    /// Where its constant tables are.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// S_0 for a batch of boards, `clues` [boards · cells] with 0 for blanks: the encoded clues, with
    /// learned positions if there are such.
    #[must_use]
    pub fn start(&self, clues: &[u8]) -> Recurrence {
        let boards = clues.len() / self.config.cells();
        let x = self.encoder.forward(one_hot(clues, self.config.digits(), &self.device));
        let (state, more) = self.refiner.start(x, boards);
        Recurrence { state, prediction: None, boards, poh: Some(Box::new(more)) }
    }

    /// What goes into the stack.
    fn mixed(&self, from: &Recurrence, more: &PohState, pass: Pass) -> Tensor<2> {
        let x = self.refiner.mixed(&from.state, more, from.boards);
        let Some(feedback) = &self.feedback else { return x };
        let fed_back = match &from.prediction {
            Some(p) => feedback.forward(p.clone()),
            None => feedback.bias(),
        };
        let beta = pass.interventions.prediction_scale;
        x + if beta == 1.0 { fed_back } else { fed_back.mul_scalar(beta) }
    }

    /// One iteration. Returns what is carried on and the logits [boards · cells, digits]; the prediction is
    /// left to the caller.
    ///
    /// # Panics
    /// With a recurrence of another network: a fault of the program.
    #[must_use]
    pub fn advance(&self, from: &Recurrence, pass: Pass) -> (Recurrence, Tensor<2>) {
        let more = from.poh.as_deref().expect("a recurrence of this network");
        let x = self.mixed(from, more, pass);
        let drop = |block| dropout_sites(pass, block, from.boards);
        let around = (None, pass.interventions.knocked_out);
        let refined = self.refiner.advance(&from.state, x, more, from.boards, around, drop);
        self.answer(from, refined, pass)
    }

    /// What is carried on and the logits, of a refined state.
    fn answer(&self, from: &Recurrence, refined: Refined, pass: Pass) -> (Recurrence, Tensor<2>) {
        let read = if pass.interventions.normalise_before_head { LayerNorm::plain(refined.read) } else { refined.read };
        let logits = self.head.forward(read);
        let alpha = pass.interventions.damping;
        let state = match alpha {
            1.0 => refined.state,
            _ => refined.state.mul_scalar(alpha) + from.state.clone().mul_scalar(1.0 - alpha),
        };
        let state = if pass.interventions.bf16_state { round_to_bf16(state) } else { state };
        (Recurrence { state, prediction: None, boards: from.boards, poh: Some(Box::new(refined.more)) }, logits)
    }

    /// Attention weights of every block in the iteration that follows `from`:
    /// blocks × [boards, heads, cells, cells].
    ///
    /// # Panics
    /// As [`PohNetwork::advance`].
    #[must_use]
    pub fn attention(&self, from: &Recurrence, pass: Pass) -> Vec<Tensor<4>> {
        let more = from.poh.as_deref().expect("a recurrence of this network");
        let x = self.mixed(from, more, pass);
        let around = Around {
            allowed: None,
            controller: more.controller.as_ref(),
            still: self.refiner.still(more),
            knocked_out: pass.interventions.knocked_out,
        };
        let stack = self.refiner.stack();
        let mut out = Vec::with_capacity(self.config.blocks);
        let see = |block, y: &Tensor<2>| out.push(stack.attention(block, y.clone(), from.boards, None));
        drop(stack.apply(x, from.boards, around, |_| None, see));
        out
    }
}
