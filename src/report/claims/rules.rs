//! The rules: from a row and its evidence to a verdict with its reasons.

mod arms;
mod counts;
mod gain;
mod growth;
mod single;

use std::collections::BTreeMap;

use super::words::list;
use super::{Arm, Evidence, Probes, Table, Test, Verdict};
use crate::report::statistics::Corrected;

/// What was found of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// What was found, in a sentence or two.
    pub found: String,
    /// The numbers.
    pub sections: Vec<Section>,
    /// Seeds and puzzles, in words.
    pub sample: String,
    /// Commands that make the numbers again.
    pub commands: Vec<String>,
    /// What else has to be said.
    pub notes: Vec<String>,
}

/// A table with what is said before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Before it; nothing where the row says all.
    pub about: String,
    /// The numbers.
    pub table: Table,
}

impl From<Table> for Section {
    fn from(table: Table) -> Self {
        Self { about: String::new(), table }
    }
}

/// Applies a row's rule. `evidence` is by the study's name, `probes` is all that was measured outside of studies.
#[must_use]
pub fn find(test: &Test, evidence: &BTreeMap<String, Evidence>, probes: &Probes) -> Finding {
    let of = match test.study() {
        None => None,
        Some(name) => match evidence.get(name) {
            Some(of) => Some(of),
            None => return missing(&[format!("there is nothing of the study “{name}”")], Vec::new()),
        },
    };
    let found = match (test, of) {
        (Test::NotTested { reason }, _) => return missing_reason(reason.clone()),
        (Test::ExactCount { counts }, _) => return counts::exact_count(counts),
        (Test::GainRetrained { cells, judge, margin, table, .. }, Some(of)) => {
            gain::retrained(of, cells, *judge, *margin, table)
        }
        (Test::GainOneModel { cell, iterations, judge, margin, table, .. }, Some(of)) => {
            gain::one_model(of, cell, iterations, *judge, *margin, table)
        }
        (Test::OptimumAt { at, cells, iterations, margin, .. }, Some(of)) => {
            gain::optimum(of, *at, cells, iterations, *margin)
        }
        (Test::ArmDifference { arm, against, iterations, margin, .. }, Some(of)) => {
            arms::difference(of, arm, against, *iterations, *margin)
        }
        (Test::GrowthWithin { low, high }, _) => growth::within(&probes.spectra, *low, *high),
        (Test::GrowthByRounding { low, high }, _) => growth::rounding(&probes.spectra, *low, *high),
        (Test::GrowthWhenSettled {}, _) => growth::settled(&probes.spectra),
        (Test::SingleRuns { models }, _) => single::runs(models, &probes.scaling),
        // A rule that needs a study has one here.
        (_, None) => Err(Vec::new()),
    };
    let commands = of.map(Evidence::command).into_iter().collect();
    let mut finding = match found {
        Ok(finding) if of.is_none() => finding,
        Ok(finding) => Finding { commands, ..finding },
        Err(why) => return missing(&why, commands),
    };
    let older = of.map(Evidence::older).unwrap_or_default();
    if !older.is_empty() {
        finding.notes.push(format!(
            "The configuration of {} was hashed otherwise when {} trained: its form has changed since, or what the \
             preset takes for granted. The command that trains it is the same.",
            list(&older),
            if older.len() == 1 { "it was" } else { "they were" }
        ));
    }
    finding
}

/// The same rule for every comparison that a row makes: paired by seed.
fn paired(first: &Arm, second: &Arm) -> Vec<f64> {
    second.percent.iter().filter_map(|(seed, v)| first.percent.get(seed).map(|f| v - f)).collect()
}

/// Seeds of all arms, which must be the same.
fn seeds(arms: &[&Arm]) -> Result<Vec<u64>, Vec<String>> {
    let of = |a: &Arm| a.percent.keys().copied().collect::<Vec<_>>();
    let first = arms.first().map(|a| of(a)).unwrap_or_default();
    if let Some(other) = arms.iter().find(|a| of(a) != first) {
        return Err(vec![format!("{} has other seeds than {}: they cannot be paired", other.cell, arms[0].cell)]);
    }
    if first.len() < 2 {
        return Err(vec!["there is only one seed, of which no spread is known".into()]);
    }
    Ok(first)
}

fn sample(of: &Evidence, seeds: &[u64], margin: f64) -> String {
    format!(
        "n = {} seeds ({}), {} unseen puzzles each; margin {} points",
        seeds.len(),
        list(seeds),
        super::words::thousands(of.puzzles().into()),
        super::words::number(margin)
    )
}

/// Where nobody solves anything, or everybody everything, there is no difference to be found: nothing is
/// known then, whatever the intervals say.
fn at_an_end(verdict: Verdict, arms: &[&Arm]) -> (Verdict, Option<String>) {
    let all = |test: fn(f64) -> bool| arms.iter().all(|a| a.percent.values().all(|v| test(*v)));
    let said = if all(|v| v < 1.0) {
        "Nobody solves even 1 %: these puzzles are too hard for so little training to tell anything apart."
    } else if all(|v| v > 99.0) {
        "Everybody solves more than 99 %: these puzzles are too easy to tell anything apart."
    } else {
        return (verdict, None);
    };
    (if verdict == Verdict::NoDifference { Verdict::Inconclusive } else { verdict }, Some(said.to_owned()))
}

/// What a verdict rests on, in words.
fn because(verdict: Verdict, differences: &[(String, Corrected)], margin: f64) -> String {
    use super::verdict::{Sign, sign};
    let named = |wanted: Sign| {
        let all: Vec<&str> =
            differences.iter().filter(|(_, d)| sign(d, margin) == wanted).map(|(n, _)| n.as_str()).collect();
        (!all.is_empty()).then(|| list(&all))
    };
    let margin = super::words::number(margin);
    let mut parts = Vec::new();
    if let Some(all) = named(Sign::Above) {
        parts.push(format!("above 0: {all}"));
    }
    if let Some(all) = named(Sign::Below) {
        parts.push(format!("below 0: {all}"));
    }
    if let Some(all) = named(Sign::Nothing) {
        parts.push(format!("within {margin} points of 0: {all}"));
    }
    if let Some(all) = named(Sign::Unknown) {
        parts.push(format!("cannot be told from 0, nor from more than {margin} points: {all}"));
    }
    let word = match verdict {
        Verdict::Holds => "As claimed",
        Verdict::DoesNotHold => "Not as claimed",
        Verdict::NoDifference => "No difference that matters",
        Verdict::Inconclusive => "Too little is known",
        Verdict::SingleRun => "Shown, not judged",
        Verdict::NotTested => "Not tested",
    };
    format!("{word}; {}.", parts.join("; "))
}

fn missing(why: &[String], commands: Vec<String>) -> Finding {
    // Runs without a result are named together.
    const NONE: &str = " has no result";
    let (none, mut parts): (Vec<&str>, Vec<&str>) = why.iter().map(String::as_str).partition(|w| w.ends_with(NONE));
    let none: Vec<&str> = none.iter().filter_map(|w| w.strip_suffix(NONE)).collect();
    let together = format!("{} {} no result", list(&none), if none.len() == 1 { "has" } else { "have" });
    if !none.is_empty() {
        parts.push(&together);
    }
    Finding { commands, ..missing_reason(format!("Missing: {}.", parts.join("; "))) }
}

fn missing_reason(found: String) -> Finding {
    Finding {
        verdict: Verdict::NotTested,
        found,
        sections: Vec::new(),
        sample: String::new(),
        commands: Vec::new(),
        notes: Vec::new(),
    }
}
