//! Training step × iteration: the second slider, the map, the link's step, replay without a device.

use eframe::egui::{Key, Modifiers, Pos2, Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::fake::*;
use super::pictures::save;
use super::train::{metrics, prepared, probe};
use crate::config::{Link, shipped};
use crate::engine::protocol::{Command, Event, Subject, TrainingState};
use crate::tasks::sudoku::{GenerateSpec, Generator, Puzzle, Shape};
use crate::trace::{Iteration, Quantity, Recording, RunFacts, Step, Trace};
use crate::ui::view::PlotPage;
use crate::ui::{Action, Lab, LabOptions};

/// So many 4×4 boards.
fn boards(count: u64) -> Vec<Puzzle> {
    let made = Generator::new(GenerateSpec::usual(Shape::S4), 11);
    (0..count).map(|i| Puzzle::checked(made.puzzle(i).clues).expect("one solution")).collect()
}

/// What a training made of the boards at a step: late steps are where early ones come to.
pub fn recorded(step: u32, boards: &[Puzzle]) -> Vec<Trace> {
    let late = step / 60;
    let made = |puzzle: &Puzzle| {
        let all = frames(puzzle, 24 + late);
        let frames = (1..=24u32).map(|t| {
            let from = (1 + t * late.min(30) / 20).min(24 + late);
            crate::trace::Frame { iteration: Iteration(t), ..all[from as usize - 1].clone() }
        });
        Trace {
            frames: frames.collect(),
            step: Step(step),
            trained_iterations: 6,
            puzzle: puzzle.clone(),
            ..trace(Shape::S4, 1)
        }
    };
    boards.iter().map(made).collect()
}

fn recording(steps: &[u32]) -> Recording {
    let run = RunFacts { name: "sudoku4".into(), seed: 1, steps: 1500, ..RunFacts::default() };
    let boards = boards(3);
    Recording::of(run, steps.iter().flat_map(|s| recorded(*s, &boards)).collect()).expect("a recording")
}

const STEPS: [u32; 6] = [0, 100, 300, 600, 1000, 1500];

/// A window on a recorded training; there is no engine and none comes.
fn replaying() -> (Harness<'static, Lab>, Engine) {
    let opening = LabOptions { recording: Some(recording(&STEPS)), ..options(Shape::S9) };
    let (mut harness, engine) = lab_with(opening, [1280.0, 800.0], Theme::Light);
    harness.run_steps(2);
    harness.state_mut().view.playing = false;
    harness.run();
    (harness, engine)
}

fn state(harness: &Harness<'static, Lab>, key: &str) -> serde_json::Value {
    harness.state().state()[key].clone()
}

/// Starts a training whose first steps are recorded.
fn training(steps: &[u32]) -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = live(16);
    harness.get_by_label("Start").click();
    harness.run();
    engine.tell(prepared(0));
    let boards = boards(3);
    for step in steps {
        engine.tell(Event::Boards { traces: recorded(*step, &boards) });
    }
    engine.tell(Event::Training { state: TrainingState::Running, step: Step(*steps.last().unwrap_or(&0)) });
    harness.run_steps(4);
    (harness, engine)
}

#[test]
fn both_axes_are_scrubbed_without_any_device() {
    let (mut harness, engine) = replaying();
    assert_eq!(state(&harness, "steps"), serde_json::json!(STEPS));
    assert_eq!(state(&harness, "step"), 1500);
    harness.get_by_label("step 1,500 of 1,500");
    harness.state_mut().go_to(6);
    harness.run();
    let end = state(&harness, "answer");
    harness.state_mut().act(Action::PreviousStep, &eframe::egui::Context::default());
    harness.run();
    assert_eq!((state(&harness, "step"), state(&harness, "cursor")), (1000.into(), 6.into()));
    let slider = harness.get_by_label("training step");
    assert_eq!(slider.accesskit_node().numeric_value(), Some(1000.0));
    slider.focus();
    harness.run();
    press(&mut harness, Key::Home);
    assert_eq!(state(&harness, "step"), 0);
    assert_eq!(state(&harness, "cursor"), 6, "Home on the slider of the steps leaves the iteration alone");
    assert_ne!(state(&harness, "answer"), end, "another step, another answer");
    press(&mut harness, Key::ArrowRight);
    assert_eq!(state(&harness, "step"), 100);
    harness.get_by_label("training step").set_value_accesskit(640.0);
    harness.run();
    assert_eq!(state(&harness, "step"), 600, "the nearest recorded one");
    // The weights of a recorded step are gone, so nothing is asked beyond its frames.
    engine.asked();
    harness.state_mut().go_to(500);
    harness.run();
    assert_eq!(state(&harness, "cursor"), 24);
    assert!(think(&engine.asked()).is_none());
    // The panels work on it: it is a trace like any other.
    harness.get_by_label("over iterations").click();
    harness.run();
    harness.get_by_label_contains("Entropy, ");
}

