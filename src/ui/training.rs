//! The training transport: what is trained, how far it is, and its curves.

use std::path::PathBuf;

use eframe::egui::{Button, ComboBox, RichText, Ui};

use super::Action;
use super::app::Lab;
use super::explain::{Explained as _, Figure};
#[cfg(not(target_family = "wasm"))]
use super::files::Done;
use super::icons::{self, Icon};
use super::theme::Palette;
use super::words::{clock, count, figure, thousands};
use crate::config::{NetworkKind, RunConfig, preset, preset_names, preset_note};
use crate::engine::protocol::{Command, Kernels, TrainingState};
use crate::trace::{ProbeReport, RoutingAlarm, Step, StepMetrics};

/// Seconds between two looks at the board while the weights change.
const LOOK_EVERY: f64 = 0.5;
/// Seconds to wait after a look that failed.
const LOOK_AFTER_FAILURE: f64 = 3.0;

/// A training, prepared or not.
#[derive(Default)]
pub(super) struct Training {
    pub chosen: usize,
    /// Of the next training; none takes the preset's.
    pub seed: Option<u64>,
    /// Where the training under way is written.
    pub run: Option<PathBuf>,
    /// The most boards that go through at once, once memory ran out.
    pub micro_batch: Option<usize>,
    /// Boards that go through at once, of how many.
    pub at_once: Option<(usize, usize)>,
    folder: Option<PathBuf>,
    resume: bool,
    /// Sent, no answer yet.
    preparing: bool,
    /// Whether what was sent goes on with a run.
    resuming: bool,
    /// What to do once it is prepared: Start with this many steps.
    first: Option<Option<u32>>,
    /// As it is trained.
    pub config: Option<RunConfig>,
    pub state: Option<TrainingState>,
    pub step: Step,
    pub history: Vec<StepMetrics>,
    pub probes: Vec<ProbeReport>,
    notes: Vec<String>,
    saved: Option<(Step, PathBuf)>,
    looked_at: f64,
    looked_step: Option<Step>,
}

impl Training {
    /// Whether there are weights in training.
    pub fn exists(&self) -> bool {
        self.config.is_some()
    }

    /// Whether heads are weighed in it.
    pub fn routes(&self) -> bool {
        self.config.as_ref().is_some_and(|c| c.model.network == NetworkKind::Poh && c.model.poh.routes())
    }

    /// What is wrong with its router, if something is.
    pub fn alarm(&self) -> Option<RoutingAlarm> {
        self.history.last()?.routing.as_ref()?.alarm()
    }

    /// Whether steps are taken, or will be once it is ready.
    pub fn running(&self) -> bool {
        matches!(self.state, Some(TrainingState::Running))
    }

    /// Whether it was asked for and is not there yet.
    pub fn is_preparing(&self) -> bool {
        self.preparing
    }

    /// Whether it will run as soon as it is there.
    pub fn starts(&self) -> bool {
        self.first == Some(None)
    }

    /// Whether the one that was asked for goes on with a run.
    pub fn resumes(&self) -> bool {
        self.resuming
    }

    /// Seconds until the board should be looked at again; nothing while the weights stand.
    pub fn ask_again_in(&self, now: f64) -> Option<f64> {
        (self.exists() && self.looked_step != Some(self.step)).then_some(self.looked_at + LOOK_EVERY - now)
    }

    /// The board was put to some weights.
    pub fn asked(&mut self, now: f64) {
        self.looked_at = now;
        self.looked_step = Some(self.step);
    }

    /// A look failed: not again at once.
    pub fn think_failed(&mut self, now: f64) {
        self.looked_at = now + LOOK_AFTER_FAILURE;
    }

    /// Where the run is written, if anywhere.
    pub fn set_folder(&mut self, folder: Option<PathBuf>, resume: bool) {
        self.folder = folder;
        self.resume = resume;
    }

