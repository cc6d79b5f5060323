//! Icons painted from lines and triangles: no font has all of them, and these stay sharp.

use eframe::egui::{
    self, Color32, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2,
};

/// What an icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A triangle.
    Play,
    /// Two bars.
    Pause,
    /// A triangle and a bar, to the left.
    Back,
    /// A bar and a triangle, to the right.
    Forward,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// A round arrow.
    Loop,
    /// A triangle before a dot: the live edge.
    Follow,
    /// Start again.
    Reset,
    /// An arrow into a tray.
    Save,
    /// A question mark's place: a list.
    List,
    /// Half light, half dark.
    Theme,
    /// A star: solved.
    Star,
    /// A triangle pointing down: settled.
    Settled,
    /// A cross.
    Cross,
    /// An arrow backwards: undo.
    Undo,
    /// An arrow forwards: redo.
    Redo,
    /// A magnifying glass.
    Search,
}

impl Icon {
    /// Paints into the middle of a rectangle.
    pub fn paint(self, painter: &Painter, rect: Rect, color: Color32) {
        let s = rect.width().min(rect.height());
        let c = rect.center();
        let at = |x: f32, y: f32| c + vec2(x, y) * s;
        let stroke = Stroke::new((s * 0.11).max(1.4), color);
        let triangle = |a: Pos2, b: Pos2, d: Pos2| Shape::convex_polygon(vec![a, b, d], color, Stroke::NONE);
        let bar = |x: f32| Shape::rect_filled(Rect::from_center_size(at(x, 0.0), vec2(0.13, 0.68) * s), 0.0, color);
        let right = |x: f32, w: f32| triangle(at(x, -0.34), at(x + w, 0.0), at(x, 0.34));
        let left = |x: f32, w: f32| triangle(at(x, -0.34), at(x - w, 0.0), at(x, 0.34));
        let arc = |from: f32, to: f32, r: f32| {
            let n = 20;
            let points = (0..=n)
                .map(|i| {
                    let a = (from + (to - from) * i as f32 / n as f32) * std::f32::consts::TAU;
                    at(a.cos() * r, a.sin() * r)
                })
                .collect();
            Shape::line(points, stroke)
        };
        let line = |a: Pos2, b: Pos2| Shape::line_segment([a, b], stroke);
        let shapes = match self {
            Self::Play => vec![triangle(at(-0.24, -0.38), at(0.40, 0.0), at(-0.24, 0.38))],
            Self::Pause => vec![bar(-0.17), bar(0.17)],
            Self::Back => vec![bar(0.25), left(0.10, 0.50)],
            Self::Forward => vec![bar(-0.25), right(-0.10, 0.50)],
            Self::First => vec![bar(-0.38), left(0.06, 0.38), left(0.44, 0.38)],
            Self::Last => vec![right(-0.44, 0.38), right(-0.06, 0.38), bar(0.38)],
            Self::Loop => vec![arc(0.12, 0.92, 0.32), triangle(at(0.15, -0.20), at(0.42, -0.42), at(0.46, -0.08))],
            Self::Reset => vec![arc(-0.42, 0.38, 0.32), triangle(at(-0.15, -0.20), at(-0.42, -0.42), at(-0.46, -0.08))],
            Self::Follow => {
                vec![right(-0.40, 0.40), right(-0.04, 0.30), Shape::circle_filled(at(0.38, 0.0), s * 0.10, color)]
            }
            Self::Save => vec![
                line(at(0.0, -0.40), at(0.0, 0.04)),
                triangle(at(-0.20, -0.04), at(0.20, -0.04), at(0.0, 0.20)),
                Shape::line(vec![at(-0.38, 0.14), at(-0.38, 0.38), at(0.38, 0.38), at(0.38, 0.14)], stroke),
            ],
            Self::List => vec![
                line(at(-0.36, -0.26), at(0.36, -0.26)),
                line(at(-0.36, 0.0), at(0.36, 0.0)),
                line(at(-0.36, 0.26), at(0.36, 0.26)),
            ],
            Self::Theme => {
                let half: Vec<Pos2> = (0..=16)
                    .map(|i| {
                        let a = (0.25 + 0.5 * i as f32 / 16.0) * std::f32::consts::TAU;
                        at(a.cos() * 0.34, a.sin() * 0.34)
                    })
                    .collect();
                vec![Shape::circle_stroke(c, s * 0.34, stroke), Shape::convex_polygon(half, color, Stroke::NONE)]
            }
            Self::Star => {
                // A star is not convex: five kites from the centre.
                let point = |k: f32, r: f32| {
                    let a = (k / 10.0 - 0.25) * std::f32::consts::TAU;
                    at(a.cos() * r, a.sin() * r)
                };
                (0..5)
                    .map(|i| {
                        let k = 2.0 * i as f32;
                        Shape::convex_polygon(
                            vec![c, point(k - 1.0, 0.20), point(k, 0.46), point(k + 1.0, 0.20)],
                            color,
                            Stroke::NONE,
                        )
                    })
                    .collect()
            }
            Self::Settled => vec![triangle(at(-0.38, -0.28), at(0.38, -0.28), at(0.0, 0.36))],
            Self::Cross => vec![line(at(-0.28, -0.28), at(0.28, 0.28)), line(at(-0.28, 0.28), at(0.28, -0.28))],
            Self::Undo => vec![arc(0.55, 1.12, 0.30), triangle(at(-0.48, -0.12), at(-0.12, -0.12), at(-0.32, 0.22))],
            Self::Search => {
                vec![Shape::circle_stroke(at(-0.08, -0.08), s * 0.26, stroke), line(at(0.12, 0.12), at(0.40, 0.40))]
            }
            Self::Redo => vec![arc(0.38, 0.95, 0.30), triangle(at(0.48, -0.12), at(0.12, -0.12), at(0.32, 0.22))],
        };
        painter.extend(shapes);
    }
}

