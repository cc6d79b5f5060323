//! Gradients as they are summed up, and as they stand in a flat vector.

use super::shape::Shape;
use crate::cpu::pack::Floats;
use crate::train::{Layout, Map, NormPlace};

/// Of a linear map: dW and db. What the rows and columns of dW are is said where it is used.
pub(super) struct Linear {
    pub weight: Floats,
    pub bias: Floats,
}

impl Linear {
    fn zeros(rows: usize, stride: usize, outputs: usize) -> Self {
        Self { weight: Floats::zeros(rows * stride), bias: Floats::zeros(outputs) }
    }
}

pub(super) struct Block {
    /// [3 · heads, width]: before the scale of the normalisation, as all that follow one.
    pub attend: Linear,
    /// [d, heads]
    pub out: Linear,
    /// [F, width]
    pub linear1: Linear,
    /// Turned, [F, width].
    pub linear2: Linear,
}

pub(super) struct Gradient {
    /// Of S_0 by clue, [digits + 1, width].
    pub encoder: Floats,
    /// Turned, [digits, width].
    pub feedback: Linear,
    pub blocks: Vec<Block>,
    /// [digits, width]
    pub head: Linear,
}

impl Gradient {
    pub fn zeros(shape: &Shape) -> Self {
        let (sizes, width) = (&shape.sizes, shape.width);
        let block = |_| Block {
            attend: Linear::zeros(3 * shape.heads, width, 3 * shape.heads),
            out: Linear::zeros(sizes.width, shape.heads, width),
            linear1: Linear::zeros(sizes.hidden, width, shape.hidden),
            linear2: Linear::zeros(sizes.hidden, width, width),
        };
        Self {
            encoder: Floats::zeros((sizes.digits + 1) * width),
            feedback: Linear::zeros(sizes.digits, width, width),
            blocks: (0..sizes.blocks).map(block).collect(),
            head: Linear::zeros(sizes.digits, width, shape.digits),
        }
    }

    /// The flat vector.
    pub fn unpack(&self, shape: &Shape, layout: &Layout, weights: &[f32]) -> Vec<f32> {
        let width = shape.width;
        let mut to = vec![0.0; layout.total];
        let encoder = &layout.encoder;
        for (clue, row) in self.encoder.chunks_exact(width).enumerate() {
            for (i, value) in row[..shape.sizes.width].iter().enumerate() {
                to[encoder.weight + i * encoder.inputs + clue] = *value;
                to[encoder.bias + i] += value;
            }
        }
        plain(&mut to, layout.feedback, &self.feedback, |o, i| i * width + o);
        plain(&mut to, layout.head, &self.head, |o, i| o * width + i);
        for (l, block) in self.blocks.iter().enumerate() {
            let at = layout.at(l);
            let heads: Vec<_> = (0..shape.heads).map(|at| shape.value(at)).collect();
            for o in 0..shape.sizes.width {
                for (from, input) in block.out.weight[o * shape.heads..][..shape.heads].iter().zip(&heads) {
                    if let Some(i) = input {
                        to[at.out.weight + o * at.out.inputs + i] = *from;
                    }
                }
                to[at.out.bias + o] = block.out.bias[o];
            }
            plain(&mut to, at.linear2, &block.linear2, |o, i| i * width + o);
            let maps = [at.query, at.key, at.value];
            let attend = (0..3 * shape.heads).map(|row| {
                let (map, output) = shape.attend(row);
                output.map(|o| (maps[map], o))
            });
            normalised(&mut to, weights, at.norm1, &block.attend, width, attend);
            let hidden = (0..shape.sizes.hidden).map(|o| Some((at.linear1, o)));
            normalised(&mut to, weights, at.norm2, &block.linear1, width, hidden);
        }
        to
    }
}

/// Output `o` and input `i` of a map from where `place` says.
fn plain(to: &mut [f32], map: Map, from: &Linear, place: impl Fn(usize, usize) -> usize) {
    for o in 0..map.outputs {
        for i in 0..map.inputs {
            to[map.weight + o * map.inputs + i] = from.weight[place(o, i)];
        }
        to[map.bias + o] = from.bias[o];
    }
}

/// Maps of n ∘ g + s, and the normalisation: with G the gradient of a map of n alone, dW = G ∘ g + db sᵀ,
/// dg = Σ W ∘ G and ds = Wᵀ db.
fn normalised(
    to: &mut [f32],
    weights: &[f32],
    norm: NormPlace,
    from: &Linear,
    stride: usize,
    outputs: impl Iterator<Item = Option<(Map, usize)>>,
) {
    for ((output, row), bias) in outputs.zip(from.weight.chunks_exact(stride)).zip(from.bias.iter()) {
        let Some((map, o)) = output else { continue };
        to[map.bias + o] = *bias;
        let begin = map.weight + o * map.inputs;
        for (i, value) in row[..map.inputs].iter().enumerate() {
            let weight = weights[begin + i];
            to[begin + i] = value * weights[norm.scale + i] + bias * weights[norm.shift + i];
            to[norm.scale + i] += weight * value;
            to[norm.shift + i] += weight * bias;
        }
    }
}
