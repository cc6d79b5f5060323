//! The slider over the recorded steps of a training, under the timeline of the iterations.

use eframe::egui::{
    self, Align2, Button, EventFilter, FontId, Key, Mesh, Modifiers, Rect, RichText, Sense, Shape, Stroke, StrokeKind,
    Ui, WidgetInfo, pos2, vec2,
};
use egui::accesskit::Action as Access;

use super::Action;
use super::app::Lab;
use super::icons::{self, Icon};
use super::theme::{Palette, mix};
use super::words::thousands;
use crate::trace::{Iteration, Quantity, Recording, Step};

const STRIP: f32 = 20.0;
const TICKS: f32 = 15.0;
/// From the strip's edge to the first and to the last step.
const INSET: f32 = 8.0;

/// Where steps stand on the strip: linear from the start to the end of the recipe.
#[derive(Clone, Copy)]
struct Scale {
    rect: Rect,
    end: f32,
}

impl Scale {
    fn x(self, step: u32) -> f32 {
        self.rect.left() + INSET + (self.rect.width() - 2.0 * INSET) * (step as f32 / self.end)
    }

    fn step(self, x: f32) -> Step {
        let share = (x - self.rect.left() - INSET) / (self.rect.width() - 2.0 * INSET).max(1.0);
        Step((share.clamp(0.0, 1.0) * self.end).round() as u32)
    }
}

impl Lab {
    /// The row of the steps; nothing where none is recorded.
    pub(super) fn steps_row(&mut self, ui: &mut Ui, narrow: bool) {
        if self.recording().is_none() {
            self.steps.slider = Rect::NOTHING;
            return;
        }
        if narrow {
            ui.horizontal_wrapped(|ui| self.step_buttons(ui));
            self.step_slider(ui);
        } else {
            ui.horizontal(|ui| {
                self.step_buttons(ui);
                self.step_slider(ui);
            });
        }
    }

    fn step_buttons(&mut self, ui: &mut Ui) {
        let Some(recording) = self.recording().cloned() else { return };
        for (icon, action) in [(Icon::Back, Action::PreviousStep), (Icon::Forward, Action::NextStep)] {
            if icons::toggle(ui, icon, false, true, action.text(), &action.tooltip(ui.ctx())).clicked() {
                self.act(action, ui.ctx());
            }
        }
        let shown = self.step_shown();
        let end = thousands(u64::from(recording.end()));
        let text = match shown {
            Some(step) => format!("step {} of {end}", thousands(u64::from(step.0))),
            None => "no recorded step".into(),
        };
        let hover = match shown {
            Some(_) => {
                "The board shows what the weights of this training step made of it. Steps are updates of the weights; iterations are on the timeline above."
            }
            None => {
                "The board shows weights as they are now. Choose a recorded step to see what earlier ones made of a board."
            }
        };
        // As wide as the longest, so that the slider stands still.
        let width = 46.0 + 7.0 * 2.0 * end.len() as f32;
        ui.add_sized([width.max(104.0), 28.0], egui::Label::new(RichText::new(text).strong()).truncate())
            .on_hover_text(hover);
        let opened = self.steps.is_opened() || !self.training.exists();
        let at_end = if opened { self.step_index() == Some(recording.len() - 1) } else { shown.is_none() };
        let text = if opened { "last" } else { "live" };
        let button = Button::selectable(at_end, text).min_size([40.0, 28.0].into());
        if ui.add(button).on_hover_text(Action::NewestStep.tooltip(ui.ctx())).clicked() {
            self.act(Action::NewestStep, ui.ctx());
        }
        if self.steps.is_opened() {
            let hover = "Puts this recorded training away.";
            if icons::button(ui, Icon::Cross, "close the recorded training", hover).clicked() {
                self.close_recording();
            }
        }
    }

