//! `iterations.jsonl`: the twin of `iterations.csv` as JSON Lines.

use serde::Serialize;

use crate::trace::ProbeReport;

/// The same names in the same order as the table's columns, but for `head_load`, which is a list.
#[derive(Serialize)]
struct Row<'a> {
    schema: u32,
    run_id: Option<&'a str>,
    config_hash: Option<&'a str>,
    seed: Option<u64>,
    device: Option<&'a str>,
    epoch: Option<u32>,
    step: u32,
    boards: u32,
    trained_iterations: u32,
    iteration: u32,
    loss: Option<f32>,
    solved: u32,
    right_share: Option<f32>,
    gradient_norm: Option<f32>,
    residual: Option<f32>,
    attention_entropy: Option<f32>,
    route_entropy: Option<f32>,
    route_top1_share: Option<f32>,
    halted_share: Option<f32>,
    ponder_cost: Option<f32>,
    ms_forward: Option<f32>,
    head_load: Option<&'a [f32]>,
}

/// One object an iteration and probe. An empty cell of the table is null, and so is a number that is
/// infinite or none, for which JSON has no word. Numbers read back as the same bits.
#[must_use]
pub fn json_lines(probes: &[ProbeReport]) -> String {
    let mut out = String::new();
    for p in probes {
        let stamp = p.stamp.as_ref();
        for (i, solved) in p.solved.iter().enumerate() {
            let now = p.readings.get(i);
            let routing = now.and_then(|n| n.routing.as_ref());
            let halting = now.and_then(|n| n.halting);
            let row = Row {
                schema: 2,
                run_id: stamp.map(|s| s.run.as_str()),
                config_hash: stamp.map(|s| s.config_hash.as_str()),
                seed: stamp.map(|s| s.seed),
                device: stamp.map(|s| s.device.as_str()),
                epoch: p.epoch,
                step: p.step.0,
                boards: p.boards,
                trained_iterations: p.trained_iterations,
                iteration: i as u32 + 1,
                loss: now.map(|n| n.loss),
                solved: *solved,
                right_share: now.map(|n| n.right_share),
                gradient_norm: p.gradient_norm,
                residual: now.map(|n| n.residual),
                attention_entropy: now.map(|n| n.attention_entropy),
                route_entropy: routing.map(|r| r.entropy),
                route_top1_share: routing.map(|r| r.top1_share),
                halted_share: halting.map(|h| h.share),
                ponder_cost: halting.map(|h| h.ponder_cost),
                ms_forward: now.map(|n| n.milliseconds),
                head_load: routing.map(|r| r.load.as_slice()),
            };
            // A plain struct always has a JSON form.
            out.push_str(&serde_json::to_string(&row).unwrap_or_default());
            out.push('\n');
        }
    }
    out
}
