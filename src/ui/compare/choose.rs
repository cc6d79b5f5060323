//! Choosing B: a shipped model of the same board, a file, a recording, or the weights in training.

use eframe::egui::{RichText, Ui};

use crate::engine::protocol::{ModelSource, Subject};
use crate::ui::app::Lab;
use crate::ui::files::{MODELS, TRACES};
use crate::ui::theme::Palette;

/// What was chosen.
enum Choice {
    Shipped(String),
    File,
    Trace,
    Counterpart,
}

impl Lab {
    /// Whether a second model is chosen, and which.
    pub(in crate::ui) fn compare_choice(&mut self, ui: &mut Ui) {
        let mut choice = None;
        let mut stop = false;
        ui.horizontal_wrapped(|ui| {
            if self.comparing.is_on() {
                let name = self.side_names()[1].clone();
                let text = if self.comparing.is_opening() { format!("opening {name}") } else { name };
                ui.label(RichText::new(text).color(super::second_colour(&Palette::of(ui))))
                    .on_hover_text("The model that the one above is compared with, on the same board and timeline.");
                let button = ui.button("Stop").on_hover_text("Ends the comparison and frees the second model.");
                stop = button.clicked();
                button.widget_info(|| {
                    eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, "stop comparing")
                });
            }
            let text = if self.comparing.is_on() { "Another…" } else { "Compare with…" };
            let menu = ui.menu_button(text, |ui| choice = self.compare_menu(ui));
            menu.response.on_hover_text(
                "A second model solves the same board beside this one: both answers, their difference, both curves.",
            );
        });
        if let Some(problem) = &self.comparing.problem {
            ui.label(RichText::new(problem).small().color(Palette::of(ui).wrong));
        }
        if stop {
            self.stop_comparing();
        }
        match choice {
            Some(Choice::Shipped(name)) => self.compare_with_model(ModelSource::Shipped(name)),
            Some(Choice::File) => self.jobs.open_other("Open weights to compare with", MODELS),
            Some(Choice::Trace) => self.jobs.open_other("Open a recorded trace to compare with", TRACES),
            Some(Choice::Counterpart) => self.compare_with_counterpart(),
            None => {}
        }
    }

    fn compare_menu(&self, ui: &mut Ui) -> Option<Choice> {
        let mut choice = None;
        let shape = self.looking.clues().shape();
        let opened = match self.model.current() {
            Some(ModelSource::Shipped(name)) if self.view.subject == Subject::Opened => Some(name.as_str()),
            _ => None,
        };
        let fitting = self.shipped.iter().filter(|s| s.card.config.shape() == shape && opened != Some(s.name.as_str()));
        for s in fitting {
            if ui
                .button(format!("{} ({})", s.title, s.name))
                .on_hover_text("Weights that come with the program.")
                .clicked()
            {
                choice = Some(Choice::Shipped(s.name.clone()));
            }
        }
        if self.training.exists() && self.model.card.is_some() {
            let text = match self.view.subject {
                Subject::Training => "The opened model",
                _ => "The model in training",
            };
            if ui.button(text).on_hover_text("The opened weights and those in training, side by side.").clicked() {
                choice = Some(Choice::Counterpart);
            }
        }
        if ui.button("A weights file…").on_hover_text("A safetensors file for the same board.").clicked() {
            choice = Some(Choice::File);
        }
        let hover = "A recording of the same puzzle. It needs no device.";
        if ui.button("A recorded trace…").on_hover_text(hover).clicked() {
            choice = Some(Choice::Trace);
        }
        if choice.is_some() {
            ui.close();
        }
        choice
    }
}
