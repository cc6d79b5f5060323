//! Pictures of the real window, for the README and for looking at: scenes one after the other, then
//! the window closes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use eframe::egui::{self, ColorImage, Theme, ViewportCommand};

use super::Action;
use super::app::Lab;
use crate::config::preset_names;
use crate::engine::protocol::Subject;
use crate::tasks::sudoku::Grid;

/// What is in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// The opening trace plays.
    Looking,
    /// A model learns.
    Training,
    /// A puzzle of one's own with a mistake.
    Mistake,
    /// A model of that preset learns to weigh its heads, seen over the training.
    RoutingTraining(&'static str),
    /// The same model's heads on the board, as far as it has learnt.
    Routing,
}

/// Which pictures to take.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Where they go; made if it is not there.
    pub folder: PathBuf,
    /// Name of the file, scene, whether dark, and seconds since the picture before.
    pub scenes: Vec<(String, Scene, bool, f64)>,
}

impl Shot {
    /// Looking (twice, a second apart), a mistake and training, light and dark.
    #[must_use]
    pub fn all(folder: PathBuf) -> Self {
        let scene = |name: &str, scene, dark, seconds| (name.to_owned(), scene, dark, seconds);
        let scenes = vec![
            scene("looking-light", Scene::Looking, false, 0.4),
            scene("looking-light-a-second-later", Scene::Looking, false, 1.0),
            scene("looking-dark", Scene::Looking, true, 1.0),
            scene("mistake-light", Scene::Mistake, false, 1.5),
            scene("mistake-dark", Scene::Mistake, true, 1.0),
            scene("training-light", Scene::Training, false, 40.0),
            scene("training-dark", Scene::Training, true, 5.0),
            scene("routing-training-light", Scene::RoutingTraining("poh4-hrm"), false, 40.0),
            scene("routing-light", Scene::Routing, false, 3.0),
            scene("routing-6x6-training-light", Scene::RoutingTraining("poh6"), false, 60.0),
            scene("routing-6x6-dark", Scene::Routing, true, 3.0),
        ];
        Self { folder, scenes }
    }
}

/// Pictures being taken.
pub(super) struct Shooting {
    shot: Shot,
    next: usize,
    since: f64,
    set: bool,
    asked: bool,
    taken: Arc<Mutex<Option<Arc<ColorImage>>>>,
}

impl Shooting {
    pub fn new(shot: Shot) -> Self {
        Self { shot, next: 0, since: 0.0, set: false, asked: false, taken: Arc::default() }
    }
}

impl Lab {
    /// Sets the next scene, waits, takes its picture.
    pub(super) fn shoot(&mut self, ctx: &egui::Context) {
        let Some(mut s) = self.shooting.take() else { return };
        let Some((name, scene, dark, seconds)) = s.shot.scenes.get(s.next).cloned() else {
            ctx.send_viewport_cmd(ViewportCommand::Close);
            return;
        };
        // A pointer that happens to rest on the window would put a hint over the board.
        ctx.all_styles_mut(|style| style.interaction.tooltip_delay = f32::INFINITY);
        if !s.set {
            s.set = true;
            s.since = self.now;
            ctx.set_theme(if dark { Theme::Dark } else { Theme::Light });
            let before = s.next.checked_sub(1).and_then(|i| s.shot.scenes.get(i)).map(|x| x.1);
            if before != Some(scene) {
                self.stage(scene, ctx);
            }
        }
        let taken = s.taken.lock().ok().and_then(|mut t| t.take());
        if let Some(image) = taken {
            let path = s.shot.folder.join(format!("{name}.png"));
            if let Err(e) = save_png(&path, &image) {
                self.toasts.error(format!("{} cannot be written: {e}", path.display()), self.now);
                tracing::error!("{} cannot be written: {e}", path.display());
            }
            s.next += 1;
            s.set = false;
            s.asked = false;
        } else if !s.asked && self.now - s.since >= seconds {
            s.asked = true;
            let slot = s.taken.clone();
            let wake = ctx.clone();
            ctx.request_screenshot(move |image| {
                if let Ok(mut slot) = slot.lock() {
                    *slot = Some(image);
                }
                wake.request_repaint();
            });
        }
        self.shooting = Some(s);
        ctx.request_repaint_after_secs(0.05);
    }

    fn stage(&mut self, scene: Scene, ctx: &egui::Context) {
        match scene {
            Scene::Looking => {}
            Scene::Mistake => {
                let mut grid: Grid = self.looking.clues().clone();
                // The first clue again, in the first blank of its row: a slip anyone could make.
                let side = grid.shape().side();
                let slip = (0..grid.shape().cells()).filter(|c| grid.get(*c) != 0).find_map(|c| {
                    let row = c / side * side;
                    (row..row + side).find(|b| grid.get(*b) == 0).map(|b| (b, grid.get(c)))
                });
                if let Some((cell, digit)) = slip
                    && grid.set(cell, digit).is_ok()
                {
                    self.view.editing = true;
                    self.select(cell);
                    self.replace_puzzle(grid);
                }
            }
            Scene::RoutingTraining(preset) => {
                if self.training.exists() {
                    self.act(Action::TrainReset, ctx);
                }
                self.training.chosen = preset_names().iter().position(|n| *n == preset).unwrap_or(0);
                self.act(Action::TrainStart, ctx);
                self.view.subject = Subject::Training;
                self.view.plots = super::view::PlotPage::Training;
                self.view.colour = super::view::ColourMode::Heads;
            }
            Scene::Routing => {
                self.view.plots = super::view::PlotPage::Routing;
                self.view.follow = true;
            }
            Scene::Training => {
                self.act(Action::Undo, ctx);
                self.view.editing = false;
                self.view.plots = super::view::PlotPage::Training;
                self.act(Action::TrainStart, ctx);
            }
        }
    }
}

/// Writes a picture as PNG: eight bits a channel, no filter.
fn save_png(path: &Path, image: &ColorImage) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, png(image)?)
}

fn png(image: &ColorImage) -> std::io::Result<Vec<u8>> {
    let [width, height] = image.size;
    let mut lines = Vec::with_capacity(height * (1 + 3 * width));
    for row in image.pixels.chunks(width.max(1)) {
        lines.push(0);
        row.iter().for_each(|p| lines.extend_from_slice(&[p.r(), p.g(), p.b()]));
    }
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&lines)?;
    let mut header = Vec::new();
    header.extend_from_slice(&(width as u32).to_be_bytes());
    header.extend_from_slice(&(height as u32).to_be_bytes());
    // Eight bits, RGB, the only compression, filter and interlacing there are.
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", packed.finish()?), (b"IEND", Vec::new())] {
        out.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(&data);
        out.extend_from_slice(kind);
        out.extend_from_slice(&data);
        out.extend_from_slice(&crc.sum().to_be_bytes());
    }
    Ok(out)
}
