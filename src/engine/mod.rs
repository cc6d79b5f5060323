//! The actor that owns the device. Everything else sends it [`protocol::Command`] and hears
//! [`protocol::Event`].

pub mod protocol;

#[cfg(feature = "engine")]
mod device;
#[cfg(feature = "engine")]
mod jobs;
#[cfg(feature = "engine")]
mod native;
#[cfg(feature = "engine")]
mod session;
#[cfg(feature = "engine")]
mod training;

#[cfg(feature = "engine")]
pub use device::OpenedDevice;
#[cfg(feature = "engine")]
pub use native::{EngineHandle, spawn};
