//! A network and what is changed in it as plain lists of numbers, for the way from one wasm module to
//! another: they share no memory.

use crate::cpu::{Iterations, Wanted};
use crate::{Block, Changes, Linear, Model, Norm, Sizes};

impl Sizes {
    /// All of them, in the order of the fields.
    #[must_use]
    pub fn flat(&self) -> [u32; 6] {
        [self.cells, self.digits, self.width, self.blocks, self.heads, self.hidden].map(|n| n as u32)
    }

    /// [`Sizes::flat`] read again; nothing where it is no list of six sizes, or the heads do not divide the width.
    #[must_use]
    pub fn of_flat(list: &[u32]) -> Option<Self> {
        let [cells, digits, width, blocks, heads, hidden] = <[u32; 6]>::try_from(list).ok()?.map(|n| n as usize);
        let possible = width.checked_rem(heads) == Some(0) && cells > 0 && digits > 0 && width > 0 && hidden > 0;
        possible.then_some(Self { cells, digits, width, blocks, heads, hidden })
    }
}

impl<'a> Model<'a> {
    /// All numbers, one part after the other: encoder, feedback, blocks, head, cos, sin.
    #[must_use]
    pub fn flat(&self) -> Vec<f32> {
        let mut out = Vec::new();
        let mut put = |parts: &[&[f32]]| parts.iter().for_each(|part| out.extend_from_slice(part));
        put(&[self.encoder.weight, self.encoder.bias, self.feedback.weight, self.feedback.bias]);
        for b in &self.blocks {
            put(&[b.norm1.scale, b.norm1.shift]);
            for l in [&b.query, &b.key, &b.value, &b.out] {
                put(&[l.weight, l.bias]);
            }
            put(&[b.norm2.scale, b.norm2.shift]);
            put(&[b.linear1.weight, b.linear1.bias, b.linear2.weight, b.linear2.bias]);
        }
        put(&[self.head.weight, self.head.bias, &self.cos, &self.sin]);
        out
    }

    /// [`Model::flat`] read again; nothing where the list is shorter or longer than the sizes ask for.
    #[must_use]
    pub fn of_flat(sizes: Sizes, list: &'a [f32]) -> Option<Self> {
        let Sizes { cells, digits, width, blocks, hidden, .. } = sizes;
        let mut parts = Parts(list);
        let model = Self {
            sizes,
            encoder: parts.linear(width, digits + 1)?,
            feedback: parts.linear(width, digits)?,
            blocks: (0..blocks).map(|_| parts.block(width, hidden)).collect::<Option<_>>()?,
            head: parts.linear(digits, width)?,
            cos: parts.take(cells * (sizes.head_width() / 2))?.to_vec(),
            sin: parts.take(cells * (sizes.head_width() / 2))?.to_vec(),
        };
        parts.0.is_empty().then_some(model)
    }
}

impl Changes {
    /// α, β, one for a normalisation before the head or zero, then the heads that are kept.
    #[must_use]
    pub fn flat(&self) -> Vec<f32> {
        let normalise = f32::from(u8::from(self.normalise_before_head));
        [&[self.damping, self.prediction_scale, normalise], &self.kept_heads[..]].concat()
    }

    /// [`Changes::flat`] read again; nothing where the list is shorter than three.
    #[must_use]
    pub fn of_flat(list: &[f32]) -> Option<Self> {
        let ([damping, prediction_scale, normalise], kept_heads) = list.split_first_chunk::<3>()?;
        Some(Self {
            damping: *damping,
            prediction_scale: *prediction_scale,
            normalise_before_head: *normalise != 0.0,
            kept_heads: kept_heads.to_vec(),
        })
    }
}

impl Iterations {
    /// Probabilities, squares, logits, states, one after the other.
    #[must_use]
    pub fn flat(&self) -> Vec<f32> {
        [&self.probabilities[..], &self.squares, &self.logits, &self.states].concat()
    }

