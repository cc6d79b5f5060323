//! What a command names: a device, weights, a way of computing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which device to take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceChoice {
    /// A hardware graphics card if there is one, else the CPU; never a software adapter.
    #[default]
    Auto,
    /// The CPU (flex).
    Cpu,
    /// A hardware graphics card; an error if there is none.
    Gpu,
    /// The adapter whose name contains this text (any case), software adapters included. `TEXT#2` is the
    /// second of several such adapters, `gpu#2` the second hardware graphics card. `gpu*4` is a card and the three
    /// of its kind after it, over which a training's batches are spread; a software adapter is its own kind as
    /// often as asked for. After a colon, as in `gpu#2*4:40`, stands how many GiB of each card's memory a training may
    /// take.
    Named(String),
}

impl DeviceChoice {
    /// As it is written after `--device`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Cpu => "cpu".into(),
            Self::Gpu => "gpu".into(),
            Self::Named(name) => name.clone(),
        }
    }

    /// The same with further cards of its kind, `cards` in all.
    #[must_use]
    pub fn on_cards(&self, cards: usize) -> Self {
        let word = self.word();
        match word.rsplit_once(':').filter(|(_, gib)| gib.parse::<u16>().is_ok()) {
            _ if cards <= 1 => self.clone(),
            Some((device, gib)) => Self::Named(format!("{device}*{cards}:{gib}")),
            None => Self::Named(format!("{word}*{cards}")),
        }
    }
}

impl std::str::FromStr for DeviceChoice {
    type Err = std::convert::Infallible;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(match s.to_ascii_lowercase().as_str() {
            "auto" | "" => Self::Auto,
            "cpu" | "flex" => Self::Cpu,
            "gpu" => Self::Gpu,
            _ => Self::Named(s.to_owned()),
        })
    }
}

/// Which device it got, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// For people: "CPU (flex, 2 threads)", "NVIDIA H100 (Vulkan)".
    pub name: String,
    /// Whether it is a graphics card (a software one counts).
    pub gpu: bool,
    /// Whether a software renderer stands in for the card.
    pub software: bool,
    /// One sentence on why this one.
    pub reason: String,
}

/// Where weights come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelSource {
    /// Shipped inside the program: "sudoku4", "sudoku6".
    Shipped(String),
    /// First weights of a preset, which nothing has trained.
    Fresh(String),
    /// A safetensors file.
    Path(PathBuf),
    /// A dropped file.
    Bytes {
        /// Its file name.
        name: String,
        /// Its content.
        bytes: Vec<u8>,
    },
}

/// Which weights a question is put to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The model that was opened last.
    #[default]
    Opened,
    /// The model in training, as it is at that moment.
    Training,
    /// The model that was opened beside it, to be compared with.
    Other,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Opened, Self::Training, Self::Other];
}

/// How the iterations of a pass are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kernels {
    /// The fused loop in f32 where there is one for the network, else the plain path.
    #[default]
    Fused,
    /// Operation by operation on tensors: the reference.
    Plain,
    /// The fused loop with products in half precision; only on cards that have such, for many boards.
    Half,
}

impl Kernels {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fused, Self::Plain, Self::Half];

    /// One word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Plain => "plain",
            Self::Half => "half",
        }
    }
}

impl std::str::FromStr for Kernels {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|k| k.word() == s)
            .ok_or_else(|| format!("“{s}” names no kernels; there are fused, plain and half"))
    }
}

/// Trouble that a developer can cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// The engine panics.
    Panic,
    /// The graphics device is lost.
    LoseDevice,
    /// The next training pass finds no memory.
    OutOfMemory,
}
