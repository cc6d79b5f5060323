//! Which weights are looked at, what they say about themselves, and what is changed in the pass.

use eframe::egui::{ComboBox, Grid, RichText, Slider, TextEdit, Ui};

use super::Action;
use super::app::{Lab, MOST_ITERATIONS, NARROW};
use super::explain::{Explained as _, Figure};
use super::looking::Looking;
use super::theme::Palette;
use super::undo::Edit;
use super::view::Looping;
use super::words::{clock, thousands};
use crate::config::shipped::Asset;
use crate::config::{Interventions, ModelCard, fails_on_purpose};
use crate::engine::protocol::{ModelSource, Subject};
use crate::trace::Trace;

/// The opened model.
#[derive(Default)]
pub(super) struct ModelState {
    pub card: Option<ModelCard>,
    /// What is being opened, in words.
    opening: Option<String>,
    /// Where the opened model comes from.
    pub source: Option<ModelSource>,
    /// Where the one comes from that is being opened, or that could not be.
    tried: Option<ModelSource>,
    /// Why the last one could not be opened.
    problem: Option<String>,
    /// key=value pairs for a file that says nothing about itself.
    set: String,
}

impl ModelState {
    pub fn opening(&mut self, source: &ModelSource) {
        self.opening = Some(source_name(source));
        self.tried = Some(source.clone());
        self.problem = None;
    }

    /// Where the model comes from that is on screen, or will be in a moment.
    pub fn current(&self) -> Option<&ModelSource> {
        if self.opening.is_some() { self.tried.as_ref() } else { self.source.as_ref() }
    }

    pub fn settings(&self) -> Vec<String> {
        match self.tried {
            Some(ModelSource::Shipped(_) | ModelSource::Fresh(_)) | None => Vec::new(),
            _ => self.set.split_whitespace().map(str::to_owned).collect(),
        }
    }

    pub fn failed(&mut self, why: &str) {
        self.opening = None;
        self.problem = Some(why.to_owned());
    }
}

/// Weights by name: the shipped one's, or the file's.
pub(super) fn source_name(source: &ModelSource) -> String {
    match source {
        ModelSource::Shipped(name) | ModelSource::Fresh(name) => name.clone(),
        ModelSource::Path(path) => path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        ModelSource::Bytes { name, .. } => name.clone(),
    }
}

impl Lab {
    /// The engine has the weights.
    pub(super) fn model_opened(&mut self, card: ModelCard) {
        self.model.opening = None;
        self.model.problem = None;
        if let Some(source) = self.model.tried.take() {
            self.model.source = Some(source);
        }
        self.model.card = Some(card);
        // A training that goes on keeps the board; a model that comes back after trouble does not take it.
        if !self.wanted.keep_subject {
            self.view.subject = Subject::Opened;
        }
        self.wanted.keep_subject = false;
        // Else it goes on when the recording is there.
        if self.awaited.is_none() {
            self.model_settled();
        }
    }

    /// Makes sure that the board on screen is one of the weights in view: a recorded one where there
    /// is one, else a new one. A puzzle of the user's own is left alone.
    pub(super) fn fit_puzzle(&mut self) {
        let Some(shape) = self.subject_shape() else { return };
        if self.looking.clues().shape() == shape || (self.puzzle.own && self.view.subject == Subject::Opened) {
            return;
        }
        if let Some(trace) = self.usual(shape).cloned() {
            return self.look_at(Looking::new(trace, true));
        }
        // All are of the same puzzles: the shortest one is there first.
        let of_it = self.shipped.iter().filter(|s| s.card.config.shape() == shape).map(|s| s.name.clone());
        let shortest = of_it.min_by_key(|name| Asset::Traces(name.clone()).size());
        match shortest.filter(|name| self.bring(name)) {
            Some(name) => self.awaited = Some(name),
            // Natively it is there now.
            None => match self.usual(shape).cloned() {
                Some(trace) => self.look_at(Looking::new(trace, true)),
                None => self.generate_fitting(),
            },
        }
    }

