//! A run is a folder: `config.toml`, `steps.csv`, `iterations.csv`, `boards.trace`, `boards/`, `checkpoints/`.

use std::path::{Path, PathBuf};

use super::{Checkpoint, CheckpointError};
use crate::config::RunConfig;
use crate::store;

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

impl RunFolder {
    /// Starts a run in a folder that holds none.
    ///
    /// # Errors
    /// When it holds one, or cannot be written.
    pub async fn create(root: &Path, config: &RunConfig) -> Result<Self, FolderError> {
        let folder = Self { root: root.to_owned() };
        let there = store::list(root).await.map_err(io(root))?;
        let used = ["config.toml", "steps.csv", "iterations.csv", super::boards::FOLDER];
        if there.iter().any(|e| used.contains(&e.name.as_str())) || !folder.list().await?.is_empty() {
            return Err(FolderError::Taken(root.to_owned()));
        }
        let checkpoints = folder.checkpoints();
        store::make_folder(&checkpoints).await.map_err(io(&checkpoints))?;
        let path = folder.config_path();
        store::replace(&path, config.to_toml().as_bytes()).await.map_err(io(&path))?;
        Ok(folder)
    }

    /// Opens a folder that holds a run, and its configuration.
    ///
    /// # Errors
    /// When it holds none, or a broken configuration.
    pub async fn open(root: &Path) -> Result<(Self, RunConfig), FolderError> {
        let folder = Self { root: root.to_owned() };
        let path = folder.config_path();
        let bytes = store::read(&path).await.map_err(io(&path))?.ok_or_else(|| FolderError::NoRun(root.to_owned()))?;
        let text = String::from_utf8(bytes)
            .map_err(|e| io(&path)(std::io::Error::new(std::io::ErrorKind::InvalidData, e.to_string())))?;
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
    pub async fn save(&self, checkpoint: &Checkpoint) -> Result<PathBuf, FolderError> {
        let path = self.checkpoints().join(format!("step-{:08}.safetensors", checkpoint.step));
        let bytes = checkpoint.to_bytes().map_err(|cause| FolderError::Checkpoint { path: path.clone(), cause })?;
        store::replace(&path, &bytes).await.map_err(io(&path))?;
        // Files of later steps are broken ones that a resume passed over; they are not counted.
        for old in self.list().await?.into_iter().rev().filter(|p| *p <= path).skip(2) {
            let _ = store::remove(&old).await;
        }
        store::tidy(&self.checkpoints()).await;
        Ok(path)
    }

    /// Checkpoints, oldest first.
    ///
    /// # Errors
    /// What the file system says: a folder that cannot be read is not an empty one.
    pub async fn list(&self) -> Result<Vec<PathBuf>, FolderError> {
        let folder = self.checkpoints();
        let all = store::list(&folder).await.map_err(io(&folder))?;
        let files = all.into_iter().map(|e| folder.join(e.name));
        Ok(files.filter(|p| p.extension().is_some_and(|e| e == "safetensors")).collect())
    }

    /// The newest checkpoint that can be read, and where it is; none before the first one. A broken
    /// newest one is passed over for the one before it, with a sentence about it.
    ///
    /// # Errors
    /// When all of them are broken.
    pub async fn last(&self) -> Result<Option<(Checkpoint, PathBuf, Vec<String>)>, FolderError> {
        let (mut notes, mut first_error) = (Vec::new(), None);
        for path in self.list().await?.into_iter().rev() {
            let read = store::read(&path).await.map_err(|e| CheckpointError::NoCheckpoint(e.to_string()));
            let read = read.and_then(|r| r.ok_or_else(|| CheckpointError::NoCheckpoint("it is not there".into())));
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

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FolderError {
    let path = path.to_owned();
    move |cause| FolderError::Io { path, cause }
}
