//! Two models on one board.

use eframe::egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::*;
use super::train::prepared;
use crate::config::{Link, ModelCard};
use crate::engine::protocol::{Command, Event, ModelSource, RequestId, Subject, TrainingState};
use crate::measure::record::right_digits;
use crate::measure::{Change, Record, Spent, compare};
use crate::report::measured::compare::passes::PassesCompared;
use crate::tasks::sudoku::{GenerateSpec, Generator, Puzzle, Shape};
use crate::trace::{Frame, Probability, Step, Trace};
use crate::ui::compare::Side;
use crate::ui::view::PlotPage;
use crate::ui::{Action, Lab, LabOptions, ShippedModel};

const SHAPE: Shape = Shape::S4;

fn act(harness: &mut Harness<'static, Lab>, action: Action) {
    let ctx = harness.ctx.clone();
    harness.state_mut().act(action, &ctx);
}

fn falling_card() -> ModelCard {
    ModelCard { name: "falling4".into(), ..card(SHAPE) }
}

/// The usual models and a second one for the 4×4 board, without a recording.
fn two() -> LabOptions {
    let mut options = options(SHAPE);
    options.shipped.push(ShippedModel {
        name: "falling4".into(),
        title: "Falling 4×4".into(),
        card: falling_card(),
        traces: Vec::new(),
    });
    options
}

/// Frames of a pass that has the solution and loses it: from iteration 12 on every third answer is another.
fn falling(puzzle: &Puzzle, count: u32) -> Vec<Frame> {
    let mut all = frames(puzzle, count);
    for frame in all.iter_mut().filter(|f| f.iteration.0 >= 12) {
        for cell in (0..16).step_by(3) {
            let digit = frame.digits[cell] % 4 + 1;
            frame.digits[cell] = digit;
            for d in 0..4_usize {
                let p = if d + 1 == usize::from(digit) { 0.7 } else { 0.1 };
                frame.probabilities[cell * 4 + d] = Probability::from_f32(p);
            }
        }
    }
    all
}

/// A window with A open and answered, standing at an iteration.
fn first(size: [f32; 2], theme: Theme) -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = lab_with(two(), size, theme);
    harness.run_steps(3);
    open(&mut harness, &engine, SHAPE);
    harness.state_mut().iterations = 64;
    harness.state_mut().ask_soon();
    harness.run_steps(4);
    answer(&mut harness, &engine, 64);
    harness.state_mut().view.playing = false;
    harness.state_mut().go_to(20);
    harness.run();
    engine.asked();
    (harness, engine)
}

fn asked_other(commands: &[Command]) -> Option<RequestId> {
    commands.iter().rev().find_map(|c| match c {
        Command::OpenOther { request, .. } => Some(*request),
        _ => None,
    })
}

/// Questions to some weights: the request and its number of iterations.
fn thinks(commands: &[Command], of: Subject) -> Vec<(RequestId, u32)> {
    let these = commands.iter().filter_map(|c| match c {
        Command::Think { request, subject, iterations, .. } if *subject == of => Some((*request, *iterations)),
        _ => None,
    });
    these.collect()
}

/// Chooses B, opens it and answers for it.
fn second(harness: &mut Harness<'static, Lab>, engine: &Engine) -> Puzzle {
    harness.state_mut().compare_with_model(ModelSource::Shipped("falling4".into()));
    harness.run();
    let request = asked_other(&engine.asked()).expect("B is opened");
    engine.tell(Event::ModelOpened { request, card: Box::new(falling_card()) });
    harness.run();
    let asked = thinks(&engine.asked(), Subject::Other);
    let [(request, iterations)] = asked[..] else { panic!("one question to B: {asked:?}") };
    let looking = &harness.state().looking;
    assert_eq!(iterations, harness.state().iterations.max(looking.last()));
    let puzzle = Puzzle::checked(looking.clues().clone()).expect("one solution");
    let frames = falling(&puzzle, 64);
    engine.tell(Event::Frames { request, step: Step(600), frames, seconds: 0.1, done: true });
    harness.run();
    puzzle
}

