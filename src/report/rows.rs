//! Lines of a table of numbers, and files of them that survive a kill at any moment.
//!
//! A line counts once its newline is on the disk: a last line without one is torn and is ignored by
//! the reader, and removed before anything is appended. Every other line must be right.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::str::FromStr;

use super::ReportError;

/// A line of a table, cut at its commas.
pub(super) struct Line<'a> {
    pub number: usize,
    pub text: &'a str,
    cells: Vec<&'a str>,
    table: &'static str,
}

impl<'a> Line<'a> {
    pub fn error(&self, message: String) -> ReportError {
        ReportError::Line { file: self.table.to_owned(), line: self.number, message }
    }

    pub fn cells(&self) -> &[&'a str] {
        &self.cells
    }

    /// The value in a column; `name` and `kind` are for the message.
    pub fn get<T: FromStr>(&self, column: usize, name: &str, kind: &str) -> Result<T, ReportError> {
        let cell = self.cells.get(column).copied().unwrap_or("");
        cell.parse().map_err(|_| self.error(format!("{name} is “{cell}”; it must be {kind}")))
    }

    pub fn integer(&self, column: usize, name: &str) -> Result<u32, ReportError> {
        self.get(column, name, "a whole number from 0 to 4294967295")
    }

    /// A line must have as many columns as the header.
    pub fn expect_columns(&self, count: usize) -> Result<(), ReportError> {
        if self.cells.len() == count {
            return Ok(());
        }
        Err(self.error(format!("it has {} columns; the header has {count}", self.cells.len())))
    }
}

/// The complete lines of a table: header first. What follows the last newline is torn and left out.
pub(super) fn lines<'a>(text: &'a str, table: &'static str) -> impl Iterator<Item = Line<'a>> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let none = whole.is_empty() && !text.starts_with('\n');
    whole.split('\n').take(if none { 0 } else { usize::MAX }).zip(1..).map(move |(text, number)| {
        let text = text.strip_suffix('\r').unwrap_or(text);
        Line { number, text, cells: text.split(',').collect(), table }
    })
}

/// The shortest text that reads back as exactly this number.
pub(super) fn exact(x: impl std::fmt::Debug) -> String {
    // Debug, not Display: both round-trip, but Display spells 1e300 with all its zeros.
    format!("{x:?}")
}

/// The text of a file; none where there is no file. A torn end may be no text at all, so only the
/// complete lines have to be.
pub(super) fn read(path: &Path) -> Result<Option<String>, ReportError> {
    let mut bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(ReportError::io(path, "read")(e)),
    };
    bytes.truncate(whole_lines(&bytes));
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(e) => {
            let good = e.utf8_error().valid_up_to();
            let line = 1 + e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count();
            let message = "it is no text; a table of numbers is expected".to_owned();
            Err(ReportError::Line { file: path.display().to_string(), line, message })
        }
    }
}

/// Writes to a temporary name and renames, so that a reader finds the old file or the new one.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), ReportError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    let write = || {
        let mut file = File::create(temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(ReportError::io(temporary, "written"))?;
    std::fs::rename(temporary, path).map_err(ReportError::io(path, "replaced"))
}

/// Appends lines in one write. `check` sees the header that is there; a new file gets `header`.
pub(super) fn append(
    path: &Path,
    header: &str,
    lines: &str,
    check: impl FnOnce(&str) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut file = (OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path))
        .map_err(ReportError::io(path, "opened"))?;
    let length = drop_torn_end(&mut file).map_err(ReportError::io(path, "repaired"))?;
    let mut text = String::new();
    if length == 0 {
        text = format!("{header}\n");
    } else {
        check(&first_line(&mut file, length).map_err(ReportError::io(path, "read"))?)?;
    }
    text.push_str(lines);
    let write = |file: &mut File| {
        file.seek(SeekFrom::End(0))?;
        file.write_all(text.as_bytes())
    };
    write(&mut file).map_err(ReportError::io(path, "written"))
}

/// Bytes up to and with the last newline.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1)
}

/// Cuts the file after its last newline and returns its length.
fn drop_torn_end(file: &mut File) -> std::io::Result<u64> {
    const CHUNK: u64 = 4096;
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = length;
    let mut whole = 0;
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        let mut chunk = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        (&mut *file).take(end - start).read_to_end(&mut chunk)?;
        let found = whole_lines(&chunk);
        if found > 0 {
            whole = start + found as u64;
            break;
        }
        end = start;
    }
    if whole < length {
        file.set_len(whole)?;
    }
    Ok(whole)
}

fn first_line(file: &mut File, length: u64) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    file.seek(SeekFrom::Start(0))?;
    while (bytes.len() as u64) < length && !bytes.contains(&b'\n') {
        let n = file.read(&mut chunk)?;
        bytes.extend_from_slice(&chunk[..n]);
        if n == 0 {
            break;
        }
    }
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or(&[]);
    Ok(String::from_utf8_lossy(line).trim_end_matches('\r').to_owned())
}
