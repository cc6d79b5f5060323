//! A and B over the same new boards. The numbers are those of `loopscope probe compare`.

use eframe::egui::{Button, ComboBox, DragValue, Grid, ProgressBar, RichText, Ui};

use super::second_colour;
use crate::engine::protocol::{Command, Kernels, RequestId, Subject};
use crate::measure::{Record, Recording, compare, doubling};
use crate::report::Series;
use crate::report::measured::compare::boards::ModelsCompared;
use crate::report::measured::compare::{name_of, p_value};
use crate::tasks::sudoku::{GenerateSpec, Puzzle};
use crate::ui::app::Lab;
use crate::ui::axis::Axis;
use crate::ui::plots::{Drawn, Export, Sheet};
use crate::ui::theme::Palette;
use crate::ui::words::{count, thousands};

/// Boards that can be asked for at once.
const MOST_BOARDS: u32 = 1000;

/// What is compared over many boards, and what came of it.
pub(in crate::ui) struct Boards {
    /// Boards to make.
    wanted: u32,
    /// Iterations of the passes, as a multiple of the larger T.
    times: u32,
    asked: Option<Asked>,
    /// Boards that A and B are done with.
    done: [usize; 2],
    puzzles: Vec<Puzzle>,
    records: [Vec<Record>; 2],
    found: Option<ModelsCompared>,
    trouble: Option<String>,
}

impl Default for Boards {
    fn default() -> Self {
        Self {
            wanted: 40,
            times: 4,
            asked: None,
            done: [0, 0],
            puzzles: Vec::new(),
            records: [Vec::new(), Vec::new()],
            found: None,
            trouble: None,
        }
    }
}

/// What the engine was asked.
struct Asked {
    /// For the puzzles, then for the records of A and of B.
    puzzles: RequestId,
    records: Option<[RequestId; 2]>,
    subjects: [Subject; 2],
    models: [String; 2],
    trained: [u32; 2],
    settings: Recording,
}

impl Asked {
    /// Whether a question is one of these: 0 of A, 1 of B; the puzzles are for both.
    fn side(&self, request: RequestId) -> Option<usize> {
        self.records?.iter().position(|r| *r == request)
    }

    fn holds(&self, request: RequestId) -> bool {
        self.puzzles == request || self.side(request).is_some()
    }
}

impl Boards {
    /// Nothing found, with the same choices.
    pub(super) fn fresh(&self) -> Self {
        Self { wanted: self.wanted, times: self.times, ..Self::default() }
    }

    /// What was found.
    pub(in crate::ui) fn found(&self) -> Option<&ModelsCompared> {
        self.found.as_ref()
    }

    pub(super) fn unanswered(&mut self) {
        self.asked = None;
    }

    pub(in crate::ui) fn failed(&mut self, request: RequestId, message: &str) {
        if self.asked.as_ref().is_some_and(|a| a.holds(request)) {
            self.asked = None;
            self.trouble = Some(message.to_owned());
        }
    }

    pub(in crate::ui) fn progressed(&mut self, request: RequestId, done: usize) {
        if let Some(side) = self.asked.as_ref().and_then(|a| a.side(request)) {
            self.done[side] = done;
        }
    }

    /// Reads the boards that both have solved by now.
    fn read(&mut self, device: &str) {
        let Some(asked) = &self.asked else { return };
        let n = self.records[0].len().min(self.records[1].len()).min(self.puzzles.len());
        if n == 0 {
            return;
        }
        let records = [&self.records[0][..n], &self.records[1][..n]];
        match compare::boards(&self.puzzles[..n], records, &doubling(asked.settings.iterations), 0) {
            Ok(found) => {
                self.found = Some(ModelsCompared {
                    models: asked.models.clone(),
                    device: device.to_owned(),
                    trained_iterations: asked.trained,
                    settings: asked.settings,
                    found,
                });
            }
            Err(why) => self.trouble = Some(why),
        }
    }
}

