//! Two models on one board: A is the one in view, B the one that it is compared with. One cursor, one timeline,
//! and what differs.

mod board;
mod boards;
mod choose;
mod page;
mod pass;
mod state;

pub(super) use board::{Differing, paint_two};
pub(super) use boards::Boards;
pub(super) use state::{Comparing, Side};

use super::app::Lab;
use super::files::Form;
use super::looking::Looking;
use super::plots::{Drawn, Make};
use super::theme::Palette;
use crate::report::measured::compare::{boards as boards_report, name_of, passes};
use crate::report::{Curve, Size};
use eframe::egui::Color32;

/// The colour of B where A has the accent.
pub(super) fn second_colour(p: &Palette) -> Color32 {
    p.head(3)
}

impl Lab {
    /// B's pass, where there is one on the board in view.
    pub(super) fn second(&self) -> Option<&Looking> {
        self.comparing.second().filter(|s| s.last() > 0 && s.clues() == self.looking.clues())
    }

    /// What the board shows; A alone where there is no B.
    pub(super) fn side(&self) -> Side {
        if self.second().is_some() { self.comparing.side } else { Side::A }
    }

    /// The pass whose answers are on the board.
    pub(super) fn seen(&self) -> &Looking {
        match (self.side(), self.second()) {
            (Side::B, Some(second)) => second,
            _ => &self.looking,
        }
    }

    /// Names of A and B: “A · sudoku4”.
    pub(super) fn side_names(&self) -> [String; 2] {
        [name_of(false, &self.looking.trace.model), name_of(true, self.comparing.name())]
    }

    /// B's line of a curve, dashed, with both lines named.
    pub(super) fn second_line(&self, curve: Curve, first: &mut Drawn) -> Option<Drawn> {
        let second = self.second()?;
        let [a, b] = self.side_names();
        let mut series = curve.series(&second.curves);
        first.series.name = a;
        series.name = format!("{b} (dashed)");
        Some(Drawn { series, color: first.color, dashed: true, width: 1.6 })
    }

    /// What makes the table or the figure of the comparison on the board.
    pub(super) fn compared_export(&self, form: Form) -> Option<Make> {
        let (first, second) = (self.looking.trace.clone(), self.second()?.trace.clone());
        Some(match form {
            Form::Csv => Box::new(move || {
                passes::PassesCompared::of(&first, &second)
                    .map(|found| passes::csv(&found))
                    .map_err(crate::report::ReportError::Figure)
            }),
            _ => Box::new(move || {
                let found = passes::PassesCompared::of(&first, &second).map_err(crate::report::ReportError::Figure)?;
                passes::figure(&found, Size::default())
            }),
        })
    }

    /// The same of the comparison over many boards.
    pub(super) fn compared_boards_export(&self, form: Form) -> Option<Make> {
        let found = self.comparing.boards.found()?.clone();
        Some(match form {
            Form::Csv => Box::new(move || Ok(boards_report::csv(&found))),
            _ => Box::new(move || boards_report::figure(&found, Size::default())),
        })
    }
}
