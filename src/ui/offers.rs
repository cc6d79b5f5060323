//! The one list of commands as it stands now: menus, palette, keys and the list of commands read it.

use eframe::egui;

use super::Action;
use super::actions::key_name;
use super::app::Lab;
use super::dock::Pane;
use super::files::Form;
use super::view::{ColourMode, Looping};
use crate::config::preset_names;
use crate::engine::protocol::{Subject, TrainingState};

/// What a command is about: a part of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Iterations,
    Board,
    Edit,
    Model,
    Files,
    Training,
    Panels,
    Window,
}

impl Topic {
    /// All, in the order of the menu.
    pub const ALL: [Self; 8] = [
        Self::Iterations,
        Self::Board,
        Self::Edit,
        Self::Model,
        Self::Files,
        Self::Training,
        Self::Panels,
        Self::Window,
    ];

    /// As the menu has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iterations => "Iterations",
            Self::Board => "Board",
            Self::Edit => "Edit",
            Self::Model => "Models",
            Self::Files => "Files",
            Self::Training => "Training",
            Self::Panels => "Panels",
            Self::Window => "Window",
        }
    }
}

/// A command as it is on offer now.
pub(super) struct Offer {
    pub action: Action,
    /// In a few words; no two offers have the same.
    pub text: String,
    /// A sentence on what it does.
    pub hover: String,
    /// Its keys, in words; empty where it has none.
    pub keys: String,
    pub topic: Topic,
    /// Whether what it switches is on.
    pub on: bool,
    /// Why it does nothing now, in a few words.
    pub why_not: Option<String>,
}

impl Action {
    /// The part of the menu it stands in.
    pub(super) fn topic(self) -> Topic {
        match self {
            Self::PlayPause
            | Self::Next
            | Self::Previous
            | Self::NextTen
            | Self::PreviousTen
            | Self::First
            | Self::Last
            | Self::Faster
            | Self::Slower
            | Self::Follow
            | Self::Loop
            | Self::LoopStart
            | Self::LoopEnd
            | Self::RunTrained
            | Self::RunFourfold
            | Self::RunSixteenfold => Topic::Iterations,
            Self::CellUp
            | Self::CellDown
            | Self::CellLeft
            | Self::CellRight
            | Self::NextColour
            | Self::NextSide
            | Self::Attention
            | Self::Colour(_) => Topic::Board,
            Self::Edit | Self::NewPuzzle | Self::ClearPuzzle | Self::Undo | Self::Redo | Self::CopyPuzzle => {
                Topic::Edit
            }
            Self::Model(_) => Topic::Model,
            Self::OpenModel
            | Self::OpenTrace
            | Self::SaveTrace
            | Self::SaveModel
            | Self::SaveData
            | Self::SaveFigure
            | Self::SavePicture
            | Self::OpenTraining
            | Self::SaveTraining
            | Self::CopyLink => Topic::Files,
            Self::TrainStart
            | Self::TrainStep
            | Self::TrainReset
            | Self::ResumeRun
            | Self::Runs
            | Self::PreviousStep
            | Self::NextStep
            | Self::NewestStep
            | Self::Preset(_) => Topic::Training,
            Self::NextPlots | Self::Compare | Self::ResetPanels | Self::Pane(_) => Topic::Panels,
            Self::SelfTest | Self::ToggleTheme | Self::Log | Self::Help | Self::Palette => Topic::Window,
        }
    }
}

impl Lab {
    /// Every command, also those that take a choice, one offer for each.
    pub(super) fn offers(&self, ctx: &egui::Context) -> Vec<Offer> {
        let mut all = Action::ALL.to_vec();
        all.extend(ColourMode::ALL.map(Action::Colour));
        all.extend((0..self.shipped.len()).map(Action::Model));
        all.extend((0..preset_names().len()).map(Action::Preset));
        all.extend(Pane::all().map(Action::Pane));
        all.into_iter().map(|action| self.offer(action, ctx)).collect()
    }

