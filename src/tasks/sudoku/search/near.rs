//! Minimal puzzles near a minimal puzzle.

use rand::{RngExt, seq::SliceRandom};

use super::super::solver::{State, Tables};
use super::Walk;

/// Share of the steps that may turn to another solution.
const OTHER_SOLUTION: f64 = 0.1;
/// Other solutions that are looked at, to turn to one.
const SOLUTIONS: usize = 16;
/// Sets of cells that a walk remembers.
const SETS: usize = 1_024;
/// Guesses that looking for these may take.
const GUESSES: u32 = 300;

/// A minimal puzzle on the way: cells of its solution, a bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub solution: Vec<u8>,
    pub given: u128,
}

impl Place {
    pub fn clues(&self) -> Vec<u8> {
        let clue = |(cell, &digit): (usize, &u8)| if self.given >> cell & 1 == 1 { digit } else { 0 };
        self.solution.iter().enumerate().map(clue).collect()
    }
}

impl Walk {
    /// Another minimal puzzle near the one the walk is at; with another solution its sets as well. Nothing
    /// where too much is open without the clue taken.
    pub(super) fn change(&mut self) -> Option<(Place, Option<Vec<u128>>)> {
        let taken = self.one_of(self.at.given)?;
        let mut next = self.at.clone();
        next.given &= !(1 << taken);
        let elsewhere = self.rng.random_bool(OTHER_SOLUTION);
        let mut sets = if elsewhere {
            let all = some_solutions(Tables::of(self.shape), &next.clues())?;
            next.solution.clone_from(&all[self.rng.random_range(0..all.len())]);
            Vec::new()
        } else {
            std::mem::take(&mut self.sets)
        };
        let changed = self.complete(&mut next, taken, &mut sets);
        if changed {
            self.minimalise(&mut next, &mut sets);
        }
        let sets = if elsewhere {
            Some(sets)
        } else {
            self.sets = sets;
            None
        };
        changed.then_some((next, sets))
    }

    /// Adds clues, though not in the cell from which one was taken, until there is one solution.
    fn complete(&mut self, place: &mut Place, taken: usize, sets: &mut Vec<u128>) -> bool {
        let tables = Tables::of(self.shape);
        loop {
            let from = self.rng.random_range(0..sets.len().max(1));
            let open = sets[from..].iter().chain(&sets[..from]).find(|&&set| set & place.given == 0);
            let set = match open {
                Some(&set) => set,
                None => match another_solution(tables, place) {
                    Some(other) => self.remember(sets, difference(&other, &place.solution)),
                    None => return true,
                },
            };
            let Some(cell) = self.one_of(set & !(1 << taken)) else { return false };
            place.given |= 1 << cell;
        }
    }

    /// Takes away, in random order, every clue without which there is still one solution.
    fn minimalise(&mut self, place: &mut Place, sets: &mut Vec<u128>) {
        let tables = Tables::of(self.shape);
        let mut order: Vec<usize> = cells(place.given).collect();
        order.shuffle(&mut self.rng);
        for cell in order {
            if sets.iter().any(|set| set & place.given == 1 << cell) {
                continue;
            }
            place.given &= !(1 << cell);
            if let Some(other) = with_another_digit(tables, place, cell) {
                place.given |= 1 << cell;
                self.remember(sets, difference(&other, &place.solution));
            }
        }
    }

    fn remember(&mut self, sets: &mut Vec<u128>, set: u128) -> u128 {
        if sets.len() == SETS {
            sets.swap_remove(self.rng.random_range(0..SETS));
        }
        sets.push(set);
        set
    }

    /// A random one of these cells.
    fn one_of(&mut self, set: u128) -> Option<usize> {
        let count = set.count_ones() as usize;
        if count == 0 { None } else { cells(set).nth(self.rng.random_range(0..count)) }
    }
}

/// The cells whose bit is set.
fn cells(mut set: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let cell = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(cell)
    })
}

/// The cells in which two boards differ.
fn difference(a: &[u8], b: &[u8]) -> u128 {
    a.iter().zip(b).rev().fold(0, |bits, (a, b)| bits << 1 | u128::from(a != b))
}

/// Some solutions, at least one. Nothing where they take too many guesses.
fn some_solutions(tables: &Tables, clues: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut budget = GUESSES;
    State::with_clues(tables, clues)?.search(tables, &mut budget, &mut |solution| {
        found.push(solution.digits(tables));
        found.len() < SOLUTIONS
    });
    // With the budget spent, the solutions that were found may not be all.
    (budget > 0 && !found.is_empty()).then_some(found)
}

/// A solution that is not the puzzle's own.
fn another_solution(tables: &Tables, place: &Place) -> Option<Vec<u8>> {
    let mut found = None;
    State::with_clues(tables, &place.clues())?.search(tables, &mut u32::MAX.clone(), &mut |solution| {
        let digits = solution.digits(tables);
        let own = digits == place.solution;
        if !own {
            found = Some(digits);
        }
        own
    });
    found
}

/// A solution with another digit in this cell.
fn with_another_digit(tables: &Tables, place: &Place, cell: usize) -> Option<Vec<u8>> {
    let mut state = State::with_clues(tables, &place.clues())?;
    let mut found = None;
    if state.remove(tables, cell, 1 << (place.solution[cell] - 1)) {
        state.search(tables, &mut u32::MAX.clone(), &mut |solution| {
            found = Some(solution.digits(tables));
            false
        });
    }
    found
}
