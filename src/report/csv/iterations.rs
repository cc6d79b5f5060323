//! `iterations.csv`: a row for each iteration of each probe.
//!
//! The table has all that `specs/poh.md` §3 lists, under this project's words: `step` is its global_step,
//! `iteration` its inner_step, `boards` its batch_size, `solved` its uas_probe, `residual` its delta_rms,
//! `halted_share` its halted_frac. What a network does not have is an empty cell.

use std::path::Path;

use super::{ReportError, cut_back};
use crate::report::rows::{self, Line, exact, quoted};
use crate::trace::{HaltingReading, IterationReading, ProbeReport, RoutingReading, RunStamp, Step};

/// The table.
pub struct IterationsCsv;

/// Of the first schema, which had solved counts alone. Such files are read; the next probe rewrites them.
const FIRST_HEADER: &str = "step,boards,trained_iterations,iteration,solved";
/// The number in the first column.
const SCHEMA: &str = "2";
/// All columns but those of the heads, `head_load_1` …, which stand last.
const COLUMNS: [&str; 21] = [
    "schema",
    "run_id",
    "config_hash",
    "seed",
    "device",
    "epoch",
    "step",
    "boards",
    "trained_iterations",
    "iteration",
    "loss",
    "solved",
    "right_share",
    "gradient_norm",
    "residual",
    "attention_entropy",
    "route_entropy",
    "route_top1_share",
    "halted_share",
    "ponder_cost",
    "ms_forward",
];
/// Where `step` stands.
const STEP: usize = 6;
/// Where the readings of an iteration begin.
const LOSS: usize = 10;

impl IterationsCsv {
    const TABLE: &str = "iterations.csv";

    /// Adds the rows of a probe. The file is written anew and renamed, so that a probe is in it
    /// wholly or not at all; a torn last line is removed, and a file of the first schema becomes one of
    /// this. A probe without iterations leaves no rows.
    ///
    /// # Errors
    /// The file cannot be written, or it is another table.
    pub async fn append(path: &Path, report: &ProbeReport) -> Result<(), ReportError> {
        let text = rows::read(path).await?.unwrap_or_default();
        let heads = heads_of(std::slice::from_ref(report));
        let header = header(heads);
        let found = rows::lines(&text, Self::TABLE).next().map(|line| line.text.to_owned());
        let whole = match found {
            Some(found) if found == header => {
                let mut text = text;
                push_report(&mut text, report, heads);
                text
            }
            None => Self::text(std::slice::from_ref(report)),
            // Another number of heads, or the first schema: all of it is written anew.
            Some(_) => {
                let mut all = Self::parse(&text).map_err(|e| e.in_file(path))?;
                all.push(report.clone());
                Self::text(&all)
            }
        };
        rows::replace(path, &whole).await
    }

    /// The probes of a file; none where there is no file. A torn last line is left out.
    ///
    /// # Errors
    /// The file cannot be read, or which line is wrong and why.
    pub async fn read(path: &Path) -> Result<Vec<ProbeReport>, ReportError> {
        rows::read(path).await?.map_or_else(|| Ok(Vec::new()), |text| Self::parse(&text).map_err(|e| e.in_file(path)))
    }

    /// The probes of a text, as [`IterationsCsv::read`].
    ///
    /// # Errors
    /// Which line is wrong and why.
    pub fn parse(text: &str) -> Result<Vec<ProbeReport>, ReportError> {
        let mut lines = rows::lines(text, Self::TABLE);
        let mut reports: Vec<ProbeReport> = Vec::new();
        let Some(first) = lines.next() else { return Ok(reports) };
        let heads = heads_in(&first)?;
        for line in lines {
            let (row, iteration, solved, reading) = match heads {
                Some(heads) => read_row(&line, heads)?,
                None => read_first_row(&line)?,
            };
            if solved > row.boards {
                return Err(line.error(format!("solved is {solved}; it must be at most the {} boards", row.boards)));
            }
            if iteration == 1 {
                reports.push(ProbeReport { solved: vec![solved], readings: reading.into_iter().collect(), ..row });
                continue;
            }
            match reports.last_mut() {
                Some(r)
                    if (r.step, r.boards, r.trained_iterations) == (row.step, row.boards, row.trained_iterations)
                        && r.solved.len() as u64 + 1 == u64::from(iteration) =>
                {
                    // Readings are of all iterations or of none.
                    if r.readings.len() == r.solved.len() {
                        r.readings.extend(reading);
                    }
                    r.solved.push(solved);
                    if r.readings.len() != r.solved.len() {
                        r.readings.clear();
                    }
                }
                last => {
                    let next = last.map_or_else(
                        || "1".to_owned(),
                        |r| format!("{} of step {}, or 1 of another probe", r.solved.len() + 1, r.step.0),
                    );
                    return Err(
                        line.error(format!("iteration is {iteration} of step {}; it must be {next}", row.step.0))
                    );
                }
            }
        }
        Ok(reports)
    }

    /// All probes with the header.
    #[must_use]
    pub fn text(reports: &[ProbeReport]) -> String {
        let heads = heads_of(reports);
        let mut out = header(heads) + "\n";
        reports.iter().for_each(|r| push_report(&mut out, r, heads));
        out
    }

    /// Removes the probes beyond a step, as [`StepsCsv::cut_back`](super::StepsCsv::cut_back); returns how
    /// many rows went.
    ///
    /// # Errors
    /// As [`IterationsCsv::read`], or the file cannot be replaced. The old file is then still there.
    pub async fn cut_back(path: &Path, step: Step) -> Result<usize, ReportError> {
        let Some(text) = rows::read(path).await? else { return Ok(0) };
        Self::parse(&text).map_err(|e| e.in_file(path))?;
        let column = if text.starts_with("schema,") { STEP } else { 0 };
        cut_back(path, &text, Self::TABLE, column, step).await
    }
}

