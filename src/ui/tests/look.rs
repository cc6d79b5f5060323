//! Looking: playing, stepping, dragging, reaching for more, frames that arrive.

use eframe::egui::{Key, Modifiers, Theme};
use egui_kittest::kittest::{NodeT, Queryable};

use super::fake::*;
use crate::engine::protocol::{Command, Event, ModelSource};
use crate::tasks::sudoku::Shape;
use crate::trace::Step;

#[test]
fn opens_on_a_recording_and_plays_before_any_device() {
    let (mut harness, engine) = lab_with(options(Shape::S9), [1280.0, 800.0], Theme::Light);
    harness.run_steps(30);
    assert!(harness.state().view.playing);
    assert!(harness.state().view.cursor() > 2, "{}", harness.state().view.cursor());
    assert!(harness.state().looking.recorded);
    let asked = engine.asked();
    assert!(
        matches!(&asked[0], Command::OpenModel { source: ModelSource::Shipped(name), .. } if name == "sudoku9"),
        "{asked:?}"
    );
    assert!(harness.query_by_label("starting the device").is_some());
}

#[test]
fn device_and_model_then_the_puzzle_is_asked() {
    let (mut harness, engine) = lab();
    open(&mut harness, &engine, Shape::S9);
    let (_, iterations, clues) = think(&engine.asked()).expect("a question");
    assert_eq!((iterations, clues), (16, puzzle(Shape::S9).clues));
    harness.get_by_label("CPU (flex, 2 threads)");
    harness.get_by_label_contains("796,937 parameters");
}

#[test]
fn keys_move_the_cursor() {
    let (mut harness, _engine) = lab();
    let at = |h: &egui_kittest::Harness<'static, crate::ui::Lab>| h.state().view.cursor();
    press(&mut harness, Key::ArrowRight);
    press(&mut harness, Key::ArrowRight);
    assert_eq!(at(&harness), 2);
    press(&mut harness, Key::ArrowLeft);
    assert_eq!(at(&harness), 1);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    harness.run();
    assert_eq!(at(&harness), 11);
    press(&mut harness, Key::End);
    assert_eq!(at(&harness), 16);
    press(&mut harness, Key::Home);
    assert_eq!(at(&harness), 0);
    press(&mut harness, Key::Space);
    assert!(harness.state().view.playing);
    harness.run_steps(20);
    assert!(at(&harness) > 0);
    press(&mut harness, Key::Space);
    assert!(!harness.state().view.playing);
}

#[test]
fn the_transport_has_names() {
    let (mut harness, _engine) = lab();
    for name in [
        "first iteration",
        "previous iteration",
        "play or pause",
        "next iteration",
        "last iteration",
        "repeat",
        "follow the newest iteration",
    ] {
        harness.get_by_label(name);
    }
    harness.get_by_label("next iteration").click();
    harness.run();
    assert_eq!(harness.state().view.cursor(), 1);
}

#[test]
fn every_cell_has_a_name() {
    let (mut harness, _engine) = lab();
    harness.state_mut().go_to(16);
    harness.run();
    for row in 1..=9 {
        for column in 1..=9 {
            harness.get_by_label_contains(&format!("row {row} column {column},"));
        }
    }
    let clues = puzzle(Shape::S9).clues;
    let blank = clues.cells().iter().position(|d| *d == 0).expect("a blank");
    let name = format!("row {} column {}, answer", blank / 9 + 1, blank % 9 + 1);
    let label = harness.get_by_label_contains(&name).accesskit_node().label().unwrap_or_default();
    assert!(label.contains("percent"), "{label}");
}

#[test]
fn arrows_move_the_selection_when_the_board_has_the_focus() {
    let (mut harness, _engine) = lab();
    harness.get_by_label_contains("row 5 column 5,").click();
    harness.run();
    assert_eq!(harness.state().view.selected, 40);
    press(&mut harness, Key::ArrowRight);
    press(&mut harness, Key::ArrowDown);
    assert_eq!(harness.state().view.selected, 50);
    assert_eq!(harness.state().view.cursor(), 0, "the iteration stays");
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::ArrowRight);
    assert_eq!(harness.state().view.cursor(), 1, "without the board, arrows step");
    harness.key_press_modifiers(Modifiers::ALT, Key::ArrowUp);
    harness.run();
    assert_eq!(harness.state().view.selected, 41);
}

