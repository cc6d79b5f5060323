//! Passes in order, and readings that are those of the functions themselves.

use super::*;
use crate::measure::made_up::{puzzle, record};
use crate::measure::{Disturbance, DisturbanceKind, doubling};

fn boards() -> (Vec<Puzzle>, Vec<Record>, Vec<Record>) {
    let puzzles: Vec<Puzzle> = [0, 0, 2, 30, 70].map(|r| puzzle(11, r)).into();
    let of = |letters: [&str; 5]| puzzles.iter().zip(letters).map(|(p, l)| record(p, l)).collect();
    let plain = of(["essssssss", "eeesscbaa", "edcbaabcd", "aaaaaaaaa", "sssssssss"]);
    let other = of(["essss", "esss", "edcbaaabs", "aasaaaaaa", "sabsssdsa"]);
    (puzzles, plain, other)
}

fn spent(made: u64) -> Option<Spent> {
    Some(Spent { made, of: 45 })
}

#[test]
fn one_pass_is_read_as_far_as_it_came() {
    let (puzzles, records, _) = boards();
    let mut all = Measurement::new(Question::Inside { iterations: 9 }, puzzles.clone(), 4, Interventions::default());
    let Some(Ask::Record { settings, how, .. }) = all.next_ask() else { panic!("a pass") };
    assert_eq!((settings, how, all.pass()), (Recording::plain(9), How::Chosen, (1, 1)));
    assert_eq!(all.found(), Ok(None));
    all.take_records(records[..2].to_vec(), None);
    assert_eq!(all.found(), Ok(Some(Found::Inside(inside(&puzzles[..2], &records[..2], 9).unwrap()))));
    all.take_records(records[2..].to_vec(), spent(45));
    assert_eq!((all.next_ask(), all.read()), (None, 5));
    assert_eq!(all.found(), Ok(Some(Found::Inside(inside(&puzzles, &records, 9).unwrap()))));
}

#[test]
fn a_disturbed_pass_is_compared_with_the_same_boards() {
    let (puzzles, plain, other) = boards();
    let disturbance = Disturbance { after: 2, kind: DisturbanceKind::States(1) };
    let question = Question::Recovery { disturbance, iterations: 9, seed: 7 };
    let changes = Interventions { damping: 0.5, ..Interventions::default() };
    let mut all = Measurement::new(question, puzzles.clone(), 4, changes);
    let base = Recording { seed: 7, interventions: changes, ..Recording::plain(9) };
    let wanted = [base, Recording { disturbance: Some(disturbance), ..base }];
    for (i, (wanted, records)) in wanted.into_iter().zip([&plain, &other]).enumerate() {
        let Some(Ask::Record { settings, how, .. }) = all.next_ask() else { panic!("a pass") };
        assert_eq!((settings, how, all.pass()), (wanted, How::Alike, (i + 1, 2)));
        all.take_records(records[..3].to_vec(), None);
        let so_far = (i == 1).then(|| recovery(&puzzles[..3], &plain[..3], &other[..3], disturbance, 9).unwrap());
        assert_eq!(all.found(), Ok(so_far.map(Found::Recovery)));
        all.take_records(records[3..].to_vec(), spent(45));
    }
    assert_eq!(all.next_ask(), None);
    assert_eq!(all.found(), Ok(Some(Found::Recovery(recovery(&puzzles, &plain, &other, disturbance, 9).unwrap()))));
}

#[test]
fn changes_are_compared_with_the_unchanged_pass() {
    let (puzzles, plain, other) = boards();
    let changes = changes("damping:0.5,bf16").unwrap();
    let question = Question::Interventions { iterations: vec![2, 9], changes: changes.clone() };
    let outside = Interventions { damping: 0.1, ..Interventions::default() };
    let mut all = Measurement::new(question, puzzles.clone(), 4, outside);
    let settings = |all: &mut Measurement| match all.next_ask() {
        Some(Ask::Record { settings, how, .. }) => (settings.interventions, settings.iterations, how),
        _ => panic!("a pass"),
    };
    // A sweep begins from no change, and a rounded state is computed operation by operation.
    assert_eq!(settings(&mut all), (Interventions::default(), 9, How::Plain));
    all.take_records(plain.clone(), spent(45));
    assert_eq!(settings(&mut all).0, changes[0].interventions);
    all.take_records(other.clone(), spent(45));
    assert_eq!(settings(&mut all).0, changes[1].interventions);
    let Ok(Some(Found::Interventions { unchanged, changes: found })) = all.found() else { panic!("the first") };
    assert_eq!(unchanged, scaling(&puzzles, &plain, &[2, 9], 0).unwrap().rows);
    assert_eq!((found.len(), found[0].name.as_str()), (1, "damping:0.5"));
    assert_eq!(found[0].differences, differences(&puzzles, [&plain, &other], &[2, 9], 0).unwrap());
}

#[test]
fn two_exits_are_compared_in_one_measurement() {
    let (puzzles, whole, early) = boards();
    let question = Question::Scaling { iterations: doubling(9), exit: Exit::Valid, beside: Some(Exit::Never) };
    let mut all = Measurement::new(question, puzzles.clone(), 4, Interventions::default());
    for (exit, records, made) in [(Exit::Valid, &early, 20), (Exit::Never, &whole, 45)] {
        let Some(Ask::Record { settings, how, .. }) = all.next_ask() else { panic!("a pass") };
        assert_eq!((settings.exit, settings.iterations, how), (exit, 9, How::Alike));
        all.take_records(records.clone(), spent(made));
    }
    let Ok(Some(Found::Scaling(found, Some(compared)))) = all.found() else { panic!("both") };
    let mut wanted = scaling(&puzzles, &early, &doubling(9), 0).unwrap();
    wanted.spent = Spent { made: 20, of: 45 };
    assert_eq!(found, wanted);
    assert_eq!((compared.exit, compared.beside, compared.times()), (Exit::Valid, Exit::Never, Some(2.25)));
}

#[test]
fn ways_of_asking_again_follow_each_other() {
    let (puzzles, records, _) = boards();
    let ways = vec![verified::Again::MoreIterations, verified::Again::Noise];
    let question = Question::Verified { ways, attempt: 5, budget: 9, noise: 0.1, seed: 0 };
    let mut all = Measurement::new(question, puzzles, 4, Interventions::default());
    let mut asked = Vec::new();
    while let Some(ask) = all.next_ask() {
        let Ask::Record { puzzles, settings, .. } = ask else { panic!("a pass") };
        asked.push((puzzles.len(), settings.iterations, settings.start.noise));
        all.take_records(records[..puzzles.len()].to_vec(), spent(1));
    }
    // One long pass; then five boards, of which three stay unsolved, and those with noise.
    assert_eq!(asked[..2], [(5, 9, 0.0), (5, 5, 0.0)]);
    assert_eq!((asked[2].1, asked[2].2), (4, 0.1));
    let Ok(Some(Found::Verified(outcomes))) = all.found() else { panic!("outcomes") };
    assert_eq!((outcomes.len(), outcomes[0].attempts, outcomes[1].attempts), (2, 1, 2));
}
