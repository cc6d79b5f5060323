//! Weights and recorded traces that come with the program, made by its own trainer. The card in each
//! weights file says with which command, seed and data, and what was measured.
//!
//! Here is decided where their bytes are. Natively they are in the program. Of the web page the header of
//! each weights file is in the program, so that names, sizes and cards are there at once; traces, and weights
//! that are large, lie beside the page and are fetched when they are wanted.

use super::ModelCard;

/// Weights of more bytes than this lie beside the web page. Smaller ones are in its engine: what a request
/// costs, they would save.
const LARGE: usize = 1 << 17;
const WEB: bool = cfg!(target_family = "wasm");

/// A file that comes with the program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asset {
    /// The weights of a shipped model.
    Weights(String),
    /// Passes recorded with them.
    Traces(String),
    /// The recorded training.
    Training,
}

impl Asset {
    /// Its path below `assets`; the web page's manifest calls it so.
    #[must_use]
    pub fn file(&self) -> String {
        match self {
            Self::Weights(name) => format!("models/{name}.safetensors"),
            Self::Traces(name) => format!("traces/{name}.trace"),
            Self::Training => "traces/sudoku4-training.trace".into(),
        }
    }

    /// What it is, for a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Weights(name) => format!("the weights of {name}"),
            Self::Traces(name) => format!("the recording of {name}"),
            Self::Training => "the recorded training".into(),
        }
    }

    /// Its length in bytes; none of a file that is not shipped.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        self.stored().map(|f| f.size)
    }

    /// Its bytes, where they are in this program.
    #[must_use]
    pub fn bytes(&self) -> Option<&'static [u8]> {
        self.stored()?.bytes
    }

    /// Whether the engine has it, so that nobody has to bring it.
    #[must_use]
    pub fn is_in_engine(&self) -> bool {
        matches!(self, Self::Weights(_)) && self.size().is_some_and(|size| !WEB || size <= LARGE)
    }

    fn stored(&self) -> Option<&'static Stored> {
        match self {
            Self::Weights(name) => find(name).map(|s| &s.weights),
            Self::Traces(name) => find(name).map(|s| &s.traces),
            Self::Training => Some(&TRAINING),
        }
    }
}

/// A file, and its bytes where they are in this program.
struct Stored {
    size: usize,
    bytes: Option<&'static [u8]>,
}

impl Stored {
    /// Worked out while compiling: bytes that are not kept are in no program.
    const fn new(bytes: &'static [u8], kept: bool) -> Self {
        Self { size: bytes.len(), bytes: if kept { Some(bytes) } else { None } }
    }

    const fn weights(bytes: &'static [u8]) -> Self {
        Self::new(bytes, !WEB || (cfg!(feature = "engine") && bytes.len() <= LARGE))
    }

    const fn trace(bytes: &'static [u8]) -> Self {
        Self::new(bytes, !WEB)
    }
}

/// One shipped model: f16 weights, a trace file recorded from them, and the header of the weights file by
/// itself.
struct Shipped {
    name: &'static str,
    header: &'static [u8],
    weights: Stored,
    traces: Stored,
}

/// Length of a safetensors header, which stands in the file's first eight bytes.
const fn header_length(file: &[u8]) -> usize {
    let (mut length, mut i) = (0, 8);
    while i > 0 {
        i -= 1;
        length = length << 8 | file[i] as usize;
    }
    length
}

/// The header of a safetensors file.
const fn header<const N: usize>(file: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = file[8 + i];
        i += 1;
    }
    out
}

macro_rules! shipped {
    ($name:literal) => {{
        const WEIGHTS: &[u8] = include_bytes!(concat!("../../assets/models/", $name, ".safetensors"));
        const LENGTH: usize = header_length(WEIGHTS);
        // Copied while compiling, so that a program without the weights holds nothing else of them.
        const HEADER: [u8; LENGTH] = header(WEIGHTS);
        Shipped {
            name: $name,
            header: &HEADER,
            weights: Stored::weights(WEIGHTS),
            traces: Stored::trace(include_bytes!(concat!("../../assets/traces/", $name, ".trace"))),
        }
    }};
}

// What is opened by itself comes last.
static SHIPPED: &[Shipped] = &[
    shipped!("sudoku4"),
    shipped!("poh4"),
    shipped!("poh4-hrm"),
    shipped!("sudoku4-collapsing"),
    shipped!("sudoku6"),
    shipped!("sudoku9-collapsing"),
    shipped!("sudoku9"),
];

/// A recorded training of the 4×4 preset, step × iteration: what a newcomer sees of both without any device.
static TRAINING: Stored = Stored::trace(include_bytes!("../../assets/traces/sudoku4-training.trace"));

/// Names of the shipped models, smallest board first.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SHIPPED.iter().map(|s| s.name).collect()
}

/// The safetensors bytes of a shipped model, where they are in this program.
#[must_use]
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    find(name)?.weights.bytes
}

/// The trace file of a shipped model, where it is in this program.
#[must_use]
pub fn traces(name: &str) -> Option<&'static [u8]> {
    find(name)?.traces.bytes
}

/// The recorded training.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn training() -> &'static [u8] {
    TRAINING.bytes.unwrap_or_default()
}

/// What a shipped model says about itself.
#[must_use]
pub fn card(name: &str) -> Option<ModelCard> {
    let header: serde_json::Value = serde_json::from_slice(find(name)?.header).ok()?;
    serde_json::from_str(header.get("__metadata__")?.get("loopscope")?.as_str()?).ok()
}

fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|s| s.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_has_a_card_and_traces() {
        for name in names() {
            let card = card(name).expect("a card");
            assert_eq!(card.name, name);
            assert!(traces(name).is_some_and(|t| !t.is_empty()));
        }
        assert_eq!(card("sudoku5"), None);
    }

    #[test]
    fn a_file_is_where_its_name_says() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        for name in names() {
            for asset in [Asset::Weights(name.into()), Asset::Traces(name.into()), Asset::Training] {
                let file = std::fs::read(folder.join(asset.file())).expect("a file of the repository");
                assert_eq!((asset.bytes(), asset.size()), (Some(&file[..]), Some(file.len())), "{asset:?}");
            }
            assert!(Asset::Weights(name.into()).is_in_engine() && !Asset::Traces(name.into()).is_in_engine());
        }
        assert_eq!(Asset::Weights("sudoku5".into()).size(), None);
    }
}
