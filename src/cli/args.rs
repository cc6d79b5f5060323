//! Arguments that several subcommands share, and values that clap does not know.

use std::time::Duration;

use super::failure::Failure;
use crate::config::{HeadSet, Interventions, ModelCard};
use crate::engine::protocol::{DeviceChoice, Kernels};

/// `--device`.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct DeviceArg {
    /// auto: a graphics card, else the CPU; cpu; gpu: a graphics card or an error; gpu#2: the second of
    /// several; or a part of an adapter's name, software adapters included. gpu:40 or gpu#2:40 lets a training
    /// take 40 GiB of the card's memory (4 where nothing is said)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(super) device: DeviceChoice,
}

/// `--kernels`.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct KernelsArg {
    /// fused: the quick loop; plain: operation by operation, the reference; half: products in half
    /// precision on cards that have them
    #[arg(long, value_name = "NAME", default_value = "fused")]
    pub(super) kernels: Kernels,
}

/// `--set` for opening a model.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct ModelSettings {
    /// What a weights file without Loopscope's own description lacks, for example heads=4
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

/// What is changed in every iteration.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct ChangesArg {
    /// 1 changes nothing; less keeps a part of the old state at each iteration
    #[arg(long, value_name = "ALPHA", default_value_t = 1.0)]
    damping: f32,
    /// 1 changes nothing; less feeds back a weaker prediction
    #[arg(long, value_name = "BETA", default_value_t = 1.0)]
    prediction_scale: f32,
    /// Normalise the state before the output head
    #[arg(long)]
    normalise_before_head: bool,
    /// Round the carried state to bfloat16, as published evaluations did
    #[arg(long)]
    bf16_state: bool,
    /// Heads that contribute nothing, as block.head: 1.3,2.1
    #[arg(long, value_name = "HEADS", default_value = "", hide_default_value = true)]
    knocked_out: HeadSet,
}

impl ChangesArg {
    /// The changes, where the model can have them.
    pub(super) fn interventions(&self, card: &ModelCard) -> Result<Interventions, Failure> {
        for (name, value) in [("damping", self.damping), ("prediction-scale", self.prediction_scale)] {
            if !(0.0..=2.0).contains(&value) {
                return Err(Failure::Input(format!("--{name} is {value}; it must be from 0 to 2")));
            }
        }
        if let Some((block, head)) = self.knocked_out.beyond(card.config.blocks, card.config.heads) {
            return Err(Failure::Input(format!(
                "--knocked-out names head {}.{}; {} has {} blocks of {} heads",
                block + 1,
                head + 1,
                card.name,
                card.config.blocks,
                card.config.heads
            )));
        }
        Ok(Interventions {
            knocked_out: self.knocked_out,
            damping: self.damping,
            prediction_scale: self.prediction_scale,
            normalise_before_head: self.normalise_before_head,
            bf16_state: self.bf16_state,
        })
    }
}

/// The most iterations of one forward pass.
pub(super) const MOST_ITERATIONS: i64 = 1 << 20;

/// A number of iterations.
pub(super) fn iterations() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=MOST_ITERATIONS)
}

/// Iterations of a pass whose every iteration is recorded.
pub(super) fn recorded() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1 << 16)
}

/// Rising and without repetitions.
pub(super) fn rising(counts: &[u32]) -> Vec<u32> {
    let mut counts = counts.to_vec();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// `90`, `90s`, `25m`, `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("“{text}” is no time; write for example 90s, 25m or 1h30m");
    let (mut seconds, mut number) = (0_u64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let n: u64 = number.parse().map_err(|_| wrong())?;
        seconds = n.checked_mul(unit).and_then(|s| seconds.checked_add(s)).ok_or_else(wrong)?;
        number.clear();
    }
    if !number.is_empty() {
        seconds = number.parse::<u64>().ok().and_then(|s| seconds.checked_add(s)).ok_or_else(wrong)?;
    }
    if seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// `4-9` or `5`: a rising pair.
pub(super) fn clues(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("“{text}” is no number of clues; write for example 5 or 4-9");
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let pair = (least.trim().parse().map_err(|_| wrong())?, most.trim().parse().map_err(|_| wrong())?);
    if pair.0 <= pair.1 { Ok(pair) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("25m", 1500), ("1h30m", 5400), ("1m5", 65)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "x", "1d", "m", "99999999999999999999h", "9999999999999999999h"] {
            assert!(duration(text).unwrap_err().contains("25m"), "{text}");
        }
    }

    #[test]
    fn pairs_of_clues() {
        assert_eq!((clues("4-9"), clues("5")), (Ok((4, 9)), Ok((5, 5))));
        assert!(clues("9-4").is_err() && clues("-").is_err() && clues("4-").is_err());
    }

    #[test]
    fn counts_rise() {
        assert_eq!(rising(&[16, 1, 4, 16]), [1, 4, 16]);
    }
}
