//! What happens inside a pass, how boards end, and what is wrong with those that fail.

use eframe::egui::{RichText, Ui};

use super::{GUESSES, interval, percent, share, table, title};
use crate::measure::inside::{Failures, Inside};
use crate::report::measured::{landmarks, range, ranges, within};
use crate::ui::words::thousands;

pub(super) fn inside(ui: &mut Ui, found: &Inside) {
    title(
        ui,
        "Iteration by iteration",
        "After iterations 1, 2, 4, … and the last; all of them are in the table that is saved.",
    );
    let heads = [
        ("iteration", "Which."),
        ("right cells", "Blank cells that are right, of those of all boards."),
        ("solved", "Boards that are solved."),
        ("newly", "Boards that are solved and were not an iteration before."),
        ("lost", "Boards that are not solved and were an iteration before."),
        ("ever", "Boards that are solved or were earlier."),
        ("ever lost", "Of these, those that no longer are."),
        ("confidence", "Largest probability of a blank cell, mean."),
        ("changed", "Boards of which a blank cell changed in it."),
        ("flips", "Blank cells that changed in it, mean of a board."),
    ];
    let rows = landmarks(found.iterations).into_iter().filter_map(|t| {
        let m = found.moments.get((t as usize).checked_sub(1)?)?;
        let [solved, gained, lost, ever, gone] =
            [m.solved, m.gained, m.lost, m.ever, m.ever_lost].map(|n| thousands(n.into()));
        let (right, sure) = (percent(m.right), percent(m.confidence));
        let (changed, flips) = (thousands(m.changed.into()), format!("{:.2}", m.flips));
        Some(vec![thousands(t.into()), right, solved, gained, lost, ever, gone, sure, changed, flips])
    });
    table(ui, "inside table", &heads, rows);
    when(ui, found);
    endings(ui, found);
    failures(ui, found.iterations, &found.failures);
}

fn when(ui: &mut Ui, found: &Inside) {
    title(ui, "First solved, and last changed", "Boards by the iteration in which it happened.");
    let heads = [
        ("iterations", "From, to."),
        ("first solved", "Boards that were solved for the first time."),
        ("last changed, solved", "Boards that end solved and changed for the last time."),
        ("last changed, failed", "Boards that end unsolved and changed for the last time."),
    ];
    let rows = ranges(found.iterations).into_iter().map(|r| {
        let counts = [&found.first_solved, &found.last_change.solved, &found.last_change.failed];
        std::iter::once(range(r)).chain(counts.map(|h| thousands(within(h, r).into()))).collect()
    });
    table(ui, "when table", &heads, rows);
    ui.label(format!("Times that a solved board was lost: {}.", thousands(found.losses.into())))
        .on_hover_text("Over all boards and iterations; a board can be lost more than once.");
}

fn endings(ui: &mut Ui, found: &Inside) {
    title(ui, "How boards end", "The words of the timeline's verdict, of every board after its last iteration.");
    for (name, n) in found.endings.all.named().into_iter().filter(|(_, n)| *n > 0) {
        ui.label(format!("{name}: {}", thousands(n.into())));
    }
    for (period, boards) in &found.periods {
        ui.label(RichText::new(format!("cycles of period {period}: {boards}")).weak());
    }
    let columns: Vec<_> = found.endings.buckets.iter().filter(|(_, e)| e.sum() > 0).collect();
    if columns.len() > 1 {
        let mut heads = vec![("by guesses", "How boards end, by the guesses that a solver needs.")];
        heads.extend(columns.iter().map(|(bucket, _)| (bucket.label(), GUESSES)));
        let all = found.endings.all.named();
        let rows = all.into_iter().enumerate().filter(|(_, (_, n))| *n > 0).map(|(k, (name, _))| {
            let counts = columns.iter().map(|(_, e)| thousands(e.named()[k].1.into()));
            std::iter::once(name.to_owned()).chain(counts).collect()
        });
        table(ui, "endings table", &heads, rows);
    }
}

fn failures(ui: &mut Ui, iterations: u32, f: &Failures) {
    title(ui, "What is wrong", "Boards with a blank cell that is wrong after the last iteration.");
    let all = f.boards.all;
    ui.label(format!(
        "Not solved after iteration {}: {} of {}, {} ({}).",
        thousands(iterations.into()),
        thousands(all.count.into()),
        thousands(all.of.into()),
        share(all),
        interval(all)
    ))
    .on_hover_text("With the 95 % interval of the share, by Wilson.");
    let Some(wrong) = f.wrong_cells else { return };
    let heads = [
        ("guesses", GUESSES),
        ("failed", "Boards that are not solved, of all."),
        ("share", "The same as a share."),
        ("95 % interval", super::WILSON),
    ];
    let rows = f.boards.labelled().filter(|(_, p)| p.of > 0).map(|(label, p)| {
        let counts = format!("{} of {}", thousands(p.count.into()), thousands(p.of.into()));
        vec![label.to_owned(), counts, share(*p), interval(*p)]
    });
    table(ui, "failures table", &heads, rows);
    ui.label(format!(
        "Wrong cells of a failure: median {:.1}, mean {:.1}, {} to {}.",
        wrong.median, wrong.mean, wrong.least, wrong.most
    ))
    .on_hover_text("Blank cells that differ from the solution after the last iteration.");
    let heads = [("wrong cells at most", "Of a failure."), ("failures", "With no more wrong cells than that.")];
    let rows = f.at_most.iter().map(|(n, count)| vec![n.to_string(), thousands((*count).into())]);
    table(ui, "wrong cells table", &heads, rows);
    let d = f.duplicates;
    ui.label(format!(
        "Digits that stand twice: {:.1} in rows, {:.1} in columns, {:.1} in boxes.",
        d.rows, d.columns, d.boxes
    ))
    .on_hover_text(
        "Digits that are missing from a row, column or box since others stand there twice, mean over the failures.",
    );
    ui.label(format!("Still changing in the last iteration: {}.", thousands(f.changing.into())))
        .on_hover_text("Failures of which a blank cell changed in it.");
    if f.valid > 0 {
        ui.label(format!("Obey the rules, though they are not the given solution: {}.", thousands(f.valid.into())))
            .on_hover_text("Possible only where a puzzle has several solutions.");
    }
    let words: Vec<String> =
        f.right.iter().map(|(t, s)| format!("{}: {}", thousands((*t).into()), percent(*s))).collect();
    ui.label(format!("Right cells of the failures in the last iterations: {}.", words.join(", ")))
        .on_hover_text("Where the share swings, a board is in a cycle.");
    let words: Vec<String> =
        f.cells.iter().map(|c| format!("r{}c{} ({})", c.row, c.column, thousands(c.failures.into()))).collect();
    ui.label(format!("Most often wrong: {}.", words.join(", ")))
        .on_hover_text("Row and column of the cells that are wrong most often, with the failures in which they are.");
}
