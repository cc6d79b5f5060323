//! What the colours on the board mean, the choice between them, and the verdict.

use eframe::egui::{self, Color32, ComboBox, Rect, RichText, Sense, Ui, vec2};

use super::Action;
use super::app::{Lab, NARROW};
use super::compare::Side;
use super::explain::{Explained as _, Figure};
use super::theme::{Palette, mix};
use super::view::ColourMode;
use crate::engine::protocol::Subject;

impl Lab {
    /// The row above the board: colours and attention.
    pub(super) fn colour_row(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            // In a narrow window the choice stands under the board.
            if self.second().is_some() && ui.ctx().content_rect().width() >= NARROW {
                self.side_choice(ui);
                ui.separator();
            }
            for mode in ColourMode::ALL {
                // What this network does not have is not on offer.
                if !mode.is_in(self.looking.trace.frames.first()) && self.view.colour != mode {
                    continue;
                }
                let response = ui.selectable_label(self.view.colour == mode, mode.name()).on_hover_text(mode.explain());
                if response.clicked() {
                    self.view.colour = mode;
                }
            }
            ui.separator();
            if ui
                .selectable_label(self.view.attention.shown, "attention")
                .on_hover_text(Action::Attention.tooltip(ui.ctx()))
                .clicked()
            {
                self.act(Action::Attention, ui.ctx());
            }
            if self.view.attention.shown {
                self.attention_choice(ui);
            }
        });
    }

    /// Which weights solve the board, where there are two.
    pub(super) fn subject_switch(&mut self, ui: &mut Ui) {
        if !self.training.exists() || self.model.card.is_none() {
            return;
        }
        ui.separator();
        let mut subject = self.view.subject;
        ui.label("show:");
        ui.selectable_value(&mut subject, Subject::Opened, "opened model")
            .on_hover_text("The board is solved by the weights that were opened.");
        ui.selectable_value(&mut subject, Subject::Training, "model in training")
            .on_hover_text("The board is solved by the weights in training, about twice a second.");
        if subject != self.view.subject {
            self.view.subject = subject;
            self.go_on();
        }
    }

    fn attention_choice(&mut self, ui: &mut Ui) {
        let Some((blocks, heads)) = self.attention_sizes() else {
            ui.label(RichText::new(self.attention_words()).weak());
            return;
        };
        let view = &mut self.view.attention;
        for (what, all, count, chosen) in
            [("block", "all blocks", blocks, &mut view.block), ("head", "all heads", heads, &mut view.head)]
        {
            let text = chosen.map_or_else(|| all.to_owned(), |i| format!("{what} {}", i + 1));
            ComboBox::new(("attention", what), "")
                .selected_text(text)
                .width(76.0)
                .show_ui(ui, |ui| {
                    ui.selectable_value(chosen, None, all);
                    for i in 0..count {
                        ui.selectable_value(chosen, Some(i), format!("{what} {}", i + 1));
                    }
                })
                .response
                .on_hover_text("A mean over what is chosen. Each row of attention sums to 1.")
                .accessible_name(format!("attention {what}"));
        }
    }

    /// The row under the board.
    pub(super) fn legend(&self, ui: &mut Ui) {
        let p = Palette::of(ui);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().interact_size.y = 18.0;
            swatch(ui, p.given, p.ink, "given");
            if self.side() == Side::Difference {
                return self.difference_legend(ui, &p);
            }
            match self.view.colour {
                // A board that is on its way will have a solution.
                ColourMode::Right if self.looking.trace.puzzle.solution.is_some() || self.has_no_board() => {
                    swatch(ui, mix(p.paper, p.right, 0.26), p.right, "right");
                    swatch(ui, mix(p.paper, p.wrong, 0.26), p.wrong, "wrong");
                    ui.label(RichText::new("paler is less sure").small().weak());
                }
                ColourMode::Right => {
                    swatch(ui, mix(p.paper, p.accent, 0.26), p.accent, "answer");
                    ui.label(RichText::new("no single solution is known, so right and wrong are not").small().weak());
                }
                ColourMode::Confidence => {
                    ramp(ui, p.paper, mix(p.paper, p.accent, 0.75), ["0 %", "100 % sure"], Figure::ScaleSure)
                }
                ColourMode::Entropy => {
                    let most = (self.looking.clues().shape().side() as f32).ln();
                    let ends = ["0", &format!("{most:.2} nats, no idea")];
                    ramp(ui, p.paper, mix(p.paper, p.entropy, 0.8), ends, Figure::ScaleEntropy);
                }
                ColourMode::Heads => {
                    let heads =
                        self.looking.trace.frames.first().and_then(|f| f.routing.as_ref()).map_or(0, |r| r.heads);
                    for head in 0..usize::from(heads) {
                        swatch(ui, p.head(head), p.ink, &format!("head {}", head + 1)).explained(Figure::Heads);
                    }
                    let text = if heads == 0 { "nothing routes in this pass" } else { "paler leads by less" };
                    ui.label(RichText::new(text).small().weak());
                }
                ColourMode::Halting => {
                    ramp(ui, p.paper, mix(p.paper, p.accent, 0.45), ["0", "nearly 1"], Figure::ScaleHalting);
                    swatch(ui, mix(p.paper, p.accent, 0.75), p.accent, "halted");
                }
                ColourMode::Flips => {
                    let ends = ["8 iterations ago", "just flipped"];
                    ramp(ui, p.paper, mix(p.paper, p.flips, 0.75), ends, Figure::ScaleFlips);
                }
            }
            if self.view.attention.shown {
                ui.separator();
                ui.label(RichText::new(format!("attention: {}", self.attention_words())).small().weak())
                    .explained(Figure::Attention);
            }
        });
    }

    /// One line on how the pass went, on what is wrong with the puzzle, or on a file that is on its way.
    pub(super) fn verdict_line(&mut self, ui: &mut Ui) {
        if self.has_no_board() {
            // It is told where the board will be; the line keeps its room.
            ui.label("");
            return;
        }
        if self.loading_line(ui) {
            return;
        }
        if self.puzzle.problem().is_none() && self.second().is_some() && self.looking.last() > 0 {
            return self.both_verdicts(ui);
        }
        let p = Palette::of(ui);
        let (text, color, hover) = match self.puzzle.problem() {
            Some((text, hover)) => (text, p.wrong, hover),
            None if self.looking.last() == 0 => (self.empty_state(), p.weak, String::new()),
            None => (self.looking.verdict.clone(), p.ink, String::new()),
        };
        let response = ui.add(egui::Label::new(RichText::new(text).color(color)).wrap());
        response.explained_with(&hover, Figure::Verdict);
    }

    /// What to do when there is nothing to see.
    fn empty_state(&self) -> String {
        if let Some(text) = self.wrong_size() {
            text
        } else if self.asks.is_thinking() {
            "Thinking: the first iteration is on its way.".into()
        } else if self.subject_shape().is_none() {
            "No model is open. Choose one on the left, or drop a .safetensors file here.".into()
        } else {
            "Type a puzzle into the board, paste one, or make a new one on the left.".into()
        }
    }
}

pub(super) fn swatch(ui: &mut Ui, ground: Color32, ink: Color32, text: &str) -> egui::Response {
    let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
    ui.painter().rect(rect, 2.0, ground, egui::Stroke::new(1.0, ink.gamma_multiply(0.6)), egui::StrokeKind::Inside);
    ui.label(RichText::new(text).small())
}

pub(super) fn ramp(ui: &mut Ui, from: Color32, to: Color32, [low, high]: [&str; 2], figure: Figure) {
    ui.label(RichText::new(low).small()).explained(figure);
    let (rect, _) = ui.allocate_exact_size(vec2(90.0, 12.0), Sense::hover());
    for i in 0..30 {
        let x = rect.left() + rect.width() * i as f32 / 30.0;
        let r = Rect::from_min_max(egui::pos2(x, rect.top()), egui::pos2(x + rect.width() / 30.0 + 0.5, rect.bottom()));
        ui.painter().rect_filled(r, 0.0, mix(from, to, i as f32 / 29.0));
    }
    ui.painter().rect_stroke(rect, 2.0, egui::Stroke::new(1.0, Palette::of(ui).line), egui::StrokeKind::Inside);
    ui.label(RichText::new(high).small()).explained(figure);
}
