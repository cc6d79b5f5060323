//! One arm against others.

use super::super::verdict::all_above;
use super::super::words::{interval, thousands};
use super::super::{Arm, Evidence, Table};
use super::gain::{all, compared};
use super::{Finding, at_an_end, because, paired, sample, seeds};
use crate::report::statistics::{Corrected, holm, mean_interval};

/// `arm_difference`.
pub(super) fn difference(
    of: &Evidence,
    arm: &str,
    against: &[String],
    iterations: Option<u32>,
    margin: f64,
) -> Result<Finding, Vec<String>> {
    let names = std::iter::once(arm).chain(against.iter().map(String::as_str));
    let arms = all(names.map(|name| of.arm(name, iterations)))?;
    let seeds = seeds(&arms.iter().collect::<Vec<_>>())?;
    let Some((first, others)) = arms.split_first() else { return Err(vec!["there are no arms".into()]) };
    let lists: Vec<Vec<f64>> = others.iter().map(|o| paired(o, first)).collect();
    let few = || vec!["there are too few seeds for an interval".to_owned()];
    let found = holm(&lists).ok_or_else(few)?;
    let mut table = Table::new(&[
        "arm".to_owned(),
        "T".into(),
        "parameters".into(),
        "multiplications an answer".into(),
        "solved, %".into(),
        format!("{arm} − arm, points"),
        "level".into(),
        "p (Holm)".into(),
        "detectable".into(),
    ]);
    let row = |a: &Arm, difference: Option<&Corrected>| {
        let cell = of.study().cells.iter().find(|c| c.name == a.cell);
        let parameters = cell.map_or(0, |c| c.config.model.parameters());
        let mean = mean_interval(&a.percent.values().copied().collect::<Vec<_>>()).ok_or_else(few)?;
        let mut row = vec![
            a.cell.clone(),
            a.iterations.to_string(),
            thousands(parameters as u64),
            thousands(a.multiplications),
            interval(&mean),
        ];
        match difference {
            Some(d) => row.extend(compared(d)),
            None => row.extend(std::iter::repeat_n("–".to_owned(), 4)),
        }
        Ok::<_, Vec<String>>(row)
    };
    table.row(row(first, None)?);
    for (other, d) in others.iter().zip(&found) {
        table.row(row(other, Some(d))?);
    }
    let (verdict, end) = at_an_end(all_above(&found, margin), &arms.iter().collect::<Vec<_>>());
    let named: Vec<(String, Corrected)> = others.iter().map(|o| format!("{arm} − {}", o.cell)).zip(found).collect();
    Ok(Finding {
        verdict,
        found: because(verdict, &named, margin),
        sections: vec![table.into()],
        sample: sample(of, &seeds, margin),
        commands: Vec::new(),
        notes: end.into_iter().collect(),
    })
}
