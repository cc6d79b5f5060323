//! Work that must not hold up the window: dialogs, files, the solver, the generator. Each job sends
//! its result and wakes the window. Natively it is a thread; in a browser it waits for the browser.

mod form;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

pub(super) use form::Form;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use eframe::egui;

use super::app::Lab;
use super::theme::{self, Palette};
use crate::tasks::sudoku::{Grid, Puzzle, PuzzleError};
use crate::trace::{Recording, Trace, TraceFile};

/// A text file that is larger than this is no puzzle.
const MOST_TEXT: usize = 1 << 20;

/// What a job comes to.
pub(super) enum Done {
    /// Whether a puzzle has exactly one solution.
    Checked { clues: Grid, result: Result<Puzzle, PuzzleError> },
    /// A new puzzle.
    Generated(Result<Puzzle, String>),
    /// A model file was chosen.
    Model(PathBuf),
    /// A model was chosen or dropped that has no path.
    ModelBytes { name: String, bytes: Vec<u8> },
    /// A recording was read.
    Trace {
        /// The first of the file.
        trace: Box<Trace>,
        /// Those that follow it.
        rest: Vec<Trace>,
    },
    /// Something to compare with.
    Other(Box<Done>),
    /// A recorded training was read.
    Recording(Box<Recording>),
    /// Text that should be a puzzle.
    PuzzleText(String),
    /// A run folder was chosen.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "a browser gives a page no folders"))]
    RunFolder { path: PathBuf, resume: bool },
    /// A file was written.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "a page downloads what it saves"))]
    Saved(PathBuf),
    /// A file of this name was handed to the browser, which knows where it goes.
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only a page downloads"))]
    Downloaded(String),
    /// Something did not work.
    Failed(String),
}

/// Jobs and their results.
pub(super) struct Jobs {
    answer: Answer,
    receive: Receiver<Done>,
}

/// The way back from a job to the window.
#[derive(Clone)]
struct Answer {
    ctx: egui::Context,
    send: Sender<Done>,
}

impl Answer {
    /// Hands over a result and wakes the window.
    fn tell(&self, done: Done) {
        // The window may be gone; then nobody waits.
        let _ = self.send.send(done);
        self.ctx.request_repaint();
    }
}

/// What a dialog filters by.
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "a browser's dialog shows every file"))]
pub(super) struct Filter(pub &'static str, pub &'static [&'static str]);

/// Weights.
pub(super) const MODELS: Filter = Filter("Weights (safetensors)", &["safetensors"]);
/// Recordings.
pub(super) const TRACES: Filter = Filter("Recorded trace", &["trace"]);

impl Jobs {
    pub fn new(ctx: egui::Context) -> Self {
        let (send, receive) = channel();
        Self { answer: Answer { ctx, send }, receive }
    }

    /// The context that results wake.
    pub fn ctx(&self) -> &egui::Context {
        &self.answer.ctx
    }

    /// The next result, if there is one.
    pub fn poll(&self) -> Option<Done> {
        self.receive.try_recv().ok()
    }

    /// Takes a file's content as if it was dropped.
    pub fn take_bytes(&self, name: &str, bytes: Vec<u8>) {
        self.answer.tell(sort_out(Path::new(name), || Ok(bytes)));
    }

    /// Saves what is at hand already.
    pub fn save_bytes(&self, title: &'static str, name: String, filter: Filter, bytes: Vec<u8>) {
        self.save(title, name, filter, move || Ok(bytes));
    }
}

/// Tells by its name and content what a file is that was chosen or dropped.
fn sort_out(path: &Path, bytes: impl FnOnce() -> Result<Vec<u8>, String>) -> Done {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if extension == "safetensors" && path.is_absolute() {
        return Done::Model(path.to_owned());
    }
    let bytes = match bytes() {
        Ok(bytes) => bytes,
        Err(why) => return Done::Failed(format!("{name} cannot be read: {why}")),
    };
    if extension == "safetensors" {
        return Done::ModelBytes { name, bytes };
    }
    match TraceFile::read(&bytes) {
        Ok(TraceFile::Training(recording)) => return Done::Recording(Box::new(recording)),
        Ok(TraceFile::Traces(traces)) => {
            let mut traces = traces.into_iter();
            // A file without a recording is refused when it is read.
            if let Some(trace) = traces.next() {
                return Done::Trace { trace: Box::new(trace), rest: traces.collect() };
            }
        }
        Err(e) if extension == "trace" => return Done::Failed(format!("{name} cannot be opened: {e}")),
        Err(_) => {}
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.len() <= MOST_TEXT => Done::PuzzleText(text),
        _ => Done::Failed(format!(
            "{name} is neither weights (.safetensors) nor a recorded trace (.trace) nor a puzzle as text."
        )),
    }
}

impl Lab {
    /// Takes what was dropped on the window.
    pub(super) fn take_drops(&mut self, ctx: &egui::Context) {
        let dropped = ctx.input_mut(|i| std::mem::take(&mut i.raw.dropped_files));
        for file in dropped {
            self.jobs.take(file);
        }
    }

    /// Says what a file that hovers over the window would do.
    pub(super) fn drop_hint(&self, ui: &egui::Ui) {
        if ui.input(|i| i.raw.hovered_files.is_empty()) {
            return;
        }
        let p = Palette::of(ui);
        let rect = ui.ctx().content_rect();
        let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop"));
        let painter = ui.ctx().layer_painter(layer);
        painter.rect_filled(rect, 0.0, theme::mix(p.paper, p.accent, 0.2).gamma_multiply(0.92));
        painter.text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            "Drop weights (.safetensors), a recorded trace (.trace) or a puzzle as text",
            egui::FontId::proportional(20.0),
            p.ink,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        let text = |s: &str| {
            let b = s.as_bytes().to_vec();
            move || Ok(b)
        };
        assert!(matches!(sort_out(Path::new("/a/m.safetensors"), text("")), Done::Model(_)));
        assert!(matches!(sort_out(Path::new("m.safetensors"), text("x")), Done::ModelBytes { .. }));
        assert!(matches!(sort_out(Path::new("p.txt"), text("1...")), Done::PuzzleText(_)));
        assert!(matches!(sort_out(Path::new("p.trace"), text("1...")), Done::Failed(_)));
        let several = crate::config::shipped::traces("sudoku6").expect("shipped").to_vec();
        assert!(matches!(sort_out(Path::new("six"), || Ok(several)), Done::Trace { rest, .. } if !rest.is_empty()));
        let training = crate::config::shipped::training().to_vec();
        assert!(matches!(sort_out(Path::new("training.trace"), || Ok(training)), Done::Recording(_)));
        let cut = crate::config::shipped::training()[..900].to_vec();
        let said = match sort_out(Path::new("cut.trace"), || Ok(cut)) {
            Done::Failed(said) => said,
            _ => String::new(),
        };
        assert!(said.contains("cut.trace cannot be opened") && said.contains("cut short"), "{said}");
        assert!(matches!(sort_out(Path::new("p.png"), || Ok(vec![0xFF, 0xFE, 0x00])), Done::Failed(_)));
        assert!(matches!(sort_out(Path::new("p.txt"), || Err("gone".into())), Done::Failed(_)));
    }
}
