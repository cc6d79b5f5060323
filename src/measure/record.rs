//! What is recorded of a board in a pass over many: every answer, by its changes, and a few numbers an iteration.

use serde::{Deserialize, Serialize};

use crate::config::Interventions;
use crate::tasks::sudoku::{Bucket, Grid, Puzzle, Shape, rate};

/// When a board leaves a pass before its end. Decided by the answer alone, without the solution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// Not before the end.
    #[default]
    Never,
    /// Once the answer is full, obeys the rules and keeps the clues.
    Valid,
    /// Once no blank cell has changed for so many iterations, whether the answer is right or not.
    Unchanged(u32),
    /// Once the model's halting head says so: its logit is at least 0 (`specs/sudoku.md` §4.1).
    QHead,
}

impl std::str::FromStr for Exit {
    type Err = String;

    /// “never”, “valid”, “unchanged:8”, “q-head”.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong =
            || format!("“{s}” is no exit; there are never, valid, unchanged:N with N from 1 to 4096 and q-head");
        match s.split_once(':') {
            None if s == "never" => Ok(Self::Never),
            None if s == "valid" => Ok(Self::Valid),
            None if s == "q-head" => Ok(Self::QHead),
            Some(("unchanged", n)) => match n.parse() {
                Ok(n @ 1..=4096) => Ok(Self::Unchanged(n)),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Valid => f.write_str("valid"),
            Self::Unchanged(n) => write!(f, "unchanged:{n}"),
            Self::QHead => f.write_str("q-head"),
        }
    }
}

/// How a pass over many boards is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Iterations at most.
    pub iterations: u32,
    /// What is changed in every iteration.
    pub interventions: Interventions,
    /// When a board leaves.
    pub exit: Exit,
    /// What it starts from.
    pub start: Start,
    /// What is disturbed on the way.
    pub disturbance: Option<Disturbance>,
    /// Of noise and of chosen cells.
    pub seed: u64,
    /// Whether the halting head's logits are recorded, where the model has such a head. On a graphics card the pass
    /// then runs on tensors.
    #[serde(default)]
    pub halting: bool,
}

impl Recording {
    /// An undisturbed pass of so many iterations.
    #[must_use]
    pub fn plain(iterations: u32) -> Self {
        Self {
            iterations,
            interventions: Interventions::default(),
            exit: Exit::Never,
            start: Start::default(),
            disturbance: None,
            seed: 0,
            halting: false,
        }
    }
}

/// What a pass starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Gaussian noise on every element of S_0, as a share of the root mean square of the board's S_0.
    pub noise: f32,
    /// P_0 is the solution, one-hot, instead of zero (`specs/sudoku.md` §5.4, cold start). Puzzles need one.
    pub from_solution: bool,
}

/// A change after an iteration, to see whether the pass recovers from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disturbance {
    /// After this iteration, from 1.
    pub after: u32,
    /// What is changed.
    pub kind: DisturbanceKind,
}

/// What a disturbance changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum DisturbanceKind {
    /// Gaussian noise on every element of the state, as a share of the root mean square of the board's state.
    Noise(f32),
    /// The fed-back answers of so many blank cells, chosen by the seed: all weight goes to another digit.
    Answers(u32),
    /// The states of so many blank cells, chosen by the seed, are set to zero.
    States(u32),
    /// The fed-back answer of one cell: all weight goes to this digit.
    Answer {
        /// Row-major, from 0.
        cell: u16,
        /// From 1.
        digit: u8,
    },
    /// The state of one cell, row-major from 0, is set to zero.
    State(u16),
}

impl DisturbanceKind {
    /// Whether a board of this shape has what it changes.
    #[must_use]
    pub fn fits(self, shape: Shape) -> bool {
        match self {
            Self::Noise(_) | Self::Answers(_) | Self::States(_) => true,
            Self::Answer { cell, digit } => {
                usize::from(cell) < shape.cells() && (1..=shape.side()).contains(&usize::from(digit))
            }
            Self::State(cell) => usize::from(cell) < shape.cells(),
        }
    }
}

impl std::str::FromStr for DisturbanceKind {
    type Err = String;

