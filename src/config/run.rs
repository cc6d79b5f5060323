//! A whole run as one file: what `loopscope train PRESET|FILE.toml --set key=value` reads.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{ModelConfig, NetworkKind, Recipe};
use crate::tasks::sudoku::{Clues, GenerateSpec, Shape};

/// The largest seed: TOML has no larger whole number.
pub(super) const MOST_SEED: u64 = i64::MAX as u64;

/// Settings that came later, as they stand in TOML while they change nothing. They are left out of a
/// configuration's digits, so that it keeps those that it had before.
const LATER: [&str; 11] = [
    "start_from = \"\"",
    "record_every = 0",
    "precision = \"full\"",
    "ema = 0.0",
    "fixed_point = \"none\"",
    "carry = 0.0",
    "carry_from = 0",
    "carry_share = 1.0",
    "carry_most = 16",
    "q_weight = 0.5",
    "bucket_shares = []",
];

/// Where puzzles come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PuzzleConfig {
    /// Training puzzles to make before the first step and draw from; 0 makes a fresh one for every draw.
    pub train_count: usize,
    /// Unseen puzzles for the probe and the report.
    pub eval_count: usize,
    /// Least number of clues; 0 together with `most_clues` 0 means minimal puzzles, from which no
    /// clue can be taken.
    pub least_clues: u8,
    /// Largest number of clues.
    pub most_clues: u8,
    /// A CSV of training puzzles to draw from instead of making them.
    pub train_file: String,
    /// A CSV of evaluation puzzles instead of making them.
    pub eval_file: String,
}

impl Default for PuzzleConfig {
    fn default() -> Self {
        Self {
            train_count: 0,
            eval_count: 500,
            least_clues: 0,
            most_clues: 0,
            train_file: String::new(),
            eval_file: String::new(),
        }
    }
}

impl PuzzleConfig {
    /// How many of the made puzzles of its seed a training leaves out. With a file of its own for evaluation it
    /// leaves the file's puzzles out, and none of the made ones.
    #[must_use]
    pub fn made_left_out(&self) -> usize {
        if self.eval_file.is_empty() { self.eval_count } else { 0 }
    }

    /// What the generator is asked for.
    #[must_use]
    pub fn spec(&self, shape: Shape) -> GenerateSpec {
        let clues = if self.most_clues == 0 {
            Clues::Minimal
        } else {
            Clues::Between { min: self.least_clues.into(), max: self.most_clues.into() }
        };
        GenerateSpec { shape, clues }
    }
}

/// How a run is watched while it trains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeConfig {
    /// Steps between two probes; 0 probes only at the end.
    pub every: u32,
    /// Fixed evaluation boards that a probe runs.
    pub boards: usize,
    /// Iterations as multiples of the trained T.
    pub multiples: Vec<u32>,
    /// Boards whose traces are kept with the run.
    pub traces: usize,
    /// Steps between two recordings of those boards beside the probes, the first before any training; 0
    /// records them at the probes alone.
    pub record_every: u32,
    /// Steps between two readings of the metrics.
    pub metrics_every: u32,
    /// Steps between two checkpoints.
    pub checkpoint_every: u32,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            every: 500,
            boards: 64,
            multiples: vec![1, 4, 16],
            traces: 8,
            record_every: 0,
            metrics_every: 20,
            checkpoint_every: 200,
        }
    }
}

