//! Weights in the order in which they are read, padded to whole vectors.

use std::ops::{Deref, DerefMut, Range};

use crate::{Block, Linear, Model, Norm, Sizes};

/// Hidden units of the feed-forward part that are computed before they are used up: few enough for what
/// belongs to them to stay in the nearest cache.
pub(super) const HIDDEN: usize = 256;

/// Floats that begin with a cache line, so that no vector lies in two of them.
pub(crate) struct Floats {
    data: Vec<f32>,
    start: usize,
    len: usize,
}

impl Floats {
    const LINE: usize = 64;

    pub(crate) fn zeros(len: usize) -> Self {
        let spare = Self::LINE / size_of::<f32>();
        let data = vec![0.0f32; len + spare];
        let start = data.as_ptr().align_offset(Self::LINE).min(spare);
        Self { data, start, len }
    }

    /// `of` every index.
    pub(super) fn new(len: usize, of: impl Fn(usize) -> f32) -> Self {
        let mut floats = Self::zeros(len);
        for (i, float) in floats.iter_mut().enumerate() {
            *float = of(i);
        }
        floats
    }
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.data[self.start..self.start + self.len]
    }
}

impl DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.data[self.start..self.start + self.len]
    }
}

/// How wide things are in memory. A panel is two vectors wide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub sizes: Sizes,
    /// Floats in a vector.
    pub lanes: usize,
    /// d in whole panels.
    pub width: usize,
    /// F in whole panels.
    pub hidden: usize,
    /// Digits in whole panels.
    pub digits: usize,
    /// A head of a query or key in whole panels: of each panel, the first vector holds the first elements of
    /// as many pairs as a vector has floats, the second vector the second ones. So a pair is turned
    /// without moving anything within a vector, and a product of two heads is the same in any order.
    pub turned: usize,
    /// A head of a value in whole panels.
    pub value: usize,
    /// Cells in whole vectors.
    pub cells: usize,
}

impl Layout {
    fn new(sizes: Sizes, lanes: usize) -> Self {
        let panels = |n: usize| n.next_multiple_of(2 * lanes);
        Self {
            sizes,
            lanes,
            width: panels(sizes.width),
            hidden: panels(sizes.hidden),
            digits: panels(sizes.digits),
            turned: panels(sizes.head_width()),
            value: panels(sizes.head_width()),
            cells: sizes.cells.next_multiple_of(lanes),
        }
    }

    /// Width of a panel.
    pub(super) fn panel(&self) -> usize {
        2 * self.lanes
    }

    /// Queries of a row: the heads side by side.
    pub(super) fn queries(&self) -> usize {
        self.sizes.heads * self.turned
    }

    /// Values of a row: the heads side by side.
    pub(super) fn values(&self) -> usize {
        self.sizes.heads * self.value
    }

    /// Which output of the query's or key's map lies at `at` in a row of queries, or none.
    fn turned_output(&self, at: usize) -> Option<usize> {
        let (head, at) = (at / self.turned, at % self.turned);
        let (panel, at) = (at / self.panel(), at % self.panel());
        let element = 2 * (panel * self.lanes + at % self.lanes) + at / self.lanes;
        let width = self.sizes.head_width();
        (element < width).then_some(head * width + element)
    }

    /// Which output of the value's map lies at `at` in a row of values, or none.
    fn value_output(&self, at: usize) -> Option<usize> {
        let (head, element) = (at / self.value, at % self.value);
        let width = self.sizes.head_width();
        (element < width).then_some(head * width + element)
    }
}

/// A linear map in panels: [panels][inputs][2 vectors], so that a product reads it from front to back.
pub(super) struct Panels {
    weights: Floats,
    pub bias: Floats,
    /// Number of inputs.
    pub depth: usize,
    panel: usize,
}

impl Panels {
    fn new(
        layout: &Layout,
        (columns, depth): (usize, usize),
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let panel = layout.panel();
        let place = |i: usize| weight(i / (depth * panel) * panel + i % panel, i / panel % depth);
        Self { weights: Floats::new(columns * depth, place), bias: Floats::new(columns, bias), depth, panel }
    }

    /// A linear map of inputs as they are to outputs as they are, and zeros where there are none.
    fn plain(layout: &Layout, linear: &Linear, columns: usize, inputs: Range<usize>, scale_bias: f32) -> Self {
        let of = |column: usize, input: usize| {
            let (inside, input) = (column < linear.outputs(), inputs.start + input);
            if inside && input < linear.inputs() { linear.weight[column * linear.inputs() + input] } else { 0.0 }
        };
        let bias = |column: usize| linear.bias.get(column).map_or(0.0, |b| b * scale_bias);
        Self::new(layout, (columns, inputs.len()), of, bias)
    }

    /// The panels of some columns.
    pub(super) fn columns(&self, columns: Range<usize>) -> &[f32] {
        debug_assert!(columns.start.is_multiple_of(self.panel) && columns.end.is_multiple_of(self.panel));
        &self.weights[columns.start * self.depth..columns.end * self.depth]
    }
}

/// Scale and shift in whole panels; zeros after the width, so that nothing comes out there.
pub(super) struct PackedNorm {
    pub scale: Floats,
    pub shift: Floats,
}

impl PackedNorm {
    fn new(layout: &Layout, norm: &Norm) -> Self {
        let padded = |from: &[f32]| Floats::new(layout.width, |i| from.get(i).copied().unwrap_or(0.0));
        Self { scale: padded(norm.scale), shift: padded(norm.shift) }
    }
}

/// One block.
pub(super) struct PackedBlock {
    pub norm1: PackedNorm,
    /// Queries, which carry attention's log2 e / √dh, then keys, then values.
    pub attend: Panels,
    pub out: Panels,
    pub norm2: PackedNorm,
    pub linear1: Panels,
    /// Each for [`HIDDEN`] inputs (fewer at the end); only the first has a bias.
    pub linear2: Vec<Panels>,
}

