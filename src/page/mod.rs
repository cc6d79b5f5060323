//! The web page: the window in a canvas, its engine in a worker beside it. What JavaScript may call
//! stands here; no burn.

mod app;
mod link;
mod memory;
mod shelf;

use std::cell::RefCell;
use std::collections::HashMap;

use eframe::{Renderer, WebOptions, WebRunner};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use app::PageApp;

/// What the loader found out about the browser.
#[derive(Clone, Debug, Deserialize)]
struct Options {
    /// "webgpu" or "webgl": what draws.
    renderer: String,
    /// Address of `worker.js`.
    worker: String,
    /// Where the engine's module is; worker.js reads it.
    engine: serde_json::Value,
    /// Paths beside the page of the files that come with the program, by those below `assets`.
    #[serde(default)]
    files: HashMap<String, String>,
    /// One of them that the loader began to fetch.
    #[serde(skip)]
    early: Option<shelf::Early>,
    /// What `--device` takes.
    #[serde(default)]
    device: String,
    /// Whether the browser keeps files for this page.
    #[serde(default)]
    storage: bool,
}

thread_local! {
    static RUNNER: RefCell<Option<WebRunner>> = const { RefCell::new(None) };
}

/// Draws the window in a canvas and starts the engine after the first frame.
///
/// # Errors
/// When the browser gives no way to draw, or the options are none.
#[wasm_bindgen]
pub async fn start(canvas: HtmlCanvasElement, options: String, opening: JsValue) -> Result<(), JsValue> {
    let mut options: Options =
        serde_json::from_str(&options).map_err(|e| JsValue::from_str(&format!("the page's options: {e}")))?;
    options.early = shelf::Early::of(&opening);
    let runner = WebRunner::new();
    RUNNER.with(|r| *r.borrow_mut() = Some(runner.clone()));
    let mut web = WebOptions {
        renderer: if options.renderer == "webgpu" { Renderer::Wgpu } else { Renderer::Glow },
        // Nothing here is a slow gradient, and a renderer in software would pay for it at every point.
        dithering: false,
        ..Default::default()
    };
    if let eframe::egui_wgpu::WgpuSetup::CreateNew(setup) = &mut web.wgpu_options.wgpu_setup {
        setup.instance_descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
    }
    runner.start(canvas, web, Box::new(move |cc| Ok(Box::new(PageApp::new(cc, options))))).await
}

/// Calls the app, unless it has panicked or is busy.
fn with_app<T>(work: impl FnOnce(&mut PageApp) -> T) -> Option<T> {
    let runner = RUNNER.with(|r| r.borrow().clone())?;
    let mut app = runner.app_mut::<PageApp>()?;
    Some(work(&mut app))
}

/// The state of the window as JSON.
#[wasm_bindgen]
#[must_use]
pub fn state() -> String {
    with_app(|app| app.state().to_string()).unwrap_or_else(|| "{}".into())
}

/// Opens a file as if it was dropped on the window.
#[wasm_bindgen]
pub fn open_bytes(name: &str, bytes: Vec<u8>) {
    with_app(|app| app.open_bytes(name, bytes));
}

/// Causes trouble, to see that it is recovered from; false where the word means nothing.
///
/// # Panics
/// When it is asked for.
#[wasm_bindgen]
#[must_use]
pub fn developer(command: &str) -> bool {
    assert!(command != "panic-page", "a developer asked for this panic");
    with_app(|app| app.develop(command)).unwrap_or(false)
}

/// What the page's panic was, if there was one.
#[wasm_bindgen]
#[must_use]
pub fn panicked() -> Option<String> {
    let runner = RUNNER.with(|r| r.borrow().clone())?;
    runner.panic_summary().map(|s| format!("{}\n\n{}", s.message(), s.callstack()))
}
