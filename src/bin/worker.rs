//! The web page's engine, in a dedicated worker: everything is in the library.

/// Tells the page when there is no memory left.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: loopscope::engine::Telling = loopscope::engine::Telling;

fn main() {}