#[test]
fn a_second_model_solves_the_same_board() {
    let (mut harness, engine) = first([1280.0, 800.0], Theme::Light);
    assert!(harness.query_by_label("difference").is_none(), "no choice without a second model");
    harness.get_by_label("Compare with…").click();
    harness.run();
    assert!(harness.query_by_label("Sudoku 4×4 (sudoku4)").is_none(), "not with itself");
    assert!(harness.query_by_label_contains("Sudoku 9×9").is_none(), "not with another board");
    harness.get_by_label("Falling 4×4 (falling4)").click();
    harness.run();
    let request = asked_other(&engine.asked()).expect("B is opened");
    harness.get_by_label("opening B · falling4");
    engine.tell(Event::ModelOpened { request, card: Box::new(falling_card()) });
    harness.run();
    assert_eq!(thinks(&engine.asked(), Subject::Other).len(), 1);
    let puzzle = second(&mut harness, &engine);

    // The window tells what the comparison of both traces tells.
    let (a, b) = (frames(&puzzle, 64), falling(&puzzle, 64));
    let trace = |frames: Vec<Frame>| Trace { frames, ..harness.state().looking.trace.clone() };
    let found = PassesCompared::of(&trace(a), &trace(b)).expect("one puzzle");
    let at = *found.pair.row(20).expect("20 iterations");
    assert!(at.differ > 0 && found.pair.row(11).is_some_and(|r| r.differ == 0));
    let state = harness.state().state();
    assert_eq!(state["comparing"]["differ"], at.differ);
    assert_eq!(
        (state["comparing"]["side"].as_str(), state["comparing"]["with"].as_str()),
        (Some("difference"), Some("falling4"))
    );
    let differing =
        harness.query_all_by_label_contains("A alone is right").filter(|n| format!("{n:?}").contains("answers"));
    assert_eq!(differing.count(), at.right.expect("a solution").first as usize);
    harness.get_by_label("same answer");
    harness.get_by_label_contains("B: collapsed at iteration 12");
    harness.get_by_label_contains("A: first solved");
    assert!(harness.query_all_by_label("B · falling4 (dashed)").count() >= 4, "a legend for each curve");
    harness.get_by_label(&found.verdicts[1]);

    act(&mut harness, Action::Compare);
    harness.run();
    assert_eq!(harness.state().view.plots, PlotPage::Compare);
    harness.get_by_label(&found.pair.verdict());
    harness.get_by_label(&format!("{} of {} cells", at.differ, found.pair.blanks));
    harness.get_by_label(&format!("{:.3} nats", at.divergence));

    // The board shows A, B, or both.
    press(&mut harness, Key::D);
    assert_eq!(harness.state().side(), Side::A);
    press(&mut harness, Key::D);
    assert_eq!(harness.state().side(), Side::B);
    assert_eq!(harness.state().seen().trace.step, Step(600));

    harness.get_all_by_label("stop comparing").next().expect("a button").click();
    harness.run();
    assert!(engine.asked().contains(&Command::CloseOther));
    assert_eq!(harness.state().state()["comparing"], serde_json::Value::Null);
    assert!(harness.query_by_label("difference").is_none());
}

#[test]
fn b_follows_what_a_is_asked() {
    let (mut harness, engine) = first([1280.0, 800.0], Theme::Light);
    second(&mut harness, &engine);
    engine.asked();
    harness.state_mut().interventions.damping = 0.5;
    harness.state_mut().ask_soon();
    harness.run();
    let commands = engine.asked();
    for of in [Subject::Opened, Subject::Other] {
        assert_eq!(thinks(&commands, of).len(), 1, "{of:?}: {commands:?}");
    }
    // The same again is not asked again of B, whose weights stand.
    answer_all(&mut harness, &engine, &commands);
    harness.state_mut().ask_soon();
    harness.run();
    let commands = engine.asked();
    assert_eq!((thinks(&commands, Subject::Opened).len(), thinks(&commands, Subject::Other).len()), (1, 0));
    answer_all(&mut harness, &engine, &commands);
    // Another puzzle: B's old pass is not compared with A's new one.
    let other = Generator::new(GenerateSpec::usual(SHAPE), 99).puzzle(3).clues;
    harness.state_mut().replace_puzzle(other);
    harness.run();
    assert!(harness.state().second().is_none());
    assert_eq!(thinks(&engine.asked(), Subject::Other).len(), 1);
    // A model of another board ends it.
    harness.state_mut().open_model(ModelSource::Shipped("sudoku6".into()));
    open(&mut harness, &engine, Shape::S6);
    assert!(engine.asked().contains(&Command::CloseOther));
    harness.get_by_label_contains("only models of one board can be compared");
}

