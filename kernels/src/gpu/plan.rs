//! How the loop is cut up for a graphics card: what lies where, and how many rows a workgroup takes.

use crate::{Changes, Linear, Model, Sizes};

/// Values in a vector.
pub(super) const LANES: usize = 4;

/// Everything that a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    pub(super) sizes: Sizes,
    /// Rows of one board that a workgroup takes, at most.
    pub(super) rows: usize,
    /// Invocations of a workgroup.
    pub(super) units: usize,
    /// Hidden values that are made at once.
    pub(super) chunk: usize,
    /// Whether the state is normalised before the output head.
    pub(super) normalise: bool,
}

impl Plan {
    /// The most rows a workgroup can take within `memory` bytes of workgroup memory, but no more than
    /// `rows`. Nothing where the sizes do not divide into vectors or do not fit.
    pub(super) fn new(sizes: Sizes, rows: usize, units: usize, memory: usize, normalise: bool) -> Option<Self> {
        let whole = |n: usize| n > 0 && n.is_multiple_of(LANES);
        if ![sizes.width, sizes.head_width(), sizes.hidden].into_iter().all(whole)
            || sizes.width / LANES > units
            // The first block's launch moves the clock that the last one's reads.
            || sizes.blocks < 2
            || !sizes.width.is_multiple_of(sizes.heads)
        {
            return None;
        }
        let mut rows = rows.min(sizes.cells).max(1);
        loop {
            for chunk in [sizes.hidden, 512, 256, 128, 64, 32, LANES] {
                if chunk > sizes.hidden || !sizes.hidden.is_multiple_of(chunk) || chunk / LANES > units {
                    continue;
                }
                let plan = Self { sizes, rows, units, chunk, normalise };
                if plan.bytes() <= memory && rows * sizes.heads <= units {
                    return Some(plan);
                }
            }
            if rows == 1 {
                return None;
            }
            rows /= 2;
        }
    }

    /// Bytes of workgroup memory.
    fn bytes(&self) -> usize {
        let Self { sizes, rows, units, chunk, .. } = self;
        let bands = 2 * rows * sizes.width + rows * sizes.heads * sizes.cells + rows * chunk + 2 * rows * sizes.digits;
        4 * (bands + LANES * self.parts() + 2 * units)
    }

    /// Vectors that hold the parts of a split product; at least one, since nothing cannot be declared.
    pub(super) fn parts(&self) -> usize {
        let narrowest = self.sizes.width.min(self.chunk) / LANES;
        if self.units / narrowest > 1 { self.units } else { 1 }
    }

    /// Workgroups a board.
    pub(super) fn bands(&self) -> usize {
        self.sizes.cells.div_ceil(self.rows)
    }
}

/// Where each matrix starts in the one buffer of weights, in vectors. Matrices lie as [inputs, outputs].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Places {
    pub(super) encoder: usize,
    pub(super) encoder_bias: usize,
    pub(super) feedback: usize,
    pub(super) feedback_bias: usize,
    /// [digits, d]: rows are read whole.
    pub(super) head: usize,
    /// One vector a digit, the bias in its first lane.
    pub(super) head_bias: usize,
    /// cos, sin of two pairs a vector, [cells, dh / 4].
    pub(super) turns: usize,
    /// The first block; the others follow, each as long.
    pub(super) blocks: usize,
    pub(super) norm1: usize,
    pub(super) query: usize,
    pub(super) key: usize,
    pub(super) value: usize,
    pub(super) out: usize,
    pub(super) norm2: usize,
    pub(super) linear1: usize,
    pub(super) linear2: usize,
    /// Vectors of a block.
    pub(super) block: usize,
}

/// Weights in one list.
struct Packer(Vec<f32>);

impl Packer {
    fn at(&self) -> usize {
        self.0.len() / LANES
    }

    fn push(&mut self, values: impl IntoIterator<Item = f32>) -> usize {
        let at = self.at();
        self.0.extend(values);
        while !self.0.len().is_multiple_of(LANES) {
            self.0.push(0.0);
        }
        at
    }

    /// The matrix turned, then the bias.
    fn linear(&mut self, linear: &Linear<'_>) -> usize {
        let (inputs, outputs) = (linear.inputs(), linear.outputs());
        let at = self.push((0..inputs * outputs).map(|i| linear.weight[i % outputs * inputs + i / outputs]));
        self.push(linear.bias.iter().copied());
        at
    }
}

/// The buffer of weights and where things are in it.
pub(super) fn pack(model: &Model<'_>) -> (Vec<f32>, Places) {
    let sizes = model.sizes;
    let (d, half) = (sizes.width, sizes.head_width() / 2);
    let mut packer = Packer(Vec::new());
    let encoder = packer.linear(&model.encoder);
    let encoder_bias = encoder + (sizes.digits + 1) * d / LANES;
    let feedback = packer.linear(&model.feedback);
    let feedback_bias = feedback + sizes.digits * d / LANES;
    let head = packer.push(model.head.weight.iter().copied());
    let head_bias = packer.push(model.head.bias.iter().flat_map(|b| [*b, 0.0, 0.0, 0.0]));
    let turns = packer.push((0..sizes.cells * half).flat_map(|i| [model.cos[i], model.sin[i]]));
    let blocks = packer.at();
    let mut places = Places {
        encoder,
        encoder_bias,
        feedback,
        feedback_bias,
        head,
        head_bias,
        turns,
        blocks,
        norm1: 0,
        query: 0,
        key: 0,
        value: 0,
        out: 0,
        norm2: 0,
        linear1: 0,
        linear2: 0,
        block: 0,
    };
    for block in &model.blocks {
        let start = packer.at();
        places.norm1 = packer.push(block.norm1.scale.iter().chain(block.norm1.shift).copied()) - start;
        places.query = packer.linear(&block.query) - start;
        places.key = packer.linear(&block.key) - start;
        places.value = packer.linear(&block.value) - start;
        places.out = packer.linear(&block.out) - start;
        places.norm2 = packer.push(block.norm2.scale.iter().chain(block.norm2.shift).copied()) - start;
        places.linear1 = packer.linear(&block.linear1) - start;
        places.linear2 = packer.linear(&block.linear2) - start;
        places.block = packer.at() - start;
    }
    (packer.0, places)
}

/// Where the clock is among the settings: iterations begun. It ticks on the card, so that a launch is the same in
/// every iteration and can be recorded once.
pub(super) const CLOCK: usize = 2;
/// Where the number of slots for states is.
pub(super) const SLOTS: usize = 3;
/// Where the number of frames that can wait is.
pub(super) const CAPACITY: usize = 4;
/// Where it begins which heads count.
pub(super) const KEPT: usize = 5;

/// α, β, the clock, slots, capacity, and which heads count: [5 + blocks · heads]. Whole numbers below 2^24 are
/// exact in f32.
pub(super) fn settings(sizes: &Sizes, changes: &Changes, slots: usize, capacity: usize) -> Vec<f32> {
    let mut out = vec![changes.damping, changes.prediction_scale, 0.0, slots as f32, capacity as f32];
    for block in 0..sizes.blocks {
        out.extend((0..sizes.heads).map(|h| f32::from(u8::from(changes.keeps(sizes, block, h)))));
    }
    out
}
