//! Lines of bounded length from a source that may be gzipped.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::super::error::PuzzleError;

/// The longest line (without its end) that is read, in bytes.
pub const MAX_RECORD: usize = 64 * 1024;

/// The first bytes of every gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

pub(super) struct Lines {
    source: Source,
    /// Lines begun so far, which is the number of the last one.
    number: usize,
}

enum Source {
    /// Not looked at yet.
    Fresh(Box<dyn Read>),
    Plain(Box<dyn BufRead>),
    Gzip(Box<dyn BufRead>),
    /// Ended or failed.
    Spent,
}

impl Lines {
    pub fn new(source: Box<dyn Read>) -> Lines {
        Lines { source: Source::Fresh(source), number: 0 }
    }

    /// The next line with its number. A line that is too long or no text is one error, and the
    /// line after it follows; a failure of the source is the last thing that comes.
    pub fn next_line(&mut self) -> Option<Result<(usize, String), PuzzleError>> {
        if let Source::Fresh(_) = self.source
            && let Err(error) = self.open()
        {
            return Some(Err(self.failed(&error, false)));
        }
        self.number += 1;
        let number = self.number;
        let (reader, gzip) = match &mut self.source {
            Source::Plain(reader) => (reader, false),
            Source::Gzip(reader) => (reader, true),
            Source::Fresh(_) | Source::Spent => return None,
        };
        let mut bytes = Vec::new();
        match read_line(reader.as_mut(), &mut bytes) {
            Err(error) => return Some(Err(self.failed(&error, gzip))),
            Ok(Read1::End) => {
                self.source = Source::Spent;
                return None;
            }
            Ok(Read1::TooLong) => {
                return Some(Err(PuzzleError::TooLarge { line: Some(number), what: "line".into(), limit: MAX_RECORD }));
            }
            Ok(Read1::Line) => {}
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Some(match String::from_utf8(bytes) {
            Ok(text) if number == 1 => Ok((1, text.trim_start_matches('\u{feff}').to_owned())),
            Ok(text) => Ok((number, text)),
            Err(error) => Err(PuzzleError::NotText { line: Some(number), byte: error.utf8_error().valid_up_to() + 1 }),
        })
    }

    /// Looks at the first bytes to tell gzip from plain text.
    fn open(&mut self) -> io::Result<()> {
        let Source::Fresh(mut source) = std::mem::replace(&mut self.source, Source::Spent) else {
            return Ok(());
        };
        let mut head = Vec::new();
        source.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut head)?;
        let gzip = head == GZIP_MAGIC;
        let whole = BufReader::new(Cursor::new(head).chain(source));
        self.source = if gzip {
            Source::Gzip(Box::new(BufReader::new(MultiGzDecoder::new(whole))))
        } else {
            Source::Plain(Box::new(whole))
        };
        Ok(())
    }

    fn failed(&mut self, error: &io::Error, gzip: bool) -> PuzzleError {
        self.source = Source::Spent;
        let (line, message) = (Some(self.number.max(1)), error.to_string());
        let damaged = matches!(
            error.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
        );
        if gzip && damaged { PuzzleError::Gzip { line, message } } else { PuzzleError::Io { line, message } }
    }
}

enum Read1 {
    Line,
    TooLong,
    End,
}

/// Reads up to the next line feed. Of a line that is too long the rest is passed over, not kept.
fn read_line(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Read1> {
    let mut too_long = false;
    let mut begun = false;
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let ended = end.is_some() || chunk.is_empty();
        begun |= !chunk.is_empty();
        too_long |= line.len() + part.len() > MAX_RECORD;
        if too_long {
            line.clear();
        } else {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if ended {
            return Ok(match (begun, too_long) {
                (false, _) => Read1::End,
                (true, true) => Read1::TooLong,
                (true, false) => Read1::Line,
            });
        }
    }
}
