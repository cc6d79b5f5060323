//! What is looked at and how: cursor, selection, playback, colours. No engine here.

use std::ops::RangeInclusive;

use eframe::egui;

use super::axis::Axis;
use crate::engine::protocol::Subject;
use crate::trace::Frame;

/// What the ground of a cell tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourMode {
    /// Blue-green or vermilion.
    #[default]
    Right,
    /// Opacity of the accent.
    Confidence,
    /// One sequential map.
    Entropy,
    /// What changed last.
    Flips,
    /// The head with the largest weight.
    Heads,
    /// Who has halted.
    Halting,
}

impl ColourMode {
    /// All of them, in the order shown.
    pub const ALL: [Self; 6] = [Self::Right, Self::Confidence, Self::Entropy, Self::Flips, Self::Heads, Self::Halting];

    /// As it is written on the button.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right or wrong",
            Self::Confidence => "confidence",
            Self::Entropy => "entropy",
            Self::Flips => "flips",
            Self::Heads => "heads",
            Self::Halting => "halting",
        }
    }

    /// Whether a frame has what it shows.
    #[must_use]
    pub fn is_in(self, frame: Option<&Frame>) -> bool {
        match self {
            Self::Heads => frame.is_some_and(|f| f.routing.is_some()),
            Self::Halting => frame.is_some_and(|f| f.halting.is_some()),
            _ => true,
        }
    }

    /// A sentence on what it shows.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Right => "An answer is right when it equals the puzzle's only solution, found by an ordinary solver.",
            Self::Confidence => "Probability of the digit shown: the largest of the cell's softmax.",
            Self::Entropy => {
                "How undecided a cell is: minus the sum of p ln p over its digits, in nats, as a share of ln n."
            }
            Self::Flips => "Cells whose answer changed at this iteration; they fade over the next eight.",
            Self::Heads => {
                "Which head the router gives the largest weight in this cell, in the colour of the head; paler where it leads by less. The block is that of the routing page."
            }
            Self::Halting => {
                "How much of its halting mass a cell has spent; a cell that has halted is refined no further."
            }
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Confidence => "confidence",
            Self::Entropy => "entropy",
            Self::Flips => "flips",
            Self::Heads => "heads",
            Self::Halting => "halting",
        }
    }
}

/// Which attention is laid over the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttentionView {
    /// Whether it is shown at all.
    pub shown: bool,
    /// One block, or the mean of all.
    pub block: Option<usize>,
    /// One head, or the mean of all.
    pub head: Option<usize>,
}

/// Where the playback goes at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Looping {
    /// It stops.
    Off,
    /// It starts again from the clues.
    #[default]
    Whole,
    /// It repeats a part.
    Range(RangeInclusive<u32>),
}

/// Pages of the plots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlotPage {
    /// Curves over iterations.
    #[default]
    Iterations,
    /// Curves over training.
    Training,
    /// What the router does.
    Routing,
    /// Measurements over many boards.
    Boards,
    /// Two models.
    Compare,
}

/// Pages of the narrow window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Model and puzzle.
    #[default]
    Puzzle,
    /// The model and its interventions.
    Model,
    /// The selected cell.
    Cell,
    /// Plots.
    Plots,
    /// Training.
    Train,
}

/// What the pointer is on, in whichever panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hovered {
    /// A cell of the board, row-major.
    pub cell: Option<usize>,
    /// An iteration of the pass.
    pub iteration: Option<u32>,
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct View {
    /// Where the playback is, in iterations; the cursor is its whole part.
    at: f64,
    /// Row-major cell.
    pub selected: usize,
    /// What the pointer was on when the last frame was drawn; every panel shows it faintly.
    pub hovered: Hovered,
    /// What it is on in this frame, as far as it is drawn.
    pub pointed: Hovered,
    /// Whether the iterations advance.
    pub playing: bool,
    /// Times the usual speed.
    pub speed: f64,
    /// Whether the cursor stays at the newest frame.
    pub follow: bool,
    /// What happens at the end.
    pub looping: Looping,
    /// Where a drag that marks a range began.
    pub range_from: Option<u32>,
    /// Colours of the board.
    pub colour: ColourMode,
    /// Attention over the board.
    pub attention: AttentionView,
    /// The block whose routing is shown; none shows the mean of all.
    pub routed_block: Option<usize>,
    /// Plots shown.
    pub plots: PlotPage,
    /// Page of the narrow window.
    pub page: Page,
    /// Which weights think.
    pub subject: Subject,
    /// Whether digits typed change the clues.
    pub editing: bool,
    /// Whether the list of commands is open.
    pub help: bool,
    /// Whether the log is open.
    pub log: bool,
    /// A rest at the end before the playback starts again, in seconds.
    rest: f64,
}

/// Speeds on offer.
pub const SPEEDS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
/// Iterations a second at 1× up to the trained T; beyond it the pace follows the axis.
const PACE: f64 = 4.0;
/// Seconds that the end is shown before a loop starts again.
const REST: f64 = 0.8;

impl Default for View {
    fn default() -> Self {
        Self {
            at: 0.0,
            selected: 0,
            hovered: Hovered::default(),
            pointed: Hovered::default(),
            playing: true,
            speed: 1.0,
            follow: false,
            looping: Looping::Whole,
            range_from: None,
            colour: ColourMode::Right,
            attention: AttentionView::default(),
            routed_block: None,
            plots: PlotPage::Iterations,
            page: Page::Puzzle,
            subject: Subject::Opened,
            editing: false,
            help: false,
            log: false,
            rest: 0.0,
        }
    }
}

