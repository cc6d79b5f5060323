//! The map step × iteration: what every recorded step of a training made of its boards, iteration by
//! iteration. A click or a drag sets both.

use eframe::egui::{
    self, Align, Align2, Color32, ComboBox, FontId, Layout, Mesh, Rect, RichText, Role, Sense, Shape, Stroke,
    StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::Action;
use super::app::Lab;
use super::axis::Axis;
use super::explain::Figure;
use super::legend::ramp;
use super::plots::{Export, Sheet};
use super::theme::{Palette, mix};
use super::words::{figure, thousands};
use crate::trace::{Iteration, Quantity, Recording};

/// Room for the numbers of the steps.
const GUTTER: f32 = 42.0;
/// Room for those of the iterations.
const FOOT: f32 = 16.0;
const TITLE: &str = "Step × iteration";
const HOVER: &str = "Every recorded step of the training against the iterations of its passes, on the kept boards. Click or drag to go there: both sliders follow.";

impl Quantity {
    /// The end of its one sequential map.
    fn color(self, p: &Palette) -> Color32 {
        match self {
            Self::Solved | Self::Right => p.right,
            Self::Entropy => p.entropy,
            Self::Flips => p.flips,
        }
    }
}

impl Lab {
    /// Title, choices, map and legend; where nothing is recorded, what to do.
    pub(super) fn step_map(&mut self, ui: &mut Ui, height: f32) {
        let recording = self.recording().cloned();
        ui.horizontal(|ui| {
            ui.label(RichText::new(TITLE).strong()).on_hover_text(HOVER);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let sheet = Sheet {
                    id: TITLE,
                    title: TITLE.into(),
                    hover: HOVER,
                    unit: "",
                    axis: None,
                    logarithmic: false,
                    most: None,
                    height,
                    export: Export::Steps,
                    empty: "",
                };
                self.export_menu(ui, &sheet, recording.is_none());
            });
        });
        let Some(recording) = recording else {
            ui.label(
                RichText::new(
                    "Nothing recorded yet. A training records its boards from time to time; or look at one that was recorded.",
                )
                .weak(),
            );
            self.open_training_button(ui, "Open a recorded training");
            ui.add_space(8.0);
            return;
        };
        ui.horizontal_wrapped(|ui| {
            for q in Quantity::ALL {
                // Some of these words stand on the board's colours as well.
                ui.selectable_value(&mut self.steps.quantity, q, q.name())
                    .on_hover_text(q.explanation())
                    .accessible_name(format!("map of {}", q.name()));
            }
            let text = if self.steps.one_board { "board on screen" } else { "mean of all boards" };
            ComboBox::new("mapped boards", "")
                .selected_text(text)
                .width(118.0)
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.steps.one_board, false, "mean of all boards");
                    ui.selectable_value(&mut self.steps.one_board, true, "board on screen");
                })
                .response
                .on_hover_text("Whose values the map shows.")
                .accessible_name("boards of the map");
        });
        self.board_choice(ui, &recording);
        self.paint_map(ui, &recording, height);
        let p = Palette::of(ui);
        let (q, most) = (self.steps.quantity, recording.most(self.steps.quantity));
        let high = match q {
            Quantity::Solved | Quantity::Right => "100 %".to_owned(),
            Quantity::Entropy => format!("{most:.2} nats, no idea"),
            Quantity::Flips => format!("{} flips", figure(most)),
        };
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().interact_size.y = 16.0;
            ramp(ui, p.paper, shade(q, 1.0, &p), ["0", &high], Figure::ScaleSteps);
            ui.label(RichText::new("steps upwards, iterations to the right").small().weak());
        });
        ui.add_space(6.0);
    }

    /// A button that opens the recording that comes with the program.
    pub(super) fn open_training_button(&mut self, ui: &mut Ui, text: &str) {
        if ui.button(text).on_hover_text(Action::OpenTraining.tooltip(ui.ctx())).clicked() {
            self.act(Action::OpenTraining, ui.ctx());
        }
    }

    fn paint_map(&mut self, ui: &mut Ui, recording: &Recording, height: f32) {
        let p = Palette::of(ui);
        let (area, response) =
            ui.allocate_exact_size(vec2(ui.available_width() - 6.0, height + FOOT), Sense::click_and_drag());
        let rect = Rect::from_min_max(area.min + vec2(GUTTER, 2.0), area.max - vec2(4.0, FOOT));
        let painter = ui.painter_at(area);
        let axis = Axis::new(recording.trained(), recording.last());
        let rows = recording.len();
        let row_height = rect.height() / rows as f32;
        // The first step at the bottom: training goes upwards.
        let y_of = |index: usize| rect.bottom() - (index as f32 + 0.5) * row_height;
        let x_of = |t: f64| rect.left() + rect.width() * axis.share(t) as f32;
        painter.rect_filled(rect, 2.0, p.paper);
        self.paint_cells(&painter, rect, axis, recording, &p);
        let border = x_of(axis.trained());
        let dashes = [pos2(border, rect.top()), pos2(border, rect.bottom())];
        painter.extend(Shape::dashed_line(&dashes, Stroke::new(1.0, p.ink), 3.0, 3.0));
        painter.rect_stroke(rect, 2.0, Stroke::new(1.0, p.line), StrokeKind::Inside);
        let small = FontId::proportional(11.0);
        let every = ((14.0 / row_height).ceil() as usize).max(1);
        for (index, step) in recording.steps().enumerate() {
            if index % every == 0 || (index + 1 == rows && (rows - 1) % every > every / 2) {
                let text = thousands(u64::from(step.0));
                painter.text(pos2(rect.left() - 4.0, y_of(index)), Align2::RIGHT_CENTER, text, small.clone(), p.weak);
            }
        }
        for t in axis.ticks((rect.width() / 44.0) as usize) {
            let at = pos2(x_of(f64::from(t)), rect.bottom() + 1.0);
            let color = if t == recording.trained() { p.ink } else { p.weak };
            let align = if at.x > rect.right() - 8.0 { Align2::RIGHT_TOP } else { Align2::CENTER_TOP };
            painter.text(at, align, thousands(u64::from(t)), small.clone(), color);
        }
        // In the middle of its column, which ends where the iteration is on the axis.
        let cursor = f64::from(self.view.cursor().min(recording.last()));
        let x = (x_of(cursor) + x_of((cursor - 1.0).max(0.0))) / 2.0;
        self.paint_cross(&painter, rect, x, self.step_index().map(y_of), &p);

        let place = |pos: egui::Pos2| {
            let row = ((rect.bottom() - pos.y) / row_height).floor().clamp(0.0, rows as f32 - 1.0) as usize;
            // A column belongs to the iteration that begins in it or before it, as it is painted.
            let t = axis.at_share(f64::from((pos.x - rect.left()) / rect.width())).ceil().max(1.0) as u32;
            (row, t.min(recording.last()))
        };
        if let Some(pos) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
            let (row, t) = place(pos);
            if self.step_index() != Some(row) {
                self.choose_step(row);
            }
            self.view.playing = false;
            self.go_to(t);
        }
        let name = match self.step_index() {
            Some(i) => self.step_words(recording, i, self.view.cursor().max(1)),
            None => format!("{} recorded steps", rows),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{TITLE}. {name}")));
        if let Some(pos) = response.hover_pos().filter(|pos| rect.contains(*pos)) {
            let (row, t) = place(pos);
            response.on_hover_text_at_pointer(self.step_words(recording, row, t));
        }
    }

    /// One mesh; neighbours of one colour are one rectangle.
    fn paint_cells(&self, painter: &egui::Painter, rect: Rect, axis: Axis, recording: &Recording, p: &Palette) {
        let q = self.steps.quantity;
        let (most, mapped) = (recording.most(q).max(1e-9), self.steps.mapped());
        let row_height = rect.height() / recording.len() as f32;
        let x_of = |t: u32| rect.left() + rect.width() * axis.share(f64::from(t)) as f32;
        let mut mesh = Mesh::default();
        for row in 0..recording.len() {
            let (top, bottom) =
                (rect.bottom() - (row + 1) as f32 * row_height, rect.bottom() - row as f32 * row_height);
            let mut run: Option<(f32, f32, Color32)> = None;
            for t in 1..=recording.last() {
                let Some(value) = recording.value(q, row, Iteration(t), mapped) else { continue };
                let color = shade(q, (value / most) as f32, p);
                let (left, right) = (x_of(t - 1), x_of(t));
                run = match run {
                    Some((from, to, same)) if same == color && to == left => Some((from, right, color)),
                    done => {
                        fill(&mut mesh, done, top, bottom);
                        Some((left, right, color))
                    }
                };
            }
            fill(&mut mesh, run, top, bottom);
        }
        painter.add(Shape::mesh(mesh));
    }

    /// The cursor of both axes.
    fn paint_cross(&self, painter: &egui::Painter, rect: Rect, x: f32, y: Option<f32>, p: &Palette) {
        let stroke = Stroke::new(1.5, p.accent);
        painter.line_segment([pos2(x, rect.top()), pos2(x, rect.bottom())], stroke);
        if let Some(y) = y {
            painter.line_segment([pos2(rect.left(), y), pos2(rect.right(), y)], stroke);
            painter.circle_stroke(pos2(x, y), 5.0, Stroke::new(2.0, p.accent));
        }
    }
}

/// The colour of a share of the map's upper end.
fn shade(q: Quantity, share: f32, p: &Palette) -> Color32 {
    mix(p.paper, q.color(p), 0.85 * share.clamp(0.0, 1.0))
}

fn fill(mesh: &mut Mesh, run: Option<(f32, f32, Color32)>, top: f32, bottom: f32) {
    if let Some((left, right, color)) = run {
        mesh.add_colored_rect(Rect::from_min_max(pos2(left, top), pos2(right, bottom)), color);
    }
}