    fn step_slider(&mut self, ui: &mut Ui) {
        let Some(recording) = self.recording().cloned() else { return };
        let id = egui::Id::unique("recorded steps");
        let (outer, _) = ui.allocate_exact_size(vec2(ui.available_width(), STRIP + TICKS), Sense::hover());
        let rect = Rect::from_min_size(outer.min, vec2(outer.width(), STRIP));
        let response = ui.interact(outer, id, Sense::click_and_drag());
        self.steps.slider = rect;
        let scale = Scale { rect, end: recording.end() as f32 };
        let p = Palette::of(ui);
        let painter = ui.painter_at(outer.expand(2.0));
        painter.rect_filled(rect, 3.0, p.paper);
        self.paint_steps(&painter, scale, &recording, &p);
        painter.rect_stroke(rect, 3.0, Stroke::new(1.0, p.line), StrokeKind::Inside);
        step_ticks(&painter, scale, &p);
        if let Some(step) = self.step_shown() {
            let x = scale.x(step.0);
            let stroke = Stroke::new(if response.has_focus() { 3.0 } else { 2.0 }, p.accent);
            painter.line_segment([pos2(x, rect.top()), pos2(x, rect.bottom() + 3.0)], stroke);
            let head = vec![pos2(x - 5.0, rect.top()), pos2(x + 5.0, rect.top()), pos2(x, rect.top() + 7.0)];
            painter.add(Shape::convex_polygon(head, p.accent, Stroke::NONE));
        }
        if response.has_focus() {
            painter.rect_stroke(rect.expand(1.0), 3.0, Stroke::new(1.5, p.accent), StrokeKind::Outside);
        }
        if let Some(pos) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
            self.choose_nearest(&recording, scale.step(pos.x));
        }
        self.step_access(ui, &response, &recording);
        if let Some(pos) = response.hover_pos()
            && let Some(index) = recording.nearest(scale.step(pos.x))
        {
            let words = self.step_words(&recording, index, self.view.cursor().max(1));
            response.on_hover_text_at_pointer(words);
        }
    }

    fn choose_nearest(&mut self, recording: &Recording, step: Step) {
        if let Some(index) = recording.nearest(step)
            && self.step_index() != Some(index)
        {
            self.choose_step(index);
        }
    }

    /// A bar a recorded step: the share of the boards that it solves after the trained iterations, or of
    /// right cells where it solves none. What is not trained yet is hatched.
    fn paint_steps(&self, painter: &egui::Painter, scale: Scale, recording: &Recording, p: &Palette) {
        let rect = scale.rect;
        let width = ((rect.width() - 2.0 * INSET) / recording.len().max(2) as f32 * 0.6).clamp(2.0, 10.0);
        let at = Iteration(recording.trained().min(recording.last()));
        let mut mesh = Mesh::default();
        for (i, step) in recording.steps().enumerate() {
            let share = |q| recording.value(q, i, at, None).unwrap_or(0.0) as f32;
            for (share, color) in [
                (share(Quantity::Right), mix(p.paper, p.right, 0.25)),
                (share(Quantity::Solved), mix(p.paper, p.right, 0.7)),
            ] {
                let top = rect.bottom() - (rect.height() * share).max(2.0);
                let x = scale.x(step.0);
                let bar = Rect::from_min_max(pos2(x - width / 2.0, top), pos2(x + width / 2.0, rect.bottom()));
                mesh.add_colored_rect(bar, color);
            }
        }
        painter.add(Shape::mesh(mesh));
        let mut x = scale.x(recording.steps().last().map_or(0, |s| s.0)) + width;
        while x < rect.right() - 2.0 {
            let top = pos2((x + 5.0).min(rect.right()), rect.top() + 2.0);
            painter.line_segment([pos2(x, rect.bottom() - 2.0), top], Stroke::new(1.0, p.line.gamma_multiply(0.55)));
            x += 9.0;
        }
    }

    /// As a slider: its value, its keys, and what a screen reader may ask of it.
    fn step_access(&mut self, ui: &Ui, response: &egui::Response, recording: &Recording) {
        let value = self.step_shown().or(recording.steps().last()).map_or(0.0, |s| f64::from(s.0));
        response.widget_info(|| WidgetInfo::slider(true, value, "training step"));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_min_numeric_value(recording.steps().next().map_or(0.0, |s| f64::from(s.0)));
            node.set_max_numeric_value(recording.steps().last().map_or(0.0, |s| f64::from(s.0)));
            node.add_action(Access::SetValue);
            node.add_action(Access::Increment);
            node.add_action(Access::Decrement);
        });
        let id = response.id;
        let mut by = 0;
        if response.has_focus() {
            let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|m| m.set_focus_lock_filter(id, filter));
            let all = recording.len() as i64;
            for (key, steps) in [(Key::ArrowLeft, -1), (Key::ArrowRight, 1), (Key::Home, -all), (Key::End, all)] {
                by += steps * i64::from(ui.input_mut(|i| i.consume_key(Modifiers::NONE, key)));
            }
        }
        let wanted = ui.input(|i| {
            by += i.num_accesskit_action_requests(id, Access::Increment) as i64
                - i.num_accesskit_action_requests(id, Access::Decrement) as i64;
            i.accesskit_action_requests(id, Access::SetValue).find_map(|r| match r.data {
                Some(egui::accesskit::ActionData::NumericValue(v)) => Some(Step(v.max(0.0).round() as u32)),
                _ => None,
            })
        });
        if let Some(step) = wanted {
            self.choose_nearest(recording, step);
        } else if by != 0 {
            self.step_by(by);
        }
    }

    /// Which of the recorded boards is shown.
    pub(super) fn board_choice(&mut self, ui: &mut Ui, recording: &Recording) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.label(RichText::new("board ").small());
            for board in 0..recording.boards() {
                let chosen = self.steps.board() == board && self.step_shown().is_some();
                let line = recording.puzzle(board).map_or_else(String::new, |p| p.clues.to_line());
                let response = ui
                    .selectable_label(chosen, format!("{}", board + 1))
                    .on_hover_text(format!("Shows recorded board {}: {line}", board + 1))
                    .accessible_name(format!("recorded board {}", board + 1));
                if response.clicked() {
                    self.choose_board(board);
                }
            }
        });
    }
}

