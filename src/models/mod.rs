//! One file a network, and the files that weights live in.

mod fused;
mod halting;
mod looped;
mod network;
mod poh;
mod safetensors_file;
mod tangent;

#[cfg(all(target_family = "wasm", feature = "worker"))]
pub use fused::Kernels;
pub use fused::{Fused, FusedPass, Outcome, Place};
pub(crate) use fused::{sizes, turns};
pub use halting::HaltState;
pub use looped::LoopedTransformer;
pub use network::{Dropout, Network, Pass, Recurrence, layout};
use network::{dropout_sites, one_hot, round_to_bf16};
pub use poh::{Applied, Around, PohNetwork, PohRefiner, PohStack, PohState, Refined, Still, stack_layout};
pub use safetensors_file::{
    Inspection, MAX_FILE, ModelFileError, NamedTensor, StoredModel, TensorFile, inspect, read_model, write_model,
    write_tensors,
};
pub use tangent::{tangent_map, tf32_map};
