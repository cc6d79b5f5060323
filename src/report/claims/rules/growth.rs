//! Rules on the growth of small changes of the state (`specs/sudoku.md` §5.3 and §10).

use std::collections::BTreeSet;

use super::Finding;
use crate::measure::spectrum::{BoardSpectrum, Standing};
use crate::report::claims::{Table, Verdict};
use crate::report::measured::spectrum::ModelSpectrum;
use crate::report::statistics::{Interval, mean_interval};

/// Boards that stand alike, of which a mean is worth telling.
const LEAST: usize = 3;
/// Within this of each other logarithms are measured alike (`probe/spectrum.rs`).
const TOLERANCE: f64 = 0.005;

/// Boards of one model at one iteration.
struct Group<'a> {
    model: &'a str,
    iteration: u32,
    standing: Option<Standing>,
    boards: Vec<&'a BoardSpectrum>,
}

impl Group<'_> {
    /// Of logarithms; means are geometric.
    fn interval(&self, of: impl Fn(&BoardSpectrum) -> Option<f64>) -> Option<Interval> {
        let values: Vec<f64> =
            self.boards.iter().filter_map(|b| of(b)).map(f64::ln).filter(|v| v.is_finite()).collect();
        mean_interval(&values).filter(|_| values.len() >= LEAST)
    }

    /// Of the states whose exact rate had converged: what the others tell is still on its way.
    fn exact(&self) -> Option<Interval> {
        self.interval(|b| b.exact.converged.then_some(b.exact.growth))
    }

    /// States whose exact rate had converged.
    fn converged(&self) -> usize {
        self.boards.iter().filter(|b| b.exact.converged).count()
    }

    fn place(&self) -> String {
        let standing = self.standing.map_or_else(String::new, |s| format!(", {}", s.name()));
        format!("{} at {}{standing}", self.model, self.iteration)
    }
}

/// By model and iteration, and by standing where `apart`.
fn groups(spectra: &[ModelSpectrum], apart: bool) -> Vec<Group<'_>> {
    let mut out = Vec::new();
    for one in spectra {
        for iteration in &one.settings.iterations {
            let standings = if apart { Standing::ALL.map(Some).to_vec() } else { vec![None] };
            for standing in standings {
                let wanted = |b: &&BoardSpectrum| b.iteration == *iteration && standing.is_none_or(|s| b.standing == s);
                let boards: Vec<_> = one.boards.iter().filter(wanted).collect();
                if boards.len() >= LEAST {
                    out.push(Group { model: &one.model, iteration: *iteration, standing, boards });
                }
            }
        }
    }
    out
}

/// “1.03 (1.01 to 1.05)”, of an interval of logarithms.
fn factor(i: Option<Interval>) -> String {
    let Some(i) = i else { return "–".into() };
    let [mean, low, high] = [i.mean, i.low, i.high].map(f64::exp);
    if mean >= 10.0 {
        format!("{mean:.1} ({low:.1} to {high:.1})")
    } else {
        format!("{mean:.3} ({low:.3} to {high:.3})")
    }
}

fn table(groups: &[Group]) -> Table {
    let mut table = Table::new(&[
        "model",
        "iteration",
        "answer",
        "boards",
        "converged",
        "exact, f64",
        "f32, ε = 1e-3",
        "the same in TF32",
        "TF32, first step",
        "the state itself",
    ]);
    for g in groups {
        table.row(vec![
            g.model.to_owned(),
            g.iteration.to_string(),
            g.standing.map_or("all", Standing::name).to_owned(),
            g.boards.len().to_string(),
            g.converged().to_string(),
            factor(g.exact()),
            factor(g.interval(|b| b.estimators.map(|e| e.single.last))),
            factor(g.interval(|b| b.estimators.map(|e| e.tf32.last))),
            factor(g.interval(|b| b.estimators.map(|e| e.tf32.first))),
            factor(g.interval(|b| Some(b.state_growth))),
        ]);
    }
    table
}

fn finding(spectra: &[ModelSpectrum], groups: &[Group], verdict: Verdict, found: String) -> Finding {
    let boards: usize = spectra.iter().map(|s| s.boards.iter().map(|b| b.board).collect::<BTreeSet<_>>().len()).sum();
    let converged = spectra.iter().flat_map(|s| &s.boards).filter(|b| b.exact.converged).count();
    let all: usize = spectra.iter().map(|s| s.boards.len()).sum();
    Finding {
        verdict,
        found,
        sections: vec![table(groups).into()],
        sample: format!("n = {boards} boards of {} model{}", spectra.len(), if spectra.len() == 1 { "" } else { "s" }),
        commands: spectra.iter().map(|s| s.command.clone()).collect(),
        notes: vec![format!(
            "Geometric means over boards with 95 % intervals. At {converged} of {all} states the exact rate had converged; those alone count in its column and in the verdict, which may favour boards whose largest rate stands apart. Estimators tell the factor of their last step, as published."
        )],
    }
}

