//! Files of runs, wherever they live: folders of the disk natively, the origin's private file system
//! (OPFS) in a browser. The same paths and the same async functions on both; natively none of them
//! ever waits.

use std::path::Path;

#[cfg(target_family = "wasm")]
mod browser;
#[cfg(not(target_family = "wasm"))]
mod disk;

#[cfg(target_family = "wasm")]
use browser as place;
#[cfg(not(target_family = "wasm"))]
use disk as place;

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name, without the folder.
    pub name: String,
    /// Whether it is a folder itself.
    pub folder: bool,
    /// Size of a file; 0 of a folder.
    pub bytes: u64,
}

/// The content of a file; none where there is no file.
///
/// # Errors
/// What the file system says.
pub async fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    place::read(path).await
}

/// Bytes of a file; none where there is no file.
///
/// # Errors
/// What the file system says.
pub async fn size(path: &Path) -> std::io::Result<Option<u64>> {
    place::size(path).await
}

/// Writes a file so that a reader sees the old or the new content whole, whenever the power goes or the
/// tab is closed: temporary name, flush, rename.
///
/// # Errors
/// What the file system says; a full disk or quota is [`std::io::ErrorKind::StorageFull`].
pub async fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    place::replace(path, bytes).await
}

/// Adds to the end of a file, which is made where there is none.
///
/// # Errors
/// As [`replace`].
pub async fn append(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    place::append(path, bytes).await
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// What the file system says.
pub async fn remove(path: &Path) -> std::io::Result<()> {
    place::remove(path).await
}

/// Removes a folder with everything in it; one that is not there is no error.
///
/// # Errors
/// What the file system says.
pub async fn remove_folder(path: &Path) -> std::io::Result<()> {
    place::remove_folder(path).await
}

/// Makes a folder and those above it.
///
/// # Errors
/// What the file system says.
pub async fn make_folder(path: &Path) -> std::io::Result<()> {
    place::make_folder(path).await
}

/// What is in a folder, by name; nothing where there is no folder.
///
/// # Errors
/// What the file system says.
pub async fn list(path: &Path) -> std::io::Result<Vec<Entry>> {
    let mut all = place::list(path).await?;
    all.sort();
    Ok(all)
}

/// Removes what writes that did not end have left in a folder, where that can be told.
pub async fn tidy(folder: &Path) {
    place::tidy(folder).await;
}

/// The right to write to a folder, which nobody else has until it is dropped. A browser gives it to one
/// tab; natively it is not looked after.
pub use place::Lock;

/// Waits a moment for that right: a tab that was closed just now may still have it.
///
/// # Errors
/// When another tab has it.
pub async fn lock(folder: &Path) -> std::io::Result<Lock> {
    place::lock(folder).await
}

/// Bytes used and bytes allowed, where the system tells: a browser does.
pub async fn quota() -> Option<(u64, u64)> {
    place::quota().await
}

/// Runs something that never waits, as everything here natively: one poll ends it.
///
/// # Panics
/// When it waits after all: a fault of the program.
#[cfg(not(target_family = "wasm"))]
pub fn now<T>(work: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(work).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a native file operation waited"),
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("runs/a");
        now(async {
            assert_eq!(list(&run).await.expect("none"), []);
            make_folder(&run.join("checkpoints")).await.expect("made");
            let file = run.join("steps.csv");
            assert_eq!(read(&file).await.expect("none"), None);
            append(&file, b"one\n").await.expect("made");
            append(&file, b"two\n").await.expect("longer");
            assert_eq!(read(&file).await.expect("there").as_deref(), Some(&b"one\ntwo\n"[..]));
            assert_eq!(size(&file).await.expect("there"), Some(8));
            replace(&file, b"new").await.expect("replaced");
            let all = list(&run).await.expect("a folder");
            let names: Vec<_> = all.iter().map(|e| (e.name.as_str(), e.folder, e.bytes)).collect();
            assert_eq!(names, [("checkpoints", true, 0), ("steps.csv", false, 3)], "no temporary file stays");
            remove(&file).await.expect("removed");
            remove(&file).await.expect("not there");
            remove_folder(&run).await.expect("removed");
            remove_folder(&run).await.expect("not there");
        });
        assert!(!run.exists());
    }
}
