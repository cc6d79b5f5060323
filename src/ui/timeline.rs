//! The iteration timeline: what happened when, the border at the trained T, and the cursor.

use eframe::egui::{
    self, Align2, EventFilter, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use egui::accesskit::Action as Access;

use super::app::{Lab, MOST_ITERATIONS};
use super::axis::Axis;
use super::compare::second_colour;
use super::icons;
use super::looking::{Looking, Mark};
use super::theme::{Palette, mix};
use super::view::Looping;
use super::words::{count, percent, thousands};

const MARKS: f32 = 20.0;
const STRIP: f32 = 30.0;
const TICKS: f32 = 18.0;

impl Lab {
    /// The axis that timeline and plots share: beyond what is recorded, so that one can reach for more.
    pub(super) fn axis(&self) -> Axis {
        let t = self.trained();
        if self.step_shown().is_some() {
            // A recorded step cannot be run further.
            return Axis::new(t, self.looking.last());
        }
        let end = t
            .saturating_mul(16)
            .min(MOST_ITERATIONS)
            .max(self.looking.last())
            .max(self.second().map_or(0, Looking::last))
            .max(self.iterations)
            .max(self.asks.reach.unwrap_or(0));
        Axis::new(t, end)
    }

    /// The identity of the timeline: with the focus there, the keys of the window hold.
    pub(super) fn timeline_id(&self) -> egui::Id {
        egui::Id::unique("timeline")
    }

    /// The timeline itself.
    pub(super) fn timeline(&mut self, ui: &mut Ui) {
        let axis = self.axis();
        // A lane each for two models, above them a row of marks each.
        let lanes = if self.second().is_some() { 2.0 } else { 1.0 };
        let (above, strip) = (MARKS * lanes, STRIP * lanes);
        let height = above + strip + TICKS;
        let id = self.timeline_id();
        let (outer, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let rect = Rect::from_min_size(outer.min + vec2(6.0, above), vec2(outer.width() - 40.0, strip));
        let response =
            ui.interact(Rect::from_min_max(pos2(outer.left(), rect.top()), outer.max), id, Sense::click_and_drag());
        self.timeline_rect = rect;
        let x_of = |t: f64| rect.left() + rect.width() * axis.share(t) as f32;
        let t_of = |x: f32| axis.at_share(f64::from((x - rect.left()) / rect.width())).round() as u32;

        let p = Palette::of(ui);
        let painter = ui.painter_at(outer);
        painter.rect_filled(rect, 3.0, p.paper);
        let lane = |i: f32| Rect::from_min_size(rect.min + vec2(0.0, STRIP * i), vec2(rect.width(), STRIP));
        paint_strip(&painter, lane(0.0), axis, &p, &self.looking);
        if let Some(second) = self.second() {
            paint_strip(&painter, lane(1.0), axis, &p, second);
            painter.hline(rect.x_range(), lane(1.0).top(), Stroke::new(1.0, p.line));
            for (i, name, color) in [(0.0, "A", p.accent), (1.0, "B", second_colour(&p))] {
                let font = FontId::proportional(13.0);
                for y in [lane(i).center().y, outer.top() + MARKS * (i + 0.5)] {
                    painter.text(pos2(rect.right() + 8.0, y), Align2::LEFT_CENTER, name, font.clone(), color);
                }
            }
        }
        if let Looping::Range(r) = &self.view.looping {
            let band = Rect::from_x_y_ranges(x_of(f64::from(*r.start()))..=x_of(f64::from(*r.end())), rect.y_range());
            painter.rect(band, 0.0, p.accent.gamma_multiply(0.18), Stroke::new(1.0, p.accent), StrokeKind::Inside);
        }
        painter.rect_stroke(rect, 3.0, Stroke::new(1.0, p.line), StrokeKind::Inside);
        self.paint_border(&painter, outer, rect, axis, &p);
        self.tick_labels(ui, &painter, rect, axis, &p);
        if let Some(t) = self.view.hovered.iteration {
            painter.vline(x_of(f64::from(t)), outer.top()..=rect.bottom(), p.hover());
        }
        self.paint_cursor(&painter, rect, x_of(f64::from(self.view.cursor())), response.has_focus(), &p);
        let second = self.second().map(|s| s.marks.clone());
        let both = [("A: ", Some(self.looking.marks.clone())), ("B: ", second)];
        for (i, (who, marks)) in both.into_iter().enumerate() {
            let y = outer.top() + MARKS * (i as f32 + 0.5);
            let who = if lanes > 1.0 { who } else { "" };
            self.mark_buttons(ui, &painter, (i, y, who), marks.unwrap_or_default(), x_of, &p);
        }
        self.disturbance_mark(ui, &painter, rect, x_of, &p);

        if let Some(pos) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
            self.view.playing = false;
            let t = t_of(pos.x);
            // With Shift the drag marks the range to repeat.
            if response.drag_started() && ui.input(|i| i.modifiers.shift) {
                self.view.range_from = Some(t);
            }
            match self.view.range_from {
                Some(from) if from != t => self.view.looping = Looping::Range(from.min(t)..=from.max(t)),
                _ => self.go_to(t),
            }
        }
        if response.drag_stopped() {
            self.view.range_from = None;
        }
        self.timeline_access(ui, &response, axis);
        if let Some(pos) = response.hover_pos() {
            let t = t_of(pos.x);
            self.view.pointed.iteration = Some(t);
            response.on_hover_text_at_pointer(self.iteration_words(t));
        }
    }

    /// What is known of an iteration, in words.
    pub(super) fn iteration_words(&self, t: u32) -> String {
        if t == 0 {
            return "The clues, before the first iteration.".into();
        }
        if t > self.looking.last() {
            return format!("Iteration {} is not recorded; choose it to run that far.", thousands(u64::from(t)));
        }
        let i = t as usize - 1;
        let c = &self.looking.curves;
        let mut text = format!("Iteration {}", thousands(u64::from(t)));
        if let Some(Some(right)) = c.correct.get(i) {
            text += &format!(": {right} of {} blank cells right", c.blanks());
        }
        if let (Some(sure), Some(flips)) = (c.confidence.get(i), c.flips.get(i)) {
            text += &format!(", {} sure on average, {flips} flipped", percent(*sure));
        }
        if let Some(row) = self.comparing.pair().and_then(|pair| pair.row(t)) {
            text += &format!("; A and B differ in {}", count(row.differ as usize, "cell", "cells"));
        }
        text + "."
    }

    fn paint_border(&self, painter: &egui::Painter, outer: Rect, rect: Rect, axis: Axis, p: &Palette) {
        let x = rect.left() + rect.width() * axis.share(axis.trained()) as f32;
        painter.extend(Shape::dashed_line(
            &[pos2(x, outer.top() + 3.0), pos2(x, rect.bottom() + 2.0)],
            Stroke::new(1.5, p.ink),
            4.0,
            3.0,
        ));
    }

    fn tick_labels(&mut self, ui: &mut Ui, painter: &egui::Painter, rect: Rect, axis: Axis, p: &Palette) {
        let trained = axis.trained() as u32;
        for t in axis.ticks((rect.width() / 58.0) as usize) {
            let x = rect.left() + rect.width() * axis.share(f64::from(t)) as f32;
            painter.line_segment([pos2(x, rect.bottom()), pos2(x, rect.bottom() + 3.0)], Stroke::new(1.0, p.weak));
            let text =
                if t == trained { format!("trained {}", thousands(u64::from(t))) } else { thousands(u64::from(t)) };
            let color = if t == trained { p.ink } else { p.weak };
            let at = pos2(x, rect.bottom() + 3.0);
            let drawn = painter.text(at, Align2::CENTER_TOP, &text, FontId::proportional(11.5), color);
            // Reachable by name, but no stop for Tab: the slider itself is one.
            let hit = Rect::from_center_size(drawn.center(), vec2(drawn.width().max(28.0), TICKS));
            let response = ui.interact(hit, ui.scope_id().with(("tick", t)), Sense::CLICK);
            let name = if t == trained { format!("iteration {t}, trained") } else { format!("iteration {t}") };
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
            if response.clicked() {
                self.view.playing = false;
                self.go_to(t);
            }
        }
    }

    fn paint_cursor(&self, painter: &egui::Painter, rect: Rect, x: f32, focus: bool, p: &Palette) {
        let stroke = Stroke::new(if focus { 3.0 } else { 2.0 }, p.accent);
        painter.line_segment([pos2(x, rect.top() - 4.0), pos2(x, rect.bottom() + 3.0)], stroke);
        let head = |dx: f32, dy: f32| Pos2::new(x + dx, rect.top() - 4.0 + dy);
        painter.add(Shape::convex_polygon(
            vec![head(-6.0, -6.0), head(6.0, -6.0), head(0.0, 4.0)],
            p.accent,
            Stroke::NONE,
        ));
    }

    fn mark_buttons(
        &mut self,
        ui: &mut Ui,
        painter: &egui::Painter,
        (row, y, who): (usize, f32, &str),
        marks: Vec<Mark>,
        x_of: impl Fn(f64) -> f32,
        p: &Palette,
    ) {
        let mut taken: Vec<f32> = Vec::new();
        for (i, mark) in marks.iter().enumerate() {
            let mut x = x_of(f64::from(mark.iteration));
            // Marks at the same place stand side by side.
            while taken.iter().any(|t| (t - x).abs() < 15.0) {
                x += 15.0;
            }
            taken.push(x);
            let centre = pos2(x, y);
            let response = ui.interact(
                Rect::from_center_size(centre, vec2(16.0, MARKS)),
                ui.scope_id().with(("mark", row, i)),
                Sense::click(),
            );
            let size = if response.hovered() || response.has_focus() { 17.0 } else { 14.0 };
            icons::mark(painter, mark.icon(), centre, size, mark.color(p));
            let text = format!("{who}{}", mark.text);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
            if response.clicked() {
                self.view.playing = false;
                self.go_to(mark.iteration);
            }
            response.on_hover_text(text);
        }
    }

    /// The timeline as a slider: its value, its keys, and what a screen reader may ask of it.
    fn timeline_access(&mut self, ui: &Ui, response: &egui::Response, axis: Axis) {
        let cursor = self.view.cursor();
        response.widget_info(|| WidgetInfo::slider(true, f64::from(cursor), "iteration"));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_min_numeric_value(0.0);
            node.set_max_numeric_value(axis.end());
            node.set_numeric_value_step(1.0);
            node.add_action(Access::SetValue);
            node.add_action(Access::Increment);
            node.add_action(Access::Decrement);
        });
        if response.has_focus() {
            let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
        }
        let id = response.id;
        let (wanted, by) = ui.input(|i| {
            let wanted = i.accesskit_action_requests(id, Access::SetValue).find_map(|r| match r.data {
                Some(egui::accesskit::ActionData::NumericValue(v)) => Some(v.max(0.0).round() as u32),
                _ => None,
            });
            let by = i.num_accesskit_action_requests(id, Access::Increment) as i64
                - i.num_accesskit_action_requests(id, Access::Decrement) as i64;
            (wanted, by)
        });
        let target = wanted.unwrap_or_else(|| (i64::from(cursor) + by).clamp(0, i64::from(MOST_ITERATIONS)) as u32);
        if target != cursor {
            self.view.playing = false;
            self.go_to(target);
        }
    }
}

