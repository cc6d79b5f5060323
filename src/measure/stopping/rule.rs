//! The rules, each on one board.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::measure::timeline::{Timeline, at};

/// When to answer, and with what. No rule but the bound knows the solution; each sees the iterations in order, and
/// those that say so need all of them before they decide. Where a rule comes to no decision in T iterations, the
/// answer is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// After the iterations that the model was trained with.
    AtTrained,
    /// After iteration T.
    Last,
    /// The answer of the most confident iteration, the earliest of equals. Needs all T. With `from` at 1 rule 1 of
    /// `specs/sudoku.md` §5.5, with 17 its variant.
    PeakConfidence {
        /// The first iteration whose answer may be given.
        from: u32,
    },
    /// Before confidence drops: the trailing mean over `width` iterations (fewer at the beginning) is smaller than
    /// an iteration before, whose answer is given. Rule 2 of §5.5 with 3 and 17.
    ConfidenceDrop {
        /// Iterations in the trailing mean.
        width: u32,
        /// The first iteration whose answer may be given.
        from: u32,
    },
    /// As soon as the answer is that of two iterations before. Rule 3 of §5.5 with 17, there called oscillation;
    /// it fires on a settled answer just as on a cycle of period 2, so what it says is “no change over two steps”.
    SettledOrCycle {
        /// The first iteration whose answer may be given: it is compared with that of `from` + 2.
        from: u32,
    },
    /// As soon as no blank cell has changed for so many iterations, as [`crate::measure::Exit::Unchanged`] has it.
    Unchanged {
        /// Iterations without a change, at least 1.
        iterations: u32,
    },
    /// As soon as the state has moved outward for so many iterations in a row.
    ///
    /// A settled answer gets the same update again and again, so the state grows by all of it; in a wandering one
    /// updates of changing directions nearly cancel (`specs/sudoku.md` §10: the norm of solved boards grows far
    /// faster than that of unsolved ones). Measured without a scale by growth over movement,
    /// (‖S_t‖ / ‖S_(t−1)‖ − 1) / residual_t: 1 where a state is only lengthened, about 0 where it is turned, below 0
    /// where it shrinks. ‖S‖ is the mean over the cells and the residual is of the board, so it is not exactly
    /// bounded by 1. A state that does not move at all counts as settled. On the traces of the shipped 4×4 and 6×6
    /// models it is 0.5 to 0.85 while cells flip, and above 0.9 from about three iterations after the last flip.
    StateNorm {
        /// Growth over movement must be at least this.
        outward: f32,
        /// For so many iterations in a row, at least 1.
        iterations: u32,
    },
    /// As soon as the residual has been below a bound for so many iterations in a row. Of a state that grows by the
    /// same in every iteration the residual falls as 1 / t, so with such a model the bound is little more than a
    /// fixed number of iterations; with one whose state converges it tells when.
    Residual {
        /// The bound: ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖ must be less.
        below: f32,
        /// For so many iterations in a row, at least 1.
        iterations: u32,
    },
    /// The first answer that is full, obeys the rules and keeps the clues, which is free to check.
    Valid,
    /// The answer with the fewest rows, columns and boxes that hold a digit twice; of equals the most confident,
    /// then the earliest. Needs all T.
    FewestViolations,
    /// As soon as the model's halting head says so: its logit is at least 0 (`specs/sudoku.md` §4.1), as
    /// [`crate::measure::Exit::QHead`] has it. Of a model without such a head it comes to no decision.
    HaltingHead,
    /// The first answer that is right. No rule, for it knows the solution: the bound of what any rule can solve.
    Oracle,
}

/// What a rule does with a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The iteration, from 1, whose answer is given.
    pub answer: u32,
    /// Iterations run until then.
    pub spent: u32,
    /// Whether the rule came to a decision; else the last answer is given.
    pub decided: bool,
}

impl Rule {
    /// One of each kind with usual settings, for a model that was trained with so many iterations. Those of the
    /// original where it has the rule, its 17 being the first iteration beyond the trained ones. `halting` says whether
    /// the model has a halting head.
    #[must_use]
    pub fn usual(trained: u32, halting: bool) -> Vec<Self> {
        let from = trained.saturating_add(1);
        let mut rules = vec![
            Self::AtTrained,
            Self::Last,
            Self::PeakConfidence { from: 1 },
            Self::PeakConfidence { from },
            Self::ConfidenceDrop { width: 3, from },
            Self::SettledOrCycle { from },
            Self::Unchanged { iterations: 8 },
            Self::StateNorm { outward: 0.9, iterations: 3 },
            Self::Residual { below: 0.05, iterations: 3 },
            Self::FewestViolations,
            Self::Valid,
        ];
        rules.extend(halting.then_some(Self::HaltingHead));
        rules.push(Self::Oracle);
        rules
    }