#[test]
fn a_step_beside_a_second_pass_is_read_anew() {
    let (mut harness, _engine) = replaying();
    let last = harness.state().looking.trace.clone();
    harness.state_mut().compare_with_recording(vec![last]);
    harness.state_mut().go_to(3);
    harness.run_steps(3);
    assert_eq!(state(&harness, "comparing")["differ"], 0, "a pass beside itself");
    harness.state_mut().choose_step(0);
    harness.run_steps(3);
    assert_eq!((state(&harness, "step"), state(&harness, "cursor")), (0.into(), 3.into()));
    let differ = state(&harness, "comparing")["differ"].as_u64();
    assert!(differ.is_some_and(|n| n > 0), "the first weights answer otherwise: {differ:?}");
    // Their weights are gone, so nothing can be disturbed.
    harness.state_mut().dock.reveal(crate::ui::dock::Pane::Interventions);
    harness.run_steps(3);
    let button = harness.get_by_role_and_label(eframe::egui::Role::Button, "Disturb after iteration 3");
    assert!(button.accesskit_node().is_disabled());
}

#[test]
fn an_engine_that_comes_later_leaves_the_recorded_step_alone() {
    let (mut harness, engine) = replaying();
    open(&mut harness, &engine, Shape::S9);
    assert!(think(&engine.asked()).is_none(), "the recorded step stays");
    assert_eq!(state(&harness, "step"), 1500);
    harness.get_by_label("close the recorded training").click();
    harness.run();
    assert_eq!((state(&harness, "step"), state(&harness, "steps")), (serde_json::Value::Null, serde_json::json!([])));
}

#[test]
fn the_map_sets_step_and_iteration() {
    let (mut harness, _) = replaying();
    harness.run();
    let map = harness.get_by_label_contains("Step × iteration. ").rect();
    // The third row from below, near the middle.
    let at = Pos2::new(map.center().x + 20.0, map.bottom() - 16.0 - (map.height() - 18.0) * 2.5 / 6.0);
    harness.hover_at(at);
    harness.run();
    harness.drag_at(at);
    harness.drop_at(at);
    harness.run();
    assert_eq!(state(&harness, "step"), 300);
    let first = state(&harness, "cursor").as_u64().expect("a cursor");
    assert!((3..24).contains(&first), "{first}");
    let corner = map.right_top() + vec2(-6.0, 4.0);
    harness.drag_at(corner);
    harness.drop_at(corner);
    harness.run();
    assert_eq!((state(&harness, "step"), state(&harness, "cursor")), (1500.into(), 24.into()));
    // Another board, at the same step and iteration.
    let before = state(&harness, "puzzle");
    harness.get_by_label("recorded board 2").click();
    harness.run();
    assert_eq!((state(&harness, "board"), state(&harness, "step")), (2.into(), 1500.into()));
    assert_eq!(state(&harness, "cursor"), 24);
    assert_ne!(state(&harness, "puzzle"), before);
    harness.get_by_label("map of entropy").click();
    harness.run();
    assert_eq!(harness.state().steps.quantity, Quantity::Entropy);
    let words = harness.state().step_words(&recording(&STEPS), 5, 24);
    assert!(words.starts_with("Step 1,500, iteration 24, 3 boards:\n100 % solved, "), "{words}");
}

