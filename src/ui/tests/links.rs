//! Links, runs and a lost engine: what a page needs, in the window by itself.

use std::path::{Path, PathBuf};

use eframe::egui::Theme;

use super::fake::{lab, lab_with, live, open, options, think, wait};
use super::train::prepared;
use crate::config::{Interventions, Link};
use crate::engine::protocol::{Command, Event, ModelSource, RunSummary, Subject, TrainingState};
use crate::tasks::sudoku::{GenerateSpec, Generator, Puzzle, Shape};
use crate::trace::Step;
use crate::ui::LabOptions;

#[test]
fn a_window_that_shows_what_it_shows_by_itself_has_no_link() {
    let (mut harness, _) = lab();
    harness.state_mut().view.playing = true;
    assert_eq!(harness.state().link_of_view(), Link::default());
}

#[test]
fn a_link_is_restored() {
    // Not the recorded one, which a link leaves out.
    let clues = Generator::new(GenerateSpec::usual(Shape::S4), 7).puzzle(1).clues;
    let own = Puzzle::checked(clues).expect("one solution");
    let text = format!(
        "#model=sudoku4&puzzle={}&seed=5&iteration=9&iterations=64&damping=0.5&cell=r2c3&panel=plots&plots=training&colour=entropy",
        own.clues.to_line()
    );
    let (link, messages) = Link::parse(&text);
    assert!(messages.is_empty(), "{messages:?}");
    let opening = LabOptions { link: Some(link.clone()), ..options(Shape::S9) };
    let (mut harness, engine) = lab_with(opening, [1280.0, 800.0], Theme::Light);
    harness.run_steps(2);
    let asked = engine.asked();
    assert!(
        matches!(&asked[..], [Command::OpenModel { source: ModelSource::Shipped(name), .. }] if name == "sudoku4"),
        "one model is asked for, and it is the link's: {asked:?}"
    );
    *engine.commands.borrow_mut() = asked;
    assert_eq!(harness.state().link_of_view(), link, "before the model is there");
    open(&mut harness, &engine, Shape::S4);
    let commands = engine.asked();
    let (request, iterations, clues) = think(&commands).expect("a question");
    assert_eq!((iterations, &clues), (64, &own.clues));
    assert!(commands.iter().any(|c| matches!(c, Command::Think { interventions, .. } if interventions.damping == 0.5)));
    engine.tell(Event::Frames {
        request,
        step: Step(1),
        frames: super::fake::frames(&own, 64),
        seconds: 0.1,
        done: true,
    });
    harness.run();
    assert_eq!(harness.state().view.cursor(), 9);
    assert_eq!(harness.state().link_of_view(), link, "and after its frames");
    assert_eq!(harness.state().link_text(), link.to_string(), "no address natively");
}

#[test]
fn a_bad_link_is_told_and_the_rest_applies() {
    let (mut harness, engine) = live(16);
    engine.asked();
    harness.state_mut().apply_link("#colour=flips&modle=x&cell=r99c1&model=sudoku5");
    harness.run();
    let messages = harness.state().state()["messages"].to_string();
    for part in ["modle", "r99c1", "sudoku5"] {
        assert!(messages.contains(part), "{part} in {messages}");
    }
    assert_eq!(harness.state().state()["colour"], "flips");
    harness.state_mut().apply_link("");
    harness.run();
    assert_eq!(harness.state().interventions, Interventions::default());
    assert_eq!(harness.state().state()["colour"], "right or wrong", "what is not said is as usual");
}

fn with_runs() -> LabOptions {
    LabOptions { runs: Some(PathBuf::from("runs")), address: Some("https://host/".into()), ..options(Shape::S9) }
}

