//! What becomes of products: everything that can be done to a sum before it leaves its registers.

use pulp::Simd;

use super::product::{Tile, loads, stores};

/// to = left · right, [rows, stride]
pub(super) struct Write<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
}

impl Tile for Write<'_> {
    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        for r in 0..R {
            stores(simd, self.to, (row + r) * self.stride + column, sums[r]);
        }
    }
}

/// to = left · right + bias, [rows, stride]
pub(super) struct Biased<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
    pub bias: &'a [f32],
}

impl Tile for Biased<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        [loads(simd, self.bias, column); R]
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        Write { to: self.to, stride: self.stride }.end(simd, row, column, sums);
    }
}

/// to += left · right, [rows, stride]
pub(super) struct Accumulate<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
}

impl Tile for Accumulate<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, row: usize, column: usize) -> [[S::f32s; V]; R] {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for r in 0..R {
            sums[r] = loads(simd, self.to, (row + r) * self.stride + column);
        }
        sums
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        Write { to: self.to, stride: self.stride }.end(simd, row, column, sums);
    }
}

/// x += mask ∘ (left · right + bias), [rows, stride]. The product is summed up by itself, so that a large x does not
/// swallow small terms.
pub(super) struct Residual<'a> {
    pub x: &'a mut [f32],
    pub stride: usize,
    pub bias: &'a [f32],
    pub mask: Option<&'a [f32]>,
}

impl Tile for Residual<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        [loads(simd, self.bias, column); R]
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        sums: [[S::f32s; V]; R],
    ) {
        for r in 0..R {
            let place = (row + r) * self.stride + column;
            let mut x = loads::<S, V>(simd, self.x, place);
            if let Some(mask) = self.mask {
                let mask = loads::<S, V>(simd, mask, place);
                for v in 0..V {
                    x[v] = simd.mul_add_e_f32s(mask[v], sums[r][v], x[v]);
                }
            } else {
                for v in 0..V {
                    x[v] = simd.add_f32s(x[v], sums[r][v]);
                }
            }
            stores(simd, self.x, place, x);
        }
    }
}

/// to = mask ∘ relu(left · right + bias), [rows, stride]
pub(super) struct Hidden<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
    pub bias: &'a [f32],
    pub mask: Option<&'a [f32]>,
}

impl Tile for Hidden<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        [loads(simd, self.bias, column); R]
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        mut sums: [[S::f32s; V]; R],
    ) {
        let zero = simd.splat_f32s(0.0);
        for r in 0..R {
            let place = (row + r) * self.stride + column;
            for v in 0..V {
                // The order keeps what is not a number.
                sums[r][v] = simd.max_f32s(zero, sums[r][v]);
            }
            if let Some(mask) = self.mask {
                let mask = loads::<S, V>(simd, mask, place);
                for v in 0..V {
                    sums[r][v] = simd.mul_f32s(sums[r][v], mask[v]);
                }
            }
            stores(simd, self.to, place, sums[r]);
        }
    }
}

/// to = keep · left · right where the hidden unit is positive, else 0: a unit is zero where it was below zero and where
/// it was dropped, and neither passes a gradient on. [rows, stride]
pub(super) struct HiddenBack<'a> {
    pub to: &'a mut [f32],
    pub hidden: &'a [f32],
    pub stride: usize,
    pub keep: f32,
}

impl Tile for HiddenBack<'_> {
    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        mut sums: [[S::f32s; V]; R],
    ) {
        let (zero, keep) = (simd.splat_f32s(0.0), simd.splat_f32s(self.keep));
        for r in 0..R {
            let place = (row + r) * self.stride + column;
            let hidden = loads::<S, V>(simd, self.hidden, place);
            for v in 0..V {
                let lives = simd.greater_than_f32s(hidden[v], zero);
                sums[r][v] = simd.select_f32s(lives, simd.mul_f32s(sums[r][v], keep), zero);
            }
            stores(simd, self.to, place, sums[r]);
        }
    }
}

/// Angles of every row, [rows, stride]: pair by pair of a head, in whole vectors.
#[derive(Clone, Copy)]
pub(super) struct Angles<'a> {
    pub cos: &'a [f32],
    pub sin: &'a [f32],
    pub stride: usize,
}

/// Queries, keys and values, [rows, 3 · heads]: the first two turned, (u, w) → (u cos φ − w sin φ, u sin φ + w cos φ),
/// where a panel has the elements u of some pairs in its first vector and the elements w in its second.
pub(super) struct Turn<'a> {
    pub to: &'a mut [f32],
    pub bias: &'a [f32],
    /// Of queries and of keys.
    pub angles: [Angles<'a>; 2],
    /// Floats of a head.
    pub head: usize,
    /// Floats of all heads.
    pub heads: usize,
}

impl Tile for Turn<'_> {
    #[inline(always)]
    fn begin<S: Simd, const R: usize, const V: usize>(&self, simd: S, _: usize, column: usize) -> [[S::f32s; V]; R] {
        [loads(simd, self.bias, column); R]
    }

    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        mut sums: [[S::f32s; V]; R],
    ) {
        if let Some(Angles { cos, sin, stride }) = self.angles.get(column / self.heads)
            && V == 2
        {
            let pair = column % self.heads % self.head / 2;
            for r in 0..R {
                let at = (row + r) * stride + pair;
                let ([cos], [sin]) = (loads::<S, 1>(simd, cos, at), loads::<S, 1>(simd, sin, at));
                let (u, w) = (sums[r][0], sums[r][V - 1]);
                sums[r][0] = simd.negate_mul_add_e_f32s(w, sin, simd.mul_f32s(u, cos));
                sums[r][V - 1] = simd.mul_add_e_f32s(u, sin, simd.mul_f32s(w, cos));
            }
        }
        Write { to: self.to, stride: 3 * self.heads }.end(simd, row, column, sums);
    }
}

/// The gradient of what [`Turn`] turned, of one head: (u, w) → (u cos φ + w sin φ, w cos φ − u sin φ). [rows, stride]
pub(super) struct TurnBack<'a> {
    pub to: &'a mut [f32],
    pub stride: usize,
    pub angles: Angles<'a>,
}

impl Tile for TurnBack<'_> {
    #[inline(always)]
    fn end<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
        mut sums: [[S::f32s; V]; R],
    ) {
        if V == 2 {
            for r in 0..R {
                let at = (row + r) * self.angles.stride + column / 2;
                let [cos] = loads::<S, 1>(simd, self.angles.cos, at);
                let [sin] = loads::<S, 1>(simd, self.angles.sin, at);
                let (u, w) = (sums[r][0], sums[r][V - 1]);
                sums[r][0] = simd.mul_add_e_f32s(w, sin, simd.mul_f32s(u, cos));
                sums[r][V - 1] = simd.negate_mul_add_e_f32s(u, sin, simd.mul_f32s(w, cos));
            }
        }
        Write { to: self.to, stride: self.stride }.end(simd, row, column, sums);
    }
}
