//! Top-k routing: each token keeps the two heads that its router ranks first, and the router learns which.

use std::io::Write;

use burn::tensor::Device;
use loopscope::config::{PohConfig, RouteMode, TopkGradient};
use loopscope::models::{Applied, Around, PohStack};
use loopscope::nn::{Bound, Parameters};

use super::common::{first_weights, noise, sizes, values};

const TOKENS: usize = 6;
const WIDTH: usize = 256;
const HEADS: usize = 8;

pub fn run(out: &mut dyn Write) -> anyhow::Result<()> {
    // The default: α is the softmax over the two winners alone, so that it sums to 1.
    let (_, _, applied) = pass(TopkGradient::Renormalised)?;
    let blocks: Vec<Vec<f32>> = applied.weights.into_iter().map(values).collect();
    writeln!(out, "x [1, {TOKENS}, {WIDTH}], α [1, {TOKENS}, {HEADS}]; in block 1:")?;
    for (token, alpha) in blocks[0].chunks(HEADS).enumerate() {
        let cells: Vec<String> =
            alpha.iter().map(|a| if *a == 0.0 { "    ·".into() } else { format!("{a:.3}") }).collect();
        writeln!(out, "token {}: {}", token + 1, cells.join(" "))?;
    }
    for (i, alpha) in blocks.iter().enumerate() {
        let zeros = alpha.iter().filter(|a| **a == 0.0).count() as f32 / alpha.len() as f32;
        let used = alpha.chunks(HEADS).map(|row| row.iter().filter(|a| **a > 0.0).count());
        let used: Vec<String> = used.map(|n| n.to_string()).collect();
        writeln!(out, "block {}: {:.1} % zeros; heads of each token: {}", i + 1, 100.0 * zeros, used.join(" "))?;
    }

    // A choice alone has no slope: in the original nothing ever reached the router, which stayed at its
    // first values for ever. All three ways choose the same heads; two of them let it learn.
    for (how, name) in [
        (TopkGradient::Renormalised, "renormalised, the default"),
        (TopkGradient::StraightThrough, "straight through"),
        (TopkGradient::None, "none, as in the original"),
    ] {
        writeln!(out, "gradient of the router, {name}: {:.6}", gradient_of_router(how)?)?;
    }
    Ok(())
}

/// A pass whose gradient can be asked for: the weights, how they are bound, and what came out.
fn pass(topk_gradient: TopkGradient) -> anyhow::Result<(Parameters, Bound, Applied)> {
    let poh = PohConfig { route_mode: RouteMode::Topk, route_topk: 2, topk_gradient, ..PohConfig::default() };
    let config = sizes(WIDTH, HEADS, 4 * WIDTH, 4, poh)?;
    let parameters = first_weights(&config);
    // The flat vector lies on the plain device; each bound parameter is a leaf that gathers a gradient.
    let device = Device::flex();
    let bound = parameters.layout.bind(&parameters.upload(&device), true);
    let device = device.autodiff();
    let stack = PohStack::bind(&config, TOKENS, &bound, &device, 0);
    let applied = stack.apply(noise(TOKENS, WIDTH, &device), 1, Around::default(), |_| None, |_, _| {});
    Ok((parameters, bound, applied))
}

/// Its norm, for a loss that is the mean of the squared states.
fn gradient_of_router(how: TopkGradient) -> anyhow::Result<f32> {
    let (Parameters { layout, .. }, bound, applied) = pass(how)?;
    let mut gradients = applied.x.powi_scalar(2).mean().backward();
    let flat = layout.gradient(&bound, &mut gradients).ok_or_else(|| anyhow::anyhow!("nothing has a gradient"))?;
    // In the order of the weights, so that it can be looked at under their names.
    let gradient = Parameters { layout, values: values(flat) };
    let of_router = gradient.parts().filter(|(spec, _)| spec.name.starts_with("router"));
    Ok(of_router.flat_map(|(_, values)| values).map(|v| v * v).sum::<f32>().sqrt())
}
