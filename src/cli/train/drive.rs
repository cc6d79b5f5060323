//! The conversation of a training: prepare, start, listen, pause, and a checkpoint at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::tell::Teller;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::RunConfig;
use crate::engine::protocol::{Command, Event, Kernels, TrainingState};
use crate::trace::Step;

/// What is trained, and where it is kept.
pub(super) struct Plan {
    pub(super) config: RunConfig,
    pub(super) folder: PathBuf,
    pub(super) resume: bool,
    pub(super) kernels: Kernels,
}

/// What ends a training before the recipe does.
pub(super) struct Limits {
    pub(super) steps: Option<u32>,
    pub(super) time: Option<Duration>,
    pub(super) interrupted: Arc<AtomicBool>,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The recipe's last step was taken.
    Finished,
    /// `--steps` were taken.
    Steps,
    /// `--time-limit` is over.
    Time,
    /// Ctrl-C.
    Interrupted,
    /// A value that is infinite or no number.
    Stopped,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) reason: Reason,
    pub(super) step: Step,
    /// The last checkpoint, if one was written now.
    pub(super) saved: Option<(Step, PathBuf)>,
    /// Seconds since the first step of this call.
    pub(super) seconds: f64,
    /// Why it cannot go on.
    pub(super) stopped: Option<String>,
}

/// How often Ctrl-C and the clock are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a pause may take to write its checkpoint by itself.
const OWN_CHECKPOINT: Duration = Duration::from_secs(5);
/// How long a checkpoint may take that was asked for.
const ASKED_CHECKPOINT: Duration = Duration::from_secs(120);

/// Trains until something ends it.
pub(super) fn drive(session: &mut Session, plan: &Plan, limits: &Limits, teller: &mut Teller) -> Result<End, Failure> {
    let (config, folder) = (Box::new(plan.config.clone()), Some(plan.folder.clone()));
    session.send(Command::Prepare { config, folder, resume: plan.resume, kernels: plan.kernels });
    let (from, steps) = prepared(session, limits, teller)?;
    let start = Instant::now();
    let end =
        |reason, step, saved, stopped| End { reason, step, saved, stopped, seconds: start.elapsed().as_secs_f64() };
    let Some(from) = from else {
        return Ok(end(Reason::Interrupted, Step(0), None, None));
    };
    if from.0 >= steps {
        return Ok(end(Reason::Finished, from, None, None));
    }
    session.send(Command::Start { steps: limits.steps });

    let (mut running, mut ready, mut pausing, mut saved) = (false, None, None, None);
    loop {
        if pausing.is_none() {
            pausing = due(limits, start);
            if let Some(reason) = pausing {
                teller.pausing(reason);
                session.send(Command::Pause);
            }
        }
        let Some(event) = session.next_within(TICK)? else {
            // Ctrl-C before the first step: the engine had nothing to stop and says nothing more.
            if let (Some(reason), Some(step)) = (pausing, ready) {
                last_checkpoint(session, from, step, &mut saved, teller)?;
                return Ok(end(reason, step, saved, None));
            }
            continue;
        };
        match event {
            Event::Training { state, step } => match state {
                TrainingState::Running => (running, ready) = (true, None),
                TrainingState::Finished => {
                    last_checkpoint(session, from, step, &mut saved, teller)?;
                    return Ok(end(Reason::Finished, step, saved, None));
                }
                TrainingState::Paused if running => {
                    last_checkpoint(session, from, step, &mut saved, teller)?;
                    return Ok(end(pausing.unwrap_or(Reason::Steps), step, saved, None));
                }
                TrainingState::Stopped(why) => return Ok(end(Reason::Stopped, step, saved, Some(why))),
                // “Paused” is also said before the first step.
                TrainingState::Paused => ready = Some(step),
                TrainingState::Preparing { .. } => {}
            },
            other => heard(other, &mut saved, teller)?,
        }
    }
}

