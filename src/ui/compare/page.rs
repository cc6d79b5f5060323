//! The page “compare”: what differs iteration by iteration, a table at the cursor, and many boards.

use eframe::egui::{Grid, RichText, ScrollArea, Ui};

use super::second_colour;
use crate::measure::compare::PairRow;
use crate::report::measured::compare::passes;
use crate::ui::app::Lab;
use crate::ui::plots::{Drawn, Export, Sheet};
use crate::ui::theme::Palette;
use crate::ui::words::thousands;

impl Lab {
    /// The page.
    pub(in crate::ui) fn comparing_page(&mut self, ui: &mut Ui) {
        self.compare_choice(ui);
        if !self.comparing.is_on() {
            ui.add_space(8.0);
            ui.label(
                RichText::new(
                    "Choose a second model: it solves the same board beside the one in view. The board then shows A, B or their difference, the timeline both.",
                )
                .weak(),
            );
            return;
        }
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            if self.comparing.pair().is_none() {
                let text = match (self.comparing.is_opening(), self.comparing.is_recording()) {
                    (true, _) => "The second model is being opened.",
                    (_, true) => {
                        "The recording is of another puzzle than the one on the board. Choose another, or go back to its puzzle."
                    }
                    _ => "The first iterations of both are on their way.",
                };
                ui.label(RichText::new(text).weak());
            } else {
                self.pair_curves(ui);
                self.pair_table(ui);
            }
            ui.separator();
            self.compared_boards(ui);
        });
    }

    fn pair_curves(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        let Some(pair) = self.comparing.pair() else { return };
        ui.label(pair.verdict())
            .on_hover_text("About the answers of the blank cells, as far as both passes have come.");
        let [differ, first, second, variation, divergence] = passes::series(pair);
        let blanks = f64::from(pair.blanks);
        let line = |series, color, dashed, width| Drawn { series, color, dashed, width };
        let mut cells = vec![
            line(first, p.accent, true, 1.6),
            line(second, second_colour(&p), true, 1.6),
            line(differ, p.ink, false, 1.8),
        ];
        cells.retain(|l| !l.series.points.is_empty());
        let axis = Some(self.axis());
        let sheet = Sheet {
            id: "Differing cells",
            title: "Differing cells".into(),
            hover: "Blank cells whose most probable digits are not the same, and those that one model alone has right (dashed).",
            unit: "cells",
            axis,
            logarithmic: false,
            most: Some(blanks),
            height: 130.0,
            export: Export::Compared,
            empty: "",
        };
        self.sheet(ui, sheet, cells);
        let sheet = Sheet {
            id: "Distance",
            title: "Distance of the probabilities".into(),
            hover: "Mean over the blank cells. Total variation is ½ Σ |p − q| over a cell's digits: 0 is the same, 1 nothing in common. Jensen–Shannon (dashed) is the divergence of p and q from their mean, in nats, at most ln 2 = 0.693.",
            unit: "",
            axis,
            logarithmic: false,
            most: Some(1.0),
            height: 110.0,
            export: Export::Compared,
            empty: "",
        };
        let lines = vec![line(divergence, p.entropy, true, 1.6), line(variation, p.ink, false, 1.8)];
        self.sheet(ui, sheet, lines);
    }

    /// The numbers at the cursor.
    fn pair_table(&self, ui: &mut Ui) {
        let t = self.view.cursor();
        let Some(pair) = self.comparing.pair() else { return };
        ui.label(RichText::new(format!("At iteration {}", thousands(t.into()))).strong());
        let Some(row) = pair.row(t) else {
            let text = if t == 0 {
                "Before the first iteration there is no answer."
            } else {
                "One of the two passes has not come so far."
            };
            ui.label(RichText::new(text).weak());
            return;
        };
        Grid::new("compared cells").num_columns(2).striped(true).show(ui, |ui| {
            for (what, value, hover) in entries(row, pair.blanks) {
                ui.label(what).on_hover_text(hover);
                ui.label(value);
                ui.end_row();
            }
        });
    }
}

/// What the table at the cursor holds.
fn entries(row: &PairRow, blanks: u32) -> Vec<(&'static str, String, &'static str)> {
    let mut out = vec![(
        "answers differ",
        format!("{} of {blanks} cells", row.differ),
        "Blank cells whose most probable digits are not the same.",
    )];
    if let Some(right) = row.right {
        out.extend([
            ("both right", right.both.to_string(), "Blank cells that both models have right."),
            ("A alone right", right.first.to_string(), "Blank cells that A has right and B has not."),
            ("B alone right", right.second.to_string(), "Blank cells that B has right and A has not."),
            (
                "neither right",
                right.neither.to_string(),
                "Blank cells that neither has right, with the same digit or not.",
            ),
        ]);
    }
    out.extend([
        ("total variation", format!("{:.3}", row.variation), "½ Σ |p − q|, mean over the blank cells, 0 to 1."),
        (
            "Jensen–Shannon",
            format!("{:.3} nats", row.divergence),
            "½ Σ p ln (p / m) + ½ Σ q ln (q / m) with m = ½ (p + q), mean over the blank cells, 0 to 0.693.",
        ),
    ]);
    out
}
