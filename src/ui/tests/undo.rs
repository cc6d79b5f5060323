//! Edits that are taken back and made again.

use eframe::egui::{Key, Modifiers, Role, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::*;
use crate::engine::protocol::{Command, ModelSource};
use crate::tasks::sudoku::{Grid, Shape};
use crate::ui::{Action, Lab};

fn back(harness: &mut Harness<'static, Lab>) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run();
}

fn again(harness: &mut Harness<'static, Lab>) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Y);
    harness.run();
}

#[test]
fn a_drag_of_a_slider_is_one_edit_and_is_asked_again() {
    let (mut harness, engine) = live(16);
    harness.get_by_label("panel interventions").click();
    harness.run();
    let slider = harness.get_by_role_and_label(Role::Slider, "damping α").rect();
    let at = |x: f32| slider.left_center() + vec2(slider.width() * x, 0.0);
    harness.drag_at(at(0.40));
    harness.step();
    for i in 0..6 {
        harness.hover_at(at(0.38 - 0.05 * i as f32));
        harness.step();
    }
    harness.drop_at(at(0.13));
    harness.run();
    let damped = harness.state().interventions.damping;
    assert!(damped < 0.6, "{damped}");
    assert_eq!(harness.state().undo.counts(), [1, 0]);
    engine.asked();
    back(&mut harness);
    assert_eq!(harness.state().interventions.damping, 1.0);
    assert!(harness.state().toasts.shows("Taken back: the interventions, damping α"));
    let asked = engine.asked();
    let plain = |c: &Command| matches!(c, Command::Think { interventions, .. } if interventions.damping == 1.0);
    assert!(asked.iter().any(plain), "{asked:?}");
    again(&mut harness);
    assert_eq!(harness.state().interventions.damping, damped);
}

#[test]
fn edits_of_all_kinds_in_their_order() {
    let (mut harness, engine) = live(16);
    let before = harness.state().looking.clues().clone();
    harness.get_by_label("4T").click();
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Backspace);
    harness.run();
    assert!(harness.state_mut().develop("preset to train: sudoku6"));
    let preset = harness.state().training.chosen;
    assert_ne!(preset, 0);
    assert_eq!(harness.state().state()["undo"]["next"], "what is trained");
    back(&mut harness);
    assert_eq!(harness.state().training.chosen, 0);
    back(&mut harness);
    assert_eq!(*harness.state().looking.clues(), before);
    engine.asked();
    back(&mut harness);
    assert_eq!(harness.state().iterations, 16);
    assert!(harness.state().toasts.shows("the iterations to run, 64 to 16"));
    assert_eq!(think(&engine.asked()).map(|t| t.1), Some(16));
    for _ in 0..3 {
        again(&mut harness);
    }
    assert_eq!((harness.state().iterations, harness.state().training.chosen), (64, preset));
    assert_eq!(*harness.state().looking.clues(), Grid::empty(Shape::S9));
}

#[test]
fn another_model_is_taken_back_with_its_puzzle() {
    let (mut harness, engine) = live(16);
    let before = harness.state().looking.clues().clone();
    harness.get_by_label("4T").click();
    harness.run();
    assert!(harness.state_mut().develop("open Sudoku 4×4"));
    harness.run();
    open(&mut harness, &engine, Shape::S4);
    assert_eq!(harness.state().looking.clues().shape(), Shape::S4);
    engine.asked();
    back(&mut harness);
    let asked = engine.commands.borrow().clone();
    let opened =
        |c: &Command| matches!(c, Command::OpenModel { source: ModelSource::Shipped(n), .. } if n == "sudoku9");
    assert!(asked.iter().any(opened), "{asked:?}");
    assert!(harness.state().toasts.shows("the model, sudoku4 to sudoku9"));
    open(&mut harness, &engine, Shape::S9);
    assert_eq!(*harness.state().looking.clues(), before);
    assert_eq!(harness.state().iterations, 64);
    assert_eq!(think(&engine.asked()).map(|t| t.1), Some(64));
}

#[test]
fn nothing_to_take_back_is_no_trouble() {
    let (mut harness, engine) = live(16);
    engine.asked();
    back(&mut harness);
    again(&mut harness);
    harness.state_mut().act(Action::Undo, &eframe::egui::Context::default());
    assert!(engine.asked().is_empty());
}
