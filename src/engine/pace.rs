//! How much work makes a unit, learnt from the last ones.

use web_time::Duration;

/// A unit of work aims at this long, so that the next command is heard soon.
pub(super) const UNIT: Duration = Duration::from_millis(40);
/// A training pass that takes longer than this is split into smaller parts, where the device is shared
/// with a page.
const LONGEST: Duration = Duration::from_millis(50);

/// Iterations that fit in a unit, learnt from the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace(u32);

impl Pace {
    pub(super) fn new() -> Self {
        Self(1)
    }

    pub(super) fn count(self) -> u32 {
        self.0
    }

    /// Doubles after a short unit, halves after a long one.
    pub(super) fn learn(&mut self, took: Duration) {
        if took < UNIT / 2 {
            self.0 = (self.0 * 2).min(64);
        } else if took > UNIT * 2 {
            self.0 = (self.0 / 2).max(1);
        }
    }
}

/// Back-pressure on a graphics device that never makes one wait: in a browser, work is queued without
/// end. Every few units something small is awaited, and what that took tells how long a unit is. Only
/// the time spent on units counts, not what happens between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pressure {
    units: u32,
    every: u32,
    busy: Duration,
    /// How long a unit took before the last halving, until that is seen to have helped.
    before: Option<Duration>,
    /// Smaller parts do not make it quicker: what takes long is not the arithmetic.
    in_vain: bool,
}

impl Pressure {
    pub(super) fn new() -> Self {
        // The first units compile kernels; each is waited for.
        Self { units: 0, every: 1, busy: Duration::ZERO, before: None, in_vain: false }
    }

    /// A unit was queued, which took so long; whether the device must be waited for now.
    pub(super) fn queued(&mut self, took: Duration) -> bool {
        self.busy += took;
        self.units += 1;
        self.units >= self.every
    }

    /// The device has done everything that was queued, and was waited for so long. How long a unit takes.
    pub(super) fn settled(&mut self, waited: Duration) -> Duration {
        let took = (std::mem::take(&mut self.busy) + waited) / self.units.max(1);
        self.units = 0;
        // About a tenth of a second in the queue, and never more than eight units.
        self.every = (100 / took.as_millis().max(1)).clamp(1, 8) as u32;
        took
    }

    /// Whether a unit of this length should be halved. A halving that saved less than a third of the
    /// time is the last.
    pub(super) fn halves(&mut self, took: Duration) -> bool {
        if let Some(before) = self.before.take() {
            self.in_vain |= took * 3 > before * 2;
        }
        let halves = took > LONGEST && !self.in_vain;
        if halves {
            self.before = Some(took);
        }
        halves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_the_clock() {
        let mut pace = Pace::new();
        (0..9).for_each(|_| pace.learn(Duration::from_millis(1)));
        assert_eq!(pace.count(), 64);
        pace.learn(Duration::from_millis(200));
        assert_eq!(pace.count(), 32);
    }

    #[test]
    fn pressure_waits_at_first_and_then_every_few_units() {
        let ms = Duration::from_millis;
        let mut pressure = Pressure::new();
        assert!(pressure.queued(ms(1)));
        assert_eq!(pressure.settled(ms(9)), ms(10));
        assert!(!pressure.halves(ms(10)), "nothing took long");
        let queued = (0..20).take_while(|_| !pressure.queued(ms(1))).count();
        assert_eq!(queued, 7, "the eighth is waited for");
        assert!(pressure.settled(ms(4000)) > ms(500));
        assert!(pressure.queued(ms(1)), "slow units are waited for one by one");
    }

    #[test]
    fn parts_are_halved_while_that_helps() {
        let ms = Duration::from_millis;
        let mut pressure = Pressure::new();
        assert!(pressure.halves(ms(400)) && pressure.halves(ms(210)) && pressure.halves(ms(110)));
        assert!(!pressure.halves(ms(100)), "half the boards in nine tenths of the time");
        assert!(!pressure.halves(ms(400)), "nor later");
    }
}
