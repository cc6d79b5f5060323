//! The disk. The functions are async for the sake of the browser's; here they never wait.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Result, Write as _};
use std::path::Path;

use super::Entry;

pub(super) async fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    absent(fs::read(path))
}

pub(super) async fn size(path: &Path) -> Result<Option<u64>> {
    Ok(absent(fs::metadata(path))?.map(|m| m.len()))
}

pub(super) async fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension(format!("tmp{}", std::process::id()));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    if let Some(parent) = path.parent() {
        // Some systems cannot open folders; there the rename alone must do.
        if let Ok(folder) = File::open(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }) {
            let _ = folder.sync_all();
        }
    }
    Ok(())
}

pub(super) async fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
}

pub(super) async fn remove(path: &Path) -> Result<()> {
    absent(fs::remove_file(path)).map(drop)
}

pub(super) async fn remove_folder(path: &Path) -> Result<()> {
    absent(fs::remove_dir_all(path)).map(drop)
}

pub(super) async fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path)
}

pub(super) async fn list(path: &Path) -> Result<Vec<Entry>> {
    let Some(entries) = absent(fs::read_dir(path))? else { return Ok(Vec::new()) };
    entries
        .map(|entry| {
            let entry = entry?;
            let about = entry.metadata()?;
            let folder = about.is_dir();
            let name = entry.file_name().to_string_lossy().into_owned();
            Ok(Entry { name, folder, bytes: if folder { 0 } else { about.len() } })
        })
        .collect()
}

/// A process that was killed leaves a temporary file with its number; others may be at work.
pub(super) async fn tidy(_folder: &Path) {}

/// Nothing to hold.
#[derive(Debug)]
pub struct Lock;

pub(super) async fn lock(_folder: &Path) -> Result<Lock> {
    Ok(Lock)
}

pub(super) async fn quota() -> Option<(u64, u64)> {
    None
}

/// What is not there is no error.
fn absent<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
