//! `steps.csv`: a row for each reading of the training metrics.

use std::path::Path;

use super::{ReportError, cut_back};
use crate::report::rows::{self, Line, exact};
use crate::trace::{RoutingMetrics, Step, StepMetrics};

/// The table.
pub struct StepsCsv;

/// Columns before those of the iterations. The last iteration's solved share stands among them for
/// people and plotting programs; the reader takes it from `solved_T`.
const STEP_COLUMNS: [&str; 7] =
    ["step", "loss", "solved_share_last", "gradient_norm", "learning_rate", "boards_per_second", "seconds"];
/// Columns of a router that are one number a row; they stand last.
const ROUTER_COLUMNS: [&str; 2] = ["route_spread", "router_gradient_norm"];

impl StepsCsv {
    const TABLE: &str = "steps.csv";

    /// Adds a row; makes the file with its header where there is none, and removes a torn last line.
    ///
    /// # Errors
    /// The file cannot be written, or its header is not that of this number of iterations.
    pub async fn append(path: &Path, metrics: &StepMetrics) -> Result<(), ReportError> {
        let columns = Columns::of([metrics]);
        let header = columns.header();
        rows::append(path, &header, &columns.row(metrics), |found| {
            if found == header {
                return Ok(());
            }
            let message = match Columns::read(found) {
                Some(c) if c.iterations != columns.iterations => format!(
                    "the table is of {} iterations and the new row of {}; use another folder",
                    c.iterations, columns.iterations
                ),
                Some(c) => format!(
                    "the table is of {} heads with a router and the new row of {}; use another folder",
                    c.heads, columns.heads
                ),
                None => format!("the header is “{found}”; it must be “{header}”"),
            };
            Err(ReportError::Line { file: path.display().to_string(), line: 1, message })
        })
        .await
    }

    /// The rows of a file; none where there is no file. A torn last line is left out.
    ///
    /// # Errors
    /// The file cannot be read, or which line is wrong and why.
    pub async fn read(path: &Path) -> Result<Vec<StepMetrics>, ReportError> {
        rows::read(path).await?.map_or_else(|| Ok(Vec::new()), |text| Self::parse(&text).map_err(|e| e.in_file(path)))
    }

    /// The rows of a text, as [`StepsCsv::read`].
    ///
    /// # Errors
    /// Which line is wrong and why.
    pub fn parse(text: &str) -> Result<Vec<StepMetrics>, ReportError> {
        let mut lines = rows::lines(text, Self::TABLE);
        let Some(header) = lines.next() else { return Ok(Vec::new()) };
        let columns = Columns::read(header.text).ok_or_else(|| {
            let iterations = header.cells().len().saturating_sub(STEP_COLUMNS.len()) / 2;
            let plain = Columns { iterations, heads: 0 };
            header.error(format!("the header is “{}”; it must be “{}”", header.text, plain.header()))
        })?;
        lines.map(|line| columns.metrics(&line)).collect()
    }

    /// All rows with their header. A run has the same number of iterations in all rows; a shorter
    /// list is filled up with NaN.
    #[must_use]
    pub fn text(metrics: &[StepMetrics]) -> String {
        let columns = Columns::of(metrics);
        let mut out = columns.header() + "\n";
        metrics.iter().for_each(|m| out.push_str(&columns.row(m)));
        out
    }

    /// Removes the rows beyond a step, and a torn last line, by writing a new file and renaming it.
    /// Returns how many rows were removed; 0 where there is no file.
    ///
    /// # Errors
    /// As [`StepsCsv::read`], or the file cannot be replaced. The old file is then still there.
    pub async fn cut_back(path: &Path, step: Step) -> Result<usize, ReportError> {
        let Some(text) = rows::read(path).await? else { return Ok(0) };
        Self::parse(&text).map_err(|e| e.in_file(path))?;
        cut_back(path, &text, Self::TABLE, 0, step).await
    }
}

/// What a table has columns for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Columns {
    /// T.
    iterations: usize,
    /// Heads of a router; 0 where there is none.
    heads: usize,
}