/// One training: network, recipe, puzzles, probe and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// What the run is called.
    pub name: String,
    /// The one seed behind weights, data, augmentation and dropout.
    pub seed: u64,
    /// The model whose weights it begins with: a shipped one's name or a file; empty draws them from the seed.
    pub start_from: String,
    /// Sizes of the network.
    pub model: ModelConfig,
    /// How it is trained.
    pub recipe: Recipe,
    /// What it is trained on.
    pub puzzles: PuzzleConfig,
    /// How it is watched.
    pub probe: ProbeConfig,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            name: "run".into(),
            seed: 1,
            start_from: String::new(),
            model: ModelConfig::default(),
            recipe: Recipe::default(),
            puzzles: PuzzleConfig::default(),
            probe: ProbeConfig::default(),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The text is no TOML, or a value has the wrong type.
    #[error("the configuration cannot be read: {0}")]
    Toml(String),
    /// A key that nothing here has.
    #[error("there is no setting “{key}”{}", nearest.as_ref().map(|n| format!("; the nearest is “{n}”")).unwrap_or_default())]
    UnknownKey {
        /// The key as it was given.
        key: String,
        /// The known key that is spelt most like it.
        nearest: Option<String>,
    },
    /// A last part that several sections have.
    #[error("“{key}” could be {}; write the whole name", candidates.join(" or "))]
    Ambiguous {
        /// The key as it was given.
        key: String,
        /// What it could mean.
        candidates: Vec<String>,
    },
    /// `--set` without an equals sign.
    #[error("“{0}” is no setting; write key=value, for example recipe.batch=64")]
    NotAPair(String),
    /// Values that contradict each other or cannot be meant.
    #[error("the configuration cannot be used: {}", .0.join("; "))]
    Invalid(Vec<String>),
    /// No preset of that name.
    #[error("there is no preset “{name}”; there are {}", known.join(", "))]
    UnknownPreset {
        /// The name as it was given.
        name: String,
        /// All presets.
        known: Vec<String>,
    },
}

const PRESETS: [(&str, &str); 9] = [
    ("sudoku4", include_str!("../../assets/presets/sudoku4.toml")),
    ("sudoku6", include_str!("../../assets/presets/sudoku6.toml")),
    ("sudoku9", include_str!("../../assets/presets/sudoku9.toml")),
    ("poh4", include_str!("../../assets/presets/poh4.toml")),
    ("poh4-hrm", include_str!("../../assets/presets/poh4-hrm.toml")),
    ("poh4-halting", include_str!("../../assets/presets/poh4-halting.toml")),
    ("poh6", include_str!("../../assets/presets/poh6.toml")),
    ("sudoku4-collapsing", include_str!("../../assets/presets/sudoku4-collapsing.toml")),
    ("sudoku9-collapsing", include_str!("../../assets/presets/sudoku9-collapsing.toml")),
];

/// Sizes to look at, too large to train for a look: they are in no menu.
const SIZES: [(&str, &str); 4] = [
    ("poh-parity-vanilla", include_str!("../../assets/presets/poh-parity-vanilla.toml")),
    ("poh-parity-none", include_str!("../../assets/presets/poh-parity-none.toml")),
    ("poh-parity-absolute", include_str!("../../assets/presets/poh-parity-absolute.toml")),
    ("poh-parity-hrm", include_str!("../../assets/presets/poh-parity-hrm.toml")),
];

/// Names of the shipped presets that train.
#[must_use]
pub fn preset_names() -> Vec<&'static str> {
    PRESETS.iter().map(|(n, _)| *n).collect()
}

/// Names of the shipped presets, those that are for their sizes only included.
#[must_use]
pub fn all_preset_names() -> Vec<&'static str> {
    PRESETS.iter().chain(&SIZES).map(|(n, _)| *n).collect()
}

/// The shipped preset of that name.
///
/// # Errors
/// When there is none; the message lists them.
pub fn preset(name: &str) -> Result<RunConfig, ConfigError> {
    let found = PRESETS.iter().chain(&SIZES).find(|(n, _)| *n == name).map(|(_, t)| *t);
    let text = found.ok_or_else(|| ConfigError::UnknownPreset {
        name: name.into(),
        known: all_preset_names().into_iter().map(String::from).collect(),
    })?;
    RunConfig::from_toml(text)
}

