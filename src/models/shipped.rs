//! Weights and recorded traces that travel inside the program, made by its own trainer. The card in
//! each weights file says with which command, seed and data, and what was measured.

/// One shipped model: f16 weights and a trace file recorded from them.
struct Shipped {
    name: &'static str,
    weights: &'static [u8],
    traces: &'static [u8],
}

macro_rules! shipped {
    ($name:literal) => {
        Shipped {
            name: $name,
            weights: include_bytes!(concat!("../../assets/models/", $name, ".safetensors")),
            traces: include_bytes!(concat!("../../assets/traces/", $name, ".trace")),
        }
    };
}

const SHIPPED: [Shipped; 2] = [shipped!("sudoku4"), shipped!("sudoku6")];

/// Names of the shipped models, smallest board first.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SHIPPED.iter().map(|s| s.name).collect()
}

/// The safetensors bytes of a shipped model.
#[must_use]
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    SHIPPED.iter().find(|s| s.name == name).map(|s| s.weights)
}

/// The trace file of a shipped model.
#[must_use]
pub fn traces(name: &str) -> Option<&'static [u8]> {
    SHIPPED.iter().find(|s| s.name == name).map(|s| s.traces)
}
