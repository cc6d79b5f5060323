//! The beginning of a training: new or gone on with, and its puzzles, made in units.

use std::path::{Path, PathBuf};

use super::{Training, probing};
use crate::config::RunConfig;
use crate::engine::device::OpenedDevice;
use crate::engine::pace::Pressure;
use crate::engine::protocol::{Event, TrainingState};
use crate::engine::session::Emit;
use crate::report::{IterationsCsv, StepsCsv};
use crate::trace::{ProbeReport, Recording, Step, StepMetrics};
use crate::train::{DataSource, Ground, RunFolder, Trainer, first_weights};

/// Puzzles made in one unit of preparing.
const PREPARED_AT_ONCE: usize = if cfg!(target_family = "wasm") { 50 } else { 400 };

impl Training {
    pub(in crate::engine) async fn prepare(
        config: RunConfig,
        folder: Option<PathBuf>,
        resume: bool,
        device: &OpenedDevice,
        ground: &Ground<'_>,
        emit: &mut Emit,
    ) -> Result<Self, String> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(format!("the configuration cannot be used: {}", problems.join("; ")));
        }
        let (mut history, mut probes, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut trainer, mut last_saved, mut run, mut began_with) = (None, None, None, None);
        let mut earlier = Recording::default();
        if let (Some(root), true) = (&folder, resume) {
            // The run's own configuration counts: another one would make it another run.
            let (open, stored) = RunFolder::open(root).await.map_err(|e| e.to_string())?;
            if let Some((checkpoint, path, more)) = open.last().await.map_err(|e| e.to_string())? {
                notes.extend(more);
                same_run(&checkpoint.config, &stored).map_err(|what| {
                    let (root, path) = (root.display(), path.display());
                    format!("{root}: {what} in config.toml is not that of {path}; put it back, or start a new run")
                })?;
                let step = Step(checkpoint.step);
                // The curves may be ahead of the checkpoint: they are cut back to it.
                StepsCsv::cut_back(&open.steps_csv(), step).await.map_err(|e| e.to_string())?;
                IterationsCsv::cut_back(&open.iterations_csv(), step).await.map_err(|e| e.to_string())?;
                earlier = probing::earlier(&open, &stored, step, &mut notes).await;
                history = StepsCsv::read(&open.steps_csv()).await.map_err(|e| e.to_string())?;
                probes = IterationsCsv::read(&open.iterations_csv()).await.map_err(|e| e.to_string())?;
                trainer = Some(Trainer::resume(stored.clone(), &checkpoint, ground));
                last_saved = Some((checkpoint.step, path));
                began_with = checkpoint.card.provenance.began_with;
            } else {
                // Stopped before its first checkpoint: it starts over, and so do its curves.
                StepsCsv::cut_back(&open.steps_csv(), Step(0)).await.map_err(|e| e.to_string())?;
                IterationsCsv::cut_back(&open.iterations_csv(), Step(0)).await.map_err(|e| e.to_string())?;
                earlier = probing::earlier(&open, &stored, Step(0), &mut notes).await;
                trainer = Some(fresh(stored, ground, &mut began_with).await?);
            }
            run = Some(open);
        }
        let trainer = match trainer {
            Some(trainer) => trainer,
            None => {
                // Before the folder is made: a run that cannot begin leaves nothing behind.
                let trainer = fresh(config, ground, &mut began_with).await?;
                if let Some(root) = &folder {
                    run = Some(RunFolder::create(root, trainer.config()).await.map_err(|e| e.to_string())?);
                }
                trainer
            }
        };
        let source = DataSource::open(trainer.config()).map_err(|e| e.to_string())?;
        let seconds = history.last().map_or(0.0, |m: &StepMetrics| m.seconds);
        let last_probe = probes.last().map(|p: &ProbeReport| p.step.0);
        let last_gradient_norm = history.last().map(|m: &StepMetrics| m.gradient_norm);
        let until = trainer.config().recipe.steps;
        let training = Self {
            source,
            folder: run,
            began_with,
            announced: false,
            history,
            probes,
            notes,
            state: TrainingState::Preparing { done: 0, of: 0 },
            until,
            probing: None,
            last_probe,
            last_recorded: earlier.steps().last().map(|s| s.0),
            untrained: None,
            place: ground.fused.cloned(),
            earlier,
            last_saved,
            last_gradient_norm,
            seconds,
            stretch: None,
            stretch_boards: 0,
            stretch_seconds: 0.0,
            device_name: device.info.name.clone(),
            start_when_ready: false,
            under_way: None,
            ahead: None,
            pressure: (cfg!(target_family = "wasm") && device.info.gpu).then(Pressure::new),
            fault: None,
            gpu: device.info.gpu,
            lock: None,
            trainer,
        };
        for note in training.began_with.iter().chain(training.trainer.notes()) {
            emit(Event::Note(note.clone()));
        }
        if training.trainer.cards() > 1 {
            emit(Event::Note(format!("Each batch is spread over {} graphics cards.", training.trainer.cards())));
        }
        let decay = training.trainer.config().recipe.ema;
        if decay > 0.0 {
            emit(Event::Note(format!(
                "What is probed, recorded and saved as the model is a moving average of the weights with decay {decay}."
            )));
        }
        emit(Event::Training { state: training.state.clone(), step: training.step() });
        Ok(training)
    }

    pub(super) fn prepare_unit(&mut self, emit: &mut Emit) {
        let rated = self.trainer.config().recipe.is_rated();
        let (done, of) = self.source.prepare(PREPARED_AT_ONCE, rated);
        if done < of {
            return self.set(TrainingState::Preparing { done, of }, emit);
        }
        if !self.announced {
            self.announced = true;
            let mut notes = self.source.notes();
            notes.append(&mut self.notes);
            emit(Event::Prepared {
                config: Box::new(self.trainer.config().clone()),
                step: self.step(),
                history: std::mem::take(&mut self.history),
                probes: self.probes.clone(),
                notes,
                folder: self.folder().map(Path::to_owned),
            });
            self.tell_part(emit);
            std::mem::take(&mut self.earlier).into_steps().for_each(|traces| emit(Event::Boards { traces }));
        }
        let next = match (self.is_over(), self.start_when_ready) {
            (true, _) => TrainingState::Finished,
            (false, true) => TrainingState::Running,
            (false, false) => TrainingState::Paused,
        };
        self.set(next, emit);
    }
}

/// A training from its first step.
async fn fresh(config: RunConfig, ground: &Ground<'_>, began_with: &mut Option<String>) -> Result<Trainer, String> {
    let first = first_weights(&config).await?;
    *began_with = first.began_with;
    Ok(Trainer::with(config, first.parameters, ground))
}

/// What of a run's configuration is not as it was when its checkpoint was written, if anything is. The
/// probe's may change: it only watches.
fn same_run(was: &RunConfig, is: &RunConfig) -> Result<(), &'static str> {
    let same = [
        ("model", was.model == is.model),
        ("recipe", was.recipe == is.recipe),
        ("puzzles", was.puzzles == is.puzzles),
        ("seed", was.seed == is.seed),
        ("start_from", was.start_from == is.start_from),
    ];
    same.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(what, _)| Err(what))
}
