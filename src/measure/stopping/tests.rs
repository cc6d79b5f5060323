//! Every rule on a pass made for it, and what must hold for all.

use proptest::prelude::*;

use super::*;
use crate::measure::made_up::{ITERATIONS, boards, padded, puzzle, record};
use crate::tasks::sudoku::Bucket;

/// What a rule does with one board of five blanks: answer, spent, decided.
fn chosen(rule: Rule, letters: &str, change: impl FnOnce(&mut Record)) -> (u32, u32, bool) {
    let puzzle = puzzle(11, 0);
    let mut record = record(&puzzle, letters);
    change(&mut record);
    let mut found = None;
    each(&[puzzle], &[record], letters.len() as u32, |line| {
        found = Some(rule.choose(line, 4));
        Ok(())
    })
    .unwrap();
    let Choice { answer, spent, decided } = found.unwrap();
    (answer, spent, decided)
}

#[test]
fn rules_that_look_at_the_answer() {
    let plain = |rule, letters| chosen(rule, letters, |_| {});
    assert_eq!(plain(Rule::AtTrained, "edcbas"), (4, 4, true));
    assert_eq!(plain(Rule::AtTrained, "eds"), (3, 3, false));
    assert_eq!(plain(Rule::Last, "edcbas"), (6, 6, true));
    // The answer of 3 is that of 5; with a `from` of 4 the next pair is 5 and 7.
    assert_eq!(plain(Rule::SettledOrCycle { from: 1 }, "ebacaca"), (3, 5, true));
    assert_eq!(plain(Rule::SettledOrCycle { from: 5 }, "ebacaca"), (5, 7, true));
    assert_eq!(plain(Rule::SettledOrCycle { from: 6 }, "ebacaca"), (7, 7, false));
    // It fires on what is settled as well.
    assert_eq!(plain(Rule::SettledOrCycle { from: 1 }, "ebsss"), (3, 5, true));
    assert_eq!(plain(Rule::Unchanged { iterations: 2 }, "eebbbss"), (5, 5, true));
    assert_eq!(plain(Rule::Unchanged { iterations: 1 }, "eebbbss"), (2, 2, true));
    assert_eq!(plain(Rule::Unchanged { iterations: 3 }, "eebbbss"), (7, 7, false));
    assert_eq!(plain(Rule::Valid, "ebsba"), (3, 3, true));
    assert_eq!(plain(Rule::Valid, "ebbba"), (5, 5, false));
    assert_eq!(plain(Rule::Oracle, "ebsss"), (3, 3, true));
    assert_eq!(plain(Rule::FewestViolations, "ebsss"), (3, 5, true));
}

#[test]
fn the_rule_that_asks_the_halting_head() {
    let with = |list: &[f32]| chosen(Rule::HaltingHead, "ebsba", |r| r.halting = list.to_vec());
    assert_eq!(with(&[-3.0, -0.1, f32::NAN, 0.0, 2.0]), (4, 4, true));
    assert_eq!(with(&[1.0, -1.0, -1.0, -1.0, -1.0]), (1, 1, true));
    assert_eq!(with(&[-1.0; 5]), (5, 5, false));
    // Of a model without such a head.
    assert_eq!(with(&[]), (5, 5, false));
    assert!(!Rule::usual(4, false).contains(&Rule::HaltingHead) && Rule::usual(4, true).contains(&Rule::HaltingHead));
}

