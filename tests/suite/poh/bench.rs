//! An encoder on the CPU, and what is measured of it.

use burn::tensor::{Device, Tensor, TensorData};
use loopscope::config::{Key, ModelConfig, NetworkKind, PohConfig, Positions, Stream};
use loopscope::models::{PohRefiner, PohState, stack_layout};
use loopscope::nn::{Layout, Mask, Parameters};
use loopscope::tasks::sudoku::Shape;

/// Sizes for boards of 4×4, with these settings.
pub fn sizes(width: usize, heads: usize, blocks: usize, poh: PohConfig) -> ModelConfig {
    let hidden = 2 * width;
    ModelConfig { network: NetworkKind::Poh, width, heads, blocks, hidden, poh, ..ModelConfig::default() }
        .with_shape(Shape::S4)
}

/// Positions play no part.
pub fn placeless(poh: PohConfig) -> PohConfig {
    PohConfig { pos_encoding: Positions::None, ..poh }
}

/// Values in [-1, 1), the same ones for the same `site`.
pub fn noise(count: usize, site: u16) -> Vec<f32> {
    Key::new(7, Stream::Statistics).at(0, site).uniform(count, 1.0)
}

#[expect(clippy::disallowed_methods, reason = "the tests run on the CPU alone, where nothing waits")]
pub fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

pub fn largest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A stack with its weights on the host.
#[derive(Clone)]
pub struct Encoder {
    pub config: ModelConfig,
    pub layout: Layout,
    pub parameters: Parameters,
}

impl Encoder {
    pub fn new(config: ModelConfig) -> Self {
        let mut layout = Layout::default();
        stack_layout(&config, &mut layout);
        let parameters = layout.initial(3);
        Self { config, layout, parameters }
    }

    /// The values of a parameter.
    pub fn get(&self, name: &str) -> &[f32] {
        self.parameters.parts().find(|(spec, _)| spec.name == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    /// Changes the values of a parameter.
    pub fn set(&mut self, name: &str, change: impl Fn(usize, f32) -> f32) {
        let mut at = 0;
        for spec in &self.layout.specs {
            if spec.name == name {
                for (i, v) in self.parameters.values[at..at + spec.len()].iter_mut().enumerate() {
                    *v = change(i, *v);
                }
                return;
            }
            at += spec.len();
        }
        panic!("no {name}");
    }

    /// Takes the values of all parameters that the other has too, by name.
    pub fn copy(&mut self, other: &Self) {
        for (spec, values) in other.parameters.parts() {
            if self.layout.specs.iter().any(|s| s.name == spec.name && s.shape == spec.shape) {
                self.set(&spec.name, |i, _| values[i]);
            }
        }
    }

    /// Bound for sequences of this length.
    pub fn refiner(&self, places: usize) -> PohRefiner {
        let device = Device::flex();
        let flat = self.parameters.upload(&device);
        PohRefiner::bind(&self.config, places, &self.layout.bind(&flat, false), &device, 0)
    }

    /// x [sequences, places, d] → what each iteration answers with, and what is carried.
    pub fn run(&self, x: &[f32], sequences: usize, iterations: u32, mask: &Mask) -> (Vec<Vec<f32>>, PohState) {
        let rows = x.len() / self.config.width;
        let x = Tensor::from_data(TensorData::new(x.to_vec(), [rows, self.config.width]), &Device::flex());
        let (reads, more) = self.refiner(rows / sequences).forward(x, sequences, iterations, mask);
        (reads.into_iter().map(values).collect(), more)
    }

    /// The last iteration's answer.
    pub fn last(&self, x: &[f32], sequences: usize, iterations: u32) -> Vec<f32> {
        self.run(x, sequences, iterations, &Mask::default()).0.pop().expect("an iteration")
    }

    /// A loss that looks at everything that the last iteration answers with.
    pub fn loss(&self, x: &[f32], iterations: u32) -> f64 {
        let out = self.last(x, 1, iterations);
        out.iter().enumerate().map(|(i, v)| f64::from(v * weight(i))).sum()
    }

    /// Its gradient by parameter, and that of the input.
    pub fn gradients(&self, x: &[f32], iterations: u32) -> (Vec<(String, Vec<f32>)>, Vec<f32>) {
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let flat = self.parameters.upload(&plain);
        let bound = self.layout.bind(&flat, true);
        let rows = x.len() / self.config.width;
        let refiner = PohRefiner::bind(&self.config, rows, &bound, &device, 0);
        let shape = [rows, self.config.width];
        let input = Tensor::<2>::from_data(TensorData::new(x.to_vec(), shape), &device).require_grad();
        let (reads, _) = refiner.forward(input.clone(), 1, iterations, &Mask::default());
        let weights: Vec<f32> = (0..x.len()).map(weight).collect();
        let weights = Tensor::<2>::from_data(TensorData::new(weights, shape), &device);
        let mut gradients = (reads.last().expect("an iteration").clone() * weights).sum().backward();
        let of_input = input.grad(&gradients).map_or_else(|| vec![0.0; x.len()], values);
        let flat = self.layout.gradient(&bound, &mut gradients).map_or_else(|| vec![0.0; self.layout.total()], values);
        let mut at = 0;
        let by_name = self.layout.specs.iter().map(|spec| {
            at += spec.len();
            (spec.name.clone(), flat[at - spec.len()..at].to_vec())
        });
        (by_name.collect(), of_input)
    }
}

fn weight(i: usize) -> f32 {
    ((i * 7 + 3) % 11) as f32 / 11.0 - 0.4
}