    /// It is ready. Returns what to start with, if a start was asked for.
    pub fn prepared(
        &mut self,
        config: RunConfig,
        step: Step,
        history: Vec<StepMetrics>,
        probes: Vec<ProbeReport>,
        notes: Vec<String>,
    ) -> Option<Option<u32>> {
        self.preparing = false;
        self.config = Some(config);
        self.state = Some(TrainingState::Paused);
        self.step = step;
        self.history = history;
        self.probes = probes;
        self.notes = notes;
        self.looked_step = None;
        self.first.take()
    }

    pub fn hear(&mut self, state: TrainingState, step: Step) {
        self.state = Some(state);
        self.step = step;
    }

    pub fn metrics(&mut self, metrics: StepMetrics) {
        self.step = self.step.max(metrics.step);
        // A resume goes back to its checkpoint; what was measured after it is measured again.
        self.history.retain(|m| m.step < metrics.step);
        self.history.push(metrics);
    }

    pub fn probed(&mut self, report: ProbeReport) {
        self.probes.retain(|p| p.step < report.step);
        self.probes.push(report);
    }

    pub fn saved(&mut self, step: Step, path: PathBuf) {
        self.saved = Some((step, path));
    }

    /// A command of the training failed.
    pub fn failed(&mut self) {
        if self.preparing {
            self.preparing = false;
            self.first = None;
        }
    }

    pub fn discard(&mut self) {
        *self = Self {
            chosen: self.chosen,
            seed: self.seed,
            micro_batch: self.micro_batch,
            at_once: self.at_once,
            folder: self.folder.take(),
            ..Self::default()
        };
    }

    /// The state in words.
    fn words(&self) -> String {
        match &self.state {
            Some(TrainingState::Preparing { done, of }) => {
                format!("making puzzles, {} of {}", thousands(*done as u64), thousands(*of as u64))
            }
            _ if self.preparing => "getting ready".into(),
            None => "nothing in training".into(),
            Some(TrainingState::Paused) if self.step.0 == 0 => "ready".into(),
            Some(TrainingState::Paused) => "paused".into(),
            Some(TrainingState::Running) => "training".into(),
            Some(TrainingState::Finished) => "finished".into(),
            Some(TrainingState::Stopped(why)) => format!("stopped: {why}"),
        }
    }

    /// Seconds to the recipe's end, from the last reading.
    fn to_go(&self) -> Option<f64> {
        let (config, last) = (self.config.as_ref()?, self.history.last()?);
        let left = f64::from(config.recipe.steps.saturating_sub(self.step.0));
        (last.boards_per_second > 0.0).then(|| left * config.recipe.batch as f64 / f64::from(last.boards_per_second))
    }
}

impl Lab {
    /// Asks the engine to get a training ready; then starts it, if `first` says so.
    pub(super) fn train_prepare(&mut self, first: Option<Option<u32>>) {
        let name = preset_names().get(self.training.chosen).copied().unwrap_or("sudoku4");
        match preset(name) {
            Ok(mut config) => {
                self.training.preparing = true;
                config.seed = self.training.seed.unwrap_or(config.seed);
                if let Some(runs) = self.runs.folder().filter(|_| !self.training.resume) {
                    self.training.folder = Some(runs.join(super::runs::fresh_name(&config)));
                }
                self.view.plots = super::view::PlotPage::Training;
                self.training.first = first;
                let (folder, resume) = (self.training.folder.clone(), self.training.resume);
                self.training.resuming = resume;
                // Known at once, so that a page that is loaded again before the answer goes on with it.
                self.training.run.clone_from(&folder);
                self.link.send(Command::Prepare {
                    config: Box::new(config),
                    folder,
                    resume,
                    kernels: Kernels::default(),
                });
            }
            Err(e) => self.toasts.error(e.to_string(), self.now),
        }
    }

    /// Starts, preparing first where nothing is prepared.
    pub(super) fn train_start(&mut self, steps: Option<u32>) {
        self.training_starts();
        if self.training.preparing {
            self.training.first = Some(steps);
        } else if self.training.exists() {
            self.link.send(Command::Start { steps });
        } else {
            self.train_prepare(Some(steps));
        }
    }

