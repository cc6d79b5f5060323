//! Round trips, torn files, cutting back.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::store::now;
use crate::trace::{
    HaltingReading, IterationReading, ProbeReport, RoutingMetrics, RoutingReading, RunStamp, StepMetrics,
};

const FIRST_HEADER: &str = "step,boards,trained_iterations,iteration,solved";

fn metrics(step: u32) -> StepMetrics {
    StepMetrics {
        step: Step(step),
        loss: 1.25,
        loss_by_iteration: vec![1.5, 1.0],
        solved_by_iteration: vec![0.0, 0.1],
        gradient_norm: 0.75,
        learning_rate: 2e-3,
        boards_per_second: 6800.0,
        seconds: 12.5,
        routing: None,
    }
}

fn routed(step: u32) -> StepMetrics {
    let routing = RoutingMetrics {
        entropy: vec![0.5, 0.25],
        load: vec![0.75, 0.25],
        top1: vec![1.0, 0.0],
        spread: 0.125,
        gradient_norm: 0.0625,
    };
    StepMetrics { routing: Some(routing), ..metrics(step) }
}

fn probe(step: u32) -> ProbeReport {
    let reading = |i: u8| IterationReading {
        loss: 1.0 / f32::from(i),
        right_share: 0.5,
        residual: 0.25,
        attention_entropy: 2.0,
        routing: Some(RoutingReading { entropy: 0.5, top1_share: 0.625, load: vec![0.75, 0.25] }),
        halting: Some(HaltingReading { share: 0.125, ponder_cost: 1.5 }),
        milliseconds: 3.5,
    };
    ProbeReport {
        stamp: Some(RunStamp {
            run: "a \"run\"".into(),
            config_hash: "0123456789abcdef".into(),
            seed: 7,
            device: "CPU (flex, 2 threads)".into(),
        }),
        step: Step(step),
        epoch: Some(3),
        boards: 64,
        trained_iterations: 2,
        gradient_norm: Some(0.75),
        solved: vec![1, 20, 40, 41],
        readings: (1..=4).map(reading).collect(),
    }
}

/// Of the first schema.
fn plain(step: u32, boards: u32, trained_iterations: u32, solved: Vec<u32>) -> ProbeReport {
    ProbeReport { step: Step(step), boards, trained_iterations, solved, ..ProbeReport::default() }
}

/// A NaN differs from itself; all others must be equal to the bit.
fn bits(m: &StepMetrics) -> (Vec<u32>, Vec<u64>) {
    let canonical = |x: f32| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() };
    let double = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
    let lists = m.loss_by_iteration.iter().chain(&m.solved_by_iteration);
    let single = [m.loss, m.gradient_norm, m.boards_per_second];
    let words = lists.chain(&single).map(|x| canonical(*x)).chain([m.step.0]).collect();
    (words, vec![double(m.learning_rate), double(m.seconds)])
}

prop_compose! {
    fn any_metrics(t: usize)(
        step in any::<u32>(),
        single in prop::array::uniform3(prop::num::f32::ANY),
        double in prop::array::uniform2(prop::num::f64::ANY),
        loss_by_iteration in prop::collection::vec(prop::num::f32::ANY, t),
        solved_by_iteration in prop::collection::vec(0.0f32..=1.0, t),
    ) -> StepMetrics {
        StepMetrics {
            step: Step(step),
            loss: single[0],
            loss_by_iteration,
            solved_by_iteration,
            gradient_norm: single[1],
            learning_rate: double[0],
            boards_per_second: single[2],
            seconds: double[1],
            routing: None,
        }
    }
}

const FINITE: prop::num::f32::Any = prop::num::f32::NORMAL;

prop_compose! {
    fn any_reading(heads: usize)(
        single in prop::array::uniform5(FINITE),
        route in prop::option::of((prop::array::uniform2(FINITE), prop::collection::vec(FINITE, heads))),
        halting in prop::option::of(prop::array::uniform2(FINITE)),
    ) -> IterationReading {
        let [loss, right_share, residual, attention_entropy, milliseconds] = single;
        let routing = route.map(|([entropy, top1_share], load)| RoutingReading { entropy, top1_share, load });
        let halting = halting.map(|[share, ponder_cost]| HaltingReading { share, ponder_cost });
        IterationReading { loss, right_share, residual, attention_entropy, routing, halting, milliseconds }
    }
}

