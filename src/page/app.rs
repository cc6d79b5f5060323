//! The window with what only a page has: the address, the tab's memory, the worker's beginning.

use std::path::PathBuf;

use eframe::egui;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;

use super::Options;
use super::link::{Handle, Waiting, WorkerLink};
use super::memory;
use super::shelf::shelf;
use crate::config::Link;
use crate::ui::{Lab, LabOptions};

/// Seconds between two looks at whether the address should change: browsers allow about a hundred
/// changes in half a minute.
const ADDRESS_EVERY: f64 = 0.5;

/// The page's app.
pub(super) struct PageApp {
    lab: Lab,
    link: WorkerLink,
    waiting: Waiting,
    renderer: String,
    drawn: u32,
    /// The hash as we last wrote or read it.
    hash: String,
    looked: f64,
    run: Option<(PathBuf, bool)>,
}

impl PageApp {
    pub fn new(cc: &eframe::CreationContext<'_>, mut options: Options) -> Self {
        let hash = hash();
        let (wish, messages) = Link::parse(&hash);
        let (mut opening, problems) = LabOptions::shipped();
        opening.link = (!hash.is_empty()).then_some(wish);
        opening.address = Some(address());
        opening.shelf = shelf(std::mem::take(&mut options.files), options.early.take());
        if options.storage {
            opening.runs = Some(PathBuf::from("runs"));
            opening.resume = memory::run();
        }
        let run = opening.resume.clone();
        let renderer = options.renderer.clone();
        let ctx = cc.egui_ctx.clone();
        let (link, waiting) = WorkerLink::new(options, move || ctx.request_repaint());
        let handle = Handle::new(link.clone(), waiting.clone());
        let mut lab = Lab::new(&cc.egui_ctx, Box::new(handle), opening);
        if let Some(storage) = cc.storage {
            lab.restore(storage, &cc.egui_ctx);
        }
        for message in problems {
            lab.complain(message);
        }
        for message in messages {
            lab.complain(format!("In the link: {message}"));
        }
        watch_hiding(&cc.egui_ctx);
        Self { lab, link, waiting, renderer, drawn: 0, hash, looked: 0.0, run }
    }

    pub fn state(&self) -> Value {
        let mut state = self.lab.state();
        state["renderer"] = json!(self.renderer);
        state
    }

    pub fn open_bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.lab.open_bytes(name, bytes);
    }

    pub fn develop(&mut self, word: &str) -> bool {
        if word == "kill-worker" {
            self.link.kill();
            return true;
        }
        self.lab.develop(word)
    }

    /// Keeps the address and the tab's memory at what the window shows.
    fn remember(&mut self, now: f64) {
        let run = self.lab.run_under_way();
        // An engine that gave up has not ended the run: the next load goes on with it.
        if run != self.run && !self.lab.gave_up() {
            memory::set_run(run.as_ref());
            self.run = run;
        }
        let there = hash();
        if there != self.hash {
            // Someone typed an address, or went back.
            self.hash = there.clone();
            self.lab.apply_link(&there);
            self.looked = now;
        } else if now - self.looked >= ADDRESS_EVERY {
            self.looked = now;
            let link = self.lab.link_of_view().to_string();
            if link != self.hash && !(link.is_empty() && self.hash == "#") {
                replace_hash(&link);
                self.hash = hash();
            }
        }
    }
}

impl eframe::App for PageApp {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        self.lab.logic(ctx, frame);
        let now = ctx.input(|i| i.time);
        self.remember(now);
        // The address follows a moment after the last change.
        ctx.request_repaint_after_secs(ADDRESS_EVERY as f32);
        if HIDDEN.with(std::cell::Cell::take) {
            self.lab.keep_training();
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.lab.ui(ui, frame);
        self.drawn += 1;
        if self.drawn == 2 {
            // The first picture is on screen: now the engine may load.
            self.waiting.release(&self.link);
        }
        ui.ctx().request_repaint_after_secs(if self.drawn < 3 { 0.0 } else { ADDRESS_EVERY as f32 });
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.lab.save(storage);
    }

    fn persist_egui_memory(&self) -> bool {
        self.lab.persist_egui_memory()
    }

    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }
}

thread_local! {
    static HIDDEN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A page that is hidden may be closed without another word: what is trained is kept then.
fn watch_hiding(ctx: &egui::Context) {
    let ctx = ctx.clone();
    let hide = Closure::<dyn FnMut()>::new(move || {
        HIDDEN.with(|h| h.set(true));
        ctx.request_repaint();
    });
    if let Some(window) = web_sys::window() {
        let _ = window.add_event_listener_with_callback("pagehide", hide.as_ref().unchecked_ref());
        if let Some(document) = window.document() {
            let _ = document.add_event_listener_with_callback("visibilitychange", hide.as_ref().unchecked_ref());
        }
    }
    hide.forget();
}

/// The hash as it stands in the address.
fn hash() -> String {
    web_sys::window().and_then(|w| w.location().hash().ok()).unwrap_or_default()
}

fn address() -> String {
    let href = web_sys::window().and_then(|w| w.location().href().ok()).unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// Changes the address without a new entry in the history.
fn replace_hash(link: &str) {
    if let Some(history) = web_sys::window().and_then(|w| w.history().ok()) {
        let address = format!("{}{link}", address());
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address));
    }
}
