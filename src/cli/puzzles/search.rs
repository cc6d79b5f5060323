//! `loopscope puzzles search`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::generate::{csv, gzip, gzipped};
use super::hunt::{Hunt, Rate};
use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::{interrupt, output, read};
use crate::store;
use crate::tasks::sudoku::{Bucket, Puzzle};

const HELP: &str = "\
Hard 9×9 puzzles are rare: of 100,000 random minimal ones about 100 take 11 guesses and none 51. So
walks begin at a random one, change a few clues at a time and keep what takes more guesses. The mean
over random ways of writing a puzzle counts, so that hard puzzles are found and not lucky ways of
writing. All puzzles are minimal and differ by more than a symmetry.

The file holds a puzzle of each bucket, then the next of each; --count is a bucket's. It is brought up to
date every few seconds. Stop with Ctrl-C and call the same again to go on: the file becomes what it would
have become without the break, with any number of threads.

Examples:
  loopscope puzzles search --bucket 11-50 --bucket 51+ --count 100 --seed 7 --out hard.csv.gz
  loopscope puzzles search --bucket 0 --bucket 1-2 --bucket 3-10 --bucket 11-50 --bucket 51+ \\
    --count 300 --seed 1 --no-solutions --out sudoku9.csv.gz";

/// The file is written at most so often, and no more than a twentieth of the time goes into it.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Guesses that the puzzles are to take; once for each bucket: 0, 1-2, 3-10, 11-50, 51+
    #[arg(long = "bucket", value_name = "RANGE", value_parser = bucket, required = true)]
    buckets: Vec<Bucket>,
    /// How many of each bucket
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// The same seed gives the same puzzles
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// A CSV file, gzipped where the name ends in .gz; where it is there already, the search goes on
    #[arg(long, value_name = "FILE.csv[.gz]")]
    out: PathBuf,
    /// How many threads search [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Stop after so many minutes
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    minutes: Option<Duration>,
    /// Leave the solutions out of the file, which makes it half as large
    #[arg(long)]
    no_solutions: bool,
    /// One JSON object on what was found
    #[arg(long)]
    json: bool,
}

pub(super) fn bucket(text: &str) -> Result<Bucket, String> {
    Bucket::named(text).ok_or_else(|| format!("“{text}” is no bucket; there are 0, 1-2, 3-10, 11-50 and 51+"))
}

/// A time in minutes.
pub(super) fn minutes(text: &str) -> Result<Duration, String> {
    let wrong = || format!("“{text}” is no number of minutes above 0, such as 2 or 0.5");
    let minutes: f64 = text.parse().map_err(|_| wrong())?;
    Some(minutes)
        .filter(|m| *m > 0.0)
        .and_then(|m| Duration::try_from_secs_f64(60.0 * m).ok())
        .filter(|d| Instant::now().checked_add(*d).is_some())
        .ok_or_else(wrong)
}

/// `--threads`, or as many as there are cores.
pub(super) fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

#[derive(serde::Serialize)]
struct Report<'a> {
    seed: u64,
    threads: usize,
    seconds: f64,
    finished: bool,
    buckets: &'a [Rate],
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    if let Some(twice) = args.buckets.iter().enumerate().find(|(i, b)| args.buckets[..*i].contains(b)) {
        return Err(Failure::Input(format!("--bucket {} is given twice; name each bucket once", twice.1)));
    }
    let threads = threads(args.threads);
    let (before, began) = (earlier(&args.out)?, Instant::now());
    let had = before.len();
    let hunt = Hunt::new(&args.buckets, args.seed, args.count as usize, before)
        .map_err(|what| Failure::file(&args.out, what))?
        .until(args.minutes.map(|time| began + time));
    if let Some(folder) = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        store::now(store::make_folder(folder))
            .map_err(|e| Failure::file(folder, format!("the folder cannot be made: {e}")))?;
    }
    let interrupted = interrupt::heard(None)?;
    let progress = Progress::bar(args.count as usize * args.buckets.len(), "puzzles found");
    progress.add(had);
    let mut shown = had;
    let (mut written, mut pause) = (Instant::now(), PAUSE);
    let hunt = hunt.run(threads, &interrupted, |hunt| {
        progress.add(hunt.rows().len() - shown);
        shown = hunt.rows().len();
        if written.elapsed() >= pause {
            let began = Instant::now();
            write(&args.out, hunt.rows(), args.no_solutions)?;
            pause = PAUSE.max(20 * began.elapsed());
            written = Instant::now();
        }
        Ok(())
    })?;
    drop(progress);
    write(&args.out, hunt.rows(), args.no_solutions)?;
    let (rates, seconds) = (hunt.rates(threads), began.elapsed().as_secs_f64());
    if args.json {
        let finished = hunt.is_done();
        output::json(&Report { seed: args.seed, threads, seconds, finished, buckets: &rates })?;
    } else {
        let end = if hunt.is_done() { "" } else { "; the search is not at its end: call the same again to go on" };
        let (all, new) = (output::count(hunt.rows().len(), "puzzle"), output::thousands(hunt.rows().len() - had));
        output::line(format_args!(
            "{}: {all}, {new} of them new, in {}{end}\n\n{}",
            args.out.display(),
            output::duration(seconds),
            table(&rates, threads)
        ))?;
    }
    Ok(Answer::Yes)
}

/// The rows of a file that an earlier call has written.
fn earlier(path: &Path) -> Result<Vec<Puzzle>, Failure> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    read::puzzles(path)?.collect::<Result<_, _>>().map_err(|e| Failure::file(path, e))
}

/// The file as it would be without a break. Nothing is written where nothing was found.
fn write(path: &Path, rows: &[Puzzle], no_solutions: bool) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = if no_solutions {
        csv(&rows.iter().map(|row| Puzzle { solution: None, ..row.clone() }).collect::<Vec<_>>())?
    } else {
        csv(rows)?
    };
    let bytes = if gzipped(path) { gzip(&text)? } else { text };
    store::now(store::replace(path, &bytes)).map_err(|e| Failure::file(path, format!("cannot be written: {e}")))
}

/// Rates in lines.
pub(super) fn table(rates: &[Rate], threads: usize) -> String {
    let on = output::count(threads, "thread");
    let mut out = format!("{:>7}  {:>9}  {:>12}  an hour on {on} for it alone\n", "guesses", "found", "thread time");
    for rate in rates {
        let per_hour = rate.per_hour.map_or_else(|| "-".to_owned(), |r| output::thousands(r.round() as u64));
        let time = output::duration(rate.thread_seconds);
        let (bucket, found) = (rate.bucket.label(), output::thousands(rate.found as u64));
        out.push_str(&format!("{bucket:>7}  {found:>9}  {time:>12}  {per_hour}\n"));
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_on_the_command_line() {
        assert_eq!(bucket("51+"), Ok(Bucket::FiftyOnePlus));
        assert!(bucket("51").is_err_and(|m| m.contains("“51” is no bucket") && m.contains("11-50")));
        assert_eq!(minutes("0.5"), Ok(Duration::from_secs(30)));
        for wrong in ["0", "-1", "soon", "NaN", "1e300"] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(threads(Some(3)), 3);
    }
}
