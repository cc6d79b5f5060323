//! How threads meet over a board, and who takes how many of its rows.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::gemm::ROWS;
use super::pack::{Floats, Layout};

/// The keys and values of one part of a board (`attention` says how they lie).
pub(super) struct Seen {
    pub keys: Floats,
    pub values: Floats,
}

/// How fast each thread is, in rows a second.
pub(super) type Paces = Vec<f64>;

/// A pace that nobody has measured.
const UNKNOWN: f64 = 1.0;

/// A board whose rows are shared out: each thread writes keys and values of its own part, meets the others,
/// and reads all parts.
///
/// There are two places for each part, for even and odd blocks: nobody writes to a place before all have
/// met again, that is, have read what was there. So nobody ever waits for a lock.
pub(super) struct Meeting {
    seen: Vec<[RwLock<Seen>; 2]>,
    /// The bits of [`Paces`].
    paces: Vec<AtomicU64>,
    arrived: AtomicUsize,
    broken: AtomicBool,
}

impl Meeting {
    /// For any rows in every part.
    pub(super) fn new(layout: &Layout, parts: usize) -> Self {
        let seen = || {
            RwLock::new(Seen {
                keys: Floats::zeros(layout.queries() * layout.cells),
                values: Floats::zeros(layout.values() * layout.sizes.cells),
            })
        };
        Self {
            seen: (0..parts).map(|_| [seen(), seen()]).collect(),
            paces: (0..parts).map(|_| AtomicU64::new(UNKNOWN.to_bits())).collect(),
            arrived: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        }
    }

    /// The same once more: nobody has arrived, but all know how fast the others were.
    pub(super) fn again(self) -> Self {
        Self { arrived: AtomicUsize::new(0), ..self }
    }

    pub(super) fn parts(&self) -> usize {
        self.seen.len()
    }

    /// The place of a part for a block, all blocks counted. Who is alone needs but one, which stays near.
    fn place(&self, part: usize, block: usize) -> &RwLock<Seen> {
        &self.seen[part][if self.parts() == 1 { 0 } else { block % 2 }]
    }

    /// To write what others will see of a part.
    pub(super) fn write(&self, part: usize, block: usize) -> RwLockWriteGuard<'_, Seen> {
        self.place(part, block).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// To see a part.
    pub(super) fn read(&self, part: usize, block: usize) -> RwLockReadGuard<'_, Seen> {
        self.place(part, block).read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all have arrived for the `time`-th time, from 1.
    ///
    /// # Panics
    /// When one of the others has panicked, and so never comes.
    pub(super) fn meet(&self, time: usize) {
        let all = time * self.parts();
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut patience = 2_000;
        while self.arrived.load(Ordering::Acquire) < all {
            assert!(!self.broken.load(Ordering::Relaxed), "another thread of the loop panicked");
            // The others arrive within microseconds, unless something else has their processor: then they
            // may need this one.
            if patience > 0 {
                patience -= 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Tells the others how fast this part was lately; they know when all have met. What was before counts
    /// as much.
    pub(super) fn tell_pace(&self, part: usize, pace: f64) {
        let before = f64::from_bits(self.paces[part].load(Ordering::Relaxed));
        let pace = if before == UNKNOWN { pace } else { (before + pace) / 2.0 };
        self.paces[part].store(pace.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn paces(&self) -> Paces {
        self.paces.iter().map(|p| f64::from_bits(p.load(Ordering::Relaxed))).collect()
    }
}

/// Tells the others when this thread panics, so that they do not wait for it.
pub(super) struct Presence<'a>(pub &'a Meeting);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
    }
}

/// What some rows cost, in rows: the last ones take a tile of their own, and a narrow one is no quicker
/// than one of four.
pub(super) fn cost(rows: usize) -> f64 {
    let last = rows % ROWS;
    (rows - last + if last == 0 { 0 } else { last.max(ROWS.min(4)) }) as f64
}

/// When the slowest thread is through with its rows.
fn slowest(shares: &[Range<usize>], paces: &Paces) -> f64 {
    shares.iter().zip(paces).fold(0.0, |most, (rows, pace)| most.max(cost(rows.len()) / pace))
}

/// Shares out `cells` rows, at least one to each thread, so that all are through at about the same time.
pub(super) fn shares(cells: usize, paces: &Paces) -> Vec<Range<usize>> {
    let all: f64 = paces.iter().sum();
    let (mut shares, mut start, mut before) = (Vec::with_capacity(paces.len()), 0, 0.0);
    for (part, pace) in paces.iter().enumerate() {
        before += pace;
        let end = (cells as f64 * before / all).round() as usize;
        let end = if part + 1 == paces.len() { cells } else { end.clamp(start + 1, cells - (paces.len() - part - 1)) };
        shares.push(start..end);
        start = end;
    }
    // Tiles of odd sizes may make it worth while to move a cut a little.
    for part in 1..shares.len() {
        let (start, end) = (shares[part - 1].start, shares[part].end);
        let through = |cut: &usize| {
            let own = [start..*cut, *cut..end];
            (slowest(&own, &vec![paces[part - 1], paces[part]]) * 1e9) as u64
        };
        let cut = shares[part].start;
        let near = cut.saturating_sub(ROWS / 2).max(start + 1)..=(cut + ROWS / 2).min(end - 1);
        let cut = near.min_by_key(|near| (through(near), near.abs_diff(cut))).unwrap_or(cut);
        (shares[part - 1].end, shares[part].start) = (cut, cut);
    }
    shares
}

/// Whether it is worth while to share out anew.
pub(super) fn better(new: &[Range<usize>], old: &[Range<usize>], paces: &Paces) -> bool {
    slowest(new, paces) < 0.97 * slowest(old, paces)
}
