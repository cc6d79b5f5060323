//! What is measured, with its few settings.

use eframe::egui::{Button, ComboBox, DragValue, ProgressBar, RichText, Ui};

use super::{MOST_BOARDS, wording};
use crate::measure::plan::{CHANGES, Kind, Question, changes};
use crate::measure::verified::Again;
use crate::measure::{DisturbanceKind, Exit, doubling};
use crate::ui::app::Lab;
use crate::ui::words::{count, thousands};

/// Iterations of a pass whose every iteration is recorded.
const MOST: u32 = 1 << 16;

impl Lab {
    pub(super) fn measuring_choice(&mut self, ui: &mut Ui) {
        let trained = self.subject_trained().max(1);
        let running = self.measuring.is_running();
        let m = &mut self.measuring;
        ComboBox::from_id_salt("measurement")
            .selected_text(wording::name(m.kind))
            .width(ui.available_width().min(260.0))
            .height(400.0)
            .show_ui(ui, |ui| {
                for kind in Kind::ALL {
                    let question = wording::question(kind);
                    ui.selectable_value(&mut m.kind, kind, wording::name(kind)).on_hover_text(question);
                }
            })
            .response
            .on_hover_text("What is measured. The command line has the same measurements: loopscope probe.");
        ui.label(RichText::new(wording::question(m.kind)).small().weak());
        ui.add_enabled_ui(!running, |ui| {
            ui.horizontal_wrapped(|ui| {
                let mut boards = m.boards();
                let hover =
                    "Puzzles that are made for this, new to the model. More of them make the intervals narrower.";
                if ui
                    .add(DragValue::new(&mut boards).range(1..=MOST_BOARDS).suffix(" boards"))
                    .on_hover_text(hover)
                    .changed()
                {
                    m.set_boards(boards);
                }
                settings(ui, m.question(trained), trained);
            });
        });
        self.measure_or_stop(ui);
    }

    fn measure_or_stop(&mut self, ui: &mut Ui) {
        let cannot = self.cannot_measure();
        let Some(kind) = self.measuring.running() else {
            let button = ui.add_enabled(cannot.is_none(), Button::new("Measure"));
            let hover = "Records what it takes over all boards; results come while it goes on.";
            if button.on_hover_text(hover).on_disabled_hover_text(cannot.unwrap_or_default()).clicked() {
                self.measure();
            }
            if let Some(why) = cannot {
                ui.label(RichText::new(why).small().weak());
            }
            return;
        };
        let (done, of) = self.measuring.progress;
        let (pass, passes) =
            self.measuring.asked.as_ref().and_then(|a| a.under_way.as_ref()).map_or((1, 1), |m| m.pass());
        ui.horizontal(|ui| {
            if ui.button("Stop").on_hover_text("Keeps what was read so far.").clicked() {
                self.stop_measuring();
            }
            let share = if of > 0 { done as f32 / of as f32 } else { 0.0 };
            let mut text = format!("{} of {}", thousands(done as u64), thousands(of as u64));
            if passes > 1 {
                text = format!("pass {pass} of {passes}: {text}");
            }
            ui.add(ProgressBar::new(share).text(text));
        });
        if kind != self.measuring.kind {
            let text = format!("“{}” is being measured.", wording::name(kind));
            ui.label(RichText::new(text).small().weak());
        }
    }
}

/// A number of iterations that can be dragged or typed.
fn iterations(ui: &mut Ui, value: &mut u32, prefix: &str, least: u32, hover: &str) {
    let drag = DragValue::new(value).range(least..=MOST).prefix(format!("{prefix} "));
    ui.add(drag).on_hover_text(hover);
}