impl Columns {
    fn of<'a>(metrics: impl IntoIterator<Item = &'a StepMetrics>) -> Self {
        let mut all = Self { iterations: 0, heads: 0 };
        for m in metrics {
            all.iterations = all.iterations.max(m.loss_by_iteration.len()).max(m.solved_by_iteration.len());
            all.heads = all.heads.max(m.routing.as_ref().map_or(0, |r| r.load.len()));
        }
        all
    }

    /// Of a header; none if it is another table's.
    fn read(header: &str) -> Option<Self> {
        let count = |name: &str| header.split(',').filter(|c| c.starts_with(name)).count();
        let columns = Self { iterations: count("loss_"), heads: count("head_load_") };
        (columns.header() == header).then_some(columns)
    }

    fn header(self) -> String {
        let mut names: Vec<String> = STEP_COLUMNS.map(String::from).to_vec();
        let mut numbered = |name: &str, count: usize| names.extend((1..=count).map(|i| format!("{name}_{i}")));
        numbered("loss", self.iterations);
        numbered("solved", self.iterations);
        if self.heads > 0 {
            numbered("route_entropy", self.iterations);
            numbered("head_load", self.heads);
            numbered("head_top1", self.heads);
            names.extend(ROUTER_COLUMNS.map(String::from));
        }
        names.join(",")
    }

    fn row(self, m: &StepMetrics) -> String {
        let mut cells = vec![
            m.step.0.to_string(),
            exact(m.loss),
            exact(m.solved_by_iteration.last().copied().unwrap_or(f32::NAN)),
            exact(m.gradient_norm),
            exact(m.learning_rate),
            exact(m.boards_per_second),
            exact(m.seconds),
        ];
        let mut list = |list: &[f32], count: usize| {
            cells.extend((0..count).map(|i| exact(list.get(i).copied().unwrap_or(f32::NAN))));
        };
        list(&m.loss_by_iteration, self.iterations);
        list(&m.solved_by_iteration, self.iterations);
        match &m.routing {
            Some(r) if self.heads > 0 => {
                list(&r.entropy, self.iterations);
                list(&r.load, self.heads);
                list(&r.top1, self.heads);
                list(&[r.spread, r.gradient_norm], ROUTER_COLUMNS.len());
            }
            _ if self.heads > 0 => {
                let nothing = self.iterations + 2 * self.heads + ROUTER_COLUMNS.len();
                cells.extend(std::iter::repeat_n(String::new(), nothing));
            }
            _ => {}
        }
        cells.join(",") + "\n"
    }

    fn metrics(self, line: &Line) -> Result<StepMetrics, ReportError> {
        let (t, h) = (self.iterations, self.heads);
        let router = if h > 0 { t + 2 * h + ROUTER_COLUMNS.len() } else { 0 };
        line.expect_columns(STEP_COLUMNS.len() + 2 * t + router)?;
        let single = |column: usize| line.get::<f32>(column, STEP_COLUMNS[column], "a number");
        let double = |column: usize| line.get::<f64>(column, STEP_COLUMNS[column], "a number");
        let list = |name: &str, first: usize, count: usize| {
            let value = |i| line.get::<f32>(first + i, &format!("{name}_{}", i + 1), "a number");
            (0..count).map(value).collect::<Result<Vec<f32>, _>>()
        };
        single(2)?;
        let first = STEP_COLUMNS.len() + 2 * t;
        let routing = if h == 0 || line.text_of(first + t).is_empty() {
            None
        } else {
            let last = first + t + 2 * h;
            Some(RoutingMetrics {
                entropy: list("route_entropy", first, t)?,
                load: list("head_load", first + t, h)?,
                top1: list("head_top1", first + t + h, h)?,
                spread: line.get(last, ROUTER_COLUMNS[0], "a number")?,
                gradient_norm: line.get(last + 1, ROUTER_COLUMNS[1], "a number")?,
            })
        };
        Ok(StepMetrics {
            step: Step(line.integer(0, "step")?),
            loss: single(1)?,
            gradient_norm: single(3)?,
            learning_rate: double(4)?,
            boards_per_second: single(5)?,
            seconds: double(6)?,
            loss_by_iteration: list("loss", STEP_COLUMNS.len(), t)?,
            solved_by_iteration: list("solved", STEP_COLUMNS.len() + t, t)?,
            routing,
        })
    }
}