#[test]
fn rules_that_look_at_confidence() {
    let with = |rule, list: &[f32]| chosen(rule, &"e".repeat(list.len()), |r| r.confidence = list.to_vec());
    let list = [0.5, 0.9, 0.7, 0.9, 0.8];
    assert_eq!(with(Rule::PeakConfidence { from: 1 }, &list), (2, 5, true));
    assert_eq!(with(Rule::PeakConfidence { from: 3 }, &list), (4, 5, true));
    assert_eq!(with(Rule::PeakConfidence { from: 6 }, &list), (5, 5, false));
    assert_eq!(with(Rule::PeakConfidence { from: 1 }, &[f32::NAN, 0.2, f32::NAN]), (2, 3, true));
    // Means over two: 0.5, 0.75, 0.75, 0.625, 0.5.
    let list = [0.5, 1.0, 0.5, 0.75, 0.25];
    assert_eq!(with(Rule::ConfidenceDrop { width: 2, from: 1 }, &list), (3, 4, true));
    assert_eq!(with(Rule::ConfidenceDrop { width: 2, from: 4 }, &list), (4, 5, true));
    assert_eq!(with(Rule::ConfidenceDrop { width: 1, from: 1 }, &list), (2, 3, true));
    assert_eq!(with(Rule::ConfidenceDrop { width: 0, from: 0 }, &list), (2, 3, true));
    assert_eq!(with(Rule::ConfidenceDrop { width: 3, from: 17 }, &list), (5, 5, false));
    // Two answers with the same violations: the surer one.
    let surer = chosen(Rule::FewestViolations, "easa", |r| r.confidence = vec![1.0, 0.9, 0.1, 0.95]);
    assert_eq!(surer, (3, 4, true));
    let surer = chosen(Rule::FewestViolations, "eaba", |r| r.confidence = vec![1.0, 0.9, 0.1, 0.95]);
    assert_eq!(surer, (4, 4, true));
}

#[test]
fn rules_that_look_at_the_state() {
    // Turned about, then lengthened only: 10 to 11 with a movement of a tenth.
    let state = |r: &mut Record| {
        r.state_norm = vec![10.0, 10.1, 10.0, 11.0, 12.1, 12.1];
        r.residual = vec![1.0, 0.5, 0.5, 0.1, 0.1, 0.0];
    };
    let at = |outward, iterations| chosen(Rule::StateNorm { outward, iterations }, "eeeeee", state);
    assert_eq!(at(0.9, 1), (4, 4, true));
    assert_eq!(at(0.9, 2), (5, 5, true));
    assert_eq!(at(0.9, 3), (6, 6, true), "a state that stands still is settled");
    assert_eq!(at(0.9, 4), (6, 6, false));
    let at = |below, iterations| chosen(Rule::Residual { below, iterations }, "eeeeee", state);
    assert_eq!(at(0.2, 1), (4, 4, true));
    assert_eq!(at(0.2, 3), (6, 6, true));
    assert_eq!(at(0.1, 1), (6, 6, true));
    assert_eq!(at(0.0, 1), (6, 6, false));
    let broken = |r: &mut Record| r.state_norm = vec![f32::NAN; 3];
    assert_eq!(chosen(Rule::StateNorm { outward: 0.5, iterations: 1 }, "eee", broken), (3, 3, false));
}

#[test]
fn a_comparison_by_hand() {
    let puzzles = [puzzle(11, 0), puzzle(11, 0), puzzle(11, 60)];
    let letters = ["essssss", "esbabab", "eeeeees"];
    let records: Vec<Record> = puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect();
    let rules = [Rule::Last, Rule::Valid, Rule::Unchanged { iterations: 3 }];
    let found = stopping(&puzzles, &records, 7, 2, &rules).unwrap();
    assert_eq!((found.boards, found.iterations, found.trained), (3, 7, 2));
    assert_eq!(found.solved, [0, 2, 1, 1, 1, 1, 2]);
    let [last, valid, unchanged] = &found.outcomes[..] else { panic!("three rules") };
    assert_eq!((last.tallies.all.solved.count, last.tallies.all.missed, last.tallies.all.spent_in_all), (2, 1, 21));
    let all = &valid.tallies.all;
    assert_eq!((all.solved.count, all.solved.of, all.missed, all.undecided, all.spent_in_all), (3, 3, 0, 0, 11));
    let spent = all.spent.unwrap();
    assert_eq!((spent.median, spent.least, spent.most), (2.0, 2, 7));
    assert_eq!(valid.chosen, [0, 2, 0, 0, 0, 0, 1]);
    // The first settles at 5, the second goes on to the end, the third stops at 4 with a wrong answer.
    let all = &unchanged.tallies.all;
    assert_eq!((all.solved.count, all.missed, all.undecided, all.spent_in_all), (1, 2, 1, 16));
    let hard = &unchanged.tallies.buckets[4];
    assert_eq!((hard.0, hard.1.solved.of, hard.1.missed), (Bucket::FiftyOnePlus, 1, 1));
    assert_eq!(unchanged.tallies.buckets[1].1, Tally::default());
}