#[test]
fn new_steps_come_without_moving_the_chosen_one() {
    let (mut harness, engine) = training(&[0, 50, 100]);
    assert_eq!(state(&harness, "steps"), serde_json::json!([0, 50, 100]));
    assert_eq!(state(&harness, "step"), serde_json::Value::Null, "live");
    assert!(think(&engine.commands.borrow()).is_some(), "the weights in training are asked");
    answer(&mut harness, &engine, 16);
    harness.state_mut().act(Action::PreviousStep, &eframe::egui::Context::default());
    assert_eq!(state(&harness, "step"), 100, "from live, back is the newest recorded one");
    harness.state_mut().act(Action::PreviousStep, &eframe::egui::Context::default());
    harness.run();
    engine.asked();
    let boards = boards(3);
    engine.tell(Event::Boards { traces: recorded(150, &boards) });
    engine.tell(Event::Metrics(metrics(200)));
    engine.tell(Event::Probed { report: probe(200), traces: recorded(200, &boards) });
    harness.run_steps(20);
    assert_eq!(
        (state(&harness, "step"), state(&harness, "steps")),
        (50.into(), serde_json::json!([0, 50, 100, 150, 200]))
    );
    assert!(think(&engine.asked()).is_none(), "the training does not take the board back");
    harness.get_by_label("live").click();
    harness.run_steps(3);
    assert_eq!(harness.state().view.subject, Subject::Training);
    assert!(matches!(engine.commands.borrow().last(), Some(Command::Think { subject: Subject::Training, .. })));
    // A training that is thrown away takes its steps along.
    answer(&mut harness, &engine, 16);
    harness.get_by_label("throw the training away").click();
    harness.run();
    assert_eq!(state(&harness, "steps"), serde_json::json!([]));
}

#[test]
fn boards_that_do_not_fit_are_told() {
    let (mut harness, engine) = training(&[0, 50]);
    engine.tell(Event::Boards { traces: recorded(100, &boards(2)) });
    harness.run();
    assert_eq!(state(&harness, "steps"), serde_json::json!([0, 50]));
    assert!(state(&harness, "messages").to_string().contains("step 100 are not those of step 0"));
}

#[test]
fn a_link_has_the_step_and_opens_it() {
    let (mut harness, _) = replaying();
    harness.state_mut().choose_board(1);
    harness.state_mut().act(Action::PreviousStep, &eframe::egui::Context::default());
    harness.state_mut().go_to(4);
    harness.run();
    let link = harness.state().link_of_view();
    assert_eq!((link.step, link.iteration), (Some(1000), Some(4)));
    let text = link.to_string();
    harness.state_mut().apply_link("#step=100&iteration=2");
    harness.run();
    assert_eq!(
        (state(&harness, "step"), state(&harness, "cursor"), state(&harness, "board")),
        (100.into(), 2.into(), 1.into())
    );
    harness.state_mut().apply_link(&text);
    harness.run();
    assert_eq!(
        (state(&harness, "step"), state(&harness, "cursor"), state(&harness, "board")),
        (1000.into(), 4.into(), 2.into())
    );
    assert_eq!(harness.state().link_of_view(), link);
    harness.state_mut().apply_link("#step=950");
    harness.run();
    assert_eq!(state(&harness, "step"), 1000);
    assert!(state(&harness, "messages").to_string().contains("step 950 is not recorded; step 1,000 is the nearest"));
}

#[test]
fn a_link_with_a_step_opens_the_shipped_recording_or_says_what_is_missing() {
    let shipped = Recording::from_bytes(shipped::training()).expect("the shipped recording");
    let board = shipped.puzzle(1).expect("two boards").clues.to_line();
    let opened = |text: &str| {
        let (link, messages) = Link::parse(text);
        assert!(messages.is_empty(), "{messages:?}");
        let (mut harness, engine) =
            lab_with(LabOptions { link: Some(link), ..options(Shape::S9) }, [1280.0, 800.0], Theme::Light);
        harness.run_steps(3);
        (harness, engine)
    };
    let step = shipped.steps().nth(2).expect("three steps").0;
    let (mut harness, engine) = opened(&format!("#puzzle={board}&step={step}&iteration=3"));
    assert_eq!((state(&harness, "step"), state(&harness, "board")), (step.into(), 2.into()));
    open(&mut harness, &engine, Shape::S9);
    assert_eq!((state(&harness, "step"), state(&harness, "cursor")), (step.into(), 3.into()), "also with an engine");
    let (harness, _) = opened("#puzzle=1...34....4....1&step=250");
    assert_eq!(state(&harness, "step"), serde_json::Value::Null);
    assert!(state(&harness, "messages").to_string().contains("Open its file, then the link again"));
}

