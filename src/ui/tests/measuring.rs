//! Measurements over many boards: each is asked for, read while it goes on, and gives the numbers of the plan that
//! the command line drives.

use eframe::egui::{Role, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::*;
use crate::config::Interventions;
use crate::engine::protocol::{Command, Event, RequestId, Subject};
use crate::measure::heads::{Adding, Heads};
use crate::measure::plan::{Ask, Kind, Measurement, Question};
use crate::measure::record::right_digits;
use crate::measure::spectrum::{BoardSpectrum, Differences, Estimators, Exact, SpectrumSettings, Standing};
use crate::measure::{Change, Exit, Record, Recording, Spent, scaling};
use crate::report::measured::{About, Measured};
use crate::tasks::sudoku::{GenerateSpec, Generator, Puzzle, Shape};
use crate::ui::Lab;
use crate::ui::view::PlotPage;

fn puzzles(count: u64) -> Vec<Puzzle> {
    let made = (0..count).map(|i| Generator::new(GenerateSpec::usual(Shape::S6), 7).puzzle(i).clues);
    made.zip([0, 0, 5, 20].into_iter().cycle())
        .map(|(clues, rating)| Puzzle { rating: Some(rating), ..Puzzle::checked(clues).expect("one solution") })
        .collect()
}

/// A pass that is right from iteration `at` on; never where it is 0. A disturbance costs three iterations, a board
/// that leaves when it is valid does so.
fn record(puzzle: &Puzzle, at: u32, settings: &Recording) -> Record {
    let right = right_digits(puzzle).expect("a solution");
    let wrong = 1 + right[0] % 6;
    let mut first = right.clone();
    first[0] = if at == 1 { right[0] } else { wrong };
    let mut changes = Vec::new();
    let mut change = |iteration, digit| changes.push(Change { iteration, blank: 0, digit });
    if at > 1 && at <= settings.iterations {
        change(at, right[0]);
    }
    if let Some(d) = settings.disturbance.filter(|d| at > 0 && at <= d.after) {
        change(d.after + 1, wrong);
        change(d.after + 4, right[0]);
    }
    let run = if settings.exit == Exit::Valid && at > 0 { at.min(settings.iterations) } else { settings.iterations };
    changes.retain(|c| c.iteration <= run);
    let numbers = |from: f32| (1..=run).map(|t| from / t as f32).collect::<Vec<f32>>();
    Record {
        first,
        changes,
        confidence: vec![0.9; run as usize],
        entropy: numbers(1.0),
        state_norm: (1..=run).map(|t| 10.0 * t as f32).collect(),
        residual: numbers(1.0),
        halting: Vec::new(),
    }
}

/// What the engine would record.
fn recorded(puzzles: &[Puzzle], settings: &Recording) -> (Vec<Record>, Spent) {
    // Changes and noise make it slower.
    let later = u32::from(settings.interventions != Interventions::default()) * 2;
    let at = [2, 3, 9, 20, 0, 0].into_iter().cycle().map(|at| if at > 0 { at + later } else { 0 });
    let all: Vec<Record> = puzzles.iter().zip(at).map(|(p, at)| record(p, at, settings)).collect();
    let made = all.iter().map(|r| u64::from(r.len())).sum();
    (all, Spent { made, of: puzzles.len() as u64 * u64::from(settings.iterations) })
}

fn heads(boards: usize, iteration: u32) -> Heads {
    let mut adding = Adding::new(Shape::S6, iteration, 2, 4);
    for block in 0..2 {
        // Every head looks at its row the more, the higher its number.
        let weights: Vec<f32> = (0..4)
            .flat_map(|head| {
                (0..36 * 36).map(move |i| {
                    let (from, to) = (i / 36, i % 36);
                    let near = if from / 6 == to / 6 { head as f32 } else { 0.3 };
                    (1.0 + near) / (36.0 + 6.0 * head as f32 + 9.0) * boards as f32
                })
            })
            .collect();
        adding.add(block, &weights, boards as u32);
    }
    adding.finish()
}

fn spectra(board: usize, settings: &SpectrumSettings) -> Vec<BoardSpectrum> {
    let of = |last| Differences { last, mean: last, first: 2.0 * last };
    let one = |(i, iteration): (usize, &u32)| BoardSpectrum {
        board,
        iteration: *iteration,
        standing: Standing::ALL[(board + i) % 3],
        wrong: 0,
        state_growth: 1.02,
        exact: Exact { growth: 1.05 + 0.01 * board as f64, spread: 0.001, converged: board != 1, vectors: vec![1.05] },
        leading: Vec::new(),
        lyapunov: vec![-0.01 * board as f64 - 0.02],
        estimators: settings.estimators.then_some(Estimators { fine: of(1.06), single: of(1.1), tf32: of(30.0) }),
    };
    settings.iterations.iter().enumerate().map(one).collect()
}

/// The events that answer a command of a measurement, the first half of the boards by themselves.
fn answers(command: &Command) -> Vec<Event> {
    match command.clone() {
        Command::Record { request, puzzles, settings, .. } => {
            let (mut records, spent) = recorded(&puzzles, &settings);
            let first = records.len() / 2;
            let rest = records.split_off(first);
            let of = puzzles.len();
            vec![
                Event::Recorded { request, first: 0, records, spent: None },
                Event::Progress { request, done: first, of },
                Event::Recorded { request, first, records: rest, spent: Some(spent) },
            ]
        }
        Command::Heads { request, puzzles, iteration, .. } => {
            vec![Event::Heads { request, found: heads(puzzles.len(), iteration) }]
        }
        Command::Spectrum { request, puzzles, settings } => (0..puzzles.len())
            // Boards come as they are done.
            .rev()
            .map(|i| Event::Spectrum { request, found: spectra(i, &settings), done: i == 0 })
            .collect(),
        _ => Vec::new(),
    }
}

/// The same measurement without a window, as the command line drives it.
fn driven(question: Question, puzzles: &[Puzzle], about: &About) -> Measured {
    let mut all = Measurement::new(question, puzzles.to_vec(), 16, Interventions::default());
    while let Some(ask) = all.next_ask() {
        match ask {
            Ask::Record { puzzles, settings, .. } => {
                let (records, spent) = recorded(&puzzles, &settings);
                all.take_records(records, Some(spent));
            }
            Ask::Heads { puzzles, iteration, .. } => all.take_heads(heads(puzzles.len(), iteration)),
            Ask::Spectrum { puzzles, settings } => {
                (0..puzzles.len()).for_each(|i| all.take_spectrum(spectra(i, &settings), i + 1 == puzzles.len()));
            }
        }
    }
    Measured::of(&all, about).expect("it can be read").expect("something was read")
}

fn opened(size: [f32; 2], theme: Theme) -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = lab_with(options(Shape::S6), size, theme);
    harness.run_steps(2);
    open(&mut harness, &engine, Shape::S6);
    answer(&mut harness, &engine, 24);
    harness.state_mut().view.playing = false;
    harness.state_mut().view.plots = PlotPage::Boards;
    harness.state_mut().view.page = crate::ui::view::Page::Plots;
    harness.run();
    (harness, engine)
}

