//! The blocks in half precision: products of cooperative matrices with f16 factors and f32 sums; states, the residual
//! stream, its gradient, normalisations and all sums over rows in f32.
//!
//! Gradients are multiplied by a power of two before the pass backward, so that f16 holds them, and what it cannot
//! hold becomes the greatest value that it can.

mod attention;
mod forward;
mod plan;
mod rows_back;
mod squares;
mod weights;

use cubecl::prelude::*;

use self::attention::{attend, keys_back, queries_back};
use self::forward::between;
use self::plan::HalfPlan;
use self::rows_back::{before, behind};
use self::weights::{SUM_UNITS, clear, norm_sums, pack_biases, pack_weights, sums};
use super::common::{Buffer, Common};
use super::masks::MaskPlan;
use crate::gpu::matrix_plan::{EDGE, TILE, UNITS};
use crate::gpu::{Client, has_matrices};
use crate::train::Spec;

/// Shares of the rows whose sums are made side by side: with the twelve products of a block, two workgroups for every
/// processor of a large card.
const SHARES: usize = 22;
/// A gradient of one with respect to a logit of one board and iteration becomes this.
const SCALE: f32 = 16.0;
/// What is kept of a block and iteration.
struct Kept {
    /// The stream before the block, [padded, d].
    x: Buffer,
    /// The stream between attention and feed-forward part, [padded, d].
    x1: Buffer,
    /// Queries, keys and values as squares, by board and head.
    qkv: Buffer,
    /// LN1(x), the heads' results, LN2(x1) and the hidden layer as squares of 16 rows.
    squares: Buffer,
}

/// The blocks on a card with cooperative matrices.
pub(in crate::train::gpu) struct HalfBlocks {
    plan: HalfPlan,
    /// All blocks of one iteration, or of every one.
    kept: Vec<Vec<Kept>>,
    /// Weights as squares, biases as rows, and where they come from.
    weights: Buffer,
    weights_from: Buffer,
    /// The weights as squares for the pass backward.
    turned: Buffer,
    turned_from: Buffer,
    biases: Buffer,
    biases_from: Buffer,
    /// See [`HalfPlan::products`].
    products: Buffer,
    count: usize,
    /// Gradients of a block as squares of 16 rows.
    gradients: Buffer,
    /// Gradients of the heads' results, as values lie.
    outs: Buffer,
    /// Greatest score, 1 / sum and Σ dA ∘ A of every query, [3, boards · heads, 96].
    statistics: Buffer,
    /// Sums of the norms' gradients by tile, [tiles, 2 L, 2, d].
    norms: Buffer,
    /// The words where the masks begin, [T, L, 4 sites].
    places: Buffer,
}

impl HalfBlocks {
    /// Rows of a tile.
    pub(in crate::train::gpu) const TILE: usize = TILE;

    /// Whether a card has what these kernels need, and the sizes divide.
    pub(in crate::train::gpu) fn possible(client: &Client, spec: &Spec) -> bool {
        has_matrices(client) && HalfPlan::new(spec.sizes, spec.drops).is_some()
    }

    /// Room for parts of at most so many boards, in at most `memory` bytes. Nothing where that is too little, or a
    /// buffer would be longer than the card allows. Where it is enough, the activations of all iterations are kept.
    pub(in crate::train::gpu) fn new(
        client: &Client,
        spec: &Spec,
        most: usize,
        padded: usize,
        memory: u64,
    ) -> Option<Self> {
        let plan = HalfPlan::new(spec.sizes, spec.drops)?;
        let s = spec.sizes;
        let rows = padded / EDGE;
        let qkv = plan.tiles.qkv(most) / 2;
        let squares = rows * plan.kept() * EDGE * EDGE / 2;
        let gradients = rows * plan.gradients() * EDGE * EDGE / 2;
        let limit = usize::try_from(client.properties().memory.max_page_size).unwrap_or(usize::MAX);
        if [padded * s.width, qkv, squares, gradients].into_iter().any(|n| 4 * n > limit) {
            return None;
        }
        let one = 4 * (s.blocks * (2 * padded * s.width + qkv + squares)) as u64;
        let others = 4 * (gradients + qkv / 3) as u64;
        let slots = if one * spec.iterations as u64 + others <= memory { spec.iterations } else { 1 };
        if one * slots as u64 + others > memory {
            return None;
        }
        let words = |values: &[u32]| {
            let mut values = values.to_vec();
            values.resize(values.len().next_multiple_of(4), 0);
            Buffer { handle: client.create_from_slice(u32::as_bytes(&values)), length: values.len() }
        };
        // Squares beyond a board's cells, and rows beyond the boards, are read, and stay zero.
        let zeros = |length: usize| {
            let buffer = Buffer::empty(client, length);
            empty(client, &buffer);
            buffer
        };
        let kept = |_| Kept {
            x: Buffer::empty(client, padded * s.width),
            x1: Buffer::empty(client, padded * s.width),
            qkv: zeros(qkv),
            squares: zeros(squares),
        };
        let masks = MaskPlan::new(spec, most);
        let places: Vec<u32> = (0..spec.iterations * s.blocks * 4)
            .map(|i| (i / (4 * s.blocks) * masks.iteration + masks.place(i / 4 % s.blocks, i % 4)) as u32)
            .collect();
        let (weights_from, biases_from, products) = (plan.weights_from(), plan.biases_from(), plan.products());
        Some(Self {
            kept: (0..slots).map(|_| (0..s.blocks).map(kept).collect()).collect(),
            weights: Buffer::empty(client, weights_from.len() / 2),
            weights_from: words(&weights_from),
            turned: Buffer::empty(client, weights_from.len() / 2),
            turned_from: words(&plan.turned_from()),
            biases: Buffer::empty(client, EDGE * biases_from.len()),
            biases_from: words(&biases_from),
            count: products.len(),
            products: words(&products.concat()),
            gradients: zeros(gradients),
            outs: zeros(qkv / 3),
            statistics: zeros(3 * most * s.heads * s.cells.next_multiple_of(EDGE)),
            norms: zeros(padded / TILE * 4 * s.blocks * s.width),
            places: words(&places),
            plan,
        })
    }

