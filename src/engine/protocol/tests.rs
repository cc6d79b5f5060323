//! Every message comes through the format of the page and its worker, which counts fields and has no
//! names for them: what a field's absence says elsewhere is lost there.

use super::*;
use crate::config::{Interventions, preset};
use crate::measure::{Disturbance, DisturbanceKind};
use crate::tasks::sudoku::{Puzzle, parse_grid};
use crate::trace::{
    ControllerFrame, Count, Frame, GradientReport, HaltingFrame, HaltingReading, Iteration, IterationReading,
    Probability, ProbeReport, Routing, RoutingMetrics, RoutingReading, RunStamp, Score, Step, StepMetrics, Trace, Work,
};

fn puzzles() -> Vec<Puzzle> {
    let bare = Puzzle::unchecked(parse_grid("1...34....4....1").expect("a board"));
    let solved = Puzzle::checked(bare.clues.clone()).expect("one solution");
    let source = Some("made by seed 3".to_owned());
    vec![
        Puzzle { source: source.clone(), ..solved.clone() },
        Puzzle { rating: Some(7), ..bare.clone() },
        Puzzle { rating: Some(0), source, ..solved.clone() },
        solved,
        bare,
    ]
}

fn frame() -> Frame {
    Frame {
        iteration: Iteration(1),
        digits: vec![1; 16],
        probabilities: vec![Probability(16_383); 64],
        state_norm: vec![f32::INFINITY; 16],
        residual: 0.5,
        routing: Some(Routing { heads: 2, weights: vec![Probability(9); 64] }),
        controller: Some(ControllerFrame { fast: 1.0, slow: 2.0, slow_moved: true }),
        halting: Some(HaltingFrame { mass: vec![Probability(9); 16], halted: vec![true; 16] }),
    }
}

fn events() -> Vec<Event> {
    let config = preset("sudoku4").expect("a preset");
    let traces = puzzles().into_iter().map(|puzzle| Trace {
        puzzle,
        model: "sudoku4".into(),
        trained_iterations: 6,
        step: Step(250),
        interventions: Interventions::default(),
        frames: vec![frame()],
    });
    let reading = IterationReading {
        loss: 1.0,
        right_share: 0.5,
        residual: 0.25,
        attention_entropy: 2.0,
        routing: Some(RoutingReading { entropy: 0.5, top1_share: 0.5, load: vec![0.5; 2] }),
        halting: Some(HaltingReading { share: 0.5, ponder_cost: 1.0 }),
        milliseconds: 3.0,
    };
    let report = ProbeReport {
        stamp: Some(RunStamp { run: "a".into(), config_hash: "b".into(), seed: 1, device: "c".into() }),
        step: Step(250),
        epoch: Some(1),
        boards: 5,
        trained_iterations: 6,
        gradient_norm: None,
        solved: vec![1, 2, 3],
        readings: vec![reading.clone(), reading.clone(), reading],
    };
    let metrics = StepMetrics {
        step: Step(10),
        loss: 1.25,
        loss_by_iteration: vec![1.5, 1.0],
        solved_by_iteration: vec![0.0, 0.5],
        gradient_norm: 2.0,
        learning_rate: 1e-3,
        boards_per_second: 1200.0,
        seconds: 0.5,
        routing: Some(RoutingMetrics { entropy: vec![0.5], load: vec![1.0], ..RoutingMetrics::default() }),
    };
    let request = RequestId(u64::MAX);
    let of = Count { solved: 1, of: 5 };
    vec![
        Event::Probed { report: report.clone(), traces: traces.clone().collect() },
        Event::Boards { traces: traces.collect() },
        Event::Prepared {
            config: Box::new(config),
            step: Step(0),
            history: vec![metrics.clone()],
            probes: vec![report],
            notes: vec!["a note".into()],
            folder: Some("runs/a".into()),
        },
        Event::Metrics(metrics),
        Event::Frames { request, step: Step(1), frames: vec![frame()], seconds: 0.25, done: true },
        Event::Evaluated {
            request,
            scores: vec![Score { iterations: 6, total: of, by_bucket: Vec::new() }],
            work: Work { made: 1, of: 2 },
        },
        Event::Benched { request, milliseconds: vec![0.5, 0.25], limit: 1e9 },
        Event::Gradients {
            request,
            report: GradientReport { missing: vec!["why".into()], ..GradientReport::default() },
        },
        Event::AtOnce { boards: 8, batch: 64 },
        opened("sudoku4", None),
        opened("sudoku9", Some("Began with the weights of another.".into())),
        Event::Training { state: TrainingState::Stopped("why".into()), step: Step(3) },
        Event::Runs {
            request,
            runs: vec![RunSummary { folder: "runs/a".into(), step: None, steps: 9, bytes: 3, problem: None }],
            quota: Some((1, 2)),
        },
        Event::Failed { request: None, message: "what is wrong".into() },
    ]
}

