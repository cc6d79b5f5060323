//! What a tab remembers when its page is loaded again.

use std::path::PathBuf;

/// The key in the tab's session storage: another tab must not take the same run.
const RUN: &str = "loopscope.run.v1";

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok()?
}

/// The run that was in training, and whether it was running.
pub(super) fn run() -> Option<(PathBuf, bool)> {
    let text = storage()?.get_item(RUN).ok()??;
    let (state, folder) = text.split_once(' ')?;
    Some((PathBuf::from(folder), state == "running"))
}

/// Remembers it, or that there is none.
pub(super) fn set_run(run: Option<&(PathBuf, bool)>) {
    let Some(storage) = storage() else { return };
    let _ = match run {
        Some((folder, running)) => {
            storage.set_item(RUN, &format!("{} {}", if *running { "running" } else { "paused" }, folder.display()))
        }
        None => storage.remove_item(RUN),
    };
}
