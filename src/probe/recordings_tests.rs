//! Recordings: by the loop and by tensors, with and without boards that leave.

use super::fused_tests::{networks, small, wait};
use super::{Recordings, Thinker};
use crate::measure::{Disturbance, DisturbanceKind, Exit, Record, Recording, Start};
use crate::models::Network;
use crate::tasks::sudoku::{Puzzle, parse_grid, solve};

/// Six 4×4 puzzles with their solutions.
fn puzzles() -> Vec<Puzzle> {
    let texts = [
        "1...34....4....1",
        "..3..4......4.2.",
        ".2......2.4....1",
        "12..............",
        "...4....2......1",
        "1234............",
    ];
    let puzzle = |text: &&str| {
        let clues = parse_grid(text).unwrap();
        Puzzle { solution: solve(&clues), ..Puzzle::unchecked(clues) }
    };
    texts.iter().map(puzzle).collect()
}

fn recorded(network: &Network, puzzles: &[Puzzle], before: usize, settings: Recording) -> (Vec<Record>, u64) {
    wait(async {
        let mut all = Recordings::new(network.clone(), puzzles, before, settings).await.unwrap();
        while !all.is_done() {
            all.advance(3).await.unwrap();
        }
        let spent = all.spent();
        (all.finish(), spent)
    })
}

fn same(a: &[Record], b: &[Record]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert_eq!((&a.first, &a.changes, a.len()), (&b.first, &b.changes, b.len()));
        for (x, y) in [(&a.confidence, &b.confidence), (&a.entropy, &b.entropy), (&a.residual, &b.residual)] {
            x.iter().zip(y).for_each(|(x, y)| assert!((x - y).abs() < 1e-4, "{x} and {y}"));
        }
        a.state_norm.iter().zip(&b.state_norm).for_each(|(x, y)| assert!((x - y).abs() < 1e-4 * x, "{x} and {y}"));
    }
}

/// Settings that reach into the pass in every way.
fn all_settings() -> Vec<Recording> {
    let plain = Recording::plain(10);
    let disturbed = |kind| Recording { disturbance: Some(Disturbance { after: 4, kind }), ..plain };
    vec![
        plain,
        Recording { start: Start { noise: 0.5, from_solution: false }, ..plain },
        Recording { start: Start { noise: 0.0, from_solution: true }, ..plain },
        disturbed(DisturbanceKind::Noise(1.0)),
        disturbed(DisturbanceKind::States(3)),
        disturbed(DisturbanceKind::Answers(3)),
        disturbed(DisturbanceKind::Answer { cell: 5, digit: 3 }),
        disturbed(DisturbanceKind::State(6)),
        Recording { exit: Exit::Unchanged(2), ..plain },
    ]
}

#[test]
fn the_loop_and_tensors_record_the_same() {
    let [plain, fused] = networks(&small());
    for settings in all_settings() {
        let (a, b) = (recorded(&plain, &puzzles(), 0, settings), recorded(&fused, &puzzles(), 0, settings));
        same(&a.0, &b.0);
        assert_eq!(a.1, b.1, "{settings:?}");
    }
}

#[test]
fn every_setting_makes_a_difference() {
    let [_, fused] = networks(&small());
    let first = recorded(&fused, &puzzles(), 0, all_settings()[0]).0;
    for settings in &all_settings()[1..8] {
        let other = recorded(&fused, &puzzles(), 0, *settings).0;
        assert_ne!(first, other, "{settings:?}");
        if let Some(d) = settings.disturbance {
            // Nothing before it.
            let until = d.after as usize;
            assert_eq!(first[0].residual[..until], other[0].residual[..until]);
            assert_ne!(first[0].residual[until], other[0].residual[until]);
        }
    }
}

#[test]
fn how_boards_are_cut_into_batches_does_not_matter() {
    let [_, fused] = networks(&small());
    let puzzles = puzzles();
    for settings in all_settings() {
        let whole = recorded(&fused, &puzzles, 0, settings).0;
        let (first, second) = puzzles.split_at(2);
        let mut parts = recorded(&fused, first, 0, settings).0;
        parts.extend(recorded(&fused, second, 2, settings).0);
        same(&whole, &parts);
    }
}