/// What a shipped preset is for: the comment at the head of its file, on one line.
#[must_use]
pub fn preset_note(name: &str) -> Option<String> {
    let text = PRESETS.iter().chain(&SIZES).find(|(n, _)| *n == name).map(|(_, t)| *t)?;
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    Some(lines.join(" "))
}

/// What is wrong with a preset, and with the weights that it made, where it fails on purpose.
#[must_use]
pub fn fails_on_purpose(name: &str) -> Option<String> {
    preset_note(name).filter(|note| note.starts_with("Fails on purpose"))
}

impl RunConfig {
    /// Reads TOML over the defaults.
    ///
    /// # Errors
    /// Unknown keys (with the nearest known one), wrong types, values that cannot be used.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let given: Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Toml(e.to_string()))?;
        let mut table = Self::default().to_table();
        for (key, value) in flatten(&given) {
            put(&mut table, &key, value)?;
        }
        Self::from_table(table)
    }

    /// Applies `key=value` pairs, as of `--set`. A key is a dotted path, or its last part where only
    /// one section has it.
    ///
    /// # Errors
    /// As [`RunConfig::from_toml`].
    pub fn with_settings<S: AsRef<str>>(&self, pairs: &[S]) -> Result<Self, ConfigError> {
        let mut table = self.to_table();
        for pair in pairs {
            let pair = pair.as_ref();
            let (key, text) = pair.split_once('=').ok_or_else(|| ConfigError::NotAPair(pair.into()))?;
            let text = text.trim();
            let value = format!("v = {text}")
                .parse::<Table>()
                .ok()
                .and_then(|mut t| t.remove("v"))
                .unwrap_or_else(|| Value::String(text.into()));
            put(&mut table, key.trim(), value)?;
        }
        Self::from_table(table)
    }

    /// The whole configuration as TOML, as it is written to a run's `config.toml`.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// 16 hexadecimal digits of all that decides what is trained: model, recipe, puzzles and seed. How a run
    /// is called and watched does not count. FNV-1a with 64 bits over the TOML form.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let watched = Self { name: String::new(), probe: ProbeConfig::default(), ..self.clone() };
        let toml = watched.to_toml();
        let counts = toml.split_inclusive('\n').filter(|line| !LATER.contains(&line.trim_end()));
        let hash = counts
            .flat_map(str::bytes)
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// The command that trains this configuration: its preset and every setting that differs from it.
    /// A run that is named like no preset is told against the defaults, as a file would be.
    #[must_use]
    pub fn command(&self) -> String {
        let base = preset(&self.name).unwrap_or_default();
        let mut command = format!("loopscope train {}", self.name);
        for (key, value, _) in self.differences(&base) {
            if key != "name" {
                let value = value.to_string();
                // Lists and texts hold characters that a shell would take for its own.
                let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
                let pair = if plain { format!("{key}={value}") } else { format!("'{key}={value}'") };
                command.push_str(&format!(" --set {pair}"));
            }
        }
        command
    }

    /// The settings that are not those of another configuration: the key, what it is here, what it is there.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<(String, Value, Option<Value>)> {
        let theirs = flatten(&other.to_table());
        let ours = flatten(&self.to_table()).into_iter();
        ours.filter_map(|(key, value)| {
            let there = theirs.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone());
            (there.as_ref() != Some(&value)).then_some((key, value, there))
        })
        .collect()
    }

    /// Everything that cannot be used, in words.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut out = self.recipe.problems();
        if let Err(e) = self.model.validate() {
            out.push(e.to_string());
        }
        if self.recipe.carry > 0.0 && self.model.network != NetworkKind::Looped {
            out.push("recipe.carry is for the looped transformer; with Pointer-over-Heads it must be 0".into());
        }
        if self.model.q_head && self.model.network != NetworkKind::Looped {
            out.push(
                "model.q_head is for the looped transformer; with Pointer-over-Heads cells halt by model.poh".into(),
            );
        }
        if self.seed > MOST_SEED {
            out.push(format!("seed is {}; it must be at most {MOST_SEED}", self.seed));
        }
        let cells = self.model.cells();
        if self.puzzles.least_clues > self.puzzles.most_clues || usize::from(self.puzzles.most_clues) > cells {
            out.push(format!(
                "clues from {} to {}; give a rising pair of at most {cells}, or 0 and 0 for minimal puzzles",
                self.puzzles.least_clues, self.puzzles.most_clues
            ));
        }
        if self.probe.multiples.is_empty() || self.probe.multiples.iter().any(|m| !(1..=1024).contains(m)) {
            out.push("probe.multiples must hold whole numbers from 1 to 1,024".into());
        }
        if self.probe.metrics_every == 0 || self.probe.checkpoint_every == 0 {
            out.push("probe.metrics_every and probe.checkpoint_every must be at least 1".into());
        }
        if self.probe.boards > 100_000 || self.puzzles.eval_count > 100_000 || self.puzzles.train_count > 10_000_000 {
            out.push("at most 100,000 evaluation puzzles and probe boards, and 10,000,000 training puzzles".into());
        }
        out
    }

    /// All settings, also those that files of a looped transformer leave out.
    fn to_table(&self) -> Table {
        // Serialising plain structs of numbers and strings cannot fail.
        let mut table = Table::try_from(self).unwrap_or_default();
        if let Some(Value::Table(model)) = table.get_mut("model") {
            let rest = Table::try_from(&self.model.poh).unwrap_or_default();
            model.entry("poh").or_insert(Value::Table(rest));
            model.entry("q_head").or_insert(Value::Boolean(self.model.q_head));
            model.entry("network").or_insert_with(|| Value::String("looped".into()));
        }
        table
    }

    fn from_table(table: Table) -> Result<Self, ConfigError> {
        let config: Self = table.try_into().map_err(|e: toml::de::Error| ConfigError::Toml(e.to_string()))?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid(problems)) }
    }
}

