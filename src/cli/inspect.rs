//! `loopscope inspect`: what a model file holds, without a device.

use std::path::Path;

use serde::Serialize;

use super::failure::{Answer, Failure, Outcome};
use super::output::{self, thousands};
use super::{models, read};
use crate::config::{ModelCard, NetworkKind, preset, preset_note, shipped};
use crate::models::{Inspection, MAX_FILE, inspect, layout};

const HELP: &str = "\
Only the header is read. Exit code 1 says that the file cannot be used as a model.

Examples:
  loopscope inspect sudoku4
  loopscope inspect --preset poh-parity-none";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file or a run folder
    #[arg(required_unless_present = "preset", conflicts_with = "preset")]
    model: Option<String>,
    /// A training preset instead: what its network would hold
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Told<'a> {
    card: Option<&'a ModelCard>,
    parameters: usize,
    tensors: Vec<Tensor<'a>>,
    problems: &'a [String],
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: &'a [usize],
}

#[derive(Serialize)]
struct Counted<'a> {
    preset: &'a str,
    network: NetworkKind,
    parameters: usize,
    stack: usize,
    controller: Option<usize>,
    tensors: Vec<Tensor<'a>>,
}

pub(super) fn run(args: &Args) -> Outcome {
    if let Some(name) = &args.preset {
        return counted(name, args.json);
    }
    let model = args.model.as_deref().unwrap_or_default();
    let inspection = match shipped::bytes(model) {
        Some(bytes) => inspect(bytes).map_err(|e| Failure::Input(format!("{model}: {e}")))?,
        None => {
            let file = models::file(Path::new(model))?;
            let bytes = read::bytes(&file, MAX_FILE)?;
            inspect(&bytes).map_err(|e| Failure::file(&file, e))?
        }
    };
    if args.json {
        let tensors = inspection.tensors.iter().map(|(name, dtype, shape)| Tensor { name, dtype, shape }).collect();
        let (card, parameters, problems) = (inspection.card.as_ref(), inspection.parameters, &inspection.problems[..]);
        output::json(&Told { card, parameters, tensors, problems })?;
    } else {
        output::write(text(model, &inspection).as_bytes())?;
    }
    Ok(if inspection.problems.is_empty() { Answer::Yes } else { Answer::No })
}

/// What a preset's network would hold, counted from its layout.
fn counted(name: &str, json: bool) -> Outcome {
    let config = preset(name).map_err(|e| Failure::Input(e.to_string()))?;
    let (model, layout) = (&config.model, layout(&config.model));
    // The published count has the temperature, which is not trained and not in the layout.
    let controller = model.poh.is_recurrent().then(|| model.poh.controller_parameters(model) + 1);
    let stack = model.stack_parameters();
    if json {
        let tensors = layout.specs.iter().map(|s| Tensor { name: &s.name, dtype: "F32", shape: &s.shape }).collect();
        let parameters = layout.total();
        output::json(&Counted { preset: name, network: model.network, parameters, stack, controller, tensors })?;
        return Ok(Answer::Yes);
    }
    let mut out = format!(
        "{name}: {} boards, width {}, {}, {}, hidden width {}\n",
        output::board(model.shape()),
        thousands(model.width as u64),
        output::count(model.blocks, "block"),
        output::count(model.heads, "head"),
        thousands(model.hidden as u64)
    );
    out.extend(preset_note(name).map(|note| format!("{note}\n")));
    let mut add = |count: usize, what: &str| out.push_str(&format!("{:>12}  {what}\n", thousands(count as u64)));
    add(layout.total(), "parameters in all");
    add(stack, "in the stack: blocks, routers, positions, controller and what halts");
    add(layout.total() - stack, "in the maps from and to the board");
    if let Some(controller) = controller {
        add(controller, "in the controller, with its temperature, which is not trained");
    }
    output::write(out.as_bytes())?;
    Ok(Answer::Yes)
}

fn text(name: &str, inspection: &Inspection) -> String {
    let mut out = String::new();
    let mut add = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    match &inspection.card {
        Some(card) => about(card).into_iter().for_each(&mut add),
        None => add(format!(
            "{name}: no description of Loopscope's; sizes follow from the tensors, heads from --set heads=N"
        )),
    }
    add(String::new());
    let shown = |shape: &[usize]| format!("{shape:?}");
    let (mut widest, mut widest_shape) = (6, 5);
    for (name, _, shape) in &inspection.tensors {
        widest = widest.max(name.chars().count());
        widest_shape = widest_shape.max(shown(shape).len());
    }
    add(format!("{:<widest$}  {:<5}  {:>widest_shape$}  {:>10}", "tensor", "type", "shape", "values"));
    for (name, dtype, shape) in &inspection.tensors {
        let values = shape.iter().fold(1_usize, |n, s| n.saturating_mul(*s));
        add(format!("{name:<widest$}  {dtype:<5}  {:>widest_shape$}  {:>10}", shown(shape), thousands(values as u64)));
    }
    add(format!(
        "{} values in {}",
        thousands(inspection.parameters as u64),
        output::count(inspection.tensors.len(), "tensor")
    ));
    if !inspection.problems.is_empty() {
        add(String::new());
        add("It cannot be used as a model:".into());
        inspection.problems.iter().for_each(|p| add(format!("  {p}")));
    }
    out
}

/// The card in sentences; what it does not say is left out.
fn about(card: &ModelCard) -> Vec<String> {
    let (c, p) = (&card.config, &card.provenance);
    let mut out = vec![
        format!(
            "{}: {} boards, width {}, {}, {}, hidden width {}",
            card.name,
            output::board(c.shape()),
            thousands(c.width as u64),
            output::count(c.blocks, "block"),
            output::count(c.heads, "head"),
            thousands(c.hidden as u64)
        ),
        format!(
            "trained with {} for {}",
            output::count(card.trained_iterations as usize, "iteration"),
            output::count(card.step as usize, "step")
        ),
    ];
    let mut known = |what: &str, value: &str| {
        if !value.is_empty() {
            out.push(format!("{what}: {value}"));
        }
    };
    known("command", &p.command);
    known("start", p.began_with.as_deref().unwrap_or_default());
    known("data", &p.data);
    known("device", &p.device);
    if p.seconds > 0.0 {
        known("time", &output::duration(p.seconds));
    }
    p.figures.iter().for_each(|f| known("measured", f));
    out
}
