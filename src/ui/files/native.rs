//! Jobs on threads of their own, and the system's dialogs and files.

use std::path::{Path, PathBuf};

use eframe::egui;

use super::{Done, Filter, Jobs, sort_out};

impl Jobs {
    /// Runs a job on a thread of its own; in a browser, which has none, at once.
    pub fn run(&self, job: impl FnOnce() -> Option<Done> + Send + 'static) {
        let answer = self.answer.clone();
        let work = move || {
            if let Some(done) = job() {
                answer.tell(done);
            }
        };
        if std::thread::Builder::new().name("loopscope-job".into()).spawn(work).is_err() {
            self.answer.tell(Done::Failed("The system has no thread to spare for this.".into()));
        }
    }

    /// Asks for a file to open, and tells what it is.
    pub fn open(&self, title: &'static str, filter: Filter) {
        self.run(move || {
            let path = dialog(title, Some(&filter)).pick_file()?;
            Some(sort_out(&path, || std::fs::read(&path).map_err(|e| e.to_string())))
        });
    }

    /// Asks for a file to compare with, and tells what it is.
    pub fn open_other(&self, title: &'static str, filter: Filter) {
        self.run(move || {
            let path = dialog(title, Some(&filter)).pick_file()?;
            let done = sort_out(&path, || std::fs::read(&path).map_err(|e| e.to_string()));
            Some(Done::Other(Box::new(done)))
        });
    }

    /// Asks for a folder. A page has none to ask for.
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

    /// Saves a figure as PNG, at twice its size for print.
    #[cfg(feature = "png")]
    pub fn save_png(
        &self,
        title: &'static str,
        name: String,
        svg: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) {
        self.save(title, name, Filter("Figure (PNG)", &["png"]), move || {
            crate::report::png(&svg()?, 2.0).map_err(|e| e.to_string())
        });
    }

    /// Reads a file that was dropped, and tells what it is.
    pub fn take(&self, file: egui::DroppedFileHandle) {
        self.run(move || Some(sort_out(file.path(), || file.bytes())));
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
