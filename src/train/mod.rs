//! Training: the optimizer, the loss, the data and the checkpoints of a run.

mod adamw;
mod boards;
#[cfg(all(feature = "gpu", not(target_family = "wasm")))]
mod cards;
mod carry;
mod checkpoint;
mod data;
mod folder;
mod fused;
mod gradients;
mod losses;
mod part;
mod shares;
mod start;
mod tensors;
mod trainer;
mod unseen;
mod way;

pub use adamw::{AdamW, Moments};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use data::{Batch, DataError, DataSource};
pub use folder::{FolderError, RunFolder};
pub use gradients::{Differences, Wanted, compare_gradients};
pub use start::{FirstWeights, first_weights, weights_file};
pub use trainer::{TrainError, Trainer, UnderWay};
pub use unseen::{EvaluationPuzzles, evaluation_puzzles};
pub use way::Ground;
