//! Linear maps, layer normalisation, ReLU and dropout.

use burn::tensor::{Device, Tensor, TensorData, activation};

use super::Bound;
use crate::config::Key;

/// y = x Wᵀ + b, or without b.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Wᵀ, [in, out]: turned once when the weights are bound, not in every iteration.
    transposed: Tensor<2>,
    /// b, [1, out].
    bias: Option<Tensor<2>>,
}

impl Linear {
    /// Binds `NAME.weight` [out, in] and `NAME.bias` [out].
    #[must_use]
    pub fn bind(bound: &Bound, name: &str) -> Self {
        Self {
            transposed: bound.matrix(&format!("{name}.weight")).transpose(),
            bias: Some(bound.vector(&format!("{name}.bias")).unsqueeze()),
        }
    }

    /// Binds `NAME.weight` [out, in] alone.
    #[must_use]
    pub fn bind_plain(bound: &Bound, name: &str) -> Self {
        Self { transposed: bound.matrix(&format!("{name}.weight")).transpose(), bias: None }
    }

    /// x [rows, in] → [rows, out].
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [rows, input] = x.dims();
        let groups = groups_of(&x, rows);
        if groups == 1 {
            let y = x.matmul(self.transposed.clone());
            return match &self.bias {
                Some(bias) => y + bias.clone(),
                None => y,
            };
        }
        let [_, output] = self.transposed.dims();
        let y = x.reshape([groups, rows / groups, input]).matmul(self.transposed.clone().unsqueeze());
        let y = match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        };
        y.reshape([rows, output])
    }

    /// The map to some of its outputs.
    #[must_use]
    pub fn outputs(&self, columns: std::ops::Range<usize>) -> Self {
        let [input, _] = self.transposed.dims();
        Self {
            transposed: self.transposed.clone().slice([0..input, columns.clone()]),
            bias: self.bias.clone().map(|b| b.slice([0..1, columns])),
        }
    }

    /// The map from some of its inputs, without the bias.
    #[must_use]
    pub fn inputs(&self, rows: std::ops::Range<usize>) -> Self {
        let [_, output] = self.transposed.dims();
        Self { transposed: self.transposed.clone().slice([rows, 0..output]), bias: None }
    }

    /// The bias alone, [1, out]: what comes out for an input of zeros.
    #[must_use]
    pub fn bias(&self) -> Tensor<2> {
        match &self.bias {
            Some(bias) => bias.clone(),
            None => self.transposed.clone().slice(0..1).zeros_like(),
        }
    }
}

/// Into how many equal groups the rows are split before a product.
///
/// The gradient of a weight sums over all rows. As one product, that is a long sum into a small
/// matrix, which leaves a graphics card idle; as a batch of products and a sum over the batch it
/// does not. The CPU is quicker without.
fn groups_of(x: &Tensor<2>, rows: usize) -> usize {
    if !x.is_tracked() || x.device().without_autodiff() == Device::flex() {
        return 1;
    }
    [64, 32, 16, 8, 4, 2].into_iter().find(|g| rows.is_multiple_of(*g) && rows / g >= 32).unwrap_or(1)
}

/// Layer normalisation over the last axis: (x − mean) / √(var + 1e-5) · scale + shift, with the biased
/// variance (`specs/sudoku.md` §0).
#[derive(Clone, Debug)]
pub struct LayerNorm {
    scale: Tensor<1>,
    shift: Tensor<1>,
}

impl LayerNorm {
    /// The constant under the root.
    pub const EPSILON: f64 = 1e-5;

    /// Binds `NAME.weight` [d] and `NAME.bias` [d].
    #[must_use]
    pub fn bind(bound: &Bound, name: &str) -> Self {
        Self { scale: bound.vector(&format!("{name}.weight")), shift: bound.vector(&format!("{name}.bias")) }
    }

    /// x [rows, d] → [rows, d].
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        burn::tensor::module::layer_norm(x, self.scale.clone(), Some(self.shift.clone()), Self::EPSILON)
    }

    /// The same without scale and shift.
    #[must_use]
    pub fn plain(x: Tensor<2>) -> Tensor<2> {
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().powf_scalar(2.0).mean_dim(1);
        centred / (variance + Self::EPSILON).sqrt()
    }
}

/// max(x, 0).
#[must_use]
pub fn relu(x: Tensor<2>) -> Tensor<2> {
    activation::relu(x)
}

/// Inverted dropout with our own mask at `key`: zero with probability `rate`, else x / (1 − rate).
/// The mask depends on the key alone, so every device drops the same values. `first` is the index of
/// x's first value where x is a part of a larger tensor.
#[must_use]
pub fn dropout<const D: usize>(x: Tensor<D>, key: Key, first: usize, rate: f64) -> Tensor<D> {
    if rate == 0.0 {
        return x;
    }
    let shape = x.shape();
    let mask = key.dropout(first, shape.num_elements(), rate as f32);
    let mask = Tensor::<D>::from_data(TensorData::new(mask, shape), &x.device());
    x * mask
}
