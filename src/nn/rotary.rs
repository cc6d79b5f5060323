//! Rotary positions: by row and column (`specs/sudoku.md` §1.4), along a line (`specs/poh.md` §1.4), or none.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::tasks::sudoku::Shape;

/// What is done to queries or keys before they meet: turned by their place, and scaled.
#[derive(Clone, Debug)]
pub struct Rotary {
    turn: Option<Turn>,
    scale: f32,
    head_width: usize,
}

/// Tables that turn pairs of a head's elements.
#[derive(Clone, Debug)]
struct Turn {
    /// cos φ for both parts of a pair, [1, cells, 1, dh].
    cos: Tensor<4>,
    /// sin φ likewise.
    sin: Tensor<4>,
    /// [dh, dh]: (u, w) → (−w, u) in every pair. A product with ones, minus ones and zeros is exact,
    /// and differentiates to one product.
    quarter_turn: Tensor<2>,
}

impl Rotary {
    /// Adjacent pairs (2p, 2p+1), the first half of them turned by the cell's row, the second half by its
    /// column, with frequencies ω_j = 10^(−j/m), j < m = dh/4. `scale` is multiplied in: queries carry
    /// attention's 1/√dh for free.
    #[must_use]
    pub fn new(shape: Shape, head_width: usize, scale: f32, device: &Device) -> Self {
        let angle = |cell, pair| Self::angle(shape, head_width, cell, pair);
        Self::tables(shape.cells(), head_width, scale, device, |pair| (2 * pair, 2 * pair + 1), angle)
    }

    /// Half-split pairs (j, j + dh/2), turned by the place in the line with frequencies
    /// θ_j = 10000^(−2j/dh).
    #[must_use]
    pub fn line(places: usize, head_width: usize, scale: f32, device: &Device) -> Self {
        let half = head_width / 2;
        let angle = |place: usize, pair: usize| place as f64 * 10_000f64.powf(-2.0 * pair as f64 / head_width as f64);
        Self::tables(places, head_width, scale, device, |pair| (pair, pair + half), angle)
    }

    /// No place at all: only the scale.
    #[must_use]
    pub fn none(head_width: usize, scale: f32) -> Self {
        Self { turn: None, scale, head_width }
    }

    fn tables(
        places: usize,
        head_width: usize,
        scale: f32,
        device: &Device,
        elements_of: impl Fn(usize) -> (usize, usize),
        angle: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let (mut cos, mut sin) = (vec![0.0f32; places * head_width], vec![0.0f32; places * head_width]);
        let mut turn = vec![0.0f32; head_width * head_width];
        for pair in 0..head_width / 2 {
            let (u, w) = elements_of(pair);
            turn[w * head_width + u] = -1.0;
            turn[u * head_width + w] = 1.0;
            for place in 0..places {
                let angle = angle(place, pair);
                for element in [u, w] {
                    cos[place * head_width + element] = angle.cos() as f32 * scale;
                    sin[place * head_width + element] = angle.sin() as f32 * scale;
                }
            }
        }
        let table = |v| Tensor::from_data(TensorData::new(v, [1, places, 1, head_width]), device);
        let turn = Turn {
            cos: table(cos),
            sin: table(sin),
            quarter_turn: Tensor::from_data(TensorData::new(turn, [head_width, head_width]), device),
        };
        Self { turn: Some(turn), scale, head_width }
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
        let Some(turn) = &self.turn else {
            let x = x.reshape(shape);
            return if self.scale == 1.0 { x } else { x.mul_scalar(self.scale) };
        };
        let turned = x.clone().reshape([boards * cells * heads, self.head_width]).matmul(turn.quarter_turn.clone());
        x.reshape(shape) * turn.cos.clone() + turned.reshape(shape) * turn.sin.clone()
    }

    /// The same for rows by themselves, x [rows, heads · dh], each at a place of its own; returns
    /// [rows, heads, dh].
    #[must_use]
    pub fn forward_at(&self, x: Tensor<2>, places: Tensor<1, Int>) -> Tensor<3> {
        let [rows, width] = x.dims();
        let heads = width / self.head_width;
        let shape = [rows, heads, self.head_width];
        let Some(turn) = &self.turn else {
            let x = x.reshape(shape);
            return if self.scale == 1.0 { x } else { x.mul_scalar(self.scale) };
        };
        let table = |t: &Tensor<4>| -> Tensor<3> {
            let [_, cells, _, _] = t.dims();
            let rows_of = t.clone().reshape([cells, self.head_width]).select(0, places.clone());
            rows_of.reshape([rows, 1, self.head_width])
        };
        let turned = x.clone().reshape([rows * heads, self.head_width]).matmul(turn.quarter_turn.clone());
        x.reshape(shape) * table(&turn.cos) + turned.reshape(shape) * table(&turn.sin)
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
