//! The other program: one line of JSON a request, one an answer (`benches/pytorch/README.md`).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use crate::cli::failure::Failure;

/// A program that answers.
pub(super) struct Other {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    name: String,
    /// Cases, the boards that they compute at once, and T where a case is a training step.
    cases: Vec<(String, Option<u32>, Option<u32>)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    program: Option<String>,
    times: Vec<f64>,
    #[serde(alias = "batch")]
    boards: Option<u32>,
    unit: Option<String>,
    iterations: Option<u32>,
    error: Option<String>,
}

impl Other {
    /// Starts it; words are separated by blanks.
    pub(super) fn start(command: &str) -> Result<Self, Failure> {
        let mut words = command.split_whitespace();
        let program = words.next().ok_or_else(|| Failure::Input("--against names no program".into()))?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| Failure::Input(format!("“{command}” does not start: {e}")))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Engine(format!("“{command}” has no input or output")));
        };
        let mut other =
            Self { child, requests, answers: BufReader::new(answers), name: program.to_owned(), cases: Vec::new() };
        if let Some(name) = other.ask(&json!({ "case": "info" }))?.program {
            other.name = name;
        }
        Ok(other)
    }

    /// What it calls itself.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gets a case ready; what it compiles is not timed.
    pub(super) fn prepare(&mut self, case: &str) -> Result<(), Failure> {
        let answer = self.ask(&json!({ "case": case, "repeat": 0 }))?;
        let training = answer.unit.is_some_and(|unit| unit == "ms per step");
        self.cases.push((case.to_owned(), answer.boards, answer.iterations.filter(|_| training)));
        Ok(())
    }

    /// Boards that a prepared case computes at once, where the program tells.
    pub(super) fn boards(&self, case: &str) -> Option<u32> {
        self.cases.iter().find(|(name, ..)| name == case).and_then(|(_, boards, _)| *boards)
    }

    /// T of a prepared case that is a training step.
    pub(super) fn training(&self, case: &str) -> Option<u32> {
        self.cases.iter().find(|(name, ..)| name == case).and_then(|(.., iterations)| *iterations)
    }

    /// The mean of `repeat` times of a case, in its own unit.
    pub(super) fn time(&mut self, case: &str, repeat: u32) -> Result<f64, Failure> {
        let times = self.ask(&json!({ "case": case, "repeat": repeat }))?.times;
        Ok(times.iter().sum::<f64>() / times.len() as f64)
    }

    fn ask(&mut self, request: &serde_json::Value) -> Result<Answer, Failure> {
        let gone = |e: String| Failure::Engine(format!("the other program: {e}"));
        writeln!(self.requests, "{request}").and_then(|()| self.requests.flush()).map_err(|e| gone(e.to_string()))?;
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) => return Err(gone("it ended".into())),
            Ok(_) => {}
            Err(e) => return Err(gone(e.to_string())),
        }
        let answer: Answer =
            serde_json::from_str(&line).map_err(|e| gone(format!("“{}” is no answer: {e}", line.trim())))?;
        match answer.error {
            Some(error) => Err(gone(error)),
            None => Ok(answer),
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = writeln!(self.requests, "{}", json!({ "case": "quit" }));
        let _ = self.child.wait();
    }
}

/// Reads what a process prints until a line holds a text; nothing when it ends before.
pub(super) fn line_with(child: &mut Child, text: &str) -> Option<()> {
    let mut lines = BufReader::new(child.stdout.take()?).lines().map_while(Result::ok);
    let found = lines.any(|line| line.contains(text));
    // What else it prints is let through, or it would wait for a reader.
    lines.for_each(drop);
    found.then_some(())
}
