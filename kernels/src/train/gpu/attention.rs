//! Attention of a head over the cells of a board, forward and backward.
//!
//! With the logarithm of every row's sum of exponentials from the way forward, the way backward needs no sums over
//! keys: weights are exp(s − log-sum), and Σ_j dA_ij A_ij is the product of the row's result with its gradient.

#![allow(
    clippy::assign_op_pattern,
    reason = "sums in kernels are written out: the language has them for all vectors so"
)]

use cubecl::prelude::*;

use super::masks::kept;
use super::tile::no_sums;
use crate::Sizes;
use crate::gpu::{V4, sum4, turn};

/// Workgroup memory that is used even where there is more, so that some groups run side by side.
const MEMORY: usize = 20 << 10;
/// Tiles of keys' gradients that a unit can hold.
const HELD: usize = 4;

/// How attention is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AttentionPlan {
    cells: usize,
    heads: usize,
    head_width: usize,
    /// Queries at a time, a multiple of four.
    band: usize,
    /// Invocations of a workgroup.
    pub(super) units: usize,
    /// Lanes of a row's softmax.
    lanes: usize,
    drops: bool,
}

impl AttentionPlan {
    /// As few bands as fit into workgroup memory; nothing where none does.
    pub(super) fn new(sizes: &Sizes, memory: usize, most: usize, drops: bool) -> Option<Self> {
        let quads = sizes.cells.div_ceil(4);
        // Two values for each query of a band and key, two for each query, and one for each unit.
        let bytes = |band: usize| 4 * (2 * band * 4 * quads + 2 * sizes.cells + most);
        let fit = memory.min(MEMORY);
        let greatest = (1..=quads).rev().map(|q| 4 * q).find(|band| bytes(*band) <= fit && *band <= most)?;
        let bands = sizes.cells.div_ceil(greatest);
        let band = sizes.cells.div_ceil(bands).next_multiple_of(4);
        let held = quads * sizes.head_width() / 4;
        let units = held.max(band / 4 * quads).max(band).next_multiple_of(32).min(most);
        let lanes = (units / band).min(16);
        (lanes > 0 && held.div_ceil(units) <= HELD).then_some(Self {
            cells: sizes.cells,
            heads: sizes.heads,
            head_width: sizes.head_width(),
            band,
            units,
            lanes,
            drops,
        })
    }

    /// Workgroups of a board and head on the way forward.
    pub(super) fn bands(&self) -> usize {
        self.cells.div_ceil(self.band)
    }

    fn quads(&self) -> usize {
        self.cells.div_ceil(4)
    }

    /// Tiles of four keys and four elements of a head that a unit holds at most.
    fn held(&self) -> usize {
        (self.quads() * self.head_width / 4).div_ceil(self.units)
    }
}

/// The products of four rows with four others, a vector for each of the first. Rows from `cells` on are the last.
#[cube]
fn dots(
    a: &[V4],
    a_at: usize,
    a_stride: usize,
    a_row: usize,
    b: &[V4],
    b_at: usize,
    b_stride: usize,
    b_row: usize,
    #[comptime] plan: AttentionPlan,
) -> Array<V4> {
    let mut acc = no_sums();
    for p in 0..comptime!(plan.head_width / 4) {
        let mut v = no_sums();
        #[unroll]
        for j in 0..4usize {
            v[j] = b[b_at + min(b_row + j, comptime!(plan.cells - 1)) * b_stride + p];
        }
        let mut columns = no_sums();
        #[unroll]
        for e in 0..4usize {
            let mut column = V4::new(0.0f32);
            #[unroll]
            for j in 0..4usize {
                column.insert(j, v[j].extract(e));
            }
            columns[e] = column;
        }
        #[unroll]
        for i in 0..4usize {
            let q = a[a_at + min(a_row + i, comptime!(plan.cells - 1)) * a_stride + p];
            acc[i] = acc[i]
                + columns[0usize] * V4::new(q.extract(0usize))
                + columns[1usize] * V4::new(q.extract(1usize))
                + columns[2usize] * V4::new(q.extract(2usize))
                + columns[3usize] * V4::new(q.extract(3usize));
        }
    }
    acc
}