    fn offer(&self, action: Action, ctx: &egui::Context) -> Offer {
        let text = match action {
            Action::Colour(mode) => format!("colours: {}", mode.name()),
            Action::Model(i) => format!("open {}", self.shipped.get(i).map_or("", |s| s.title.as_str())),
            Action::Preset(i) => format!("preset to train: {}", preset_names().get(i).copied().unwrap_or_default()),
            Action::Pane(pane) => format!("panel: {}", pane.name()),
            other => other.text().to_owned(),
        };
        let hover = match action {
            Action::Pane(pane) => format!("{} Closes the panel where it is in front.", pane.explain()),
            Action::Undo | Action::Redo => match self.undo.next(action == Action::Redo) {
                Some(what) => format!("{} Next: {what}.", action.hover()),
                None => action.hover().to_owned(),
            },
            other => other.hover().to_owned(),
        };
        let keys: Vec<String> = action.keys().iter().map(|k| key_name(ctx, k)).collect();
        Offer {
            action,
            text,
            hover,
            keys: keys.join("  or  "),
            topic: action.topic(),
            on: self.is_on(action),
            why_not: self.why_not(action).map(str::to_owned),
        }
    }

    /// Whether what a command switches is on.
    fn is_on(&self, action: Action) -> bool {
        match action {
            Action::PlayPause => self.view.playing,
            Action::Follow => self.view.follow,
            Action::Loop => self.view.looping != Looping::Off,
            Action::Attention => self.view.attention.shown,
            Action::Edit => self.view.editing,
            Action::Log => self.view.log,
            Action::Colour(mode) => self.view.colour == mode,
            Action::Pane(pane) => self.dock.is_open(pane),
            Action::Preset(i) => self.training.chosen == i && !self.training.exists(),
            _ => false,
        }
    }

    /// Why a command does nothing now.
    fn why_not(&self, action: Action) -> Option<&'static str> {
        let empty = self.looking.last() == 0;
        let finished = matches!(self.training.state, Some(TrainingState::Finished));
        let exists = self.training.exists() || self.training.is_preparing();
        let no = |holds: bool, why: &'static str| holds.then_some(why);
        match action {
            Action::Next | Action::Previous | Action::NextTen | Action::PreviousTen | Action::First | Action::Last => {
                no(empty && self.subject_shape().is_none(), "nothing is recorded yet")
            }
            Action::RunTrained | Action::RunFourfold | Action::RunSixteenfold => {
                no(self.subject_shape().is_none(), "no model is open")
            }
            Action::NextSide => no(self.second().is_none(), "there is no second model on this board"),
            Action::Attention => no(self.looking.recorded && !self.could_be_live(), "a recording has no attention"),
            Action::Colour(mode) => {
                no(!mode.is_in(self.looking.trace.frames.first()), "this network has nothing of the kind")
            }
            Action::Undo => no(self.undo.next(false).is_none(), "nothing to take back"),
            Action::Redo => no(self.undo.next(true).is_none(), "nothing was taken back"),
            Action::PreviousStep | Action::NextStep | Action::NewestStep | Action::SaveTraining => {
                no(self.recording().is_none(), "no training step is recorded")
            }
            Action::SaveTrace => no(empty, "there is no iteration yet"),
            Action::SaveModel => {
                let there = match self.view.subject {
                    Subject::Opened => self.model.card.is_some(),
                    Subject::Training => self.training.exists(),
                    Subject::Other => self.comparing.card().is_some(),
                };
                no(!there, "there are no weights yet")
            }
            Action::SavePicture => no(Form::picture().is_none(), "this build draws no pictures"),
            Action::TrainStart => no(finished, "the training is finished"),
            Action::TrainStep => no(finished || self.training.running(), "the training runs or is finished"),
            Action::TrainReset => no(!exists, "nothing is in training"),
            Action::Preset(_) => no(exists, "throw the training away first"),
            Action::Pane(Pane::Board) => no(self.dock.shown.contains(&Pane::Board), "it is there"),
            _ => None,
        }
    }
}
