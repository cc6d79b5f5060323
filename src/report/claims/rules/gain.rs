//! Iterations against gain: retrained, one model, and whether one T is best.

use std::collections::BTreeSet;

use super::super::ledger::{Judge, Published};
use super::super::verdict::all_above;
use super::super::words::{difference, interval, number, p, signed, times};
use super::super::{Arm, Evidence, Table};
use super::{Finding, at_an_end, because, paired, sample, seeds};
use crate::report::statistics::{Corrected, Interval, detectable, holm, mean_interval};

type Found = Result<Finding, Vec<String>>;

/// `gain_retrained`: cells at their own T.
pub(super) fn retrained(of: &Evidence, cells: &[String], judge: Judge, margin: f64, published: &[Published]) -> Found {
    let arms = all(cells.iter().map(|c| of.arm(c, None)))?;
    let mut found = gain(of, &arms, judge, margin, published, true)?;
    // Seconds of different devices say nothing of T.
    let devices: BTreeSet<&String> = arms.iter().flat_map(|a| &a.devices).collect();
    let comparable = devices.len() == 1 && arms.iter().all(|a| a.training_seconds > 0.0);
    if let (Some(first), true) = (arms.first(), comparable) {
        let times: Vec<String> =
            arms.iter().map(|a| format!("{} {}", a.cell, times(a.training_seconds / first.training_seconds))).collect();
        found.notes.push(format!(
            "Training took, as a multiple of {}: {}. Runs that shared a device slow each other down.",
            first.cell,
            times.join(", ")
        ));
    }
    Ok(found)
}

/// `gain_one_model`: one cell at given T.
pub(super) fn one_model(
    of: &Evidence,
    cell: &str,
    iterations: &[u32],
    judge: Judge,
    margin: f64,
    published: &[Published],
) -> Found {
    let arms = all(iterations.iter().map(|t| of.arm(cell, Some(*t))))?;
    gain(of, &arms, judge, margin, published, false)
}

/// `optimum_at`.
pub(super) fn optimum(of: &Evidence, at: u32, cells: &[String], iterations: &[u32], margin: f64) -> Found {
    let arms = if let (true, Some(cell)) = (cells.len() == 1, cells.first()) {
        all(iterations.iter().map(|t| of.arm(cell, Some(*t))))?
    } else {
        all(cells.iter().map(|c| of.arm(c, None)))?
    };
    let seeds = seeds(&arms.iter().collect::<Vec<_>>())?;
    let best = arms.iter().find(|a| a.iterations == at).ok_or_else(|| vec![format!("no cell has T = {at}")])?;
    let others: Vec<&Arm> = arms.iter().filter(|a| a.iterations != at).collect();
    let lists: Vec<Vec<f64>> = others.iter().map(|o| paired(o, best)).collect();
    let found = holm(&lists).ok_or_else(no_interval)?;
    let mut table = Table::new(&[
        "T".to_owned(),
        "solved, %".into(),
        format!("{at} − T, points"),
        "level".into(),
        "p (Holm)".into(),
        "detectable".into(),
    ]);
    for arm in &arms {
        let mut row = vec![arm.iterations.to_string(), interval(&mean(arm)?)];
        match others.iter().position(|o| o.iterations == arm.iterations).and_then(|i| found.get(i)) {
            Some(d) => row.extend(compared(d)),
            None => row.extend(std::iter::repeat_n("–".to_owned(), 4)),
        }
        table.row(row);
    }
    let (verdict, end) = at_an_end(all_above(&found, margin), &arms.iter().collect::<Vec<_>>());
    let named: Vec<(String, Corrected)> =
        others.iter().map(|o| format!("{at} − {}", o.iterations)).zip(found).collect();
    let mut notes: Vec<String> = end.into_iter().collect();
    let most = arms.iter().map(|a| Ok((mean(a)?.mean, a.iterations))).collect::<Result<Vec<_>, Vec<String>>>()?;
    if let Some((value, t)) = most.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) {
        notes.push(format!(
            "The largest mean is {} % at T = {t}. It was picked after looking, so it is no finding by itself.",
            number(value)
        ));
    }
    Ok(Finding {
        verdict,
        found: because(verdict, &named, margin),
        sections: vec![table.into()],
        sample: sample(of, &seeds, margin),
        commands: Vec::new(),
        notes,
    })
}

/// Level, corrected p and what would have been found.
pub(super) fn compared(d: &Corrected) -> [String; 4] {
    let level = format!("{} %", number(100.0 * d.confidence));
    [difference(d), level, p(d.p), number(detectable(d.interval.sd, d.interval.n))]
}

