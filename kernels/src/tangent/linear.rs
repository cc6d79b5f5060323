//! The Jacobian of the map at a state, as what it does to tangent vectors.

use std::sync::Arc;

use super::map::Map;
use super::product::{Left, Panels, Put, To, multiply};
use super::real::Real;
use super::rows::{normalise_tangent, rotate, softmax_tangent};
use super::trace::{Reading, Trace, sharpness};
use crate::Sizes;

/// J = ∂f / ∂S at a state S (`specs/sudoku.md` §5.3): exact products J v, by differentiating every operation
/// forward.
///
/// Where a feed-forward input is exactly 0 its derivative counts as 0. A map whose products are rounded is
/// linearised as if its products were those of the rounded weights; there is no use in that.
#[derive(Debug)]
pub struct Linearised<R> {
    map: Arc<Map<R>>,
    reading: Reading<R>,
    traces: Vec<Trace<R>>,
    /// f(S), [cells, d].
    image: Vec<R>,
    /// Kept from one stage to the next.
    scratch: Option<Scratch<R>>,
}

impl<R: Real> Linearised<R> {
    /// Linearises at S, [cells, d]: costs one evaluation of f.
    ///
    /// # Panics
    /// When `state` is not that of a board.
    #[must_use]
    pub fn new(map: &Arc<Map<R>>, state: &[R]) -> Self {
        let mut all = Self {
            reading: Reading::new(map),
            traces: map.blocks.iter().map(|_| Trace::new(&map.sizes)).collect(),
            image: Vec::new(),
            scratch: None,
            map: Arc::clone(map),
        };
        all.linearise(state.to_vec());
        all
    }

    /// Goes on to f(S).
    pub fn advance(&mut self) {
        let image = std::mem::take(&mut self.image);
        self.linearise(image);
    }

    fn linearise(&mut self, state: Vec<R>) {
        self.map.check(&state);
        self.image = state;
        self.map.read(&self.image, &mut self.reading);
        self.map.mix(&mut self.image, &self.reading.prediction);
        for (index, trace) in self.traces.iter_mut().enumerate() {
            self.map.block(index, &mut self.image, trace);
        }
    }

    /// f(S), [cells, d].
    #[must_use]
    pub fn image(&self) -> &[R] {
        &self.image
    }

    /// J v of several vectors v, [vectors, cells, d].
    ///
    /// # Panics
    /// When they are not whole vectors.
    #[must_use]
    pub fn apply(&self, vectors: &[R]) -> Vec<R> {
        let mut vectors = vectors.to_vec();
        let mut scratch = Scratch::new(&self.map.sizes);
        (0..self.stages()).for_each(|stage| self.pass(stage, &mut vectors, &mut scratch));
        vectors
    }

    /// Number of stages of a product: the feedback of the prediction, then the blocks.
    #[must_use]
    pub fn stages(&self) -> usize {
        1 + self.traces.len()
    }

    /// One stage of J v, in place, [vectors, cells, d]: all in order are [`Linearised::apply`].
    ///
    /// # Panics
    /// When they are not whole vectors, or there is no such stage.
    pub fn stage(&mut self, stage: usize, vectors: &mut [R]) {
        let mut scratch = self.scratch.take().unwrap_or_else(|| Scratch::new(&self.map.sizes));
        self.pass(stage, vectors, &mut scratch);
        self.scratch = Some(scratch);
    }

    /// One vector after the other: what is needed in between stays in the cache, and that counts for more than to
    /// read the weights only once.
    fn pass(&self, stage: usize, vectors: &mut [R], scratch: &mut Scratch<R>) {
        let size = self.map.dimension();
        assert!(vectors.len().is_multiple_of(size), "{} numbers are no vectors", vectors.len());
        for vector in vectors.chunks_exact_mut(size) {
            match stage.checked_sub(1) {
                None => self.feed_back(vector),
                Some(block) => self.block(block, vector, scratch),
            }
        }
    }

    /// dU = dS + β dP Wpᵀ, where dP = P ∘ (dZ − P · dZ) and dZ = dS Woᵀ; in place, [cells, d].
    fn feed_back(&self, dx: &mut [R]) {
        let Sizes { cells, digits, width, .. } = self.map.sizes;
        let mut dp = vec![R::ZERO; cells * digits];
        let to = To::whole(&mut dp, digits, Put::Set);
        if self.map.changes.normalise_before_head {
            let mut read = vec![R::ZERO; dx.len()];
            normalise_tangent(dx, &self.reading.normal, &self.reading.inverse, &mut read);
            multiply(Left::whole(&read, width), &self.map.head.weight, to);
        } else {
            multiply(Left::whole(dx, width), &self.map.head.weight, to);
        }
        softmax_tangent(&mut dp, &self.reading.prediction, digits, R::ONE);
        // β goes in here, where there are the fewest numbers.
        let scale = self.map.scale();
        dp.iter_mut().for_each(|dp| *dp = *dp * scale);
        multiply(Left::whole(&dp, digits), &self.map.feedback.weight, To::whole(dx, width, Put::Add));
    }

