//! What becomes of passes: disturbed, started from the solution, watched for long; heads and growth.

use eframe::egui::Ui;

use super::{GUESSES, WILSON, interval, none, percent, quartiles, share, table, title};
use crate::measure::Split;
use crate::measure::fixed::{Cold, Moves, Warm};
use crate::measure::heads::Heads;
use crate::measure::recovery::{Fate, Recovery};
use crate::measure::spectrum::{Differences, Estimators};
use crate::report::measured::landmarks;
use crate::report::measured::spectrum::{ModelSpectrum, spread};
use crate::report::statistics::mean_interval;
use crate::ui::words::thousands;

pub(super) fn recovery(ui: &mut Ui, found: &Recovery) {
    let heads = [
        ("since", "Iterations since the disturbance."),
        ("cells alike", "Blank cells with the digit that they have in the undisturbed pass after the same iteration."),
        ("solved", "Boards that are solved, of all."),
        ("share", "The same as a share."),
        ("95 % interval", WILSON),
        ("undisturbed", "Boards that are solved in the undisturbed pass."),
    ];
    let rows = landmarks(found.moments.len() as u32).into_iter().filter_map(|t| {
        let m = found.moments.get((t as usize).checked_sub(1)?)?;
        let solved = format!("{} of {}", thousands(m.solved.count.into()), thousands(m.solved.of.into()));
        let plain = thousands(m.undisturbed.count.into());
        Some(vec![thousands(t.into()), percent(m.agree), solved, share(m.solved), interval(m.solved), plain])
    });
    table(ui, "recovery table", &heads, rows);
    fates(
        ui,
        "Solved when disturbed",
        "solved again",
        "Boards that were unsolved in between and are solved after some iteration since.",
        &found.were_solved,
    );
    fates(
        ui,
        "Not solved when disturbed",
        "ever solved",
        "Boards that are solved after some iteration since: does a disturbance help?",
        &found.were_unsolved,
    );
    if found.untouched > 0 {
        ui.label(format!("Had left before the disturbance: {}.", thousands(found.untouched.into())));
    }
    if found.unlike > 0 {
        ui.label(format!("Differed between the passes before the disturbance: {}.", thousands(found.unlike.into())))
            .on_hover_text("None where the device computes the same twice.");
    }
}

fn fates(ui: &mut Ui, text: &str, reached: &str, hover: &str, fates: &Split<Fate>) {
    title(ui, text, "What becomes of these boards, by difficulty.");
    let heads = [
        ("guesses", GUESSES),
        ("boards", "How many there are."),
        ("at end", "Solved after the last iteration."),
        ("share", "The same as a share."),
        ("95 % interval", WILSON),
        ("undisturbed", "Solved at the end of the undisturbed pass."),
        ("never left", "Solved after every iteration since."),
        (reached, hover),
        ("until then", "Iterations from the disturbance until then: median, and quartiles."),
    ];
    let rows = fates.labelled().filter(|(label, f)| *label == "all" || f.solved.of > 0).map(|(label, f)| {
        let [of, end, plain, stays, back] =
            [f.solved.of, f.solved.count, f.undisturbed.count, f.never_left, f.reached].map(|n| thousands(n.into()));
        vec![label.to_owned(), of, end, share(f.solved), interval(f.solved), plain, stays, back, quartiles(f.until)]
    });
    table(ui, text, &heads, rows);
    let all = &fates.all;
    ui.label(format!(
        "Solved at the end only because of the disturbance: {}; only without it: {}.",
        thousands(all.only_disturbed.into()),
        thousands(all.only_undisturbed.into())
    ))
    .on_hover_text("Boards that are solved at the end in one of the two passes and not in the other.");
}

pub(super) fn cold(ui: &mut Ui, found: &Cold) {
    let heads = [
        ("iteration", "Which."),
        ("right cells", "Blank cells that are still right, or right again."),
        ("perfect", "Boards without a wrong cell, of all."),
        ("share", "The same as a share."),
        ("95 % interval", WILSON),
        ("confidence", "Largest probability of a blank cell, mean."),
        ("flips", "Blank cells that changed in it, mean of a board; in iteration 1 against the solution."),
    ];
    let rows = landmarks(found.moments.len() as u32).into_iter().filter_map(|t| {
        let m = found.moments.get((t as usize).checked_sub(1)?)?;
        let perfect = format!("{} of {}", thousands(m.perfect.count.into()), thousands(m.perfect.of.into()));
        let (part, sure, flips) = (m.perfect, percent(m.confidence), format!("{:.2}", m.flips));
        Some(vec![thousands(t.into()), percent(m.right), perfect, share(part), interval(part), sure, flips])
    });
    table(ui, "cold table", &heads, rows);
    title(ui, "What the first iteration makes of the solution", "By difficulty.");
    let heads = [
        ("guesses", GUESSES),
        ("boards", "How many there are."),
        ("blank cells", "Of these boards."),
        ("flipped", "Of these, those that are no longer right."),
        ("share", "The same as a share."),
        ("perfect", "Boards without such a cell."),
    ];
    let rows = found.first.labelled().filter(|(_, f)| f.boards > 0).map(|(label, f)| {
        let part = percent(f.flipped as f64 / f.cells.max(1) as f64);
        let (cells, flipped) = (thousands(f.cells), thousands(f.flipped));
        vec![label.to_owned(), thousands(f.boards.into()), cells, flipped, part, thousands(f.perfect.into())]
    });
    table(ui, "first flips table", &heads, rows);
}

