//! The link: what the window shows as one line of text, and back.

use eframe::egui::{self, RichText, Ui};

use super::ShippedModel;
use super::app::{Lab, MOST_ITERATIONS};
use super::view::{ColourMode, Page, PlotPage};
use crate::config::{CellPosition, Colour, Interventions, Link, Panel, PlotsPage, preset_names};
use crate::engine::protocol::ModelSource;
use crate::tasks::sudoku::Grid;
use crate::trace::Trace;

/// What a link asked for that has to wait for a model or its frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    iteration: Option<u32>,
    iterations: Option<u32>,
    /// The cell to select once the recording that is awaited is on screen; its board may be another one.
    pub cell: Option<usize>,
    /// The model that is opened next does not take the board from the training.
    pub keep_subject: bool,
}

impl Wanted {
    /// Runs so many iterations once the model is there.
    pub(super) fn run(&mut self, iterations: u32) {
        self.iterations = Some(iterations);
    }

    /// The iteration to look at.
    pub fn iteration(&self) -> Option<u32> {
        self.iteration
    }

    /// What was asked for is there already, or of no use.
    pub fn drop_iterations(&mut self) {
        (self.iteration, self.iterations) = (None, None);
    }
}

/// What a new window opens on.
pub(super) struct First {
    /// A trace that is at hand.
    pub opening: Option<Trace>,
    /// Without one: the shipped model whose recording is shown.
    pub recorded: Option<String>,
    /// The model to open.
    pub open: Option<ModelSource>,
    /// A puzzle of one's own.
    pub puzzle: Option<Grid>,
}

/// What a new window opens on: as it was said, but for what the link says.
pub(super) fn first(
    shipped: &[ShippedModel],
    home: Option<&str>,
    link: Option<&Link>,
    opening: Option<Trace>,
    open: Option<ModelSource>,
    puzzle: Option<Grid>,
) -> First {
    let known = |name: &str| shipped.iter().any(|s| s.name == name);
    let puzzle = puzzle.or_else(|| link.and_then(|l| l.puzzle.clone()));
    let named = link.and_then(|l| l.model.clone()).filter(|name| known(name));
    let open = named.clone().map(ModelSource::Shipped).or(open);
    // A recording of another puzzle says nothing about this one, unless it is the very same.
    let mut at_hand = shipped.iter().flat_map(|s| &s.traces);
    if let Some(trace) = puzzle.as_ref().and_then(|p| at_hand.find(|t| t.puzzle.clues == *p)).cloned() {
        return First { opening: Some(trace), recorded: None, open, puzzle: None };
    }
    let recorded = named.or_else(|| {
        let chosen = match &open {
            Some(ModelSource::Shipped(name)) => Some(name.clone()),
            _ => None,
        };
        let first = || shipped.first().map(|s| s.name.clone());
        let any = || chosen.or(home.map(str::to_owned)).filter(|name| known(name)).or_else(first);
        if opening.is_some() { None } else { any() }
    });
    First { opening: opening.filter(|_| recorded.is_none()), recorded, open, puzzle }
}

impl Lab {
    /// What the window shows, as a link; what it shows by itself is left out.
    #[must_use]
    pub fn link_of_view(&self) -> Link {
        let model = match self.model.current() {
            Some(ModelSource::Shipped(name)) if self.home.as_ref() != Some(name) => Some(name.clone()),
            _ => None,
        };
        let clues = self.looking.clues();
        let usual = self.usual(clues.shape());
        let own = usual.is_none_or(|t| t.puzzle.clues != *clues) && !self.has_no_board();
        let puzzle = own.then(|| clues.clone());
        let preset = self
            .training
            .config
            .as_ref()
            .map(|c| c.name.as_str())
            .or(preset_names().get(self.training.chosen).copied());
        let pending = self.asks.reach.or(self.wanted.iteration);
        let shape = clues.shape();
        Link {
            model,
            with: self.comparing.shipped().map(str::to_owned),
            preset: preset.filter(|p| preset_names().first() != Some(p)).map(str::to_owned),
            puzzle,
            seed: self.training.config.as_ref().map_or(self.training.seed, |c| Some(c.seed)).filter(|s| *s != 1),
            step: self.step_shown().map(|s| s.0),
            iteration: (!self.view.playing).then(|| pending.unwrap_or(self.view.cursor())),
            iterations: self
                .wanted
                .iterations
                .or((self.iterations != self.usual_iterations()).then_some(self.iterations)),
            interventions: self.interventions,
            cell: (self.view.selected != shape.cells() / 2)
                .then(|| CellPosition::of(shape, self.view.selected))
                .flatten(),
            panel: (self.view.page != Page::default()).then_some(match self.view.page {
                Page::Puzzle => Panel::Puzzle,
                Page::Model => Panel::Model,
                Page::Cell => Panel::Cell,
                Page::Plots => Panel::Plots,
                Page::Train => Panel::Train,
            }),
            plots: match self.view.plots {
                PlotPage::Iterations => None,
                PlotPage::Training => Some(PlotsPage::Training),
                PlotPage::Routing => Some(PlotsPage::Routing),
                PlotPage::Boards => Some(PlotsPage::Boards),
                PlotPage::Compare => Some(PlotsPage::Compare),
            },
            colour: (self.view.colour != ColourMode::default()).then_some(match self.view.colour {
                ColourMode::Right => Colour::Right,
                ColourMode::Confidence => Colour::Confidence,
                ColourMode::Entropy => Colour::Entropy,
                ColourMode::Flips => Colour::Flips,
                ColourMode::Heads => Colour::Heads,
                ColourMode::Halting => Colour::Halting,
            }),
        }
    }