impl View {
    /// A view with a cell selected, playing from the clues.
    #[must_use]
    pub fn on(selected: usize) -> Self {
        Self { selected, ..Self::default() }
    }

    /// The iteration shown; 0 shows the clues.
    #[must_use]
    pub fn cursor(&self) -> u32 {
        self.at as u32
    }

    /// Moves the cursor.
    pub fn set_cursor(&mut self, iteration: u32) {
        self.at = f64::from(iteration);
        self.rest = 0.0;
    }

    /// Ends a frame: what the pointer was on is shown from now on. Whether it is something else than before.
    pub fn settle_hover(&mut self) -> bool {
        let now = std::mem::take(&mut self.pointed);
        std::mem::replace(&mut self.hovered, now) != now
    }

    /// Advances a playing cursor by `seconds` within frames 0..=`last`, along the axis. Returns the
    /// seconds after which the picture will differ, or nothing when it stands.
    pub fn play(&mut self, seconds: f64, last: u32, axis: Axis, more_to_come: bool) -> Option<f64> {
        if self.follow {
            self.at = f64::from(last);
            return None;
        }
        if !self.playing || last == 0 {
            self.at = self.at.min(f64::from(last));
            return None;
        }
        let (first, end) = match &self.looping {
            Looping::Range(r) => (*r.start().min(&last), *r.end().min(&last)),
            _ => (0, last),
        };
        if self.cursor() < first {
            self.set_cursor(first);
        }
        let rate = PACE * self.speed / axis.trained().max(1.0);
        if self.cursor() >= end {
            self.at = f64::from(end);
            if more_to_come && end == last {
                // The engine wakes the window with the next frames.
                return None;
            }
            if self.looping == Looping::Off {
                self.playing = false;
                return None;
            }
            self.rest += seconds;
            if self.rest < REST {
                return Some(REST - self.rest);
            }
            self.set_cursor(first);
        } else {
            // A window that was hidden goes on where it was; it does not jump.
            let step = seconds.min(0.5) * rate;
            // At least a tenth of an iteration: a T of thousands must move as well.
            self.at = axis.iteration(axis.position(self.at) + step).min(f64::from(end));
        }
        let next = f64::from(self.cursor() + 1).min(f64::from(end));
        Some(((axis.position(next) - axis.position(self.at)) / rate).clamp(1.0 / 60.0, 1.0))
    }

    /// Reads what was kept. Every key stands alone: one that cannot be read changes nothing else.
    pub fn restore(&mut self, storage: &dyn eframe::Storage, ctx: &egui::Context) {
        match storage.get_string("loopscope.theme.v1").as_deref() {
            Some("light") => ctx.set_theme(egui::ThemePreference::Light),
            Some("dark") => ctx.set_theme(egui::ThemePreference::Dark),
            _ => {}
        }
        if let Some(key) = storage.get_string("loopscope.colour.v1")
            && let Some(mode) = ColourMode::ALL.into_iter().find(|m| m.key() == key)
        {
            self.colour = mode;
        }
        if let Some(speed) = storage.get_string("loopscope.speed.v1").and_then(|s| s.parse::<f64>().ok())
            && SPEEDS.contains(&speed)
        {
            self.speed = speed;
        }
    }

    /// Keeps what outlives the window.
    pub fn save(&self, storage: &mut dyn eframe::Storage, theme: egui::ThemePreference) {
        let theme = match theme {
            egui::ThemePreference::Light => "light",
            egui::ThemePreference::Dark => "dark",
            egui::ThemePreference::System => "system",
        };
        storage.set_string("loopscope.theme.v1", theme.into());
        storage.set_string("loopscope.colour.v1", self.colour.key().into());
        storage.set_string("loopscope.speed.v1", self.speed.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plays_rests_and_starts_again() {
        let mut v = View::default();
        let axis = Axis::new(4, 4);
        assert!(v.play(0.25, 4, axis, false).is_some());
        assert_eq!(v.cursor(), 1);
        for _ in 0..12 {
            v.play(0.25, 4, axis, false);
        }
        assert!(v.playing);
        for _ in 0..8 {
            v.play(0.25, 4, axis, false);
        }
        assert!(v.cursor() <= 4);
        v.looping = Looping::Off;
        for _ in 0..40 {
            v.play(0.25, 4, axis, false);
        }
        assert!(!v.playing && v.cursor() == 4);
    }

    #[test]
    fn a_range_repeats() {
        let mut v = View { looping: Looping::Range(2..=3), ..View::default() };
        let axis = Axis::new(8, 8);
        for _ in 0..60 {
            v.play(0.2, 8, axis, false);
            assert!((2..=3).contains(&v.cursor()), "{}", v.cursor());
        }
    }

    #[test]
    fn hover_is_shown_from_the_next_frame_on_and_goes() {
        let mut v = View::default();
        v.pointed.iteration = Some(3);
        assert_eq!(v.hovered.iteration, None);
        assert!(v.settle_hover());
        assert_eq!(v.hovered.iteration, Some(3));
        v.pointed.iteration = Some(3);
        assert!(!v.settle_hover());
        assert!(v.settle_hover());
        assert_eq!(v.hovered, Hovered::default());
    }

    #[test]
    fn follows_the_live_edge() {
        let mut v = View { follow: true, ..View::default() };
        v.play(0.1, 7, Axis::new(8, 8), true);
        assert_eq!(v.cursor(), 7);
    }
}
