//! Puzzles from the command line, from files and from standard input.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use super::failure::Failure;
use super::lines::Puzzles;
use super::output;
use crate::config::packs;
use crate::tasks::sudoku::{Bucket, Puzzle, Shape, parse_grid, rate, solve, write_csv};

/// What a pack's name begins with, where a file of puzzles may be named.
const PACK: &str = "pack:";

/// Opens a file of puzzles; `-` is standard input, `pack:NAME` and `pack:NAME:BUCKET` what comes with the program.
pub(super) fn puzzles(path: &Path) -> Result<Puzzles, Failure> {
    Ok(Puzzles::new(stream(path)?))
}

fn stream(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    if let Some(name) = path.to_str().and_then(|text| text.strip_prefix(PACK)) {
        return Ok(Box::new(Cursor::new(pack(name)?)));
    }
    if path.is_dir() {
        return Err(Failure::file(path, "this is a folder; name a file of puzzles"));
    }
    let file = File::open(path).map_err(|e| Failure::file(path, format!("cannot be opened: {e}")))?;
    Ok(Box::new(file))
}

/// The puzzles of a pack, or those of one of its buckets.
fn pack(text: &str) -> Result<Cow<'static, [u8]>, Failure> {
    let (name, label) = text.split_once(':').map_or((text, None), |(name, label)| (name, Some(label)));
    let unknown = || {
        let labels = Bucket::ALL.map(Bucket::label).join(", ");
        let names = packs::names().join(", ");
        Failure::Input(format!(
            "there is no pack “{text}”; there is {names}, and with one of its buckets ({labels}) for example {PACK}sudoku9:51+"
        ))
    };
    let file = packs::bytes(name).ok_or_else(unknown)?;
    let Some(label) = label else { return Ok(Cow::Borrowed(file)) };
    let bucket = Bucket::named(label).ok_or_else(unknown)?;
    let all = Puzzles::new(Box::new(Cursor::new(file))).collect::<Result<Vec<_>, _>>().map_err(Failure::input)?;
    let mut out = Vec::new();
    write_csv(&mut out, all.iter().filter(|p| p.rating.map(Bucket::of) == Some(bucket))).map_err(Failure::input)?;
    Ok(Cow::Owned(out))
}

/// A whole file, of at most `most` bytes.
pub(super) fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    stream(path)?
        .take(most + 1)
        .read_to_end(&mut out)
        .map_err(|e| Failure::file(path, format!("cannot be read: {e}")))?;
    if out.len() as u64 > most {
        return Err(Failure::file(path, format!("it is larger than {most} bytes, which no file of this kind is")));
    }
    Ok(out)
}

/// What `PUZZLE|FILE` means: the puzzles of a file where there is one, else the text itself. The
/// first error ends it, with its line.
pub(super) fn puzzle_or_file(text: &str) -> Result<Vec<Puzzle>, Failure> {
    let path = Path::new(text);
    if text == "-" || text.starts_with(PACK) || path.is_file() {
        return puzzles(path)?.collect::<Result<Vec<_>, _>>().map_err(|e| Failure::file(path, e));
    }
    parse_grid(text).map(|clues| vec![Puzzle::unchecked(clues)]).map_err(|e| {
        // A word with letters or slashes was meant as a file.
        if text.contains(['/', '\\']) || text.chars().any(char::is_alphabetic) {
            Failure::Input(format!("there is no file “{text}”, and it is no puzzle either: {e}"))
        } else {
            Failure::input(e)
        }
    })
}

/// Exactly one puzzle.
pub(super) fn one_puzzle(text: &str) -> Result<Puzzle, Failure> {
    let mut all = puzzle_or_file(text)?;
    match (all.pop(), all.len()) {
        (Some(puzzle), 0) => Ok(puzzle),
        (_, more) => Err(Failure::Input(format!("“{text}” holds {} puzzles; one is expected", more + 1))),
    }
}

