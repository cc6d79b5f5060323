//! What was measured: what it is of, its plots, its tables, its files.

use std::sync::Arc;

use eframe::egui::{Color32, RichText, Ui};

use super::{Shown, maps, tables};
use crate::measure::plan::Kind;
use crate::report::measured::{Lines, Measured, MeasuredLine};
use crate::report::{Series, palette};
use crate::ui::app::Lab;
use crate::ui::axis::Axis;
use crate::ui::files::{Filter, Form};
use crate::ui::plots::{Drawn, Export, Sheet};
use crate::ui::theme::{Palette, mix};
use crate::ui::words::count;

/// A colour of the exports, as it looks on this ground.
fn tint(p: &Palette, rgb: [u8; 3]) -> Color32 {
    let plain = Color32::from_rgb(rgb[0], rgb[1], rgb[2]);
    match rgb {
        palette::RIGHT => p.right,
        palette::WRONG => p.wrong,
        palette::ACCENT => p.accent,
        palette::INK => p.ink,
        palette::FAINT => p.weak,
        _ if p.dark => mix(plain, Color32::WHITE, 0.18),
        _ => plain,
    }
}

/// A line after its interval: the first of the figure is drawn last, so that its value is the one that is told.
fn drawn(p: &Palette, lines: &[MeasuredLine]) -> Vec<Drawn> {
    let mut out = Vec::new();
    for line in lines.iter().rev() {
        let color = tint(p, line.rgb);
        for (edge, name) in line.band.iter().flat_map(|(low, high)| [(low, "lower"), (high, "upper")]) {
            let name = format!("{}, {name} edge of the 95 % interval", line.series.name);
            let series = Series::new(name, line.series.unit, edge.points.iter().copied());
            out.push(Drawn { series, color: mix(p.paper, color, 0.5), dashed: true, width: Drawn::EDGE });
        }
        out.push(Drawn { series: line.series.clone(), color, dashed: false, width: 1.8 });
    }
    out
}

impl Lab {
    /// Everything that was read of a measurement.
    pub(super) fn measured(&mut self, ui: &mut Ui, shown: &Arc<Shown>) {
        let n = count(shown.boards, "new board", "new boards");
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("{}, {n}", shown.about.model)).strong())
                .on_hover_text(format!("Computed by {}.", shown.about.device));
            self.measured_files(ui, shown);
        });
        if let Some(command) = &shown.command {
            ui.horizontal(|ui| {
                if ui
                    .small_button("copy command")
                    .on_hover_text(format!("Copies the command that gives the same numbers in a terminal:\n{command}"))
                    .clicked()
                {
                    ui.ctx().copy_text(command.clone());
                    self.toasts.info("The command was copied.".into(), self.now);
                }
                let line = RichText::new(command).small().monospace().weak();
                ui.add(eframe::egui::Label::new(line).truncate());
            });
        }
        for lines in &shown.lines {
            self.measured_sheet(ui, shown, lines);
        }
        if let Measured::Heads(one) = &shown.measured {
            maps::heads(ui, &one.found);
        }
        tables::tables(ui, &shown.measured);
    }

    /// The same text and figures as the command line writes.
    fn measured_files(&self, ui: &mut Ui, shown: &Arc<Shown>) {
        ui.menu_button("Save", |ui| {
            for form in Form::ALL {
                if ui.button(form.entry()).clicked() {
                    self.export(Export::Measured, *form);
                    ui.close();
                }
            }
            if ui.button("Save everything (JSON)…").clicked() {
                let (kind, shown) = (shown.measured.kind(), Arc::clone(shown));
                let name = format!("loopscope-{}.json", kind.word());
                let filter = Filter("JSON", &["json"]);
                self.jobs.save("Save the measurement", name, filter, move || {
                    Ok(format!("{}\n", shown.measured.json()).into_bytes())
                });
                ui.close();
            }
        })
        .response
        .on_hover_text("Saves the measurement as the command line writes it: table, figure, or everything as JSON.");
    }

    fn measured_sheet(&mut self, ui: &mut Ui, shown: &Shown, lines: &Lines) {
        let p = Palette::of(ui);
        let mut all = drawn(&p, &lines.lines);
        if let Measured::Stopping(one) = &shown.measured {
            // Each rule is a dot: what it solves, with how many iterations.
            for (i, outcome) in one.found.outcomes.iter().enumerate() {
                let tally = &outcome.tallies.all;
                let (Some(share), Some(spent)) = (tally.solved.share(), tally.spent) else { continue };
                let series = Series::new(outcome.rule.to_string(), "%", [[spent.mean, 100.0 * share]]);
                let color = tint(&p, palette::SEVERAL[i % palette::SEVERAL.len()]);
                all.insert(0, Drawn { series, color, dashed: true, width: Drawn::EDGE });
            }
        }
        let points = all.iter().flat_map(|l| l.series.points.last());
        let end = points.map(|point| point[0]).fold(1.0, f64::max);
        let unit = lines.lines.first().map_or("", |l| l.series.unit);
        let trained = shown.trained.max(1);
        let title = match shown.measured.kind() {
            Kind::Scaling => format!("Solved of {}", count(shown.boards, "new board", "new boards")),
            _ => lines.title.to_owned(),
        };
        let sheet = Sheet {
            id: lines.title,
            title,
            hover: lines.explanation,
            unit,
            axis: Some(Axis::new(trained, end as u32)),
            logarithmic: lines.logarithmic,
            most: (unit == "%").then_some(100.0),
            height: 150.0,
            export: Export::Measured,
            empty: "Nothing was measured.",
        };
        self.sheet(ui, sheet, all);
    }
}
