//! The stack of Pointer-over-Heads (`specs/poh.md` §1.3, §1.4): blocks whose heads are weighed by a router.
//! It takes sequences of any length: a board is one of its cells.

use burn::tensor::{Device, Tensor};

use crate::config::{Halting, HeadSet, ModelConfig, NormType, Positions, RouteMode};
use crate::nn::{
    Attention, Bound, Controller, ControllerState, DropoutSites, HeadRouter, LayerNorm, Layout, Linear, Rotary,
    Routing, relu,
};

/// Adds the parameters that the published counts are of (§1.8): blocks, routers, positions, controller, the
/// outer gain and halting.
pub fn layout(config: &ModelConfig, layout: &mut Layout) {
    let (d, poh) = (config.width, &config.poh);
    if poh.pos_encoding == Positions::Absolute {
        layout.table("positions", poh.max_seq_len, d);
    }
    let router_of = |name: &str, layout: &mut Layout| {
        HeadRouter::layout(layout, name, d, poh.hidden_of_router(d), config.heads);
    };
    let stateless = poh.routes() && !poh.is_recurrent();
    if stateless && poh.share_router {
        router_of("router", layout);
    }
    for block in 0..config.blocks {
        let p = format!("layers.{block}");
        layout.norm(&format!("{p}.norm1"), d);
        layout.norm(&format!("{p}.norm2"), d);
        for part in ["q", "k", "v", "out"] {
            layout.linear(&format!("{p}.{part}_proj"), d, d);
        }
        if poh.route_mode != RouteMode::None {
            layout.ones(&format!("{p}.gains"), config.heads);
        }
        if poh.param_match_baseline {
            layout.matrix(&format!("{p}.linear1"), d, config.hidden);
            layout.matrix(&format!("{p}.linear2"), config.hidden, d);
        } else {
            layout.linear(&format!("{p}.linear1"), d, config.hidden);
            layout.linear(&format!("{p}.linear2"), config.hidden, d);
        }
        if stateless && !poh.share_router {
            router_of(&format!("{p}.router"), layout);
        }
    }
    if poh.is_recurrent() {
        Controller::layout(layout, config);
    }
    if poh.outer_residual {
        if poh.rezero_init {
            layout.zeros("outer_gain", 1);
        } else {
            layout.ones("outer_gain", 1);
        }
    }
    if poh.act_halting != Halting::None {
        layout.linear("halting", d, 1);
    }
}

/// One block (§1.3).
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) norm1: LayerNorm,
    pub(super) attention: Attention,
    /// One learned factor a head, [1, heads, 1]; none without routing.
    pub(super) gains: Option<Tensor<3>>,
    pub(super) norm2: LayerNorm,
    pub(super) linear1: Linear,
    pub(super) linear2: Linear,
    router: Option<HeadRouter>,
    hidden: usize,
}

impl Block {
    /// Hidden width of its feed-forward part.
    pub(super) fn hidden(&self) -> usize {
        self.hidden
    }
}

/// All blocks with what routes them, bound for sequences of one length.
#[derive(Clone, Debug)]
pub struct PohStack {
    blocks: Vec<Block>,
    router: Option<HeadRouter>,
    controller: Option<Controller>,
    /// [1, places, d].
    positions: Option<Tensor<3>>,
    queries: Rotary,
    keys: Rotary,
    routing: Routing,
    heads: usize,
    pre: bool,
    after_output: bool,
}

/// What comes out of one application of the stack.
#[derive(Clone, Debug)]
pub struct Applied {
    /// [sequences · places, d].
    pub x: Tensor<2>,
    /// α of every block, [sequences · places, heads], before its scale: it sums to 1 (to k for unweighted
    /// choices). Empty where nothing routes.
    pub weights: Vec<Tensor<2>>,
    /// The controller's new state, if there is a controller.
    pub controller: Option<ControllerState>,
    /// What went into each block, [sequences · places, d], where somebody may halt.
    pub inner: Vec<Tensor<2>>,
}

/// What a stack is applied to, besides the states.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    /// One where attention is allowed, [sequences or 1, 1, places, places].
    pub allowed: Option<&'a Tensor<4>>,
    /// The controller's state.
    pub controller: Option<&'a ControllerState>,
    /// Who stands still, where somebody may.
    pub still: Option<Still<'a>>,
    /// Heads that contribute nothing.
    pub knocked_out: HeadSet,
}

/// Places that have halted: in every block they stay what they were when they halted. So the others see
/// keys and values of them that do not change, and nothing of them has to be computed again.
#[derive(Clone, Copy, Debug)]
pub struct Still<'a> {
    /// One where it has halted, [sequences · places, 1].
    pub halted: &'a Tensor<2>,
    /// What went into each block before; empty in the first iteration.
    pub inner: &'a [Tensor<2>],
}

