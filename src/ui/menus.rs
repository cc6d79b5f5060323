//! The menu, the menu of the panels and the list of commands, made from the one list of commands.

use eframe::egui::containers::menu::MenuButton;
use eframe::egui::{self, Align2, Button, Grid, Label, RichText, Ui, Window};

use super::Action;
use super::app::Lab;
use super::dock::Pane;
use super::icons::Icon;
use super::offers::{Offer, Topic};

impl Lab {
    /// Every command, by topic.
    pub(super) fn menu(&mut self, ui: &mut Ui) {
        let button = Button::new("").min_size([28.0, 28.0].into());
        let mut chosen = None;
        let (response, _) = MenuButton::from_button(button).ui(ui, |ui| {
            let offers = self.offers(ui.ctx());
            for topic in Topic::ALL {
                ui.menu_button(topic.name(), |ui| {
                    // Two columns' worth of text: a sentence is in the hover.
                    ui.set_min_width(260.0);
                    for offer in offers.iter().filter(|o| o.topic == topic) {
                        if entry(ui, offer, &offer.text) {
                            chosen = Some(offer.action);
                        }
                    }
                });
            }
        });
        Icon::List.paint(ui.painter(), response.rect.shrink(7.0), ui.visuals().text_color());
        response.on_hover_text("Every command, by topic.").accessible_name("menu");
        if let Some(action) = chosen {
            self.act(action, ui.ctx());
        }
    }

    /// Which panels are open, and the way back to the usual arrangement.
    pub(super) fn panes_menu(&mut self, ui: &mut Ui) {
        let mut chosen = None;
        let menu = ui.menu_button("Panels", |ui| {
            ui.set_min_width(170.0);
            let offers = self.offers(ui.ctx());
            for offer in offers.iter().filter(|o| o.action != Action::Pane(Pane::Board)) {
                let Action::Pane(pane) = offer.action else { continue };
                let text = pane.name();
                if entry(ui, offer, text) {
                    chosen = Some(offer.action);
                }
            }
            ui.separator();
            for offer in offers.iter().filter(|o| o.action == Action::ResetPanels) {
                if entry(ui, offer, "Reset panels") {
                    chosen = Some(offer.action);
                }
            }
        });
        menu.response.on_hover_text(
            "Opens, closes and resets the panels. Drag a panel's tab to dock it elsewhere, the gap between two to resize them.",
        );
        if let Some(action) = chosen {
            self.act(action, ui.ctx());
        }
    }

    /// The list of commands.
    pub(super) fn help_window(&mut self, ctx: &egui::Context) {
        if !self.view.help {
            return;
        }
        let mut open = true;
        let mut chosen = None;
        let room = ctx.content_rect();
        let width = (room.width() - 24.0).min(820.0);
        let wide = width > 700.0;
        let offers = self.offers(ctx);
        let window = Window::new("Commands").open(&mut open).anchor(Align2::CENTER_CENTER, [0.0, 0.0]);
        window.default_size([width, room.height() - 90.0]).collapsible(false).vscroll(true).show(ctx, |ui| {
            ui.label(
                "With the board in focus: arrows select, digits set a clue, Backspace clears it, Ctrl+V pastes a puzzle, Escape leaves the board.",
            );
            for topic in Topic::ALL {
                ui.add_space(4.0);
                ui.label(RichText::new(topic.name()).strong());
                Grid::new(("commands", topic.name())).num_columns(if wide { 3 } else { 2 }).striped(true).show(ui, |ui| {
                    for offer in offers.iter().filter(|o| o.topic == topic) {
                        let button = ui.add_enabled(offer.why_not.is_none(), Button::new(&offer.text));
                        if described(button, offer).clicked() {
                            chosen = Some(offer.action);
                        }
                        ui.label(RichText::new(&offer.keys).monospace().weak());
                        if wide {
                            ui.horizontal(|ui| {
                                ui.set_max_width(430.0);
                                ui.add(Label::new(RichText::new(&offer.hover).small()).wrap());
                            });
                        }
                        ui.end_row();
                    }
                });
            }
        });
        self.view.help = open;
        if let Some(action) = chosen {
            self.act(action, ctx);
        }
    }
}

/// A line of a menu; whether it was chosen.
fn entry(ui: &mut Ui, offer: &Offer, text: &str) -> bool {
    let key = offer.keys.split("  or  ").next().unwrap_or_default();
    let mut button = Button::new(text).selected(offer.on);
    if !key.is_empty() {
        button = button.shortcut_text(RichText::new(key).weak());
    }
    let clicked = described(ui.add_enabled(offer.why_not.is_none(), button), offer).clicked();
    if clicked {
        ui.close();
    }
    clicked
}

/// With the sentence of the command, and why it does nothing where it does nothing.
fn described(response: egui::Response, offer: &Offer) -> egui::Response {
    let response = response.on_hover_text(&offer.hover);
    match &offer.why_not {
        Some(why) => response.on_disabled_hover_text(format!("{} Not now: {why}.", offer.hover)),
        None => response,
    }
}
