//! What a model was measured to do, as tables for terminals, CSV and figures; JSON is serde's.

pub mod scaling;
pub mod verified;