fn none() -> Vec<String> {
    vec!["there are no results of `loopscope probe spectrum --json` in the folder “spectrum”".into()]
}

/// Whether exact growth lies where it was published to lie.
pub(super) fn within(spectra: &[ModelSpectrum], low: f64, high: f64) -> Result<Finding, Vec<String>> {
    let groups = groups(spectra, false);
    let intervals: Vec<(String, Interval)> = groups.iter().filter_map(|g| Some((g.place(), g.exact()?))).collect();
    if intervals.is_empty() {
        return Err(none());
    }
    let (low, high) = (low.ln(), high.ln());
    let inside = intervals.iter().filter(|(_, i)| i.low >= low && i.high <= high).count();
    let outside = intervals.iter().filter(|(_, i)| i.high < low || i.low > high).count();
    let verdict = match (inside, outside) {
        (n, _) if n == intervals.len() => Verdict::Holds,
        (_, n) if n > 0 => Verdict::DoesNotHold,
        _ => Verdict::Inconclusive,
    };
    let most = intervals.iter().map(|(_, i)| i.mean.exp()).fold(0.0, f64::max);
    let found = format!(
        "Exact growth lies within the published range in {inside} and outside of it in {outside} of {} models and iterations; the largest mean is {most:.2}.",
        intervals.len()
    );
    Ok(finding(spectra, &groups, verdict, found))
}

/// Whether the published numbers are made by products in TF32: where the estimator tells such numbers, exact growth
/// is far below them, and they are there from the first step with a random vector, before anything was amplified.
pub(super) fn rounding(spectra: &[ModelSpectrum], low: f64, high: f64) -> Result<Finding, Vec<String>> {
    let groups = groups(spectra, false);
    if groups.is_empty() {
        return Err(none());
    }
    let half = std::f64::consts::LN_2;
    let (mut as_claimed, mut against, mut count) = (0, Vec::new(), 0);
    for g in &groups {
        let told = g.interval(|b| b.estimators.map(|e| e.tf32.last));
        // Elsewhere the estimator tells nothing that would have to be explained.
        if !told.is_some_and(|t| (low.ln()..=high.ln()).contains(&t.mean)) {
            continue;
        }
        let at_once = g.interval(|b| b.estimators.map(|e| e.tf32.first / e.tf32.last));
        let single = g.interval(|b| b.estimators.map(|e| e.single.last));
        let (Some(exact), Some(at_once), Some(single)) = (g.exact(), at_once, single) else { continue };
        count += 1;
        // Without the rounding the same estimator must tell no such number: else it is not the rounding.
        if exact.high < low.ln() && single.high < low.ln() && at_once.low > -half {
            as_claimed += 1;
        } else if exact.low > low.ln() || single.low > low.ln() || at_once.high < -half {
            against.push(g.place());
        }
    }
    if count == 0 {
        return Err(vec![format!("nowhere does the estimator in TF32 tell a number from {low} to {high}")]);
    }
    let verdict = if as_claimed == count {
        Verdict::Holds
    } else if against.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::DoesNotHold
    };
    let otherwise =
        if against.is_empty() { String::new() } else { format!(" Not so: {}.", super::super::words::list(&against)) };
    let found = format!(
        "The estimator in TF32 tells a number from {low} to {high} in {count} of {} models and iterations. In {as_claimed} of them exact growth and the same estimator in f32 are below that range, and the first step with a random vector tells more than half of the last.{otherwise}",
        groups.len()
    );
    Ok(finding(spectra, &groups, verdict, found))
}

/// Whether small changes shrink once an answer has settled on the solution, and grow while it moves.
pub(super) fn settled(spectra: &[ModelSpectrum]) -> Result<Finding, Vec<String>> {
    let groups = groups(spectra, true);
    let (mut as_claimed, mut against, mut count) = (0, Vec::new(), 0);
    let mut kinds = BTreeSet::new();
    for g in &groups {
        let Some(exact) = g.exact() else { continue };
        // The logarithm of 1 is 0; nearer than the measurement's own tolerance, nothing is told.
        let (good, bad) = match g.standing {
            Some(Standing::SettledRight) => (exact.high < -TOLERANCE, exact.low > TOLERANCE),
            Some(Standing::Moving) => (exact.low > TOLERANCE, exact.high < -TOLERANCE),
            _ => continue,
        };
        kinds.insert(g.standing);
        count += 1;
        as_claimed += usize::from(good);
        if bad {
            against.push(g.place());
        }
    }
    if count == 0 {
        return Err(none());
    }
    let verdict = if !against.is_empty() {
        Verdict::DoesNotHold
    } else if as_claimed == count && kinds.len() == 2 {
        Verdict::Holds
    } else {
        Verdict::Inconclusive
    };
    let otherwise = if against.is_empty() {
        String::new()
    } else {
        format!(" Otherwise: {}.", super::super::words::list(&against))
    };
    let found = format!("As claimed in {as_claimed} of {count} groups.{otherwise}");
    Ok(finding(spectra, &groups, verdict, found))
}
