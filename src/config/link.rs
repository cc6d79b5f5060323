//! The link: an experiment as one line of text, `#model=sudoku6&iteration=7&cell=r4c2`. A browser
//! keeps it behind the address of the page; `loopscope open LINK` takes the same text.
//!
//! A link comes from strangers, so nothing in it is trusted: what cannot be used is told, in a
//! message that is safe to print, and the rest applies.

mod values;

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{IntoDeserializer, value};

use super::run::MOST_SEED;
use super::{Interventions, NoHead, preset_names};
use crate::tasks::sudoku::{Grid, Shape, parse_grid};

use values::one_of;
pub use values::{CellPosition, Colour, LinkError, Panel, PlotsPage};

/// The longest link that is read, in bytes after the `#`.
const MOST_TEXT: usize = 16 * 1024;
/// The longest name of a model.
const MOST_NAME: usize = 64;
/// The most messages about one link.
const MOST_MESSAGES: usize = 8;
/// How much of a value or an unknown key a message repeats, in characters.
const MOST_REPEATED: usize = 40;

/// All keys, in the order in which they are written.
const KEYS: [&str; 17] = [
    "model",
    "with",
    "preset",
    "puzzle",
    "seed",
    "step",
    "iteration",
    "iterations",
    "damping",
    "prediction-scale",
    "normalise-before-head",
    "bf16-state",
    "knocked-out",
    "cell",
    "panel",
    "plots",
    "colour",
];

/// What a link says; a field that is `None`, or an intervention that changes nothing, is not said.
///
/// What [`Link::parse`] gives is written and read back unchanged. Values that it would refuse (a
/// puzzle with a digit twice in a row, a damping of 7) are written all the same and told when read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// `model`: a shipped model's name.
    pub model: Option<String>,
    /// `with`: the name of a shipped model that it is compared with.
    pub with: Option<String>,
    /// `preset`: a training preset's name.
    pub preset: Option<String>,
    /// `puzzle`: the clues on one line, `.` for a blank.
    pub puzzle: Option<Grid>,
    /// `seed`: of the training.
    pub seed: Option<u64>,
    /// `step`: the recorded step of a training that is shown.
    pub step: Option<u32>,
    /// `iteration`: where the cursor is; 0 shows the clues.
    pub iteration: Option<u32>,
    /// `iterations`: how many are run, at least 1.
    pub iterations: Option<u32>,
    /// `damping`, `prediction-scale`, `normalise-before-head` and `knocked-out`.
    pub interventions: Interventions,
    /// `cell`: the selected one.
    pub cell: Option<CellPosition>,
    /// `panel`: the page of the narrow window.
    pub panel: Option<Panel>,
    /// `plots`: the page of the plots.
    pub plots: Option<PlotsPage>,
    /// `colour`: of the board's cells.
    pub colour: Option<Colour>,
}