#[test]
fn what_cannot_be_compared_is_said() {
    let puzzle = puzzle(11, 0);
    let record = record(&puzzle, "es");
    let blind = Puzzle { solution: None, ..puzzle.clone() };
    let said = |p: &Puzzle, r: &[Record], n| stopping(std::slice::from_ref(p), r, n, 1, &[Rule::Last]).unwrap_err();
    assert_eq!(said(&blind, std::slice::from_ref(&record), 2), "puzzle 1 has no solution beside it");
    assert_eq!(said(&puzzle, &[], 2), "there are 1 puzzles and 0 records of a pass");
    assert_eq!(said(&puzzle, std::slice::from_ref(&record), 0), "a pass has at least one iteration");
    let empty = "the record of puzzle 1 is empty or of another puzzle";
    assert_eq!(said(&puzzle, &[Record::default()], 2), empty);
    assert_eq!(said(&puzzle, &[Record { first: vec![1], ..record.clone() }], 2), empty);
    assert_eq!(said(&puzzle, &[Record { confidence: vec![0.5], ..record }], 2), empty);
    assert!(stopping(&[], &[], u32::MAX, 1, &[Rule::Last]).is_err());
}

proptest! {
    #[test]
    fn no_rule_beats_the_bound((puzzles, records) in boards()) {
        let rules = Rule::usual(4, false);
        let found = stopping(&puzzles, &records, ITERATIONS, 4, &rules).unwrap();
        let of = |wanted| &found.outcomes.iter().find(|o| o.rule == wanted).unwrap().tallies.all;
        let bound = of(Rule::Oracle);
        prop_assert_eq!(bound.missed, 0);
        // These boards have one solution each, so what obeys the rules is right.
        prop_assert_eq!(of(Rule::Valid), bound);
        prop_assert_eq!(of(Rule::FewestViolations).solved, bound.solved);
        prop_assert_eq!(of(Rule::Last).solved.count, *found.solved.last().unwrap());
        prop_assert_eq!(of(Rule::AtTrained).solved.count, found.solved[3]);
        for Outcome { rule, tallies, chosen } in &found.outcomes {
            let all = &tallies.all;
            prop_assert_eq!(all.solved.count + all.missed, bound.solved.count, "{}", rule);
            prop_assert_eq!(chosen.iter().sum::<u32>(), found.boards);
            prop_assert_eq!(chosen.len(), ITERATIONS as usize);
            prop_assert!(all.spent_in_all <= u64::from(ITERATIONS) * puzzles.len() as u64);
            let sum = |of: fn(&Tally) -> u32| tallies.buckets.iter().map(|(_, t)| of(t)).sum::<u32>();
            prop_assert_eq!(sum(|t| t.solved.of), found.boards);
            prop_assert_eq!(sum(|t| t.solved.count), all.solved.count);
            prop_assert_eq!(sum(|t| t.missed), all.missed);
            prop_assert_eq!(sum(|t| t.undecided), all.undecided);
            let answered: u64 = chosen.iter().zip(1..).map(|(n, t)| u64::from(*n) * t).sum();
            prop_assert!(answered <= all.spent_in_all, "an answer is known once it was computed");
        }
    }

    #[test]
    fn a_board_that_left_keeps_its_answer((puzzles, records) in boards()) {
        let rules = Rule::usual(4, false);
        let cut = stopping(&puzzles, &records, ITERATIONS, 4, &rules).unwrap();
        let whole: Vec<Record> = records.iter().map(|r| padded(r, ITERATIONS as usize)).collect();
        prop_assert_eq!(cut, stopping(&puzzles, &whole, ITERATIONS, 4, &rules).unwrap());
        // And of a longer pass only the beginning is read.
        let longer: Vec<Record> = records.iter().map(|r| padded(r, 40)).collect();
        prop_assert_eq!(
            stopping(&puzzles, &records, 7, 4, &rules).unwrap(),
            stopping(&puzzles, &longer, 7, 4, &rules).unwrap()
        );
    }
}
