//! Attention for some of the rows only: what early exit and skipped heads come down to.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use super::{Attention, Linear, Rotary};

/// Some of a batch's rows [boards · cells], sorted, so that their queries can be put beside each other:
/// board by board, each board filled up to the longest.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The rows.
    pub all: Vec<usize>,
    /// Boards with at least one of them.
    pub boards: Vec<usize>,
    cells: usize,
    /// Queries of a board, fillers included.
    longest: usize,
    /// Row of every place of the filled list, [boards · longest].
    filled: Vec<i64>,
    /// Place of every row in the filled list.
    places: Vec<i64>,
}

impl Rows {
    /// Of sorted rows of boards of so many cells.
    #[must_use]
    pub fn new(all: Vec<usize>, cells: usize) -> Self {
        let by_board: Vec<&[usize]> = all.chunk_by(|a, b| a / cells == b / cells).collect();
        let longest = by_board.iter().map(|rows| rows.len()).max().unwrap_or(0);
        let (mut filled, mut places, mut boards) = (Vec::new(), Vec::new(), Vec::new());
        for rows in by_board {
            boards.push(rows[0] / cells);
            let first = filled.len();
            filled.extend(rows.iter().map(|r| *r as i64));
            places.extend((first..first + rows.len()).map(|p| p as i64));
            // A filler is any row of the board; what comes out for it is dropped.
            filled.resize(first + longest, rows[0] as i64);
        }
        Self { all, boards, cells, longest, filled, places }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The rows as indices.
    #[must_use]
    pub fn indices(&self, device: &Device) -> Tensor<1, Int> {
        indices(self.all.iter().map(|r| *r as i64).collect(), device)
    }

    /// All rows of the boards.
    fn keys(&self) -> Vec<i64> {
        self.boards.iter().flat_map(|b| b * self.cells..(b + 1) * self.cells).map(|r| r as i64).collect()
    }
}

/// Puts the values of some rows [n, width] into their places among `rows`; zeros elsewhere.
#[must_use]
pub fn spread(values: Tensor<2>, at: &Tensor<1, Int>, rows: usize) -> Tensor<2> {
    let [_, width] = values.dims();
    let empty = Tensor::zeros([rows, width], &values.device());
    empty.select_assign(0, at.clone(), values, burn::tensor::IndexingUpdateOp::Add)
}

fn indices(values: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

impl Attention {
    /// The results of some heads for some rows: y [boards · cells, d] → [rows, heads, dh]. Keys and values
    /// are computed for the boards of these rows alone, queries for the rows alone.
    #[must_use]
    pub fn heads_at(
        &self,
        y: &Tensor<2>,
        rows: &Rows,
        heads: Range<usize>,
        head_width: usize,
        (queries, keys): (&Rotary, &Rotary),
    ) -> Tensor<3> {
        let device = y.device();
        let columns = heads.start * head_width..heads.end * head_width;
        let part = |linear: &Linear| linear.outputs(columns.clone());
        let (boards, cells, count) = (rows.boards.len(), rows.cells, heads.len());
        let seen = y.clone().select(0, indices(rows.keys(), &device));
        let asking = y.clone().select(0, indices(rows.filled.clone(), &device));
        let places = indices(rows.filled.iter().map(|r| r % cells as i64).collect(), &device);
        let q = queries.forward_at(part(self.query()).forward(asking), places);
        let q = q.reshape([boards, rows.longest, count, head_width]).swap_dims(1, 2);
        let k = keys.forward(part(self.key()).forward(seen.clone()), boards, cells).swap_dims(1, 2);
        let v = part(self.value()).forward(seen).reshape([boards, cells, count, head_width]).swap_dims(1, 2);
        let weights = activation::softmax(q.matmul(k.swap_dims(2, 3)), 3);
        let o = weights.matmul(v).swap_dims(1, 2).reshape([boards * rows.longest, count, head_width]);
        o.select(0, indices(rows.places.clone(), &device))
    }

    /// What some heads add to the output, without its bias: o [rows, heads · dh] → [rows, d].
    #[must_use]
    pub fn project_heads(&self, o: Tensor<2>, heads: Range<usize>, head_width: usize) -> Tensor<2> {
        self.out().inputs(heads.start * head_width..heads.end * head_width).forward(o)
    }

    /// The bias of the output, [1, d].
    #[must_use]
    pub fn output_bias(&self) -> Tensor<2> {
        self.out().bias()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_filled_up_to_the_longest() {
        let rows = Rows::new(vec![1, 2, 3, 9], 4);
        assert_eq!((rows.boards.as_slice(), rows.longest), ([0, 2].as_slice(), 3));
        assert_eq!(rows.filled, [1, 2, 3, 9, 9, 9]);
        assert_eq!(rows.places, [0, 1, 2, 3]);
        assert_eq!(rows.keys(), [0, 1, 2, 3, 8, 9, 10, 11]);
        assert!(Rows::new(Vec::new(), 4).is_empty());
    }
}