#[test]
fn a_training_gets_a_run_of_its_own_and_survives_the_engine() {
    let (mut harness, engine) = lab_with(with_runs(), [1280.0, 800.0], Theme::Light);
    harness.run_steps(2);
    open(&mut harness, &engine, Shape::S9);
    harness.state_mut().train_start(None);
    harness.run();
    let asked = engine.asked();
    let folder = asked.iter().find_map(|c| match c {
        Command::Prepare { folder: Some(f), resume: false, .. } => Some(f.clone()),
        _ => None,
    });
    let folder = folder.expect("a run of its own");
    assert!(folder.starts_with("runs") && folder.to_string_lossy().contains("sudoku4-seed1-"), "{folder:?}");
    let Event::Prepared { config, step, history, probes, notes, .. } = prepared(500) else { panic!("prepared") };
    engine.tell(Event::Prepared { config, step, history, probes, notes, folder: Some(folder.clone()) });
    engine.tell(Event::AtOnce { boards: 64, batch: 64 });
    engine.tell(Event::Training { state: TrainingState::Running, step: Step(500) });
    harness.run();
    assert_eq!(harness.state().run_under_way(), Some((folder.clone(), true)));

    engine.asked();
    engine.tell(Event::Restarted { reason: "memory ran out".into(), memory: true });
    harness.run();
    let asked = engine.asked();
    assert!(asked.contains(&Command::MicroBatch { boards: 32 }), "{asked:?}");
    assert!(asked.iter().any(|c| matches!(c, Command::OpenModel { .. })));
    assert!(
        asked.iter().any(|c| matches!(c, Command::Prepare { folder: Some(f), resume: true, .. } if *f == folder)),
        "it goes on with the same run: {asked:?}"
    );
    assert_eq!(harness.state().run_under_way(), Some((folder.clone(), true)), "a reload would find it");
    let (config, notes) = (Box::new(crate::config::preset("sudoku4").expect("a preset")), Vec::new());
    let (history, probes) = (Vec::new(), Vec::new());
    engine.tell(Event::Prepared { config, step: Step(400), history, probes, notes, folder: Some(folder) });
    harness.run();
    assert!(engine.asked().contains(&Command::Start { steps: None }), "and trains by itself");
    assert_eq!(harness.state().view.subject, Subject::Training);
    let messages = harness.state().state()["messages"].to_string();
    assert!(messages.contains("halved to 32 boards"), "{messages}");
}

#[test]
fn runs_are_listed_and_deleted_by_a_second_click() {
    let (mut harness, engine) = lab_with(with_runs(), [1280.0, 800.0], Theme::Light);
    harness.run_steps(2);
    open(&mut harness, &engine, Shape::S9);
    engine.asked();
    harness.state_mut().open_runs();
    harness.run();
    let asked = engine.asked();
    let Some(Command::ListRuns { request, folder }) = asked.last() else { panic!("{asked:?}") };
    assert_eq!(folder, Path::new("runs"));
    let run = |name: &str, problem: Option<&str>| RunSummary {
        folder: Path::new("runs").join(name),
        step: Some(200),
        steps: 1500,
        bytes: 1_200_000,
        problem: problem.map(str::to_owned),
    };
    let runs = vec![run("a", None)];
    engine.tell(Event::Runs { request: *request, runs, quota: Some((2_000_000, 10_000_000_000)) });
    harness.run();
    use egui_kittest::kittest::Queryable as _;
    harness.get_by_label("2.0 MB used of the 10.0 GB that the browser allows.");
    harness.get_by_label("step 200 of 1,500, 1.2 MB");
    harness.get_by_label("Delete").click();
    harness.run();
    assert_eq!(engine.asked(), [], "nothing is deleted by one click");
    harness.get_by_label("Delete for good").click();
    harness.run();
    assert!(matches!(&engine.asked()[..], [Command::DeleteRun { folder, .. }] if *folder == Path::new("runs/a")));
    harness.get_by_label("Save as a file").click();
    harness.run();
    assert!(matches!(&engine.asked()[..], [Command::PackRun { .. }]));
    harness.get_by_label("Go on").click();
    harness.run();
    assert!(engine.asked().iter().any(|c| matches!(c, Command::Prepare { resume: true, .. })));
}

#[test]
fn bytes_are_opened_as_if_they_were_dropped() {
    let (mut harness, engine) = live(16);
    engine.asked();
    harness.state_mut().open_bytes("mine.safetensors", vec![1, 2, 3]);
    wait(&mut harness, "the file", |lab| lab.state()["messages"].is_array());
    assert!(engine.asked().iter().any(
        |c| matches!(c, Command::OpenModel { source: ModelSource::Bytes { name, .. }, .. } if name == "mine.safetensors")
    ));
    harness.state_mut().open_bytes("odd.bin", vec![0xFF, 0xFE, 0]);
    wait(&mut harness, "the refusal", |lab| lab.state()["messages"].to_string().contains("odd.bin"));
}
