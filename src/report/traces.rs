//! A trace as text: a row or an object for each iteration.

use serde::Serialize;

use super::rows::exact;
use crate::trace::{ControllerFrame, Curves, Routing, Trace};

/// One row an iteration. Entropy in nats, confidence and the other means over the blank cells;
/// `correct` counts blank cells and is empty where no solution is known. Of a routed network there follow
/// the routing entropy, the mean weight of each head, the norms of the controller's states with whether the
/// slow one was updated, and the share of the cells that have halted, as far as it has them.
#[must_use]
pub fn trace_csv(trace: &Trace) -> String {
    let c = Curves::of(trace);
    let first = trace.frames.first();
    let heads = first.and_then(|f| f.routing.as_ref()).map(|r| usize::from(r.heads));
    let (controller, halting) =
        (first.is_some_and(|f| f.controller.is_some()), first.is_some_and(|f| f.halting.is_some()));
    let mut out = String::from("iteration,entropy,confidence,residual,flips,correct,valid,state_norm,violations");
    if let Some(heads) = heads {
        out.push_str(",routing_entropy");
        (1..=heads).for_each(|h| out.push_str(&format!(",head_load_{h}")));
    }
    out.push_str(if controller { ",fast_norm,slow_norm,slow_updated" } else { "" });
    out.push_str(if halting { ",halted_share\n" } else { "\n" });
    for (i, frame) in trace.frames.iter().enumerate() {
        out.push_str(&format!(
            "{},{},{},{},{},{},{},{},{}",
            i + 1,
            exact(c.entropy[i]),
            exact(c.confidence[i]),
            exact(c.residual[i]),
            c.flips[i],
            c.correct[i].map_or_else(String::new, |n| n.to_string()),
            c.valid[i],
            exact(c.state_norm[i]),
            c.violations[i],
        ));
        let mut cell = |text: String| out.push_str(&format!(",{text}"));
        if let Some(routing) = frame.routing.as_ref().filter(|_| heads.is_some()) {
            cell(exact(routing.entropy()));
            routing.load().into_iter().for_each(|l| cell(exact(l)));
        }
        if let Some(state) = frame.controller.filter(|_| controller) {
            cell(exact(state.fast));
            cell(exact(state.slow));
            cell(state.slow_moved.to_string());
        }
        if let Some(halting) = frame.halting.as_ref().filter(|_| halting) {
            cell(exact(halting.share()));
        }
        out.push('\n');
    }
    out
}

/// One row an iteration, block and cell: the weight α of each head before its scale, in steps of 1/65,535.
/// Blocks, rows and columns count from 1. A header alone where nothing routes.
#[must_use]
pub fn routing_csv(trace: &Trace) -> String {
    let shape = trace.shape();
    let heads = trace.frames.iter().find_map(|f| f.routing.as_ref()).map_or(0, |r| usize::from(r.heads));
    let mut out = String::from("iteration,block,row,column");
    (1..=heads).for_each(|h| out.push_str(&format!(",head_{h}")));
    out.push('\n');
    for frame in &trace.frames {
        let Some(routing) = &frame.routing else { continue };
        for block in 0..routing.blocks(shape.cells()) {
            for cell in 0..shape.cells() {
                let (row, column) = (shape.row_of(cell) + 1, shape.col_of(cell) + 1);
                out.push_str(&format!("{},{},{row},{column}", frame.iteration.0, block + 1));
                for weight in routing.row(shape.cells(), block, cell) {
                    out.push_str(&format!(",{}", exact(weight.get())));
                }
                out.push('\n');
            }
        }
    }
    out
}

/// One row an iteration and cell: the clue (0 for a blank), the model's arg-max digit, the
/// Euclidean norm of the cell's state and the probability of every digit, in steps of 1/65,535.
/// Rows and columns count from 1.
#[must_use]
pub fn probabilities_csv(trace: &Trace) -> String {
    let shape = trace.shape();
    let mut out = String::from("iteration,row,column,clue,digit,state_norm");
    (1..=shape.side()).for_each(|d| out.push_str(&format!(",p_{d}")));
    out.push('\n');
    for frame in &trace.frames {
        for cell in 0..shape.cells() {
            let digit = frame.digits.get(cell).copied().unwrap_or(0);
            let norm = frame.state_norm.get(cell).copied().unwrap_or(f32::NAN);
            let (row, column) = (shape.row_of(cell) + 1, shape.col_of(cell) + 1);
            let clue = trace.puzzle.clues.get(cell);
            out.push_str(&format!("{},{row},{column},{clue},{digit},{}", frame.iteration.0, exact(norm)));
            let given = frame.cell(cell);
            (0..shape.side()).for_each(|d| {
                out.push(',');
                out.push_str(&exact(given.get(d).copied().unwrap_or_default().get()));
            });
            out.push('\n');
        }
    }
    out
}

#[derive(Serialize)]
struct JsonFrame<'a> {
    iteration: u32,
    board: &'a str,
    entropy: f32,
    confidence: f32,
    residual: f32,
    flips: u32,
    correct: Option<u32>,
    valid: bool,
    state_norm: f32,
    violations: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_entropy: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_load: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller: Option<ControllerFrame>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halted_share: Option<f32>,
}

#[derive(Serialize)]
struct JsonHead<'a> {
    model: &'a str,
    puzzle: &'a crate::tasks::sudoku::Puzzle,
    trained_iterations: u32,
    step: u32,
    interventions: &'a crate::config::Interventions,
    frames: usize,
    verdict: String,
}

