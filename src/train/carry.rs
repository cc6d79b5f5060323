//! Boards that go on in the next step with the state and the prediction that the last one left them with.
//!
//! Training sees T iterations from the clues alone; what comes after them is left to luck, and often collapses
//! (`specs/sudoku.md` §6.1). A board that goes on is trained where earlier steps have brought it, as far beyond T as it
//! has stayed, at the price of a new board in its place. The gradient stays within a step.

use super::data::each;
use crate::config::{Key, Recipe, Stream};

/// For how many steps the board of each place in the batch of `step` has been there, [batch]; empty where none stays.
/// Only the first `carry_share` of the places keep boards. A phase begins with new ones.
pub(super) fn ages(seed: u64, recipe: &Recipe, step: u32) -> Vec<u32> {
    let phase = recipe.phases.iter().map(|phase| phase.until_step).filter(|until| *until <= step).max();
    let first = recipe.carry_from.max(phase.unwrap_or(0) + 1);
    if recipe.carry <= 0.0 || step < first {
        return Vec::new();
    }
    let (key, below) = (Key::new(seed, Stream::Carry), (recipe.carry * 4_294_967_296.0) as u64);
    let goes_on = |step: u32, place: usize| u64::from(key.at_step(step).word(place as u32)) < below;
    let keeping = (recipe.carry_share * recipe.batch as f64).round() as usize;
    let age = |place: usize| {
        if place >= keeping {
            return 0;
        }
        let stayed = (first..=step).rev().take_while(|step| goes_on(*step, place)).count() as u32;
        stayed % recipe.carry_most.max(1)
    };
    each(recipe.batch, age)
}
