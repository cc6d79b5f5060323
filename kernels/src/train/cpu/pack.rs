//! Weights as they are multiplied: once for the pass forward, once, turned, for the pass backward.
//!
//! Scale and shift of a normalisation are multiplied into the linear maps that follow it: with n the normalised row,
//! (n ∘ g + s) Wᵀ + b = n (W ∘ g)ᵀ + (b + W s). So nothing is done for them in either pass, and their gradients come
//! out of that of the product (`unpack`).

use pulp::Simd;

use super::product::Right;
use super::shape::Shape;
use crate::cpu::pack::Floats;
use crate::train::{BlockLayout, Layout, Map, NormPlace};

/// A right factor, [panels][depth][two vectors].
pub(super) struct Panels {
    data: Floats,
    depth: usize,
    columns: usize,
}

impl Panels {
    fn new(shape: &Shape, depth: usize, columns: usize, of: impl Fn(usize, usize) -> f32) -> Self {
        let panel = 2 * shape.lanes;
        let mut data = Floats::zeros(columns.next_multiple_of(panel) * depth);
        for (index, to) in data.chunks_exact_mut(panel * depth).enumerate() {
            let first = index * panel;
            for (k, row) in to.chunks_exact_mut(panel).enumerate() {
                for (c, to) in row.iter_mut().take(columns - first).enumerate() {
                    *to = of(k, first + c);
                }
            }
        }
        Self { data, depth, columns }
    }

    pub fn right<S: Simd>(&self, _: S) -> Right<'_> {
        let step = 2 * S::F32_LANES;
        Right { data: &self.data, step, panel: step * self.depth, columns: self.columns }
    }
}

/// A linear map.
pub(super) struct Linear {
    /// [inputs, outputs]
    pub forward: Panels,
    /// [outputs, inputs]
    pub backward: Panels,
    /// [outputs], with zeros after them.
    pub bias: Floats,
}

pub(super) struct Block {
    /// Queries, keys and values.
    pub attend: Linear,
    pub out: Linear,
    pub linear1: Linear,
    pub linear2: Linear,
}

/// All of them.
pub(super) struct Packed {
    /// We + be for every clue, [digits + 1, width].
    pub embedding: Vec<f32>,
    pub feedback: Linear,
    pub blocks: Vec<Block>,
    pub head: Linear,
}

/// A map of rows padded to `inputs` floats to rows padded to `outputs`.
struct Places<I, O> {
    inputs: usize,
    outputs: usize,
    /// Inputs that are multiplied.
    depth: usize,
    /// Outputs that are multiplied on the way back.
    depth_back: usize,
    /// Which input a float of a row is.
    input: I,
    /// Which output of which map.
    output: O,
}

/// A number below `count`.
fn below(count: usize) -> impl Fn(usize) -> Option<usize> {
    move |at| (at < count).then_some(at)
}

impl Packed {
    pub fn new(shape: &Shape, layout: &Layout, weights: &[f32]) -> Self {
        let sizes = &shape.sizes;
        let encoder = &layout.encoder;
        let embedding = (0..=sizes.digits)
            .flat_map(|clue| {
                (0..shape.width).map(move |i| {
                    if i < sizes.width {
                        weights[encoder.weight + i * encoder.inputs + clue] + weights[encoder.bias + i]
                    } else {
                        0.0
                    }
                })
            })
            .collect();
        let plain = |map: Map, inputs: usize, outputs: usize, norm: Option<NormPlace>| {
            let places = Places {
                inputs,
                outputs,
                depth: map.inputs,
                depth_back: map.outputs,
                input: below(map.inputs),
                output: |at| (0, below(map.outputs)(at)),
            };
            linear(shape, weights, &[map], norm, &places)
        };
        let block = |at: BlockLayout| {
            let heads = Places {
                inputs: shape.width,
                outputs: 3 * shape.heads,
                depth: sizes.width,
                depth_back: 3 * shape.heads,
                input: below(sizes.width),
                output: |at| shape.attend(at),
            };
            let out = Places {
                inputs: shape.heads,
                outputs: shape.width,
                depth: shape.heads,
                depth_back: sizes.width,
                input: |at| shape.value(at),
                output: |o| (0, below(sizes.width)(o)),
            };
            Block {
                attend: linear(shape, weights, &[at.query, at.key, at.value], Some(at.norm1), &heads),
                out: linear(shape, weights, &[at.out], None, &out),
                linear1: plain(at.linear1, shape.width, shape.hidden, Some(at.norm2)),
                linear2: plain(at.linear2, shape.hidden, shape.width, None),
            }
        };
        Self {
            embedding,
            feedback: plain(layout.feedback, shape.digits, shape.width, None),
            blocks: (0..sizes.blocks).map(|l| block(layout.at(l))).collect(),
            head: plain(layout.head, shape.width, shape.digits, None),
        }
    }
}

fn linear<I, O>(shape: &Shape, weights: &[f32], maps: &[Map], norm: Option<NormPlace>, places: &Places<I, O>) -> Linear
where
    I: Fn(usize) -> Option<usize>,
    O: Fn(usize) -> (usize, Option<usize>),
{
    let inputs: Vec<_> = (0..places.inputs).map(&places.input).collect();
    // Where the row of an output begins, and its bias.
    let outputs: Vec<_> = (0..places.outputs)
        .map(|at| {
            let (map, output) = (places.output)(at);
            output.map(|o| (maps[map].weight + o * maps[map].inputs, maps[map].bias + o))
        })
        .collect();
    let scale = |i: usize| norm.map_or(1.0, |norm| weights[norm.scale + i]);
    let of = |i: Option<usize>, o: Option<(usize, usize)>| match (i, o) {
        (Some(i), Some((row, _))) => weights[row + i] * scale(i),
        _ => 0.0,
    };
    let mut bias = Floats::zeros(places.outputs);
    for (bias, output) in bias.iter_mut().zip(&outputs) {
        if let Some((row, at)) = *output {
            let shift = norm
                .map_or(0.0, |norm| inputs.iter().flatten().map(|i| weights[row + i] * weights[norm.shift + i]).sum());
            *bias = weights[at] + shift;
        }
    }
    Linear {
        forward: Panels::new(shape, places.depth, places.outputs, |k, c| of(inputs[k], outputs[c])),
        backward: Panels::new(shape, places.depth_back, places.inputs, |k, c| of(inputs[c], outputs[k])),
        bias,
    }
}