/// JSON Lines: first an object on the whole trace, then one for each iteration with the answer as a
/// line of digits. A number that is infinite or none is null, since JSON has no other word for it.
#[must_use]
pub fn trace_json_lines(trace: &Trace) -> String {
    let c = Curves::of(trace);
    let head = JsonHead {
        model: &trace.model,
        puzzle: &trace.puzzle,
        trained_iterations: trace.trained_iterations,
        step: trace.step.0,
        interventions: &trace.interventions,
        frames: trace.frames.len(),
        verdict: c.verdict().to_string(),
    };
    let mut out = line(&head);
    for i in 0..c.len() {
        let iteration = i as u32 + 1;
        out.push_str(&line(&JsonFrame {
            iteration,
            board: &trace.board(crate::trace::Iteration(iteration)).to_line(),
            entropy: c.entropy[i],
            confidence: c.confidence[i],
            residual: c.residual[i],
            flips: c.flips[i],
            correct: c.correct[i],
            valid: c.valid[i],
            state_norm: c.state_norm[i],
            violations: c.violations[i],
            routing_entropy: c.routing_entropy[i],
            head_load: trace.frames[i].routing.as_ref().map(Routing::load),
            controller: c.controller[i],
            halted_share: c.halted[i],
        }));
    }
    out
}

/// Plain structs with text keys always have a JSON form.
fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Interventions;
    use crate::tasks::sudoku::{Puzzle, parse_grid};
    use crate::trace::{Frame, Iteration, Probability, Step};

    fn trace() -> Trace {
        let frame = |i, residual| Frame {
            iteration: Iteration(i),
            digits: [1, 2, 3, 4].repeat(4),
            probabilities: [65_535, 0, 0, 0].repeat(16).into_iter().map(Probability).collect(),
            state_norm: vec![2.5; 16],
            residual,
            ..Frame::default()
        };
        Trace {
            puzzle: Puzzle::unchecked(parse_grid("1...34....4....1").expect("a board")),
            model: "sudoku4".into(),
            trained_iterations: 16,
            step: Step(200),
            interventions: Interventions::default(),
            frames: vec![frame(1, 0.5), frame(2, f32::NAN)],
        }
    }

    #[test]
    fn the_tables_look_like_this() {
        insta::assert_snapshot!(trace_csv(&trace()), @r"
        iteration,entropy,confidence,residual,flips,correct,valid,state_norm,violations
        1,0.0,1.0,0.5,0,,false,2.5,10
        2,0.0,1.0,NaN,0,,false,2.5,10
        ");
        let cells = probabilities_csv(&trace());
        assert_eq!(cells.lines().count(), 1 + 2 * 16);
        insta::assert_snapshot!(cells.lines().take(3).collect::<Vec<_>>().join("\n"), @r"
        iteration,row,column,clue,digit,state_norm,p_1,p_2,p_3,p_4
        1,1,1,1,1,2.5,1.0,0.0,0.0,0.0
        1,1,2,0,2,2.5,1.0,0.0,0.0,0.0
        ");
        insta::assert_snapshot!(trace_json_lines(&trace()), @r#"
        {"model":"sudoku4","puzzle":{"clues":"1...34....4....1"},"trained_iterations":16,"step":200,"interventions":{"damping":1.0,"prediction_scale":1.0,"normalise_before_head":false,"bf16_state":false,"knocked_out":""},"frames":2,"verdict":"Not solved after 2 iterations: too few to say more."}
        {"iteration":1,"board":"1234343412441231","entropy":0.0,"confidence":1.0,"residual":0.5,"flips":0,"correct":null,"valid":false,"state_norm":2.5,"violations":10}
        {"iteration":2,"board":"1234343412441231","entropy":0.0,"confidence":1.0,"residual":null,"flips":0,"correct":null,"valid":false,"state_norm":2.5,"violations":10}
        "#);
    }

    #[test]
    fn what_a_routed_network_adds() {
        let mut trace = trace();
        for frame in &mut trace.frames {
            let weights = [49_151, 16_384].repeat(16).into_iter().map(Probability).collect();
            frame.routing = Some(Routing { heads: 2, weights });
            frame.controller = Some(ControllerFrame { fast: 1.5, slow: 0.5, slow_moved: frame.iteration.0 == 1 });
        }
        insta::assert_snapshot!(trace_csv(&trace), @r"
        iteration,entropy,confidence,residual,flips,correct,valid,state_norm,violations,routing_entropy,head_load_1,head_load_2,fast_norm,slow_norm,slow_updated
        1,0.0,1.0,0.5,0,,false,2.5,10,0.5623393,0.7499962,0.2500038,1.5,0.5,true
        2,0.0,1.0,NaN,0,,false,2.5,10,0.5623393,0.7499962,0.2500038,1.5,0.5,false
        ");
        let rows = routing_csv(&trace);
        assert_eq!(rows.lines().count(), 1 + 2 * 16);
        insta::assert_snapshot!(rows.lines().take(2).collect::<Vec<_>>().join("\n"), @r"
        iteration,block,row,column,head_1,head_2
        1,1,1,1,0.7499962,0.2500038
        ");
        assert!(trace_json_lines(&trace).contains(r#""controller":{"fast":1.5,"slow":0.5,"slow_moved":true}"#));
    }
}
