//! `tables.md`: every number of the probes that are looked at, in Markdown.

use std::fmt::Write as _;

use super::means::{Mean, Means};
use super::numbers::{Drops, change, number, share, signed, tenths};
use super::summary::heading;
use super::{RunProbes, count, landmark, reading, span};
use crate::report::series::thousands;
use crate::trace::{IterationReading, ProbeReport};

const HOW_SOLVED: &str = "\
- Solved counts boards whose every empty cell is right. The interval is Wilson's with 95 %: it is of these boards \
and this one training, and says nothing of other seeds.
";
const HOW_READ: &str = "\
- Loss is cross-entropy in nats, mean over the empty cells of all boards, decoded after each iteration; Δ is its \
change from the iteration before. Residual is ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖. Entropies are in nats, means over blocks, \
heads and cells. ms is the wall time of an iteration, reading it included.
";
const HOW_ROUTED: &str = "\
- Routing entropy is that of a cell's weights over the heads, head load the mean weight of heads 1, 2, …. Front head \
is the share of cells in which the head leads that leads most often.
";
const HOW_HALTED: &str = "\
- Ponder cost is the mean over the cells of iterations and remainder so far (the halting mass where halting is the \
original's).
";

const HOW_MEANS: &str = "\
The interval is Student's t of the mean with 95 %, with n − 1 degrees of freedom, of runs that are independent: it \
tells how far seeds differ. It knows nothing of how few boards a probe has, has no width where all runs agree, and \
of shares near 0 or 100 % it may reach beyond them. One run has no interval.
";

/// All tables of a run, and the means over all runs where there are several.
///
/// `about` is what else is to be said at the top, a sentence each: which folder, how the runs differ.
#[must_use]
pub fn tables(run: &RunProbes, about: &[String], means: &[Means]) -> String {
    let mut out = format!("# {}: iterations and steps\n\n", plain(&run.name));
    let last = run.last();
    let _ = writeln!(
        out,
        "{}; {} evaluation boards; trained with {} iterations, run with {}.",
        capital(&span(run.probes.len(), run.probes[0].step.0, last.step.0)),
        thousands(last.boards.into()),
        thousands(last.trained_iterations.into()),
        thousands(run.longest().into())
    );
    if let Some(s) = &last.stamp {
        let _ = writeln!(
            out,
            "Run `{}`, seed {}, configuration `{}`, on {}.",
            s.run.replace('`', "'"),
            s.seed,
            s.config_hash,
            plain(&s.device)
        );
    }
    out.push('\n');
    for sentence in about.iter().chain(&run.notes()) {
        let _ = writeln!(out, "- {}", plain(sentence));
    }
    out.push_str(HOW_SOLVED);
    let parts =
        [(HOW_READ, run.any(|_| Some(()))), (HOW_ROUTED, run.heads() > 0), (HOW_HALTED, run.any(|r| r.halting))];
    parts.iter().filter(|p| p.1).for_each(|p| out.push_str(p.0));
    for probe in &run.chosen {
        out.push('\n');
        push_probe(&mut out, probe);
    }
    for (i, m) in means.iter().enumerate() {
        out.push('\n');
        push_means(&mut out, m, i == 0);
    }
    out
}

/// A column: its head, and the cell of an iteration (from 1).
type Column<'a> = (&'static str, Box<dyn Fn(u32) -> String + 'a>);

