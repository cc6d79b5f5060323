//! The page: `CLAIMS.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{cell, list, number, thousands};
use super::{Evidence, Finding, Ledger, Probes, Section, Table, Verdict, find};

const ABOUT: &str = "\
What was claimed of Pointer-over-Heads and of looped transformers, what was measured here, and the verdict.
Published numbers are quoted from the ledger; every number of ours comes from result files or from the program's
formulas, and none of them is typed by hand.";

const STATISTICS: &str = "\
A seed decides weights, training puzzles, their order and the unseen puzzles; two cells with the same seed have the
same puzzles. Differences are paired by seed. Intervals are Student's, at 95 % where a mean stands alone; differences
that are judged together have the level that Holm's step-down correction gives them. “Detectable” is the least true
difference, in points, that such a comparison alone finds in 80 of 100 times. With few seeds it is large, and a
difference that was not found may well be there. Rows are judged one by one: of many rows whose claim is nothing, one in
twenty would seem to hold or not.";

/// Writes the page. `evidence` is by the study's name, `probes` is what was measured outside of studies.
#[must_use]
pub fn page(ledger: &Ledger, evidence: &BTreeMap<String, Evidence>, probes: &Probes) -> String {
    let found: Vec<Finding> = ledger.claims.iter().map(|c| find(&c.test, evidence, probes)).collect();
    let mut out = format!(
        "# Claims\n\n<!-- Made by `loopscope claims` from claims/ledger.toml and claims/results. Do not edit. -->\n\n{ABOUT}\n\n"
    );
    let mut table = Table::new(&["claim", "verdict", "n"]);
    for (claim, finding) in ledger.claims.iter().zip(&found) {
        table.row(vec![
            format!("[{}](#{})", claim.claim, claim.id),
            format!("**{}**", finding.verdict.word()),
            count(finding),
        ]);
    }
    out.push_str(&table.text());
    out.push_str("\n## How it is judged\n\n");
    out.push_str(STATISTICS);
    out.push_str("\n\n");
    for verdict in Verdict::ALL {
        out.push_str(&format!("- **{}**: {}.\n", verdict.word(), verdict.meaning()));
    }
    out.push_str("\nThe rules:\n\n");
    let mut said = BTreeSet::new();
    for test in ledger.claims.iter().map(|c| &c.test) {
        if said.insert(test.rule()) {
            out.push_str(&format!("- `{}`: {}\n", test.rule(), test.explanation()));
        }
    }
    out.push_str("\n## The claims\n");
    for (claim, finding) in ledger.claims.iter().zip(&found) {
        out.push_str(&format!("\n<a id=\"{}\"></a>\n### {}\n\n", claim.id, line(&claim.claim)));
        out.push_str(&format!("- Published: {}\n- Source: {}\n", line(&claim.published), line(&claim.source)));
        out.push_str(&format!(
            "- Verdict: **{}** (`{}`). {}\n",
            finding.verdict.word(),
            claim.test.rule(),
            line(&finding.found)
        ));
        if !finding.sample.is_empty() {
            out.push_str(&format!("- Sample: {}.\n", finding.sample));
        }
        if !claim.caveat.is_empty() {
            out.push_str(&format!("- Left open: {}\n", line(&claim.caveat)));
        }
        for command in &finding.commands {
            out.push_str(&format!("- Command: `{command}`\n"));
        }
        for Section { about, table } in finding.sections.iter().filter(|s| !s.table.is_empty()) {
            if !about.is_empty() {
                out.push_str(&format!("\n{}\n", line(about)));
            }
            out.push_str(&format!("\n{}", table.text()));
        }
        for note in &finding.notes {
            out.push_str(&format!("\n{}\n", line(note)));
        }
    }
    // In the ledger's order.
    for study in ledger.studies.iter().filter_map(|s| evidence.get(&s.name)) {
        out.push_str(&runs(study));
    }
    out
}

/// All runs of a study, so that every number can be gone back to.
fn runs(of: &Evidence) -> String {
    let study = of.study();
    let mut out = format!("\n## Runs of {}\n\n{} `{}`\n\n", study.name, line(&study.question), of.command());
    let head =
        ["run", "configuration", "T", "solved at T", "steps", "boards seen", "parameters", "training, s", "device"];
    let mut table = Table::new(&head);
    let mut without = Vec::new();
    for (run, result) in of.runs() {
        let Some(r) = result else {
            without.push(run.name.as_str());
            continue;
        };
        let solved = r.evaluation.iterations.get(&r.trained_iterations);
        table.row(vec![
            run.name.clone(),
            format!("`{}`", r.config_hash),
            r.trained_iterations.to_string(),
            solved.map_or_else(
                || "–".into(),
                |c| format!("{} of {}", thousands(c.solved.into()), thousands(c.of.into())),
            ),
            thousands(r.steps.into()),
            thousands(r.boards_seen),
            match &r.matched {
                Some(m) => {
                    format!("{} (near {}’s {})", thousands(r.parameters as u64), m.cell, thousands(m.parameters as u64))
                }
                None => thousands(r.parameters as u64),
            },
            number(r.training_seconds),
            cell(&r.device),
        ]);
    }
    if !table.is_empty() {
        out.push_str(&table.text());
    }
    if !without.is_empty() {
        out.push_str(&format!("\nWithout a result: {}.\n", list(&without)));
    }
    out
}

fn count(finding: &Finding) -> String {
    let seeds = finding.sample.strip_prefix("n = ").and_then(|s| s.split_once(' '));
    seeds.map_or_else(|| "–".into(), |(n, _)| n.to_owned())
}

/// A text of several lines on one.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