/// A choice of how many of these multiples of T are looked at; the last counts most.
fn multiples(ui: &mut Ui, value: &mut Vec<u32>, all: &[u32], trained: u32, hover: &str) {
    let last = value.last().copied().unwrap_or(trained);
    ComboBox::from_id_salt("multiples")
        .selected_text(format!("up to {}", count(last as usize, "iteration", "iterations")))
        .show_ui(ui, |ui| {
            for (i, times) in all.iter().enumerate() {
                let last = times * trained;
                let text = format!("up to {} ({times} × T)", thousands(last.into()));
                if ui.selectable_label(value.last() == Some(&last), text).clicked() {
                    *value = all[..=i].iter().map(|times| times * trained).collect();
                }
            }
        })
        .response
        .on_hover_text(hover);
}

/// A seed.
fn seed(ui: &mut Ui, value: &mut u64, hover: &str) {
    ui.add(DragValue::new(value).prefix("seed ")).on_hover_text(hover);
}

fn settings(ui: &mut Ui, question: &mut Question, trained: u32) {
    match question {
        Question::Scaling { iterations: list, exit, beside } => {
            let mut last = list.last().copied().unwrap_or(trained);
            let before = last;
            iterations(ui, &mut last, "iterations", 1, "Of the pass. It is scored after 1, 2, 4, … and the last.");
            if last != before {
                *list = doubling(last);
            }
            exits(ui, exit);
            if *exit == Exit::Never {
                *beside = None;
            } else {
                let mut compare = beside.is_some();
                ui.checkbox(&mut compare, "compare with the whole pass").on_hover_text(
                    "Makes a second pass that no board leaves, and tells which boards each of the two solves. It costs as much as all iterations of all boards.",
                );
                *beside = compare.then_some(Exit::Never);
            }
        }
        Question::Inside { iterations: n }
        | Question::Stopping { iterations: n }
        | Question::Cold { iterations: n } => {
            iterations(ui, n, "iterations", 1, "Of the pass.");
        }
        Question::Interventions { iterations, changes: chosen } => {
            multiples(
                ui,
                iterations,
                &[1, 2, 4, 16],
                trained,
                "How long the passes are; T is what it was trained with.",
            );
            sweep(ui, chosen);
        }
        Question::Recovery { disturbance, iterations: n, seed: of } => {
            kind(ui, &mut disturbance.kind);
            iterations(ui, &mut disturbance.after, "after iteration", 1, "When the disturbance comes.");
            *n = (*n).max(disturbance.after + 1);
            iterations(ui, n, "iterations", disturbance.after + 1, "In all, counted from the beginning of the pass.");
            seed(ui, of, "Of noise and of the choice of cells.");
        }
        Question::Warm { after, watched } => {
            iterations(ui, after, "after iteration", 1, "When the watch begins.");
            iterations(ui, watched, "watch", 1, "Iterations that are watched from then on.");
            *watched = (*watched).min(MOST.saturating_sub(*after)).max(1);
        }
        Question::Verified { ways, attempt, budget, noise, seed: of } => {
            iterations(ui, attempt, "an attempt", 1, "Iterations of an attempt.");
            iterations(ui, budget, "a board", 1, "Iterations of a board in all, over its attempts.");
            ui.add(DragValue::new(noise).range(0.0..=10.0).speed(0.01).prefix("noise "))
                .on_hover_text("On the first state, as a share of its root mean square.");
            seed(ui, of, "Of symmetries and noise.");
            for way in Again::ALL {
                let mut on = ways.contains(&way);
                if ui.checkbox(&mut on, way.name()).on_hover_text(asked_again(way)).changed() {
                    let chosen = |w: &Again| if *w == way { on } else { ways.contains(w) };
                    *ways = Again::ALL.into_iter().filter(chosen).collect();
                }
            }
        }
        Question::Heads { iteration } => {
            iterations(ui, iteration, "iteration", 1, "Whose attention is read.");
        }
        Question::Spectrum(s) => {
            let hover = "After which iterations the state is frozen; T is what the model was trained with.";
            multiples(ui, &mut s.iterations, &[1, 4, 16], trained, hover);
            ui.add(DragValue::new(&mut s.vectors).range(1..=64).suffix(" vectors"))
                .on_hover_text("Random changes that are followed.");
            if ui
                .add(DragValue::new(&mut s.steps).range(3..=100_000).suffix(" steps"))
                .on_hover_text("Of the power iteration; the first third does not count.")
                .changed()
            {
                s.burn_in = s.steps / 3;
            }
            seed(ui, &mut s.seed, "Of the random changes.");
            ui.checkbox(&mut s.estimators, "published estimator").on_hover_text(
                "Beside the exact growth: differences in f32 with ε = 1e-3, with and without products rounded as TF32 rounds them.",
            );
            ui.checkbox(&mut s.leading, "several rates").on_hover_text(
                "Several leading rates too, by vectors that are kept orthonormal. They are in the files.",
            );
            ui.checkbox(&mut s.moving, "along the pass")
                .on_hover_text("Lyapunov exponents too, along the moving state.");
        }
    }
}

