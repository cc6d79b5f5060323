//! A disturbance of the pass on screen: something is changed between two iterations, and one watches whether the
//! board recovers.

use eframe::egui::{
    self, Button, ComboBox, DragValue, Rect, RichText, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use super::app::Lab;
use super::theme::Palette;
use super::words::{count, thousands};
use crate::config::Interventions;
use crate::measure::{Disturbance, DisturbanceKind};
use crate::tasks::sudoku::{Grid, Shape as Board};
use crate::trace::Step;

/// What is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum What {
    /// The fed-back answer of the selected cell.
    #[default]
    Answer,
    /// The state of the selected cell.
    State,
    /// Noise on the state of all cells.
    Noise,
}

impl What {
    const ALL: [Self; 3] = [Self::Answer, Self::State, Self::Noise];

    fn name(self) -> &'static str {
        match self {
            Self::Answer => "the selected cell's answer",
            Self::State => "the selected cell's state",
            Self::Noise => "the whole state",
        }
    }

    fn explain(self) -> &'static str {
        match self {
            Self::Answer => {
                "What is fed back as the answer of the selected cell becomes the digit beside, with all weight."
            }
            Self::State => "The state of the selected cell becomes zero.",
            Self::Noise => "Gaussian noise is added to the state of every cell.",
        }
    }
}

/// What is disturbed, and what the pass was before.
#[derive(Default)]
pub(super) struct Disturbing {
    /// Of the pass that is asked for, and of which clues.
    now: Option<(Grid, Disturbance)>,
    what: What,
    /// The digit that is fed back; 0 is the one after that of the cell.
    digit: u8,
    /// Size of the noise, as a share of the state's root mean square; 0 stands for the usual one.
    share: f32,
    undisturbed: Option<Undisturbed>,
}

/// Answers of a pass that was not disturbed.
struct Undisturbed {
    clues: Grid,
    step: Step,
    model: String,
    interventions: Interventions,
    /// `[iterations][cells]`.
    digits: Vec<Vec<u8>>,
}

/// Noise where nothing was said.
const SHARE: f32 = 0.5;

impl Lab {
    /// What is disturbed in the pass that is asked for.
    pub(super) fn disturbance(&self) -> Option<Disturbance> {
        let (clues, disturbance) = self.disturbing.now.as_ref()?;
        (clues == self.looking.clues()).then_some(*disturbance)
    }

    /// What the choice comes to for the selected cell.
    fn chosen_disturbance(&self) -> DisturbanceKind {
        let cell = self.view.selected as u16;
        let d = &self.disturbing;
        match d.what {
            What::Answer => DisturbanceKind::Answer { cell, digit: self.other_digit() },
            What::State => DisturbanceKind::State(cell),
            What::Noise => DisturbanceKind::Noise(if d.share > 0.0 { d.share } else { SHARE }),
        }
    }

    /// The digit that is chosen, or else another one than the selected cell has at the cursor.
    fn other_digit(&self) -> u8 {
        let side = self.looking.clues().shape().side() as u8;
        if (1..=side).contains(&self.disturbing.digit) {
            return self.disturbing.digit;
        }
        let frame = self.looking.frame(self.view.cursor());
        let now = frame.and_then(|f| f.digits.get(self.view.selected)).copied().unwrap_or(0);
        now % side.max(1) + 1
    }

    /// Disturbs the pass after the iteration at the cursor, and runs it again.
    pub(super) fn disturb_here(&mut self) {
        let after = self.view.cursor();
        if after == 0 {
            self.toasts.error("Go to an iteration first: a disturbance comes after one.".into(), self.now);
            return;
        }
        let trace = &self.looking.trace;
        if self.looking.disturbance.is_none() && self.looking.last() > 0 {
            self.disturbing.undisturbed = Some(Undisturbed {
                clues: trace.puzzle.clues.clone(),
                step: trace.step,
                model: trace.model.clone(),
                interventions: trace.interventions,
                digits: trace.frames.iter().map(|f| f.digits.clone()).collect(),
            });
        }
        let disturbance = Disturbance { after, kind: self.chosen_disturbance() };
        self.disturbing.now = Some((self.looking.clues().clone(), disturbance));
        self.iterations = self.iterations.max(after + self.trained()).min(super::app::MOST_ITERATIONS);
        self.view.playing = false;
        self.ask_soon();
    }

