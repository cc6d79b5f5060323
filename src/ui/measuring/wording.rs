//! Measurements in words.

use crate::measure::Exit;
use crate::measure::plan::Kind;

/// What it is called.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Scaling => "solved against iterations",
        Kind::Inside => "inside a pass",
        Kind::Stopping => "when to stop",
        Kind::Interventions => "changes of the pass",
        Kind::Recovery => "recovery",
        Kind::Cold => "the solution fed in",
        Kind::Warm => "do answers stay",
        Kind::Verified => "solve and know it",
        Kind::Heads => "attention by place",
        Kind::Spectrum => "growth of small changes",
    }
}

/// The question that it answers.
pub(super) fn question(kind: Kind) -> &'static str {
    match kind {
        Kind::Scaling => "How many boards are solved after so many iterations, far beyond the trained ones too?",
        Kind::Inside => "What happens iteration by iteration, how do boards end, and what is wrong on those that fail?",
        Kind::Stopping => "After which iteration should one answer, without knowing the solution?",
        Kind::Interventions => "Is more solved, or less, when every iteration is changed?",
        Kind::Recovery => "Do boards come back when their state or their answer is disturbed on the way?",
        Kind::Cold => "Does the solution stay when the network is given it?",
        Kind::Warm => "Do answers still change after many iterations, whether right or not?",
        Kind::Verified => "How many boards does it solve and know it, by the rules alone, when it may ask again?",
        Kind::Heads => "Where do attention heads look: at itself, along the row, the column, the box?",
        Kind::Spectrum => "Does a small change of the state grow or shrink from one iteration to the next?",
    }
}

/// When boards leave.
pub(super) fn exit(exit: Exit) -> String {
    match exit {
        Exit::Never => "all stay".into(),
        Exit::Valid => "leave when valid".into(),
        Exit::Unchanged(n) => format!("leave unchanged for {n}"),
        Exit::QHead => "leave by the halting head".into(),
    }
}
