//! System packages: installed where that is allowed, named in one line otherwise.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Done, cargo};

/// A Debian package and a program of it, or none for a package that is a library.
type Need = (&'static str, Option<&'static str>);

/// What a window without a screen needs: a display, a software Vulkan, and what it loads to talk to
/// an X server.
pub const WINDOW: &[Need] = &[
    ("xvfb", Some("Xvfb")),
    ("mesa-vulkan-drivers", None),
    ("libxkbcommon-x11-0", None),
    ("libxcursor1", None),
    ("libxi6", None),
];

/// What the tests of the page need besides node.
pub const BROWSER: &[Need] = &[("chromium", Some("chromium"))];

/// Makes sure that all are there.
pub fn need(list: &[Need]) -> Done {
    let missing: Vec<&str> = list.iter().filter(|need| !has(need)).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    if !(is_root() && cargo::there_is("apt-get", "--version")) {
        return Err(format!("some system packages are missing; run: sudo {line}"));
    }
    eprintln!("installing {}", missing.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet=2").args(arguments).stdout(Stdio::null());
        command
    };
    cargo::succeed(apt(&["update"]), "apt-get update did not work")?;
    let mut install = apt(&["install", "--yes", "--no-install-recommends"]);
    install.args(&missing);
    cargo::succeed(install, &format!("the packages could not be installed; run: sudo {line}"))
}

fn has((package, program): &Need) -> bool {
    match program {
        Some(program) => find(program).is_some(),
        None => {
            Command::new("dpkg-query")
                .args(["--show", "--showformat=${Status}", package])
                .output()
                // Where there is no dpkg there is nothing to look up: other systems have their own names.
                .is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains("install ok installed"))
                || !cargo::there_is("dpkg-query", "--version")
        }
    }
}

/// Where a program is.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"))
}
