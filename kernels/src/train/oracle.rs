//! The judge of every device: the loss in double precision, forward only, and its derivatives by differences.
//!
//! Nothing of it is shared with what it judges but the dropout factors, which are those of f32, widened.

mod differences;
mod samples;

pub use differences::{Deviation, differences, relative_error};
pub use samples::sample;

use super::{Boards, Layout, Map, NormPlace, Spec};
use crate::tangent::product::{Left, Panels, Put, To, multiply};
use crate::tangent::rows::{normalise, rotate, softmax};

/// The mean loss over all iterations (`specs/sudoku.md` §2, §4.1), dropout included.
///
/// # Panics
/// When the weights are not those of the spec's network.
#[must_use]
pub fn loss(spec: &Spec, weights: &[f64], boards: &Boards<'_>) -> f64 {
    let layout = Layout::new(&spec.sizes);
    assert_eq!(weights.len(), layout.total, "the weights of another network");
    let net = Net::new(spec, &layout, weights);
    let cells = spec.sizes.cells;
    let each = boards.clues.chunks_exact(cells).zip(boards.solutions.chunks_exact(cells)).enumerate();
    let sum: f64 = each.map(|(b, (clues, solutions))| net.board(boards, b, clues, solutions)).sum();
    sum / (boards.blanks as f64 * spec.iterations as f64)
}

/// A linear map with its weights as they are multiplied.
struct Linear<'a> {
    panels: Panels<f64>,
    bias: &'a [f64],
    inputs: usize,
}

impl<'a> Linear<'a> {
    fn new(map: Map, weights: &'a [f64]) -> Self {
        let mut panels = Panels::new(map.inputs, map.outputs);
        panels.fill_transposed(&weights[map.weights()], map.inputs, 0, 0);
        Self { panels, bias: &weights[map.biases()], inputs: map.inputs }
    }

    fn forward(&self, x: &[f64]) -> Vec<f64> {
        let outputs = self.bias.len();
        let mut y = vec![0.0; x.len() / self.inputs * outputs];
        multiply(Left::whole(x, self.inputs), &self.panels, To::whole(&mut y, outputs, Put::Bias(self.bias)));
        y
    }
}

struct Block<'a> {
    norms: [NormPlace; 2],
    query: Linear<'a>,
    key: Linear<'a>,
    value: Linear<'a>,
    out: Linear<'a>,
    linear1: Linear<'a>,
    linear2: Linear<'a>,
}

struct Net<'a> {
    spec: &'a Spec,
    layout: &'a Layout,
    weights: &'a [f64],
    feedback: Linear<'a>,
    blocks: Vec<Block<'a>>,
    head: Linear<'a>,
    cos: Vec<f64>,
    sin: Vec<f64>,
}

/// The dropout factors of one board in one block of one iteration.
struct Drops<'a> {
    boards: &'a Boards<'a>,
    /// The board's number in the whole batch.
    board: usize,
    iteration: u32,
    site: u32,
}

impl Drops<'_> {
    /// Multiplies all values of a site, the same number for every board.
    fn apply(&self, site: u32, values: &mut [f64]) {
        let Some(dropout) = self.boards.dropout else { return };
        let mut factors = vec![0.0; values.len()];
        dropout.factors(self.iteration, self.site + site, self.board * values.len(), &mut factors);
        values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= f64::from(factor));
    }
}

impl<'a> Net<'a> {
    fn new(spec: &'a Spec, layout: &'a Layout, weights: &'a [f64]) -> Self {
        let linear = |map: Map| Linear::new(map, weights);
        let blocks = (0..spec.sizes.blocks).map(|l| {
            let at = layout.at(l);
            Block {
                norms: [at.norm1, at.norm2],
                query: linear(at.query),
                key: linear(at.key),
                value: linear(at.value),
                out: linear(at.out),
                linear1: linear(at.linear1),
                linear2: linear(at.linear2),
            }
        });
        Self {
            spec,
            layout,
            weights,
            feedback: linear(layout.feedback),
            blocks: blocks.collect(),
            head: linear(layout.head),
            cos: spec.cos.iter().map(|x| f64::from(*x)).collect(),
            sin: spec.sin.iter().map(|x| f64::from(*x)).collect(),
        }
    }

