//! The kept boards of a run: `boards/step-00000250.trace`, a file of traces for each recorded step.
//!
//! A file a step, because a crash while one is written then loses nothing that was there before, a
//! resume cuts back by removing files, and a long training sheds steps in between the same way.

use std::io::Result;
use std::path::{Path, PathBuf};

use super::RunFolder;
use crate::config::RunConfig;
use crate::store;
use crate::trace::{Recording, RunFacts, Step, Trace, bytes_of, most_steps, surplus};

/// The folder's name.
pub(super) const FOLDER: &str = "boards";

impl RunFolder {
    fn boards(&self) -> PathBuf {
        self.root().join(FOLDER)
    }

    /// Keeps the boards of a step. Where there are too many steps, those in between leave, so that the
    /// rest stays evenly spread and below [`crate::trace::MOST_BYTES`].
    ///
    /// # Errors
    /// What the file system says; earlier steps are then still there.
    pub async fn keep_boards(&self, traces: &[Trace]) -> Result<()> {
        let Some(step) = traces.first().map(|t| t.step) else { return Ok(()) };
        store::make_folder(&self.boards()).await?;
        store::replace(&self.boards().join(name_of(step)), &Trace::encode_many(traces)).await?;
        let most = most_steps(bytes_of(traces), traces.len());
        let mut all = self.kept_steps().await?;
        while all.len() > most {
            let steps: Vec<Step> = all.iter().map(|(step, _)| *step).collect();
            let Some(i) = surplus(&steps) else { break };
            let (_, path) = all.remove(i);
            store::remove(&path).await?;
        }
        store::tidy(&self.boards()).await;
        Ok(())
    }

    /// Recorded steps and their files, rising; none in a run of an older program.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn kept_steps(&self) -> Result<Vec<(Step, PathBuf)>> {
        let folder = self.boards();
        let files = store::list(&folder).await?.into_iter().filter(|e| !e.folder);
        let mut all: Vec<(Step, PathBuf)> =
            files.filter_map(|e| Some((step_in(&e.name)?, folder.join(&e.name)))).collect();
        all.sort();
        Ok(all)
    }

    /// Removes the steps beyond one: they are made again. Returns how many went.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn cut_back_boards(&self, step: Step) -> Result<usize> {
        let later: Vec<_> = self.kept_steps().await?.into_iter().filter(|(s, _)| *s > step).collect();
        for (_, path) in &later {
            store::remove(path).await?;
        }
        Ok(later.len())
    }

    /// All that is kept, as one recording, with a sentence for each file that cannot be used.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn recording(&self, config: &RunConfig) -> Result<(Recording, Vec<String>)> {
        let (mut recording, mut notes) = (Recording::new(RunFacts::of(config)), Vec::new());
        for (_, path) in self.kept_steps().await? {
            if let Err(why) = add(&mut recording, &path).await {
                notes.push(format!("{} is left out: {why}", path.display()));
            }
        }
        Ok((recording, notes))
    }
}

async fn add(recording: &mut Recording, path: &Path) -> std::result::Result<(), String> {
    // A file that went since it was listed is none.
    let Some(bytes) = store::read(path).await.map_err(|e| e.to_string())? else { return Ok(()) };
    let traces = Trace::decode_many(&bytes).map_err(|e| e.to_string())?;
    recording.push(traces).map_err(|e| e.to_string())
}

fn name_of(step: Step) -> String {
    format!("step-{:08}.trace", step.0)
}

fn step_in(name: &str) -> Option<Step> {
    name.strip_prefix("step-")?.strip_suffix(".trace")?.parse().ok().map(Step)
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use crate::config::{Interventions, preset};
    use crate::store::now;
    use crate::tasks::sudoku::{Puzzle, parse_grid};
    use crate::trace::{Frame, Iteration, Probability};

    fn traces(step: u32, frames: u32) -> Vec<Trace> {
        let frame = |t| Frame {
            iteration: Iteration(t),
            digits: vec![1; 16],
            probabilities: vec![Probability(16_384); 64],
            state_norm: vec![1.0; 16],
            residual: 0.5,
            ..Frame::default()
        };
        vec![Trace {
            puzzle: Puzzle::unchecked(parse_grid("1...34....4....1").expect("a board")),
            model: "sudoku4".into(),
            trained_iterations: 6,
            step: Step(step),
            interventions: Interventions::default(),
            frames: (1..=frames).map(frame).collect(),
        }]
    }

    #[test]
    fn steps_are_kept_cut_back_and_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = preset("sudoku4").expect("a preset");
        let run = now(RunFolder::create(folder.path(), &config)).expect("a run");
        let steps =
            |run: &RunFolder| -> Vec<u32> { now(run.kept_steps()).expect("listed").iter().map(|(s, _)| s.0).collect() };
        assert!(steps(&run).is_empty(), "a run of an older program has none");
        let (none, notes) = now(run.recording(&config)).expect("read");
        assert!(none.is_empty() && notes.is_empty());
        for step in [0, 50, 100, 150] {
            now(run.keep_boards(&traces(step, 3))).expect("kept");
        }
        // What a crash or another program leaves there is no step.
        std::fs::write(folder.path().join("boards/step-00000050.tmp9"), "half").expect("written");
        assert_eq!(steps(&run), [0, 50, 100, 150]);
        assert_eq!(now(run.cut_back_boards(Step(100))).expect("cut"), 1);
        std::fs::write(folder.path().join("boards/step-00000100.trace"), "half").expect("written");
        let (recording, notes) = now(run.recording(&config)).expect("read");
        assert_eq!(recording.steps().map(|s| s.0).collect::<Vec<_>>(), [0, 50]);
        assert_eq!((recording.run().steps, recording.run().name.as_str()), (1500, "sudoku4"));
        assert!(notes.len() == 1 && notes[0].contains("step-00000100.trace is left out"), "{notes:?}");
        assert!(now(RunFolder::open(folder.path())).is_ok());
        std::fs::remove_file(folder.path().join("config.toml")).expect("removed");
        assert!(now(RunFolder::create(folder.path(), &config)).is_err(), "its boards are another run's");
    }

    #[test]
    fn a_long_training_sheds_steps_in_between() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = preset("sudoku4").expect("a preset");
        let run = now(RunFolder::create(folder.path(), &config)).expect("a run");
        // A third of the bytes that are kept: two fit beside the newest at most.
        let frames = (crate::trace::MOST_BYTES / 3 / 216) as u32;
        for step in [0, 50, 100, 150] {
            now(run.keep_boards(&traces(step, frames))).expect("kept");
        }
        let kept: Vec<u32> = now(run.kept_steps()).expect("listed").iter().map(|(s, _)| s.0).collect();
        assert_eq!((kept.len(), kept.first(), kept.last()), (3, Some(&0), Some(&150)), "{kept:?}");
    }
}
