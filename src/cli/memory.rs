//! How much memory a piece of work asks for at once. The readers of foreign files are held to a
//! bound by `loopscope dev fuzz`; the rest of the program pays one relaxed load an allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's allocator, which counts while it is asked to. The program's `main.rs` installs it.
pub struct Counting;

/// Counting is on.
static ON: AtomicBool = AtomicBool::new(false);

thread_local! {
    // Constant and without a destructor, so that an allocation never sets them up.
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn add(bytes: isize) {
    // A thread that is going away has no cells any more; what it does is not measured.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
    });
}

// SAFETY: every call is handed to the system's allocator unchanged; counting neither allocates nor
// touches the memory.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ON.load(Ordering::Relaxed) {
            add(layout.size() as isize);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if ON.load(Ordering::Relaxed) {
            add(layout.size() as isize);
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if ON.load(Ordering::Relaxed) {
            add(-(layout.size() as isize));
        }
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if ON.load(Ordering::Relaxed) {
            add(new_size as isize - layout.size() as isize);
        }
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

/// Starts counting, on all threads, until the program ends.
pub(super) fn start_counting() {
    ON.store(true, Ordering::Relaxed);
}

/// Does the work and says how many bytes this thread held at most beyond what it held before.
pub(super) fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.get();
    PEAK.set(before);
    let result = work();
    (result, usize::try_from(PEAK.get() - before).unwrap_or(0))
}

/// The most memory that the process ever held, in bytes; only Linux tells.
pub(super) fn high_water_mark() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<usize>().ok().map(|kib| kib * 1024)
}
