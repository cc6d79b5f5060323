//! Searches for puzzles on several threads. What comes out depends on the buckets and the seed alone, not
//! on the threads and not on where it was stopped and taken up again.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::failure::Failure;
use crate::tasks::sudoku::{Bucket, CanonicalKey, Puzzle, Searcher, Shape, Step, key_of, walk_of};

/// A puzzle with its canonical form.
type Found = (Puzzle, CanonicalKey);

/// The walks of one bucket.
struct Lane {
    searcher: Searcher,
    /// The walk that is begun next.
    next: u64,
    /// The first walk whose finds are not in `ready` yet.
    due: u64,
    /// Finds of later walks, which wait for it.
    early: BTreeMap<u64, Vec<Found>>,
    /// Finds in the order of their walks.
    ready: VecDeque<Found>,
    /// Rows of this bucket.
    kept: usize,
    /// Different puzzles found in this call, those of unfinished walks included.
    found: HashSet<CanonicalKey>,
    /// Time that threads have spent on it.
    spent: Duration,
}

/// What a bucket's search came to in this call.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Rate {
    pub(super) bucket: Bucket,
    /// Puzzles in the file, those of earlier calls included.
    pub(super) puzzles: usize,
    /// Different puzzles found in this call.
    pub(super) found: usize,
    /// Seconds that this bucket took of all threads together.
    pub(super) thread_seconds: f64,
    /// Puzzles an hour with all threads on this bucket.
    pub(super) per_hour: Option<f64>,
}

/// A search as it stands.
pub(super) struct Hunt {
    lanes: Vec<Lane>,
    keys: HashSet<CanonicalKey>,
    rows: Vec<Puzzle>,
    /// Puzzles a bucket.
    count: usize,
    deadline: Option<Instant>,
}

impl Hunt {
    /// A search that begins after these rows, which it has written before.
    pub(super) fn new(buckets: &[Bucket], seed: u64, count: usize, rows: Vec<Puzzle>) -> Result<Self, String> {
        let lane = |&bucket| Lane {
            searcher: Searcher::new(Shape::S9, bucket, seed),
            next: 0,
            due: 0,
            early: BTreeMap::new(),
            ready: VecDeque::new(),
            kept: 0,
            found: HashSet::new(),
            spent: Duration::ZERO,
        };
        let mut hunt = Self {
            lanes: buckets.iter().map(lane).collect(),
            keys: HashSet::new(),
            rows: Vec::new(),
            count,
            deadline: None,
        };
        for (i, puzzle) in rows.into_iter().enumerate() {
            hunt.take_up(puzzle, seed).map_err(|what| format!("Line {}: {what}", i + 2))?;
        }
        Ok(hunt)
    }

