//! Any of the networks, behind one set of functions: what trains, probes and answers names no network.

use burn::tensor::{Device, Tensor, TensorData, activation};

use super::fused::Fused;
use super::looped::{self, LoopedTransformer};
use super::poh::{self, PohNetwork, PohState};
use crate::config::{Interventions, Key, ModelConfig, NetworkKind};
use crate::nn::{Bound, DropoutSites, Layout};
use crate::trace::Work;

/// What is carried from one iteration to the next.
#[derive(Clone, Debug)]
pub struct Recurrence {
    /// S_t, [boards · cells, d].
    pub state: Tensor<2>,
    /// P_t, [boards · cells, digits]; none stands for P_0 = 0.
    pub prediction: Option<Tensor<2>>,
    /// Boards in the batch.
    pub boards: usize,
    /// What Pointer-over-Heads carries besides.
    pub poh: Option<Box<PohState>>,
}

impl Recurrence {
    /// The same values, cut off from what led to them.
    #[must_use]
    pub fn detach(self) -> Self {
        Self {
            state: self.state.detach(),
            prediction: self.prediction.map(Tensor::detach),
            boards: self.boards,
            poh: self.poh.map(|p| Box::new(p.detach())),
        }
    }
}

/// Dropout of a training pass.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// The key of this step and iteration.
    pub key: Key,
    /// Rate in 0..1.
    pub rate: f64,
    /// Boards that stand before these ones in the whole batch.
    pub boards_before: usize,
}

/// How one iteration is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass {
    /// Test-time changes.
    pub interventions: Interventions,
    /// Dropout of a training pass.
    pub dropout: Option<Dropout>,
}

/// A network with its weights on a device, and in the fused loop where there is one for it.
#[derive(Clone, Debug)]
pub struct Network {
    kind: Kind,
    fused: Option<Fused>,
}

/// Which network, on plain tensors: the reference.
#[derive(Clone, Debug)]
enum Kind {
    /// `specs/sudoku.md` §1.
    Looped(Box<LoopedTransformer>),
    /// `specs/poh.md` §1.
    Poh(Box<PohNetwork>),
}

/// Names, shapes and first values of all parameters, in file order.
#[must_use]
pub fn layout(config: &ModelConfig) -> Layout {
    match config.network {
        NetworkKind::Looped => looped::layout(config),
        NetworkKind::Poh => poh::layout(config),
    }
}

impl Network {
    /// Puts parameters into their places. `device` holds the constant tables and must be the
    /// parameters' device; `step` is how often the weights were updated.
    #[must_use]
    pub fn bind(config: &ModelConfig, bound: &Bound, device: &Device, step: u32) -> Self {
        let kind = match config.network {
            NetworkKind::Looped => Kind::Looped(Box::new(LoopedTransformer::bind(config, bound, device))),
            NetworkKind::Poh => Kind::Poh(Box::new(PohNetwork::bind(config, bound, device, step))),
        };
        Self { kind, fused: None }
    }

    /// The same network with its weights, which must be the same, in the fused loop too.
    #[must_use]
    pub fn with_fused(self, fused: Option<Fused>) -> Self {
        Self { fused, ..self }
    }

    /// The fused loop, where there is one for this network.
    #[must_use]
    pub fn fused(&self) -> Option<&Fused> {
        self.fused.as_ref()
    }

    /// A recurrence from values on the host: S_t [boards · cells, d] and P_t [boards · cells, digits]. For
    /// networks that carry nothing else.
    #[must_use]
    pub fn recurrence(&self, state: Vec<f32>, prediction: Vec<f32>) -> Recurrence {
        let (config, device) = (self.config(), self.device());
        let rows = state.len() / config.width;
        Recurrence {
            state: Tensor::from_data(TensorData::new(state, [rows, config.width]), device),
            prediction: Some(Tensor::from_data(TensorData::new(prediction, [rows, config.digits()]), device)),
            boards: rows / config.cells(),
            poh: None,
        }
    }

