//! A pass over many boards with cooperative matrices in half precision.

use cubecl::features::MmaConfig;
use cubecl::ir::{ElemType, FloatKind};
use cubecl::prelude::*;
use cubecl::server::Handle;
use half::f16;

use super::Client;
use super::matrix_attend::attend;
use super::matrix_plan::{EDGE, MatrixPlaces, MatrixPlan, TILE, UNITS, pack, start};
use super::matrix_rows::{begin, last, middle};
use super::pass::{Pass, PassKind};
use super::plan::{KEPT, settings};
use crate::{Changes, Model, Sizes};

/// Workgroup memory that two tiles take.
pub(crate) const MEMORY: usize = 44 << 10;

/// Whether a card has cooperative matrices of f16 with sums in f32, planes of 32 units, and room for two tiles.
pub(crate) fn has_matrices(client: &Client) -> bool {
    let half = ElemType::Float(FloatKind::F16);
    let edge = EDGE as u32;
    let wanted =
        MmaConfig { a_type: half, b_type: half, cd_type: ElemType::Float(FloatKind::F32), m: edge, n: edge, k: edge };
    let properties = client.properties();
    properties.features.matmul.cmma.contains(&wanted)
        && properties.hardware.plane_size_min == 32
        && properties.hardware.plane_size_max == 32
        && properties.hardware.max_shared_memory_size >= MEMORY
}

/// A network's weights for cooperative matrices.
#[derive(Clone)]
pub struct HalfLoop {
    client: Client,
    plan: MatrixPlan,
    places: MatrixPlaces,
    weights: Handle,
    vectors: Handle,
    biases: Handle,
    lengths: [usize; 3],
    encoder: Vec<f32>,
    encoder_bias: Vec<f32>,
    feedback_bias: Vec<f32>,
}

/// A pass in half precision that is under way.
pub(super) struct HalfPass {
    of: HalfLoop,
    boards: usize,
    /// Rows with those that fill the last tile.
    padded: usize,
    knobs: Handle,
    qkv: Handle,
    attended: Handle,
    residual: Handle,
    states: Handle,
    slots: usize,
    frames: Handle,
    capacity: usize,
    iteration: u32,
}

impl HalfLoop {
    /// Puts weights on a card; nothing where it has no cooperative matrices of that kind, or the sizes do not
    /// divide.
    #[must_use]
    pub fn new(client: &Client, model: &Model<'_>) -> Option<Self> {
        let plan = MatrixPlan::new(model.sizes)?;
        if !has_matrices(client) {
            return None;
        }
        let packed = pack(model);
        Some(Self {
            client: client.clone(),
            plan,
            places: packed.places,
            weights: client.create_from_slice(f16::as_bytes(&packed.weights)),
            vectors: client.create_from_slice(f32::as_bytes(&packed.vectors)),
            biases: client.create_from_slice(f32::as_bytes(&packed.biases)),
            lengths: [packed.weights.len(), packed.vectors.len(), packed.biases.len()],
            encoder: model.encoder.weight.to_vec(),
            encoder_bias: model.encoder.bias.to_vec(),
            feedback_bias: model.feedback.bias.to_vec(),
        })
    }

    /// Its sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.plan.sizes
    }

    /// Starts on boards, as the loop in f32 does. The state cannot be normalised before the head here.
    #[must_use]
    pub fn start(&self, clues: &[u8], changes: &Changes, slots: usize, capacity: usize) -> Option<Pass> {
        if changes.normalise_before_head {
            return None;
        }
        let s = self.plan.sizes;
        let padded = clues.len().next_multiple_of(TILE);
        let (slots, capacity) = (slots.max(2), capacity.max(1));
        let [mut state, mut mixed] =
            start(&self.encoder, &self.encoder_bias, &self.feedback_bias, clues, changes.prediction_scale);
        state.resize(slots * padded * s.width, 0.0);
        mixed.resize(padded * s.width, 0.0);
        let zeros = |n: usize| self.client.create_from_slice(&vec![0u8; 2 * n]);
        let mut pass = HalfPass {
            boards: clues.len() / s.cells,
            padded,
            knobs: self.client.create_from_slice(f32::as_bytes(&settings(&s, changes, slots, capacity))),
            // Keys and values beyond a board's cells stay zero.
            qkv: zeros(self.plan.qkv(clues.len() / s.cells)),
            attended: zeros(padded * s.width),
            residual: self.client.create_from_slice(f32::as_bytes(&mixed)),
            states: self.client.create_from_slice(f32::as_bytes(&state)),
            slots,
            frames: self.client.empty(4 * capacity * clues.len() * (2 * s.digits + 3)),
            capacity,
            iteration: 0,
            of: self.clone(),
        };
        pass.begin();
        Some(Pass(PassKind::Half(pass)))
    }
}

