//! Shares of solved boards: against iterations, by rules, under changes, and known to be solved.

use eframe::egui::Ui;

use super::{BOOTSTRAP, GUESSES, WILSON, between, interval, none, percent, share, table, title};
use crate::measure::Exit;
use crate::measure::exits::Exits;
use crate::measure::scaling::Estimate;
use crate::measure::stopping::Stopping;
use crate::report::measured::interventions::ModelChanged;
use crate::report::measured::scaling::ModelScaling;
use crate::report::measured::verified::ModelVerified;
use crate::tasks::sudoku::Bucket;
use crate::trace::Count;
use crate::ui::words::thousands;

/// Names of the difficulties that occur, as heads of columns.
fn occurring(buckets: &[(Bucket, Count)]) -> Vec<(usize, String)> {
    let some = buckets.iter().enumerate().filter(|(_, (_, count))| count.of > 0);
    some.map(|(i, (bucket, count))| (i, format!("{} (n {})", bucket.label(), thousands(count.of.into())))).collect()
}

/// Share of the boards of each of these difficulties.
fn by_bucket(buckets: &[(Bucket, Count)], shown: &[(usize, String)]) -> Vec<String> {
    shown.iter().map(|(i, _)| buckets.get(*i).map_or_else(none, |(_, count)| percent(count.share()))).collect()
}

/// A difference in percentage points with its interval.
fn difference(e: Estimate) -> String {
    format!("{:+.1} ({:+.1} to {:+.1})", 100.0 * e.share, 100.0 * e.low, 100.0 * e.high)
}

/// Whether a difference was found.
fn verdict(e: Estimate) -> &'static str {
    if e.holds_zero() {
        "no difference found"
    } else if e.share > 0.0 {
        "more"
    } else {
        "less"
    }
}

pub(super) fn scaling(ui: &mut Ui, one: &ModelScaling) {
    let found = &one.scaling;
    let shown = found.rows.first().map(|r| occurring(&r.buckets)).unwrap_or_default();
    let mut heads = vec![
        ("iterations", "Of the pass until the answer."),
        ("solved", "The mean over the difficulties that occur, each counting alike."),
        ("95 % interval", BOOTSTRAP),
        ("boards", "Solved boards, of all."),
    ];
    heads.extend(shown.iter().map(|(_, name)| (name.as_str(), GUESSES)));
    let rows = found.rows.iter().map(|row| {
        let e = row.balanced;
        let counts = format!("{} of {}", thousands(row.total.solved.into()), thousands(row.total.of.into()));
        let mut cells = vec![thousands(row.iterations.into()), percent(e.share), between(e.low, e.high), counts];
        cells.extend(by_bucket(&row.buckets, &shown));
        cells
    });
    table(ui, "scaling table", &heads, rows);
    ui.label(format!(
        "Solved at some iteration: {}; no longer at the end: {}.",
        thousands(found.ever.solved.into()),
        thousands(found.lost.into())
    ))
    .on_hover_text(
        "Boards that were right after some iteration of the pass, and those of them that are wrong after the last.",
    );
    if one.settings.exit != Exit::Never && found.spent.made > 0 {
        let times = found.spent.of as f64 / found.spent.made as f64;
        ui.label(format!("{times:.1} times less work than a pass that no board leaves."))
            .on_hover_text("Board iterations without early exits, divided by those that were computed.");
    }
    if let Some(exits) = &one.exits {
        compared(ui, exits);
    }
}

fn compared(ui: &mut Ui, exits: &Exits) {
    let text = format!("The same boards with “{}” and with “{}”", exits.exit, exits.beside);
    title(ui, &text, "Two passes over the same boards that differ in when a board leaves.");
    let heads = [
        ("guesses", GUESSES),
        ("both", "Boards that are solved either way."),
        ("only leaving", "Solved only where boards leave: the rest of the pass would have lost them."),
        ("only staying", "Solved only in the pass beside: they left too early."),
        ("neither", "Solved in neither pass."),
    ];
    let groups = exits.solved.labelled().filter(|(label, s)| *label == "all" || s.boards() > 0);
    let rows = groups.map(|(label, s)| {
        let counts = [s.both, s.only, s.only_beside, s.neither].map(|n| thousands(n.into()));
        std::iter::once(label.to_owned()).chain(counts).collect()
    });
    table(ui, "exits table", &heads, rows);
    ui.label(format!("Difference in points: {}, {}.", difference(exits.difference), verdict(exits.difference)))
        .on_hover_text("Leaving minus staying, of the mean over the difficulties, by a paired bootstrap over the boards. An interval that holds zero says that no difference was found.");
    if let Some(times) = exits.times() {
        ui.label(format!(
            "{} board iterations instead of {}: {times:.1} times less work.",
            thousands(exits.spent.made),
            thousands(exits.spent_beside.made)
        ))
        .on_hover_text("Board iterations that were computed in each of the two passes.");
    }
}

