//! Kill -9 at random moments: a training that is killed and resumed, however often, ends with the
//! same weights as one that was left alone.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::random::{self, Random};
use crate::{Done, cargo, weights};

/// Steps between two checkpoints of the test.
const CHECKPOINT_EVERY: u32 = 3;

/// `cargo xtask kill-test`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["times", "seed", "steps"])?;
    let times = options.number("times", 20_u32)?;
    let seed = options.number("seed", random::fresh_seed())?;
    let steps = options.number("steps", 60_u32)?;
    cargo::program()?;
    Ok(kill_test(times, seed, steps).inspect_err(|e| eprintln!("{e}")).is_ok())
}

/// Kills `times` trainings of `steps` steps with the program as it is built.
pub fn kill_test(times: u32, seed: u64, steps: u32) -> Done {
    let folder = std::env::temp_dir().join(format!("loopscope-kill-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
    let result = Test { program: cargo::built()?, folder: folder.clone(), seed, steps }.all(times);
    if result.is_ok() {
        let _ = std::fs::remove_dir_all(&folder);
    } else {
        eprintln!("the runs are kept in {}", folder.display());
    }
    result.map_err(|e| format!("{e} (again with: cargo xtask kill-test --times {times} --seed {seed} --steps {steps})"))
}

struct Test {
    program: PathBuf,
    folder: PathBuf,
    seed: u64,
    steps: u32,
}

/// How a training was ended.
enum End {
    Killed,
    Finished,
}

impl Test {
    fn all(&self, times: u32) -> Done {
        println!("seed {}, {} steps, a checkpoint every {CHECKPOINT_EVERY} steps", self.seed, self.steps);
        let calm = self.folder.join("calm");
        let start = Instant::now();
        self.until_the_end(self.train(&calm))?;
        let whole = start.elapsed();
        println!("left alone: {:.1} s", whole.as_secs_f64());
        let want = Self::last_weights(&calm)?;

        let mut random = Random::new(self.seed);
        let (mut killed, mut runs, mut early) = (0, 0, 0);
        while killed < times {
            runs += 1;
            let run = self.folder.join(format!("killed-{runs}"));
            let mut child = self.train(&run);
            // Until this run is at its end: kill, resume, kill, resume.
            loop {
                // Up to two thirds of a whole run, so that most runs are killed more than once.
                let wait = whole.mul_f64(0.02 + 0.65 * random.share());
                match if killed < times {
                    kill_after(child, wait)?
                } else {
                    self.until_the_end(child).map(|()| End::Finished)?
                } {
                    End::Finished => break,
                    End::Killed => killed += 1,
                }
                let last = weights::checkpoints(&run).last().cloned();
                let place = last
                    .as_ref()
                    .and_then(|p| p.file_stem())
                    .map_or("no checkpoint yet".into(), |s| s.to_string_lossy().into_owned());
                println!("  kill {killed} of {times}, run {runs}, after {:.2} s: {place}", wait.as_secs_f64());
                child = if last.is_some() {
                    self.resume(&run)
                } else {
                    // Nothing to resume from: begin again, as a user would.
                    early += 1;
                    std::fs::remove_dir_all(&run).or_else(absent).map_err(|e| format!("{}: {e}", run.display()))?;
                    self.train(&run)
                };
            }
            let got = Self::last_weights(&run)?;
            if got != want {
                let differ = got.iter().zip(&want).filter(|(a, b)| a != b).count();
                return Err(format!("run {runs} ended with other weights: {differ} of {} bytes differ", want.len()));
            }
            println!("  run {runs}: weights equal, {} bytes", got.len());
        }
        println!(
            "{killed} kills ({early} before the first checkpoint), {runs} runs, all with the weights of the run that was left alone"
        );
        Ok(())
    }

    fn train(&self, run: &Path) -> Command {
        let mut command = self.command();
        command.args(["train", "sudoku4", "--device", "cpu", "--json"]);
        for set in [
            format!("seed={}", self.seed),
            format!("steps={}", self.steps),
            format!("checkpoint_every={CHECKPOINT_EVERY}"),
            // Probes keep the run folder's curves busy too.
            "probe.every=20".into(),
            "probe.boards=8".into(),
            "batch=16".into(),
            "metrics_every=2".into(),
            "eval_count=32".into(),
        ] {
            command.args(["--set", &set]);
        }
        command.arg("--out").arg(run);
        command
    }

    fn resume(&self, run: &Path) -> Command {
        let mut command = self.command();
        command.args(["train", "--device", "cpu", "--json", "--resume"]).arg(run);
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // One file for each training: what it said last is shown when it fails.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log());
        command
    }

    fn log(&self) -> Stdio {
        std::fs::File::create(self.folder.join("log.txt")).map_or_else(|_| Stdio::inherit(), Stdio::from)
    }

    fn until_the_end(&self, mut command: Command) -> Done {
        let status = command.status().map_err(|e| format!("the training does not start: {e}"))?;
        ended_well(status).map_err(|e| {
            format!("{e}: {}", std::fs::read_to_string(self.folder.join("log.txt")).unwrap_or_default().trim())
        })
    }

    fn last_weights(run: &Path) -> Done<Vec<u8>> {
        let files = weights::checkpoints(run);
        let last = last_step(&files).ok_or_else(|| format!("{} has no checkpoint", run.display()))?;
        // Weights and optimizer moments of the last step, whatever their files are called.
        let mut all = Vec::new();
        for file in files.iter().filter(|f| step_of(f) == Some(last)) {
            all.extend(weights::tensors(file)?);
        }
        Ok(all)
    }
}

fn absent(e: std::io::Error) -> std::io::Result<()> {
    if e.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(e) }
}

/// The step in a checkpoint's file name: its last digits.
fn step_of(file: &Path) -> Option<u64> {
    let stem = file.file_stem()?.to_str()?;
    stem.split(|c: char| !c.is_ascii_digit()).rfind(|s| !s.is_empty())?.parse().ok()
}

fn last_step(files: &[PathBuf]) -> Option<u64> {
    files.iter().filter_map(|f| step_of(f)).max()
}

fn ended_well(status: ExitStatus) -> Done {
    if status.success() { Ok(()) } else { Err(format!("the training ended with {status}")) }
}

/// Kill -9 after `wait`, unless it is done before.
fn kill_after(mut command: Command, wait: Duration) -> Done<End> {
    let mut child: Child = command.spawn().map_err(|e| format!("the training does not start: {e}"))?;
    let end = Instant::now() + wait;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(status)) => return ended_well(status).map(|()| End::Finished),
            Err(e) => return Err(format!("the training cannot be watched: {e}")),
        }
    }
    // SIGKILL on Unix: nothing in the program gets to run after it.
    child.kill().and_then(|()| child.wait()).map_err(|e| format!("the training cannot be killed: {e}"))?;
    Ok(End::Killed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_counts() {
        let files = ["run/checkpoints/step-000099.safetensors", "run/checkpoints/step-000100.optimizer.safetensors"]
            .map(PathBuf::from);
        assert_eq!(last_step(&files), Some(100));
        assert_eq!(step_of(Path::new("best.safetensors")), None);
    }
}
