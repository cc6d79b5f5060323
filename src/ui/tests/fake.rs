//! A fake engine that records what it is asked, and a trace that converges to a solution.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use eframe::egui::{Key, Theme};
use egui_kittest::Harness;

use crate::config::{Interventions, ModelCard, ModelConfig, Provenance, preset};
use crate::engine::protocol::{Command, DeviceInfo, EngineLink, Event, RequestId};
use crate::tasks::sudoku::{GenerateSpec, Generator, Puzzle, Shape};
use crate::trace::{Frame, Iteration, Probability, Step, Trace};
use crate::ui::{Lab, LabOptions, ShippedModel};

/// What the test sees of the engine.
#[derive(Clone, Default)]
pub struct Engine {
    pub commands: Rc<RefCell<Vec<Command>>>,
    pub events: Rc<RefCell<VecDeque<Event>>>,
    pub dropped: Rc<Cell<bool>>,
}

struct Link(Engine);

impl EngineLink for Link {
    fn send(&mut self, command: Command) {
        self.0.commands.borrow_mut().push(command);
    }

    fn poll(&mut self) -> Option<Event> {
        self.0.events.borrow_mut().pop_front()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.dropped.set(true);
    }
}

impl Engine {
    /// Its link.
    pub fn link(&self) -> impl EngineLink + use<> {
        Link(self.clone())
    }

    pub fn tell(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
    }

    /// Everything asked since the last call.
    pub fn asked(&self) -> Vec<Command> {
        std::mem::take(&mut self.commands.borrow_mut())
    }

    pub fn device(&self) {
        self.tell(Event::Device(DeviceInfo {
            name: "CPU (flex, 2 threads)".into(),
            gpu: false,
            software: false,
            reason: "There is no graphics card, so it computes on the CPU.".into(),
        }));
    }
}

/// The last Think among commands.
pub fn think(commands: &[Command]) -> Option<(RequestId, u32, crate::tasks::sudoku::Grid)> {
    commands.iter().rev().find_map(|c| match c {
        Command::Think { request, iterations, clues, .. } => Some((*request, *iterations, clues.clone())),
        _ => None,
    })
}

pub fn puzzle(shape: Shape) -> Puzzle {
    let made = Generator::new(GenerateSpec::usual(shape), 7).puzzle(0);
    Puzzle::checked(made.clues).expect("the generator makes puzzles with one solution")
}

/// Frames 1..=count: cells become right one after the other, the last a little after half-way.
pub fn frames(puzzle: &Puzzle, count: u32) -> Vec<Frame> {
    let (shape, solution) = (puzzle.clues.shape(), puzzle.solution.clone().expect("solved"));
    let (cells, side) = (shape.cells(), shape.side());
    (1..=count)
        .map(|t| {
            let mut digits = Vec::new();
            let mut probabilities = Vec::new();
            for cell in 0..cells {
                let late = 1.0 + (cell * 7 % cells) as f32 / cells as f32 * 7.0;
                let known = 1.0 / (1.0 + (-(t as f32 - late) * 1.3).exp());
                let right = solution.get(cell);
                let rival = right as usize % side + 1;
                let row: Vec<f32> = (1..=side)
                    .map(|d| {
                        let rest = (1.0 - known) / side as f32;
                        if d == usize::from(right) {
                            known * 0.96 + rest
                        } else if d == rival {
                            rest + (1.0 - known) * 0.3
                        } else {
                            rest * 0.9
                        }
                    })
                    .collect();
                let sum: f32 = row.iter().sum();
                let best = row.iter().enumerate().fold(0, |b, (i, x)| if *x > row[b] { i } else { b });
                digits.push(best as u8 + 1);
                probabilities.extend(row.iter().map(|x| Probability::from_f32(x / sum)));
            }
            Frame {
                iteration: Iteration(t),
                digits,
                probabilities,
                state_norm: vec![10.0 + t as f32; cells],
                residual: 0.9 * 0.7f32.powi(t as i32 - 1),
                ..Frame::default()
            }
        })
        .collect()
}

pub fn trace(shape: Shape, count: u32) -> Trace {
    let puzzle = puzzle(shape);
    Trace {
        frames: frames(&puzzle, count),
        puzzle,
        model: format!("sudoku{}", shape.side()),
        trained_iterations: 16,
        step: Step(1500),
        interventions: Interventions::default(),
    }
}

