//! One struct for each thing that can be set. The same structs serve TOML files, `--set` on the
//! command line, the settings panel and the link. No burn here.

mod card;
mod heads;
mod link;
mod model;
pub mod packs;
mod poh;
mod random;
mod recipe;
mod run;
pub mod shipped;
mod study;
mod view;

pub use card::{ModelCard, Provenance};
pub use heads::{HeadSet, NoHead};
pub use link::{CellPosition, Colour, Link, LinkError, Panel, PlotsPage};
pub use model::{ModelConfig, ModelConfigError};
pub use poh::{
    GradMode, HaltUnit, Halting, Injection, NetworkKind, NormType, PohConfig, Positions, RouteMode, RouteScale, Router,
    TopkGradient,
};
pub use random::{Key, Stream};
pub use recipe::{FixedPointLoss, Phase, Precision, Recipe, learning_rate};
pub use run::{
    ConfigError, ProbeConfig, PuzzleConfig, RunConfig, all_preset_names, fails_on_purpose, preset, preset_names,
    preset_note,
};
pub use study::{Evaluate, Matched, Study, StudyCell, StudyError, StudyRun, hidden_for, multiplications};
pub use view::Interventions;