/// Height is the share of blank cells that are right (or the confidence, where no solution is
/// known), dots at the foot are flips; what is not recorded is hatched.
fn paint_strip(painter: &egui::Painter, rect: Rect, axis: Axis, p: &Palette, looking: &Looking) {
    let c = &looking.curves;
    let last = f64::from(looking.last());
    let columns = rect.width().floor() as usize;
    let blanks = c.blanks().max(1) as f32;
    // One mesh of bars, each as wide as nothing changes: a renderer in software pays for every triangle.
    let mut mesh = egui::Mesh::default();
    let mut bar: Option<(Rect, egui::Color32)> = None;
    let mut flipped = egui::Mesh::default();
    for column in 0..columns {
        let from = axis.at_share(column as f64 / columns as f64);
        let to = axis.at_share((column + 1) as f64 / columns as f64);
        // A column shows the last iteration that begins in it or before it.
        let i = to.floor().min(last) as usize;
        if from > last || i == 0 || looking.last() == 0 {
            continue;
        }
        let (share, color) = match c.correct.get(i - 1).copied().flatten() {
            Some(right) => {
                let solved = c.valid.get(i - 1).copied().unwrap_or(false);
                (right as f32 / blanks, mix(p.paper, p.right, if solved { 0.60 } else { 0.30 }))
            }
            None => (c.confidence.get(i - 1).copied().unwrap_or(0.0), mix(p.paper, p.accent, 0.35)),
        };
        let x = rect.left() + column as f32;
        let top = rect.bottom() - rect.height() * share;
        bar = match bar {
            Some((mut wide, same)) if same == color && wide.top() == top && wide.right() == x => {
                wide.max.x = x + 1.0;
                Some((wide, color))
            }
            done => {
                done.into_iter().for_each(|(rect, color)| mesh.add_colored_rect(rect, color));
                Some((Rect::from_min_max(pos2(x, top), pos2(x + 1.0, rect.bottom())), color))
            }
        };
        let flips =
            (from.ceil() as usize..=i).filter_map(|t| c.flips.get(t.checked_sub(1)?)).max().copied().unwrap_or(0);
        if flips > 0 && (from.ceil() as usize) <= i {
            let h = (rect.height() * flips as f32 / blanks).clamp(2.0, rect.height());
            let mark = Rect::from_min_max(pos2(x, rect.bottom() - h), pos2(x + 3.0, rect.bottom()));
            flipped.add_colored_rect(mark, p.flips);
        }
    }
    bar.into_iter().for_each(|(rect, color)| mesh.add_colored_rect(rect, color));
    painter.add(Shape::mesh(mesh));
    painter.add(Shape::mesh(flipped));
    let edge = rect.left() + rect.width() * axis.share(last) as f32;
    let mut x = edge + 4.0;
    while x < rect.right() {
        let top = pos2((x + 6.0).min(rect.right()), rect.top() + 2.0);
        painter.line_segment([pos2(x, rect.bottom() - 2.0), top], Stroke::new(1.0, p.line.gamma_multiply(0.55)));
        x += 9.0;
    }
}
