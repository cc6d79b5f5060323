//! Doing what a command says, by key, by button or from the list.

use eframe::egui::{self, Key, KeyboardShortcut, Modifiers};

use super::actions::Action;
use super::app::{Lab, MOST_ITERATIONS};
use super::files::{Form, MODELS, TRACES};
use super::plots::PAGES;
use super::undo::Edit;
use super::view::{ColourMode, Looping, Page, PlotPage, SPEEDS};
use super::words::thousands;
use crate::engine::protocol::{Command, ModelSource, Subject};

impl Lab {
    /// Does it.
    pub fn act(&mut self, action: Action, ctx: &egui::Context) {
        let (cursor, last) = (self.view.cursor(), self.looking.last());
        match action {
            Action::PlayPause => {
                self.view.playing = !self.view.playing;
                self.view.follow = false;
                // Play at the end starts again, as people expect of a player.
                if self.view.playing && cursor >= last && self.view.looping == Looping::Off {
                    self.view.set_cursor(0);
                }
            }
            Action::Next => self.step_to(cursor + 1),
            Action::Previous => self.step_to(cursor.saturating_sub(1)),
            Action::NextTen => self.step_to(cursor + 10),
            Action::PreviousTen => self.step_to(cursor.saturating_sub(10)),
            Action::First => self.step_to(0),
            Action::Last => self.step_to(last),
            Action::Faster => self.view.speed = SPEEDS.into_iter().find(|s| *s > self.view.speed).unwrap_or(8.0),
            Action::Slower => self.view.speed = SPEEDS.into_iter().rev().find(|s| *s < self.view.speed).unwrap_or(0.25),
            Action::Follow => self.view.follow = !self.view.follow,
            Action::Loop => {
                self.view.looping = match self.view.looping {
                    Looping::Off => Looping::Whole,
                    Looping::Whole | Looping::Range(_) => Looping::Off,
                }
            }
            Action::LoopStart => {
                let end = if let Looping::Range(r) = &self.view.looping { *r.end() } else { last };
                self.view.looping = Looping::Range(cursor..=end.max(cursor));
            }
            Action::LoopEnd => {
                let start = if let Looping::Range(r) = &self.view.looping { *r.start() } else { 0 };
                self.view.looping = Looping::Range(start.min(cursor)..=cursor);
            }
            Action::RunTrained => self.run(1),
            Action::RunFourfold => self.run(4),
            Action::RunSixteenfold => self.run(16),
            Action::CellUp => self.select_by(-1, 0),
            Action::CellDown => self.select_by(1, 0),
            Action::CellLeft => self.select_by(0, -1),
            Action::CellRight => self.select_by(0, 1),
            Action::NextColour => {
                let i = ColourMode::ALL.iter().position(|m| *m == self.view.colour).unwrap_or(0);
                let first = self.looking.trace.frames.first();
                let mut others = ColourMode::ALL.iter().cycle().skip(i + 1).filter(|m| m.is_in(first));
                self.view.colour = others.next().copied().unwrap_or_default();
            }
            Action::NextPlots => {
                let i = PAGES.iter().position(|(page, ..)| *page == self.view.plots).unwrap_or(0);
                self.view.plots = PAGES[(i + 1) % PAGES.len()].0;
                self.view.page = Page::Plots;
            }
            Action::Compare => {
                self.view.plots = PlotPage::Compare;
                self.view.page = Page::Plots;
            }
            Action::NextSide => self.comparing.side = self.side().next(),
            Action::Attention => {
                self.view.attention.shown = !self.view.attention.shown;
                // Whoever wants to see it wants a pass of the engine's.
                if self.view.attention.shown && self.could_be_live() {
                    self.asks.reach = Some(self.view.cursor()).filter(|t| *t > 0);
                    self.ask_soon();
                }
            }
            Action::Edit => self.view.editing = !self.view.editing,
            Action::NewPuzzle => self.generate(),
            Action::ClearPuzzle => self.clear_puzzle(),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::CopyPuzzle => {
                ctx.copy_text(self.looking.clues().to_line());
                self.toasts.info("The puzzle was copied as one line.".into(), self.now);
            }
            Action::OpenModel => self.jobs.open("Open weights", MODELS),
            Action::OpenTrace => self.jobs.open("Open a recorded trace", TRACES),
            Action::SaveTrace => self.save_trace(),
            Action::SaveModel => self.save_model(),
            Action::SaveData => self.save_plots(Some(Form::Csv)),
            Action::SaveFigure => self.save_plots(Some(Form::Svg)),
            Action::SavePicture => self.save_plots(Form::picture()),
            Action::SaveTraining => self.save_recording(),
            Action::OpenTraining => self.open_shipped_recording(),
            Action::PreviousStep => self.step_by(-1),
            Action::NextStep => self.step_by(1),
            Action::NewestStep => self.newest_step(),
            Action::CopyLink => self.copy_link(ctx),
            Action::TrainStart => self.train_start_or_pause(),
            Action::TrainStep => self.train_start(Some(1)),
            Action::TrainReset => self.train_reset(),
            // Where runs are kept in one place, one is chosen from the list.
            Action::ResumeRun if self.runs.folder().is_some() => self.open_runs(),
            Action::ResumeRun => self.train_prepare(None),
            Action::Runs => self.open_runs(),
            Action::SelfTest => self.self_test(),
            Action::ToggleTheme => {
                let dark = ctx.theme() == egui::Theme::Dark;
                ctx.set_theme(if dark { egui::Theme::Light } else { egui::Theme::Dark });
            }
            Action::Log => self.view.log = !self.view.log,
            Action::Help => self.view.help = !self.view.help,
            Action::Palette => self.finder.toggle(),
            Action::ResetPanels => self.reset_panes(),
            Action::Pane(pane) => self.toggle_pane(pane, ctx),
            Action::Colour(mode) => self.view.colour = mode,
            Action::Model(i) => {
                if let Some(shipped) = self.shipped.get(i) {
                    let source = ModelSource::Shipped(shipped.name.clone());
                    self.puzzle.own = false;
                    self.choose_model(source);
                }
            }
            Action::Preset(i) => {
                if !self.training.exists() && !self.training.is_preparing() {
                    self.undo.note(self.recipe_now());
                    self.training.chosen = i;
                }
            }
        }
        ctx.request_repaint();
    }

