//! The probe of a training: when it is due, run in units, stamped, kept.

use web_time::Instant;

use super::{TrainError, Training};
use crate::config::RunConfig;
use crate::engine::pace::Pace;
use crate::engine::protocol::Event;
use crate::engine::session::Emit;
use crate::nn::Parameters;
use crate::probe::{ProbeError, Probing, frames_of};
use crate::report::IterationsCsv;
use crate::store;
use crate::tasks::sudoku::Puzzle;
use crate::trace::{ProbeReport, Recording, RunStamp, Step, Trace};
use crate::train::RunFolder;

/// A probe under way.
pub(super) struct ProbeUnderWay {
    probing: Probing,
    pace: Pace,
}

impl Training {
    pub(super) fn probed_boards(&self) -> &[Puzzle] {
        let all = self.source.evaluation();
        &all[..all.len().min(self.trainer.config().probe.boards)]
    }

    fn longest(&self) -> u32 {
        let config = self.trainer.config();
        config.recipe.iterations * config.probe.multiples.iter().max().copied().unwrap_or(1)
    }

    pub(super) async fn begin_probe(&mut self, emit: &mut Emit) {
        let lengths = (self.step(), self.trainer.config().recipe.iterations, self.longest());
        let network = match self.trainer.network().await {
            Ok(network) => network,
            Err(e) => return self.stop(&e, emit),
        };
        let probing = Probing::new(network, self.trainer.device(), self.probed_boards(), lengths);
        self.probing = Some(ProbeUnderWay { probing, pace: Pace::new() });
    }

    pub(super) async fn probe_unit(&mut self, emit: &mut Emit) {
        let Some(ProbeUnderWay { mut probing, mut pace }) = self.probing.take() else { return };
        let begun = Instant::now();
        if let Err(e) = probing.advance(pace.count()).await {
            let (ProbeError::Device(why) | ProbeError::Asked(why)) = e;
            return self.stop(&TrainError::Device(why), emit);
        }
        pace.learn(begun.elapsed());
        if !probing.is_done() {
            self.probing = Some(ProbeUnderWay { probing, pace });
            return;
        }
        let report = self.stamped(probing.finish());
        let traces = self.keep_traces(emit).await;
        if let Some(folder) = &self.folder
            && let Err(e) = IterationsCsv::append(&folder.iterations_csv(), &report).await
        {
            emit(Event::Failed { request: None, message: e.to_string() });
        }
        self.last_probe = Some(report.step.0);
        self.probes.push(report.clone());
        emit(Event::Probed { report, traces });
        self.after_step(emit).await;
    }

    /// A report with what only the run knows.
    fn stamped(&self, report: ProbeReport) -> ProbeReport {
        let config = self.trainer.config();
        let drawn = u64::from(report.step.0) * config.recipe.batch as u64;
        ProbeReport {
            stamp: Some(RunStamp {
                run: config.name.clone(),
                config_hash: config.fingerprint(),
                seed: config.seed,
                device: self.device_name.clone(),
            }),
            epoch: self.source.pool().map(|puzzles| (drawn / puzzles.max(1) as u64) as u32),
            gradient_norm: self.last_gradient_norm,
            ..report
        }
    }

    /// Whether the kept boards of the step reached are still to be recorded, beside the probes.
    pub(super) fn recording_due(&self) -> bool {
        let (step, config) = (self.step().0, &self.trainer.config().probe);
        let on_cadence = config.record_every > 0 && step.is_multiple_of(config.record_every);
        on_cadence && config.traces > 0 && self.last_recorded != Some(step) && !self.probed_boards().is_empty()
    }