impl Lab {
    /// A and B over many boards: the choice, and what was found.
    pub(super) fn compared_boards(&mut self, ui: &mut Ui) {
        ui.label(RichText::new("Over many boards").strong()).on_hover_text(
            "Both models solve the same new puzzles, which the training of A left out. The command loopscope probe compare tells the same numbers.",
        );
        if self.comparing.is_recording() {
            ui.label(RichText::new("A recording is of one board. Choose a model to compare over many.").weak());
            return;
        }
        self.boards_choice(ui);
        if let Some(trouble) = &self.comparing.boards.trouble {
            ui.colored_label(Palette::of(ui).wrong, trouble);
        }
        if self.comparing.boards.found.is_some() {
            self.shares_sheet(ui);
            if let Some(found) = &self.comparing.boards.found {
                table(ui, found);
            }
        }
    }

    fn boards_choice(&mut self, ui: &mut Ui) {
        let running = self.comparing.boards.asked.is_some();
        let other = self.other_subject();
        let trained = self.subject_trained().max(other.and_then(|o| self.weights(o)).map_or(1, |w| w.trained)).max(1);
        let ready = other.is_some() && self.subject_shape().is_some();
        ui.horizontal_wrapped(|ui| {
            let b = &mut self.comparing.boards;
            ui.add_enabled_ui(!running, |ui| {
                ui.add(DragValue::new(&mut b.wanted).range(5..=MOST_BOARDS).suffix(" boards"))
                    .on_hover_text("Puzzles that are made for this. More of them make the intervals narrower.");
                ComboBox::from_id_salt("compared iterations")
                    .selected_text(count((b.times * trained) as usize, "iteration", "iterations"))
                    .show_ui(ui, |ui| {
                        for times in [1, 2, 4, 16] {
                            let text = format!("{} ({times} × T)", thousands((times * trained).into()));
                            ui.selectable_value(&mut b.times, times, text);
                        }
                    })
                    .response
                    .on_hover_text("How long both passes are; T is the larger of what the two were trained with.")
                    .accessible_name("compared iterations");
            });
            if running {
                if ui.button("Stop").on_hover_text("Keeps what was read so far.").clicked() {
                    self.stop_compared_boards();
                }
            } else if ui
                .add_enabled(ready, Button::new("Compare over boards"))
                .on_hover_text("Records one pass of each model over all boards.")
                .on_disabled_hover_text("One of the two models is not open yet.")
                .clicked()
            {
                self.compare_boards(trained);
            }
        });
        let b = &self.comparing.boards;
        if running {
            let (done, of) = (b.done[0] + b.done[1], 2 * b.puzzles.len());
            let share = if of > 0 { done as f32 / of as f32 } else { 0.0 };
            let text = if of == 0 { "making puzzles".into() } else { format!("{done} of {of} passes") };
            ui.add(ProgressBar::new(share).text(text));
        }
    }

    /// Asks for puzzles; both passes follow when they are there.
    fn compare_boards(&mut self, trained: u32) {
        let Some(other) = self.other_subject() else { return };
        let other_trained = self.weights(other).map_or(1, |w| w.trained);
        let subject = self.view.subject;
        let (spec, seed): (GenerateSpec, u64) = match (subject, &self.model.card, &self.training.config) {
            (Subject::Training, _, Some(config)) => (config.puzzles.spec(config.model.shape()), config.seed),
            (Subject::Opened, Some(card), _) => (GenerateSpec::usual(card.config.shape()), card.provenance.seed),
            _ => return,
        };
        let request = self.asks.id();
        let own = self.subject_trained().max(1);
        let models = [self.subject_name(), self.comparing.name().to_owned()];
        let b = &mut self.comparing.boards;
        *b = b.fresh();
        b.asked = Some(Asked {
            puzzles: request,
            records: None,
            subjects: [subject, other],
            models,
            trained: [own, other_trained],
            settings: Recording { interventions: self.interventions, ..Recording::plain(b.times * trained) },
        });
        let count = b.wanted as usize;
        self.link.send(Command::Puzzles { request, spec, seed, count });
    }

    /// Puzzles came, if they are these: both passes begin.
    pub(in crate::ui) fn compared_puzzles(&mut self, request: RequestId, puzzles: &[Puzzle]) {
        if self.comparing.boards.asked.as_ref().is_none_or(|a| a.puzzles != request || a.records.is_some()) {
            return;
        }
        let records = [self.asks.id(), self.asks.id()];
        let b = &mut self.comparing.boards;
        b.puzzles = puzzles.to_vec();
        let Some(asked) = &mut b.asked else { return };
        asked.records = Some(records);
        let (subjects, settings) = (asked.subjects, asked.settings);
        for (request, subject) in records.into_iter().zip(subjects) {
            let puzzles = puzzles.to_vec();
            self.link.send(Command::Record { request, subject, puzzles, settings, kernels: Kernels::Fused });
        }
    }

