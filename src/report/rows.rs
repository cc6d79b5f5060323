//! Lines of a table of numbers, and files of them that survive a kill at any moment.
//!
//! A line counts once its newline is on the disk: a last line without one is torn and is ignored by
//! the reader, and removed before anything is appended. Every other line must be right.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;

use super::ReportError;
use crate::store;

/// A line of a table, cut at its commas.
pub(super) struct Line<'a> {
    pub number: usize,
    pub text: &'a str,
    cells: Vec<Cow<'a, str>>,
    table: &'static str,
}

impl<'a> Line<'a> {
    pub fn error(&self, message: String) -> ReportError {
        ReportError::Line { file: self.table.to_owned(), line: self.number, message }
    }

    pub fn cells(&self) -> &[Cow<'a, str>] {
        &self.cells
    }

    /// The text in a column; empty where there is no such column.
    pub fn text_of(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", |c| c.as_ref())
    }

    /// The value in a column, or nothing where it is empty.
    pub fn optional<T: FromStr>(&self, column: usize, name: &str, kind: &str) -> Result<Option<T>, ReportError> {
        if self.text_of(column).is_empty() { Ok(None) } else { self.get(column, name, kind).map(Some) }
    }

    /// The value in a column; `name` and `kind` are for the message.
    pub fn get<T: FromStr>(&self, column: usize, name: &str, kind: &str) -> Result<T, ReportError> {
        let cell = self.text_of(column);
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
        Line { number, text, cells: cut(text), table }
    })
}

/// A line cut at its commas, but not at those between quotation marks.
fn cut(line: &str) -> Vec<Cow<'_, str>> {
    if !line.contains('"') {
        return line.split(',').map(Cow::Borrowed).collect();
    }
    let mut record = csv::StringRecord::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    // A line of text is always a record; should it not be, it has no columns and is told so.
    let _ = reader.read_record(&mut record);
    record.iter().map(|cell| Cow::Owned(cell.to_owned())).collect()
}

/// A text as a cell: on one line, and between quotation marks where it must be.
pub(super) fn quoted(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.contains([',', '"']) { format!("\"{}\"", line.replace('"', "\"\"")) } else { line }
}

/// The shortest text that reads back as exactly this number.
pub(super) fn exact(x: impl std::fmt::Debug) -> String {
    // Debug, not Display: both round-trip, but Display spells 1e300 with all its zeros.
    format!("{x:?}")
}

/// The text of a file; none where there is no file. A torn end may be no text at all, so only the
/// complete lines have to be.
pub(super) async fn read(path: &Path) -> Result<Option<String>, ReportError> {
    let Some(mut bytes) = store::read(path).await.map_err(ReportError::io(path, "read"))? else { return Ok(None) };
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
pub(super) async fn replace(path: &Path, text: &str) -> Result<(), ReportError> {
    store::replace(path, text.as_bytes()).await.map_err(ReportError::io(path, "replaced"))
}

/// Appends lines in one write. `check` sees the header that is there; a new file gets `header`. A torn
/// last line is removed first.
pub(super) async fn append(
    path: &Path,
    header: &str,
    lines: &str,
    check: impl FnOnce(&str) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let old = store::read(path).await.map_err(ReportError::io(path, "read"))?.unwrap_or_default();
    let whole = &old[..whole_lines(&old)];
    let mut text = if whole.is_empty() {
        format!("{header}\n")
    } else {
        check(&first_line(whole))?;
        String::new()
    };
    text.push_str(lines);
    if whole.len() == old.len() {
        return store::append(path, text.as_bytes()).await.map_err(ReportError::io(path, "written"));
    }
    let repaired = [whole, text.as_bytes()].concat();
    store::replace(path, &repaired).await.map_err(ReportError::io(path, "repaired"))
}

/// Bytes up to and with the last newline.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1)
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or(&[]);
    String::from_utf8_lossy(line).trim_end_matches('\r').to_owned()
}
