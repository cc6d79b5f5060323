//! The narrow window: the board, the timeline under it, and the rest as pages within a thumb's reach.

use eframe::egui::{CentralPanel, Frame, Panel, ScrollArea, Ui, vec2};

use super::app::Lab;
use super::theme::{self, Palette};
use super::view::Page;

impl Lab {
    pub(super) fn narrow(&mut self, ui: &mut Ui) {
        let frame = Frame::side_top_panel(ui.style()).inner_margin(6);
        Panel::top("header").frame(frame).show(ui, |ui| self.narrow_header(ui));
        Panel::bottom("pages").frame(frame).show(ui, |ui| {
            theme::touch(ui);
            ui.horizontal(|ui| {
                let pages = [
                    (Page::Puzzle, "Puzzle"),
                    (Page::Model, "Model"),
                    (Page::Cell, "Cell"),
                    (Page::Plots, "Plots"),
                    (Page::Train, "Train"),
                ];
                let width = (ui.available_width() - 4.0 * ui.spacing().item_spacing.x) / pages.len() as f32;
                for (page, text) in pages {
                    let chosen = self.view.page == page;
                    if ui.add_sized([width, 40.0], eframe::egui::Button::selectable(chosen, text)).clicked() {
                        self.view.page = page;
                    }
                }
            });
        });
        let paper = Palette::of(ui).paper;
        CentralPanel::default().frame(frame.fill(paper)).show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                let side = ui.available_width().min((ui.ctx().content_rect().height() * 0.45).max(200.0));
                self.board(ui, vec2(ui.available_width(), side));
                if self.second().is_some() {
                    ui.horizontal_wrapped(|ui| self.side_choice(ui));
                }
                self.legend(ui);
                self.verdict_line(ui);
                self.timeline(ui);
                self.steps_row(ui, true);
                ui.scope(|ui| {
                    theme::touch(ui);
                    self.transport(ui, true);
                    ui.separator();
                    match self.view.page {
                        Page::Puzzle => {
                            ui.horizontal_wrapped(|ui| self.iterations_to_run(ui));
                            self.puzzle_panel(ui);
                            self.colour_row(ui);
                        }
                        Page::Model => {
                            self.model_panel(ui);
                            ui.horizontal_wrapped(|ui| self.trace_buttons(ui));
                            self.interventions_panel(ui);
                        }
                        Page::Cell => self.cell_panel(ui),
                        Page::Plots => self.plots_panel(ui),
                        Page::Train => {
                            self.training_panel(ui);
                            ui.horizontal_wrapped(|ui| self.subject_switch(ui));
                        }
                    }
                });
            });
        });
    }
}
