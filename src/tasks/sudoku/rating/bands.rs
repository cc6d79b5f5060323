//! The guess count behind [`super::rate`], after the idea of Tom Dillon's tdoku: what is
//! guessed is where a digit goes within a whole band, not in which cell.
//!
//! A band of `k` boxes has `k` rows, and a digit uses each row once and each box once: there
//! are `k!` ways to lay it out. The state holds, for each band and each stack, the digits still
//! possible in each of these ways. With the candidates of the cells this gives, at once, naked
//! and hidden singles, locked candidates, and the digits that fill a line of a box between them.

use std::sync::OnceLock;

use super::super::grid::Grid;
use super::super::shape::{MAX_CELLS, MAX_SIDE, Shape};
use super::super::solver::Tables;

/// Most boxes in a band, over all shapes.
const MAX_K: usize = 4;
/// Most layouts of a digit in a band: 4!.
const MAX_LAYOUTS: usize = 24;

/// The bands of one direction (rows of boxes, or columns of boxes).
struct Direction {
    /// Number of bands.
    bands: usize,
    /// Boxes in a band, and lines in a band.
    k: usize,
    /// Cells of a box that lie in one line.
    len: usize,
    /// `layouts[p][j]`: the line that box `j` uses in layout `p`.
    layouts: Vec<[usize; MAX_K]>,
    /// `cells[band][box][line]`: the cells of a box that lie in one line.
    cells: Vec<[[[u8; MAX_K]; MAX_K]; MAX_K]>,
}

struct Geometry {
    directions: [Direction; 2],
    peers: Vec<Vec<u8>>,
}

impl Geometry {
    fn of(shape: Shape) -> &'static Geometry {
        static ALL: [OnceLock<Geometry>; (MAX_SIDE + 1) * (MAX_SIDE + 1)] =
            [const { OnceLock::new() }; (MAX_SIDE + 1) * (MAX_SIDE + 1)];
        ALL[shape.box_rows() * (MAX_SIDE + 1) + shape.box_cols()].get_or_init(|| {
            let (rows, cols) = (shape.box_rows(), shape.box_cols());
            let mut across = Direction::new(cols, rows, cols);
            let mut down = Direction::new(rows, cols, rows);
            for cell in 0..shape.cells() {
                let (row, col) = (shape.row_of(cell), shape.col_of(cell));
                across.cells[row / rows][col / cols][row % rows][col % cols] = cell as u8;
                down.cells[col / cols][row / rows][col % cols][row % rows] = cell as u8;
            }
            Geometry {
                directions: [across, down],
                peers: (0..shape.cells()).map(|cell| shape.peers(cell).map(|peer| peer as u8).collect()).collect(),
            }
        })
    }
}

impl Direction {
    fn new(bands: usize, k: usize, len: usize) -> Direction {
        let layouts = match k {
            // The first layout left is tried first, so the order shows in the count: this is
            // tdoku's.
            3 => [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 2, 1], [1, 0, 2]]
                .map(|[a, b, c]| [a, b, c, 0])
                .to_vec(),
            _ => (0..k.pow(k as u32))
                .map(|code| {
                    let mut layout = [0; MAX_K];
                    for (j, line) in layout.iter_mut().enumerate().take(k) {
                        *line = code / k.pow((k - 1 - j) as u32) % k;
                    }
                    layout
                })
                .filter(|layout| (0..k).all(|line| layout[..k].contains(&line)))
                .collect(),
        };
        Direction { bands, k, len, layouts, cells: vec![[[[0; MAX_K]; MAX_K]; MAX_K]; bands] }
    }
}

#[derive(Clone)]
struct State {
    cand: [u16; MAX_CELLS],
    /// `open[direction][band][layout]`: the digits that may still be laid out so.
    open: [[[u16; MAX_LAYOUTS]; MAX_K]; 2],
}

/// What is to be guessed: a digit of a band.
struct Choice {
    direction: usize,
    band: usize,
    bit: u16,
}

struct Search {
    geometry: &'static Geometry,
    tables: &'static Tables,
    guesses: u32,
    limit: usize,
    found: Vec<Vec<u8>>,
}

/// Guesses until the first solution, or until it is known that there is none.
pub(in super::super) fn count_guesses(grid: &Grid) -> u32 {
    Search::run(grid, 1).guesses
}