#[test]
fn a_board_that_leaves_has_the_beginning_of_its_whole_record() {
    for network in networks(&small()) {
        let whole = recorded(&network, &puzzles(), 0, Recording::plain(40)).0;
        let settings = Recording { exit: Exit::Unchanged(3), ..Recording::plain(40) };
        let (short, spent) = recorded(&network, &puzzles(), 0, settings);
        let left = short.iter().filter(|r| r.len() < 40).count();
        assert!(left >= 2, "boards leave: {:?}", short.iter().map(Record::len).collect::<Vec<_>>());
        // Nothing is computed for those that left.
        assert_eq!(spent, short.iter().map(|r| u64::from(r.len())).sum::<u64>());
        for (whole, short) in whole.iter().zip(&short) {
            let n = short.len() as usize;
            assert_eq!(
                whole.changes.iter().filter(|c| c.iteration <= n as u32).copied().collect::<Vec<_>>(),
                short.changes
            );
            assert!(n == 40 || (short.last_change() + 3 == short.len()), "{n}");
            whole.residual[..n].iter().zip(&short.residual).for_each(|(a, b)| assert!((a - b).abs() < 1e-4));
        }
    }
}

#[test]
fn a_puzzle_without_a_solution_cannot_start_from_it() {
    let [plain, _] = networks(&small());
    let settings = Recording { start: Start { noise: 0.0, from_solution: true }, ..Recording::plain(2) };
    let bare = vec![Puzzle { solution: None, ..puzzles().remove(0) }];
    let error = wait(Recordings::new(plain, &bare, 4, settings)).err().unwrap();
    assert!(error.to_string().contains("puzzle 5 has no solution"), "{error}");
}

#[test]
fn a_watched_board_is_disturbed_as_a_recorded_one() {
    for network in networks(&small()) {
        for settings in all_settings().into_iter().filter(|s| s.disturbance.is_some()) {
            let board = puzzles()[..1].to_vec();
            let record = recorded(&network, &board, 0, settings).0.remove(0);
            let mut answers = Vec::new();
            record.walk(|_, digits, _| answers.push(digits.to_vec()));
            let clues = board[0].clues.clone();
            let mut thinker =
                Thinker::new(network.clone(), clues.clone(), settings.interventions, settings.disturbance);
            // In pieces that fall before, on and after the disturbance.
            let frames = wait(async {
                let mut frames = Vec::new();
                for count in [3, 4, 1, 2] {
                    frames.extend(thinker.advance(count).await.unwrap());
                }
                frames
            });
            let blanks = crate::measure::record::blanks(&clues);
            assert_eq!(frames.len(), 10);
            for (frame, (digits, residual)) in frames.iter().zip(answers.iter().zip(&record.residual)) {
                let own: Vec<u8> = blanks.iter().map(|cell| frame.digits[*cell]).collect();
                assert_eq!((&own, settings.disturbance), (digits, settings.disturbance));
                assert!((frame.residual - residual).abs() < 1e-4, "{:?}", settings.disturbance);
            }
            // A question about the iteration after it begins from what was changed: rows still sum to 1.
            let attention = wait(thinker.attention(5, 5)).unwrap().expect("it is kept");
            assert!(attention.iter().flatten().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-4));
        }
    }
}

