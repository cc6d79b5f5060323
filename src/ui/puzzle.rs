//! The puzzle: made, pasted or typed, checked, and what is wrong with it.

use eframe::egui::{self, DragValue, Event, Key, RichText, TextEdit, Ui};

use super::Action;
use super::app::{Lab, NARROW};
use super::explain::{Explained as _, Figure};
use super::files::Done;
use super::icons::{self, Icon};
use super::looking::Looking;
use super::theme::Palette;
use super::undo::Edit;
use super::words::count;
use crate::engine::protocol::{ModelSource, Subject};
use crate::tasks::sudoku::{Conflict, GenerateSpec, Generator, Grid, Puzzle, PuzzleError, Shape, parse_partial};

/// What is known of the puzzle on screen.
#[derive(Default)]
pub(super) struct PuzzleState {
    /// Whether the user made it.
    pub own: bool,
    /// Text typed or pasted into the field.
    text: String,
    seed: u64,
    conflicts: Vec<Conflict>,
    /// No solution, or a text that is no puzzle: sentence, and more on hover.
    problem: Option<(String, String)>,
    /// Two solutions, where there is more than one.
    pub two: Option<(Grid, Grid)>,
    generating: bool,
    /// Whether the one that is being made fits other weights, which is no edit of the user's.
    fitting: bool,
}

impl PuzzleState {
    /// Cells to outline.
    pub fn marked(&self) -> Vec<usize> {
        self.conflicts.iter().flat_map(|c| c.cells.clone()).collect()
    }

    /// What is wrong, in a sentence, and more of it for hover.
    pub fn problem(&self) -> Option<(String, String)> {
        if let Some(first) = self.conflicts.first() {
            let more = self.conflicts.len() - 1;
            let tail = if more > 0 {
                format!(", and {}", count(more, "more conflict", "more conflicts"))
            } else {
                String::new()
            };
            let all: Vec<String> = self.conflicts.iter().map(|c| format!("{c}.")).collect();
            return Some((
                format!("{first}{tail}. A digit may stand only once in a row, a column or a box."),
                all.join("\n"),
            ));
        }
        self.problem.clone()
    }

    /// Another puzzle came: nothing is known of it.
    pub fn forget(&mut self) {
        self.conflicts.clear();
        self.problem = None;
        self.two = None;
    }
}

impl Lab {
    /// Shows a puzzle and asks the model, keeping the one before for undo.
    pub(super) fn replace_puzzle(&mut self, clues: Grid) {
        self.puzzle.own = true;
        self.remember();
        self.set_puzzle(Puzzle::unchecked(clues), None);
    }

    /// Keeps the puzzle on screen for undo.
    pub(super) fn remember(&mut self) {
        self.undo.note(Edit::Puzzle(self.looking.clues().clone()));
    }

    /// `stay`: the iteration to look at again once the new answer is there.
    pub(super) fn set_puzzle(&mut self, puzzle: Puzzle, stay: Option<u32>) {
        self.asks.forget();
        let trained = self.subject_trained();
        self.looking = Looking::blank(puzzle, trained);
        self.puzzle.forget();
        self.view.set_cursor(0);
        self.asks.reach = stay;
        if stay.is_none() {
            self.view.playing = true;
        }
        self.check_puzzle();
        self.ask_soon();
    }

    /// Looks for conflicts at once and for solutions on a thread.
    pub(super) fn check_puzzle(&mut self) {
        let clues = self.looking.clues().clone();
        self.puzzle.conflicts = clues.conflicts();
        if !self.puzzle.conflicts.is_empty() || self.looking.trace.puzzle.solution.is_some() {
            return;
        }
        self.jobs.run(move || {
            let result = Puzzle::checked(clues.clone());
            Some(Done::Checked { clues, result })
        });
    }

    /// The solver is done.
    pub(super) fn checked(&mut self, clues: &Grid, result: Result<Puzzle, PuzzleError>) {
        if clues != self.looking.clues() {
            return;
        }
        match result {
            Ok(puzzle) => self.looking.solved_by(puzzle.solution),
            Err(error) => {
                let whole = error.to_string();
                if let PuzzleError::SeveralSolutions { first, second, cells, .. } = &error {
                    let read = |line: &str| {
                        let cells = line.bytes().map(|b| b.saturating_sub(b'0')).collect();
                        Grid::new(clues.shape(), cells).ok()
                    };
                    self.puzzle.two = read(first).zip(read(second));
                    let n = count(cells.len(), "cell", "cells");
                    self.puzzle.problem = Some((
                        format!("More than one solution: two of them differ in {n}, marked on the board. Add clues."),
                        whole,
                    ));
                } else {
                    self.puzzle.problem = Some((whole.clone(), whole));
                }
            }
        }
    }

