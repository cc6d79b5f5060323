//! Puzzles with the line that each stands on.
//!
//! The reader's own errors know their line; what is found later (a second solution, the wrong size of
//! board) has only the puzzle. So the file is handed to the reader a line at a time, and the lines
//! are counted as they go.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Error, Read, Result};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::tasks::sudoku::{Puzzle, PuzzleError, PuzzleReader};

/// The puzzles of a file, gzipped or not.
pub(super) struct Puzzles {
    reader: PuzzleReader,
    lines: Rc<Cell<usize>>,
}

impl Puzzles {
    pub(super) fn new(source: Box<dyn Read>) -> Self {
        let lines = Rc::new(Cell::new(0));
        let counted =
            LineByLine { source: Source::Fresh(BufReader::new(source)), lines: Rc::clone(&lines), inside: false };
        Self { reader: PuzzleReader::new(Box::new(counted)), lines }
    }

    /// The line on which the last puzzle ends, from 1.
    pub(super) fn line(&self) -> usize {
        self.lines.get()
    }
}

impl Iterator for Puzzles {
    type Item = std::result::Result<Puzzle, PuzzleError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.next()
    }
}

/// Gives at most one line at each read.
struct LineByLine {
    source: Source,
    /// Lines begun.
    lines: Rc<Cell<usize>>,
    /// A part of the last line was given out already.
    inside: bool,
}

type Plain = BufReader<Box<dyn Read>>;

enum Source {
    /// Not looked at yet.
    Fresh(Plain),
    Plain(Plain),
    /// Unpacked here, since lines can only be counted unpacked.
    Gzip(BufReader<MultiGzDecoder<Plain>>),
    Spent,
}

impl Source {
    fn open(self) -> (Self, Result<()>) {
        let Self::Fresh(mut plain) = self else { return (self, Ok(())) };
        match plain.fill_buf() {
            Err(e) => (Self::Spent, Err(e)),
            Ok([0x1f, 0x8b, ..]) => (Self::Gzip(BufReader::new(MultiGzDecoder::new(plain))), Ok(())),
            Ok(_) => (Self::Plain(plain), Ok(())),
        }
    }

    fn next(&mut self) -> Result<&[u8]> {
        match self {
            Self::Plain(plain) => plain.fill_buf(),
            Self::Gzip(packed) => packed.fill_buf().map_err(|e| {
                Error::new(
                    e.kind(),
                    format!("the gzip data is damaged or cut short ({e}); copy or download the file again"),
                )
            }),
            Self::Fresh(_) | Self::Spent => Ok(&[]),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Self::Plain(plain) => plain.consume(count),
            Self::Gzip(packed) => packed.consume(count),
            Self::Fresh(_) | Self::Spent => {}
        }
    }
}

impl Read for LineByLine {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if let Source::Fresh(_) = self.source {
            let (source, opened) = std::mem::replace(&mut self.source, Source::Spent).open();
            self.source = source;
            opened?;
        }
        let ready = self.source.next()?;
        let room = ready.len().min(out.len());
        let ends = ready[..room].iter().position(|b| *b == b'\n');
        let count = ends.map_or(room, |at| at + 1);
        out[..count].copy_from_slice(&ready[..count]);
        self.source.consume(count);
        if count > 0 {
            if !self.inside {
                self.lines.set(self.lines.get() + 1);
            }
            self.inside = ends.is_none();
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &str = "puzzle\n1...34....4....1\n\n................\n1234............\r\n1...34....4....1";

    fn lines(bytes: Vec<u8>) -> Vec<usize> {
        let mut puzzles = Puzzles::new(Box::new(Cursor::new(bytes)));
        std::iter::from_fn(|| puzzles.next().map(|p| (p, puzzles.line())))
            .map(|(p, line)| (p.expect("a puzzle"), line).1)
            .collect()
    }

    #[test]
    fn each_puzzle_knows_its_line() {
        assert_eq!(lines(TEXT.into()), [2, 4, 5, 6]);
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(TEXT.as_bytes()).expect("in memory");
        assert_eq!(lines(packed.finish().expect("in memory")), [2, 4, 5, 6]);
        assert_eq!(lines("1. ..\n....\n....\n....\n\n1...34....4....1\n".into()), [4, 6]);
    }

    #[test]
    fn damaged_gzip_says_so() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(TEXT.as_bytes()).expect("in memory");
        let mut bytes = packed.finish().expect("in memory");
        bytes.truncate(bytes.len() - 12);
        let error = Puzzles::new(Box::new(Cursor::new(bytes))).find_map(std::result::Result::err).expect("an error");
        assert!(error.to_string().contains("gzip data is damaged"), "{error}");
    }
}
