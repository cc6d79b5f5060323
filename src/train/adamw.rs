//! AdamW on one flat vector: a dozen operations a step whatever the number of parameters.

use burn::tensor::Tensor;
use loopscope_kernels::train::Update;

use crate::config::Recipe;

/// First and second moments, [total] each.
#[derive(Clone, Debug)]
pub struct Moments {
    /// m, the decayed mean of gradients.
    pub first: Tensor<1>,
    /// v, the decayed mean of squared gradients.
    pub second: Tensor<1>,
}

impl Moments {
    /// Zeros, as before the first update.
    #[must_use]
    pub fn zeros_like(parameters: &Tensor<1>) -> Self {
        let zeros = Tensor::zeros(parameters.shape(), &parameters.device());
        Self { first: zeros.clone(), second: zeros }
    }
}

/// Decoupled weight decay (Loshchilov & Hutter 2019), in PyTorch's order of operations, on every
/// parameter (`specs/sudoku.md` §2).
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root.
    pub eps: f64,
    /// Decay of the weights.
    pub weight_decay: f64,
}

impl AdamW {
    /// As the recipe says.
    #[must_use]
    pub fn of(recipe: &Recipe) -> Self {
        Self { beta1: recipe.beta1, beta2: recipe.beta2, eps: recipe.eps, weight_decay: recipe.weight_decay }
    }

    /// The numbers of update `step` (from 1), for kernels of their own.
    #[must_use]
    pub fn at(&self, step: u32, lr: f64) -> Update {
        let Self { beta1, beta2, eps, weight_decay } = *self;
        Update { step, lr, beta1, beta2, eps, weight_decay }
    }

    /// Update number `step` (from 1):
    /// p ← p (1 − lr wd); m ← m + (1 − β1)(g − m); v ← β2 v + (1 − β2) g²;
    /// p ← p − lr/(1 − β1ᵏ) · m / (√v / √(1 − β2ᵏ) + eps).
    #[must_use]
    pub fn update(
        &self,
        step: u32,
        lr: f64,
        parameters: Tensor<1>,
        gradient: Tensor<1>,
        moments: Moments,
    ) -> (Tensor<1>, Moments) {
        let first = moments.first.clone() + (gradient.clone() - moments.first).mul_scalar(1.0 - self.beta1);
        let second =
            moments.second.mul_scalar(self.beta2) + gradient.clone().mul(gradient).mul_scalar(1.0 - self.beta2);
        let k = f64::from(step);
        let correction1 = 1.0 - self.beta1.powf(k);
        let correction2 = (1.0 - self.beta2.powf(k)).sqrt();
        let root = second.clone().sqrt().div_scalar(correction2).add_scalar(self.eps);
        let parameters =
            parameters.mul_scalar(1.0 - lr * self.weight_decay) - first.clone().div(root).mul_scalar(lr / correction1);
        (parameters, Moments { first, second })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// `tests/reference/adamw.json`, which `make_adamw.py` wrote with PyTorch.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a native test reads its result")]
    fn a_hundred_updates_equal_pytorch() {
        let json: serde_json::Value = serde_json::from_str(include_str!("../../tests/reference/adamw.json")).unwrap();
        let row = |v: &serde_json::Value| {
            v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect::<Vec<f32>>()
        };
        let device = Device::flex();
        let upload = |v: Vec<f32>| Tensor::<1>::from_data(TensorData::new(v.clone(), [v.len()]), &device);
        let start = row(&json["start"]);
        let count = start.len() as i64;
        let (mut p, adamw) = (upload(start), AdamW { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.01 });
        let mut moments = Moments::zeros_like(&p);
        let mut worst = 0.0f32;
        for (k, want) in json["parameters"].as_array().unwrap().iter().enumerate() {
            let k = k as i64;
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            let gradient = (0..count)
                .map(|i| (((i * 37 + k * 101) % 97) as f64 / 97.0 - 0.45 + 0.01 * i as f64 * sign) as f32)
                .collect();
            let lr = 1e-2 * (1.0 - k as f64 / 200.0);
            (p, moments) = adamw.update(k as u32 + 1, lr, p, upload(gradient), moments);
            for (a, b) in p.to_data().iter::<f32>().zip(row(want)) {
                worst = worst.max((a - b).abs() / b.abs().max(1.0));
            }
        }
        println!("largest difference over 100 updates: {worst:.2e}");
        assert!(worst <= 1e-6, "{worst:.2e}");
    }
}
