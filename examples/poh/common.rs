//! What the usages share: sizes, first weights, numbers to put in and numbers to read.

use burn::tensor::{Device, Tensor, TensorData};
use loopscope::config::{Key, ModelConfig, NetworkKind, PohConfig, Positions, Stream};
use loopscope::models::stack_layout;
use loopscope::nn::{Layout, Parameters};

/// Everything random here follows from it: two runs give the same numbers.
const SEED: u64 = 1;

/// Sizes of an encoder. A sequence has no rows and columns, so the positions of a board, which are the
/// default, make no sense; like a plain encoder this one adds none of its own.
pub fn sizes(width: usize, heads: usize, hidden: usize, blocks: usize, poh: PohConfig) -> anyhow::Result<ModelConfig> {
    let poh = PohConfig { pos_encoding: Positions::None, ..poh };
    let config = ModelConfig { network: NetworkKind::Poh, width, heads, hidden, blocks, poh, ..ModelConfig::default() };
    config.validate()?;
    Ok(config)
}

/// First weights, on the host. A layout names the parameters and says how each begins; binding it to a flat
/// vector on a device gives named tensors.
pub fn first_weights(config: &ModelConfig) -> Parameters {
    let mut layout = Layout::default();
    stack_layout(config, &mut layout);
    layout.initial(SEED)
}

/// Changes the values of the parameter of that name.
pub fn change(parameters: &mut Parameters, name: &str, change: impl Fn(f32) -> f32) {
    let before = parameters.layout.specs.iter().take_while(|s| s.name != name);
    let first: usize = before.map(|s| s.len()).sum();
    let count = parameters.layout.specs.iter().find(|s| s.name == name).map_or(0, |s| s.len());
    assert!(count > 0, "the layout has no {name}");
    parameters.values[first..first + count].iter_mut().for_each(|v| *v = change(*v));
}

/// Tokens to put in, [rows, width], uniform in [-1, 1).
pub fn noise(rows: usize, width: usize, device: &Device) -> Tensor<2> {
    let values = Key::new(SEED, Stream::Statistics).uniform(rows * width, 1.0);
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

/// Values on the host, row by row.
#[expect(clippy::disallowed_methods, reason = "the examples run natively and on the CPU, where nothing waits")]
pub fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

/// The mean of all values.
pub fn mean<const D: usize>(x: Tensor<D>) -> f32 {
    values(x.mean())[0]
}

/// The largest difference between two tensors of one shape.
pub fn largest_difference(a: &Tensor<2>, b: &Tensor<2>) -> f32 {
    values((a.clone() - b.clone()).abs().max())[0]
}

/// A count as people write it: 18,914,304.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
