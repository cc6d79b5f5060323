//! A screen without a screen: Xvfb, with pictures by ImageMagick and keys by xdotool.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Done, cargo};

/// A running Xvfb; ends with this value.
pub struct Screen {
    server: Child,
    display: String,
    width: u32,
    height: u32,
}

impl Screen {
    /// Starts one on a free display.
    pub fn start(width: u32, height: u32) -> Done<Self> {
        let mut server = Command::new("Xvfb")
            // The server picks a free number and writes it to its standard output.
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", &format!("{width}x{height}x24")])
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
            return Err("Xvfb found no free display".into());
        }
        Ok(Self { display: format!(":{number}"), server, width, height })
    }

    /// A command whose windows open here, drawn by a software renderer where the machine has a
    /// choice. Wayland is hidden, or the window would open on a real desktop.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY").env("WGPU_BACKEND", "vulkan");
        command
    }

    /// Waits for the first window, puts it over the whole screen and gives it the keyboard (there is
    /// no window manager that would).
    pub fn adopt_window(&self, title: &str, limit: Duration) -> Done<String> {
        let end = Instant::now() + limit;
        loop {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", title]).unwrap_or_default();
            if let Some(window) = found.lines().next() {
                let (width, height) = (self.width.to_string(), self.height.to_string());
                self.xdotool(&["windowmove", window, "0", "0"])?;
                self.xdotool(&["windowsize", window, &width, &height])?;
                self.xdotool(&["windowfocus", window])?;
                return Ok(window.to_owned());
            }
            if Instant::now() > end {
                return Err(format!("no window called “{title}” opened within {} s", limit.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Presses keys, by their X names: `space`, `Right`, `ctrl+v`.
    pub fn keys(&self, names: &[&str]) -> Done {
        for name in names {
            self.xdotool(&["key", name])?;
            std::thread::sleep(Duration::from_millis(60));
        }
        Ok(())
    }

    /// Clicks, in points from the top left.
    pub fn click(&self, x: u32, y: u32) -> Done {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string()])?;
        std::thread::sleep(Duration::from_millis(60));
        self.xdotool(&["click", "1"]).map(drop)
    }

    /// Puts the pointer where it hides nothing.
    pub fn park_pointer(&self) -> Done {
        self.xdotool(&["mousemove", &(self.width - 1).to_string(), &(self.height - 1).to_string()]).map(drop)
    }

    /// Saves what is on the screen.
    pub fn save(&self, file: &Path) -> Done {
        let mut import = Command::new("import");
        import.env("DISPLAY", &self.display).args(["-window", "root", "-strip"]).arg(file);
        cargo::succeed(import, "the screen could not be saved")
    }

    fn xdotool(&self, arguments: &[&str]) -> Done<String> {
        let output = Command::new("xdotool")
            .env("DISPLAY", &self.display)
            .args(arguments)
            .output()
            .map_err(|e| format!("xdotool does not start: {e}"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("xdotool {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
