//! Numbers and tables as the page prints them.

use crate::report::statistics::{Corrected, Interval};

/// One decimal; a zero has no sign.
pub(super) fn number(x: f64) -> String {
    let text = format!("{x:.1}");
    if text == "-0.0" { "0.0".into() } else { text.replace('-', "−") }
}

/// One decimal with its sign.
pub(super) fn signed(x: f64) -> String {
    let text = number(x);
    if text == "0.0" || text.starts_with('−') { text } else { format!("+{text}") }
}

/// “93.4 (91.0 to 95.8)”.
pub(super) fn interval(i: &Interval) -> String {
    format!("{} ({} to {})", number(i.mean), number(i.low), number(i.high))
}

/// “+3.1 (+1.0 to +5.2)”.
pub(super) fn difference(c: &Corrected) -> String {
    let i = &c.interval;
    format!("{} ({} to {})", signed(i.mean), signed(i.low), signed(i.high))
}

/// 0.031; what is smaller than 0.001 as such.
pub(super) fn p(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

/// “×12”, “×1.9”.
pub(super) fn times(x: f64) -> String {
    let text = format!("{x:.1}");
    format!("×{}", text.strip_suffix(".0").unwrap_or(&text))
}

/// 12,345.
pub(super) fn thousands(n: u64) -> String {
    crate::report::series::thousands(n)
}

/// “1, 2 and 3”.
pub(super) fn list<T: ToString>(all: &[T]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    match all.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// A Markdown table; columns of numbers stand right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<S: ToString>(head: &[S]) -> Self {
        Self { head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|c| cell(c)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let number = |c: &String| c.starts_with(|c: char| c.is_ascii_digit() || "+−×–<".contains(c));
        let numbers = |i| self.rows.iter().all(|r| r.get(i).is_none_or(number));
        let rule: Vec<&str> = (0..self.head.len()).map(|i| if numbers(i) { "---:" } else { "---" }).collect();
        let mut out = line(&self.head) + &format!("|{}|\n", rule.join("|"));
        self.rows.iter().for_each(|r| out.push_str(&line(r)));
        out
    }
}

/// A text in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
