//! The weights that questions are put to: what they are called, their board and their sizes.

use super::app::Lab;
use crate::config::ModelConfig;
use crate::engine::protocol::Subject;
use crate::tasks::sudoku::Shape;

/// What is known of weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a> {
    name: &'a str,
    /// Their network's sizes.
    pub sizes: &'a ModelConfig,
    /// Iterations that they are trained with.
    pub trained: u32,
    trains: bool,
}

impl Weights<'_> {
    /// What they are called.
    pub fn name(&self) -> String {
        if self.trains { format!("{} in training", self.name) } else { self.name.to_owned() }
    }

    /// The board that they play.
    pub fn shape(&self) -> Shape {
        self.sizes.shape()
    }
}

impl Lab {
    /// What is known of the opened, the trained or the other weights, where there are such.
    pub(super) fn weights(&self, subject: Subject) -> Option<Weights<'_>> {
        let card = match subject {
            Subject::Opened => self.model.card.as_ref(),
            Subject::Other => self.comparing.card(),
            Subject::Training => {
                let config = self.training.config.as_ref();
                return config.map(|c| Weights {
                    name: &c.name,
                    sizes: &c.model,
                    trained: c.recipe.iterations,
                    trains: true,
                });
            }
        };
        card.map(|c| Weights { name: &c.name, sizes: &c.config, trained: c.trained_iterations, trains: false })
    }

    /// The board of the weights that are asked, if there are any.
    pub(super) fn subject_shape(&self) -> Option<Shape> {
        self.weights(self.view.subject).map(|w| w.shape())
    }

    /// The trained T of the weights that are asked.
    pub(super) fn subject_trained(&self) -> u32 {
        self.weights(self.view.subject).map_or(self.looking.trace.trained_iterations, |w| w.trained)
    }

    /// The sizes of the weights that are asked.
    pub(super) fn subject_sizes(&self) -> Option<&ModelConfig> {
        self.weights(self.view.subject).map(|w| w.sizes)
    }

    pub(super) fn subject_name(&self) -> String {
        self.weights(self.view.subject).map(|w| w.name()).unwrap_or_default()
    }
}
