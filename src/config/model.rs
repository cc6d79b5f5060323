//! Sizes of a network (`specs/sudoku.md` §0, §1; `specs/poh.md` §1.1).

use serde::ser::{SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};

use super::{NetworkKind, PohConfig};
use crate::tasks::sudoku::Shape;

/// What decides the shape of every parameter of a network.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Which network is built from the sizes.
    pub network: NetworkKind,
    /// Rows in a box: 3 on a 9×9 board.
    pub box_rows: u8,
    /// Columns in a box: 3 on a 9×9 board.
    pub box_cols: u8,
    /// Width d of the state of a cell.
    pub width: usize,
    /// Blocks L applied in one iteration; their weights are shared by all iterations.
    pub blocks: usize,
    /// Attention heads H; the head width is `width / heads`.
    pub heads: usize,
    /// Hidden width F of the feed-forward part, usually 4 d.
    pub hidden: usize,
    /// Whether a looped transformer has a head that says when to halt: a linear map of the mean of S_t over the
    /// cells (`specs/sudoku.md` §4.1). Pointer-over-Heads has no use for it.
    pub q_head: bool,
    /// What is set of Pointer-over-Heads; the looped transformer has no use for it.
    pub poh: PohConfig,
}

impl Serialize for ModelConfig {
    /// Files of a looped transformer say nothing of the other network, so that they are as they were
    /// before there was one. A format that only counts fields gets all of them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = !serializer.is_human_readable() || self.network != NetworkKind::Looped;
        let q_head = !serializer.is_human_readable() || self.q_head;
        let mut out = serializer.serialize_struct("ModelConfig", 6 + 2 * usize::from(all) + usize::from(q_head))?;
        if all {
            out.serialize_field("network", &self.network)?;
        }
        out.serialize_field("box_rows", &self.box_rows)?;
        out.serialize_field("box_cols", &self.box_cols)?;
        out.serialize_field("width", &self.width)?;
        out.serialize_field("blocks", &self.blocks)?;
        out.serialize_field("heads", &self.heads)?;
        out.serialize_field("hidden", &self.hidden)?;
        if q_head {
            out.serialize_field("q_head", &self.q_head)?;
        }
        if all {
            out.serialize_field("poh", &self.poh)?;
        }
        out.end()
    }
}

impl Default for ModelConfig {
    /// The published 9×9 network: 796,937 parameters.
    fn default() -> Self {
        Self {
            network: NetworkKind::Looped,
            box_rows: 3,
            box_cols: 3,
            width: 128,
            blocks: 4,
            heads: 4,
            hidden: 512,
            q_head: false,
            poh: PohConfig::default(),
        }
    }
}

/// A size that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelConfigError {
    /// The board is none that Sudoku is played on.
    #[error("the board: {0}")]
    Board(String),
    /// A count is zero or beyond what can be meant.
    #[error("{name} is {found}; it must be from {least} to {most}")]
    Range {
        /// The key.
        name: &'static str,
        /// Its value.
        found: usize,
        /// The least that works.
        least: usize,
        /// The most that is accepted, so that a bad file cannot ask for all memory.
        most: usize,
    },
    /// The heads do not divide the width into rotatable parts.
    #[error(
        "width {width} over {heads} heads gives a head width of {}; it must be a whole multiple of 4, \
         since rotary positions turn one pair for the row and one for the column", 
        if *heads == 0 { 0.0 } else { *width as f64 / *heads as f64 }
    )]
    Heads {
        /// The width.
        width: usize,
        /// The heads.
        heads: usize,
    },
    /// The heads do not divide the width.
    #[error("width {width} cannot be divided among {heads} heads")]
    Divide {
        /// The width.
        width: usize,
        /// The heads.
        heads: usize,
    },
    /// Settings of Pointer-over-Heads that cannot be built.
    #[error("{}", .0.join("; "))]
    Poh(Vec<String>),
}