/// Waits until it can start; the step that it starts from (none if Ctrl-C came first) and the
/// recipe's last one.
fn prepared(session: &mut Session, limits: &Limits, teller: &mut Teller) -> Result<(Option<Step>, u32), Failure> {
    loop {
        if limits.interrupted.load(Ordering::SeqCst) {
            return Ok((None, 0));
        }
        match session.next_within(TICK)? {
            Some(Event::Training { state: TrainingState::Preparing { done, of }, .. }) => teller.preparing(done, of),
            Some(Event::Prepared { config, step, notes, .. }) => {
                teller.prepared(&config, step, &notes)?;
                return Ok((Some(step), config.recipe.steps));
            }
            // What cannot be prepared is a configuration, a file or a folder that is wrong.
            Some(Event::Failed { message, .. }) => return Err(Failure::Input(message)),
            Some(Event::NoDevice(why)) => return Err(Failure::Engine(why)),
            Some(Event::Note(text)) => teller.note(&text)?,
            _ => {}
        }
    }
}

fn due(limits: &Limits, start: Instant) -> Option<Reason> {
    if limits.interrupted.load(Ordering::SeqCst) {
        return Some(Reason::Interrupted);
    }
    limits.time.filter(|time| start.elapsed() >= *time).map(|_| Reason::Time)
}

fn heard(event: Event, saved: &mut Option<(Step, PathBuf)>, teller: &mut Teller) -> Result<(), Failure> {
    match event {
        Event::Metrics(metrics) => teller.metrics(&metrics),
        Event::Probed { report, .. } => teller.probed(&report),
        Event::Saved { step, path } => {
            let told = teller.saved(step, &path);
            *saved = Some((step, path));
            told
        }
        Event::Failed { message, .. } => teller.warning(&message),
        Event::Note(text) => teller.note(&text),
        Event::NoDevice(why) => Err(Failure::Engine(why)),
        _ => Ok(()),
    }
}

