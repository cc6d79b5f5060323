//! Pointer-over-Heads: what can be set of the routed network (`specs/poh.md` §1.1). Width, heads,
//! hidden width and depth are those of [`ModelConfig`](super::ModelConfig) (`d_model`, `n_heads`,
//! `d_ff`, `depth` there), dropout and the number of iterations (`max_inner_iters`) those of the recipe.

use serde::{Deserialize, Serialize};

use super::ModelConfig;

/// Which network is built from the sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// The looped transformer: every head counts in full, predictions are fed back.
    #[default]
    Looped,
    /// Pointer-over-Heads: a router weighs the heads, cell by cell and iteration by iteration.
    Poh,
}

/// How a block's heads are weighed; α is the weight of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteMode {
    /// No router: the weight-tied loop.
    None,
    /// α = 1/H, frozen: the control for the router's parameters and its scale.
    Uniform,
    /// α = softmax(logits / τ).
    #[default]
    Soft,
    /// Only the k heads with the largest logits.
    Topk,
}

/// What flows back through a choice of k heads. All three choose the same heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TopkGradient {
    /// α is the softmax over the k winners; its gradient is exact.
    #[default]
    Renormalised,
    /// α is 1 for a winner and 0 else; backwards it counts as the softmax.
    StraightThrough,
    /// α is 1 or 0 and the router gets no gradient, as in the original (§1.2): it never learns.
    None,
}

/// The scale of α.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteScale {
    /// Times H where α sums to 1, times H/k where it sums to k: equal weights change nothing.
    #[default]
    TimesHeads,
    /// As it is: soft routing shrinks the attention to about 1/H (§1.2).
    Raw,
}

/// What makes the logits of the heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Router {
    /// A small network on each cell's state; nothing is carried on.
    #[default]
    Stateless,
    /// A slow and a fast recurrent cell; the slow one moves every `controller_period` iterations.
    Hrm,
    /// The same, but the slow cell moves when a learned trigger has filled up.
    HrmTrigger,
}

/// Where layer normalisation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormType {
    /// Before attention and feed-forward.
    #[default]
    Pre,
    /// After each of their residual sums.
    Post,
}

/// How a cell knows its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// Not at all.
    None,
    /// A learned table is added to the first state.
    Absolute,
    /// Queries and keys are turned by the cell's index (half-split pairs, base 10,000).
    Rotary,
    /// Queries and keys are turned by row and column, as in the looped transformer.
    #[default]
    Board,
}

/// Whether the encoded clues are added to the state again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Injection {
    /// Never.
    #[default]
    None,
    /// Before every iteration, the first included, as in the newest original.
    Every,
    /// Before every iteration but the first.
    AfterFirst,
}

/// How far the gradient of a training pass goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GradMode {
    /// Through all iterations.
    #[default]
    Full,
    /// Through the last one.
    Last,
    /// Through the last `grad_last`.
    LastK,
}

/// When a cell stops being refined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Halting {
    /// Never.
    #[default]
    None,
    /// Adaptive computation time (Graves 2016): weights that sum to 1 and a ponder cost that trains.
    Graves,
    /// As shipped in the original (§1.5): no remainder, and a ponder cost that is in no loss.
    Legacy,
}

/// What halts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HaltUnit {
    /// Each cell by itself.
    #[default]
    Token,
    /// A board, by the mean of its cells.
    Board,
}

