//! The runs that a browser keeps: list, go on, save as a file, delete.

use std::path::{Path, PathBuf};

use eframe::egui::{self, Grid, RichText, Ui};
use serde_json::{Value, json};

use super::Action;
use super::app::Lab;
use super::words::thousands;
use crate::config::RunConfig;
use crate::engine::protocol::{Command, RunSummary};

/// The list of runs.
#[derive(Default)]
pub(super) struct Runs {
    /// The folder that holds them; none where the user chooses a folder for each.
    folder: Option<PathBuf>,
    shown: bool,
    list: Option<Vec<RunSummary>>,
    quota: Option<(u64, u64)>,
    /// The run that a second click deletes.
    doomed: Option<PathBuf>,
}

impl Runs {
    pub fn in_folder(folder: Option<PathBuf>) -> Self {
        Self { folder, ..Self::default() }
    }

    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    pub fn listed(&mut self, list: Vec<RunSummary>, quota: Option<(u64, u64)>) {
        self.list = Some(list);
        self.quota = quota;
        self.doomed = None;
    }
}

/// A name that no other run has: with the second it was begun.
pub(super) fn fresh_name(config: &RunConfig) -> String {
    #[cfg(target_family = "wasm")]
    let stamp = String::from(js_sys::Date::new_0().to_iso_string());
    #[cfg(not(target_family = "wasm"))]
    let stamp = {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |d| d.as_millis()).to_string()
    };
    let stamp: String = stamp.chars().filter(char::is_ascii_digit).collect();
    let name: String = config.name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    format!("{name}-seed{}-{stamp}", config.seed)
}

/// Bytes in words.
fn size(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    if mb >= 1000.0 { format!("{:.1} GB", mb / 1000.0) } else { format!("{mb:.1} MB") }
}

/// What a row of the list asks for.
enum Wish {
    GoOn(PathBuf),
    Save(PathBuf),
    Delete(PathBuf),
}

impl Lab {
    pub(super) fn open_runs(&mut self) {
        let Some(folder) = self.runs.folder.clone() else {
            self.toasts
                .info("Runs are kept in folders of your choice: see the menu beside the preset.".into(), self.now);
            return;
        };
        self.runs.shown = !self.runs.shown;
        if self.runs.shown {
            self.runs.doomed = None;
            let request = self.asks.id();
            self.link.send(Command::ListRuns { request, folder });
        }
    }

    pub(super) fn runs_button(&mut self, ui: &mut Ui) {
        let hover = match &self.training.run {
            Some(run) => format!("{} {}", Action::Runs.tooltip(ui.ctx()), kept(run)),
            None => Action::Runs.tooltip(ui.ctx()),
        };
        if ui.button("runs…").on_hover_text(hover).clicked() {
            self.act(Action::Runs, ui.ctx());
        }
    }

    /// Goes on with a run at its last checkpoint.
    pub(super) fn go_on_with(&mut self, folder: PathBuf, running: bool) {
        self.training.discard();
        self.training.set_folder(Some(folder.clone()), true);
        self.training.run = Some(folder);
        self.train_prepare(running.then_some(None));
        // The next training is a new run again.
        self.training.set_folder(None, false);
    }

    pub(super) fn runs_window(&mut self, ctx: &egui::Context) {
        let mut open = self.runs.shown;
        if !open {
            return;
        }
        let mut wish = None;
        let narrow = ctx.content_rect().width() < super::app::NARROW;
        let width = (ctx.content_rect().width() - 32.0).min(640.0);
        let window = egui::Window::new("Runs").open(&mut open).default_width(width).vscroll(true).collapsible(false);
        window.anchor(egui::Align2::CENTER_CENTER, [0.0, 0.0]).show(ctx, |ui| {
            ui.set_max_width(width);
            ui.label("Every training is kept in this browser's storage for this page, until you delete it or clear the page's data.");
            match self.runs.quota {
                Some((used, most)) => ui.label(format!("{} used of the {} that the browser allows.", size(used), size(most))),
                None => ui.label(RichText::new("The browser does not tell how much room there is.").weak()),
            };
            match &self.runs.list {
                None => drop(ui.label("Looking for runs.")),
                Some(list) if list.is_empty() => drop(ui.label("There is no run yet. Press Start to train one.")),
                Some(list) => drop(Grid::new("runs").num_columns(if narrow { 1 } else { 4 }).striped(true).show(ui, |ui| {
                    for run in list {
                        self.run_row(ui, run, narrow, &mut wish);
                        ui.end_row();
                    }
                })),
            }
        });
        self.runs.shown = open;
        if let Some(wish) = wish {
            self.grant(wish);
        }
    }

    fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::GoOn(folder) => {
                self.link.send(Command::Pause);
                self.go_on_with(folder, false);
                self.runs.shown = false;
            }
            Wish::Save(folder) => {
                let request = self.asks.id();
                self.link.send(Command::PackRun { request, folder });
            }
            Wish::Delete(folder) if self.runs.doomed.as_ref() == Some(&folder) => {
                let request = self.asks.id();
                self.link.send(Command::DeleteRun { request, folder });
            }
            Wish::Delete(folder) => self.runs.doomed = Some(folder),
        }
    }

    fn run_row(&self, ui: &mut Ui, run: &RunSummary, narrow: bool, wish: &mut Option<Wish>) {
        let here = self.training.run.as_ref() == Some(&run.folder) && self.training.exists();
        let doomed = self.runs.doomed.as_ref() == Some(&run.folder);
        ui.vertical(|ui| {
            if !narrow {
                // A column of a grid has no width of its own to wrap words in.
                ui.set_min_width(300.0);
            }
            ui.label(RichText::new(name_of(&run.folder)).strong());
            let step = match (&run.problem, run.step) {
                (Some(problem), _) => problem.clone(),
                (None, None) => "no checkpoint yet".into(),
                (None, Some(step)) => {
                    format!("step {} of {}", thousands(u64::from(step)), thousands(u64::from(run.steps)))
                }
            };
            ui.label(RichText::new(format!("{step}, {}", size(run.bytes))).small().weak());
        });
        let mut buttons = |ui: &mut Ui| {
            let go_on = egui::Button::new(if here { "in training" } else { "Go on" });
            if ui.add_enabled(!here && run.problem.is_none(), go_on).on_hover_text(Action::ResumeRun.hover()).clicked()
            {
                *wish = Some(Wish::GoOn(run.folder.clone()));
            }
            if ui
                .button("Save as a file")
                .on_hover_text("A zip file with the run's folder in it; `loopscope train --resume` goes on with it.")
                .clicked()
            {
                *wish = Some(Wish::Save(run.folder.clone()));
            }
            let delete = egui::Button::new(if doomed { "Delete for good" } else { "Delete" });
            if ui
                .add_enabled(!here, delete)
                .on_disabled_hover_text("It is in training; reset the training first.")
                .clicked()
            {
                *wish = Some(Wish::Delete(run.folder.clone()));
            }
        };
        if narrow {
            ui.end_row();
            ui.horizontal(buttons);
        } else {
            buttons(ui);
        }
    }

    /// The runs that are known, for the state; nothing where they are kept elsewhere or were not asked for.
    pub(super) fn runs_state(&self) -> Option<Value> {
        let list = self.runs.list.as_ref().filter(|_| self.runs.folder.is_some())?;
        Some(
            list.iter()
                .map(|r| json!({"name": name_of(&r.folder), "step": r.step, "bytes": r.bytes, "problem": r.problem}))
                .collect(),
        )
    }

    /// As if a button of the list was pressed; false where there is none.
    pub(super) fn develop_run(&mut self, verb: &str, name: &str) -> bool {
        let Some(folder) = self.runs.folder.as_ref().map(|runs| runs.join(name)) else { return false };
        let wish = match verb {
            "go on with" => Wish::GoOn(folder),
            "save" => Wish::Save(folder),
            "delete" => Wish::Delete(folder),
            _ => return false,
        };
        self.grant(wish);
        true
    }

    /// The run in training and whether it goes on, for a page that is loaded again.
    #[must_use]
    pub fn run_under_way(&self) -> Option<(PathBuf, bool)> {
        let t = &self.training;
        let under_way = t.exists() || t.is_preparing();
        t.run.clone().filter(|_| under_way && self.runs.folder.is_some()).map(|run| (run, t.running() || t.starts()))
    }

    /// Whether there is no engine any more while a run was under way.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.engine == super::app::Engine::Gone && self.training.run.is_some()
    }

    /// Writes a checkpoint now: a hidden page may be closed without another word.
    pub fn keep_training(&mut self) {
        if self.training.running() {
            self.link.send(Command::Checkpoint);
        }
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(|| folder.display().to_string(), |n| n.to_string_lossy().into_owned())
}

fn kept(run: &Path) -> String {
    format!("This one is kept as {}.", name_of(run))
}
