//! The canonical form: one key for all puzzles that a symmetry maps onto each other.

use std::sync::OnceLock;

use super::grid::Grid;
use super::shape::{MAX_CELLS, MAX_SIDE, Shape};

/// The canonical form of a puzzle or of a complete board, packed. Two keys are equal exactly
/// when a symmetry maps one puzzle onto the other; it is no hash, nothing collides.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CanonicalKey(Box<[u8]>);

impl CanonicalKey {
    /// The key as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key of the complete board: what [`canonical_solution`] gives for the solution.
    pub fn solution(&self) -> CanonicalKey {
        let side = usize::from(self.0[0]) * usize::from(self.0[1]);
        // Two bytes of shape, then the clue mask where there is one, then the board.
        let board = self.0.len() - (side * (side - 1)).div_ceil(2);
        CanonicalKey([&self.0[..2], &self.0[board..]].concat().into_boxed_slice())
    }
}

/// The key of a puzzle. `solution` must be the only solution of `clues`; for boards that are
/// not full the keys mean nothing.
pub fn canonical(clues: &Grid, solution: &Grid) -> CanonicalKey {
    let mut mask = 0u128;
    for (cell, &digit) in clues.cells().iter().enumerate() {
        if digit != 0 {
            mask |= 1 << cell;
        }
    }
    Search::new(solution, Some(mask)).run()
}

/// The key of a complete board: the same for all boards that a symmetry maps onto each other.
pub fn canonical_solution(solution: &Grid) -> CanonicalKey {
    Search::new(solution, None).run()
}

/// Every order of the columns that keeps stacks together.
fn column_orders(shape: Shape) -> &'static [[u8; MAX_SIDE]] {
    static ALL: [OnceLock<Vec<[u8; MAX_SIDE]>>; (MAX_SIDE + 1) * (MAX_SIDE + 1)] =
        [const { OnceLock::new() }; (MAX_SIDE + 1) * (MAX_SIDE + 1)];
    ALL[shape.box_rows() * (MAX_SIDE + 1) + shape.box_cols()].get_or_init(|| {
        let (stacks, size) = (shape.box_rows(), shape.box_cols());
        let within = permutations(size);
        let mut orders = Vec::new();
        for stack_order in permutations(stacks) {
            let mut partial = vec![[0u8; MAX_SIDE]];
            for (place, &stack) in stack_order.iter().enumerate() {
                partial = partial
                    .iter()
                    .flat_map(|order| {
                        within.iter().map(move |inner| {
                            let mut order = *order;
                            for (i, &col) in inner.iter().enumerate() {
                                order[place * size + i] = (stack * size + col) as u8;
                            }
                            order
                        })
                    })
                    .collect();
            }
            orders.extend(partial);
        }
        orders
    })
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(n - 1) {
        for place in 0..n {
            let mut longer = shorter.clone();
            longer.insert(place, n - 1);
            all.push(longer);
        }
    }
    all
}

/// Looks for the smallest board among all that symmetries make of one board. Of these the first
/// row always reads 1 to n, and the first column fixes the order of the other rows: what is left
/// to try is which row comes first, and the order of the columns.
struct Search {
    shape: Shape,
    board: [u8; MAX_CELLS],
    transposed: Option<[u8; MAX_CELLS]>,
    clues: Option<u128>,
    best: [u8; MAX_CELLS],
    best_clues: u128,
}

impl Search {
    fn new(solution: &Grid, clues: Option<u128>) -> Search {
        let shape = solution.shape();
        let mut board = [0; MAX_CELLS];
        board[..shape.cells()].copy_from_slice(solution.cells());
        let transposed = shape.square_boxes().then(|| {
            let mut turned = [0; MAX_CELLS];
            for cell in 0..shape.cells() {
                turned[shape.cell(shape.col_of(cell), shape.row_of(cell))] = board[cell];
            }
            turned
        });
        Search { shape, board, transposed, clues, best: [u8::MAX; MAX_CELLS], best_clues: u128::MAX }
    }

    fn run(mut self) -> CanonicalKey {
        let board = self.board;
        self.orient(&board, false);
        if let Some(turned) = self.transposed {
            self.orient(&turned, true);
        }
        self.key()
    }

