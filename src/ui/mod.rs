//! The window. It knows tasks, traces and the engine's messages; never a tensor.
//!
//! [`Lab`] holds everything shown; each file adds one panel to it. Messages are pumped in
//! `pump.rs`, what is looked at is in `view.rs`, what was read from the trace in `looking.rs`.

mod actions;
mod app;
mod asks;
mod assets;
mod axis;
mod board;
mod cell;
mod clocks;
mod commands;
mod compare;
mod disturbing;
mod dock;
mod explain;
mod files;
mod fuzzy;
mod heat;
mod icons;
mod legend;
mod links;
mod looking;
mod measuring;
mod menus;
mod model;
mod narrow;
mod offers;
mod palette;
mod panes;
mod plots;
mod pump;
mod puzzle;
mod recorded;
mod restart;
mod routing;
mod runs;
mod shots;
mod state;
mod step_map;
mod step_slider;
mod steps;
mod subject;
mod theme;
mod timeline;
mod toast;
mod training;
mod transport;
mod undo;
mod view;
mod way;
mod words;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

#[cfg(not(target_family = "wasm"))]
use eframe::egui;

use crate::config::{Link, ModelCard, NetworkKind, fails_on_purpose, shipped};
#[cfg(not(target_family = "wasm"))]
use crate::engine::protocol::EngineLink;
use crate::engine::protocol::ModelSource;
use crate::tasks::sudoku::Grid;
use crate::trace::{Recording, Trace};

pub use actions::Action;
pub use app::Lab;
pub use assets::{Bytes, Shelf, Take};
pub use shots::{Scene, Shot};

/// Weights that come with the program.
#[derive(Clone, Debug)]
pub struct ShippedModel {
    /// The name that [`ModelSource::Shipped`] takes.
    pub name: String,
    /// For people: "Sudoku 4×4".
    pub title: String,
    /// What the weights say about themselves.
    pub card: ModelCard,
    /// Recorded traces, once they were wanted: they play before, and without, any device.
    pub traces: Vec<Trace>,
}

/// What the window opens on.
#[derive(Clone, Debug, Default)]
pub struct LabOptions {
    /// The trace it plays at once; else one of the shipped model that it opens on.
    pub opening: Option<Trace>,
    /// The shipped model that it opens on when nothing else is said; else the opening trace's.
    pub home: Option<String>,
    /// A recorded training to show at once.
    pub recording: Option<Recording>,
    /// The recorded steps of the run whose weights are opened: at hand, but not shown at once.
    pub recorded_run: Option<Recording>,
    /// Shipped models.
    pub shipped: Vec<ShippedModel>,
    /// Where their recordings and weights come from.
    pub shelf: Shelf,
    /// The model to open; else the shipped one that fits the opening trace.
    pub open: Option<ModelSource>,
    /// A puzzle instead of the opening trace's.
    pub puzzle: Option<Grid>,
    /// What a link says; it has the last word on model, puzzle and view.
    pub link: Option<Link>,
    /// The folder that keeps every training, where the user need not choose one: a browser's storage.
    pub runs: Option<PathBuf>,
    /// A run to go on with at once, and whether it was running.
    pub resume: Option<(PathBuf, bool)>,
    /// The address of the page, before the link; none in a window of its own.
    pub address: Option<String>,
    /// Pictures to take of the window, after which it closes.
    pub shots: Option<Shot>,
}

impl LabOptions {
    /// What the window opens on by itself: the shipped models, whose traces are read when they are wanted. Gives
    /// a sentence for every shipped model that cannot be read.
    #[must_use]
    pub fn shipped() -> (Self, Vec<String>) {
        let (mut all, mut problems) = (Vec::new(), Vec::new());
        for name in shipped::names() {
            match ShippedModel::read(name) {
                Ok(model) => all.push(model),
                Err(problem) => problems.push(format!("the shipped model {name} is broken: {problem}")),
            }
        }
        // The largest board has the most to see: its hardest puzzle is not settled at once.
        let home = all.last().map(|s: &ShippedModel| s.name.clone());
        (Self { home, shipped: all, ..Self::default() }, problems)
    }
}

impl ShippedModel {
    fn read(name: &str) -> Result<Self, String> {
        let card = shipped::card(name).ok_or("it has no card")?;
        let side = card.config.shape().side();
        let what = match (card.config.network, card.config.poh.is_recurrent()) {
            (NetworkKind::Looped, _) => "Sudoku",
            (NetworkKind::Poh, false) if !card.config.poh.routes() => "Sudoku",
            (NetworkKind::Poh, false) => "Routed heads",
            (NetworkKind::Poh, true) => "Routed heads, two clocks",
        };
        let purpose = if fails_on_purpose(name).is_some() { ", fails on purpose" } else { "" };
        Ok(Self { name: name.into(), title: format!("{what} {side}×{side}{purpose}"), card, traces: Vec::new() })
    }
}

/// Opens the window and returns when it is closed. `make_link` gets the context so that an engine
/// can wake the window.
///
/// # Errors
/// When no window can be opened.
#[cfg(not(target_family = "wasm"))]
pub fn open_window(
    options: LabOptions,
    make_link: impl FnOnce(egui::Context) -> Box<dyn EngineLink> + 'static,
) -> eframe::Result {
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Loopscope")
            .with_app_id("loopscope")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([360.0, 640.0])
            .with_drag_and_drop(true),
        renderer: eframe::Renderer::Wgpu,
        // Pictures are of the size that is asked for, not of the last window's.
        persist_window: options.shots.is_none(),
        ..Default::default()
    };
    eframe::run_native(
        "Loopscope",
        native,
        Box::new(move |cc| {
            let link = make_link(cc.egui_ctx.clone());
            let mut lab = Lab::new(&cc.egui_ctx, link, options);
            if let Some(storage) = cc.storage {
                lab.restore(storage, &cc.egui_ctx);
            }
            Ok(Box::new(lab))
        }),
    )
}