prop_compose! {
    fn any_probe(heads: usize)(step in any::<u32>(), boards in 0u32..100, t in any::<u32>(), n in 1usize..9)(
        solved in prop::collection::vec(0..=boards, n),
        readings in prop::option::of(prop::collection::vec(any_reading(heads), n)),
        stamp in prop::option::of((".{0,12}", "[0-9a-f]{16}", any::<u64>(), ".{0,12}")),
        epoch in prop::option::of(any::<u32>()), gradient_norm in prop::option::of(FINITE),
        step in Just(step), boards in Just(boards), trained_iterations in Just(t),
    ) -> ProbeReport {
        // A name is on one line.
        let line = |s: String| s.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let stamp = stamp.map(|(run, config_hash, seed, device)| {
            RunStamp { run: line(run), config_hash, seed, device: line(device) }
        });
        let readings = readings.unwrap_or_default();
        ProbeReport { stamp, step: Step(step), epoch, boards, trained_iterations, gradient_norm, solved, readings }
    }
}

proptest! {
    #[test]
    fn steps_round_trip(rows in (0usize..4).prop_flat_map(|t| prop::collection::vec(any_metrics(t), 0..5))) {
        let back = StepsCsv::parse(&StepsCsv::text(&rows)).expect("what was written can be read");
        prop_assert_eq!(back.iter().map(bits).collect::<Vec<_>>(), rows.iter().map(bits).collect::<Vec<_>>());
    }

    #[test]
    fn probes_round_trip(reports in (1usize..4).prop_flat_map(|h| prop::collection::vec(any_probe(h), 0..5))) {
        let back = IterationsCsv::parse(&IterationsCsv::text(&reports)).expect("what was written can be read");
        prop_assert_eq!(back, reports);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(step|loss|[0-9,.\\n\\r ]|e-|NaN){0,40}") {
        let headed = StepsCsv::text(&[]) + &text;
        for text in [&text, &headed] {
            let _ = (StepsCsv::parse(text), IterationsCsv::parse(text));
        }
        let _ = IterationsCsv::parse(&format!("{FIRST_HEADER}\n{text}"));
        let _ = IterationsCsv::parse(&(IterationsCsv::text(&[]) + &text));
    }

    /// A kill while a row is written leaves any part of it: the rows before stay, and the next one fits.
    #[test]
    fn a_torn_row_is_dropped(keep in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("steps.csv");
        let whole = StepsCsv::text(&[metrics(1), metrics(2)]);
        let keep = keep.index(whole.len());
        let complete = whole[..keep].matches('\n').count().saturating_sub(1);
        fs::write(&path, &whole[..keep]).expect("a file");
        let old = [metrics(1), metrics(2)][..complete].to_vec();
        prop_assert_eq!(now(StepsCsv::read(&path)).expect("readable"), old.clone());
        now(StepsCsv::append(&path, &metrics(7))).expect("writable");
        prop_assert_eq!(now(StepsCsv::read(&path)).expect("readable"), [old, vec![metrics(7)]].concat());
    }
}

#[test]
fn the_tables_look_like_this() {
    insta::assert_snapshot!(StepsCsv::text(&[metrics(20)]), @r"
    step,loss,solved_share_last,gradient_norm,learning_rate,boards_per_second,seconds,loss_1,loss_2,solved_1,solved_2
    20,1.25,0.1,0.75,0.002,6800.0,12.5,1.5,1.0,0.0,0.1
    ");
    insta::assert_snapshot!(StepsCsv::text(&[routed(20), metrics(40)]));
    insta::assert_snapshot!(IterationsCsv::text(&[probe(500)]));
    insta::assert_snapshot!(IterationsCsv::text(&[plain(500, 64, 2, vec![1, 20])]));
}

#[test]
fn a_table_with_a_router_round_trips() {
    let rows = [routed(20), metrics(40), routed(60)];
    assert_eq!(StepsCsv::parse(&StepsCsv::text(&rows)).expect("readable"), rows);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("steps.csv");
    now(StepsCsv::append(&path, &routed(20))).expect("writable");
    let error = now(StepsCsv::append(&path, &metrics(40))).expect_err("no router").to_string();
    assert!(error.contains("2 heads with a router and the new row of 0"), "{error}");
}

#[test]
fn a_file_of_the_first_schema_becomes_one_of_this() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("iterations.csv");
    fs::write(&path, format!("{FIRST_HEADER}\n5,64,2,1,3\n5,64,2,2,4\n")).expect("a file");
    let old = plain(5, 64, 2, vec![3, 4]);
    assert_eq!(now(IterationsCsv::read(&path)).expect("readable"), std::slice::from_ref(&old));
    now(IterationsCsv::append(&path, &probe(20))).expect("writable");
    assert_eq!(now(IterationsCsv::read(&path)).expect("readable"), [old, probe(20)]);
    assert_eq!(now(IterationsCsv::cut_back(&path, Step(5))).expect("readable"), 4);
    let newer = fs::read_to_string(&path).expect("a file").replace("\n2,", "\n3,");
    let error = IterationsCsv::parse(&newer).expect_err("a newer schema").to_string();
    assert!(error.ends_with("line 2: schema is “3”; this program knows 2"), "{error}");
}