/// Presses Measure; the request for puzzles, its seed and how many.
fn press_measure(harness: &mut Harness<'static, Lab>, engine: &Engine) -> (RequestId, u64, usize) {
    engine.asked();
    harness.get_by_role_and_label(Role::Button, "Measure").scroll_to_me();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Measure").click();
    harness.run_steps(4);
    let asked = engine.asked().into_iter().rev().find_map(|c| match c {
        Command::Puzzles { request, seed, count, .. } => Some((request, seed, count)),
        _ => None,
    });
    asked.expect("puzzles are asked for")
}

/// Answers everything that a measurement asks.
fn answer_all(harness: &mut Harness<'static, Lab>, engine: &Engine, request: RequestId, puzzles: &[Puzzle]) {
    engine.tell(Event::Puzzles { request, puzzles: puzzles.to_vec() });
    harness.run_steps(4);
    loop {
        let events: Vec<Event> = engine.asked().iter().flat_map(answers).collect();
        if events.is_empty() {
            break;
        }
        events.into_iter().for_each(|e| engine.tell(e));
        harness.run_steps(4);
    }
    harness.run();
}

#[test]
fn every_measurement_gives_the_numbers_of_the_command_line() {
    for kind in Kind::ALL {
        let (mut harness, engine) = opened([1280.0, 800.0], Theme::Light);
        harness.state_mut().measuring.kind = kind;
        harness.run();
        let (request, seed, count) = press_measure(&mut harness, &engine);
        assert_eq!((seed, count), (1, kind.boards() as usize), "of the model's own seed, as many as the command line");
        let puzzles = puzzles(8);
        answer_all(&mut harness, &engine, request, &puzzles);
        assert!(!harness.state().measuring.is_running(), "{kind:?} is over");
        let question = Question::usual(kind, 16);
        let command =
            format!("loopscope probe {} --model sudoku6 --generate {count}{}", kind.command(), question.flags());
        let about = About {
            model: "sudoku6".into(),
            device: "CPU (flex, 2 threads)".into(),
            command: format!("{command} --json"),
        };
        let wanted = driven(question, &puzzles, &about);
        let found = harness.state().measuring.found().cloned().expect("it was read");
        assert_eq!(found.measured.json(), wanted.json(), "{kind:?}");
        assert_eq!(found.measured.csv(), wanted.csv(), "{kind:?}");
        let size = crate::report::Size::default();
        assert_eq!(found.measured.figure(size).ok(), wanted.figure(size).ok(), "{kind:?}");
        assert!(wanted.figure(size).is_ok(), "{kind:?}");
        harness.get_by_label(&command);
    }
}

