//! What the readers are fed: right input with a few bytes changed, and input that is nearly right by
//! construction (counts, sizes and names that lie), packed again so that a checksum hides nothing.

mod structured;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::fuzz::Reader;
use crate::config::{Interventions, ModelCard, ModelConfig, Provenance, RunConfig, preset, preset_names};
use crate::models::{inspect, layout, read_model, write_model};
use crate::nn::Parameters;
use crate::report::{IterationsCsv, StepsCsv};
use crate::tasks::sudoku::{
    GenerateSpec, Generator, Grid, Puzzle, PuzzleReader, Shape, parse_grid, parse_many, parse_partial, write_csv,
};
use crate::trace::{Frame, Iteration, Probability, ProbeReport, Step, StepMetrics, Trace};
use crate::train::Checkpoint;

/// The random numbers of a case.
pub(super) fn random(seed: u64, case: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(case);
    rng
}

/// Right inputs of every kind.
pub(super) struct Samples {
    boards: Vec<Vec<u8>>,
    csv: Vec<u8>,
    toml: Vec<Vec<u8>>,
    tables: Vec<Vec<u8>>,
    /// Traces before they are compressed: number of traces, then what is compressed.
    traces: Vec<(u32, Vec<u8>)>,
    models: Vec<Vec<u8>>,
}

impl Samples {
    pub(super) fn new() -> Self {
        let shapes = [Shape::S4, Shape::S6, Shape::S9];
        let puzzles: Vec<Puzzle> =
            shapes.iter().flat_map(|s| (0..3).map(|i| Generator::new(GenerateSpec::usual(*s), 1).puzzle(i))).collect();
        let mut csv = Vec::new();
        // Into memory, of puzzles made here: it cannot fail, and an empty sample would only fuzz less.
        let _ = write_csv(&mut csv, &puzzles);
        let lines = puzzles.iter().map(|p| p.clues.to_line().into_bytes());
        let blocks = puzzles.iter().map(|p| p.clues.to_string().into_bytes());
        Self {
            boards: lines.chain(blocks).collect(),
            csv,
            toml: preset_names().iter().filter_map(|n| preset(n).ok()).map(|c| c.to_toml().into_bytes()).collect(),
            tables: vec![
                StepsCsv::text(&[metrics(1), metrics(3)]).into_bytes(),
                IterationsCsv::text(&[probe(1), probe(3)]).into_bytes(),
            ],
            traces: traces(&puzzles),
            models: models(),
        }
    }
}

/// Every reader of foreign input.
pub(super) fn readers() -> [Reader; 7] {
    // Text is read in lines of at most 64 KiB and makes small things; messages quote a part of it.
    const TEXT: fn(usize) -> usize = |n| (4 << 20) + 64 * n;
    [
        Reader { name: "puzzle", input: structured::board, read: read_board, bound: TEXT },
        Reader { name: "puzzle file, CSV", input: structured::puzzle_file, read: read_puzzles, bound: TEXT },
        // Unpacks as a stream: a bomb costs time, not memory.
        Reader { name: "puzzle file, gzip", input: structured::gzipped, read: read_puzzles, bound: |_| 4 << 20 },
        Reader { name: "TOML and --set", input: structured::toml, read: read_toml, bound: |n| (4 << 20) + 512 * n },
        Reader { name: "run tables, CSV", input: structured::table, read: read_tables, bound: TEXT },
        Reader {
            name: "trace",
            input: structured::trace,
            read: |b| Trace::decode_many(b).is_ok(),
            bound: |_| 64 << 20,
        },
        Reader { name: "safetensors", input: structured::model, read: read_weights, bound: |n| (4 << 20) + 128 * n },
    ]
}

/// [`largest_trace`] by itself.
pub(super) const LARGEST: Reader = Reader {
    name: "trace, the largest read",
    input: |_, _| Vec::new(),
    read: |b| Trace::decode_many(b).is_ok(),
    bound: |_| 960 << 20,
};

fn read_board(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (partial, errors) = parse_partial(&text);
    let one = parse_grid(&text);
    // Boards that are taken must come through their own text.
    for grid in parse_many(&text).into_iter().flatten().chain(partial) {
        assert_eq!(Grid::new(grid.shape(), grid.cells().to_vec()).as_ref(), Ok(&grid));
    }
    errors.iter().for_each(|e| assert!(!e.to_string().is_empty()));
    one.is_ok_and(|grid| parse_grid(&grid.to_line()).as_ref() == Ok(&grid))
}

