//! Each event and verdict on a trace made for it.

use proptest::prelude::*;

use super::*;
use crate::config::Interventions;
use crate::tasks::sudoku::{Puzzle, parse_grid};
use crate::trace::{Probability, Step};

const SOLUTION: &str = "1234341221434321";

/// A trace whose answers are given by letters: `s` the solution, `a`–`k` the solution with that many
/// (1–11) blank cells wrong. The letter also decides which digits stand there.
fn trace(letters: &str) -> Trace {
    let clues = parse_grid("1...34....4....1").expect("a board");
    let solution = parse_grid(SOLUTION).expect("a board");
    let blanks: Vec<usize> = (0..16).filter(|c| clues.get(*c) == 0).collect();
    let frame = |(letter, i): (u8, u32)| {
        let mut digits = solution.cells().to_vec();
        let wrong = if letter == b's' { 0 } else { usize::from(letter - b'a') + 1 };
        for cell in &blanks[..wrong] {
            digits[*cell] = digits[*cell] % 4 + 1;
        }
        Frame {
            iteration: Iteration(i),
            probabilities: digits
                .iter()
                .flat_map(|d| (1..=4).map(move |n| Probability(if n == *d { 39_321 } else { 8738 })))
                .collect(),
            digits,
            state_norm: vec![2.0; 16],
            residual: 1.0 / i as f32,
            ..Frame::default()
        }
    };
    Trace {
        puzzle: Puzzle { solution: Some(solution.clone()), ..Puzzle::unchecked(clues) },
        model: "test".into(),
        trained_iterations: 16,
        step: Step(0),
        interventions: Interventions::default(),
        frames: letters.bytes().zip(1..).map(frame).collect(),
    }
}

fn events(letters: &str) -> Vec<(u32, EventKind)> {
    Curves::of(&trace(letters)).events().into_iter().map(|e| (e.iteration.0, e.kind)).collect()
}

fn verdict(letters: &str) -> String {
    Curves::of(&trace(letters)).verdict().to_string()
}

#[test]
fn curves_of_a_small_trace() {
    let mut t = trace("ebss");
    let c = Curves::of(&t);
    assert_eq!(c.flips, [0, 3, 2, 0]);
    assert_eq!(c.correct, [Some(6), Some(9), Some(11), Some(11)]);
    assert_eq!(c.valid, [false, false, true, true]);
    assert_eq!(c.violations[3], 0);
    assert!(c.violations[0] > 0);
    assert_eq!((c.blanks(), c.len()), (11, 4));
    // 0.6, and three times 0.4 / 3.
    let entropy = -(0.6f32 * 0.6f32.ln() + 0.4 * (0.4f32 / 3.0).ln());
    assert!((c.entropy[0] - entropy).abs() < 1e-4, "{} instead of {entropy}", c.entropy[0]);
    assert!((c.confidence[0] - 0.6).abs() < 1e-4);
    assert_eq!(c.state_norm, [2.0; 4]);
    assert!(c.solved(Iteration(3)) && !c.solved(Iteration(2)) && !c.solved(Iteration(0)) && !c.solved(Iteration(9)));
    t.puzzle.solution = None;
    let blind = Curves::of(&t);
    assert_eq!((blind.correct, blind.valid), (vec![None; 4], c.valid));
}

/// What the model says at clue cells is never shown, so it is not counted either.
#[test]
fn clue_cells_do_not_matter() {
    let mut t = trace("aabss");
    let before = Curves::of(&t);
    for frame in &mut t.frames {
        frame.digits[0] = 4;
        frame.probabilities[0] = Probability(1);
    }
    assert_eq!(Curves::of(&t), before);
}

#[test]
fn solved_and_settled() {
    assert_eq!(events("cbasss"), [(4, EventKind::FirstSolved)]);
    assert_eq!(events("cbassss"), [(4, EventKind::FirstSolved), (4, EventKind::Settled)]);
    assert_eq!(verdict("cbassss"), "Solved and settled from iteration 4.");
    assert_eq!(verdict("cbass"), "Solved at iteration 4; too few iterations follow to say whether it settles.");
    assert_eq!(
        verdict("casabss"),
        "Solved at iteration 3, lost and found again; solved since iteration 6, not settled yet."
    );
    assert_eq!(
        events("casabssss"),
        [(3, EventKind::FirstSolved), (4, EventKind::LostSolution), (6, EventKind::Settled)]
    );
    assert_eq!(verdict("casabssss"), "Solved at iteration 3, lost 1 time and found again, settled from iteration 6.");
    let many = "c".repeat(1500) + "ssss";
    assert_eq!(verdict(&many), "Solved and settled from iteration 1,501.");
}

#[test]
fn settled_on_a_wrong_answer() {
    assert_eq!(events("cbaaaa"), [(3, EventKind::Settled)]);
    assert_eq!(
        verdict("cbaaaa"),
        "Settled on a wrong answer from iteration 3: 1 cell is wrong and 3 rows, columns and boxes hold a digit twice."
    );
    let mut blind = trace("cbaaaa");
    blind.puzzle.solution = None;
    assert_eq!(
        Curves::of(&blind).verdict().to_string(),
        "Settled on a wrong answer from iteration 3: 3 rows, columns and boxes hold a digit twice."
    );
}

