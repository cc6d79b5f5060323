//! The loop as a wasm module of its own, for a page whose browser has relaxed SIMD.
//!
//! A browser refuses a module as a whole if it does not know one of its instructions, and the engine's
//! module takes minutes to build and megabytes to load. This one is the loop and nothing else, so it can
//! exist for just those browsers. Its memory is its own: numbers are copied in and out, some ten thousand
//! a call, which is nothing beside an iteration.

use wasm_bindgen::prelude::*;

use crate::cpu::{Loop, State, Wanted};
use crate::{Changes, Model, Sizes};

/// A looped transformer with its weights packed.
#[wasm_bindgen]
pub struct PageLoop(Loop);

/// Packs a network: `sizes` from [`Sizes::flat`], `weights` from [`Model::flat`].
///
/// # Errors
/// When they do not fit each other.
#[wasm_bindgen]
pub fn pack(sizes: &[u32], weights: &[f32]) -> Result<PageLoop, JsError> {
    let sizes = Sizes::of_flat(sizes).ok_or_else(|| JsError::new("these are no sizes of a network"))?;
    let model = Model::of_flat(sizes, weights).ok_or_else(|| JsError::new("the weights do not fit the sizes"))?;
    Ok(PageLoop(Loop::new(&model)))
}

/// See [`multiply_adds`](crate::cpu::multiply_adds).
#[wasm_bindgen]
#[must_use]
pub fn multiply_adds(rounds: u32) -> f64 {
    crate::cpu::multiply_adds(rounds as usize, 1)
}

#[wasm_bindgen]
impl PageLoop {
    /// S_0 [boards · cells, d] of boards whose clues are digits or 0 for blanks; see [`Loop::start`].
    #[must_use]
    pub fn start(&self, clues: &[u8]) -> Vec<f32> {
        self.0.start(clues).state
    }

    /// Runs `count` iterations; `state` and `prediction` move on. Returns [`Iterations::flat`](crate::cpu::Iterations::flat).
    ///
    /// # Errors
    /// When `changes` is no [`Changes::flat`].
    pub fn advance(
        &self,
        state: &mut [f32],
        prediction: &mut [f32],
        count: u32,
        changes: &[f32],
        logits: bool,
        states: bool,
    ) -> Result<Vec<f32>, JsError> {
        let changes = Changes::of_flat(changes).ok_or_else(|| JsError::new("these are no changes of a loop"))?;
        let Sizes { cells, width, .. } = self.0.sizes();
        let boards = state.len() / (cells * width);
        let mut at = State { boards, state: state.to_vec(), prediction: prediction.to_vec() };
        let all = self.0.advance(&mut at, count as usize, &changes, Wanted { logits, states }, 1);
        state.copy_from_slice(&at.state);
        prediction.copy_from_slice(&at.prediction);
        Ok(all.flat())
    }
}
