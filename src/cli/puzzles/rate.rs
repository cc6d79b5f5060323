//! `loopscope puzzles rate`.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::{output, read};
use crate::tasks::sudoku::{Bucket, rate, spearman};

const HELP: &str = "\
The rating is the number of guesses that a solver needs which draws every simple conclusion first.
Where the file has a rating column, Spearman's rank correlation with it is printed.

Example:
  loopscope puzzles rate puzzles.csv.gz";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Puzzles as CSV or plain text, gzipped or not; - for standard input
    file: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Rated {
    puzzles: usize,
    buckets: Vec<InBucket>,
    largest: u32,
    /// Puzzles with a rating in the file.
    rated_in_file: usize,
    /// Spearman's rank correlation of the two ratings.
    rank_correlation: Option<f64>,
    /// Share of puzzles whose two ratings fall in the same bucket.
    same_bucket: Option<f64>,
}

#[derive(Serialize)]
struct InBucket {
    bucket: &'static str,
    puzzles: usize,
    in_file: usize,
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let progress = Progress::waiting("rating puzzles");
    let mut ratings: Vec<(u32, Option<u32>)> = Vec::new();
    for puzzle in read::puzzles(&args.file)? {
        let puzzle = puzzle.map_err(|e| Failure::file(&args.file, e))?;
        ratings.push((rate(&puzzle.clues), puzzle.rating));
        if ratings.len().is_multiple_of(1000) {
            progress.say(format!("{} puzzles rated", output::thousands(ratings.len() as u64)));
        }
    }
    drop(progress);
    let rated = compare(&ratings);
    if args.json {
        output::json(&rated)?
    } else {
        output::write(text(&rated).as_bytes())?
    }
    Ok(Answer::Yes)
}

fn compare(ratings: &[(u32, Option<u32>)]) -> Rated {
    let buckets = Bucket::ALL.map(|bucket| InBucket {
        bucket: bucket.label(),
        puzzles: ratings.iter().filter(|(own, _)| Bucket::of(*own) == bucket).count(),
        in_file: ratings.iter().filter(|(_, given)| given.is_some_and(|g| Bucket::of(g) == bucket)).count(),
    });
    let pairs: Vec<(u32, u32)> = ratings.iter().filter_map(|(own, given)| Some((*own, (*given)?))).collect();
    let (own, given): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
    let same = pairs.iter().filter(|(a, b)| Bucket::of(*a) == Bucket::of(*b)).count();
    Rated {
        puzzles: ratings.len(),
        buckets: buckets.into(),
        largest: ratings.iter().map(|(own, _)| *own).max().unwrap_or(0),
        rated_in_file: pairs.len(),
        // Not a number where there are too few pairs or one side never differs.
        rank_correlation: Some(spearman(&own, &given)).filter(|r| r.is_finite()),
        same_bucket: (!pairs.is_empty()).then(|| same as f64 / pairs.len() as f64),
    }
}

fn text(rated: &Rated) -> String {
    let mut out = format!(
        "{}, the hardest takes {}\n\n",
        output::count(rated.puzzles, "puzzle"),
        output::count(rated.largest as usize, "guess").replace("guesss", "guesses")
    );
    let file = rated.rated_in_file > 0;
    out.push_str(&format!(
        "{:>7}  {:>9}  {:>7}{}\n",
        "guesses",
        "puzzles",
        "share",
        if file { "  by the file" } else { "" }
    ));
    for row in &rated.buckets {
        let share = 100.0 * row.puzzles as f64 / rated.puzzles.max(1) as f64;
        out.push_str(&format!("{:>7}  {:>9}  {share:>5.1} %", row.bucket, output::thousands(row.puzzles as u64)));
        if file {
            out.push_str(&format!("  {:>11}", output::thousands(row.in_file as u64)));
        }
        out.push('\n');
    }
    if file {
        out.push('\n');
        match rated.rank_correlation {
            Some(r) => out.push_str(&format!("Spearman's rank correlation with the file's rating column: {r:.4}")),
            None => out.push_str("No rank correlation with the file's rating column: it or the rating never differs"),
        }
        let same = 100.0 * rated.same_bucket.unwrap_or(0.0);
        out.push_str(&format!(
            "; {same:.1} % of {} in the same row of this table\n",
            output::count(rated.rated_in_file, "puzzle")
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_compared() {
        let rated = compare(&[(0, Some(0)), (2, Some(1)), (60, Some(99)), (4, None)]);
        assert_eq!((rated.puzzles, rated.rated_in_file, rated.largest), (4, 3, 60));
        assert_eq!(rated.rank_correlation.map(|r| (r * 1e6).round()), Some(1e6));
        assert_eq!(rated.same_bucket, Some(1.0));
        let text = text(&rated);
        assert!(text.contains("60 guesses") && text.contains("correlation"), "{text}");
        let plain = compare(&[(1, None)]);
        assert!(plain.rank_correlation.is_none());
        assert!(super::text(&plain).contains("takes 1 guess\n"));
    }
}