/// Answers every question among commands with the frames of a model that settles.
fn answer_all(harness: &mut Harness<'static, Lab>, engine: &Engine, commands: &[Command]) {
    for command in commands {
        if let Command::Think { request, clues, iterations, .. } = command {
            let puzzle = Puzzle::checked(clues.clone()).expect("one solution");
            let frames = frames(&puzzle, *iterations);
            engine.tell(Event::Frames { request: *request, step: Step(9), frames, seconds: 0.1, done: true });
        }
    }
    harness.run();
}

#[test]
fn recordings_are_compared_without_a_device() {
    let (mut harness, engine) = lab_with(two(), [1280.0, 800.0], Theme::Light);
    harness.run_steps(3);
    engine.tell(Event::NoDevice("a test has none.".into()));
    harness.run_steps(3);
    let first = harness.state().looking.trace.clone();
    let other = trace(Shape::S6, 8);
    harness.state_mut().compare_with_recording(vec![other.clone()]);
    harness.run_steps(3);
    assert!(harness.state().state()["messages"].to_string().contains("another puzzle"));
    let late = Trace { frames: falling(&first.puzzle, 16), model: "falling4".into(), ..first.clone() };
    harness.state_mut().compare_with_recording(vec![other, late]);
    harness.state_mut().view.playing = false;
    harness.state_mut().go_to(14);
    harness.run_steps(3);
    let state = harness.state().state();
    assert_eq!(state["comparing"]["recorded"], true);
    assert!(state["comparing"]["differ"].as_u64().is_some_and(|n| n > 0), "{}", state["comparing"]);
    harness.state_mut().view.plots = PlotPage::Compare;
    harness.run_steps(3);
    harness.get_by_label_contains("A recording is of one board");
    assert!(thinks(&engine.asked(), Subject::Other).is_empty());
    // A model without a recording of this puzzle has nothing to show.
    harness.state_mut().compare_with_model(ModelSource::Shipped("falling4".into()));
    harness.run_steps(3);
    assert!(harness.query_all_by_label_contains("There is no device to run falling4 on").count() > 0);
}

#[test]
fn the_model_in_training_stands_beside_the_opened_one() {
    let (mut harness, engine) = first([1280.0, 800.0], Theme::Light);
    act(&mut harness, Action::TrainStart);
    engine.tell(prepared(0));
    engine.tell(Event::Training { state: TrainingState::Running, step: Step(1) });
    harness.run_steps(4);
    engine.asked();
    assert_eq!(harness.state().view.subject, Subject::Training);
    harness.state_mut().compare_with_counterpart();
    harness.run_steps(2);
    assert_eq!(thinks(&engine.asked(), Subject::Opened).len(), 1);
    // Turned round, the weights in training are B, and are looked at again as they change.
    harness.state_mut().view.subject = Subject::Opened;
    harness.state_mut().ask_soon();
    harness.run_steps(2);
    let commands = engine.asked();
    assert_eq!((thinks(&commands, Subject::Opened).len(), thinks(&commands, Subject::Training).len()), (1, 1));
    answer_all(&mut harness, &engine, &commands);
    engine.tell(Event::Training { state: TrainingState::Running, step: Step(30) });
    harness.run_steps(30);
    let commands = engine.asked();
    assert!(!thinks(&commands, Subject::Training).is_empty(), "{commands:?}");
    assert!(thinks(&commands, Subject::Opened).is_empty(), "{commands:?}");
    act(&mut harness, Action::TrainReset);
    harness.run_steps(3);
    assert_eq!(harness.state().state()["comparing"], serde_json::Value::Null);
}

