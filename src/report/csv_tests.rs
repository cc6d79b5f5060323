//! Round trips, torn files, cutting back.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::store::now;

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
    }
}

fn probe(step: u32) -> ProbeReport {
    ProbeReport { step: Step(step), boards: 64, trained_iterations: 2, solved: vec![1, 20, 40, 41] }
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
        }
    }
}

prop_compose! {
    fn any_probe()(step in any::<u32>(), boards in 0u32..100, t in any::<u32>(), n in 1usize..9)(
        solved in prop::collection::vec(0..=boards, n),
        step in Just(step), boards in Just(boards), trained_iterations in Just(t),
    ) -> ProbeReport {
        ProbeReport { step: Step(step), boards, trained_iterations, solved }
    }
}

proptest! {
    #[test]
    fn steps_round_trip(rows in (0usize..4).prop_flat_map(|t| prop::collection::vec(any_metrics(t), 0..5))) {
        let back = StepsCsv::parse(&StepsCsv::text(&rows)).expect("what was written can be read");
        prop_assert_eq!(back.iter().map(bits).collect::<Vec<_>>(), rows.iter().map(bits).collect::<Vec<_>>());
    }

    #[test]
    fn probes_round_trip(reports in prop::collection::vec(any_probe(), 0..5)) {
        let back = IterationsCsv::parse(&IterationsCsv::text(&reports)).expect("what was written can be read");
        prop_assert_eq!(back, reports);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(step|loss|[0-9,.\\n\\r ]|e-|NaN){0,40}") {
        let headed = format!("{}\n{text}", StepsCsv::header(1));
        for text in [&text, &headed] {
            let _ = (StepsCsv::parse(text), IterationsCsv::parse(text));
        }
        let _ = IterationsCsv::parse(&format!("{PROBE_HEADER}\n{text}"));
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
    insta::assert_snapshot!(IterationsCsv::text(&[probe(500)]), @r"
    step,boards,trained_iterations,iteration,solved
    500,64,2,1,1
    500,64,2,2,20
    500,64,2,3,40
    500,64,2,4,41
    ");
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
        |rows: &str| IterationsCsv::parse(&format!("{PROBE_HEADER}\n{rows}")).expect_err("a bad line").to_string();
    assert_eq!(
        said("5,64,2,1,0\n5,64,2,3,0\n"),
        "iterations.csv, line 3: iteration is 3 of step 5; it must be 2 of step 5, or 1 of another probe"
    );
    assert_eq!(said("5,64,2,1,65\n"), "iterations.csv, line 2: solved is 65; it must be at most the 64 boards");
    assert_eq!(said("5,64,2,2,0\n"), "iterations.csv, line 2: iteration is 2 of step 5; it must be 1");
}
