//! What a trace comes to, in plain sentences.

use std::fmt;

use super::{Curves, EventKind, Iteration, LASTING};

/// How a forward pass went, as far as it was recorded. The tests are those of [`EventKind`].
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing was recorded.
    Empty,
    /// Too few frames to tell, and not solved so far.
    TooShort {
        /// Frames recorded.
        frames: u32,
    },
    /// The state stopped being finite.
    NotFinite {
        /// First iteration with an infinite state or one that is no number.
        at: Iteration,
        /// First solved iteration before that.
        solved: Option<Iteration>,
    },
    /// The answer is a solution and has not changed for at least three iterations.
    Settled {
        /// First solved iteration.
        solved: Iteration,
        /// From here on nothing changes.
        settled: Iteration,
        /// How often the solution was lost in between.
        losses: u32,
    },
    /// The last answer is a solution, but too few iterations follow to call it settled.
    Solved {
        /// First solved iteration.
        solved: Iteration,
        /// Solved without a gap since then.
        since: Iteration,
    },
    /// The answer settled and is wrong, and it never was right.
    SettledWrong {
        /// From here on nothing changes.
        settled: Iteration,
        /// Blank cells that are wrong, where the solution is known.
        wrong: Option<u32>,
        /// Rows, columns and boxes that hold a digit twice.
        violations: u32,
    },
    /// The answers repeat.
    Repeats {
        /// Iterations in a period.
        period: u32,
        /// From here on.
        from: Iteration,
        /// First solved iteration, if there was one.
        solved: Option<Iteration>,
        /// Whether one of the repeated answers is a solution.
        visits_solution: bool,
    },
    /// It had the solution, or much of it, and left it for good.
    Collapsed {
        /// First solved iteration, if there was one.
        solved: Option<Iteration>,
        /// When it was left.
        lost: Iteration,
        /// Where the wrong answer settled.
        settled: Option<Iteration>,
        /// Period and first iteration of wrong answers that repeat.
        repeats: Option<(u32, Iteration)>,
    },
    /// The answer still changes, without a pattern, and is no solution at the end.
    Wanders {
        /// Mean flips of the last quarter of the frames.
        flips: f32,
        /// First solved iteration, if there was one.
        solved: Option<Iteration>,
        /// Frames recorded.
        frames: u32,
    },
}

impl Verdict {
    /// The verdict on what was read so far.
    #[must_use]
    pub fn of(curves: &Curves) -> Self {
        let n = curves.len();
        if n == 0 {
            return Self::Empty;
        }
        let last = Iteration(n as u32);
        let events = curves.events();
        let first = |want: fn(EventKind) -> bool| events.iter().find(|e| want(e.kind)).map(|e| e.iteration);
        let solved = first(|k| k == EventKind::FirstSolved);
        let settled = first(|k| k == EventKind::Settled);
        let repeats = events.iter().find_map(|e| match e.kind {
            EventKind::Cycle { period } => Some((period, e.iteration)),
            _ => None,
        });
        if let Some(at) = first(|k| k == EventKind::NotFinite) {
            return Self::NotFinite { at, solved: solved.filter(|s| *s < at) };
        }
        if let Some(lost) = first(|k| k == EventKind::Collapsed) {
            return Self::Collapsed { solved, lost, settled, repeats };
        }
        if let Some((period, from)) = repeats {
            let visits_solution = curves.valid.get(from.0 as usize - 1..).is_some_and(|v| v.contains(&true));
            return Self::Repeats { period, from, solved, visits_solution };
        }
        if let (Some(solved), true) = (solved, curves.solved(last)) {
            let losses = events.iter().filter(|e| e.kind == EventKind::LostSolution).count() as u32;
            let gap = curves.valid.iter().rposition(|v| !*v).map_or(0, |i| i + 1);
            return match settled {
                Some(settled) => Self::Settled { solved, settled, losses },
                None => Self::Solved { solved, since: Iteration(gap as u32 + 1) },
            };
        }
        if let Some(settled) = settled {
            let right = curves.correct.last().copied().flatten();
            return Self::SettledWrong {
                settled,
                wrong: right.map(|r| curves.blanks().saturating_sub(r)),
                violations: curves.violations.last().copied().unwrap_or(0),
            };
        }
        if n <= LASTING && solved.is_none() {
            return Self::TooShort { frames: n as u32 };
        }
        let tail = &curves.flips[n - n.div_ceil(4)..];
        let flips = tail.iter().sum::<u32>() as f32 / tail.len() as f32;
        Self::Wanders { flips, solved, frames: n as u32 }
    }

