//! Without the feature `gpu` there are no graphics cards.

use burn::tensor::Device;

use crate::models::Place;

/// An adapter; there is none.
pub(super) struct Adapter {
    pub name: String,
    pub software: bool,
}

/// What keeps a device; there is none.
#[derive(Clone, Debug)]
pub(super) enum Handle {}

pub(super) async fn adapters() -> Vec<Adapter> {
    Vec::new()
}

pub(super) async fn open(adapter: &Adapter) -> Result<(Device, Option<Handle>), String> {
    Err(format!("{} does not open: this build computes on the CPU alone", adapter.name))
}

pub(super) fn destroy(handle: &Handle) {
    match *handle {}
}

pub(super) fn place(_: &Adapter) -> Place {
    Place::Cpu { threads: 1 }
}
