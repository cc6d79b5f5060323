//! How wide things are in memory: rows are whole vectors, heads pairs of them.

use crate::Sizes;
use crate::train::Spec;

/// Widths in floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub sizes: Sizes,
    /// T.
    pub iterations: usize,
    /// Floats in a vector.
    pub lanes: usize,
    /// A row of the state.
    pub width: usize,
    /// A row of the hidden layer.
    pub hidden: usize,
    /// A head. Queries and keys have the first elements of some pairs in a vector and the second elements of the same
    /// pairs in the next, so that turning them is a matter of two vectors.
    pub head: usize,
    /// All heads.
    pub heads: usize,
    /// A row of logits.
    pub digits: usize,
    /// A row of attention weights.
    pub keys: usize,
}

impl Shape {
    pub fn new(spec: &Spec, lanes: usize) -> Self {
        let sizes = spec.sizes;
        // Eight even where vectors are shorter: pairs of them are whole there.
        let unit = lanes.max(8);
        let head = sizes.head_width().next_multiple_of(2 * lanes);
        Self {
            sizes,
            iterations: spec.iterations,
            lanes,
            width: sizes.width.next_multiple_of(unit),
            hidden: sizes.hidden.next_multiple_of(unit),
            head,
            heads: head * sizes.heads,
            digits: sizes.digits.next_multiple_of(unit),
            keys: sizes.cells.next_multiple_of(unit),
        }
    }

    /// Where a float of the heads comes from: the same in values and in queries or keys.
    pub fn value(&self, at: usize) -> Option<usize> {
        let (head, element, width) = (at / self.head, at % self.head, self.sizes.head_width());
        (element < width).then_some(head * width + element)
    }

    /// Where a float of queries or keys comes from.
    pub fn turned(&self, at: usize) -> Option<usize> {
        let (head, element, width) = (at / self.head, at % self.head, self.sizes.head_width());
        let (panel, within) = (element / (2 * self.lanes), element % (2 * self.lanes));
        let pair = panel * self.lanes + within % self.lanes;
        (pair < width / 2).then_some(head * width + 2 * pair + within / self.lanes)
    }

    /// Which of query, key and value a float of a row of all three belongs to, and which output of that map it is.
    pub fn attend(&self, at: usize) -> (usize, Option<usize>) {
        let (part, at) = (at / self.heads, at % self.heads);
        (part, if part < 2 { self.turned(at) } else { self.value(at) })
    }

    /// The angles' table of every row of some boards, [rows, head / 2], times `scale`.
    pub fn angles(&self, table: &[f32], boards: usize, scale: f32) -> Vec<f32> {
        let pairs = self.sizes.head_width() / 2;
        let row = |row: &[f32]| (0..self.head / 2).map(|p| row.get(p).map_or(0.0, |x| x * scale)).collect::<Vec<_>>();
        let board: Vec<f32> = (0..self.sizes.cells).flat_map(|cell| row(&table[cell * pairs..][..pairs])).collect();
        board.repeat(boards)
    }
}
