//! The board at the cursor: clues, answers, colours, attention, the selected cell and mistakes.

use std::collections::HashMap;

use eframe::egui::{
    self, Align2, Color32, EventFilter, FontId, Id, Key, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::app::Lab;
use super::compare::{Differing, Side, paint_two};
use super::theme::{Palette, mix};
use super::view::ColourMode;
use super::words::{figure, percent};
use crate::tasks::sudoku::Shape;

/// What is painted of one cell.
struct Face {
    ground: Color32,
    ink: Color32,
    digit: u8,
    given: bool,
    name: String,
    /// The answers of two models, where they differ.
    two: Option<(u8, Differing)>,
}

impl Lab {
    /// The identity of a cell's widget: focus and screen readers go by it.
    pub(super) fn cell_id(&self, cell: usize) -> Id {
        Id::unique(("board cell", cell))
    }

    /// Moves the selection, stopping at the edges.
    pub(super) fn select_by(&mut self, rows: isize, cols: isize) {
        let shape = self.looking.clues().shape();
        let top = shape.side() - 1;
        let row = shape.row_of(self.view.selected).saturating_add_signed(rows).min(top);
        let col = shape.col_of(self.view.selected).saturating_add_signed(cols).min(top);
        self.select(shape.cell(row, col));
    }

    /// Selects a cell.
    pub(super) fn select(&mut self, cell: usize) {
        let last = self.looking.clues().shape().cells() - 1;
        let had_focus = self.jobs.ctx().memory(|m| m.has_focus(self.cell_id(self.view.selected)));
        self.view.selected = cell.min(last);
        if had_focus {
            let id = self.cell_id(self.view.selected);
            self.jobs.ctx().memory_mut(|m| m.request_focus(id));
        }
    }

    /// The largest board that fits, in the middle of the room given.
    pub(super) fn board(&mut self, ui: &mut Ui, room: Vec2) {
        if self.has_no_board() {
            return self.no_board_yet(ui, room);
        }
        let (area, _) = ui.allocate_exact_size(room, Sense::hover());
        let side = (room.x.min(room.y) - 6.0).max(96.0);
        let rect = Rect::from_center_size(area.center(), Vec2::splat(side));
        let shape = self.looking.clues().shape();
        self.view.selected = self.view.selected.min(shape.cells() - 1);
        let p = Palette::of(ui);
        let n = shape.side();
        let step = side / n as f32;
        let cell_rect = |cell: usize| {
            Rect::from_min_size(
                rect.min + vec2(shape.col_of(cell) as f32, shape.row_of(cell) as f32) * step,
                Vec2::splat(step),
            )
        };
        let faces: Vec<Face> = (0..shape.cells()).map(|c| self.face(c, &p)).collect();
        let painter = ui.painter_at(rect.expand(4.0));
        painter.rect_filled(rect, 4.0, p.paper);
        let selected = self.view.selected;
        for (cell, face) in faces.iter().enumerate() {
            let r = cell_rect(cell);
            painter.rect_filled(r, 0.0, face.ground);
            let related = shape.row_of(cell) == shape.row_of(selected)
                || shape.col_of(cell) == shape.col_of(selected)
                || shape.box_of(cell) == shape.box_of(selected);
            if related {
                painter.rect_filled(r, 0.0, p.accent.gamma_multiply(0.07));
            }
        }
        self.paint_attention(&painter, shape, cell_rect, step, &p);
        for (cell, face) in faces.iter().enumerate() {
            match &face.two {
                Some((b, both)) => paint_two(&painter, cell_rect(cell), step, (face.digit, *b), both, &p),
                None => paint_digit(&painter, cell_rect(cell), step, face),
            }
        }
        self.paint_two_solutions(&painter, cell_rect, step, &p);
        paint_lines(&painter, rect, shape, step, &p);
        for cell in self.puzzle.marked() {
            let stroke = Stroke::new((step * 0.06).clamp(2.0, 4.0), p.wrong);
            painter.rect_stroke(cell_rect(cell).shrink(2.0), 3.0, stroke, StrokeKind::Inside);
        }
        if let Some(cell) = self.view.hovered.cell.filter(|c| *c != selected && *c < shape.cells()) {
            let stroke = Stroke { width: 2.0, ..p.hover() };
            painter.rect_stroke(cell_rect(cell).shrink(1.0), 3.0, stroke, StrokeKind::Inside);
        }
        painter.rect_stroke(cell_rect(selected).shrink(1.0), 3.0, Stroke::new(2.5, p.accent), StrokeKind::Inside);
        self.interact(ui, &faces, cell_rect, &painter, &p);
    }

    fn interact(
        &mut self,
        ui: &mut Ui,
        faces: &[Face],
        cell_rect: impl Fn(usize) -> Rect,
        painter: &egui::Painter,
        p: &Palette,
    ) {
        let mut clicked = None;
        for (cell, face) in faces.iter().enumerate() {
            // One stop for Tab, not eighty-one: only the selected cell takes the focus by itself.
            let selected = cell == self.view.selected;
            let sense = if selected { Sense::click() } else { Sense::CLICK };
            let response = ui.interact(cell_rect(cell), self.cell_id(cell), sense);
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, &face.name));
            if response.clicked() {
                clicked = Some(cell);
            }
            if response.hovered() {
                self.view.pointed.cell = Some(cell);
            }
            if response.has_focus() {
                let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
                ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
                painter.rect_stroke(cell_rect(cell).shrink(4.5), 2.0, Stroke::new(1.5, p.accent), StrokeKind::Inside);
                let moves = ui.input(|i| {
                    let hit = |k| i.key_pressed(k) && i.modifiers.is_none();
                    (
                        isize::from(hit(Key::ArrowDown)) - isize::from(hit(Key::ArrowUp)),
                        isize::from(hit(Key::ArrowRight)) - isize::from(hit(Key::ArrowLeft)),
                    )
                });
                if moves != (0, 0) {
                    self.select_by(moves.0, moves.1);
                    return;
                }
            }
            response.on_hover_text(&face.name);
        }
        if let Some(cell) = clicked {
            self.select(cell);
            let id = self.cell_id(cell);
            ui.memory_mut(|m| m.request_focus(id));
        }
    }

    /// Colours and words of a cell.
    fn face(&self, cell: usize, p: &Palette) -> Face {
        let shape = self.looking.clues().shape();
        let place = format!("row {} column {}", shape.row_of(cell) + 1, shape.col_of(cell) + 1);
        let clue = self.looking.clues().get(cell);
        if clue != 0 {
            return Face {
                ground: p.given,
                ink: p.ink,
                digit: clue,
                given: true,
                name: format!("{place}, given {clue}"),
                two: None,
            };
        }
        let t = self.view.cursor();
        if let Some(both) = self.differing(cell, &place, p).filter(|_| self.side() == Side::Difference) {
            let (ground, ink, name) = (both.ground, both.inks[0], both.name.clone());
            let (digit, second) = both.digits;
            return Face { ground, ink, digit, given: false, name, two: second.map(|b| (b, both)) };
        }
        let seen = self.seen();
        let Some(frame) = seen.frame(t) else {
            let name = format!("{place}, blank");
            return Face { ground: p.paper, ink: p.ink, digit: 0, given: false, name, two: None };
        };
        let digit = frame.digits.get(cell).copied().unwrap_or(0);
        let sure = frame.confidence(cell);
        let right = seen.is_right(cell, t);
        let mut name = format!("{place}, answer {digit}, {} percent", (sure * 100.0).round());
        match right {
            Some(true) => name += ", right",
            Some(false) => name += ", wrong",
            None => {}
        }
        let most = (shape.side() as f32).ln();
        let entropy = frame.entropy(cell);
        let (ground, ink) = match self.view.colour {
            ColourMode::Right => {
                let color = match right {
                    Some(true) => p.right,
                    Some(false) => p.wrong,
                    None => p.accent,
                };
                // How sure it is shows as well, faintly: a wild guess is pale.
                (mix(p.paper, color, 0.10 + 0.16 * sure), mix(p.weak, color, 0.35 + 0.65 * sure))
            }
            ColourMode::Confidence => (mix(p.paper, p.accent, 0.75 * sure), p.ink),
            ColourMode::Entropy => {
                name += &format!(", entropy {} nats", figure(f64::from(entropy)));
                (mix(p.paper, p.entropy, 0.8 * entropy / most), p.ink)
            }
            ColourMode::Flips => match seen.since_flip(cell, t) {
                Some(ago) => {
                    name +=
                        &if ago == 0 { ", just flipped".to_owned() } else { format!(", flipped {ago} iterations ago") };
                    (mix(p.paper, p.flips, 0.75 * (1.0 - ago as f32 / 8.0)), p.ink)
                }
                None => (p.paper, p.ink),
            },
            ColourMode::Heads => match self.head_weights(frame, cell) {
                Some(weights) => {
                    let best = weights.iter().enumerate().fold(0, |b, (i, w)| if *w > weights[b] { i } else { b });
                    let sum: f32 = weights.iter().sum();
                    let even = 1.0 / weights.len() as f32;
                    let lead = (weights[best] / sum.max(1e-9) - even) / (1.0 - even).max(1e-9);
                    name += &format!(", head {} leads with weight {:.2}", best + 1, weights[best]);
                    (mix(p.paper, p.head(best), 0.15 + 0.6 * lead.clamp(0.0, 1.0).sqrt()), p.ink)
                }
                None => (p.paper, p.ink),
            },
            ColourMode::Halting => match &frame.halting {
                Some(h) => {
                    let mass = h.mass.get(cell).map_or(0.0, |m| m.get());
                    let halted = h.halted.get(cell).copied().unwrap_or(false);
                    name += &if halted { ", halted".to_owned() } else { format!(", halting mass {mass:.2}") };
                    (mix(p.paper, p.accent, if halted { 0.75 } else { 0.45 * mass }), p.ink)
                }
                None => (p.paper, p.ink),
            },
        };
        Face { ground, ink, digit, given: false, name, two: None }
    }

    fn paint_attention(
        &self,
        painter: &egui::Painter,
        shape: Shape,
        cell_rect: impl Fn(usize) -> Rect,
        step: f32,
        p: &Palette,
    ) {
        let Some(weights) = self.attention_now() else { return };
        let most = weights.iter().copied().fold(0.0f32, f32::max);
        if most <= 0.0 {
            return;
        }
        for cell in 0..shape.cells() {
            let share = weights.get(cell).copied().unwrap_or(0.0) / most;
            // Inset shading: the ground keeps its own meaning.
            let width = step * 0.16;
            let rect = cell_rect(cell).shrink(width * 0.5 + 1.0);
            painter.rect_stroke(
                rect,
                step * 0.06,
                Stroke::new(width, p.accent.gamma_multiply(0.75 * share)),
                StrokeKind::Middle,
            );
        }
    }

    /// Attention of the selected cell at the cursor, over the blocks and heads in view.
    pub(super) fn attention_now(&self) -> Option<Vec<f32>> {
        // The engine was asked about A.
        let a = self.asks.attention.as_ref().filter(|_| self.view.attention.shown && self.side() == Side::A)?;
        if (a.cell, a.iteration) != (self.view.selected, self.view.cursor()) {
            return None;
        }
        let view = self.view.attention;
        let rows: Vec<&Vec<f32>> = a
            .weights
            .iter()
            .enumerate()
            .filter(|(b, _)| view.block.is_none_or(|w| w == *b))
            .flat_map(|(_, heads)| heads.iter().enumerate())
            .filter(|(h, _)| view.head.is_none_or(|w| w == *h))
            .map(|(_, row)| row)
            .collect();
        let cells = rows.first()?.len();
        Some(
            (0..cells)
                .map(|c| rows.iter().map(|r| r.get(c).copied().unwrap_or(0.0)).sum::<f32>() / rows.len() as f32)
                .collect(),
        )
    }

    /// Where a puzzle has several solutions, both digits of the cells in which two of them differ.
    fn paint_two_solutions(&self, painter: &egui::Painter, cell_rect: impl Fn(usize) -> Rect, step: f32, p: &Palette) {
        let Some((first, second)) = &self.puzzle.two else { return };
        let font = FontId::proportional((step * 0.2).max(9.0));
        for cell in (0..first.shape().cells()).filter(|c| first.get(*c) != second.get(*c)) {
            let at = cell_rect(cell).right_bottom() - vec2(step * 0.07, step * 0.04);
            painter.text(
                at,
                Align2::RIGHT_BOTTOM,
                format!("{} or {}", first.get(cell), second.get(cell)),
                font.clone(),
                p.wrong,
            );
        }
    }

    /// Attention blocks and heads there are to choose from, and what is written there.
    pub(super) fn attention_sizes(&self) -> Option<(usize, usize)> {
        let a = self.asks.attention.as_ref()?;
        Some((a.weights.len(), a.weights.first()?.len()))
    }

    /// One sentence on the selected cell's attention.
    pub(super) fn attention_words(&self) -> String {
        match self.attention_now() {
            Some(weights) => {
                let shape = self.looking.clues().shape();
                let best = weights.iter().enumerate().fold((0, 0.0f32), |b, (i, w)| if *w > b.1 { (i, *w) } else { b });
                format!(
                    "most to row {} column {}, {}",
                    shape.row_of(best.0) + 1,
                    shape.col_of(best.0) + 1,
                    percent(best.1)
                )
            }
            None if self.side() != Side::A => "shown with A alone on the board".into(),
            None if self.looking.recorded && !self.could_be_live() => {
                "a recording has no attention; open its model".into()
            }
            None if self.view.cursor() == 0 => "starts with the first iteration".into(),
            None => "asking the engine".into(),
        }
    }
}