    /// “noise:0.5”, “answers:3”, “states:3”, “answer:12=7”, “state:12”; cells count from 1, row by row.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "“{s}” is no change; there are noise:SHARE from 0 to 100, answers:N and states:N with N from 1 to \
                 1024, answer:CELL=DIGIT and state:CELL with cells from 1, row by row"
            )
        };
        let (name, value) = s.split_once(':').ok_or_else(wrong)?;
        let count = |text: &str| text.parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(wrong);
        let cell = |text| count(text).map(|n: u32| n as u16 - 1);
        match name {
            "noise" => {
                let share: Option<f32> = value.parse().ok().filter(|v| (0.0..=100.0).contains(v));
                share.map(Self::Noise).ok_or_else(wrong)
            }
            "answers" => count(value).map(Self::Answers),
            "states" => count(value).map(Self::States),
            "answer" => {
                let (place, digit) = value.split_once('=').ok_or_else(wrong)?;
                let digit = digit.parse().ok().filter(|d| *d > 0).ok_or_else(wrong)?;
                Ok(Self::Answer { cell: cell(place)?, digit })
            }
            "state" => cell(value).map(Self::State),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for DisturbanceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Noise(share) => write!(f, "noise:{share}"),
            Self::Answers(n) => write!(f, "answers:{n}"),
            Self::States(n) => write!(f, "states:{n}"),
            Self::Answer { cell, digit } => write!(f, "answer:{}={digit}", cell + 1),
            Self::State(cell) => write!(f, "state:{}", cell + 1),
        }
    }
}

/// A blank cell's answer that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// In which iteration, from 2.
    pub iteration: u32,
    /// Which of the blank cells, in their order.
    pub blank: u16,
    /// Its digit from then on.
    pub digit: u8,
}

/// A board's pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Digits of the blank cells after iteration 1.
    pub first: Vec<u8>,
    /// What changed in later iterations, in order.
    pub changes: Vec<Change>,
    /// Mean over the blank cells of the largest probability, an entry an iteration; 1 without blanks.
    pub confidence: Vec<f32>,
    /// Mean entropy of the blank cells in nats, an entry an iteration; 0 without blanks.
    pub entropy: Vec<f32>,
    /// Mean over all cells of the norm of the state, an entry an iteration.
    pub state_norm: Vec<f32>,
    /// ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖ over the board, an entry an iteration.
    pub residual: Vec<f32>,
    /// Logit of the halting head, an entry an iteration; empty where it was not asked for, or of a model without it.
    #[serde(default)]
    pub halting: Vec<f32>,
}

impl Record {
    /// Iterations run on this board.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.residual.len() as u32
    }

    /// Whether nothing was run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.residual.is_empty()
    }

    /// Goes through all iterations in order: the iteration from 1, the blank cells' digits after it, and how many
    /// of them changed in it.
    pub fn walk(&self, mut visit: impl FnMut(u32, &[u8], u32)) {
        let mut digits = self.first.clone();
        let mut changes = self.changes.iter().peekable();
        for t in 1..=self.len() {
            let mut flips = 0;
            while let Some(change) = changes.next_if(|c| c.iteration <= t) {
                if let Some(digit) = digits.get_mut(usize::from(change.blank)) {
                    *digit = change.digit;
                    flips += 1;
                }
            }
            visit(t, &digits, flips);
        }
    }

    /// The blank cells' digits after the last iteration.
    #[must_use]
    pub fn last(&self) -> Vec<u8> {
        let mut digits = self.first.clone();
        for change in &self.changes {
            if let Some(digit) = digits.get_mut(usize::from(change.blank)) {
                *digit = change.digit;
            }
        }
        digits
    }

    /// The last iteration in which a blank cell changed; 1 where none did.
    #[must_use]
    pub fn last_change(&self) -> u32 {
        self.changes.last().map_or(1, |c| c.iteration)
    }
}

/// A record that grows.
#[derive(Clone, Debug)]
pub struct Recorder {
    record: Record,
    now: Vec<u8>,
    blanks: Vec<usize>,
    clues: Grid,
    /// Whether the answer obeyed the rules when it last changed.
    valid: bool,
}

impl Recorder {
    /// Nothing yet.
    #[must_use]
    pub fn new(clues: &Grid) -> Self {
        Self { record: Record::default(), now: Vec::new(), blanks: blanks(clues), clues: clues.clone(), valid: false }
    }

