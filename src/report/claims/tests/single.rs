//! Single trainings.

use std::collections::BTreeMap;

use super::super::*;
use super::test;
use crate::measure::Recording;
use crate::measure::scaling::{Estimate, Row, Scaling, Spent};
use crate::report::measured::scaling::ModelScaling;
use crate::tasks::sudoku::Bucket;
use crate::trace::Count;

const RULE: &str = r#"rule = "single_runs", models = ["falls", "stays"]"#;

/// A model with solved puzzles of 60 without a guess, and of 40 of the hardest, after so many iterations.
fn model(name: &str, solved: &[(u32, u32, u32)]) -> ModelScaling {
    let row = |(iterations, easy, hard): &(u32, u32, u32)| {
        let counts = [(*easy, 60), (0, 0), (0, 0), (0, 0), (*hard, 40)].map(|(solved, of)| Count { solved, of });
        let share = (counts[0].share() + counts[4].share()) / 2.0;
        Row {
            iterations: *iterations,
            total: Count { solved: easy + hard, of: 100 },
            buckets: Bucket::ALL.into_iter().zip(counts).collect(),
            balanced: Estimate { share, low: (share - 0.02).max(0.0), high: (share + 0.02).min(1.0) },
            natural: None,
        }
    };
    let last = solved.last().map_or(1, |(iterations, ..)| *iterations);
    ModelScaling {
        model: name.into(),
        command: format!("loopscope probe scaling --model {name} --json"),
        device: "toy".into(),
        trained_iterations: 16,
        settings: Recording::plain(last),
        scaling: Scaling {
            rows: solved.iter().map(row).collect(),
            spent: Spent::default(),
            lost: 7,
            ever: Count { solved: 81, of: 100 },
        },
        exits: None,
    }
}

fn falls() -> ModelScaling {
    model("falls", &[(16, 45, 20), (32, 48, 20), (1024, 0, 0)])
}

fn stays() -> ModelScaling {
    model("stays", &[(16, 45, 20), (1024, 60, 30)])
}

fn found(scaling: Vec<ModelScaling>) -> Finding {
    find(&test(RULE), &BTreeMap::new(), &Probes { scaling, ..Probes::default() })
}

#[test]
fn single_runs_are_shown_and_not_judged() {
    let finding = found(vec![stays(), falls(), model("another", &[(16, 1, 1)])]);
    assert_eq!(finding.verdict, Verdict::SingleRun);
    assert_eq!(
        finding.found,
        "falls: 62.5 % at T = 16; peak 65.0 % at 32 iterations; 0 % at 1,024 iterations. \
         stays: 62.5 % at T = 16; peak 87.5 % at 1,024 iterations, the most that were measured."
    );
    assert_eq!(finding.sample, "n = 2 runs, one training each; 100 puzzles");
    let commands = ["falls", "stays"].map(|name| format!("loopscope probe scaling --model {name} --json"));
    assert_eq!(finding.commands, commands);
    assert!(finding.notes[0].contains("nothing of another training"), "{}", finding.notes[0]);

    // Only the buckets that have puzzles; the models in the claim's order.
    let [first, second] = finding.sections.as_slice() else { panic!("two sections: {:?}", finding.sections) };
    assert_eq!(
        first.table.text(),
        "| iterations | mean of the buckets, % | 0 guesses, % of 60 | 51+ guesses, % of 40 |\n\
         |---:|---:|---:|---:|\n\
         | 16 (T) | 62.5 (60.5 to 64.5) | 75.0 | 50.0 |\n\
         | 32 | 65.0 (63.0 to 67.0) | 80.0 | 50.0 |\n\
         | 1,024 | 0.0 (0.0 to 2.0) | 0.0 | 0.0 |\n"
    );
    assert_eq!(
        first.about,
        "**falls**, one training with T = 16; 100 puzzles, computed on toy. \
         Solved at some iteration: 81 of 100; of these, no longer at the end: 7."
    );
    assert!(second.about.starts_with("**stays**"), "{}", second.about);
}

