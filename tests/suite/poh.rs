//! Pointer-over-Heads: the 17 tests of the first release (`specs/poh.md` §2) under their own names, each
//! with its weakness mended, and the properties that are listed after them.

#[path = "poh/bench.rs"]
mod bench;
#[path = "poh/halting.rs"]
mod halting;
#[path = "poh/properties.rs"]
mod properties;
#[path = "poh/seventeen.rs"]
mod seventeen;
#[path = "poh/sparing.rs"]
mod sparing;