    /// Takes the next iteration: probabilities [cells, digits], and the squared norms of state, change and state
    /// before, [cells] each.
    pub fn push(&mut self, probabilities: &[f32], [norm, change, before]: [&[f32]; 3]) {
        let digits = probabilities.len() / norm.len().max(1);
        let row = |cell: usize| &probabilities[cell * digits..(cell + 1) * digits];
        let t = self.record.len() + 1;
        let (mut confidence, mut entropy) = (0.0_f64, 0.0_f64);
        let mut flips = false;
        for (i, cell) in self.blanks.iter().enumerate() {
            let p = row(*cell);
            let digit = arg_max(p);
            confidence += f64::from(p[usize::from(digit) - 1]);
            entropy -= p.iter().map(|p| f64::from(*p)).filter(|p| *p > 0.0).map(|p| p * p.ln()).sum::<f64>();
            if t == 1 {
                self.now.push(digit);
            } else if self.now[i] != digit {
                self.now[i] = digit;
                flips = true;
                self.record.changes.push(Change { iteration: t, blank: i as u16, digit });
            }
        }
        if t == 1 {
            self.record.first.clone_from(&self.now);
        }
        if t == 1 || flips {
            self.valid = is_valid(&self.clues, &self.blanks, &self.now);
        }
        let count = self.blanks.len() as f64;
        let mean = |sum: f64, none: f64| if count > 0.0 { sum / count } else { none } as f32;
        let total = |list: &[f32]| list.iter().map(|v| f64::from(*v)).sum::<f64>();
        let roots = norm.iter().map(|v| f64::from(v.sqrt())).sum::<f64>();
        self.record.confidence.push(mean(confidence, 1.0));
        self.record.entropy.push(mean(entropy, 0.0));
        self.record.state_norm.push((roots / norm.len().max(1) as f64) as f32);
        self.record.residual.push((total(change) / total(before)).sqrt() as f32);
    }

    /// Takes the halting head's logit after the iteration that was pushed last.
    pub fn push_halting(&mut self, logit: f32) {
        self.record.halting.push(logit);
    }

    /// Whether the board leaves now, by its answers: by [`Exit::QHead`], which only the model knows, never.
    #[must_use]
    pub fn leaves(&self, exit: Exit) -> bool {
        match exit {
            Exit::Never | Exit::QHead => false,
            Exit::Valid => self.valid,
            Exit::Unchanged(n) => self.record.len() >= self.record.last_change() + n,
        }
    }

    /// What was recorded.
    #[must_use]
    pub fn finish(self) -> Record {
        self.record
    }
}

/// The digit, from 1, of the largest of a cell's values; the first of equals.
#[must_use]
pub fn arg_max(p: &[f32]) -> u8 {
    let mut best = 0;
    for (i, v) in p.iter().enumerate() {
        if *v > p[best] {
            best = i;
        }
    }
    best as u8 + 1
}

/// The cells that a puzzle leaves blank.
#[must_use]
pub fn blanks(clues: &Grid) -> Vec<usize> {
    (0..clues.shape().cells()).filter(|cell| clues.get(*cell) == 0).collect()
}

/// The board with the blank cells filled in; nothing where digits are none of this board.
#[must_use]
pub fn filled(clues: &Grid, digits: &[u8]) -> Option<Grid> {
    let mut cells = clues.cells().to_vec();
    for (cell, digit) in blanks(clues).into_iter().zip(digits) {
        cells[cell] = *digit;
    }
    Grid::new(clues.shape(), cells).ok()
}

/// Whether the blank cells' digits make a full board that obeys the rules.
fn is_valid(clues: &Grid, blanks: &[usize], digits: &[u8]) -> bool {
    let mut cells = clues.cells().to_vec();
    for (cell, digit) in blanks.iter().zip(digits) {
        cells[*cell] = *digit;
    }
    Grid::new(clues.shape(), cells).is_ok_and(|grid| grid.is_valid_solution_of(clues))
}

/// A puzzle's difficulty; one that is not rated is rated here.
#[must_use]
pub fn bucket_of(puzzle: &Puzzle) -> Bucket {
    Bucket::of(puzzle.rating.unwrap_or_else(|| rate(&puzzle.clues)))
}

