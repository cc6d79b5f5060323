//! Jobs in a browser, which has no threads for them and shows a page no paths: files that are chosen
//! or dropped are read asynchronously, and what is saved is downloaded.

use std::path::Path;

use eframe::egui;
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, Document, File, HtmlAnchorElement, HtmlCanvasElement,
    HtmlImageElement, Url,
};

use super::{Done, Filter, Jobs, sort_out};

/// The largest file that is read. It is in the page's memory more than once while it is opened.
const MOST_MIB: f64 = 256.0;
const MIB: f64 = 1_048_576.0;
/// Points of a PNG for each pixel of its figure, as natively.
const SCALE: u32 = 2;
/// The most points along an edge; some browsers draw nothing on a larger canvas.
const MOST_POINTS: u32 = 8192;
/// How long a download's content is kept: some browsers begin to read it late.
const KEPT_MS: i32 = 60_000;

impl Jobs {
    /// Runs a job at once.
    pub fn run(&self, job: impl FnOnce() -> Option<Done> + 'static) {
        if let Some(done) = job() {
            self.answer.tell(done);
        }
    }

    /// Runs a job that waits for the browser.
    fn later(&self, job: impl Future<Output = Option<Done>> + 'static) {
        let answer = self.answer.clone();
        spawn_local(async move {
            if let Some(done) = job.await {
                answer.tell(done);
            }
        });
    }

    /// Asks for a file to open, and tells what it is. The filter is left out: phones grey out the
    /// files whose extensions they do not know, and every file is told apart once it is read.
    pub fn open(&self, title: &'static str, _filter: Filter) {
        self.later(async move {
            let file = rfd::AsyncFileDialog::new().set_title(title).pick_file().await?;
            Some(read(file.inner()).await)
        });
    }

    /// Asks for a file to compare with, and tells what it is.
    pub fn open_other(&self, title: &'static str, _filter: Filter) {
        self.later(async move {
            let file = rfd::AsyncFileDialog::new().set_title(title).pick_file().await?;
            Some(Done::Other(Box::new(read(file.inner()).await)))
        });
    }

    /// Downloads. The browser knows where to, or asks.
    pub fn save(
        &self,
        _title: &'static str,
        name: String,
        _filter: Filter,
        content: impl FnOnce() -> Result<Vec<u8>, String> + 'static,
    ) {
        self.run(move || {
            let file = content().and_then(|bytes| blob(&bytes, "application/octet-stream").map_err(|e| words(&e)));
            Some(download(name, file))
        });
    }

    /// Downloads a figure as PNG, which the browser draws: it has the fonts and the rasteriser.
    pub fn save_png(&self, _title: &'static str, name: String, svg: impl FnOnce() -> Result<String, String> + 'static) {
        self.later(async move {
            let picture = match svg() {
                Ok(svg) => {
                    picture(&svg).await.map_err(|e| format!("the figure cannot be turned into PNG: {}", words(&e)))
                }
                Err(why) => Err(why),
            };
            Some(download(name, picture))
        });
    }

    /// Reads a file that was dropped, and tells what it is.
    pub fn take(&self, file: egui::DroppedFileHandle) {
        self.later(async move {
            Some(match file.web_file() {
                Some(file) => read(file).await,
                None => Done::Failed(format!("{} cannot be read.", file.path().display())),
            })
        });
    }
}

/// Reads a file and tells what it is.
async fn read(file: &File) -> Done {
    let name = file.name();
    let mib = file.size() / MIB;
    if mib > MOST_MIB {
        return Done::Failed(format!(
            "{name} has {mib:.0} MiB, and this page takes at most {MOST_MIB:.0}. The desktop program opens larger files."
        ));
    }
    let bytes = JsFuture::from(file.array_buffer()).await;
    sort_out(Path::new(&name), || bytes.map(|b| Uint8Array::new(&b).to_vec()).map_err(|e| words(&e)))
}

/// Hands a file to the browser.
fn download(name: String, file: Result<Blob, String>) -> Done {
    let offered =
        file.and_then(|file| offer(&name, &file).map_err(|e| format!("{name} cannot be downloaded: {}", words(&e))));
    match offered {
        Ok(()) => Done::Downloaded(name),
        Err(why) => Done::Failed(why),
    }
}

/// Clicks a link to a file that is shown nowhere: a page has no other way to save one everywhere.
fn offer(name: &str, file: &Blob) -> Result<(), JsValue> {
    let window = web_sys::window().ok_or("there is no window")?;
    let document = document()?;
    let body = document.body().ok_or("the page is empty")?;
    let link: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    let url = Url::create_object_url_with_blob(file)?;
    link.set_href(&url);
    link.set_download(name);
    link.set_hidden(true);
    body.append_child(&link)?;
    link.click();
    link.remove();
    let forget = Closure::once_into_js(move || {
        let _ = Url::revoke_object_url(&url);
    });
    window.set_timeout_with_callback_and_timeout_and_arguments_0(forget.unchecked_ref(), KEPT_MS)?;
    Ok(())
}

/// An SVG as PNG.
async fn picture(svg: &str) -> Result<Blob, JsValue> {
    let url = Url::create_object_url_with_blob(&blob(svg.as_bytes(), "image/svg+xml")?)?;
    let drawn = draw(&url).await;
    Url::revoke_object_url(&url)?;
    drawn
}

/// Loads a picture, draws it on a canvas that is shown nowhere and reads that as PNG.
async fn draw(url: &str) -> Result<Blob, JsValue> {
    let image = HtmlImageElement::new()?;
    // Not `decode`, which some browsers refuse for SVG.
    let loaded = Promise::new(&mut |done, failed| {
        image.set_onload(Some(&done));
        image.set_onerror(Some(&failed));
        image.set_src(url);
    });
    JsFuture::from(loaded).await.map_err(|_| "the browser cannot read it")?;
    let points = |n: u32| n.saturating_mul(SCALE).clamp(1, MOST_POINTS);
    let (width, height) = (points(image.natural_width()), points(image.natural_height()));
    let canvas: HtmlCanvasElement = document()?.create_element("canvas")?.dyn_into()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d")?.ok_or("the browser has no canvas")?;
    let context: CanvasRenderingContext2d = context.dyn_into()?;
    context.draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, width.into(), height.into())?;
    let mut asked = Ok(());
    let made = Promise::new(&mut |done, _| asked = canvas.to_blob(&done));
    asked?;
    // Null where the browser has no memory for it.
    JsFuture::from(made).await?.dyn_into().map_err(|_| "the browser has no room for it".into())
}

fn document() -> Result<Document, JsValue> {
    web_sys::window().and_then(|w| w.document()).ok_or_else(|| "there is no document".into())
}

fn blob(bytes: &[u8], kind: &str) -> Result<Blob, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    Blob::new_with_u8_array_sequence_and_options(&Array::of1(&Uint8Array::from(bytes)), &options)
}

/// An exception of the browser as words for a person.
fn words(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => error.as_string().unwrap_or_else(|| "the browser does not say why".into()),
    }
}
