//! The window against a fake engine: what is asked, what is shown, what can be reached by name.

mod compare;
mod disturbing;
pub(in crate::ui) mod fake;
mod layout;
mod links;
mod loading;
mod look;
mod measuring;
mod palette;
mod pictures;
mod puzzles;
mod routing;
mod steps;
mod train;
mod undo;
