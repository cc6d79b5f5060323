//! Weights and recorded traces that travel inside the program, made by its own trainer. The card in
//! each weights file says with which command, seed and data, and what was measured.

use super::ModelCard;

/// One shipped model: f16 weights, a trace file recorded from them, and the header of the weights file
/// by itself: the web page shows cards and traces without carrying the weights, which its worker has.
struct Shipped {
    name: &'static str,
    weights: fn() -> &'static [u8],
    header: &'static [u8],
    traces: &'static [u8],
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
        // Copied while compiling, so that a program which asks for the card alone holds nothing else.
        const HEADER: [u8; LENGTH] = header(WEIGHTS);
        Shipped {
            name: $name,
            weights: || WEIGHTS,
            header: &HEADER,
            traces: include_bytes!(concat!("../../assets/traces/", $name, ".trace")),
        }
    }};
}

// What is opened by itself comes last. The web page does without the largest: two files of 1.6 MB would make its
// engine half as large again.
static SHIPPED: &[Shipped] = &[
    shipped!("sudoku4"),
    shipped!("poh4"),
    shipped!("poh4-hrm"),
    shipped!("sudoku4-collapsing"),
    shipped!("sudoku6"),
    #[cfg(not(target_family = "wasm"))]
    shipped!("sudoku9-collapsing"),
    #[cfg(not(target_family = "wasm"))]
    shipped!("sudoku9"),
];

/// Names of the shipped models, smallest board first.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SHIPPED.iter().map(|s| s.name).collect()
}

/// The safetensors bytes of a shipped model.
#[must_use]
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    find(name).map(|s| (s.weights)())
}

/// The trace file of a shipped model.
#[must_use]
pub fn traces(name: &str) -> Option<&'static [u8]> {
    find(name).map(|s| s.traces)
}

/// A recorded training of the 4×4 preset, step × iteration: what a newcomer sees of both without any device.
#[must_use]
pub fn training() -> &'static [u8] {
    include_bytes!("../../assets/traces/sudoku4-training.trace")
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
}
