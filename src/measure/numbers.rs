//! Numbers that several measurements give.

use serde::{Deserialize, Serialize};

use crate::tasks::sudoku::Bucket;
use crate::trace::Count;

/// A part of some boards, with the 95 % Wilson interval of its share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Boards of which it is true.
    pub count: u32,
    /// Boards in all.
    pub of: u32,
    /// Lower edge of the share's interval, 0..=1; 0 where there are no boards.
    pub low: f64,
    /// Upper edge; 1 where there are no boards.
    pub high: f64,
}

impl Part {
    /// So many of so many.
    #[must_use]
    pub fn new(count: u32, of: u32) -> Self {
        let (low, high) = if of == 0 { (0.0, 1.0) } else { Count { solved: count, of }.interval() };
        Self { count, of, low, high }
    }

    /// The share, 0..=1; none of no boards.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| f64::from(self.count) / f64::from(self.of))
    }
}

impl Default for Part {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

/// Least, quartiles, most and mean of some whole numbers. Quartiles between two numbers are linear in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Numbers.
    pub n: u32,
    /// The least.
    pub least: u32,
    /// A quarter is not above it.
    pub lower: f64,
    /// Half is not above it.
    pub median: f64,
    /// Three quarters are not above it.
    pub upper: f64,
    /// The most.
    pub most: u32,
    /// Arithmetic mean.
    pub mean: f64,
}

impl Spread {
    /// Of these numbers; none of none.
    #[must_use]
    pub fn of(mut numbers: Vec<u32>) -> Option<Self> {
        numbers.sort_unstable();
        let (least, most) = (*numbers.first()?, *numbers.last()?);
        let at = |share: f64| {
            let place = share * (numbers.len() - 1) as f64;
            let value = |i: f64| numbers.get(i as usize).copied().map_or(f64::from(most), f64::from);
            value(place.floor()) + (value(place.ceil()) - value(place.floor())) * place.fract()
        };
        let sum: u64 = numbers.iter().map(|n| u64::from(*n)).sum();
        Some(Self {
            n: numbers.len() as u32,
            least,
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
            most,
            mean: sum as f64 / numbers.len() as f64,
        })
    }
}

/// The same of all boards, and of those of each bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split<T> {
    /// All boards.
    pub all: T,
    /// By difficulty; all five, in rising order.
    pub buckets: Vec<(Bucket, T)>,
}

impl<T: Default> Default for Split<T> {
    fn default() -> Self {
        Self { all: T::default(), buckets: Bucket::ALL.map(|b| (b, T::default())).into() }
    }
}

impl<T> Split<T> {
    /// Changes what is known of all boards and of this bucket alike.
    pub(super) fn add(&mut self, bucket: Bucket, mut change: impl FnMut(&mut T)) {
        change(&mut self.all);
        self.buckets.iter_mut().filter(|(b, _)| *b == bucket).for_each(|(_, t)| change(t));
    }

    /// Makes something else of each.
    pub(super) fn map<U>(self, mut make: impl FnMut(T) -> U) -> Split<U> {
        Split { all: make(self.all), buckets: self.buckets.into_iter().map(|(b, t)| (b, make(t))).collect() }
    }

    /// All boards, then every bucket, with a label: “all”, “0”, “1-2”, ….
    pub fn labelled(&self) -> impl Iterator<Item = (&'static str, &T)> {
        std::iter::once(("all", &self.all)).chain(self.buckets.iter().map(|(b, t)| (b.label(), t)))
    }
}

/// Mean of numbers whose sum is known, 0 of none.
pub(super) fn mean(sum: f64, count: u64) -> f64 {
    sum / count.max(1) as f64
}

/// `count` of `of`, 1 of none: a board without blank cells has no wrong one.
pub(super) fn share_or_one(count: u64, of: u64) -> f64 {
    if of == 0 { 1.0 } else { count as f64 / of as f64 }
}

/// Adds one at an iteration from 1.
pub(super) fn tick(histogram: &mut [u32], iteration: u32) {
    if let Some(n) = (iteration as usize).checked_sub(1).and_then(|i| histogram.get_mut(i)) {
        *n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_those_of_r() {
        let found = Spread::of(vec![4, 1, 3, 2]).unwrap();
        assert_eq!((found.least, found.lower, found.median, found.upper, found.most), (1, 1.75, 2.5, 3.25, 4));
        assert_eq!((found.n, found.mean), (4, 2.5));
        assert_eq!(Spread::of(vec![7]).map(|s| (s.lower, s.median, s.upper)), Some((7.0, 7.0, 7.0)));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        assert_eq!((Part::default().low, Part::default().high, Part::default().share()), (0.0, 1.0, None));
        let part = Part::new(3, 4);
        assert_eq!(part.share(), Some(0.75));
        assert!(part.low < 0.75 && 0.75 < part.high);
    }

    #[test]
    fn a_bucket_counts_in_all() {
        let mut split = Split::<u32>::default();
        split.add(Bucket::ThreeTen, |n| *n += 1);
        split.add(Bucket::Zero, |n| *n += 2);
        let found: Vec<_> = split.map(|n| 10 * n).labelled().map(|(l, n)| (l, *n)).collect();
        assert_eq!(found, [("all", 30), ("0", 20), ("1-2", 0), ("3-10", 10), ("11-50", 0), ("51+", 0)]);
    }
}
