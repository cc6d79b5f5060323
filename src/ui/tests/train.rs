//! The training transport, and looking at a board that gets better.

use egui_kittest::kittest::Queryable;

use super::fake::*;
use crate::config::preset;
use crate::engine::protocol::{Command, Event, Subject, TrainingState};
use crate::tasks::sudoku::Shape;
use crate::trace::{ProbeReport, Step, StepMetrics};

pub fn metrics(step: u32) -> StepMetrics {
    let done = f64::from(step) / 1500.0;
    let t = 6;
    let by = |i: u32| (2.2 * (-3.0 * done).exp() * (1.0 - 0.08 * f64::from(i)) + 0.05) as f32;
    StepMetrics {
        step: Step(step),
        loss: by(3),
        loss_by_iteration: (0..t).map(by).collect(),
        solved_by_iteration: (0..t).map(|i| (done * (0.4 + 0.1 * f64::from(i))) as f32).collect(),
        gradient_norm: 0.8,
        learning_rate: 3e-3 * (1.0 - 0.9 * done),
        boards_per_second: 6800.0,
        seconds: 41.0 * done,
        routing: None,
    }
}

pub fn probe(step: u32) -> ProbeReport {
    let done = step as f32 / 1500.0;
    let solved = (1..=96u32).map(|i| {
        let rise = (i as f32 / 6.0).min(1.0);
        let fall = if i > 24 { 1.0 - 0.25 * ((i - 24) as f32 / 72.0) } else { 1.0 };
        (64.0 * done * rise * fall) as u32
    });
    ProbeReport {
        step: Step(step),
        boards: 64,
        trained_iterations: 6,
        solved: solved.collect(),
        ..ProbeReport::default()
    }
}

pub fn prepared(step: u32) -> Event {
    Event::Prepared {
        config: Box::new(preset("sudoku4").expect("a preset")),
        step: Step(step),
        history: (1..=step / 10).map(|k| metrics(k * 10)).collect(),
        probes: (1..=step / 250).map(|k| probe(k * 250)).collect(),
        notes: vec!["Training and evaluation share no equivalent puzzle.".into()],
        folder: None,
    }
}

#[test]
fn start_prepares_then_starts_then_pauses() {
    let (mut harness, engine) = live(16);
    engine.asked();
    harness.get_by_label("Start").click();
    harness.run();
    let asked = engine.asked();
    assert!(
        matches!(&asked[..], [Command::Prepare { config, folder: None, resume: false, .. }] if config.name == "sudoku4"),
        "{asked:?}"
    );
    harness.get_by_label("getting ready");
    engine.tell(prepared(0));
    harness.run();
    assert!(engine.asked().contains(&Command::Start { steps: None }));
    engine.tell(Event::Training { state: TrainingState::Running, step: Step(1240) });
    engine.tell(Event::Metrics(metrics(1240)));
    harness.run();
    harness.get_by_label("step 1,240 of 1,500");
    harness.get_by_label("6,800 boards/s");
    harness.get_by_label_contains("to go");
    harness.get_by_label("Pause").click();
    harness.run();
    assert!(engine.asked().contains(&Command::Pause));
    engine.tell(Event::Training { state: TrainingState::Paused, step: Step(1241) });
    harness.run();
    harness.get_by_label("Go on");
    harness.get_by_label("one training step").click();
    harness.run();
    assert!(engine.asked().contains(&Command::Start { steps: Some(1) }));
    harness.get_by_label("throw the training away").click();
    harness.run();
    assert!(engine.asked().contains(&Command::Discard));
    harness.get_by_label("nothing in training");
}

#[test]
fn a_failed_preparation_can_be_tried_again() {
    let (mut harness, engine) = live(16);
    harness.get_by_label("Start").click();
    harness.run();
    engine.tell(Event::Failed { request: None, message: "the folder is not empty".into() });
    harness.run();
    engine.asked();
    harness.get_by_label("Start").click();
    harness.run();
    assert!(matches!(engine.asked().last(), Some(Command::Prepare { .. })));
}

#[test]
fn the_same_board_is_asked_again_while_training_and_the_cursor_stays() {
    let (mut harness, engine) = live(16);
    harness.get_by_label("Start").click();
    harness.run();
    engine.tell(prepared(0));
    harness.run();
    // The preset plays on 4×4, so a board of that size comes; a recorded one is at hand.
    assert_eq!(harness.state().looking.clues().shape(), Shape::S4);
    let (_, _, clues) = think(&engine.commands.borrow()).expect("the board is asked");
    answer(&mut harness, &engine, 16);
    harness.state_mut().act(crate::ui::Action::First, &eframe::egui::Context::default());
    harness.state_mut().go_to(3);
    for step in 1..4 {
        engine.asked();
        engine.tell(Event::Training { state: TrainingState::Running, step: Step(step * 20) });
        harness.run_steps(14);
        let asked = engine.commands.borrow().clone();
        let thinks = asked.iter().filter(|c| matches!(c, Command::Think { subject: Subject::Training, .. })).count();
        assert_eq!(thinks, 1, "once in half a second, and not before the answer: {asked:?}");
        assert_eq!(think(&asked).map(|t| t.2), Some(clues.clone()));
        answer(&mut harness, &engine, 16);
        assert_eq!(harness.state().view.cursor(), 3);
    }
    engine.asked();
    harness.run_steps(20);
    assert!(think(&engine.asked()).is_none(), "weights that stand are not asked again");
    harness.get_by_label("opened model").click();
    harness.run();
    assert_eq!(harness.state().view.subject, Subject::Opened);
}

#[test]
fn training_plots_have_data_and_names() {
    let (mut harness, engine) = live(16);
    harness.get_by_label("Start").click();
    harness.run();
    engine.tell(prepared(1250));
    harness.run();
    harness.get_by_label("over training").click();
    harness.run();
    harness.get_by_label_contains("Loss against steps,");
    harness.get_by_label("export solved boards against iterations");
}

#[test]
fn a_stopped_run_says_why() {
    let (mut harness, engine) = live(16);
    harness.get_by_label("Start").click();
    harness.run();
    engine.tell(prepared(100));
    engine.tell(Event::Training {
        state: TrainingState::Stopped(
            "the loss is not a number at step 101; the last good checkpoint is step 100".into(),
        ),
        step: Step(101),
    });
    harness.run();
    harness.get_by_label_contains("stopped: the loss is not a number at step 101");
}
