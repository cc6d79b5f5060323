//! The window against a fake engine: what is asked, what is shown, what can be reached by name.

mod fake;
mod look;
mod measuring;
mod pictures;
mod puzzles;
mod routing;
mod steps;
mod train;
