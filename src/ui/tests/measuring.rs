//! Measurements over many boards.

use eframe::egui::{Role, Theme};
use egui_kittest::kittest::Queryable;

use super::fake::*;
use crate::engine::protocol::{Command, Event, RequestId};
use crate::measure::record::right_digits;
use crate::measure::{Change, Record, Spent, scaling};
use crate::tasks::sudoku::{GenerateSpec, Generator, Puzzle, Shape};
use crate::ui::view::PlotPage;

fn puzzles(count: u64) -> Vec<Puzzle> {
    let made = (0..count).map(|i| Generator::new(GenerateSpec::usual(Shape::S6), 7).puzzle(i).clues);
    made.map(|clues| Puzzle { rating: Some(0), ..Puzzle::checked(clues).expect("one solution") }).collect()
}

/// A pass of 64 iterations that is right from iteration `at` on; never where it is 0.
fn record(puzzle: &Puzzle, at: u32) -> Record {
    let right = right_digits(puzzle).expect("a solution");
    let mut first = right.clone();
    first[0] = 1 + right[0] % 6;
    let change = Change { iteration: at, blank: 0, digit: right[0] };
    let numbers = |from: f32| (1..=64).map(|t| from / t as f32).collect::<Vec<f32>>();
    Record {
        first,
        changes: if at > 1 { vec![change] } else { Vec::new() },
        confidence: vec![0.9; 64],
        entropy: numbers(1.0),
        state_norm: (1..=64).map(|t| 10.0 * t as f32).collect(),
        residual: numbers(1.0),
    }
}

fn asked_puzzles(commands: &[Command]) -> Option<(RequestId, u64, usize)> {
    commands.iter().rev().find_map(|c| match c {
        Command::Puzzles { request, seed, count, .. } => Some((*request, *seed, *count)),
        _ => None,
    })
}

fn asked_record(commands: &[Command]) -> Option<(RequestId, u32, usize)> {
    commands.iter().rev().find_map(|c| match c {
        Command::Record { request, settings, puzzles, .. } => Some((*request, settings.iterations, puzzles.len())),
        _ => None,
    })
}

#[test]
fn a_pass_over_many_boards_is_recorded_and_read() {
    for (size, theme, name) in [
        ([1280.0, 800.0], Theme::Light, "light"),
        ([1280.0, 800.0], Theme::Dark, "dark"),
        ([390.0, 900.0], Theme::Light, "narrow"),
    ] {
        let (mut harness, engine) = lab_with(options(Shape::S6), size, theme);
        harness.run_steps(2);
        open(&mut harness, &engine, Shape::S6);
        answer(&mut harness, &engine, 24);
        harness.state_mut().view.playing = false;
        harness.state_mut().view.plots = PlotPage::Boards;
        harness.state_mut().view.page = crate::ui::view::Page::Plots;
        harness.run();
        harness.get_by_label_contains("Press Measure");
        engine.asked();
        harness.get_by_role_and_label(Role::Button, "Measure").click();
        harness.run_steps(4);
        let (request, seed, count) = asked_puzzles(&engine.asked()).expect("puzzles are asked for");
        assert_eq!((seed, count), (1, 40), "of the model's own seed");
        let puzzles = puzzles(6);
        engine.tell(Event::Puzzles { request, puzzles: puzzles.clone() });
        harness.run_steps(4);
        let (request, iterations, boards) = asked_record(&engine.asked()).expect("a pass is asked for");
        assert_eq!((iterations, boards), (64, 6), "four times T");

        // Half of the boards: what there is, is read.
        let records: Vec<Record> = puzzles.iter().zip([2, 3, 9, 20, 0, 0]).map(|(p, at)| record(p, at)).collect();
        engine.tell(Event::Recorded { request, first: 0, records: records[..3].to_vec(), spent: None });
        engine.tell(Event::Progress { request, done: 3, of: 6 });
        harness.run_steps(4);
        harness.get_by_label("Solved of 3 new boards");
        harness.get_by_role_and_label(Role::Button, "Stop");
        let spent = Some(Spent { made: 384, of: 384 });
        engine.tell(Event::Recorded { request, first: 3, records: records[3..].to_vec(), spent });
        harness.run_steps(4);
        harness.get_by_label("Solved of 6 new boards");
        harness.get_by_role_and_label(Role::Button, "Measure");
        // The same numbers as from the function that the command line uses.
        let row = scaling(&puzzles, &records, &[16], 0).expect("scores").rows.remove(0).balanced;
        harness.get_by_label(&format!("{:.1} to {:.1} %", 100.0 * row.low, 100.0 * row.high));
        harness.get_by_label("Solved at some iteration: 4; no longer at the end: 0.");
        harness.get_by_label("settled solved: 4");
        harness.get_by_label("settled wrong: 2");
        harness.get_by_label("bound: first right answer");
        super::pictures::save(&mut harness, &format!("boards-{name}"));
    }
}

#[test]
fn a_measurement_can_be_stopped_fails_in_words_and_belongs_to_its_model() {
    let (mut harness, engine) = lab_with(options(Shape::S6), [1280.0, 800.0], Theme::Light);
    harness.run_steps(2);
    open(&mut harness, &engine, Shape::S6);
    harness.state_mut().view.plots = PlotPage::Boards;
    harness.run();
    let start = |harness: &mut egui_kittest::Harness<'static, crate::ui::Lab>| {
        engine.asked();
        harness.get_by_role_and_label(Role::Button, "Measure").click();
        harness.run_steps(4);
        asked_puzzles(&engine.asked()).expect("puzzles are asked for").0
    };
    let request = start(&mut harness);
    harness.get_by_role_and_label(Role::Button, "Stop").click();
    harness.run_steps(4);
    assert!(engine.asked().iter().any(|c| matches!(c, Command::Cancel { request: r } if *r == request)));
    // What still comes is of no interest.
    engine.tell(Event::Puzzles { request, puzzles: puzzles(2) });
    harness.run_steps(4);
    assert_eq!(asked_record(&engine.asked()), None);

    let request = start(&mut harness);
    engine.tell(Event::Failed { request: Some(request), message: "puzzles cannot be made".into() });
    harness.run_steps(4);
    assert!(harness.query_all_by_label("puzzles cannot be made").count() > 0);

    let request = start(&mut harness);
    let made = puzzles(2);
    engine.tell(Event::Puzzles { request, puzzles: made.clone() });
    harness.run_steps(4);
    let (request, ..) = asked_record(&engine.asked()).expect("a pass");
    let records = made.iter().map(|p| record(p, 2)).collect();
    engine.tell(Event::Recorded { request, first: 0, records, spent: Some(Spent { made: 128, of: 128 }) });
    harness.run_steps(4);
    assert_eq!(harness.state().measuring.read(), 2);
    harness.state_mut().open_model(crate::engine::protocol::ModelSource::Shipped("sudoku4".into()));
    open(&mut harness, &engine, Shape::S4);
    assert_eq!(harness.state().measuring.read(), 0, "of another model");
}