    pub(in crate::train::gpu) fn slots(&self) -> usize {
        self.kept.len()
    }

    /// Forgets sums of a step that was dropped.
    pub(in crate::train::gpu) fn forget(&self, common: &Common) {
        empty(&common.client, &self.norms);
    }

    /// See `Blocks::scale`.
    pub(in crate::train::gpu) fn scale(&self, blanks: usize, iterations: usize) -> f32 {
        // A power of two: nothing is rounded.
        SCALE * (blanks * iterations).next_power_of_two() as f32
    }

    /// Lays the weights out for a step.
    pub(in crate::train::gpu) fn prepare(&self, common: &Common) {
        let vectors = self.weights.length / 2;
        let count = self.plan.places().biases;
        // SAFETY: the kernels stay within the buffers, whose lengths follow from the plan.
        unsafe {
            for (from, to) in [(&self.weights_from, &self.weights), (&self.turned_from, &self.turned)] {
                pack_weights::launch_unchecked(
                    &common.client,
                    wide(vectors),
                    CubeDim::new_1d(256),
                    common.weights.values(),
                    from.values(),
                    halves(to),
                    vectors as u32,
                );
            }
            pack_biases::launch_unchecked(
                &common.client,
                wide(EDGE * count),
                CubeDim::new_1d(256),
                common.weights.values(),
                self.biases_from.values(),
                self.biases.values(),
                count as u32,
            );
        }
    }

    /// Where the places of a block's masks are.
    fn site(&self, t: usize, block: usize) -> u32 {
        (4 * ((t - 1) * self.plan.sizes().blocks + block)) as u32
    }

    fn slot(&self, t: usize) -> &[Kept] {
        &self.kept[(t - 1) % self.kept.len()]
    }

    /// Where x_0 of an iteration is to be put.
    pub(in crate::train::gpu) fn input(&self, t: usize) -> (&Buffer, usize) {
        (&self.slot(t)[0].x, 0)
    }

    fn tiles(&self, common: &Common) -> CubeCount {
        CubeCount::Static(common.rows.div_ceil(TILE) as u32, 1, 1)
    }

    fn attention(&self, common: &Common, plan: &HalfPlan) -> (CubeCount, CubeDim) {
        let groups = common.boards * plan.sizes().heads;
        (CubeCount::Static(plan.attention_groups() as u32, groups as u32, 1), CubeDim::new_1d(32 * plan.planes as u32))
    }

    /// All blocks of iteration `t`; what the pass backward needs is kept.
    pub(in crate::train::gpu) fn forward(&self, common: &Common, t: usize) {
        let (client, plan, slot) = (&common.client, self.plan, self.slot(t));
        let blocks = slot.len();
        for block in 0..=blocks {
            if block > 0 {
                let shared = plan.shared(1);
                let (count, dim) = self.attention(common, &shared);
                // SAFETY: the kernels stay within the buffers, whose lengths follow from the plan.
                unsafe {
                    attend::launch_unchecked(
                        client,
                        count,
                        dim,
                        common.masks.values(),
                        self.places.values(),
                        slot[block - 1].qkv.vectors(),
                        halves(&slot[block - 1].squares),
                        common.boards as u32,
                        self.site(t, block - 1),
                        common.keep,
                        shared,
                    );
                }
            }
            // Before the first block there is no other, and behind the last one neither: buffers that are not touched
            // then stand for it.
            let (last, next) = (&slot[(block + blocks - 1) % blocks], &slot[block % blocks]);
            let (to, at) = if block < blocks { (&next.x, 0) } else { (&common.states, common.state(t) / 4) };
            // SAFETY: as above.
            unsafe {
                between::launch_unchecked(
                    client,
                    self.tiles(common),
                    CubeDim::new_1d(UNITS as u32),
                    self.weights.vectors(),
                    common.weights.vectors(),
                    self.biases.values(),
                    common.turns.vectors(),
                    common.masks.values(),
                    self.places.values(),
                    last.x.vectors(),
                    last.x1.vectors(),
                    last.squares.vectors(),
                    to.vectors(),
                    next.squares.vectors(),
                    next.qkv.vectors(),
                    common.boards as u32,
                    block as u32,
                    at as u32,
                    self.site(t, block.saturating_sub(1)),
                    common.keep,
                    plan,
                );
            }
        }
    }

