//! Which figures there are, and what stands in them.

use super::draw;
use super::numbers::{Drops, change, moving_average, number, share, signed, times};
use super::{RunProbes, count, reading};
use crate::report::figures::axis::{Axis, Scale};
use crate::report::figures::panel::{Line, Panel};
use crate::report::figures::{border, flipped, iterations_axis, svg};
use crate::report::series::thousands;
use crate::report::{ReportError, Series, Size, palette};
use crate::trace::{HaltingReading, IterationReading, ProbeReport, RoutingReading};

/// A figure with the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Without an ending, such as "learning-curve".
    pub name: String,
    /// The sheet.
    pub svg: String,
}

/// The most points of a line that are all marked.
const MARKED: usize = 32;
/// The most bars beside each other whose labels can be told apart.
const BARS: u32 = 24;

/// All figures that the probes have the readings for; [`RunProbes::notes`] says which they have not.
///
/// # Errors
/// Plotters cannot draw.
pub fn figures(run: &RunProbes, size: Size) -> Result<Vec<Figure>, ReportError> {
    let mut out = Vec::new();
    let mut add = |name: String, sheet: Option<String>| out.extend(sheet.map(|svg| Figure { name, svg }));
    for probe in &run.chosen {
        add(format!("convergence-step-{}", probe.step.0), convergence(run, probe, size)?);
    }
    add("learning-curve".into(), learning_curve(run, size)?);
    add("solved".into(), Some(solved(run, size)?));
    add("entropy".into(), entropy(run, size)?);
    add("route-entropy-by-iteration".into(), route_entropy(run, size)?);
    add("milliseconds".into(), milliseconds(run, size)?);
    add("head-load".into(), head_load(run, size)?);
    add("halting".into(), halting(run, size)?);
    Ok(out)
}

/// Loss against iterations in one probe, with the change between some of them.
fn convergence(run: &RunProbes, probe: &ProbeReport, size: Size) -> Result<Option<String>, ReportError> {
    if probe.readings.is_empty() {
        return Ok(None);
    }
    let n = probe.readings.len() as u32;
    let series = against_iterations("Loss", "nats", probe, |r| Some(r.loss.into()));
    let chosen: Vec<[f64; 2]> =
        draw::spread(n, probe.trained_iterations).into_iter().map(|i| series.points[i as usize - 1]).collect();
    let labels = chosen.windows(2).filter_map(|w| {
        let (difference, percent) = change(w[0][1], w[1][1]);
        let finite = difference.is_finite() && percent.is_finite();
        let lines = [signed(number(difference)), signed(share(percent)) + " %"];
        finite.then_some(draw::Change { from: w[0], to: w[1], lines })
    });
    let labels: Vec<_> = labels.collect();
    let sentence = match Drops::of(probe) {
        Some(drops) => drops.sentence(),
        None => "One iteration: there is nothing to compare it with".to_owned(),
    };
    // Room above the highest point for the words beside it.
    let most = series.points.iter().map(|p| p[1]).filter(|y| y.is_finite()).fold(0.1, f64::max);
    let y = Axis::new(series.label(), Scale::Linear).over(0.0, 1.12 * most);
    let marks = border(probe.trained_iterations, n.into());
    let lines = vec![marked(Line::new(series, palette::ACCENT))];
    let panel = Panel { x: iterations_axis(n.into()), y, lines, marks };
    let title = format!(
        "{} · loss by iteration at step {} · {} evaluation boards",
        run.name,
        thousands(probe.step.0.into()),
        thousands(probe.boards.into())
    );
    svg(size, &title, |area| draw::convergence(area, &panel, &sentence, &chosen, &labels)).map(Some)
}

/// Loss against steps, at T and at the longest iteration that all probes have.
fn learning_curve(run: &RunProbes, size: Size) -> Result<Option<String>, ReportError> {
    let lines: Vec<Line> = both(run)
        .map(|(iteration, word, rgb)| {
            let name = format!("After iteration {}", super::landmark(iteration, word));
            marked(Line::new(against_steps(name, "nats", run, |p| Some(reading(p, iteration)?.loss.into())), rgb))
        })
        .collect();
    if lines.iter().all(|l| l.series.points.is_empty()) {
        return Ok(None);
    }
    let y = holding(Axis::new("Loss (nats)", Scale::Linear).over(0.0, 0.1), &lines);
    let title =
        format!("{} · loss of {} evaluation boards{}", run.name, thousands(run.last().boards.into()), lone(&lines));
    let panel = Panel { x: steps_axis(&lines), y, lines, marks: Vec::new() };
    svg(size, &title, |area| panel.draw(area)).map(Some)
}