#[test]
fn attention_after_a_disturbance_is_of_what_was_changed() {
    let disturbance = Some(Disturbance { after: 4, kind: DisturbanceKind::State(5) });
    let clues = puzzles()[0].clues.clone();
    let of = |network: &Network, disturbance| {
        wait(async {
            let mut thinker = Thinker::new(network.clone(), clues.clone(), Default::default(), disturbance);
            thinker.advance(6).await.unwrap();
            thinker.attention(5, 5).await.unwrap().expect("it is kept")
        })
    };
    let [plain, fused] = networks(&small());
    let (a, b) = (of(&plain, disturbance), of(&fused, disturbance));
    let far = |a: &[Vec<Vec<f32>>], b: &[Vec<Vec<f32>>]| {
        let (a, b) = (a.iter().flatten().flatten(), b.iter().flatten().flatten());
        a.zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(far(&a, &b) < 1e-4, "{}", far(&a, &b));
    assert!(far(&b, &of(&fused, None)) > 1e-3);
}

/// A board answers with the first iteration after which the halting head's logit is at least 0, else with the last.
#[test]
#[expect(clippy::disallowed_methods, reason = "a native test reads its result")]
fn boards_leave_when_the_halting_head_says_so() {
    let config = crate::config::ModelConfig { q_head: true, ..small() };
    let mut parameters = crate::models::layout(&config).initial(5);
    let head = parameters.values.len() - config.width - 1;
    let weights = crate::config::Key::new(2, crate::config::Stream::Statistics).uniform(config.width, 1.0);
    parameters.values[head..head + config.width].copy_from_slice(&weights);
    parameters.values[head + config.width] = 0.0;
    let (puzzles, settings) = (puzzles(), Recording::plain(10));
    let logits = |network: &Network| -> Vec<Vec<f32>> {
        let clues: Vec<u8> = puzzles.iter().flat_map(|p| p.clues.cells().to_vec()).collect();
        let mut at = network.start(&clues);
        let step = |_| {
            at = network.iterate(&at, crate::models::Pass::default()).0;
            network.halting_logits(at.state.clone(), puzzles.len()).unwrap().into_data().iter::<f32>().collect()
        };
        (0..settings.iterations).map(step).collect()
    };
    let [plain, _] = super::fused_tests::networks_of(&config, parameters.clone());
    // A bias that divides the boards: half of them reach it.
    let by_iteration = logits(&plain);
    let most = |board: usize| by_iteration.iter().map(|q| q[board]).fold(f32::NEG_INFINITY, f32::max);
    let mut highest: Vec<f32> = (0..puzzles.len()).map(most).collect();
    highest.sort_by(f32::total_cmp);
    parameters.values[head + config.width] = -(highest[2] + highest[3]) / 2.0;
    let both = super::fused_tests::networks_of(&config, parameters);
    let by_iteration = logits(&both[0]);
    let first = |board: usize| by_iteration.iter().position(|q| q[board] >= 0.0).map(|t| t as u32 + 1);
    assert_eq!((0..puzzles.len()).filter(|board| first(*board).is_none()).count(), 3);
    for network in &both {
        let whole = recorded(network, &puzzles, 0, settings).0;
        let left = recorded(network, &puzzles, 0, Recording { exit: Exit::QHead, ..settings }).0;
        let told = recorded(network, &puzzles, 0, Recording { halting: true, ..settings }).0;
        for (board, told) in told.iter().enumerate() {
            let same = told.halting.iter().zip(&by_iteration).all(|(a, b)| (a - b[board]).abs() < 1e-4);
            assert!(told.halting.len() == 10 && same, "board {board}: {:?}", told.halting);
            assert_eq!(crate::measure::Record { halting: Vec::new(), ..told.clone() }, whole[board], "no other number");
        }
        let both = recorded(network, &puzzles, 0, Recording { halting: true, exit: Exit::QHead, ..settings }).0;
        let until_it_left = both.iter().zip(&told).all(|(l, w)| l.halting[..] == w.halting[..l.len() as usize]);
        assert!(until_it_left && both.iter().map(crate::measure::Record::len).eq(left.iter().map(|l| l.len())));
        for (board, (whole, left)) in whole.iter().zip(&left).enumerate() {
            let len = first(board).unwrap_or(10);
            assert_eq!(left.len(), len, "board {board}");
            let mut digits = Vec::new();
            whole.walk(|t, now, _| {
                if t == len {
                    digits = now.to_vec();
                }
            });
            assert_eq!(left.last(), digits, "board {board} answers with what it had");
        }
    }
    let [without, _] = networks(&small());
    let none = recorded(&without, &puzzles, 0, Recording { halting: true, ..settings }).0;
    assert!(none.iter().all(|r| r.halting.is_empty()), "there is no such head");
    let refused = wait(Recordings::new(without, &puzzles, 0, Recording { exit: Exit::QHead, ..settings }));
    assert!(refused.err().is_some_and(|e| e.to_string().contains("no halting head")));
}
