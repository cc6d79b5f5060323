//! Playing the iterations: transport, speed, repeating, and how many iterations to run.

use eframe::egui::{ComboBox, DragValue, RichText, Ui};

use super::Action;
use super::app::{Lab, MOST_ITERATIONS};
use super::explain::{Explained as _, Figure};
use super::icons::{self, Icon};
use super::undo::Edit;
use super::view::{Looping, SPEEDS};
use super::words::thousands;

impl Lab {
    fn icon(&mut self, ui: &mut Ui, icon: Icon, on: bool, action: Action) {
        if icons::toggle(ui, icon, on, true, action.text(), &action.tooltip(ui.ctx())).clicked() {
            self.act(action, ui.ctx());
        }
    }

    /// The row above the timeline.
    pub(super) fn transport(&mut self, ui: &mut Ui, narrow: bool) {
        ui.horizontal_wrapped(|ui| {
            self.icon(ui, Icon::First, false, Action::First);
            self.icon(ui, Icon::Back, false, Action::Previous);
            let playing = self.view.playing && !self.view.follow;
            self.icon(ui, if playing { Icon::Pause } else { Icon::Play }, false, Action::PlayPause);
            self.icon(ui, Icon::Forward, false, Action::Next);
            self.icon(ui, Icon::Last, false, Action::Last);
            self.icon(ui, Icon::Loop, self.view.looping != Looping::Off, Action::Loop);
            self.icon(ui, Icon::Follow, self.view.follow, Action::Follow);
            self.speed(ui);
            let (cursor, last) = (self.view.cursor(), self.looking.last());
            let text = if cursor == 0 {
                format!("clues, {} iterations", thousands(u64::from(last)))
            } else {
                format!("iteration {} of {}", thousands(u64::from(cursor)), thousands(u64::from(last)))
            };
            ui.label(RichText::new(text).strong()).explained_with(&self.iteration_words(cursor), Figure::Shown);
            if self.asks.is_thinking() {
                ui.label(RichText::new("thinking").weak())
                    .on_hover_text("More iterations are on their way from the engine.");
            }
            if !narrow {
                ui.separator();
                self.iterations_to_run(ui);
            }
            if !narrow || matches!(self.view.looping, Looping::Range(_)) {
                self.range_buttons(ui);
            }
        });
    }

    fn speed(&mut self, ui: &mut Ui) {
        let name = |s: f64| match s {
            s if s < 0.3 => "¼×".to_owned(),
            s if s < 0.6 => "½×".to_owned(),
            s => format!("{s:.0}×"),
        };
        ComboBox::new("speed", "")
            .selected_text(name(self.view.speed))
            .width(52.0)
            .show_ui(ui, |ui| {
                for s in SPEEDS {
                    ui.selectable_value(&mut self.view.speed, s, name(s));
                }
            })
            .response
            .on_hover_text("Speed. 1× is four iterations a second up to the trained number; beyond it the pace grows as the axis does.")
            .accessible_name("speed");
    }

    /// How many iterations the engine runs, with presets.
    pub(super) fn iterations_to_run(&mut self, ui: &mut Ui) {
        let label = ui.label("run");
        let before = self.iterations;
        let speed = f64::from(self.iterations) * 0.01 + 0.05;
        ui.add(DragValue::new(&mut self.iterations).range(1..=MOST_ITERATIONS).speed(speed).suffix(" iterations"))
            .explained_with("How often the looped blocks are applied: 1 to 1,024. Far more than trained shows whether the answer holds.", Figure::ToRun)
            .labelled_by(label.id);
        let t = self.subject_trained();
        for (action, k, name) in
            [(Action::RunTrained, 1, "T"), (Action::RunFourfold, 4, "4T"), (Action::RunSixteenfold, 16, "16T")]
        {
            let n = t.saturating_mul(k).clamp(1, MOST_ITERATIONS);
            let hover = format!("{} That is {}.", action.tooltip(ui.ctx()), thousands(u64::from(n)));
            if ui.selectable_label(self.iterations == n, name).on_hover_text(hover).clicked() {
                self.act(action, ui.ctx());
            }
        }
        if self.iterations != before {
            self.undo.note_drag(Edit::Iterations(before));
            self.ask_soon();
        }
    }

    fn range_buttons(&mut self, ui: &mut Ui) {
        if self.view.looping == Looping::Off {
            return;
        }
        ui.separator();
        for (action, text) in [(Action::LoopStart, "from here"), (Action::LoopEnd, "to here")] {
            if ui.button(text).on_hover_text(action.tooltip(ui.ctx())).clicked() {
                self.act(action, ui.ctx());
            }
        }
        if let Looping::Range(r) = &self.view.looping {
            let text = format!("repeats {} to {}", r.start(), r.end());
            if ui.button(text).on_hover_text("Repeats the whole pass again.").clicked() {
                self.view.looping = Looping::Whole;
            }
        }
    }
}
