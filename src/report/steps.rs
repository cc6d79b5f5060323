//! The map step × iteration of a recorded training, as a table and as a figure.

use plotters::prelude::{DashedLineSeries, PathElement, RGBColor, Rectangle};
use plotters::style::{Color, WHITE};

use super::figures::axis::{Axis, Scale};
use super::figures::panel::{INK, Panel, colour, text};
use super::figures::{failed, svg};
use super::rows::exact;
use super::series::thousands;
use super::{ReportError, Size, palette};
use crate::trace::{Iteration, Quantity, Recording};

/// Colours of the figure's scale.
const SHADES: u32 = 24;
/// Pixels below the plot for the scale of colours.
const FOOT: u32 = 34;

/// One row a step, iteration and board, and one for the mean of all boards, where `board` is `all`:
/// share of solved boards and of right blank cells (empty where no solution is known), entropy of the
/// blank cells in nats, blank cells that flipped.
#[must_use]
pub fn steps_csv(recording: &Recording) -> String {
    let mut out = String::from("step,iteration,board,solved_share,right_share,entropy,flips\n");
    for (index, step) in recording.steps().enumerate() {
        for t in 1..=recording.last() {
            for board in std::iter::once(None).chain((0..recording.boards()).map(Some)) {
                let value = |q| recording.value(q, index, Iteration(t), board);
                if value(Quantity::Entropy).is_none() {
                    continue;
                }
                let name = board.map_or_else(|| "all".to_owned(), |b| (b + 1).to_string());
                out.push_str(&format!("{},{t},{name}", step.0));
                for q in Quantity::ALL {
                    out.push(',');
                    out.push_str(&value(q).map(|v| exact(v as f32)).unwrap_or_default());
                }
                out.push('\n');
            }
        }
    }
    out
}

/// The map as a figure: steps upwards, iterations to the right, of one board or the mean of all. A
/// recorded step reaches half-way to its neighbours.
///
/// # Errors
/// Nothing recorded, a board that is not there, or plotters cannot draw.
pub fn steps_figure(
    recording: &Recording,
    quantity: Quantity,
    board: Option<usize>,
    size: Size,
) -> Result<String, ReportError> {
    if recording.is_empty() {
        return Err(ReportError::Figure("no step has been recorded yet".into()));
    }
    if let Some(board) = board.filter(|b| *b >= recording.boards()) {
        let all = recording.boards();
        return Err(ReportError::Figure(format!("there is no board {}; {all} are recorded", board + 1)));
    }
    let of = match board {
        Some(board) => format!("board {}", board + 1),
        None => format!("mean of {} boards", recording.boards()),
    };
    let run = recording.run();
    let title = format!("{} · {}, seed {}, {of}", quantity.label(), run.name, run.seed);
    let steps: Vec<f64> = recording.steps().map(|s| f64::from(s.0)).collect();
    let edges = edges(&steps);
    let last = f64::from(recording.last());
    let most = recording.most(quantity);
    svg(size, &title, |area| {
        let (_, height) = area.dim_in_pixel();
        let (plot, foot) = area.split_vertically(height.saturating_sub(FOOT));
        let panel = Panel {
            x: Axis::new("Iteration", Scale::Linear).over(0.5, last + 0.5),
            y: Axis::new("Training step", Scale::Linear)
                .over(edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0)),
            lines: Vec::new(),
            marks: Vec::new(),
        };
        let mut chart = panel.chart(&plot)?;
        for (index, edge) in edges.windows(2).enumerate() {
            let mut t = 1;
            while t <= recording.last() {
                let at = |t| recording.value(quantity, index, Iteration(t), board).map(|v| shade(v / most));
                let Some(level) = at(t) else { break };
                // Neighbours of one colour are one rectangle.
                let from = t;
                while at(t + 1) == Some(level) {
                    t += 1;
                }
                let corners = [(f64::from(from) - 0.5, edge[0]), (f64::from(t) + 0.5, edge[1])];
                chart.draw_series([Rectangle::new(corners, tint(quantity, level).filled())]).map_err(failed)?;
                t += 1;
            }
        }
        let border = f64::from(recording.trained()) + 0.5;
        if border < last {
            let (low, high) = panel.y.range();
            let line = DashedLineSeries::new([(border, low), (border, high)], 4, 3, INK.stroke_width(1));
            chart.draw_series(line).map_err(failed)?;
        }
        let (left, top, wide) = (66, 8, 160);
        for level in 0..=SHADES {
            let x = left + (wide * level / (SHADES + 1)) as i32;
            let to = left + (wide * (level + 1) / (SHADES + 1)) as i32;
            let part = Rectangle::new([(x, top), (to, top + 12)], tint(quantity, level).filled());
            foot.draw(&part).map_err(failed)?;
        }
        let (right, bottom) = (left + wide as i32, top + 12);
        let frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        foot.draw(&PathElement::new(frame, INK.mix(0.5).stroke_width(1))).map_err(failed)?;
        let words = format!("0 to {}; the dashed line is the trained {}", upper(quantity, most), recording.trained());
        foot.draw_text(&words, &text(12.0, INK), (right + 10, top)).map_err(failed)
    })
}

