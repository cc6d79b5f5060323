//! What a routed network did in one iteration: the weights of its heads, the state of its controller, who
//! has halted; and what can be read from them.

use serde::{Deserialize, Serialize};

use super::Probability;

/// The weights α of the heads in one iteration, before their scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    /// Heads a block.
    pub heads: u16,
    /// `[blocks × cells × heads]` row-major. A row sums to 1; to k where k heads are chosen and not weighed.
    pub weights: Vec<Probability>,
}

/// The state of a two-timescale controller after an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControllerFrame {
    /// Euclidean norm of the fast state.
    pub fast: f32,
    /// Euclidean norm of the slow state.
    pub slow: f32,
    /// Whether the slow state was updated in this iteration.
    pub slow_moved: bool,
}

/// Who had halted after an iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HaltingFrame {
    /// Halting mass of every cell so far, `[cells]`, 0 to 1.
    pub mass: Vec<Probability>,
    /// Whether the cell has halted, `[cells]`.
    pub halted: Vec<bool>,
}

impl HaltingFrame {
    /// Share of the cells that have halted.
    #[must_use]
    pub fn share(&self) -> f32 {
        self.halted.iter().filter(|h| **h).count() as f32 / self.halted.len().max(1) as f32
    }
}

impl Routing {
    /// Blocks, on a board of so many cells.
    #[must_use]
    pub fn blocks(&self, cells: usize) -> usize {
        self.weights.len() / (cells * usize::from(self.heads)).max(1)
    }

    /// α of a cell in a block, `[heads]`; nothing where there is no such cell or block.
    #[must_use]
    pub fn row(&self, cells: usize, block: usize, cell: usize) -> &[Probability] {
        let heads = usize::from(self.heads);
        let first = (block * cells + cell) * heads;
        if cell < cells { self.weights.get(first..first + heads).unwrap_or(&[]) } else { &[] }
    }

    /// All rows, `[blocks × cells]` of `[heads]`.
    pub fn rows(&self) -> impl Iterator<Item = &[Probability]> {
        self.weights.chunks_exact(usize::from(self.heads).max(1))
    }

    /// Mean entropy of the rows in nats, from 0 (one head takes all) to ln H (all alike). Rows that do not
    /// sum to 1 are first divided by their sum.
    #[must_use]
    pub fn entropy(&self) -> f32 {
        mean(self.rows().map(row_entropy))
    }

    /// Mean weight of each head, `[heads]`; of rows divided by their sums, so that it sums to 1.
    #[must_use]
    pub fn load(&self) -> Vec<f32> {
        let mut load = vec![0.0; usize::from(self.heads)];
        let mut rows = 0.0f64;
        for row in self.rows() {
            let sum = sum(row);
            rows += 1.0;
            for (l, w) in load.iter_mut().zip(row) {
                *l += f64::from(w.get()) / sum;
            }
        }
        load.into_iter().map(|l| (l / rows.max(1.0)) as f32).collect()
    }

    /// Share of the rows in which each head has the largest weight (the first of equals), `[heads]`.
    #[must_use]
    pub fn top1(&self) -> Vec<f32> {
        let mut top = vec![0u32; usize::from(self.heads)];
        let mut rows = 0u32;
        for row in self.rows() {
            let best = row.iter().enumerate().fold(0, |b, (i, w)| if *w > row[b] { i } else { b });
            top[best] += 1;
            rows += 1;
        }
        top.into_iter().map(|n| n as f32 / rows.max(1) as f32).collect()
    }
}

fn sum(row: &[Probability]) -> f64 {
    row.iter().map(|w| f64::from(w.get())).sum::<f64>().max(1e-9)
}

/// Entropy of one row in nats, divided by its sum first.
#[must_use]
pub fn row_entropy(row: &[Probability]) -> f32 {
    let sum = sum(row);
    let h: f64 = row.iter().map(|w| f64::from(w.get()) / sum).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
    h as f32
}

fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (mut sum, mut count) = (0.0f64, 0u32);
    for v in values {
        sum += f64::from(v);
        count += 1;
    }
    (sum / f64::from(count.max(1))) as f32
}