/// The cells of up to `limit` solutions.
pub(in super::super) fn solutions(grid: &Grid, limit: usize) -> Vec<Vec<u8>> {
    Search::run(grid, limit).found
}

impl Search {
    fn run(grid: &Grid, limit: usize) -> Search {
        let tables = Tables::of(grid.shape());
        let geometry = Geometry::of(grid.shape());
        let mut search = Search { geometry, tables, guesses: 0, limit, found: Vec::new() };
        let mut state = State { cand: [tables.all; MAX_CELLS], open: [[[tables.all; MAX_LAYOUTS]; MAX_K]; 2] };
        for (cand, &digit) in state.cand.iter_mut().zip(grid.cells()) {
            if digit != 0 {
                *cand = 1 << (digit - 1);
            }
        }
        if search.conclude(&mut state) {
            search.solve(state);
        }
        search
    }

    /// Notes the solution of a state in which nothing is open. True when there are enough.
    fn take(&mut self, state: &State) -> bool {
        let cells = &state.cand[..self.tables.cells];
        self.found.push(cells.iter().map(|cand| cand.trailing_zeros() as u8 + 1).collect());
        self.found.len() >= self.limit
    }

    /// Draws conclusions until there are no more. False on a contradiction.
    fn conclude(&self, state: &mut State) -> bool {
        loop {
            let before = state.clone();
            if !self.singles(state) {
                return false;
            }
            for d in 0..2 {
                for band in 0..self.geometry.directions[d].bands {
                    if !self.band(state, d, band) {
                        return false;
                    }
                }
            }
            if before.cand == state.cand && before.open == state.open {
                return true;
            }
        }
    }

    /// Takes the digit of each set cell from its peers.
    fn singles(&self, state: &mut State) -> bool {
        for cell in 0..self.tables.cells {
            let cand = state.cand[cell];
            if cand == 0 {
                return false;
            }
            if cand & (cand - 1) == 0 {
                for &peer in &self.geometry.peers[cell] {
                    state.cand[usize::from(peer)] &= !cand;
                }
            }
        }
        true
    }