    /// Why the weights in view cannot take this puzzle, and which would.
    pub(super) fn wrong_size(&self) -> Option<String> {
        let (have, want) = (self.looking.clues().shape(), self.subject_shape()?);
        if have == want {
            return None;
        }
        let name = match self.view.subject {
            Subject::Opened => self.model.card.as_ref().map(|c| c.name.clone()),
            Subject::Training => self.training.config.as_ref().map(|c| c.name.clone()),
            Subject::Other => self.comparing.card().map(|c| c.name.clone()),
        }
        .unwrap_or_default();
        let fitting = match self.shipped.iter().find(|s| s.card.config.shape() == have) {
            Some(s) => format!("The shipped model {} would fit.", s.title),
            None => "Open a model for that board, or train one.".into(),
        };
        Some(format!("This puzzle is {have}; {name} plays on {want}. {fitting}"))
    }

    /// Asks for a new puzzle of the board in view.
    pub(super) fn generate(&mut self) {
        let shape = self.subject_shape().unwrap_or(self.looking.clues().shape());
        self.puzzle.generating = true;
        self.puzzle.fitting = false;
        let seed = self.puzzle.seed;
        self.jobs.run(move || {
            let spec = GenerateSpec::usual(shape);
            let made = spec.validate().map_err(|e| e.to_string()).map(|()| Generator::new(spec, seed).puzzle(0));
            Some(Done::Generated(made))
        });
    }

    /// The same, because the weights in view play on another board.
    pub(super) fn generate_fitting(&mut self) {
        self.generate();
        self.puzzle.fitting = true;
    }

    /// A new puzzle is there.
    pub(super) fn generated(&mut self, puzzle: Puzzle) {
        self.puzzle.generating = false;
        self.puzzle.seed = self.puzzle.seed.wrapping_add(1);
        self.puzzle.own = false;
        self.view.editing = false;
        if !self.puzzle.fitting {
            self.remember();
        }
        self.set_puzzle(puzzle, None);
    }

    /// Reads a puzzle from text. What can be read is shown, with what is wrong with the rest.
    pub(super) fn paste(&mut self, text: &str) {
        let (grid, errors) = parse_partial(text);
        let many: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let wrong_length = errors
            .iter()
            .any(|e| matches!(e, PuzzleError::WrongLength { .. } | PuzzleError::RaggedRow { .. } | PuzzleError::Empty));
        // A text of the wrong length is a slip of the mouse more often than a puzzle: the board stays.
        let read = grid.is_some();
        let grid = grid.filter(|_| !wrong_length);
        if let Some(grid) = grid {
            self.replace_puzzle(grid);
        }
        let real = |e: &&PuzzleError| !matches!(e, PuzzleError::Duplicate { .. });
        // The length first: what else is odd about a text that is no board matters less.
        let length = |e: &&PuzzleError| matches!(e, PuzzleError::WrongLength { .. } | PuzzleError::RaggedRow { .. });
        let nothing = (errors.is_empty() && !read).then_some(PuzzleError::Empty);
        if let Some(first) = errors.iter().find(length).or(errors.iter().find(real)).or(nothing.as_ref()) {
            let message = format!("The text was not taken as it is. {first}");
            self.puzzle.problem = Some((message.clone(), many.join("\n")));
            self.toasts.error(message, self.now);
        }
    }

    /// Takes all clues away.
    pub(super) fn clear_puzzle(&mut self) {
        let shape: Shape = self.subject_shape().unwrap_or(self.looking.clues().shape());
        self.view.editing = true;
        self.replace_puzzle(Grid::empty(shape));
    }

    /// Sets or clears the clue of the selected cell.
    fn type_digit(&mut self, digit: u8) {
        let cell = self.view.selected;
        if self.looking.clues().get(cell) == digit {
            return;
        }
        // A digit that this board does not have is ignored, as a letter is.
        if let Ok(grid) = self.looking.clues().with(cell, digit) {
            self.puzzle.own = true;
            let stay = self.asks.reach.unwrap_or(self.view.cursor()).max(self.subject_trained().min(self.iterations));
            self.remember();
            self.view.playing = false;
            self.set_puzzle(Puzzle::unchecked(grid), Some(stay));
        }
    }

