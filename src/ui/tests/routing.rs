//! A routed network: its heads, its clocks, who has halted.

use eframe::egui::{Role, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::fake::*;
use super::train;
use crate::config::{NetworkKind, PohConfig, preset};
use crate::engine::protocol::{Command, Event, TrainingState};
use crate::tasks::sudoku::{Puzzle, Shape};
use crate::trace::{
    ControllerFrame, Frame, HaltingFrame, HaltingReading, IterationReading, Probability, Routing, RoutingMetrics,
    RoutingReading, Step,
};
use crate::ui::Lab;
use crate::ui::view::{ColourMode, PlotPage};

const HEADS: usize = 4;

/// Frames with the routing of two blocks of four heads, a controller and cells that halt one after the other.
fn routed(puzzle: &Puzzle, count: u32) -> Vec<Frame> {
    let mut all = frames(puzzle, count);
    for frame in &mut all {
        let t = frame.iteration.0;
        let cells = frame.digits.len();
        let row = |block: usize, cell: usize| -> Vec<Probability> {
            let raw: Vec<f32> =
                (0..HEADS).map(|h| 1.0 + ((h + cell + block) % HEADS) as f32 * t.min(6) as f32).collect();
            let sum: f32 = raw.iter().sum();
            raw.iter().map(|w| Probability::from_f32(w / sum)).collect()
        };
        let weights = (0..2).flat_map(|b| (0..cells).flat_map(move |c| row(b, c))).collect();
        frame.routing = Some(Routing { heads: HEADS as u16, weights });
        frame.controller =
            Some(ControllerFrame { fast: 2.0 + 0.1 * t as f32, slow: (t / 3) as f32, slow_moved: t % 3 == 1 });
        let halted: Vec<bool> = (0..cells).map(|c| c as u32 % 7 + 3 <= t).collect();
        let mass = (0..cells).map(|c| Probability::from_f32(t as f32 / (c % 7 + 3) as f32)).collect();
        frame.halting = Some(HaltingFrame { mass, halted });
    }
    all
}

/// A window on the routing of a live pass.
fn looking_at_heads(size: [f32; 2], theme: Theme) -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = lab_with(options(Shape::S6), size, theme);
    harness.run_steps(2);
    open(&mut harness, &engine, Shape::S6);
    let (request, _, clues) = think(&engine.commands.borrow()).expect("a question");
    let puzzle = Puzzle::checked(clues).expect("one solution");
    let told = Event::Frames { request, step: Step(1500), frames: routed(&puzzle, 24), seconds: 0.1, done: true };
    engine.tell(told);
    let lab = harness.state_mut();
    lab.view.playing = false;
    lab.go_to(5);
    lab.view.plots = PlotPage::Routing;
    if let Some(card) = &mut lab.model.card {
        card.config.network = NetworkKind::Poh;
        card.config.poh = PohConfig { router: crate::config::Router::Hrm, ..PohConfig::default() };
        card.config.heads = HEADS;
    }
    harness.run();
    (harness, engine)
}

fn save(harness: &mut Harness<'static, Lab>, name: &str) {
    super::pictures::save(harness, name);
}

#[test]
fn heads_clocks_and_halting_are_shown() {
    for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        let (mut harness, _engine) = looking_at_heads([1280.0, 800.0], theme);
        harness.get_by_label("iteration 5 of 24: the state and the answer change");
        harness.get_by_label("slow update 2 of 8: the slow state changes");
        harness.get_by_label("head 4 over the board");
        assert!(harness.query_all_by_label_contains("by head and iteration").count() > 0);
        harness.state_mut().view.colour = ColourMode::Heads;
        harness.run();
        save(&mut harness, &format!("routing-{name}"));
        harness.state_mut().view.colour = ColourMode::Halting;
        harness.state_mut().view.routed_block = Some(1);
        harness.run();
        let halted = "36 of 36 cells halted within 24 iterations";
        assert!(harness.query_all_by_label_contains(halted).count() > 0);
        save(&mut harness, &format!("halting-{name}"));
    }
    let (mut harness, _engine) = looking_at_heads([390.0, 844.0], Theme::Light);
    harness.state_mut().view.page = crate::ui::view::Page::Plots;
    harness.run();
    save(&mut harness, "routing-narrow");
}