    fn band(&self, state: &mut State, d: usize, band: usize) -> bool {
        let direction = &self.geometry.directions[d];
        let (k, len, cells) = (direction.k, direction.len as u32, &direction.cells[band]);
        let mut holds = [[0u16; MAX_K]; MAX_K];
        for j in 0..k {
            for line in 0..k {
                for &cell in &cells[j][line][..direction.len] {
                    holds[j][line] |= state.cand[usize::from(cell)];
                }
            }
        }
        let open = &mut state.open[d][band];
        for (layout, digits) in direction.layouts.iter().zip(open.iter_mut()) {
            for j in 0..k {
                *digits &= holds[j][layout[j]];
            }
        }
        for j in 0..k {
            for (line, here_cells) in cells[j].iter().enumerate().take(k) {
                let (mut here, mut elsewhere) = (0, 0);
                for (layout, &digits) in direction.layouts.iter().zip(open.iter()) {
                    if layout[j] == line {
                        here |= digits;
                    } else {
                        elsewhere |= digits;
                    }
                }
                if here | elsewhere != self.tables.all || here.count_ones() < len {
                    return false;
                }
                let forced = here & !elsewhere;
                if forced.count_ones() > len {
                    return false;
                }
                // As many digits as cells: they are all here; or: nothing else is.
                let stays = if forced.count_ones() == len { forced } else { here };
                let stay_out = if stays.count_ones() == len { stays } else { 0 };
                for (layout, digits) in direction.layouts.iter().zip(open.iter_mut()) {
                    *digits &= if layout[j] == line { stays } else { !stay_out };
                }
                let forced = forced | stay_out;
                let (mut once, mut twice) = (0, 0);
                for &cell in &here_cells[..direction.len] {
                    let cand = &mut state.cand[usize::from(cell)];
                    *cand &= stays;
                    twice |= once & *cand;
                    once |= *cand;
                }
                let single = forced & once & !twice;
                for &cell in &here_cells[..direction.len] {
                    let cand = &mut state.cand[usize::from(cell)];
                    if *cand & single != 0 {
                        *cand &= single;
                    }
                    if *cand == 0 {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// The band with the fewest open layouts, and in it the digit with the fewest.
    fn choose(&self, state: &State) -> Option<Choice> {
        let mut best: Option<(u32, usize, usize)> = None;
        for (d, direction) in self.geometry.directions.iter().enumerate() {
            for band in 0..direction.bands {
                let open = &state.open[d][band][..direction.layouts.len()];
                let count: u32 = open.iter().map(|digits| digits.count_ones()).sum();
                if count > self.tables.side as u32 && best.is_none_or(|(least, ..)| count < least) {
                    best = Some((count, d, band));
                }
            }
        }
        let (_, direction, band) = best?;
        (0..self.tables.side)
            .map(|digit| Choice { direction, band, bit: 1 << digit })
            .filter(|choice| self.ways(state, choice) > 1)
            .min_by_key(|choice| self.ways(state, choice))
    }

    fn ways(&self, state: &State, choice: &Choice) -> usize {
        let layouts = self.geometry.directions[choice.direction].layouts.len();
        let open = &state.open[choice.direction][choice.band][..layouts];
        open.iter().filter(|&&digits| digits & choice.bit != 0).count()
    }

    /// Looks for solutions of a state that is closed under conclusions. True when there are
    /// enough.
    fn solve(&mut self, mut state: State) -> bool {
        let Some(mut choice) = self.choose(&state) else {
            return self.take(&state);
        };
        loop {
            let layouts = self.geometry.directions[choice.direction].layouts.len();
            let open = &mut state.open[choice.direction][choice.band];
            let Some(first) = open[..layouts].iter().position(|&d| d & choice.bit != 0) else {
                return false;
            };
            self.guesses = self.guesses.saturating_add(1);
            let mut guess = state.clone();
            let open = &mut state.open[choice.direction][choice.band];
            open[first] &= !choice.bit;
            for (p, digits) in guess.open[choice.direction][choice.band].iter_mut().enumerate() {
                if p != first {
                    *digits &= !choice.bit;
                }
            }
            if self.conclude(&mut guess) && self.solve(guess) {
                return true;
            }
            if !self.conclude(&mut state) {
                return false;
            }
            // While the digit stays open it is guessed on, as tdoku does.
            if self.ways(&state, &choice) < 2 {
                match self.choose(&state) {
                    Some(next) => choice = next,
                    None => return self.take(&state),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Clues, GenerateSpec, Generator, parse_grid, solver};
    use super::*;

    #[test]
    fn easy_hard_and_degenerate_boards() {
        let easy = parse_grid("53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79");
        assert_eq!(easy.map(|g| count_guesses(&g)), Ok(0));
        let hard = parse_grid("8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..");
        assert!(hard.is_ok_and(|g| count_guesses(&g) > 10));
        for (rows, cols) in [(2, 2), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3)] {
            let shape = Shape::new(rows, cols).expect("a shape");
            assert!(count_guesses(&Grid::empty(shape)) > 0, "{shape}");
        }
        let broken = parse_grid("123....4........").expect("a board");
        assert_eq!(count_guesses(&broken), 0);
    }

    #[test]
    fn both_solvers_find_the_same_solutions() {
        for (rows, cols) in [(2, 2), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3)] {
            let shape = Shape::new(rows, cols).expect("a shape");
            let spec = GenerateSpec { shape, clues: Clues::Minimal };
            for i in 0..4 {
                // Without its first clues a minimal puzzle has a few solutions more.
                let mut clues = Generator::new(spec, 2).puzzle(i).clues;
                for _ in 0..i {
                    let cell = clues.cells().iter().position(|&d| d != 0).unwrap_or(0);
                    clues = clues.with(cell, 0).expect("a cell");
                }
                let mut mine = solutions(&clues, 10_000);
                let mut other: Vec<Vec<u8>> =
                    solver::solutions(&clues, 10_000).iter().map(|grid| grid.cells().to_vec()).collect();
                mine.sort();
                other.sort();
                if other.len() < 10_000 {
                    assert!(mine == other, "{shape}: {clues}");
                }
            }
        }
        assert_eq!(solutions(&Grid::empty(Shape::S4), 1000).len(), 288);
    }
}
