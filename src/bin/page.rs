//! The web page's window: everything is in the library.

// Without a mention the library would be left out, with all that JavaScript calls.
#[cfg(target_family = "wasm")]
#[expect(unused_imports, reason = "naming it links it")]
use loopscope::page as _;

fn main() {}