    /// As many iterations as run when nobody asks for another number.
    fn usual_iterations(&self) -> u32 {
        let recorded = self.usual(self.looking.clues().shape()).map_or(0, |t| t.last().0);
        self.subject_trained().max(recorded).clamp(1, MOST_ITERATIONS)
    }

    /// Shows what a link says, with its messages; what it does not say goes back to what is usual.
    pub fn apply_link(&mut self, text: &str) {
        let (link, messages) = Link::parse(text);
        for message in messages {
            self.toasts.error(format!("In the link: {message}"), self.now);
        }
        if link == self.link_of_view() {
            return;
        }
        let name = link.model.clone().or_else(|| self.home.clone());
        let known = name.filter(|n| self.shipped.iter().any(|s| s.name == *n));
        let other = known.as_ref().is_some_and(|n| self.model.current() != Some(&ModelSource::Shipped(n.clone())));
        let coming = known.as_ref().is_some_and(|name| self.bring(name));
        match (&link.puzzle, known.as_ref().and_then(|name| self.traces_of(name).first())) {
            (Some(puzzle), _) if puzzle != self.looking.clues() => self.replace_puzzle(puzzle.clone()),
            (None, Some(trace)) if trace.puzzle.clues != *self.looking.clues() => {
                self.show_trace(trace.clone());
                self.puzzle.own = false;
            }
            (None, None) => self.puzzle.own = false,
            _ => {}
        }
        if let Some(name) = known.clone().filter(|_| other) {
            self.open_model(ModelSource::Shipped(name));
        } else if coming {
            self.awaited.clone_from(&known);
        }
        self.look_as(&link);
        if self.awaited.is_none() && self.step_shown().is_none() {
            match self.owed() {
                Some(name) if self.asks.opening.is_none() => self.recorded_will_do(&name),
                // Its answer is on its way, and goes on from here.
                Some(_) => {}
                None => self.ask_soon(),
            }
        }
    }

