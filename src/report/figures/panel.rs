//! One plot: axes, lines with their bands, marks, and a legend where there are several lines.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Axis, Ticked};
use super::{Area, failed};
use crate::report::{ReportError, Series, palette};

/// Text and axes.
pub(in crate::report) const INK: RGBColor = colour(palette::INK);

pub(in crate::report) const fn colour(rgb: [u8; 3]) -> RGBColor {
    RGBColor(rgb[0], rgb[1], rgb[2])
}

/// Text of a size in pixels. The family is generic: whoever shows the SVG has one.
pub(in crate::report) fn text(size: f64, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour)
}

/// A line of a plot.
pub(in crate::report) struct Line {
    pub series: Series,
    pub rgb: [u8; 3],
    /// Lower and upper edge of its interval.
    pub band: Option<(Series, Series)>,
    /// Whether every point is marked: where there are few.
    pub dots: bool,
    /// Width of the stroke in pixels.
    pub width: u32,
}

impl Line {
    pub fn new(series: Series, rgb: [u8; 3]) -> Self {
        Self { series, rgb, band: None, dots: false, width: 2 }
    }
}

/// A vertical line with a word beside it.
#[derive(Clone)]
pub(in crate::report) struct Mark {
    pub x: f64,
    pub label: String,
    pub rgb: [u8; 3],
}

pub(in crate::report) struct Panel {
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
    pub marks: Vec<Mark>,
}

/// A plot that was drawn, in coordinates of its axes: for what stands in it besides lines.
pub(in crate::report) type Chart<'c, 'a> = ChartContext<'c, SVGBackend<'a>, Cartesian2d<Ticked, Ticked>>;

impl Panel {
    pub fn draw(&self, area: &Area) -> Result<(), ReportError> {
        self.chart(area).map(drop)
    }

    /// Draws it, for more to be drawn over it.
    pub fn chart<'c, 'a>(&self, area: &'c Area<'a>) -> Result<Chart<'c, 'a>, ReportError> {
        let ((x0, x1), (y0, y1)) = (self.x.range(), self.y.range());
        // A little air, so that lines at the edge are seen whole.
        let (right, top) = (x1 + 0.02 * (x1 - x0), y1 + 0.04 * (y1 - y0));
        let mut chart = ChartBuilder::on(area)
            .margin_top(8)
            .margin_right(14)
            .margin_bottom(6)
            .margin_left(6)
            .x_label_area_size(38)
            .y_label_area_size(58)
            .build_cartesian_2d(
                Ticked { range: x0..right, ticks: self.x.ticks() },
                Ticked { range: y0..top, ticks: self.y.ticks() },
            )
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .x_label_formatter(&|v| self.x.tick_label(*v))
            .y_label_formatter(&|v| self.y.tick_label(*v))
            .axis_style(INK.mix(0.6))
            .bold_line_style(INK.mix(0.12))
            .light_line_style(TRANSPARENT)
            .label_style(text(12.0, INK))
            .axis_desc_style(text(13.0, INK))
            .draw()
            .map_err(failed)?;

        for (i, mark) in self.marks.iter().enumerate() {
            let Some(x) = self.x.coordinate(mark.x) else { continue };
            let rgb = colour(mark.rgb);
            chart.draw_series(DashedLineSeries::new([(x, y0), (x, top)], 4, 3, rgb.stroke_width(1))).map_err(failed)?;
            // Words stand one below the other and on the side with more room, so that none hides
            // another or leaves the plot.
            let left = x > x0 + 0.6 * (right - x0);
            let style = text(11.0, rgb).pos(Pos::new(if left { HPos::Right } else { HPos::Left }, VPos::Top));
            let shift = (if left { -4 } else { 4 }, 1 + 13 * i as i32);
            chart
                .draw_series([EmptyElement::at((x, top)) + Text::new(mark.label.clone(), shift, style)])
                .map_err(failed)?;
        }
        for line in &self.lines {
            let rgb = colour(line.rgb);
            if let Some((low, high)) = &line.band {
                let edge: Vec<_> = self.segments(low).into_iter().flatten().collect();
                let back = self.segments(high).into_iter().flatten().rev();
                let around: Vec<_> = edge.into_iter().chain(back).collect();
                chart.draw_series([Polygon::new(around, rgb.mix(0.15))]).map_err(failed)?;
            }
            for segment in self.segments(&line.series) {
                // A lone point between gaps would not be seen as a line.
                if line.dots || segment.len() == 1 {
                    let dots = segment.iter().map(|p| Circle::new(*p, 3, rgb.filled()));
                    chart.draw_series(dots).map_err(failed)?;
                }
                chart.draw_series(LineSeries::new(segment, rgb.stroke_width(line.width))).map_err(failed)?;
            }
        }
        if self.lines.len() > 1 {
            self.legend(area)?;
        }
        Ok(chart)
    }

    /// Points of a series in coordinates, cut where a value cannot be shown.
    fn segments(&self, series: &Series) -> Vec<Vec<(f64, f64)>> {
        let place = |p: &[f64; 2]| Some((self.x.coordinate(p[0])?, self.y.coordinate(p[1])?));
        let places: Vec<Option<(f64, f64)>> = series.points.iter().map(place).collect();
        places
            .split(Option::is_none)
            .map(|s| s.iter().flatten().copied().collect())
            .filter(|s: &Vec<_>| !s.is_empty())
            .collect()
    }

    /// Names of the lines, in the corner at the bottom right, or top right if the lines end low.
    fn legend(&self, area: &Area) -> Result<(), ReportError> {
        let (width, height) = area.dim_in_pixel();
        let (width, height) = (width as i32, height as i32);
        let (y0, y1) = self.y.range();
        let end = |l: &Line| l.series.points.last().and_then(|p| self.y.coordinate(p[1]));
        let low = self.lines.iter().filter_map(end).filter(|y| *y < (y0 + y1) / 2.0).count();
        let rows = self.lines.len() as i32;
        let longest = self.lines.iter().map(|l| l.series.name.chars().count()).max().unwrap_or(0) as i32;
        let left = width - 14 - 36 - longest * 7;
        let top = if 2 * low as i32 > rows { 22 } else { height - 6 - 38 - 10 - 17 * rows };
        let back = Rectangle::new([(left - 8, top - 4), (width - 18, top + 17 * rows)], WHITE.mix(0.85).filled());
        area.draw(&back).map_err(failed)?;
        for (line, row) in self.lines.iter().zip(0..) {
            let y = top + 17 * row;
            let stroke = colour(line.rgb).stroke_width(line.width);
            area.draw(&PathElement::new([(left, y + 7), (left + 20, y + 7)], stroke)).map_err(failed)?;
            area.draw_text(&line.series.name, &text(12.0, INK), (left + 26, y)).map_err(failed)?;
        }
        Ok(())
    }
}
