//! A run is a folder: `config.toml`, `steps.csv`, `iterations.csv`, `boards.trace`, `checkpoints/`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Checkpoint, CheckpointError};
use crate::config::RunConfig;

/// A run folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system says no.
    #[error("{path}: {cause}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A new run would overwrite an old one.
    #[error("{0} already holds a run; resume it, or name another folder")]
    Taken(PathBuf),
    /// Nothing to resume.
    #[error("{0} holds no run: there is no config.toml in it")]
    NoRun(PathBuf),
    /// Its configuration is broken.
    #[error("{path}: {cause}")]
    Config {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: crate::config::ConfigError,
    },
    /// Every checkpoint in it is broken.
    #[error("{path}: {cause}")]
    Checkpoint {
        /// The newest of them.
        path: PathBuf,
        /// Why.
        cause: CheckpointError,
    },
}

/// A run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    root: PathBuf,
}

/// Writes a file so that a reader sees the old or the new content whole, whenever the power goes:
/// temporary name, fsync, rename, fsync of the folder.
///
/// # Errors
/// What the file system says.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
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

impl RunFolder {
    /// Starts a run in a folder that holds none.
    ///
    /// # Errors
    /// When it holds one, or cannot be written.
    pub fn create(root: &Path, config: &RunConfig) -> Result<Self, FolderError> {
        let folder = Self { root: root.to_owned() };
        let used = [folder.config_path(), folder.steps_csv(), folder.iterations_csv()];
        if used.iter().any(|p| p.exists()) || !folder.list().is_empty() {
            return Err(FolderError::Taken(root.to_owned()));
        }
        let checkpoints = folder.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(|cause| FolderError::Io { path: checkpoints, cause })?;
        let path = folder.config_path();
        write_atomically(&path, config.to_toml().as_bytes()).map_err(|cause| FolderError::Io { path, cause })?;
        Ok(folder)
    }

    /// Opens a folder that holds a run, and its configuration.
    ///
    /// # Errors
    /// When it holds none, or a broken configuration.
    pub fn open(root: &Path) -> Result<(Self, RunConfig), FolderError> {
        let folder = Self { root: root.to_owned() };
        let path = folder.config_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(FolderError::NoRun(root.to_owned())),
            Err(cause) => return Err(FolderError::Io { path, cause }),
        };
        let config = RunConfig::from_toml(&text).map_err(|cause| FolderError::Config { path, cause })?;
        Ok((folder, config))
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn config_path(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Curves by step.
    #[must_use]
    pub fn steps_csv(&self) -> PathBuf {
        self.root.join("steps.csv")
    }

    /// Solved boards by iteration at every probe.
    #[must_use]
    pub fn iterations_csv(&self) -> PathBuf {
        self.root.join("iterations.csv")
    }

    /// Traces of the probe's first boards at the last probe.
    #[must_use]
    pub fn traces(&self) -> PathBuf {
        self.root.join("boards.trace")
    }

    fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Writes a checkpoint and removes all but the newest two.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<PathBuf, FolderError> {
        let path = self.checkpoints().join(format!("step-{:08}.safetensors", checkpoint.step));
        let bytes = checkpoint.to_bytes().map_err(|cause| FolderError::Checkpoint { path: path.clone(), cause })?;
        write_atomically(&path, &bytes).map_err(|cause| FolderError::Io { path: path.clone(), cause })?;
        // Files of later steps are broken ones that a resume passed over; they are not counted.
        for old in self.list().into_iter().rev().filter(|p| *p <= path).skip(2) {
            let _ = fs::remove_file(old);
        }
        Ok(path)
    }

    /// Checkpoints, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = fs::read_dir(self.checkpoints())
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "safetensors"))
            .collect();
        all.sort();
        all
    }

    /// The newest checkpoint that can be read, and where it is; none before the first one. A broken
    /// newest one is passed over for the one before it, with a sentence about it.
    ///
    /// # Errors
    /// When all of them are broken.
    pub fn last(&self) -> Result<Option<(Checkpoint, PathBuf, Vec<String>)>, FolderError> {
        let (mut notes, mut first_error) = (Vec::new(), None);
        for path in self.list().into_iter().rev() {
            let read = fs::read(&path).map_err(|e| CheckpointError::NoCheckpoint(e.to_string()));
            match read.and_then(|bytes| Checkpoint::from_bytes(&bytes)) {
                Ok(checkpoint) => return Ok(Some((checkpoint, path, notes))),
                Err(cause) => {
                    notes.push(format!(
                        "{} cannot be read ({cause}); the checkpoint before it is used.",
                        path.display()
                    ));
                    first_error.get_or_insert(FolderError::Checkpoint { path, cause });
                }
            }
        }
        first_error.map_or(Ok(None), Err)
    }
}