impl Still<'_> {
    /// What goes into a block now: x, but what it was where it has halted.
    pub(super) fn hold(&self, block: usize, x: Tensor<2>) -> Tensor<2> {
        let Some(before) = self.inner.get(block) else { return x };
        // Products, not a sum with a difference: what runs comes through to the last bit.
        before.clone() * self.halted.clone() + x * (self.halted.clone().neg() + 1.0)
    }
}

impl PohStack {
    /// Puts parameters into their places, for sequences of `places`. `step` decides the temperature of a
    /// router that anneals.
    ///
    /// # Panics
    /// When there are more places than rows in a learned table of positions; `validate` looks at boards.
    #[must_use]
    pub fn bind(config: &ModelConfig, places: usize, bound: &Bound, device: &Device, step: u32) -> Self {
        let poh = &config.poh;
        let stateless = poh.routes() && !poh.is_recurrent();
        let feed_forward = |name: String| {
            if poh.param_match_baseline { Linear::bind_plain(bound, &name) } else { Linear::bind(bound, &name) }
        };
        let block = |i: usize| {
            let p = format!("layers.{i}");
            Block {
                norm1: LayerNorm::bind(bound, &format!("{p}.norm1")),
                attention: Attention::bind(bound, &p),
                gains: (poh.route_mode != RouteMode::None)
                    .then(|| bound.vector(&format!("{p}.gains")).reshape([1, config.heads, 1])),
                norm2: LayerNorm::bind(bound, &format!("{p}.norm2")),
                linear1: feed_forward(format!("{p}.linear1")),
                linear2: feed_forward(format!("{p}.linear2")),
                hidden: config.hidden,
                router: (stateless && !poh.share_router).then(|| HeadRouter::bind(bound, &format!("{p}.router"))),
            }
        };
        let width = config.head_width();
        let turn = |scale: f32| match poh.pos_encoding {
            Positions::Board => Rotary::new(config.shape(), width, scale, device),
            Positions::Rotary => Rotary::line(places, width, scale, device),
            Positions::None | Positions::Absolute => Rotary::none(width, scale),
        };
        let positions = (poh.pos_encoding == Positions::Absolute).then(|| {
            let most = poh.max_seq_len;
            assert!(places <= most, "a sequence of {places} is longer than max_seq_len, which is {most}");
            bound.matrix("positions").slice([0..places, 0..config.width]).unsqueeze()
        });
        Self {
            blocks: (0..config.blocks).map(block).collect(),
            router: (stateless && poh.share_router).then(|| HeadRouter::bind(bound, "router")),
            controller: poh.is_recurrent().then(|| Controller::bind(bound, config)),
            positions,
            queries: turn(1.0 / (width as f32).sqrt()),
            keys: turn(1.0),
            routing: Routing::of(poh, config.heads, step),
            heads: config.heads,
            pre: poh.norm_type == NormType::Pre,
            after_output: poh.alpha_after_output,
        }
    }

    /// x [sequences · places, d] with the learned positions added, if there are such.
    #[must_use]
    pub fn placed(&self, x: Tensor<2>, sequences: usize) -> Tensor<2> {
        let Some(positions) = &self.positions else { return x };
        let [rows, d] = x.dims();
        (x.reshape([sequences, rows / sequences, d]) + positions.clone()).reshape([rows, d])
    }

    /// A fresh state of the controller, if there is one.
    #[must_use]
    pub fn start(&self, sequences: usize, device: &Device) -> Option<ControllerState> {
        self.controller.as_ref().map(|c| c.start(sequences, device))
    }