    /// Σ of the cross-entropies of a board over its empty cells and all iterations, each times what it counts.
    fn board(&self, boards: &Boards<'_>, board: usize, clues: &[u8], solutions: &[u8]) -> f64 {
        let (sizes, encoder) = (&self.spec.sizes, self.layout.encoder);
        let embed = |clue: &u8| {
            let clue = usize::from(*clue);
            (0..sizes.width)
                .map(move |i| self.weights[encoder.weight + i * encoder.inputs + clue] + self.weights[encoder.bias + i])
        };
        let mut x: Vec<f64> = clues.iter().flat_map(embed).collect();
        let mut prediction = vec![0.0; sizes.cells * sizes.digits];
        if let Some(earlier) = boards.earlier.filter(|earlier| earlier.goes_on[board]) {
            let earlier = earlier.part(board, board + 1, [sizes.cells, sizes.width, sizes.digits]);
            x = earlier.states.iter().map(|v| f64::from(*v)).collect();
            prediction = earlier.predictions.iter().map(|v| f64::from(*v)).collect();
        }
        let mut sum = 0.0;
        let mut counts = vec![1.0; sizes.cells];
        for iteration in 1..=self.spec.iterations as u32 {
            add(&mut x, &self.feedback.forward(&prediction));
            for (l, block) in self.blocks.iter().enumerate() {
                let drops = Drops { boards, board: boards.before + board, iteration, site: 4 * l as u32 };
                self.block(block, &mut x, &drops);
            }
            prediction = self.head.forward(&x);
            let rows = prediction.chunks_exact(sizes.digits).zip(clues).zip(solutions).zip(&mut counts);
            for (((z, clue), digit), count) in rows {
                if *clue == 0 && *digit > 0 {
                    let highest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let total: f64 = z.iter().map(|z| (z - highest).exp()).sum();
                    let right = usize::from(*digit) - 1;
                    sum += *count * (total.ln() + highest - z[right]);
                    let is_right = z.iter().position(|z| *z == highest) == Some(right);
                    *count = if is_right { f64::from(self.spec.fixed_point.factor()) } else { 1.0 };
                }
            }
            softmax(&mut prediction, sizes.digits, 1.0);
        }
        sum
    }

    /// One block (`specs/sudoku.md` §1.3).
    fn block(&self, block: &Block<'_>, x: &mut [f64], drops: &Drops<'_>) {
        let a = self.norm(block.norms[0], x);
        let mut out = block.out.forward(&self.attend(block, &a, drops));
        drops.apply(1, &mut out);
        add(x, &out);
        let mut hidden = block.linear1.forward(&self.norm(block.norms[1], x));
        hidden.iter_mut().for_each(|h| *h = h.max(0.0));
        drops.apply(2, &mut hidden);
        let mut out = block.linear2.forward(&hidden);
        drops.apply(3, &mut out);
        add(x, &out);
    }

    fn norm(&self, norm: NormPlace, x: &[f64]) -> Vec<f64> {
        let width = self.spec.sizes.width;
        let (mut normal, mut inverse) = (vec![0.0; x.len()], vec![0.0; x.len() / width]);
        normalise(x, width, &mut normal, &mut inverse);
        let (scale, shift) = (&self.weights[norm.scale..][..width], &self.weights[norm.shift..][..width]);
        for row in normal.chunks_exact_mut(width) {
            row.iter_mut().zip(scale).zip(shift).for_each(|((n, scale), shift)| *n = *n * scale + shift);
        }
        normal
    }

    /// concat_heads(A v) for a normalised input.
    fn attend(&self, block: &Block<'_>, a: &[f64], drops: &Drops<'_>) -> Vec<f64> {
        let sizes = &self.spec.sizes;
        let (width, cells, head) = (sizes.width, sizes.cells, sizes.head_width());
        let turned = |linear: &Linear<'_>| {
            let mut rows = linear.forward(a);
            rotate(&mut rows, width, width, head / 2, &self.cos, &self.sin);
            rows
        };
        let (q, k, v) = (turned(&block.query), turned(&block.key), block.value.forward(a));
        let mut weights = vec![0.0; sizes.heads * cells * cells];
        for (h, weights) in weights.chunks_exact_mut(cells * cells).enumerate() {
            let mut keys = Panels::new(head, cells);
            keys.fill_transposed(&k, width, h * head, 0);
            let left = Left { data: &q, stride: width, first: h * head, depth: head, rows: cells };
            multiply(left, &keys, To::whole(weights, cells, Put::Set));
        }
        softmax(&mut weights, cells, 1.0 / (head as f64).sqrt());
        drops.apply(0, &mut weights);
        let mut mixed = vec![0.0; cells * width];
        for (h, weights) in weights.chunks_exact(cells * cells).enumerate() {
            let mut values = Panels::new(cells, head);
            values.fill(&v, width, h * head);
            let to = To { data: &mut mixed, stride: width, first: h * head, put: Put::Set };
            multiply(Left::whole(weights, cells), &values, to);
        }
        mixed
    }
}

fn add(to: &mut [f64], from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}
