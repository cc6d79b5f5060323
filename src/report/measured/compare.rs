//! Two models side by side: A is the first, B the one that it is compared with.

pub mod boards;
pub mod passes;

/// What a model is called in a comparison: “A · sudoku4”.
#[must_use]
pub fn name_of(second: bool, model: &str) -> String {
    let letter = if second { "B" } else { "A" };
    if model.is_empty() { letter.into() } else { format!("{letter} · {model}") }
}

/// A p value for a table: three digits, or a bound.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}