    /// The gradient through all blocks of iteration `t`, whose activations are kept.
    pub(in crate::train::gpu) fn backward(&self, common: &Common, t: usize) {
        let (client, plan) = (&common.client, self.plan);
        let (boards, dim) = (common.boards as u32, CubeDim::new_1d(UNITS as u32));
        for (block, kept) in self.slot(t).iter().enumerate().rev() {
            let site = self.site(t, block);
            // SAFETY: the kernels stay within the buffers, whose lengths follow from the plan.
            unsafe {
                behind::launch_unchecked(
                    client,
                    self.tiles(common),
                    dim,
                    self.turned.vectors(),
                    common.weights.vectors(),
                    common.masks.values(),
                    self.places.values(),
                    kept.x1.vectors(),
                    kept.squares.vectors(),
                    common.gradient_stream.vectors(),
                    self.gradients.vectors(),
                    self.outs.vectors(),
                    self.norms.vectors(),
                    boards,
                    block as u32,
                    site,
                    common.keep,
                    plan,
                );
                let shared = plan.shared(1);
                let (count, dim_of) = self.attention(common, &shared);
                queries_back::launch_unchecked(
                    client,
                    count,
                    dim_of,
                    common.masks.values(),
                    self.places.values(),
                    kept.qkv.vectors(),
                    self.outs.vectors(),
                    common.turns.vectors(),
                    halves(&self.gradients),
                    self.statistics.values(),
                    boards,
                    site,
                    common.keep,
                    shared,
                );
                let shared = plan.shared(2);
                let (count, dim_of) = self.attention(common, &shared);
                keys_back::launch_unchecked(
                    client,
                    count,
                    dim_of,
                    common.masks.values(),
                    self.places.values(),
                    kept.qkv.vectors(),
                    self.outs.vectors(),
                    common.turns.vectors(),
                    self.statistics.vectors(),
                    halves(&self.gradients),
                    boards,
                    site,
                    common.keep,
                    shared,
                );
                before::launch_unchecked(
                    client,
                    self.tiles(common),
                    dim,
                    self.turned.vectors(),
                    common.weights.vectors(),
                    kept.x.vectors(),
                    self.gradients.vectors(),
                    common.gradient_stream.vectors(),
                    self.norms.vectors(),
                    block as u32,
                    plan,
                );
                let shares = common.groups.min(SHARES);
                sums::launch_unchecked(
                    client,
                    CubeCount::Static(self.count as u32, shares as u32, 1),
                    CubeDim::new_1d(SUM_UNITS as u32),
                    self.gradients.vectors(),
                    kept.squares.vectors(),
                    self.products.values(),
                    common.partials.values(),
                    (common.rows.div_ceil(TILE) * TILE / EDGE) as u32,
                    shares as u32,
                    common.sum_stride as u32,
                    block as u32,
                    plan,
                );
            }
        }
    }

    /// Adds what the tiles have summed up by themselves to the step's sums.
    pub(in crate::train::gpu) fn finish(&self, common: &Common) {
        let s = self.plan.sizes();
        // SAFETY: as above.
        unsafe {
            norm_sums::launch_unchecked(
                &common.client,
                wide(4 * s.blocks * s.width),
                CubeDim::new_1d(256),
                self.norms.values(),
                common.partials.values(),
                (common.padded / TILE) as u32,
                self.plan,
            );
        }
    }
}

/// A buffer as vectors of four halves.
fn halves(buffer: &Buffer) -> BufferArg {
    // SAFETY: two halves take the place of one value.
    unsafe { BufferArg::from_raw_parts(buffer.handle.clone(), buffer.length / 2) }
}

/// Workgroups of 256 units for so many items, 65,535 a row.
fn wide(items: usize) -> CubeCount {
    let groups = items.div_ceil(256);
    CubeCount::Static(groups.min(65_535) as u32, groups.div_ceil(65_535) as u32, 1)
}

/// Fills a buffer with zeros.
fn empty(client: &Client, buffer: &Buffer) {
    let vectors = buffer.length / 4;
    // SAFETY: the kernel checks its place.
    unsafe {
        clear::launch_unchecked(client, wide(vectors), CubeDim::new_1d(256), buffer.vectors(), vectors as u32);
    }
}
