//! The selected cell: its probabilities at the cursor, and over all iterations.

use eframe::egui::{Align2, Color32, FontId, Rect, RichText, Role, Sense, Ui, WidgetInfo, vec2};

use super::app::Lab;
use super::explain::{Explained as _, Figure};
use super::files::Filter;
use super::heat::Heat;
use super::icons::{self, Icon};
use super::theme::{Palette, mix};
use super::words::{figure, percent, thousands};
use crate::report;

const ROW: f32 = 16.0;

impl Lab {
    /// The selected cell's part of the left side.
    pub(super) fn cell_panel(&mut self, ui: &mut Ui) {
        let shape = self.looking.clues().shape();
        let (cell, t) = (self.view.selected, self.view.cursor());
        ui.horizontal(|ui| {
            ui.label(
                RichText::new(format!("Cell row {} column {}", shape.row_of(cell) + 1, shape.col_of(cell) + 1))
                    .strong(),
            )
            .explained(Figure::Place);
            if self.looking.last() > 0
                && icons::button(
                    ui,
                    Icon::Save,
                    "save probabilities",
                    "Saves the probabilities of every cell at every iteration as CSV.",
                )
                .clicked()
            {
                let trace = self.looking.trace.clone();
                self.jobs.save(
                    "Save probabilities",
                    "probabilities.csv".into(),
                    Filter("Table (CSV)", &["csv"]),
                    move || Ok(report::probabilities_csv(&trace).into_bytes()),
                );
            }
        });
        let clue = self.looking.clues().get(cell);
        if clue != 0 {
            ui.label(
                RichText::new(format!("Given: {clue}. The model's own output here is never shown.")).small().weak(),
            )
            .explained(Figure::Given);
            return;
        }
        let Some(frame) = self.looking.frame(t) else {
            let text = if self.looking.last() == 0 {
                "No iteration yet."
            } else {
                "Before the first iteration. Step on to see its probabilities."
            };
            ui.label(RichText::new(text).small().weak());
            return;
        };
        let p = Palette::of(ui);
        let probabilities: Vec<f32> = frame.cell(cell).iter().map(|p| p.get()).collect();
        let entropy = frame.entropy(cell);
        let solution = self.looking.trace.puzzle.solution.as_ref().map(|s| s.get(cell));
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            if self.second().is_some() {
                ui.label(RichText::new(&self.side_names()[0]).small().color(p.accent));
            }
            bars(ui, &probabilities, solution, &p);
            self.second_bars(ui, cell, |ui, probabilities| bars(ui, probabilities, solution, &p));
        });
        ui.label(
            RichText::new(format!(
                "{}entropy {} of at most {:.2} nats",
                if self.second().is_some() { "A: " } else { "" },
                figure(f64::from(entropy)),
                (shape.side() as f32).ln()
            ))
            .small(),
        )
        .explained(Figure::CellEntropy);
        self.history(ui, cell, shape.side(), &p);
    }

    /// Digits × iterations; clicking moves the cursor.
    fn history(&mut self, ui: &mut Ui, cell: usize, side: usize, p: &Palette) {
        let heat = Heat {
            rows: side,
            height: (99.0 / side as f32).clamp(11.0, 18.0),
            number: &|_| (p.weak, 10.5),
            colours: &|frame| Some(frame.cell(cell).iter().map(|q| mix(p.paper, p.accent, q.get().sqrt())).collect()),
            beside: 0.0,
            name: format!("probabilities over iterations 1 to {}", thousands(u64::from(self.looking.last()))),
        };
        self.heat(ui, p, &heat).on_hover_text(
            "Each row is a digit, each column an iteration; darker is more probable. Click to go there.",
        );
    }
}

fn bars(ui: &mut Ui, probabilities: &[f32], solution: Option<u8>, p: &Palette) {
    let best = probabilities.iter().enumerate().fold(0, |b, (i, x)| if *x > probabilities[b] { i } else { b });
    for (i, probability) in probabilities.iter().enumerate() {
        let digit = i as u8 + 1;
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
        let painter = ui.painter();
        let color: Color32 = match solution {
            Some(s) if s == digit => p.right,
            Some(_) if i == best => p.wrong,
            _ => p.accent,
        };
        let ink = if i == best { p.ink } else { p.weak };
        painter.text(rect.left_center() + vec2(5.0, 0.0), Align2::LEFT_CENTER, digit, FontId::proportional(12.5), ink);
        let track = Rect::from_min_max(rect.min + vec2(18.0, 4.0), rect.max - vec2(56.0, 4.0));
        painter.rect_filled(track, 2.0, p.given);
        let bar = Rect::from_min_size(track.min, vec2((track.width() * probability).max(1.0), track.height()));
        painter.rect_filled(bar, 2.0, color.gamma_multiply(if i == best { 0.95 } else { 0.6 }));
        let text = format!("{:.1} %", probability * 100.0);
        painter.text(rect.right_center(), Align2::RIGHT_CENTER, text, FontId::proportional(12.5), ink);
        let name = format!("digit {digit}, {}", percent(*probability));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
        let now = match solution {
            Some(s) if s == digit => format!("The solution. {name}."),
            _ => format!("{name}."),
        };
        response.explained_with(&now, Figure::DigitProbability);
    }
}
