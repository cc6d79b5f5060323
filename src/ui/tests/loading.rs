//! Recordings and weights that lie beside the page: what is shown while they come, and what is asked for.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use eframe::egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::{self, Engine, card, frames, lab_with, press, think, trace};
use crate::config::Link;
use crate::config::shipped::{self, Asset};
use crate::engine::protocol::{Command, Event, ModelSource};
use crate::tasks::sudoku::Shape;
use crate::trace::{Step, Trace};
use crate::ui::assets::Take;
use crate::ui::{Action, Lab, LabOptions, Shelf, ShippedModel};

/// What was asked of the shelf, to be answered by the test.
#[derive(Clone, Default)]
struct Beside(Rc<RefCell<Vec<(Asset, Take)>>>);

impl Beside {
    fn shelf(&self) -> Shelf {
        let held = self.clone();
        Shelf::new(move |asset, take| held.0.borrow_mut().push((asset.clone(), take))).for_an_empty_engine()
    }

    /// Files that are asked for.
    fn asked(&self) -> Vec<String> {
        self.0.borrow().iter().map(|(asset, _)| asset.file()).collect()
    }

    fn fail(&self, why: &str) {
        self.0.take().into_iter().for_each(|(_, take)| take(Err(why.into())));
    }

    /// Hands over everything that is asked for.
    fn bring(&self) {
        for (asset, take) in self.0.take() {
            take(Ok(Cow::Owned(match asset {
                Asset::Weights(_) => b"weights".to_vec(),
                Asset::Training => shipped::training().to_vec(),
                Asset::Traces(name) => Trace::encode_many(&[recorded(&name)]),
            })));
        }
    }
}

/// Recordings of one board are of the same puzzle.
fn recorded(name: &str) -> Trace {
    let shape = if name.contains('9') { Shape::S9 } else { Shape::S4 };
    Trace { model: name.into(), ..trace(shape, 16) }
}

fn options(beside: &Beside) -> LabOptions {
    let model = |name: &str| ShippedModel {
        name: name.into(),
        title: format!("The model {name}"),
        card: crate::config::ModelCard { name: name.into(), ..card(recorded(name).shape()) },
        traces: Vec::new(),
    };
    let shipped = ["sudoku4", "sudoku9-collapsing", "sudoku9"].map(model).to_vec();
    LabOptions { home: Some("sudoku9".into()), shipped, shelf: beside.shelf(), ..LabOptions::default() }
}

fn window(link: &str) -> (Harness<'static, Lab>, Engine, Beside) {
    let beside = Beside::default();
    let link = (!link.is_empty()).then(|| Link::parse(link).0);
    let (mut harness, engine) = lab_with(LabOptions { link, ..options(&beside) }, [1280.0, 800.0], Theme::Light);
    harness.run_steps(3);
    (harness, engine, beside)
}

/// The same, once its recording has come.
fn playing(link: &str) -> (Harness<'static, Lab>, Engine, Beside) {
    let (mut harness, engine, beside) = window(link);
    beside.bring();
    harness.run_steps(3);
    (harness, engine, beside)
}

fn text(harness: &Harness<'static, Lab>, field: &str) -> String {
    harness.state().state()[field].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_window_opens_on_a_recording_that_is_on_its_way_and_loads_no_weights() {
    let (mut harness, engine, beside) = window("");
    assert_eq!(beside.asked(), ["traces/sudoku9.trace"]);
    harness.get_by_label_contains("Loading the recording of sudoku9 (");
    assert_eq!(text(&harness, "model"), "sudoku9", "its card is there at once");
    assert_eq!(text(&harness, "link"), "");
    beside.bring();
    harness.run_steps(3);
    let state = harness.state().state();
    assert_eq!((&state["recorded"], &state["playing"], &state["last"]), (&true.into(), &true.into(), &16.into()));
    assert_eq!(state["shown"], "sudoku9");
    assert_eq!(text(&harness, "link"), "");
    harness.state_mut().view.playing = false;
    for key in [Key::End, Key::Home, Key::ArrowRight] {
        press(&mut harness, key);
    }
    assert_eq!(harness.state().view.cursor(), 1);
    assert!(beside.asked().is_empty() && engine.asked().is_empty(), "whoever scrubs loads no weights");
}

#[test]
fn what_a_recording_does_not_hold_brings_the_weights() {
    let (mut harness, engine, beside) = playing("");
    harness.state_mut().act(Action::RunFourfold, &eframe::egui::Context::default());
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["models/sudoku9.safetensors"]);
    assert!(engine.asked().is_empty());
    harness.get_by_label_contains("Loading the weights of sudoku9 (");
    assert_eq!(harness.state().looking.last(), 16, "the recording stays meanwhile");
    beside.bring();
    harness.run_steps(3);
    let asked = engine.asked();
    let named = |source: &ModelSource| matches!(source, ModelSource::Bytes { name, .. } if name == "sudoku9");
    assert!(matches!(&asked[0], Command::OpenModel { source, .. } if named(source)), "{asked:?}");
    let (request, iterations, _) = think(&asked).expect("the question");
    assert_eq!(iterations, 64);
    let frames = frames(&fake::puzzle(Shape::S9), 64);
    engine.tell(Event::Frames { request, step: Step(1500), frames, seconds: 0.1, done: true });
    harness.run_steps(3);
    assert!(!harness.state().looking.recorded && harness.state().looking.last() == 64);
    assert_eq!(text(&harness, "link"), "#iterations=64");
}

