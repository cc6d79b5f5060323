//! Patterns in a sequence of answers: where it settles, repeats, collapses. One place for them, so that a single
//! trace and a measurement over many boards mean the same.

use super::{COLLAPSE_FRAMES, LASTING, LONGEST_PERIOD};

/// What the answers of a pass come to. Index i of every list is iteration i + 1; all lists are equally long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers<'a> {
    /// Blank cells whose arg-max changed since the iteration before; 0 for the first.
    pub flips: &'a [u32],
    /// Of the blank cells' digits ([`answer_hash`]); equal hashes count as equal answers.
    pub hashes: &'a [u64],
    /// Whether the answer is full, obeys the rules and keeps the clues.
    pub valid: &'a [bool],
    /// Blank cells that agree with the solution; none where no solution is known.
    pub correct: &'a [Option<u32>],
    /// Cells that the puzzle leaves blank.
    pub blanks: u32,
}

impl Answers<'_> {
    fn len(&self) -> usize {
        self.flips.len()
    }

    /// Index from which no blank cell changes, if enough frames follow.
    pub fn settled(&self) -> Option<usize> {
        let start = self.flips.iter().rposition(|f| *f > 0).unwrap_or(0);
        (self.len() > start + LASTING).then_some(start)
    }

    /// Start and period of the repeating end.
    ///
    /// The longest such end wins, since inside a long period a short one can show up by chance
    /// (D E A B A B, and again). A multiple of the true period reaches exactly as far back, so the
    /// smallest period on a tie is the true one.
    pub fn cycle(&self) -> Option<(usize, usize)> {
        let n = self.len();
        let last_change = self.flips.iter().rposition(|f| *f > 0)?;
        if n - last_change > LONGEST_PERIOD {
            // A whole period without a change repeats nothing but one answer.
            return None;
        }
        let mut best: Option<(usize, usize)> = None;
        for period in 2..=LONGEST_PERIOD.min(n / 2) {
            let same = (period..n).rev().take_while(|&i| self.hashes[i] == self.hashes[i - period]).count();
            let start = n - period - same;
            let changes = || self.flips[start + 1..].iter().any(|f| *f > 0);
            if same >= period && best.is_none_or(|(s, _)| start < s) && changes() {
                best = Some((start, period));
            }
        }
        best
    }

    /// Index of the frame that begins a collapse.
    pub fn collapsed(&self, cycle: Option<(usize, usize)>) -> Option<usize> {
        if let Some(last_solved) = self.valid.iter().rposition(|v| *v) {
            let returns = cycle.is_some_and(|(start, _)| last_solved >= start);
            return (!returns && self.len() > last_solved + 1 + LASTING).then_some(last_solved + 1);
        }
        let best = self.correct.iter().copied().max().flatten()?;
        let low = best.checked_sub((self.blanks / 4).max(1))?;
        let start = self.correct.iter().rposition(|c| c.is_none_or(|c| c > low))? + 1;
        (self.len() >= start + COLLAPSE_FRAMES).then_some(start)
    }
}

/// FNV-1a with 64 bits: among a thousand answers two differing ones collide once in 10¹³.
pub(crate) fn answer_hash(digits: &[u8]) -> u64 {
    digits.iter().fold(0xcbf2_9ce4_8422_2325, |h, d| (h ^ u64::from(*d)).wrapping_mul(0x0000_0100_0000_01b3))
}