#[test]
fn every_measurement_is_seen() {
    for (size, theme, name) in [
        ([1280.0, 900.0], Theme::Light, "light"),
        ([1280.0, 900.0], Theme::Dark, "dark"),
        ([390.0, 844.0], Theme::Light, "narrow"),
    ] {
        let (mut harness, engine) = opened(size, theme);
        for kind in Kind::ALL {
            harness.state_mut().measuring.kind = kind;
            harness.run();
            let (request, ..) = press_measure(&mut harness, &engine);
            answer_all(&mut harness, &engine, request, &puzzles(8));
            harness.get_by_label("sudoku6, 8 new boards");
            match kind {
                Kind::Scaling => {
                    let records = recorded(&puzzles(8), &Recording::plain(256)).0;
                    let row = scaling(&puzzles(8), &records, &[16], 0).expect("scores").rows.remove(0).balanced;
                    let text = format!("{:.1} to {:.1} %", 100.0 * row.low, 100.0 * row.high);
                    assert!(harness.query_all_by_label(&text).count() > 0, "{text}");
                    harness.get_by_label("Solved at some iteration: 6; no longer at the end: 0.");
                }
                Kind::Inside => {
                    harness.get_by_label("settled solved: 6");
                    harness.get_by_label("settled wrong: 2");
                    harness.get_by_label_contains("Wrong cells of a failure: median 1.0");
                }
                Kind::Stopping => {
                    harness.get_by_label("bound: first right answer");
                }
                Kind::Interventions => {
                    assert!(harness.query_all_by_label("no difference found").count() > 0);
                }
                Kind::Recovery => {
                    harness.get_by_label("Solved when disturbed");
                    let text = "Solved at the end only because of the disturbance: 0; only without it: 0.";
                    assert_eq!(harness.query_all_by_label(text).count(), 2);
                }
                Kind::Cold => {
                    harness.get_by_label("What the first iteration makes of the solution");
                }
                Kind::Warm => {
                    harness.get_by_label("After iteration 64, until 320");
                }
                Kind::Verified => {
                    assert_eq!(harness.query_all_by_label("restarts with noise").count(), 2, "chosen, and told");
                }
                Kind::Heads => {
                    harness.get_by_label_contains("attention of head 2.4 by offset");
                }
                Kind::Spectrum => {
                    assert!(harness.query_all_by_label("2 of 3").count() > 0, "one has not converged");
                }
            }
            super::pictures::save(&mut harness, &format!("boards-{}-{name}", kind.word()));
        }
    }
}

