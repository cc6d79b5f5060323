//! A screen without a screen: Xvfb.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Done;

/// A running Xvfb; ends with this value.
pub struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    /// Starts one on a free display.
    pub fn start(width: u32, height: u32) -> Done<Self> {
        let mut server = Command::new("Xvfb")
            // The server picks a free number and writes it to its standard output.
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", &format!("{width}x{height}x24")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("Xvfb does not start: {e}"))?;
        let mut line = String::new();
        if let Some(out) = server.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let number = line.trim();
        if number.is_empty() {
            let _ = server.kill();
            let _ = server.wait();
            return Err("Xvfb found no free display".into());
        }
        Ok(Self { display: format!(":{number}"), server })
    }

    /// A command whose windows open here. Wayland is hidden, or they would open on a real desktop.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
        command
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
