//! What attention heads look at: by the place of the other cell relative to one's own (`specs/sudoku.md` §5.7).

use serde::{Deserialize, Serialize};

use crate::tasks::sudoku::Shape;

/// Mean attention of one head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Block, from 1.
    pub block: u32,
    /// Head, from 1.
    pub head: u32,
    /// Mean weight by offset, `[2 side − 1, 2 side − 1]`: row offset from −(side − 1) on, column offset likewise;
    /// the mean over all pairs of cells with that offset.
    pub by_offset: Vec<f64>,
    /// Attention that goes to the cell itself, a share of all.
    pub itself: f64,
    /// To other cells of its row, …
    pub row: f64,
    /// … of its column, …
    pub column: f64,
    /// … of its box, those in its row and column left out, …
    pub in_box: f64,
    /// … and to cells that have no rule in common with it.
    pub elsewhere: f64,
}

/// What all heads look at in one iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heads {
    /// In which iteration.
    pub iteration: u32,
    /// Boards that the means are over.
    pub boards: u32,
    /// Side of the board.
    pub side: u32,
    /// Block by block.
    pub heads: Vec<Head>,
    /// The shares of a head that looks at all cells alike: itself, row, column, box, elsewhere.
    pub even: [f64; 5],
}

/// Where attention goes, added up over boards.
#[derive(Clone, Debug)]
pub struct Adding {
    shape: Shape,
    iteration: u32,
    boards: u32,
    /// `[blocks · heads][cells · cells]`.
    sums: Vec<Vec<f64>>,
    heads: usize,
}

impl Adding {
    /// Nothing yet.
    #[must_use]
    pub fn new(shape: Shape, iteration: u32, blocks: usize, heads: usize) -> Self {
        let cells = shape.cells();
        Self { shape, iteration, boards: 0, sums: vec![vec![0.0; cells * cells]; blocks * heads], heads }
    }

    /// Adds one block's weights, summed over `boards` boards, [heads, cells, cells]: the last axis is the cell that
    /// is looked at. The first block counts the boards.
    pub fn add(&mut self, block: usize, weights: &[f32], boards: u32) {
        let size = self.shape.cells().pow(2);
        for (sum, weights) in
            self.sums.iter_mut().skip(block * self.heads).zip(weights.chunks_exact(size)).take(self.heads)
        {
            sum.iter_mut().zip(weights).for_each(|(s, w)| *s += f64::from(*w));
        }
        if block == 0 {
            self.boards += boards;
        }
    }

    /// Means over all boards.
    #[must_use]
    pub fn finish(&self) -> Heads {
        let cells = self.shape.cells();
        let even = 1.0 / cells as f64;
        let heads = self.sums.iter().enumerate().map(|(i, sum)| {
            let mean = |from: usize, to: usize| sum[from * cells + to] / f64::from(self.boards.max(1));
            let (by_offset, shares) = self.read(mean);
            let [itself, row, column, in_box, elsewhere] = shares;
            Head {
                block: (i / self.heads) as u32 + 1,
                head: (i % self.heads) as u32 + 1,
                by_offset,
                itself,
                row,
                column,
                in_box,
                elsewhere,
            }
        });
        Heads {
            iteration: self.iteration,
            boards: self.boards,
            side: self.shape.side() as u32,
            heads: heads.collect(),
            even: self.read(|_, _| even).1,
        }
    }

    fn read(&self, weight: impl Fn(usize, usize) -> f64) -> (Vec<f64>, [f64; 5]) {
        let (side, cells) = (self.shape.side(), self.shape.cells());
        let wide = 2 * side - 1;
        let (mut sums, mut counts) = (vec![0.0; wide * wide], vec![0_u32; wide * wide]);
        let mut shares = [0.0; 5];
        let box_of = |cell: usize| (cell / side / self.shape.box_rows(), cell % side / self.shape.box_cols());
        for from in 0..cells {
            for to in 0..cells {
                let w = weight(from, to);
                let at = (to / side + side - 1 - from / side) * wide + (to % side + side - 1 - from % side);
                sums[at] += w;
                counts[at] += 1;
                let kind = if from == to {
                    0
                } else if from / side == to / side {
                    1
                } else if from % side == to % side {
                    2
                } else if box_of(from) == box_of(to) {
                    3
                } else {
                    4
                };
                shares[kind] += w / cells as f64;
            }
        }
        (sums.iter().zip(counts).map(|(s, n)| s / f64::from(n.max(1))).collect(), shares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_is_sorted_by_place() {
        let cells = 16;
        let mut adding = Adding::new(Shape::S4, 3, 1, 2);
        // The first head looks at the cell to the right (the last of a row at itself), the second evenly.
        let mut weights = vec![0.0; 2 * cells * cells];
        for from in 0..cells {
            let to = if from % 4 == 3 { from } else { from + 1 };
            weights[from * cells + to] = 2.0;
            weights[(cells + from) * cells..(cells + from + 1) * cells].fill(2.0 / 16.0);
        }
        adding.add(0, &weights, 2);
        let found = adding.finish();
        assert_eq!((found.boards, found.side, found.heads.len()), (2, 4, 2));
        let first = &found.heads[0];
        assert_eq!((first.itself, first.row, first.column, first.elsewhere), (0.25, 0.75, 0.0, 0.0));
        // Row offset 0, column offset +1.
        assert_eq!(first.by_offset[3 * 7 + 4], 1.0);
        assert_eq!(first.by_offset[3 * 7 + 3], 0.25);
        let second = &found.heads[1];
        let shares = [second.itself, second.row, second.column, second.in_box, second.elsewhere];
        assert_eq!(shares, found.even);
        assert_eq!(found.even, [1.0 / 16.0, 3.0 / 16.0, 3.0 / 16.0, 1.0 / 16.0, 8.0 / 16.0]);
        assert!(second.by_offset.iter().all(|w| (w - 1.0 / 16.0).abs() < 1e-12));
    }
}
