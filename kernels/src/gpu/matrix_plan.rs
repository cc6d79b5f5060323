//! What lies where for the kernels with cooperative matrices.

use half::f16;

use crate::{Linear, Model, Sizes};

/// Rows of a workgroup: with 256 boards of 81 cells two such on every one of an H100's 132 processors, and as many
/// as two tiles in half precision find room for in 48 KiB of workgroup memory.
pub(crate) const TILE: usize = 80;
/// Planes of a workgroup.
pub(super) const PLANES: usize = 8;
/// Units of a workgroup.
pub(crate) const UNITS: usize = 32 * PLANES;
/// Rows and columns of a cooperative matrix.
pub(crate) const EDGE: usize = 16;
/// Steps of a product whose reads are on their way at once.
pub(crate) const DEEP: usize = 4;

/// What the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MatrixPlan {
    pub(crate) sizes: Sizes,
}

impl MatrixPlan {
    /// Nothing for sizes that do not divide into the squares of eight planes.
    pub(crate) fn new(sizes: Sizes) -> Option<Self> {
        let fits = sizes.width == PLANES * EDGE
            && sizes.hidden.is_multiple_of(sizes.width)
            && sizes.head_width().is_multiple_of(EDGE)
            && sizes.head_width() <= sizes.cells;
        fits.then_some(Self { sizes })
    }

    /// Workgroups of attention a board and head, 16 rows each.
    pub(crate) fn attention_groups(&self) -> usize {
        self.sizes.cells.div_ceil(EDGE)
    }

    /// Squares of queries, of keys or of values of a board and head.
    pub(crate) fn squares(&self) -> usize {
        self.attention_groups() * (self.sizes.head_width() / EDGE)
    }

    /// Values of queries, keys and values of so many boards.
    pub(crate) fn qkv(&self, boards: usize) -> usize {
        3 * boards * self.sizes.heads * self.squares() * EDGE * EDGE
    }
}

/// Where things are. In `weights` (f16): offsets within a block. In `vectors` (f32): offsets, in vectors of four, of
/// what there is once, and within a block's `norms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct MatrixPlaces {
    /// Values of a block of `weights`; queries, keys and values stand first.
    pub(crate) block: usize,
    pub(crate) out: usize,
    pub(crate) linear1: usize,
    pub(crate) linear2: usize,
    /// Values of a block at the beginning of `vectors`.
    pub(crate) norms: usize,
    pub(crate) norm1: usize,
    pub(crate) norm2: usize,
    pub(crate) out_bias: usize,
    /// The biases of the output projection and of the feed-forward, added up.
    pub(crate) biases_of_block: usize,
    /// cos and sin of every cell and pair, [cells, dh / 2, 2].
    pub(crate) turns: usize,
    /// [digits, d].
    pub(crate) head: usize,
    /// A vector a digit, the bias in its first lane.
    pub(crate) head_bias: usize,
    /// [digits, d].
    pub(crate) feedback: usize,
    pub(crate) feedback_bias: usize,
    /// Columns of `biases`.
    pub(crate) biases: usize,
}

/// Everything the kernels read.
pub(super) struct MatrixWeights {
    pub(super) weights: Vec<f16>,
    pub(super) vectors: Vec<f32>,
    /// Biases of queries, keys, values and the hidden layer of every block, each in [`EDGE`] equal rows.
    pub(super) biases: Vec<f32>,
    pub(super) places: MatrixPlaces,
}

/// W in squares of 16 × 16, a column of squares after the other, each square column by column.
fn squares(linear: &Linear<'_>, out: &mut Vec<f16>) {
    let (inputs, outputs) = (linear.inputs(), linear.outputs());
    for column in (0..outputs).step_by(EDGE) {
        for row in (0..inputs).step_by(EDGE) {
            for n in column..column + EDGE {
                out.extend(linear.weight[n * inputs + row..][..EDGE].iter().map(|w| f16::from_f32(*w)));
            }
        }
    }
}

pub(super) fn pack(model: &Model<'_>) -> MatrixWeights {
    let s = model.sizes;
    let d = s.width;
    let (mut weights, mut vectors, mut row) = (Vec::new(), Vec::new(), Vec::new());
    let mut places = MatrixPlaces::default();
    for block in &model.blocks {
        let start = weights.len();
        for linear in [&block.query, &block.key, &block.value] {
            squares(linear, &mut weights);
            row.extend_from_slice(linear.bias);
        }
        places.out = weights.len() - start;
        squares(&block.out, &mut weights);
        places.linear1 = weights.len() - start;
        squares(&block.linear1, &mut weights);
        row.extend_from_slice(block.linear1.bias);
        places.linear2 = weights.len() - start;
        squares(&block.linear2, &mut weights);
        places.block = weights.len() - start;
        for part in [block.norm1.scale, block.norm1.shift, block.norm2.scale, block.norm2.shift, block.out.bias] {
            vectors.extend_from_slice(part);
        }
        vectors.extend(block.out.bias.iter().zip(block.linear2.bias).map(|(o, l)| o + l));
    }
    (places.norm1, places.norm2, places.out_bias, places.biases_of_block, places.norms) =
        (0, d / 2, d, 5 * d / 4, 6 * d / 4);
    let push = |vectors: &mut Vec<f32>, values: &mut dyn Iterator<Item = f32>| {
        let at = vectors.len() / 4;
        vectors.extend(values);
        vectors.resize(vectors.len().next_multiple_of(4), 0.0);
        at
    };
    places.turns = push(&mut vectors, &mut model.cos.iter().zip(&model.sin).flat_map(|(c, s)| [*c, *s]));
    places.head = push(&mut vectors, &mut model.head.weight.iter().copied());
    places.head_bias = push(&mut vectors, &mut model.head.bias.iter().flat_map(|b| [*b, 0.0, 0.0, 0.0]));
    let turned = (0..s.digits * d).map(|i| model.feedback.weight[i % d * s.digits + i / d]);
    places.feedback = push(&mut vectors, &mut { turned });
    places.feedback_bias = push(&mut vectors, &mut model.feedback.bias.iter().copied());
    places.biases = row.len();
    MatrixWeights { weights, vectors, biases: row.repeat(EDGE), places }
}

/// S_0 of clues, [rows, d], and U of the first iteration, S_0 + β bp.
pub(super) fn start(
    model_encoder: &[f32],
    encoder_bias: &[f32],
    feedback_bias: &[f32],
    clues: &[u8],
    beta: f32,
) -> [Vec<f32>; 2] {
    let d = encoder_bias.len();
    let classes = model_encoder.len() / d;
    let state: Vec<f32> = clues
        .iter()
        .flat_map(|clue| (0..d).map(move |c| model_encoder[c * classes + usize::from(*clue)] + encoder_bias[c]))
        .collect();
    let mixed = state.iter().enumerate().map(|(i, s)| s + beta * feedback_bias[i % d]).collect();
    [state, mixed]
}