/// The settings; every default is the recommendation of the specification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PohConfig {
    /// How the heads are weighed.
    pub route_mode: RouteMode,
    /// Heads k that are kept, where `route_mode` is topk.
    pub route_topk: usize,
    /// What flows back through that choice.
    pub topk_gradient: TopkGradient,
    /// Temperature τ of the stateless router.
    pub route_temp: f64,
    /// Scale of α.
    pub route_scale: RouteScale,
    /// What makes the logits.
    pub router: Router,
    /// Whether all blocks share one stateless router.
    pub share_router: bool,
    /// Hidden width of a stateless router; 0 takes max(32, width / 4).
    pub router_hidden: usize,
    /// Whether α scales slices of the output projection's result instead of the heads (as before
    /// 2025-11-26 in the original, and in all its Sudoku results).
    pub alpha_after_output: bool,
    /// Where normalisation stands.
    pub norm_type: NormType,
    /// Whether the two biases of the feed-forward part are left out, which pays for the router.
    pub param_match_baseline: bool,
    /// How a cell knows its place.
    pub pos_encoding: Positions,
    /// Rows of the learned table.
    pub max_seq_len: usize,
    /// Whether the learned positions are added before every iteration, as in the first original.
    pub positions_every_iteration: bool,
    /// Whether an iteration moves the state by g · (new − old), with one learned g.
    pub outer_residual: bool,
    /// Whether g starts at 0 instead of 1.
    pub rezero_init: bool,
    /// Whether the encoded clues are added again.
    pub input_injection: Injection,
    /// Whether the prediction is fed back as in the looped transformer.
    pub feedback: bool,
    /// How far gradients go back.
    pub grad_mode: GradMode,
    /// Iterations that they go back, where `grad_mode` is last-k.
    pub grad_last: u32,
    /// When a cell stops being refined.
    pub act_halting: Halting,
    /// Halting mass θ at which it stops.
    pub act_threshold: f64,
    /// Weight ρ of the ponder cost in the loss.
    pub act_penalty: f64,
    /// What halts together.
    pub act_unit: HaltUnit,
    /// Width C of the controller; 0 takes the network's width.
    pub controller_width: usize,
    /// Iterations T between two updates of the slow cell.
    pub controller_period: u32,
    /// Whether the controller's state weighs the heads of each cell by itself, not of the whole board.
    pub controller_per_cell: bool,
    /// First temperature of the controller's router.
    pub temperature_init: f64,
    /// Last temperature.
    pub temperature_min: f64,
    /// Factor every `temperature_every` steps.
    pub temperature_decay: f64,
    /// Optimizer steps between two factors.
    pub temperature_every: u32,
    /// Weight of the mean routing entropy, which the loss is lowered by: it keeps heads from dying.
    pub entropy_reg: f64,
    /// Whether the slow cell gets no gradient, as in the first original.
    pub detach_slow: bool,
}

impl Default for PohConfig {
    fn default() -> Self {
        Self {
            route_mode: RouteMode::Soft,
            route_topk: 2,
            topk_gradient: TopkGradient::Renormalised,
            route_temp: 1.0,
            route_scale: RouteScale::TimesHeads,
            router: Router::Stateless,
            share_router: true,
            router_hidden: 0,
            alpha_after_output: false,
            norm_type: NormType::Pre,
            param_match_baseline: true,
            pos_encoding: Positions::Board,
            max_seq_len: 512,
            positions_every_iteration: false,
            outer_residual: false,
            rezero_init: false,
            input_injection: Injection::None,
            feedback: true,
            grad_mode: GradMode::Full,
            grad_last: 1,
            act_halting: Halting::None,
            act_threshold: 0.99,
            act_penalty: 0.01,
            act_unit: HaltUnit::Token,
            controller_width: 0,
            controller_period: 4,
            controller_per_cell: false,
            temperature_init: 2.0,
            temperature_min: 0.7,
            temperature_decay: 0.95,
            temperature_every: 50,
            entropy_reg: 0.0,
            detach_slow: false,
        }
    }
}

