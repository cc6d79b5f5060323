//! A solver for every shape: bit masks, naked and hidden singles, then a guess.
//!
//! Written here because of the solver crates that were looked at, rustoku-lib solves 9×9 alone
//! and sudokugen offers sizes by square boxes, so not the 6×6 with boxes of 2×3; and because the
//! generator bars one digit from one cell and stops at the first hit, for which the search
//! itself has to be at hand.

use std::sync::OnceLock;

use super::grid::Grid;
use super::rating;
use super::shape::{MAX_CELLS, MAX_SIDE, Shape};

/// Cells that see a given cell: at most `3 · (side − 1)`.
const MAX_PEERS: usize = 3 * (MAX_SIDE - 1);
/// Rows, columns and boxes together.
const MAX_UNITS: usize = 3 * MAX_SIDE;

/// What follows from a shape, laid out for the search.
pub(super) struct Tables {
    pub side: usize,
    pub cells: usize,
    /// A bit for each digit: bit 0 is the digit 1.
    pub all: u16,
    peers: [[u8; MAX_PEERS]; MAX_CELLS],
    peer_count: usize,
    units: [[u8; MAX_SIDE]; MAX_UNITS],
}

impl Tables {
    /// The tables of a shape, made once.
    pub fn of(shape: Shape) -> &'static Tables {
        static ALL: [OnceLock<Tables>; (MAX_SIDE + 1) * (MAX_SIDE + 1)] =
            [const { OnceLock::new() }; (MAX_SIDE + 1) * (MAX_SIDE + 1)];
        ALL[shape.box_rows() * (MAX_SIDE + 1) + shape.box_cols()].get_or_init(|| Tables::new(shape))
    }

    fn new(shape: Shape) -> Tables {
        let side = shape.side();
        let mut tables = Tables {
            side,
            cells: shape.cells(),
            all: (1 << side) - 1,
            peers: [[0; MAX_PEERS]; MAX_CELLS],
            peer_count: shape.peers(0).count(),
            units: [[0; MAX_SIDE]; MAX_UNITS],
        };
        for cell in 0..shape.cells() {
            for (slot, peer) in tables.peers[cell].iter_mut().zip(shape.peers(cell)) {
                *slot = peer as u8;
            }
        }
        for (slots, unit) in tables.units.iter_mut().zip(shape.units()) {
            for (slot, cell) in slots.iter_mut().zip(shape.unit_cells(unit)) {
                *slot = cell as u8;
            }
        }
        tables
    }
}

/// The candidates of every cell, closed under naked and hidden singles.
#[derive(Clone)]
pub(super) struct State {
    cand: [u16; MAX_CELLS],
    /// Bit per cell that has been set and whose peers have been told.
    done: u128,
}

impl State {
    pub fn new(tables: &Tables) -> State {
        State { cand: [tables.all; MAX_CELLS], done: 0 }
    }

    /// The state after the clues; `None` where they contradict each other.
    pub fn with_clues(tables: &Tables, clues: &[u8]) -> Option<State> {
        let mut state = State::new(tables);
        for (cell, &digit) in clues.iter().enumerate() {
            if digit != 0 && !state.assign(tables, cell, 1 << (digit - 1)) {
                return None;
            }
        }
        state.close(tables).then_some(state)
    }

    /// Keeps one digit in a cell and takes it from the peers, and so on for every cell that
    /// this leaves with one digit. False on a contradiction.
    fn assign(&mut self, tables: &Tables, cell: usize, bit: u16) -> bool {
        if self.cand[cell] & bit == 0 {
            return false;
        }
        self.cand[cell] = bit;
        if self.done >> cell & 1 == 1 {
            return true;
        }
        let mut queue = [0u8; MAX_CELLS];
        queue[0] = cell as u8;
        self.done |= 1 << cell;
        let (mut head, mut tail) = (0, 1);
        while head < tail {
            let from = usize::from(queue[head]);
            head += 1;
            let bit = self.cand[from];
            for &peer in &tables.peers[from][..tables.peer_count] {
                let peer = usize::from(peer);
                let old = self.cand[peer];
                if old & bit == 0 {
                    continue;
                }
                let new = old & !bit;
                self.cand[peer] = new;
                if new == 0 {
                    return false;
                }
                if new & (new - 1) == 0 && self.done >> peer & 1 == 0 {
                    self.done |= 1 << peer;
                    queue[tail] = peer as u8;
                    tail += 1;
                }
            }
        }
        true
    }

    /// Sets hidden singles until none is left. False on a contradiction.
    fn close(&mut self, tables: &Tables) -> bool {
        loop {
            let mut changed = false;
            for unit in &tables.units[..3 * tables.side] {
                let (mut once, mut twice, mut set) = (0u16, 0u16, 0u16);
                for &cell in &unit[..tables.side] {
                    let cand = self.cand[usize::from(cell)];
                    twice |= once & cand;
                    once |= cand;
                    if cand & cand.wrapping_sub(1) == 0 {
                        set |= cand;
                    }
                }
                if once != tables.all {
                    return false;
                }
                let mut hidden = once & !twice & !set;
                while hidden != 0 {
                    let bit = hidden & hidden.wrapping_neg();
                    hidden ^= bit;
                    let cell = unit[..tables.side].iter().find(|&&c| self.cand[usize::from(c)] & bit != 0);
                    match cell {
                        Some(&cell) if self.assign(tables, usize::from(cell), bit) => {
                            changed = true;
                        }
                        _ => return false,
                    }
                }
            }
            if !changed {
                return true;
            }
        }
    }