#[test]
fn sentences_are_of_the_numbers() {
    let said = |solved: &[(u32, u32, u32)]| {
        let finding = found(vec![model("falls", solved), stays()]);
        finding.found.split_once(". stays").map(|(first, _)| first.to_owned()).expect("two sentences")
    };
    assert_eq!(
        said(&[(16, 60, 40), (64, 30, 20)]),
        "falls: peak 100 % at 16 iterations, its T; 50.0 % at 64 iterations"
    );
    assert_eq!(said(&[(1, 0, 0), (64, 0, 0)]), "falls: nothing solved from 1 to 64 iterations");
    assert_eq!(said(&[(1, 30, 20)]), "falls: 50.0 % at 1 iteration");
    // Of equals the first is the peak.
    assert_eq!(said(&[(8, 30, 20), (32, 30, 20)]), "falls: peak 50.0 % at 8 iterations; 50.0 % at 32 iterations");
}

#[test]
fn a_model_without_a_result_is_not_tested() {
    let none = found(Vec::new());
    assert_eq!(none.verdict, Verdict::NotTested);
    assert!(none.found.starts_with("Missing: falls and stays have no result of `loopscope probe"), "{}", none.found);
    assert!(none.sections.is_empty());
    let half = found(vec![falls()]);
    assert_eq!(half.verdict, Verdict::NotTested);
    assert!(half.found.starts_with("Missing: stays has no result of"), "{}", half.found);
    // Nor does a measurement that scored nothing count.
    assert_eq!(found(vec![falls(), model("stays", &[])]).verdict, Verdict::NotTested);
}

#[test]
fn models_that_ship_tell_how_they_were_trained() {
    let shipped = ModelScaling { trained_iterations: 8, ..model("sudoku6", &[(8, 60, 40)]) };
    let finding = find(
        &test(r#"rule = "single_runs", models = ["sudoku6"]"#),
        &BTreeMap::new(),
        &Probes { scaling: vec![shipped.clone()], ..Probes::default() },
    );
    assert!(finding.sample.starts_with("n = 1 run, "), "{}", finding.sample);
    let about = &finding.sections[0].about;
    assert!(about.contains("under this name was trained with `loopscope train sudoku6"), "{about}");
    // Weights of another T are others.
    let other = ModelScaling { trained_iterations: 5, ..shipped };
    let finding = find(
        &test(r#"rule = "single_runs", models = ["sudoku6"]"#),
        &BTreeMap::new(),
        &Probes { scaling: vec![other], ..Probes::default() },
    );
    assert!(!finding.sections[0].about.contains("under this name"), "{}", finding.sections[0].about);
}

#[test]
fn the_page_tells_single_runs_apart() {
    let ledger = format!(
        "[[claim]]\nid = \"nine\"\nclaim = \"On 9×9.\"\nsource = \"s\"\npublished = \"p\"\ntest = {{ {RULE} }}\n"
    );
    let ledger = Ledger::from_toml(&ledger).expect("a ledger");
    let page_of = |scaling| page(&ledger, &BTreeMap::new(), &Probes { scaling, ..Probes::default() });
    let with = page_of(vec![falls(), stays()]);
    for words in [
        "| [On 9×9.](#nine) | **single run** | 2 |\n",
        "- **single run**: there is one training of each model",
        "- `single_runs`: What `loopscope probe scaling` found",
        "- Verdict: **single run** (`single_runs`). falls: 62.5 % at T = 16;",
        "- Command: `loopscope probe scaling --model stays --json`\n\n**falls**, one training",
        "no longer at the end: 7.\n\n| iterations |",
        "| 0.0 |\n\n**stays**, one training",
    ] {
        assert!(with.contains(words), "{words}: {with}");
    }
    let without = page_of(Vec::new());
    assert!(without.contains("| [On 9×9.](#nine) | **not tested** | – |\n"), "{without}");
}

#[test]
fn models_must_be_named_once() {
    for models in ["[]", r#"["a", "a"]"#] {
        let row = format!(
            "[[claim]]\nid = \"a\"\nclaim = \"A\"\nsource = \"s\"\npublished = \"p\"\n\
             test = {{ rule = \"single_runs\", models = {models} }}\n"
        );
        let told = Ledger::from_toml(&row).expect_err("it cannot be used").to_string();
        assert!(told.contains("and each once"), "{told}");
    }
}
