//! What single trainings did: shown, and not judged.

use std::collections::BTreeSet;

use super::super::words::{list, number, thousands};
use super::super::{Table, Verdict};
use super::{Finding, Section};
use crate::config::shipped;
use crate::measure::scaling::Row;
use crate::report::measured::scaling::ModelScaling;

/// `single_runs`. `all` is the output of `loopscope probe scaling --json`: an array of one entry a model, in any
/// number of files.
pub(super) fn runs(models: &[String], all: &[ModelScaling]) -> Result<Finding, Vec<String>> {
    let of = |name: &String| all.iter().filter(|m| m.model == *name && !m.scaling.rows.is_empty()).collect::<Vec<_>>();
    let missing: Vec<&String> = models.iter().filter(|&name| of(name).is_empty()).collect();
    if !missing.is_empty() {
        return Err(vec![format!(
            "{} {} no result of `loopscope probe scaling --json` in the folder “scaling”",
            list(&missing),
            if missing.len() == 1 { "has" } else { "have" }
        )]);
    }
    let found: Vec<&ModelScaling> = models.iter().flat_map(of).collect();
    let said: Vec<String> = found.iter().map(|m| format!("{}: {}.", m.model, sentence(m))).collect();
    let puzzles: BTreeSet<u32> = found.iter().map(|m| puzzles(m)).collect();
    let puzzles: Vec<String> = puzzles.into_iter().map(|n| thousands(n.into())).collect();
    let plural = if models.len() == 1 { "" } else { "s" };
    Ok(Finding {
        verdict: Verdict::SingleRun,
        found: said.join(" "),
        sections: found.iter().map(|m| Section { about: about(m), table: table(m) }).collect(),
        sample: format!("n = {} run{plural}, one training each; {} puzzles", models.len(), list(&puzzles)),
        commands: found.iter().map(|m| m.command.clone()).filter(|c| !c.is_empty()).collect(),
        notes: vec![
            "The intervals are of a bootstrap over the puzzles of each bucket: they tell what other puzzles would \
             give of the same weights, and nothing of another training. All rows of a table are of one pass over the \
             same puzzles, so that two may differ though their intervals overlap. A peak was picked after looking, so \
             it is no finding by itself."
                .into(),
        ],
    })
}

/// Of one pass.
fn puzzles(one: &ModelScaling) -> u32 {
    one.scaling.rows.first().map_or(0, |r| r.total.of)
}

/// “57.3 % at T = 16; peak 58.3 % at 32 iterations; 0 % at 1,024 iterations”, of the mean over the buckets.
fn sentence(one: &ModelScaling) -> String {
    let rows = &one.scaling.rows;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return String::new() };
    let at = |row: &Row| format!("{} at {}", percent(row.balanced.share), iterations(row.iterations));
    // The earliest of equals.
    let peak = rows.iter().fold(first, |best, r| if r.balanced.share > best.balanced.share { r } else { best });
    if rows.len() == 1 {
        return at(first);
    }
    if peak.balanced.share <= 0.0 {
        let (from, to) = (thousands(first.iterations.into()), iterations(last.iterations));
        return format!("nothing solved from {from} to {to}");
    }
    let mut parts = Vec::new();
    let trained = |row: &&Row| row.iterations == one.trained_iterations;
    let elsewhere = |row: &&Row| row.iterations != peak.iterations && row.iterations != last.iterations;
    if let Some(row) = rows.iter().find(trained).filter(elsewhere) {
        parts.push(format!("{} at T = {}", percent(row.balanced.share), row.iterations));
    }
    let which = if peak.iterations == last.iterations {
        ", the most that were measured"
    } else if trained(&peak) {
        ", its T"
    } else {
        ""
    };
    parts.push(format!("peak {}{which}", at(peak)));
    if peak.iterations != last.iterations {
        parts.push(at(last));
    }
    parts.join("; ")
}

/// What the measurement is of.
fn about(one: &ModelScaling) -> String {
    let (ever, lost) = (one.scaling.ever, one.scaling.lost);
    let mut out = format!(
        "**{}**, one training with T = {}; {} puzzles, computed on {}. Solved at some iteration: {} of {}; of these, no \
         longer at the end: {}.",
        one.model,
        one.trained_iterations,
        thousands(puzzles(one).into()),
        one.device,
        thousands(ever.solved.into()),
        thousands(ever.of.into()),
        thousands(lost.into())
    );
    // The result file does not say how its weights were trained; the card of weights that ship does.
    let card = shipped::card(&one.model).filter(|c| c.trained_iterations == one.trained_iterations);
    if let Some(card) = card.filter(|c| !c.provenance.command.is_empty()) {
        out.push_str(&format!(
            " The model that ships under this name was trained with `{}`: {} steps on {}.",
            card.provenance.command,
            thousands(card.step.into()),
            card.provenance.device
        ));
        // What came before that run is part of the training.
        if let Some(before) = &card.provenance.began_with {
            out.push_str(&format!(" {before}"));
        }
    }
    out
}

/// By iterations: the mean with its interval, and every bucket that has puzzles.
fn table(one: &ModelScaling) -> Table {
    let buckets = one.scaling.rows.first().map(|r| r.buckets.as_slice()).unwrap_or_default();
    let buckets: Vec<_> = buckets.iter().filter(|(_, count)| count.of > 0).collect();
    let mut head = vec!["iterations".to_owned(), "mean of the buckets, %".into()];
    head.extend(buckets.iter().map(|(bucket, count)| format!("{bucket} guesses, % of {}", thousands(count.of.into()))));
    let mut table = Table::new(&head);
    for row in &one.scaling.rows {
        let own = if row.iterations == one.trained_iterations { " (T)" } else { "" };
        let [mean, low, high] = [row.balanced.share, row.balanced.low, row.balanced.high].map(|x| number(100.0 * x));
        let mut cells = vec![format!("{}{own}", thousands(row.iterations.into())), format!("{mean} ({low} to {high})")];
        cells.extend(buckets.iter().map(|(bucket, _)| {
            let count = row.buckets.iter().find(|(b, count)| b == bucket && count.of > 0);
            count.map_or_else(|| "–".to_owned(), |(_, count)| number(100.0 * count.share()))
        }));
        table.row(cells);
    }
    table
}

/// “58.3 %”; “0 %” and “100 %” where it is so exactly.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if [0.0, 1.0].contains(&share) { format!("{percent:.0} %") } else { format!("{} %", number(percent)) }
}

/// “1 iteration”, “1,024 iterations”.
fn iterations(n: u32) -> String {
    format!("{} iteration{}", thousands(n.into()), if n == 1 { "" } else { "s" })
}
