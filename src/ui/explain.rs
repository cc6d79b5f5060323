//! What every number on screen is: one entry for each, with its unit, how it is computed and where it comes from.
//! Panels show it on hover; screen readers get it as the description.

use eframe::egui::Response;

/// A number, or a group of numbers of one kind, that the window shows; `parts` says in words which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Clues,
    Given,
    Place,
    DigitProbability,
    CellEntropy,
    Parameters,
    TrainedWith,
    Provenance,
    Claim,
    KnockedOut,
    Shown,
    ToRun,
    Verdict,
    Step,
    BoardsPerSecond,
    Loss,
    SolvedBatch,
    LearningRate,
    ToGo,
    Curve,
    AtCursor,
    LineName,
    ScaleSure,
    ScaleEntropy,
    ScaleFlips,
    ScaleHalting,
    ScaleSteps,
    Heads,
    Attention,
    HeadWeights,
    HeadLoad,
    HeadLeads,
    Halted,
    RoutingAlarm,
}

impl Figure {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 34] = [
        Self::Clues,
        Self::Given,
        Self::Place,
        Self::DigitProbability,
        Self::CellEntropy,
        Self::Parameters,
        Self::TrainedWith,
        Self::Provenance,
        Self::Claim,
        Self::KnockedOut,
        Self::Shown,
        Self::ToRun,
        Self::Verdict,
        Self::Step,
        Self::BoardsPerSecond,
        Self::Loss,
        Self::SolvedBatch,
        Self::LearningRate,
        Self::ToGo,
        Self::Curve,
        Self::AtCursor,
        Self::LineName,
        Self::ScaleSure,
        Self::ScaleEntropy,
        Self::ScaleFlips,
        Self::ScaleHalting,
        Self::ScaleSteps,
        Self::Heads,
        Self::Attention,
        Self::HeadWeights,
        Self::HeadLoad,
        Self::HeadLeads,
        Self::Halted,
        Self::RoutingAlarm,
    ];

    /// What it is, its unit, how it is computed, where it comes from.
    pub(super) fn parts(self) -> [&'static str; 4] {
        match self {
            Self::Clues => {
                ["The board's size, and its cells that are given.", "cells", "Counted.", "The puzzle on screen."]
            }
            Self::Given => [
                "The digit that the puzzle gives here.",
                "a digit",
                "Not computed: the model's own output in a given cell is never shown.",
                "The puzzle on screen.",
            ],
            Self::Place => [
                "The selected cell.",
                "row and column, from 1",
                "Chosen on the board, with the pointer or the arrow keys.",
                "The board.",
            ],
            Self::DigitProbability => [
                "How probable the model holds this digit in the selected cell.",
                "%",
                "Softmax of the cell's outputs: e to the output of the digit, divided by the sum of that over all digits.",
                "The pass on screen, at the cursor's iteration.",
            ],
            Self::CellEntropy => [
                "How undecided this cell is at this iteration: 0 is certain, the largest value is no idea.",
                "nats",
                "Minus the sum of p ln p over the cell's digits; at most ln of their number.",
                "The pass on screen, at the cursor's iteration.",
            ],
            Self::Parameters => [
                "The board that the model plays on, and the numbers that training has set.",
                "weights",
                "Counted over all tensors; the looped blocks count once, however often they are applied.",
                "The model's description.",
            ],
            Self::TrainedWith => [
                "Iterations T of a training pass, which is the border on the timeline, and updates of the weights that were made.",
                "iterations, steps",
                "Counted in training.",
                "The model's description.",
            ],
            Self::Provenance => [
                "How these weights were made.",
                "seconds as minutes and hours; the seed has none",
                "Written down at the end of the training.",
                "The file's description.",
            ],
            Self::Claim => [
                "What was measured of these weights when they were made.",
                "as it says",
                "By the program's own evaluation, on puzzles that the training left out.",
                "The file's description.",
            ],
            Self::KnockedOut => [
                "Heads that contribute nothing in this pass: block and head, such as 1.3 for head 3 of block 1.",
                "none",
                "Their part of the sum over the heads is left out.",
                "Switched in the panel “routing”.",
            ],
            Self::Shown => [
                "The iteration that every panel shows, and the last one of this pass.",
                "iterations",
                "An iteration is one application of the looped blocks; 0 is the clues before the first.",
                "The timeline's cursor.",
            ],
            Self::ToRun => [
                "Iterations that are run for this puzzle; T is what the weights were trained with.",
                "iterations",
                "Chosen here; 4T and 16T are four and sixteen times the trained number.",
                "You, or the model's description.",
            ],
            Self::Verdict => [
                "How the pass went, or what is wrong with the puzzle.",
                "iterations and cells",
                "From the answers of the blank cells over every iteration so far: solved, settled, cycling or wandering.",
                "The pass on screen; right and wrong from an ordinary solver.",
            ],
            Self::Step => [
                "Updates of the weights that were made, of those in the recipe.",
                "steps",
                "Counted; a step is one update from one batch.",
                "The training under way.",
            ],
            Self::BoardsPerSecond => [
                "How quick the training is.",
                "boards a second",
                "Boards trained on since the last reading, divided by the time that took.",
                "The training under way.",
            ],
            Self::Loss => [
                "How surprised the model is by the solutions: 0 is certain and right.",
                "nats",
                "Cross-entropy, −ln of the right digit's probability, the mean over the batch's blank cells and over the iterations.",
                "The last reading of the training batch.",
            ],
            Self::SolvedBatch => [
                "Boards of the batch that are wholly right after the last trained iteration.",
                "%",
                "Boards whose blank cells are all right, divided by all boards of the batch.",
                "The last reading of the training batch.",
            ],
            Self::LearningRate => [
                "The length of a step of the weights.",
                "none",
                "It rises linearly during the warm-up, then falls along half a cosine.",
                "The recipe, at the last update.",
            ],
            Self::ToGo => [
                "How long the training will still take.",
                "minutes and seconds",
                "Steps that are left times boards in a batch, divided by the boards a second of the last reading.",
                "The training under way.",
            ],
            Self::Curve => ["The unit of the vertical axis.", "as written", "See the title of the plot.", "The plot."],
            Self::AtCursor => [
                "The value of the plot's main line at the cursor; against steps, its newest value.",
                "that of the vertical axis",
                "Read from the line, not computed anew.",
                "The line that is drawn in full.",
            ],
            Self::LineName => [
                "A line of this plot, in its colour.",
                "that of the vertical axis",
                "See the title of the plot. “Step” is the update of the weights at which it was measured.",
                "The pass, the training or the measurement that the plot shows.",
            ],
            Self::ScaleSure => [
                "The ends of the colour scale of confidence.",
                "%",
                "The largest probability of the cell's softmax.",
                "The pass on screen, at the cursor's iteration.",
            ],
            Self::ScaleEntropy => [
                "The ends of the colour scale of entropy: no doubt, and no idea.",
                "nats",
                "Minus the sum of p ln p over the cell's digits; the largest value is ln of their number.",
                "The pass on screen, at the cursor's iteration.",
            ],
            Self::ScaleFlips => [
                "The ends of the colour scale of flips.",
                "iterations",
                "Iterations since the answer of the cell changed; after eight it is forgotten.",
                "The pass on screen, up to the cursor.",
            ],
            Self::ScaleSteps => [
                "The ends of the colour scale of the map step × iteration.",
                "that of the quantity that is chosen",
                "Of each recorded step and iteration: solved boards, right blank cells, mean entropy of the blank cells, or answers that changed.",
                "The recorded boards of the training.",
            ],
            Self::ScaleHalting => [
                "The ends of the colour scale of halting.",
                "none",
                "The sum of the cell's halting probabilities so far; near 1 it halts.",
                "The pass on screen, up to the cursor.",
            ],
            Self::Heads => {
                ["A head of attention, in its colour.", "none", "Numbered from 1, as in the file.", "The model."]
            }
            Self::Attention => [
                "The cell that the selected one attends to most, and its share.",
                "%",
                "The attention weights of the selected cell, the mean over the chosen blocks and heads; they sum to 100 %.",
                "Asked of the engine for the iteration at the cursor.",
            ],
            Self::HeadWeights => [
                "How much each head counts in the selected cell.",
                "none",
                "α, the softmax over the heads, the mean over the chosen blocks: it sums to 1, or to k where k heads are chosen.",
                "The pass on screen; the numbers are those at the cursor.",
            ],
            Self::HeadLoad => [
                "How much of all weight this head gets.",
                "%",
                "The mean of its weight α over the cells, divided by the same sum of all heads.",
                "The pass on screen, at the cursor's iteration.",
            ],
            Self::HeadLeads => [
                "In how many cells this head counts most.",
                "%",
                "Cells in which its weight α is the largest, divided by all cells.",
                "The pass on screen, at the cursor's iteration.",
            ],
            Self::Halted => [
                "Cells that are refined no further.",
                "cells",
                "Counted by the first iteration at whose end a cell had halted.",
                "The pass on screen.",
            ],
            Self::RoutingAlarm => [
                "What is wrong with the router: one head takes nearly all, all heads count alike, or nothing trains it.",
                "% or nats",
                "From the mean weight of each head, their entropy −Σ α ln α, and the gradient of the router's parameters.",
                "The pass on screen, or the last reading of the training.",
            ],
        }
    }

    /// As the hover shows it.
    pub(super) fn hover(self) -> String {
        let [what, unit, how, from] = self.parts();
        format!("{what}\nUnit: {unit}.\nHow: {how}\nFrom: {from}")
    }
}

