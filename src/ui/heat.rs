//! Rows × iterations as a heat map on the axis of the timeline: a cell's digits, or its heads.

use eframe::egui::{
    Align2, Color32, FontId, Mesh, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::app::Lab;
use super::theme::Palette;
use crate::trace::Frame;

/// What a heat map shows.
pub(super) struct Heat<'a> {
    /// Rows, numbered from 1 on the left.
    pub rows: usize,
    /// Height of a row.
    pub height: f32,
    /// Colour and size of a row's number.
    pub number: &'a dyn Fn(usize) -> (Color32, f32),
    /// Colours of a frame's rows; nothing where it has none.
    pub colours: &'a dyn Fn(&Frame) -> Option<Vec<Color32>>,
    /// Room to the right of the map, for what stands beside its rows.
    pub beside: f32,
    /// For screen readers.
    pub name: String,
}

impl Lab {
    /// Paints the map with the border at the trained T and the cursor; a click or drag moves the cursor.
    pub(super) fn heat(&mut self, ui: &mut Ui, p: &Palette, heat: &Heat<'_>) -> Response {
        let (axis, last) = (self.axis(), self.looking.last());
        let size = vec2(ui.available_width(), heat.height * heat.rows as f32);
        let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        let rect = Rect::from_min_max(area.min + vec2(16.0, 0.0), area.max - vec2(heat.beside, 0.0));
        let painter = ui.painter_at(area);
        painter.rect_filled(rect, 2.0, p.paper);
        // One mesh: up to nine rows of a few hundred columns.
        let mut mesh = Mesh::default();
        let columns = (rect.width() / 2.0).floor().max(1.0) as usize;
        for column in 0..columns {
            let from = axis.at_share(column as f64 / columns as f64);
            let to = axis.at_share((column + 1) as f64 / columns as f64);
            let t = (to.floor() as u32).min(last);
            let frame = self.looking.frame(t).filter(|_| from <= f64::from(last));
            let Some(colours) = frame.and_then(heat.colours) else { continue };
            let x = rect.left() + rect.width() * column as f32 / columns as f32;
            for (row, color) in colours.into_iter().enumerate() {
                let at = pos2(x, rect.top() + row as f32 * heat.height);
                let size = vec2(rect.width() / columns as f32, heat.height - 1.0);
                mesh.add_colored_rect(Rect::from_min_size(at, size), color);
            }
        }
        painter.add(Shape::mesh(mesh));
        for row in 0..heat.rows {
            let at = pos2(area.left() + 5.0, area.top() + (row as f32 + 0.5) * heat.height);
            let (color, size) = (heat.number)(row);
            painter.text(at, Align2::LEFT_CENTER, row + 1, FontId::proportional(size), color);
        }
        let border = rect.left() + rect.width() * axis.share(axis.trained()) as f32;
        let dashes = [pos2(border, rect.top()), pos2(border, rect.bottom())];
        painter.extend(Shape::dashed_line(&dashes, Stroke::new(1.0, p.ink), 3.0, 3.0));
        let x = rect.left() + rect.width() * axis.share(f64::from(self.view.cursor())) as f32;
        painter.line_segment([pos2(x, rect.top()), pos2(x, rect.bottom())], Stroke::new(1.5, p.accent));
        if let Some(t) = self.view.hovered.iteration {
            let x = rect.left() + rect.width() * axis.share(f64::from(t)) as f32;
            painter.vline(x, rect.y_range(), p.hover());
        }
        painter.rect_stroke(rect, 2.0, Stroke::new(1.0, p.line), StrokeKind::Inside);
        if let Some(pos) = response.hover_pos().filter(|p| rect.x_range().contains(p.x)) {
            let share = f64::from((pos.x - rect.left()) / rect.width());
            self.view.pointed.iteration = Some(axis.at_share(share).round() as u32);
        }
        if let Some(pos) = response.interact_pointer_pos() {
            self.view.playing = false;
            self.go_to(axis.at_share(f64::from((pos.x - rect.left()) / rect.width())).round() as u32);
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &heat.name));
        response
    }
}
