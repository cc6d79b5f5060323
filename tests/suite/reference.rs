//! The network against an independent implementation: `tests/reference`, whose logits were computed
//! by another program in float32.

use std::path::PathBuf;

use loopscope::engine::protocol::{
    Command, DeviceChoice, EngineLink as _, Event, Kernels, ModelSource, RequestId, Subject,
};
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
pub fn logits(engine: &mut EngineHandle, puzzles: Vec<Grid>, iterations: &[u32], kernels: Kernels) -> TensorFile {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.safetensors");
    let iterations = iterations.to_vec();
    engine.send(Command::Logits {
        request: RequestId(2),
        subject: Subject::Opened,
        puzzles,
        iterations,
        kernels,
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
    for kernels in [Kernels::Plain, Kernels::Fused] {
        let ours = logits(&mut engine, grids(&reference, "clues"), &iterations, kernels);
        for t in iterations {
            for name in [format!("logits.{t}"), format!("state_norm.{t}")] {
                let d = distance(&ours.tensors[&name].values, &reference.tensors[&name].values);
                println!("{name}, {kernels:?}: {d:.2e}");
                assert!(d <= 2e-5, "{name} differs by {d:.2e} of its largest value with {kernels:?}; 2e-5 is allowed");
            }
        }
    }
}

/// A tiny random model on a software graphics card equals the CPU. Where there is no such adapter
/// the test says so; `cargo xtask test` installs one and sets the variable that makes it a failure.
#[test]
fn a_software_card_equals_the_cpu() {
    use loopscope::config::{ModelCard, ModelConfig, Provenance};
    use loopscope::models::{layout, write_model};

    let config =
        ModelConfig { width: 32, blocks: 2, heads: 2, hidden: 64, ..ModelConfig::default() }.with_shape(Shape::S4);
    let card = ModelCard {
        name: "tiny".into(),
        config: config.clone(),
        trained_iterations: 4,
        step: 0,
        provenance: Provenance::default(),
    };
    let bytes = write_model(&card, &layout(&config).initial(11), false).unwrap();
    let source = || ModelSource::Bytes { name: "tiny".into(), bytes: bytes.clone() };
    let puzzles =
        || ["1...34....4....1", "..4.1...2......3"].map(|p| loopscope::tasks::sudoku::parse_grid(p).unwrap()).to_vec();

    let mut probe = spawn(DeviceChoice::Named("llvmpipe".into()), || {});
    match probe.wait() {
        Some(Event::Device(info)) => assert!(info.software, "{info:?}"),
        Some(Event::NoDevice(why)) if std::env::var_os("LOOPSCOPE_NEEDS_SOFTWARE_CARD").is_none() => {
            println!("not run: {why}");
            return;
        }
        other => panic!("{other:?}"),
    }
    drop(probe);
    let mut cpu = engine_with(source(), DeviceChoice::Cpu);
    let mut card = engine_with(source(), DeviceChoice::Named("llvmpipe".into()));
    let a = logits(&mut cpu, puzzles(), &[1, 4, 16], Kernels::Plain);
    for (on_card, kernels) in [(false, Kernels::Fused), (true, Kernels::Plain), (true, Kernels::Fused)] {
        let engine = if on_card { &mut card } else { &mut cpu };
        let b = logits(engine, puzzles(), &[1, 4, 16], kernels);
        for (name, tensor) in &a.tensors {
            let d = distance(&b.tensors[name].values, &tensor.values);
            println!("{name}, {kernels:?}: {d:.2e}");
            assert!(d <= 1e-4, "{name} differs by {d:.2e} of its largest value with {kernels:?}; 1e-4 is allowed");
        }
    }
}
