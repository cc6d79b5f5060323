//! Pictures of the real window, without a screen: the release program under Xvfb, drawn by whatever
//! Vulkan there is, lavapipe where there is no card. The program looks at them itself.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::screen::Screen;
use crate::{Done, cargo, packages};

/// Eleven scenes, three of them trainings; a software renderer on two busy cores takes its time.
const LIMIT: Duration = Duration::from_secs(8 * 60);

/// `cargo xtask shots`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["out"])?;
    packages::need(packages::WINDOW)?;
    cargo::program()?;
    let out = options.text("out").map_or_else(|| cargo::root().join("shots"), PathBuf::from);
    Ok(shoot(&out).inspect_err(|e| eprintln!("{e}")).is_ok())
}

/// The same into a temporary folder: only whether the window shows what it should.
pub fn check() -> Done {
    let folder = std::env::temp_dir().join(format!("loopscope-shots-{}", std::process::id()));
    let result = shoot(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    result
}

fn shoot(out: &Path) -> Done {
    let screen = Screen::start(1280, 800)?;
    let mut command = screen.command(&cargo::built()?);
    command.args(["dev", "shots", "--out"]).arg(out);
    // A window that was opened here before must not decide what this one looks like.
    let home = std::env::temp_dir().join(format!("loopscope-home-{}", std::process::id()));
    command.env("XDG_DATA_HOME", &home);
    let result = command.spawn().map_err(|e| format!("the program does not start: {e}")).and_then(wait);
    let _ = std::fs::remove_dir_all(&home);
    result?;
    println!("the pictures are in {}", out.display());
    Ok(())
}

/// A window that hangs is a failure, not a test that never ends.
fn wait(mut program: Child) -> Done {
    let end = Instant::now() + LIMIT;
    loop {
        match program.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("the window ended with {status}")),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(100)),
            Ok(None) => {
                let _ = program.kill();
                let _ = program.wait();
                return Err(format!("the window did not close within {} s", LIMIT.as_secs()));
            }
            Err(e) => return Err(format!("the window cannot be watched: {e}")),
        }
    }
}
