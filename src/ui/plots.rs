//! Curves that share the cursor with the timeline, and those of the training.

use eframe::egui::{Align, Layout, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo};
use egui_plot::{GridInput, GridMark, HoverPosition, Line, LineStyle, Plot, PlotPoints, Points, VLine};

use super::app::Lab;
use super::axis::Axis;
use super::files::Form;
use super::icons::Icon;
use super::theme::{Palette, mix};
use super::view::PlotPage;
use super::words::{figure, thousands};
use crate::report::{self, Curve, ReportError, Series, Size, series};

/// Curves shown over the iterations.
const SHOWN: [Curve; 4] = [Curve::Entropy, Curve::Residual, Curve::Flips, Curve::Confidence];

/// What a plot can be saved as.
#[derive(Clone, Copy)]
enum Export {
    Trace,
    Loss,
    Solved,
    RoutingEntropy,
    HeadLoad,
}

/// Makes an export's text, as a job.
type Make = Box<dyn FnOnce() -> Result<String, ReportError> + Send>;

/// A line and how it is drawn.
struct Drawn {
    series: Series,
    color: eframe::egui::Color32,
    dashed: bool,
    width: f32,
}

/// A plot, apart from its lines.
struct Sheet<'a> {
    id: &'a str,
    title: String,
    hover: &'a str,
    unit: &'a str,
    /// On the iteration axis, with the cursor; else against steps.
    axis: Option<Axis>,
    logarithmic: bool,
    most: Option<f64>,
    height: f32,
    export: Export,
    empty: &'a str,
}

