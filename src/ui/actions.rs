//! Every command once: its words, its sentence, its keys. Menus, tooltips, keys and the list of
//! commands all read this.

use eframe::egui::{self, Key, KeyboardShortcut, Modifiers, RichText};

use super::app::{Lab, MOST_ITERATIONS};
use super::files::{self, MODELS, TRACES};
use super::view::{ColourMode, Looping, SPEEDS};
use super::words::thousands;
use crate::engine::protocol::Command;

/// Something one can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`text` and `hover` say it in words")]
pub enum Action {
    PlayPause,
    Next,
    Previous,
    NextTen,
    PreviousTen,
    First,
    Last,
    Faster,
    Slower,
    Follow,
    Loop,
    LoopStart,
    LoopEnd,
    RunTrained,
    RunFourfold,
    RunSixteenfold,
    CellUp,
    CellDown,
    CellLeft,
    CellRight,
    NextColour,
    Attention,
    Edit,
    NewPuzzle,
    ClearPuzzle,
    Undo,
    Redo,
    CopyPuzzle,
    OpenModel,
    OpenTrace,
    SaveTrace,
    TrainStart,
    TrainStep,
    TrainReset,
    ResumeRun,
    ToggleTheme,
    Log,
    Help,
}

impl Action {
    /// All, in the order of the list of commands.
    pub const ALL: [Self; 38] = [
        Self::PlayPause,
        Self::Next,
        Self::Previous,
        Self::NextTen,
        Self::PreviousTen,
        Self::First,
        Self::Last,
        Self::Faster,
        Self::Slower,
        Self::Follow,
        Self::Loop,
        Self::LoopStart,
        Self::LoopEnd,
        Self::RunTrained,
        Self::RunFourfold,
        Self::RunSixteenfold,
        Self::CellUp,
        Self::CellDown,
        Self::CellLeft,
        Self::CellRight,
        Self::NextColour,
        Self::Attention,
        Self::Edit,
        Self::NewPuzzle,
        Self::ClearPuzzle,
        Self::Undo,
        Self::Redo,
        Self::CopyPuzzle,
        Self::OpenModel,
        Self::OpenTrace,
        Self::SaveTrace,
        Self::TrainStart,
        Self::TrainStep,
        Self::TrainReset,
        Self::ResumeRun,
        Self::ToggleTheme,
        Self::Log,
        Self::Help,
    ];