    /// Takes digits from a cell and draws the conclusions. False on a contradiction.
    pub fn remove(&mut self, tables: &Tables, cell: usize, bits: u16) -> bool {
        let left = self.cand[cell] & !bits;
        if left == 0 {
            return false;
        }
        if left == self.cand[cell] {
            return true;
        }
        self.cand[cell] = left;
        (left & (left - 1) != 0 || self.assign(tables, cell, left)) && self.close(tables)
    }

    /// Keeps one digit in a cell and draws the conclusions. False on a contradiction.
    pub fn fix(&mut self, tables: &Tables, cell: usize, bit: u16) -> bool {
        self.assign(tables, cell, bit) && self.close(tables)
    }

    /// The candidates of a cell.
    pub fn candidates(&self, cell: usize) -> u16 {
        self.cand[cell]
    }

    /// The open cell with the fewest candidates, the first one on a tie; `None` when all cells
    /// are set.
    pub fn open_cell(&self, tables: &Tables) -> Option<usize> {
        let mut best = None;
        let mut fewest = u32::MAX;
        for (cell, cand) in self.cand[..tables.cells].iter().enumerate() {
            let count = cand.count_ones();
            if count > 1 && count < fewest {
                (best, fewest) = (Some(cell), count);
                if count == 2 {
                    break;
                }
            }
        }
        best
    }

    /// The digits, of a state whose cells are all set.
    pub fn digits(&self, tables: &Tables) -> Vec<u8> {
        self.cand[..tables.cells].iter().map(|cand| cand.trailing_zeros() as u8 + 1).collect()
    }

    /// Hands each solution to `found` until that returns false or the budget of guesses is
    /// spent. Returns false when stopped in either way.
    pub fn search(&mut self, tables: &Tables, budget: &mut u32, found: &mut impl FnMut(&State) -> bool) -> bool {
        while let Some(cell) = self.open_cell(tables) {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            let bit = self.cand[cell] & self.cand[cell].wrapping_neg();
            let mut branch = self.clone();
            if branch.fix(tables, cell, bit) && !branch.search(tables, budget, found) {
                return false;
            }
            // What is left holds the solutions without this digit here: no second copy needed.
            if !self.remove(tables, cell, bit) {
                return true;
            }
        }
        found(self)
    }

    /// Whether there is at least one solution.
    pub fn solvable(mut self, tables: &Tables) -> bool {
        let mut no_limit = u32::MAX;
        !self.search(tables, &mut no_limit, &mut |_| false)
    }
}

/// The first solution found, if there is any.
pub fn solve(grid: &Grid) -> Option<Grid> {
    solutions(grid, 1).pop()
}

/// Guesses after which [`solutions`] turns to the slower solver that draws stronger conclusions.
/// Real puzzles need fewer; a few boards without a solution would need millions.
const PATIENCE: u32 = 4_000;

/// Up to `limit` different solutions.
pub fn solutions(grid: &Grid, limit: usize) -> Vec<Grid> {
    let tables = Tables::of(grid.shape());
    let mut found = Vec::new();
    // A caller that wants many solutions pays a guess for each.
    let mut budget = PATIENCE.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX));
    if limit > 0
        && let Some(mut state) = State::with_clues(tables, grid.cells())
    {
        state.search(tables, &mut budget, &mut |solution| {
            found.push(solution.digits(tables));
            found.len() < limit
        });
        if budget == 0 && found.len() < limit {
            found = rating::solutions(grid, limit);
        }
    }
    found.into_iter().map(|cells| Grid::trusted(grid.shape(), cells)).collect()
}

/// Whether there is exactly one solution.
pub fn is_unique(grid: &Grid) -> bool {
    solutions(grid, 2).len() == 1
}

/// Guesses that a solver which draws strong conclusions makes until it finds a solution (or,
/// without one, until it knows). See [`super::rate`], which is this number.
pub fn guesses(grid: &Grid) -> u32 {
    rating::count_guesses(grid)
}

#[cfg(test)]
mod tests {
    use super::super::parse_grid;
    use super::*;

    fn shapes() -> impl Iterator<Item = Shape> {
        [(2, 2), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3)]
            .into_iter()
            .map(|(rows, cols)| Shape::new(rows, cols).expect("a shape"))
    }

    #[test]
    fn empty_boards_have_solutions() {
        for shape in shapes() {
            let empty = Grid::empty(shape);
            let found = solutions(&empty, 5);
            assert_eq!(found.len(), 5);
            for (i, one) in found.iter().enumerate() {
                assert!(one.is_valid_solution_of(&empty));
                assert!(!found[..i].contains(one));
            }
            assert!(!is_unique(&empty));
        }
    }

    #[test]
    fn all_4x4_boards() {
        assert_eq!(solutions(&Grid::empty(Shape::S4), 1000).len(), 288);
    }

    #[test]
    fn a_hard_puzzle_and_a_broken_one() {
        let hard = parse_grid("8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..")
            .expect("a board");
        assert!(is_unique(&hard));
        assert!(solve(&hard).is_some_and(|s| s.is_valid_solution_of(&hard)));
        let broken = hard.with(80, 1).expect("a cell");
        assert!(solve(&broken).is_none());
        assert!(solutions(&broken, 3).is_empty());
        assert!(solutions(&hard, 0).is_empty());
    }

    #[test]
    fn boards_that_mislead_a_simple_solver_end() {
        let line = ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4.........";
        assert!(solve(&parse_grid(line).expect("a board")).is_none());
    }

    #[test]
    fn full_boards_are_their_own_solution_only_when_valid() {
        let full = solve(&Grid::empty(Shape::S9)).expect("a solution");
        assert_eq!(solve(&full), Some(full.clone()));
        assert!(is_unique(&full));
        let digit = full.get(1);
        assert!(solve(&full.with(0, digit).expect("a cell")).is_none());
    }
}
