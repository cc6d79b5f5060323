//! How a command ends: the exit codes, and one place that prints what went wrong.

use std::process::ExitCode;

/// What a finished command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Done: exit code 0.
    Yes,
    /// Done, and the answer is no (not solved, not valid): exit code 1.
    No,
}

/// Why a command could not be finished. The text says what is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Bad usage or bad input: exit code 2.
    Input(String),
    /// No device, or the engine is in trouble: exit code 3.
    Engine(String),
    /// Training met a value that is infinite or no number: exit code 4.
    Diverged(String),
    /// Whoever read the output has gone (`loopscope … | head`): nothing to say, exit code 0.
    OutputClosed,
}

/// What every subcommand returns.
pub(super) type Outcome = Result<Answer, Failure>;

impl Failure {
    /// Bad input, from anything that can be read.
    pub(super) fn input(message: impl ToString) -> Self {
        Self::Input(message.to_string())
    }

    /// A file that cannot be read or written.
    pub(super) fn file(path: &std::path::Path, message: impl std::fmt::Display) -> Self {
        Self::Input(format!("{}: {message}", path.display()))
    }

    /// Prints the message to standard error.
    pub(super) fn print(&self) {
        match self {
            Self::Input(message) | Self::Engine(message) | Self::Diverged(message) => eprintln!("error: {message}"),
            Self::OutputClosed => {}
        }
    }
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::from(1),
        }
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Input(_) => Self::from(2),
            Failure::Engine(_) => Self::from(3),
            Failure::Diverged(_) => Self::from(4),
            Failure::OutputClosed => Self::SUCCESS,
        }
    }
}
