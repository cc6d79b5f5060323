//! The difference on the board, the choice between A, B and it, and both rows of the selected cell.

use eframe::egui::{self, Align2, FontId, Rect, RichText, Stroke, Ui, vec2};

use super::{Side, second_colour};
use crate::ui::app::Lab;
use crate::ui::legend::swatch;
use crate::ui::looking::Looking;
use crate::ui::theme::{Palette, mix};
use crate::ui::words::percent;

/// A cell of the difference: what is painted.
pub(in crate::ui) struct Differing {
    pub ground: egui::Color32,
    /// The digits of A and B; one where they are the same.
    pub digits: (u8, Option<u8>),
    /// Their colours.
    pub inks: [egui::Color32; 2],
    /// In words.
    pub name: String,
}

impl Lab {
    /// What the board shows, where there is a choice.
    pub(in crate::ui) fn side_choice(&mut self, ui: &mut Ui) {
        if self.second().is_none() {
            return;
        }
        let names = self.side_names();
        let mut chosen = self.side();
        for side in [Side::A, Side::B, Side::Difference] {
            let (text, hover) = match side {
                Side::A => (names[0].clone(), "The board shows the answers of A, the model in view."),
                Side::B => (names[1].clone(), "The board shows the answers of B, the model that it is compared with."),
                Side::Difference => (
                    "difference".to_owned(),
                    "The board shows both digits where the answers differ: A above on the left, B below on the right.",
                ),
            };
            ui.selectable_value(&mut chosen, side, text).on_hover_text(hover);
        }
        self.comparing.side = chosen;
    }

    /// A blank cell of the difference at the cursor; nothing before the first iteration, or where B has none.
    pub(in crate::ui) fn differing(&self, cell: usize, place: &str, p: &Palette) -> Option<Differing> {
        let t = self.view.cursor();
        let second = self.second()?;
        let digit = |of: &Looking| of.frame(t).and_then(|f| f.digits.get(cell)).copied();
        let (a, b) = (digit(&self.looking)?, digit(second)?);
        let right = self.looking.trace.puzzle.solution.as_ref().map(|s| [a, b].map(|d| d == s.get(cell)));
        if a == b {
            let (ink, words) = match right {
                Some([true, _]) => (p.weak, ", both right"),
                Some([false, _]) => (p.wrong, ", both wrong"),
                None => (p.weak, ""),
            };
            let name = format!("{place}, both answer {a}{words}");
            return Some(Differing { ground: p.paper, digits: (a, None), inks: [ink; 2], name });
        }
        let (ground, words) = match right {
            Some([true, _]) => (mix(p.paper, p.accent, 0.32), ", A alone is right"),
            Some([_, true]) => (mix(p.paper, second_colour(p), 0.38), ", B alone is right"),
            Some(_) => (mix(p.paper, p.wrong, 0.24), ", both wrong"),
            None => (mix(p.paper, p.flips, 0.35), ""),
        };
        let inks = right.map_or([p.ink; 2], |r| r.map(|right| if right { p.ink } else { mix(p.weak, p.ink, 0.2) }));
        let name = format!("{place}, A answers {a}, B answers {b}{words}");
        Some(Differing { ground, digits: (a, Some(b)), inks, name })
    }

    /// What the colours of the difference mean.
    pub(in crate::ui) fn difference_legend(&self, ui: &mut Ui, p: &Palette) {
        swatch(ui, p.paper, p.weak, "same answer");
        if self.looking.trace.puzzle.solution.is_some() {
            swatch(ui, mix(p.paper, p.accent, 0.32), p.accent, "A alone is right");
            swatch(ui, mix(p.paper, second_colour(p), 0.38), second_colour(p), "B alone is right");
            swatch(ui, mix(p.paper, p.wrong, 0.24), p.wrong, "both wrong");
        } else {
            swatch(ui, mix(p.paper, p.flips, 0.35), p.flips, "answers differ");
        }
        ui.label(RichText::new("A above left, B below right").small().weak());
    }

    /// How both passes went, a line each.
    pub(in crate::ui) fn both_verdicts(&self, ui: &mut Ui) {
        let Some(second) = self.second() else { return };
        let p = Palette::of(ui);
        for (letter, color, looking) in [("A", p.accent, &self.looking), ("B", second_colour(&p), second)] {
            ui.horizontal_top(|ui| {
                ui.label(RichText::new(letter).strong().color(color)).on_hover_text(&looking.trace.model);
                ui.add(egui::Label::new(&looking.verdict).wrap())
                    .on_hover_text("About the answers of the blank cells, over every iteration recorded so far.");
            });
        }
    }

    /// What B thinks of the selected cell, under A's row.
    pub(in crate::ui) fn second_bars(&self, ui: &mut Ui, cell: usize, bars: impl FnOnce(&mut Ui, &[f32])) {
        let Some(second) = self.second() else { return };
        let Some(frame) = second.frame(self.view.cursor()) else {
            ui.label(RichText::new("B has no such iteration.").small().weak());
            return;
        };
        let name = &self.side_names()[1];
        ui.label(RichText::new(name).small().color(second_colour(&Palette::of(ui))))
            .on_hover_text("The same cell at the same iteration, by the model that is compared with.");
        let probabilities: Vec<f32> = frame.cell(cell).iter().map(|p| p.get()).collect();
        bars(ui, &probabilities);
        if let Some(first) = self.looking.frame(self.view.cursor()) {
            let apart: f32 =
                first.cell(cell).iter().zip(frame.cell(cell)).map(|(a, b)| 0.5 * (a.get() - b.get()).abs()).sum();
            ui.label(RichText::new(format!("{} of the probability is elsewhere", percent(apart))).small())
                .on_hover_text(
                    "Total variation of the two rows: ½ Σ |p − q|. 0 % is the same, 100 % nothing in common.",
                );
        }
    }
}

/// Two digits in a cell, A above on the left and B below on the right of a hair line.
pub(in crate::ui) fn paint_two(
    painter: &egui::Painter,
    rect: Rect,
    step: f32,
    digits: (u8, u8),
    differing: &Differing,
    p: &Palette,
) {
    let font = FontId::proportional(step * 0.38);
    let off = vec2(step * 0.23, step * 0.21);
    painter.line_segment(
        [rect.left_bottom() + vec2(step * 0.14, -step * 0.14), rect.right_top() + vec2(-step * 0.14, step * 0.14)],
        Stroke::new(1.0, p.line),
    );
    for (at, digit, ink) in
        [(rect.center() - off, digits.0, differing.inks[0]), (rect.center() + off, digits.1, differing.inks[1])]
    {
        painter.text(at, Align2::CENTER_CENTER, digit, font.clone(), ink);
    }
}
