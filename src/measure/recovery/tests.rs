//! A disturbance by hand, and what must add up.

use proptest::prelude::*;

use super::*;
use crate::measure::DisturbanceKind;
use crate::measure::made_up::{ITERATIONS, boards, padded, puzzle, record};

fn after(after: u32) -> Disturbance {
    Disturbance { after, kind: DisturbanceKind::Noise(0.5) }
}

#[test]
fn a_disturbance_by_hand() {
    let puzzle = puzzle(11, 7);
    let of = |letters: &[&str]| letters.iter().map(|l| record(&puzzle, l)).collect::<Vec<_>>();
    // After iteration 2: stays; comes back after 3; does not; is lost twice; is helped; is hurt; is helped and lost.
    let plain = of(&["essssss", "essssss", "essssss", "essssss", "eeeeeee", "eddcbas", "eeeeeee"]);
    let shaken = of(&["essssss", "esbasss", "esbbbbb", "essasas", "eedcbas", "eddcbaa", "eecsaaa"]);
    let found = recovery(&vec![puzzle; 7], &plain, &shaken, after(2), 7).unwrap();
    assert_eq!((found.boards, found.untouched, found.unlike), (7, 0, 0));
    let solved = &found.were_solved.all;
    assert_eq!((solved.solved.count, solved.solved.of, solved.undisturbed.count), (3, 4, 4));
    assert_eq!((solved.only_disturbed, solved.only_undisturbed), (0, 1));
    assert_eq!((solved.never_left, solved.reached), (1, 2));
    // Both are solved again after iteration 5.
    assert_eq!(solved.until.map(|s| (s.least, s.median, s.most)), Some((3, 3.0, 3)));
    let unsolved = &found.were_unsolved.all;
    assert_eq!((unsolved.solved.count, unsolved.solved.of, unsolved.undisturbed.count), (1, 3, 1));
    assert_eq!((unsolved.only_disturbed, unsolved.only_undisturbed), (1, 1));
    assert_eq!((unsolved.never_left, unsolved.reached), (0, 2));
    assert_eq!(unsolved.until.map(|s| (s.least, s.median, s.most)), Some((2, 3.5, 5)));
    assert_eq!(found.were_solved.buckets[2].1, *solved);
    assert_eq!(found.were_solved.buckets[0].1, Fate::default());
    assert_eq!(found.moments.iter().map(|m| m.since).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    // After iteration 3 the cells differ by 0, 2, 2, 0, 5 − 4, 0 and 5 − 3 of 5 each.
    assert_eq!(found.moments[0].agree, 28.0 / 35.0);
    let counts: Vec<_> = found.moments.iter().map(|m| (m.solved.count, m.undisturbed.count)).collect();
    assert_eq!(counts, [(2, 4), (2, 4), (3, 4), (2, 4), (4, 5)]);
}

#[test]
fn boards_that_were_not_disturbed_are_told() {
    let puzzle = puzzle(11, 7);
    let (plain, short, other) = (record(&puzzle, "essss"), record(&puzzle, "es"), record(&puzzle, "bssss"));
    let puzzles = vec![puzzle; 3];
    let disturbed = [plain.clone(), short, other];
    let found = recovery(&puzzles, &[plain.clone(), plain.clone(), plain], &disturbed, after(2), 5).unwrap();
    assert_eq!((found.untouched, found.unlike, found.were_solved.all.never_left), (1, 1, 3));
}

#[test]
fn a_disturbance_needs_a_before_and_an_after() {
    let puzzle = puzzle(11, 0);
    let list = [record(&puzzle, "ssss")];
    let of = |records: &[Record], at| recovery(std::slice::from_ref(&puzzle), &list, records, after(at), 4);
    assert!(of(&list, 0).is_err() && of(&list, 4).is_err() && of(&[], 2).is_err() && of(&list, 3).is_ok());
}

proptest! {
    #[test]
    fn boards_add_up((puzzles, records) in boards(), at in 1..ITERATIONS, turn in 0..12_usize) {
        // Any other pass over the same boards: all have one solution, so a record of one fits where blanks agree.
        let mut disturbed = records.clone();
        for (i, record) in disturbed.iter_mut().enumerate() {
            let other = &records[(i + turn) % records.len()];
            if other.first.len() == record.first.len() {
                *record = other.clone();
            }
        }
        let found = recovery(&puzzles, &records, &disturbed, after(at), ITERATIONS).unwrap();
        let (solved, unsolved) = (&found.were_solved, &found.were_unsolved);
        prop_assert_eq!(solved.all.solved.of + unsolved.all.solved.of, found.boards);
        let end = found.moments.last().unwrap();
        prop_assert_eq!(solved.all.solved.count + unsolved.all.solved.count, end.solved.count);
        prop_assert_eq!(solved.all.undisturbed.count + unsolved.all.undisturbed.count, end.undisturbed.count);
        for split in [solved, unsolved] {
            let f = &split.all;
            prop_assert_eq!(f.solved.count + f.only_undisturbed, f.undisturbed.count + f.only_disturbed);
            prop_assert!(f.solved.count <= f.never_left + f.reached && f.never_left + f.reached <= f.solved.of);
            prop_assert_eq!(split.buckets.iter().map(|(_, b)| b.reached).sum::<u32>(), f.reached);
            prop_assert_eq!(f.until.map_or(0, |s| s.n), f.reached);
        }
        prop_assert_eq!(unsolved.all.never_left, 0);
        let whole = |list: &[Record]| list.iter().map(|r| padded(r, ITERATIONS as usize)).collect::<Vec<_>>();
        let mut same = recovery(&puzzles, &whole(&records), &whole(&disturbed), after(at), ITERATIONS).unwrap();
        // Only who had left cannot be told from a record that goes on.
        same.untouched = found.untouched;
        prop_assert_eq!(same, found);
    }

    #[test]
    fn without_a_disturbance_nothing_differs((puzzles, records) in boards(), at in 1..ITERATIONS) {
        let found = recovery(&puzzles, &records, &records, after(at), ITERATIONS).unwrap();
        prop_assert_eq!(found.unlike, 0);
        prop_assert!(found.moments.iter().all(|m| m.agree == 1.0 && m.solved == m.undisturbed));
    }
}
