//! Progress bars on standard error, and nothing at all where it is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far long work has come.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar; the text says what is counted: “puzzles made”.
    pub(super) fn bar(of: usize, what: &'static str) -> Self {
        // indicatif draws nothing when standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(of as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg}  {wide_bar}  {human_pos} of {human_len}  {eta} to go");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        Self(bar)
    }

    /// A sign of life while nothing can be counted.
    pub(super) fn waiting(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Sets how far it is.
    pub(super) fn set(&self, done: usize, of: usize) {
        self.0.set_length(of as u64);
        self.0.set_position(done as u64);
    }

    /// Counts `more` done.
    pub(super) fn add(&self, more: usize) {
        self.0.inc(more as u64);
    }

    /// Changes the text beside the bar.
    pub(super) fn say(&self, text: String) {
        self.0.set_message(text);
    }

    /// Whether anyone sees it.
    pub(super) fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }

    /// Prints a line above the bar, to standard error.
    pub(super) fn above(&self, text: &str) {
        self.0.suspend(|| eprintln!("{text}"));
    }

    /// Does something that prints to standard output while the bar is out of the way.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspend(work)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