impl Link {
    /// Reads `#a=b&c=d`, with or without the `#`, or a whole address that ends so. Gives what could
    /// be used and a message for everything that could not.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        let mut link = Self::default();
        let text = pairs_in(text);
        if text.len() > MOST_TEXT {
            return (
                link,
                vec![format!("the link is longer than {MOST_TEXT} bytes and was left alone; copy it again")],
            );
        }
        let mut messages = Vec::new();
        let mut given: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.trim().is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                let pair = shown(&decode(pair));
                messages.push(format!("“{pair}” in the link is no pair; write key=value, for example seed=3"));
                continue;
            };
            let (key, value) = (decode(key), decode(value));
            if !KEYS.contains(&key.as_str()) {
                messages.push(unknown(&key));
                continue;
            }
            match given.iter_mut().find(|(k, _)| *k == key) {
                Some((_, before)) => {
                    let (last, first) = (shown(&value), shown(before));
                    messages.push(format!("the link gives {key} more than once; “{last}” counts, not “{first}”"));
                    *before = value;
                }
                None => given.push((key, value)),
            }
        }
        for (key, value) in given {
            if let Err(why) = link.set(&key, &value) {
                messages.push(left_out(&key, &value, &why));
            }
        }
        if let (Some(cell), Some(puzzle)) = (link.cell, &link.puzzle)
            && cell.index(puzzle.shape()).is_none()
        {
            let side = puzzle.shape().side();
            let why = LinkError(format!("the puzzle's rows and columns go from 1 to {side}"));
            messages.push(left_out("cell", &cell.to_string(), &why));
            link.cell = None;
        }
        if messages.len() > MOST_MESSAGES {
            let more = messages.len() - MOST_MESSAGES;
            messages.truncate(MOST_MESSAGES);
            messages.push(format!("and {more} more in this link; was it copied whole?"));
        }
        (link, messages)
    }

    /// Whether a word of the command line is meant as a link: it starts with `#`, is an address with
    /// a scheme (`https://…`), or is `key=value` pairs of which at least one has a known key.
    #[must_use]
    pub fn is_link(text: &str) -> bool {
        let text = text.trim();
        let known = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| KEYS.contains(&key));
        text.starts_with('#') || is_address(text) || text.split('&').any(known)
    }

    /// Takes one value over; nothing changes where it cannot be used.
    fn set(&mut self, key: &str, value: &str) -> Result<(), LinkError> {
        match key {
            "model" => self.model = Some(model(value)?),
            "with" => self.with = Some(model(value)?),
            "preset" => self.preset = Some(one_of(&preset_names(), |name| name, value)?.into()),
            "puzzle" => self.puzzle = Some(puzzle(value)?),
            "seed" => self.seed = Some(whole(value, 0, MOST_SEED)?),
            "step" => self.step = Some(whole(value, 0, u32::MAX)?),
            "iteration" => self.iteration = Some(whole(value, 0, u32::MAX)?),
            "iterations" => self.iterations = Some(whole(value, 1, u32::MAX)?),
            "damping" => self.interventions.damping = number(value, 1.0)?,
            "prediction-scale" => self.interventions.prediction_scale = number(value, 2.0)?,
            "normalise-before-head" => {
                self.interventions.normalise_before_head = one_of(&[true, false], yes_or_no, value)?;
            }
            "bf16-state" => self.interventions.bf16_state = one_of(&[true, false], yes_or_no, value)?,
            "knocked-out" => {
                self.interventions.knocked_out = value.parse().map_err(|_: NoHead| {
                    LinkError("give block.head from 1.1 to 8.16, several with commas, such as 1.3,2.1".into())
                })?;
            }
            "cell" => self.cell = Some(value.parse()?),
            "panel" => self.panel = Some(value.parse()?),
            "plots" => self.plots = Some(value.parse()?),
            "colour" => self.colour = Some(value.parse()?),
            _ => return Err(LinkError(format!("a link knows {}", KEYS.join(", ")))),
        }
        Ok(())
    }

    /// What is said, in the order of [`KEYS`].
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let (now, plain) = (self.interventions, Interventions::default());
        let normalise = now.normalise_before_head;
        let all = [
            ("model", self.model.clone()),
            ("with", self.with.clone()),
            ("preset", self.preset.clone()),
            ("puzzle", self.puzzle.as_ref().map(line)),
            ("seed", self.seed.map(|seed| seed.to_string())),
            ("step", self.step.map(|k| k.to_string())),
            ("iteration", self.iteration.map(|t| t.to_string())),
            ("iterations", self.iterations.map(|count| count.to_string())),
            ("damping", (now.damping != plain.damping).then(|| now.damping.to_string())),
            (
                "prediction-scale",
                (now.prediction_scale != plain.prediction_scale).then(|| now.prediction_scale.to_string()),
            ),
            (
                "normalise-before-head",
                (normalise != plain.normalise_before_head).then(|| yes_or_no(normalise).to_owned()),
            ),
            ("bf16-state", (now.bf16_state != plain.bf16_state).then(|| yes_or_no(now.bf16_state).to_owned())),
            ("knocked-out", (!now.knocked_out.is_empty()).then(|| now.knocked_out.to_string())),
            ("cell", self.cell.map(|cell| cell.to_string())),
            ("panel", self.panel.map(|panel| panel.name().to_owned())),
            ("plots", self.plots.map(|page| page.name().to_owned())),
            ("colour", self.colour.map(|colour| colour.name().to_owned())),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

impl fmt::Display for Link {
    /// `#` and the pairs, or nothing at all where nothing is said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (key, value)) in self.pairs().into_iter().enumerate() {
            let before = if i == 0 { '#' } else { '&' };
            write!(f, "{before}{key}={}", encode(&value))?;
        }
        Ok(())
    }
}