    /// In a few words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::PlayPause => "play or pause",
            Self::Next => "next iteration",
            Self::Previous => "previous iteration",
            Self::NextTen => "ten iterations on",
            Self::PreviousTen => "ten iterations back",
            Self::First => "first iteration",
            Self::Last => "last iteration",
            Self::Faster => "play faster",
            Self::Slower => "play slower",
            Self::Follow => "follow the newest iteration",
            Self::Loop => "repeat",
            Self::LoopStart => "repeat from here",
            Self::LoopEnd => "repeat up to here",
            Self::RunTrained => "run the trained iterations",
            Self::RunFourfold => "run four times as many",
            Self::RunSixteenfold => "run sixteen times as many",
            Self::CellUp => "cell above",
            Self::CellDown => "cell below",
            Self::CellLeft => "cell to the left",
            Self::CellRight => "cell to the right",
            Self::NextColour => "next colours",
            Self::Attention => "show attention",
            Self::Edit => "edit the puzzle",
            Self::NewPuzzle => "new puzzle",
            Self::ClearPuzzle => "clear the puzzle",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::CopyPuzzle => "copy the puzzle",
            Self::OpenModel => "open weights",
            Self::OpenTrace => "open a recorded trace",
            Self::SaveTrace => "save the trace",
            Self::TrainStart => "start or pause training",
            Self::TrainStep => "one training step",
            Self::TrainReset => "throw the training away",
            Self::ResumeRun => "go on with the chosen run",
            Self::ToggleTheme => "light or dark",
            Self::Log => "log",
            Self::Help => "commands",
        }
    }

    /// A sentence on what it does.
    #[must_use]
    pub fn hover(self) -> &'static str {
        match self {
            Self::PlayPause => "Plays the iterations of this pass, or stands still.",
            Self::Next => "One application of the looped blocks further.",
            Self::Previous => "One application of the looped blocks back.",
            Self::NextTen => "Ten applications further; beyond the recorded ones the engine is asked for more.",
            Self::PreviousTen => "Ten applications back.",
            Self::First => "Back to the clues, before the first iteration.",
            Self::Last => "To the last iteration recorded.",
            Self::Faster => "Doubles the speed, up to 8×.",
            Self::Slower => "Halves the speed, down to a quarter.",
            Self::Follow => "Stays at the newest iteration while more arrive.",
            Self::Loop => "Starts again at the end. With a marked range, repeats that range.",
            Self::LoopStart => "Marks the cursor as the start of the range to repeat.",
            Self::LoopEnd => "Marks the cursor as the end of the range to repeat.",
            Self::RunTrained => "Runs as many iterations as the model was trained with.",
            Self::RunFourfold => "Runs four times the trained iterations: does the answer hold?",
            Self::RunSixteenfold => "Runs sixteen times the trained iterations: does it settle, wander or collapse?",
            Self::CellUp | Self::CellDown | Self::CellLeft | Self::CellRight => {
                "Selects the next cell; without the modifier once the board has the focus."
            }
            Self::NextColour => "Right or wrong, confidence, entropy, flips.",
            Self::Attention => "Shades the cells that the selected cell attends to at this iteration.",
            Self::Edit => "Digits typed on the board change its clues.",
            Self::NewPuzzle => "Makes a new puzzle with exactly one solution for the model's board.",
            Self::ClearPuzzle => "Takes all clues away.",
            Self::Undo => "Takes the last change of the puzzle back.",
            Self::Redo => "Makes it again.",
            Self::CopyPuzzle => "Copies the clues as one line, with a point for a blank.",
            Self::OpenModel => "Opens a safetensors file. It can be dropped on the window as well.",
            Self::OpenTrace => "Opens a recorded trace. It needs no device.",
            Self::SaveTrace => "Saves this pass, all its iterations, to a file.",
            Self::TrainStart => "Trains the chosen preset, or pauses after the step under way.",
            Self::TrainStep => "Makes one update of the weights.",
            Self::TrainReset => "Throws the weights in training away. A run folder keeps its files.",
            Self::ResumeRun => "Goes on from the last checkpoint of the chosen run folder.",
            Self::ToggleTheme => "Light or dark. Follows the system until you choose.",
            Self::Log => "Every message since the window opened.",
            Self::Help => "Every command with its keys.",
        }
    }

    /// Its keys. Keys without a modifier do nothing while a text field has the focus.
    #[must_use]
    pub fn keys(self) -> Vec<KeyboardShortcut> {
        const NONE: Modifiers = Modifiers::NONE;
        const SHIFT: Modifiers = Modifiers::SHIFT;
        const COMMAND: Modifiers = Modifiers::COMMAND;
        const ALT: Modifiers = Modifiers::ALT;
        let keys: &[(Modifiers, Key)] = match self {
            Self::PlayPause => &[(NONE, Key::Space)],
            Self::Next => &[(NONE, Key::ArrowRight), (NONE, Key::Period)],
            Self::Previous => &[(NONE, Key::ArrowLeft), (NONE, Key::Comma)],
            Self::NextTen => &[(SHIFT, Key::ArrowRight)],
            Self::PreviousTen => &[(SHIFT, Key::ArrowLeft)],
            Self::First => &[(NONE, Key::Home)],
            Self::Last => &[(NONE, Key::End)],
            Self::Faster => &[(NONE, Key::Plus), (NONE, Key::Equals)],
            Self::Slower => &[(NONE, Key::Minus)],
            Self::Follow => &[(SHIFT, Key::End)],
            Self::Loop => &[(NONE, Key::L)],
            Self::LoopStart => &[(NONE, Key::OpenBracket)],
            Self::LoopEnd => &[(NONE, Key::CloseBracket)],
            Self::RunTrained => &[(ALT, Key::Num1)],
            Self::RunFourfold => &[(ALT, Key::Num4)],
            Self::RunSixteenfold => &[(ALT, Key::Num6)],
            Self::CellUp => &[(ALT, Key::ArrowUp)],
            Self::CellDown => &[(ALT, Key::ArrowDown)],
            Self::CellLeft => &[(ALT, Key::ArrowLeft)],
            Self::CellRight => &[(ALT, Key::ArrowRight)],
            Self::NextColour => &[(NONE, Key::C)],
            Self::Attention => &[(NONE, Key::A)],
            Self::Edit => &[(NONE, Key::E)],
            Self::NewPuzzle => &[(COMMAND, Key::N)],
            Self::ClearPuzzle => &[(COMMAND, Key::Backspace)],
            Self::Undo => &[(COMMAND, Key::Z)],
            Self::Redo => &[(COMMAND, Key::Y)],
            Self::CopyPuzzle => &[(Modifiers { shift: true, ..COMMAND }, Key::P)],
            Self::OpenModel => &[(COMMAND, Key::O)],
            Self::OpenTrace => &[(Modifiers { shift: true, ..COMMAND }, Key::O)],
            Self::SaveTrace => &[(COMMAND, Key::S)],
            Self::TrainStart => &[(NONE, Key::T)],
            Self::TrainStep => &[(NONE, Key::S)],
            Self::TrainReset | Self::ResumeRun | Self::ToggleTheme => &[],
            Self::Log => &[(NONE, Key::F12)],
            Self::Help => &[(NONE, Key::F1), (NONE, Key::Questionmark)],
        };
        keys.iter().map(|(m, k)| KeyboardShortcut::new(*m, *k)).collect()
    }

    /// The sentence and the first key, for a tooltip.
    #[must_use]
    pub fn tooltip(self, ctx: &egui::Context) -> String {
        match self.keys().first() {
            Some(key) => format!("{} ({})", self.hover(), key_name(ctx, key)),
            None => self.hover().into(),
        }
    }
}