/// o = drop(softmax(q kᵀ / √dh)) v, [rows, d], of a head (x), a board (y) and a band of queries (z); and the
/// logarithms of the sums, [rows, heads].
#[cube(launch_unchecked)]
pub(super) fn attend(
    qkv: &[V4],
    masks: &[u32],
    o: &mut [V4],
    logs: &mut [f32],
    qkv_at: u32,
    o_at: u32,
    logs_at: u32,
    mask: u32,
    keep: f32,
    #[comptime] plan: AttentionPlan,
) {
    let dh4 = comptime!(plan.head_width / 4);
    let d4 = comptime!(plan.heads * plan.head_width / 4);
    let quads = comptime!(plan.quads());
    let (units, lanes) = comptime!((plan.units, plan.lanes));
    let unit = UNIT_POS as usize;
    let (head, board) = (CUBE_POS_X as usize, CUBE_POS_Y as usize);
    let first = CUBE_POS_Z as usize * plan.band;
    let base = qkv_at as usize + board * comptime!(plan.cells * 3 * d4) + head * dh4;
    let mut scores = Shared::<[V4]>::new_slice(comptime!(plan.band * quads));
    let mut sums = Shared::<[f32]>::new_slice(units);

    let mut task = unit;
    while task < comptime!(plan.band / 4 * quads) {
        let (quad, keys) = (task / quads, task % quads);
        let s = dots(qkv, base, comptime!(3 * d4), first + 4 * quad, qkv, base + d4, comptime!(3 * d4), 4 * keys, plan);
        #[unroll]
        for i in 0..4usize {
            let mut row = s[i] * V4::new(comptime!(1.0 / (plan.head_width as f32).sqrt()));
            #[unroll]
            for j in 0..4usize {
                if 4 * keys + j >= plan.cells {
                    row.insert(j, f32::new(-3.0e38f32));
                }
            }
            scores[(4 * quad + i) * quads + keys] = row;
        }
        task += units;
    }
    sync_cube();

    let (row, lane) = (unit / lanes, unit % lanes);
    let mut greatest = f32::new(-3.0e38f32);
    if row < plan.band {
        let mut most = scores[row * quads];
        for i in 1..quads {
            most = most.max(scores[row * quads + i]);
        }
        greatest =
            max(max(most.extract(0usize), most.extract(1usize)), max(most.extract(2usize), most.extract(3usize)));
    }
    sync_cube();
    let group = board * plan.heads + head;
    if row < plan.band {
        let mut sum = V4::new(0.0f32);
        let mut i = lane;
        while i < quads {
            let mut e = (scores[row * quads + i] - V4::new(greatest)).exp();
            sum = sum + e;
            if comptime!(plan.drops) {
                let query = min(first + row, comptime!(plan.cells - 1));
                let at = (group * plan.cells + query) * plan.cells + 4 * i;
                #[unroll]
                for j in 0..4usize {
                    if 4 * i + j < plan.cells {
                        let mut factor = f32::new(0.0f32);
                        if kept(masks, mask as usize, at + j) {
                            factor = keep;
                        }
                        e.insert(j, e.extract(j) * factor);
                    }
                }
            }
            scores[row * quads + i] = e;
            i += lanes;
        }
        sums[unit] = sum4(sum);
    }
    sync_cube();
    if row < plan.band && lane == 0 && first + row < plan.cells {
        let mut whole = f32::new(0.0f32);
        #[unroll]
        for l in 0..lanes {
            whole += sums[row * lanes + l];
        }
        let at = (board * plan.cells + first + row) * plan.heads + head;
        logs[logs_at as usize + at] = greatest + whole.ln();
    }

    // Two queries and four elements a task.
    let mut task = unit;
    while task < comptime!(plan.band / 2 * dh4) {
        let (pair, column) = (task / dh4, task % dh4);
        let mut low = V4::new(0.0f32);
        let mut high = V4::new(0.0f32);
        for keys in 0..quads {
            let a = scores[2 * pair * quads + keys];
            let b = scores[(2 * pair + 1) * quads + keys];
            #[unroll]
            for j in 0..4usize {
                let key = min(4 * keys + j, comptime!(plan.cells - 1));
                let v = qkv[base + comptime!(2 * d4) + key * comptime!(3 * d4) + column];
                low = low + v * V4::new(a.extract(j));
                high = high + v * V4::new(b.extract(j));
            }
        }
        #[unroll]
        for i in 0..2usize {
            let row = 2 * pair + i;
            let mut whole = f32::new(0.0f32);
            #[unroll]
            for l in 0..lanes {
                whole += sums[row * lanes + l];
            }
            if first + row < plan.cells {
                let at = o_at as usize + (board * plan.cells + first + row) * d4 + head * dh4 + column;
                let result = if comptime!(i == 0) { low } else { high };
                o[at] = result * V4::new(1.0f32 / whole);
            }
        }
        task += units;
    }
}