/// The pairs of a text: what follows its first `#`, or all of it; an address without `#` has none.
fn pairs_in(text: &str) -> &str {
    let text = text.trim();
    match text.split_once('#') {
        Some((_, pairs)) => pairs,
        None if is_address(text) => "",
        None => text,
    }
}

/// Whether a text starts with the scheme of an address: `https://`.
fn is_address(text: &str) -> bool {
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(of_scheme))
}

/// A text without its percent escapes, and without space around it. A `%` that begins no escape stays.
fn decode(text: &str) -> String {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(byte) = bytes.get(i) {
        let escaped = match bytes.get(i..i + 3) {
            Some([b'%', high, low]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                out.push(high * 16 + low);
                i += 3;
            }
            None => {
                out.push(*byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).trim().to_owned()
}

/// A text with percent escapes for all but what RFC 3986 calls unreserved, and commas.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn model(text: &str) -> Result<String, LinkError> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if text.is_empty() || text.len() > MOST_NAME || !plain {
        return Err(LinkError(format!(
            "a model's name has 1 to {MOST_NAME} letters, digits, hyphens, underscores and dots, such as sudoku6"
        )));
    }
    Ok(text.to_owned())
}

/// A board on one line. Its shape follows from its length, or stands before it: `2x4:`.
fn line(grid: &Grid) -> String {
    let (shape, line) = (grid.shape(), grid.to_line());
    if Shape::from_cells(shape.cells()) == Some(shape) {
        line
    } else {
        format!("{}x{}:{line}", shape.box_rows(), shape.box_cols())
    }
}

fn puzzle(text: &str) -> Result<Grid, LinkError> {
    // The error of a stored board repeats it: long and strange ones are left to the usual reader.
    let stored = text.contains(':')
        && text.len() <= 100
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"x:._".contains(&byte));
    if !stored {
        return parse_grid(text).map_err(|e| LinkError(e.to_string()));
    }
    let read: Result<Grid, value::Error> = Grid::deserialize(text.into_deserializer());
    let grid = read.map_err(|e| LinkError(e.to_string()))?;
    match grid.conflicts().first() {
        Some(conflict) => Err(LinkError(conflict.to_string())),
        None => Ok(grid),
    }
}

fn whole<T: FromStr + PartialOrd + fmt::Display>(text: &str, least: T, most: T) -> Result<T, LinkError> {
    match text.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(LinkError(format!("give a whole number from {least} to {most}"))),
    }
}

/// A number from 0 to `most`; infinity and what is no number are outside.
fn number(text: &str, most: f32) -> Result<f32, LinkError> {
    match text.parse::<f32>() {
        Ok(number) if (0.0..=most).contains(&number) => Ok(number),
        _ => Err(LinkError(format!("give a number from 0 to {most}"))),
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn left_out(key: &str, value: &str, why: &LinkError) -> String {
    format!("“{key}={}” in the link is left out: {why}", shown(value))
}

fn unknown(key: &str) -> String {
    let right = match nearest(key) {
        Some(nearest) => format!("the nearest is “{nearest}”"),
        None => format!("there are {}", KEYS.join(", ")),
    };
    format!("a link has no key “{}”; {right}", shown(key))
}

/// The known key that is spelt most like `key`, if one is near at all.
fn nearest(key: &str) -> Option<&'static str> {
    KEYS.into_iter()
        .map(|known| (strsim::damerau_levenshtein(key, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 3.max(key.len() / 2))
        .map(|(_, known)| known)
}

/// A stranger's text for a message: its beginning, with nothing that a terminal would obey.
fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(MOST_REPEATED).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_REPEATED).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