impl PackedBlock {
    fn new(layout: &Layout, block: &Block) -> Self {
        let Layout { sizes, width, hidden, .. } = *layout;
        let (queries, d) = (layout.queries(), sizes.width);
        // Scores are powers of two in the end.
        let scale = (std::f64::consts::LOG2_E / (sizes.head_width() as f64).sqrt()) as f32;
        let source = |column: usize| match column {
            c if c < queries => (&block.query, layout.turned_output(c), scale),
            c if c < 2 * queries => (&block.key, layout.turned_output(c - queries), 1.0),
            c => (&block.value, layout.value_output(c - 2 * queries), 1.0),
        };
        let weight = |column: usize, input: usize| match source(column) {
            (linear, Some(output), scale) if input < d => linear.weight[output * d + input] * scale,
            _ => 0.0,
        };
        let bias = |column: usize| {
            let (linear, output, scale) = source(column);
            output.map_or(0.0, |o| linear.bias[o] * scale)
        };
        let out = |column: usize, input: usize| match layout.value_output(input) {
            Some(input) if column < d => block.out.weight[column * d + input],
            _ => 0.0,
        };
        let chunks = (0..hidden).step_by(HIDDEN).map(|start| start..hidden.min(start + HIDDEN));
        Self {
            norm1: PackedNorm::new(layout, &block.norm1),
            attend: Panels::new(layout, (2 * queries + layout.values(), width), weight, bias),
            out: Panels::new(layout, (width, layout.values()), out, |c| block.out.bias.get(c).copied().unwrap_or(0.0)),
            norm2: PackedNorm::new(layout, &block.norm2),
            linear1: Panels::plain(layout, &block.linear1, hidden, 0..width, 1.0),
            linear2: chunks
                .map(|c| {
                    let first = if c.start == 0 { 1.0 } else { 0.0 };
                    Panels::plain(layout, &block.linear2, width, c, first)
                })
                .collect(),
        }
    }
}

/// A whole network.
pub(super) struct Packed {
    pub layout: Layout,
    /// The state that a clue begins with, [digits + 1, d].
    pub embedding: Vec<f32>,
    pub feedback: Panels,
    pub blocks: Vec<PackedBlock>,
    pub head: Panels,
    /// Normalises without scale and shift.
    pub plain_norm: PackedNorm,
    /// Of every cell and pair of a head, [cells, turned / 2].
    pub cos: Floats,
    pub sin: Floats,
    /// 1 where a vector with the last elements of a row still has some, else 0.
    pub last_width: Floats,
    /// 0 where a vector with the last cells of a board still has some, else −∞.
    pub last_cells: Floats,
    /// 0 for a digit, −∞ for the columns after them.
    pub real_digits: Floats,
}

impl Packed {
    pub(super) fn new(model: &Model, lanes: usize) -> Self {
        let layout = Layout::new(model.sizes, lanes);
        let Sizes { cells, digits, width, heads, hidden, blocks } = model.sizes;
        let (dh, pairs) = (model.sizes.head_width(), layout.turned / 2);
        assert!(dh * heads == width && dh.is_multiple_of(2), "{heads} heads do not divide a width of {width}");
        assert_eq!(model.blocks.len(), blocks, "number of blocks");
        check(&model.encoder, width, digits + 1);
        check(&model.feedback, width, digits);
        check(&model.head, digits, width);
        for block in &model.blocks {
            for linear in [&block.query, &block.key, &block.value, &block.out] {
                check(linear, width, width);
            }
            check(&block.linear1, hidden, width);
            check(&block.linear2, width, hidden);
            for norm in [&block.norm1, &block.norm2] {
                assert_eq!((norm.scale.len(), norm.shift.len()), (width, width), "size of a normalisation");
            }
        }
        assert_eq!((model.cos.len(), model.sin.len()), (cells * dh / 2, cells * dh / 2), "size of the angles");
        let angles = |table: &[f32]| {
            let pair = |i: usize| if i % pairs < dh / 2 { table[i / pairs * (dh / 2) + i % pairs] } else { 0.0 };
            Floats::new(cells * pairs, pair)
        };
        let encoder = &model.encoder;
        let embedded = |i: usize| encoder.weight[i % width * encoder.inputs() + i / width] + encoder.bias[i % width];
        let forbidden = |forbidden: bool| if forbidden { f32::NEG_INFINITY } else { 0.0 };
        let ones = Norm { scale: &vec![1.0; width], shift: &vec![0.0; width] };
        Self {
            embedding: (0..(digits + 1) * width).map(embedded).collect(),
            feedback: Panels::plain(&layout, &model.feedback, layout.width, 0..digits, 1.0),
            blocks: model.blocks.iter().map(|b| PackedBlock::new(&layout, b)).collect(),
            head: Panels::plain(&layout, &model.head, layout.digits, 0..layout.width, 1.0),
            plain_norm: PackedNorm::new(&layout, &ones),
            cos: angles(&model.cos),
            sin: angles(&model.sin),
            last_width: Floats::new(lanes, |i| if i < width % lanes { 1.0 } else { 0.0 }),
            last_cells: Floats::new(lanes, |i| forbidden(layout.cells - lanes + i >= cells)),
            real_digits: Floats::new(layout.digits, |i| forbidden(i >= digits)),
            layout,
        }
    }
}

fn check(linear: &Linear, outputs: usize, inputs: usize) {
    let sizes = (linear.weight.len(), linear.bias.len());
    assert_eq!(sizes, (outputs * inputs, outputs), "size of a map from {inputs} to {outputs}");
}
