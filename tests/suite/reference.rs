//! The network against an independent implementation: `tests/reference`, whose logits were computed
//! by another program in float32.

use std::path::PathBuf;

use loopscope::engine::protocol::{Command, DeviceChoice, EngineLink as _, Event, ModelSource, RequestId, Subject};
use loopscope::engine::{EngineHandle, spawn};
use loopscope::models::TensorFile;
use loopscope::tasks::sudoku::{Grid, Shape};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// An engine on the CPU with the reference model open.
pub fn engine_with(source: ModelSource, choice: DeviceChoice) -> EngineHandle {
    let mut engine = spawn(choice, || {});
    engine.send(Command::OpenModel { request: RequestId(1), source, set: vec![] });
    loop {
        match engine.wait() {
            Some(Event::ModelOpened { .. }) => return engine,
            Some(Event::Device(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Logits after the given iterations, through the engine, as `loopscope logits` gets them.
pub fn logits(engine: &mut EngineHandle, puzzles: Vec<Grid>, iterations: &[u32]) -> TensorFile {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.safetensors");
    let iterations = iterations.to_vec();
    engine.send(Command::Logits {
        request: RequestId(2),
        subject: Subject::Opened,
        puzzles,
        iterations,
        out: out.clone(),
    });
    loop {
        match engine.wait() {
            Some(Event::Written { .. }) => break,
            Some(Event::Progress { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    TensorFile::read(&std::fs::read(out).unwrap()).unwrap()
}

/// max|difference| / max|reference|.
pub fn distance(found: &[f32], reference: &[f32]) -> f32 {
    assert_eq!(found.len(), reference.len());
    let most = reference.iter().map(|v| v.abs()).fold(0.0, f32::max);
    found.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / most
}

fn grids(file: &TensorFile, name: &str) -> Vec<Grid> {
    let tensor = &file.tensors[name];
    tensor.values.chunks(81).map(|b| Grid::new(Shape::S9, b.iter().map(|v| *v as u8).collect()).unwrap()).collect()
}

#[test]
fn logits_and_norms_equal_the_reference() {
    let reference = TensorFile::read(&std::fs::read(file("sudoku-collapsing.trace.safetensors")).unwrap());
    let reference = reference.expect("the trace file is all numbers");
    let mut engine = engine_with(ModelSource::Path(file("sudoku-collapsing.safetensors")), DeviceChoice::Cpu);
    let iterations = [1, 2, 4, 8, 16, 32];
    let ours = logits(&mut engine, grids(&reference, "clues"), &iterations);
    for t in iterations {
        for name in [format!("logits.{t}"), format!("state_norm.{t}")] {
            let d = distance(&ours.tensors[&name].values, &reference.tensors[&name].values);
            println!("{name}: {d:.2e}");
            assert!(d <= 2e-5, "{name} differs by {d:.2e} of its largest value; 2e-5 is allowed");
        }
    }
}