    /// Its sizes.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        match &self.kind {
            Kind::Looped(n) => n.config(),
            Kind::Poh(n) => n.config(),
        }
    }

    fn device(&self) -> &Device {
        match &self.kind {
            Kind::Looped(n) => n.device(),
            Kind::Poh(n) => n.device(),
        }
    }

    /// S_0 for a batch of boards, `clues` [boards · cells] with 0 for blanks.
    #[must_use]
    pub fn start(&self, clues: &[u8]) -> Recurrence {
        match &self.kind {
            Kind::Looped(n) => n.start(clues),
            Kind::Poh(n) => n.start(clues),
        }
    }

    /// One iteration. Returns what is carried on and the logits Z_t [boards · cells, digits]; the
    /// prediction is left to the caller, who may get it from a loss (see [`Self::iterate`]).
    #[must_use]
    pub fn advance(&self, from: &Recurrence, pass: Pass) -> (Recurrence, Tensor<2>) {
        match &self.kind {
            Kind::Looped(n) => n.advance(from, pass),
            Kind::Poh(n) => n.advance(from, pass),
        }
    }

    /// One iteration with P_t = softmax(Z_t) fed back.
    #[must_use]
    pub fn iterate(&self, from: &Recurrence, pass: Pass) -> (Recurrence, Tensor<2>) {
        let (mut next, logits) = self.advance(from, pass);
        next.prediction = Some(activation::softmax(logits.clone(), 1));
        (next, logits)
    }

    /// As [`Network::iterate`], but on a device that reads back at once nothing is computed that does not
    /// count: cells and boards that have halted, heads that are not chosen. Adds up what it cost where
    /// something could be spared.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn iterate_sparing(
        &self,
        from: &Recurrence,
        pass: Pass,
        work: &mut Work,
    ) -> Result<(Recurrence, Tensor<2>), String> {
        match &self.kind {
            Kind::Poh(n) if n.can_spare() && poh::reads_at_once(&from.state.device()) => {
                let (mut next, logits, cost) = n.advance_sparing(from, pass).await?;
                work.add(cost);
                next.prediction = Some(activation::softmax(logits.clone(), 1));
                Ok((next, logits))
            }
            _ => Ok(self.iterate(from, pass)),
        }
    }

    /// Attention weights of every block in the iteration that follows `from`:
    /// blocks × [boards, heads, cells, cells].
    #[must_use]
    pub fn attention(&self, from: &Recurrence, pass: Pass) -> Vec<Tensor<4>> {
        match &self.kind {
            Kind::Looped(n) => n.attention(from, pass),
            Kind::Poh(n) => n.attention(from, pass),
        }
    }

    /// The halting head's logit of every board, [boards], of S_t [boards · cells, d]; nothing without such a head.
    #[must_use]
    pub fn halting_logits(&self, state: Tensor<2>, boards: usize) -> Option<Tensor<1>> {
        match &self.kind {
            Kind::Looped(n) => n.halting_logits(state, boards),
            Kind::Poh(_) => None,
        }
    }

    /// α of every block, [boards · cells, heads], in the iteration that led to `at`; empty where nothing
    /// routes.
    #[must_use]
    pub fn routed(at: &Recurrence) -> &[Tensor<2>] {
        at.poh.as_deref().map_or(&[], |p| &p.weights)
    }

    /// Whether the gradient of a training pass of `of` iterations is cut off after iteration `t`.
    #[must_use]
    pub fn cuts_after(&self, t: u32, of: u32) -> bool {
        match &self.kind {
            Kind::Looped(_) => false,
            Kind::Poh(n) => n.refiner().cuts_after(t, of),
        }
    }

    /// What an iteration adds to the loss besides its cross-entropy, [1], a mean over boards; `of`
    /// iterations are summed.
    #[must_use]
    pub fn iteration_cost(&self, at: &Recurrence, of: u32) -> Option<Tensor<1>> {
        match &self.kind {
            Kind::Looped(_) => None,
            Kind::Poh(n) => n.refiner().iteration_cost(at.poh.as_deref()?, of),
        }
    }

    /// What a whole pass adds to the loss, [1], a mean over boards.
    #[must_use]
    pub fn pass_cost(&self, at: &Recurrence) -> Option<Tensor<1>> {
        match &self.kind {
            Kind::Looped(_) => None,
            Kind::Poh(n) => n.refiner().pass_cost(at.poh.as_deref()?),
        }
    }
}

/// Every element to the nearest of 8 significant bits, as bfloat16 has them, by Veltkamp's splitting: exact for
/// f32 without fused multiply-adds, and within the last of those bits with them. For states below 2¹¹¹.
pub(super) fn round_to_bf16<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let large = x.clone().mul_scalar(65_537.0);
    large.clone() - (large - x)
}

/// Clues [rows] with 0 for blanks as one-hot rows [rows, digits + 1].
pub(super) fn one_hot(clues: &[u8], digits: usize, device: &Device) -> Tensor<2> {
    let classes = digits + 1;
    let mut values = vec![0.0f32; clues.len() * classes];
    for (row, clue) in clues.iter().enumerate() {
        values[row * classes + usize::from(*clue)] = 1.0;
    }
    Tensor::from_data(TensorData::new(values, [clues.len(), classes]), device)
}

/// The sites of a block's dropout.
pub(super) fn dropout_sites(pass: Pass, block: usize, boards: usize) -> Option<DropoutSites> {
    pass.dropout.map(|d| DropoutSites {
        key: d.key.at(d.key.iteration, 4 * block as u16),
        rate: d.rate,
        boards_before: d.boards_before,
        boards,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may wait")]
    fn rounding_is_to_bfloat16() {
        let values: Vec<f32> = (0..2000).map(|i| (i as f32 * 0.37).sin() * 10f32.powi(i % 9 - 3)).collect();
        let x: Tensor<1> = Tensor::from_data(TensorData::new(values.clone(), [values.len()]), &Device::flex());
        let rounded: Vec<f32> = round_to_bf16(x).into_data().iter::<f32>().collect();
        let right: Vec<f32> = values.iter().map(|v| half::bf16::from_f32(*v).to_f32()).collect();
        assert_eq!(rounded, right);
    }
}