/// What a router did on a training batch: means over its cells, the blocks and, but for the entropy, the
/// iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoutingMetrics {
    /// Entropy of α in nats by iteration, `[T]`.
    pub entropy: Vec<f32>,
    /// Mean weight of each head, `[heads]`; it sums to 1.
    pub load: Vec<f32>,
    /// Share of the cells in which each head has the largest weight, `[heads]`.
    pub top1: Vec<f32>,
    /// How much α differs from cell to cell: its standard deviation over the batch's cells, mean over the
    /// heads.
    pub spread: f32,
    /// Norm of the gradient of all parameters of routers and controllers.
    pub gradient_norm: f32,
}

/// Something about a router that one should know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RoutingAlarm {
    /// Its parameters get no gradient: it stays what it was.
    NoGradient,
    /// α is the same for every cell of every board: it could be a constant.
    Constant,
    /// One head has nearly all the weight.
    OneHead {
        /// Which, from 1.
        head: usize,
        /// Its mean weight.
        load: f32,
    },
}

/// α that differs less than this from cell to cell counts as constant. A fresh router, whose logits are
/// about 0.1 apart, has some thousandths.
pub const CONSTANT: f32 = 1e-4;
/// A head with more than this share of the weight takes all.
pub const TAKES_ALL: f32 = 0.95;

impl RoutingMetrics {
    /// What is wrong with the router, if something is.
    #[must_use]
    pub fn alarm(&self) -> Option<RoutingAlarm> {
        if self.gradient_norm == 0.0 {
            return Some(RoutingAlarm::NoGradient);
        }
        let (head, load) = self.load.iter().enumerate().fold((0, 0.0), |b, (i, l)| if *l > b.1 { (i, *l) } else { b });
        if load > TAKES_ALL && self.load.len() > 1 {
            return Some(RoutingAlarm::OneHead { head: head + 1, load });
        }
        (self.spread < CONSTANT).then_some(RoutingAlarm::Constant)
    }
}

impl std::fmt::Display for RoutingAlarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoGradient => {
                f.write_str("The router is dead: it gets no gradient, so it stays what it was at the start.")
            }
            Self::Constant => f.write_str("The router is dead: it weighs the heads alike for every cell."),
            Self::OneHead { head, load } => {
                write!(f, "Head {head} takes all: {:.0} % of the weight.", 100.0 * load)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routing(rows: &[[f32; 2]]) -> Routing {
        Routing { heads: 2, weights: rows.iter().flatten().map(|w| Probability::from_f32(*w)).collect() }
    }

    #[test]
    fn rows_are_found_and_summed_up() {
        // Two blocks of two cells.
        let r = routing(&[[1.0, 0.0], [0.5, 0.5], [0.25, 0.75], [1.0, 1.0]]);
        assert_eq!(r.blocks(2), 2);
        assert_eq!(r.row(2, 1, 0)[1], Probability::from_f32(0.75));
        assert!(r.row(2, 2, 0).is_empty() && r.row(2, 0, 2).is_empty());
        let load = r.load();
        assert!((load[0] - 0.5625).abs() < 1e-4 && (load[0] + load[1] - 1.0).abs() < 1e-6, "{load:?}");
        assert_eq!(r.top1(), [0.75, 0.25]);
        let third = -(0.25f32 * 0.25f32.ln() + 0.75 * 0.75f32.ln());
        assert!((r.entropy() - (2.0 * 2f32.ln() + third) / 4.0).abs() < 1e-4);
    }

    #[test]
    fn alarms_are_told_apart() {
        let well = RoutingMetrics {
            entropy: vec![0.5],
            load: vec![0.4, 0.6],
            top1: vec![0.5, 0.5],
            spread: 0.1,
            gradient_norm: 0.01,
        };
        assert_eq!(well.alarm(), None);
        let dead = RoutingMetrics { gradient_norm: 0.0, ..well.clone() };
        assert_eq!(dead.alarm(), Some(RoutingAlarm::NoGradient));
        let constant = RoutingMetrics { spread: 0.0, ..well.clone() };
        assert_eq!(constant.alarm(), Some(RoutingAlarm::Constant));
        let greedy = RoutingMetrics { load: vec![0.02, 0.98], ..well };
        assert_eq!(greedy.alarm(), Some(RoutingAlarm::OneHead { head: 2, load: 0.98 }));
        assert_eq!(greedy.alarm().unwrap().to_string(), "Head 2 takes all: 98 % of the weight.");
    }
}
