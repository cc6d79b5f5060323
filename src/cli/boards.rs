//! Which puzzles a model is asked: a file's, or made ones that its training left out.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::progress::Progress;
use super::read;
use crate::config::ModelCard;
use crate::store;
use crate::tasks::sudoku::{GenerateSpec, Puzzle, Shape, rate};
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
        let (spec, left_out) = left_out(model, shape);
        let count = self.generate.unwrap_or(otherwise) as usize;
        if count > left_out {
            eprintln!(
                "note: the training left out the first {left_out} of these puzzles; later ones may be like ones that it saw"
            );
        }
        Ok(generated(spec, count, seed))
    }
}

/// Which puzzles of its seed a model's training left out: their kind and their number. A run folder
/// tells; of a file that stands alone the presets' settings are taken.
pub(super) fn left_out(model: &str, shape: Shape) -> (GenerateSpec, usize) {
    let Ok((_, config)) = store::now(RunFolder::open(Path::new(model))) else {
        return (GenerateSpec::usual(shape), LEFT_OUT);
    };
    // With a file of its own for evaluation, no made puzzle was left out.
    let count = if config.puzzles.eval_file.is_empty() { config.puzzles.eval_count } else { 0 };
    (config.puzzles.spec(shape), count)
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
        use crate::tasks::sudoku::Clues;

        let folder = tempfile::tempdir().expect("a folder");
        let settings = ["eval_count=30", "least_clues=5", "most_clues=6"];
        let config = preset("sudoku4").expect("a preset").with_settings(&settings).expect("settings");
        store::now(RunFolder::create(folder.path(), &config)).expect("a run");
        let (spec, count) = left_out(&folder.path().display().to_string(), Shape::S4);
        assert_eq!((spec.clues, count), (Clues::Between { min: 5, max: 6 }, 30));
        assert_eq!(left_out("sudoku4", Shape::S4), (GenerateSpec::usual(Shape::S4), 500));
    }
}
