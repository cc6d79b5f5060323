//! Measurements over many boards: one pass is recorded, and everything here is read from its records by the
//! functions that `loopscope probe` uses, so the two cannot tell different numbers.

use eframe::egui::{ComboBox, DragValue, Grid, ProgressBar, RichText, ScrollArea, Ui};

use super::app::Lab;
use super::axis::Axis;
use super::explain::{Explained as _, Figure};
use super::plots::{Drawn, Export, Sheet};
use super::theme::{Palette, mix};
use super::words::{count, thousands};
use crate::engine::protocol::{Command, Kernels, RequestId, Subject};
use crate::measure::inside::{Inside, inside};
use crate::measure::stopping::{Rule, Stopping, stopping};
use crate::measure::{Exit, Record, Recording, Scaling, Spent, doubling, scaling};
use crate::report::Series;
use crate::report::measured::scaling::ModelScaling;
use crate::tasks::sudoku::{GenerateSpec, Puzzle};

/// Boards that can be asked for at once.
const MOST_BOARDS: u32 = 1000;

/// What is measured, and what came of it.
pub(super) struct Measuring {
    /// Boards to make.
    boards: u32,
    /// Iterations of the pass, as a multiple of the trained T.
    times: u32,
    exit: Exit,
    asked: Option<Asked>,
    /// Boards that are done, and all.
    progress: (usize, usize),
    puzzles: Vec<Puzzle>,
    records: Vec<Record>,
    found: Option<Found>,
    /// Why there is nothing more.
    trouble: Option<String>,
}

impl Default for Measuring {
    fn default() -> Self {
        Self {
            boards: 40,
            times: 4,
            exit: Exit::Never,
            asked: None,
            progress: (0, 0),
            puzzles: Vec::new(),
            records: Vec::new(),
            found: None,
            trouble: None,
        }
    }
}

/// What the engine was asked, with what it is of.
struct Asked {
    request: RequestId,
    subject: Subject,
    model: String,
    trained: u32,
    settings: Recording,
}

/// What is read from the records so far.
pub(super) struct Found {
    pub scaling: ModelScaling,
    inside: Inside,
    /// Rules need whole passes: nothing where boards leave early.
    stopping: Option<Stopping>,
}

impl Measuring {
    /// What was found, for an export.
    pub(super) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// Whether something is under way.
    pub(super) fn is_running(&self) -> bool {
        self.asked.is_some()
    }

    /// Boards that were read so far.
    pub(super) fn read(&self) -> usize {
        self.records.len()
    }

    /// Throws away what is of another model.
    pub(super) fn forget(&mut self) {
        *self = Self { boards: self.boards, times: self.times, exit: self.exit, ..Self::default() };
    }

    fn is_of(&self, request: RequestId) -> bool {
        self.asked.as_ref().is_some_and(|a| a.request == request)
    }

    pub(super) fn progressed(&mut self, request: RequestId, done: usize, of: usize) {
        if self.is_of(request) {
            self.progress = (done, of);
        }
    }

    pub(super) fn failed(&mut self, request: RequestId, message: &str) {
        if self.is_of(request) {
            self.asked = None;
            self.trouble = Some(message.to_owned());
        }
    }

    fn read_records(&mut self, device: &str) {
        let Some(asked) = &self.asked else { return };
        let (puzzles, records) = (&self.puzzles[..self.records.len().min(self.puzzles.len())], &self.records);
        let iterations = asked.settings.iterations;
        let read = || -> Result<Found, String> {
            let stopping = match asked.settings.exit {
                Exit::Never => {
                    Some(stopping(puzzles, records, iterations, asked.trained, &Rule::usual(asked.trained))?)
                }
                _ => None,
            };
            Ok(Found {
                scaling: ModelScaling {
                    model: asked.model.clone(),
                    device: device.to_owned(),
                    trained_iterations: asked.trained,
                    settings: asked.settings,
                    scaling: scaling(puzzles, records, &doubling(iterations), 0)?,
                },
                inside: inside(puzzles, records, iterations)?,
                stopping,
            })
        };
        match read() {
            Ok(found) => self.found = Some(found),
            Err(why) => self.trouble = Some(why),
        }
    }
}

