//! Two models in one engine, on the CPU.

use super::*;
use crate::config::Interventions;
use crate::engine::protocol::{EngineLink as _, ModelSource};
use crate::engine::{EngineHandle, spawn};
use crate::tasks::sudoku::parse_grid;

/// An engine with sudoku4 open, and poh4 beside it.
fn two() -> EngineHandle {
    let mut engine = spawn(DeviceChoice::Cpu, || {});
    let source = |name: &str| ModelSource::Shipped(name.into());
    engine.send(Command::OpenModel { request: RequestId(1), source: source("sudoku4"), set: Vec::new() });
    engine.send(Command::OpenOther { request: RequestId(2), source: source("poh4"), set: Vec::new() });
    for wanted in ["sudoku4", "poh4"] {
        let card = loop {
            match engine.wait().expect("an engine") {
                Event::ModelOpened { card, .. } => break card,
                Event::Failed { message, .. } => panic!("{message}"),
                _ => {}
            }
        };
        assert_eq!(card.name, wanted);
    }
    engine
}

fn think(request: u64, subject: Subject, iterations: u32) -> Command {
    let clues = parse_grid("1...34....4....1").expect("a board");
    Command::Think {
        request: RequestId(request),
        subject,
        clues,
        iterations,
        interventions: Interventions::default(),
        disturbance: None,
    }
}

/// Requests of the frames until so many passes are done, and how many frames each had.
fn passes(engine: &mut EngineHandle, mut count: usize) -> Vec<(u64, usize)> {
    let mut out = Vec::new();
    while count > 0 {
        match engine.wait().expect("an engine") {
            Event::Frames { request, frames, done, .. } => {
                out.push((request.0, frames.len()));
                count -= usize::from(done);
            }
            Event::Failed { message, .. } => panic!("{message}"),
            _ => {}
        }
    }
    out
}

fn frames_of(units: &[(u64, usize)], request: u64) -> usize {
    units.iter().filter(|(r, _)| *r == request).map(|(_, n)| n).sum()
}

#[test]
fn two_passes_advance_side_by_side() {
    let mut engine = two();
    engine.send(think(3, Subject::Opened, 400));
    engine.send(think(4, Subject::Other, 400));
    let units = passes(&mut engine, 2);
    assert_eq!((frames_of(&units, 3), frames_of(&units, 4)), (400, 400));
    // Each had its turn before either was done.
    let both = units.windows(2).filter(|w| w[0].0 != w[1].0).count();
    assert!(both >= 3, "{units:?}");
}

#[test]
fn the_latest_wins_with_each_weights() {
    let mut engine = two();
    engine.send(think(3, Subject::Opened, 1 << 20));
    engine.send(think(4, Subject::Other, 300));
    engine.send(think(5, Subject::Opened, 50));
    let units = passes(&mut engine, 2);
    assert_eq!((frames_of(&units, 4), frames_of(&units, 5)), (300, 50));
    assert!(units.last().is_some_and(|(r, _)| *r != 3), "{units:?}");
}

#[test]
fn a_closed_model_answers_nothing() {
    let mut engine = two();
    engine.send(think(3, Subject::Other, 1 << 20));
    engine.send(Command::CloseOther);
    engine.send(think(4, Subject::Other, 10));
    loop {
        match engine.wait().expect("an engine") {
            Event::Failed { request, message } => {
                assert_eq!(request, Some(RequestId(4)));
                assert!(message.contains("compare"), "{message}");
                break;
            }
            Event::Frames { done, .. } => assert!(!done),
            _ => {}
        }
    }
    engine.send(think(5, Subject::Opened, 10));
    assert_eq!(frames_of(&passes(&mut engine, 1), 5), 10);
}