/// Turns two pairs back.
#[cube]
fn turn_back(v: V4, by: V4) -> V4 {
    turn(v, by * signs())
}

#[cube]
fn signs() -> V4 {
    let mut out = V4::new(1.0f32);
    out.insert(1usize, f32::new(-1.0f32));
    out.insert(3usize, f32::new(-1.0f32));
    out
}

/// The gradient of a head (x) of a board (y): dq, dk and dv, [rows, 3 d], before they were turned, from that of o.
#[cube(launch_unchecked)]
pub(super) fn attend_back(
    qkv: &[V4],
    turns: &[V4],
    masks: &[u32],
    o: &[V4],
    logs: &[f32],
    d_o: &[V4],
    d_qkv: &mut [V4],
    qkv_at: u32,
    o_at: u32,
    logs_at: u32,
    mask: u32,
    keep: f32,
    #[comptime] plan: AttentionPlan,
) {
    let dh4 = comptime!(plan.head_width / 4);
    let d4 = comptime!(plan.heads * plan.head_width / 4);
    let quads = comptime!(plan.quads());
    let units = comptime!(plan.units);
    let scale = comptime!(1.0 / (plan.head_width as f32).sqrt());
    let unit = UNIT_POS as usize;
    let (head, board) = (CUBE_POS_X as usize, CUBE_POS_Y as usize);
    let begin = board * comptime!(plan.cells * 3 * d4) + head * dh4;
    let base = qkv_at as usize + begin;
    let of_o = board * comptime!(plan.cells * d4) + head * dh4;
    let group = board * plan.heads + head;
    let mut weights = Shared::<[V4]>::new_slice(comptime!(plan.band * quads));
    let mut through = Shared::<[V4]>::new_slice(comptime!(plan.band * quads));
    let mut deltas = Shared::<[f32]>::new_slice(comptime!(plan.cells));
    let mut sums = Shared::<[f32]>::new_slice(comptime!(plan.cells));

    let mut row = unit;
    while row < plan.cells {
        let mut sum = V4::new(0.0f32);
        for p in 0..dh4 {
            sum = sum + o[o_at as usize + of_o + row * d4 + p] * d_o[of_o + row * d4 + p];
        }
        deltas[row] = sum4(sum);
        sums[row] = logs[logs_at as usize + (board * plan.cells + row) * plan.heads + head];
        row += units;
    }
    let mut d_k = Array::<V4>::new(comptime!(4 * plan.held()));
    let mut d_v = Array::<V4>::new(comptime!(4 * plan.held()));
    #[unroll]
    for i in 0..comptime!(4 * plan.held()) {
        d_k[i] = V4::new(0.0f32);
        d_v[i] = V4::new(0.0f32);
    }
    sync_cube();

    for band in 0..comptime!(plan.bands()) {
        let first = band * plan.band;
        let mut task = unit;
        while task < comptime!(plan.band / 4 * quads) {
            let (quad, keys) = (task / quads, task % quads);
            let query = first + 4 * quad;
            let s = dots(qkv, base, comptime!(3 * d4), query, qkv, base + d4, comptime!(3 * d4), 4 * keys, plan);
            let g = dots(d_o, of_o, d4, query, qkv, base + comptime!(2 * d4), comptime!(3 * d4), 4 * keys, plan);
            #[unroll]
            for i in 0..4usize {
                let mut a = V4::new(0.0f32);
                let mut d = V4::new(0.0f32);
                if query + i < plan.cells {
                    #[unroll]
                    for j in 0..4usize {
                        if 4 * keys + j < plan.cells {
                            let weight = (s[i].extract(j) * scale - sums[query + i]).exp();
                            let mut factor = f32::new(1.0f32);
                            if comptime!(plan.drops) {
                                factor = f32::new(0.0f32);
                                let at = (group * plan.cells + query + i) * plan.cells + 4 * keys + j;
                                if kept(masks, mask as usize, at) {
                                    factor = keep;
                                }
                            }
                            a.insert(j, weight * factor);
                            d.insert(j, weight * (g[i].extract(j) * factor - deltas[query + i]) * scale);
                        }
                    }
                }
                weights[(4 * quad + i) * quads + keys] = a;
                through[(4 * quad + i) * quads + keys] = d;
            }
            task += units;
        }
        sync_cube();

        let mut task = unit;
        while task < comptime!(plan.band / 2 * dh4) {
            let (pair, column) = (task / dh4, task % dh4);
            let mut low = V4::new(0.0f32);
            let mut high = V4::new(0.0f32);
            for keys in 0..quads {
                let a = through[2 * pair * quads + keys];
                let b = through[(2 * pair + 1) * quads + keys];
                #[unroll]
                for j in 0..4usize {
                    let key = min(4 * keys + j, comptime!(plan.cells - 1));
                    let k = qkv[base + d4 + key * comptime!(3 * d4) + column];
                    low = low + k * V4::new(a.extract(j));
                    high = high + k * V4::new(b.extract(j));
                }
            }
            #[unroll]
            for i in 0..2usize {
                let row = first + 2 * pair + i;
                if row < plan.cells {
                    let result = if comptime!(i == 0) { low } else { high };
                    d_qkv[begin + row * comptime!(3 * d4) + column] = turn_back(result, turns[row * dh4 + column]);
                }
            }
            task += units;
        }
        #[unroll]
        for h in 0..comptime!(plan.held()) {
            let tile = unit + comptime!(h * units);
            let (keys, column) = (tile / dh4, tile % dh4);
            if keys < quads {
                for i in 0..plan.band {
                    let row = min(first + i, comptime!(plan.cells - 1));
                    let a = weights[i * quads + keys];
                    let d = through[i * quads + keys];
                    let q = qkv[base + row * comptime!(3 * d4) + column];
                    let g = d_o[of_o + row * d4 + column];
                    #[unroll]
                    for j in 0..4usize {
                        d_k[comptime!(4 * h + j)] = d_k[comptime!(4 * h + j)] + q * V4::new(d.extract(j));
                        d_v[comptime!(4 * h + j)] = d_v[comptime!(4 * h + j)] + g * V4::new(a.extract(j));
                    }
                }
            }
        }
        sync_cube();
    }
    #[unroll]
    for h in 0..comptime!(plan.held()) {
        let tile = unit + comptime!(h * units);
        let (keys, column) = (tile / dh4, tile % dh4);
        #[unroll]
        for j in 0..4usize {
            let row = 4 * keys + j;
            if row < plan.cells {
                let at = begin + row * comptime!(3 * d4) + column;
                let turned = turn_back(d_k[comptime!(4 * h + j)], turns[row * dh4 + column]);
                d_qkv[at + d4] = turned;
                d_qkv[at + comptime!(2 * d4)] = d_v[comptime!(4 * h + j)];
            }
        }
    }
}