fn heads_of(reports: &[ProbeReport]) -> usize {
    let loads = reports.iter().flat_map(|r| &r.readings).filter_map(|r| r.routing.as_ref());
    loads.map(|r| r.load.len()).max().unwrap_or(0)
}

fn header(heads: usize) -> String {
    let mut names: Vec<String> = COLUMNS.map(String::from).to_vec();
    names.extend((1..=heads).map(|h| format!("head_load_{h}")));
    names.join(",")
}

/// Heads of a header of this schema; none for the first schema.
fn heads_in(line: &Line) -> Result<Option<usize>, ReportError> {
    if line.text == FIRST_HEADER {
        return Ok(None);
    }
    let heads = line.cells().len().saturating_sub(COLUMNS.len());
    if line.text == header(heads) {
        return Ok(Some(heads));
    }
    Err(line.error(format!("the header is “{}”; it must be “{}”", line.text, header(heads))))
}

fn push_report(text: &mut String, r: &ProbeReport, heads: usize) {
    let empty = RunStamp::default();
    let stamp = r.stamp.as_ref().unwrap_or(&empty);
    let seed = r.stamp.as_ref().map(|s| s.seed.to_string()).unwrap_or_default();
    let epoch = r.epoch.map(|e| e.to_string()).unwrap_or_default();
    for (i, solved) in r.solved.iter().enumerate() {
        let mut cells = vec![
            SCHEMA.into(),
            quoted(&stamp.run),
            quoted(&stamp.config_hash),
            seed.clone(),
            quoted(&stamp.device),
            epoch.clone(),
            r.step.0.to_string(),
            r.boards.to_string(),
            r.trained_iterations.to_string(),
            (i + 1).to_string(),
        ];
        let now = r.readings.get(i);
        let number = |x: Option<f32>| x.map(exact).unwrap_or_default();
        let routing = now.and_then(|n| n.routing.as_ref());
        let halting = now.and_then(|n| n.halting);
        cells.extend([
            number(now.map(|n| n.loss)),
            solved.to_string(),
            number(now.map(|n| n.right_share)),
            number(r.gradient_norm),
            number(now.map(|n| n.residual)),
            number(now.map(|n| n.attention_entropy)),
            number(routing.map(|n| n.entropy)),
            number(routing.map(|n| n.top1_share)),
            number(halting.map(|n| n.share)),
            number(halting.map(|n| n.ponder_cost)),
            number(now.map(|n| n.milliseconds)),
        ]);
        cells.extend((0..heads).map(|h| number(routing.and_then(|n| n.load.get(h).copied()))));
        text.push_str(&cells.join(","));
        text.push('\n');
    }
}

/// A row: its probe without readings, the iteration, the solved boards and the readings.
type Row = (ProbeReport, u32, u32, Option<IterationReading>);

fn read_first_row(line: &Line) -> Result<Row, ReportError> {
    line.expect_columns(5)?;
    let report = ProbeReport {
        step: Step(line.integer(0, "step")?),
        boards: line.integer(1, "boards")?,
        trained_iterations: line.integer(2, "trained_iterations")?,
        ..ProbeReport::default()
    };
    Ok((report, line.integer(3, "iteration")?, line.integer(4, "solved")?, None))
}

fn read_row(line: &Line, heads: usize) -> Result<Row, ReportError> {
    line.expect_columns(COLUMNS.len() + heads)?;
    if line.text_of(0) != SCHEMA {
        return Err(line.error(format!("schema is “{}”; this program knows {SCHEMA}", line.text_of(0))));
    }
    let integer = |column: usize| line.integer(column, COLUMNS[column]);
    let number = |column: usize| line.optional::<f32>(column, COLUMNS[column], "a number or nothing");
    let seed: Option<u64> = line.optional(3, COLUMNS[3], "a whole number or nothing")?;
    let stamp = seed.map(|seed| RunStamp {
        run: line.text_of(1).to_owned(),
        config_hash: line.text_of(2).to_owned(),
        seed,
        device: line.text_of(4).to_owned(),
    });
    let report = ProbeReport {
        stamp,
        epoch: line.optional(5, COLUMNS[5], "a whole number or nothing")?,
        step: Step(integer(STEP)?),
        boards: integer(7)?,
        trained_iterations: integer(8)?,
        gradient_norm: number(LOSS + 3)?,
        ..ProbeReport::default()
    };
    let load = (0..heads)
        .map(|h| line.optional::<f32>(COLUMNS.len() + h, &format!("head_load_{}", h + 1), "a number or nothing"))
        .collect::<Result<Option<Vec<f32>>, _>>()?;
    let both = |a: Option<f32>, b: Option<f32>| a.zip(b);
    let routing = both(number(LOSS + 6)?, number(LOSS + 7)?).map(|(entropy, top1_share)| RoutingReading {
        entropy,
        top1_share,
        load: load.unwrap_or_default(),
    });
    let halting =
        both(number(LOSS + 8)?, number(LOSS + 9)?).map(|(share, ponder_cost)| HaltingReading { share, ponder_cost });
    let reading = match (number(LOSS)?, number(LOSS + 2)?, number(LOSS + 4)?, number(LOSS + 5)?, number(LOSS + 10)?) {
        (Some(loss), Some(right_share), Some(residual), Some(attention_entropy), Some(milliseconds)) => {
            Some(IterationReading { loss, right_share, residual, attention_entropy, routing, halting, milliseconds })
        }
        _ => None,
    };
    Ok((report, integer(9)?, integer(LOSS + 1)?, reading))
}
