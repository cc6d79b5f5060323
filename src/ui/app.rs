//! The window's state and its layout.

use eframe::egui::{self, Align, Layout, Panel, RichText, Ui};

use super::asks::Asks;
use super::assets::Assets;
use super::compare::Comparing;
use super::disturbing::Disturbing;
use super::dock::Dock;
use super::files::Jobs;
use super::icons::{self, Icon};
use super::links::{self, First, Wanted};
use super::looking::Looking;
use super::measuring::Measuring;
use super::model::ModelState;
use super::palette::Finder;
use super::puzzle::PuzzleState;
use super::runs::Runs;
use super::shots::Shooting;
use super::steps::Steps;
use super::theme::{self, Palette, mix};
use super::toast::Toasts;
use super::training::Training;
use super::undo::Undo;
use super::view::View;
use super::way::Way;
use super::{Action, LabOptions, ShippedModel};
use crate::config::{Interventions, Link};
use crate::engine::protocol::{DeviceInfo, EngineLink, ModelSource, SelfTest};
use crate::tasks::sudoku::{Grid, Puzzle, Shape};

/// Narrower than this, the panels become pages.
pub(super) const NARROW: f32 = 720.0;
/// The most iterations that can be asked for.
pub(super) const MOST_ITERATIONS: u32 = 1024;

/// Where the engine stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Engine {
    /// It is on its way; in a browser it must be loaded first, 0 to 1.
    Loading(f32),
    /// Natively it starts at once.
    #[default]
    Starting,
    /// It has a device.
    Ready,
    /// A new one takes the place of one that was lost.
    Restarting,
    /// There is none and none will come.
    Gone,
}

/// The window: everything it shows, and its way to the engine.
pub struct Lab {
    pub(super) link: Way,
    pub(super) view: View,
    /// The panels of the wide window.
    pub(super) dock: Dock,
    /// The command palette.
    pub(super) finder: Finder,
    pub(super) undo: Undo,
    pub(super) looking: Looking,
    pub(super) asks: Asks,
    pub(super) device: Option<Result<DeviceInfo, String>>,
    pub(super) shipped: Vec<ShippedModel>,
    /// Files of the shipped models.
    pub(super) assets: Assets,
    /// The shipped model whose recording is on its way and will be shown.
    pub(super) awaited: Option<String>,
    pub(super) model: ModelState,
    pub(super) puzzle: PuzzleState,
    pub(super) training: Training,
    pub(super) steps: Steps,
    pub(super) measuring: Measuring,
    /// The model beside the one in view.
    pub(super) comparing: Comparing,
    pub(super) disturbing: Disturbing,
    pub(super) toasts: Toasts,
    pub(super) jobs: Jobs,
    /// Iterations to run.
    pub(super) iterations: u32,
    pub(super) interventions: Interventions,
    pub(super) shooting: Option<Shooting>,
    pub(super) engine: Engine,
    pub(super) runs: Runs,
    /// The model that the window opens on when nothing is said.
    pub(super) home: Option<String>,
    /// What a link asked for that has to wait for frames.
    pub(super) wanted: Wanted,
    /// The link that the window was opened with, until what outlives the window was read.
    opened_with: Option<Link>,
    /// The address of the page; none in a window of its own.
    pub(super) address: Option<String>,
    pub(super) self_test: Option<SelfTest>,
    /// What a developer's bench found: milliseconds of an iteration.
    pub(super) benched: Option<(Vec<f64>, f64)>,
    /// Frames drawn.
    pub(super) drawn: u64,
    /// Where the timeline is, in points.
    pub(super) timeline_rect: egui::Rect,
    /// Seconds since the window opened, as egui counts them.
    pub(super) now: f64,
    last_played: f64,
}

