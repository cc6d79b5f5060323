//! A set of attention heads, such as those that are knocked out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Blocks whose heads can be named.
const BLOCKS: usize = 8;
/// Heads of a block that can be named.
const HEADS: usize = 16;

/// Heads of the first eight blocks, sixteen a block. As text `1.3,2.1`: block 1 head 3 and block 2 head 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeadSet(u128);

/// A text that names no heads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” names no head; write block.head from 1.1 to {BLOCKS}.{HEADS}, several with commas: 1.3,2.1")]
pub struct NoHead(String);

impl HeadSet {
    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a head (block and head from 0) is in it.
    #[must_use]
    pub fn has(self, block: usize, head: usize) -> bool {
        bit(block, head).is_some_and(|b| self.0 & b != 0)
    }

    /// Puts a head in, or takes it out where it is in. One that cannot be named is left alone.
    pub fn toggle(&mut self, block: usize, head: usize) {
        self.0 ^= bit(block, head).unwrap_or(0);
    }

    /// Whether a head can be in any set.
    #[must_use]
    pub fn can_name(block: usize, head: usize) -> bool {
        bit(block, head).is_some()
    }

    /// One for each head that is not in it and zero for the others, `[heads]`; nothing where all are left.
    #[must_use]
    pub fn kept(self, block: usize, heads: usize) -> Option<Vec<f32>> {
        let kept: Vec<f32> = (0..heads).map(|h| if self.has(block, h) { 0.0 } else { 1.0 }).collect();
        kept.contains(&0.0).then_some(kept)
    }

    /// The first of its heads (from 0) that a network of so many blocks and heads does not have.
    #[must_use]
    pub fn beyond(self, blocks: usize, heads: usize) -> Option<(usize, usize)> {
        self.all().find(|(b, h)| *b >= blocks || *h >= heads)
    }

    /// Block and head of each, from 0.
    fn all(self) -> impl Iterator<Item = (usize, usize)> {
        (0..BLOCKS).flat_map(|b| (0..HEADS).map(move |h| (b, h))).filter(move |(b, h)| self.has(*b, *h))
    }
}

fn bit(block: usize, head: usize) -> Option<u128> {
    (block < BLOCKS && head < HEADS).then(|| 1 << (block * HEADS + head))
}

impl fmt::Display for HeadSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (block, head)) in self.all().enumerate() {
            write!(f, "{}{}.{}", if i == 0 { "" } else { "," }, block + 1, head + 1)?;
        }
        Ok(())
    }
}

impl FromStr for HeadSet {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let mut set = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let refuse = || NoHead(name.chars().take(40).collect());
            let (block, head) = name.split_once('.').ok_or_else(refuse)?;
            let place = |text: &str| text.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            let found = place(block).zip(place(head)).and_then(|(b, h)| bit(b, h));
            set.0 |= found.ok_or_else(refuse)?;
        }
        Ok(set)
    }
}

impl Serialize for HeadSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HeadSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_round_trips(bits in any::<u128>()) {
            prop_assert_eq!(HeadSet(bits).to_string().parse(), Ok(HeadSet(bits)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,20}") {
            let _ = text.parse::<HeadSet>();
        }
    }

    #[test]
    fn heads_are_named_from_one() {
        let mut set: HeadSet = "2.1, 1.3".parse().expect("heads");
        assert_eq!(set.to_string(), "1.3,2.1");
        assert!(set.has(0, 2) && set.has(1, 0) && !set.has(0, 0));
        assert_eq!(set.kept(0, 4), Some(vec![1.0, 1.0, 0.0, 1.0]));
        assert_eq!(set.kept(2, 4), None);
        set.toggle(0, 2);
        set.toggle(99, 0);
        assert_eq!(set.to_string(), "2.1");
        for bad in ["3", "0.1", "1.17", "9.1", "a.b"] {
            let said = bad.parse::<HeadSet>().expect_err(bad).to_string();
            assert!(said.contains(bad) && said.contains("from 1.1 to 8.16"), "{said}");
        }
    }
}
