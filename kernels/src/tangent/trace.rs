//! A block and the output head, with what their tangents need to know.

use std::borrow::Cow;

use super::map::{Map, Products};
use super::product::{Left, Panels, Put, To, multiply};
use super::real::Real;
use super::rows::{normalise, rotate, softmax};
use crate::Sizes;

/// What happened in a block.
#[derive(Debug)]
pub(super) struct Trace<R> {
    /// Rows normalised before scale and shift, [cells, d], and the factor of every row, [cells].
    pub normal1: Vec<R>,
    pub inverse1: Vec<R>,
    /// Queries and keys after rotation, values, side by side, [cells, 3 d].
    pub qkv: Vec<R>,
    /// Of every head: its keys as a right factor [dh, cells].
    pub keys: Vec<Panels<R>>,
    /// Of every head: its values as a right factor [cells, dh].
    pub values: Vec<Panels<R>>,
    /// A, [heads, cells, cells].
    pub attention: Vec<R>,
    pub normal2: Vec<R>,
    pub inverse2: Vec<R>,
    /// After the activation, [cells, F]: positive where it passes.
    pub hidden: Vec<R>,
}

impl<R: Real> Trace<R> {
    pub(super) fn new(sizes: &Sizes) -> Self {
        let Sizes { cells, width, heads, hidden, .. } = *sizes;
        let zeros = |len: usize| vec![R::ZERO; len];
        Self {
            normal1: zeros(cells * width),
            inverse1: zeros(cells),
            qkv: zeros(cells * 3 * width),
            keys: vec![Panels::new(sizes.head_width(), cells); heads],
            values: vec![Panels::new(cells, sizes.head_width()); heads],
            attention: zeros(heads * cells * cells),
            normal2: zeros(cells * width),
            inverse2: zeros(cells),
            hidden: zeros(cells * hidden),
        }
    }
}

/// What the output head read.
#[derive(Debug)]
pub(super) struct Reading<R> {
    /// Rows normalised before the head and their factors, [cells, d] and [cells]; empty where they are not.
    pub normal: Vec<R>,
    pub inverse: Vec<R>,
    /// P, [cells, digits].
    pub prediction: Vec<R>,
}

impl<R: Real> Reading<R> {
    pub(super) fn new(map: &Map<R>) -> Self {
        let Sizes { cells, digits, width, .. } = map.sizes;
        let rows = if map.changes.normalise_before_head { cells } else { 0 };
        Self {
            normal: vec![R::ZERO; rows * width],
            inverse: vec![R::ZERO; rows],
            prediction: vec![R::ZERO; cells * digits],
        }
    }
}

/// 1 / √dh.
pub(super) fn sharpness<R: Real>(sizes: &Sizes) -> R {
    R::ONE / R::from_f64(sizes.head_width() as f64).sqrt()
}

impl<R: Real> Map<R> {
    /// The left factor of a product as it is multiplied.
    pub(super) fn factor<'a>(&self, x: &'a [R]) -> Cow<'a, [R]> {
        match self.products {
            Products::Exact => Cow::Borrowed(x),
            Products::Tf32 => Cow::Owned(x.iter().map(|x| x.to_tf32()).collect()),
        }
    }

    /// P = softmax(S Woᵀ + bo) (`specs/sudoku.md` §1.2).
    pub(super) fn read(&self, state: &[R], reading: &mut Reading<R>) {
        let Sizes { digits, width, .. } = self.sizes;
        let read = if self.changes.normalise_before_head {
            normalise(state, width, &mut reading.normal, &mut reading.inverse);
            self.factor(&reading.normal)
        } else {
            self.factor(state)
        };
        let to = To::whole(&mut reading.prediction, digits, Put::Bias(&self.head.bias));
        multiply(Left::whole(&read, width), &self.head.weight, to);
        softmax(&mut reading.prediction, digits, R::ONE);
    }

    /// One block on x, [cells, d], in place (`specs/sudoku.md` §1.3).
    pub(super) fn block(&self, index: usize, x: &mut [R], trace: &mut Trace<R>) {
        let (sizes, block) = (&self.sizes, &self.blocks[index]);
        let (width, stride) = (sizes.width, 3 * sizes.width);
        normalise(x, width, &mut trace.normal1, &mut trace.inverse1);
        let a = scaled(&trace.normal1, &block.norm1);
        let to = To::whole(&mut trace.qkv, stride, Put::Bias(&block.qkv.bias));
        multiply(Left::whole(&self.factor(&a), width), &block.qkv.weight, to);
        rotate(&mut trace.qkv, stride, 2 * width, sizes.head_width() / 2, &self.cos, &self.sin);
        let mut o = vec![R::ZERO; x.len()];
        self.attend(index, trace, &mut o);
        let to = To::whole(x, width, Put::AddBias(&block.out.bias));
        multiply(Left::whole(&self.factor(&o), width), &block.out.weight, to);

        normalise(x, width, &mut trace.normal2, &mut trace.inverse2);
        let a = scaled(&trace.normal2, &block.norm2);
        let to = To::whole(&mut trace.hidden, sizes.hidden, Put::Bias(&block.linear1.bias));
        multiply(Left::whole(&self.factor(&a), width), &block.linear1.weight, to);
        trace.hidden.iter_mut().for_each(|h| *h = h.positive());
        let to = To::whole(x, width, Put::AddBias(&block.linear2.bias));
        multiply(Left::whole(&self.factor(&trace.hidden), sizes.hidden), &block.linear2.weight, to);
    }

    /// A = softmax(q kᵀ / √dh) and o = A v of all heads that count, o [cells, d].
    fn attend(&self, index: usize, trace: &mut Trace<R>, o: &mut [R]) {
        let Sizes { cells, width, heads, .. } = self.sizes;
        let (dh, stride) = (self.sizes.head_width(), 3 * width);
        let queries = self.factor(&trace.qkv);
        for head in (0..heads).filter(|head| self.changes.keeps(&self.sizes, index, *head)) {
            let (keys, values) = (&mut trace.keys[head], &mut trace.values[head]);
            keys.fill_transposed(&trace.qkv, stride, width + head * dh, 0);
            values.fill(&trace.qkv, stride, 2 * width + head * dh);
            if self.products == Products::Tf32 {
                keys.round();
                values.round();
            }
            let attention = &mut trace.attention[head * cells * cells..][..cells * cells];
            let left = Left { data: &queries, stride, first: head * dh, depth: dh, rows: cells };
            multiply(left, keys, To::whole(attention, cells, Put::Set));
            softmax(attention, cells, sharpness(&self.sizes));
            let to = To { data: o, stride: width, first: head * dh, put: Put::Set };
            multiply(Left::whole(&self.factor(attention), cells), values, to);
        }
    }
}

/// normal ∘ scale + shift, [rows, d].
fn scaled<R: Real>(normal: &[R], [scale, shift]: &[Vec<R>; 2]) -> Vec<R> {
    let of = |row: &[R]| row.iter().zip(scale).zip(shift).map(|((n, a), b)| *n * *a + *b).collect::<Vec<_>>();
    normal.chunks_exact(scale.len()).flat_map(of).collect()
}