impl Lab {
    /// The page of the plots on many boards.
    pub(super) fn measuring_page(&mut self, ui: &mut Ui) {
        self.measuring_choice(ui);
        if let Some(trouble) = &self.measuring.trouble {
            ui.colored_label(Palette::of(ui).wrong, trouble);
        }
        if self.measuring.found.is_none() {
            ui.add_space(8.0);
            let text = if self.measuring.is_running() {
                "The first boards are on their way."
            } else {
                "Press Measure: new puzzles that the training left out are solved, and what happened is read from every iteration."
            };
            ui.label(RichText::new(text).weak());
            return;
        }
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.solved_sheet(ui);
            let Some(found) = &self.measuring.found else { return };
            scaling_table(ui, &found.scaling.scaling, found.scaling.settings.exit);
            endings(ui, &found.inside);
            if let Some(stopping) = &found.stopping {
                rules(ui, stopping);
            }
        });
    }

    fn measuring_choice(&mut self, ui: &mut Ui) {
        let running = self.measuring.is_running();
        let trained = self.subject_trained().max(1);
        ui.horizontal_wrapped(|ui| {
            ui.add_enabled_ui(!running, |ui| {
                let m = &mut self.measuring;
                ui.add(DragValue::new(&mut m.boards).range(5..=MOST_BOARDS).suffix(" boards"))
                    .on_hover_text("Puzzles that are made for this. More of them make the intervals narrower.");
                ComboBox::from_id_salt("measured iterations")
                    .selected_text(count((m.times * trained) as usize, "iteration", "iterations"))
                    .show_ui(ui, |ui| {
                        for times in [1, 2, 4, 16] {
                            let text = format!("{} ({times} × T)", thousands((times * trained).into()));
                            ui.selectable_value(&mut m.times, times, text);
                        }
                    })
                    .response
                    .on_hover_text("How long the pass is; T is what the model was trained with.");
                ComboBox::from_id_salt("exit")
                    .selected_text(exit_name(m.exit))
                    .show_ui(ui, |ui| {
                        for exit in [Exit::Never, Exit::Valid, Exit::Unchanged(8)] {
                            ui.selectable_value(&mut m.exit, exit, exit_name(exit));
                        }
                    })
                    .response
                    .on_hover_text("When a board leaves the pass. Neither rule looks at the solution; what is not computed is told below.");
            });
            if running {
                if ui.button("Stop").on_hover_text("Keeps what was read so far.").clicked() {
                    self.stop_measuring();
                }
            } else if ui
                .add_enabled(self.subject_shape().is_some(), eframe::egui::Button::new("Measure"))
                .on_hover_text("Records one pass over all boards.")
                .on_disabled_hover_text("No model is open yet.")
                .clicked()
            {
                self.measure();
            }
        });
        if running {
            let (done, of) = self.measuring.progress;
            let share = if of > 0 { done as f32 / of as f32 } else { 0.0 };
            ui.add(ProgressBar::new(share).text(format!("{} of {}", thousands(done as u64), thousands(of as u64))));
        }
    }

    /// Asks for puzzles; the pass follows when they are there.
    pub(super) fn measure(&mut self) {
        let subject = self.view.subject;
        let (spec, seed): (GenerateSpec, u64) = match subject {
            Subject::Opened => match &self.model.card {
                Some(card) => (GenerateSpec::usual(card.config.shape()), card.provenance.seed),
                None => return,
            },
            Subject::Training => match &self.training.config {
                Some(config) => (config.puzzles.spec(config.model.shape()), config.seed),
                None => return,
            },
            // Never in view by itself.
            Subject::Other => return,
        };
        self.measuring.forget();
        let request = self.asks.id();
        let trained = self.subject_trained().max(1);
        let m = &mut self.measuring;
        let settings =
            Recording { interventions: self.interventions, exit: m.exit, ..Recording::plain(m.times * trained) };
        m.progress = (0, m.boards as usize);
        let boards = m.boards as usize;
        let model = self.subject_name();
        self.measuring.asked = Some(Asked { request, subject, model, trained, settings });
        self.link.send(Command::Puzzles { request, spec, seed, count: boards });
    }

    fn stop_measuring(&mut self) {
        if let Some(asked) = self.measuring.asked.take() {
            self.link.send(Command::Cancel { request: asked.request });
        }
    }

    /// Puzzles came: the pass begins.
    pub(super) fn puzzles_came(&mut self, request: RequestId, puzzles: Vec<Puzzle>) {
        if !self.measuring.is_of(request) {
            return;
        }
        let next = self.asks.id();
        let m = &mut self.measuring;
        let Some(asked) = &mut m.asked else { return };
        asked.request = next;
        m.progress = (0, puzzles.len());
        m.puzzles.clone_from(&puzzles);
        let (subject, settings) = (asked.subject, asked.settings);
        self.link.send(Command::Record { request: next, subject, puzzles, settings, kernels: Kernels::Fused });
    }

    /// A batch of boards came.
    pub(super) fn records_came(&mut self, request: RequestId, records: Vec<Record>, spent: Option<Spent>) {
        if !self.measuring.is_of(request) {
            return;
        }
        let device = self.device.as_ref().and_then(|d| d.as_ref().ok()).map(|d| d.name.clone()).unwrap_or_default();
        let m = &mut self.measuring;
        m.records.extend(records);
        m.read_records(&device);
        if let Some(spent) = spent {
            if let Some(found) = &mut m.found {
                found.scaling.scaling.spent = spent;
            }
            m.asked = None;
        }
    }

    /// Solved share against iterations, on the timeline's axis.
    fn solved_sheet(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        let Some(found) = &self.measuring.found else { return };
        let rows = &found.scaling.scaling.rows;
        let points = |of: &dyn Fn(&crate::measure::scaling::Row) -> f64| -> Vec<[f64; 2]> {
            rows.iter().map(|r| [f64::from(r.iterations), 100.0 * of(r)]).collect()
        };
        let faint = mix(p.paper, p.accent, 0.45);
        let line = |name: &str, points, color, dashed, width| Drawn {
            series: Series::new(name, "%", points),
            color,
            dashed,
            width,
        };
        let lines = vec![
            line("Lower edge of the 95 % interval", points(&|r| r.balanced.low), faint, true, 1.0),
            line("Upper edge", points(&|r| r.balanced.high), faint, true, 1.0),
            line("Solved", points(&|r| r.balanced.share), p.accent, false, 2.0),
        ];
        let end = rows.last().map_or(1, |r| r.iterations);
        let sheet = Sheet {
            id: "Measured",
            title: format!("Solved of {}", count(self.measuring.read(), "new board", "new boards")),
            hover: "Share of boards whose blank cells are all right after each iteration, the mean over the difficulties that occur, each counting alike. The interval is of 2,000 bootstrap draws over the boards. Clicking goes to that iteration.",
            unit: "%",
            axis: Some(Axis::new(found.scaling.trained_iterations, end)),
            logarithmic: false,
            most: Some(100.0),
            height: 170.0,
            export: Export::Measured,
            empty: "",
        };
        self.sheet(ui, sheet, lines);
    }
}

