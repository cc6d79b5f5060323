//! Numbers in the words of tables: shares in percent, iterations in few ranges.

use crate::measure::Part;
use crate::report::Series;
use crate::report::series::thousands;

/// A share of 0 to 1 in percent with one digit, without the sign.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// A difference of shares from −1 to 1 in percentage points, with its sign.
pub(super) fn points(difference: f64) -> String {
    format!("{:+.1}", 100.0 * difference)
}

/// The share of a part, a dash where there are no boards.
pub(super) fn share(part: Part) -> String {
    part.share().map_or_else(none, percent)
}

/// The interval of a part's share in percent.
pub(super) fn interval(part: Part) -> String {
    if part.of == 0 { none() } else { format!("{} to {}", percent(part.low), percent(part.high)) }
}

/// What stands where nothing is known.
pub(super) fn none() -> String {
    "–".into()
}

/// A whole number with thousands separated.
pub(super) fn whole(n: u32) -> String {
    thousands(n.into())
}

/// “1 puzzle”, “2 puzzles”.
pub(super) fn puzzles(n: u32) -> String {
    if n == 1 { "1 puzzle".into() } else { format!("{} puzzles", whole(n)) }
}

/// “1 iteration”, “2 iterations”.
pub(super) fn iterations(n: u32) -> String {
    if n == 1 { "1 iteration".into() } else { format!("{} iterations", whole(n)) }
}

/// Iterations that a table has room for: powers of two, and the last.
#[must_use]
pub fn landmarks(last: u32) -> Vec<u32> {
    let mut out: Vec<u32> = (0..32).map(|k| 1_u32 << k).take_while(|t| *t < last).collect();
    out.push(last);
    out
}

/// Ranges that double: 1, 2, 3 to 4, 5 to 8, …, up to the last iteration.
#[must_use]
pub fn ranges(last: u32) -> Vec<(u32, u32)> {
    let ends = landmarks(last);
    let starts = std::iter::once(1).chain(ends.iter().map(|e| e.saturating_add(1)));
    starts.zip(ends.iter().copied()).collect()
}

/// A range in words.
#[must_use]
pub fn range((first, last): (u32, u32)) -> String {
    if first == last { whole(first) } else { format!("{}–{}", whole(first), whole(last)) }
}

/// How much of a histogram by iterations from 1 falls into a range.
#[must_use]
pub fn within(histogram: &[u32], (first, last): (u32, u32)) -> u32 {
    histogram.iter().zip(1..).filter(|(_, t)| (first..=last).contains(t)).map(|(n, _)| n).sum()
}

/// Cells flushed right in columns of these widths, as a line.
pub(super) fn row(cells: &[String], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
    let line: Vec<String> = cells.collect();
    format!("{}\n", line.join("  ").trim_end())
}

/// A curve in percent against iterations, from shares of 0 to 1.
pub(super) fn percent_series(name: &str, points: impl Iterator<Item = (u32, f64)>) -> Series {
    Series::new(name, "%", points.map(|(t, share)| [f64::from(t), 100.0 * share]))
}

/// A figure that must be whole and hold these words.
#[cfg(test)]
pub(super) fn sheet(svg: Result<String, crate::report::ReportError>, name: &str, words: &[&str]) {
    let svg = svg.expect("it can be drawn");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    for word in words {
        assert!(svg.contains(word), "{name} lacks “{word}”");
    }
    // For a person to look at: LOOPSCOPE_FIGURES=folder cargo test measured
    if let Some(folder) = std::env::var_os("LOOPSCOPE_FIGURES") {
        std::fs::write(std::path::Path::new(&folder).join(name).with_extension("svg"), svg).expect("writable");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_iteration_once() {
        assert_eq!(landmarks(1), [1]);
        assert_eq!(landmarks(16), [1, 2, 4, 8, 16]);
        let words: Vec<String> = ranges(1000).into_iter().map(range).collect();
        assert_eq!(
            words,
            ["1", "2", "3–4", "5–8", "9–16", "17–32", "33–64", "65–128", "129–256", "257–512", "513–1,000"]
        );
        for n in 1..70 {
            let histogram = vec![1; n as usize];
            assert_eq!(ranges(n).into_iter().map(|r| within(&histogram, r)).sum::<u32>(), n);
        }
    }
}