#[test]
fn weights_that_do_not_come_are_told_and_asked_for_again() {
    let (mut harness, engine, beside) = playing("");
    harness.state_mut().act(Action::RunFourfold, &eframe::egui::Context::default());
    harness.run_steps(2);
    beside.fail("the server answered 404 (https://host/web/sudoku9.safetensors)");
    harness.run_steps(3);
    let told = text(&harness, "missing");
    assert!(told.contains("The weights of sudoku9 could not be loaded: the server answered 404 (https"), "{told}");
    assert!(!harness.state().asks.is_thinking() && harness.state().looking.last() == 16);
    harness.get_by_label("Try again").click();
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["models/sudoku9.safetensors"]);
    assert_eq!(text(&harness, "missing"), "");
    beside.bring();
    harness.run_steps(3);
    assert_eq!(think(&engine.asked()).map(|(_, n, _)| n), Some(64));
}

#[test]
fn another_model_is_shown_when_its_recording_is_there_and_the_earlier_view_stays_until_then() {
    let (mut harness, engine, beside) = playing("");
    harness.state_mut().act(Action::Model(1), &eframe::egui::Context::default());
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["traces/sudoku9-collapsing.trace"]);
    harness.get_by_label_contains("Loading the recording of sudoku9-collapsing (");
    assert_eq!(text(&harness, "shown"), "sudoku9");
    beside.fail("the server answered 404 (web/x.trace)");
    harness.run_steps(3);
    let messages = harness.state().state()["messages"].to_string();
    assert!(messages.contains("The recording of sudoku9-collapsing could not be loaded"), "{messages}");
    assert_eq!(text(&harness, "shown"), "sudoku9");
    assert!(harness.state().looking.last() == 16 && engine.asked().is_empty());
    harness.get_by_label("Try again").click();
    harness.run_steps(3);
    beside.bring();
    harness.run_steps(3);
    assert_eq!((text(&harness, "shown"), text(&harness, "missing")), ("sudoku9-collapsing".into(), String::new()));
    assert_eq!(text(&harness, "link"), "#model=sudoku9-collapsing");
    // Another board.
    harness.state_mut().act(Action::Model(0), &eframe::egui::Context::default());
    harness.run_steps(3);
    beside.bring();
    harness.run_steps(3);
    assert_eq!(text(&harness, "shown"), "sudoku4");
    // Back: it is there already.
    harness.state_mut().act(Action::Model(2), &eframe::egui::Context::default());
    harness.run_steps(3);
    assert_eq!(text(&harness, "shown"), "sudoku9");
    assert!(beside.asked().is_empty() && engine.asked().is_empty());
}

#[test]
fn a_link_is_followed_within_the_recording_and_beyond_it() {
    let (mut harness, _, beside) = window("#model=sudoku9-collapsing&iteration=5&cell=r1c2&colour=flips");
    assert_eq!(beside.asked(), ["traces/sudoku9-collapsing.trace"]);
    beside.bring();
    harness.run_steps(3);
    let state = harness.state().state();
    assert_eq!((&state["cursor"], &state["playing"], &state["selected"]), (&5.into(), &false.into(), &"r1c2".into()));
    assert_eq!(state["link"], "#model=sudoku9-collapsing&iteration=5&cell=r1c2&colour=flips");
    assert!(beside.asked().is_empty());
    // A typed one within the recording, one of another model, and one that needs the weights.
    harness.state_mut().apply_link("#model=sudoku9-collapsing&iteration=7");
    harness.run_steps(3);
    assert_eq!(harness.state().view.cursor(), 7);
    harness.state_mut().apply_link("#iteration=3");
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["traces/sudoku9.trace"]);
    beside.bring();
    harness.run_steps(3);
    assert_eq!((text(&harness, "shown"), harness.state().view.cursor()), ("sudoku9".into(), 3));
    harness.state_mut().apply_link("#iteration=3&damping=0.5");
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["models/sudoku9.safetensors"]);
}

