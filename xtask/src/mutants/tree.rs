//! The copy that the faults are planted in, so that the checkout never holds one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::faults::Fault;
use crate::Done;

/// What a build needs. What is not there is left out; what is missing here stops the run before any fault.
const SOURCES: &[&str] = &[
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "assets",
    "clippy.toml",
    "deny.toml",
    "examples",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "src",
    "studies",
    "tests",
    "xtask",
];

/// Folders that are in no build, wherever they are.
const NOT_COPIED: &[&str] = &["node_modules", "target"];

/// The copy, always in the same place, so that a build there starts from the one before.
pub struct Tree {
    top: PathBuf,
    target: PathBuf,
}

/// A fault that stands in the copy.
pub struct Planted {
    file: PathBuf,
    before: String,
}

impl Tree {
    /// Copies the repository as it is now to below the folder `target`. A file that is there already with the
    /// same content keeps its time: cargo compares times.
    pub fn renew(repository: &Path, target: PathBuf) -> Done<Self> {
        let tree = Self { top: target.join("mutants").join("tree"), target };
        let mut wanted = BTreeMap::new();
        for source in SOURCES {
            gather(repository, Path::new(source), &mut wanted)?;
        }
        for manifest in ["Cargo.toml", "Cargo.lock"] {
            let bytes = wanted.get_mut(Path::new(manifest)).ok_or_else(|| format!("there is no {manifest}"))?;
            *bytes = apart(&String::from_utf8_lossy(bytes)).ok_or_else(|| format!("{manifest} has no version"))?.into();
        }
        for (file, bytes) in &wanted {
            let file = tree.top.join(file);
            if !std::fs::read(&file).is_ok_and(|there| there == *bytes) {
                write(&file, bytes)?;
            }
        }
        let mut there = BTreeMap::new();
        gather(&tree.top, Path::new(""), &mut there)?;
        for file in there.keys().filter(|file| !wanted.contains_key(*file)) {
            std::fs::remove_file(tree.top.join(file)).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        Ok(tree)
    }

    /// Where it is.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The folder that all builds share: dependencies are built once.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts a fault into its file.
    pub fn plant(&self, fault: &Fault) -> Done<Planted> {
        let file = self.top.join(fault.file);
        let before = std::fs::read_to_string(&file).map_err(|e| format!("{} cannot be read: {e}", fault.file))?;
        match before.matches(fault.old).count() {
            1 => write(&file, before.replacen(fault.old, fault.new, 1).as_bytes())?,
            n => return Err(format!("the text to replace is {n} times in {}, not once", fault.file)),
        }
        Ok(Planted { file, before })
    }
}

impl Planted {
    /// Puts the file back.
    pub fn take_out(self) -> Done {
        write(&self.file, self.before.as_bytes())
    }
}

/// The same manifest or lock file with another version of the program. Cargo names what it builds of a
/// workspace by names and versions, not by where the workspace is: a copy with the same version would
/// overwrite the checkout's build, and the next build there would take the fault for the real thing.
pub fn apart(manifest: &str) -> Option<String> {
    const BEFORE: &str = "name = \"loopscope\"\nversion = \"";
    let from = manifest.find(BEFORE)? + BEFORE.len();
    let to = from + manifest[from..].find('"')?;
    Some(format!("{}-mutants{}", &manifest[..to], &manifest[to..]))
}

/// All files at `path` and below it, by their path from `top`.
fn gather(top: &Path, path: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) -> Done {
    let full = top.join(path);
    let fail = |e| format!("{} cannot be read: {e}", full.display());
    if full.is_dir() {
        for entry in std::fs::read_dir(&full).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            if !NOT_COPIED.iter().any(|not| name == *not) {
                gather(top, &path.join(name), into)?;
            }
        }
    } else if full.is_file() {
        into.insert(path.to_owned(), std::fs::read(&full).map_err(fail)?);
    }
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> Done {
    let folder = file.parent().unwrap_or(file);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, bytes))
        .map_err(|e| format!("{} cannot be written: {e}", file.display()))
}
