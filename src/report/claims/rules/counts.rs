//! Parameters, counted.

use super::super::ledger::{Counted, Part};
use super::super::words::{list, thousands};
use super::super::{Table, Verdict};
use super::Finding;

/// `exact_count`.
pub(super) fn exact_count(counts: &[Counted]) -> Finding {
    let mut table = Table::new(&["preset", "part", "published", "counted", "published share", "counted share"]);
    let mut wrong = Vec::new();
    for count in counts {
        // The ledger's presets were checked when it was read.
        let found = count.of.count(&count.preset).unwrap_or(0);
        let base = count.over.as_ref().and_then(|o| Part::Stack.count(o));
        let share = base.map(|base| match count.of {
            Part::Stack => 100.0 * (found as f64 / base as f64 - 1.0),
            Part::Controller | Part::LeftOutBiases => 100.0 * found as f64 / base as f64,
        });
        let text = |x: f64| {
            let sign = if count.of == Part::Stack { "+" } else { "" };
            format!("{sign}{}", places(x, count.percent))
        };
        let published_share = count.percent.map(text);
        let share = share.map(text);
        let same = found == count.published && (published_share.is_none() || published_share == share);
        if !same {
            wrong.push(format!("the {} of {}", count.of.words(), count.preset));
        }
        let over = |s: Option<String>| match (s, &count.over) {
            (Some(s), Some(over)) => format!("{s} of {over}"),
            _ => "–".into(),
        };
        table.row(vec![
            count.preset.clone(),
            count.of.words().into(),
            thousands(count.published as u64),
            thousands(found as u64),
            over(published_share),
            over(share),
        ]);
    }
    let mut commands: Vec<String> = Vec::new();
    for command in counts.iter().map(|c| format!("loopscope inspect --preset {}", c.preset)) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    Finding {
        verdict: if wrong.is_empty() { Verdict::Holds } else { Verdict::DoesNotHold },
        found: if wrong.is_empty() {
            "Every count is the published one.".into()
        } else {
            format!("Not the published count: {}.", list(&wrong))
        },
        sections: vec![table.into()],
        sample: "counted, not measured: no seeds".into(),
        commands,
        notes: Vec::new(),
    }
}

/// As many places as were published, two where nothing was.
fn places(x: f64, published: Option<f64>) -> String {
    let text = published.map_or_else(|| "0.00".to_owned(), |p| p.to_string());
    let places = text.split_once('.').map_or(0, |(_, after)| after.len());
    format!("{x:.places$} %")
}
