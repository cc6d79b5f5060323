//! `--model`: a shipped name, a safetensors file, a run folder, or `fresh:PRESET` for first weights.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output;
use crate::config::shipped;
use crate::engine::protocol::ModelSource;
use crate::store;
use crate::tasks::sudoku::Shape;
use crate::train::RunFolder;

/// What a user's word for a model means.
pub(super) fn resolve(text: &str) -> Result<ModelSource, Failure> {
    if shipped::names().contains(&text) {
        return Ok(ModelSource::Shipped(text.into()));
    }
    if let Some(name) = text.strip_prefix("fresh:") {
        return Ok(ModelSource::Fresh(name.into()));
    }
    file(Path::new(text)).map(ModelSource::Path)
}

/// The weights file that a path means: itself, or the last checkpoint of a run folder.
pub(super) fn file(path: &Path) -> Result<PathBuf, Failure> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if path.is_dir() {
        // A broken last checkpoint is passed over for the one before it, as a resume does.
        let (run, _) = store::now(RunFolder::open(path)).map_err(Failure::input)?;
        let (_, file, notes) = store::now(run.last())
            .map_err(Failure::input)?
            .ok_or_else(|| Failure::file(path, "this run has no checkpoint yet; train it a little longer"))?;
        notes.iter().for_each(|note| eprintln!("warning: {note}"));
        return Ok(file);
    }
    Err(Failure::Input(format!(
        "“{}” is neither a shipped model ({}), nor a safetensors file, nor a run folder",
        path.display(),
        names()
    )))
}

/// The weights that the program shows when nothing else is said, for a board.
pub(super) fn shipped_for(shape: Shape) -> Result<ModelSource, Failure> {
    let side = shape.side();
    let name = format!("sudoku{side}");
    let usual = Shape::from_side(side) == Some(shape);
    if usual && shipped::names().contains(&name.as_str()) {
        return Ok(ModelSource::Shipped(name));
    }
    let how = if usual {
        format!("Train one with `loopscope train {name}`, or name one with --model FILE.safetensors")
    } else {
        format!(
            "Train one with `loopscope train sudoku{side} --set box_rows={} --set box_cols={}`, or name one with --model FILE.safetensors",
            shape.box_rows(),
            shape.box_cols()
        )
    };
    Err(Failure::Input(format!("no model ships for {} boards (there are {}). {how}", output::board(shape), names())))
}

/// The names of the shipped models in words.
pub(super) fn names() -> String {
    let names = shipped::names();
    if names.is_empty() { "none yet".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;

    #[test]
    fn folders_are_runs_or_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let refusal = file(folder.path()).expect_err("no run");
        assert!(matches!(&refusal, Failure::Input(m) if m.contains("no run")), "{refusal:?}");
        store::now(RunFolder::create(folder.path(), &RunConfig::default())).expect("a run");
        let refusal = file(folder.path()).expect_err("no checkpoint");
        assert!(matches!(&refusal, Failure::Input(m) if m.contains("no checkpoint yet")), "{refusal:?}");
    }

    #[test]
    fn what_is_no_model_is_told() {
        let message = match resolve("sudoku44") {
            Err(Failure::Input(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(message.contains("neither a shipped model"), "{message}");
        let Err(Failure::Input(message)) = shipped_for(Shape::S9) else {
            return; // one ships by now
        };
        assert!(message.contains("loopscope train sudoku9") && message.contains("--model"), "{message}");
    }
}
