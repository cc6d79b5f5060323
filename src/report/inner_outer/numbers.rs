//! The numbers behind the figures and the tables, and how they are written.

use serde::Serialize;

use super::reading;
use crate::report::series::thousands;
use crate::trace::ProbeReport;

/// How the loss falls from iteration to iteration in one probe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drops {
    /// Iterations of the probe, at least 2.
    pub iterations: u32,
    /// Loss of iteration 1 less that of iteration 2, in nats: positive where it falls.
    pub first_drop: f64,
    /// Loss of the last but one iteration less that of the last, in nats; nothing where these are the first
    /// two.
    pub last_drop: Option<f64>,
    /// Last drop in percent of the first: how much of an iteration's work is left at the end; negative where
    /// the loss rises there. Nothing where there are only two iterations (the original says 0), and where the
    /// first one does not lower the loss, of which no share can be taken.
    pub efficiency_percent: Option<f64>,
}

impl Drops {
    /// Of a probe; nothing where it has no two losses.
    #[must_use]
    pub fn of(probe: &ProbeReport) -> Option<Self> {
        let loss: Vec<f64> = probe.readings.iter().map(|r| r.loss.into()).collect();
        let [a, b, ..] = loss[..] else { return None };
        let first_drop = a - b;
        let last_drop = match loss[..] {
            [.., y, z] if loss.len() > 2 => Some(y - z),
            _ => None,
        };
        let efficiency_percent =
            last_drop.filter(|_| first_drop > 0.0).map(|l| 100.0 * l / first_drop).filter(|e| e.is_finite());
        Some(Self { iterations: loss.len() as u32, first_drop, last_drop, efficiency_percent })
    }

    /// All of it in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let first = format!("drop from iteration 1 to 2: {}", nats(self.first_drop));
        let Some(last) = self.last_drop else { return format!("The only {first}") };
        let (before, n) = (thousands((self.iterations - 1).into()), thousands(self.iterations.into()));
        let efficiency = match self.efficiency_percent {
            Some(e) => format!("efficiency, last / first: {} %", share(e)),
            None => "no efficiency, as the first is no drop".to_owned(),
        };
        format!("First {first} · last, {before} to {n}: {} · {efficiency}", nats(last))
    }
}

/// Change from one loss to another, and that in percent of the first.
pub(super) fn change(from: f64, to: f64) -> (f64, f64) {
    (to - from, 100.0 * (to - from) / from)
}

/// A running mean over min(50, n / 10) points, as the original has it; nothing where that is no more than
/// one. A mean stands in the middle of its points, so that it does not lag behind them, and there is none at the
/// ends, where it would be of fewer.
pub(super) fn moving_average(points: &[[f64; 2]]) -> Option<(usize, Vec<[f64; 2]>)> {
    let window = (points.len() / 10).min(50);
    if window < 2 {
        return None;
    }
    let mean = |w: &[[f64; 2]], i: usize| w.iter().map(|p| p[i]).sum::<f64>() / window as f64;
    Some((window, points.windows(window).map(|w| [mean(w, 0), mean(w, 1)]).collect()))
}

/// A range of iterations and the mean time of one of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    /// From this iteration.
    pub first: u32,
    /// To this one.
    pub last: u32,
    /// Mean over the range and over the probes, in milliseconds.
    pub mean: f64,
}

/// Mean time by iteration over all probes that have it, in at most `most` ranges of equal length (the last
/// may be shorter). Values that are no number are left out.
pub(super) fn times(probes: &[&ProbeReport], most: u32) -> Vec<Times> {
    let longest = probes.iter().map(|p| p.readings.len()).max().unwrap_or(0) as u32;
    let length = longest.div_ceil(most.max(1)).max(1);
    let range = |first: u32| {
        let last = (first + length - 1).min(longest);
        let all: Vec<f64> = (first..=last)
            .flat_map(|i| probes.iter().filter_map(move |p| reading(p, i)))
            .map(|r| f64::from(r.milliseconds))
            .filter(|m| m.is_finite())
            .collect();
        (!all.is_empty()).then(|| Times { first, last, mean: all.iter().sum::<f64>() / all.len() as f64 })
    };
    (1..=longest).step_by(length as usize).filter_map(range).collect()
}

/// Four decimals, or three digits of a small number; a true minus sign.
pub(super) fn number(x: f64) -> String {
    let text = match x.abs() {
        _ if x.is_nan() => return "no number".into(),
        f64::INFINITY => "∞".into(),
        a if a == 0.0 || (1e-3..1e6).contains(&a) => format!("{a:.4}"),
        a => format!("{a:.2e}"),
    };
    if x < 0.0 { format!("−{text}") } else { text }
}

fn nats(x: f64) -> String {
    if x.is_nan() { number(x) } else { number(x) + " nats" }
}

/// A percentage without its sign: one decimal, and two digits of a small one.
pub(super) fn share(percent: f64) -> String {
    let text = match percent.abs() {
        _ if percent.is_nan() => return "no number".into(),
        f64::INFINITY => "∞".into(),
        a if a >= 0.95 || a == 0.0 => format!("{a:.1}"),
        a if a >= 0.095 => format!("{a:.2}"),
        a if a >= 0.0095 => format!("{a:.3}"),
        a => format!("{a:.1e}"),
    };
    if percent < 0.0 { format!("−{text}") } else { text }
}

/// A percentage in one decimal, without its sign.
pub(super) fn tenths(percent: f64) -> String {
    if percent.is_nan() { number(percent) } else { format!("{percent:.1}").replace('-', "−") }
}

/// With a sign in front of a rise too.
pub(super) fn signed(text: String) -> String {
    if text.starts_with('−') || text == "no number" { text } else { format!("+{text}") }
}
