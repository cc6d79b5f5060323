//! `loopscope probe interventions`.

use super::common::{ResultsArg, record};
use crate::cli::args::{self, DeviceArg, KernelsArg, ModelSettings};
use crate::cli::boards::BoardsArg;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::models;
use crate::cli::session::Session;
use crate::config::Interventions;
use crate::engine::protocol::Kernels;
use crate::measure::Recording;
use crate::measure::scaling::{differences, scaling};
use crate::report::measured::interventions::{Changed, ModelChanged, csv, figure, table};

const HELP: &str = "\
Every change is one pass over the same boards. Differences are from the undisturbed pass, of the mean over the
buckets, with a paired bootstrap over the boards; an interval that holds zero says that no difference was found.

Changes, several with commas:
  damping:A           carries A · new + (1 − A) · old on; predictions come from the undamped state
  prediction-scale:B  scales the fed-back prediction, its bias included
  normalise           normalises the state before the output head
  bf16                rounds the carried state to bfloat16

Examples:
  loopscope probe interventions --model sudoku6 --generate 200
  loopscope probe interventions --model sudoku6 --change damping:0.9,damping:0.5 --iterations 8,32,128 --svg changes.svg";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(long, value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    boards: BoardsArg,
    /// What to change, each by itself
    #[arg(
        long,
        value_name = "CHANGE,…",
        value_delimiter = ',',
        default_value = "damping:0.9,damping:0.7,damping:0.5,prediction-scale:0.5,prediction-scale:0.1,normalise,bf16",
        value_parser = change
    )]
    change: Vec<(String, Interventions)>,
    /// Numbers of iterations to score [default: T, 2T, 4T and 16T of the model]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = args::recorded())]
    iterations: Vec<u32>,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
    #[command(flatten)]
    kernels: KernelsArg,
    #[command(flatten)]
    results: ResultsArg,
}

/// Puzzles that are made where nothing was said.
const PUZZLES: u32 = 200;

/// “damping:0.9”.
fn change(text: &str) -> Result<(String, Interventions), String> {
    let plain = Interventions::default();
    let wrong = || {
        format!(
            "“{text}” is no change; there are damping:A from 0 to 1, prediction-scale:B from 0 to 2, normalise and bf16"
        )
    };
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    let number = |most: f32| value.parse().ok().filter(|v| (0.0..=most).contains(v)).ok_or_else(wrong);
    let interventions = match name {
        "damping" => Interventions { damping: number(1.0)?, ..plain },
        "prediction-scale" => Interventions { prediction_scale: number(2.0)?, ..plain },
        "normalise" if value.is_empty() => Interventions { normalise_before_head: true, ..plain },
        "bf16" if value.is_empty() => Interventions { bf16_state: true, ..plain },
        _ => return Err(wrong()),
    };
    Ok((text.to_owned(), interventions))
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut session = Session::start(&args.device.device)?;
    let card = session.open(models::resolve(&args.model)?, &args.settings.set)?;
    let trained = card.trained_iterations.max(1);
    let iterations = if args.iterations.is_empty() {
        vec![trained, 2 * trained, 4 * trained, 16 * trained]
    } else {
        args::rising(&args.iterations)
    };
    let longest = iterations.last().copied().unwrap_or(trained);
    let puzzles = args.boards.puzzles(&args.model, &card, PUZZLES)?;
    // A rounded state is computed operation by operation, so what it is compared with is, too.
    let bf16 = args.change.iter().any(|(_, i)| i.bf16_state);
    let kernels = if bf16 { Kernels::Plain } else { args.kernels.kernels };
    let mut pass = |interventions| {
        let settings = Recording { interventions, ..Recording::plain(longest) };
        record(&mut session, puzzles.clone(), settings, kernels).map(|(records, _)| records)
    };
    let unchanged = pass(Interventions::default())?;
    let score = |records: &[_]| scaling(&puzzles, records, &iterations, 0).map(|s| s.rows).map_err(Failure::Input);
    let mut changes = Vec::new();
    for (name, interventions) in &args.change {
        let records = pass(*interventions)?;
        changes.push(Changed {
            name: name.clone(),
            interventions: *interventions,
            rows: score(&records)?,
            differences: differences(&puzzles, [&unchanged, &records], &iterations, 0).map_err(Failure::Input)?,
        });
    }
    let found = ModelChanged {
        model: card.name.clone(),
        device: session.device().name.clone(),
        trained_iterations: trained,
        unchanged: score(&unchanged)?,
        changes,
    };
    args.results.tell(&found, table, csv, figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read() {
        assert_eq!(change("damping:0.9").unwrap().1.damping, 0.9);
        assert!(change("bf16").unwrap().1.bf16_state);
        for text in ["", "damping", "damping:2", "prediction-scale:x", "normalise:1", "noise:1"] {
            assert!(change(text).unwrap_err().contains("damping:A"), "{text}");
        }
    }
}