impl PohConfig {
    /// Everything that cannot be built with these settings on a network of these sizes, one sentence
    /// each.
    ///
    /// # Errors
    /// All of it, in the order of the fields.
    pub fn validate(&self, sizes: &ModelConfig) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        let mut need = |holds: bool, text: String| {
            if !holds {
                problems.push(text);
            }
        };
        let (heads, width) = (sizes.heads, sizes.head_width());
        if self.route_mode == RouteMode::Topk {
            need(
                (1..=heads).contains(&self.route_topk),
                format!("route_topk is {}; it must be from 1 to the {heads} heads", self.route_topk),
            );
        }
        let positive = |x: f64| x.is_finite() && x > 0.0;
        need(positive(self.route_temp), format!("route_temp is {}; it must be above 0", self.route_temp));
        need(self.router_hidden <= 16_384, format!("router_hidden is {}; at most 16,384", self.router_hidden));
        let recurrent = self.router != Router::Stateless;
        need(
            !recurrent || matches!(self.route_mode, RouteMode::Soft | RouteMode::Topk),
            "a recurrent router needs route_mode soft or topk: it has nothing to weigh otherwise".into(),
        );
        need(
            self.pos_encoding != Positions::Rotary || width.is_multiple_of(2),
            format!("rotary positions need an even head width; {width} is odd"),
        );
        need(
            self.pos_encoding != Positions::Board || width.is_multiple_of(4),
            format!("positions by row and column need a head width that is a multiple of 4; {width} is none"),
        );
        if self.pos_encoding == Positions::Absolute {
            let cells = sizes.cells();
            need(
                (cells..=65_536).contains(&self.max_seq_len),
                format!("max_seq_len is {}; a board of {cells} cells needs from {cells} to 65,536", self.max_seq_len),
            );
        }
        need(
            !self.positions_every_iteration || self.pos_encoding == Positions::Absolute,
            "positions_every_iteration is for absolute positions".into(),
        );
        need(!self.rezero_init || self.outer_residual, "rezero_init needs outer_residual".into());
        need(
            self.grad_mode != GradMode::LastK || self.grad_last >= 1,
            "grad_last is 0; gradients must go back at least one iteration".into(),
        );
        need(
            self.act_threshold > 0.0 && self.act_threshold <= 1.0,
            format!("act_threshold is {}; it must be above 0 and at most 1", self.act_threshold),
        );
        need(
            self.act_penalty.is_finite() && self.act_penalty >= 0.0,
            format!("act_penalty is {}; it must be at least 0", self.act_penalty),
        );
        need(self.controller_width <= 4096, format!("controller_width is {}; at most 4,096", self.controller_width));
        need(self.controller_period >= 1, "controller_period is 0; the slow cell must move at some time".into());
        need(
            positive(self.temperature_min) && self.temperature_init >= self.temperature_min,
            format!(
                "temperatures from {} to {}; both must be above 0, the first no less than the last",
                self.temperature_init, self.temperature_min
            ),
        );
        need(
            positive(self.temperature_decay) && self.temperature_decay <= 1.0,
            format!("temperature_decay is {}; it must be above 0 and at most 1", self.temperature_decay),
        );
        need(self.temperature_every >= 1, "temperature_every is 0; it must be at least 1 step".into());
        need(self.entropy_reg.is_finite(), format!("entropy_reg is {}; it must be a number", self.entropy_reg));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Parameters of the stack (§1.8): blocks with their gains, routers, positions, controller, outer gain
    /// and halting.
    #[must_use]
    pub fn stack_parameters(&self, sizes: &ModelConfig) -> usize {
        let (d, f, h) = (sizes.width, sizes.hidden, sizes.heads);
        let biases = if self.param_match_baseline { 0 } else { f + d };
        let gains = if self.route_mode == RouteMode::None { 0 } else { h };
        let blocks = sizes.blocks * (4 * (d * d + d) + 2 * d * f + biases + 4 * d + gains);
        let hidden = self.hidden_of_router(d);
        let router = d * hidden + hidden + hidden * h;
        let routers = match (self.routes() && !self.is_recurrent(), self.share_router) {
            (false, _) => 0,
            (true, true) => router,
            (true, false) => sizes.blocks * router,
        };
        let positions = if self.pos_encoding == Positions::Absolute { self.max_seq_len * d } else { 0 };
        let controller = if self.is_recurrent() { self.controller_parameters(sizes) } else { 0 };
        let halting = if self.act_halting == Halting::None { 0 } else { d + 1 };
        blocks + routers + positions + controller + halting + usize::from(self.outer_residual)
    }

    /// Parameters of the controller (§1.6): 16 C² + D C + 17 C + C H + H, and those of a trigger and of a
    /// router for each cell. The published counts have one more: the temperature, which is not trained.
    #[must_use]
    pub fn controller_parameters(&self, sizes: &ModelConfig) -> usize {
        let (d, h) = (sizes.width, sizes.heads);
        let c = self.width_of_controller(d);
        let cell = if self.controller_per_cell { 2 * (d + c) + (d + c) * c + c } else { 0 };
        let trigger = if self.router == Router::HrmTrigger { c + 1 } else { 0 };
        16 * c * c + d * c + 17 * c + c * h + h + cell + trigger
    }

