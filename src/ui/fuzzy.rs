//! Finding a name by a few of its letters, in order.

/// Points for a letter that begins a word.
const BEGINS: i32 = 8;
/// Points for a letter right after the one before.
const FOLLOWS: i32 = 5;

/// How well the letters of `wanted` stand in `text`, in their order: more is better, nothing where one is missing.
/// Blanks in `wanted` and the case of letters do not count.
#[must_use]
pub fn score(wanted: &str, text: &str) -> Option<i32> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    // best[j]: the most points for the letters so far, the last of them at j.
    let mut best: Vec<Option<i32>> = vec![None; text.len()];
    for (i, letter) in wanted.iter().enumerate() {
        let mut next = vec![None; text.len()];
        // The most points of any earlier place, which loses one with each letter passed over.
        let mut before: Option<i32> = None;
        for j in 0..text.len() {
            if let Some(earlier) = j.checked_sub(1) {
                before = before.map(|b| b - 1).max(best[earlier].map(|b| b - 1));
            }
            if text[j] != *letter {
                continue;
            }
            let begins = j == 0 || !text[j - 1].is_alphanumeric();
            let own = if begins { BEGINS } else { 0 };
            next[j] = if i == 0 {
                // Late in the text counts a little less.
                Some(own - (j as i32).min(6) / 2)
            } else {
                let follows = j.checked_sub(1).and_then(|e| best[e]).map(|b| b + FOLLOWS);
                before.max(follows).map(|b| b + own)
            };
        }
        best = next;
    }
    if wanted.is_empty() { Some(0) } else { best.into_iter().flatten().max() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order() {
        assert_eq!(score("", "play or pause"), Some(0));
        assert!(score("pop", "play or pause").is_some());
        assert!(score("POP", "Play or Pause").is_some());
        assert_eq!(score("zp", "play or pause"), None);
        assert_eq!(score("esuap", "pause"), None);
        assert_eq!(score("a", ""), None);
    }

    #[test]
    fn whole_words_and_beginnings_come_first() {
        let better = |wanted: &str, a: &str, b: &str| {
            assert!(score(wanted, a) > score(wanted, b), "{wanted}: {:?} {:?}", score(wanted, a), score(wanted, b));
        };
        better("undo", "undo", "run sixteen times as many … do");
        better("rs", "run sixteen times", "first iteration");
        better("train", "one training step", "translate a right indent");
        better("co", "copy the link", "second iteration");
    }
}
