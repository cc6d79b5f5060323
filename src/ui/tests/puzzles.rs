//! Puzzles: typed, pasted, made, and what is wrong with them.

use eframe::egui::{Event as Input, Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::fake::*;
use crate::engine::protocol::Command;
use crate::tasks::sudoku::{Grid, Shape};

fn type_text(harness: &mut egui_kittest::Harness<'static, crate::ui::Lab>, text: &str) {
    harness.event(Input::Text(text.into()));
    harness.run();
}

#[test]
fn a_typed_duplicate_is_outlined_and_said() {
    let (mut harness, engine) = live(16);
    let clues = puzzle(Shape::S9).clues;
    let given = clues.cells().iter().position(|d| *d != 0).expect("a clue");
    let row = given / 9;
    let blank = (row * 9..row * 9 + 9).find(|c| clues.get(*c) == 0).expect("a blank in its row");
    harness.get_by_label_contains(&format!("row {} column {},", row + 1, blank % 9 + 1)).click();
    harness.run();
    engine.asked();
    type_text(&mut harness, &clues.get(given).to_string());
    let said = format!("{} stands twice in row {}", clues.get(given), row + 1);
    assert!(harness.query_all_by_label_contains(&said).next().is_some(), "{said}");
    let marked = harness.state().puzzle.marked();
    assert!(marked.contains(&given) && marked.contains(&blank), "{marked:?}");
    assert!(think(&engine.asked()).is_none(), "a contradiction is not put to the model");
    press(&mut harness, Key::Backspace);
    assert!(harness.state().puzzle.marked().is_empty());
    assert_eq!(think(&engine.asked()).map(|t| t.2), Some(clues));
}

#[test]
fn digits_do_nothing_without_the_board() {
    let (mut harness, _engine) = live(16);
    let before = harness.state().looking.clues().clone();
    type_text(&mut harness, "5");
    assert_eq!(*harness.state().looking.clues(), before);
}

#[test]
fn typing_clears_undoes_and_redoes() {
    let (mut harness, _engine) = live(16);
    let before = harness.state().looking.clues().clone();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Backspace);
    harness.run();
    assert_eq!(*harness.state().looking.clues(), Grid::empty(Shape::S9));
    type_text(&mut harness, "5");
    assert_eq!(harness.state().looking.clues().get(40), 5);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run();
    assert_eq!(*harness.state().looking.clues(), before);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Y);
    harness.run();
    assert_eq!(*harness.state().looking.clues(), Grid::empty(Shape::S9));
}

#[test]
fn a_text_of_the_wrong_length_is_refused_with_a_reason() {
    let (mut harness, _engine) = live(16);
    let before = harness.state().looking.clues().clone();
    harness.event(Input::Paste("12345".into()));
    harness.run();
    assert!(harness.state().toasts.shows("5 cells"), "the length is said");
    assert_eq!(*harness.state().looking.clues(), before);
}

#[test]
fn a_pasted_puzzle_is_asked() {
    let (mut harness, engine) = live(16);
    engine.asked();
    let line = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..";
    harness.event(Input::Paste(line.into()));
    harness.run();
    assert_eq!(think(&engine.asked()).map(|t| t.2.to_line()).as_deref(), Some(line));
    wait(&mut harness, "the solver", |lab| lab.looking.trace.puzzle.solution.is_some());
}

#[test]
fn the_text_field_takes_a_puzzle() {
    let (mut harness, engine) = live(16);
    engine.asked();
    harness.get_by_label("puzzle as text").focus();
    harness.run();
    let line = "1...34....4....1";
    harness.get_by_label("puzzle as text").type_text(line);
    harness.run();
    harness.get_by_label("Use").click();
    harness.run();
    assert_eq!(harness.state().looking.clues().to_line(), line);
    // A 4×4 puzzle under a 9×9 model: not asked, and the message names the one that fits.
    assert!(think(&engine.asked()).is_none());
    assert!(harness.query_all_by_label_contains("The shipped model Sudoku 4×4 would fit").next().is_some());
    harness.get_by_label("Open Sudoku 4×4").click();
    harness.run();
    open(&mut harness, &engine, Shape::S4);
    assert_eq!(think(&engine.asked()).map(|t| t.2.to_line()).as_deref(), Some(line), "the puzzle is kept");
}

#[test]
fn several_solutions_are_shown() {
    let (mut harness, _engine) = live(16);
    harness.event(Input::Paste(format!("12{}", ".".repeat(79))));
    harness.run();
    wait(&mut harness, "two solutions", |lab| lab.puzzle.two.is_some());
    assert!(harness.query_all_by_label_contains("More than one solution").next().is_some());
}

#[test]
fn no_solution_is_said() {
    let (mut harness, _engine) = live(16);
    harness.event(Input::Paste("123....4........".into()));
    harness.run();
    wait(&mut harness, "the solver", |lab| lab.puzzle.problem().is_some());
    assert!(harness.query_all_by_label_contains("no solution").next().is_some());
}

#[test]
fn a_new_puzzle_fits_the_model() {
    let (mut harness, engine) = live(16);
    let before = harness.state().looking.clues().clone();
    engine.asked();
    harness.get_by_label("New").click();
    harness.run();
    wait(&mut harness, "the generator", |lab| *lab.looking.clues() != before);
    let asked = engine.asked();
    assert_eq!(think(&asked).map(|t| t.2.shape()), Some(Shape::S9));
    assert_eq!(asked.iter().filter(|c| matches!(c, Command::Think { .. })).count(), 1);
}