fn paint_digit(painter: &egui::Painter, rect: Rect, step: f32, face: &Face) {
    if face.digit == 0 {
        return;
    }
    let text = face.digit.to_string();
    let size = step * 0.58;
    let put = |at: Pos2| {
        painter.text(at, Align2::CENTER_CENTER, &text, FontId::proportional(size), face.ink);
    };
    if face.given {
        // The fonts at hand have no bold: the same digit a hair to the side thickens its stems.
        let d = (size * 0.022).max(0.4);
        for (x, y) in [(-d, 0.0), (d, 0.0), (0.0, -d * 0.5), (0.0, d * 0.5)] {
            put(rect.center() + vec2(x, y));
        }
    } else {
        put(rect.center());
    }
}

fn paint_lines(painter: &egui::Painter, rect: Rect, shape: Shape, step: f32, p: &Palette) {
    let n = shape.side();
    let strong = Stroke::new((step * 0.035).clamp(1.6, 3.0), mix(p.line, p.ink, 0.7));
    let hair = Stroke::new(1.0, p.line);
    let mut later: HashMap<bool, Vec<[Pos2; 2]>> = HashMap::new();
    for i in 1..n {
        let at = i as f32 * step;
        let (x, y) = (rect.left() + at, rect.top() + at);
        later
            .entry(i.is_multiple_of(shape.box_cols()))
            .or_default()
            .push([pos2(x, rect.top()), pos2(x, rect.bottom())]);
        later
            .entry(i.is_multiple_of(shape.box_rows()))
            .or_default()
            .push([pos2(rect.left(), y), pos2(rect.right(), y)]);
    }
    // Box borders over hair lines.
    for (key, stroke) in [(false, hair), (true, strong)] {
        for line in later.remove(&key).unwrap_or_default() {
            painter.line_segment(line, stroke);
        }
    }
    painter.rect_stroke(rect, 4.0, strong, StrokeKind::Middle);
}