    /// Boards of one of the two came, if they are these.
    pub(in crate::ui) fn compared_records(&mut self, request: RequestId, records: &[Record]) {
        let device = self.device.as_ref().and_then(|d| d.as_ref().ok()).map(|d| d.name.clone()).unwrap_or_default();
        let b = &mut self.comparing.boards;
        let Some(side) = b.asked.as_ref().and_then(|a| a.side(request)) else { return };
        b.records[side].extend_from_slice(records);
        b.done[side] = b.records[side].len();
        b.read(&device);
        if b.records.iter().all(|r| r.len() >= b.puzzles.len()) {
            b.asked = None;
        }
    }

    /// Stops asking; what was read stays.
    pub(super) fn stop_compared_boards(&mut self) {
        if let Some(asked) = self.comparing.boards.asked.take() {
            for request in asked.records.map_or_else(|| vec![asked.puzzles], Vec::from) {
                self.link.send(Command::Cancel { request });
            }
        }
    }

    /// Solved shares of both against iterations.
    fn shares_sheet(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        let Some(found) = &self.comparing.boards.found else { return };
        let of = f64::from(found.found.boards.max(1));
        let line = |second: bool, color, dashed| {
            let points = found.found.rows.iter().map(|r| {
                let solved = r.both + if second { r.second } else { r.first };
                [f64::from(r.iterations), 100.0 * f64::from(solved) / of]
            });
            let series = Series::new(name_of(second, &found.models[usize::from(second)]), "%", points);
            Drawn { series, color, dashed, width: 1.8 }
        };
        let lines = vec![line(true, second_colour(&p), true), line(false, p.accent, false)];
        let trained = found.trained_iterations[0];
        let end = found.found.rows.last().map_or(1, |r| r.iterations);
        let sheet = Sheet {
            id: "Compared",
            title: format!("Solved of {}", count(found.found.boards as usize, "new board", "new boards")),
            hover: "Share of the boards whose blank cells are all right after each iteration, of A and of B (dashed). Clicking goes to that iteration.",
            unit: "%",
            axis: Some(Axis::new(trained, end)),
            logarithmic: false,
            most: Some(100.0),
            height: 130.0,
            export: Export::ComparedBoards,
            empty: "",
        };
        self.sheet(ui, sheet, lines);
    }
}

/// Who solved what, and what the difference says.
fn table(ui: &mut Ui, found: &ModelsCompared) {
    Grid::new("compared boards").striped(true).num_columns(6).show(ui, |ui| {
        for (head, hover) in [
            ("t", "Iterations."),
            ("both", "Boards that both solved."),
            ("A", "Boards that A alone solved."),
            ("B", "Boards that B alone solved."),
            ("B − A", "Difference of the solved shares in percentage points, mean over the difficulties that occur, with the 95 % interval of a paired bootstrap of 2,000 draws."),
            ("p", "Exact two-sided McNemar test on the boards that one model alone solved."),
        ] {
            ui.label(RichText::new(head).small().weak()).on_hover_text(hover);
        }
        ui.end_row();
        for r in &found.found.rows {
            ui.label(thousands(r.iterations.into()));
            for n in [r.both, r.first, r.second] {
                ui.label(thousands(n.into()));
            }
            let [d, low, high] = [r.difference.share, r.difference.low, r.difference.high].map(|v| 100.0 * v);
            ui.label(format!("{d:+.0} ({low:+.0} to {high:+.0})")).on_hover_text(r.found.words("A", "B"));
            ui.label(p_value(r.p));
            ui.end_row();
        }
    });
    if let Some(last) = found.found.rows.last() {
        ui.label(format!(
            "After {}: {}.",
            count(last.iterations as usize, "iteration", "iterations"),
            last.found.words("A", "B")
        ))
        .on_hover_text("An interval that holds zero finds no difference; more boards might.");
    }
}