#[test]
fn a_newcomer_opens_the_shipped_recording() {
    let (mut harness, engine) = lab();
    engine.asked();
    harness.get_by_label("or replay a recorded one").click();
    harness.run_steps(3);
    assert_eq!(harness.state().view.plots, PlotPage::Training);
    let steps = state(&harness, "steps").as_array().map(Vec::len).expect("steps");
    assert!(steps >= 10, "{steps}");
    assert!(harness.state().view.playing);
    harness.get_by_label("last");
    // The first step knows nothing, the last one solves its boards.
    let shipped = Recording::from_bytes(shipped::training()).expect("the shipped recording");
    let share = |index| shipped.value(Quantity::Solved, index, Iteration(shipped.trained()), None).expect("recorded");
    assert!(share(0) < 0.2 && share(shipped.len() - 1) > 0.7, "{} to {}", share(0), share(shipped.len() - 1));
    assert!(shipped::training().len() < 300_000, "{} bytes", shipped::training().len());
}

#[test]
fn a_recording_is_dropped_on_the_window() {
    let (mut harness, _) = lab();
    harness.state_mut().open_bytes("training.trace", recording(&STEPS).to_bytes());
    harness.run_steps(3);
    assert_eq!(state(&harness, "steps"), serde_json::json!(STEPS));
    let bytes = recording(&STEPS).to_bytes();
    harness.state_mut().open_bytes("cut.trace", bytes[..bytes.len() / 2].to_vec());
    harness.run();
    assert!(
        state(&harness, "messages")
            .to_string()
            .contains("cut.trace cannot be opened: the file is damaged or cut short")
    );
    assert_eq!(state(&harness, "steps"), serde_json::json!(STEPS), "what was there stays");
}

#[test]
fn keys_of_the_steps_are_free_of_others() {
    let (mut harness, _) = replaying();
    press(&mut harness, Key::PageDown);
    assert_eq!(state(&harness, "step"), 1000);
    press(&mut harness, Key::PageUp);
    press(&mut harness, Key::PageDown);
    press(&mut harness, Key::PageDown);
    assert_eq!(state(&harness, "step"), 600);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::PageUp);
    harness.run();
    assert_eq!(state(&harness, "step"), 1500);
}

#[test]
fn pictures_of_the_steps() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        for (size, wide) in [([1280.0, 800.0], "wide"), ([390.0, 844.0], "narrow")] {
            let (mut harness, _) = lab_with(options(Shape::S9), size, theme);
            harness.run_steps(2);
            harness.state_mut().act(Action::OpenTraining, &eframe::egui::Context::default());
            harness.state_mut().view.page = crate::ui::view::Page::Plots;
            harness.state_mut().view.playing = false;
            harness.run();
            let middle = harness.state().recording().map_or(0, |r| r.len() / 3);
            harness.state_mut().choose_step(middle);
            harness.state_mut().go_to(5);
            harness.state_mut().toasts = Default::default();
            harness.run();
            save(&mut harness, &format!("steps-{wide}-{name}"));
            harness.state_mut().steps.quantity = Quantity::Entropy;
            harness.state_mut().steps.one_board = true;
            harness.run();
            save(&mut harness, &format!("steps-entropy-{wide}-{name}"));
        }
    }
    let (mut harness, engine) = training(&[0, 50, 100, 150, 250, 400]);
    answer(&mut harness, &engine, 24);
    engine.tell(Event::Metrics(metrics(410)));
    harness.get_by_label("over training").click();
    harness.run();
    save(&mut harness, "steps-training-light");
}