    /// All blocks in order: x [sequences · places, d]. `drop` gives the dropout of a block; `seen` gets what
    /// each block's attention sees.
    #[must_use]
    pub fn apply(
        &self,
        mut x: Tensor<2>,
        sequences: usize,
        around: Around<'_>,
        drop: impl Fn(usize) -> Option<DropoutSites>,
        mut seen: impl FnMut(usize, &Tensor<2>),
    ) -> Applied {
        let hold = |block: usize, x: Tensor<2>| match &around.still {
            Some(still) => still.hold(block, x),
            None => x,
        };
        x = hold(0, x);
        // One look of the controller at what goes in: its cells move by iterations, not by blocks.
        let (controller, routed) = self.controlled(&x, around.controller);
        let mut weights = Vec::with_capacity(self.blocks.len());
        let mut inner = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            if i > 0 {
                x = hold(i, x);
            }
            if around.still.is_some() {
                inner.push(x.clone());
            }
            let y = if self.pre { block.norm1.forward(x.clone()) } else { x.clone() };
            seen(i, &y);
            let alpha = match (&routed, self.router_of(block)) {
                (Some(alpha), _) => Some(alpha.clone()),
                (None, Some(router)) => Some(self.routing.weights(router.forward(y.clone()))),
                (None, None) => None,
            };
            x = self.block(i, x, y, alpha.as_ref(), sequences, &around, drop(i));
            weights.extend(alpha);
        }
        Applied { x, weights, controller, inner }
    }

    /// The controller's next state and α for all blocks, if there is a controller.
    pub(super) fn controlled(
        &self,
        x: &Tensor<2>,
        state: Option<&ControllerState>,
    ) -> (Option<ControllerState>, Option<Tensor<2>>) {
        match (&self.controller, state) {
            (Some(controller), Some(state)) => {
                let (next, logits) = controller.forward(x, state);
                (Some(next), Some(self.routing.weights(logits)))
            }
            _ => (None, None),
        }
    }

    /// The stateless router of a block, its own or the shared one.
    pub(super) fn router_of<'a>(&'a self, block: &'a Block) -> Option<&'a HeadRouter> {
        block.router.as_ref().or(self.router.as_ref())
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(super) fn heads(&self) -> usize {
        self.heads
    }

    pub(super) fn is_pre(&self) -> bool {
        self.pre
    }

    pub(super) fn is_after_output(&self) -> bool {
        self.after_output
    }

    pub(super) fn routing(&self) -> &Routing {
        &self.routing
    }

    pub(super) fn queries(&self) -> &Rotary {
        &self.queries
    }

    pub(super) fn keys(&self) -> &Rotary {
        &self.keys
    }

    /// The results of the heads o [rows, heads, dh] weighed and put together: [rows, d].
    pub(super) fn put_together(&self, block: &Block, mut o: Tensor<3>, alpha: Option<&Tensor<2>>) -> Tensor<2> {
        let [rows, heads, width] = o.dims();
        let d = heads * width;
        if let Some(gains) = &block.gains {
            o = o * gains.clone();
        }
        if !self.after_output {
            o = self.weigh(o, alpha);
        }
        let a = block.attention.project(o.reshape([rows, d]));
        if self.after_output {
            // As before 2025-11-26 in the original: slices of the projected vector, not heads.
            return self.weigh(a.reshape([rows, heads, width]), alpha).reshape([rows, d]);
        }
        a
    }

    /// Attention weights of a block for what it saw, [sequences, heads, places, places].
    #[must_use]
    pub fn attention(&self, block: usize, y: Tensor<2>, sequences: usize, allowed: Option<&Tensor<4>>) -> Tensor<4> {
        self.blocks[block].attention.masked_weights(y, sequences, &self.queries, &self.keys, allowed)
    }

    /// o [rows, heads, dh] times α, with its scale.
    fn weigh(&self, o: Tensor<3>, alpha: Option<&Tensor<2>>) -> Tensor<3> {
        let (scale, heads) = (self.routing.scale, self.heads);
        match alpha {
            Some(alpha) => {
                let [rows, _] = alpha.dims();
                let alpha = if scale == 1.0 { alpha.clone() } else { alpha.clone().mul_scalar(scale) };
                o * alpha.reshape([rows, heads, 1])
            }
            // Frozen equal weights: with their scale they change nothing.
            None if self.routing.mode == RouteMode::Uniform && scale != heads as f64 => {
                o.mul_scalar(scale / heads as f64)
            }
            None => o,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "everything that a block needs, once")]
    fn block(
        &self,
        i: usize,
        x: Tensor<2>,
        y: Tensor<2>,
        alpha: Option<&Tensor<2>>,
        sequences: usize,
        around: &Around<'_>,
        drop: Option<DropoutSites>,
    ) -> Tensor<2> {
        let block = &self.blocks[i];
        let o = block.attention.heads(y, sequences, &self.queries, &self.keys, around.allowed, drop);
        let a = self.put_together(block, Attention::without(o, i, around.knocked_out), alpha);
        let mut x = x + DropoutSites::apply(drop, 1, a);
        if !self.pre {
            x = block.norm1.forward(x);
        }
        let g = if self.pre { block.norm2.forward(x.clone()) } else { x.clone() };
        let g = DropoutSites::apply(drop, 2, relu(block.linear1.forward(g)));
        let x = x + DropoutSites::apply(drop, 3, block.linear2.forward(g));
        if self.pre { x } else { block.norm2.forward(x) }
    }
}