    /// [`Iterations::flat`] of `count` iterations and so many rows, read again; nothing where the list has
    /// another length.
    #[must_use]
    pub fn of_flat(sizes: &Sizes, rows: usize, count: usize, wanted: Wanted, list: &[f32]) -> Option<Self> {
        let mut parts = Parts(list);
        let mut part = |wanted: bool, size: usize| parts.take(if wanted { count * rows * size } else { 0 });
        let all = Self {
            count,
            probabilities: part(true, sizes.digits)?.to_vec(),
            squares: part(true, 3)?.to_vec(),
            logits: part(wanted.logits, sizes.digits)?.to_vec(),
            states: part(wanted.states, sizes.width)?.to_vec(),
        };
        parts.0.is_empty().then_some(all)
    }
}

/// What of a list is not read yet.
struct Parts<'a>(&'a [f32]);

impl<'a> Parts<'a> {
    fn take(&mut self, size: usize) -> Option<&'a [f32]> {
        let (part, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(part)
    }

    fn linear(&mut self, outputs: usize, inputs: usize) -> Option<Linear<'a>> {
        Some(Linear { weight: self.take(outputs * inputs)?, bias: self.take(outputs)? })
    }

    fn norm(&mut self, width: usize) -> Option<Norm<'a>> {
        Some(Norm { scale: self.take(width)?, shift: self.take(width)? })
    }

    fn block(&mut self, width: usize, hidden: usize) -> Option<Block<'a>> {
        Some(Block {
            norm1: self.norm(width)?,
            query: self.linear(width, width)?,
            key: self.linear(width, width)?,
            value: self.linear(width, width)?,
            out: self.linear(width, width)?,
            norm2: self.norm(width)?,
            linear1: self.linear(hidden, width)?,
            linear2: self.linear(width, hidden)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { cells: 4, digits: 2, width: 8, blocks: 2, heads: 2, hidden: 6 };

    /// So many numbers that a model of [`SIZES`] has.
    fn numbers() -> usize {
        let block = 4 * (8 * 8 + 8) + 2 * (8 + 8) + (6 * 8 + 6) + (8 * 6 + 8);
        (8 * 3 + 8) + (8 * 2 + 8) + 2 * block + (2 * 8 + 2) + 2 * 4 * 2
    }

    #[test]
    fn a_network_is_read_as_it_was_written() {
        let list: Vec<f32> = (0..numbers()).map(|n| n as f32).collect();
        let model = Model::of_flat(SIZES, &list).unwrap();
        assert_eq!(model.blocks[1].linear1.outputs(), 6);
        assert_eq!((model.head.outputs(), model.head.inputs()), (2, 8));
        assert_eq!(model.flat(), list);
        assert!(Model::of_flat(SIZES, &list[1..]).is_none());
        assert!(Model::of_flat(SIZES, &[&list[..], &[0.0]].concat()).is_none());
    }

    #[test]
    fn sizes_and_changes_are_read_as_they_were_written() {
        assert_eq!(Sizes::of_flat(&SIZES.flat()), Some(SIZES));
        assert_eq!(Sizes::of_flat(&[4, 2, 8, 2, 3, 6]), None);
        assert_eq!(Sizes::of_flat(&[4, 2, 8, 2, 0, 6]), None);
        assert_eq!(Sizes::of_flat(&[4, 2, 8]), None);
        let changes = Changes {
            damping: 0.5,
            prediction_scale: 0.25,
            normalise_before_head: true,
            kept_heads: vec![1.0, 0.0, 1.0, 1.0],
        };
        for changes in [changes, Changes::default()] {
            assert_eq!(Changes::of_flat(&changes.flat()), Some(changes));
        }
        assert_eq!(Changes::of_flat(&[1.0, 1.0]), None);
    }

    #[test]
    fn iterations_are_read_as_they_were_written() {
        let list = |from: usize, size: usize| (from..from + 2 * 8 * size).map(|n| n as f32).collect::<Vec<_>>();
        let mut all = Iterations {
            count: 2,
            probabilities: list(0, SIZES.digits),
            squares: list(100, 3),
            logits: Vec::new(),
            states: list(200, SIZES.width),
        };
        let read = |all: &Iterations, wanted| Iterations::of_flat(&SIZES, 8, 2, wanted, &all.flat());
        assert_eq!(read(&all, Wanted { logits: false, states: true }), Some(all.clone()));
        assert_eq!(read(&all, Wanted { logits: true, states: true }), None);
        all.logits = list(400, SIZES.digits);
        assert_eq!(read(&all, Wanted { logits: true, states: true }), Some(all));
    }
}