impl Lab {
    /// The right side.
    pub(super) fn plots_panel(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            for (page, text, hover) in [
                (PlotPage::Iterations, "over iterations", "What happens within this pass."),
                (PlotPage::Training, "over training", "Loss against steps, solved boards against iterations."),
                (
                    PlotPage::Routing,
                    "routing",
                    "How a router weighs the heads, which of them matter, and the three clocks: step, iteration, slow update.",
                ),
            ] {
                ui.selectable_value(&mut self.view.plots, page, text).on_hover_text(hover);
            }
        });
        match self.view.plots {
            PlotPage::Iterations => {
                let height = ((ui.available_height() - 4.0 * 40.0) / 4.0).clamp(84.0, 240.0);
                if self.looking.last() == 0 {
                    ui.add_space(8.0);
                    ui.label(
                        RichText::new(
                            "Nothing recorded yet. The curves come with the first iteration of a model on this puzzle.",
                        )
                        .weak(),
                    );
                    return;
                }
                ScrollArea::vertical()
                    .auto_shrink(false)
                    .show(ui, |ui| SHOWN.into_iter().for_each(|c| self.curve(ui, c, height)));
            }
            PlotPage::Routing => {
                ScrollArea::vertical().auto_shrink(false).show(ui, |ui| self.routing_page(ui));
            }
            PlotPage::Training => {
                let count = if self.training.routes() { 4.0 } else { 2.0 };
                let height = ((ui.available_height() - count * 84.0) / count).clamp(120.0, 300.0);
                ScrollArea::vertical().auto_shrink(false).show(ui, |ui| self.training_plots(ui, height));
            }
        }
    }

    pub(super) fn curve(&mut self, ui: &mut Ui, curve: Curve, height: f32) {
        let p = Palette::of(ui);
        let color = match curve {
            Curve::Entropy => p.entropy,
            Curve::Flips | Curve::Fast => p.flips,
            Curve::Confidence | Curve::Halted => p.accent,
            Curve::RoutingEntropy => p.entropy,
            Curve::Slow => p.right,
            _ => mix(p.ink, p.accent, 0.25),
        };
        let most = match curve {
            Curve::Entropy => Some(f64::from(self.looking.curves.most_entropy())),
            Curve::Confidence => Some(1.0),
            Curve::RoutingEntropy => {
                self.looking.trace.frames.iter().find_map(|f| f.routing.as_ref()).map(|r| f64::from(r.heads).ln())
            }
            Curve::Halted => Some(100.0),
            _ => None,
        };
        let sheet = Sheet {
            id: curve.name(),
            title: curve.name().into(),
            hover: curve.explanation(),
            unit: curve.unit(),
            axis: Some(self.axis()),
            logarithmic: curve.logarithmic(),
            most,
            height,
            export: Export::Trace,
            empty: "Nothing recorded yet. Open a model and let it think.",
        };
        let line = Drawn { series: curve.series(&self.looking.curves), color, dashed: false, width: 1.8 };
        self.sheet(ui, sheet, vec![line]);
    }

    fn training_plots(&mut self, ui: &mut Ui, height: f32) {
        let p = Palette::of(ui);
        let t = &self.training;
        let mut lines = Vec::new();
        if let Some(n) = t.history.last().map(|m| m.loss_by_iteration.len() as u32).filter(|n| *n > 1) {
            lines.push(Drawn { series: series::loss_after(&t.history, n), color: p.flips, dashed: false, width: 1.2 });
        }
        lines.push(Drawn { series: series::loss(&t.history), color: p.accent, dashed: false, width: 1.6 });
        let sheet = Sheet {
            id: "Loss",
            title: "Loss against steps".into(),
            hover: "Cross-entropy of the training batch in nats, mean over blank cells: over all iterations, and after the last.",
            unit: "nats",
            axis: None,
            logarithmic: false,
            most: None,
            height,
            export: Export::Loss,
            empty: "Start a training above; the loss appears after the first steps.",
        };
        self.sheet(ui, sheet, lines);

        let t = &self.training;
        let mut lines = Vec::new();
        let count = t.probes.len();
        // Earlier probes fade, so that the collapse can be seen forming.
        for (i, report) in t.probes.iter().enumerate().skip(count.saturating_sub(5)) {
            let newest = i + 1 == count;
            let color =
                if newest { p.accent } else { mix(p.paper, p.accent, 0.2 + 0.1 * (i + 5 - count.min(i + 5)) as f32) };
            lines.push(Drawn {
                series: series::probe(report),
                color,
                dashed: false,
                width: if newest { 2.0 } else { 1.2 },
            });
        }
        if let Some(m) = t.history.last() {
            let points = m.solved_by_iteration.iter().zip(1..).map(|(s, i)| [f64::from(i), 100.0 * f64::from(*s)]);
            lines.push(Drawn {
                series: Series::new("Last training batch", "%", points),
                color: p.flips,
                dashed: true,
                width: 1.4,
            });
        }
        let trained = t.config.as_ref().map_or(1, |c| c.recipe.iterations);
        let end = t.probes.iter().map(|r| r.solved.len() as u32).max().unwrap_or(trained);
        let sheet = Sheet {
            id: "Solved",
            title: "Solved boards against iterations".into(),
            hover: "Share of boards that are solved after each iteration: of the probe's unseen boards, one line a probe, and of the last training batch (dashed).",
            unit: "%",
            axis: Some(Axis::new(trained, end)),
            logarithmic: false,
            most: Some(100.0),
            height,
            export: Export::Solved,
            empty: "Start a training above; a probe far beyond the trained iterations follows from time to time.",
        };
        self.sheet(ui, sheet, lines);
        if self.training.routes() {
            self.routing_plots(ui, height);
        }
    }

    /// Routing entropy by iteration, live, and the load of the heads.
    fn routing_plots(&mut self, ui: &mut Ui, height: f32) {
        let p = Palette::of(ui);
        let t = &self.training;
        let heads = t.config.as_ref().map_or(2, |c| c.model.heads);
        let count = t.probes.len();
        let mut lines: Vec<Drawn> = t
            .probes
            .iter()
            .enumerate()
            .skip(count.saturating_sub(5))
            .map(|(i, report)| {
                let newest = i + 1 == count;
                let paler = 0.2 + 0.1 * (i + 5 - count.min(i + 5)) as f32;
                let color = if newest { p.entropy } else { mix(p.paper, p.entropy, paler) };
                let width = if newest { 2.0 } else { 1.2 };
                Drawn { series: series::probed_routing(report), color, dashed: false, width }
            })
            .collect();
        lines.extend(t.history.last().map(|m| Drawn {
            series: series::routed(m),
            color: p.flips,
            dashed: true,
            width: 1.6,
        }));
        let trained = t.config.as_ref().map_or(1, |c| c.recipe.iterations);
        let end = t.probes.iter().map(|r| r.solved.len() as u32).max().unwrap_or(trained);
        let sheet = Sheet {
            id: "Routing entropy in training",
            title: "Routing entropy against iterations".into(),
            hover: "How evenly the router weighs the heads: −Σ α ln α, mean over blocks and cells. Of the last training batch (dashed, live) and of the probe's unseen boards, one line a probe. ln of the number of heads is no choice at all; 0 is one head alone.",
            unit: "nats",
            axis: Some(Axis::new(trained, end)),
            logarithmic: false,
            most: Some((heads as f64).ln()),
            height,
            export: Export::RoutingEntropy,
            empty: "It appears with the first reading of the training.",
        };
        self.sheet(ui, sheet, lines);

        let lines = (0..heads)
            .map(|h| Drawn {
                series: series::head_load(&self.training.history, h),
                color: p.head(h),
                dashed: false,
                width: 1.5,
            })
            .collect();
        let sheet = Sheet {
            id: "Head load",
            title: "Head load against steps".into(),
            hover: "Mean weight of each head over the training batch's cells, blocks and iterations; all of them sum to 100 %.",
            unit: "%",
            axis: None,
            logarithmic: false,
            most: Some(100.0),
            height,
            export: Export::HeadLoad,
            empty: "It appears with the first reading of the training.",
        };
        self.sheet(ui, sheet, lines);
    }

    /// Title, value at the cursor, export, and the plot.
    fn sheet(&mut self, ui: &mut Ui, sheet: Sheet<'_>, lines: Vec<Drawn>) {
        let empty = lines.iter().all(|l| l.series.points.is_empty());
        let cursor = f64::from(self.view.cursor());
        let x_now = if sheet.axis.is_some() { cursor } else { f64::MAX };
        // The newest line is the last one that is not dashed.
        let main = lines.iter().rfind(|l| !l.dashed && !l.series.points.is_empty());
        let now = main.and_then(|l| l.series.at(x_now)).map(|v| {
            let unit = if sheet.unit.is_empty() { String::new() } else { format!(" {}", sheet.unit) };
            format!("{}{unit}", figure(v))
        });
        ui.horizontal(|ui| {
            ui.label(RichText::new(&sheet.title).strong()).on_hover_text(sheet.hover);
            if !sheet.unit.is_empty() {
                ui.label(RichText::new(sheet.unit).small().weak()).on_hover_text("Unit of the vertical axis.");
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.export_menu(ui, &sheet, empty);
                if let Some(now) = &now {
                    ui.label(now).on_hover_text(sheet.hover);
                }
            });
        });
        if empty {
            ui.allocate_ui([ui.available_width(), sheet.height].into(), |ui| {
                ui.add_space(8.0);
                ui.label(RichText::new(sheet.empty).weak());
                ui.set_min_height(sheet.height);
            });
            return;
        }
        if lines.len() > 1 {
            names(ui, &lines);
        }
        let name = format!("{}, {}", sheet.title, now.unwrap_or_else(|| "nothing at the cursor".into()));
        if let Some(t) = draw(ui, &sheet, &lines, cursor, &name) {
            self.view.playing = false;
            self.go_to(t);
        }
    }

    fn export_menu(&self, ui: &mut Ui, sheet: &Sheet<'_>, empty: bool) {
        let name = format!("export {}", sheet.title.to_lowercase());
        ui.add_enabled_ui(!empty, |ui| {
            let button = eframe::egui::Button::new("").min_size([28.0, 28.0].into());
            let (response, _) = eframe::egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
                for form in Form::ALL {
                    if ui.button(form.entry()).clicked() {
                        self.export(sheet.export, *form);
                        ui.close();
                    }
                }
            });
            let color = if empty { ui.visuals().weak_text_color() } else { ui.visuals().text_color() };
            Icon::Save.paint(ui.painter(), response.rect.shrink(7.0), color);
            response.on_hover_text("Saves what this plot shows as a table or as a figure.").accessible_name(name);
        });
    }

    /// Saves the curves of the page of plots in view.
    pub(super) fn save_plots(&mut self, form: Option<Form>) {
        let (what, empty) = match self.view.plots {
            PlotPage::Iterations | PlotPage::Routing => (Export::Trace, self.looking.last() == 0),
            PlotPage::Training => (Export::Loss, self.training.history.is_empty()),
        };
        match form {
            _ if empty => {
                self.toasts.error("There is no curve to save yet: let the model think, or train one.".into(), self.now)
            }
            Some(form) => self.export(what, form),
            None => self.toasts.error("This build draws no pictures; save a figure (SVG) instead.".into(), self.now),
        }
    }

    fn export(&self, what: Export, form: Form) {
        let (looking, history, probes) = (&self.looking, self.training.history.clone(), self.training.probes.clone());
        let (stem, make): (&str, Make) = match (what, form) {
            (Export::Trace, Form::Csv) => {
                let trace = looking.trace.clone();
                ("trace", Box::new(move || Ok(report::trace_csv(&trace))))
            }
            (Export::Trace, _) => {
                let (trace, curves) = (looking.trace.clone(), looking.curves.clone());
                ("trace", Box::new(move || report::curves_figure(&trace, &curves, Size::default())))
            }
            (Export::RoutingEntropy, Form::Csv) => {
                ("iterations", Box::new(move || Ok(report::IterationsCsv::text(&probes))))
            }
            (Export::RoutingEntropy, _) => {
                let heads = self.training.config.as_ref().map_or(2, |c| c.model.heads);
                let make = move || report::routing_figure(&history, &probes, heads, Size::default());
                ("routing", Box::new(make))
            }
            (Export::HeadLoad, Form::Csv) => ("steps", Box::new(move || Ok(report::StepsCsv::text(&history)))),
            (Export::HeadLoad, _) => ("heads", Box::new(move || report::head_load_figure(&history, Size::default()))),
            (Export::Loss, Form::Csv) => ("steps", Box::new(move || Ok(report::StepsCsv::text(&history)))),
            (Export::Loss, _) => ("loss", Box::new(move || report::loss_figure(&history, Size::default()))),
            (Export::Solved, Form::Csv) => ("iterations", Box::new(move || Ok(report::IterationsCsv::text(&probes)))),
            (Export::Solved, _) => ("solved", Box::new(move || report::probe_figure(&probes, Size::default()))),
        };
        self.jobs.export(stem, form, move || make().map_err(|e| e.to_string()));
    }
}

/// Paints; returns the iteration that was clicked or dragged to.
fn draw(ui: &mut Ui, sheet: &Sheet<'_>, lines: &[Drawn], cursor: f64, name: &str) -> Option<u32> {
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
            plot.vline(VLine::new("cursor", x_of(cursor)).color(p.accent).width(1.5).allow_hover(false));
        }
    });
    let response = shown.response;
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    response.interact_pointer_pos().filter(|_| response.clicked() || response.dragged()).and_then(|pos| {
        let a = axis?;
        Some(a.iteration(shown.transform.value_from_position(pos).x).round().clamp(0.0, a.end()) as u32)
    })
}

/// The lines by name, in their colours; earlier probes only fade.
fn names(ui: &mut Ui, lines: &[Drawn]) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().interact_size.y = 16.0;
        let newest = lines.iter().rposition(|l| !l.dashed);
        let probes = lines.iter().filter(|l| l.series.name.starts_with("Step")).count();
        for (i, l) in lines.iter().enumerate() {
            if Some(i) == newest || l.dashed || probes == 0 {
                ui.label(RichText::new(&l.series.name).small().color(l.color));
            }
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
