//! A step on burn's tensors, operation by operation: the reference, and the way of every network.

use burn::tensor::{Device, Tensor, TensorData, Transaction};
use loopscope_kernels::train::Update;

use super::part::{Part, Pulled, Source, together};
use super::way::{Average, Context, Readings, Start};
use super::{AdamW, Moments, TrainError};
use crate::models::Network;
use crate::nn::BlockMoments;

/// Weights and moments on a device.
pub(super) struct Tensors {
    device: Device,
    pub(super) weights: Tensor<1>,
    moments: Moments,
    average: Option<Average<Tensor<1>>>,
    /// Parts of a batch that are put through at the same time.
    pub(super) threads: usize,
    /// S_T and P_T of the last step's batch, where boards may go on from there.
    ends: Option<[Tensor<2>; 2]>,
}

/// Quantities of a step that stay on the device until they are read.
pub(super) struct Watched {
    losses: Tensor<1>,
    solved: Tensor<1>,
    /// Squared norm of the gradient, [1].
    norm: Tensor<1>,
    /// Moments of α ([`BlockMoments::of`]) and the squared norm of the router's gradient [1], where there is
    /// a router.
    routing: Option<(Tensor<1>, Tensor<1>)>,
}

impl Tensors {
    /// Puts them on a device.
    pub fn new(start: &Start, device: &Device) -> Self {
        let upload = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        Self {
            device: device.clone(),
            weights: upload(&start.weights),
            moments: Moments { first: upload(&start.first), second: upload(&start.second) },
            average: start.average.as_ref().map(|a| Average { values: upload(&a.values), decay: a.decay }),
            threads: threads(device),
            ends: None,
        }
    }

    /// The weights that are looked at.
    pub fn shown(&self) -> &Tensor<1> {
        self.average.as_ref().map_or(&self.weights, |average| &average.values)
    }

    /// Forward and backward of a few parts; nothing where no gradient exists.
    pub fn pull(&self, of: &Context<'_>, parts: &[Part<'_>], watch: bool, sum: Option<Pulled>) -> Option<Pulled> {
        let source = Source {
            config: of.config,
            layout: of.layout,
            weights: &self.weights,
            device: &self.device,
            step: of.step,
            ends: self.ends.as_ref(),
        };
        let pulled = together(parts, |part| source.pull(part, watch)).into_iter().collect::<Option<Vec<_>>>()?;
        sum.into_iter().chain(pulled).reduce(Pulled::plus)
    }

    /// Changes the weights.
    pub fn update(&mut self, of: &Context<'_>, update: &Update, pulled: Pulled, watch: bool) -> Option<Watched> {
        let Pulled { losses, solved, routing, gradient, ends } = pulled;
        self.ends = ends;
        let watched = watch.then(|| Watched {
            losses,
            solved,
            norm: gradient.clone().mul(gradient.clone()).sum(),
            routing: routing.map(|moments| (moments, squared_of_router(of, &gradient))),
        });
        let (weights, moments) = AdamW::of(&of.config.recipe).update(
            update.step,
            update.lr,
            self.weights.clone(),
            gradient,
            self.moments.clone(),
        );
        self.weights = weights;
        self.moments = moments;
        if let Some(Average { values, decay }) = &mut self.average {
            *values = values.clone().mul_scalar(*decay) + self.weights.clone().mul_scalar(1.0 - *decay);
        }
        watched
    }

    /// The network with the weights as they are now, or their average.
    pub fn network(&self, of: &Context<'_>) -> Network {
        Network::bind(&of.config.model, &of.layout.bind(self.shown(), false), &self.device, of.step)
    }

    /// Whether nothing but the processor computes.
    pub fn is_on_the_processor(&self) -> bool {
        self.device == Device::flex()
    }

    /// Waits until the device has made every update.
    pub async fn settle(&self) -> Result<(), TrainError> {
        settle(&self.weights).await
    }

    /// Weights, moments and average in one transaction.
    pub async fn parameters(&self) -> Result<Start, TrainError> {
        let all = [&self.weights, &self.moments.first, &self.moments.second];
        let average = self.average.as_ref().map(|average| &average.values);
        let mut vectors = read(all.into_iter().chain(average).cloned()).await?.into_iter();
        let mut next = || vectors.next().unwrap_or_default();
        let (weights, first, second) = (next(), next(), next());
        let average = self.average.as_ref().map(|average| Average { values: next(), decay: average.decay });
        Ok(Start { weights, first, second, average })
    }
}

impl Pulled {
    /// Waits until the device has computed it.
    pub async fn settle(&self) -> Result<(), TrainError> {
        settle(&self.losses).await
    }
}

impl Watched {
    /// Everything in one transaction.
    pub async fn read(self, heads: usize) -> Result<Readings, TrainError> {
        let routed = self.routing.is_some();
        let (moments, norm) = self.routing.unzip();
        let all = [self.losses, self.solved, self.norm].into_iter().chain(moments).chain(norm);
        let mut vectors = read(all).await?.into_iter();
        let mut next = || vectors.next().unwrap_or_default();
        let (losses, solved) = (next(), next());
        let mut first = || next().first().copied().unwrap_or(f32::NAN);
        let squared_norm = first();
        let routing = routed.then(|| (BlockMoments::read(&next(), heads), next().first().copied().unwrap_or(f32::NAN)));
        Ok(Readings { losses, solved, squared_norm, routing })
    }
}

/// Squared norm of the gradient of what weighs the heads, [1].
fn squared_of_router(of: &Context<'_>, gradient: &Tensor<1>) -> Tensor<1> {
    let (mut at, mut sum) = (0, None);
    for spec in &of.layout.specs {
        let range = at..at + spec.len();
        at = range.end;
        if spec.name.split('.').any(|part| part == "router" || part == "controller") {
            let part = gradient.clone().slice([range]);
            let square = part.clone().mul(part).sum();
            sum = Some(sum.map_or(square.clone(), |s: Tensor<1>| s + square));
        }
    }
    sum.unwrap_or_else(|| Tensor::zeros([1], &gradient.device()))
}

/// Reads one value, for which the device must do everything before it.
async fn settle(values: &Tensor<1>) -> Result<(), TrainError> {
    let read = values.clone().slice(0..1).into_data_async().await;
    read.map(drop).map_err(|e| TrainError::Device(format!("{e:?}")))
}

/// Reads one vector.
pub(super) async fn vector(of: &Tensor<1>) -> Result<Vec<f32>, TrainError> {
    let data = of.clone().into_data_async().await.map_err(|e| TrainError::Device(format!("{e:?}")))?;
    Ok(data.iter::<f32>().collect())
}

/// Reads several vectors in one transaction.
async fn read(all: impl Iterator<Item = Tensor<1>>) -> Result<Vec<Vec<f32>>, TrainError> {
    let transaction = all.fold(Transaction::default(), Transaction::register);
    let data = transaction.execute_async().await.map_err(|e| TrainError::Device(format!("{e:?}")))?;
    Ok(data.into_iter().map(|d| d.iter::<f32>().collect()).collect())
}

/// Parts of a batch at the same time: one a core on the CPU, one on a graphics card.
fn threads(device: &Device) -> usize {
    if cfg!(target_family = "wasm") || *device != Device::flex() {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}
