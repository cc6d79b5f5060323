//! Multi-head self-attention over the cells of a board, with rotary positions.

use burn::tensor::{Tensor, TensorData, activation};

use super::mask::{clear, forbid};
use super::{Bound, Linear, Rotary, dropout};
use crate::config::{HeadSet, Key};

/// Where a training pass drops values: the key of this step, iteration and block, and the rate.
#[derive(Clone, Copy, Debug)]
pub struct DropoutSites {
    /// Its `site` is four times the block's number; the four sites of a block follow.
    pub key: Key,
    /// Rate in 0..1.
    pub rate: f64,
    /// Boards that stand before these ones in the whole batch.
    pub boards_before: usize,
    /// Boards in the tensors at hand.
    pub boards: usize,
}

impl DropoutSites {
    /// Drops at the `site`-th of the block's four sites.
    #[must_use]
    pub fn apply<const D: usize>(sites: Option<Self>, site: u16, x: Tensor<D>) -> Tensor<D> {
        match sites {
            Some(s) => {
                let first = x.shape().num_elements() / s.boards * s.boards_before;
                dropout(x, s.key.at(s.key.iteration, s.key.site + site), first, s.rate)
            }
            None => x,
        }
    }
}

/// A = softmax(q kᵀ / √dh) over all cells of a board, o = concat_heads(A v), out = o Woutᵀ + bout
/// (`specs/sudoku.md` §1.3).
#[derive(Clone, Debug)]
pub struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

impl Attention {
    /// Binds `PREFIX.{q,k,v,out}_proj`.
    #[must_use]
    pub fn bind(bound: &Bound, prefix: &str) -> Self {
        let linear = |part: &str| Linear::bind(bound, &format!("{prefix}.{part}_proj"));
        Self { query: linear("q"), key: linear("k"), value: linear("v"), out: linear("out") }
    }

    pub(super) fn query(&self) -> &Linear {
        &self.query
    }

    pub(super) fn key(&self) -> &Linear {
        &self.key
    }

    pub(super) fn value(&self) -> &Linear {
        &self.value
    }

    pub(super) fn out(&self) -> &Linear {
        &self.out
    }

    /// Attention weights [boards, heads, cells, cells] for a normalised input a [boards · cells, d].
    /// `queries` is a rotary table that carries 1/√dh, `keys` one that does not.
    #[must_use]
    pub fn weights(&self, a: Tensor<2>, boards: usize, queries: &Rotary, keys: &Rotary) -> Tensor<4> {
        self.masked_weights(a, boards, queries, keys, None)
    }

    /// The same where not all may be attended to: `allowed` [boards or 1, 1, cells, cells] holds ones and
    /// zeros. Who may attend to nobody attends to nobody.
    #[must_use]
    pub fn masked_weights(
        &self,
        a: Tensor<2>,
        boards: usize,
        queries: &Rotary,
        keys: &Rotary,
        allowed: Option<&Tensor<4>>,
    ) -> Tensor<4> {
        let [rows, _] = a.dims();
        let cells = rows / boards;
        let q = queries.forward(self.query.forward(a.clone()), boards, cells).swap_dims(1, 2);
        let k = keys.forward(self.key.forward(a), boards, cells).swap_dims(1, 2);
        let scores = forbid(q.matmul(k.swap_dims(2, 3)), allowed);
        clear(activation::softmax(scores, 3), allowed)
    }

    /// The results of the heads by themselves, before they are put together: a [boards · cells, d] →
    /// [boards · cells, heads, dh].
    #[must_use]
    pub fn heads(
        &self,
        a: Tensor<2>,
        boards: usize,
        queries: &Rotary,
        keys: &Rotary,
        allowed: Option<&Tensor<4>>,
        drop: Option<DropoutSites>,
    ) -> Tensor<3> {
        let weights = self.masked_weights(a.clone(), boards, queries, keys, allowed);
        let weights = DropoutSites::apply(drop, 0, weights);
        let [_, heads, cells, _] = weights.dims();
        let [rows, width] = a.dims();
        let v = self.value.forward(a).reshape([boards, cells, heads, width / heads]).swap_dims(1, 2);
        weights.matmul(v).swap_dims(1, 2).reshape([rows, heads, width / heads])
    }

    /// The results of the heads, but nothing of those that are knocked out: o [rows, heads, dh].
    #[must_use]
    pub fn without(o: Tensor<3>, block: usize, knocked_out: HeadSet) -> Tensor<3> {
        let [_, heads, _] = o.dims();
        match knocked_out.kept(block, heads) {
            None => o,
            Some(kept) => {
                let kept = Tensor::from_data(TensorData::new(kept, [1, heads, 1]), &o.device());
                // Chosen, not multiplied: a head that is infinite is gone as well.
                let gone = Tensor::<3>::equal_elem(kept, 0.0).expand(o.dims());
                o.mask_fill(gone, 0.0)
            }
        }
    }

    /// The heads put together: o [boards · cells, d] → the same shape.
    #[must_use]
    pub fn project(&self, o: Tensor<2>) -> Tensor<2> {
        self.out.forward(o)
    }

    /// a [boards · cells, d] → [boards · cells, d]; `block` says which block it is, for the heads that are
    /// knocked out.
    #[must_use]
    pub fn forward(
        &self,
        a: Tensor<2>,
        boards: usize,
        (queries, keys): (&Rotary, &Rotary),
        drop: Option<DropoutSites>,
        (block, knocked_out): (usize, HeadSet),
    ) -> Tensor<2> {
        let [rows, width] = a.dims();
        let o = Self::without(self.heads(a, boards, queries, keys, None, drop), block, knocked_out);
        DropoutSites::apply(drop, 1, self.project(o.reshape([rows, width])))
    }
}