/// Puzzles to score a model on: of one board, with their solutions, and where a limit a bucket is
/// given, with ratings and the first so many of each bucket.
pub(super) fn scored_puzzles(path: &Path, shape: Shape, per_bucket: Option<usize>) -> Result<Vec<Puzzle>, Failure> {
    let mut reader = puzzles(path)?;
    let mut room = Bucket::ALL.map(|bucket| (bucket, per_bucket.unwrap_or(usize::MAX)));
    let mut out = Vec::new();
    while let Some(puzzle) = reader.next() {
        let mut puzzle = puzzle.map_err(|e| Failure::file(path, e))?;
        of_shape(path, reader.line(), &puzzle, shape)?;
        let bucket = Bucket::of(*puzzle.rating.get_or_insert_with(|| rate(&puzzle.clues)));
        let Some((_, left)) = room.iter_mut().find(|(b, left)| *b == bucket && *left > 0) else { continue };
        *left -= 1;
        if puzzle.solution.is_none() {
            puzzle.solution = solve(&puzzle.clues);
        }
        if puzzle.solution.is_none() {
            return Err(Failure::file(
                path,
                format!("Line {}: this puzzle has no solution, so no answer to it can be scored", reader.line()),
            ));
        }
        out.push(puzzle);
        if room.iter().all(|(_, left)| *left == 0) {
            break;
        }
    }
    if out.is_empty() { Err(Failure::file(path, "there is no puzzle in it")) } else { Ok(out) }
}

fn of_shape(path: &Path, line: usize, puzzle: &Puzzle, shape: Shape) -> Result<(), Failure> {
    let found = puzzle.clues.shape();
    if found == shape {
        return Ok(());
    }
    Err(Failure::file(
        path,
        format!(
            "Line {line}: this is a {} puzzle; the model is for {} boards",
            output::board(found),
            output::board(shape)
        ),
    ))
}

/// The boards of a file, all of one shape; the first `limit` of them.
pub(super) fn boards(path: &Path, shape: Shape, limit: Option<usize>) -> Result<Vec<Puzzle>, Failure> {
    let mut reader = puzzles(path)?;
    let mut out = Vec::new();
    while out.len() < limit.unwrap_or(usize::MAX) {
        let Some(puzzle) = reader.next() else { break };
        let puzzle = puzzle.map_err(|e| Failure::file(path, e))?;
        of_shape(path, reader.line(), &puzzle, shape)?;
        out.push(puzzle);
    }
    if out.is_empty() { Err(Failure::file(path, "there is no puzzle in it")) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_files() {
        assert_eq!(one_puzzle("1...34....4....1").expect("a puzzle").clues.clues(), 5);
        let message = |text: &str| match one_puzzle(text) {
            Err(Failure::Input(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(message("puzzles.csv").contains("no file “puzzles.csv”"));
        assert!(message("1...").contains("cells"), "{}", message("1..."));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("two.txt");
        std::fs::write(&file, "1...34....4....1\n1...34....4....1\n").expect("written");
        assert!(message(&file.display().to_string()).contains("holds 2 puzzles"));
    }

    #[test]
    fn packs_and_their_buckets() {
        assert_eq!(puzzle_or_file("pack:sudoku9").expect("a pack").len(), 1_500);
        let hard = scored_puzzles(Path::new("pack:sudoku9:51+"), Shape::S9, Some(5)).expect("a bucket");
        assert_eq!(hard.len(), 5);
        assert!(hard.iter().all(|p| p.rating > Some(50) && p.solution.is_some()));
        for wrong in ["pack:sudoku5", "pack:sudoku9:51", "pack:"] {
            let said = puzzle_or_file(wrong).expect_err("no such pack");
            assert!(matches!(&said, Failure::Input(m) if m.contains("there is sudoku9")), "{said:?}");
        }
    }

    #[test]
    fn the_first_of_each_bucket() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rated.csv");
        let row = |rating: &str| format!("1...34....4....1,,{rating},\n");
        let text = ["puzzle,solution,rating,source\n".to_owned(), row("0"), row("0"), row("2"), row("")].concat();
        std::fs::write(&file, text).expect("written");
        let ratings = |limit| {
            let puzzles = scored_puzzles(&file, Shape::S4, limit).expect("puzzles");
            assert!(puzzles.iter().all(|p| p.solution.is_some()));
            puzzles.iter().map(|p| p.rating).collect::<Vec<_>>()
        };
        assert_eq!(ratings(Some(1)), [Some(0), Some(2)]);
        assert_eq!(ratings(None), [Some(0), Some(0), Some(2), Some(0)]);
        let wrong = scored_puzzles(&file, Shape::S9, None).expect_err("another board");
        assert!(matches!(&wrong, Failure::Input(m) if m.contains("Line 2")), "{wrong:?}");
    }
}
