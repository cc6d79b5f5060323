//! What a training says: sentences and a bar for people, lines of JSON for programs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::drive::{End, Plan, Reason};
use crate::cli::failure::Failure;
use crate::cli::output::{self, count, duration, thousands};
use crate::cli::progress::Progress;
use crate::config::RunConfig;
use crate::engine::protocol::DeviceInfo;
use crate::trace::{ProbeReport, Step, StepMetrics};

/// Where standard error is no terminal: a line so often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A line of JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Prepared {
        run: &'a Path,
        name: &'a str,
        seed: u64,
        step: u32,
        steps: u32,
        parameters: usize,
        device: &'a DeviceInfo,
        notes: &'a [String],
    },
    Metrics(&'a StepMetrics),
    Probe(&'a ProbeReport),
    Checkpoint {
        step: u32,
        path: &'a Path,
    },
    Note {
        message: &'a str,
    },
    Warning {
        message: &'a str,
    },
    End {
        reason: &'static str,
        step: u32,
        seconds: f64,
        run: &'a Path,
        weights: Option<&'a Path>,
        message: Option<&'a str>,
    },
}

/// Tells how it goes.
pub(super) struct Teller {
    json: bool,
    run: std::path::PathBuf,
    device: DeviceInfo,
    config: RunConfig,
    bar: Option<Progress>,
    last_line: Option<Instant>,
}

impl Teller {
    pub(super) fn new(json: bool, plan: &Plan, device: &DeviceInfo) -> Self {
        Self {
            json,
            run: plan.folder.clone(),
            device: device.clone(),
            config: plan.config.clone(),
            bar: None,
            last_line: None,
        }
    }

    pub(super) fn preparing(&mut self, done: usize, of: usize) {
        self.bar.get_or_insert_with(|| Progress::bar(of, "puzzles made")).set(done, of);
    }

    pub(super) fn prepared(&mut self, config: &RunConfig, step: Step, notes: &[String]) -> Result<(), Failure> {
        self.config = config.clone();
        self.bar = None;
        let (r, parameters) = (&config.recipe, config.model.parameters());
        if self.json {
            output::json(&Line::Prepared {
                run: &self.run,
                name: &config.name,
                seed: config.seed,
                step: step.0,
                steps: r.steps,
                parameters,
                device: &self.device,
                notes,
            })?;
        } else {
            output::line(format_args!(
                "{} in {}: {} parameters, {} of {}, {}, seed {}.",
                config.name,
                self.run.display(),
                thousands(parameters as u64),
                count(r.steps as usize, "step"),
                count(r.batch, "board"),
                count(r.iterations as usize, "iteration"),
                config.seed
            ))?;
            if step.0 > 0 {
                output::line(format_args!("Goes on from step {}.", thousands(step.0)))?;
            }
            for note in notes {
                output::line(note)?;
            }
        }
        let bar = Progress::bar(r.steps as usize, "steps");
        bar.set(step.0 as usize, r.steps as usize);
        self.bar = Some(bar);
        Ok(())
    }

    pub(super) fn metrics(&mut self, m: &StepMetrics) -> Result<(), Failure> {
        if self.json {
            self.print_json(&Line::Metrics(m))?;
        }
        let Some(bar) = &self.bar else { return Ok(()) };
        let solved = m.solved_by_iteration.last().copied().unwrap_or(0.0);
        let text = format!(
            "loss {:.4}  solved {:.1} %  {} boards/s",
            m.loss,
            100.0 * solved,
            thousands(m.boards_per_second.max(0.0) as u64)
        );
        bar.set(m.step.0 as usize, self.config.recipe.steps as usize);
        if !bar.is_shown() && !self.json && self.last_line.is_none_or(|t| t.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            eprintln!("step {}  {text}", thousands(m.step.0));
        }
        bar.say(format!("steps  {text}"));
        Ok(())
    }

    pub(super) fn probed(&mut self, report: &ProbeReport) -> Result<(), Failure> {
        if self.json {
            return self.print_json(&Line::Probe(report));
        }
        self.print(&probe_sentence(report, &self.config.probe.multiples))
    }

    pub(super) fn saved(&mut self, step: Step, path: &Path) -> Result<(), Failure> {
        if self.json { self.print_json(&Line::Checkpoint { step: step.0, path }) } else { Ok(()) }
    }

    pub(super) fn note(&mut self, message: &str) -> Result<(), Failure> {
        if self.json { self.print_json(&Line::Note { message }) } else { self.print(message) }
    }

    pub(super) fn warning(&mut self, message: &str) -> Result<(), Failure> {
        let text = format!("warning: {message}");
        match &self.bar {
            Some(bar) => bar.above(&text),
            None => eprintln!("{text}"),
        }
        if self.json { self.print_json(&Line::Warning { message }) } else { Ok(()) }
    }

    pub(super) fn pausing(&mut self, reason: Reason) {
        let text = match reason {
            Reason::Interrupted => "Pausing to write a checkpoint; press Ctrl-C again to end at once.",
            _ => "The time is over; pausing to write a checkpoint.",
        };
        match &self.bar {
            Some(bar) => bar.above(text),
            None => eprintln!("{text}"),
        }
    }

    /// The last word.
    pub(super) fn end(&mut self, end: &End, plan: &Plan) -> Result<(), Failure> {
        self.bar = None;
        let reason = match end.reason {
            Reason::Finished => "finished",
            Reason::Steps => "steps",
            Reason::Time => "time_limit",
            Reason::Interrupted => "interrupted",
            Reason::Stopped => "stopped",
        };
        let run = plan.folder.as_path();
        if self.json {
            let weights = end.saved.as_ref().map(|(_, path)| path.as_path());
            let (step, seconds, message) = (end.step.0, end.seconds, end.stopped.as_deref());
            return output::json(&Line::End { reason, step, seconds, run, weights, message });
        }
        let (at, run) =
            (format!("step {} of {}", thousands(end.step.0), thousands(plan.config.recipe.steps)), run.display());
        let time = duration(end.seconds);
        match end.reason {
            Reason::Finished => {
                output::line(format_args!("Finished at {at}, after {time}. The run is in {run}."))?;
                output::line(format_args!("Measure it: loopscope eval --model {run} --generate 500"))
            }
            Reason::Steps | Reason::Time | Reason::Interrupted => {
                output::line(format_args!("Paused at {at}, after {time}. The run is in {run}."))?;
                output::line(format_args!("Go on: loopscope train --resume {run}"))
            }
            // The failure itself is printed as an error, with the last good checkpoint.
            Reason::Stopped => output::line(format_args!("Stopped at {at}, after {time}. The run is in {run}.")),
        }
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        match &self.bar {
            Some(bar) => bar.aside(|| output::line(text)),
            None => output::line(text),
        }
    }

    fn print_json(&self, line: &Line<'_>) -> Result<(), Failure> {
        match &self.bar {
            Some(bar) => bar.aside(|| output::json(line)),
            None => output::json(line),
        }
    }
}

/// “step 250: of 64 unseen boards, 43.8 % solved at 6 iterations, 40.6 % at 24, 12.5 % at 96”.
fn probe_sentence(report: &ProbeReport, multiples: &[u32]) -> String {
    let mut shares: Vec<String> = multiples
        .iter()
        .map(|m| m.saturating_mul(report.trained_iterations))
        .filter_map(|i| report.share(i).map(|share| format!("{:.1} % at {}", 100.0 * share, thousands(i))))
        .collect();
    if let Some(first) = shares.first_mut() {
        *first = format!("{} iterations", first.replacen('%', "% solved", 1));
    }
    let boards = count(report.boards as usize, "unseen board");
    format!("step {}: of {boards}, {}", thousands(report.step.0), shares.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_in_words() {
        let solved = (1..=96).map(|i| if i < 10 { 28 } else { 8 }).collect();
        let report =
            ProbeReport { step: Step(1250), boards: 64, trained_iterations: 6, solved, ..ProbeReport::default() };
        assert_eq!(
            probe_sentence(&report, &[1, 16]),
            "step 1,250: of 64 unseen boards, 43.8 % solved at 6 iterations, 12.5 % at 96"
        );
    }

    #[test]
    fn lines_carry_their_kind() {
        let report =
            ProbeReport { step: Step(2), boards: 1, trained_iterations: 1, solved: vec![1], ..ProbeReport::default() };
        let text = serde_json::to_string(&Line::Probe(&report)).expect("JSON");
        assert!(text.starts_with(r#"{"event":"probe","stamp":null,"step":2,"#), "{text}");
        assert!(text.contains(r#""boards":1,"trained_iterations":1,"gradient_norm":null,"solved":[1]"#), "{text}");
    }
}
