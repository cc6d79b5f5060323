//! Ctrl-C: the first one is a wish, the second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::Failure;

/// Becomes true at the first Ctrl-C, with `notice` on standard error.
pub(super) fn heard(notice: Option<&'static str>) -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    let listening = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            // 128 + SIGINT, as shells have it.
            std::process::exit(130);
        }
        if let Some(notice) = notice {
            eprintln!("{notice}");
        }
    });
    listening.map_err(|e| Failure::Engine(format!("Ctrl-C cannot be listened to: {e}")))?;
    Ok(interrupted)
}
