//! Pictures of the window, to be looked at: `LOOPSCOPE_PICTURES=/tmp/ui cargo test pictures`.

use eframe::egui::{Event as Input, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::*;
use super::train;
use crate::engine::protocol::{Command, Event, TrainingState};
use crate::tasks::sudoku::Shape;
use crate::trace::Step;
use crate::ui::Lab;
use crate::ui::view::ColourMode;

pub fn save(harness: &mut Harness<'static, Lab>, name: &str) {
    let Some(prefix) = std::env::var_os("LOOPSCOPE_PICTURES") else { return };
    let image = harness.render().expect("a picture");
    let path = format!("{}-{name}.png", prefix.to_string_lossy());
    image.save(&path).expect("a file");
}

fn opened(shape: Shape, size: [f32; 2], theme: Theme) -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = lab_with(options(shape), size, theme);
    harness.run_steps(3);
    open(&mut harness, &engine, shape);
    answer(&mut harness, &engine, 64);
    harness.state_mut().go_to(5);
    harness.state_mut().view.playing = false;
    let blank = harness.state().looking.clues().cells().iter().rposition(|d| *d == 0).unwrap_or(0);
    harness.state_mut().view.selected = blank;
    harness.run();
    (harness, engine)
}

#[test]
fn looking() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, engine) = opened(Shape::S9, [1280.0, 800.0], theme);
        save(&mut harness, &format!("looking-{name}"));
        harness.state_mut().view.colour = ColourMode::Entropy;
        harness.state_mut().view.attention.shown = true;
        harness.run();
        let request = engine.asked().into_iter().rev().find_map(|c| match c {
            Command::Attend { request, cell, iteration, .. } => Some((request, cell, iteration)),
            _ => None,
        });
        let (request, cell, iteration) = request.expect("attention is asked for");
        // More to the cells that the selected one sees.
        let raw: Vec<f32> = (0..81usize)
            .map(|c| if c / 9 == cell / 9 || c % 9 == cell % 9 { 1.0 + (c % 4) as f32 } else { 0.2 })
            .collect();
        let sum: f32 = raw.iter().sum();
        let row: Vec<f32> = raw.iter().map(|w| w / sum).collect();
        engine.tell(Event::Attention { request, cell, iteration, weights: vec![vec![row; 4]; 4] });
        harness.run();
        save(&mut harness, &format!("entropy-{name}"));
    }
}

#[test]
fn mistake() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, _engine) = opened(Shape::S9, [1280.0, 800.0], theme);
        harness.event(Input::Paste(format!("1...1....{}", ".".repeat(72))));
        harness.run();
        save(&mut harness, &format!("mistake-{name}"));
    }
    let (mut harness, _engine) = opened(Shape::S4, [1280.0, 800.0], Theme::Light);
    harness.event(Input::Paste("12..3...........".into()));
    harness.run();
    wait(&mut harness, "two solutions", |lab| lab.puzzle.two.is_some());
    save(&mut harness, "several-light");
}

#[test]
fn training() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, engine) = opened(Shape::S4, [1280.0, 800.0], theme);
        engine.tell(train::prepared(1240));
        engine.tell(Event::Training { state: TrainingState::Running, step: Step(1240) });
        harness.run();
        answer(&mut harness, &engine, 24);
        harness.get_by_label("over training").click();
        harness.run();
        save(&mut harness, &format!("training-{name}"));
    }
}

#[test]
fn narrow() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, engine) = opened(Shape::S9, [390.0, 844.0], theme);
        save(&mut harness, &format!("narrow-{name}"));
        harness.get_by_label("Plots").click();
        harness.run();
        save(&mut harness, &format!("narrow-plots-{name}"));
        engine.tell(Event::Failed {
            request: None,
            message: "The file weights.safetensors has no tensor “embed.weight”.".into(),
        });
        harness.get_by_label("Train").click();
        harness.run();
        save(&mut harness, &format!("narrow-train-{name}"));
    }
}

#[test]
fn commands() {
    let (mut harness, _engine) = opened(Shape::S6, [1280.0, 800.0], Theme::Light);
    harness.state_mut().view.help = true;
    harness.run();
    save(&mut harness, "commands-light");
}