    /// A step by hand stops the playback.
    fn step_to(&mut self, iteration: u32) {
        self.view.playing = false;
        self.go_to(iteration);
    }

    /// Runs a multiple of the trained iterations.
    fn run(&mut self, times: u32) {
        self.undo.note(Edit::Iterations(self.iterations));
        self.iterations = self.subject_trained().saturating_mul(times).clamp(1, MOST_ITERATIONS);
        self.ask_soon();
    }

    fn save_trace(&mut self) {
        if self.looking.last() == 0 {
            self.toasts.error("There is no iteration to save yet. Open a model, then let it think.".into(), self.now);
            return;
        }
        let trace = self.looking.trace.clone();
        let name = format!("loopscope-{}.trace", thousands(u64::from(self.looking.last())).replace(',', ""));
        self.jobs.save("Save the trace", name, TRACES, move || Ok(trace.to_bytes()));
    }

    /// Asks the engine for the weights in view as a file.
    fn save_model(&mut self) {
        let there = match self.view.subject {
            Subject::Opened => self.model.card.is_some(),
            Subject::Training => self.training.exists(),
            Subject::Other => self.comparing.card().is_some(),
        };
        if there {
            let (request, subject) = (self.asks.id(), self.view.subject);
            self.link.send(Command::PackModel { request, subject });
        } else {
            self.toasts.error("There are no weights to save yet. Open a model, or train one.".into(), self.now);
        }
    }

    fn self_test(&mut self) {
        let request = self.asks.id();
        self.toasts.info("The device is tested; on a software renderer this takes minutes.".into(), self.now);
        self.link.send(Command::SelfTest { request });
    }

    /// Keys that belong to no widget.
    pub(super) fn keys(&mut self, ctx: &egui::Context) {
        let focused = ctx.memory(|m| m.focused());
        let typing = ctx.text_edit_focused();
        let on_board = focused.is_some() && focused == Some(self.cell_id(self.view.selected));
        // A focused button or slider keeps the keys that work it.
        let free = !typing && (focused.is_none() || on_board || focused == Some(self.timeline_id()));
        // Most modifiers first: egui takes Shift and Left for Left as well.
        let mut all: Vec<(KeyboardShortcut, Action)> =
            Action::ALL.into_iter().flat_map(|a| a.keys().into_iter().map(move |k| (k, a))).collect();
        all.sort_by_key(|(k, _)| {
            let m = k.modifiers;
            std::cmp::Reverse(u8::from(m.command) + u8::from(m.alt) + u8::from(m.shift))
        });
        for (key, action) in all {
            // What is typed into the palette is for the palette.
            if self.finder.is_open() && action != Action::Palette {
                continue;
            }
            let plain = !key.modifiers.command && !key.modifiers.alt;
            let moves = matches!(key.logical_key, Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown);
            // On the board plain arrows move the selection; in a text field undo is the field's own.
            let others = on_board && moves && plain && !key.modifiers.shift;
            if (plain && !free)
                || others
                || (typing && matches!(action, Action::Undo | Action::Redo | Action::ClearPuzzle))
            {
                continue;
            }
            // A question mark, a plus and a slash need Shift on many keyboards.
            let hit = if matches!(key.logical_key, Key::Questionmark | Key::Plus | Key::Slash) {
                ctx.input_mut(|i| {
                    i.consume_key(Modifiers::SHIFT, key.logical_key) || i.consume_key(Modifiers::NONE, key.logical_key)
                })
            } else {
                ctx.input_mut(|i| i.consume_shortcut(&key))
            };
            if hit {
                self.act(action, ctx);
            }
        }
        if !typing {
            self.puzzle_keys(ctx, on_board);
        }
    }

    /// Throws the training away.
    fn train_reset(&mut self) {
        self.link.send(Command::Discard);
        self.training.discard();
        self.steps.discard();
        self.asks.forget();
        self.view.subject = Subject::Opened;
        self.go_on();
    }
}