#[test]
fn results_come_while_boards_do() {
    let (mut harness, engine) = opened([1280.0, 800.0], Theme::Light);
    harness.get_by_label_contains("Press Measure");
    let (request, ..) = press_measure(&mut harness, &engine);
    engine.tell(Event::Puzzles { request, puzzles: puzzles(6) });
    harness.run_steps(4);
    let asked = engine.asked();
    let events = asked.iter().find_map(|c| matches!(c, Command::Record { .. }).then(|| answers(c))).expect("a pass");
    let [first, progress, rest] = <[Event; 3]>::try_from(events).expect("two batches");
    engine.tell(first);
    engine.tell(progress);
    harness.run_steps(4);
    harness.get_by_label("Solved of 3 new boards");
    harness.get_by_role_and_label(Role::Button, "Stop");
    engine.tell(rest);
    harness.run_steps(4);
    harness.get_by_label("Solved of 6 new boards");
    harness.get_by_role_and_label(Role::Button, "Measure");
}

#[test]
fn two_exits_are_compared_where_it_is_asked() {
    let (mut harness, engine) = opened([1280.0, 900.0], Theme::Light);
    let question = harness.state_mut().measuring.question(16);
    *question = Question::Scaling { iterations: vec![16, 64], exit: Exit::Valid, beside: Some(Exit::Never) };
    harness.run();
    harness.get_by_label("compare with the whole pass");
    let (request, ..) = press_measure(&mut harness, &engine);
    answer_all(&mut harness, &engine, request, &puzzles(6));
    harness.get_by_label("The same boards with “valid” and with “never”");
    harness.get_by_label_contains("162 board iterations instead of 384: 2.4 times less work.");
    harness.get_by_label_contains("no difference found");
    super::pictures::save(&mut harness, "boards-exits-light");
}

#[test]
fn a_measurement_can_be_stopped_fails_in_words_and_belongs_to_its_model() {
    let (mut harness, engine) = opened([1280.0, 800.0], Theme::Light);
    let (request, ..) = press_measure(&mut harness, &engine);
    harness.get_by_role_and_label(Role::Button, "Stop").click();
    harness.run_steps(4);
    assert!(engine.asked().iter().any(|c| matches!(c, Command::Cancel { request: r } if *r == request)));
    // What still comes is of no interest.
    engine.tell(Event::Puzzles { request, puzzles: puzzles(2) });
    harness.run_steps(4);
    assert!(!engine.asked().iter().any(|c| matches!(c, Command::Record { .. })));

    let (request, ..) = press_measure(&mut harness, &engine);
    engine.tell(Event::Failed { request: Some(request), message: "puzzles cannot be made".into() });
    harness.run_steps(4);
    assert!(harness.query_all_by_label("puzzles cannot be made").count() > 0);

    let (request, ..) = press_measure(&mut harness, &engine);
    answer_all(&mut harness, &engine, request, &puzzles(2));
    assert_eq!(harness.state().measuring.read(), 2);
    // Each measurement keeps what was found of it.
    harness.state_mut().measuring.kind = Kind::Heads;
    harness.run();
    assert_eq!(harness.state().measuring.read(), 0);
    harness.state_mut().measuring.kind = Kind::Scaling;
    harness.state_mut().open_model(crate::engine::protocol::ModelSource::Shipped("sudoku4".into()));
    open(&mut harness, &engine, Shape::S4);
    assert_eq!(harness.state().measuring.read(), 0, "of another model");
}

#[test]
fn what_is_answered_of_an_opened_model_alone_says_so() {
    let (mut harness, engine) = opened([1280.0, 800.0], Theme::Light);
    harness.get_by_label("Start").click();
    harness.run();
    engine.tell(super::train::prepared(0));
    harness.run();
    assert_eq!(harness.state().view.subject, Subject::Training);
    harness.state_mut().view.plots = PlotPage::Boards;
    for kind in [Kind::Heads, Kind::Spectrum] {
        harness.state_mut().measuring.kind = kind;
        harness.run();
        harness.get_by_label_contains("This is measured of an opened model alone.");
        engine.asked();
        harness.state_mut().measure();
        assert!(!engine.asked().iter().any(|c| matches!(c, Command::Puzzles { .. })));
    }
    harness.state_mut().measuring.kind = Kind::Recovery;
    harness.run();
    assert_eq!(harness.query_all_by_label_contains("of an opened model alone").count(), 0);
}
