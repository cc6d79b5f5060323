//! Questions under way: a Think, an evaluation, a file of logits. Each goes on unit by unit.

use std::collections::BTreeMap;
use std::path::PathBuf;

use web_time::Instant;

use super::fault::Fault;
use super::looks::LooksJob;
use super::making::MakingJob;
use super::pace::{Pace, UNIT};
use super::protocol::{Event, RequestId, Subject};
use super::recording::RecordJob;
use super::session::Emit;
use super::spectrum::SpectrumJob;
use crate::config::Interventions;
use crate::models::{Network, write_tensors};
use crate::probe::{Readout, Scaling, Thinker, scores};
use crate::store;
use crate::tasks::sudoku::{Grid, Puzzle, Shape, rate, solve};
use crate::trace::{Step, Work};

/// Whether a job has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobState {
    Goes,
    Done,
}

/// The last Think with each weights, under way or done, in the order of [`Subject::ALL`]: questions about
/// attention are put to it.
#[derive(Default)]
pub(super) struct Thinkers([Option<Thinker>; Subject::ALL.len()]);

impl Thinkers {
    pub(super) fn of(&mut self, subject: Subject) -> &mut Option<Thinker> {
        let [opened, training, other] = &mut self.0;
        match subject {
            Subject::Opened => opened,
            Subject::Training => training,
            Subject::Other => other,
        }
    }
}

/// A question under way.
pub(super) enum Job {
    Think { request: RequestId, subject: Subject, step: Step, iterations: u32, pace: Pace },
    Batches(Box<Batches>),
    Record(Box<RecordJob>),
    Spectrum(Box<SpectrumJob>),
    Looks(Box<LooksJob>),
    Making(Box<MakingJob>),
}

/// What a pass over many boards is for.
enum Purpose {
    Scores,
    Logits { out: PathBuf },
}

/// Many boards, a batch at a time.
pub(super) struct Batches {
    request: RequestId,
    network: Network,
    puzzles: Vec<Puzzle>,
    iterations: Vec<u32>,
    interventions: Interventions,
    purpose: Purpose,
    batch: usize,
    /// Puzzles whose rating and solution are known.
    rated: usize,
    /// First puzzle of the batch under way.
    at: usize,
    running: Option<Scaling>,
    ran: u32,
    done: Vec<(usize, Vec<Readout>)>,
    current: Vec<Readout>,
    /// Of the batches that are done.
    work: Work,
    pace: Pace,
}

impl Job {
    pub(super) fn think(request: RequestId, subject: Subject, step: Step, iterations: u32) -> Self {
        Self::Think { request, subject, step, iterations: iterations.min(1 << 20), pace: Pace::new() }
    }

    pub(super) fn evaluate(
        request: RequestId,
        network: Network,
        puzzles: Vec<Puzzle>,
        iterations: Vec<u32>,
        interventions: Interventions,
        gpu: bool,
    ) -> Result<Self, String> {
        Batches::job(request, network, puzzles, iterations, interventions, Purpose::Scores, gpu)
    }

    pub(super) fn logits(
        request: RequestId,
        network: Network,
        puzzles: Vec<Grid>,
        iterations: Vec<u32>,
        out: PathBuf,
        gpu: bool,
    ) -> Result<Self, String> {
        let puzzles = puzzles.into_iter().map(Puzzle::unchecked).collect();
        Batches::job(request, network, puzzles, iterations, Interventions::default(), Purpose::Logits { out }, gpu)
    }

    pub(super) fn request(&self) -> RequestId {
        match self {
            Self::Think { request, .. } => *request,
            Self::Batches(b) => b.request,
            Self::Record(r) => r.request,
            Self::Spectrum(s) => s.request,
            Self::Looks(l) => l.request,
            Self::Making(m) => m.request,
        }
    }

    /// One unit. An error ends the job.
    pub(super) async fn unit(&mut self, thinkers: &mut Thinkers, emit: &mut Emit) -> Result<JobState, Fault> {
        match self {
            Self::Batches(b) => b.unit(emit).await,
            Self::Record(r) => r.unit(emit).await,
            Self::Spectrum(s) => s.unit(emit),
            Self::Looks(l) => l.unit(emit).await,
            Self::Making(m) => Ok(m.unit(emit)),
            Self::Think { request, subject, step, iterations, pace } => {
                let thinker = thinkers.of(*subject).as_mut().ok_or_else(|| Fault::Told("the board is gone".into()))?;
                let begun = Instant::now();
                let count = pace.count().min(iterations.saturating_sub(thinker.iteration()));
                let frames = thinker.advance(count).await?;
                let took = begun.elapsed();
                pace.learn(took);
                let done = thinker.iteration() >= *iterations;
                let seconds = took.as_secs_f64();
                emit(Event::Frames { request: *request, step: *step, frames, seconds, done });
                Ok(if done { JobState::Done } else { JobState::Goes })
            }
        }
    }
}

/// Refuses what is no set of puzzles of the model's board.
pub(super) fn check(puzzles: &[Puzzle], shape: Shape) -> Result<(), String> {
    if puzzles.is_empty() {
        return Err("there is no puzzle to run".into());
    }
    match puzzles.iter().enumerate().find(|(_, p)| p.clues.shape() != shape) {
        None => Ok(()),
        Some((i, p)) => Err(format!(
            "the model plays {shape} and puzzle {} is {}; open a model for that board",
            i + 1,
            p.clues.shape()
        )),
    }
}

