//! All whole-program tests in one binary, so that burn is linked once.

#[path = "suite/architecture.rs"]
mod architecture;
#[path = "suite/cli.rs"]
mod cli;
#[path = "suite/cli_engine.rs"]
mod cli_engine;
#[path = "suite/examples.rs"]
mod examples;
#[path = "suite/poh.rs"]
mod poh;
#[path = "suite/program.rs"]
mod program;
#[path = "suite/reference.rs"]
mod reference;