fn read_puzzles(bytes: &[u8]) -> bool {
    let mut well = true;
    for puzzle in PuzzleReader::new(Box::new(std::io::Cursor::new(bytes.to_vec()))) {
        match puzzle {
            Ok(p) => assert!(p.solution.is_none_or(|s| s.is_valid_solution_of(&p.clues))),
            Err(e) => {
                well = false;
                assert!(!e.to_string().is_empty());
            }
        }
    }
    well
}

fn read_toml(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let settings: Vec<&str> = text.lines().take(4).collect();
    let set = RunConfig::default().with_settings(&settings);
    let read = RunConfig::from_toml(&text);
    for config in [&set, &read].into_iter().flatten() {
        assert_eq!(
            RunConfig::from_toml(&config.to_toml()).as_ref(),
            Ok(config),
            "a configuration changes when it is stored"
        );
    }
    read.is_ok()
}

fn read_tables(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (steps, probes) = (StepsCsv::parse(&text), IterationsCsv::parse(&text));
    steps.is_ok() || probes.is_ok()
}

fn read_weights(bytes: &[u8]) -> bool {
    let inspected = inspect(bytes);
    let read = read_model("fuzz", bytes, &[]);
    let _ = read_model("fuzz", bytes, &["heads=2".into(), "iterations=3".into()]);
    let _ = Checkpoint::from_bytes(bytes);
    // What opens must have been found in order by the header alone.
    if read.is_ok() {
        assert!(inspected.is_ok_and(|i| i.problems.is_empty()), "it opens, but inspecting it finds problems");
    }
    read.is_ok()
}

fn metrics(step: u32) -> StepMetrics {
    StepMetrics {
        step: Step(step),
        loss: 1.25,
        loss_by_iteration: vec![1.5, 1.0],
        solved_by_iteration: vec![0.0, 0.5],
        gradient_norm: f32::INFINITY,
        learning_rate: 1e-3,
        boards_per_second: 6800.0,
        seconds: 0.5,
        routing: None,
    }
}

fn probe(step: u32) -> ProbeReport {
    ProbeReport { step: Step(step), boards: 8, trained_iterations: 2, solved: vec![0, 3, 8], ..ProbeReport::default() }
}

/// One trace, and two in one file.
fn traces(puzzles: &[Puzzle]) -> Vec<(u32, Vec<u8>)> {
    let of = |puzzle: &Puzzle, frames: u32| {
        let (cells, side) = (puzzle.clues.shape().cells(), puzzle.clues.shape().side());
        let frame = |i| Frame {
            iteration: Iteration(i),
            digits: vec![1; cells],
            probabilities: vec![Probability(9000); cells * side],
            state_norm: vec![2.0; cells],
            residual: 0.5,
            ..Frame::default()
        };
        Trace {
            puzzle: puzzle.clone(),
            model: "fuzz".into(),
            trained_iterations: 2,
            step: Step(1),
            interventions: Interventions::default(),
            frames: (1..=frames).map(frame).collect(),
        }
    };
    let sets = [
        puzzles.iter().take(1).map(|p| of(p, 3)).collect::<Vec<_>>(),
        puzzles.iter().step_by(4).map(|p| of(p, 2)).collect(),
    ];
    sets.iter()
        .map(|set| {
            let file = Trace::encode_many(set);
            let mut unpacked = Vec::new();
            // Magic, version and count come before the compressed part.
            let _ = std::io::Read::read_to_end(
                &mut flate2::read::GzDecoder::new(file.get(16..).unwrap_or(&[])),
                &mut unpacked,
            );
            (set.len() as u32, unpacked)
        })
        .collect()
}

/// Tiny weights, once as f32 and once as f16, and a checkpoint.
fn models() -> Vec<Vec<u8>> {
    let config =
        ModelConfig { width: 4, blocks: 1, heads: 1, hidden: 4, ..ModelConfig::default() }.with_shape(Shape::S4);
    let card = ModelCard {
        name: "fuzz".into(),
        config: config.clone(),
        trained_iterations: 2,
        step: 1,
        provenance: Provenance::default(),
    };
    let layout = layout(&config);
    let values = vec![0.5; layout.total()];
    let parameters = Parameters { layout, values: values.clone() };
    let checkpoint = Checkpoint {
        config: RunConfig { model: config, ..RunConfig::default() },
        step: 1,
        card: card.clone(),
        parameters: parameters.clone(),
        raw: None,
        first: values.clone(),
        second: values,
    };
    let written = [write_model(&card, &parameters, false), write_model(&card, &parameters, true)];
    written.into_iter().flatten().chain(checkpoint.to_bytes()).collect()
}

