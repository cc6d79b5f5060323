//! The network that is computed: sizes, weights, and what may be changed while it runs.

/// Sizes of a looped transformer (`specs/sudoku.md` §0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// Cells of a board, N.
    pub cells: usize,
    /// Digits a cell may hold.
    pub digits: usize,
    /// Width of the state, d.
    pub width: usize,
    /// Blocks of an iteration, L.
    pub blocks: usize,
    /// Attention heads, H.
    pub heads: usize,
    /// Width of the feed-forward part, F.
    pub hidden: usize,
}

impl Sizes {
    /// Width of a head, d / H.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Multiply-adds of one board and iteration (`specs/sudoku.md` §1.7).
    #[must_use]
    pub fn multiply_adds(&self) -> usize {
        let block = 4 * self.width * self.width + 2 * self.width * self.hidden + 2 * self.cells * self.width;
        self.cells * (self.blocks * block + 2 * self.width * self.digits)
    }
}

/// y = x Wᵀ + b.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    /// W, [outputs, inputs].
    pub weight: &'a [f32],
    /// b, [outputs].
    pub bias: &'a [f32],
}

impl Linear<'_> {
    /// Number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weight.len() / self.bias.len()
    }
}

/// Layer normalisation over the width, biased variance, ε = 1e-5.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// Scale, [d].
    pub scale: &'a [f32],
    /// Shift, [d].
    pub shift: &'a [f32],
}

/// One pre-norm block (`specs/sudoku.md` §1.3).
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names are the spec's")]
pub struct Block<'a> {
    pub norm1: Norm<'a>,
    pub query: Linear<'a>,
    pub key: Linear<'a>,
    pub value: Linear<'a>,
    pub out: Linear<'a>,
    pub norm2: Norm<'a>,
    pub linear1: Linear<'a>,
    pub linear2: Linear<'a>,
}

/// A network's weights, borrowed: every backend lays them out for itself.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    /// Its sizes.
    pub sizes: Sizes,
    /// We: one-hot clues [digits + 1] → d.
    pub encoder: Linear<'a>,
    /// Wp: probabilities [digits] → d.
    pub feedback: Linear<'a>,
    /// L blocks.
    pub blocks: Vec<Block<'a>>,
    /// Wo: d → logits [digits].
    pub head: Linear<'a>,
    /// cos φ of every cell and adjacent pair (2p, 2p + 1) of a head's elements, [cells, dh / 2] (§1.4).
    pub cos: Vec<f32>,
    /// sin φ likewise.
    pub sin: Vec<f32>,
}

/// What is changed in the loop while it runs (`specs/sudoku.md` §5.2). The default changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// α: what is carried on is α · new + (1 − α) · old.
    pub damping: f32,
    /// β: the fed-back prediction, its bias included, is scaled by β.
    pub prediction_scale: f32,
    /// Whether the state is normalised (no scale, no shift) before the output head.
    pub normalise_before_head: bool,
    /// One for each head whose result counts and zero for one that is knocked out, [blocks · heads]; empty
    /// where all count.
    pub kept_heads: Vec<f32>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { damping: 1.0, prediction_scale: 1.0, normalise_before_head: false, kept_heads: Vec::new() }
    }
}

impl Changes {
    /// Whether the result of a head counts.
    #[must_use]
    pub fn keeps(&self, sizes: &Sizes, block: usize, head: usize) -> bool {
        self.kept_heads.get(block * sizes.heads + head).is_none_or(|k| *k != 0.0)
    }
}