    /// Whether the last answer is a solution that holds.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Settled { .. } | Self::Solved { .. })
    }
}

/// An integer with thousands separated: 1,024.
fn thousands(n: u32) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// "1 cell is", "3 cells are".
fn counted(n: u32, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", thousands(n)) }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |i: &Iteration| format!("iteration {}", thousands(i.0));
        match self {
            Self::Empty => write!(f, "No iteration has been recorded yet."),
            Self::TooShort { frames } => {
                write!(f, "Not solved after {}: too few to say more.", counted(*frames, "iteration", "iterations"))
            }
            Self::NotFinite { at: when, solved } => {
                if let Some(solved) = solved {
                    write!(f, "Solved at {}. ", at(solved))?;
                }
                write!(f, "The state is no longer finite from {}: no answer after it means anything.", at(when))
            }
            Self::Settled { solved, settled, losses: 0 } if solved == settled => {
                write!(f, "Solved and settled from {}.", at(solved))
            }
            Self::Settled { solved, settled, losses: 0 } => {
                write!(f, "Solved at {} and settled from {}.", at(solved), at(settled))
            }
            Self::Settled { solved, settled, losses } => write!(
                f,
                "Solved at {}, lost {} and found again, settled from {}.",
                at(solved),
                counted(*losses, "time", "times"),
                at(settled)
            ),
            Self::Solved { solved, since } if solved == since => {
                write!(f, "Solved at {}; too few iterations follow to say whether it settles.", at(solved))
            }
            Self::Solved { solved, since } => {
                write!(
                    f,
                    "Solved at {}, lost and found again; solved since {}, not settled yet.",
                    at(solved),
                    at(since)
                )
            }
            Self::SettledWrong { settled, wrong, violations } => {
                write!(f, "Settled on a wrong answer from {}: ", at(settled))?;
                if let Some(wrong) = wrong {
                    write!(f, "{} wrong and ", counted(*wrong, "cell is", "cells are"))?;
                }
                let units = counted(*violations, "row, column or box holds", "rows, columns and boxes hold");
                write!(f, "{units} a digit twice.")
            }
            Self::Repeats { period, from, solved, visits_solution } => {
                write!(f, "Repeats with period {period} from {}.", at(from))?;
                match (solved, visits_solution) {
                    (Some(solved), true) => {
                        write!(
                            f,
                            " The solution, first found at {}, is one of the answers it goes through.",
                            at(solved)
                        )
                    }
                    (Some(solved), false) => write!(f, " It was solved at {}, but no longer is.", at(solved)),
                    (None, _) => write!(f, " It was never solved."),
                }
            }
            Self::Collapsed { solved, lost, settled, repeats } => {
                match solved {
                    Some(solved) => {
                        write!(f, "Solved at {}, then lost it at {}: the answer collapses.", at(solved), at(lost))?;
                    }
                    None => write!(
                        f,
                        "Never solved, and from {} far fewer cells are right than before: the answer collapses.",
                        at(lost)
                    )?,
                }
                match (settled, repeats) {
                    (Some(settled), _) => write!(f, " It settled on a wrong answer from {}.", at(settled)),
                    (None, Some((period, from))) => {
                        write!(f, " It repeats with period {period} from {}.", at(from))
                    }
                    (None, None) => Ok(()),
                }
            }
            Self::Wanders { flips, solved, frames } => {
                let after = counted(*frames, "iteration", "iterations");
                write!(f, "Wanders: after {after} it still changes {flips:.1} cells an iteration")?;
                match solved {
                    Some(solved) => write!(f, "; it was solved at {}, but no longer is.", at(solved)),
                    None => write!(f, " and has not solved the puzzle."),
                }
            }
        }
    }
}