    /// The one button.
    pub(super) fn train_start_or_pause(&mut self) {
        if self.training.running() { self.link.send(Command::Pause) } else { self.train_start(None) }
    }

    /// The row of the training.
    pub(super) fn training_panel(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Train").strong());
            self.preset_choice(ui);
            self.seed_choice(ui);
            if self.runs.folder().is_some() {
                self.runs_button(ui);
            } else {
                self.folder_choice(ui);
            }
            let running = self.training.running();
            let finished = matches!(self.training.state, Some(TrainingState::Finished));
            let text = if running {
                "Pause"
            } else if self.training.step.0 > 0 {
                "Go on"
            } else {
                "Start"
            };
            let button = Button::new(RichText::new(text).strong()).min_size([64.0, 28.0].into());
            if ui.add_enabled(!finished, button).on_hover_text(Action::TrainStart.tooltip(ui.ctx())).clicked() {
                self.act(Action::TrainStart, ui.ctx());
            }
            for (icon, on, action) in [
                (Icon::Forward, !running && !finished, Action::TrainStep),
                (Icon::Reset, self.training.exists() || self.training.preparing, Action::TrainReset),
            ] {
                if icons::toggle(ui, icon, false, on, action.text(), &action.tooltip(ui.ctx())).clicked() {
                    self.act(action, ui.ctx());
                }
            }
            let color = if matches!(self.training.state, Some(TrainingState::Stopped(_))) { p.wrong } else { p.weak };
            ui.label(RichText::new(self.training.words()).color(color)).on_hover_text(self.training_story());
            self.numbers(ui);
            if !self.training.exists() && !self.training.is_preparing() && self.recording().is_none() {
                self.open_training_button(ui, "or replay a recorded one");
            }
        });
    }

    fn preset_choice(&mut self, ui: &mut Ui) {
        let names = preset_names();
        let shown = self.training.config.as_ref().map_or_else(
            || names.get(self.training.chosen).copied().unwrap_or_default().to_owned(),
            |c| c.name.clone(),
        );
        let before = self.recipe_now();
        ui.add_enabled_ui(!self.training.exists() && !self.training.preparing, |ui| {
            ComboBox::new("preset", "")
                .selected_text(shown)
                .width(96.0)
                .show_ui(ui, |ui| {
                    for (i, name) in names.iter().enumerate() {
                        let entry = ui.selectable_value(&mut self.training.chosen, i, *name);
                        if let Some(note) = preset_note(name) {
                            entry.on_hover_text(note);
                        }
                    }
                })
                .response
                .on_hover_text("What is trained: network, recipe and puzzles.")
                .on_disabled_hover_text("Throw the training away to choose another one.")
                .accessible_name("preset");
        });
        if before != self.recipe_now() {
            self.undo.note(before);
        }
    }

    fn seed_choice(&mut self, ui: &mut Ui) {
        let before = self.recipe_now();
        let t = &mut self.training;
        let free = t.config.is_none() && !t.preparing;
        let mut seed = t.config.as_ref().map_or(t.seed.unwrap_or(1), |c| c.seed);
        let label = ui.label(RichText::new("seed").small());
        let field = ui
            .add_enabled(free, eframe::egui::DragValue::new(&mut seed).speed(0.05).range(0..=i64::MAX as u64))
            .on_hover_text("The one seed behind first weights, puzzles, symmetries and dropout. The same seed trains the same model.")
            .on_disabled_hover_text("Throw the training away to choose another seed.")
            .labelled_by(label.id);
        if field.changed() {
            t.seed = Some(seed);
            self.undo.note_drag(before);
        }
    }

    #[cfg(target_family = "wasm")]
    fn folder_choice(&mut self, ui: &mut Ui) {
        ui.label(RichText::new("in memory").weak())
            .on_hover_text("This browser gives the page no storage, so the training is lost with the page.");
    }

    #[cfg(not(target_family = "wasm"))]
    fn folder_choice(&mut self, ui: &mut Ui) {
        let text = match &self.training.folder {
            Some(f) => f.file_name().map_or_else(|| f.display().to_string(), |n| n.to_string_lossy().into_owned()),
            None => "in memory".into(),
        };
        let response = ui.menu_button(text, |ui| {
            // Where a training that exists is kept was settled when it was prepared.
            let free = !self.training.exists() && !self.training.preparing;
            if ui.add_enabled(free, Button::new("in memory only")).clicked() {
                self.training.set_folder(None, false);
                ui.close();
            }
            if ui
                .add_enabled(free, Button::new("write a run folder…"))
                .on_disabled_hover_text("Throw the training away to choose another place for it.")
                .on_hover_text("Configuration, curves and checkpoints go into an empty folder.")
                .clicked()
            {
                self.jobs.folder("An empty folder for the run", |path| Done::RunFolder { path, resume: false });
                ui.close();
            }
            if ui.button("go on with a run…").on_hover_text("Resumes at the last checkpoint of a run folder.").clicked()
            {
                self.jobs.folder("A run folder to go on with", |path| Done::RunFolder { path, resume: true });
                ui.close();
            }
        });
        let hover = match &self.training.folder {
            Some(f) => format!("The run is written to {}.", f.display()),
            None => "The run is kept in memory only. Choose a folder to keep it, or to go on with one.".into(),
        };
        response.response.on_hover_text(hover).accessible_name("run folder");
    }

    fn numbers(&self, ui: &mut Ui) {
        let t = &self.training;
        let Some(config) = &t.config else {
            if !t.preparing {
                let usual = "Press Start: a 4×4 model learns within a minute or two.";
                let chosen = preset_names().get(t.chosen).copied().filter(|_| t.chosen > 0);
                ui.label(RichText::new(chosen.and_then(preset_note).unwrap_or_else(|| usual.into())).weak());
            }
            return;
        };
        let steps = format!("step {} of {}", thousands(u64::from(t.step.0)), thousands(u64::from(config.recipe.steps)));
        ui.label(RichText::new(steps).strong()).explained(Figure::Step);
        let Some(m) = t.history.last() else { return };
        ui.separator();
        ui.label(format!("{} boards/s", figure(f64::from(m.boards_per_second)))).explained(Figure::BoardsPerSecond);
        ui.label(format!("loss {}", figure(f64::from(m.loss)))).explained(Figure::Loss);
        if let Some(share) = m.solved_by_iteration.last() {
            ui.label(format!("solved {:.0} %", share * 100.0)).explained(Figure::SolvedBatch);
        }
        ui.label(format!("learning rate {}", figure(m.learning_rate))).explained(Figure::LearningRate);
        if let Some(alarm) = t.alarm() {
            ui.label(RichText::new(alarm.to_string()).color(Palette::of(ui).wrong)).explained(Figure::RoutingAlarm);
        }
        if let Some(left) = t.to_go().filter(|_| t.running()) {
            ui.label(format!("{} to go", clock(left))).explained(Figure::ToGo);
        }
    }

    /// What hover tells of the training.
    fn training_story(&self) -> String {
        let t = &self.training;
        let mut lines = t.notes.clone();
        if let Some((step, path)) = &t.saved {
            lines.push(format!("Last checkpoint: step {}, {}.", thousands(u64::from(step.0)), path.display()));
        }
        if let Some(p) = t.probes.last() {
            let solved = p.share(p.trained_iterations).unwrap_or(0.0);
            lines.push(format!(
                "Last probe, step {}: {:.0} % of {} solved after the trained {} iterations.",
                thousands(u64::from(p.step.0)),
                solved * 100.0,
                count(p.boards as usize, "unseen board", "unseen boards"),
                p.trained_iterations
            ));
        }
        if lines.is_empty() {
            lines.push("Where the training stands.".into());
        }
        lines.join("\n")
    }
}
