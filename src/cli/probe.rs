//! `loopscope probe`: measurements of a trained model.

mod common;
mod compare;
mod fixed;
mod heads;
mod inside;
mod interventions;
mod perturb;
mod scaling;
mod spectrum;
mod stopping;
mod verify;

use super::failure::Outcome;

const HELP: &str = "\
Every measurement prints a table, or JSON with --json, and writes CSV and a figure where it is told to. The
window's page “over boards” has all of them, by the same functions, and shows the command that gives its numbers.

Examples:
  loopscope probe scaling --model sudoku6 --generate 200
  loopscope probe verify --model sudoku6 --generate 200 --budget 256";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Solved share against iterations, with intervals, by difficulty; boards may leave when they are done
    Scaling(scaling::Args),
    /// Two models side by side: who solves what over many boards, or how one board goes
    Compare(compare::Args),
    /// Solved share under changes of the pass, beside the unchanged one
    Interventions(interventions::Args),
    /// When to stop: rules that do not know the solution, and what each of them misses
    Stopping(stopping::Args),
    /// Change the state or the answer on the way, and see whether boards recover
    Perturb(perturb::Args),
    /// Whether answers stay: the solution fed in, or the answers of a long pass
    FixedPoints(fixed::Args),
    /// What happens iteration by iteration, how boards end, and what is wrong with those that fail
    Inside(inside::Args),
    /// What attention heads look at, by where the other cell is
    Heads(heads::Args),
    /// Growth of a small change of the state, exact, beside the published estimator
    Spectrum(spectrum::Args),
    /// Ask again until an answer obeys the rules: solved and known to be, against iterations spent
    Verify(verify::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Scaling(args) => scaling::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Interventions(args) => interventions::run(args),
        Command::Stopping(args) => stopping::run(args),
        Command::Perturb(args) => perturb::run(args),
        Command::FixedPoints(args) => fixed::run(args),
        Command::Inside(args) => inside::run(args),
        Command::Heads(args) => heads::run(args),
        Command::Spectrum(args) => spectrum::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