/// A training that ends has a checkpoint of its last step: the engine's own, or one asked for.
///
/// `from` is where this call began: without a step since then there is nothing to keep.
fn last_checkpoint(
    session: &mut Session,
    from: Step,
    step: Step,
    saved: &mut Option<(Step, PathBuf)>,
    teller: &mut Teller,
) -> Result<(), Failure> {
    let is_there = |saved: &Option<(Step, PathBuf)>| step == from || saved.as_ref().is_some_and(|(s, _)| *s >= step);
    for (asked, limit) in [(false, OWN_CHECKPOINT), (true, ASKED_CHECKPOINT)] {
        if is_there(saved) {
            return Ok(());
        }
        if asked {
            session.send(Command::Checkpoint);
        }
        let until = Instant::now() + limit;
        while !is_there(saved) && Instant::now() < until {
            if let Some(event) = session.next_within(TICK)? {
                heard(event, saved, teller)?;
            }
        }
    }
    if is_there(saved) { Ok(()) } else { Err(Failure::Engine(format!("no checkpoint of step {} was written", step.0))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::fake;
    use crate::config::preset;

    fn plan() -> Plan {
        Plan {
            config: preset("sudoku4").expect("a preset"),
            folder: "runs/x".into(),
            resume: false,
            kernels: Kernels::Fused,
        }
    }

    fn limits() -> Limits {
        Limits { steps: None, time: None, interrupted: Arc::default() }
    }

    fn state(state: TrainingState, step: u32) -> Event {
        Event::Training { state, step: Step(step) }
    }

    fn saved(step: u32) -> Event {
        Event::Saved { step: Step(step), path: format!("step-{step}").into() }
    }

    fn ready(config: &RunConfig, step: u32) -> Vec<Event> {
        let prepared = Event::Prepared {
            config: Box::new(config.clone()),
            step: Step(step),
            history: Vec::new(),
            probes: Vec::new(),
            notes: vec!["Nothing is shared.".into()],
            folder: None,
        };
        vec![state(TrainingState::Preparing { done: 1, of: 2 }, 0), prepared, state(TrainingState::Paused, step)]
    }

    fn go(
        script: impl FnMut(&Command) -> Vec<Event> + Send + 'static,
        limits: &Limits,
    ) -> (Result<End, Failure>, Vec<Command>) {
        let (mut session, heard) = fake::session(script);
        let mut teller = Teller::new(true, &plan(), session.device());
        let end = drive(&mut session, &plan(), limits, &mut teller);
        let heard = heard.lock().expect("no panic").clone();
        (end, heard)
    }

    #[test]
    fn the_first_pause_is_no_end_and_a_missing_checkpoint_is_asked_for() {
        let script = |command: &Command| match command {
            Command::Prepare { config, .. } => ready(config, 0),
            Command::Start { .. } => {
                vec![state(TrainingState::Running, 0), saved(3), state(TrainingState::Finished, 5), saved(4)]
            }
            Command::Checkpoint => vec![saved(5)],
            _ => Vec::new(),
        };
        // The fake has nothing to wait for, so an engine that says nothing is one that has gone.
        let (end, _) = go(script, &limits());
        assert!(matches!(end, Err(Failure::Engine(_))), "{end:?}");
        let script = |command: &Command| match command {
            Command::Prepare { config, .. } => ready(config, 0),
            Command::Start { .. } => {
                vec![state(TrainingState::Running, 0), state(TrainingState::Finished, 5), saved(5)]
            }
            _ => Vec::new(),
        };
        let end = go(script, &limits()).0.expect("an end");
        assert_eq!((end.reason, end.step, end.saved.map(|s| s.0)), (Reason::Finished, Step(5), Some(Step(5))));
    }

    #[test]
    fn ctrl_c_pauses_and_keeps_a_checkpoint() {
        let limits = limits();
        let flag = Arc::clone(&limits.interrupted);
        let script = move |command: &Command| match command {
            Command::Prepare { config, .. } => ready(config, 0),
            Command::Start { .. } => {
                flag.store(true, Ordering::SeqCst);
                vec![state(TrainingState::Running, 0)]
            }
            Command::Pause => vec![saved(7), state(TrainingState::Paused, 7)],
            _ => Vec::new(),
        };
        let (end, heard) = go(script, &limits);
        let end = end.expect("an end");
        assert_eq!((end.reason, end.step), (Reason::Interrupted, Step(7)));
        assert_eq!(heard.iter().filter(|c| matches!(c, Command::Pause)).count(), 1);
    }

    #[test]
    fn the_time_limit_pauses_too() {
        let script = |command: &Command| match command {
            Command::Prepare { config, .. } => ready(config, 0),
            Command::Start { .. } => vec![state(TrainingState::Running, 0)],
            Command::Pause => vec![state(TrainingState::Paused, 2), saved(2)],
            _ => Vec::new(),
        };
        let limits = Limits { time: Some(Duration::ZERO), ..limits() };
        assert_eq!(go(script, &limits).0.expect("an end").reason, Reason::Time);
    }

    #[test]
    fn a_finished_run_is_not_started() {
        let script = |command: &Command| match command {
            Command::Prepare { config, .. } => ready(config, config.recipe.steps),
            _ => Vec::new(),
        };
        let (end, heard) = go(script, &limits());
        assert_eq!(end.expect("an end").reason, Reason::Finished);
        assert_eq!(heard.len(), 1);
    }

    #[test]
    fn what_is_no_number_stops_and_bad_settings_are_bad_input() {
        let script = |command: &Command| match command {
            Command::Prepare { config, .. } => ready(config, 0),
            Command::Start { .. } => {
                vec![state(TrainingState::Running, 0), state(TrainingState::Stopped("loss is NaN at step 3".into()), 3)]
            }
            _ => Vec::new(),
        };
        let end = go(script, &limits()).0.expect("an end");
        assert_eq!((end.reason, end.stopped.as_deref()), (Reason::Stopped, Some("loss is NaN at step 3")));
        let script = |command: &Command| match command {
            Command::Prepare { .. } => vec![Event::Failed { request: None, message: "the folder is taken".into() }],
            _ => Vec::new(),
        };
        assert!(matches!(go(script, &limits()).0, Err(Failure::Input(m)) if m.contains("taken")));
    }
}