    /// Digits, Backspace and pasting, where no text field has the focus.
    pub(super) fn puzzle_keys(&mut self, ctx: &egui::Context, on_board: bool) {
        let mut typed = None;
        let mut pasted = None;
        ctx.input(|i| {
            for event in &i.events {
                match event {
                    Event::Text(t) => typed = t.chars().next().and_then(|c| c.to_digit(10)).map(|d| d as u8).or(typed),
                    Event::Key { key: Key::Backspace | Key::Delete, pressed: true, modifiers, .. }
                        if modifiers.is_none() =>
                    {
                        typed = Some(0)
                    }
                    Event::Paste(text) => pasted = Some(text.clone()),
                    _ => {}
                }
            }
        });
        if let Some(text) = pasted {
            self.paste(&text);
        } else if let Some(digit) = typed.filter(|_| on_board || self.view.editing) {
            self.view.editing = true;
            self.type_digit(digit);
        }
    }

    /// The puzzle's part of the left side.
    pub(super) fn puzzle_panel(&mut self, ui: &mut Ui) {
        let clues = self.looking.clues().clone();
        ui.horizontal(|ui| {
            // In the wide window the tab says it.
            if ui.ctx().content_rect().width() < NARROW {
                ui.label(RichText::new("Puzzle").strong());
            }
            ui.label(
                RichText::new(format!("{}, {}", clues.shape(), count(clues.clues(), "clue", "clues"))).small().weak(),
            )
            .explained(Figure::Clues);
        });
        ui.horizontal_wrapped(|ui| {
            let new = egui::Button::new("New");
            if ui.add_enabled(!self.puzzle.generating, new).on_hover_text(Action::NewPuzzle.tooltip(ui.ctx())).clicked()
            {
                self.act(Action::NewPuzzle, ui.ctx());
            }
            let label = ui.label(RichText::new("seed").small());
            ui.add(DragValue::new(&mut self.puzzle.seed).speed(0.1))
                .on_hover_text("The same seed makes the same puzzle. It counts up with each.")
                .labelled_by(label.id);
            if ui.selectable_label(self.view.editing, "Edit").on_hover_text(Action::Edit.tooltip(ui.ctx())).clicked() {
                self.act(Action::Edit, ui.ctx());
                let id = self.cell_id(self.view.selected);
                ui.memory_mut(|m| m.request_focus(id));
            }
            if ui.button("Clear").on_hover_text(Action::ClearPuzzle.tooltip(ui.ctx())).clicked() {
                self.act(Action::ClearPuzzle, ui.ctx());
            }
            for (icon, some, action) in
                [(Icon::Undo, self.undo.next(false), Action::Undo), (Icon::Redo, self.undo.next(true), Action::Redo)]
            {
                let next = some.map_or_else(String::new, |what| format!(" Next: {what}."));
                let hover = action.tooltip(ui.ctx()) + &next;
                if icons::toggle(ui, icon, false, some.is_some(), action.text(), &hover).clicked() {
                    self.act(action, ui.ctx());
                }
            }
        });
        if self.view.editing {
            ui.label(RichText::new("Select a cell and type a digit; Backspace clears it.").small().weak());
        }
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.puzzle.text)
                .hint_text("type or paste a puzzle")
                .desired_width(ui.available_width() - 112.0);
            let field = ui
                .add(field)
                .on_hover_text(
                    "16, 36 or 81 digits, with a point, 0 or _ for a blank; over several lines and with bars as well.",
                )
                .accessible_name("puzzle as text");
            let enter = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
            if (ui.button("Use").on_hover_text("Puts this text on the board.").clicked() || enter)
                && !self.puzzle.text.trim().is_empty()
            {
                let text = std::mem::take(&mut self.puzzle.text);
                self.paste(&text);
            }
            if ui.button("Copy").on_hover_text(Action::CopyPuzzle.tooltip(ui.ctx())).clicked() {
                self.act(Action::CopyPuzzle, ui.ctx());
            }
        });
        self.puzzle_problems(ui);
    }

    fn puzzle_problems(&mut self, ui: &mut Ui) {
        let p = Palette::of(ui);
        if let Some((text, hover)) = self.puzzle.problem() {
            ui.label(RichText::new(text).small().color(p.wrong)).on_hover_text(hover);
        }
        if let Some(text) = self.wrong_size() {
            ui.label(RichText::new(text).small().color(p.wrong));
            let have = self.looking.clues().shape();
            let fitting =
                self.shipped.iter().find(|s| s.card.config.shape() == have).map(|s| (s.title.clone(), s.name.clone()));
            if let Some((title, name)) = fitting
                && ui.button(format!("Open {title}")).clicked()
            {
                self.choose_model(ModelSource::Shipped(name));
            }
        }
    }
}