#[test]
fn a_head_is_knocked_out_and_brought_back() {
    let (mut harness, engine) = looking_at_heads([1280.0, 1600.0], Theme::Light);
    engine.asked();
    harness.get_by_role_and_label(Role::Button, "knock head 2 out").click();
    harness.run_steps(8);
    let out = |commands: &[Command]| {
        commands.iter().rev().find_map(|c| match c {
            Command::Think { interventions, .. } => Some(interventions.knocked_out.to_string()),
            _ => None,
        })
    };
    assert_eq!(out(&engine.asked()).as_deref(), Some("1.2,2.2"), "in all blocks");
    assert!(harness.state().link_of_view().to_string().contains("knocked-out=1.2,2.2"));
    harness.get_by_role_and_label(Role::Button, "bring head 2 back").click();
    harness.run_steps(8);
    harness.state_mut().view.routed_block = Some(1);
    harness.run_steps(2);
    assert_eq!(out(&engine.asked()).as_deref(), Some(""));
    harness.get_by_role_and_label(Role::Button, "knock head 4 out").click();
    harness.run_steps(8);
    assert_eq!(out(&engine.asked()).as_deref(), Some("2.4"), "in the chosen block alone");
}

#[test]
fn colours_that_a_network_lacks_are_not_on_offer() {
    let (harness, _engine) = live(16);
    assert!(harness.query_by_label("heads").is_none());
    let (harness, _engine) = looking_at_heads([1280.0, 800.0], Theme::Light);
    harness.get_by_label("heads");
    harness.get_by_label("halting");
}

#[test]
fn without_a_router_it_says_what_to_do() {
    let (mut harness, _engine) = live(16);
    harness.state_mut().view.plots = PlotPage::Routing;
    harness.run();
    harness.get_by_label_contains("The looped transformer has no router");
    harness.get_by_label("no slow state: nothing moves on this clock here");
}

#[test]
fn a_training_shows_its_routing_live_and_its_alarms() {
    let (mut harness, engine) = lab_with(options(Shape::S9), [1280.0, 1400.0], Theme::Light);
    harness.run_steps(2);
    open(&mut harness, &engine, Shape::S9);
    answer(&mut harness, &engine, 16);
    harness.state_mut().view.playing = false;
    harness.get_by_label("Start").click();
    harness.run();
    let routing = |load: [f32; 4], gradient_norm| RoutingMetrics {
        entropy: (0..6).map(|i| 1.35 - 0.1 * i as f32).collect(),
        load: load.to_vec(),
        top1: load.to_vec(),
        spread: 0.08,
        gradient_norm,
    };
    let reading = |i: u32| IterationReading {
        loss: 1.0,
        right_share: 0.5,
        residual: 0.5,
        attention_entropy: 2.0,
        routing: Some(RoutingReading { entropy: 1.3 - 0.002 * i as f32, top1_share: 0.5, load: vec![0.25; 4] }),
        halting: Some(HaltingReading { share: 0.5, ponder_cost: 3.0 }),
        milliseconds: 1.0,
    };
    let mut probe = train::probe(250);
    probe.readings = (1..=96).map(reading).collect();
    engine.tell(Event::Prepared {
        config: Box::new(preset("poh4").expect("a preset")),
        step: Step(0),
        history: Vec::new(),
        probes: vec![probe],
        notes: Vec::new(),
        folder: None,
    });
    engine.tell(Event::Training { state: TrainingState::Running, step: Step(300) });
    for (k, load) in [[0.25, 0.25, 0.25, 0.25], [0.3, 0.3, 0.2, 0.2], [0.35, 0.3, 0.2, 0.15]].into_iter().enumerate() {
        let mut metrics = train::metrics(280 + 10 * k as u32);
        metrics.routing = Some(routing(load, 0.1));
        engine.tell(Event::Metrics(metrics));
    }
    harness.run();
    for title in ["Routing entropy", "Head load"] {
        assert!(harness.query_all_by_label_contains(title).count() > 0, "{title}");
    }
    assert!(harness.query_by_label_contains("router is dead").is_none());
    save(&mut harness, "routing-training");
    let mut metrics = train::metrics(310);
    metrics.routing = Some(routing([0.97, 0.01, 0.01, 0.01], 0.1));
    engine.tell(Event::Metrics(metrics));
    harness.run();
    harness.get_by_label("Head 1 takes all: 97 % of the weight.");
    let mut metrics = train::metrics(320);
    metrics.routing = Some(routing([0.25; 4], 0.0));
    engine.tell(Event::Metrics(metrics));
    harness.run();
    harness.get_by_label_contains("The router is dead: it gets no gradient");
}
