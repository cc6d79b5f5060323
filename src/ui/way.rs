//! The way to the engine. A model whose weights lie beside the page is known by its card at once; its weights
//! are brought when the first command needs them, and the commands wait for them here. So whoever looks at
//! recordings loads no weights, and the engine never waits for a download.

use std::collections::{HashMap, VecDeque};

use super::assets::{Assets, Bytes};
use crate::config::ModelCard;
use crate::config::shipped::Asset;
use crate::engine::protocol::{Command, EngineLink, Event, ModelSource, RequestId, Subject};

/// A model that the engine does not have yet, though the window was told that it is open.
struct Owed {
    name: String,
    set: Vec<String>,
    request: RequestId,
    /// What waits for it.
    held: Vec<Command>,
}

/// The engine, and what it is owed.
pub(super) struct Way {
    engine: Box<dyn EngineLink>,
    assets: Assets,
    /// Of the shipped models.
    cards: HashMap<String, ModelCard>,
    opened: Option<Owed>,
    other: Option<Owed>,
    /// Weights that were brought: another engine may need them again.
    weights: HashMap<String, Vec<u8>>,
    /// Answers that are given here.
    answers: VecDeque<Event>,
}

impl Way {
    pub fn new(engine: Box<dyn EngineLink>, assets: Assets, cards: HashMap<String, ModelCard>) -> Self {
        let (opened, other, weights, answers) = Default::default();
        Self { engine, assets, cards, opened, other, weights, answers }
    }

    /// Whether the weights of an open model are still to be brought.
    pub fn owes(&self, subject: Subject) -> bool {
        match subject {
            Subject::Opened => self.opened.is_some(),
            Subject::Other => self.other.is_some(),
            Subject::Training => false,
        }
    }

    /// Sends a command, or keeps it until the weights are there that it needs.
    pub fn send(&mut self, command: Command) {
        let command = match command {
            Command::OpenModel { request, source, set } => {
                self.opened = None;
                match self.owed(request, source, set) {
                    Ok(owed) => return self.opened = Some(owed),
                    Err((source, set)) => Command::OpenModel { request, source, set },
                }
            }
            Command::OpenOther { request, source, set } => {
                self.other = None;
                match self.owed(request, source, set) {
                    Ok(owed) => return self.other = Some(owed),
                    Err((source, set)) => Command::OpenOther { request, source, set },
                }
            }
            Command::CloseOther => {
                self.other = None;
                Command::CloseOther
            }
            Command::Cancel { request } => {
                for owed in self.opened.iter_mut().chain(&mut self.other) {
                    owed.held.retain(|c| c.request() != Some(request));
                }
                Command::Cancel { request }
            }
            command => command,
        };
        let owed = match command.subject() {
            Some(Subject::Opened) => &mut self.opened,
            Some(Subject::Other) => &mut self.other,
            _ => &mut None,
        };
        let Some(owed) = owed else { return self.engine.send(command) };
        // The newest question about a board takes the place of the one before, as with the engine.
        if matches!(command, Command::Think { .. }) {
            owed.held.retain(|c| !matches!(c, Command::Think { .. }));
        }
        owed.held.push(command);
        self.assets.ask(Asset::Weights(owed.name.clone()));
    }

    /// Opens a model by its card alone, where its weights are still to be brought; else gives the source back.
    fn owed(
        &mut self,
        request: RequestId,
        source: ModelSource,
        set: Vec<String>,
    ) -> Result<Owed, (ModelSource, Vec<String>)> {
        let ModelSource::Shipped(name) = source else { return Err((source, set)) };
        if let Some(bytes) = self.weights.get(&name) {
            return Err((ModelSource::Bytes { name: name.clone(), bytes: bytes.clone() }, set));
        }
        let card = self.cards.get(&name).filter(|_| self.assets.are_far(&Asset::Weights(name.clone())));
        let Some(card) = card else { return Err((ModelSource::Shipped(name), set)) };
        self.answers.push_back(Event::ModelOpened { request, card: Box::new(card.clone()) });
        Ok(Owed { name, set, request, held: Vec::new() })
    }

    /// Weights came, or did not: what waited for them goes on its way, or is answered that it failed.
    pub fn weights_came(&mut self, name: &str, bytes: Bytes) {
        let bytes = match bytes {
            Ok(bytes) => bytes.into_owned(),
            Err(why) => {
                let message = self.assets.miss(Asset::Weights(name.to_owned()), &why);
                for owed in self.opened.iter_mut().chain(&mut self.other).filter(|o| o.name == name) {
                    self.answers.extend(
                        owed.held
                            .drain(..)
                            .map(|command| Event::Failed { request: command.request(), message: message.clone() }),
                    );
                }
                return;
            }
        };
        for subject in [Subject::Opened, Subject::Other] {
            let owed = if subject == Subject::Opened { &mut self.opened } else { &mut self.other };
            let Some(Owed { request, set, held, .. }) = owed.take_if(|o| o.name == name) else { continue };
            let source = ModelSource::Bytes { name: name.to_owned(), bytes: bytes.clone() };
            // The window was answered long ago: the engine's own answer is to nobody's question.
            self.engine.send(match subject {
                Subject::Other => Command::OpenOther { request, source, set },
                _ => Command::OpenModel { request, source, set },
            });
            held.into_iter().for_each(|command| self.engine.send(command));
        }
        self.weights.insert(name.to_owned(), bytes);
    }

    /// What came back.
    pub fn poll(&mut self) -> Option<Event> {
        if let Some(event) = self.answers.pop_front() {
            return Some(event);
        }
        let event = self.engine.poll()?;
        // The window asks a new engine again, and none that is gone.
        if matches!(event, Event::Restarted { .. } | Event::NoDevice(_) | Event::Lost { .. }) {
            for owed in self.opened.iter_mut().chain(&mut self.other) {
                owed.held.clear();
            }
        }
        Some(event)
    }
}

#[cfg(test)]
#[path = "way_tests.rs"]
mod tests;
