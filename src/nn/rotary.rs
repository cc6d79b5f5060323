//! Two-dimensional rotary positions (`specs/sudoku.md` §1.4).

use burn::tensor::{Device, Tensor, TensorData};

use crate::tasks::sudoku::Shape;

/// Tables that turn adjacent pairs (2p, 2p+1) of a head: the first half of the pairs by the cell's
/// row, the second half by its column, with frequencies ω_j = 10^(−j/m), j < m = dh/4.
#[derive(Clone, Debug)]
pub struct Rotary {
    /// cos φ for both parts of a pair, [1, cells, 1, dh].
    cos: Tensor<4>,
    /// sin φ likewise.
    sin: Tensor<4>,
    /// [dh, dh]: (u, w) → (−w, u) in every pair. A product with ones, minus ones and zeros is exact,
    /// and differentiates to one product.
    quarter_turn: Tensor<2>,
    head_width: usize,
}

impl Rotary {
    /// Tables for a board. `scale` is multiplied in: queries carry attention's 1/√dh for free.
    #[must_use]
    pub fn new(shape: Shape, head_width: usize, scale: f32, device: &Device) -> Self {
        let cells = shape.cells();
        let (mut cos, mut sin) = (Vec::with_capacity(cells * head_width), Vec::with_capacity(cells * head_width));
        for cell in 0..cells {
            for element in 0..head_width {
                let angle = Self::angle(shape, head_width, cell, element / 2);
                cos.push(angle.cos() as f32 * scale);
                sin.push(angle.sin() as f32 * scale);
            }
        }
        let mut turn = vec![0.0f32; head_width * head_width];
        for pair in 0..head_width / 2 {
            let (u, w) = (2 * pair, 2 * pair + 1);
            turn[w * head_width + u] = -1.0;
            turn[u * head_width + w] = 1.0;
        }
        let table = |v| Tensor::from_data(TensorData::new(v, [1, cells, 1, head_width]), device);
        Self {
            cos: table(cos),
            sin: table(sin),
            quarter_turn: Tensor::from_data(TensorData::new(turn, [head_width, head_width]), device),
            head_width,
        }
    }

    /// The angle of a pair at a cell, in radians.
    #[must_use]
    pub fn angle(shape: Shape, head_width: usize, cell: usize, pair: usize) -> f64 {
        let half = head_width / 4;
        let (place, j) = if pair < half { (shape.row_of(cell), pair) } else { (shape.col_of(cell), pair - half) };
        place as f64 * 10f64.powf(-(j as f64) / half as f64)
    }

    /// Turns x [boards · cells, heads · dh] and returns [boards, cells, heads, dh].
    #[must_use]
    pub fn forward(&self, x: Tensor<2>, boards: usize, cells: usize) -> Tensor<4> {
        let [_, width] = x.dims();
        let heads = width / self.head_width;
        let shape = [boards, cells, heads, self.head_width];
        let turned = x.clone().reshape([boards * cells * heads, self.head_width]).matmul(self.quarter_turn.clone());
        x.reshape(shape) * self.cos.clone() + turned.reshape(shape) * self.sin.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `specs/sudoku.md` §9.
    #[test]
    fn golden_frequencies() {
        let want = [1.0, 0.749_894, 0.562_341, 0.421_697, 0.316_228, 0.237_137, 0.177_828, 0.133_352];
        for (j, w) in want.into_iter().enumerate() {
            // Row 1, column 0: the row pairs turn by ω_j, the column pairs stand still.
            assert!((Rotary::angle(Shape::S9, 32, 9, j) - w).abs() < 1e-6);
            assert_eq!(Rotary::angle(Shape::S9, 32, 9, 8 + j), 0.0);
            assert!((Rotary::angle(Shape::S9, 32, 1, 8 + j) - w).abs() < 1e-6);
        }
    }
}