/// A square button with an icon, a name for screen readers and a sentence on hover.
pub fn button(ui: &mut Ui, icon: Icon, name: &str, hover: &str) -> Response {
    toggle(ui, icon, false, true, name, hover)
}

/// As [`button`], shown as pressed where `on`, greyed where not `enabled`.
pub fn toggle(ui: &mut Ui, icon: Icon, on: bool, enabled: bool, name: &str, hover: &str) -> Response {
    let side = ui.spacing().interact_size.y.max(28.0);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), sense);
    if ui.is_rect_visible(rect) {
        let visuals =
            if enabled { ui.style().interact_selectable(&response, on) } else { *ui.style().noninteractive() };
        let fill = if on { ui.visuals().selection.bg_fill } else { visuals.weak_bg_fill };
        if enabled {
            ui.painter().rect(rect, visuals.corner_radius, fill, visuals.bg_stroke, egui::StrokeKind::Inside);
        }
        if response.has_focus() {
            let focus = Stroke::new(2.0, ui.visuals().hyperlink_color);
            ui.painter().rect_stroke(rect, visuals.corner_radius, focus, egui::StrokeKind::Inside);
        }
        let color =
            if enabled { ui.visuals().text_color() } else { ui.visuals().weak_text_color().gamma_multiply(0.6) };
        icon.paint(ui.painter(), Rect::from_center_size(rect.center(), Vec2::splat(side * 0.52)), color);
    }
    response.widget_info(|| {
        if on {
            WidgetInfo::selected(Role::Button, enabled, true, name)
        } else {
            WidgetInfo::labeled(Role::Button, enabled, name)
        }
    });
    response.on_hover_text(hover)
}

/// A mark on the timeline, centred on a point.
pub fn mark(painter: &Painter, icon: Icon, centre: Pos2, size: f32, color: Color32) {
    icon.paint(painter, Rect::from_center_size(pos2(centre.x, centre.y), Vec2::splat(size)), color);
}
