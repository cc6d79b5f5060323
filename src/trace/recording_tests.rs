//! Recordings: what they take, what leaves, their maps, and the file.

use proptest::prelude::*;

use super::*;
use crate::config::Interventions;
use crate::tasks::sudoku::parse_grid;
use crate::trace::{Probability, TraceError};

const SOLUTION: &str = "1234341221434321";

/// Two 4×4 boards with their solutions.
fn puzzles() -> Vec<Puzzle> {
    ["1...34....4....1", "12...........321"]
        .map(|clues| {
            let mut puzzle = Puzzle::unchecked(parse_grid(clues).expect("a board"));
            puzzle.solution = Some(parse_grid(SOLUTION).expect("a board"));
            puzzle
        })
        .to_vec()
}

/// A trace of so many frames whose answer is right from iteration `solved` on, and before it 1 everywhere.
fn trace(board: usize, step: u32, frames: u32, solved: u32) -> Trace {
    let right: Vec<u8> = SOLUTION.bytes().map(|b| b - b'0').collect();
    let frame = |t: u32| {
        let digits = if t >= solved { right.clone() } else { vec![1; 16] };
        let sure = |d: &u8| (1..=4).map(|i| Probability(if i == *d { 65_535 } else { 0 })).collect::<Vec<_>>();
        let flat = || vec![Probability(16_384); 64];
        Frame {
            iteration: Iteration(t),
            probabilities: if t >= solved { digits.iter().flat_map(sure).collect() } else { flat() },
            digits,
            state_norm: vec![1.0; 16],
            residual: 0.5,
            ..Frame::default()
        }
    };
    Trace {
        puzzle: puzzles().swap_remove(board),
        model: "sudoku4".into(),
        trained_iterations: 6,
        step: Step(step),
        interventions: Interventions::default(),
        frames: (1..=frames).map(frame).collect(),
    }
}

fn step(at: u32, solved: [u32; 2]) -> Vec<Trace> {
    (0..2).map(|b| trace(b, at, 8, solved[b])).collect()
}

fn facts() -> RunFacts {
    RunFacts { name: "sudoku4".into(), seed: 7, steps: 1500, ..RunFacts::default() }
}

fn recording(steps: &[u32]) -> Recording {
    let mut it = Recording::new(facts());
    for (i, k) in steps.iter().enumerate() {
        it.push(step(*k, [9 - (i as u32).min(8), 9])).expect("it fits");
    }
    it
}

fn steps(r: &Recording) -> Vec<u32> {
    r.steps().map(|s| s.0).collect()
}

#[test]
fn a_map_has_what_the_boards_did() {
    let mut it = Recording::new(facts());
    it.push(step(50, [9, 9])).expect("nothing solved");
    it.push(step(100, [3, 9])).expect("the first board solved from iteration 3 on");
    let at = |q, index, t, board| it.value(q, index, Iteration(t), board);
    assert_eq!(at(Quantity::Solved, 0, 8, None), Some(0.0));
    assert_eq!((at(Quantity::Solved, 1, 2, None), at(Quantity::Solved, 1, 3, None)), (Some(0.0), Some(0.5)));
    assert_eq!((at(Quantity::Solved, 1, 3, Some(0)), at(Quantity::Solved, 1, 3, Some(1))), (Some(1.0), Some(0.0)));
    assert_eq!((at(Quantity::Right, 1, 3, Some(0)), at(Quantity::Entropy, 1, 3, Some(0))), (Some(1.0), Some(0.0)));
    let undecided = at(Quantity::Entropy, 0, 1, None).expect("recorded");
    assert!((undecided - it.most(Quantity::Entropy)).abs() < 1e-3, "{undecided}");
    // From all ones to the solution: the blank cells that are not a 1.
    let flipped = at(Quantity::Flips, 1, 3, Some(0)).expect("recorded");
    assert_eq!((flipped, it.most(Quantity::Flips)), (9.0, 9.0));
    assert_eq!((at(Quantity::Solved, 1, 0, None), at(Quantity::Solved, 1, 9, None)), (None, None));
    assert_eq!((at(Quantity::Solved, 2, 1, None), at(Quantity::Solved, 1, 1, Some(2))), (None, None));
    assert_eq!((it.last(), it.trained(), it.end(), it.boards(), it.len()), (8, 6, 1500, 2, 2));
    assert_eq!(it.board_of(&puzzles()[1].clues), Some(1));
    assert_eq!([0, 74, 75, 76, 9999].map(|k| it.nearest(Step(k))), [0, 0, 0, 1, 1].map(Some));
    assert_eq!(Recording::default().nearest(Step(1)), None);
}