    /// Records the kept boards between two probes. What the first weights make of them waits until a step is
    /// taken: the kernels that it needs would keep the first step waiting, on a graphics card for seconds.
    pub(super) async fn record_boards(&mut self, emit: &mut Emit) {
        let parameters = match self.trainer.parameters().await {
            Ok(parameters) => parameters,
            Err(e) => return self.stop(&e, emit),
        };
        if self.step().0 == 0 {
            self.last_recorded = Some(0);
            self.untrained = Some(parameters);
            return;
        }
        self.record_as(&parameters, self.step(), emit).await;
    }

    /// Records what the first weights make of the kept boards, where that waits.
    pub(super) async fn record_untrained(&mut self, emit: &mut Emit) {
        if let Some(parameters) = self.untrained.take() {
            self.record_as(&parameters, Step(0), emit).await;
        }
    }

    async fn record_as(&mut self, parameters: &Parameters, step: Step, emit: &mut Emit) {
        // The watch of the steps stands still meanwhile.
        self.lap();
        let traces = self.recorded(parameters, step, emit).await;
        if !traces.is_empty() {
            emit(Event::Boards { traces });
        }
    }

    /// The kept boards of a probe, which are also the run's newest.
    async fn keep_traces(&mut self, emit: &mut Emit) -> Vec<Trace> {
        let traces = match self.trainer.parameters().await {
            Ok(parameters) => self.recorded(&parameters, self.step(), emit).await,
            Err(e) => {
                emit(Event::Failed { request: None, message: e.to_string() });
                Vec::new()
            }
        };
        if let Some(folder) = &self.folder
            && !traces.is_empty()
            && let Err(e) = store::replace(&folder.traces(), &Trace::encode_many(&traces)).await
        {
            emit(Event::Failed { request: None, message: format!("{}: {e}", folder.traces().display()) });
        }
        traces
    }

    /// Traces of the first probe boards at 4 T, kept with the run; none where that failed, which is told.
    async fn recorded(&mut self, parameters: &Parameters, step: Step, emit: &mut Emit) -> Vec<Trace> {
        let network = self.network_in_loop(parameters, step, self.place.as_ref());
        let config = self.trainer.config();
        let boards = self.probed_boards();
        let boards = &boards[..boards.len().min(config.probe.traces)];
        let iterations = self.longest().min(4 * config.recipe.iterations);
        let traces = frames_of(&network, &config.name, config.recipe.iterations, step, boards, iterations).await;
        // Also where it failed: the training goes on.
        self.last_recorded = self.last_recorded.max(Some(step.0));
        let traces = match traces {
            Ok(traces) => traces,
            Err(e) => {
                emit(Event::Failed { request: None, message: e.to_string() });
                return Vec::new();
            }
        };
        if let Some(folder) = &self.folder
            && let Err(e) = folder.keep_boards(&traces).await
        {
            let (step, root) = (step.0, folder.root().display());
            emit(Event::Failed {
                request: None,
                message: format!("the boards of step {step} could not be kept in {root}: {e}"),
            });
        }
        traces
    }
}

/// The recorded steps of a run that goes on from a step; those beyond it are removed. What is wrong with
/// them is noted: a training goes on without.
pub(super) async fn earlier(run: &RunFolder, config: &RunConfig, step: Step, notes: &mut Vec<String>) -> Recording {
    let read = match run.cut_back_boards(step).await {
        Ok(_) => run.recording(config).await,
        Err(e) => Err(e),
    };
    match read {
        Ok((recording, more)) => {
            notes.extend(more);
            recording
        }
        Err(e) => {
            notes.push(format!("The recorded boards of {} cannot be read: {e}.", run.root().display()));
            Recording::default()
        }
    }
}

/// A probe in sentences, for a card.
pub(super) fn figures(report: &ProbeReport) -> Vec<String> {
    let t = report.trained_iterations;
    [1, 2, 4, 16]
        .into_iter()
        .filter_map(|m| {
            let share = report.share(t * m)?;
            Some(format!(
                "{:.1} % of {} unseen puzzles solved after {} iterations",
                share * 100.0,
                report.boards,
                t * m
            ))
        })
        .collect()
}
