//! Runs in a folder of runs: what there is, and a run as one file.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;

use super::protocol::RunSummary;
use crate::store;
use crate::train::RunFolder;

/// The runs in a folder, by name; folders that hold no run are left out.
pub(super) async fn list(folder: &Path) -> Result<Vec<RunSummary>, String> {
    let trouble = |e: std::io::Error| format!("the runs in {} cannot be listed: {e}", folder.display());
    let mut out = Vec::new();
    for entry in store::list(folder).await.map_err(trouble)? {
        if entry.folder {
            let root = folder.join(&entry.name);
            let files = files(&root).await.map_err(trouble)?;
            if files.iter().any(|(path, _)| path.ends_with("config.toml")) {
                out.push(summary(root, &files).await);
            }
        }
    }
    Ok(out)
}

async fn summary(folder: PathBuf, files: &[(PathBuf, u64)]) -> RunSummary {
    let bytes = files.iter().map(|(_, bytes)| bytes).sum();
    let (steps, problem) = match RunFolder::open(&folder).await {
        Ok((_, config)) => (config.recipe.steps, None),
        Err(e) => (0, Some(e.to_string())),
    };
    let step = files.iter().filter_map(|(path, _)| step_of(path)).max();
    RunSummary { folder, step, steps, bytes, problem }
}

/// The step in a checkpoint's name.
fn step_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}

/// A run's files with their sizes: those of its folder and of the folders in it.
async fn files(root: &Path) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let mut out = Vec::new();
    for entry in store::list(root).await? {
        let path = root.join(&entry.name);
        if entry.folder {
            out.extend(
                store::list(&path).await?.into_iter().filter(|e| !e.folder).map(|e| (path.join(e.name), e.bytes)),
            );
        } else {
            out.push((path, entry.bytes));
        }
    }
    Ok(out)
}

/// A run as one zip file, with its folder's name inside, so that unpacking it gives the folder back.
/// The bytes depend on the files alone.
pub(super) async fn pack(root: &Path) -> Result<(String, Vec<u8>), String> {
    let name = root.file_name().map_or_else(|| "run".into(), |n| n.to_string_lossy().into_owned());
    let trouble = |e: &dyn std::fmt::Display| format!("{} cannot be packed: {e}", root.display());
    let files = files(root).await.map_err(|e| trouble(&e))?;
    if files.is_empty() {
        return Err(trouble(&"there is nothing in it"));
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (path, _) in files {
        // A file that went since it was listed, such as an old checkpoint, is left out.
        let Some(bytes) = store::read(&path).await.map_err(|e| trouble(&e))? else { continue };
        let inside = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        zip.start_file(format!("{name}/{inside}"), options).map_err(|e| trouble(&e))?;
        zip.write_all(&bytes).map_err(|e| trouble(&e))?;
    }
    let bytes = zip.finish().map_err(|e| trouble(&e))?.into_inner();
    Ok((format!("{name}.zip"), bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::config::preset;
    use crate::store::now;

    #[test]
    fn runs_are_listed_and_packed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("sudoku4-seed1");
        let config = preset("sudoku4").expect("a preset");
        now(RunFolder::create(&root, &config)).expect("a run");
        std::fs::create_dir(folder.path().join("no run")).expect("a folder");
        std::fs::write(root.join("checkpoints/step-00000200.safetensors"), "no real one").expect("written");
        let runs = now(list(folder.path())).expect("listed");
        assert_eq!(runs.len(), 1);
        assert_eq!((runs[0].step, runs[0].steps, runs[0].problem.clone()), (Some(200), 1500, None));
        std::fs::write(root.join("config.toml"), "stepps = 3").expect("written");
        let runs = now(list(folder.path())).expect("listed");
        assert!(runs[0].problem.as_ref().is_some_and(|p| p.contains("stepps")), "{runs:?}");

        let (name, bytes) = now(pack(&root)).expect("packed");
        assert_eq!(name, "sudoku4-seed1.zip");
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip file");
        let mut names: Vec<String> =
            (0..zip.len()).map(|i| zip.by_index(i).expect("there").name().expect("a name").into_owned()).collect();
        names.sort();
        assert_eq!(names, ["sudoku4-seed1/checkpoints/step-00000200.safetensors", "sudoku4-seed1/config.toml"]);
        let mut text = String::new();
        zip.by_name(&names[1]).expect("there").read_to_string(&mut text).expect("text");
        assert_eq!(text, "stepps = 3");
        assert!(now(pack(&folder.path().join("nothing"))).is_err());
    }
}
