//! A stand-in until the kernels come: it knows no sizes, so that every training on a card runs on tensors.
#![allow(missing_docs, clippy::unused_async, reason = "a stand-in")]

use std::future::Future;

use super::{Boards, Spec, Update};
use crate::gpu::{Client, GpuError};

pub struct CardTraining(());

pub struct Watched {
    pub losses: Vec<f32>,
    pub solved: Vec<f32>,
    pub squared_norm: f32,
}

impl CardTraining {
    #[must_use]
    pub fn new(_: &Client, _: &Spec, _: &[f32], _: &[f32], _: &[f32], _: usize, _: bool) -> Option<Self> {
        None
    }

    #[must_use]
    pub fn is_half(&self) -> bool {
        false
    }

    #[must_use]
    pub fn part(&self) -> usize {
        1
    }

    pub fn pull(&mut self, _: &Boards<'_>) -> Result<(), GpuError> {
        Err(GpuError("a stand-in".into()))
    }

    pub fn update(&mut self, _: &Update) {}

    pub fn watched(&self) -> impl Future<Output = Result<Watched, GpuError>> {
        std::future::ready(Err(GpuError("a stand-in".into())))
    }

    pub async fn gradient(&self) -> Result<Vec<f32>, GpuError> {
        Err(GpuError("a stand-in".into()))
    }

    pub async fn parameters(&self) -> Result<[Vec<f32>; 3], GpuError> {
        Err(GpuError("a stand-in".into()))
    }

    pub async fn settle(&self) -> Result<(), GpuError> {
        Err(GpuError("a stand-in".into()))
    }
}
