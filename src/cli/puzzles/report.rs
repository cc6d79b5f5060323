//! `loopscope puzzles report`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::hunt::{Hunt, Rate};
use super::{rate, search};
use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::{interrupt, output};
use crate::tasks::sudoku::{Agreement, Bucket};

const HELP: &str = "\
Each hard bucket is searched alone, on all threads, for half of the time; what counts is wall time, so on a
busy machine the rates are lower. The puzzles are not kept: see puzzles search. With --against, the
puzzles of a file with ratings are rated anew and both ratings are compared.

Example:
  loopscope puzzles report --minutes 4 --threads 2 --against dev.csv.gz";

/// How far the shares of a bucket may be apart.
const POINTS: f64 = 5.0;
/// The buckets that only a search fills.
const HARD: [Bucket; 2] = [Bucket::ElevenFifty, Bucket::FiftyOnePlus];

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// How long to search, in minutes
    #[arg(long, value_name = "MINUTES", default_value = "4", value_parser = search::minutes)]
    minutes: Duration,
    /// The same seed makes the same walks
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// How many threads search [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Puzzles with a rating column
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Report {
    seed: u64,
    threads: usize,
    rates: Vec<Rate>,
    agreement: Option<Agreement>,
    /// Whether every bucket's share is within five percentage points of the file's.
    within_five_points: Option<bool>,
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    // Rated first: a file that cannot be read is told before the search.
    let agreement = match &args.against {
        None => None,
        Some(file) => {
            let found = rate::agreement(&rate::rate_all(file)?);
            Some(found.ok_or_else(|| {
                Failure::file(file, "no puzzle in it has a rating; name a CSV file with a column `rating`")
            })?)
        }
    };
    let threads = search::threads(args.threads);
    let interrupted = interrupt::heard(None)?;
    let mut rates = Vec::new();
    for bucket in HARD {
        if !interrupted.load(Ordering::SeqCst) {
            rates.extend(measure(bucket, args, threads, &interrupted)?);
        }
    }
    let within = agreement.as_ref().map(|found| found.largest_difference <= POINTS);
    let report = Report { seed: args.seed, threads, rates, agreement, within_five_points: within };
    if args.json {
        output::json(&report)?;
    } else {
        output::line(search::table(&report.rates, threads))?;
        if let Some(found) = &report.agreement {
            output::line(format_args!("\n{}", rate::in_words(found).trim_end()))?;
        }
    }
    Ok(if within == Some(false) { Answer::No } else { Answer::Yes })
}

fn measure(bucket: Bucket, args: &Args, threads: usize, interrupted: &Arc<AtomicBool>) -> Result<Vec<Rate>, Failure> {
    let progress = Progress::waiting("searching");
    progress.say(format!("searching for puzzles that take {bucket} guesses"));
    let hunt = Hunt::new(&[bucket], args.seed, usize::MAX, Vec::new()).map_err(Failure::input)?;
    let hunt = hunt.until(Instant::now().checked_add(args.minutes / HARD.len() as u32));
    Ok(hunt.run(threads, interrupted, |_| Ok(()))?.rates(threads))
}
