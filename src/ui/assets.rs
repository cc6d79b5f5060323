//! Files that come with the program: asked for, on their way, there, or missing. Where they are is the
//! [`Shelf`]'s affair: natively in the program itself, so that they are there at once.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use eframe::egui::{self, RichText, Ui};

use super::app::Lab;
use super::theme::Palette;
use crate::config::shipped::Asset;

/// Narrower than this, a text and two buttons stand below each other.
const BESIDE: f32 = 420.0;

/// The bytes of a file, or why there are none.
pub type Bytes = Result<Cow<'static, [u8]>, String>;
/// Takes them, at once or later.
pub type Take = Box<dyn FnOnce(Bytes)>;
type Bring = dyn Fn(&Asset, Take);

/// Brings files that come with the program.
#[derive(Clone)]
pub struct Shelf {
    bring: Rc<Bring>,
    /// Whether the engine has a file, so that it is not brought to it.
    in_engine: fn(&Asset) -> bool,
}

impl Shelf {
    /// One that brings files in another way. What it says of a failure goes after "could not be loaded".
    pub fn new(bring: impl Fn(&Asset, Take) + 'static) -> Self {
        Self { bring: Rc::new(bring), in_engine: Asset::is_in_engine }
    }

    /// The same for an engine without any weights.
    #[cfg(test)]
    pub(super) fn for_an_empty_engine(self) -> Self {
        Self { in_engine: |_| false, ..self }
    }
}

impl Default for Shelf {
    /// The files in the program itself.
    fn default() -> Self {
        Self::new(|asset, take| take(asset.bytes().map(Cow::Borrowed).ok_or_else(|| "it is not in this build".into())))
    }
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shelf")
    }
}

/// What was asked of the shelf. Clones are the same one.
#[derive(Clone)]
pub(super) struct Assets(Rc<State>);

struct State {
    shelf: Shelf,
    ctx: egui::Context,
    coming: RefCell<Vec<Asset>>,
    arrived: RefCell<VecDeque<(Asset, Bytes)>>,
    /// What could not be brought, and why, in a sentence.
    missing: RefCell<Vec<(Asset, String)>>,
}

impl Assets {
    pub fn new(shelf: Shelf, ctx: egui::Context) -> Self {
        let (coming, arrived, missing) = Default::default();
        Self(Rc::new(State { shelf, ctx, coming, arrived, missing }))
    }

    /// Asks for a file, unless it is on its way already.
    pub fn ask(&self, asset: Asset) {
        if self.is_coming(&asset) {
            return;
        }
        self.0.missing.borrow_mut().retain(|(a, _)| *a != asset);
        self.0.coming.borrow_mut().push(asset.clone());
        let (state, of) = (Rc::clone(&self.0), asset.clone());
        // The answer may come before this call returns: nothing is borrowed meanwhile.
        (self.0.shelf.bring)(
            &asset,
            Box::new(move |bytes| {
                state.coming.borrow_mut().retain(|a| *a != of);
                state.arrived.borrow_mut().push_back((of, bytes));
                state.ctx.request_repaint();
            }),
        );
    }

    /// Whether weights that ship must be brought to the engine.
    pub fn are_far(&self, weights: &Asset) -> bool {
        weights.size().is_some() && !(self.0.shelf.in_engine)(weights)
    }

    /// The next file that came, or did not.
    pub fn take(&self) -> Option<(Asset, Bytes)> {
        self.0.arrived.borrow_mut().pop_front()
    }

    /// Keeps that a file is missing; gives the sentence on it.
    pub fn miss(&self, asset: Asset, why: &str) -> String {
        let words = asset.words();
        let text = format!("{} could not be loaded: {}.", capital(&words), why.trim_end_matches('.'));
        self.0.missing.borrow_mut().push((asset, text.clone()));
        text
    }

    /// A certain file, where it came at once.
    pub fn take_this(&self, asset: &Asset) -> Option<Bytes> {
        let mut arrived = self.0.arrived.borrow_mut();
        let at = arrived.iter().position(|(a, _)| a == asset)?;
        arrived.remove(at).map(|(_, bytes)| bytes)
    }

    /// Whether it is on its way, or here and not yet taken.
    pub fn is_coming(&self, asset: &Asset) -> bool {
        self.0.coming.borrow().contains(asset) || self.0.arrived.borrow().iter().any(|(a, _)| a == asset)
    }

    pub fn is_missing(&self, asset: &Asset) -> bool {
        self.0.missing.borrow().iter().any(|(a, _)| a == asset)
    }

