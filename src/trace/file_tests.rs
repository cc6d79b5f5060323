//! Round trips and damage.

use proptest::prelude::*;

use super::*;
use crate::tasks::sudoku::{Grid, parse_grid};

/// A 4×4 puzzle with its solution.
fn puzzle() -> Puzzle {
    let mut puzzle = Puzzle::unchecked(parse_grid("1...34....4....1").expect("a board"));
    puzzle.solution = Some(parse_grid("1234341221434321").expect("a board"));
    puzzle
}

fn any_trace() -> impl Strategy<Value = Trace> {
    let norm = prop_oneof![4 => any::<f32>(), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 4 => 0.0f32..30.0];
    let frame = (
        prop::collection::vec(1u8..=4, 16),
        prop::collection::vec(any::<u16>(), 64),
        prop::collection::vec(norm.clone(), 16),
        norm,
    );
    let frames = prop::collection::vec(frame, 0..6);
    let more = prop::option::of((1u16..3, 1u16..4, any::<bool>(), any::<bool>()));
    (frames, ".*", any::<u32>(), any::<u32>(), -2.0f32..2.0, any::<bool>(), more).prop_map(
        |(frames, model, trained, step, damping, normalise, more)| Trace {
            puzzle: puzzle(),
            model,
            trained_iterations: trained,
            step: Step(step),
            interventions: Interventions { damping, normalise_before_head: normalise, ..Interventions::default() },
            frames: (1..)
                .zip(frames)
                .map(|(i, (digits, p, state_norm, residual))| Frame {
                    iteration: Iteration(i),
                    digits,
                    probabilities: p.into_iter().map(Probability).collect(),
                    state_norm,
                    residual,
                    ..more.map(|m| routed(i, m)).unwrap_or_default()
                })
                .collect(),
        },
    )
}

/// What a routed network adds to frame `i`.
fn routed(i: u32, (blocks, heads, controller, halting): (u16, u16, bool, bool)) -> Frame {
    let some = |count: usize| (0..count).map(|k| Probability((k as u32 * 977 + i * 31) as u16)).collect();
    Frame {
        routing: Some(Routing { heads, weights: some(usize::from(blocks) * usize::from(heads) * 16) }),
        controller: controller.then_some(ControllerFrame { fast: i as f32, slow: 0.5, slow_moved: i % 2 == 1 }),
        halting: halting.then(|| HaltingFrame { mass: some(16), halted: (0..16).map(|c| c < i).collect() }),
        ..Frame::default()
    }
}

/// A NaN differs from itself, so floats are compared by their bits.
fn same(a: &Trace, b: &Trace) -> bool {
    let bits = |t: &Trace| -> Vec<u32> {
        t.frames.iter().flat_map(|f| f.state_norm.iter().chain([&f.residual]).map(|x| x.to_bits())).collect()
    };
    let bare = |t: &Trace| {
        let mut t = t.clone();
        for f in &mut t.frames {
            f.state_norm.clear();
            f.residual = 0.0;
        }
        t
    };
    bits(a) == bits(b) && bare(a) == bare(b)
}

fn frame(iteration: u32) -> Frame {
    Frame {
        iteration: Iteration(iteration),
        digits: vec![1; 16],
        probabilities: vec![Probability(16_384); 64],
        state_norm: vec![1.0; 16],
        residual: 0.5,
        ..Frame::default()
    }
}

fn small(frames: Vec<Frame>) -> Trace {
    Trace {
        puzzle: puzzle(),
        model: "sudoku4".into(),
        trained_iterations: 16,
        step: Step(200),
        interventions: Interventions::default(),
        frames,
    }
}