    /// Takes the disturbance away, and runs the pass again.
    pub(super) fn disturb_no_more(&mut self) {
        self.disturbing.now = None;
        self.ask_soon();
    }

    /// The choice, and what came of it.
    pub(super) fn disturbing_panel(&mut self, ui: &mut Ui) {
        ui.separator();
        ui.label(RichText::new("Disturb on the way").strong())
            .on_hover_text("Changes something once, after the iteration at the cursor, and goes on from there: does the board recover? Page “over boards” measures it.");
        let side = self.looking.clues().shape().side() as u8;
        let (mut digit, after) = (self.other_digit(), self.view.cursor());
        ui.horizontal_wrapped(|ui| {
            let d = &mut self.disturbing;
            ComboBox::from_id_salt("what is disturbed")
                .selected_text(d.what.name())
                .show_ui(ui, |ui| {
                    for what in What::ALL {
                        ui.selectable_value(&mut d.what, what, what.name()).on_hover_text(what.explain());
                    }
                })
                .response
                .on_hover_text(d.what.explain());
            match d.what {
                What::Answer => {
                    if ui
                        .add(DragValue::new(&mut digit).range(1..=side).prefix("becomes "))
                        .on_hover_text("The digit that is fed back for this cell, once.")
                        .changed()
                    {
                        d.digit = digit;
                    }
                }
                What::State => {
                    ui.label("becomes zero");
                }
                What::Noise => {
                    let mut share = if d.share > 0.0 { d.share } else { SHARE };
                    if ui
                        .add(DragValue::new(&mut share).range(0.01..=100.0).speed(0.01).prefix("noise "))
                        .on_hover_text("Size of the noise, as a share of the state's root mean square.")
                        .changed()
                    {
                        d.share = share;
                    }
                }
            }
        });
        // Its weights are gone: the pass would be another model's.
        let gone = self.step_shown().is_some();
        let there = !gone && self.subject_shape() == Some(self.looking.clues().shape());
        ui.horizontal_wrapped(|ui| {
            let text = if after == 0 {
                "Disturb here".to_owned()
            } else {
                format!("Disturb after iteration {}", thousands(after.into()))
            };
            let button = ui.add_enabled(there && after > 0, Button::new(text));
            let hover = "Runs the pass again with the change after the iteration at the cursor. The timeline marks it.";
            let why = match (gone, there) {
                (true, _) => "The weights of a recorded step are gone. Look at a model first.",
                (false, true) => "Go to an iteration first.",
                (false, false) => "Open a model for this board first.",
            };
            if button.on_hover_text(hover).on_disabled_hover_text(why).clicked() {
                self.disturb_here();
            }
            if self.disturbance().is_some()
                && !gone
                && ui.button("Take it away").on_hover_text("Runs the pass again without the disturbance.").clicked()
            {
                self.disturb_no_more();
            }
        });
        if let Some(disturbance) = self.looking.disturbance {
            let text = capital(&self.disturbance_words(disturbance));
            ui.label(RichText::new(format!("{text}.")).small());
            if let Some(words) = self.recovery_words(disturbance) {
                ui.label(RichText::new(words).small())
                    .on_hover_text("Against the undisturbed pass that was on screen before.");
            }
        }
    }

    /// “3 fed back as the answer of row 1 column 2 after iteration 16”.
    fn disturbance_words(&self, disturbance: Disturbance) -> String {
        let place = |cell: u16| place(self.looking.clues().shape(), cell.into());
        let what = match disturbance.kind {
            DisturbanceKind::Noise(share) => format!("noise of {:.0} % on the state", 100.0 * share),
            DisturbanceKind::Answer { cell, digit } => format!("{digit} fed back as the answer of {}", place(cell)),
            DisturbanceKind::State(cell) => format!("the state of {} set to zero", place(cell)),
            DisturbanceKind::Answers(n) => format!("other answers fed back for {}", count(n as usize, "cell", "cells")),
            DisturbanceKind::States(n) => format!("states of {} set to zero", count(n as usize, "cell", "cells")),
        };
        format!("{what} after iteration {}", thousands(disturbance.after.into()))
    }