/// Solved share against steps at the same two, with its interval.
fn solved(run: &RunProbes, size: Size) -> Result<String, ReportError> {
    let lines: Vec<Line> = both(run)
        .map(|(iteration, word, rgb)| {
            let curve = |name: String, pick: fn(crate::trace::Count) -> f64| {
                against_steps(name, "%", run, |p| Some(100.0 * pick(count(p, iteration)?)))
            };
            let name = format!("After iteration {}", super::landmark(iteration, word));
            let mut line = Line::new(curve(name, crate::trace::Count::share), rgb);
            line.band = Some((curve("".into(), |c| c.interval().0), curve("".into(), |c| c.interval().1)));
            marked(line)
        })
        .collect();
    let title = format!(
        "{} · solved of {} evaluation boards, with 95 % Wilson intervals{}",
        run.name,
        thousands(run.last().boards.into()),
        lone(&lines)
    );
    let y = Axis::new("Solved (%)", Scale::Linear).over(0.0, 100.0);
    let panel = Panel { x: steps_axis(&lines), y, lines, marks: Vec::new() };
    svg(size, &title, |area| draw::with_lone_intervals(area, &panel))
}

/// Entropy of attention, and of the router where there is one, against steps at T.
fn entropy(run: &RunProbes, size: Size) -> Result<Option<String>, ReportError> {
    let t = run.trained();
    let attention = against_steps("Attention entropy", "nats", run, |p| Some(reading(p, t)?.attention_entropy.into()));
    if attention.points.is_empty() {
        return Ok(None);
    }
    let routing = against_steps("Routing entropy", "nats", run, |p| Some(routing(p, t)?.entropy.into()));
    let mut panels = vec![with_mean(attention, None)];
    if !routing.points.is_empty() {
        panels.push(with_mean(routing, Some(alike(run))));
    }
    let title = format!("{} · entropies after iteration {}", run.name, super::landmark(t, "T"));
    let panels_only = |area: &crate::report::figures::Area| {
        area.split_evenly((panels.len(), 1)).iter().zip(&panels).try_for_each(|(part, panel)| panel.draw(part))
    };
    svg(size, &title, panels_only).map(Some)
}

/// A thin line, and the thicker running mean where there are probes enough.
fn with_mean(series: Series, most: Option<f64>) -> Panel {
    let y = Axis::new(series.label(), Scale::Linear).over(0.0, most.unwrap_or(0.1)).holding(&series.points);
    let smooth = moving_average(&series.points);
    let unit = series.unit;
    let mut thin = marked(Line::new(Series { name: "Each probe".into(), ..series }, palette::ACCENT));
    thin.width = 1;
    let mut lines = vec![thin];
    if let Some((window, points)) = smooth {
        lines[0].rgb = draw::pale(palette::ACCENT);
        lines.push(Line::new(Series::new(format!("Mean of {window} probes"), unit, points), palette::ACCENT));
    }
    Panel { x: steps_axis(&lines), y, lines, marks: Vec::new() }
}

/// Entropy of the router against iterations, of the chosen probes.
fn route_entropy(run: &RunProbes, size: Size) -> Result<Option<String>, ReportError> {
    let lines = chosen_lines(run, "nats", |r| Some(r.routing.as_ref()?.entropy.into()));
    if lines.is_empty() {
        return Ok(None);
    }
    let title = format!(
        "{} · routing entropy by iteration; {} heads, alike at ln {} = {:.2} nats{}",
        run.name,
        run.heads(),
        run.heads(),
        alike(run),
        lone(&lines)
    );
    let y = holding(Axis::new("Routing entropy (nats)", Scale::Linear).over(0.0, alike(run)), &lines);
    let panel = iterations_panel(run, y, lines);
    svg(size, &title, |area| panel.draw(area)).map(Some)
}

/// Mean time of an iteration, as bars.
fn milliseconds(run: &RunProbes, size: Size) -> Result<Option<String>, ReportError> {
    let times = times(&run.probes, BARS);
    let Some(last) = times.last().map(|t| t.last) else { return Ok(None) };
    let with = run.probes.iter().filter(|p| !p.readings.is_empty()).count();
    let length = times[0].last - times[0].first + 1;
    let each = if length == 1 { String::new() } else { format!(" and {length} iterations a bar") };
    let title = format!(
        "{} · mean time of an iteration of {} boards, over {} probe{}{each}",
        run.name,
        thousands(run.last().boards.into()),
        thousands(with as u64),
        if with == 1 { "" } else { "s" }
    );
    let most = times.iter().map(|t| t.mean).fold(0.0, f64::max);
    // Five places at least: with fewer the axis would have labels between whole iterations.
    let x = Axis::new("Iteration", Scale::Linear).over(0.5, f64::from(last.max(5)) + 0.5);
    let y = Axis::new("Time (ms)", Scale::Linear).over(0.0, 1.06 * most.max(1e-3));
    let panel = Panel { x, y, lines: Vec::new(), marks: Vec::new() };
    svg(size, &title, |area| draw::bars(area, &panel, &times)).map(Some)
}

