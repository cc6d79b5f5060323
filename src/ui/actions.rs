//! Every command once: its words, its sentence, its keys. Menus, tooltips, keys and the list of
//! commands all read this.

use eframe::egui::{self, Key, KeyboardShortcut, Modifiers};

use super::dock::Pane;
use super::view::ColourMode;

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
    PreviousStep,
    NextStep,
    NewestStep,
    CellUp,
    CellDown,
    CellLeft,
    CellRight,
    NextColour,
    Attention,
    NextPlots,
    Compare,
    NextSide,
    Edit,
    NewPuzzle,
    ClearPuzzle,
    Undo,
    Redo,
    CopyPuzzle,
    OpenModel,
    OpenTrace,
    SaveTrace,
    OpenTraining,
    SaveTraining,
    SaveModel,
    SaveData,
    SaveFigure,
    SavePicture,
    CopyLink,
    TrainStart,
    TrainStep,
    TrainReset,
    ResumeRun,
    Runs,
    SelfTest,
    ToggleTheme,
    Log,
    Help,
    Palette,
    ResetPanels,
    Pane(Pane),
    Colour(ColourMode),
    Model(usize),
    Preset(usize),
}

impl Action {
    /// All that take no choice, in the order of the list of commands. `offers.rs` adds those that do: a panel, a
    /// colour, a model.
    pub const ALL: [Self; 55] = [
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
        Self::PreviousStep,
        Self::NextStep,
        Self::NewestStep,
        Self::CellUp,
        Self::CellDown,
        Self::CellLeft,
        Self::CellRight,
        Self::NextColour,
        Self::Attention,
        Self::NextPlots,
        Self::Compare,
        Self::NextSide,
        Self::Edit,
        Self::NewPuzzle,
        Self::ClearPuzzle,
        Self::Undo,
        Self::Redo,
        Self::CopyPuzzle,
        Self::OpenModel,
        Self::OpenTrace,
        Self::SaveTrace,
        Self::OpenTraining,
        Self::SaveTraining,
        Self::SaveModel,
        Self::SaveData,
        Self::SaveFigure,
        Self::SavePicture,
        Self::CopyLink,
        Self::TrainStart,
        Self::TrainStep,
        Self::TrainReset,
        Self::ResumeRun,
        Self::Runs,
        Self::SelfTest,
        Self::ToggleTheme,
        Self::Log,
        Self::Help,
        Self::Palette,
        Self::ResetPanels,
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
            Self::PreviousStep => "previous recorded step",
            Self::NextStep => "next recorded step",
            Self::NewestStep => "newest training step",
            Self::CellUp => "cell above",
            Self::CellDown => "cell below",
            Self::CellLeft => "cell to the left",
            Self::CellRight => "cell to the right",
            Self::NextColour => "next colours",
            Self::Attention => "show attention",
            Self::NextPlots => "next plots",
            Self::Compare => "compare two models",
            Self::NextSide => "A, B or the difference",
            Self::Edit => "edit the puzzle",
            Self::NewPuzzle => "new puzzle",
            Self::ClearPuzzle => "clear the puzzle",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::CopyPuzzle => "copy the puzzle",
            Self::OpenModel => "open weights",
            Self::OpenTrace => "open a recorded trace",
            Self::SaveTrace => "save the trace",
            Self::OpenTraining => "open a recorded training",
            Self::SaveTraining => "save the recorded training",
            Self::SaveModel => "save the weights",
            Self::SaveData => "save the curves as data",
            Self::SaveFigure => "save the curves as a figure",
            Self::SavePicture => "save the curves as a picture",
            Self::CopyLink => "copy the link",
            Self::TrainStart => "start or pause training",
            Self::TrainStep => "one training step",
            Self::TrainReset => "throw the training away",
            Self::Runs => "runs",
            Self::SelfTest => "test the device",
            Self::ResumeRun => "go on with the chosen run",
            Self::ToggleTheme => "light or dark",
            Self::Log => "log",
            Self::Help => "commands",
            Self::Palette => "find a command",
            Self::ResetPanels => "reset panels",
            Self::Pane(pane) => pane.name(),
            Self::Colour(mode) => mode.name(),
            Self::Model(_) => "open a shipped model",
            Self::Preset(_) => "choose what is trained",
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
            Self::PreviousStep => "The recorded training step before, on the same board and iteration.",
            Self::NextStep => "The recorded training step after, on the same board and iteration.",
            Self::NewestStep => {
                "Back to the weights in training as they are now; of an opened recording, to its last step."
            }
            Self::CellUp | Self::CellDown | Self::CellLeft | Self::CellRight => {
                "Selects the next cell; without the modifier once the board has the focus."
            }
            Self::NextColour => {
                "Right or wrong, confidence, entropy, flips; leading head and halting where there are such."
            }
            Self::Attention => "Shades the cells that the selected cell attends to at this iteration.",
            Self::NextPlots => "Curves over iterations, over training, and what a router does.",
            Self::Compare => {
                "Opens the page on which a second model is chosen for the same board, and what differs is told."
            }
            Self::NextSide => "With two models: the board shows the answers of A, those of B, or where they differ.",
            Self::Edit => "Digits typed on the board change its clues.",
            Self::NewPuzzle => "Makes a new puzzle with exactly one solution for the model's board.",
            Self::ClearPuzzle => "Takes all clues away.",
            Self::Undo => "Takes back the last edit: puzzle, interventions, iterations to run, model or preset.",
            Self::Redo => "Makes the edit again that was taken back.",
            Self::CopyPuzzle => "Copies the clues as one line, with a point for a blank.",
            Self::OpenModel => "Opens a safetensors file. It can be dropped on the window as well.",
            Self::OpenTrace => "Opens a recorded trace, or a recorded training. It needs no device.",
            Self::SaveTrace => "Saves this pass, all its iterations, to a file.",
            Self::OpenTraining => {
                "Opens a recorded training of the 4×4 model that comes with the program: steps and iterations to scrub, without any device."
            }
            Self::SaveTraining => "Saves the recorded steps, all their boards and iterations, to one file.",
            Self::SaveModel => "Saves the weights in view as a safetensors file with their description.",
            Self::SaveData => "The curves of the page of plots in view as a table (CSV).",
            Self::SaveFigure => "The curves of the page of plots in view as a figure (SVG).",
            Self::SavePicture => "The curves of the page of plots in view as a picture (PNG).",
            Self::CopyLink => {
                "Copies a link to what you see: model, puzzle, iteration, interventions. Files of your own are not in it."
            }
            Self::TrainStart => "Trains the chosen preset, or pauses after the step under way.",
            Self::TrainStep => "Makes one update of the weights.",
            Self::TrainReset => "Throws the weights in training away. A run folder keeps its files.",
            Self::Runs => "The runs that are kept here: go on with one, save it as a file, delete it.",
            Self::SelfTest => {
                "Compares the device with the CPU on a tiny network and takes a few training steps on it."
            }
            Self::ResumeRun => "Goes on from the last checkpoint of the chosen run folder.",
            Self::ToggleTheme => "Light or dark. Follows the system until you choose.",
            Self::Log => "Every message since the window opened.",
            Self::Help => "Every command with its keys.",
            Self::Palette => "Finds any command by a few letters of its name, and does it.",
            Self::ResetPanels => "Puts every panel back where it usually is.",
            Self::Pane(pane) => pane.explain(),
            Self::Colour(mode) => mode.explain(),
            Self::Model(_) => "Weights that come with the program.",
            Self::Preset(_) => "What is trained: network, recipe and puzzles.",
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
            Self::PreviousStep => &[(NONE, Key::PageDown)],
            Self::NextStep => &[(NONE, Key::PageUp)],
            Self::NewestStep => &[(SHIFT, Key::PageUp)],
            Self::CellUp => &[(ALT, Key::ArrowUp)],
            Self::CellDown => &[(ALT, Key::ArrowDown)],
            Self::CellLeft => &[(ALT, Key::ArrowLeft)],
            Self::CellRight => &[(ALT, Key::ArrowRight)],
            Self::NextColour => &[(NONE, Key::C)],
            Self::Attention => &[(NONE, Key::A)],
            Self::NextPlots => &[(NONE, Key::P)],
            Self::Compare => &[],
            Self::NextSide => &[(NONE, Key::D)],
            Self::Edit => &[(NONE, Key::E)],
            Self::NewPuzzle => &[(COMMAND, Key::N)],
            Self::ClearPuzzle => &[(COMMAND, Key::Backspace)],
            Self::Undo => &[(COMMAND, Key::Z)],
            Self::Redo => &[(COMMAND, Key::Y)],
            Self::CopyPuzzle => &[(Modifiers { shift: true, ..COMMAND }, Key::P)],
            Self::OpenModel => &[(COMMAND, Key::O)],
            Self::OpenTrace => &[(Modifiers { shift: true, ..COMMAND }, Key::O)],
            Self::SaveTrace => &[(COMMAND, Key::S)],
            Self::SaveModel => &[(Modifiers { shift: true, ..COMMAND }, Key::S)],
            Self::CopyLink => &[(NONE, Key::Y)],
            Self::TrainStart => &[(NONE, Key::T)],
            Self::TrainStep => &[(NONE, Key::S)],
            Self::Runs => &[(NONE, Key::R)],
            Self::SaveData
            | Self::SaveFigure
            | Self::SavePicture
            | Self::OpenTraining
            | Self::SaveTraining
            | Self::TrainReset
            | Self::ResumeRun
            | Self::SelfTest
            | Self::ToggleTheme
            | Self::ResetPanels
            | Self::Pane(_)
            | Self::Colour(_)
            | Self::Model(_)
            | Self::Preset(_) => &[],
            // Browsers keep Ctrl+K for themselves.
            Self::Palette if cfg!(target_family = "wasm") => &[(COMMAND, Key::P), (NONE, Key::Slash)],
            Self::Palette => &[(COMMAND, Key::K), (COMMAND, Key::P), (NONE, Key::Slash)],
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
pub(super) fn key_name(ctx: &egui::Context, key: &KeyboardShortcut) -> String {
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
        Key::PageUp => "Page Up",
        Key::PageDown => "Page Down",
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
        Key::Slash => "/",
        other => other.name(),
    };
    out
}
