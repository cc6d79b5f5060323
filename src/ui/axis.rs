//! The iteration axis: linear up to the trained T, logarithmic beyond it, smooth at the border.

/// Where an iteration lies: 0 at the clues, 1 at the trained T, then 1 + ln(t / T).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    trained: f64,
    end: f64,
}

impl Axis {
    /// An axis from the clues to iteration `end`, with its border at `trained`.
    #[must_use]
    pub fn new(trained: u32, end: u32) -> Self {
        let trained = f64::from(trained.max(1));
        Self { trained, end: f64::from(end.max(1)).max(trained) }
    }

    /// The last iteration it shows.
    #[must_use]
    pub fn end(self) -> f64 {
        self.end
    }

    /// The trained T.
    #[must_use]
    pub fn trained(self) -> f64 {
        self.trained
    }

    /// Position of an iteration, which may lie between two.
    #[must_use]
    pub fn position(self, t: f64) -> f64 {
        if t <= self.trained { t.max(0.0) / self.trained } else { 1.0 + (t / self.trained).ln() }
    }

    /// The iteration at a position.
    #[must_use]
    pub fn iteration(self, position: f64) -> f64 {
        if position <= 1.0 { position.max(0.0) * self.trained } else { self.trained * (position - 1.0).exp() }
    }

    /// Position as a share of the whole axis, 0..=1.
    #[must_use]
    pub fn share(self, t: f64) -> f64 {
        self.position(t) / self.position(self.end)
    }

    /// The iteration at a share of the whole axis.
    #[must_use]
    pub fn at_share(self, share: f64) -> f64 {
        self.iteration(share.clamp(0.0, 1.0) * self.position(self.end)).min(self.end)
    }

    /// Iterations worth a number, far enough apart for `room` labels: 1, parts of T, and T times
    /// powers of two; T and the end always.
    #[must_use]
    pub fn ticks(self, room: usize) -> Vec<u32> {
        let t = self.trained as u32;
        let mut wanted = vec![t, self.end as u32];
        let mut push = |x: u32| {
            if x >= 1 && f64::from(x) <= self.end && !wanted.contains(&x) {
                wanted.push(x);
            }
        };
        // In order of worth: fourfold steps are those of the presets.
        for k in [4, 16, 64, 256, 1024] {
            push(t.saturating_mul(k));
        }
        push(t / 2);
        push(1);
        push(t / 4);
        for k in [2, 8, 32, 128] {
            push(t.saturating_mul(k));
        }
        if t.is_multiple_of(4) {
            push(t / 4 * 3);
        }
        if t <= 8 {
            (1..t).for_each(&mut push);
        }
        let gap = 1.0 / room.max(2) as f64;
        let mut kept: Vec<u32> = Vec::new();
        for x in wanted {
            let here = self.share(f64::from(x));
            if kept.iter().all(|k| (self.share(f64::from(*k)) - here).abs() >= gap) {
                kept.push(x);
            }
        }
        kept.sort_unstable();
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let a = Axis::new(16, 1024);
        for t in [0.0, 1.0, 8.0, 16.0, 17.0, 64.0, 1000.0, 1024.0] {
            assert!((a.at_share(a.share(t)) - t).abs() < 1e-6 * t.max(1.0), "{t}");
        }
        assert_eq!(a.share(1024.0), 1.0);
        // Smooth at the border: one iteration on either side is nearly equally wide.
        let (left, right) = (a.share(16.0) - a.share(15.0), a.share(17.0) - a.share(16.0));
        assert!((left / right - 1.0).abs() < 0.05);
    }

    #[test]
    fn ticks_hold_the_border_and_do_not_collide() {
        for (trained, end) in [(16, 1024), (6, 96), (8, 8), (1, 1)] {
            let a = Axis::new(trained, end);
            let ticks = a.ticks(12);
            assert!(ticks.contains(&trained));
            assert!(ticks.windows(2).all(|w| a.share(w[1].into()) - a.share(w[0].into()) >= 1.0 / 12.0 - 1e-9));
        }
    }
}