pub(super) fn warm(ui: &mut Ui, found: &Warm) {
    let (after, end) = (thousands(found.after.into()), thousands(found.iterations.into()));
    title(ui, &format!("After iteration {after}, until {end}"), "Boards by what their answer does, by difficulty.");
    let columns: Vec<(&str, &Moves)> =
        found.moves.labelled().filter(|(label, m)| *label == "all" || m.boards() > 0).collect();
    let mut heads = vec![("boards", "What the answer does after that iteration.")];
    heads.extend(columns.iter().map(|(label, _)| (*label, GUESSES)));
    let row = |name: &str, of: &dyn Fn(&Moves) -> String| -> Vec<String> {
        std::iter::once(name.to_owned()).chain(columns.iter().map(|(_, m)| of(m))).collect()
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (k, (name, _)) in Moves::default().named().into_iter().enumerate() {
        rows.push(row(name, &|m| thousands(m.named()[k].1.into())));
    }
    rows.push(row("of these solved at the end", &|m| thousands(m.wrong_then_solved.into())));
    rows.push(row("in all", &|m| thousands(m.boards().into())));
    rows.push(row("blank cells that change", &|m| format!("{:.3} %", 100.0 * m.changed_share())));
    table(ui, "warm table", &heads, rows);
    let last = found.moments.last().copied().unwrap_or_default();
    ui.label(format!(
        "Solved after iteration {after}: {}; after iteration {end}: {}. Cells that then have the same digit: {:.3} %; boards with the same answer: {}.",
        thousands(found.solved.into()),
        thousands(last.solved.into()),
        100.0 * last.same_cells,
        thousands(last.same_boards.into())
    ))
    .on_hover_text("Counting solved boards alone would not tell whether answers stay.");
}

pub(super) fn heads(ui: &mut Ui, found: &Heads) {
    title(ui, "Where attention goes", "The share of a head's attention, mean over cells and boards.");
    let columns = [
        ("block.head", "Which; “evenly” is a head that looks at all cells alike."),
        ("itself", "To the cell itself."),
        ("row", "To other cells of its row."),
        ("column", "To other cells of its column."),
        ("box", "To other cells of its box that are not in its row or column."),
        ("elsewhere", "To cells that have no rule in common with it."),
    ];
    let row =
        |name: String, shares: [f64; 5]| -> Vec<String> { std::iter::once(name).chain(shares.map(percent)).collect() };
    let of_heads = found
        .heads
        .iter()
        .map(|h| row(format!("{}.{}", h.block, h.head), [h.itself, h.row, h.column, h.in_box, h.elsewhere]));
    table(ui, "heads table", &columns, of_heads.chain([row("evenly".into(), found.even)]));
}

pub(super) fn spectrum(ui: &mut Ui, one: &ModelSpectrum) {
    title(
        ui,
        "Growth in an iteration",
        "Means over boards, with the least and the most. The state is frozen after an iteration and its exact derivative applied to random changes again and again; the mean growth goes to the spectral radius.",
    );
    let mut heads = vec![
        ("iteration", "After which the state is frozen."),
        ("answer", "Settled: no blank cell changes in the next three iterations."),
        ("boards", "How many stand so."),
        ("converged", "Boards whose exact growth has converged; the others are no spectral radius yet."),
        ("exact, f64", "Geometric mean of the exact growth, by tangents in f64. Above 1 a small change grows."),
        ("f32, ε = 1e-3", "The published estimator: differences in f32, the factor of the last step."),
        (
            "the same in TF32",
            "The published estimator with products rounded as TF32 rounds them, as on the card it was published of.",
        ),
        ("the state itself", "By how much the state grows in the next iteration."),
    ];
    if one.settings.moving {
        heads.push(("Lyapunov", "The largest exponent along the moving state in nats an iteration, mean with its 95 % interval. Below 0 a small change dies out."));
    }
    let rows = one.groups().into_iter().map(|group| {
        let converged = group.boards.iter().filter(|b| b.exact.converged).count();
        let estimator = |of: fn(&Estimators) -> Differences| {
            let values: Vec<f64> =
                group.boards.iter().filter_map(|b| b.estimators.as_ref()).map(|e| of(e).last).collect();
            if values.is_empty() { none() } else { spread(&values) }
        };
        let mut cells = vec![
            thousands(group.iteration.into()),
            group.standing.name().to_owned(),
            thousands(group.boards.len() as u64),
            format!("{converged} of {}", group.boards.len()),
            spread(&group.values(|b| b.exact.growth)),
            estimator(|e| e.single),
            estimator(|e| e.tf32),
            spread(&group.values(|b| b.state_growth)),
        ];
        if one.settings.moving {
            let values = group.values(|b| b.lyapunov.first().copied().unwrap_or(f64::NAN));
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let interval = mean_interval(&values);
            cells.push(
                interval.map_or_else(|| format!("{mean:.4}"), |i| format!("{mean:.4} ({:.4} to {:.4})", i.low, i.high)),
            );
        }
        cells
    });
    table(ui, "spectrum table", &heads, rows);
    ui.label("Estimators tell the factor of their last step, as published. Exact growth is a geometric mean.");
}
