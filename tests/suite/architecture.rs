//! Arrows point one way (`design.md`): a test reads every path in `src` and fails on one that points
//! back, and on burn where it has no business.

use std::path::{Path, PathBuf};

#[path = "paths.rs"]
mod paths;

use paths::Found;

/// What each part may use besides itself. `engine::protocol` stands for the messages alone.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("store", &[]),
    ("tasks", &[]),
    ("config", &["tasks"]),
    ("trace", &["tasks", "config"]),
    ("measure", &["tasks", "config", "trace"]),
    ("nn", &["tasks", "config", "trace"]),
    ("models", &["tasks", "config", "trace", "nn"]),
    ("train", &["tasks", "config", "trace", "nn", "models", "store"]),
    ("probe", &["tasks", "config", "trace", "measure", "nn", "models"]),
    ("report", &["tasks", "config", "trace", "measure", "store", "engine::protocol"]),
    ("ui", &["tasks", "config", "trace", "measure", "engine::protocol", "report"]),
    ("engine", &["tasks", "config", "trace", "measure", "store", "nn", "models", "train", "probe", "report"]),
    (
        "cli",
        &["tasks", "config", "trace", "measure", "store", "nn", "models", "train", "probe", "report", "engine", "ui"],
    ),
    // The web page: the window and the messages. wgpu is there to say which backend draws.
    ("page", &["tasks", "config", "trace", "engine::protocol", "report", "ui"]),
    // Programs: each names its half of the library and nothing else.
    ("bin", &["page", "engine"]),
];
/// The messages are plain values: no more than those they are made of.
const PROTOCOL_MAY_USE: &[&str] = &["tasks", "config", "trace", "measure"];
/// Parts that may touch a tensor.
const TENSORS: [&str; 5] = ["nn", "models", "train", "probe", "engine"];
/// Crates that are tensors, or that own a device.
const TENSOR_CRATES: [&str; 4] = ["burn", "cubecl", "loopscope_kernels", "wgpu"];

/// Every path of one file that points where it must not.
fn violations(file: &Path, text: &str) -> Vec<String> {
    let module = paths::module_of(file);
    let part = module.first().cloned().unwrap_or_default();
    let in_protocol = module.starts_with(&["engine".to_owned(), "protocol".to_owned()]);
    let mut out = Vec::new();
    for Found { line, path } in paths::find(text, &module) {
        let Some(problem) = problem(&part, in_protocol, &path) else { continue };
        out.push(format!("{}:{line}: {problem} ({})", file.display(), path.join("::")));
    }
    out
}

fn problem(part: &str, in_protocol: bool, path: &[String]) -> Option<String> {
    let first = path.first()?.as_str();
    if first != "crate" {
        let tensor = TENSOR_CRATES.iter().any(|c| first == *c || first.starts_with(&format!("{c}_")));
        // The page says which of wgpu's backends draws the window; that is no tensor.
        let allowed = (TENSORS.contains(&part) && !in_protocol) || (part == "page" && first == "wgpu");
        return (tensor && !allowed).then(|| format!("{part} must not know {first}"));
    }
    let to = path.get(1)?.as_str();
    if to == part && !in_protocol {
        return None;
    }
    let known = MAY_USE.iter().find(|(name, _)| *name == part);
    let Some((_, may)) = known else {
        // The root: it names its modules, and the program only the command line.
        return None;
    };
    if !MAY_USE.iter().any(|(name, _)| *name == to) {
        return None;
    }
    let may = if in_protocol { PROTOCOL_MAY_USE } else { may };
    let protocol = to == "engine" && path.get(2).is_some_and(|p| p == "protocol");
    let fine = may.contains(&to) || (protocol && (may.contains(&"engine::protocol") || in_protocol));
    (!fine).then(|| format!("{part} must not use {to}"))
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn arrows_point_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files.sort();
    assert!(files.len() > 40, "the sources were not found: {files:?}");
    let mut problems = Vec::new();
    let mut arrows = 0;
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let short = file.strip_prefix(&src).unwrap();
        arrows += paths::find(&text, &paths::module_of(short)).iter().filter(|f| f.path[0] == "crate").count();
        problems.extend(violations(short, &text));
    }
    assert!(arrows > 100, "only {arrows} paths were found; the reader is broken");
    assert!(problems.is_empty(), "against design.md:\n{}", problems.join("\n"));
}

