//! Cargo and the finished program. All calls share one profile and one feature set, so that burn
//! is built once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Done;

/// The top folder of the repository.
pub fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or(manifest.clone(), PathBuf::from)
}

/// A cargo command in the repository. `CARGO_TARGET_DIR` is inherited.
pub fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root()).args(arguments);
    // `cargo run` hands its own package to what it runs; nested builds must not see it.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Builds the program and says where it is.
pub fn program() -> Done<PathBuf> {
    succeed(cargo(&["build", "--release", "--bin", "loopscope"]), "the program does not build")?;
    built()
}

/// Where cargo puts the program: beside this very tool, which the same cargo built with the same
/// profile.
pub fn built() -> Done<PathBuf> {
    let me = std::env::current_exe().map_err(|e| format!("this program cannot find itself: {e}"))?;
    let program = me.with_file_name(format!("loopscope{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("{} was not built; run `cargo build --release` first", program.display()))
    }
}

/// The folder that all builds share, found the same way.
pub fn target_dir() -> Done<PathBuf> {
    let me = std::env::current_exe().map_err(|e| format!("this program cannot find itself: {e}"))?;
    me.parent().and_then(Path::parent).map(PathBuf::from).ok_or_else(|| "this program is in no folder".into())
}

/// Runs it with its output shown.
pub fn succeed(mut command: Command, otherwise: &str) -> Done {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{otherwise} ({status})")),
        Err(e) => Err(format!("{otherwise}: {e}")),
    }
}

/// Whether a program of this name starts.
pub fn there_is(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}