fn gain(of: &Evidence, arms: &[Arm], judge: Judge, margin: f64, published: &[Published], retrained: bool) -> Found {
    let seeds = seeds(&arms.iter().collect::<Vec<_>>())?;
    let Some((first, later)) = arms.split_first() else { return Err(vec!["there are no cells".into()]) };
    let lists: Vec<Vec<f64>> = later.iter().map(|a| paired(first, a)).collect();
    let over = holm(&lists).ok_or_else(no_interval)?;
    let lists: Vec<Vec<f64>> = arms.windows(2).map(|w| paired(&w[0], &w[1])).collect();
    let steps = holm(&lists).ok_or_else(no_interval)?;

    let mut head = vec![
        "T".to_owned(),
        "solved, %".into(),
        format!("gain over {}, points", first.iterations),
        "over the T before".into(),
        "cost".into(),
        "efficiency".into(),
    ];
    if !published.is_empty() {
        head.extend(["published gain", "published cost", "published efficiency"].map(str::to_owned));
    }
    let mut table = Table::new(&head);
    for (i, arm) in arms.iter().enumerate() {
        let cost = arm.multiplications as f64 / first.multiplications.max(1) as f64;
        let before = |all: &[Corrected]| i.checked_sub(1).and_then(|j| all.get(j).copied());
        let text = |d: Option<Corrected>| d.as_ref().map_or_else(|| "–".to_owned(), difference);
        let gain = before(&over);
        let mut row = vec![
            arm.iterations.to_string(),
            interval(&mean(arm)?),
            text(gain),
            text(before(&steps)),
            times(cost),
            gain.map_or_else(|| "–".into(), |g| percent(100.0 * g.interval.mean / cost)),
        ];
        if !published.is_empty() {
            match published.iter().find(|p| p.iterations == arm.iterations) {
                Some(p) => row.extend([signed(p.gain), times(p.cost), percent(p.efficiency)]),
                None => row.extend(std::iter::repeat_n("–".to_owned(), 3)),
            }
        }
        table.row(row);
    }
    let (judged, name): (_, &dyn Fn(usize) -> String) = match judge {
        Judge::OverFirst => (&over, &|i| format!("{} − {}", later[i].iterations, first.iterations)),
        Judge::EachStep => (&steps, &|i| format!("{} − {}", arms[i + 1].iterations, arms[i].iterations)),
    };
    let (verdict, end) = at_an_end(all_above(judged, margin), &arms.iter().collect::<Vec<_>>());
    let named: Vec<(String, Corrected)> = judged.iter().enumerate().map(|(i, d)| (name(i), *d)).collect();
    Ok(Finding {
        verdict,
        found: because(verdict, &named, margin),
        sections: vec![table.into()],
        sample: sample(of, &seeds, margin),
        commands: Vec::new(),
        notes: end.into_iter().chain(notes(published, retrained)).collect(),
    })
}

fn notes(published: &[Published], retrained: bool) -> Vec<String> {
    let mut notes = vec![
        "Cost is the multiplications of one answer as a multiple of the first row's. The intervals of gains and of \
         steps are Holm's, each column by itself."
            .to_owned(),
    ];
    if !published.is_empty() {
        // Gain over cost, as it can be worked out from the published table itself.
        let same =
            published.iter().filter(|p| p.iterations > 1).all(|p| (p.gain / p.cost * 100.0 - p.efficiency).abs() < 0.6);
        notes.push(if same {
            "Efficiency is the gain in points over the cost, one point for one cost being 100 %: so worked out, the \
             published gains and costs give the published efficiencies. Its 100 % for one iteration cannot be worked \
             out, since there is no gain; ours has none."
                .to_owned()
        } else {
            "Efficiency is the gain in points over the cost, one point for one cost being 100 %. How the published one \
             was worked out is not known."
                .to_owned()
        });
        notes.push(
            "The published points are of another task and measure; sign and order can be compared, not their size."
                .into(),
        );
    }
    if !retrained {
        notes.push("At an untrained T a model may do worse than one that was trained for it.".into());
    }
    notes
}

/// Whole percent.
fn percent(x: f64) -> String {
    let text = format!("{x:.0}");
    format!("{} %", if text == "-0" { "0".into() } else { text.replace('-', "−") })
}

fn mean(arm: &Arm) -> Result<Interval, Vec<String>> {
    mean_interval(&arm.percent.values().copied().collect::<Vec<_>>()).ok_or_else(no_interval)
}

fn no_interval() -> Vec<String> {
    vec!["there are too few seeds for an interval".into()]
}

/// All arms, or everything that is missing of any.
pub(super) fn all(arms: impl Iterator<Item = Result<Arm, Vec<String>>>) -> Result<Vec<Arm>, Vec<String>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for arm in arms {
        match arm {
            Ok(arm) => good.push(arm),
            Err(why) => bad.extend(why.into_iter().filter(|w| !bad.contains(w)).collect::<Vec<_>>()),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}