/// Changes a few bytes, or many at once.
fn damage(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    const ODD: [u64; 10] = [0, 1, 127, 128, 255, 65_535, u32::MAX as u64, i64::MAX as u64, u64::MAX, 1 << 40];
    // Mostly one change: many at once are refused at the first.
    for _ in 0..rng.random_range(1..=4_u32).min(rng.random_range(1..=4)) {
        if bytes.is_empty() {
            bytes.push(rng.random());
            continue;
        }
        let at = rng.random_range(0..bytes.len());
        let end = (at + rng.random_range(1..=16_usize)).min(bytes.len());
        match rng.random_range(0..8_u32) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8_u32),
            1 => bytes[at] = rng.random(),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, part);
            }
            4 => {
                let new: Vec<u8> = (0..rng.random_range(1..=8_u32)).map(|_| rng.random()).collect();
                bytes.splice(at..at, new);
            }
            5 => bytes.truncate(at),
            6 => {
                let odd = ODD[rng.random_range(0..ODD.len())].to_le_bytes();
                let end = (at + if rng.random() { 4 } else { 8 }).min(bytes.len());
                bytes[at..end].copy_from_slice(&odd[..end - at]);
            }
            _ => {
                bytes[at] =
                    *b"0123456789.,\"'[]{}=-_#\n\r\t\0:|+xeE".get(rng.random_range(0..34_usize)).unwrap_or(&b'.')
            }
        }
    }
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::new(level));
    let _ = out.write_all(bytes);
    out.finish().unwrap_or_default()
}

/// As in `trace/file.rs`: the most bytes of frames in one file.
const MAX_FRAME_BYTES: u64 = 256 << 20;

/// A trace file of as many frames as are read from one, all of them right.
pub(super) fn largest_trace() -> Vec<u8> {
    let puzzle = Puzzle::unchecked(Grid::empty(Shape::S4));
    let (cells, side) = (16, 4);
    let frames = (MAX_FRAME_BYTES / (4 + cells + 2 * cells * side + 4 * cells + 4)) as u32;
    let header = serde_json::json!({
        "puzzle": puzzle, "model": "large", "trained_iterations": 1, "step": 1,
        "interventions": Interventions::default(), "frames": frames,
    })
    .to_string();
    let mut out = GzEncoder::new(structured::trace_head(1, 1), Compression::fast());
    let mut put = |bytes: &[u8]| {
        let _ = out.write_all(bytes);
    };
    put(&(header.len() as u32).to_le_bytes());
    put(header.as_bytes());
    (1..=frames).for_each(|i: u32| put(&i.to_le_bytes()));
    (0..frames).for_each(|_| put(&[1; 16]));
    // Probabilities, norms and residuals.
    (0..frames).for_each(|_| put(&[0; 2 * 64 + 4 * 16 + 4]));
    out.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fuzzing that starts from wrong samples tests little.
    #[test]
    fn the_samples_are_right() {
        let s = Samples::new();
        assert!(s.boards.len() == 18 && s.boards.iter().all(|b| read_board(b)));
        assert!(read_puzzles(&s.csv) && read_puzzles(&gzip(&s.csv, 6)));
        assert!(s.toml.len() == preset_names().len() && s.toml.iter().all(|t| read_toml(t)));
        assert!(s.tables.iter().all(|t| read_tables(t)));
        assert!(s.models.len() == 3 && s.models.iter().all(|m| read_weights(m)));
        for (count, unpacked) in &s.traces {
            let mut file = structured::trace_head(1, *count);
            file.extend(gzip(unpacked, 6));
            assert!(Trace::decode_many(&file).is_ok());
        }
    }

    #[test]
    fn a_thousand_cases_of_each() {
        let samples = Samples::new();
        for (i, reader) in readers().iter().enumerate() {
            for case in 0..1000 {
                let input = (reader.input)(&samples, &mut random(i as u64, case));
                (reader.read)(&input);
            }
        }
    }
}