#[test]
fn append_read_cut_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (steps, probes) = (folder.path().join("steps.csv"), folder.path().join("iterations.csv"));
    assert_eq!(now(StepsCsv::read(&steps)).expect("no file is no rows"), []);
    assert_eq!(now(StepsCsv::cut_back(&steps, Step(0))).expect("no file is no rows"), 0);
    for step in [20, 40, 60] {
        now(StepsCsv::append(&steps, &metrics(step))).expect("writable");
        now(IterationsCsv::append(&probes, &probe(step))).expect("writable");
    }
    // What a kill leaves: half a row, and half a letter of what is no text at all.
    for path in [&steps, &probes] {
        let mut bytes = fs::read(path).expect("a file");
        bytes.extend(b"80,1.\xE2\x80");
        fs::write(path, bytes).expect("a file");
    }
    assert_eq!(now(StepsCsv::read(&steps)).expect("readable").len(), 3);
    assert_eq!(now(StepsCsv::cut_back(&steps, Step(40))).expect("readable"), 1);
    assert_eq!(now(IterationsCsv::cut_back(&probes, Step(40))).expect("readable"), 4);
    assert_eq!(now(StepsCsv::read(&steps)).expect("readable"), [metrics(20), metrics(40)]);
    assert_eq!(now(IterationsCsv::read(&probes)).expect("readable"), [probe(20), probe(40)]);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no temporary file stays");
    let text = fs::read_to_string(&steps).expect("a file");
    assert_eq!(text, StepsCsv::text(&[metrics(20), metrics(40)]));
}

#[test]
fn refusals_say_which_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("steps.csv");
    now(StepsCsv::append(&path, &metrics(20))).expect("writable");
    let wider = StepMetrics { loss_by_iteration: vec![0.0; 3], solved_by_iteration: vec![0.0; 3], ..metrics(40) };
    let error = now(StepsCsv::append(&path, &wider)).expect_err("another T").to_string();
    assert!(
        error.ends_with("line 1: the table is of 2 iterations and the new row of 3; use another folder"),
        "{error}"
    );

    let said = |text: &str| StepsCsv::parse(text).expect_err("a bad line").to_string();
    let text = StepsCsv::text(&[metrics(20), metrics(40)]);
    let bad = text.replace("\n40,1.25", "\n40,1,25");
    assert_eq!(said(&bad), "steps.csv, line 3: it has 12 columns; the header has 11");
    let bad = text.replace("\n40,1.25", "\n40,low");
    assert_eq!(said(&bad), "steps.csv, line 3: loss is “low”; it must be a number");
    let bad = text.replace("\n20,", "\n-2,");
    assert!(said(&bad).starts_with("steps.csv, line 2: step is “-2”; it must be a whole number"));
    assert!(said("step,loss\n").contains("it must be “step,loss,solved_share_last"));
    fs::write(&path, bad).expect("a file");
    let error = now(StepsCsv::cut_back(&path, Step(1))).expect_err("a bad line").to_string();
    assert!(error.contains("steps.csv, line 2: step"), "{error}");

    let said =
        |rows: &str| IterationsCsv::parse(&format!("{FIRST_HEADER}\n{rows}")).expect_err("a bad line").to_string();
    assert_eq!(
        said("5,64,2,1,0\n5,64,2,3,0\n"),
        "iterations.csv, line 3: iteration is 3 of step 5; it must be 2 of step 5, or 1 of another probe"
    );
    assert_eq!(said("5,64,2,1,65\n"), "iterations.csv, line 2: solved is 65; it must be at most the 64 boards");
    assert_eq!(said("5,64,2,2,0\n"), "iterations.csv, line 2: iteration is 2 of step 5; it must be 1");
}
