//! `loopscope trace show`.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;

use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::{output, read, solve};
use crate::report;
use crate::trace::{Curves, Iteration, Trace};

const HELP: &str = "\
A run folder's boards.trace holds several traces; --number picks one.

Examples:
  loopscope trace show first.trace
  loopscope trace show first.trace --csv > first.csv
  loopscope trace show runs/sudoku4-seed1/boards.trace --number 3 --svg curves.svg --png curves.png";

/// The most bytes of a trace file; what it unpacks to is bounded by its reader.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// Rows of the table that fit a screen.
const ROWS: usize = 32;

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A trace file, or - for standard input
    file: PathBuf,
    /// Which trace of the file, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
    /// A row for each iteration
    #[arg(long, conflicts_with_all = ["json", "probabilities"])]
    csv: bool,
    /// A row for each iteration and cell, with the probability of every digit
    #[arg(long, conflicts_with = "json")]
    probabilities: bool,
    /// A row for each iteration, block and cell, with the weight of every head
    #[arg(long, conflicts_with_all = ["json", "csv", "probabilities"])]
    routing: bool,
    /// A line of JSON on the whole, then one for each iteration
    #[arg(long)]
    json: bool,
    /// Draw the curves
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Draw the curves, at twice the size for print
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let bytes = read::bytes(&args.file, MOST_BYTES)?;
    let mut traces = Trace::decode_many(&bytes).map_err(|e| Failure::file(&args.file, e))?;
    let (several, index) = (traces.len(), args.number as usize - 1);
    if index >= several {
        return Err(Failure::file(&args.file, format!("there is no trace {}; it holds {several}", args.number)));
    }
    let trace = traces.swap_remove(index);
    if args.svg.is_some() || args.png.is_some() {
        let svg = report::curves_figure(&trace, &Curves::of(&trace), report::Size::default())
            .map_err(|e| Failure::file(&args.file, e))?;
        if let Some(path) = &args.svg {
            output::file(path, svg.as_bytes())?;
        }
        if let Some(path) = &args.png {
            let png = report::png(&svg, 2.0).map_err(|e| Failure::Engine(e.to_string()))?;
            output::file(path, &png)?;
        }
    }
    if args.routing && trace.frames.iter().all(|f| f.routing.is_none()) {
        return Err(Failure::file(&args.file, "nothing routes in this trace; record one of a routed network"));
    }
    let text = if args.routing {
        report::routing_csv(&trace)
    } else if args.csv {
        report::trace_csv(&trace)
    } else if args.probabilities {
        report::probabilities_csv(&trace)
    } else if args.json {
        report::trace_json_lines(&trace)
    } else {
        let which = if several > 1 { format!("Trace {} of {several}. ", args.number) } else { String::new() };
        which + &text(&trace, std::io::stdout().is_terminal())
    };
    output::write(text.as_bytes())?;
    Ok(Answer::Yes)
}

/// Verdict, table and boards.
fn text(trace: &Trace, terminal: bool) -> String {
    let curves = Curves::of(trace);
    let mut out = format!(
        "{} at step {}, trained with {}: {} recorded.\n{}\n\n",
        trace.model,
        output::thousands(trace.step.0),
        output::count(trace.trained_iterations as usize, "iteration"),
        output::count(curves.len(), "iteration"),
        curves.verdict()
    );
    table(&mut out, &curves);
    for (what, iteration) in [("first", Iteration(1)), ("last", trace.last())] {
        if trace.frame(iteration).is_some() {
            let boards = solve::side_by_side(&trace.puzzle.clues, &trace.board(iteration), terminal);
            let _ = write!(
                out,
                "\nPuzzle, and the answer at the {what} iteration, {}:\n{boards}\n",
                output::thousands(iteration.0)
            );
        }
    }
    out
}

/// All iterations, or so many that the first ones and every doubling are among them.
fn table(out: &mut String, curves: &Curves) {
    let _ = writeln!(
        out,
        "{:>9}  {:>13}  {:>10}  {:>8}  {:>5}  {:>7}  {:>6}",
        "iteration", "entropy, nats", "confidence", "residual", "flips", "correct", "solved"
    );
    for i in chosen(curves.len()) {
        let correct = curves.correct[i].map_or_else(|| "–".into(), |n| format!("{n}/{}", curves.blanks()));
        let _ = writeln!(
            out,
            "{:>9}  {:>13.4}  {:>8.1} %  {:>8.4}  {:>5}  {correct:>7}  {:>6}",
            output::thousands(i as u64 + 1),
            curves.entropy[i],
            100.0 * curves.confidence[i],
            curves.residual[i],
            curves.flips[i],
            if curves.valid[i] { "yes" } else { "no" }
        );
    }
}

/// Indices of the rows shown.
fn chosen(len: usize) -> Vec<usize> {
    if len <= ROWS {
        return (0..len).collect();
    }
    // Every one at first, then ever wider apart, and always the last.
    let mut rows: Vec<usize> = (0..16).collect();
    let mut next = 16.0_f64;
    while (next as usize) < len - 1 {
        rows.push(next as usize);
        next *= (len as f64 / 16.0).powf(1.0 / 15.0).max(1.07);
        next = next.max(rows.last().map_or(0.0, |r| *r as f64 + 1.0));
    }
    rows.push(len - 1);
    rows
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn long_traces_are_thinned() {
        assert_eq!(chosen(32).len(), 32);
        for len in [33, 40, 100, 1024, 100_000] {
            let rows = chosen(len);
            assert!(rows.windows(2).all(|w| w[0] < w[1]), "{len}: {rows:?}");
            assert!(rows.len() <= 48 && rows.last() == Some(&(len - 1)), "{len}: {}", rows.len());
        }
    }
}
