//! A stack of routed blocks in the place of a transformer encoder: states of the same shape go in and come
//! out, and of every block one can see how it weighed its heads.

use std::io::Write;

use burn::tensor::Device;
use loopscope::config::PohConfig;
use loopscope::models::{Around, PohStack};
use loopscope::nn::entropy;

use super::common::{first_weights, grouped, mean, noise, sizes, values};

const SEQUENCES: usize = 2;
const TOKENS: usize = 10;
const WIDTH: usize = 512;
const HEADS: usize = 8;

pub fn run(out: &mut dyn Write) -> anyhow::Result<()> {
    // The defaults are soft routing (α = softmax of the router's logits), one router for all blocks, and
    // normalisation before each part of a block.
    let config = sizes(WIDTH, HEADS, 2048, 6, PohConfig::default())?;
    let parameters = first_weights(&config);
    let device = Device::flex();
    let bound = parameters.layout.bind(&parameters.upload(&device), false);
    let stack = PohStack::bind(&config, TOKENS, &bound, &device, 0);

    // Sequences lie one after another: [2, 10, 512] is [20, 512] in here.
    let x = noise(SEQUENCES * TOKENS, WIDTH, &device);
    // No mask, no controller (`Around`), no dropout. Attention is not kept unless one asks for it, since
    // training has no use for it: the last function gets what each block's attention is about to see.
    let mut attention = Vec::new();
    let applied = stack.apply(
        stack.placed(x, SEQUENCES),
        SEQUENCES,
        Around::default(),
        |_| None,
        |block, y| attention.push(stack.attention(block, y.clone(), SEQUENCES, None)),
    );

    let y = applied.x.reshape([SEQUENCES, TOKENS, WIDTH]);
    writeln!(out, "x [{SEQUENCES}, {TOKENS}, {WIDTH}] → y {:?}", y.dims())?;
    writeln!(out, "{} blocks, {} parameters", config.blocks, grouped(parameters.values.len()))?;
    // An entropy at its most says: no choice is made. That is ln 8 over heads and ln 10 over tokens, and
    // a fresh router is near it.
    let most = [HEADS, TOKENS].map(|n| (n as f32).ln());
    writeln!(out, "block  α of a token sums to  routing entropy  attention entropy")?;
    for (i, (alpha, weights)) in applied.weights.into_iter().zip(attention).enumerate() {
        // α [20, 8]; attention [2, 8, 10, 10], a row for each sequence, head and token.
        let alpha_sum = mean(alpha.clone().sum_dim(1));
        let rows = weights.reshape([SEQUENCES * HEADS * TOKENS, TOKENS]);
        let (of_heads, of_tokens) = (mean(entropy(alpha)), mean(entropy(rows)));
        writeln!(
            out,
            "{:>5}  {alpha_sum:>20.4}  {of_heads:>6.4} of {:.4}  {of_tokens:>8.4} of {:.4}",
            i + 1,
            most[0],
            most[1]
        )?;
    }
    anyhow::ensure!(values(y).iter().all(|v| v.is_finite()), "an encoder's states are numbers");
    Ok(())
}