    /// Stops it after this time.
    pub(super) fn until(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// A row of an earlier call. Its walk is made again, since it may have found more.
    fn take_up(&mut self, mut puzzle: Puzzle, seed: u64) -> Result<(), String> {
        let lane = self.rows.len() % self.lanes.len();
        let lane = &mut self.lanes[lane];
        let Some((from, walk)) = puzzle.source.as_deref().and_then(walk_of) else {
            return Err("this puzzle is of no search; name another file, or remove this one".into());
        };
        if from != seed {
            return Err(format!("this puzzle was found with seed {from}, not {seed}; use --seed {from} to go on"));
        }
        let bucket = lane.searcher.bucket();
        if puzzle.rating.map(Bucket::of) != Some(bucket) {
            return Err(format!(
                "a puzzle of bucket {bucket} was expected; go on with the buckets, in the order, that the file was begun with"
            ));
        }
        if puzzle.solution.is_none() {
            puzzle.solution = crate::tasks::sudoku::solve(&puzzle.clues);
        }
        let key = key_of(&puzzle).ok_or("this puzzle has no solution; remove the file and begin anew")?;
        (lane.next, lane.due) = (walk, walk);
        lane.kept += 1;
        self.keys.insert(key);
        self.rows.push(puzzle);
        Ok(())
    }

    /// The puzzles in their order: one of each bucket, then the next of each.
    pub(super) fn rows(&self) -> &[Puzzle] {
        &self.rows
    }

    /// Whether there are as many as asked for.
    pub(super) fn is_done(&self) -> bool {
        self.rows.len() >= self.count * self.lanes.len()
    }

    /// What was found, and how quickly.
    pub(super) fn rates(&self, threads: usize) -> Vec<Rate> {
        let rate = |lane: &Lane| {
            let seconds = lane.spent.as_secs_f64();
            let per_hour = lane.found.len() as f64 / seconds * threads as f64 * 3600.0;
            Rate {
                bucket: lane.searcher.bucket(),
                puzzles: lane.kept,
                found: lane.found.len(),
                thread_seconds: seconds,
                per_hour: Some(per_hour).filter(|r| r.is_finite()),
            }
        };
        self.lanes.iter().map(rate).collect()
    }

    /// The walk to make next: of the bucket that is behind.
    fn next(&mut self) -> Option<(usize, Searcher, u64)> {
        if self.is_done() {
            return None;
        }
        let count = self.count;
        let have = |lane: &Lane| lane.kept + lane.ready.len();
        let (i, lane) = self.lanes.iter_mut().enumerate().min_by_key(|(_, lane)| have(lane))?;
        (have(lane) < count).then(|| {
            lane.next += 1;
            (i, lane.searcher, lane.next - 1)
        })
    }

    /// Takes the finds of a walk and makes rows of all whose turn it is.
    fn hand_in(&mut self, lane: usize, walk: u64, finds: Vec<Found>) {
        let Lane { early, due, ready, .. } = &mut self.lanes[lane];
        early.insert(walk, finds);
        while let Some(finds) = early.remove(due) {
            ready.extend(finds);
            *due += 1;
        }
        while !self.is_done() {
            let turn = self.rows.len() % self.lanes.len();
            let lane = &mut self.lanes[turn];
            let Some((puzzle, key)) = lane.ready.pop_front() else { return };
            if self.keys.insert(key) {
                lane.kept += 1;
                self.rows.push(puzzle);
            }
        }
    }

    /// Works until all is found, the time is over or `stop` is set. `changed` is told of the search each
    /// time that there are new rows.
    pub(super) fn run(
        self,
        threads: usize,
        stop: &AtomicBool,
        changed: impl FnMut(&Hunt) -> Result<(), Failure> + Send,
    ) -> Result<Self, Failure> {
        let deadline = self.deadline;
        let over = AtomicBool::new(false);
        let failure = Mutex::new(None);
        let shared = Mutex::new((self, changed));
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        let go_on = || {
            !over.load(Ordering::Relaxed)
                && !stop.load(Ordering::Relaxed)
                && deadline.is_none_or(|deadline| Instant::now() < deadline)
        };
        let work = || {
            while go_on() {
                let Some((lane, searcher, number)) = lock().0.next() else { return };
                let (began, mut walk, mut finds) = (Instant::now(), searcher.walk(number), Vec::new());
                let mut ended = false;
                while !ended && go_on() {
                    match walk.step() {
                        Step::Going => {}
                        Step::Ended => ended = true,
                        Step::Found(puzzle) => finds.extend(key_of(&puzzle).map(|key| (*puzzle, key))),
                    }
                }
                let (hunt, changed) = &mut *lock();
                hunt.lanes[lane].spent += began.elapsed();
                hunt.lanes[lane].found.extend(finds.iter().map(|(_, key)| key.clone()));
                let before = hunt.rows.len();
                if ended {
                    hunt.hand_in(lane, number, finds);
                }
                let told = if hunt.rows.len() > before { changed(hunt) } else { Ok(()) };
                if let Err(error) = told {
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    over.store(true, Ordering::Relaxed);
                }
                if hunt.is_done() {
                    over.store(true, Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => Err(failure),
            None => Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: [Bucket; 2] = [Bucket::OneTwo, Bucket::ThreeTen];

    fn whole(rows: Vec<Puzzle>, count: usize, threads: usize) -> Vec<Puzzle> {
        let hunt = Hunt::new(&BUCKETS, 3, count, rows).expect("its own rows");
        hunt.run(threads, &AtomicBool::new(false), |_| Ok(())).expect("no failure").rows
    }

    #[test]
    fn rows_depend_neither_on_threads_nor_on_interruptions() {
        let rows = whole(Vec::new(), 4, 1);
        assert_eq!(rows.len(), 8);
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row.rating.map(Bucket::of), Some(BUCKETS[i % 2]));
        }
        assert_eq!(rows, whole(Vec::new(), 4, 3));
        for cut in 0..=8 {
            assert_eq!(rows, whole(rows[..cut].to_vec(), 4, 2), "taken up after {cut} rows");
        }
        assert_eq!(rows[..4], whole(Vec::new(), 2, 2), "more begins with the same");
    }

    #[test]
    fn rows_of_another_search_are_refused() {
        let rows = whole(Vec::new(), 1, 1);
        let message = |rows: Vec<Puzzle>, buckets: &[Bucket], seed| match Hunt::new(buckets, seed, 1, rows) {
            Err(message) => message,
            Ok(_) => panic!("taken"),
        };
        assert!(message(rows.clone(), &BUCKETS, 4).contains("Line 2: this puzzle was found with seed 3"));
        assert!(message(rows.clone(), &[Bucket::ThreeTen], 3).contains("bucket 3-10 was expected"));
        let strange = Puzzle { source: None, ..rows[0].clone() };
        assert!(message(vec![strange], &BUCKETS, 3).contains("of no search"));
    }

    #[test]
    fn a_stop_is_heard_and_a_failure_told() {
        let hunt = || Hunt::new(&BUCKETS, 3, 1_000, Vec::new()).expect("a search");
        assert!(hunt().run(2, &AtomicBool::new(true), |_| Ok(())).is_ok_and(|hunt| hunt.rows().is_empty()));
        let past = hunt().until(Some(Instant::now()));
        assert!(past.run(2, &AtomicBool::new(false), |_| Ok(())).is_ok_and(|hunt| !hunt.is_done()));
        let failed = hunt().run(2, &AtomicBool::new(false), |_| Err(Failure::input("full")));
        assert!(matches!(failed, Err(Failure::Input(text)) if text == "full"));
    }
}