/// The upper end of the colours in words.
fn upper(quantity: Quantity, most: f64) -> String {
    match quantity {
        Quantity::Solved | Quantity::Right => "100 %".into(),
        Quantity::Entropy => format!("{most:.2} nats"),
        Quantity::Flips => format!("{} cells", thousands(most.round() as u64)),
    }
}

/// Where the rows of the steps begin and end: half-way between neighbours.
fn edges(steps: &[f64]) -> Vec<f64> {
    let first = steps.first().copied().unwrap_or(0.0);
    let last = steps.last().copied().unwrap_or(1.0);
    let gap = |w: Option<&[f64]>| w.map_or(1.0, |w| w[1] - w[0]);
    let mut out = vec![(first - gap(steps.windows(2).next()) / 2.0).max(0.0)];
    out.extend(steps.windows(2).map(|w| (w[0] + w[1]) / 2.0));
    out.push(last + gap(steps.windows(2).next_back()) / 2.0);
    out
}

/// A share as one of the figure's colours.
fn shade(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * f64::from(SHADES)).round() as u32
}

fn tint(quantity: Quantity, level: u32) -> RGBColor {
    let end = colour(match quantity {
        Quantity::Solved | Quantity::Right => palette::RIGHT,
        Quantity::Entropy => palette::ENTROPY,
        Quantity::Flips => palette::SEVERAL[1],
    });
    let share = 0.9 * f64::from(level) / f64::from(SHADES);
    let part = |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))).round() as u8;
    RGBColor(part(WHITE.0, end.0), part(WHITE.1, end.1), part(WHITE.2, end.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shipped;

    fn recording() -> Recording {
        Recording::from_bytes(shipped::training()).expect("the shipped recording")
    }

    #[test]
    fn the_table_has_a_row_for_each_board_and_one_for_all() {
        let all = recording();
        let text = steps_csv(&all);
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows.len(), all.len() * all.last() as usize * (all.boards() + 1));
        let share = |row: &str| row.split(',').nth(3).and_then(|v| v.parse::<f64>().ok()).expect("a share");
        let (means, single): (Vec<&str>, Vec<&str>) = rows.iter().partition(|r| r.split(',').nth(2) == Some("all"));
        let sum = |rows: &[&str]| rows.iter().map(|r| share(r)).sum::<f64>();
        assert!((sum(&means) - sum(&single) / all.boards() as f64).abs() < 1e-3, "the rows of all are means");
        assert!(rows[0].starts_with("0,1,all,0.0,"), "{}", rows[0]);
    }

    #[test]
    fn the_figure_is_drawn_for_every_quantity() {
        let all = recording();
        for q in Quantity::ALL {
            let svg = steps_figure(&all, q, None, Size::default()).expect("a figure");
            let cells = svg.matches("<rect").count();
            assert!(svg.contains(q.label()) && svg.contains("Training step") && cells > 40, "{q:?}: {cells}");
        }
        let error = steps_figure(&all, Quantity::Solved, Some(99), Size::default()).expect_err("no such board");
        assert!(error.to_string().contains("no board 100"), "{error}");
        assert!(steps_figure(&Recording::default(), Quantity::Solved, None, Size::default()).is_err());
    }

    #[test]
    fn rows_reach_half_way_to_their_neighbours() {
        assert_eq!(edges(&[0.0, 50.0, 150.0]), [0.0, 25.0, 100.0, 200.0]);
        assert_eq!(edges(&[10.0]), [9.5, 10.5]);
    }
}
