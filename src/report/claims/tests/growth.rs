//! Rules on growth.

use std::collections::BTreeMap;

use super::super::*;
use super::test;
use crate::config::Interventions;
use crate::measure::spectrum::{BoardSpectrum, Differences, Estimators, Exact, SpectrumSettings, Standing};
use crate::report::measured::spectrum::ModelSpectrum;

fn differences(last: f64, first: f64) -> Differences {
    Differences { last, mean: last, first }
}

/// Boards of one model: growth by iteration and standing, and what the estimator in TF32 tells.
fn spectrum(rows: &[(u32, Standing, f64, f64, f64)]) -> ModelSpectrum {
    let boards = rows.iter().flat_map(|(iteration, standing, growth, tf32, first)| {
        (0..4).map(move |board| {
            let growth = growth * (1.0 + 0.001 * board as f64);
            BoardSpectrum {
                board,
                iteration: *iteration,
                standing: *standing,
                wrong: 0,
                state_growth: 1.01,
                exact: Exact { growth, spread: 0.0, converged: board > 0, vectors: vec![growth] },
                leading: Vec::new(),
                lyapunov: Vec::new(),
                estimators: Some(Estimators {
                    fine: differences(growth, growth),
                    single: differences(1.1, 1.1),
                    tf32: differences(*tf32 * (1.0 + 0.01 * board as f64), *first),
                }),
            }
        })
    });
    let mut iterations: Vec<u32> = rows.iter().map(|r| r.0).collect();
    iterations.dedup();
    ModelSpectrum {
        model: "made-up".into(),
        command: "loopscope probe spectrum --model made-up".into(),
        trained_iterations: 16,
        settings: SpectrumSettings {
            iterations,
            vectors: 1,
            steps: 100,
            burn_in: 33,
            seed: 0,
            leading: false,
            moving: false,
            estimators: true,
            interventions: Interventions::default(),
        },
        boards: boards.collect(),
    }
}

fn found(rule: &str, spectra: Vec<ModelSpectrum>) -> Finding {
    find(&test(rule), &BTreeMap::new(), &Probes { spectra, ..Probes::default() })
}

#[test]
fn growth_is_judged() {
    use Verdict::{DoesNotHold, Holds, NotTested};
    let verdict = |rule: &str, rows: &[(u32, Standing, f64, f64, f64)]| {
        let spectra = if rows.is_empty() { Vec::new() } else { vec![spectrum(rows)] };
        found(rule, spectra).verdict
    };
    let (right, moving) = (Standing::SettledRight, Standing::Moving);
    let as_found = [(16, moving, 1.5, 60.0, 58.0), (64, right, 0.98, 40.0, 41.0)];
    let within = r#"rule = "growth_within", low = 14.0, high = 88.0"#;
    assert_eq!(verdict(within, &as_found), DoesNotHold);
    assert_eq!(verdict(within, &[(16, moving, 30.0, 60.0, 58.0)]), Holds);
    let rounding = r#"rule = "growth_by_rounding", low = 14.0, high = 88.0"#;
    assert_eq!(verdict(rounding, &as_found), Holds);
    // Nothing is large at first and it grows: then something was amplified.
    assert_eq!(verdict(rounding, &[(16, moving, 20.0, 60.0, 5.0)]), DoesNotHold);
    assert_eq!(verdict(rounding, &[(16, moving, 59.0, 60.0, 58.0)]), DoesNotHold);
    // Where nothing of that size is told there is nothing to explain.
    assert_eq!(verdict(rounding, &[(64, right, 0.98, 3.0, 3.0)]), NotTested);
    let settled = r#"rule = "growth_when_settled""#;
    assert_eq!(verdict(settled, &as_found), Holds);
    // One half of the claim alone says nothing of the other, nor does what is within the tolerance.
    assert_eq!(verdict(settled, &as_found[1..]), Verdict::Inconclusive);
    assert_eq!(
        verdict(settled, &[(16, moving, 1.5, 60.0, 58.0), (64, right, 1.003, 40.0, 41.0)]),
        Verdict::Inconclusive
    );
    assert_eq!(verdict(settled, &[(64, right, 1.05, 40.0, 41.0)]), DoesNotHold);
    for rule in [within, rounding, settled] {
        assert_eq!(verdict(rule, &[]), NotTested);
    }
    // If plain f32 tells as much, it is not the rounding; and states that have not converged do not count.
    let mut other = spectrum(&as_found);
    for e in other.boards.iter_mut().filter_map(|b| b.estimators.as_mut()) {
        e.single = differences(60.0, 60.0);
    }
    assert_eq!(found(rounding, vec![other.clone()]).verdict, DoesNotHold);
    other.boards.iter_mut().for_each(|b| b.exact.converged = false);
    for rule in [within, rounding, settled] {
        assert_eq!(found(rule, vec![other.clone()]).verdict, NotTested);
    }
    let finding = found(rounding, vec![spectrum(&as_found)]);
    assert_eq!(finding.commands, ["loopscope probe spectrum --model made-up"]);
    assert!(finding.sample.starts_with("n = 4 boards of 1 model"), "{}", finding.sample);
    assert!(finding.notes[0].contains("At 6 of 8 states"), "{}", finding.notes[0]);
}
