//! `loopscope puzzles rate`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::{output, read};
use crate::tasks::sudoku::{Agreement, Bucket, rate};

const HELP: &str = "\
The rating is the number of guesses that a solver needs which draws every simple conclusion first.
Where the file has a rating column, the two ratings are compared: shares of the buckets, the difference in
percentage points, how many puzzles are in which bucket by both, and Spearman's rank correlation.

Example:
  loopscope puzzles rate puzzles.csv.gz";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Puzzles as CSV or plain text, gzipped or not; - for standard input; or pack:sudoku9
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
    /// Both ratings of the puzzles that have one in the file.
    agreement: Option<Agreement>,
}

#[derive(Serialize)]
struct InBucket {
    bucket: &'static str,
    puzzles: usize,
    in_file: usize,
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let rated = rate_all(&args.file)?;
    if args.json {
        output::json(&compare(&rated))?
    } else {
        output::write(text(&compare(&rated)).as_bytes())?
    }
    Ok(Answer::Yes)
}

/// The rating here and the file's own of every puzzle.
pub(super) fn rate_all(file: &Path) -> Result<Vec<(u32, Option<u32>)>, Failure> {
    let progress = Progress::waiting("rating puzzles");
    let mut ratings: Vec<(u32, Option<u32>)> = Vec::new();
    for puzzle in read::puzzles(file)? {
        let puzzle = puzzle.map_err(|e| Failure::file(file, e))?;
        ratings.push((rate(&puzzle.clues), puzzle.rating));
        if ratings.len().is_multiple_of(1000) {
            progress.say(format!("{} puzzles rated", output::thousands(ratings.len() as u64)));
        }
    }
    Ok(ratings)
}

/// How both ratings of a file agree; nothing where it has none of its own.
pub(super) fn agreement(ratings: &[(u32, Option<u32>)]) -> Option<Agreement> {
    Agreement::of(&ratings.iter().filter_map(|(own, given)| Some((*own, (*given)?))).collect::<Vec<_>>())
}

fn compare(ratings: &[(u32, Option<u32>)]) -> Rated {
    let agreement = agreement(ratings);
    let buckets = Bucket::ALL.map(|bucket| InBucket {
        bucket: bucket.label(),
        puzzles: ratings.iter().filter(|(own, _)| Bucket::of(*own) == bucket).count(),
        in_file: ratings.iter().filter(|(_, given)| given.is_some_and(|g| Bucket::of(g) == bucket)).count(),
    });
    Rated {
        puzzles: ratings.len(),
        buckets: buckets.into(),
        largest: ratings.iter().map(|(own, _)| *own).max().unwrap_or(0),
        rated_in_file: agreement.as_ref().map_or(0, |a| a.puzzles),
        rank_correlation: agreement.as_ref().and_then(|a| a.rank_correlation),
        same_bucket: agreement.as_ref().map(|a| a.same_bucket),
        agreement,
    }
}

fn text(rated: &Rated) -> String {
    let mut out = format!(
        "{}, the hardest takes {}\n\n",
        output::count(rated.puzzles, "puzzle"),
        output::count(rated.largest as usize, "guess").replace("guesss", "guesses")
    );
    out.push_str(&format!("{:>7}  {:>9}  {:>7}\n", "guesses", "puzzles", "share"));
    for row in &rated.buckets {
        let share = 100.0 * row.puzzles as f64 / rated.puzzles.max(1) as f64;
        out.push_str(&format!("{:>7}  {:>9}  {share:>5.1} %\n", row.bucket, output::thousands(row.puzzles as u64)));
    }
    if let Some(agreement) = &rated.agreement {
        out.push('\n');
        out.push_str(&in_words(agreement));
    }
    out
}

/// Two ratings beside each other, as tables.
pub(super) fn in_words(found: &Agreement) -> String {
    let mut out = format!("{} with a rating in the file\n\n", output::count(found.puzzles, "puzzle"));
    out.push_str(&format!("{:>7}  {:>9}  {:>9}  {:>10}\n", "guesses", "here", "by file", "difference"));
    let share = |n: usize| 100.0 * n as f64 / found.puzzles as f64;
    for row in &found.buckets {
        let (label, here, given) = (row.bucket.label(), share(row.here), share(row.given));
        out.push_str(&format!("{label:>7}  {here:>7.1} %  {given:>7.1} %  {:>+10.1}\n", row.difference));
    }
    out.push_str(&format!("\n{:>7}  here\n{:>7}", "by file", ""));
    for bucket in Bucket::ALL {
        out.push_str(&format!("  {:>7}", bucket.label()));
    }
    for (bucket, counts) in Bucket::ALL.iter().zip(&found.confusion) {
        out.push_str(&format!("\n{:>7}", bucket.label()));
        for count in counts {
            out.push_str(&format!("  {:>7}", output::thousands(*count as u64)));
        }
    }
    out.push('\n');
    let (largest, same) = (found.largest_difference, 100.0 * found.same_bucket);
    out.push_str(&format!(
        "\nThe shares differ by at most {largest:.1} percentage points; {same:.1} % are in the same bucket by both.\n"
    ));
    match found.rank_correlation {
        Some(r) => out.push_str(&format!("Spearman's rank correlation with the file's rating column: {r:.4}\n")),
        None => out.push_str("No rank correlation with the file's rating column: it or the rating never differs\n"),
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
