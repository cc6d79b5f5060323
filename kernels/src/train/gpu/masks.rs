//! Dropout masks: bits for all iterations, blocks and sites of a part, made at once.

use cubecl::prelude::*;

use super::common::{Common, UNITS, spread};
use crate::train::{Boards, Dropout, Spec};

/// Calls of Philox for a word of bits.
const CALLS: usize = 32 / 4;

/// Where the bits of a site are: [iterations, blocks, 4 sites], each site from a whole word on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct MaskPlan {
    /// Values of each site and board.
    pub(super) values: [usize; 4],
    /// Where each site begins in its block, in words, and the words of a block.
    pub(super) sites: [usize; 5],
    /// Words of an iteration.
    pub(super) iteration: usize,
}

impl MaskPlan {
    pub(super) fn new(spec: &Spec, most: usize) -> Self {
        let s = spec.sizes;
        let values = [s.heads * s.cells * s.cells, s.cells * s.width, s.cells * s.hidden, s.cells * s.width];
        let mut sites = [0; 5];
        for (i, n) in values.iter().enumerate() {
            sites[i + 1] = sites[i] + (n * most).div_ceil(32);
        }
        Self { values, sites, iteration: s.blocks * sites[4] }
    }

    /// The first word of a site in its iteration.
    pub(super) fn place(&self, block: usize, site: usize) -> usize {
        block * self.sites[4] + self.sites[site]
    }
}

/// The bit of a value.
#[cube]
pub(super) fn kept(masks: &[u32], place: usize, index: usize) -> bool {
    (masks[place + index / 32] >> (index % 32) as u32) & 1u32 == 1u32
}

/// The factors of four values from `index` on, a multiple of four.
#[cube]
pub(super) fn factors(masks: &[u32], place: usize, index: usize, keep: f32) -> Vector<f32, Const<4>> {
    let bits = masks[place + index / 32] >> (index % 32) as u32;
    let mut out = Vector::<f32, Const<4>>::new(0.0f32);
    #[unroll]
    for i in 0..4usize {
        out.insert(i, f32::cast_from((bits >> comptime!(i as u32)) & 1u32) * keep);
    }
    out
}

/// Four words of Philox4x32-10 (`train/random.rs`).
#[cube]
fn philox(c: &mut Array<u32>, key0: u32, key1: u32) {
    #[unroll]
    for round in 0..10u32 {
        let high0 = c[0].mul_hi(0xD251_1F53u32);
        let low0 = c[0] * 0xD251_1F53u32;
        let high1 = c[2].mul_hi(0xCD9E_8D57u32);
        let low1 = c[2] * 0xCD9E_8D57u32;
        let k0 = key0 + comptime!(0x9E37_79B9u32.wrapping_mul(round));
        let k1 = key1 + comptime!(0xBB67_AE85u32.wrapping_mul(round));
        let (c1, c3) = (c[1], c[3]);
        c[0] = high1 ^ c1 ^ k0;
        c[1] = low1;
        c[2] = high0 ^ c3 ^ k1;
        c[3] = low0;
    }
}

/// A word of bits a unit.
#[cube(launch_unchecked)]
fn bits(
    masks: &mut [u32],
    words: u32,
    before: u32,
    threshold: u32,
    key0: u32,
    key1: u32,
    step: u32,
    stream: u32,
    #[comptime] plan: MaskPlan,
) {
    if ABSOLUTE_POS < words as usize {
        let at = ABSOLUTE_POS % plan.iteration;
        let iteration = (ABSOLUTE_POS / plan.iteration) as u32 + 1;
        let block = (at / comptime!(plan.sites[4])) as u32;
        let word = (at % comptime!(plan.sites[4])) as u32;
        let mut site = 0u32;
        let mut begin = 0u32;
        // Boards before this part may have a number of values that is no multiple of four.
        let mut fours = before * comptime!((plan.values[0] / 4) as u32);
        let mut rest = before * comptime!((plan.values[0] % 4) as u32);
        #[unroll]
        for s in 1..4usize {
            if word >= comptime!(plan.sites[s] as u32) {
                site = comptime!(s as u32).runtime();
                begin = comptime!(plan.sites[s] as u32).runtime();
                fours = before * comptime!((plan.values[s] / 4) as u32);
                rest = before * comptime!((plan.values[s] % 4) as u32);
            }
        }
        let first = fours + rest / 4 + (word - begin) * comptime!(CALLS as u32);
        let skipped = rest % 4;
        let mut calls = comptime!(CALLS as u32).runtime();
        if skipped > 0 {
            calls += 1;
        }
        let mut out = 0u32;
        let mut c = Array::<u32>::new(4usize);
        for call in 0..calls {
            c[0] = first + call;
            c[1] = (iteration << 16) | (4 * block + site);
            c[2] = step;
            c[3] = stream;
            philox(&mut c, key0, key1);
            #[unroll]
            for i in 0..4usize {
                let place = 4 * call + comptime!(i as u32) - skipped;
                // Below zero it is a great number.
                if place < 32 && c[i] >= threshold {
                    out = out | (1u32 << place);
                }
            }
        }
        masks[ABSOLUTE_POS] = out;
    }
}

/// Queues the masks of a part; all values are kept where nothing is dropped in this step.
pub(super) fn draw(common: &Common, boards: &Boards<'_>) {
    let words = common.masks.length;
    let threshold = boards.dropout.map_or(0, |d| d.threshold());
    let d = boards.dropout.unwrap_or(Dropout { rate: 0.0, seed: 0, stream: 0, step: 0 });
    // SAFETY: a word a unit, as many as the buffer has.
    unsafe {
        bits::launch_unchecked(
            &common.client,
            spread(words, UNITS),
            CubeDim::new_1d(UNITS as u32),
            common.masks.values(),
            words as u32,
            boards.before as u32,
            threshold,
            d.seed as u32,
            (d.seed >> 32) as u32,
            d.step,
            d.stream,
            common.mask_plan,
        );
    }
}
