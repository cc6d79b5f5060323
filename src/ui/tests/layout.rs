//! Panels: where they are, docked elsewhere, closed, opened, kept; what the pointer is on, in all of them.

use std::collections::HashMap;

use eframe::App as _;
use eframe::egui::{Key, Pos2, Rect, Role, Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::fake::*;
use super::pictures::save;
use crate::tasks::sudoku::Shape;
use crate::ui::Lab;
use crate::ui::dock::Pane;
use crate::ui::plots::PAGES;
use crate::ui::view::PlotPage;

/// What outlives a window, in memory.
#[derive(Default)]
struct Kept(HashMap<String, String>);

impl eframe::Storage for Kept {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.into(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

fn wide(theme: Theme) -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = lab_with(options(Shape::S9), [1280.0, 800.0], theme);
    harness.run_steps(3);
    open(&mut harness, &engine, Shape::S9);
    answer(&mut harness, &engine, 64);
    harness.state_mut().go_to(5);
    harness.state_mut().view.playing = false;
    harness.run();
    (harness, engine)
}

fn rect(harness: &Harness<'static, Lab>, pane: Pane) -> Rect {
    harness.state().dock.rect(pane).unwrap_or_else(|| panic!("{pane:?} is on screen"))
}

fn tab(harness: &Harness<'static, Lab>, pane: Pane) -> Rect {
    harness.get_by_role_and_label(Role::Tab, &pane.label()).rect()
}

/// Drags from one place to another, as a hand does: with stops on the way.
fn drag(harness: &mut Harness<'static, Lab>, from: Pos2, to: Pos2) {
    harness.hover_at(from);
    harness.step();
    harness.drag_at(from);
    harness.step();
    for i in 1..=8 {
        harness.hover_at(from + (to - from) * (i as f32 / 8.0));
        harness.step();
    }
    harness.run_steps(3);
    harness.drop_at(to);
    harness.run_steps(3);
    harness.remove_cursor();
    harness.run();
}

#[test]
fn the_usual_arrangement() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, _engine) = wide(theme);
        let board = rect(&harness, Pane::Board);
        let plots = rect(&harness, Pane::Plots(PlotPage::Iterations));
        let mut above = 0.0;
        for pane in [Pane::Model, Pane::Puzzle, Pane::Cell] {
            let rect = rect(&harness, pane);
            assert!(rect.right() <= board.left() && rect.width() >= 230.0, "{pane:?} {rect}");
            assert!(rect.top() > above, "{pane:?} {rect}");
            above = rect.top();
        }
        assert!(plots.left() >= board.right());
        assert!(board.width() > 400.0, "{board}");
        // One row of tabs, and room for all of them.
        for (page, ..) in PAGES {
            let tab = tab(&harness, Pane::Plots(*page));
            assert!(tab.bottom() <= plots.top() + 1.0 && tab.right() <= plots.right() + 1.0, "{page:?} {tab} {plots}");
        }
        assert!(!harness.state().dock.own);
        save(&mut harness, &format!("panels-{name}"));
    }
}

#[test]
fn small_and_large_windows_have_room_for_the_board() {
    for size in [[720.0, 640.0], [1024.0, 700.0], [1920.0, 1080.0]] {
        let (mut harness, _engine) = lab_with(options(Shape::S9), size, Theme::Light);
        harness.run_steps(6);
        let board = rect(&harness, Pane::Board);
        assert!(board.width() > 200.0 && board.height() > 200.0, "{size:?}: {board}");
        assert!(rect(&harness, Pane::Cell).height() > 90.0, "{size:?}");
        save(&mut harness, &format!("panels-{}", size[0]));
    }
}

#[test]
fn tabs_and_commands_bring_plots_to_the_front() {
    let (mut harness, _engine) = wide(Theme::Light);
    let shown = |h: &Harness<'static, Lab>, page| h.state().dock.shown.contains(&Pane::Plots(page));
    harness.get_by_label("routing").click();
    harness.run();
    assert!(shown(&harness, PlotPage::Routing) && !shown(&harness, PlotPage::Iterations));
    assert_eq!(harness.state().view.plots, PlotPage::Routing);
    harness.state_mut().view.plots = PlotPage::Training;
    harness.run();
    assert!(shown(&harness, PlotPage::Training));
    for _ in PAGES {
        press(&mut harness, Key::P);
        assert!(shown(&harness, harness.state().view.plots));
    }
    assert_eq!(harness.state().view.plots, PlotPage::Training, "all round");
    assert!(!harness.state().dock.own, "looking changes no arrangement");
}

#[test]
fn a_tab_is_docked_elsewhere_and_reset() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, _engine) = wide(theme);
        let from = tab(&harness, Pane::Plots(PlotPage::Training)).center();
        let plots = rect(&harness, Pane::Plots(PlotPage::Iterations));
        drag(&mut harness, from, plots.center_bottom() - vec2(0.0, 60.0));
        // Both at once, one under the other.
        let (above, below) =
            (rect(&harness, Pane::Plots(PlotPage::Iterations)), rect(&harness, Pane::Plots(PlotPage::Training)));
        assert!(below.top() >= above.bottom(), "{above} {below}");
        assert_eq!(harness.state().view.plots, PlotPage::Training, "the last one that came");
        // Beside the whole group, whose tabs stay one row.
        let row = tab(&harness, Pane::Plots(PlotPage::Iterations)).top();
        assert_eq!(tab(&harness, Pane::Plots(PlotPage::Routing)).top(), row);
        // Onto the board: tabs, where the board has one of its own now.
        let from = tab(&harness, Pane::Interventions).center();
        let board = rect(&harness, Pane::Board);
        drag(&mut harness, from, board.left_center() + vec2(60.0, 0.0));
        assert!(rect(&harness, Pane::Interventions).right() <= rect(&harness, Pane::Board).left());
        assert!(harness.state().dock.own);
        save(&mut harness, &format!("rearranged-{name}"));
        harness.state_mut().act(crate::ui::Action::ResetPanels, &eframe::egui::Context::default());
        harness.run();
        assert!(!harness.state().dock.own);
        assert_eq!(rect(&harness, Pane::Board), board);
    }
}