/// Boards that go through together: enough to keep the device busy, few enough for a unit to be short.
pub(super) fn batch_of(shape: Shape, gpu: bool) -> usize {
    if gpu { 256 } else { (2592 / shape.cells()).max(1) }
}

impl Batches {
    fn job(
        request: RequestId,
        network: Network,
        puzzles: Vec<Puzzle>,
        mut iterations: Vec<u32>,
        interventions: Interventions,
        purpose: Purpose,
        gpu: bool,
    ) -> Result<Job, String> {
        let shape = network.config().shape();
        check(&puzzles, shape)?;
        iterations.retain(|t| *t > 0);
        if iterations.is_empty() || iterations.iter().any(|t| *t > 1 << 20) {
            return Err("name at least one iteration count, from 1 to 1,048,576".into());
        }
        let batch = batch_of(shape, gpu);
        Ok(Job::Batches(Box::new(Self {
            request,
            network,
            puzzles,
            iterations,
            interventions,
            purpose,
            batch,
            rated: 0,
            at: 0,
            running: None,
            ran: 0,
            done: Vec::new(),
            current: Vec::new(),
            work: Work::default(),
            pace: Pace::new(),
        })))
    }

    async fn unit(&mut self, emit: &mut Emit) -> Result<JobState, Fault> {
        if matches!(self.purpose, Purpose::Scores) && self.rated < self.puzzles.len() {
            return self.rate_some().map_err(Fault::Told);
        }
        let end = (self.at + self.batch).min(self.puzzles.len());
        let with_logits = matches!(self.purpose, Purpose::Logits { .. });
        let running = self.running.get_or_insert_with(|| {
            let boards: Vec<&Grid> = self.puzzles[self.at..end].iter().map(|p| &p.clues).collect();
            Scaling::new(self.network.clone(), &boards, &self.iterations, self.interventions, with_logits)
        });
        let begun = Instant::now();
        let count = self.pace.count();
        self.current.extend(running.advance(count).await?);
        self.pace.learn(begun.elapsed());
        self.ran += count;
        let longest = self.iterations.iter().max().copied().unwrap_or(1);
        let share = f64::from(self.ran.min(longest)) / f64::from(longest);
        let done = self.at + ((end - self.at) as f64 * share) as usize;
        emit(Event::Progress { request: self.request, done, of: self.puzzles.len() });
        if !running.is_done() {
            return Ok(JobState::Goes);
        }
        self.work.add(running.work());
        self.running = None;
        self.ran = 0;
        self.done.push((self.at, std::mem::take(&mut self.current)));
        self.at = end;
        if self.at < self.puzzles.len() {
            return Ok(JobState::Goes);
        }
        self.finish(emit).await.map_err(Fault::Told)?;
        Ok(JobState::Done)
    }

    /// Fills in what a file left out: ratings and solutions.
    fn rate_some(&mut self) -> Result<JobState, String> {
        let begun = Instant::now();
        while self.rated < self.puzzles.len() && begun.elapsed() < UNIT {
            let index = self.rated;
            let puzzle = &mut self.puzzles[index];
            if puzzle.solution.is_none() {
                puzzle.solution =
                    Some(solve(&puzzle.clues).ok_or_else(|| format!("puzzle {} has no solution", index + 1))?);
            }
            puzzle.rating.get_or_insert_with(|| rate(&puzzle.clues));
            self.rated += 1;
        }
        Ok(JobState::Goes)
    }

    async fn finish(&mut self, emit: &mut Emit) -> Result<(), String> {
        match &self.purpose {
            Purpose::Scores => {
                let batches = self.done.iter().map(|(at, readouts)| {
                    let end = (at + self.batch).min(self.puzzles.len());
                    (&self.puzzles[*at..end], readouts.as_slice())
                });
                emit(Event::Evaluated { request: self.request, scores: scores(batches), work: self.work });
            }
            Purpose::Logits { out } => {
                let mut by_iteration: BTreeMap<u32, (Vec<f32>, Vec<f32>)> = BTreeMap::new();
                for (_, readouts) in &self.done {
                    for r in readouts {
                        let (logits, norms) = by_iteration.entry(r.iteration).or_default();
                        if let Some((l, n)) = &r.logits {
                            logits.extend(l);
                            norms.extend(n);
                        }
                    }
                }
                let (boards, cells, digits) =
                    (self.puzzles.len(), self.network.config().cells(), self.network.config().digits());
                let mut tensors = Vec::new();
                for (t, (logits, norms)) in &by_iteration {
                    tensors.push((format!("logits.{t}"), vec![boards, cells, digits], logits.as_slice()));
                    tensors.push((format!("state_norm.{t}"), vec![boards, cells], norms.as_slice()));
                }
                let bytes = write_tensors(&tensors, None, false).map_err(|e| e.to_string())?;
                store::replace(out, &bytes).await.map_err(|e| format!("{}: {e}", out.display()))?;
                emit(Event::Written { request: self.request, path: out.clone() });
            }
        }
        Ok(())
    }
}