/// Leaves of a table by dotted path; arrays are leaves.
fn flatten(table: &Table) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                out.extend(flatten(inner).into_iter().map(|(k, v)| (format!("{key}.{k}"), v)));
            }
            other => out.push((key.clone(), other.clone())),
        }
    }
    out
}

fn put(table: &mut Table, key: &str, value: Value) -> Result<(), ConfigError> {
    let known: Vec<String> = flatten(table).into_iter().map(|(k, _)| k).collect();
    let path = if known.iter().any(|k| k == key) {
        key.to_owned()
    } else {
        let mut matching: Vec<String> = known.iter().filter(|k| k.rsplit('.').next() == Some(key)).cloned().collect();
        match matching.len() {
            1 => matching.remove(0),
            0 => return Err(ConfigError::UnknownKey { key: key.into(), nearest: nearest(key, &known) }),
            _ => return Err(ConfigError::Ambiguous { key: key.into(), candidates: matching }),
        }
    };
    let mut at = table;
    let parts: Vec<&str> = path.split('.').collect();
    let (last, sections) = parts.split_last().unwrap_or((&"", &[]));
    for section in sections {
        match at.get_mut(*section) {
            Some(Value::Table(t)) => at = t,
            _ => return Err(ConfigError::UnknownKey { key: key.into(), nearest: None }),
        }
    }
    // TOML tells 1 from 1.0; a person who writes peak_lr=1 means a number.
    let value = match (at.get(*last), value) {
        (Some(Value::Float(_)), Value::Integer(i)) => Value::Float(i as f64),
        (_, v) => v,
    };
    at.insert((*last).to_owned(), value);
    Ok(())
}

