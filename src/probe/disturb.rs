//! Changes that come between two iterations, board by board: the same for passes that are recorded and for one that
//! is watched.

use crate::config::Key;
use crate::measure::DisturbanceKind;
use crate::measure::record::arg_max;

/// A board that is disturbed.
pub(super) struct Disturbed<'a> {
    /// Of its random choices.
    pub key: Key,
    /// The cells that its puzzle leaves blank.
    pub blanks: &'a [usize],
    /// Digits of a cell.
    pub digits: usize,
}

/// Whether it changes the state; else it changes the fed-back prediction.
pub(super) fn is_of_state(kind: DisturbanceKind) -> bool {
    match kind {
        DisturbanceKind::Noise(_) | DisturbanceKind::States(_) | DisturbanceKind::State(_) => true,
        DisturbanceKind::Answers(_) | DisturbanceKind::Answer { .. } => false,
    }
}

/// Noise on every element of a board's state, as a share of its root mean square.
pub(super) fn add_noise(state: &mut [f32], share: f32, key: Key) {
    let square: f64 = state.iter().map(|v| f64::from(*v).powi(2)).sum();
    let deviation = share * (square / state.len().max(1) as f64).sqrt() as f32;
    let noise = key.normal(0, state.len());
    state.iter_mut().zip(noise).for_each(|(v, n)| *v += deviation * n);
}

impl Disturbed<'_> {
    /// Blank cells that are chosen, and by how much the digit of each is turned on.
    fn chosen(&self, count: u32) -> Vec<(usize, usize)> {
        let mut blanks = self.blanks.to_vec();
        let count = (count as usize).min(blanks.len());
        (0..count)
            .map(|i| {
                let cell = blanks.swap_remove(self.key.below(2 * i as u32, blanks.len()));
                (cell, 1 + self.key.below(2 * i as u32 + 1, self.digits - 1))
            })
            .collect()
    }

    /// Changes the board's state, [cells · width].
    pub fn state(&self, kind: DisturbanceKind, state: &mut [f32], width: usize) {
        let mut clear = |cell: usize| {
            if let Some(row) = state.get_mut(cell * width..(cell + 1) * width) {
                row.fill(0.0);
            }
        };
        match kind {
            DisturbanceKind::Noise(share) => add_noise(state, share, self.key),
            DisturbanceKind::States(count) => self.chosen(count).into_iter().for_each(|(cell, _)| clear(cell)),
            DisturbanceKind::State(cell) => clear(cell.into()),
            DisturbanceKind::Answers(_) | DisturbanceKind::Answer { .. } => {}
        }
    }

    /// Changes the board's fed-back prediction, [cells · digits].
    pub fn prediction(&self, kind: DisturbanceKind, prediction: &mut [f32]) {
        let digits = self.digits;
        match kind {
            DisturbanceKind::Answers(count) => {
                for (cell, turn) in self.chosen(count) {
                    let p = &mut prediction[cell * digits..(cell + 1) * digits];
                    // Another digit than the one it had.
                    let digit = (usize::from(arg_max(p)) - 1 + turn) % digits;
                    p.copy_from_slice(&one_hot(digit as u8 + 1, digits));
                }
            }
            DisturbanceKind::Answer { cell, digit } => {
                let from = usize::from(cell) * digits;
                if let Some(p) = prediction.get_mut(from..from + digits) {
                    p.copy_from_slice(&one_hot(digit, digits));
                }
            }
            DisturbanceKind::Noise(_) | DisturbanceKind::States(_) | DisturbanceKind::State(_) => {}
        }
    }
}

/// All weight on a digit, from 1.
pub(super) fn one_hot(digit: u8, digits: usize) -> Vec<f32> {
    (1..=digits).map(|d| f32::from(u8::from(d == usize::from(digit)))).collect()
}