pub(super) fn stopping(ui: &mut Ui, found: &Stopping) {
    title(
        ui,
        "When to stop",
        "Rules that decide after which iteration to answer. All but the last, which is the bound, do without the solution.",
    );
    let heads = [
        ("rule", "When it answers."),
        ("solved", "Boards whose chosen answer is right, of all."),
        ("share", "The same as a share."),
        ("95 % interval", WILSON),
        ("missed", "Solved at some iteration, and not with the answer that was given."),
        ("undecided", "The rule came to no decision, and the last answer was given."),
        ("iterations", "Run until the answer is known, mean over boards."),
        ("median", "Of the iterations until the answer."),
    ];
    let rows = found.outcomes.iter().map(|outcome| {
        let t = &outcome.tallies.all;
        let spent = |of: fn(&crate::measure::Spread) -> f64| t.spent.map_or_else(none, |s| format!("{:.1}", of(&s)));
        vec![
            outcome.rule.to_string(),
            format!("{} of {}", thousands(t.solved.count.into()), thousands(t.solved.of.into())),
            share(t.solved),
            interval(t.solved),
            thousands(t.missed.into()),
            thousands(t.undecided.into()),
            spent(|s| s.mean),
            spent(|s| s.median),
        ]
    });
    table(ui, "stopping rules", &heads, rows);
}

pub(super) fn interventions(ui: &mut Ui, one: &ModelChanged) {
    let heads = [
        ("change", "Of every iteration; “none” is the unchanged pass."),
        ("iterations", "Of the pass until the answer."),
        ("solved", "The mean over the difficulties that occur, each counting alike."),
        ("difference (95 % interval)", "From the unchanged pass in percentage points, by a paired bootstrap."),
        ("found", "An interval that holds zero says that no difference was found."),
    ];
    let plain = one.unchanged.iter().map(|row| {
        let solved = percent(row.balanced.share);
        vec!["none".to_owned(), thousands(row.iterations.into()), solved, none(), none()]
    });
    let changed = one.changes.iter().flat_map(|change| {
        change.rows.iter().zip(&change.differences).map(|(row, d)| {
            let (iterations, solved) = (thousands(row.iterations.into()), percent(row.balanced.share));
            vec![change.name.clone(), iterations, solved, difference(*d), verdict(*d).to_owned()]
        })
    });
    table(ui, "changes table", &heads, plain.chain(changed));
}

pub(super) fn verified(ui: &mut Ui, one: &ModelVerified) {
    for outcome in &one.outcomes {
        let again = outcome.plan.again;
        title(ui, again.name(), "How boards without a valid answer were asked again. No search, no solver.");
        let shown = outcome.rows.first().map(|r| occurring(&r.buckets)).unwrap_or_default();
        let mut heads = vec![
            ("iterations", "Of a board in all, over its attempts."),
            ("valid", "Boards with an answer that is full, obeys the rules and keeps the clues, of all."),
            ("share", "The same as a share."),
            ("95 % interval", WILSON),
        ];
        heads.extend(shown.iter().map(|(_, name)| (name.as_str(), GUESSES)));
        let rows = outcome.rows.iter().map(|row| {
            let (low, high) = row.total.interval();
            let counts = format!("{} of {}", thousands(row.total.solved.into()), thousands(row.total.of.into()));
            let mut cells =
                vec![thousands(row.iterations.into()), counts, percent(row.total.share()), between(low, high)];
            cells.extend(by_bucket(&row.buckets, &shown));
            cells
        });
        table(ui, again.word(), &heads, rows);
        ui.label(format!(
            "Attempts: {}; board iterations computed: {}; valid answers other than the given solution: {}.",
            thousands(outcome.attempts.into()),
            thousands(outcome.work),
            thousands(outcome.other_solutions.into())
        ))
        .on_hover_text("Other solutions are possible only where a puzzle has several.");
    }
}