#[test]
fn the_timeline_is_a_slider_and_can_be_dragged() {
    let (mut harness, _engine) = lab();
    let (rect, value) = {
        let slider = harness.get_by_role_and_label(eframe::egui::Role::Slider, "iteration");
        (slider.rect(), slider.accesskit_node().numeric_value())
    };
    assert_eq!(value, Some(0.0));
    harness.drag_at(rect.left_center() + eframe::egui::vec2(10.0, 0.0));
    harness.step();
    harness.hover_at(rect.left_center() + eframe::egui::vec2(200.0, 0.0));
    harness.step();
    harness.drop_at(rect.left_center() + eframe::egui::vec2(200.0, 0.0));
    harness.run();
    let there = harness.state().view.cursor();
    assert!(there > 3, "{there}");
    harness.get_by_role_and_label(eframe::egui::Role::Slider, "iteration").increment_accesskit();
    harness.run();
    assert_eq!(harness.state().view.cursor(), there + 1);
    harness.get_by_label("iteration 16, trained");
}

#[test]
fn marks_are_named_and_lead_there() {
    let (mut harness, _engine) = lab();
    let solved = harness.state().looking.marks.first().map(|m| m.iteration).expect("it gets solved");
    harness.get_by_label(&format!("first solved at iteration {solved}")).click();
    harness.run();
    assert_eq!(harness.state().view.cursor(), solved);
}

#[test]
fn frames_extend_the_trace_and_keep_the_cursor() {
    let (mut harness, engine) = lab();
    harness.state_mut().go_to(5);
    open(&mut harness, &engine, Shape::S9);
    let (request, ..) = think(&engine.asked()).expect("a question");
    let all = frames(&puzzle(Shape::S9), 16);
    engine.tell(Event::Frames { request, step: Step(1500), frames: all[..3].to_vec(), seconds: 0.1, done: false });
    harness.run();
    assert!(harness.state().looking.recorded, "the recording stays until the new pass reaches the cursor");
    engine.tell(Event::Frames { request, step: Step(1500), frames: all[3..9].to_vec(), seconds: 0.1, done: false });
    harness.run();
    assert!(!harness.state().looking.recorded);
    assert_eq!((harness.state().looking.last(), harness.state().view.cursor()), (9, 5));
    engine.tell(Event::Frames { request, step: Step(1500), frames: all[9..].to_vec(), seconds: 0.1, done: true });
    harness.run();
    assert_eq!((harness.state().looking.last(), harness.state().view.cursor()), (16, 5));
    assert!(harness.state().looking.verdict.contains("ettled"), "{}", harness.state().looking.verdict);
}

#[test]
fn reaching_beyond_asks_for_more_and_lands_there() {
    let (mut harness, engine) = live(16);
    engine.asked();
    harness.state_mut().go_to(50);
    harness.run();
    let (_, iterations, _) = think(&engine.commands.borrow()).expect("more is asked for");
    assert_eq!(iterations, 64);
    answer(&mut harness, &engine, 64);
    assert_eq!((harness.state().view.cursor(), harness.state().looking.last()), (50, 64));
}

#[test]
fn frames_of_an_older_question_are_ignored() {
    let (mut harness, engine) = live(16);
    let (old, ..) = think(&engine.asked()).expect("a question");
    engine.tell(Event::Frames {
        request: old,
        step: Step(1),
        frames: frames(&puzzle(Shape::S9), 30),
        seconds: 0.1,
        done: true,
    });
    harness.run();
    assert_eq!(harness.state().looking.last(), 16);
}

#[test]
fn presets_of_iterations() {
    let (mut harness, engine) = live(16);
    engine.asked();
    harness.get_by_label("16T").click();
    harness.run();
    assert_eq!(think(&engine.asked()).map(|t| t.1), Some(256));
}

#[test]
fn attention_is_asked_once_and_shown() {
    let (mut harness, engine) = live(16);
    harness.state_mut().go_to(4);
    engine.asked();
    harness.get_by_label("attention").click();
    harness.run();
    let asked = engine.asked();
    let requests: Vec<_> = asked
        .iter()
        .filter_map(|c| match c {
            Command::Attend { request, cell, iteration, .. } => Some((*request, *cell, *iteration)),
            _ => None,
        })
        .collect();
    assert_eq!(requests.len(), 1, "{asked:?}");
    let (request, cell, iteration) = requests[0];
    assert_eq!((cell, iteration), (40, 4));
    let row = vec![1.0 / 81.0; 81];
    engine.tell(Event::Attention { request, cell, iteration, weights: vec![vec![row; 4]; 2] });
    harness.run();
    assert!(harness.state().attention_now().is_some_and(|w| w.len() == 81));
    harness.get_by_label("attention head");
}