/// A pass of 64 iterations that is right until `until`, and wrong in one cell from then on.
fn record(puzzle: &Puzzle, until: u32) -> Record {
    let first = right_digits(puzzle).expect("a solution");
    let change = Change { iteration: until, blank: 0, digit: first[0] % 4 + 1 };
    Record {
        first,
        changes: if until <= 64 { vec![change] } else { Vec::new() },
        confidence: vec![0.9; 64],
        entropy: vec![0.1; 64],
        state_norm: vec![10.0; 64],
        residual: vec![0.1; 64],
        halting: Vec::new(),
    }
}

#[test]
fn both_are_asked_the_same_boards() {
    for (size, theme, name) in [
        ([1280.0, 1300.0], Theme::Light, "light"),
        ([1280.0, 1300.0], Theme::Dark, "dark"),
        ([390.0, 1900.0], Theme::Light, "narrow"),
    ] {
        let (mut harness, engine) = first(size, theme);
        second(&mut harness, &engine);
        act(&mut harness, Action::Compare);
        harness.run();
        engine.asked();
        harness.get_by_label("Compare over boards").click();
        harness.run_steps(4);
        let request = engine.asked().iter().find_map(|c| match c {
            Command::Puzzles { request, count: 40, seed: 1, .. } => Some(*request),
            _ => None,
        });
        let made: Vec<Puzzle> = (0..20)
            .map(|i| {
                let clues = Generator::new(GenerateSpec::usual(SHAPE), 7).puzzle(i).clues;
                Puzzle { rating: Some(0), ..Puzzle::checked(clues).expect("one solution") }
            })
            .collect();
        engine.tell(Event::Puzzles { request: request.expect("puzzles are asked for"), puzzles: made.clone() });
        harness.run_steps(4);
        let asked: Vec<(RequestId, Subject, u32)> = engine
            .asked()
            .iter()
            .filter_map(|c| match c {
                Command::Record { request, subject, settings, puzzles, .. } if *puzzles == made => {
                    Some((*request, *subject, settings.iterations))
                }
                _ => None,
            })
            .collect();
        let [(a, Subject::Opened, 64), (b, Subject::Other, 64)] = asked[..] else { panic!("{asked:?}") };
        let steady: Vec<Record> = made.iter().map(|p| record(p, 65)).collect();
        let falls: Vec<Record> =
            made.iter().enumerate().map(|(i, p)| record(p, if i < 15 { 20 } else { 65 })).collect();
        let spent = Some(Spent { made: 1280, of: 1280 });
        engine.tell(Event::Recorded { request: a, first: 0, records: steady.clone(), spent });
        engine.tell(Event::Recorded { request: b, first: 0, records: falls[..10].to_vec(), spent: None });
        harness.run_steps(4);
        harness.get_by_label("Solved of 10 new boards");
        engine.tell(Event::Recorded { request: b, first: 10, records: falls[10..].to_vec(), spent });
        harness.run_steps(4);
        let wanted = compare::boards(&made, [&steady, &falls], &[1, 2, 4, 8, 16, 32, 64], 0).expect("records");
        assert_eq!(harness.state().comparing.boards.found().map(|f| &f.found), Some(&wanted));
        harness.get_by_label("Solved of 20 new boards");
        harness.get_by_label("After 64 iterations: A solves more.");
        harness.get_by_label("Compare over boards");
        super::pictures::save(&mut harness, &format!("compare-page-{name}"));
    }
}

