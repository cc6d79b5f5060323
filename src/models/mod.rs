//! One file a network, and the files that weights live in.

mod looped;
mod safetensors_file;

pub use looped::{Dropout, LoopedTransformer, Pass, Recurrence, layout};
pub use safetensors_file::{
    Inspection, MAX_FILE, ModelFileError, NamedTensor, StoredModel, TensorFile, inspect, read_model, write_model,
    write_tensors,
};