    /// Shows a recording.
    pub(super) fn show_trace(&mut self, trace: Trace) {
        if trace.frames.is_empty() {
            self.toasts.error("This recording holds no iterations.".into(), self.now);
            return;
        }
        self.iterations = self.iterations.max(trace.last().0).min(MOST_ITERATIONS);
        // Else the weights in training would take the board back at once.
        self.view.subject = Subject::Opened;
        self.puzzle.own = true;
        self.remember();
        self.look_at(Looking::new(trace, true));
    }

    pub(super) fn look_at(&mut self, looking: Looking) {
        self.asks.forget();
        self.looking = looking;
        self.read_pair_again();
        self.comparing.due = true;
        self.view.set_cursor(0);
        self.view.playing = true;
        self.view.looping = Looping::Whole;
        self.puzzle.forget();
        self.check_puzzle();
        self.recording_of_other();
    }

    /// The model's part of the left side.
    pub(super) fn model_panel(&mut self, ui: &mut Ui) {
        // In the wide window the tab says it.
        if ui.ctx().content_rect().width() < NARROW {
            ui.label(RichText::new("Model").strong());
        }
        let mut chosen = None;
        ui.horizontal(|ui| {
            let name = match (&self.model.opening, &self.model.card) {
                (Some(name), _) => format!("opening {name}"),
                (None, Some(card)) => card.name.clone(),
                (None, None) => "none".into(),
            };
            ComboBox::new("model", "")
                .selected_text(name)
                .width(ui.available_width() - 84.0)
                .show_ui(ui, |ui| {
                    for s in &self.shipped {
                        if ui.selectable_label(false, &s.title).on_hover_text(&s.name).clicked() {
                            chosen = Some(ModelSource::Shipped(s.name.clone()));
                        }
                    }
                    if self.shipped.is_empty() {
                        ui.label("None is shipped with this build. Open a file.");
                    }
                })
                .response
                .on_hover_text("Weights that come with the program.")
                .accessible_name("model");
            if ui.button("Open…").on_hover_text(Action::OpenModel.tooltip(ui.ctx())).clicked() {
                self.act(Action::OpenModel, ui.ctx());
            }
        });
        if let Some(source) = chosen {
            self.puzzle.own = false;
            self.choose_model(source);
        }
        self.card_view(ui);
        self.opening_problem(ui);
        self.compare_choice(ui);
    }

    /// Recordings: opened and saved.
    pub(super) fn trace_buttons(&mut self, ui: &mut Ui) {
        for (text, action) in [("Open a trace…", Action::OpenTrace), ("Save this trace…", Action::SaveTrace)] {
            if ui.button(text).on_hover_text(action.tooltip(ui.ctx())).clicked() {
                self.act(action, ui.ctx());
            }
        }
    }

    fn card_view(&self, ui: &mut Ui) {
        let Some(card) = &self.model.card else {
            if self.model.opening.is_none() {
                ui.label(RichText::new("No model is open. Choose one above, or drop a .safetensors file here.").weak());
            }
            return;
        };
        let c = &card.config;
        let line = format!("{}, {} parameters", c.shape(), thousands(c.parameters() as u64));
        let now = format!(
            "{} blocks of width {} with {} heads, applied again and again with the same weights.",
            c.blocks, c.width, c.heads
        );
        ui.label(RichText::new(line).small()).explained_with(&now, Figure::Parameters);
        let line =
            format!("trained with {} iterations, {} steps", card.trained_iterations, thousands(u64::from(card.step)));
        ui.label(RichText::new(line).small()).explained(Figure::TrainedWith);
        if let Some(why) = fails_on_purpose(&card.name) {
            ui.add(eframe::egui::Label::new(RichText::new(why).small().color(Palette::of(ui).wrong)).wrap());
        }
        let from = &card.provenance;
        if from.command.is_empty() && from.data.is_empty() && from.figures.is_empty() {
            ui.label(RichText::new("The file does not say where it comes from.").small().weak());
            return;
        }
        ui.collapsing("Where it comes from", |ui| {
            Grid::new("provenance").num_columns(2).show(ui, |ui| {
                for (what, value) in [
                    ("command", from.command.clone()),
                    ("start", from.began_with.clone().unwrap_or_default()),
                    ("seed", from.seed.to_string()),
                    ("data", from.data.clone()),
                    ("device", from.device.clone()),
                    ("time", clock(from.seconds)),
                ] {
                    if !value.is_empty() {
                        ui.label(RichText::new(what).small().weak());
                        ui.add(eframe::egui::Label::new(RichText::new(value).small()).wrap().selectable(true))
                            .explained(Figure::Provenance);
                        ui.end_row();
                    }
                }
            });
            for figure in &from.figures {
                ui.label(RichText::new(figure).small()).explained(Figure::Claim);
            }
        });
    }

