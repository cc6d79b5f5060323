//! What is exported: tables as CSV, scores as JSON and as text, curves as series and as figures.
//! The window's plots, the command line's files and the web page's downloads come from here alike.

pub mod claims;
mod csv;
pub mod figures;
pub mod inner_outer;
mod json;
pub mod measured;
pub mod palette;
#[cfg(feature = "png")]
mod png;
mod rows;
pub mod series;
pub mod speed;
pub mod statistics;
mod steps;
mod traces;

use std::path::{Path, PathBuf};

pub use csv::{IterationsCsv, StepsCsv};
pub use figures::{Size, curves_figure, head_load_figure, loss_figure, probe_figure, routing_figure, scores_figure};
pub use json::{evaluation_json, evaluation_table};
#[cfg(feature = "png")]
pub use png::png;
pub use series::{Curve, Series};
pub use steps::{steps_csv, steps_figure};
pub use traces::{probabilities_csv, routing_csv, trace_csv, trace_json_lines};

/// What keeps an export or a run's table from being written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The system refused.
    #[error("{} cannot be {doing}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// "read", "written", "replaced".
        doing: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line that is none of this table.
    #[error("{file}, line {line}: {message}")]
    Line {
        /// Which file, or which table where the text comes from no file.
        file: String,
        /// From 1, the header included.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A figure that cannot be drawn.
    #[error("the figure cannot be drawn: {0}")]
    Figure(String),
    /// A figure that cannot be rasterised.
    #[error("the figure cannot be turned into PNG: {0}")]
    Picture(String),
}

impl ReportError {
    fn io(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, doing, source }
    }

    /// Names the file that the text of a table came from.
    fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Line { line, message, .. } => Self::Line { file: path.display().to_string(), line, message },
            other => other,
        }
    }
}