    fn orient(&mut self, board: &[u8; MAX_CELLS], transposed: bool) {
        let orders = column_orders(self.shape);
        for first in 0..self.shape.side() {
            for order in orders {
                self.candidate(board, transposed, first, order);
            }
        }
    }

    fn candidate(&mut self, board: &[u8; MAX_CELLS], transposed: bool, first: usize, order: &[u8; MAX_SIDE]) {
        let side = self.shape.side();
        let order = &order[..side];
        let mut relabel = [0u8; MAX_SIDE + 1];
        let row = &board[first * side..][..side];
        for (i, &col) in order.iter().enumerate() {
            relabel[usize::from(row[usize::from(col)])] = i as u8 + 1;
        }
        let leader = |row: usize| relabel[usize::from(board[row * side + usize::from(order[0])])];
        if self.second_row_is_larger(first, leader) {
            return;
        }
        let rows = self.row_order(first, leader);
        let mut smaller = false;
        for (place, &from) in rows[..side].iter().enumerate() {
            let row = &board[from * side..][..side];
            let best = &mut self.best[place * side..][..side];
            for (slot, &col) in best.iter_mut().zip(order) {
                let digit = relabel[usize::from(row[usize::from(col)])];
                if !smaller {
                    if digit > *slot {
                        return;
                    }
                    smaller = digit < *slot;
                }
                // Once smaller, the rest overwrites the best; before, the two are equal.
                *slot = digit;
            }
        }
        let Some(clues) = self.clues else { return };
        let mut mask = 0u128;
        for (place, &from) in rows[..side].iter().enumerate() {
            for (i, &col) in order.iter().enumerate() {
                let col = usize::from(col);
                let cell = if transposed { col * side + from } else { from * side + col };
                mask |= (clues >> cell & 1) << (place * side + i);
            }
        }
        if smaller || mask < self.best_clues {
            self.best_clues = mask;
        }
    }

    /// Whether the second row already begins with more than the best one does: most candidates
    /// end here, before anything is sorted.
    fn second_row_is_larger(&self, first: usize, leader: impl Fn(usize) -> u8) -> bool {
        let size = self.shape.box_rows();
        let band = first / size * size;
        let second = (band..band + size).filter(|&row| row != first).map(leader).min();
        second > Some(self.best[self.shape.side()])
    }