/// Modifiers in words: no font here has the symbols.
fn key_name(ctx: &egui::Context, key: &KeyboardShortcut) -> String {
    let mut out = String::new();
    let m = key.modifiers;
    if m.command {
        out += if matches!(ctx.os(), egui::os::OperatingSystem::Mac) { "Cmd+" } else { "Ctrl+" };
    }
    if m.alt {
        out += "Alt+";
    }
    if m.shift {
        out += "Shift+";
    }
    out += match key.logical_key {
        Key::ArrowLeft => "Left",
        Key::ArrowRight => "Right",
        Key::ArrowUp => "Up",
        Key::ArrowDown => "Down",
        Key::Comma => ",",
        Key::Period => ".",
        Key::Plus => "+",
        Key::Equals => "=",
        Key::Minus => "-",
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::Questionmark => "?",
        other => other.name(),
    };
    out
}

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
                self.view.colour = ColourMode::ALL[(i + 1) % ColourMode::ALL.len()];
            }
            Action::Attention => self.view.attention.shown = !self.view.attention.shown,
            Action::Edit => self.view.editing = !self.view.editing,
            Action::NewPuzzle => self.generate(),
            Action::ClearPuzzle => self.clear_puzzle(),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::CopyPuzzle => {
                ctx.copy_text(self.looking.clues().to_line());
                self.toasts.info("The puzzle was copied as one line.".into(), self.now);
            }
            Action::OpenModel => self.jobs.open("Open weights", MODELS, files::Done::Model),
            Action::OpenTrace => self.jobs.open("Open a recorded trace", TRACES, files::read_trace),
            Action::SaveTrace => self.save_trace(),
            Action::TrainStart => self.train_start_or_pause(),
            Action::TrainStep => self.train_start(Some(1)),
            Action::TrainReset => self.train_reset(),
            Action::ResumeRun => self.train_prepare(None),
            Action::ToggleTheme => {
                let dark = ctx.theme() == egui::Theme::Dark;
                ctx.set_theme(if dark { egui::Theme::Light } else { egui::Theme::Dark });
            }
            Action::Log => self.view.log = !self.view.log,
            Action::Help => self.view.help = !self.view.help,
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
            // A question mark and a plus need Shift on most keyboards.
            let hit = if matches!(key.logical_key, Key::Questionmark | Key::Plus) {
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

    /// The list of commands.
    pub(super) fn help_window(&mut self, ctx: &egui::Context) {
        let mut open = self.view.help;
        let mut chosen = None;
        let width = (ctx.content_rect().width() - 24.0).min(820.0);
        let wide = width > 700.0;
        egui::Window::new("Commands").open(&mut open).anchor(egui::Align2::CENTER_CENTER, [0.0, 0.0]).default_size([width, ctx.content_rect().height() - 90.0]).collapsible(false).vscroll(true).show(
            ctx,
            |ui| {
                egui::Grid::new("commands").num_columns(if wide { 3 } else { 2 }).striped(true).show(ui, |ui| {
                    for action in Action::ALL {
                        if ui.button(action.text()).on_hover_text(action.hover()).clicked() {
                            chosen = Some(action);
                        }
                        let keys: Vec<String> = action.keys().iter().map(|k| key_name(ctx, k)).collect();
                        ui.label(RichText::new(keys.join("  or  ")).monospace().weak());
                        if wide {
                            ui.label(RichText::new(action.hover()).small());
                        }
                        ui.end_row();
                    }
                });
                ui.label(
                    "With the board in focus: arrows select, digits set a clue, Backspace clears it, Ctrl+V pastes a puzzle, Escape leaves the board.",
                );
            },
        );
        self.view.help = open && self.view.help;
        if let Some(action) = chosen {
            self.act(action, ctx);
        }
    }

    /// Throws the training away.
    fn train_reset(&mut self) {
        self.link.send(Command::Discard);
        self.training.discard();
        self.asks.forget();
        self.view.subject = crate::engine::protocol::Subject::Opened;
        self.fit_puzzle();
        self.ask_soon();
    }
}
