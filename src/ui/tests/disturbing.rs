//! A disturbance of the pass on screen.

use eframe::egui::{Role, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::*;
use crate::engine::protocol::{Command, Event, RequestId};
use crate::measure::{Disturbance, DisturbanceKind};
use crate::tasks::sudoku::{Puzzle, Shape};
use crate::trace::Step;
use crate::ui::Lab;

/// The last Think: its request and its disturbance.
fn asked(engine: &Engine) -> Option<(RequestId, Option<Disturbance>, u32)> {
    engine.asked().into_iter().rev().find_map(|c| match c {
        Command::Think { request, disturbance, iterations, .. } => Some((request, disturbance, iterations)),
        _ => None,
    })
}

/// Answers with frames whose selected cell is `digit` in these iterations.
fn answer_with(
    harness: &mut Harness<'static, Lab>,
    engine: &Engine,
    (request, iterations): (RequestId, u32),
    wrong: std::ops::RangeInclusive<u32>,
    digit: u8,
) {
    let clues = harness.state().looking.clues().clone();
    let puzzle = Puzzle::checked(clues).expect("one solution");
    let mut all = frames(&puzzle, iterations);
    let cell = harness.state().view.selected;
    for frame in &mut all {
        if wrong.contains(&frame.iteration.0) {
            frame.digits[cell] = digit;
        }
    }
    engine.tell(Event::Frames { request, step: Step(1500), frames: all, seconds: 0.1, done: true });
    harness.run();
}

/// Presses a button that may have to be scrolled to.
fn press_button(harness: &mut Harness<'static, Lab>, name: &str) {
    harness.get_by_role_and_label(Role::Button, name).scroll_to_me();
    harness.run();
    harness.get_by_role_and_label(Role::Button, name).click();
    harness.run();
}

#[test]
fn a_pass_is_disturbed_watched_and_left_alone_again() {
    for (size, theme, name) in [
        ([1280.0, 1000.0], Theme::Light, "light"),
        ([1280.0, 1000.0], Theme::Dark, "dark"),
        ([390.0, 844.0], Theme::Light, "narrow"),
    ] {
        let (mut harness, engine) = lab_with(options(Shape::S6), size, theme);
        harness.run_steps(2);
        open(&mut harness, &engine, Shape::S6);
        answer(&mut harness, &engine, 24);
        harness.state_mut().view.playing = false;
        harness.state_mut().view.page = crate::ui::view::Page::Model;
        harness.state_mut().dock.reveal(crate::ui::dock::Pane::Interventions);
        let blank = harness.state().looking.clues().cells().iter().position(|d| *d == 0).expect("a blank");
        harness.state_mut().view.selected = blank;
        harness.state_mut().go_to(12);
        harness.run();
        engine.asked();
        press_button(&mut harness, "Disturb after iteration 12");
        let settled = harness.state().looking.frame(12).expect("a frame").digits[blank];
        let other = settled % 6 + 1;
        let (request, disturbance, iterations) = asked(&engine).expect("the pass is run again");
        let kind = DisturbanceKind::Answer { cell: blank as u16, digit: other };
        assert_eq!(disturbance, Some(Disturbance { after: 12, kind }), "another digit than it had");
        assert!(iterations >= 28, "long enough to see what follows: {iterations}");
        answer_with(&mut harness, &engine, (request, iterations), 13..=15, other);
        assert_eq!(harness.state().looking.disturbance, disturbance);
        let shape = harness.state().looking.clues().shape();
        let place = format!("row {} column {}", shape.row_of(blank) + 1, shape.col_of(blank) + 1);
        let words = format!("{other} fed back as the answer of {place} after iteration 12");
        harness.get_by_role_and_label(Role::Button, &words);
        harness
            .get_by_label_contains("The answer is that of the undisturbed pass from iteration 16 on; at most 1 cell");
        assert!(harness.state().looking.trace.model.contains("fed back"), "it is not taken for the model's own pass");
        super::pictures::save(&mut harness, &format!("disturbed-{name}"));

        press_button(&mut harness, "Take it away");
        let (request, disturbance, iterations) = asked(&engine).expect("the pass is run again");
        assert_eq!(disturbance, None);
        answer_with(&mut harness, &engine, (request, iterations), 0..=0, 0);
        assert_eq!(harness.state().looking.disturbance, None);
        assert_eq!(harness.query_all_by_label(&words).count(), 0);
    }
}

#[test]
fn a_disturbance_belongs_to_its_puzzle() {
    let (mut harness, engine) = live(24);
    harness.state_mut().go_to(8);
    harness.state_mut().disturb_here();
    harness.run();
    assert!(asked(&engine).expect("a question").1.is_some());
    let other = crate::tasks::sudoku::Generator::new(crate::tasks::sudoku::GenerateSpec::usual(Shape::S9), 8).puzzle(3);
    harness.state_mut().replace_puzzle(other.clues);
    harness.state_mut().ask_soon();
    harness.run();
    assert_eq!(asked(&engine).expect("a question").1, None);
    harness.state_mut().go_to(0);
    harness.state_mut().disturb_here();
    harness.run();
    assert!(harness.state().disturbance().is_none(), "nothing comes before the first iteration");
}
