//! Input that is nearly right by construction, one function a reader.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Samples, damage, gzip};

fn pick<'a, T>(of: &'a [T], rng: &mut ChaCha8Rng) -> Option<&'a T> {
    if of.is_empty() { None } else { of.get(rng.random_range(0..of.len())) }
}

fn sample(of: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<u8> {
    pick(of, rng).cloned().unwrap_or_default()
}

/// One of a thousand is long; most are short.
fn length(rng: &mut ChaCha8Rng, usual: usize, long: usize) -> usize {
    let most = if rng.random_range(0..1000_u32) == 0 { long } else { usual };
    rng.random_range(0..=most)
}

fn text(rng: &mut ChaCha8Rng, of: &[&str], count: usize) -> Vec<u8> {
    let mut out = String::new();
    for _ in 0..count {
        out.push_str(pick(of, rng).copied().unwrap_or_default());
    }
    out.into_bytes()
}

const BOARD_PIECES: [&str; 22] =
    ["1", "2", "3", "4", "5", "6", "7", "9", "0", ".", ".", ".", "_", "|", "-", "+", " ", "\n", "\r\n", "x", "×", "#"];

/// A board on one line or several.
pub(in super::super) fn board(samples: &Samples, rng: &mut ChaCha8Rng) -> Vec<u8> {
    match rng.random_range(0..4_u32) {
        0 => {
            // Near the lengths that boards have.
            let cells = [16, 36, 81][rng.random_range(0..3_usize)] + rng.random_range(0..3_usize);
            text(rng, &BOARD_PIECES[..13], cells - 1)
        }
        1 => {
            let count = length(rng, 200, 50_000);
            text(rng, &BOARD_PIECES, count)
        }
        _ => {
            let mut bytes = sample(&samples.boards, rng);
            damage(&mut bytes, rng);
            bytes
        }
    }
}

const CSV_PIECES: [&str; 18] = [
    "puzzle",
    "solution",
    "rating",
    "source",
    "question",
    "answer",
    ",",
    ",",
    "\n",
    "\n",
    "\"",
    "\"\"",
    "1...34....4....1",
    "1234341221434321",
    "4294967296",
    "-1",
    "\u{feff}",
    ";",
];

/// A table of puzzles.
pub(in super::super) fn puzzle_file(samples: &Samples, rng: &mut ChaCha8Rng) -> Vec<u8> {
    match rng.random_range(0..4_u32) {
        0 => {
            let mut out = b"puzzle,solution,rating\n".to_vec();
            for _ in 0..rng.random_range(0..6_u32) {
                out.extend(board(samples, rng));
                out.extend(text(rng, &CSV_PIECES, 3));
            }
            out
        }
        1 => {
            let count = length(rng, 60, 20_000);
            text(rng, &CSV_PIECES, count)
        }
        _ => {
            let mut bytes = samples.csv.clone();
            damage(&mut bytes, rng);
            bytes
        }
    }
}

/// The same packed: damaged before or after, cut into members, or a bomb.
pub(in super::super) fn gzipped(samples: &Samples, rng: &mut ChaCha8Rng) -> Vec<u8> {
    if rng.random_range(0..2000_u32) == 0 {
        // One character, eight million times: some 8 KiB when packed.
        return gzip(&vec![*pick(b"1.\n,\"", rng).unwrap_or(&b'.'); 8 << 20], 1);
    }
    let mut bytes = gzip(&puzzle_file(samples, rng), 1);
    if rng.random() {
        damage(&mut bytes, rng);
    }
    if rng.random_range(0..8_u32) == 0 {
        bytes.extend(gzip(&puzzle_file(samples, rng), 1));
    }
    bytes
}

const TOML_PIECES: [&str; 40] = [
    "name",
    "seed",
    "model",
    "recipe",
    "puzzles",
    "probe",
    "box_rows",
    "box_cols",
    "width",
    "blocks",
    "heads",
    "hidden",
    "iterations",
    "batch",
    "steps",
    "peak_lr",
    "phases",
    "until_step",
    "multiples",
    "every",
    "=",
    " = ",
    ".",
    "[",
    "]",
    "[[",
    "]]",
    "\n",
    "\n",
    "{",
    "}",
    ",",
    "1",
    "-1",
    "1e400",
    "nan",
    "18446744073709551616",
    "\"x\"",
    "'''",
    "true",
];

/// A configuration, and with its first lines settings of the command line.
pub(in super::super) fn toml(samples: &Samples, rng: &mut ChaCha8Rng) -> Vec<u8> {
    match rng.random_range(0..16_u32) {
        0 => {
            // Deep nesting: what would overflow a stack.
            let (open, depth) = (*pick(&["[", "{a=", "a."], rng).unwrap_or(&"["), length(rng, 300, 20_000));
            ["a=", &open.repeat(depth)].concat().into_bytes()
        }
        1..=4 => {
            let count = length(rng, 40, 5_000);
            text(rng, &TOML_PIECES, count)
        }
        5..=8 => {
            // Right lines with other values.
            let mut out = String::new();
            for line in String::from_utf8_lossy(&sample(&samples.toml, rng)).lines() {
                match line.split_once('=') {
                    Some((key, _)) if rng.random_range(0..4_u32) == 0 => {
                        let value = pick(&TOML_PIECES[32..], rng).copied().unwrap_or_default();
                        out.push_str(&format!("{key}={value}\n"));
                    }
                    _ => out.push_str(&format!("{line}\n")),
                }
            }
            out.into_bytes()
        }
        _ => {
            let mut bytes = sample(&samples.toml, rng);
            damage(&mut bytes, rng);
            bytes
        }
    }
}

/// A table of a run folder.
pub(in super::super) fn table(samples: &Samples, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = sample(&samples.tables, rng);
    if rng.random_range(0..4_u32) == 0 {
        let count = length(rng, 60, 20_000);
        bytes.extend(text(rng, &["1", "2", ",", ",", "\n", "NaN", "inf", "-0", "1e999", "step", "\"", ""], count));
    } else {
        damage(&mut bytes, rng);
    }
    bytes
}

/// Magic, version and count.
pub(in super::super) fn trace_head(version: u32, count: u32) -> Vec<u8> {
    [&b"\x89LSTRACE"[..], &version.to_le_bytes(), &count.to_le_bytes()].concat()
}

/// A trace: damaged inside and packed again, or damaged as a file, or with a header that lies.
pub(in super::super) fn trace(samples: &Samples, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let Some((count, unpacked)) = pick(&samples.traces, rng) else { return Vec::new() };
    let (mut count, mut inside) = (*count, unpacked.clone());
    let whole = rng.random_range(0..4_u32);
    match whole {
        0 => lie(&mut inside, rng),
        1 => damage(&mut inside, rng),
        2 => {
            // Damage within the JSON, which the arrays after it depend on.
            let header = inside.len().min(4 + 64);
            let mut head = inside[..header].to_vec();
            damage(&mut head, rng);
            inside.splice(..header, head);
        }
        _ => {}
    }
    if rng.random_range(0..16_u32) == 0 {
        count = rng.random_range(0..2000_u32);
    }
    if rng.random_range(0..2000_u32) == 0 {
        // Zeros for as long as the header might claim.
        inside.resize(inside.len() + (4 << 20), 0);
    }
    let mut version = if rng.random_range(0..64_u32) == 0 { rng.random() } else { 1 };
    if rng.random_range(0..4_u32) == 0 {
        // A recording of a training, whose facts of the run say little, nothing or nonsense.
        let facts = *pick(&["{}", "{\"seed\":1}", "{\"steps\":-1}", "[", ""], rng).unwrap_or(&"");
        inside = [&(facts.len() as u32).to_le_bytes()[..], facts.as_bytes(), &inside].concat();
        version = 3;
    }
    let mut file = trace_head(version, count);
    file.extend(gzip(&inside, 1));
    if whole == 3 {
        damage(&mut file, rng);
    }
    file
}

/// Another number of frames, board or length in the header of the first trace.
fn lie(inside: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let Some((length, rest)) = inside.split_first_chunk::<4>() else { return };
    let end = (u32::from_le_bytes(*length) as usize).min(rest.len());
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(&rest[..end]) else { return };
    match rng.random_range(0..4_u32) {
        0 => json["frames"] = (*pick(&[0, 1, 4, 1000, 1_242_756, u32::MAX], rng).unwrap_or(&0)).into(),
        1 => {
            json["puzzle"]["clues"] =
                (*pick(&["2x4:", "9x9:..", "3x2:....", "................", "5..............."], rng).unwrap_or(&""))
                    .into()
        }
        2 => json["step"] = serde_json::Value::from(-1),
        _ => json["model"] = "x".repeat(rng.random_range(0..80_000_usize)).into(),
    }
    let text = json.to_string();
    let tail = rest[end..].to_vec();
    let claimed = if rng.random_range(0..8_u32) == 0 { rng.random() } else { text.len() as u32 };
    *inside = [&claimed.to_le_bytes()[..], text.as_bytes(), &tail].concat();
}

/// Weights: damaged, or with a header whose names, types, shapes and offsets lie.
pub(in super::super) fn model(samples: &Samples, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = sample(&samples.models, rng);
    match rng.random_range(0..4_u32) {
        0 => {
            let header = bytes.len().min(8 + 600);
            let mut head = bytes[..header].to_vec();
            damage(&mut head, rng);
            bytes.splice(..header, head);
        }
        1 => damage(&mut bytes, rng),
        _ => forge(&mut bytes, rng),
    }
    bytes
}

fn forge(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return };
    let end = (u64::from_le_bytes(*length) as usize).min(rest.len());
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(&rest[..end]) else { return };
    let data = rest[end..].to_vec();
    let Some(map) = json.as_object_mut() else { return };
    let names: Vec<String> = map.keys().cloned().collect();
    for _ in 0..rng.random_range(1..=3_u32) {
        let Some(name) = pick(&names, rng) else { return };
        let odd = *pick(&[0_u64, 1, 5, 1 << 31, 1 << 40, 1 << 62, u64::MAX], rng).unwrap_or(&0);
        match rng.random_range(0..6_u32) {
            0 => drop(map.remove(name)),
            1 => map[name]["shape"] = serde_json::json!([odd, 4]),
            2 => map[name]["shape"] = serde_json::json!([]),
            3 => map[name]["data_offsets"] = serde_json::json!([odd, odd.wrapping_add(64)]),
            4 => {
                map[name]["dtype"] =
                    (*pick(&["F64", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "X"], rng).unwrap_or(&"X")).into()
            }
            _ => {
                let card = map
                    .get("__metadata__")
                    .and_then(|m| m.get("loopscope"))
                    .and_then(|c| c.as_str())
                    .unwrap_or("{}")
                    .to_owned();
                let mut card = card.into_bytes();
                damage(&mut card, rng);
                map.insert("__metadata__".into(), serde_json::json!({ "loopscope": String::from_utf8_lossy(&card) }));
            }
        }
        if !map.contains_key(name) {
            break;
        }
    }
    let text = json.to_string();
    let claimed = if rng.random_range(0..16_u32) == 0 { rng.random() } else { text.len() as u64 };
    *bytes = [&claimed.to_le_bytes()[..], text.as_bytes(), &data].concat();
}
