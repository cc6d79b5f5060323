//! Standard output, and numbers as people read them.

use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use super::failure::Failure;
use crate::tasks::sudoku::Shape;

/// Prints a text and a line end.
pub(super) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// Prints bytes as they are.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| match e.kind() {
        ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::Input(format!("standard output cannot be written: {e}")),
    })
}

/// Prints a value as one line of JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text =
        serde_json::to_string(value).map_err(|e| Failure::Engine(format!("the result has no JSON form: {e}")))?;
    line(text)
}

/// Writes a file, its folders included.
pub(super) fn file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|e| Failure::file(folder, format!("the folder cannot be made: {e}")))?;
    }
    std::fs::write(path, bytes).map_err(|e| Failure::file(path, format!("cannot be written: {e}")))
}

/// 12,345.
pub(super) fn thousands(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().unwrap_or(0).to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// “1 board”, “2 boards”.
pub(super) fn count(n: usize, one: &str) -> String {
    format!("{} {one}{}", thousands(n as u64), if n == 1 { "" } else { "s" })
}

/// “9×9”, or for an unusual board “8×8 (2×4 boxes)”.
pub(super) fn board(shape: Shape) -> String {
    let side = shape.side();
    if Shape::from_side(side) == Some(shape) { format!("{side}×{side}") } else { shape.to_string() }
}

/// “12 s”, “3 min 5 s”, “2 h 0 min”.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) if seconds < 10.0 => format!("{:.1} s", seconds.max(0.0)),
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!(
            (thousands(7_u32), thousands(1234_u32), thousands(1_234_567_usize)),
            ("7".into(), "1,234".into(), "1,234,567".into())
        );
        assert_eq!((count(1, "board"), count(1000, "board")), ("1 board".into(), "1,000 boards".into()));
        assert_eq!(
            (duration(1.25), duration(75.0), duration(7260.0)),
            ("1.2 s".into(), "1 min 15 s".into(), "2 h 1 min".into())
        );
        assert_eq!(duration(59.7), "1 min 0 s");
    }
}
