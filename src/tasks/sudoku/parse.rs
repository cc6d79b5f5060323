//! Boards from text: one line or several, with or without bars.

use super::error::{BoardCell, PuzzleError};
use super::grid::Grid;
use super::shape::Shape;

/// The longest text of one board that is read, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

pub(super) const LENGTHS: &str = "16, 36 or 81";

/// A character that stands for a cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    line: usize,
    /// Which character of the line, from 1.
    column: usize,
    found: char,
}

/// Bars between boxes, and space: not cells.
fn is_decoration(c: char) -> bool {
    c.is_whitespace() || matches!(c, '|' | '-' | '+' | '=' | '\u{feff}' | '\u{2500}'..='\u{257f}')
}

/// The characters of a line that stand for cells.
pub(super) fn marks(line: usize, text: &str) -> Vec<Mark> {
    text.chars()
        .enumerate()
        .filter(|&(_, c)| !is_decoration(c))
        .map(|(i, found)| Mark { line, column: i + 1, found })
        .collect()
}

/// The digit that a mark means on a board of this side, 0 for a blank.
fn digit(found: char, side: usize) -> Option<u8> {
    match found {
        '.' | '0' | '_' => Some(0),
        '1'..='9' => {
            let digit = found as u8 - b'0';
            (usize::from(digit) <= side).then_some(digit)
        }
        _ => None,
    }
}

fn bad_character(mark: &Mark, cell: Option<BoardCell>, side: usize) -> PuzzleError {
    PuzzleError::BadCharacter {
        line: Some(mark.line),
        column: mark.column,
        cell,
        found: mark.found,
        allowed: format!("1 to {side}, and . or 0 or _ for a blank"),
    }
}

/// The board that these marks make, with repeated digits left in.
fn assemble(marks: &[Mark]) -> Result<Grid, PuzzleError> {
    let line = marks.first().map(|mark| mark.line);
    let Some(shape) = Shape::from_cells(marks.len()) else {
        // A stray character explains a wrong length better than the length does.
        return Err(match marks.iter().find(|mark| digit(mark.found, 9).is_none()) {
            Some(mark) => bad_character(mark, None, 9),
            None => PuzzleError::WrongLength { line, found: marks.len(), expected: LENGTHS.into() },
        });
    };
    let cells = marks
        .iter()
        .enumerate()
        .map(|(i, mark)| {
            let cell = BoardCell::new(shape, i);
            digit(mark.found, shape.side()).ok_or_else(|| bad_character(mark, Some(cell), shape.side()))
        })
        .collect::<Result<Vec<u8>, PuzzleError>>()?;
    Ok(Grid::trusted(shape, cells))
}

/// The board that these marks make; refused where a digit stands twice in a unit.
pub(super) fn board(marks: &[Mark]) -> Result<Grid, PuzzleError> {
    let grid = assemble(marks)?;
    if grid.is_consistent() {
        return Ok(grid);
    }
    match grid.conflicts().into_iter().next() {
        Some(conflict) => Err(PuzzleError::Duplicate { line: marks.first().map(|mark| mark.line), conflict }),
        None => Ok(grid),
    }
}

/// The lines of a text that hold cells, each as its marks.
fn content(text: &str) -> impl Iterator<Item = Vec<Mark>> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !is_comment(line))
        .map(|(i, line)| marks(i + 1, line))
        .filter(|marks| !marks.is_empty())
}

pub(super) fn is_comment(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').trim_start().starts_with('#')
}

fn too_large() -> PuzzleError {
    PuzzleError::TooLarge { line: None, what: "puzzle".into(), limit: MAX_TEXT }
}

/// One board: 16, 36 or 81 digits with `.`, `0` or `_` for a blank, on one line or several, with
/// bars (`|`, `-`, `+`, `=`) and spaces anywhere. Lines that start with `#` are skipped.
pub fn parse_grid(text: &str) -> Result<Grid, PuzzleError> {
    if text.len() > MAX_TEXT {
        return Err(too_large());
    }
    let rows: Vec<Vec<Mark>> = content(text).collect();
    if rows.is_empty() {
        return Err(PuzzleError::Empty);
    }
    rows_to_board(&rows)
}

fn rows_to_board(rows: &[Vec<Mark>]) -> Result<Grid, PuzzleError> {
    let all: Vec<Mark> = rows.iter().flatten().copied().collect();
    board(&all).map_err(|error| match error {
        // Where rows are lines, say which of them has the wrong length.
        PuzzleError::WrongLength { .. } => ragged(rows).unwrap_or(error),
        error => error,
    })
}

