//! Loopscope: a microscope for looped transformers. See `ARCHITECTURE.md` for the map.
#![warn(missing_docs)]

pub mod config;
pub mod engine;
pub mod measure;
pub mod report;
pub mod store;
pub mod tasks;
pub mod trace;

#[cfg(feature = "engine")]
pub mod models;
#[cfg(feature = "engine")]
pub mod nn;
#[cfg(feature = "engine")]
pub mod probe;
#[cfg(feature = "engine")]
pub mod train;

#[cfg(feature = "ui")]
pub mod ui;

#[cfg(feature = "desktop")]
pub mod cli;

#[cfg(all(feature = "page", target_family = "wasm"))]
pub mod page;
