//! `loopscope puzzles generate`.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::{args, output};
use crate::tasks::sudoku::{Clues, GenerateSpec, Generator, Puzzle, Shape, rate, write_csv};

const HELP: &str = "\
Puzzle i follows from the seed and i alone: a larger --count begins with the same puzzles. Without
--clues, 4×4 puzzles have 4 to 9 clues and larger ones are minimal: no clue can be taken away.

Example:
  loopscope puzzles generate --size 9 --count 100 --seed 7 --out puzzles.csv.gz";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Rows of the board: 4, 6 or 9
    #[arg(long, value_name = "4|6|9", value_parser = size)]
    size: Shape,
    /// How many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// The same seed gives the same puzzles
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Clues to leave, such as 24-30; each puzzle draws its own number
    #[arg(long, value_name = "MIN-MAX", value_parser = args::clues)]
    clues: Option<(usize, usize)>,
    /// A CSV file, gzipped where the name ends in .gz [default: standard output]
    #[arg(long, value_name = "FILE.csv[.gz]")]
    out: Option<PathBuf>,
}

fn size(text: &str) -> Result<Shape, String> {
    let side = text.parse().ok().and_then(Shape::from_side);
    side.ok_or_else(|| format!("“{text}” is no size of board; there are 4, 6 and 9"))
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let mut spec = GenerateSpec::usual(args.size);
    if let Some((min, max)) = args.clues {
        spec.clues = Clues::Between { min, max };
    }
    spec.validate().map_err(Failure::input)?;
    let puzzles = make(&Generator::new(spec, args.seed), args.count);
    let text = csv(&puzzles)?;
    match &args.out {
        None => output::write(&text)?,
        Some(path) => {
            output::file(path, &if gzipped(path) { gzip(&text)? } else { text })?;
            output::line(format_args!("{}: {}", path.display(), output::count(puzzles.len(), "puzzle")))?;
        }
    }
    Ok(Answer::Yes)
}

/// The puzzles in order, made on all cores: each follows from its number alone.
fn make(generator: &Generator, count: u32) -> Vec<Puzzle> {
    let progress = Progress::bar(count as usize, "puzzles made");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // Shares of equal size, since a puzzle takes about as long as another.
    let share = (count as usize).div_ceil(threads).max(1);
    let numbers: Vec<u64> = (0..u64::from(count)).collect();
    std::thread::scope(|scope| {
        let progress = &progress;
        let workers: Vec<_> = numbers
            .chunks(share)
            .map(|numbers| {
                scope.spawn(move || {
                    let one = |i: &u64| {
                        let mut puzzle = generator.puzzle(*i);
                        puzzle.rating = Some(rate(&puzzle.clues));
                        progress.add(1);
                        puzzle
                    };
                    numbers.iter().map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

pub(super) fn csv(puzzles: &[Puzzle]) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    write_csv(&mut text, puzzles).map_err(Failure::input)?;
    Ok(text)
}

pub(super) fn gzipped(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"))
}

pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(bytes)
        .and_then(|()| out.finish())
        .map_err(|e| Failure::Engine(format!("the puzzles cannot be compressed: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_of_a_seed_begins_with_the_same() {
        let generator = Generator::new(GenerateSpec::usual(Shape::S6), 3);
        let (few, many) = (make(&generator, 3), make(&generator, 8));
        assert_eq!(few[..], many[..3]);
        assert!(many.iter().all(|p| p.rating.is_some()));
    }
}
