//! Curves that share the cursor with the timeline, and those of the training.

mod draw;

use eframe::egui::{Align, Layout, RichText, ScrollArea, Ui};

use draw::{Places, draw, names};

use super::app::Lab;
use super::axis::Axis;
use super::explain::{Explained as _, Figure};
use super::files::Form;
use super::icons::Icon;
use super::theme::{Palette, mix};
use super::view::PlotPage;
use super::words::figure;
use crate::report::{self, Curve, ReportError, Series, Size, series};

/// Curves shown over the iterations.
const SHOWN: [Curve; 4] = [Curve::Entropy, Curve::Residual, Curve::Flips, Curve::Confidence];

/// The pages of the plots, in order: name, tab, and a sentence. Each is a panel of the wide window.
pub(super) const PAGES: &[(PlotPage, &str, &str, &str)] = &[
    (PlotPage::Iterations, "over iterations", "Iterations", "What happens within this pass."),
    (PlotPage::Training, "over training", "Training", "Loss against steps, solved boards against iterations."),
    (
        PlotPage::Boards,
        "over boards",
        "Boards",
        "Measurements over many boards: solved against iterations, endings, stopping, changes, recovery, fixed points, attention, growth.",
    ),
    (
        PlotPage::Compare,
        "compare",
        "Compare",
        "A second model on the same board: what differs, iteration by iteration and over many boards.",
    ),
    (
        PlotPage::Routing,
        "routing",
        "Routing",
        "How a router weighs the heads, which of them matter, and the three clocks: step, iteration, slow update.",
    ),
];

/// What a plot can be saved as.
#[derive(Clone, Copy)]
pub(super) enum Export {
    Trace,
    Loss,
    Solved,
    RoutingEntropy,
    HeadLoad,
    Measured,
    Compared,
    ComparedBoards,
    Steps,
}

/// Makes an export's text, as a job.
pub(super) type Make = Box<dyn FnOnce() -> Result<String, ReportError> + Send>;

/// A line and how it is drawn.
pub(super) struct Drawn {
    pub series: Series,
    pub color: eframe::egui::Color32,
    pub dashed: bool,
    pub width: f32,
}

impl Drawn {
    /// Width of the edges of an interval, which are not named above the plot.
    pub const EDGE: f32 = 1.0;
}

/// A plot, apart from its lines.
pub(super) struct Sheet<'a> {
    pub id: &'a str,
    pub title: String,
    pub hover: &'a str,
    pub unit: &'a str,
    /// On the iteration axis, with the cursor; else against steps.
    pub axis: Option<Axis>,
    pub logarithmic: bool,
    pub most: Option<f64>,
    pub height: f32,
    pub export: Export,
    pub empty: &'a str,
}

impl Lab {
    /// The pages of the plots, one at a time: in the narrow window.
    pub(super) fn plots_panel(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            for (page, text, _, hover) in PAGES {
                ui.selectable_value(&mut self.view.plots, *page, *text).on_hover_text(*hover);
            }
        });
        self.plot_page(ui, self.view.plots);
    }

    /// One page of the plots.
    pub(super) fn plot_page(&mut self, ui: &mut Ui, page: PlotPage) {
        match page {
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
            PlotPage::Boards => self.measuring_page(ui),
            PlotPage::Compare => self.comparing_page(ui),
            PlotPage::Training => {
                let count = if self.training.routes() { 5.0 } else { 3.0 };
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
        let mut line = Drawn { series: curve.series(&self.looking.curves), color, dashed: false, width: 1.8 };
        let second = self.second_line(curve, &mut line);
        self.sheet(ui, sheet, std::iter::once(line).chain(second).collect());
    }

    fn training_plots(&mut self, ui: &mut Ui, height: f32) {
        self.step_map(ui, height);
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
            title: "Routing entropy".into(),
            hover: "Against iterations. How evenly the router weighs the heads: −Σ α ln α, mean over blocks and cells. Of the last training batch (dashed, live) and of the probe's unseen boards, one line a probe. ln of the number of heads is no choice at all; 0 is one head alone.",
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
            title: "Head load".into(),
            hover: "Against steps. Mean weight of each head over the training batch's cells, blocks and iterations; all of them sum to 100 %.",
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
    pub(super) fn sheet(&mut self, ui: &mut Ui, sheet: Sheet<'_>, lines: Vec<Drawn>) {
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
                ui.label(RichText::new(sheet.unit).small().weak()).explained(Figure::Curve);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.export_menu(ui, &sheet, empty);
                if let Some(now) = &now {
                    ui.label(now).explained_with(sheet.hover, Figure::AtCursor);
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
        let places = Places { cursor, hovered: self.view.hovered.iteration };
        let touched = draw(ui, &sheet, &lines, places, &name);
        if touched.hovered.is_some() {
            self.view.pointed.iteration = touched.hovered;
        }
        if let Some(t) = touched.chosen {
            self.view.playing = false;
            self.go_to(t);
        }
    }

    pub(super) fn export_menu(&self, ui: &mut Ui, sheet: &Sheet<'_>, empty: bool) {
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
            PlotPage::Training if self.training.history.is_empty() => (Export::Steps, self.recording().is_none()),
            PlotPage::Training => (Export::Loss, self.training.history.is_empty()),
            PlotPage::Boards => (Export::Measured, self.measuring.found().is_none()),
            PlotPage::Compare => (Export::Compared, self.comparing.pair().is_none()),
        };
        match form {
            _ if empty => {
                self.toasts.error("There is no curve to save yet: let the model think, or train one.".into(), self.now)
            }
            Some(form) => self.export(what, form),
            None => self.toasts.error("This build draws no pictures; save a figure (SVG) instead.".into(), self.now),
        }
    }

    pub(super) fn export(&self, what: Export, form: Form) {
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
            (Export::Measured, form) => {
                let Some(found) = self.measuring.found().cloned() else { return };
                let stem = found.measured.kind().word();
                let make: Make = match form {
                    Form::Csv => Box::new(move || Ok(found.measured.csv())),
                    _ => Box::new(move || found.measured.figure(Size { width: 900, height: 560 })),
                };
                (stem, make)
            }
            (Export::Compared, form) => match self.compared_export(form) {
                Some(make) => ("compare", make),
                None => return,
            },
            (Export::ComparedBoards, form) => match self.compared_boards_export(form) {
                Some(make) => ("compare-boards", make),
                None => return,
            },
            (Export::Steps, form) => {
                let Some(recording) = self.recording().cloned() else { return };
                let (quantity, board) = (self.steps.quantity, self.steps.mapped());
                let make: Make = match form {
                    Form::Csv => Box::new(move || Ok(report::steps_csv(&recording))),
                    _ => Box::new(move || report::steps_figure(&recording, quantity, board, Size::default())),
                };
                ("steps", make)
            }
            (Export::Solved, Form::Csv) => ("iterations", Box::new(move || Ok(report::IterationsCsv::text(&probes)))),
            (Export::Solved, _) => ("solved", Box::new(move || report::probe_figure(&probes, Size::default()))),
        };
        self.jobs.export(stem, form, move || make().map_err(|e| e.to_string()));
    }
}
