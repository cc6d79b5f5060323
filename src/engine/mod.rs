//! The actor that owns the device. Everything else sends it [`protocol::Command`] and hears
//! [`protocol::Event`].

pub mod protocol;

#[cfg(feature = "engine")]
mod bench;
#[cfg(feature = "engine")]
mod breath;
#[cfg(feature = "engine")]
mod device;
#[cfg(feature = "engine")]
mod fault;
#[cfg(feature = "engine")]
mod gradients;
#[cfg(feature = "engine")]
mod jobs;
#[cfg(feature = "engine")]
mod limit;
#[cfg(feature = "engine")]
mod looks;
#[cfg(feature = "engine")]
mod making;
#[cfg(all(feature = "engine", not(target_family = "wasm")))]
mod native;
#[cfg(feature = "engine")]
mod pace;
#[cfg(feature = "engine")]
mod queue;
#[cfg(feature = "engine")]
mod recording;
#[cfg(feature = "engine")]
mod runs;
#[cfg(feature = "engine")]
mod self_test;
#[cfg(feature = "engine")]
mod session;
#[cfg(feature = "engine")]
mod spectrum;
#[cfg(feature = "engine")]
mod training;
#[cfg(all(feature = "worker", target_family = "wasm"))]
mod worker;

#[cfg(feature = "engine")]
pub use device::OpenedDevice;
#[cfg(all(feature = "engine", not(target_family = "wasm")))]
pub use native::{EngineHandle, spawn};
#[cfg(all(feature = "worker", target_family = "wasm"))]
pub use worker::{Telling, run};
