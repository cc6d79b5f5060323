//! Layers that several models share. All tensors are f32; shapes stand in every doc.
//!
//! Parameters are plain named tensors, not burn modules: burn keys optimizer state by random ids
//! and initialises lazily from a process-wide seed, and both lose state silently (`stack.md`).

mod attention;
mod controller;
mod layers;
mod mask;
mod params;
mod rotary;
mod router;
mod rows;

pub use attention::{Attention, DropoutSites};
pub use controller::{Controller, ControllerState, Gru};
pub use layers::{LayerNorm, Linear, dropout, relu};
pub use mask::Mask;
pub use params::{Bound, Init, Layout, ParamSpec, Parameters};
pub use rotary::Rotary;
pub use router::{BlockMoments, HeadRouter, Routing, entropy, routing_metrics, routing_reading};
pub use rows::{Rows, spread};