#[test]
fn a_link_opens_the_comparison_again() {
    let (link, messages) = Link::parse("#model=sudoku4&with=falling4&plots=compare");
    assert!(messages.is_empty(), "{messages:?}");
    let opening = LabOptions { link: Some(link.clone()), opening: Some(trace(Shape::S9, 16)), ..two() };
    let (mut harness, engine) = lab_with(opening, [1280.0, 800.0], Theme::Light);
    harness.run_steps(3);
    assert_eq!(harness.state().link_of_view().with.as_deref(), Some("falling4"));
    let request = asked_other(&engine.commands.borrow()).expect("B is opened");
    open(&mut harness, &engine, SHAPE);
    engine.tell(Event::ModelOpened { request, card: Box::new(falling_card()) });
    harness.run_steps(3);
    assert_eq!(thinks(&engine.asked(), Subject::Other).len(), 1);
    assert_eq!(Link { iteration: None, ..harness.state().link_of_view() }, link);
    // A new engine has to open it again.
    engine.tell(Event::Restarted { reason: "a test".into(), memory: false });
    harness.run_steps(3);
    assert!(asked_other(&engine.asked()).is_some());
    harness.state_mut().apply_link("#model=sudoku4");
    harness.run_steps(3);
    assert_eq!(harness.state().link_of_view().with, None);
    harness.state_mut().apply_link("#model=sudoku4&with=nothing4");
    harness.run_steps(3);
    assert!(harness.state().state()["messages"].to_string().contains("nothing4"));
}

#[test]
fn the_model_that_fails_on_purpose_is_one_click_away() {
    let (shipped, problems) = LabOptions::shipped();
    assert!(problems.is_empty(), "{problems:?}");
    let home = Some("sudoku4".into());
    let (mut harness, engine) = lab_with(LabOptions { home, ..shipped }, [1280.0, 800.0], Theme::Light);
    harness.run_steps(3);
    harness.state_mut().view.playing = false;
    harness.state_mut().go_to(80);
    harness.get_by_label("Compare with…").click();
    harness.run();
    harness.get_by_label("Sudoku 4×4, fails on purpose (sudoku4-collapsing)").click();
    harness.run();
    // Both recordings are of one puzzle, so that the difference is there before any engine answers.
    let state = harness.state().state();
    assert!(state["comparing"]["differ"].as_u64().is_some_and(|n| n > 0), "{}", state["comparing"]);
    assert!(state["comparing"]["verdict"].as_str().is_some_and(|v| v.contains("collapses")));
    harness.get_by_label_contains("B: collapsed at iteration");
    super::pictures::save(&mut harness, "compare-collapsing");
    // The card says what it is.
    harness.state_mut().open_model(ModelSource::Shipped("sudoku4-collapsing".into()));
    let asked = engine.asked();
    let request = asked.iter().rev().find_map(|c| match c {
        Command::OpenModel { request, .. } => Some(*request),
        _ => None,
    });
    let card = crate::config::shipped::card("sudoku4-collapsing").expect("a card");
    engine.device();
    engine.tell(Event::ModelOpened { request: request.expect("asked"), card: Box::new(card) });
    harness.run();
    harness.get_by_label_contains("Fails on purpose: learns");
}

#[test]
fn what_cannot_be_opened_is_told() {
    let (mut harness, engine) = first([1280.0, 800.0], Theme::Light);
    harness.state_mut().compare_with_model(ModelSource::Path("/none/x.safetensors".into()));
    harness.run();
    let request = asked_other(&engine.asked()).expect("asked");
    engine.tell(Event::Failed { request: Some(request), message: "x.safetensors: there is no such file".into() });
    harness.run_steps(4);
    assert!(!harness.state().comparing.is_on());
    assert!(harness.query_all_by_label("x.safetensors: there is no such file").count() > 0);
}

#[test]
fn pictures() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, engine) = first([1280.0, 800.0], theme);
        second(&mut harness, &engine);
        let blank = harness.state().looking.clues().cells().iter().position(|d| *d == 0).unwrap_or(0);
        harness.state_mut().view.selected = blank;
        harness.run();
        super::pictures::save(&mut harness, &format!("compare-difference-{name}"));
        harness.state_mut().comparing.side = Side::B;
        harness.run();
        super::pictures::save(&mut harness, &format!("compare-b-{name}"));
    }
    let (mut harness, engine) = first([390.0, 844.0], Theme::Dark);
    second(&mut harness, &engine);
    super::pictures::save(&mut harness, "compare-narrow");
    harness.get_by_label("Model").click();
    harness.run();
    super::pictures::save(&mut harness, "compare-narrow-model");
}
