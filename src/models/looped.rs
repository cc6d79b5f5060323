//! The looped Sudoku transformer (`specs/sudoku.md` §1): the same few blocks, applied T times.

use burn::tensor::{Device, Tensor};

use super::{Pass, Recurrence, dropout_sites, one_hot, round_to_bf16};
use crate::config::{HeadSet, ModelConfig};
use crate::nn::{Attention, Bound, DropoutSites, LayerNorm, Layout, Linear, Rotary, relu};

/// The halting head's name in files.
const Q_HEAD: &str = "q_head";

/// Its first bias (§4.1): nothing halts before it has learnt to.
const Q_BIAS: f32 = -5.0;

/// Names, shapes and first values of all parameters, in the order of `specs/sudoku.md` §1.6.
#[must_use]
pub fn layout(config: &ModelConfig) -> Layout {
    let (d, n) = (config.width, config.digits());
    let mut layout = Layout::default();
    layout.linear("initial_encoder", n + 1, d);
    layout.linear("pred_proj", n, d);
    for block in 0..config.blocks {
        let p = format!("layers.{block}");
        layout.norm(&format!("{p}.norm1"), d);
        layout.norm(&format!("{p}.norm2"), d);
        for part in ["q", "k", "v", "out"] {
            layout.linear(&format!("{p}.{part}_proj"), d, d);
        }
        layout.linear(&format!("{p}.linear1"), d, config.hidden);
        layout.linear(&format!("{p}.linear2"), config.hidden, d);
    }
    layout.linear("output_head", d, n);
    if config.has_q_head() {
        layout.linear_constant(Q_HEAD, d, 1, Q_BIAS);
    }
    layout
}

/// One pre-norm block.
#[derive(Clone, Debug)]
struct Block {
    norm1: LayerNorm,
    attention: Attention,
    norm2: LayerNorm,
    linear1: Linear,
    linear2: Linear,
}

impl Block {
    /// x [boards · cells, d] → the same shape (§1.3).
    fn forward(
        &self,
        x: Tensor<2>,
        net: &LoopedTransformer,
        boards: usize,
        drop: Option<DropoutSites>,
        knocked_out: (usize, HeadSet),
    ) -> Tensor<2> {
        let a = self.norm1.forward(x.clone());
        let x = x + self.attention.forward(a, boards, (&net.queries, &net.keys), drop, knocked_out);
        let g = relu(self.linear1.forward(self.norm2.forward(x.clone())));
        let g = DropoutSites::apply(drop, 2, g);
        x + DropoutSites::apply(drop, 3, self.linear2.forward(g))
    }
}

/// The network with its weights on a device.
#[derive(Clone, Debug)]
pub struct LoopedTransformer {
    config: ModelConfig,
    encoder: Linear,
    feedback: Linear,
    blocks: Vec<Block>,
    head: Linear,
    q_head: Option<Linear>,
    queries: Rotary,
    keys: Rotary,
    device: Device,
}

impl LoopedTransformer {
    /// Puts parameters into their places. `device` holds the constant tables and must be the
    /// parameters' device.
    #[must_use]
    pub fn bind(config: &ModelConfig, bound: &Bound, device: &Device) -> Self {
        let block = |i: usize| Block {
            norm1: LayerNorm::bind(bound, &format!("layers.{i}.norm1")),
            attention: Attention::bind(bound, &format!("layers.{i}")),
            norm2: LayerNorm::bind(bound, &format!("layers.{i}.norm2")),
            linear1: Linear::bind(bound, &format!("layers.{i}.linear1")),
            linear2: Linear::bind(bound, &format!("layers.{i}.linear2")),
        };
        let width = config.head_width();
        Self {
            encoder: Linear::bind(bound, "initial_encoder"),
            feedback: Linear::bind(bound, "pred_proj"),
            blocks: (0..config.blocks).map(block).collect(),
            head: Linear::bind(bound, "output_head"),
            q_head: config.has_q_head().then(|| Linear::bind(bound, Q_HEAD)),
            queries: Rotary::new(config.shape(), width, 1.0 / (width as f32).sqrt(), device),
            keys: Rotary::new(config.shape(), width, 1.0, device),
            device: device.clone(),
            config: config.clone(),
        }
    }

    /// Its sizes.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where its constant tables are.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// S_0 = X We + be and P_0 = 0 for a batch of boards, `clues` [boards · cells] with 0 for blanks.
    #[must_use]
    pub fn start(&self, clues: &[u8]) -> Recurrence {
        let x = one_hot(clues, self.config.digits(), &self.device);
        let boards = clues.len() / self.config.cells();
        Recurrence { state: self.encoder.forward(x), prediction: None, boards, poh: None }
    }

    /// U = S + β (P Wp + bp); the bias counts at t = 1 too.
    fn mixed(&self, from: &Recurrence, pass: Pass) -> Tensor<2> {
        let fed_back = match &from.prediction {
            Some(p) => self.feedback.forward(p.clone()),
            None => self.feedback.bias(),
        };
        let beta = pass.interventions.prediction_scale;
        let fed_back = if beta == 1.0 { fed_back } else { fed_back.mul_scalar(beta) };
        from.state.clone() + fed_back
    }

    /// One iteration (§1.2). Returns what is carried on and the logits Z_t [boards · cells, digits];
    /// the prediction is left to the caller, who may get it from a loss.
    #[must_use]
    pub fn advance(&self, from: &Recurrence, pass: Pass) -> (Recurrence, Tensor<2>) {
        let mut x = self.mixed(from, pass);
        for (i, block) in self.blocks.iter().enumerate() {
            let knocked_out = (i, pass.interventions.knocked_out);
            x = block.forward(x, self, from.boards, dropout_sites(pass, i, from.boards), knocked_out);
        }
        if pass.interventions.bf16_state {
            x = round_to_bf16(x);
        }
        let read = if pass.interventions.normalise_before_head { LayerNorm::plain(x.clone()) } else { x.clone() };
        let logits = self.head.forward(read);
        let alpha = pass.interventions.damping;
        let mut state = if alpha == 1.0 { x } else { x.mul_scalar(alpha) + from.state.clone().mul_scalar(1.0 - alpha) };
        if pass.interventions.bf16_state {
            state = round_to_bf16(state);
        }
        (Recurrence { state, prediction: None, boards: from.boards, poh: None }, logits)
    }

    /// The halting head's logit of every board, [boards], of S_t [boards · cells, d]: a linear map of the mean of S_t
    /// over the cells (§4.1). A board may halt where it is at least 0. Nothing without such a head.
    #[must_use]
    pub fn halting_logits(&self, state: Tensor<2>, boards: usize) -> Option<Tensor<1>> {
        let head = self.q_head.as_ref()?;
        let mean: Tensor<2> =
            state.reshape([boards, self.config.cells(), self.config.width]).mean_dim(1).squeeze_dim(1);
        Some(head.forward(mean).reshape([boards]))
    }

    /// Attention weights of every block in the iteration that follows `from`:
    /// blocks × [boards, heads, cells, cells].
    #[must_use]
    pub fn attention(&self, from: &Recurrence, pass: Pass) -> Vec<Tensor<4>> {
        let mut x = self.mixed(from, pass);
        let mut out = Vec::with_capacity(self.blocks.len());
        for (i, block) in self.blocks.iter().enumerate() {
            out.push(block.attention.weights(block.norm1.forward(x.clone()), from.boards, &self.queries, &self.keys));
            x = block.forward(x, self, from.boards, None, (i, pass.interventions.knocked_out));
        }
        out
    }
}