    /// Hidden width h of a stateless router.
    #[must_use]
    pub fn hidden_of_router(&self, width: usize) -> usize {
        if self.router_hidden > 0 { self.router_hidden } else { (width / 4).max(32) }
    }

    /// Width C of the controller.
    #[must_use]
    pub fn width_of_controller(&self, width: usize) -> usize {
        if self.controller_width > 0 { self.controller_width } else { width }
    }

    /// Whether there is a router that learns.
    #[must_use]
    pub fn routes(&self) -> bool {
        matches!(self.route_mode, RouteMode::Soft | RouteMode::Topk)
    }

    /// Whether the controller carries a state of its own from iteration to iteration.
    #[must_use]
    pub fn is_recurrent(&self) -> bool {
        self.routes() && self.router != Router::Stateless
    }

    /// Temperature τ of the router after `step` updates: constant for the stateless router,
    /// max(min, init · decay^⌊step / every⌋) for the controller (§1.6; the original counts epochs).
    #[must_use]
    pub fn temperature(&self, step: u32) -> f64 {
        if self.router == Router::Stateless {
            return self.route_temp;
        }
        let times = i32::try_from(step / self.temperature_every.max(1)).unwrap_or(i32::MAX);
        (self.temperature_init * self.temperature_decay.powi(times)).max(self.temperature_min)
    }

    /// Factor on α, such that equal weights change nothing: H, or H/k where α sums to k.
    #[must_use]
    pub fn scale(&self, heads: usize) -> f64 {
        if self.route_scale == RouteScale::Raw {
            return 1.0;
        }
        let sums_to = match (self.route_mode, self.topk_gradient) {
            (RouteMode::Topk, TopkGradient::StraightThrough | TopkGradient::None) => self.route_topk,
            _ => 1,
        };
        heads as f64 / sums_to as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> ModelConfig {
        ModelConfig { width: 64, heads: 8, ..ModelConfig::default() }
    }

    #[test]
    fn every_problem_is_told() {
        let bad = PohConfig {
            route_mode: RouteMode::Topk,
            route_topk: 9,
            route_temp: 0.0,
            pos_encoding: Positions::Absolute,
            max_seq_len: 80,
            rezero_init: true,
            act_threshold: 1.5,
            act_penalty: -1.0,
            controller_period: 0,
            temperature_min: 3.0,
            ..PohConfig::default()
        };
        let problems = bad.validate(&sizes()).unwrap_err();
        let all = problems.join("\n");
        for word in [
            "route_topk",
            "route_temp",
            "max_seq_len",
            "rezero_init",
            "act_threshold",
            "act_penalty",
            "controller_period",
            "temperatures",
        ] {
            assert!(all.contains(word), "{word}: {all}");
        }
        assert_eq!(problems.len(), 8, "{all}");
        assert_eq!(PohConfig::default().validate(&sizes()), Ok(()));
        // k = H is legal: it is no routing.
        let all_heads = PohConfig { route_mode: RouteMode::Topk, route_topk: 8, ..PohConfig::default() };
        assert_eq!(all_heads.validate(&sizes()), Ok(()));
    }

    #[test]
    fn the_temperature_falls_to_its_floor() {
        let hrm = PohConfig { router: Router::Hrm, temperature_every: 10, ..PohConfig::default() };
        assert_eq!(hrm.temperature(0), 2.0);
        assert_eq!(hrm.temperature(9), 2.0);
        assert!((hrm.temperature(10) - 1.9).abs() < 1e-12);
        assert_eq!(hrm.temperature(1_000_000), 0.7);
        assert_eq!(PohConfig::default().temperature(1_000_000), 1.0);
    }

    #[test]
    fn equal_weights_change_nothing() {
        let of = |route_mode, topk_gradient| PohConfig { route_mode, topk_gradient, ..PohConfig::default() }.scale(8);
        assert_eq!(of(RouteMode::Soft, TopkGradient::Renormalised), 8.0);
        assert_eq!(of(RouteMode::Topk, TopkGradient::Renormalised), 8.0);
        assert_eq!(of(RouteMode::Topk, TopkGradient::StraightThrough), 4.0);
    }
}
