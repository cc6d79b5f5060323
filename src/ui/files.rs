//! Work that must not hold up the window: dialogs, files, the solver, the generator. Each job is a
//! thread that sends its result and wakes the window.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use eframe::egui;

use super::app::Lab;
use super::theme::{self, Palette};
use crate::tasks::sudoku::{Grid, Puzzle, PuzzleError};
use crate::trace::Trace;

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
    /// A model was dropped that has no path.
    ModelBytes { name: String, bytes: Vec<u8> },
    /// A recording was read.
    Trace(Box<Trace>),
    /// Text that should be a puzzle.
    PuzzleText(String),
    /// A run folder was chosen.
    RunFolder { path: PathBuf, resume: bool },
    /// A file was written.
    Saved(PathBuf),
    /// Something did not work.
    Failed(String),
}

/// Jobs and their results.
pub(super) struct Jobs {
    ctx: egui::Context,
    send: Sender<Done>,
    receive: Receiver<Done>,
}

/// What a dialog filters by.
pub(super) struct Filter(pub &'static str, pub &'static [&'static str]);

/// Weights.
pub(super) const MODELS: Filter = Filter("Weights (safetensors)", &["safetensors"]);
/// Recordings.
pub(super) const TRACES: Filter = Filter("Recorded trace", &["trace"]);

impl Jobs {
    pub fn new(ctx: egui::Context) -> Self {
        let (send, receive) = channel();
        Self { ctx, send, receive }
    }

    /// The context that results wake.
    pub fn ctx(&self) -> &egui::Context {
        &self.ctx
    }

    /// The next result, if there is one.
    pub fn poll(&self) -> Option<Done> {
        self.receive.try_recv().ok()
    }

    /// Runs a job on a thread of its own; on the web, which has none, at once.
    pub fn run(&self, job: impl FnOnce() -> Option<Done> + Send + 'static) {
        let (send, ctx) = (self.send.clone(), self.ctx.clone());
        let work = move || {
            if let Some(done) = job() {
                // The window may be gone; then nobody waits.
                let _ = send.send(done);
                ctx.request_repaint();
            }
        };
        #[cfg(target_arch = "wasm32")]
        work();
        #[cfg(not(target_arch = "wasm32"))]
        if std::thread::Builder::new().name("loopscope-job".into()).spawn(work).is_err() {
            let _ = self.send.send(Done::Failed("The system has no thread to spare for this.".into()));
        }
    }

    /// Asks for a file to open.
    pub fn open(&self, title: &'static str, filter: Filter, then: impl FnOnce(PathBuf) -> Done + Send + 'static) {
        self.run(move || dialog(title, Some(&filter)).pick_file().map(then));
    }

    /// Asks for a folder.
    pub fn folder(&self, title: &'static str, then: impl FnOnce(PathBuf) -> Done + Send + 'static) {
        self.run(move || dialog(title, None).pick_folder().map(then));
    }

    /// Asks where to, then writes. The content is made on the thread as well.
    pub fn save(
        &self,
        title: &'static str,
        name: String,
        filter: Filter,
        content: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
    ) {
        self.run(move || {
            let path = dialog(title, Some(&filter)).set_file_name(name).save_file()?;
            Some(match content().and_then(|bytes| write(&path, &bytes)) {
                Ok(()) => Done::Saved(path),
                Err(why) => Done::Failed(why),
            })
        });
    }
}

fn dialog(title: &str, filter: Option<&Filter>) -> rfd::FileDialog {
    let dialog = rfd::FileDialog::new().set_title(title);
    match filter {
        Some(Filter(name, extensions)) => dialog.add_filter(*name, extensions),
        None => dialog,
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

/// Reads a recording.
pub(super) fn read_trace(path: PathBuf) -> Done {
    let read = std::fs::read(&path).map_err(|e| e.to_string());
    match read.and_then(|bytes| Trace::from_bytes(&bytes).map_err(|e| e.to_string())) {
        Ok(trace) => Done::Trace(Box::new(trace)),
        Err(why) => Done::Failed(format!("{} cannot be opened: {why}", path.display())),
    }
}

/// Tells by its name and content what a dropped file is.
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
    let as_trace = Trace::from_bytes(&bytes);
    if let Ok(trace) = as_trace {
        return Done::Trace(Box::new(trace));
    }
    if extension == "trace" {
        return Done::Failed(format!(
            "{name} cannot be opened: {}",
            as_trace.err().map(|e| e.to_string()).unwrap_or_default()
        ));
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
            #[cfg(not(target_arch = "wasm32"))]
            self.jobs.run(move || {
                let path = file.path().to_owned();
                Some(sort_out(&path, || file.bytes()))
            });
            #[cfg(target_arch = "wasm32")]
            {
                let _ = file;
            }
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
        assert!(matches!(sort_out(Path::new("p.png"), || Ok(vec![0xFF, 0xFE, 0x00])), Done::Failed(_)));
        assert!(matches!(sort_out(Path::new("p.txt"), || Err("gone".into())), Done::Failed(_)));
    }
}