fn exit_name(exit: Exit) -> String {
    match exit {
        Exit::Never => "all stay".into(),
        Exit::Valid => "leave when valid".into(),
        Exit::Unchanged(n) => format!("leave unchanged for {n}"),
    }
}

fn scaling_table(ui: &mut Ui, scaling: &Scaling, exit: Exit) {
    Grid::new("scaling table").striped(true).num_columns(3).show(ui, |ui| {
        let figures = [Figure::BoardIterations, Figure::BoardsSolved, Figure::BoardsInterval];
        for (head, figure) in ["iterations", "solved", "95 % interval"].into_iter().zip(figures) {
            ui.label(RichText::new(head).small().weak()).explained(figure);
        }
        ui.end_row();
        for row in &scaling.rows {
            let e = row.balanced;
            ui.label(thousands(row.iterations.into())).explained(Figure::BoardIterations);
            ui.label(format!("{:.1} %", 100.0 * e.share)).explained(Figure::BoardsSolved);
            ui.label(format!("{:.1} to {:.1} %", 100.0 * e.low, 100.0 * e.high)).explained(Figure::BoardsInterval);
            ui.end_row();
        }
    });
    ui.label(format!(
        "Solved at some iteration: {}; no longer at the end: {}.",
        thousands(scaling.ever.solved.into()),
        thousands(scaling.lost.into())
    ))
    .explained(Figure::EverSolved);
    if exit != Exit::Never && scaling.spent.made > 0 {
        let times = scaling.spent.of as f64 / scaling.spent.made as f64;
        ui.label(format!("{times:.1} times less work than a pass that no board leaves.")).explained(Figure::WorkSaved);
    }
    ui.separator();
}

fn endings(ui: &mut Ui, inside: &Inside) {
    ui.label(RichText::new("How boards end").strong())
        .on_hover_text("The words of the timeline's verdict, of every board after its last iteration.");
    for (name, n) in inside.endings.all.named().into_iter().filter(|(_, n)| *n > 0) {
        ui.label(format!("{name}: {}", thousands(n.into()))).explained(Figure::Endings);
    }
    for (period, boards) in &inside.periods {
        ui.label(RichText::new(format!("cycles of period {period}: {boards}")).weak()).explained(Figure::Cycles);
    }
    ui.separator();
}

fn rules(ui: &mut Ui, stopping: &Stopping) {
    ui.label(RichText::new("When to stop").strong()).on_hover_text(
        "Rules that decide after which iteration to answer. All but the last, which is the bound, do without the solution.",
    );
    Grid::new("stopping rules").striped(true).num_columns(4).show(ui, |ui| {
        for (head, hover) in [
            ("rule", "When it answers."),
            ("solved", "Boards whose chosen answer is right."),
            ("iterations", "Run until the answer is known, mean over boards."),
            ("missed", "Solved at some iteration, and not with the answer that was given."),
        ] {
            ui.label(RichText::new(head).small().weak()).on_hover_text(hover);
        }
        ui.end_row();
        for outcome in &stopping.outcomes {
            let tally = &outcome.tallies.all;
            let share = 100.0 * f64::from(tally.solved.count) / f64::from(tally.solved.of.max(1));
            ui.label(outcome.rule.to_string());
            let interval =
                format!("95 % interval {:.1} to {:.1} %.", 100.0 * tally.solved.low, 100.0 * tally.solved.high);
            ui.label(format!("{share:.1} %")).explained_with(&interval, Figure::RuleSolved);
            ui.label(tally.spent.as_ref().map_or_else(|| "–".into(), |s| format!("{:.1}", s.mean)))
                .explained(Figure::RuleIterations);
            ui.label(thousands(tally.missed.into())).explained(Figure::RuleMissed);
            ui.end_row();
        }
    });
}
