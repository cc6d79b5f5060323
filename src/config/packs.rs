//! Puzzles that travel inside the program, made by its own search: `loopscope puzzles search` with the five
//! buckets, 300 puzzles of each, seed 1 and without solutions gives the same file.

/// Names of the packs.
#[must_use]
pub fn names() -> &'static [&'static str] {
    &["sudoku9"]
}

/// A pack's file: gzipped CSV with ratings and no solutions.
#[must_use]
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    match name {
        "sudoku9" => Some(include_bytes!("../../assets/puzzles/sudoku9.csv.gz")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Cursor;

    use super::*;
    use crate::tasks::sudoku::{Bucket, Puzzle, PuzzleReader, Shape, canonical, check, rate};

    #[test]
    fn packed_puzzles_are_unique_different_and_rated_right() {
        let file = bytes("sudoku9").expect("a pack");
        let puzzles: Vec<Puzzle> =
            PuzzleReader::new(Box::new(Cursor::new(file))).collect::<Result<_, _>>().expect("puzzles");
        let mut keys = HashSet::new();
        for puzzle in &puzzles {
            assert_eq!(puzzle.clues.shape(), Shape::S9);
            let solution = check(puzzle).expect("one solution");
            assert_eq!(puzzle.rating, Some(rate(&puzzle.clues)));
            assert!(keys.insert(canonical(&puzzle.clues, &solution)), "twice: {}", puzzle.clues.to_line());
        }
        for bucket in Bucket::ALL {
            let count = puzzles.iter().filter(|p| p.rating.map(Bucket::of) == Some(bucket)).count();
            assert_eq!(count, 300, "{bucket}");
        }
    }

    #[test]
    fn every_name_has_a_pack_and_no_other() {
        assert!(names().iter().all(|name| bytes(name).is_some()));
        assert_eq!(bytes("sudoku5"), None);
    }
}
