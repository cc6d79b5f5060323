//! CSV: which column holds what, and one record at a time.

use super::super::error::PuzzleError;
use super::super::parse::{board, marks};
use super::super::puzzle::Puzzle;
use super::read_solution;

const PUZZLE: &[&str] = &["puzzle", "question", "quiz", "quizzes", "clues"];
const SOLUTION: &[&str] = &["solution", "solutions", "answer"];
const RATING: &[&str] = &["rating"];
const SOURCE: &[&str] = &["source"];

pub(super) struct Table {
    delimiter: u8,
    columns: usize,
    puzzle: usize,
    solution: Option<usize>,
    rating: Option<usize>,
    source: Option<usize>,
}

impl Table {
    /// The columns that a header names. `None` where the line is no header at all; an error
    /// where it looks like one but names no puzzle column.
    pub fn from_header(number: usize, line: &str) -> Option<Result<Table, PuzzleError>> {
        for delimiter in [b',', b';', b'\t'] {
            let Ok(names) = fields(number, line, delimiter) else {
                continue;
            };
            let names: Vec<String> = names.iter().map(|n| n.trim().to_lowercase()).collect();
            let find = |known: &[&str]| known.iter().find_map(|known| names.iter().position(|name| name == known));
            if let Some(puzzle) = find(PUZZLE) {
                return Some(Ok(Table {
                    delimiter,
                    columns: names.len(),
                    puzzle,
                    solution: find(SOLUTION),
                    rating: find(RATING),
                    source: find(SOURCE),
                }));
            }
        }
        line.contains([',', ';', '\t']).then(|| {
            let have: String = line.chars().take(120).collect();
            Err(PuzzleError::MissingColumn {
                line: Some(number),
                have: format!("`{}`", have.escape_debug()),
                want: "`puzzle` (or `question`)".into(),
            })
        })
    }

    /// The puzzle in a record.
    pub fn record(&self, number: usize, line: &str) -> Result<Puzzle, PuzzleError> {
        let fields = fields(number, line, self.delimiter)?;
        if fields.len() != self.columns {
            return Err(PuzzleError::Csv {
                line: Some(number),
                message: format!("this record has {} fields; the header has {}.", fields.len(), self.columns),
            });
        }
        let field =
            |column: Option<usize>| column.and_then(|i| fields.get(i)).map(|f| f.trim()).filter(|f| !f.is_empty());
        let clues = board(&marks(number, field(Some(self.puzzle)).unwrap_or_default()))
            .map_err(|error| error.on_line(number))?;
        let solution = match field(self.solution) {
            Some(text) => Some(read_solution(&clues, number, text)?),
            None => None,
        };
        let rating = match field(self.rating) {
            Some(text) => Some(text.parse().map_err(|_| PuzzleError::Csv {
                line: Some(number),
                message: format!(
                    "the rating is `{}`; a rating is a whole number from 0, or empty.",
                    text.chars().take(40).collect::<String>().escape_debug()
                ),
            })?),
            None => None,
        };
        let source = field(self.source).map(str::to_owned);
        Ok(Puzzle { clues, solution, rating, source })
    }
}

/// The fields of a record.
fn fields(number: usize, line: &str, delimiter: u8) -> Result<Vec<String>, PuzzleError> {
    if !line.contains('"') {
        // Nearly every line: no quotes, so no parser is needed.
        return Ok(line.split(char::from(delimiter)).map(str::to_owned).collect());
    }
    let bad = |message: String| PuzzleError::Csv { line: Some(number), message };
    if line.matches('"').count() % 2 == 1 {
        return Err(bad("a quoted field does not end on this line; close its quotation mark.".into()));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .buffer_capacity(line.len().max(16))
        .from_reader(line.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(str::to_owned).collect()),
        Some(Err(error)) => Err(bad(format!("this record is no CSV: {error}."))),
        None => Ok(Vec::new()),
    }
}