#[test]
fn cycles() {
    assert_eq!(events("dcabab"), [(3, EventKind::Cycle { period: 2 })]);
    assert_eq!(events("dcaba"), [], "less than two periods");
    assert_eq!(verdict("dcabab"), "Repeats with period 2 from iteration 3. It was never solved.");
    // A pause inside a period does not settle, and a short repetition does not hide a long one.
    let pause = "abcdaaaa".repeat(3);
    assert_eq!(events(&pause), [(1, EventKind::Cycle { period: 8 })]);
    assert_eq!(events("gdeababdeabab"), [(2, EventKind::Cycle { period: 6 })]);
    assert_eq!(
        events("gsasasa"),
        [(2, EventKind::FirstSolved), (2, EventKind::Cycle { period: 2 }), (3, EventKind::LostSolution)]
    );
    assert_eq!(
        verdict("gsasasa"),
        "Repeats with period 2 from iteration 2. The solution, first found at iteration 2, is one of the answers it goes through."
    );
    // The longest period that is looked for, and one more.
    let period = |p: usize| "abcdefghij".chars().cycle().take(p - 1).chain(['k']).collect::<String>().repeat(2);
    assert_eq!(events(&period(64)), [(1, EventKind::Cycle { period: 64 })]);
    assert!(events(&period(65)).is_empty());
}

#[test]
fn collapses() {
    assert_eq!(events("cssabdce"), [(2, EventKind::FirstSolved), (4, EventKind::Collapsed)],);
    assert_eq!(verdict("cssabdce"), "Solved at iteration 2, then lost it at iteration 4: the answer collapses.");
    assert_eq!(events("cssabd"), [(2, EventKind::FirstSolved), (4, EventKind::LostSolution)], "too early to say");
    assert_eq!(
        verdict("cssabbbbb"),
        "Solved at iteration 2, then lost it at iteration 4: the answer collapses. It settled on a wrong answer from iteration 5."
    );
    assert_eq!(
        verdict("cssgabababab"),
        "Solved at iteration 2, then lost it at iteration 4: the answer collapses. It repeats with period 2 from iteration 5."
    );
    // Never solved, but a quarter of the cells fewer are right in the end.
    let fall = "dcbaabhijhikjhgi";
    assert!(events(fall).contains(&(7, EventKind::Collapsed)), "{:?}", events(fall));
    assert_eq!(
        verdict(fall),
        "Never solved, and from iteration 7 far fewer cells are right than before: the answer collapses."
    );
    assert!(!events("dcbaabhijhi").iter().any(|e| e.1 == EventKind::Collapsed), "too early to say");
}

#[test]
fn wandering_and_other_ends() {
    assert_eq!(
        verdict("abdcebgfabced"),
        "Wanders: after 13 iterations it still changes 1.2 cells an iteration and has not solved the puzzle."
    );
    assert_eq!(
        verdict("asb"),
        "Wanders: after 3 iterations it still changes 2.0 cells an iteration; it was solved at iteration 2, but no longer is."
    );
    assert_eq!(verdict("ab"), "Not solved after 2 iterations: too few to say more.");
    assert_eq!(verdict(""), "No iteration has been recorded yet.");
    let mut broken = trace("cssssss");
    broken.frames[4].state_norm[3] = f32::NAN;
    assert_eq!(
        Curves::of(&broken).verdict().to_string(),
        "Solved at iteration 2. The state is no longer finite from iteration 5: no answer after it means anything."
    );
}

#[test]
fn growing_and_changing_traces() {
    let whole = trace("dcbasasss");
    let mut growing = Curves::new(&whole);
    for n in 0..=whole.frames.len() {
        growing.extend(&Trace { frames: whole.frames[..n].to_vec(), ..whole.clone() });
        assert_eq!(growing.len(), n);
    }
    assert_eq!(growing, Curves::of(&whole));
    let shorter = trace("ab");
    growing.extend(&shorter);
    assert_eq!(growing, Curves::of(&shorter));
    let mut other = trace("abs");
    other.puzzle = Puzzle::unchecked(parse_grid(".2..............").expect("a board"));
    growing.extend(&other);
    assert_eq!(growing, Curves::of(&other));
}

/// A frame that breaks its promises is counted as unsolved and never panics.
#[test]
fn misfits_do_not_panic() {
    let mut t = trace("abcs");
    t.frames[1].digits.clear();
    t.frames[2].digits = vec![200; 16];
    t.frames[3].probabilities.truncate(7);
    let c = Curves::of(&t);
    assert_eq!(c.valid, [false, false, false, true]);
    let _ = (c.events(), c.verdict().to_string());
}

proptest! {
    /// Whatever happens: events are in order and of iterations that exist, and each claim that lasts
    /// to the end is true of every frame from there on.
    #[test]
    fn events_are_true(letters in "[a-cs]{0,40}|([a-c]{1,3}){12}|[a-es]{0,20}s{0,6}[a-c]{0,10}") {
        let c = Curves::of(&trace(&letters));
        let letters = letters.as_bytes();
        let events = c.events();
        prop_assert!(events.is_sorted_by_key(|e| e.iteration));
        for e in &events {
            let i = e.iteration.0 as usize - 1;
            let rest = &letters[i..];
            match e.kind {
                EventKind::FirstSolved => prop_assert_eq!(letters.iter().position(|l| *l == b's'), Some(i)),
                EventKind::LostSolution => prop_assert!(letters[i - 1] == b's' && rest[0] != b's'),
                EventKind::Settled => prop_assert!(rest.len() > LASTING && rest.iter().all(|l| *l == rest[0])),
                EventKind::Cycle { period } => {
                    let p = period as usize;
                    prop_assert!(rest.len() >= 2 * p && (p..rest.len()).all(|k| rest[k] == rest[k - p]));
                    prop_assert!(rest.iter().any(|l| *l != rest[0]));
                }
                EventKind::Collapsed => prop_assert!(!rest.contains(&b's')),
                EventKind::NotFinite => prop_assert!(false),
            }
        }
        let verdict = c.verdict();
        prop_assert_eq!(verdict.is_good(), letters.last() == Some(&b's')
            && !events.iter().any(|e| matches!(e.kind, EventKind::Cycle { .. })));
    }
}