    /// The rows, `first` in front, its band next, the other bands after it, each by what its
    /// rows begin with.
    fn row_order(&self, first: usize, leader: impl Fn(usize) -> u8) -> [usize; MAX_SIDE] {
        let (size, bands) = (self.shape.box_rows(), self.shape.box_cols());
        let mut rows = [0; MAX_SIDE];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = i;
        }
        // Begins of rows are distinct, and `first` begins with 1: plain sorting does it all.
        for band in rows[..size * bands].chunks_exact_mut(size) {
            band.sort_unstable_by_key(|&row| leader(row));
        }
        let mut order = [0; MAX_SIDE];
        let mut place = 0;
        let mut left: u32 = (1 << bands) - 1;
        let mut next = first / size;
        while left != 0 {
            left &= !(1 << next);
            order[place..place + size].copy_from_slice(&rows[next * size..][..size]);
            place += size;
            next = (0..bands)
                .filter(|band| left >> band & 1 == 1)
                .min_by_key(|&band| leader(rows[band * size]))
                .unwrap_or(0);
        }
        order
    }

    /// Packs shape, clue mask and board, two digits a byte; the first row is always 1 to n.
    fn key(&self) -> CanonicalKey {
        let cells = self.shape.cells();
        let mut bytes = vec![self.shape.box_rows() as u8, self.shape.box_cols() as u8];
        if self.clues.is_some() {
            bytes.extend(&self.best_clues.to_le_bytes()[..cells.div_ceil(8)]);
        }
        for pair in self.best[self.shape.side()..cells].chunks(2) {
            bytes.push(pair[0] << 4 | pair.get(1).copied().unwrap_or(0));
        }
        CanonicalKey(bytes.into_boxed_slice())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::symmetry::Symmetry;
    use super::super::{Clues, GenerateSpec, generate, parse_grid, solutions};
    use super::*;

    fn shape() -> impl Strategy<Value = Shape> {
        prop::sample::select(vec![(2, 2), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3)])
            .prop_map(|(rows, cols)| Shape::new(rows, cols).expect("a shape"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn symmetries_do_not_change_the_key(shape in shape(), seed: u64) {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let spec = GenerateSpec { shape, clues: Clues::Between { min: 30, max: 81 } };
            let puzzle = generate(&spec, rng);
            let solution = puzzle.solution.expect("a solution");
            let symmetry = Symmetry::random(shape, rng);
            let (clues2, solution2) = (symmetry.apply(&puzzle.clues), symmetry.apply(&solution));
            let key = canonical(&puzzle.clues, &solution);
            prop_assert_eq!(&key, &canonical(&clues2, &solution2));
            prop_assert_eq!(canonical_solution(&solution), canonical_solution(&solution2));
            prop_assert_eq!(key.solution(), canonical_solution(&solution));
            // One clue fewer is another puzzle.
            let cell = clues2.cells().iter().position(|&d| d != 0).expect("a clue");
            let fewer = clues2.with(cell, 0).expect("a cell");
            prop_assert_ne!(key, canonical(&fewer, &solution2));
        }
    }

    #[test]
    fn all_4x4_boards_fall_in_two_classes() {
        let all = solutions(&Grid::empty(Shape::S4), 1000);
        let classes: HashSet<_> = all.iter().map(canonical_solution).collect();
        assert_eq!((all.len(), classes.len()), (288, 2));
    }

    /// The smallest (board, clue mask) over all symmetries, without any thought.
    fn brute_force(clues: &Grid, solution: &Grid) -> (Vec<u8>, Vec<bool>) {
        let shape = solution.shape();
        let (rows, cols) = (shape.box_rows(), shape.box_cols());
        let turned = Shape::new(cols, rows).expect("a shape");
        let mut best = None;
        let orientations: &[bool] = if rows == cols { &[false, true] } else { &[false] };
        for &transpose in orientations {
            for row_order in column_orders(turned) {
                for col_order in column_orders(shape) {
                    let mut relabel = [0u8; MAX_SIDE + 1];
                    let (mut board, mut mask) = (Vec::new(), Vec::new());
                    for &row in &row_order[..shape.side()] {
                        for &col in &col_order[..shape.side()] {
                            let (row, col) = (usize::from(row), usize::from(col));
                            let cell = if transpose { shape.cell(col, row) } else { shape.cell(row, col) };
                            let next = relabel.iter().max().copied().unwrap_or(0) + 1;
                            let label = &mut relabel[usize::from(solution.get(cell))];
                            if *label == 0 {
                                *label = next;
                            }
                            board.push(*label);
                            mask.push(clues.get(cell) != 0);
                        }
                    }
                    mask.reverse();
                    let found = (board, mask);
                    if best.as_ref().is_none_or(|best| found < *best) {
                        best = Some(found);
                    }
                }
            }
        }
        best.expect("a board")
    }

    #[test]
    fn agrees_with_brute_force() {
        let rng = &mut ChaCha8Rng::seed_from_u64(5);
        for shape in [Shape::S4, Shape::S6, Shape::new(3, 2).expect("a shape")] {
            for _ in 0..8 {
                let puzzle = generate(&GenerateSpec { shape, clues: Clues::Minimal }, rng);
                let solution = puzzle.solution.expect("a solution");
                let mut search = Search::new(&solution, None);
                search.clues = Some(0);
                let (board, mask) = brute_force(&puzzle.clues, &solution);
                let bits = mask.iter().rev().enumerate().fold(0, |m, (i, &b)| m | u128::from(b) << i);
                search.best[..board.len()].copy_from_slice(&board);
                search.best_clues = bits;
                assert_eq!(search.key(), canonical(&puzzle.clues, &solution));
            }
        }
    }

    #[test]
    fn different_puzzles_on_one_board_differ() {
        let solution = parse_grid("1234341221434321").expect("a board");
        let one = parse_grid("1...............").expect("a board");
        let two = parse_grid("1..4............").expect("a board");
        assert_ne!(canonical(&one, &solution), canonical(&two, &solution));
        assert_ne!(canonical(&one, &solution), canonical_solution(&solution));
    }
}
