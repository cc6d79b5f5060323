//! What attention heads look at, as a map by offset for each head.

use eframe::egui::{Mesh, Rect, RichText, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::measure::heads::{Head, Heads};
use crate::ui::theme::{Palette, mix};

/// The maps, a row of them a block.
pub(super) fn heads(ui: &mut Ui, found: &Heads) {
    ui.label(RichText::new(format!("Attention in iteration {}, by offset", found.iteration)).strong()).on_hover_text(
        "Each map is a head. Its middle is the cell itself; a place above or to the left is the cell so many rows above or columns to the left. The darker, the more weight, each map on its own scale; the mean is over all pairs of cells with that offset and over all boards.",
    );
    let most = found.heads.iter().map(|h| h.head).max().unwrap_or(1) as usize;
    let gap = ui.spacing().item_spacing.x;
    let fits = |in_row: usize| (ui.available_width() - gap * (in_row as f32 - 1.0)) / in_row as f32;
    // Maps are no smaller than a thumb, and no larger than is needed to see them.
    let mut in_row = most.max(1);
    while in_row > 1 && fits(in_row) < 64.0 {
        in_row = in_row.div_ceil(2);
    }
    let side = fits(in_row).clamp(48.0, 150.0);
    for block in found.heads.chunk_by(|a, b| a.block == b.block) {
        for row in block.chunks(in_row) {
            ui.horizontal(|ui| row.iter().for_each(|head| map(ui, head, found.side, side)));
        }
    }
}

fn map(ui: &mut Ui, head: &Head, side: u32, size: f32) {
    let p = Palette::of(ui);
    let wide = 2 * side as usize - 1;
    let most = head.by_offset.iter().copied().fold(0.0, f64::max);
    let title = format!("{}.{}", head.block, head.head);
    ui.vertical(|ui| {
        ui.set_max_width(size);
        ui.label(RichText::new(&title).small().weak())
            .on_hover_text(format!("Head {} of block {}. Its largest weight is {most:.3}.", head.head, head.block));
        let (rect, response) = ui.allocate_exact_size(vec2(size, size), Sense::hover());
        let cell = size / wide as f32;
        let at = |i: usize| pos2(rect.left() + (i % wide) as f32 * cell, rect.top() + (i / wide) as f32 * cell);
        let mut mesh = Mesh::default();
        for (i, weight) in head.by_offset.iter().enumerate() {
            let share = if most > 0.0 { (weight / most) as f32 } else { 0.0 };
            mesh.add_colored_rect(Rect::from_min_size(at(i), vec2(cell, cell)), mix(p.paper, p.accent, share));
        }
        let painter = ui.painter_at(rect);
        painter.add(Shape::mesh(mesh));
        let middle = Rect::from_min_size(at(wide * wide / 2), vec2(cell, cell));
        painter.rect_stroke(middle, 0.0, Stroke::new(1.0, p.ink), StrokeKind::Inside);
        painter.rect_stroke(rect, 0.0, Stroke::new(1.0, p.line), StrokeKind::Inside);
        let name = format!("attention of head {title} by offset, largest weight {most:.3}");
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
        if let Some(pos) = response.hover_pos() {
            let place = |from: f32, to: f32| (((to - from) / cell) as usize).min(wide - 1);
            let (row, column) = (place(rect.top(), pos.y), place(rect.left(), pos.x));
            let weight = head.by_offset.get(row * wide + column).copied().unwrap_or(0.0);
            let offset = |i: usize| i as i64 - i64::from(side) + 1;
            response.on_hover_text_at_pointer(format!(
                "Head {title}: {weight:.4} for the cell {:+} rows and {:+} columns away.",
                offset(row),
                offset(column)
            ));
        }
    });
}