impl Lab {
    /// A window on the opening trace; asks the engine for the model at once.
    pub fn new(ctx: &egui::Context, link: Box<dyn EngineLink>, options: LabOptions) -> Self {
        theme::install(ctx);
        let LabOptions {
            opening,
            home,
            recording,
            recorded_run,
            shipped,
            shelf,
            open,
            puzzle,
            link: wish,
            runs,
            resume,
            address,
            shots,
        } = options;
        let home = home.or_else(|| opening.as_ref().map(|t| t.model.clone()));
        let First { opening, recorded, open, puzzle } =
            links::first(&shipped, home.as_deref(), wish.as_ref(), opening, open, puzzle);
        let shape = match (&opening, &puzzle) {
            (Some(trace), _) => trace.shape(),
            (None, Some(puzzle)) if recorded.is_none() => puzzle.shape(),
            _ => {
                let model = shipped.iter().find(|s| recorded.as_ref() == Some(&s.name)).or(shipped.first());
                model.map_or(Shape::S4, |s| s.card.config.shape())
            }
        };
        let open = open.or_else(|| recorded.clone().map(ModelSource::Shipped)).or_else(|| {
            let by_name = shipped.iter().find(|s| opening.as_ref().is_some_and(|t| t.model == s.name));
            let by_shape = shipped.iter().find(|s| s.card.config.shape() == shape);
            by_name.or(by_shape).or(shipped.first()).map(|s| ModelSource::Shipped(s.name.clone()))
        });
        let looking = match opening {
            Some(trace) => Looking::new(trace, true),
            None => Looking::blank(Puzzle::unchecked(Grid::empty(shape)), 16),
        };
        let iterations = looking.trace.trained_iterations.max(looking.last()).clamp(1, MOST_ITERATIONS);
        let assets = Assets::new(shelf, ctx.clone());
        let cards = shipped.iter().map(|s| (s.name.clone(), s.card.clone())).collect();
        let link = Way::new(link, assets.clone(), cards);
        let mut lab = Self {
            link,
            view: View::on(shape.cells() / 2),
            dock: Dock::default(),
            finder: Finder::default(),
            undo: Undo::default(),
            looking,
            asks: Asks::default(),
            device: None,
            shipped,
            assets,
            awaited: None,
            model: ModelState::default(),
            puzzle: PuzzleState::default(),
            training: Training::default(),
            steps: Steps::default(),
            measuring: Measuring::default(),
            comparing: Comparing::default(),
            disturbing: Disturbing::default(),
            toasts: Toasts::default(),
            jobs: Jobs::new(ctx.clone()),
            iterations,
            interventions: Interventions::default(),
            shooting: shots.map(Shooting::new),
            engine: Engine::default(),
            runs: Runs::in_folder(runs),
            home,
            wanted: Wanted::default(),
            opened_with: None,
            address,
            self_test: None,
            benched: None,
            drawn: 0,
            timeline_rect: egui::Rect::NOTHING,
            now: 0.0,
            last_played: 0.0,
        };
        if let Some(name) = recorded {
            lab.begin_with(&name, puzzle);
        } else if let Some(puzzle) = puzzle {
            lab.replace_puzzle(puzzle);
        } else {
            lab.check_puzzle();
        }
        if let Some(source) = open {
            lab.open_model(source);
        }
        if let Some(recording) = recorded_run {
            lab.keep_recording(recording);
        }
        if let Some(recording) = recording {
            lab.view.plots = super::view::PlotPage::Training;
            lab.open_recording(recording);
        }
        if let Some(wish) = wish {
            lab.look_as(&wish);
            lab.opened_with = Some(wish);
        }
        if let Some((folder, running)) = resume {
            lab.go_on_with(folder, running);
        }
        lab
    }

    /// Reads what outlives the window. The link that it was opened with has the last word.
    pub fn restore(&mut self, storage: &dyn eframe::Storage, ctx: &egui::Context) {
        self.view.restore(storage, ctx);
        if !self.dock.restore(storage) {
            let text = "The arrangement of the panels that was kept cannot be read; they are where they usually are. Nothing else is lost.";
            self.toasts.info(text.into(), self.now);
        }
        if let Some(link) = self.opened_with.take() {
            self.colour_as(&link);
        }
    }

    /// The iterations that the weights in view were trained with.
    pub(super) fn trained(&self) -> u32 {
        if self.looking.last() > 0 { self.looking.trace.trained_iterations } else { self.subject_trained() }.max(1)
    }

    /// Moves the cursor; beyond what was recorded the engine is asked for more.
    pub(super) fn go_to(&mut self, iteration: u32) {
        // The weights of a recorded step are gone: it cannot be run further.
        let most = if self.step_shown().is_some() { self.looking.last() } else { MOST_ITERATIONS };
        let iteration = iteration.min(most);
        self.view.follow = false;
        if iteration <= self.looking.last() {
            self.asks.reach = None;
            self.view.set_cursor(iteration);
        } else {
            self.view.set_cursor(self.looking.last());
            self.reach_for(iteration);
        }
    }

