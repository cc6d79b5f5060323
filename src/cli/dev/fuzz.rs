//! Damaged input into every reader of foreign files: errors are fine, panics and large appetites are
//! not. Case i follows from the seed and i alone, so one that fails can be repeated by itself.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::inputs::Samples;
use crate::cli::failure::{Answer, Outcome};
use crate::cli::memory;
use crate::cli::output::{self, duration, thousands};
use crate::cli::progress::Progress;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Cases over all readers
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    cases: u64,
    /// The same seed gives the same cases
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Begin with this case, to repeat one
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
}

/// Something that reads foreign input. `Ok(true)`: it was taken; `Ok(false)`: refused with an error.
pub(super) struct Reader {
    pub(super) name: &'static str,
    /// An input for the case of that random generator.
    pub(super) input: fn(&Samples, &mut rand_chacha::ChaCha8Rng) -> Vec<u8>,
    /// Reads it; whether it was taken.
    pub(super) read: fn(&[u8]) -> bool,
    /// The most bytes that reading an input of so many bytes may hold at once.
    pub(super) bound: fn(usize) -> usize,
}

/// The most memory that the whole process may ever hold, all threads together.
const PROCESS_BOUND: usize = 1 << 30;
/// Longer than this is a hang to a user.
const SLOWEST: Duration = Duration::from_secs(10);
/// Cases that a thread takes at a time.
const BATCH: u64 = 256;

/// What was seen of one reader.
#[derive(Clone, Default)]
struct Tally {
    cases: u64,
    taken: u64,
    panics: u64,
    too_hungry: u64,
    /// Largest held at once, in bytes.
    peak: usize,
    slowest: Duration,
    /// The first failures, in words.
    failures: Vec<String>,
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

pub(super) fn run(args: &Args) -> Outcome {
    output::line(format_args!("seed {}, {} cases from case {}", args.seed, thousands(args.cases), args.first))?;
    let samples = Samples::new();
    let before = std::panic::take_hook();
    // A panic is counted and told in the end, not printed a thousand times.
    std::panic::set_hook(Box::new(|info| PANIC.with(|p| *p.borrow_mut() = info.to_string())));
    memory::start_counting();
    let start = Instant::now();
    let mut tallies = all_cases(args, &samples);
    tallies.push(largest());
    std::panic::set_hook(before);
    report(args, &tallies, start.elapsed())
}

fn all_cases(args: &Args, samples: &Samples) -> Vec<Tally> {
    let readers = super::inputs::readers();
    let progress = Progress::bar(args.cases as usize, "cases");
    let (next, total) = (AtomicU64::new(0), Mutex::new(vec![Tally::default(); readers.len()]));
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = vec![Tally::default(); readers.len()];
                loop {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= args.cases {
                        break;
                    }
                    let to = (from + BATCH).min(args.cases);
                    for case in args.first + from..args.first + to {
                        let reader = (case % readers.len() as u64) as usize;
                        one_case(args.seed, case, &readers[reader], samples, &mut own[reader]);
                    }
                    progress.add((to - from) as usize);
                }
                let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                total.iter_mut().zip(own).for_each(|(t, o)| t.add(o));
            });
        }
    });
    drop(progress);
    total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The largest trace that is read, by itself: what the bound of that reader really costs.
fn largest() -> Tally {
    let mut tally = Tally::default();
    let input = super::inputs::largest_trace();
    measured(&super::inputs::LARGEST, 0, &input, &mut tally);
    tally
}

fn one_case(seed: u64, case: u64, reader: &Reader, samples: &Samples, tally: &mut Tally) {
    let input = (reader.input)(samples, &mut super::inputs::random(seed, case));
    measured(reader, case, &input, tally);
}

fn measured(reader: &Reader, case: u64, input: &[u8], tally: &mut Tally) {
    let start = Instant::now();
    let (result, peak) = memory::peak_of(|| catch_unwind(AssertUnwindSafe(|| (reader.read)(input))));
    tally.cases += 1;
    tally.peak = tally.peak.max(peak);
    tally.slowest = tally.slowest.max(start.elapsed());
    let mut fail = |what: String| {
        if tally.failures.len() < 3 {
            tally.failures.push(format!("case {case}, {} bytes: {what}", input.len()));
        }
    };
    match result {
        Ok(taken) => tally.taken += u64::from(taken),
        Err(_) => {
            tally.panics += 1;
            fail(PANIC.with(|p| p.take()));
        }
    }
    let bound = (reader.bound)(input.len());
    if peak > bound {
        tally.too_hungry += 1;
        fail(format!("it held {} bytes; at most {} are allowed", thousands(peak as u64), thousands(bound as u64)));
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.taken += other.taken;
        self.panics += other.panics;
        self.too_hungry += other.too_hungry;
        self.peak = self.peak.max(other.peak);
        self.slowest = self.slowest.max(other.slowest);
        self.failures.extend(other.failures);
    }
}

fn report(args: &Args, tallies: &[Tally], time: Duration) -> Outcome {
    output::line(format_args!(
        "{:<24} {:>11} {:>11} {:>11} {:>7} {:>16} {:>11}",
        "reader", "cases", "taken", "errors", "panics", "peak bytes held", "slowest, ms"
    ))?;
    let mut well = true;
    for (reader, t) in super::inputs::readers().iter().chain([&super::inputs::LARGEST]).zip(tallies) {
        output::line(format_args!(
            "{:<24} {:>11} {:>11} {:>11} {:>7} {:>16} {:>11.1}",
            reader.name,
            thousands(t.cases),
            thousands(t.taken),
            thousands(t.cases - t.taken - t.panics),
            thousands(t.panics),
            thousands(t.peak as u64),
            1000.0 * t.slowest.as_secs_f64()
        ))?;
        for failure in &t.failures {
            output::line(format_args!("  {failure}"))?;
        }
        if t.slowest > SLOWEST {
            output::line(format_args!("  one case took {}", duration(t.slowest.as_secs_f64())))?;
        }
        well &= t.panics == 0 && t.too_hungry == 0 && t.slowest <= SLOWEST;
    }
    let sum = |of: fn(&Tally) -> u64| thousands(tallies.iter().map(of).sum::<u64>());
    output::line(format_args!(
        "{} cases, {} panics, in {}",
        sum(|t| t.cases),
        sum(|t| t.panics),
        duration(time.as_secs_f64())
    ))?;
    match memory::high_water_mark() {
        Some(bytes) => {
            output::line(format_args!("peak memory of the process: {} of {} MiB", bytes >> 20, PROCESS_BOUND >> 20))?;
            well &= bytes <= PROCESS_BOUND;
        }
        None => output::line("peak memory of the process: this system does not tell")?,
    }
    if !well {
        output::line(format_args!(
            "FAILED; repeat one case with: loopscope dev fuzz --seed {} --first CASE --cases 1",
            args.seed
        ))?;
    }
    Ok(if well { Answer::Yes } else { Answer::No })
}