impl ModelConfig {
    /// Checks all sizes; every parameter of a valid configuration fits in memory.
    ///
    /// # Errors
    /// The first size that cannot be built, with what would be right.
    pub fn validate(&self) -> Result<(), ModelConfigError> {
        self.try_shape()?;
        let range = |name, found: usize, least, most| {
            if (least..=most).contains(&found) {
                Ok(())
            } else {
                Err(ModelConfigError::Range { name, found, least, most })
            }
        };
        range("width", self.width, 4, 4096)?;
        range("blocks", self.blocks, 1, 64)?;
        range("heads", self.heads, 1, 256)?;
        range("hidden", self.hidden, 1, 16_384)?;
        let (width, heads) = (self.width, self.heads);
        match self.network {
            NetworkKind::Looped if !width.is_multiple_of(heads) || !(width / heads).is_multiple_of(4) => {
                Err(ModelConfigError::Heads { width, heads })
            }
            NetworkKind::Looped => Ok(()),
            NetworkKind::Poh if !width.is_multiple_of(heads) => Err(ModelConfigError::Divide { width, heads }),
            NetworkKind::Poh => self.poh.validate(self).map_err(ModelConfigError::Poh),
        }
    }

    fn try_shape(&self) -> Result<Shape, ModelConfigError> {
        Shape::new(self.box_rows.into(), self.box_cols.into()).map_err(|e| ModelConfigError::Board(e.to_string()))
    }

    /// The board. A configuration that was not validated falls back to 9×9.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.try_shape().unwrap_or(Shape::S9)
    }

    /// The same network for another board.
    #[must_use]
    pub fn with_shape(mut self, shape: Shape) -> Self {
        self.box_rows = shape.box_rows() as u8;
        self.box_cols = shape.box_cols() as u8;
        self
    }

    /// Cells N of the board.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.shape().cells()
    }

    /// Digits n of the board, also its side.
    #[must_use]
    pub fn digits(&self) -> usize {
        self.shape().side()
    }

    /// Head width dh.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Number of parameters (`specs/sudoku.md` §1.6).
    #[must_use]
    pub fn parameters(&self) -> usize {
        let (d, n) = (self.width, self.digits());
        let halting = if self.has_q_head() { d + 1 } else { 0 };
        let fed_back = self.network == NetworkKind::Looped || self.poh.feedback;
        (n + 1) * d + d + usize::from(fed_back) * (n * d + d) + self.stack_parameters() + n * d + n + halting
    }

    /// Whether the network has a head that says when to halt.
    #[must_use]
    pub fn has_q_head(&self) -> bool {
        self.q_head && self.network == NetworkKind::Looped
    }

    /// Parameters of what is applied again and again, without the maps from and to the board: what the
    /// published counts are of (`specs/poh.md` §1.8).
    #[must_use]
    pub fn stack_parameters(&self) -> usize {
        let (d, f) = (self.width, self.hidden);
        let block = 4 * (d * d + d) + (d * f + f) + (f * d + d) + 4 * d;
        match self.network {
            NetworkKind::Looped => self.blocks * block,
            NetworkKind::Poh => self.poh.stack_parameters(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_of_the_published_networks() {
        let of = |width, heads| ModelConfig { width, heads, hidden: 4 * width, ..ModelConfig::default() }.parameters();
        assert_eq!(of(128, 4), 796_937);
        assert_eq!(of(96, 3), 450_249);
        assert_eq!(of(192, 6), 1_785_225);
        assert_eq!(ModelConfig { q_head: true, ..ModelConfig::default() }.parameters(), 796_937 + 129);
    }

    #[test]
    fn impossible_sizes_are_refused_in_words() {
        let bad = ModelConfig { heads: 3, ..ModelConfig::default() };
        assert!(bad.validate().unwrap_err().to_string().contains("multiple of 4"));
        let none = ModelConfig { heads: 0, ..ModelConfig::default() };
        assert!(none.validate().unwrap_err().to_string().contains("heads is 0"));
    }
}