    fn header(&mut self, ui: &mut Ui, narrow: bool) {
        ui.horizontal(|ui| {
            self.menu(ui);
            ui.heading("Loopscope");
            if !narrow {
                self.panes_menu(ui);
                let what = if self.looking.recorded { "a recorded pass" } else { "a live pass" };
                let model = &self.looking.trace.model;
                let of = if model.is_empty() { String::new() } else { format!("{what} of {model}") };
                ui.label(RichText::new(of).weak()).on_hover_text(
                    "Where the iterations on screen come from: a recording, or the engine as it computes.",
                );
                // In a small window the menu has them.
                if ui.ctx().content_rect().width() > 1000.0 {
                    self.trace_buttons(ui);
                }
                self.subject_switch(ui);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if icons::button(
                    ui,
                    Icon::Theme,
                    "light or dark",
                    "Light or dark. Follows the system until you choose.",
                )
                .clicked()
                {
                    self.act(Action::ToggleTheme, ui.ctx());
                }
                let hover = Action::Palette.tooltip(ui.ctx());
                if icons::button(ui, Icon::Search, Action::Palette.text(), &hover).clicked() {
                    self.act(Action::Palette, ui.ctx());
                }
                if !narrow && ui.button("Copy link").on_hover_text(Action::CopyLink.tooltip(ui.ctx())).clicked() {
                    self.act(Action::CopyLink, ui.ctx());
                }
                self.toasts.log_button(ui, &mut self.view.log);
                let p = Palette::of(ui);
                let (text, color, hover) = match &self.device {
                    None => (self.engine.words(), p.weak, "The recording plays without any device.".to_owned()),
                    Some(Ok(d)) => {
                        let kind = if d.software {
                            "software"
                        } else if d.gpu {
                            "GPU"
                        } else {
                            "CPU"
                        };
                        let text = if d.name.to_uppercase().contains("CPU") {
                            d.name.clone()
                        } else {
                            format!("{kind}: {}", d.name)
                        };
                        (text, p.weak, d.reason.clone())
                    }
                    Some(Err(why)) => ("no device".to_owned(), p.wrong, format!("{why} Recordings still play.")),
                };
                ui.add(egui::Label::new(RichText::new(text).color(color)).truncate()).on_hover_text(hover);
            });
        });
    }

    fn wide(&mut self, ui: &mut Ui) {
        let frame = egui::Frame::side_top_panel(ui.style()).inner_margin(8);
        Panel::top("header").frame(frame).show(ui, |ui| self.header(ui, false));
        Panel::top("training").frame(frame).show(ui, |ui| self.training_panel(ui));
        Panel::bottom("iterations").frame(frame).show(ui, |ui| {
            self.transport(ui, false);
            self.timeline(ui);
            self.steps_row(ui, false);
        });
        let ground = mix(Palette::of(ui).panel, Palette::of(ui).ink, 0.06);
        egui::CentralPanel::default().frame(egui::Frame::NONE.fill(ground)).show(ui, |ui| self.docked(ui));
    }
}

impl Engine {
    /// In a few words.
    fn words(self) -> String {
        match self {
            Self::Loading(share) => format!("loading the engine, {:.0} %", share * 100.0),
            Self::Restarting => "starting the engine again".into(),
            _ => "starting the device".into(),
        }
    }
}

impl eframe::App for Lab {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.now = ctx.input(|i| i.time);
        self.drawn += 1;
        self.pump(ctx);
        let elapsed = (self.now - self.last_played).max(0.0);
        self.last_played = self.now;
        let (last, axis) = (self.looking.last(), self.axis());
        if let Some(wait) = self.view.play(elapsed, last, axis, self.asks.is_thinking()) {
            ctx.request_repaint_after_secs(wait as f32);
        }
        self.shoot(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.keys(ui.ctx());
        self.take_drops(ui.ctx());
        if ui.available_width() < NARROW {
            self.narrow(ui);
        } else {
            self.wide(ui);
        }
        self.help_window(ui.ctx());
        self.palette_window(ui.ctx());
        self.runs_window(ui.ctx());
        self.toasts.show(ui.ctx(), self.now, &mut self.view.log);
        self.drop_hint(ui);
        self.ask_attention();
        if self.view.settle_hover() {
            ui.ctx().request_repaint();
        }
        if !ui.input(|i| i.pointer.any_down()) {
            self.undo.let_go();
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let theme = self.jobs.ctx().options(|o| o.theme_preference);
        self.view.save(storage, theme);
        self.dock.save(storage);
    }

    fn persist_egui_memory(&self) -> bool {
        // egui's own memory breaks between versions; the few keys above do not.
        false
    }
}

impl Lab {
    /// The header of the narrow window.
    pub(super) fn narrow_header(&mut self, ui: &mut Ui) {
        self.header(ui, true);
    }
}