#[test]
fn failures_are_shown_whole_until_dismissed() {
    let (mut harness, engine) = lab();
    let message =
        "weights.safetensors lacks the tensor “embed.weight”; this file has 12 tensors, a Sudoku model has 30";
    engine.tell(Event::Failed { request: None, message: message.into() });
    harness.run();
    harness.get_by_label(message);
    harness.get_by_label("dismiss").click();
    harness.run();
    assert!(!harness.state().toasts.shows(message));
    harness.get_by_label("1 problem").click();
    harness.run();
    harness.get_by_label(message);
}

#[test]
fn a_file_without_description_can_be_helped() {
    let (mut harness, engine) = lab();
    harness.state_mut().open_model(ModelSource::Path("/tmp/bare.safetensors".into()));
    let asked = engine.asked();
    let Some(Command::OpenModel { request, .. }) = asked.last() else { panic!("{asked:?}") };
    engine.tell(Event::Failed { request: Some(*request), message: "give heads=N".into() });
    harness.run();
    harness.get_by_label("settings for the file").focus();
    harness.run();
    harness.get_by_label("settings for the file").type_text("heads=4");
    harness.run();
    harness.get_by_label("Try again").click();
    harness.run();
    assert!(matches!(engine.asked().last(), Some(Command::OpenModel { set, .. }) if set == &["heads=4"]));
}

#[test]
fn the_list_of_commands_opens_by_key() {
    let (mut harness, _engine) = lab();
    press(&mut harness, Key::F1);
    harness.get_by_label("run sixteen times as many");
    press(&mut harness, Key::F1);
    assert!(harness.query_by_label("run sixteen times as many").is_none());
}

#[test]
fn colours_by_key_and_click() {
    let (mut harness, _engine) = lab();
    harness.state_mut().go_to(6);
    for name in ["confidence", "entropy", "flips", "right or wrong"] {
        press(&mut harness, Key::C);
        assert_eq!(harness.state().view.colour.name(), name);
    }
}

#[test]
fn interventions_ask_again() {
    let (mut harness, engine) = live(16);
    engine.asked();
    harness.state_mut().interventions.damping = 0.5;
    harness.state_mut().ask_soon();
    harness.run();
    let asked = engine.asked();
    assert!(
        matches!(asked.last(), Some(Command::Think { interventions, .. }) if interventions.damping == 0.5),
        "{asked:?}"
    );
}

#[test]
fn a_narrow_window_has_all_pages() {
    let (mut harness, _engine) = lab_with(options(Shape::S9), [390.0, 844.0], Theme::Light);
    harness.run_steps(4);
    for (page, has) in
        [("Model", "damping α"), ("Puzzle", "puzzle as text"), ("Plots", "over iterations"), ("Train", "preset")]
    {
        harness.get_by_role_and_label(eframe::egui::Role::Button, page).click();
        harness.run();
        assert!(harness.query_all_by_label(has).next().is_some(), "{page} has no {has}");
    }
    harness.get_by_label_contains("row 9 column 9,");
    harness.get_by_role_and_label(eframe::egui::Role::Slider, "iteration");
}

#[test]
fn other_boards_fit() {
    for shape in [Shape::S4, Shape::S6] {
        let (mut harness, _engine) = lab_with(options(shape), [1280.0, 800.0], Theme::Dark);
        harness.run_steps(8);
        let n = shape.side();
        harness.get_by_label_contains(&format!("row {n} column {n},"));
    }
}

#[test]
fn it_opens_without_anything() {
    let (mut harness, engine) = lab_with(crate::ui::LabOptions::default(), [1280.0, 800.0], Theme::Light);
    harness.run_steps(4);
    assert!(engine.asked().is_empty());
    assert!(harness.query_all_by_label_contains("No model is open").next().is_some());
}

#[test]
fn closing_the_window_drops_the_handle() {
    let (harness, engine) = lab();
    assert!(!engine.dropped.get());
    drop(harness);
    assert!(engine.dropped.get());
}