proptest! {
    #[test]
    fn round_trip(traces in prop::collection::vec(any_trace(), 1..4)) {
        let back = Trace::decode_many(&Trace::encode_many(&traces)).expect("what was written can be read");
        prop_assert_eq!(back.len(), traces.len());
        prop_assert!(back.iter().zip(&traces).all(|(a, b)| same(a, b)));
        let one = Trace::from_bytes(&traces[0].to_bytes()).expect("what was written can be read");
        prop_assert!(same(&one, &traces[0]));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), head in 0usize..17) {
        let mut file = Trace::encode_many(&[small(vec![])])[..head].to_vec();
        file.extend(bytes);
        let _ = Trace::decode_many(&file);
    }

    #[test]
    fn damage_is_found(trace in any_trace(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = trace.to_bytes();
        let i = at.index(bytes.len());
        bytes[i] ^= flip;
        // gzip guards neither its own header's time, flags and system nor the bits that fill up its last
        // byte: what is read then is the very same.
        if let Ok(read) = Trace::from_bytes(&bytes) {
            prop_assert!(same(&read, &trace), "byte {}", i);
        }
        prop_assert!(Trace::from_bytes(&trace.to_bytes()[..i]).is_err());
    }

    /// Damage below the checksum: the packed bytes themselves are wrong.
    #[test]
    fn wrong_content_never_panics(trace in any_trace(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut packed = trace.pack();
        let i = at.index(packed.len());
        packed[i] ^= flip;
        let _ = Trace::from_bytes(&container(1, &packed));
    }
}

fn container(count: u32, packed: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend(ROUTED.to_le_bytes());
    out.extend(count.to_le_bytes());
    let mut gz = GzEncoder::new(out, flate2::Compression::default());
    gz.write_all(packed).expect("memory");
    gz.finish().expect("memory")
}

fn refusal(bytes: &[u8]) -> String {
    Trace::from_bytes(bytes).expect_err("it must be refused").to_string()
}

#[test]
fn refusals_say_what_is_wrong() {
    let good = small(vec![frame(1), frame(2)]);
    assert_eq!(good.check(), Ok(()));
    assert!(refusal(b"PK\x03\x04").starts_with("this is no Loopscope trace"));
    let mut newer = good.to_bytes();
    newer[8] = 4;
    assert_eq!(
        refusal(&newer),
        "this trace has format version 4; this program reads versions up to 3: use a newer one"
    );
    assert!(refusal(&container(0, &[])).contains("it must be from 1 to 1024"));
    assert!(refusal(&Trace::encode_many(&[good.clone(), good.clone()])).starts_with("the file holds 2 traces"));
    assert!(refusal(&container(2, &good.pack())).contains("in the header of trace 2"));
    assert!(refusal(&container(1, &[good.pack(), vec![0]].concat())).starts_with("something follows"));
    let two_streams = [good.to_bytes(), good.to_bytes()[16..].to_vec()].concat();
    assert!(refusal(&two_streams).starts_with("something follows"));
    assert!(refusal(&container(1, &u32::MAX.to_le_bytes())).contains("4294967295 bytes"));
}

#[test]
fn broken_traces_are_written_and_refused() {
    let refused = |trace: &Trace| {
        let error = trace.check().expect_err("a broken trace");
        assert_eq!(refusal(&trace.to_bytes()), error.to_string());
        error.to_string()
    };
    assert_eq!(
        refused(&small(vec![frame(1), frame(3)])),
        "frame 2 of trace 1 is of iteration 3; it must be of iteration 2"
    );
    let mut zero = small(vec![frame(1)]);
    zero.frames[0].digits[3] = 0;
    assert!(refused(&zero).ends_with("every digit be from 1 to 4"));
    let mut short = small(vec![frame(1)]);
    short.frames[0].state_norm.pop();
    assert!(refused(&short).starts_with("frame 1 of trace 1 does not fit a board of 4×4"));
    let mut wrong = small(vec![frame(1)]);
    wrong.puzzle.solution = Some(Grid::empty(wrong.shape()));
    assert!(refused(&wrong).contains("does not solve the puzzle 1...34....4....1"));
}

#[test]
fn what_only_routed_networks_have_makes_a_second_version() {
    let plain = small(vec![frame(1)]);
    assert_eq!(plain.to_bytes()[8], 1, "older programs read it");
    let with = |more: Frame, i| Frame { routing: more.routing, halting: more.halting, ..frame(i) };
    let more = |i| with(routed(i, (2, 3, false, true)), i);
    let trace = small(vec![more(1), more(2)]);
    assert_eq!((trace.to_bytes()[8], trace.check()), (2, Ok(())));
    let mixed = small(vec![more(1), frame(2)]);
    let error = mixed.check().expect_err("frames that hold other things").to_string();
    assert!(error.starts_with("frame 2 of trace 1 does not fit"), "{error}");
    assert_eq!(refusal(&mixed.to_bytes()), error);
}

#[test]
fn a_claim_of_frames_costs_no_memory() {
    let mut packed = small(vec![]).pack();
    let json = String::from_utf8(packed.split_off(4)).expect("JSON");
    for (frames, words) in [(u32::MAX, "has 4294967295 frames"), (1_000_000, "0 of 4000000 bytes are there")] {
        let json = json.replace("\"frames\":0", &format!("\"frames\":{frames}"));
        let packed = [(json.len() as u32).to_le_bytes().to_vec(), json.into_bytes()].concat();
        assert!(refusal(&container(1, &packed)).contains(words));
    }
}

#[test]
fn a_settled_trace_is_small() {
    let bytes = small((1..=1024).map(frame).collect()).to_bytes();
    assert!(bytes.len() < 20_000, "{}", bytes.len());
}