/// A number that can be asked what it is.
pub(super) trait Explained {
    /// Shows on hover what the number is.
    fn explained(self, figure: Figure) -> Self;
    /// The same after a sentence on the number as it stands.
    fn explained_with(self, now: &str, figure: Figure) -> Self;
}

impl Explained for Response {
    fn explained(self, figure: Figure) -> Self {
        self.on_hover_text(figure.hover())
    }

    fn explained_with(self, now: &str, figure: Figure) -> Self {
        if now.is_empty() { self.explained(figure) } else { self.on_hover_text(format!("{now}\n\n{}", figure.hover())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_figure_is_explained_in_full() {
        for (i, figure) in Figure::ALL.into_iter().enumerate() {
            // The list holds every variant, each once, in their order.
            assert_eq!(figure as usize, i, "{figure:?}");
            let [what, unit, how, from] = figure.parts();
            for sentence in [what, how, from] {
                assert!(sentence.ends_with('.') && sentence.len() > 7, "{figure:?}: {sentence}");
            }
            assert!(!unit.is_empty() && !unit.ends_with('.'), "{figure:?}");
        }
        assert_eq!(Figure::RoutingAlarm as usize + 1, Figure::ALL.len());
    }

    #[test]
    fn every_figure_is_used_by_a_panel() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui");
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).expect("the sources").flatten() {
            if entry.file_name() != "explain.rs" && entry.path().extension().is_some_and(|e| e == "rs") {
                text += &std::fs::read_to_string(entry.path()).expect("a source");
            }
        }
        text +=
            &std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui/plots/draw.rs")).expect("draw");
        for figure in Figure::ALL {
            // The name must end there: `Loss` is not used where `LossAfter` is.
            let name = format!("Figure::{figure:?}");
            let used = text
                .match_indices(&name)
                .any(|(i, _)| !text[i + name.len()..].starts_with(|c: char| c.is_alphanumeric()));
            assert!(used, "{name} is explained and shown nowhere");
        }
    }
}