fn ragged(rows: &[Vec<Mark>]) -> Option<PuzzleError> {
    let expected = rows.first()?.len();
    Shape::from_side(expected)?;
    let row = rows.iter().find(|row| row.len() != expected)?;
    Some(PuzzleError::RaggedRow { line: row.first().map(|mark| mark.line), found: row.len(), expected })
}

/// Puts boards together from lines: a line of 4, 6 or 9 cells begins a board of that many lines,
/// any other line is a puzzle of its own.
#[derive(Default, Debug)]
pub(super) struct Assembler {
    rows: Vec<Vec<Mark>>,
}

impl Assembler {
    /// Takes one line. Gives up to two results: an unfinished board before it, and its own.
    pub fn line(&mut self, number: usize, text: &str) -> Vec<Result<Grid, PuzzleError>> {
        let mut done = Vec::new();
        if is_comment(text) {
            return done;
        }
        let marks = marks(number, text);
        if marks.is_empty() {
            return done;
        }
        if !self.rows.is_empty() && Shape::from_cells(marks.len()).is_some() {
            // A whole puzzle on one line ends a board that has lost its last rows.
            done.extend(self.finish());
        }
        if self.rows.is_empty() && Shape::from_side(marks.len()).is_none() {
            done.push(board(&marks));
            return done;
        }
        self.rows.push(marks);
        if self.rows.len() == self.rows[0].len() {
            done.extend(self.finish());
        }
        done
    }

    /// The unfinished board at the end of the text, if there is one: mostly an error.
    pub fn finish(&mut self) -> Option<Result<Grid, PuzzleError>> {
        let rows = std::mem::take(&mut self.rows);
        (!rows.is_empty()).then(|| rows_to_board(&rows))
    }
}

/// Every board in a text: one per line, or spread over lines (a line of 4, 6 or 9 cells begins
/// such a board). Blank lines and lines that start with `#` are skipped.
pub fn parse_many(text: &str) -> Vec<Result<Grid, PuzzleError>> {
    let mut assembler = Assembler::default();
    let mut boards = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.len() > MAX_TEXT {
            boards.push(Err(too_large().on_line(i + 1)));
        } else {
            boards.extend(assembler.line(i + 1, line));
        }
    }
    boards.extend(assembler.finish());
    boards
}

/// As much of a board as a half-typed text gives, with everything that is wrong with it. The
/// board is there as soon as there is one cell: missing cells are blank, surplus ones dropped,
/// bad characters blank, and repeated digits stay in, so that they can be marked.
pub fn parse_partial(text: &str) -> (Option<Grid>, Vec<PuzzleError>) {
    if text.len() > MAX_TEXT {
        return (None, vec![too_large()]);
    }
    let rows: Vec<Vec<Mark>> = content(text).collect();
    let Some(shape) = partial_shape(&rows) else {
        return (None, Vec::new());
    };
    let mut errors = Vec::new();
    let mut grid = Grid::empty(shape);
    let all: Vec<Mark> = rows.iter().flatten().copied().collect();
    for (i, mark) in all.iter().take(shape.cells()).enumerate() {
        let placed = digit(mark.found, shape.side()).is_some_and(|d| grid.set(i, d).is_ok());
        if !placed {
            errors.push(bad_character(mark, Some(BoardCell::new(shape, i)), shape.side()));
        }
    }
    let line = all.first().map(|mark| mark.line);
    errors.extend(grid.conflicts().into_iter().map(|c| PuzzleError::Duplicate { line, conflict: c }));
    if all.len() != shape.cells() {
        let length = PuzzleError::WrongLength { line, found: all.len(), expected: LENGTHS.into() };
        let rows_end = rows.len().min(shape.side());
        errors.push(ragged(&rows[..rows_end]).unwrap_or(length));
    }
    (Some(grid), errors)
}