/// # Safety
/// The buffer must hold `length` values.
unsafe fn buffer(handle: &Handle, length: usize) -> BufferArg {
    // SAFETY: the caller's.
    unsafe { BufferArg::from_raw_parts(handle.clone(), length) }
}

impl HalfPass {
    /// Boards times cells.
    pub(super) fn rows(&self) -> usize {
        self.boards * self.of.plan.sizes.cells
    }

    /// Iterations queued so far.
    pub(super) fn iteration(&self) -> u32 {
        self.iteration
    }

    /// Frames that can wait to be read.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    fn tiles(&self) -> (CubeCount, CubeDim) {
        (CubeCount::Static((self.padded / TILE) as u32, 1, 1), CubeDim::new_1d(UNITS as u32))
    }

    fn begin(&mut self) {
        let of = &self.of;
        let d = of.plan.sizes.width;
        let (count, dim) = self.tiles();
        // SAFETY: the kernel stays within the buffers, whose lengths follow from the plan.
        unsafe {
            begin::launch_unchecked(
                &of.client,
                count,
                dim,
                buffer(&of.weights, of.lengths[0] / 8),
                buffer(&of.vectors, of.lengths[1] / 4),
                buffer(&of.biases, of.lengths[2]),
                buffer(&self.qkv, of.plan.qkv(self.boards) / 8),
                buffer(&self.residual, self.padded * d / 4),
                self.boards as u32,
                of.plan,
                of.places,
            );
        }
    }

    /// Queues an iteration.
    pub(super) fn queue(&mut self) {
        let of = &self.of;
        let s = of.plan.sizes;
        let d = s.width;
        let slot = |t: u32| t % self.slots as u32;
        for block in 0..s.blocks {
            let groups = CubeCount::Static((self.boards * s.heads) as u32, of.plan.attention_groups() as u32, 1);
            let (count, dim) = self.tiles();
            // SAFETY: the kernels stay within the buffers, whose lengths follow from the plan.
            unsafe {
                attend::launch_unchecked(
                    &of.client,
                    groups,
                    CubeDim::new_1d(32),
                    buffer(&self.knobs, KEPT + s.blocks * s.heads),
                    buffer(&self.qkv, of.plan.qkv(self.boards) / 8),
                    buffer(&self.attended, self.padded * d / 4),
                    self.boards as u32,
                    block as u32,
                    of.plan,
                );
                if block + 1 < s.blocks {
                    middle::launch_unchecked(
                        &of.client,
                        count,
                        dim,
                        buffer(&of.weights, of.lengths[0] / 8),
                        buffer(&of.vectors, of.lengths[1] / 4),
                        buffer(&of.biases, of.lengths[2]),
                        buffer(&self.attended, self.padded * d / 8),
                        buffer(&self.qkv, of.plan.qkv(self.boards) / 8),
                        buffer(&self.residual, self.padded * d / 4),
                        self.boards as u32,
                        block as u32,
                        of.plan,
                        of.places,
                    );
                } else {
                    last::launch_unchecked(
                        &of.client,
                        count,
                        dim,
                        buffer(&of.weights, of.lengths[0] / 8),
                        buffer(&of.vectors, of.lengths[1] / 4),
                        buffer(&of.biases, of.lengths[2]),
                        buffer(&self.knobs, KEPT + s.blocks * s.heads),
                        buffer(&self.attended, self.padded * d / 8),
                        buffer(&self.qkv, of.plan.qkv(self.boards) / 8),
                        buffer(&self.residual, self.padded * d / 4),
                        buffer(&self.states, self.slots * self.padded * d / 4),
                        buffer(&self.frames, self.capacity * self.rows() * (2 * s.digits + 3)),
                        self.padded as u32,
                        self.boards as u32,
                        slot(self.iteration),
                        slot(self.iteration + 1),
                        self.iteration % self.capacity as u32,
                        of.plan,
                        of.places,
                    );
                }
            }
        }
        self.iteration += 1;
    }

    /// Frames that wait to be read, and how many values each has.
    pub(super) fn frames(&self) -> (&Handle, usize) {
        (&self.frames, self.rows() * (2 * self.of.plan.sizes.digits + 3))
    }

    /// Kept states, how many, and how many values each has, with those of the rows that fill the last tile.
    pub(super) fn states(&self) -> (&Handle, usize, usize) {
        (&self.states, self.slots, self.padded * self.of.plan.sizes.width)
    }

    pub(super) fn client(&self) -> &Client {
        &self.of.client
    }
}
