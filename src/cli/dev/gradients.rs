//! The gradient of a training step against differences in double precision.

use crate::cli::args::DeviceArg;
use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::{models, output};
use crate::engine::protocol::{Command, Event, Kernels};
use crate::tasks::sudoku::{Clues, GenerateSpec};
use crate::trace::GradientReport;
use crate::train::evaluation_puzzles;

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("weights").required(true).args(["preset", "model"]))]
pub(super) struct Args {
    /// Take the first weights of this preset
    #[arg(long, value_name = "PRESET")]
    preset: Option<String>,
    /// Take these weights
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Boards of the batch
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    boards: u32,
    /// T [default: the model's]
    #[arg(long, value_name = "T")]
    iterations: Option<u32>,
    /// Entries of every tensor that are compared
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(1..))]
    each: u32,
    /// Dropout rate
    #[arg(long, value_name = "RATE", default_value = "0.1")]
    dropout: f64,
    /// Of puzzles, dropout and entries
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// plain, fused, half; several with commas. What is not there on the device is passed over
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "plain,fused,half")]
    kernels: Vec<Kernels>,
    /// Compare whole gradients with that on tensors on the processor, too
    #[arg(long)]
    against_stock: bool,
    #[command(flatten)]
    device: DeviceArg,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let fresh = args.preset.as_ref().map(|preset| format!("fresh:{preset}"));
    let source = models::resolve(fresh.as_deref().or(args.model.as_deref()).unwrap_or_default())?;
    let mut session = Session::start(&args.device.device)?;
    let card = session.open(source, &[])?;
    let shape = card.config.shape();
    let spec = GenerateSpec {
        clues: Clues::Between { min: shape.cells() / 4, max: shape.cells() / 2 },
        ..GenerateSpec::usual(shape)
    };
    let puzzles = evaluation_puzzles(spec, args.seed, args.boards as usize);
    let wait = Progress::waiting("the differences");
    let request = session.ask(|request| Command::Gradients {
        request,
        puzzles,
        iterations: args.iterations,
        dropout: args.dropout,
        seed: args.seed,
        kernels: args.kernels.clone(),
        each: args.each as usize,
        against_stock: args.against_stock,
    });
    let report = loop {
        if let Event::Gradients { report, .. } = session.next_of(request)? {
            break report;
        }
    };
    drop(wait);
    if args.json {
        output::json(&report)?
    } else {
        print(&card.name, &report)?
    }
    let holds = !report.ways.is_empty() && report.ways.iter().all(|way| way.holds());
    Ok(if holds { Answer::Yes } else { Answer::No })
}

fn print(name: &str, report: &GradientReport) -> Result<(), Failure> {
    output::line(format_args!(
        "{name}: {} parameters, {}, T = {}, dropout {}; differences took {:.1} s",
        output::thousands(report.parameters as u64),
        output::count(report.boards, "board"),
        report.iterations,
        report.dropout,
        report.seconds
    ))?;
    for missing in &report.missing {
        output::line(format_args!("not here, {missing}"))?;
    }
    let Some(first) = report.ways.first() else { return Ok(()) };
    let mut head = format!("\n{:<26} {:>7}", "tensor: |g − d| / |d|", "entries");
    report.ways.iter().for_each(|way| head.push_str(&format!(" {:>9}", way.kernels)));
    output::line(head)?;
    for (i, tensor) in first.tensors.iter().enumerate() {
        let mut line = format!("{:<26} {:>7}", tensor.name, tensor.entries);
        for off in report.ways.iter().filter_map(|way| way.tensors.get(i)) {
            line.push_str(&format!(" {:>9.1e}", off.whole));
        }
        output::line(line)?;
    }
    for way in &report.ways {
        let Some(worst) = way.worst() else { continue };
        let entry = way.tensors.iter().map(|t| t.worst).fold(0.0, f64::max);
        let stock = way.against_stock.map_or_else(String::new, |off| format!(", {off:.1e} from the stock path"));
        output::line(format_args!(
            "{}: at most {:.1e} ({}), an entry {entry:.1e}{stock}; allowed {:.0e}: {}",
            way.kernels,
            worst.whole,
            worst.name,
            way.limit(),
            if way.holds() { "holds" } else { "does NOT hold" }
        ))?;
    }
    Ok(())
}