#[test]
fn a_gap_is_dragged_to_resize() {
    let (mut harness, _engine) = wide(Theme::Light);
    let before = rect(&harness, Pane::Board);
    let gap = before.right_center() + vec2(2.0, 40.0);
    drag(&mut harness, gap, gap - vec2(80.0, 0.0));
    let after = rect(&harness, Pane::Board);
    assert!((before.width() - after.width() - 80.0).abs() < 6.0, "{before} {after}");
    assert!(harness.state().dock.own);
}

#[test]
fn panels_are_closed_and_opened_again() {
    let (mut harness, _engine) = wide(Theme::Light);
    harness.get_by_label("close panel puzzle").click();
    harness.run();
    assert!(!harness.state().dock.is_open(Pane::Puzzle));
    assert!(harness.query_by_label("puzzle as text").is_none());
    let state = harness.state().state();
    let open = state["panels"]["open"].as_array().expect("a list");
    assert!(open.iter().all(|p| p != "puzzle") && open.iter().any(|p| p == "board"), "{open:?}");
    harness.get_by_label("Panels").click();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "puzzle").click();
    harness.run();
    harness.get_by_label("puzzle as text");
    assert!(harness.query_by_label("close panel board").is_none());
    harness.state_mut().dock.close(Pane::Board);
    harness.run();
    assert!(harness.state().dock.is_open(Pane::Board), "the board stays");
    // The plots that commands are about are always some that can be seen.
    harness.get_by_label("close over iterations").click();
    harness.run();
    let page = harness.state().view.plots;
    assert!(page != PlotPage::Iterations && harness.state().dock.shown.contains(&Pane::Plots(page)), "{page:?}");
    assert!(harness.state_mut().develop("panel: over iterations"));
    harness.run();
    assert_eq!(harness.state().view.plots, PlotPage::Iterations);
}

#[test]
fn the_arrangement_is_kept() {
    let (mut harness, _engine) = wide(Theme::Light);
    let mut kept = Kept::default();
    harness.state_mut().save(&mut kept);
    assert_eq!(kept.0.get("loopscope.panels.v1").map(String::as_str), Some(""), "the usual one is not kept");
    harness.get_by_label("close panel puzzle").click();
    harness.run();
    harness.state_mut().save(&mut kept);
    let again = |kept: &Kept| {
        let (mut harness, _engine) = lab_with(options(Shape::S9), [1280.0, 800.0], Theme::Light);
        let ctx = harness.ctx.clone();
        harness.state_mut().restore(kept, &ctx);
        harness.run_steps(4);
        harness
    };
    let harness = again(&kept);
    assert!(!harness.state().dock.is_open(Pane::Puzzle) && harness.state().dock.is_open(Pane::Model));
    assert!(!harness.state().toasts.shows("panels"));
    kept.0.insert("loopscope.panels.v1".into(), "{\"root\": 7}".into());
    kept.0.insert("loopscope.speed.v1".into(), "2".into());
    let harness = again(&kept);
    assert!(harness.state().dock.is_open(Pane::Puzzle));
    assert!(harness.state().toasts.shows("Nothing else is lost"));
    assert_eq!(harness.state().view.speed, 2.0, "other things are kept");
}

#[test]
fn what_the_pointer_is_on_is_shown_in_every_panel() {
    let (mut harness, _engine) = wide(Theme::Light);
    let plot = harness.get_by_label_contains("Entropy, ");
    let at = plot.rect().center();
    harness.hover_at(at);
    harness.run_steps(3);
    let there = harness.state().view.hovered.iteration.expect("an iteration");
    assert!(there > 5 && harness.state().view.cursor() == 5, "{there}");
    assert_eq!(harness.state().state()["hovered"]["iteration"], there);
    save(&mut harness, "hovered-iteration");
    let timeline = harness.state().timeline_rect;
    harness.hover_at(timeline.left_center() + vec2(timeline.width() * 0.25, 0.0));
    harness.run_steps(3);
    assert_ne!(harness.state().view.hovered.iteration, Some(there));
    let cell = harness.get_by_label_contains("row 2 column 3,").rect().center();
    harness.hover_at(cell);
    harness.run_steps(3);
    assert_eq!(harness.state().view.hovered.cell, Some(11));
    assert_eq!(harness.state().view.hovered.iteration, None);
    harness.remove_cursor();
    harness.run();
    assert_eq!(harness.state().view.hovered, crate::ui::view::Hovered::default());
}

/// Every number that is a label of its own can be asked what it is.
#[test]
fn every_number_on_screen_is_explained() {
    let (mut harness, _engine) = wide(Theme::Light);
    let mut seen = 0;
    for (page, ..) in PAGES {
        harness.state_mut().view.plots = *page;
        for mode in crate::ui::view::ColourMode::ALL {
            harness.state_mut().view.colour = mode;
            harness.run();
            for node in harness.root().children_recursive() {
                let node = node.accesskit_node();
                let text = node.label().or_else(|| node.value()).unwrap_or_default();
                // Sentences speak for themselves.
                let number = text.chars().any(|c| c.is_ascii_digit()) && !text.ends_with('.');
                if node.role() == Role::Label && number {
                    seen += 1;
                    assert!(node.description().is_some(), "“{text}” is not explained");
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}