/// The known key that is spelt most like `key`, if one is near at all.
fn nearest(key: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .flat_map(|k| {
            [
                (strsim::damerau_levenshtein(key, k), k),
                (strsim::damerau_levenshtein(key, k.rsplit('.').next().unwrap_or(k)), k),
            ]
        })
        .min()
        .filter(|(distance, _)| *distance <= 3.max(key.len() / 2))
        .map(|(_, k)| k.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_read_and_round_trip() {
        for name in all_preset_names() {
            let c = preset(name).unwrap();
            assert_eq!(c.name, name);
            assert_eq!(RunConfig::from_toml(&c.to_toml()).unwrap(), c);
            assert!(preset_note(name).is_some_and(|note| note.ends_with('.')), "{name} says what it is for");
        }
        assert!(preset("sudoku5").unwrap_err().to_string().contains("sudoku4, sudoku6, sudoku9"));
    }

    #[test]
    fn presets_that_fail_on_purpose_say_so() {
        let failing: Vec<&str> = all_preset_names().into_iter().filter(|n| fails_on_purpose(n).is_some()).collect();
        assert_eq!(failing, ["sudoku4-collapsing", "sudoku9-collapsing"]);
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let e = RunConfig::from_toml("[recipe]\npeak_lrr = 1.0").unwrap_err();
        assert!(e.to_string().contains("“recipe.peak_lr”"), "{e}");
        let e = RunConfig::default().with_settings(&["bacth=3"]).unwrap_err();
        assert!(e.to_string().contains("recipe.batch"), "{e}");
        let e = RunConfig::default().with_settings(&["batch"]).unwrap_err();
        assert!(e.to_string().contains("key=value"), "{e}");
    }

    #[test]
    fn a_command_tells_what_differs() {
        assert_eq!(preset("sudoku4").unwrap().command(), "loopscope train sudoku4");
        let changed = preset("sudoku6").unwrap().with_settings(&["batch=8", "multiples=[1, 2]", "seed=4"]).unwrap();
        let command = changed.command();
        let said: Vec<&str> = ["recipe.batch=8", "'probe.multiples=[1, 2]'", "seed=4"]
            .into_iter()
            .filter(|p| command.contains(p))
            .collect();
        assert_eq!(said.len(), 3, "{command}");
    }

    /// Of a run that was made before there were `record_every` and `precision`: a configuration keeps its digits.
    #[test]
    fn settings_that_came_later_change_no_digits() {
        let settings = ["probe.every=0", "recipe.batch=64", "recipe.iterations=1", "recipe.steps=2500"];
        let config = preset("poh6").unwrap().with_settings(&settings).unwrap();
        assert_eq!(config.fingerprint(), "31884fb6aed1ee60");
        let mixed = config.with_settings(&["precision=mixed"]).unwrap();
        assert_ne!(mixed.fingerprint(), config.fingerprint());
        assert_eq!(RunConfig::from_toml(&mixed.to_toml()).unwrap(), mixed);
        let old = config.to_toml().replace("precision = \"full\"\n", "");
        assert_eq!(RunConfig::from_toml(&old).unwrap(), config);
        let json = serde_json::to_string(&config).unwrap().replace(",\"precision\":\"full\"", "");
        assert!(!json.contains("precision"));
        assert_eq!(serde_json::from_str::<RunConfig>(&json).unwrap(), config);
        assert!(config.with_settings(&["precision=double"]).unwrap_err().to_string().contains("full"));
    }

    #[test]
    fn settings_by_short_and_long_name() {
        let c = RunConfig::default().with_settings(&["batch=3", "recipe.peak_lr=1", "name=mine", "seed = 9"]).unwrap();
        assert_eq!((c.recipe.batch, c.recipe.peak_lr, c.name.as_str(), c.seed), (3, 1.0, "mine", 9));
        let e = RunConfig::default().with_settings(&["heads=3"]).unwrap_err();
        assert!(e.to_string().contains("multiple of 4"), "{e}");
        let e = RunConfig::default().with_settings(&["every=3"]).unwrap();
        assert_eq!(e.probe.every, 3);
    }
}