pub fn card(shape: Shape) -> ModelCard {
    let name = format!("sudoku{}", shape.side());
    let config = preset(&name).map_or_else(|_| ModelConfig::default().with_shape(shape), |c| c.model);
    ModelCard {
        name,
        config,
        trained_iterations: 16,
        step: 1500,
        provenance: Provenance {
            command: "loopscope train sudoku9 --device cpu".into(),
            began_with: None,
            left_out: None,
            seed: 1,
            data: "puzzles of its own generator".into(),
            device: "CPU".into(),
            seconds: 75.0,
            figures: vec!["Solves 99.4 % of 500 unseen puzzles after 16 iterations.".into()],
        },
    }
}

pub fn options(shape: Shape) -> LabOptions {
    let shipped = [Shape::S4, Shape::S6, Shape::S9]
        .map(|s| ShippedModel {
            name: format!("sudoku{}", s.side()),
            title: format!("Sudoku {0}×{0}", s.side()),
            card: card(s),
            traces: vec![trace(s, 16)],
        })
        .to_vec();
    LabOptions { opening: Some(trace(shape, 16)), shipped, ..LabOptions::default() }
}

pub fn lab_with(options: LabOptions, size: [f32; 2], theme: Theme) -> (Harness<'static, Lab>, Engine) {
    let engine = Engine::default();
    let link = Link(engine.clone());
    let harness = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_max_steps(40)
        .with_step_dt(0.05)
        .wgpu_lazily()
        .build_eframe(move |cc| Lab::new(&cc.egui_ctx, Box::new(link), options));
    (harness, engine)
}

/// Renders with wgpu only where pictures are wanted: the other tests need no adapter.
trait Lazily {
    fn wgpu_lazily(self) -> Self;
}

impl<S> Lazily for egui_kittest::HarnessBuilder<S> {
    fn wgpu_lazily(self) -> Self {
        if std::env::var_os("LOOPSCOPE_PICTURES").is_some() { self.wgpu() } else { self }
    }
}

/// A wide window on a 9×9 board, light, standing still at the clues.
pub fn lab() -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = lab_with(options(Shape::S9), [1280.0, 800.0], Theme::Light);
    harness.run_steps(2);
    harness.state_mut().view.playing = false;
    harness.state_mut().view.set_cursor(0);
    harness.run();
    (harness, engine)
}

/// The same with device and model there and the first answer given.
pub fn live(iterations: u32) -> (Harness<'static, Lab>, Engine) {
    let (mut harness, engine) = lab();
    open(&mut harness, &engine, Shape::S9);
    answer(&mut harness, &engine, iterations);
    (harness, engine)
}

/// Says that the model asked for is open.
pub fn open(harness: &mut Harness<'static, Lab>, engine: &Engine, shape: Shape) {
    let request = engine
        .commands
        .borrow()
        .iter()
        .rev()
        .find_map(|c| match c {
            Command::OpenModel { request, .. } => Some(*request),
            _ => None,
        })
        .expect("a model was asked for");
    engine.device();
    engine.tell(Event::ModelOpened { request, card: Box::new(card(shape)) });
    harness.run();
}

/// Answers the last Think with that many iterations.
pub fn answer(harness: &mut Harness<'static, Lab>, engine: &Engine, count: u32) {
    let (request, _, clues) = think(&engine.commands.borrow()).expect("a question");
    let puzzle = Puzzle::checked(clues).expect("a puzzle with one solution");
    engine.tell(Event::Frames { request, step: Step(1500), frames: frames(&puzzle, count), seconds: 0.1, done: true });
    harness.run();
}

/// Runs until something is so; jobs on threads need a moment.
#[expect(clippy::disallowed_methods, reason = "a test may wait for a thread")]
pub fn wait(harness: &mut Harness<'static, Lab>, what: &str, so: impl Fn(&Lab) -> bool) {
    let start = Instant::now();
    while !so(harness.state()) {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
        harness.step();
    }
    harness.run();
}

pub fn press(harness: &mut Harness<'static, Lab>, key: Key) {
    harness.key_press(key);
    harness.run();
}