fn push_probe(out: &mut String, probe: &ProbeReport) {
    let mut title = format!("## Step {}", thousands(probe.step.0.into()));
    if let Some(epoch) = probe.epoch {
        let _ = write!(title, ", epoch {}", thousands(epoch.into()));
    }
    if let Some(norm) = probe.gradient_norm {
        let _ = write!(title, ", gradient norm {}", number(norm.into()));
    }
    let _ = writeln!(out, "{title}\n");
    if let Some(drops) = Drops::of(probe) {
        let _ = writeln!(out, "{}.\n", drops.sentence());
    }
    let word = |i: u32| if i == probe.trained_iterations { "T" } else { "" };
    let mut columns: Vec<Column> = vec![("iteration", Box::new(move |i| landmark(i, word(i))))];
    if !probe.readings.is_empty() {
        columns.push(("loss", Box::new(|i| of(probe, i, |r| number(r.loss.into())))));
        columns.push(("Δ", Box::new(|i| delta(probe, i, |d, _| signed(number(d))))));
        columns.push(("Δ %", Box::new(|i| delta(probe, i, |_, percent| signed(share(percent))))));
    }
    let counted = |i, write: fn(crate::trace::Count) -> String| count(probe, i).map_or_else(String::new, write);
    columns.push((
        "solved",
        Box::new(move |i| counted(i, |c| format!("{} of {}", thousands(c.solved.into()), thousands(c.of.into())))),
    ));
    columns.push(("solved, %", Box::new(move |i| counted(i, |c| format!("{:.1}", 100.0 * c.share())))));
    columns.push((
        "95 % Wilson",
        Box::new(move |i| {
            counted(i, |c| {
                let (low, high) = c.interval();
                format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high)
            })
        }),
    ));
    if !probe.readings.is_empty() {
        columns.push(("right cells, %", Box::new(|i| of(probe, i, |r| share(100.0 * f64::from(r.right_share))))));
        columns.push(("residual", Box::new(|i| of(probe, i, |r| number(r.residual.into())))));
        columns.push(("attention entropy", Box::new(|i| of(probe, i, |r| number(r.attention_entropy.into())))));
    }
    if probe.readings.iter().any(|r| r.routing.is_some()) {
        let routing = |i, write: fn(&crate::trace::RoutingReading) -> String| {
            of(probe, i, |r| r.routing.as_ref().map_or_else(|| "–".into(), write))
        };
        columns.push(("routing entropy", Box::new(move |i| routing(i, |r| number(r.entropy.into())))));
        columns.push(("front head, %", Box::new(move |i| routing(i, |r| share(100.0 * f64::from(r.top1_share))))));
        columns.push((
            "head load, %",
            Box::new(move |i| {
                routing(i, |r| r.load.iter().map(|l| share(100.0 * f64::from(*l))).collect::<Vec<_>>().join(" · "))
            }),
        ));
    }
    if probe.readings.iter().any(|r| r.halting.is_some()) {
        let halting = |i, write: fn(crate::trace::HaltingReading) -> String| {
            of(probe, i, |r| r.halting.map_or_else(|| "–".into(), write))
        };
        columns.push(("halted, %", Box::new(move |i| halting(i, |h| share(100.0 * f64::from(h.share))))));
        columns.push(("ponder cost", Box::new(move |i| halting(i, |h| number(h.ponder_cost.into())))));
    }
    if !probe.readings.is_empty() {
        columns.push(("ms", Box::new(|i| of(probe, i, |r| format!("{:.2}", r.milliseconds)))));
    }
    let heads: Vec<&str> = columns.iter().map(|c| c.0).collect();
    let rows = (1..=probe.solved.len() as u32).map(|i| columns.iter().map(|c| c.1(i)).collect());
    push_table(out, &heads, rows);
}

fn push_means(out: &mut String, means: &Means, explained: bool) {
    let _ = writeln!(out, "## {}\n", heading(means));
    if explained {
        let _ = writeln!(out, "{}", HOW_MEANS.trim_end());
        let _ = writeln!(out, "\nRuns: {}.\n", means.runs.iter().map(|r| plain(r)).collect::<Vec<_>>().join(", "));
    }
    let heads = [
        "iteration",
        "loss",
        "sd of loss",
        "95 % t of loss",
        "n of loss",
        "solved, %",
        "sd of solved",
        "95 % t of solved",
        "n of solved",
    ];
    let rows = means.rows.iter().map(|row| {
        let mut cells = vec![landmark(row.iteration, row.landmark)];
        cells.extend(mean_cells(row.loss.as_ref(), 1.0, number));
        cells.extend(mean_cells(row.solved.as_ref(), 100.0, tenths));
        cells
    });
    push_table(out, &heads, rows);
}

fn mean_cells(mean: Option<&Mean>, scale: f64, write: fn(f64) -> String) -> [String; 4] {
    let none = || "–".to_owned();
    let Some(m) = mean else { return [none(), none(), none(), "0".into()] };
    let interval = m.interval;
    [
        write(scale * m.mean),
        interval.map_or_else(none, |i| write(scale * i.sd)),
        interval.map_or_else(none, |i| format!("{} to {}", write(scale * i.low), write(scale * i.high))),
        m.n.to_string(),
    ]
}

fn of(probe: &ProbeReport, iteration: u32, write: impl Fn(&IterationReading) -> String) -> String {
    reading(probe, iteration).map_or_else(|| "–".into(), write)
}

fn delta(probe: &ProbeReport, iteration: u32, write: impl Fn(f64, f64) -> String) -> String {
    let (Some(a), Some(b)) = (reading(probe, iteration - 1), reading(probe, iteration)) else { return String::new() };
    let (difference, percent) = change(a.loss.into(), b.loss.into());
    write(difference, percent)
}

fn push_table(out: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let _ = writeln!(out, "| {} |", heads.join(" | "));
    let _ = writeln!(out, "|{}", "---:|".repeat(heads.len()));
    rows.for_each(|cells| {
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    });
}

/// A name that Markdown takes for text.
fn plain(text: &str) -> String {
    let special = |c: char| "\\`*_{}[]<>#|".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