/// The shape meant: from the first row where rows are lines, else the smallest that holds all.
fn partial_shape(rows: &[Vec<Mark>]) -> Option<Shape> {
    let count: usize = rows.iter().map(Vec::len).sum();
    let by_rows = if rows.len() > 1 { Shape::from_side(rows[0].len()) } else { None };
    by_rows.or(match count {
        0 => None,
        1..=16 => Some(Shape::S4),
        17..=36 => Some(Shape::S6),
        _ => Some(Shape::S9),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{GenerateSpec, Generator};
    use super::*;

    const LINE: &str = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";

    #[test]
    fn blanks_and_bars() {
        let grid = parse_grid(LINE).expect("a board");
        assert_eq!(grid.shape(), Shape::S9);
        assert_eq!(grid.clues(), 30);
        for text in [
            LINE.replace('.', "0"),
            LINE.replace('.', "_"),
            format!("\u{feff}# a comment\r\n {LINE} \r\n"),
            grid.to_string(),
            grid.to_string().replace('|', "│").replace('-', "─"),
        ] {
            assert_eq!(parse_grid(&text), Ok(grid.clone()), "{text}");
        }
    }

    #[test]
    fn errors_say_where() {
        let text = |text: &str| parse_grid(text).expect_err("an error").to_string();
        assert_eq!(text(&LINE[1..]), "Line 1: this puzzle has 80 cells; a board has 16, 36 or 81.");
        assert_eq!(
            text("12345678........"),
            "Line 1: the cell at row 2, column 1 is `5`; allowed are 1 to 4, and . or 0 or _ for a blank."
        );
        assert_eq!(text("12x"), "Line 1: character 3 is `x`; allowed are 1 to 9, and . or 0 or _ for a blank.");
        assert_eq!(
            text("12..\n34..\n1...\n.1..\n"),
            "Line 1: 1 stands twice in column 1 (rows 1 and 3). A digit may stand only once in a row, a column or a box."
        );
        assert_eq!(
            text("12..\n34..\n.....\n....\n"),
            "Line 3: this row of the board has 5 cells; the rows above it have 4."
        );
        assert_eq!(parse_grid(" \n#x\n"), Err(PuzzleError::Empty));
        assert!(matches!(parse_grid(&" ".repeat(MAX_TEXT + 1)), Err(PuzzleError::TooLarge { .. })));
    }

    #[test]
    fn many_boards() {
        let board = parse_grid(LINE).expect("a board");
        let text = format!("# two\n{LINE}\n\n{LINE}x\n1...34....4....1\n{board}\n\n12..\n34..\n{LINE}\n");
        let found = parse_many(&text);
        assert_eq!(found.len(), 6, "{found:?}");
        assert_eq!(found[0], Ok(board.clone()));
        assert_eq!(found[1].as_ref().err().and_then(PuzzleError::line), Some(4));
        assert_eq!(found[2].as_ref().map(Grid::shape), Ok(Shape::S4));
        assert_eq!(found[3], Ok(board.clone()));
        assert!(matches!(found[4], Err(PuzzleError::WrongLength { found: 8, .. })), "{:?}", found[4]);
        assert_eq!(found[5], Ok(board));
        assert!(parse_many("").is_empty());
    }

    #[test]
    fn partial_boards() {
        let (grid, errors) = parse_partial("11x5");
        let grid = grid.expect("a board");
        assert_eq!(grid.cells()[..4], [1, 1, 0, 0]);
        let cells: Vec<_> = errors.iter().map(PuzzleError::cells).collect();
        assert_eq!(cells, [vec![2], vec![3], vec![0, 1], vec![0, 1], vec![]]);
        assert_eq!(parse_partial("  "), (None, vec![]));
        let (grid, errors) = parse_partial("53..7....\n6..");
        assert_eq!(grid.map(|g| g.get(9)), Some(6));
        assert!(matches!(errors[..], [PuzzleError::RaggedRow { line: Some(2), .. }]), "{errors:?}");
        assert_eq!(parse_partial(LINE), (parse_grid(LINE).ok(), vec![]));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,200}|[0-9._|+\n-]{0,200}") {
            let _ = parse_grid(&text);
            let _ = parse_many(&text);
            let (grid, errors) = parse_partial(&text);
            if let (Some(grid), []) = (&grid, &errors[..]) {
                prop_assert_eq!(parse_grid(&text), Ok(grid.clone()));
            }
        }

        #[test]
        fn what_is_written_is_read(side in prop::sample::select(vec![4usize, 6]), i: u64) {
            let shape = Shape::from_side(side).expect("a shape");
            let grid = Generator::new(GenerateSpec::usual(shape), 1).puzzle(i).clues;
            prop_assert_eq!(parse_grid(&grid.to_line()), Ok(grid.clone()));
            prop_assert_eq!(parse_grid(&grid.to_string()), Ok(grid.clone()));
            prop_assert_eq!(parse_many(&grid.to_string()), vec![Ok(grid)]);
        }
    }
}