    /// Cells that differ from the undisturbed pass after an iteration; nothing where that is not known.
    fn unlike(&self, iteration: u32) -> Option<usize> {
        let trace = &self.looking.trace;
        let before = self.disturbing.undisturbed.as_ref().filter(|u| {
            u.clues == trace.puzzle.clues && u.step == trace.step && u.interventions == trace.interventions
        })?;
        // Another model has another name before the disturbance's words.
        let rest = trace.model.strip_prefix(before.model.as_str())?;
        if !(rest.is_empty() || rest.starts_with(", ")) {
            return None;
        }
        let digits = before.digits.get((iteration as usize).checked_sub(1)?)?;
        let frame = self.looking.frame(iteration)?;
        Some(digits.iter().zip(&frame.digits).filter(|(a, b)| a != b).count())
    }

    /// Whether the pass is back at the answer of the undisturbed one.
    fn recovery_words(&self, disturbance: Disturbance) -> Option<String> {
        let since = disturbance.after + 1..=self.looking.last();
        let known: Vec<(u32, usize)> = since.filter_map(|t| Some((t, self.unlike(t)?))).collect();
        let (end, _) = *known.last()?;
        let mut text = match known.iter().rfind(|(_, unlike)| *unlike > 0) {
            None => "No answer changed because of it".to_owned(),
            Some((last, unlike)) if *last == end => {
                format!("{} still differ after iteration {}", count(*unlike, "cell", "cells"), thousands(end.into()))
            }
            Some((last, _)) => {
                format!("The answer is that of the undisturbed pass from iteration {} on", thousands((last + 1).into()))
            }
        };
        let most = known.iter().map(|(_, unlike)| *unlike).max().unwrap_or(0);
        if most > 0 {
            text += &format!("; at most {} differed", count(most, "cell", "cells"));
        }
        if let Some(now) = self.unlike(self.view.cursor()).filter(|_| self.view.cursor() > disturbance.after) {
            text += &format!(", {now} at the cursor");
        }
        Some(text + ".")
    }

    /// The name of the pass that is asked for: a disturbed one is not mistaken for the model's own.
    pub(super) fn pass_name(&self) -> String {
        match self.disturbance() {
            Some(disturbance) => format!("{}, {}", self.subject_name(), self.disturbance_words(disturbance)),
            None => self.subject_name(),
        }
    }

    /// The mark of the disturbance on the timeline.
    pub(super) fn disturbance_mark(
        &mut self,
        ui: &Ui,
        painter: &egui::Painter,
        rect: Rect,
        x: impl Fn(f64) -> f32,
        p: &Palette,
    ) {
        let Some(disturbance) = self.looking.disturbance else { return };
        // Between the iteration and the next.
        let at = x(f64::from(disturbance.after) + 0.5);
        painter.extend(Shape::dashed_line(
            &[pos2(at, rect.top() - 4.0), pos2(at, rect.bottom())],
            Stroke::new(1.5, p.wrong),
            2.0,
            2.0,
        ));
        let centre = pos2(at, rect.top() - 10.0);
        let bolt = [vec2(2.5, -8.0), vec2(-3.0, 1.0), vec2(2.5, -1.0), vec2(-2.0, 8.0)].map(|v| centre + v);
        painter.add(Shape::line(bolt.into(), Stroke::new(2.0, p.wrong)));
        let text = self.disturbance_words(disturbance);
        let area = Rect::from_center_size(centre, vec2(16.0, 20.0));
        let response = ui.interact(area, ui.scope_id().with("disturbance"), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
        if response.clicked() {
            self.view.playing = false;
            self.go_to(disturbance.after);
        }
        response.on_hover_text(capital(&text));
    }
}

/// “row 1 column 2”.
fn place(shape: Board, cell: usize) -> String {
    format!("row {} column {}", shape.row_of(cell) + 1, shape.col_of(cell) + 1)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