    /// Nobody wants to hear of what is missing any more.
    pub fn forget_missing(&self) {
        self.0.missing.borrow_mut().clear();
    }

    /// What is on its way, in a sentence.
    pub fn coming(&self) -> Option<String> {
        let coming = self.0.coming.borrow();
        let parts: Vec<String> = coming.iter().map(|a| format!("{}{}", a.words(), size(a))).collect();
        (!parts.is_empty()).then(|| format!("Loading {}.", parts.join(" and ")))
    }

    /// The last file that could not be brought, and the sentence on it.
    pub fn missing(&self) -> Option<(Asset, String)> {
        self.0.missing.borrow().last().cloned()
    }
}

/// How large a file is, for a sentence.
fn size(asset: &Asset) -> String {
    let Some(bytes) = asset.size() else { return String::new() };
    let mb = bytes as f64 / 1e6;
    if mb < 0.95 { format!(" ({:.0} KB)", bytes as f64 / 1e3) } else { format!(" ({mb:.1} MB)") }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Lab {
    /// Where a file is on its way or missing: says so, and offers another try. Whether it said anything.
    pub(super) fn loading_line(&mut self, ui: &mut Ui) -> bool {
        let p = Palette::of(ui);
        if let Some((asset, text)) = self.assets.missing() {
            let label = egui::Label::new(RichText::new(text).small().color(p.wrong)).wrap().selectable(true);
            // Under the wide window's board there is little room: there the text stands beside the buttons.
            if ui.available_width() < BESIDE {
                ui.add(label);
                ui.horizontal(|ui| self.missing_buttons(ui, asset));
            } else {
                ui.horizontal_top(|ui| {
                    self.missing_buttons(ui, asset);
                    ui.add(label);
                });
            }
            return true;
        }
        let Some(text) = self.assets.coming() else { return false };
        ui.add(egui::Label::new(RichText::new(text).color(p.weak)).wrap());
        true
    }

    fn missing_buttons(&mut self, ui: &mut Ui, asset: Asset) {
        if ui.button("Try again").on_hover_text("Asks for the file once more.").clicked() {
            self.try_again(asset);
        }
        if ui.button("Put away").on_hover_text("Does without the file.").clicked() {
            self.assets.forget_missing();
        }
    }

    /// Stands where the board would be as long as there is nothing to put on it.
    pub(super) fn no_board_yet(&mut self, ui: &mut Ui, room: egui::Vec2) {
        let (area, _) = ui.allocate_exact_size(room, egui::Sense::hover());
        let middle = egui::Rect::from_center_size(area.center(), egui::vec2(area.width().min(380.0), 120.0));
        // A child that takes no more room: what stands below is where it will be under the board.
        self.loading_line(&mut ui.new_child(egui::UiBuilder::new().max_rect(middle)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_program_is_there_at_once() {
        let assets = Assets::new(Shelf::default(), egui::Context::default());
        assets.ask(Asset::Training);
        assert_eq!(assets.coming(), None);
        let bytes = assets.take_this(&Asset::Training).expect("an answer");
        assert_eq!(bytes.map(|b| b.len()).ok(), Asset::Training.size());
        assert!(!assets.is_coming(&Asset::Training));
        assets.ask(Asset::Traces("sudoku5".into()));
        let (asset, bytes) = assets.take().expect("an answer");
        let text = assets.miss(asset.clone(), &bytes.expect_err("there is no such model"));
        assert_eq!(text, "The recording of sudoku5 could not be loaded: it is not in this build.");
        assert!(assets.is_missing(&asset));
    }

    #[test]
    fn a_file_that_is_on_its_way_is_asked_for_once_and_told() {
        let held = Rc::new(RefCell::new(Vec::new()));
        let hold = Rc::clone(&held);
        let shelf = Shelf::new(move |_, take| hold.borrow_mut().push(take));
        let assets = Assets::new(shelf, egui::Context::default());
        let traces = Asset::Traces("sudoku9".into());
        assets.ask(traces.clone());
        assets.ask(traces.clone());
        assert_eq!(held.borrow().len(), 1);
        let text = assets.coming().expect("a sentence");
        assert!(text.starts_with("Loading the recording of sudoku9 (") && text.ends_with("B)."), "{text}");
        for take in held.take() {
            take(Err("the server answered 404".into()));
        }
        assert_eq!((assets.coming(), assets.take().map(|(a, _)| a)), (None, Some(traces)));
    }
}
