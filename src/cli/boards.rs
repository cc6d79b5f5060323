//! Which puzzles a model is asked: a file's, or made ones that its training left out.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::progress::Progress;
use super::read;
use crate::config::ModelCard;
use crate::store;
use crate::tasks::sudoku::{GenerateSpec, Puzzle, rate};
use crate::train::{RunFolder, evaluation_puzzles};

/// What the presets leave out of their training.
const LEFT_OUT: usize = 500;

/// Where puzzles come from.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct BoardsArg {
    /// Puzzles as CSV or plain text, gzipped or not; - for standard input; pack:sudoku9 for 300 of each
    /// difficulty that come with the program, pack:sudoku9:51+ for those of one
    #[arg(long, value_name = "FILE", conflicts_with = "generate")]
    pub(super) puzzles: Option<PathBuf>,
    /// Make so many puzzles of the model's board instead, no two alike under its symmetries
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) generate: Option<u32>,
    /// The seed of --generate [default: the model's own; its training left the first of these out]
    #[arg(long, value_name = "SEED", conflicts_with = "puzzles")]
    pub(super) seed: Option<u64>,
    /// Only the first N puzzles of each difficulty
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit_per_bucket: Option<u32>,
}

impl BoardsArg {
    /// The puzzles for a model, with solutions and ratings. `otherwise` are made where nothing was said.
    pub(super) fn puzzles(&self, model: &str, card: &ModelCard, otherwise: u32) -> Result<Vec<Puzzle>, Failure> {
        let shape = card.config.shape();
        if let Some(file) = &self.puzzles {
            return read::scored_puzzles(file, shape, self.limit_per_bucket.map(|n| n as usize));
        }
        let own = card.provenance.seed;
        let seed = self.seed.unwrap_or(own);
        if seed != own {
            eprintln!(
                "note: the model's training left out the puzzles of seed {own}; those of seed {seed} may be like ones that it saw"
            );
        }
        let (spec, left_out) = left_out(model, card);
        let count = self.generate.unwrap_or(otherwise) as usize;
        if left_out == 0 {
            eprintln!("note: the training left none of these puzzles out; they may be like ones that it saw");
        } else if count > left_out {
            eprintln!(
                "note: the training left out the first {left_out} of these puzzles; later ones may be like ones that it saw"
            );
        }
        Ok(generated(spec, count, seed))
    }
}

/// Which puzzles of its seed a model's training left out: their kind and their number. A run folder tells, then
/// the model's card; of an older file that stands alone the presets' settings are taken.
pub(super) fn left_out(model: &str, card: &ModelCard) -> (GenerateSpec, usize) {
    let shape = card.config.shape();
    let Ok((_, config)) = store::now(RunFolder::open(Path::new(model))) else {
        // Older cards tell by their command whether there was a file for evaluation.
        let file = card.provenance.command.contains("eval_file=");
        let count = card.provenance.left_out.map_or(if file { 0 } else { LEFT_OUT }, |n| n as usize);
        return (GenerateSpec::usual(shape), count);
    };
    (config.puzzles.spec(shape), config.puzzles.made_left_out())
}

/// The evaluation puzzles of a run with this seed, with their ratings: those that its training leaves
/// out, and as many more as are asked for.
pub(super) fn generated(spec: GenerateSpec, count: usize, seed: u64) -> Vec<Puzzle> {
    let mut puzzles = evaluation_puzzles(spec, seed, count);
    let progress = Progress::bar(puzzles.len(), "puzzles rated");
    for puzzle in &mut puzzles {
        puzzle.rating = Some(rate(&puzzle.clues));
        progress.add(1);
    }
    drop(progress);
    if puzzles.len() < count {
        eprintln!("warning: only {} puzzles of this board were found that are not alike", puzzles.len());
    }
    puzzles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_tells_what_its_training_left_out() {
        use crate::config::preset;
        use crate::tasks::sudoku::{Clues, Shape};

        let folder = tempfile::tempdir().expect("a folder");
        let settings = ["eval_count=30", "least_clues=5", "most_clues=6"];
        let config = preset("sudoku4").expect("a preset").with_settings(&settings).expect("settings");
        store::now(RunFolder::create(folder.path(), &config)).expect("a run");
        let mut card = crate::config::shipped::card("sudoku4").expect("shipped");
        let (spec, count) = left_out(&folder.path().display().to_string(), &card);
        assert_eq!((spec.clues, count), (Clues::Between { min: 5, max: 6 }, 30));
        assert_eq!(left_out("sudoku4", &card), (GenerateSpec::usual(Shape::S4), 500));
        card.provenance.command.push_str(" --set eval_file=dev.csv.gz");
        assert_eq!(left_out("sudoku4", &card).1, 0, "that file's puzzles were left out");
        card.provenance.left_out = Some(7);
        assert_eq!(left_out("sudoku4", &card).1, 7, "the card knows better");
        let file = config.with_settings(&["eval_file=dev.csv.gz"]).expect("settings");
        assert_eq!(file.puzzles.made_left_out(), 0, "with a file of its own for evaluation none was left out");
    }
}
