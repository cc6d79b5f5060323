//! `--name value` pairs and `--flag`s.

use std::str::FromStr;

use crate::Done;

/// The options of a command, in the order given.
#[derive(Default)]
pub struct Options(Vec<(String, Option<String>)>);

impl Options {
    /// Reads `--name value`, `--name=value` and `--flag`.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Done<Self> {
        let mut arguments = arguments.peekable();
        let mut out = Vec::new();
        while let Some(argument) = arguments.next() {
            let name = argument
                .strip_prefix("--")
                .ok_or_else(|| format!("“{argument}” is no option; options start with --"))?;
            if let Some((name, value)) = name.split_once('=') {
                out.push((name.to_owned(), Some(value.to_owned())));
            } else {
                let value = arguments.next_if(|next| !next.starts_with("--"));
                out.push((name.to_owned(), value));
            }
        }
        Ok(Self(out))
    }

    /// Refuses what the command does not know.
    pub fn only(&self, known: &[&str]) -> Done {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) if known.is_empty() => Err(format!("“--{name}”: this command has no options")),
            Some((name, _)) => Err(format!("there is no option “--{name}”; there are --{}", known.join(", --"))),
        }
    }

    /// Whether the flag is there.
    pub fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// The last value of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).and_then(|(_, v)| v.as_deref())
    }

    /// The last value of that name, or `otherwise`.
    pub fn number<T: FromStr>(&self, name: &str, otherwise: T) -> Done<T> {
        match self.0.iter().rev().find(|(n, _)| n == name) {
            None => Ok(otherwise),
            Some((_, value)) => {
                let value = value.as_deref().unwrap_or("nothing");
                value.parse().map_err(|_| format!("--{name} is {value}; it must be a whole number"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Done<Options> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn pairs_and_flags() {
        let o = options("--times 20 --quick --seed=7").unwrap();
        assert_eq!((o.number("times", 1), o.number("seed", 1), o.number("steps", 9)), (Ok(20), Ok(7), Ok(9)));
        assert!(o.flag("quick") && !o.flag("slow"));
        assert!(o.only(&["times", "quick", "seed"]).is_ok());
        assert!(o.only(&["times"]).unwrap_err().contains("--quick"));
        assert!(options("--times x").unwrap().number("times", 1_u32).unwrap_err().contains("whole number"));
        assert!(options("times").is_err());
    }
}
