//! Three counters that are easily taken for one another, side by side: the optimizer's steps, the iterations
//! of a pass, and the updates of a slow state within it.

use eframe::egui::{Align2, FontId, Rect, RichText, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::app::Lab;
use super::theme::{Palette, mix};
use super::words::thousands;
use crate::config::Router;

/// Height of a clock's bar.
const BAR: f32 = 12.0;

impl Lab {
    /// The three clocks, one under the other, each with a sentence.
    pub(super) fn clocks(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        ui.label(RichText::new("Three clocks").strong()).on_hover_text(
            "The literature calls two of them inner and outer iterations, and two others inner and outer loops. They are three different counters.",
        );
        self.step_clock(ui, &p);
        self.iteration_clock(ui, &p);
        self.slow_clock(ui, &p);
    }

    /// Steps: slow, and only in training.
    fn step_clock(&self, ui: &mut Ui, p: &Palette) {
        let (step, of) = match &self.training.config {
            Some(c) => (self.training.step.0, c.recipe.steps),
            None => (self.looking.trace.step.0, 0),
        };
        let text = if of > 0 {
            format!("step {} of {}", thousands(step.into()), thousands(of.into()))
        } else {
            format!("step {}", thousands(step.into()))
        };
        let hover = "A step is one update of the weights, after a whole batch of passes. Only training moves this clock; a model that is looked at stands still on it.";
        clock(ui, p, &text, "the weights change", hover, |painter, rect| {
            let share = if of > 0 { step as f32 / of as f32 } else { 1.0 };
            painter.rect_filled(rect, 2.0, p.given);
            let done = Rect::from_min_size(rect.min, vec2(rect.width() * share.clamp(0.0, 1.0), rect.height()));
            painter.rect_filled(done, 2.0, p.flips.gamma_multiply(if of > 0 { 0.9 } else { 0.4 }));
        });
    }

    /// Iterations: within one pass.
    fn iteration_clock(&self, ui: &mut Ui, p: &Palette) {
        let (t, last) = (self.view.cursor(), self.looking.last());
        let text = format!("iteration {} of {}", thousands(t.into()), thousands(last.into()));
        let hover = "An iteration applies the same blocks once more within one pass: the state and the answer change, the weights do not. A step of training runs the trained number of iterations for every board of its batch.";
        let axis = self.axis();
        clock(ui, p, &text, "the state and the answer change", hover, |painter, rect| {
            painter.rect_filled(rect, 2.0, p.given);
            let x = |t: f64| rect.left() + rect.width() * axis.share(t) as f32;
            let done = Rect::from_x_y_ranges(rect.left()..=x(f64::from(t)), rect.y_range());
            painter.rect_filled(done, 2.0, p.accent.gamma_multiply(0.8));
            for i in 1..=last.min(64) {
                let at = x(f64::from(i));
                painter.line_segment([pos2(at, rect.top()), pos2(at, rect.bottom())], Stroke::new(1.0, p.paper));
            }
        });
    }

    /// Updates of the slow state: every few iterations of the same pass.
    fn slow_clock(&self, ui: &mut Ui, p: &Palette) {
        let sizes = self.subject_sizes().filter(|c| c.poh.is_recurrent() && c.poh.routes());
        let seen: Vec<u32> = self
            .looking
            .trace
            .frames
            .iter()
            .filter(|f| f.controller.is_some_and(|c| c.slow_moved))
            .map(|f| f.iteration.0)
            .collect();
        if seen.is_empty() {
            let text = "no slow state";
            let hover = "Some routers carry a fast state, updated in every iteration, and a slow one, updated every few of them. This network has none: train the preset poh4-hrm to see one.";
            return clock(ui, p, text, "nothing moves on this clock here", hover, |painter, rect| {
                painter.rect_stroke(rect, 2.0, Stroke::new(1.0, p.line), eframe::egui::StrokeKind::Inside);
            });
        }
        let t = self.view.cursor();
        let so_far = seen.iter().filter(|i| **i <= t).count();
        let text = format!("slow update {so_far} of {}", seen.len());
        let when = match sizes.map(|c| (c.poh.router, c.poh.controller_period)) {
            Some((Router::HrmTrigger, _)) => "whenever its learned trigger is full".to_owned(),
            Some((_, period)) => format!("every {period} iterations, beginning with the first"),
            None => "every few iterations".to_owned(),
        };
        let hover = format!(
            "The controller's slow state is updated {when}; its fast state in every iteration. Both are within one pass and are gone at its end."
        );
        let axis = self.axis();
        clock(ui, p, &text, "the slow state changes", &hover, |painter, rect| {
            painter.rect_filled(rect, 2.0, p.given);
            for i in &seen {
                let x = rect.left() + rect.width() * axis.share(f64::from(*i)) as f32;
                let color = if *i <= t { p.right } else { mix(p.given, p.right, 0.35) };
                let mark = Rect::from_x_y_ranges(x - 3.0..=x + 1.0, rect.y_range());
                painter.rect_filled(mark, 1.0, color);
            }
        });
    }
}

/// A bar with its words: the count above it, and what it changes.
fn clock(
    ui: &mut Ui,
    p: &Palette,
    count: &str,
    what: &str,
    hover: &str,
    paint: impl FnOnce(&eframe::egui::Painter, Rect),
) {
    let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), 17.0 + BAR), Sense::hover());
    let painter = ui.painter_at(area);
    painter.text(area.left_top(), Align2::LEFT_TOP, count, FontId::proportional(12.5), p.ink);
    painter.text(area.right_top() + vec2(0.0, 1.0), Align2::RIGHT_TOP, what, FontId::proportional(11.5), p.weak);
    paint(&painter, Rect::from_min_size(area.min + vec2(0.0, 17.0), vec2(area.width(), BAR)));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{count}: {what}")));
    response.on_hover_text(hover);
}
