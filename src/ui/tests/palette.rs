//! The command palette, the menu and the list of commands: one list.

use eframe::egui::{Key, Modifiers, Role, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::*;
use super::pictures::save;
use crate::engine::protocol::{Command, ModelSource};
use crate::tasks::sudoku::Shape;
use crate::ui::view::{ColourMode, Page, PlotPage};
use crate::ui::{Action, Lab};

fn find(harness: &mut Harness<'static, Lab>, text: &str) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    harness.run();
    harness.get_by_label("find a command by its name").type_text(text);
    harness.run();
}

#[test]
fn a_command_is_found_and_done() {
    let (mut harness, engine) = live(16);
    find(&mut harness, "16 times");
    press(&mut harness, Key::Escape);
    assert!(!harness.state().finder.is_open());
    engine.asked();
    find(&mut harness, "sixteen");
    harness.get_by_label("command: run sixteen times as many");
    press(&mut harness, Key::Enter);
    assert!(!harness.state().finder.is_open());
    assert_eq!(think(&engine.asked()).map(|t| t.1), Some(256));
    find(&mut harness, "colours entr");
    press(&mut harness, Key::Enter);
    assert_eq!(harness.state().view.colour, ColourMode::Entropy);
    find(&mut harness, "panel routing");
    press(&mut harness, Key::Enter);
    assert_eq!(harness.state().view.plots, PlotPage::Routing);
    engine.asked();
    find(&mut harness, "open sudoku 4");
    press(&mut harness, Key::Enter);
    let asked = engine.asked();
    let opened =
        |c: &Command| matches!(c, Command::OpenModel { source: ModelSource::Shipped(n), .. } if n == "sudoku4");
    assert!(asked.iter().any(opened), "{asked:?}");
}

#[test]
fn arrows_choose_and_what_does_nothing_says_why() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, _engine) = lab_with(options(Shape::S9), [1280.0, 800.0], theme);
        harness.run_steps(3);
        harness.state_mut().view.playing = false;
        find(&mut harness, "undo");
        harness.get_by_label("command: undo, not now: nothing to take back");
        let cursor = harness.state().view.cursor();
        press(&mut harness, Key::Enter);
        assert!(harness.state().finder.is_open(), "it does nothing and stays");
        press(&mut harness, Key::Escape);
        find(&mut harness, "iteration");
        press(&mut harness, Key::ArrowDown);
        press(&mut harness, Key::ArrowDown);
        assert_eq!(harness.state().view.cursor(), cursor, "arrows are the palette's own");
        save(&mut harness, &format!("palette-{name}"));
        // A click outside closes it.
        harness.drag_at([20.0, 700.0].into());
        harness.step();
        harness.drop_at([20.0, 700.0].into());
        harness.run();
        assert!(!harness.state().finder.is_open());
    }
    let (mut harness, _engine) = lab_with(options(Shape::S9), [390.0, 844.0], Theme::Light);
    harness.run_steps(3);
    find(&mut harness, "");
    save(&mut harness, "palette-narrow");
    press(&mut harness, Key::Escape);
    find(&mut harness, "panel over boards");
    press(&mut harness, Key::Enter);
    assert_eq!((harness.state().view.page, harness.state().view.plots), (Page::Plots, PlotPage::Boards));
}

#[test]
fn a_slash_opens_it_but_not_while_typing() {
    let (mut harness, _engine) = lab();
    press(&mut harness, Key::Slash);
    assert!(harness.state().finder.is_open());
    press(&mut harness, Key::Escape);
    harness.get_by_label("puzzle as text").focus();
    harness.run();
    press(&mut harness, Key::Slash);
    assert!(!harness.state().finder.is_open());
}

#[test]
fn one_list_without_doubles() {
    let (harness, _engine) = live(16);
    let offers = harness.state().offers(&harness.ctx);
    for (i, offer) in offers.iter().enumerate() {
        assert!(offers[..i].iter().all(|o| o.text != offer.text), "{} twice", offer.text);
        assert!(offer.hover.ends_with(['.', '?']), "{}: {}", offer.text, offer.hover);
        for key in offer.action.keys() {
            let twice = offers[..i].iter().find(|o| o.action.keys().contains(&key));
            assert!(twice.is_none(), "{} and {:?} share a key", offer.text, twice.map(|o| &o.text));
        }
    }
    assert!(Action::ALL.iter().all(|a| offers.iter().any(|o| o.action == *a)));
}

#[test]
fn the_menu_has_every_topic() {
    let (mut harness, engine) = live(16);
    harness.get_by_label("menu").click();
    harness.run();
    save(&mut harness, "menu");
    harness.get_by_role_and_label(Role::Button, "Iterations").click();
    harness.run();
    engine.asked();
    harness.get_by_label_contains("run four times as many").click();
    harness.run();
    assert_eq!(think(&engine.asked()).map(|t| t.1), Some(64));
}
