//! The loop in a wasm module beside the engine's, where the page's worker has loaded one: with relaxed SIMD,
//! which a part of the browsers has (`kernels/src/page.rs`).

use loopscope_kernels::cpu::{Iterations, State, Wanted};
use loopscope_kernels::{Changes, Model, Sizes};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The module.
    #[derive(Clone, Debug)]
    pub type Kernels;

    #[wasm_bindgen(method, catch)]
    fn pack(this: &Kernels, sizes: &[u32], weights: &[f32]) -> Result<Packed, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn multiply_adds(this: &Kernels, rounds: u32) -> Result<f64, JsValue>;

    /// A network in it. JavaScript's collector frees it.
    type Packed;

    #[wasm_bindgen(method, catch)]
    fn start(this: &Packed, clues: &[u8]) -> Result<Vec<f32>, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn advance(
        this: &Packed,
        state: &mut [f32],
        prediction: &mut [f32],
        count: u32,
        changes: &[f32],
        logits: bool,
        states: bool,
    ) -> Result<Vec<f32>, JsValue>;
}

/// A network that runs in the other module; the counterpart of [`loopscope_kernels::cpu::Loop`].
pub(super) struct ModuleLoop {
    packed: Packed,
    sizes: Sizes,
}

impl ModuleLoop {
    /// Nothing where the module does not take the network.
    pub fn new(kernels: &Kernels, model: &Model) -> Option<Self> {
        let packed = kernels.pack(&model.sizes.flat(), &model.flat()).ok()?;
        Some(Self { packed, sizes: model.sizes })
    }

    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub fn start(&self, clues: &[u8]) -> Option<State> {
        let state = self.packed.start(clues).ok()?;
        let prediction = vec![0.0; clues.len() * self.sizes.digits];
        Some(State { boards: clues.len() / self.sizes.cells, state, prediction })
    }

    /// Runs `count` iterations from `at`, which moves on.
    pub fn advance(
        &self,
        at: &mut State,
        count: usize,
        changes: &Changes,
        wanted: Wanted,
    ) -> Result<Iterations, String> {
        let Wanted { logits, states } = wanted;
        let all = self
            .packed
            .advance(&mut at.state, &mut at.prediction, count as u32, &changes.flat(), logits, states)
            .map_err(|e| format!("the module with relaxed SIMD failed: {e:?}"))?;
        let rows = at.boards * self.sizes.cells;
        Iterations::of_flat(&self.sizes, rows, count, wanted, &all)
            .ok_or_else(|| "the module with relaxed SIMD is of another build".into())
    }
}
