//! Who may attend to whom (`specs/poh.md` §1.3).

use burn::tensor::{Device, Tensor, TensorData};

/// A rule for attention. Rules combine: what one of them forbids is forbidden.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mask {
    /// Nobody attends to a later place.
    pub causal: bool,
    /// One entry a sequence and place, row-major, [sequences · places]: whether the place may be attended
    /// to. Empty means that all may be.
    pub keys: Vec<bool>,
    /// One entry a query and key, [places · places]: whether it may be attended to. Empty means that all
    /// may be.
    pub pairs: Vec<bool>,
}

impl Mask {
    /// Nobody attends to a later place.
    #[must_use]
    pub fn causal() -> Self {
        Self { causal: true, ..Self::default() }
    }

    /// Places that are padding are not attended to.
    #[must_use]
    pub fn padding(real: Vec<bool>) -> Self {
        Self { keys: real, ..Self::default() }
    }

    /// One where attention is allowed and zero elsewhere, [sequences, 1, places, places]; nothing where all
    /// is allowed.
    ///
    /// # Panics
    /// When a list has another length than its doc says.
    #[must_use]
    pub fn allowed(&self, sequences: usize, places: usize, device: &Device) -> Option<Tensor<4>> {
        if *self == Self::default() {
            return None;
        }
        assert!(self.keys.is_empty() || self.keys.len() == sequences * places, "a key mask of [sequences · places]");
        assert!(self.pairs.is_empty() || self.pairs.len() == places * places, "a pair mask of [places · places]");
        let mut values = Vec::with_capacity(sequences * places * places);
        for sequence in 0..sequences {
            for query in 0..places {
                for key in 0..places {
                    let forbidden = (self.causal && key > query)
                        || self.keys.get(sequence * places + key) == Some(&false)
                        || self.pairs.get(query * places + key) == Some(&false);
                    values.push(if forbidden { 0.0f32 } else { 1.0 });
                }
            }
        }
        Some(Tensor::from_data(TensorData::new(values, [sequences, 1, places, places]), device))
    }
}

/// Scores [.., places, places] with what is forbidden far below everything else.
#[must_use]
pub fn forbid(scores: Tensor<4>, allowed: Option<&Tensor<4>>) -> Tensor<4> {
    match allowed {
        Some(allowed) => scores + (allowed.clone() - 1.0).mul_scalar(1e9),
        None => scores,
    }
}

/// Weights with nothing where it is forbidden: also in rows in which everything is, whose softmax is none.
#[must_use]
pub fn clear(weights: Tensor<4>, allowed: Option<&Tensor<4>>) -> Tensor<4> {
    match allowed {
        Some(allowed) => weights * allowed.clone(),
        None => weights,
    }
}