    /// What it does with a board.
    pub(in crate::measure) fn choose(self, line: &Timeline, trained: u32) -> Choice {
        let end = line.iterations();
        let last = Choice { answer: end, spent: end, decided: false };
        let now = |t: u32| Choice { answer: t, spent: t, decided: true };
        // Answers with an iteration of the past once all are known, or earlier at `spent`.
        let back = |answer: u32, spent: u32| Choice { answer, spent, decided: true };
        let found = match self {
            Self::AtTrained => (1..=end).contains(&trained).then(|| now(trained)),
            Self::Last => Some(now(end)),
            Self::PeakConfidence { from } => {
                let candidates = line.all().skip_while(|t| *t < from).map(|t| (t, line.confidence(t)));
                largest(candidates).map(|t| back(t, end))
            }
            Self::ConfidenceDrop { width, from } => {
                let smoothed = |t: u32| {
                    let first = t.saturating_sub(width.max(1) - 1).max(1);
                    let sum: f64 = (first..=t).map(|i| f64::from(line.confidence(i))).sum();
                    sum / f64::from(t - first + 1)
                };
                let drop = line.all().skip(1).find(|t| *t > from && smoothed(*t) < smoothed(*t - 1));
                drop.map(|t| back(t - 1, t))
            }
            Self::SettledOrCycle { from } => {
                let same = |t: &u32| line.hash(*t) == line.hash(*t - 2);
                let repeats = line.all().skip(2).filter(|t| *t - 2 >= from).find(same);
                repeats.map(|t| back(t - 2, t))
            }
            Self::Unchanged { iterations } => {
                let still = |t| t > 1 && at(&line.flips, t) == Some(0);
                in_a_row(line, iterations, still).map(now)
            }
            Self::StateNorm { outward, iterations } => in_a_row(line, iterations, |t| {
                let residual = line.residual(t);
                let growth = || (line.state_norm(t) / line.state_norm(t - 1) - 1.0) / residual;
                t > 1 && (residual == 0.0 || growth() >= outward)
            })
            .map(now),
            Self::Residual { below, iterations } => in_a_row(line, iterations, |t| line.residual(t) < below).map(now),
            Self::Valid => line.all().find(|t| at(&line.valid, *t) == Some(true)).map(now),
            Self::FewestViolations => {
                let fewest = line.violations.iter().min();
                let candidates = line.all().filter(|t| at(&line.violations, *t).as_ref() == fewest);
                largest(candidates.map(|t| (t, line.confidence(t)))).map(|t| back(t, end))
            }
            Self::HaltingHead => line.all().find(|t| line.halting(*t).is_some_and(|q| q >= 0.0)).map(now),
            Self::Oracle => line.first_solved().map(now),
        };
        found.unwrap_or(last)
    }
}

/// The iteration with the largest value, the earliest of equals; what is no number is never the largest.
fn largest(values: impl Iterator<Item = (u32, f32)>) -> Option<u32> {
    let mut best: Option<(u32, f32)> = None;
    for (t, value) in values {
        if !value.is_nan() && best.is_none_or(|(_, b)| value > b) {
            best = Some((t, value));
        }
    }
    best.map(|(t, _)| t)
}

/// The first iteration with which something has been so for `count` iterations in a row.
fn in_a_row(line: &Timeline, count: u32, so: impl Fn(u32) -> bool) -> Option<u32> {
    let mut row = 0;
    line.all().find(|t| {
        row = if so(*t) { row + 1 } else { 0 };
        row >= count.max(1)
    })
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtTrained => f.write_str("after the trained iterations"),
            Self::Last => f.write_str("after all iterations"),
            Self::PeakConfidence { from: 0 | 1 } => f.write_str("peak confidence"),
            Self::PeakConfidence { from } => write!(f, "peak confidence from {from}"),
            Self::ConfidenceDrop { width, from } => write!(f, "confidence drop over {width} from {from}"),
            Self::SettledOrCycle { from } => write!(f, "settled or 2-cycle from {from}"),
            Self::Unchanged { iterations } => write!(f, "unchanged for {iterations}"),
            Self::StateNorm { outward, iterations } => write!(f, "state outward {outward} for {iterations}"),
            Self::Residual { below, iterations } => write!(f, "residual below {below} for {iterations}"),
            Self::Valid => f.write_str("valid"),
            Self::FewestViolations => f.write_str("fewest violations"),
            Self::HaltingHead => f.write_str("halting head"),
            Self::Oracle => f.write_str("bound: first right answer"),
        }
    }
}
