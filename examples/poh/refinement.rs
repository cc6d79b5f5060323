//! Refinement: the same two blocks applied three times to their own result. An outer residual moves the
//! state by g · (new − old), and ReZero starts g at 0, so that training begins at the identity.

use std::io::Write;

use burn::tensor::{Device, Tensor};
use loopscope::config::{ModelConfig, PohConfig};
use loopscope::models::PohRefiner;
use loopscope::nn::{Mask, Parameters};

use super::common::{change, first_weights, grouped, largest_difference, noise, sizes, values};

const TOKENS: usize = 8;
const WIDTH: usize = 128;
const ITERATIONS: u32 = 3;

pub fn run(out: &mut dyn Write) -> anyhow::Result<()> {
    let poh = PohConfig { outer_residual: true, rezero_init: true, ..PohConfig::default() };
    let config = sizes(WIDTH, 4, 256, 2, poh)?;
    let mut parameters = first_weights(&config);
    // Iterations share all weights: three cost three times the arithmetic and not one parameter.
    writeln!(
        out,
        "x [1, {TOKENS}, {WIDTH}], {ITERATIONS} iterations, {} parameters",
        grouped(config.stack_parameters())
    )?;

    for g in [0.0, 0.5] {
        change(&mut parameters, "outer_gain", |_| g);
        let mut before = noise(TOKENS, WIDTH, &Device::flex());
        for (i, state) in states(&config, &parameters, &before).into_iter().enumerate() {
            let moved = norm(state.clone() - before.clone()) / norm(before.clone());
            let what = if largest_difference(&state, &before) == 0.0 {
                "changes nothing, to the last bit".to_owned()
            } else {
                format!("moves the state by {moved:.4} of its norm")
            };
            writeln!(out, "g = {g}: iteration {} {what}", i + 1)?;
            before = state;
        }
    }

    // The price of the identity: while g is 0 it hides the blocks from the loss, and the first update can
    // move g alone.
    change(&mut parameters, "outer_gain", |_| 0.0);
    let gradient = gradient(&config, &parameters)?;
    let reached = gradient.parts().filter(|(_, values)| values.iter().any(|v| *v != 0.0));
    let reached: Vec<&str> = reached.map(|(spec, _)| spec.name.as_str()).collect();
    writeln!(out, "at g = 0 a gradient reaches: {}", reached.join(", "))?;
    Ok(())
}

/// The state after each iteration, [8, 128] each.
fn states(config: &ModelConfig, parameters: &Parameters, x: &Tensor<2>) -> Vec<Tensor<2>> {
    let device = x.device();
    let bound = parameters.layout.bind(&parameters.upload(&device), false);
    let refiner = PohRefiner::bind(config, TOKENS, &bound, &device, 0);
    // Every iteration gives its result, not only the last one: each can be looked at, or be in a loss.
    let (states, _) = refiner.forward(x.clone(), 1, ITERATIONS, &Mask::default());
    states
}

/// That of the mean of the squared last state, by parameter.
fn gradient(config: &ModelConfig, parameters: &Parameters) -> anyhow::Result<Parameters> {
    let layout = parameters.layout.clone();
    let device = Device::flex();
    let bound = layout.bind(&parameters.upload(&device), true);
    let device = device.autodiff();
    let refiner = PohRefiner::bind(config, TOKENS, &bound, &device, 0);
    let (states, _) = refiner.forward(noise(TOKENS, WIDTH, &device), 1, ITERATIONS, &Mask::default());
    let last = states.into_iter().next_back().ok_or_else(|| anyhow::anyhow!("no iteration was run"))?;
    let mut gradients = last.powi_scalar(2).mean().backward();
    let flat = layout.gradient(&bound, &mut gradients).ok_or_else(|| anyhow::anyhow!("nothing has a gradient"))?;
    Ok(Parameters { layout, values: values(flat) })
}

fn norm(x: Tensor<2>) -> f32 {
    values(x.powi_scalar(2).sum())[0].sqrt()
}
