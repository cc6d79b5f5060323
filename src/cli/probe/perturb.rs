//! `loopscope probe perturb`.

use super::common::{PassArg, ResultsArg};
use crate::cli::args;
use crate::cli::failure::{Failure, Outcome};
use crate::measure::recovery::recovery;
use crate::measure::{Disturbance, DisturbanceKind, Recording};
use crate::report::measured::recovery::{csv, figure, table};

const HELP: &str = "\
Every board runs twice: as it is, and with a change after one iteration. What follows is compared: how many of the
boards that were solved then are solved again at the end, how soon, and what became of the others.

Changes:
  noise:SHARE  Gaussian noise on every element of the state, as a share of its root mean square
  answers:N    the fed-back answers of N blank cells of each board become another digit, with all weight
  states:N     the states of N blank cells of each board become zero

Examples:
  loopscope probe perturb --model sudoku6 --generate 200 --change answers:5
  loopscope probe perturb --model sudoku6 --generate 200 --change noise:0.5 --after 16 --iterations 64 --svg recovery.svg";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(flatten)]
    pass: PassArg,
    /// What is changed: noise:SHARE, answers:N, states:N
    #[arg(long, value_name = "CHANGE", default_value = "answers:3", value_parser = change)]
    change: DisturbanceKind,
    /// After which iteration [default: T of the model]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    after: Option<u32>,
    /// Iterations in all [default: three times that]
    #[arg(long, value_name = "N", value_parser = args::recorded())]
    iterations: Option<u32>,
    /// Of noise and of the choice of cells
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    change_seed: u64,
    #[command(flatten)]
    results: ResultsArg,
}

/// “noise:0.5”.
fn change(text: &str) -> Result<DisturbanceKind, String> {
    let wrong = || {
        format!(
            "“{text}” is no change; there are noise:SHARE from 0 to 100, answers:N and states:N with N from 1 to 1024"
        )
    };
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let count = || value.parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(wrong);
    match name {
        "noise" => {
            let share: Option<f32> = value.parse().ok().filter(|v| (0.0..=100.0).contains(v));
            share.map(DisturbanceKind::Noise).ok_or_else(wrong)
        }
        "answers" => count().map(DisturbanceKind::Answers),
        "states" => count().map(DisturbanceKind::States),
        _ => Err(wrong()),
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut ready = args.pass.ready()?;
    let after = args.after.unwrap_or(ready.trained);
    let iterations = args.iterations.unwrap_or(3 * after);
    if iterations <= after {
        return Err(Failure::Input(format!(
            "--iterations is {iterations}; it counts from the beginning and must be more than --after, {after}"
        )));
    }
    let disturbance = Disturbance { after, kind: args.change };
    let plain = Recording { seed: args.change_seed, ..Recording::plain(iterations) };
    let settings = Recording { disturbance: Some(disturbance), ..plain };
    ready.alike();
    let undisturbed = ready.pass(plain)?;
    let disturbed = ready.pass(settings)?;
    let found = recovery(&ready.puzzles, &undisturbed, &disturbed, disturbance, iterations).map_err(Failure::Input)?;
    let found = ready.of(settings, found);
    args.results.tell(&found, |f| f.titled(&table(&f.found)), |f| csv(&f.found), |f, size| figure(&f.found, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read() {
        assert_eq!(change("noise:0.5"), Ok(DisturbanceKind::Noise(0.5)));
        assert_eq!(change("answers:3"), Ok(DisturbanceKind::Answers(3)));
        assert_eq!(change("states:1"), Ok(DisturbanceKind::States(1)));
        for text in ["", "noise", "noise:-1", "answers:0", "states:x", "cells:1"] {
            assert!(change(text).unwrap_err().contains("noise:SHARE"), "{text}");
        }
    }
}
