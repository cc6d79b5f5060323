//! A process of this program: its output is kept, and its end is waited for.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long it may go on after Ctrl-C. A training that is killed goes on from its last checkpoint.
const GRACE: Duration = Duration::from_secs(30);

/// How a process ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// Standard output.
    pub(super) said: String,
    /// The last thing on standard error that tells what went wrong.
    pub(super) complaint: String,
}

/// Runs the program with arguments. What it says is added to `log`, its standard output also to
/// `answers`, line by line; `heard` hears those lines.
///
/// Its standard output is a pipe to this process: when this one is killed, the other ends at its next line.
pub(super) fn run(
    program: &Path,
    arguments: &[String],
    log: &Path,
    answers: &Path,
    interrupted: &AtomicBool,
    heard: impl FnMut(&str) + Send,
) -> std::io::Result<Ended> {
    let mut errors = open(log)?;
    let from = errors.seek(SeekFrom::End(0))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors.try_clone()?)
        .spawn()?;
    let stdout = child.stdout.take().ok_or_else(|| std::io::Error::other("it has no standard output"))?;
    let answers = open(answers)?;
    let (status, said) = std::thread::scope(|scope| {
        let reader = scope.spawn(move || copy(stdout, answers, heard));
        let status = wait(&mut child, interrupted);
        let said = reader.join().unwrap_or_else(|_| Err(std::io::Error::other("reading its output failed")));
        Ok::<_, std::io::Error>((status?, said?))
    })?;
    errors.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    errors.read_to_end(&mut text)?;
    Ok(Ended { status, said, complaint: complaint(&String::from_utf8_lossy(&text)) })
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn copy(from: impl Read, mut to: File, mut heard: impl FnMut(&str)) -> std::io::Result<String> {
    let mut all = String::new();
    for line in BufReader::new(from).lines() {
        let line = line? + "\n";
        to.write_all(line.as_bytes())?;
        heard(line.trim_end());
        all.push_str(&line);
    }
    Ok(all)
}

#[expect(clippy::disallowed_methods, reason = "native only: a thread of its own waits for the process")]
fn wait(child: &mut Child, interrupted: &AtomicBool) -> std::io::Result<ExitStatus> {
    let mut since: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupted.load(Ordering::SeqCst) && since.get_or_insert_with(Instant::now).elapsed() > GRACE {
            // It may have ended just now.
            let _ = child.kill();
            return child.wait();
        }
        std::thread::sleep(TICK);
    }
}

/// The error that it told, else its last line.
fn complaint(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let error = lines.iter().rev().find_map(|l| l.strip_prefix("error: "));
    error.or(lines.last().copied()).unwrap_or("it said nothing").to_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_says_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, answers) = (folder.path().join("log"), folder.path().join("answers"));
        let mut lines = Vec::new();
        let script = "echo one; echo noise >&2; echo 'error: too small' >&2; echo two; exit 3";
        let arguments = ["-c".to_owned(), script.to_owned()];
        let flag = AtomicBool::new(false);
        let ended = run(Path::new("/bin/sh"), &arguments, &log, &answers, &flag, |l| lines.push(l.to_owned()));
        let ended = ended.expect("it ran");
        assert_eq!((ended.status.code(), ended.said.as_str()), (Some(3), "one\ntwo\n"));
        assert_eq!((ended.complaint.as_str(), lines), ("too small", vec!["one".to_owned(), "two".to_owned()]));
        assert_eq!(std::fs::read_to_string(answers).expect("kept"), "one\ntwo\n");
        assert!(std::fs::read_to_string(log).expect("kept").contains("noise"));
        assert_eq!((complaint("a\nb\n"), complaint("")), ("b".into(), "it said nothing".into()));
    }
}
