use std::io::{self, Cursor};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::super::{GenerateSpec, Generator, Shape, parse_grid};
use super::*;

const CLUES: &str = "1...34....4....1";

fn read(bytes: impl Into<Vec<u8>>) -> Vec<Result<Puzzle, PuzzleError>> {
    PuzzleReader::new(Box::new(Cursor::new(bytes.into()))).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn solution() -> String {
    let clues = parse_grid(CLUES).expect("a board");
    solver::solve(&clues).expect("a solution").to_line()
}

fn message(bytes: &str) -> String {
    let mut errors = read(bytes).into_iter().filter_map(Result::err);
    errors.next().expect("an error").to_string()
}

#[test]
fn plain_lines_and_boards() {
    let found = read(format!("# mine\n{CLUES}\r\n\n1...\n34..\n..4.\n...1"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|p| p.as_ref().is_ok_and(|p| p.clues.to_line() == CLUES)));
}

#[test]
fn csv_in_any_order_and_under_other_names() {
    let solution = solution();
    for (text, rated) in [
        (format!("puzzle\n{CLUES}\n"), false),
        (format!("source,question,answer,rating\nme,{CLUES},{solution},7\n"), true),
        (format!("\u{feff}Rating;Puzzle;Solution;Source\n7;{CLUES};{solution};me"), true),
        (format!("\"rating\",\"puzzle\",x,source,solution\n\"7\",\"{CLUES}\",\"a,b\",me,{solution}"), true),
    ] {
        for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
            let found = read(bytes);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            let puzzle = found[0].as_ref().expect("a puzzle");
            assert_eq!(puzzle.clues.to_line(), CLUES);
            assert_eq!(puzzle.rating, rated.then_some(7));
            assert_eq!(puzzle.source.as_deref(), rated.then_some("me"));
            assert_eq!(puzzle.solution.as_ref().map(Grid::to_line), rated.then(|| solution.clone()));
        }
    }
}

#[test]
fn errors_name_the_line_and_the_next_record_follows() {
    let solution = solution();
    let text = format!(
        "puzzle,solution,rating\n{CLUES},,x\n{CLUES}\n{CLUES},{},\n{CLUES},12,\n,,\n{CLUES}\",,\n{CLUES},{solution},3\n",
        "1".repeat(16)
    );
    let found = read(text);
    let lines: Vec<_> = found.iter().map(|p| p.as_ref().err().and_then(PuzzleError::line)).collect();
    assert_eq!(lines, [Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), None]);
    assert!(found[6].as_ref().is_ok_and(|p| p.rating == Some(3)));
    assert_eq!(
        found[0].as_ref().expect_err("an error").to_string(),
        "Line 2: the rating is `x`; a rating is a whole number from 0, or empty."
    );
    assert_eq!(
        found[4].as_ref().expect_err("an error").to_string(),
        "Line 6: this puzzle has 0 cells; a board has 16, 36 or 81."
    );
}

#[test]
fn a_solution_that_does_not_fit_is_explained() {
    let solution = solution();
    let other = format!("2{}", &solution[1..]);
    assert!(message(&format!("puzzle,solution\n{CLUES},{other}")).contains("in it 2 stands twice"));
    let relabelled: String = solution
        .chars()
        .map(|c| {
            if c == '1' {
                '2'
            } else if c == '2' {
                '1'
            } else {
                c
            }
        })
        .collect();
    assert_eq!(
        message(&format!("puzzle,solution\n{CLUES},{relabelled}")),
        "Line 2: the solution given does not solve the puzzle: at row 1, column 1 it has 2, the puzzle 1."
    );
    let blank = format!("{}.", &solution[..15]);
    assert!(message(&format!("puzzle,solution\n{CLUES},{blank}")).contains("row 4, column 4 is blank"));
    assert!(message(&format!("puzzle,solution\n{CLUES},{}", ".".repeat(81))).contains("9×9"));
}

#[test]
fn a_missing_column_ends_the_file() {
    let found = read(format!("id,board\n1,{CLUES}\n"));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].as_ref().expect_err("an error").to_string(),
        "Line 1: the header has no column named `puzzle` (or `question`); it has `id,board`."
    );
}

#[test]
fn nothing_is_an_error_too() {
    for text in ["", "\n\n", "# only a comment", "puzzle,solution\n"] {
        assert_eq!(read(text), [Err(PuzzleError::Empty)], "{text:?}");
    }
}

#[test]
fn long_lines_and_other_bytes_cost_one_record() {
    let mut bytes = vec![b'1'; 10 * MAX_RECORD];
    bytes.extend(format!("\n{CLUES}\n").bytes());
    bytes.extend([0xff, 0xfe, b'\n']);
    bytes.extend(CLUES.bytes());
    for bytes in [gzip(&bytes), bytes] {
        let found = read(bytes);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(matches!(found[0], Err(PuzzleError::TooLarge { line: Some(1), .. })));
        assert!(found[1].is_ok());
        assert!(matches!(found[2], Err(PuzzleError::NotText { line: Some(3), byte: 1 })));
        assert!(found[3].is_ok());
    }
}

#[test]
fn damaged_gzip_is_named_once() {
    let puzzles = format!("{CLUES}\n").repeat(5000);
    let whole = gzip(puzzles.as_bytes());
    let mut bad_sum = whole.clone();
    let sum = bad_sum.len() - 6;
    bad_sum[sum] ^= 1;
    for bytes in [whole[..whole.len() / 2].to_vec(), whole[..3].to_vec(), bad_sum] {
        let found = read(bytes);
        let errors: Vec<_> = found.iter().filter(|p| p.is_err()).collect();
        assert_eq!(errors.len(), 1);
        assert!(matches!(found.last(), Some(Err(PuzzleError::Gzip { .. }))), "{:?}", found.last());
    }
    assert_eq!(read(whole).len(), 5000);
}

#[test]
fn a_failing_source_is_named_once() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let found: Vec<_> = PuzzleReader::new(Box::new(Cursor::new("1...\n34").chain(Failing))).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].as_ref().expect_err("an error").to_string(), "Line 2: reading failed: the disk is gone.");
}

#[test]
fn check_solves_and_compares() {
    let mut puzzle = Puzzle::unchecked(parse_grid(CLUES).expect("a board"));
    let solution = check(&puzzle).expect("one solution");
    puzzle.solution = Some(solution.clone());
    assert_eq!(check(&puzzle), Ok(solution));
    puzzle.solution = Some(Grid::empty(Shape::S4));
    assert!(matches!(check(&puzzle), Err(PuzzleError::SolutionMismatch { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(bytes.clone());
        let _ = read([&[0x1f, 0x8b, 8, 0][..], &bytes].concat());
        let _ = read([b"puzzle,solution\n", &bytes[..]].concat());
    }

    #[test]
    fn what_is_written_is_read(seed: u64, rating: Option<u32>, source in "\\PC{0,20}") {
        let mut puzzle = Generator::new(GenerateSpec::usual(Shape::S4), seed).puzzle(0);
        puzzle.rating = rating;
        let source = source.trim();
        puzzle.source = (!source.is_empty()).then(|| source.to_owned());
        let mut bytes = Vec::new();
        prop_assert_eq!(write_csv(&mut bytes, [&puzzle]), Ok(()));
        prop_assert_eq!(read(bytes), vec![Ok(puzzle)]);
    }
}