    /// A file that could not be opened may only lack a number that one can give.
    fn opening_problem(&mut self, ui: &mut Ui) {
        let Some(problem) = self.model.problem.clone() else { return };
        ui.label(RichText::new(problem).color(Palette::of(ui).wrong));
        let Some(source) = self.model.tried.clone().filter(|s| !matches!(s, ModelSource::Shipped(_))) else { return };
        ui.horizontal(|ui| {
            ui.add(TextEdit::singleline(&mut self.model.set).hint_text("heads=4 iterations=16").desired_width(150.0))
                .on_hover_text("What a file without our description lacks, as key=value pairs.")
                .accessible_name("settings for the file");
            if ui.button("Try again").clicked() {
                self.open_model(source.clone());
            }
        });
    }

    /// What is changed in the pass.
    pub(super) fn interventions_panel(&mut self, ui: &mut Ui) {
        let before = self.interventions;
        ui.horizontal(|ui| {
            if ui.ctx().content_rect().width() < NARROW {
                ui.label(RichText::new("Interventions").strong());
            }
            if before != Interventions::default()
                && ui.button("undo all").on_hover_text("Changes nothing in the pass.").clicked()
            {
                self.interventions = Interventions::default();
            }
        });
        let now = &mut self.interventions;
        let mut slider = |value: &mut f32, range, name: &str, text: &str, hover: &str| {
            ui.label(RichText::new(text).small().weak());
            ui.add(Slider::new(value, range).text(name).max_decimals(2)).on_hover_text(hover);
        };
        slider(
            &mut now.damping,
            0.0..=1.0,
            "damping α",
            "Carries only a part of the new state on; below 1 it calms swings.",
            "The carried state is α · new + (1 - α) · old; predictions come from the undamped state. 1 changes nothing.",
        );
        slider(
            &mut now.prediction_scale,
            0.0..=2.0,
            "prediction scale β",
            "Weakens or strengthens the prediction that is fed back.",
            "The fed-back prediction, its bias included, is scaled by β. 1 changes nothing, 0 cuts the feedback.",
        );
        ui.checkbox(&mut now.normalise_before_head, "normalise before the head")
            .on_hover_text("The state is normalised, without scale or shift, before the output head.");
        ui.label(RichText::new("Reads the answer from the state's direction, not its size.").small().weak());
        ui.checkbox(&mut now.bf16_state, "round the state to bfloat16").on_hover_text(
            "The carried state keeps 8 significant bits, as in the published evaluations. Small updates of a large state vanish.",
        );
        if !self.interventions.knocked_out.is_empty() {
            ui.label(RichText::new(format!("heads knocked out: {}", self.interventions.knocked_out)).small())
                .explained(Figure::KnockedOut);
        }
        if self.interventions != before {
            self.undo.note_drag(Edit::Interventions(before));
            self.ask_soon();
        }
        self.disturbing_panel(ui);
    }
}
