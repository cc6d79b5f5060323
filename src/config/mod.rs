//! One struct for each thing that can be set. The same structs serve TOML files, `--set` on the
//! command line, the settings panel and, later, the link. No burn here.

mod card;
mod model;
mod random;
mod recipe;
mod run;
mod view;

pub use card::{ModelCard, Provenance};
pub use model::{ModelConfig, ModelConfigError};
pub use random::{Key, Stream};
pub use recipe::{Phase, Recipe, learning_rate};
pub use run::{ConfigError, ProbeConfig, PuzzleConfig, RunConfig, preset, preset_names};
pub use view::Interventions;