    /// The part of a link that is about the view; the model and the puzzle are there or on their way.
    pub(super) fn look_as(&mut self, link: &Link) {
        if let Some(name) = &link.model
            && !self.shipped.iter().any(|s| s.name == *name)
        {
            let known: Vec<&str> = self.shipped.iter().map(|s| s.name.as_str()).collect();
            let message = format!("In the link: no model called “{name}” is shipped; there are {}.", known.join(", "));
            self.toasts.error(message, self.now);
        }
        self.compare_as(link);
        self.interventions = link.interventions;
        let now = self.looking.clues().shape();
        let to_come = || self.shipped.iter().find(|s| Some(&s.name) == self.awaited.as_ref());
        let shape = to_come().filter(|_| link.puzzle.is_none()).map_or(now, |s| s.card.config.shape());
        let cell = match link.cell.map(|c| (c, c.index(shape))) {
            Some((_, Some(cell))) => cell,
            Some((cell, None)) => {
                self.toasts.error(format!("In the link: there is no cell {cell} on a {shape} board."), self.now);
                shape.cells() / 2
            }
            None => shape.cells() / 2,
        };
        self.view.selected = if shape == now { cell } else { now.cells() / 2 };
        self.wanted.cell = (shape != now).then_some(cell);
        self.view.page = match link.panel {
            None | Some(Panel::Puzzle) => Page::Puzzle,
            Some(Panel::Model) => Page::Model,
            Some(Panel::Cell) => Page::Cell,
            Some(Panel::Plots) => Page::Plots,
            Some(Panel::Train) => Page::Train,
        };
        self.view.plots = match link.plots {
            Some(PlotsPage::Training) => PlotPage::Training,
            Some(PlotsPage::Routing) => PlotPage::Routing,
            Some(PlotsPage::Boards) => PlotPage::Boards,
            Some(PlotsPage::Compare) => PlotPage::Compare,
            _ => PlotPage::Iterations,
        };
        self.colour_as(link);
        if !self.training.exists() {
            let chosen = link.preset.as_ref().and_then(|p| preset_names().iter().position(|n| n == p));
            self.training.chosen = chosen.unwrap_or(0);
            self.training.seed = link.seed;
        }
        self.wanted.iterations = link.iterations.map(|n| n.clamp(1, MOST_ITERATIONS));
        self.wanted.iteration = link.iteration.map(|t| t.min(MOST_ITERATIONS));
        if let Some(t) = self.wanted.iteration {
            self.view.playing = false;
            self.view.set_cursor(t.min(self.looking.last()));
        }
        // With a recording that answers as well, what is wanted is taken when that is on screen.
        let recorded = self.awaited.is_some() || self.owed().is_some();
        if self.model.card.is_some() && self.asks.opening.is_none() && !recorded {
            self.take_wanted();
        }
        // Someone who trains may be looking at the board of the weights in training.
        if link.interventions != Interventions::default() {
            self.ask_soon();
        }
        self.step_of_link(link);
    }

    /// The second model as a link has it.
    fn compare_as(&mut self, link: &Link) {
        if link.with.as_deref() == self.comparing.shipped() {
            return;
        }
        match &link.with {
            Some(name) if self.shipped.iter().any(|s| s.name == *name) => {
                self.compare_with_model(ModelSource::Shipped(name.clone()));
            }
            Some(name) => {
                let known: Vec<&str> = self.shipped.iter().map(|s| s.name.as_str()).collect();
                let known = known.join(", ");
                let message =
                    format!("In the link: no model called “{name}” is shipped to compare with; there are {known}.");
                self.toasts.error(message, self.now);
            }
            // What a link cannot say, such as a file, stays.
            None => self.stop_comparing(),
        }
    }

    /// The board's colours as a link has them.
    pub(super) fn colour_as(&mut self, link: &Link) {
        self.view.colour = match link.colour {
            None | Some(Colour::Right) => ColourMode::Right,
            Some(Colour::Confidence) => ColourMode::Confidence,
            Some(Colour::Entropy) => ColourMode::Entropy,
            Some(Colour::Flips) => ColourMode::Flips,
            Some(Colour::Heads) => ColourMode::Heads,
            Some(Colour::Halting) => ColourMode::Halting,
        };
    }

    /// What had to wait for the model.
    pub(super) fn take_wanted(&mut self) {
        if let Some(n) = self.wanted.iterations.take() {
            self.iterations = n;
        }
        if let Some(t) = self.wanted.iteration.take() {
            self.iterations = self.iterations.max(t).clamp(1, MOST_ITERATIONS);
            self.view.playing = false;
            self.asks.reach = Some(t);
        }
    }

    /// The link as it would be copied: with the page's address where there is one.
    #[must_use]
    pub fn link_text(&self) -> String {
        let link = self.link_of_view().to_string();
        match &self.address {
            Some(address) => format!("{address}{link}"),
            None if link.is_empty() => "#".into(),
            None => link,
        }
    }

    pub(super) fn copy_link(&mut self, ctx: &egui::Context) {
        ctx.copy_text(self.link_text());
        let own = !matches!(self.model.current(), Some(ModelSource::Shipped(_)) | None);
        let text = match (own, self.address.is_some()) {
            (true, _) => "The link was copied. It does not hold the weights: they are in a file of yours.",
            (false, true) => "The link was copied.",
            (false, false) => {
                "The link was copied. Open it with `loopscope open LINK`, or put it behind the address of the web page."
            }
        };
        self.toasts.info(text.into(), self.now);
    }

    /// What a page promises.
    pub(super) fn promise(&self, ui: &mut Ui) {
        if self.address.is_some() {
            ui.separator();
            ui.label(
                RichText::new("Nothing leaves this page: models, puzzles and trainings stay in this browser.")
                    .small()
                    .weak(),
            );
        }
    }
}
