//! How a plot is painted: lines on egui_plot, on the axis of the timeline or against steps.

use eframe::egui::{RichText, Role, Sense, Ui, WidgetInfo};
use egui_plot::{GridInput, GridMark, HoverPosition, Line, LineStyle, Plot, PlotPoints, Points, VLine};

use super::{Drawn, Sheet};
use crate::ui::axis::Axis;
use crate::ui::explain::{Explained as _, Figure};
use crate::ui::theme::Palette;
use crate::ui::words::{figure, thousands};

/// Iterations of the pass that a plot is about.
#[derive(Clone, Copy, Default)]
pub(super) struct Places {
    /// Where the timeline's cursor is.
    pub cursor: f64,
    /// Where the pointer is, here or in another panel.
    pub hovered: Option<u32>,
}

/// What the pointer did on a plot on the iteration axis.
#[derive(Clone, Copy, Default)]
pub(super) struct Touched {
    /// The iteration that was clicked or dragged to.
    pub chosen: Option<u32>,
    /// The iteration that it is on.
    pub hovered: Option<u32>,
}

/// Paints; tells what the pointer did.
pub(super) fn draw(ui: &mut Ui, sheet: &Sheet<'_>, lines: &[Drawn], places: Places, name: &str) -> Touched {
    let p = Palette::of(ui);
    let (axis, logarithmic, unit) = (sheet.axis, sheet.logarithmic, sheet.unit.to_owned());
    let x_of = move |t: f64| axis.map_or(t, |a| a.position(t));
    let t_of = move |x: f64| axis.map_or(x, |a| a.iteration(x));
    let y_of = move |y: f64| if logarithmic { y.log10() } else { y };
    let value_of = move |y: f64| if logarithmic { 10f64.powf(y) } else { y };
    let end = axis.map_or_else(
        || lines.iter().filter_map(|l| l.series.points.last()).map(|p| p[0]).fold(1.0, f64::max),
        Axis::end,
    );
    let ticks = axis.map(|a| a.ticks((ui.available_width() / 52.0) as usize));
    let mut plot = Plot::new(sheet.id)
        .height(sheet.height)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_crosshair(false)
        .sense(Sense::click_and_drag())
        .set_margin_fraction([0.0, 0.06].into())
        // Room for the last number of the axis, which is centred on its end.
        .width(ui.available_width() - 14.0)
        .grid_spacing(12.0..=60.0)
        .y_grid_spacer(move |input| y_marks(&input, logarithmic))
        .y_axis_min_width(44.0)
        .include_x(0.0)
        .include_x(x_of(end))
        .grid_color(p.line)
        .y_axis_formatter(move |mark, _| axis_number(value_of(mark.value)))
        .x_axis_formatter(move |mark, _| thousands(t_of(mark.value).round().max(0.0) as u64))
        .label_formatter(move |hover| match hover {
            HoverPosition::NearDataPoint { plot_name, position, .. } => {
                let x = thousands(t_of(position.x).round().max(0.0) as u64);
                let what = if axis.is_some() { "iteration" } else { "step" };
                Some(format!("{plot_name}\n{what} {x}: {} {unit}", figure(value_of(position.y))))
            }
            HoverPosition::Elsewhere { .. } => None,
        });
    if let Some(ticks) = ticks {
        plot = plot.x_grid_spacer(move |_| {
            ticks.iter().map(|t| GridMark { value: x_of(f64::from(*t)), step_size: 1.0 }).collect()
        });
    }
    if !logarithmic {
        plot = plot.include_y(0.0);
    }
    if let Some(most) = sheet.most {
        plot = plot.include_y(most);
    }
    let shown = plot.show(ui, |plot| {
        for l in lines {
            // Infinite values, and zeros on a logarithmic axis, are left out.
            let points: Vec<[f64; 2]> =
                l.series.points.iter().map(|[t, v]| [x_of(*t), y_of(*v)]).filter(|[_, y]| y.is_finite()).collect();
            if points.len() == 1 {
                plot.points(
                    Points::new(l.series.name.clone(), PlotPoints::from(points.clone())).color(l.color).radius(2.5),
                );
            }
            let style = if l.dashed { LineStyle::dashed_dense() } else { LineStyle::Solid };
            plot.line(
                Line::new(l.series.name.clone(), PlotPoints::from(points)).color(l.color).width(l.width).style(style),
            );
        }
        if let Some(a) = axis {
            plot.vline(
                VLine::new("trained", x_of(a.trained()))
                    .color(p.weak)
                    .width(1.0)
                    .style(LineStyle::dashed_dense())
                    .allow_hover(false),
            );
            if let Some(t) = places.hovered {
                let faint = p.hover();
                let line = VLine::new("pointer", x_of(f64::from(t))).color(faint.color).width(faint.width);
                plot.vline(line.allow_hover(false));
            }
            plot.vline(VLine::new("cursor", x_of(places.cursor)).color(p.accent).width(1.5).allow_hover(false));
        }
    });
    let response = shown.response;
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let at = |pos: eframe::egui::Pos2| {
        let a = axis?;
        Some(a.iteration(shown.transform.value_from_position(pos).x).round().clamp(0.0, a.end()) as u32)
    };
    let clicked = response.clicked() || response.dragged();
    Touched {
        chosen: response.interact_pointer_pos().filter(|_| clicked).and_then(at),
        hovered: response.hover_pos().and_then(at),
    }
}

/// The lines by name, in their colours; earlier probes only fade.
pub(super) fn names(ui: &mut Ui, lines: &[Drawn]) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().interact_size.y = 16.0;
        let newest = lines.iter().rposition(|l| !l.dashed);
        let probes = lines.iter().filter(|l| l.series.name.starts_with("Step")).count();
        for (i, l) in lines.iter().enumerate().filter(|(_, l)| l.width > Drawn::EDGE) {
            if Some(i) == newest || l.dashed || probes == 0 {
                ui.label(RichText::new(&l.series.name).small().color(l.color)).explained(Figure::LineName);
            }
        }
        if lines.iter().any(|l| l.width <= Drawn::EDGE && l.series.name.contains("interval")) {
            ui.label(RichText::new("dashed: 95 % interval").small().weak());
        }
        if probes > 1 {
            ui.label(RichText::new("earlier probes are paler").small().weak());
        }
    });
}

/// About three lines at 1, 2 or 5 times a power of ten; on a logarithmic axis whole powers.
fn y_marks(input: &GridInput, logarithmic: bool) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let rough = (high - low) / 3.0;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10f64.powf(rough.log10().floor());
    let mut step = [1.0, 2.0, 5.0, 10.0].map(|k| k * power).into_iter().find(|s| *s >= rough).unwrap_or(rough);
    if logarithmic {
        step = step.ceil().max(1.0);
    }
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).take(20).map(|k| GridMark { value: k as f64 * step, step_size: step }).collect()
}

/// Short enough for an axis.
fn axis_number(v: f64) -> String {
    if v == 0.0 {
        "0".into()
    } else if v.abs() >= 10.0 {
        thousands(v.abs().round() as u64)
    } else if v.abs() < 0.01 {
        format!("{v:.0e}")
    } else {
        let text = format!("{v:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}
