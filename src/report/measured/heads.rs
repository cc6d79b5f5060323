//! What attention heads look at.

use std::fmt::Write as _;

use plotters::prelude::{RGBColor, Rectangle};

use crate::measure::heads::Heads;
use crate::report::figures::panel::{INK, text};
use crate::report::figures::{failed, svg};
use crate::report::series::thousands;
use crate::report::{ReportError, Size};

/// A table for a terminal: where the attention of each head goes, in percent.
#[must_use]
pub fn table(found: &Heads) -> String {
    let mut out = format!(
        "Attention in iteration {}, mean over {} boards: the share (%) that goes to …\n\n",
        thousands(found.iteration.into()),
        thousands(found.boards.into())
    );
    let _ = writeln!(
        out,
        "{:<10} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "block.head", "itself", "row", "column", "box", "elsewhere"
    );
    let mut line = |name: &str, shares: [f64; 5]| {
        let [a, b, c, d, e] = shares.map(|s| format!("{:.1}", 100.0 * s));
        let _ = writeln!(out, "{name:<10} {a:>8} {b:>8} {c:>8} {d:>8} {e:>10}");
    };
    for h in &found.heads {
        line(&format!("{}.{}", h.block, h.head), [h.itself, h.row, h.column, h.in_box, h.elsewhere]);
    }
    line("evenly", found.even);
    out.push_str("\nRow, column and box are of other cells; the box without those in the same row or column.\n");
    out
}

/// One row a head and offset: mean weight over all pairs of cells with that offset.
#[must_use]
pub fn csv(found: &Heads) -> String {
    let mut out = String::from("iteration,block,head,row_offset,column_offset,weight\n");
    let side = i64::from(found.side);
    for h in &found.heads {
        for (i, weight) in h.by_offset.iter().enumerate() {
            let wide = 2 * side - 1;
            let (row, column) = (i as i64 / wide - side + 1, i as i64 % wide - side + 1);
            let _ = writeln!(out, "{},{},{},{row},{column},{weight}", found.iteration, h.block, h.head);
        }
    }
    out
}

/// A map by offset for each head, a row of maps a block; each map is scaled to its own largest weight.
///
/// # Errors
/// Nothing was measured, or plotters cannot draw.
pub fn figure(found: &Heads, size: Size) -> Result<String, ReportError> {
    let blocks = found.heads.iter().map(|h| h.block).max().unwrap_or(0) as usize;
    let heads = found.heads.iter().map(|h| h.head).max().unwrap_or(0) as usize;
    if blocks * heads == 0 {
        return Err(ReportError::Figure("nothing was measured".into()));
    }
    let title = format!(
        "Attention by offset, iteration {}: the other cell's row and column relative to one's own",
        found.iteration
    );
    svg(size, &title, |area| {
        let places = area.split_evenly((blocks, heads));
        for (h, place) in found.heads.iter().zip(&places) {
            let (width, height) = place.dim_in_pixel();
            let wide = 2 * found.side as i32 - 1;
            let cell = ((width as i32 - 12).min(height as i32 - 24) / wide).max(1);
            let most = h.by_offset.iter().copied().fold(0.0, f64::max);
            let label = format!("{}.{}  largest {most:.3}", h.block, h.head);
            place.draw_text(&label, &text(11.0, INK), (6, 2)).map_err(failed)?;
            for (i, weight) in h.by_offset.iter().enumerate() {
                let (x, y) = (6 + i as i32 % wide * cell, 18 + i as i32 / wide * cell);
                // From white to the accent.
                let share = if most > 0.0 { weight / most } else { 0.0 };
                let tone = |full: f64| (255.0 - share * (255.0 - full)) as u8;
                let rgb = RGBColor(tone(0.0), tone(90.0), tone(160.0));
                place
                    .draw(&Rectangle::new(
                        [(x, y), (x + cell, y + cell)],
                        plotters::style::ShapeStyle::from(&rgb).filled(),
                    ))
                    .map_err(failed)?;
            }
            let side = found.side as i32 - 1;
            let (x, y) = (6 + side * cell, 18 + side * cell);
            place.draw(&Rectangle::new([(x, y), (x + cell, y + cell)], INK)).map_err(failed)?;
        }
        Ok(())
    })
}
