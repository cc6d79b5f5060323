use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use eframe::egui;

use super::*;
use crate::tasks::sudoku::{Grid, Shape};
use crate::ui::assets::{Shelf, Take};
use crate::ui::tests::fake::{Engine, card};

/// A way with a shelf that answers when it is told to.
struct Held {
    way: Way,
    assets: Assets,
    engine: Engine,
    takes: Rc<RefCell<Vec<(Asset, Take)>>>,
}

impl Held {
    fn new() -> Self {
        let takes = Rc::new(RefCell::new(Vec::new()));
        let held = Rc::clone(&takes);
        let shelf = Shelf::new(move |asset, take| held.borrow_mut().push((asset.clone(), take))).for_an_empty_engine();
        let assets = Assets::new(shelf, egui::Context::default());
        let engine = Engine::default();
        let cards = [Shape::S4, Shape::S9].map(|s| (card(s).name, card(s)));
        let way = Way::new(Box::new(engine.link()), assets.clone(), cards.into());
        Self { way, assets, engine, takes }
    }

    /// Answers what was asked of the shelf; gives the names of the files.
    fn bring(&mut self, bytes: Result<&'static [u8], &str>) -> Vec<String> {
        let takes = self.takes.take();
        let names = takes.iter().map(|(asset, _)| asset.file()).collect();
        for (_, take) in takes {
            take(bytes.map(Cow::Borrowed).map_err(str::to_owned));
        }
        while let Some((Asset::Weights(name), bytes)) = self.assets.take() {
            self.way.weights_came(&name, bytes);
        }
        names
    }
}

fn open(id: u64, name: &str) -> Command {
    Command::OpenModel { request: RequestId(id), source: ModelSource::Shipped(name.into()), set: Vec::new() }
}

fn think(id: u64, subject: Subject) -> Command {
    Command::Think {
        request: RequestId(id),
        subject,
        clues: Grid::empty(Shape::S9),
        iterations: 4,
        interventions: Default::default(),
        disturbance: None,
    }
}

#[test]
fn a_model_is_known_by_its_card_and_its_weights_come_with_the_first_question() {
    let mut held = Held::new();
    held.way.send(open(1, "sudoku9"));
    assert!(
        matches!(held.way.poll(), Some(Event::ModelOpened { request: RequestId(1), card }) if card.name == "sudoku9")
    );
    assert!(held.way.owes(Subject::Opened) && held.engine.asked().is_empty() && held.takes.borrow().is_empty());
    // A question to others does not wait.
    held.way.send(think(2, Subject::Training));
    assert_eq!(held.engine.asked(), [think(2, Subject::Training)]);
    held.way.send(think(3, Subject::Opened));
    held.way.send(think(4, Subject::Opened));
    held.way.send(Command::PackModel { request: RequestId(5), subject: Subject::Opened });
    assert!(held.engine.asked().is_empty());
    assert_eq!(held.bring(Ok(b"weights")), ["models/sudoku9.safetensors"], "asked for once");
    let source = ModelSource::Bytes { name: "sudoku9".into(), bytes: b"weights".to_vec() };
    let opened = Command::OpenModel { request: RequestId(1), source, set: Vec::new() };
    let pack = Command::PackModel { request: RequestId(5), subject: Subject::Opened };
    // The latest question about a board wins.
    assert_eq!(held.engine.asked(), [opened, think(4, Subject::Opened), pack]);
    assert!(!held.way.owes(Subject::Opened));
    // A new engine gets them at once.
    held.way.send(open(6, "sudoku9"));
    assert!(matches!(&held.engine.asked()[..], [Command::OpenModel { source: ModelSource::Bytes { .. }, .. }]));
    assert_eq!(held.way.poll(), None);
}

#[test]
fn what_waits_for_weights_that_do_not_come_has_failed_and_can_be_asked_again() {
    let mut held = Held::new();
    held.way.send(open(1, "sudoku9"));
    held.way.poll();
    held.way.send(think(2, Subject::Opened));
    held.bring(Err("the server answered 404 (web/sudoku9.safetensors)"));
    let Some(Event::Failed { request, message }) = held.way.poll() else { panic!("it failed") };
    assert_eq!(request, Some(RequestId(2)));
    assert_eq!(
        message,
        "The weights of sudoku9 could not be loaded: the server answered 404 (web/sudoku9.safetensors)."
    );
    assert!(held.assets.missing().is_some() && held.way.owes(Subject::Opened));
    held.way.send(think(3, Subject::Opened));
    held.bring(Ok(b"weights"));
    assert_eq!(held.engine.asked().len(), 2);
    assert_eq!(held.assets.missing(), None);
}

#[test]
fn two_models_wait_for_their_own_weights() {
    let mut held = Held::new();
    held.way.send(open(1, "sudoku9"));
    let source = ModelSource::Shipped("sudoku4".into());
    held.way.send(Command::OpenOther { request: RequestId(2), source, set: Vec::new() });
    held.way.send(think(3, Subject::Other));
    assert_eq!(held.bring(Ok(b"four")), ["models/sudoku4.safetensors"]);
    assert!(matches!(&held.engine.asked()[..], [Command::OpenOther { .. }, Command::Think { .. }]));
    assert!(held.way.owes(Subject::Opened) && !held.way.owes(Subject::Other));
    // What is taken back is not asked, and what is closed is not opened.
    held.way.send(think(4, Subject::Opened));
    held.way.send(Command::Cancel { request: RequestId(4) });
    held.engine.asked();
    held.bring(Ok(b"nine"));
    assert!(matches!(&held.engine.asked()[..], [Command::OpenModel { .. }]));
}

#[test]
fn a_file_of_ones_own_goes_to_the_engine_as_ever() {
    let mut held = Held::new();
    held.way.send(open(1, "sudoku9"));
    let source = ModelSource::Path("mine.safetensors".into());
    let own = Command::OpenModel { request: RequestId(2), source, set: Vec::new() };
    held.way.send(own.clone());
    held.way.send(think(3, Subject::Opened));
    assert_eq!(held.engine.asked(), [own, think(3, Subject::Opened)]);
}