#[test]
fn a_training_that_went_back_makes_its_steps_anew() {
    let mut it = recording(&[50, 100, 150, 200]);
    it.push(step(150, [1, 1])).expect("again");
    assert_eq!(steps(&it), [50, 100, 150]);
    assert_eq!(it.value(Quantity::Solved, 2, Iteration(1), None), Some(1.0));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut it = recording(&[50, 100]);
    let before = it.clone();
    let said = |it: &mut Recording, traces| it.push(traces).expect_err("refused").to_string();
    assert!(said(&mut it, vec![]).contains("no board"));
    assert!(said(&mut it, vec![trace(0, 150, 0, 1)]).contains("without iterations"));
    let mixed = vec![trace(0, 150, 8, 1), trace(1, 151, 8, 1)];
    assert!(said(&mut it, mixed).contains("steps 150 and 151"));
    assert!(said(&mut it, vec![trace(1, 10, 8, 1), trace(0, 10, 8, 1)]).contains("not those of step 50"));
    assert_eq!(it, before);
    let falling = [step(100, [1, 1]), step(50, [1, 1])].concat();
    let error = Recording::of(facts(), falling).expect_err("steps must rise");
    assert_eq!(error, RecordingError::Order { step: 50, before: 100 });
}

#[test]
fn steps_in_between_leave_once_there_are_too_many() {
    assert_eq!((most_steps(41_472, 8), most_steps(958_000, 8), most_steps(1 << 40, 8)), (128, 70, 2));
    assert_eq!((surplus(&[]), surplus(&[Step(1), Step(9)])), (None, None));
    let all = recording(&(0..40).map(|i| i * 50).collect::<Vec<_>>());
    let few = all.thinned(1, 11);
    assert_eq!((few.boards(), few.len(), few.run()), (1, 11, &facts()));
    let kept = steps(&few);
    assert_eq!((kept.first(), kept.last()), (Some(&0), Some(&1950)));
    let gaps: Vec<u32> = kept.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps.iter().all(|g| (100..=400).contains(g)), "{gaps:?}");
}

#[test]
fn a_file_is_told_from_one_of_single_passes() {
    let it = recording(&[0, 250, 500]);
    let bytes = it.to_bytes();
    assert_eq!(bytes[8], 3);
    assert_eq!(Recording::from_bytes(&bytes), Ok(it.clone()));
    assert_eq!(Trace::decode_many(&bytes).map(|t| t.len()), Ok(6), "whoever wants traces gets them");
    let single = Trace::encode_many(&step(250, [1, 1]));
    assert!(matches!(TraceFile::read(&single), Ok(TraceFile::Traces(t)) if t.len() == 2));
    let said = Recording::from_bytes(&single).expect_err("no recording").to_string();
    assert!(said.contains("single passes"), "{said}");
    let said = Recording::from_bytes(&Recording::new(facts()).to_bytes()).expect_err("empty").to_string();
    assert!(said.contains("holds 0 traces"), "{said}");
}

#[test]
fn a_file_that_was_cut_off_or_mixed_up_is_told() {
    let bytes = recording(&[0, 250]).to_bytes();
    for end in 0..bytes.len() {
        let said = TraceFile::read(&bytes[..end]).expect_err("cut off").to_string();
        assert!(said.contains("cut short") || said.contains("does not begin"), "{end}: {said}");
    }
    let other = [step(250, [1, 1]), vec![trace(1, 500, 8, 1), trace(0, 500, 8, 1)]].concat();
    let file = crate::trace::file::encode(Some(&facts()), other.iter());
    let said = TraceFile::read(&file).expect_err("other boards").to_string();
    assert!(said.starts_with("the file is no recording of a training: the boards of step 500"), "{said}");
    assert!(matches!(TraceFile::read(&file), Err(TraceError::Recording(_))));
}

proptest! {
    #[test]
    fn round_trip(
        gaps in prop::collection::vec(1u32..500, 1..12),
        seed in any::<u64>(),
        name in ".*",
        solved in 1u32..10,
        frames in 1u32..9,
    ) {
        let run = RunFacts { name, seed, steps: 1000, config_hash: "ab".into(), command: "loopscope train".into() };
        let mut it = Recording::new(run);
        let mut at = 0;
        for gap in gaps {
            at += gap;
            it.push((0..2).map(|b| trace(b, at, frames, solved + b as u32)).collect()).expect("it fits");
        }
        prop_assert_eq!(Recording::from_bytes(&it.to_bytes()), Ok(it));
    }

    #[test]
    fn damage_never_panics(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = recording(&[0, 250]).to_bytes();
        let i = at.index(bytes.len());
        bytes[i] ^= flip;
        let _ = TraceFile::read(&bytes);
    }

    #[test]
    fn thinning_keeps_the_ends_and_the_order(mut all in prop::collection::vec(0u32..10_000, 2..40), most in 2usize..10) {
        all.sort_unstable();
        all.dedup();
        let mut kept: Vec<Step> = all.iter().map(|s| Step(*s)).collect();
        while kept.len() > most.max(2) {
            let i = surplus(&kept).expect("three or more");
            prop_assert!(i > 0 && i + 1 < kept.len());
            kept.remove(i);
        }
        prop_assert!(kept.windows(2).all(|w| w[0] < w[1]));
        prop_assert_eq!((kept.first().map(|s| s.0), kept.last().map(|s| s.0)), (all.first().copied(), all.last().copied()));
    }
}
