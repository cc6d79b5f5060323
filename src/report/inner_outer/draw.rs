//! What stands in these figures besides lines: changes between points, and bars.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::numbers::Times;
use crate::report::figures::panel::{INK, Panel, colour, text};
use crate::report::figures::{Area, failed};
use crate::report::{ReportError, palette};

/// The change between two marked points, in two short lines.
pub(super) struct Change {
    /// \[iteration, value\]
    pub from: [f64; 2],
    /// \[iteration, value\]
    pub to: [f64; 2],
    pub lines: [String; 2],
}

/// A colour for the `i`-th of several lines: the palette's, and from the seventh on darker again.
pub(in crate::report) fn several(i: usize) -> [u8; 3] {
    let darker = 0.6f64.powi((i / palette::SEVERAL.len()) as i32);
    palette::SEVERAL[i % palette::SEVERAL.len()].map(|c| (f64::from(c) * darker) as u8)
}

/// Half way to white.
pub(super) fn pale(rgb: [u8; 3]) -> [u8; 3] {
    rgb.map(|c| c / 2 + 127)
}

/// Iterations far enough apart on a logarithmic axis up to `n` for words between them, rising: the first
/// and the last always, then the trained T, the second, 2 T, 4 T, …, powers of two, and of few iterations
/// the others.
pub(super) fn spread(n: u32, trained: u32) -> Vec<u32> {
    let place = |i: u32| f64::from(i).log2();
    let least = 0.09 * place(n);
    let doubled = |first: u32| (1..32).map_while(move |k| first.checked_mul(1 << k)).filter(|i| *i > 0);
    let few = 3..n.min(16);
    let mut out = vec![1, n.max(1)];
    for i in [trained, 2].into_iter().chain(doubled(trained)).chain(doubled(1)).chain(few) {
        if (2..n).contains(&i) && out.iter().all(|j| *j != i && (place(*j) - place(i)).abs() >= least) {
            out.push(i);
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// A line of text, and below it the panel with marked points and the changes between them.
pub(super) fn convergence(
    area: &Area,
    panel: &Panel,
    sentence: &str,
    marked: &[[f64; 2]],
    changes: &[Change],
) -> Result<(), ReportError> {
    let (head, body) = area.split_vertically(18);
    // About half its size is the width of a letter: see `figures::svg`.
    let width = f64::from(area.dim_in_pixel().0) - 24.0;
    let points = (width / (0.52 * sentence.chars().count().max(1) as f64)).clamp(7.0, 12.0);
    head.draw_text(sentence, &text(points, INK), (12, 1)).map_err(failed)?;
    let mut chart = panel.chart(&body)?;
    let place = |p: &[f64; 2]| Some((panel.x.coordinate(p[0])?, panel.y.coordinate(p[1])?));
    let dots = marked.iter().filter_map(place).map(|p| Circle::new(p, 3, colour(palette::ACCENT).filled()));
    chart.draw_series(dots).map_err(failed)?;
    for change in changes {
        let (Some(a), Some(b)) = (place(&change.from), place(&change.to)) else { continue };
        let middle = (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1));
        let letters = change.lines.iter().map(|l| l.chars().count()).max().unwrap_or(0) as i32;
        let width = 6 * letters;
        let (from, to) = (chart.backend_coord(&a), chart.backend_coord(&b));
        // Above a line that falls there is room on the right, above one that rises on the left, and above one that
        // is nearly level everywhere, if the words stand a little higher.
        let (left, top) = match (from.1 - to.1, to.0 - from.0) {
            (rise, _) if rise <= 0 => (5, -29),
            (rise, run) if 2 * rise > run => (-8 - width, -29),
            _ => (-width / 2, -36),
        };
        let back = Rectangle::new([(left - 2, top - 1), (left + 1 + width, top + 25)], WHITE.mix(0.8).filled());
        let style = || text(10.5, INK).pos(Pos::new(HPos::Left, VPos::Top));
        let [first, second] = &change.lines;
        let words = EmptyElement::at(middle)
            + back
            + Text::new(first.clone(), (left, top), style())
            + Text::new(second.clone(), (left, top + 12), style());
        chart.draw_series([words]).map_err(failed)?;
    }
    Ok(())
}

/// The panel; where a line has one point, its interval has no area and is drawn as a stroke.
pub(super) fn with_lone_intervals(area: &Area, panel: &Panel) -> Result<(), ReportError> {
    let mut chart = panel.chart(area)?;
    for line in &panel.lines {
        let Some((low, high)) = &line.band else { continue };
        let ([low], [high]) = (&low.points[..], &high.points[..]) else { continue };
        let place = |p: &[f64; 2]| Some((panel.x.coordinate(p[0])?, panel.y.coordinate(p[1])?));
        let ends: Vec<_> = [low, high].into_iter().filter_map(place).collect();
        chart.draw_series([PathElement::new(ends, colour(line.rgb).mix(0.4).stroke_width(3))]).map_err(failed)?;
    }
    Ok(())
}

/// A bar for each range of iterations, with its height in words above it.
pub(super) fn bars(area: &Area, panel: &Panel, times: &[Times]) -> Result<(), ReportError> {
    let mut chart = panel.chart(area)?;
    let rgb = colour(palette::ACCENT);
    for t in times {
        // A little air between bars.
        let air = 0.1 * f64::from(t.last - t.first + 1);
        let (x0, x1) = (f64::from(t.first) - 0.5 + air, f64::from(t.last) + 0.5 - air);
        let Some(y) = panel.y.coordinate(t.mean) else { continue };
        let bar = Rectangle::new([(x0, 0.0), (x1, y)], rgb.mix(0.75).filled());
        chart.draw_series([bar]).map_err(failed)?;
        let style = text(10.0, INK).pos(Pos::new(HPos::Center, VPos::Bottom));
        let label = Text::new(height(t.mean), (0, -2), style);
        chart.draw_series([EmptyElement::at((f64::midpoint(x0, x1), y)) + label]).map_err(failed)?;
    }
    Ok(())
}

/// Milliseconds in about three digits.
fn height(ms: f64) -> String {
    match ms {
        m if m < 1.0 => format!("{m:.2}"),
        m if m < 100.0 => format!("{m:.1}"),
        m => format!("{m:.0}"),
    }
}