fn opened(name: &str, began_with: Option<String>) -> Event {
    let mut card = Box::new(crate::config::shipped::card(name).expect("a shipped model"));
    card.provenance.began_with = began_with;
    Event::ModelOpened { request: RequestId(1), card }
}

fn commands() -> Vec<Command> {
    let request = RequestId(1);
    let config = Box::new(preset("sudoku9").expect("a preset"));
    vec![
        Command::Prepare { config, folder: None, resume: false, kernels: Kernels::Fused },
        Command::Evaluate {
            request,
            subject: Subject::Training,
            puzzles: puzzles(),
            iterations: vec![6],
            interventions: Interventions { damping: 0.5, ..Interventions::default() },
            kernels: Kernels::Plain,
        },
        Command::Bench {
            request,
            kernels: Kernels::Half,
            clues: puzzles()[0].clues.clone(),
            boards: 2,
            iterations: 3,
            repeat: 4,
        },
        Command::BenchTraining {
            request,
            kernels: Kernels::Half,
            puzzle: Box::new(puzzles().remove(0)),
            boards: 64,
            dropout: 0.1,
            steps: 4,
            repeat: 1,
        },
        Command::Gradients {
            request,
            puzzles: puzzles(),
            iterations: None,
            dropout: 0.1,
            seed: 2,
            kernels: Kernels::ALL.to_vec(),
            each: 20,
            against_stock: true,
        },
        Command::Think {
            request,
            subject: Subject::Opened,
            clues: puzzles().remove(0).clues,
            iterations: 6,
            interventions: Interventions::default(),
            disturbance: Some(Disturbance { after: 3, kind: DisturbanceKind::Answer { cell: 5, digit: 2 } }),
        },
        Command::OpenModel {
            request,
            source: ModelSource::Bytes { name: "x".into(), bytes: vec![0, 255] },
            set: Vec::new(),
        },
        Command::OpenOther { request, source: ModelSource::Shipped("sudoku4".into()), set: vec!["heads=2".into()] },
        Command::Attend { request, subject: Subject::Other, cell: 3, iteration: 2 },
        Command::CloseOther,
        Command::Start { steps: Some(1) },
        Command::MicroBatch { boards: 4 },
    ]
}

#[test]
fn messages_come_through_bytes_unchanged() {
    for event in events() {
        let bytes = postcard::to_stdvec(&event).expect("written");
        assert_eq!(postcard::from_bytes::<Event>(&bytes).as_ref(), Ok(&event));
    }
    for command in commands() {
        let bytes = postcard::to_stdvec(&command).expect("written");
        assert_eq!(postcard::from_bytes::<Command>(&bytes).as_ref(), Ok(&command));
    }
}

#[test]
fn what_is_not_known_is_left_out_of_json() {
    let bare = puzzles().pop().expect("one");
    assert_eq!(serde_json::to_string(&bare).expect("written"), r#"{"clues":"1...34....4....1"}"#);
    for puzzle in puzzles() {
        let text = serde_json::to_string(&puzzle).expect("written");
        assert_eq!(serde_json::from_str::<Puzzle>(&text).expect("read"), puzzle);
    }
}

#[test]
fn memory_is_told_from_the_rest() {
    for yes in ["wgpu error: Out of Memory", "memory allocation of 12 bytes failed", "memory ran out: no more"] {
        assert!(is_memory(yes), "{yes}");
    }
    let panic = "panicked at src/memory_management/pool.rs:3:\nindex 3 is past the end";
    for no in ["Destroyed: the device was destroyed", "memory access out of bounds", panic] {
        assert!(!is_memory(no), "{no}");
    }
}