/// The solution's digits of the blank cells; nothing without a solution.
#[must_use]
pub fn right_digits(puzzle: &Puzzle) -> Option<Vec<u8>> {
    let solution = puzzle.solution.as_ref()?;
    Some(blanks(&puzzle.clues).into_iter().map(|cell| solution.get(cell)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A 4×4 board with its first cells given.
    fn clues(given: usize) -> Grid {
        let solution = [1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1];
        let cells = solution.iter().enumerate().map(|(i, d)| if i < given { *d } else { 0 }).collect();
        Grid::new(Shape::S4, cells).unwrap()
    }

    /// Probabilities whose arg-max are these digits of the blank cells.
    fn answer(clues: &Grid, digits: &[u8]) -> Vec<f32> {
        let mut out = vec![0.1; 16 * 4];
        for (cell, digit) in blanks(clues).into_iter().zip(digits) {
            out[cell * 4 + usize::from(*digit) - 1] = 0.7;
        }
        out
    }

    proptest! {
        #[test]
        fn a_record_gives_back_every_answer(answers in proptest::collection::vec(proptest::collection::vec(1..=4_u8, 6), 1..20)) {
            let clues = clues(10);
            let mut recorder = Recorder::new(&clues);
            for digits in &answers {
                recorder.push(&answer(&clues, digits), [&[4.0; 16], &[1.0; 16], &[4.0; 16]]);
            }
            let record = recorder.finish();
            let mut seen = Vec::new();
            record.walk(|t, digits, flips| seen.push((t, digits.to_vec(), flips)));
            prop_assert_eq!(seen.len(), answers.len());
            for (i, (t, digits, flips)) in seen.iter().enumerate() {
                prop_assert_eq!((*t as usize, digits), (i + 1, &answers[i]));
                let changed = if i == 0 { 0 } else { answers[i - 1].iter().zip(&answers[i]).filter(|(a, b)| a != b).count() };
                prop_assert_eq!(*flips as usize, changed);
            }
            prop_assert_eq!(&record.last(), answers.last().unwrap());
            prop_assert!(record.residual.iter().all(|r| *r == 0.5) && record.state_norm.iter().all(|n| *n == 2.0));
            prop_assert!(record.confidence.iter().all(|c| (*c - 0.7).abs() < 1e-6));
        }
    }

    #[test]
    fn boards_leave_when_they_should() {
        let clues = clues(14);
        let mut recorder = Recorder::new(&clues);
        let mut push = |digits: &[u8]| {
            recorder.push(&answer(&clues, digits), [&[1.0; 16]; 3]);
            [Exit::Never, Exit::Valid, Exit::Unchanged(1), Exit::Unchanged(2)].map(|e| recorder.leaves(e))
        };
        assert_eq!(push(&[1, 1]), [false, false, false, false]);
        assert_eq!(push(&[2, 1]), [false, true, false, false]);
        assert_eq!(push(&[2, 1]), [false, true, true, false]);
        assert_eq!(push(&[2, 1]), [false, true, true, true]);
        assert_eq!(push(&[2, 2]), [false, false, false, false]);
    }

    #[test]
    fn exits_are_written_as_they_are_read() {
        for exit in [Exit::Never, Exit::Valid, Exit::Unchanged(8), Exit::QHead] {
            assert_eq!(exit.to_string().parse(), Ok(exit));
        }
        for text in ["", "unchanged", "unchanged:0", "unchanged:x", "settled"] {
            assert!(text.parse::<Exit>().unwrap_err().contains("unchanged:N"), "{text}");
        }
    }

    #[test]
    fn disturbances_are_written_as_they_are_read() {
        use DisturbanceKind::{Answer, Answers, Noise, State, States};
        for kind in [Noise(0.5), Answers(3), States(1), Answer { cell: 11, digit: 4 }, State(0)] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for text in ["", "noise", "noise:-1", "answers:0", "states:x", "cells:1", "answer:3", "answer:0=1", "state:0"] {
            assert!(text.parse::<DisturbanceKind>().unwrap_err().contains("noise:SHARE"), "{text}");
        }
        let fits = |kind: DisturbanceKind| kind.fits(Shape::S4);
        assert!(fits(Answer { cell: 15, digit: 4 }) && fits(State(15)) && fits(Answers(1000)));
        assert!(!fits(Answer { cell: 16, digit: 4 }) && !fits(Answer { cell: 0, digit: 5 }) && !fits(State(16)));
    }

    #[test]
    fn a_board_without_blanks_is_recorded_too() {
        let clues = clues(16);
        let mut recorder = Recorder::new(&clues);
        recorder.push(&answer(&clues, &[]), [&[1.0; 16]; 3]);
        assert!(recorder.leaves(Exit::Valid));
        let record = recorder.finish();
        assert_eq!((record.confidence[0], record.entropy[0], record.last()), (1.0, 0.0, Vec::new()));
    }
}