fn exits(ui: &mut Ui, exit: &mut Exit) {
    ComboBox::from_id_salt("exit")
        .selected_text(wording::exit(*exit))
        .show_ui(ui, |ui| {
            for one in [Exit::Never, Exit::Valid, Exit::Unchanged(8)] {
                ui.selectable_value(exit, one, wording::exit(one));
            }
        })
        .response
        .on_hover_text(
            "When a board leaves the pass. Neither rule looks at the solution; what is not computed is told below.",
        );
}

fn asked_again(way: Again) -> &'static str {
    match way {
        Again::MoreIterations => "Not asked again: one pass, as long as the budget.",
        Again::Noise => "Attempts that start with noise on the state.",
        Again::Symmetry => "Attempts as an equivalent puzzle: digits renamed, rows, columns, bands, stacks moved.",
        Again::Both => "Attempts as an equivalent puzzle, with noise.",
    }
}

/// Which changes are swept.
fn sweep(ui: &mut Ui, chosen: &mut Vec<crate::measure::plan::Change>) {
    let all = changes(CHANGES).unwrap_or_default();
    ui.menu_button(count(chosen.len(), "change", "changes"), |ui| {
        for change in &all {
            let mut on = chosen.contains(change);
            if ui.checkbox(&mut on, &change.name).changed() {
                let keeps = |c: &&crate::measure::plan::Change| if *c == change { on } else { chosen.contains(c) };
                *chosen = all.iter().filter(keeps).cloned().collect();
            }
        }
    })
    .response
    .on_hover_text("Each is one pass over the same boards, by itself: damping of the carried state, a scaled fed-back prediction, a state that is normalised before the head, a state rounded to bfloat16.");
}

/// What is disturbed, and how much.
fn kind(ui: &mut Ui, kind: &mut DisturbanceKind) {
    let name = |kind: &DisturbanceKind| match kind {
        DisturbanceKind::Noise(_) => "noise on the state",
        DisturbanceKind::States(_) | DisturbanceKind::State(_) => "states to zero",
        DisturbanceKind::Answers(_) | DisturbanceKind::Answer { .. } => "other answers",
    };
    ComboBox::from_id_salt("disturbance")
        .selected_text(name(kind))
        .show_ui(ui, |ui| {
            for one in [DisturbanceKind::Answers(3), DisturbanceKind::States(3), DisturbanceKind::Noise(0.5)] {
                if ui.selectable_label(name(kind) == name(&one), name(&one)).clicked() {
                    *kind = one;
                }
            }
        })
        .response
        .on_hover_text("Other answers: those fed back for some blank cells become another digit, with all weight. States to zero: those of some blank cells. Noise: on every element of the state.");
    match kind {
        DisturbanceKind::Noise(share) => {
            ui.add(DragValue::new(share).range(0.0..=100.0).speed(0.01).prefix("share "))
                .on_hover_text("Size of the noise, as a share of the state's root mean square.");
        }
        DisturbanceKind::Answers(n) | DisturbanceKind::States(n) => {
            ui.add(DragValue::new(n).range(1..=1024).suffix(" cells")).on_hover_text("Blank cells of each board.");
        }
        DisturbanceKind::Answer { .. } | DisturbanceKind::State(_) => {}
    }
}