    /// A block's tangent (`specs/sudoku.md` §1.3), in place, [cells, d].
    fn block(&self, index: usize, dx: &mut [R], scratch: &mut Scratch<R>) {
        let (map, sizes, trace, block) = (&self.map, &self.map.sizes, &self.traces[index], &self.map.blocks[index]);
        let (width, stride) = (sizes.width, 3 * sizes.width);
        let scaled = |a: &mut [R], scale: &[R]| {
            a.chunks_exact_mut(width).for_each(|row| row.iter_mut().zip(scale).for_each(|(a, s)| *a = *a * *s));
        };
        normalise_tangent(dx, &trace.normal1, &trace.inverse1, &mut scratch.a);
        scaled(&mut scratch.a, &block.norm1[0]);
        let to = To::whole(&mut scratch.dqkv, stride, Put::Set);
        multiply(Left::whole(&scratch.a, width), &block.qkv.weight, to);
        rotate(&mut scratch.dqkv, stride, 2 * width, sizes.head_width() / 2, &map.cos, &map.sin);
        self.attend(index, scratch);
        multiply(Left::whole(&scratch.o, width), &block.out.weight, To::whole(dx, width, Put::Add));

        normalise_tangent(dx, &trace.normal2, &trace.inverse2, &mut scratch.a);
        scaled(&mut scratch.a, &block.norm2[0]);
        let to = To::whole(&mut scratch.hidden, sizes.hidden, Put::Set);
        multiply(Left::whole(&scratch.a, width), &block.linear1.weight, to);
        for (d, h) in scratch.hidden.iter_mut().zip(&trace.hidden) {
            *d = if *h > R::ZERO { *d } else { R::ZERO };
        }
        let left = Left::whole(&scratch.hidden, sizes.hidden);
        multiply(left, &block.linear2.weight, To::whole(dx, width, Put::Add));
    }

    /// do = dA v + A dv of all heads that count, where dA is softmax's tangent at (dq kᵀ + q dkᵀ) / √dh.
    fn attend(&self, index: usize, scratch: &mut Scratch<R>) {
        let (trace, Sizes { cells, width, heads, .. }) = (&self.traces[index], self.map.sizes);
        let (dh, stride) = (self.map.sizes.head_width(), 3 * width);
        let Scratch { dqkv, o, dkeys, dvalues, da, .. } = scratch;
        // Of a head that is knocked out nothing comes.
        o.fill(R::ZERO);
        for head in (0..heads).filter(|head| self.map.changes.keeps(&self.map.sizes, index, *head)) {
            let first = head * dh;
            dkeys.fill_transposed(dqkv, stride, width + first, 0);
            dvalues.fill(dqkv, stride, 2 * width + first);
            let left = |data| Left { data, stride, first, depth: dh, rows: cells };
            multiply(left(dqkv), &trace.keys[head], To::whole(da, cells, Put::Set));
            multiply(left(&trace.qkv), dkeys, To::whole(da, cells, Put::Add));
            let attention = &trace.attention[head * cells * cells..][..cells * cells];
            softmax_tangent(da, attention, cells, sharpness(&self.map.sizes));
            let to = To { data: &mut *o, stride: width, first, put: Put::Set };
            multiply(Left::whole(da, cells), &trace.values[head], to);
            let to = To { data: &mut *o, stride: width, first, put: Put::Add };
            multiply(Left::whole(attention, cells), dvalues, to);
        }
    }
}

/// What the tangent of a block needs in between, for one vector.
#[derive(Debug)]
struct Scratch<R> {
    /// [cells, d]
    a: Vec<R>,
    /// [cells, 3 d]
    dqkv: Vec<R>,
    /// [cells, d]
    o: Vec<R>,
    /// Of one head, [dh, cells].
    dkeys: Panels<R>,
    /// Of one head, [cells, dh].
    dvalues: Panels<R>,
    /// Of one head, [cells, cells].
    da: Vec<R>,
    /// [cells, F]
    hidden: Vec<R>,
}

impl<R: Real> Scratch<R> {
    fn new(sizes: &Sizes) -> Self {
        let Sizes { cells, width, hidden, .. } = *sizes;
        Self {
            a: vec![R::ZERO; cells * width],
            dqkv: vec![R::ZERO; cells * 3 * width],
            o: vec![R::ZERO; cells * width],
            dkeys: Panels::new(sizes.head_width(), cells),
            dvalues: Panels::new(cells, sizes.head_width()),
            da: vec![R::ZERO; cells * cells],
            hidden: vec![R::ZERO; cells * hidden],
        }
    }
}

impl<R: Real> Map<R> {
    /// J v at S, of several vectors v, [vectors, cells, d].
    ///
    /// # Panics
    /// When `state` is not that of a board, or the vectors are not whole.
    #[must_use]
    pub fn tangent(self: &Arc<Self>, state: &[R], vectors: &[R]) -> Vec<R> {
        Linearised::new(self, state).apply(vectors)
    }
}
