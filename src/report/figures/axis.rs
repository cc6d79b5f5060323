//! Axes: which part of the numbers they show, and where their labels stand.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use crate::report::series::thousands;

/// How values are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Scale {
    Linear,
    Log2,
    Log10,
}

/// An axis. Coordinates are values on a linear axis, and their logarithms on the others.
#[derive(Clone, Debug)]
pub(in crate::report) struct Axis {
    pub label: String,
    pub scale: Scale,
    range: Option<(f64, f64)>,
}

impl Axis {
    pub fn new(label: impl Into<String>, scale: Scale) -> Self {
        Self { label: label.into(), scale, range: None }
    }

    /// Shows at least from `low` to `high`.
    pub fn over(mut self, low: f64, high: f64) -> Self {
        for v in [low, high] {
            self.include(v);
        }
        self
    }

    /// Shows all values of these points that can be shown.
    pub fn holding(mut self, points: &[[f64; 2]]) -> Self {
        points.iter().for_each(|p| self.include(p[1]));
        self
    }

    fn include(&mut self, value: f64) {
        if let Some(c) = self.coordinate(value) {
            let (low, high) = self.range.unwrap_or((c, c));
            self.range = Some((low.min(c), high.max(c)));
        }
    }

    /// Where a value stands; none for one that cannot be shown.
    pub fn coordinate(&self, value: f64) -> Option<f64> {
        let c = match self.scale {
            Scale::Linear => value,
            Scale::Log2 => value.log2(),
            Scale::Log10 => value.log10(),
        };
        // Beyond this the difference of two would be infinite.
        (c.abs() < 1e300).then_some(c)
    }

    /// The shown part, never empty: whole decades on a decimal axis.
    pub fn range(&self) -> (f64, f64) {
        let (low, high) = self.range.unwrap_or((0.0, 1.0));
        match self.scale {
            Scale::Log10 => {
                let (low, high) = (low.floor(), high.ceil());
                (low, high.max(low + 1.0))
            }
            _ if high - low > f64::EPSILON * high.abs().max(1.0) => (low, high),
            _ => {
                let half = (0.01 * low.abs()).max(0.5);
                (low - half, low + half)
            }
        }
    }

    /// Coordinates of the labels: whole powers on a logarithmic axis, else multiples of 1, 2 or 5
    /// times a power of ten; at most about eight.
    pub fn ticks(&self) -> Vec<f64> {
        const MOST: f64 = 8.0;
        let (low, high) = self.range();
        let rough = (high - low) / MOST;
        let step = match self.scale {
            Scale::Linear => {
                let power = 10f64.powf(rough.log10().floor());
                [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(rough)
            }
            _ => rough.ceil().max(1.0),
        };
        let first = (low / step - 1e-9).ceil();
        (0..=2 * MOST as u32).map(|i| (first + f64::from(i)) * step).take_while(|t| *t <= high + step * 1e-6).collect()
    }

    /// The label at a coordinate.
    pub fn tick_label(&self, coordinate: f64) -> String {
        match self.scale {
            Scale::Linear => linear_label(coordinate, self.range()),
            Scale::Log2 => thousands(coordinate.exp2().round() as u64),
            Scale::Log10 => match coordinate.round() as i32 {
                power @ -3..=4 => format!("{}", 10f64.powi(power)),
                power => format!("1e{power}"),
            },
        }
    }
}

/// A range with labels at given places: plotters' own choice knows no powers of two, and its
/// ranges with chosen labels cannot be formatted.
pub(in crate::report) struct Ticked {
    /// What is shown.
    pub range: Range<f64>,
    /// Where labels and grid lines stand.
    pub ticks: Vec<f64>,
}

impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        // `as` saturates; a share beyond the plot is never drawn, since the range holds all points.
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        // Only for the labelled lines, not for the lighter ones between them.
        if hint.bold_points() == 0 { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// As many decimals as the range asks for, thousands separated.
fn linear_label(value: f64, (low, high): (f64, f64)) -> String {
    let span = high - low;
    if span >= 8.0 && value.abs() < 1e15 {
        let sign = if value < -0.5 { "−" } else { "" };
        return format!("{sign}{}", thousands(value.abs().round() as u64));
    }
    if span >= 1e-4 && value.abs() < 1e9 {
        let decimals = (1.0 - (span / 8.0).log10()).ceil().clamp(1.0, 6.0) as usize;
        let text = format!("{:.decimals$}", if value == 0.0 { 0.0 } else { value });
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{value:.2e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|t| axis.tick_label(t)).collect()
    }

    #[test]
    fn labels_are_round() {
        let axis = |scale, low, high| Axis::new("", scale).over(low, high);
        assert_eq!(labels(&axis(Scale::Log2, 1.0, 1024.0)), ["1", "4", "16", "64", "256", "1,024"]);
        assert_eq!(labels(&axis(Scale::Log2, 1.0, 20.0)), ["1", "2", "4", "8", "16"]);
        assert_eq!(labels(&axis(Scale::Log10, 2e-4, 0.3)), ["1e-4", "0.001", "0.01", "0.1", "1"]);
        assert_eq!(labels(&axis(Scale::Linear, 0.0, 2.197)), ["0", "0.5", "1", "1.5", "2"]);
        assert_eq!(labels(&axis(Scale::Linear, 0.0, 100.0)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&axis(Scale::Linear, 0.0, 50_000.0)).last().map(String::as_str), Some("50,000"));
    }

    #[test]
    fn no_range_is_empty() {
        for scale in [Scale::Linear, Scale::Log2, Scale::Log10] {
            for points in [
                vec![],
                vec![[1.0, f64::NAN]],
                vec![[1.0, 0.0]],
                vec![[1.0, 5.0]],
                vec![[0.0, 3e299]],
                vec![[0.0, f64::MAX]],
            ] {
                let axis = Axis::new("", scale).holding(&points);
                let (low, high) = axis.range();
                assert!(low < high, "{scale:?} {points:?}");
                assert!(axis.ticks().len() < 20);
            }
        }
    }
}