#[test]
fn a_link_to_another_board_selects_its_cell_when_that_board_comes() {
    let (mut harness, _, beside) = playing("#model=sudoku4");
    harness.state_mut().apply_link("#iteration=4&cell=r9c8");
    harness.run_steps(3);
    assert_eq!((text(&harness, "shown"), text(&harness, "selected")), ("sudoku4".into(), "r3c1".into()));
    beside.bring();
    harness.run_steps(3);
    let state = harness.state().state();
    assert_eq!((text(&harness, "shown"), &state["selected"]), ("sudoku9".into(), &"r9c8".into()));
    assert_eq!((&state["cursor"], state["messages"].to_string()), (&4.into(), "[]".into()));
}

#[test]
fn an_iteration_beyond_the_recording_waits_for_the_weights() {
    let (mut harness, engine, beside) = playing("#iteration=40");
    assert_eq!(beside.asked(), ["models/sudoku9.safetensors"]);
    beside.bring();
    harness.run_steps(3);
    assert!(think(&engine.asked()).is_some_and(|(_, n, _)| n >= 40));
}

#[test]
fn two_recordings_are_compared_without_weights() {
    let (mut harness, engine, beside) = window("#with=sudoku9-collapsing&iteration=2");
    assert_eq!(beside.asked(), ["traces/sudoku9.trace", "traces/sudoku9-collapsing.trace"]);
    beside.bring();
    harness.run_steps(4);
    let state = harness.state().state();
    let comparing = &state["comparing"];
    assert_eq!((&comparing["with"], &comparing["recorded"]), (&"sudoku9-collapsing".into(), &true.into()));
    assert_eq!((&comparing["last"], &comparing["differ"]), (&16.into(), &0.into()));
    let weights = beside.asked();
    assert!(weights.is_empty(), "{weights:?}");
    // Further than the recordings both are computed.
    harness.state_mut().act(Action::RunFourfold, &eframe::egui::Context::default());
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["models/sudoku9.safetensors", "models/sudoku9-collapsing.safetensors"]);
    beside.bring();
    harness.run_steps(3);
    let asked = engine.asked();
    assert_eq!(asked.iter().filter(|c| matches!(c, Command::Think { iterations: 64, .. })).count(), 2, "{asked:?}");
}

#[test]
fn a_puzzle_of_ones_own_is_kept_and_asked() {
    let own = crate::tasks::sudoku::Generator::new(crate::tasks::sudoku::GenerateSpec::usual(Shape::S9), 3).puzzle(0);
    let (mut harness, engine, beside) = playing(&format!("#puzzle={}", own.clues.to_line()));
    assert_eq!(beside.asked(), ["models/sudoku9.safetensors"]);
    beside.bring();
    harness.run_steps(3);
    assert_eq!(think(&engine.asked()).map(|(_, _, clues)| clues), Some(own.clues));
}

#[test]
fn a_recording_that_does_not_come_leaves_a_window_that_can_be_used() {
    let (mut harness, engine, beside) = window("");
    beside.fail("the connection was lost, or there is none (https://host/web/sudoku9.trace)");
    harness.run_steps(3);
    harness.get_by_label_contains("The recording of sudoku9 could not be loaded: the connection was lost");
    assert!(engine.asked().is_empty() && beside.asked().is_empty(), "an empty board is asked nothing");
    harness.get_by_label("Try again").click();
    harness.run_steps(3);
    beside.fail("again");
    harness.run_steps(3);
    harness.get_by_label("Put away").click();
    harness.run_steps(3);
    harness.state_mut().paste(&fake::puzzle(Shape::S9).clues.to_line());
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["models/sudoku9.safetensors"]);
}

#[test]
fn the_recorded_training_comes_when_it_is_wanted() {
    let (mut harness, _, beside) = playing("");
    harness.state_mut().act(Action::OpenTraining, &eframe::egui::Context::default());
    harness.run_steps(3);
    assert_eq!(beside.asked(), ["traces/sudoku4-training.trace"]);
    harness.get_by_label_contains("Loading the recorded training (");
    beside.fail("the server answered 503 (web/training.trace)");
    harness.run_steps(3);
    harness.get_by_label("Try again").click();
    harness.run_steps(2);
    beside.bring();
    harness.run_steps(3);
    assert!(harness.state().step_shown().is_some());
    let link = text(&harness, "link");
    // A link to one of its steps brings it, too.
    let (mut harness, _, beside) = window(&link);
    assert_eq!(beside.asked(), ["traces/sudoku9.trace", "traces/sudoku4-training.trace"]);
    beside.bring();
    harness.run_steps(4);
    assert!(harness.state().step_shown().is_some());
    assert_eq!(text(&harness, "link"), link);
    assert!(beside.asked().is_empty(), "{:?}", beside.asked());
}
