//! Parameter parity: what routing costs, for the published sizes. Each count is made twice, by adding up the
//! shapes of a layout and by a formula, and the two must agree.

use std::io::Write;

use loopscope::config::{ModelConfig, PohConfig, Positions, RouteMode, Router};
use loopscope::models::stack_layout;
use loopscope::nn::{Controller, Layout};

use super::common::{grouped, sizes};

pub fn run(out: &mut dyn Write) -> anyhow::Result<()> {
    let published = |poh| sizes(512, 8, 2048, 6, poh);
    let routed = published(PohConfig::default())?;
    let with = |poh| ModelConfig { poh, ..routed.clone() };
    // Without a router and with the biases of its feed-forward parts a block is that of a plain encoder.
    let plain = with(PohConfig { route_mode: RouteMode::None, param_match_baseline: false, ..routed.poh.clone() });
    let base = stack(&plain)?;
    let absolute = with(PohConfig { pos_encoding: Positions::Absolute, ..routed.poh.clone() });
    // The published 0.27 % is a difference: a router and gains are added, and 15,360 biases left out.
    let biased = with(PohConfig { param_match_baseline: false, ..routed.poh.clone() });
    // Each block's own router is as wide as its input, as in the original.
    let apart = with(PohConfig { share_router: false, router_hidden: 512, ..routed.poh.clone() });

    writeln!(out, "width 512, 8 heads, hidden 2048, 6 blocks              parameters  more than plain")?;
    for (name, config) in [
        ("plain encoder", &plain),
        ("routed, one router for all, no positions", &routed),
        ("routed, with a learned table of 512 positions", &absolute),
        ("routed, no positions, feed-forward biases kept", &biased),
        ("routed, no positions, a router for each block", &apart),
    ] {
        row(out, name, stack(config)?, stack(config)? as f64 - base as f64, base)?;
    }

    // The recurrent controller instead of the small router is another matter altogether.
    let recurrent = with(PohConfig { router: Router::Hrm, ..routed.poh.clone() });
    let controller = controller(&recurrent)?;
    row(out, "HRM controller by itself, as wide as the encoder", controller, controller as f64, base)
}

fn row(out: &mut dyn Write, name: &str, count: usize, more: f64, base: usize) -> anyhow::Result<()> {
    let share = 100.0 * more / base as f64;
    Ok(writeln!(out, "{name:<50}  {:>12}  {more:>+9} ({share:+.4} %)", grouped(count))?)
}

/// Parameters of a stack: from its layout, and checked against the formula.
fn stack(config: &ModelConfig) -> anyhow::Result<usize> {
    let mut layout = Layout::default();
    stack_layout(config, &mut layout);
    agree(layout.total(), config.poh.stack_parameters(config))
}

/// Parameters of a controller. The published count has one more than are trained: the temperature.
fn controller(config: &ModelConfig) -> anyhow::Result<usize> {
    let mut layout = Layout::default();
    Controller::layout(&mut layout, config);
    Ok(agree(layout.total(), config.poh.controller_parameters(config))? + 1)
}

fn agree(layout: usize, formula: usize) -> anyhow::Result<usize> {
    anyhow::ensure!(layout == formula, "the layout has {layout} parameters and the formula {formula}");
    Ok(layout)
}
