//! Figures are drawn whatever the numbers are, and say what they show.

use super::*;
use crate::config::Interventions;
use crate::tasks::sudoku::{Puzzle, parse_grid};
use crate::trace::{Count, Frame, Iteration, Probability, Step};

/// Gets surer and sharper, solves at iteration 5.
fn trace(frames: u32) -> Trace {
    let mut puzzle = Puzzle::unchecked(parse_grid("1...34....4....1").expect("a board"));
    let solution = parse_grid("1234341221434321").expect("a board");
    puzzle.solution = Some(solution.clone());
    let frame = |i: u32| {
        let right = (65_535.0 * (1.0 - 0.7 / i as f32)) as u16;
        let mut digits = solution.cells().to_vec();
        if i < 5 {
            digits[15 - i as usize] = 1;
        }
        Frame {
            iteration: Iteration(i),
            probabilities: digits
                .iter()
                .flat_map(|d| {
                    (1..=4).map(|n| Probability(if n == *d { right } else { (65_535 - right) / 3 })).collect::<Vec<_>>()
                })
                .collect(),
            digits,
            state_norm: vec![5.0; 16],
            residual: 0.8 / (i * i) as f32,
            ..Frame::default()
        }
    };
    Trace {
        puzzle,
        model: "sudoku4 <&>".into(),
        trained_iterations: 16,
        step: Step(200),
        interventions: Interventions::default(),
        frames: (1..=frames).map(frame).collect(),
    }
}

fn metrics() -> Vec<StepMetrics> {
    let of = |k: u32| {
        let x = 1.4 * (-(k as f32) / 30.0).exp() + 0.05 * ((k * k % 17) as f32 / 17.0);
        StepMetrics {
            step: Step(20 * k),
            loss: x,
            loss_by_iteration: vec![1.2 * x, 0.8 * x],
            solved_by_iteration: vec![0.0, 1.0 - x / 1.5],
            gradient_norm: 1.0,
            learning_rate: 1e-3,
            boards_per_second: 6800.0,
            seconds: 1.0,
            routing: None,
        }
    };
    (1..=100).map(of).collect()
}

fn probes() -> Vec<ProbeReport> {
    let of = |k: u32| ProbeReport {
        step: Step(500 * k),
        boards: 64,
        trained_iterations: 16,
        solved: (1..=256u32).map(|i| (64 * i * k / (i * k + 40)).min(64)).collect(),
        ..ProbeReport::default()
    };
    (1..=9).map(of).collect()
}

fn scores() -> Vec<Score> {
    let of = |iterations: u32| {
        let share = |hard: u32| Count { solved: 200 * iterations / (iterations + hard), of: 200 };
        let by_bucket: Vec<_> = Bucket::ALL.into_iter().zip([0, 2, 8, 20, 80]).map(|(b, h)| (b, share(h))).collect();
        let total = Count { solved: by_bucket.iter().map(|(_, c)| c.solved).sum(), of: 1000 };
        Score { iterations, total, by_bucket }
    };
    [128, 4, 16, 64, 1, 1024].map(of).to_vec()
}

fn sheet(svg: Result<String, ReportError>, name: &str, words: &[&str]) {
    let svg = svg.expect("it can be drawn");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
    assert!(svg.contains("font-family=\"sans-serif\""));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    for word in words {
        assert!(svg.contains(word), "{name} lacks “{word}”");
    }
    // For a person to look at: LOOPSCOPE_FIGURES=folder cargo test figures
    if let Some(folder) = std::env::var_os("LOOPSCOPE_FIGURES") {
        std::fs::write(std::path::Path::new(&folder).join(name).with_extension("svg"), svg).expect("writable");
    }
}

#[test]
fn figures_say_what_they_show() {
    let size = Size::default();
    let t = trace(200);
    let words = [
        "Entropy (nats)",
        "Residual",
        "Flips (cells)",
        "Confidence",
        "Iteration",
        "trained with 16",
        "solved",
        "Solved and settled from iteration 5",
        "&lt;&amp;&gt;",
    ];
    sheet(curves_figure(&t, &Curves::of(&t), size), "curves", &words);
    sheet(loss_figure(&metrics(), size), "loss", &["Loss (nats)", "Step", "2,000", "Loss after iteration 2"]);
    sheet(probe_figure(&probes(), size), "probe", &["Solved (%)", "Step 4,500", "Step 500", "trained with 16", "256"]);
    let words = ["All", "51+ guesses", "1,000 puzzles", "1,024"];
    sheet(scores_figure("sudoku9", 16, &scores(), size), "scores", &words);
}

#[test]
fn bad_numbers_leave_gaps() {
    let size = Size { width: 0, height: 0 };
    let mut t = trace(40);
    for (i, bad) in [(3, f32::NAN), (4, f32::INFINITY), (6, 0.0), (8, -1.0), (39, f32::NEG_INFINITY)] {
        t.frames[i].residual = bad;
        t.frames[i].state_norm[0] = bad;
    }
    sheet(curves_figure(&t, &Curves::of(&t), size), "gaps", &["not finite"]);
    t.frames.iter_mut().for_each(|f| f.residual = f32::NAN);
    sheet(curves_figure(&t, &Curves::of(&t), size), "no-residual", &[]);
    sheet(curves_figure(&trace(1), &Curves::of(&trace(1)), size), "one", &[]);
    let mut m = metrics();
    m[3].loss = f32::NAN;
    m[4].loss = f32::MAX;
    sheet(loss_figure(&m, size), "loss-gaps", &[]);
    sheet(loss_figure(&m[..1], size), "loss-one", &[]);
    sheet(probe_figure(&probes()[..1], size), "probe-one", &[]);
    sheet(scores_figure("m", 16, &scores()[..1], size), "scores-one", &[]);
}

#[test]
fn nothing_to_draw_is_said() {
    let empty = trace(0);
    let said = |r: Result<String, ReportError>| r.expect_err("nothing to draw").to_string();
    let size = Size::default();
    assert_eq!(
        said(curves_figure(&empty, &Curves::of(&empty), size)),
        "the figure cannot be drawn: the trace has no frames yet"
    );
    assert!(said(loss_figure(&[], size)).ends_with("no step has been recorded yet"));
    assert!(said(probe_figure(&[], size)).ends_with("no probe has been recorded yet"));
    assert!(said(scores_figure("m", 16, &[], size)).ends_with("no puzzle has been evaluated"));
}