/// Numbers under the strip: the start, the end and round ones between, as far apart as they need.
fn step_ticks(painter: &egui::Painter, scale: Scale, p: &Palette) {
    let rect = scale.rect;
    let room = ((rect.width() / 64.0) as u32).clamp(2, 10);
    let rough = (scale.end / room as f32).max(1.0);
    let power = 10f32.powf(rough.log10().floor());
    let gap = [1.0, 2.0, 5.0, 10.0].map(|k| k * power).into_iter().find(|s| *s >= rough).unwrap_or(rough);
    let (end, gap) = (scale.end as u32, (gap as u32).max(1));
    let round = (0..end).step_by(gap as usize).filter(|s| end - s >= gap * 2 / 3);
    for step in round.chain([end]) {
        let x = scale.x(step);
        let align = if x > rect.right() - 30.0 {
            Align2::RIGHT_TOP
        } else if x < rect.left() + 20.0 {
            Align2::LEFT_TOP
        } else {
            Align2::CENTER_TOP
        };
        let at = match align {
            Align2::RIGHT_TOP => rect.right(),
            Align2::LEFT_TOP => rect.left(),
            _ => x,
        };
        painter.line_segment([pos2(x, rect.bottom()), pos2(x, rect.bottom() + 2.0)], Stroke::new(1.0, p.weak));
        let text = if step == 0 { "step 0".to_owned() } else { thousands(u64::from(step)) };
        painter.text(pos2(at, rect.bottom() + 1.0), align, text, FontId::proportional(11.0), p.weak);
    }
}