/// Mean weight of each head against steps at T.
fn head_load(run: &RunProbes, size: Size) -> Result<Option<String>, ReportError> {
    let (t, heads) = (run.trained(), run.heads());
    let mut lines: Vec<Line> = (0..heads)
        .map(|h| {
            let load = |p: &ProbeReport| Some(100.0 * f64::from(*routing(p, t)?.load.get(h)?));
            marked(Line::new(against_steps(format!("Head {}", h + 1), "%", run, load), draw::several(h)))
        })
        .filter(|l| !l.series.points.is_empty())
        .collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let even = 100.0 / heads as f64;
    let mut alike = Line::new(against_steps("All alike", "%", run, |_| Some(even)), palette::FAINT);
    alike.width = 1;
    lines.push(alike);
    let y = holding(Axis::new("Mean weight (%)", Scale::Linear).over(0.0, 2.0 * even), &lines);
    let title = format!("{} · head load after iteration {}", run.name, super::landmark(t, "T"));
    // Room for the many names beside the lines.
    let x = steps_axis(&lines).over(0.0, 1.16 * f64::from(run.last().step.0));
    let panel = Panel { x, y, lines, marks: Vec::new() };
    svg(size, &title, |area| panel.draw(area)).map(Some)
}

/// Halted share and ponder cost against iterations, of the chosen probes.
fn halting(run: &RunProbes, size: Size) -> Result<Option<String>, ReportError> {
    let of = |pick: fn(&HaltingReading) -> f64| chosen_lines(run, "", move |r| Some(pick(r.halting.as_ref()?)));
    let share = of(|h| 100.0 * f64::from(h.share));
    if share.is_empty() {
        return Ok(None);
    }
    let title = format!("{} · halting by iteration{}", run.name, lone(&share));
    let cost = of(|h| h.ponder_cost.into());
    let y = holding(Axis::new("Ponder cost", Scale::Linear).over(0.0, 1.0), &cost);
    let upper = iterations_panel(run, Axis::new("Halted cells (%)", Scale::Linear).over(0.0, 100.0), share);
    let lower = iterations_panel(run, y, cost);
    let both = |area: &crate::report::figures::Area| {
        area.split_evenly((2, 1)).iter().zip([&upper, &lower]).try_for_each(|(part, panel)| panel.draw(part))
    };
    svg(size, &title, both).map(Some)
}

/// The two iterations that curves against steps are of; one where the longest is T.
fn both(run: &RunProbes) -> impl Iterator<Item = (u32, &'static str, [u8; 3])> {
    let (t, longest) = (run.trained(), run.longest());
    let longest = (longest > t).then_some((longest, "the longest", palette::SEVERAL[1]));
    std::iter::once((t, "T", palette::ACCENT)).chain(longest)
}

/// Routing entropy where all heads have the same weight, in nats.
fn alike(run: &RunProbes) -> f64 {
    (run.heads().max(1) as f64).ln()
}

fn routing(probe: &ProbeReport, iteration: u32) -> Option<&RoutingReading> {
    reading(probe, iteration)?.routing.as_ref()
}

fn against_steps(
    name: impl Into<String>,
    unit: &'static str,
    run: &RunProbes,
    value: impl Fn(&ProbeReport) -> Option<f64>,
) -> Series {
    Series::new(name, unit, run.probes.iter().filter_map(|p| Some([f64::from(p.step.0), value(p)?])))
}

fn against_iterations(
    name: impl Into<String>,
    unit: &'static str,
    probe: &ProbeReport,
    value: impl Fn(&IterationReading) -> Option<f64>,
) -> Series {
    let points = probe.readings.iter().zip(1..).filter_map(|(r, i)| Some([f64::from(i), value(r)?]));
    Series::new(name, unit, points)
}

/// A line for each chosen probe that has the value.
fn chosen_lines(run: &RunProbes, unit: &'static str, value: impl Fn(&IterationReading) -> Option<f64>) -> Vec<Line> {
    let line = |(i, probe): (usize, &&ProbeReport)| {
        let name = format!("Step {}", thousands(probe.step.0.into()));
        marked(Line::new(against_iterations(name, unit, probe, &value), draw::several(i)))
    };
    run.chosen.iter().enumerate().map(line).filter(|l| !l.series.points.is_empty()).collect()
}

/// With its points marked where they are few.
fn marked(mut line: Line) -> Line {
    line.dots = line.series.points.len() <= MARKED;
    line
}

/// For the title: which line it is where there is no legend, since there is only one.
fn lone(lines: &[Line]) -> String {
    match lines {
        [line] => {
            let mut name = line.series.name.clone();
            name.get_mut(..1).map(str::make_ascii_lowercase);
            format!(" · {name}")
        }
        _ => String::new(),
    }
}

fn iterations_panel(run: &RunProbes, y: Axis, lines: Vec<Line>) -> Panel {
    let most = lines.iter().map(|l| l.series.points.len()).max().unwrap_or(1) as f64;
    Panel { x: iterations_axis(most), y, lines, marks: border(run.trained(), most) }
}

fn steps_axis(lines: &[Line]) -> Axis {
    let axis = Axis::new("Step", Scale::Linear).over(0.0, 1.0);
    lines.iter().fold(axis, |axis, l| axis.holding(&flipped(&l.series.points)))
}

fn holding(axis: Axis, lines: &[Line]) -> Axis {
    lines.iter().fold(axis, |axis, l| axis.holding(&l.series.points))
}