#[test]
fn every_part_is_known() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let unknown: Vec<_> = std::fs::read_dir(src)
        .unwrap()
        .flatten()
        .map(|e| e.path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !["lib", "main"].contains(&name.as_str()) && !MAY_USE.iter().any(|(part, _)| part == name))
        .collect();
    assert!(unknown.is_empty(), "design.md's house has no {unknown:?}; add it there and here");
}

/// A checker that finds nothing is only worth something if it would have found something.
#[test]
fn planted_violations_are_found() {
    let bad = [
        ("tasks/sudoku/grid.rs", "use crate::config::RunConfig;", "tasks must not use config"),
        ("config/run.rs", "use crate::trace::Trace;", "config must not use trace"),
        ("tasks/mod.rs", "use super::trace::Trace;", "tasks must not use trace"),
        ("tasks/sudoku/grid.rs", "fn f() { super::super::super::ui::open(); }", "tasks must not use ui"),
        ("tasks/a.rs", "mod tests { use super::super::super::train::Run; }", "tasks must not use train"),
        ("nn/rotary.rs", "pub use crate::{config::Key, models::{self, Looped}};", "nn must not use models"),
        ("train/trainer.rs", "fn f(x: &crate::engine::Session) {}", "train must not use engine"),
        ("train/trainer.rs", "use crate::probe;", "train must not use probe"),
        ("ui/app.rs", "use crate::engine::spawn;", "ui must not use engine"),
        ("ui/app.rs", "use crate::engine::{protocol::Event, spawn};", "ui must not use engine"),
        ("ui/app.rs", "use crate::cli;", "ui must not use cli"),
        ("report/csv.rs", "use crate::ui::Lab;", "report must not use ui"),
        ("engine/protocol/command.rs", "use crate::models::Pass;", "engine must not use models"),
        ("engine/protocol/event.rs", "use super::super::session::Session;", "engine must not use engine"),
        ("engine/protocol/mod.rs", "use burn::tensor::Tensor;", "engine must not know burn"),
        ("ui/board.rs", "fn f(t: burn::tensor::Tensor<1>) {}", "ui must not know burn"),
        ("page/app.rs", "use burn::tensor::Tensor;", "page must not know burn"),
        ("page/link.rs", "use crate::engine::spawn;", "page must not use engine"),
        ("store/disk.rs", "use crate::trace::Trace;", "store must not use trace"),
        ("cli/solve.rs", "use burn_tensor as t;", "cli must not know burn_tensor"),
        ("trace/mod.rs", "use ::cubecl::x;", "trace must not know cubecl"),
    ];
    for (file, text, want) in bad {
        let found = violations(Path::new(file), text);
        let all = found.iter().all(|f| f.contains(want));
        assert!(!found.is_empty() && all, "{file}: {text}\n found {found:?}, wanted “{want}”");
    }
}

#[test]
fn what_is_allowed_passes() {
    let good = [
        ("config/run.rs", "use crate::tasks::sudoku::Shape;"),
        ("ui/app.rs", "use crate::engine::protocol::{Command, Event}; use crate::{report, trace::Trace};"),
        ("ui/panels/board.rs", "use super::super::view::View; use super::cell; use crate::ui::Lab;"),
        ("engine/native.rs", "use super::protocol; use crate::{models, train}; use burn::tensor::Device;"),
        ("engine/protocol/mod.rs", "use crate::trace::Frame; use self::inner::X; mod inner {}"),
        ("cli/solve.rs", "use crate::engine; use crate::ui; let burn = 1; burn.len();"),
        (
            "tasks/mod.rs",
            "// use crate::ui;\n/* crate::ui::x /* nested */ burn::y */ const A: &str = \"crate::ui::x\"; const B: &str = r#\"burn::\"x\"#; const C: char = '\"'; fn f<'a>(x: &'a str) {}",
        ),
        ("models/mod.rs", "pub mod looped; pub use looped::Pass;"),
        ("main.rs", "fn main() -> std::process::ExitCode { loopscope::cli::main() }"),
        ("lib.rs", "pub mod cli; pub use crate::tasks::sudoku;"),
    ];
    for (file, text) in good {
        let found = violations(Path::new(file), text);
        assert!(found.is_empty(), "{file}: {text}\n{found:?}");
    }
}
