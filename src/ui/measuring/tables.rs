//! The numbers of a measurement as tables, each column with a word on what it is.

mod inside;
mod passes;
mod shares;

use eframe::egui::{Grid, RichText, ScrollArea, Ui};

use crate::measure::{Part, Spread};
use crate::report::measured::Measured;

/// The tables of a measurement.
pub(super) fn tables(ui: &mut Ui, measured: &Measured) {
    match measured {
        Measured::Scaling(all) => all.iter().for_each(|one| shares::scaling(ui, one)),
        Measured::Inside(one) => inside::inside(ui, &one.found),
        Measured::Stopping(one) => shares::stopping(ui, &one.found),
        Measured::Interventions(one) => shares::interventions(ui, one),
        Measured::Recovery(one) => passes::recovery(ui, &one.found),
        Measured::Cold(one) => passes::cold(ui, &one.found),
        Measured::Warm(one) => passes::warm(ui, &one.found),
        Measured::Verified(one) => shares::verified(ui, one),
        Measured::Heads(one) => passes::heads(ui, &one.found),
        Measured::Spectrum(all) => all.iter().for_each(|one| passes::spectrum(ui, one)),
    }
}

/// A column's name and what it is.
type Head<'a> = (&'a str, &'a str);

/// A table; where it is wider than the page, it scrolls to the side.
fn table(ui: &mut Ui, id: &str, heads: &[Head<'_>], rows: impl IntoIterator<Item = Vec<String>>) {
    ScrollArea::horizontal().id_salt(id).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().interact_size.y = 20.0;
        Grid::new(id).striped(true).num_columns(heads.len()).min_col_width(28.0).show(ui, |ui| {
            for (head, hover) in heads {
                ui.label(RichText::new(*head).small().weak()).on_hover_text(*hover);
            }
            ui.end_row();
            for row in rows {
                for (cell, (head, hover)) in row.into_iter().zip(heads) {
                    ui.label(cell).on_hover_text(format!("{head}: {hover}"));
                }
                ui.end_row();
            }
        });
    });
}

/// What a table is of.
fn title(ui: &mut Ui, text: &str, hover: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(text).strong()).on_hover_text(hover);
}

/// A share of 0 to 1: “83.4 %”.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Edges of an interval from 0 to 1: “81.0 to 86.2 %”.
fn between(low: f64, high: f64) -> String {
    format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high)
}

/// What stands where nothing is known.
fn none() -> String {
    "–".into()
}

/// A part's share.
fn share(part: Part) -> String {
    part.share().map_or_else(none, percent)
}

/// The interval of a part's share.
fn interval(part: Part) -> String {
    if part.of == 0 { none() } else { between(part.low, part.high) }
}

/// “12.0 (8.5 to 20.0)”: median and quartiles.
fn quartiles(spread: Option<Spread>) -> String {
    spread.map_or_else(none, |s| format!("{:.1} ({:.1} to {:.1})", s.median, s.lower, s.upper))
}

/// Hover of an interval by Wilson.
const WILSON: &str = "95 % interval of the share, by Wilson. More boards make it narrower.";
/// Hover of an interval by the bootstrap.
const BOOTSTRAP: &str = "95 % interval, of 2,000 bootstrap draws over the boards of each difficulty.";
/// Hover of a difficulty.
const GUESSES: &str = "Difficulty: guesses that a solver needs.";
