//! The origin's private file system. Writing goes through sync access handles, which only a worker
//! has; they are opened for one write and closed again, so that a second tab may read.

use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path};

use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions, FileSystemGetFileOptions,
    FileSystemReadWriteOptions, FileSystemRemoveOptions, FileSystemSyncAccessHandle,
};

use super::Entry;

pub(super) async fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let (folders, name) = split(path)?;
    let Some(folder) = present(folder(&folders, false).await)? else { return Ok(None) };
    let Some(file) = present(file_in(&folder, &name, false).await)? else { return Ok(None) };
    bytes_of(&file).await.map(Some)
}

pub(super) async fn size(path: &Path) -> Result<Option<u64>> {
    let (folders, name) = split(path)?;
    let Some(folder) = present(folder(&folders, false).await)? else { return Ok(None) };
    let Some(file) = present(file_in(&folder, &name, false).await)? else { return Ok(None) };
    size_of(&file).await.map(Some)
}

pub(super) async fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let (folders, name) = split(path)?;
    let folder = folder(&folders, true).await?;
    let temporary = format!("{name}.tmp");
    let file = file_in(&folder, &temporary, true).await?;
    if let Err(e) = write(&file, bytes, Place::Whole).await {
        // Half a file takes room that may be what is missing.
        let _ = wait::<JsValue>(folder.remove_entry(&temporary)).await;
        return Err(e);
    }
    // `move` within a folder replaces the old file in one go. It is younger than the rest: where it is
    // missing or refuses, the file is written in place, and readers pass a torn one over.
    let moved = match Reflect::get(&file, &"move".into()).ok().and_then(|f| f.dyn_into::<Function>().ok()) {
        Some(rename) => match rename.call1(&file, &name.as_str().into()) {
            Ok(promise) => wait::<JsValue>(promise.unchecked_into()).await.is_ok(),
            Err(_) => false,
        },
        None => false,
    };
    if !moved {
        let file = file_in(&folder, &name, true).await?;
        write(&file, bytes, Place::Whole).await?;
        let _ = wait::<JsValue>(folder.remove_entry(&temporary)).await;
    }
    Ok(())
}

pub(super) async fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    let (folders, name) = split(path)?;
    let file = file_in(&folder(&folders, true).await?, &name, true).await?;
    write(&file, bytes, Place::End).await
}

pub(super) async fn remove(path: &Path) -> Result<()> {
    remove_entry(path).await
}

pub(super) async fn remove_folder(path: &Path) -> Result<()> {
    remove_entry(path).await
}

async fn remove_entry(path: &Path) -> Result<()> {
    let (folders, name) = split(path)?;
    let Some(folder) = present(folder(&folders, false).await)? else { return Ok(()) };
    let options = FileSystemRemoveOptions::new();
    options.set_recursive(true);
    present(wait::<JsValue>(folder.remove_entry_with_options(&name, &options)).await).map(drop)
}

pub(super) async fn make_folder(path: &Path) -> Result<()> {
    folder(&parts(path)?, true).await.map(drop)
}

pub(super) async fn list(path: &Path) -> Result<Vec<Entry>> {
    let Some(folder) = present(folder(&parts(path)?, false).await)? else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    let entries = folder.values();
    loop {
        let next = entries.next().map_err(error)?;
        let next: JsValue = wait(next.unchecked_into()).await?;
        if Reflect::get(&next, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Ok(out);
        }
        let handle = Reflect::get(&next, &"value".into()).map_err(error)?;
        let text = |key: &str| Reflect::get(&handle, &key.into()).ok().and_then(|v| v.as_string()).unwrap_or_default();
        let folder = text("kind") == "directory";
        let bytes = if folder { Some(0) } else { present(size_of(handle.unchecked_ref()).await)? };
        // A file that went since the list was begun is not in it.
        let Some(bytes) = bytes else { continue };
        out.push(Entry { name: text("name"), folder, bytes });
    }
}

/// Only one tab writes to a run, so that a temporary file is one that a dead worker has left.
pub(super) async fn tidy(folder: &Path) {
    for entry in list(folder).await.unwrap_or_default() {
        if entry.name.ends_with(".tmp") {
            let _ = remove(&folder.join(entry.name)).await;
        }
    }
}

/// A lock of the browser's, which ends with the worker that has it.
#[derive(Debug)]
pub struct Lock {
    /// Ends the promise that the lock waits for; none where the browser has no locks.
    release: Option<Function>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            let _ = release.call0(&JsValue::NULL);
        }
    }
}

/// How long a lock is waited for: the worker of a page that is loaded again goes after its page.
const PATIENCE_MS: u32 = 5000;

pub(super) async fn lock(folder: &Path) -> Result<Lock> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).map_err(error)?;
    let locks = Reflect::get(&navigator, &"locks".into()).map_err(error)?;
    let abort = Reflect::get(&js_sys::global(), &"AbortSignal".into()).map_err(error)?;
    let timeout = Reflect::get(&abort, &"timeout".into()).ok().and_then(|f| f.dyn_into::<Function>().ok());
    let (true, Some(timeout)) = (locks.is_object(), timeout) else { return Ok(Lock { release: None }) };
    let options = js_sys::Object::new();
    let signal = timeout.call1(&abort, &PATIENCE_MS.into()).map_err(error)?;
    Reflect::set(&options, &"signal".into(), &signal).map_err(error)?;
    let request: Function = Reflect::get(&locks, &"request".into()).map_err(error)?.unchecked_into();

    // The lock is held for as long as the promise is open that the callback returns.
    let mut asked = Ok(JsValue::NULL);
    let had = Promise::new(&mut |had, refused| {
        let granted = Closure::once_into_js(move |_lock: JsValue| {
            Promise::new(&mut |release, _| drop(had.call1(&JsValue::NULL, &release)))
        });
        let name = format!("loopscope:{}", folder.display());
        asked = request.call3(&locks, &name.as_str().into(), &options, &granted);
        if let Ok(promise) = &asked {
            let promise: &Promise = promise.unchecked_ref();
            let refuse = Closure::once(move |e: JsValue| drop(refused.call1(&JsValue::NULL, &e)));
            let _ = promise.catch(&refuse);
            refuse.forget();
        }
    });
    asked.map_err(error)?;
    let release = JsFuture::from(had).await.map_err(|_| {
        Error::new(ErrorKind::ResourceBusy, "another tab is training it; close that tab or reset its training first")
    })?;
    Ok(Lock { release: Some(release.unchecked_into()) })
}

pub(super) async fn quota() -> Option<(u64, u64)> {
    let storage = storage().ok()?;
    let estimate: JsValue = call(&storage, "estimate").await.ok()?;
    let number = |key: &str| Reflect::get(&estimate, &key.into()).ok().and_then(|v| v.as_f64());
    Some((number("usage")? as u64, number("quota")? as u64))
}

/// `navigator.storage`, of a page as of a worker; missing where the page is no secure context.
fn storage() -> Result<JsValue> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).map_err(error)?;
    let storage = Reflect::get(&navigator, &"storage".into()).map_err(error)?;
    let there = storage.is_object() && Reflect::has(&storage, &"getDirectory".into()).unwrap_or(false);
    there.then_some(storage).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "this browser, or this page's address, has no private file storage")
    })
}

async fn call(object: &JsValue, method: &str) -> Result<JsValue> {
    let function: Function = Reflect::get(object, &method.into()).map_err(error)?.unchecked_into();
    wait(function.call0(object).map_err(error)?.unchecked_into()).await
}

async fn root() -> Result<FileSystemDirectoryHandle> {
    Ok(call(&storage()?, "getDirectory").await?.unchecked_into())
}

async fn folder(parts: &[String], make: bool) -> Result<FileSystemDirectoryHandle> {
    let mut at = root().await?;
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(make);
    for part in parts {
        at = wait(at.get_directory_handle_with_options(part, &options).unchecked_into()).await?;
    }
    Ok(at)
}

async fn file_in(folder: &FileSystemDirectoryHandle, name: &str, make: bool) -> Result<FileSystemFileHandle> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(make);
    wait(folder.get_file_handle_with_options(name, &options).unchecked_into()).await
}

async fn bytes_of(file: &FileSystemFileHandle) -> Result<Vec<u8>> {
    let blob: JsValue = wait(file.get_file().unchecked_into()).await?;
    let buffer = call(&blob, "arrayBuffer").await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

async fn size_of(file: &FileSystemFileHandle) -> Result<u64> {
    let blob: JsValue = wait(file.get_file().unchecked_into()).await?;
    Ok(Reflect::get(&blob, &"size".into()).ok().and_then(|v| v.as_f64()).unwrap_or(0.0) as u64)
}

/// Where bytes go in a file.
#[derive(Clone, Copy)]
enum Place {
    /// They become its content.
    Whole,
    /// After what is there.
    End,
}

async fn write(file: &FileSystemFileHandle, bytes: &[u8], place: Place) -> Result<()> {
    let handle: FileSystemSyncAccessHandle = wait(file.create_sync_access_handle().unchecked_into()).await?;
    let work = || -> std::result::Result<f64, JsValue> {
        let from = match place {
            Place::Whole => {
                handle.truncate_with_f64(0.0)?;
                0.0
            }
            Place::End => handle.get_size()?,
        };
        let options = FileSystemReadWriteOptions::new();
        options.set_at(from);
        let written = handle.write_with_u8_array_and_options(bytes, &options)?;
        handle.flush()?;
        Ok(written)
    };
    let result = work();
    handle.close();
    match result {
        Ok(written) if written as usize == bytes.len() => Ok(()),
        Ok(_) => Err(full()),
        Err(e) => Err(error(e)),
    }
}

async fn wait<T: JsCast>(promise: Promise) -> Result<T> {
    JsFuture::from(promise).await.map(JsCast::unchecked_into).map_err(error)
}

fn full() -> Error {
    Error::new(
        ErrorKind::StorageFull,
        "the browser gives this page no more room; delete runs that you no longer need, or download them first",
    )
}

/// An exception of the browser as an error that a person can read.
fn error(value: JsValue) -> Error {
    let text = |key: &str| Reflect::get(&value, &key.into()).ok().and_then(|v| v.as_string()).unwrap_or_default();
    let (name, message) = (text("name"), text("message"));
    match name.as_str() {
        "NotFoundError" => Error::new(ErrorKind::NotFound, "it is not there"),
        "QuotaExceededError" => full(),
        "NoModificationAllowedError" => {
            Error::new(ErrorKind::ResourceBusy, "another tab is writing to it; close that tab or train another run")
        }
        "SecurityError" => Error::new(
            ErrorKind::PermissionDenied,
            "this browser lets the page store nothing; a private window may be the reason",
        ),
        _ if name.is_empty() && message.is_empty() => Error::other(format!("{value:?}")),
        _ => Error::other(format!("{name}: {message}")),
    }
}

/// What is not there is no error.
fn present<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The names along a path; a path may not lead out of the storage.
fn parts(path: &Path) -> Result<Vec<String>> {
    path.components()
        .filter(|c| !matches!(c, Component::CurDir | Component::RootDir))
        .map(|c| match c {
            Component::Normal(name) => Ok(name.to_string_lossy().into_owned()),
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("{} is no place in this storage", path.display()))),
        })
        .collect()
}

fn split(path: &Path) -> Result<(Vec<String>, String)> {
    let mut all = parts(path)?;
    let name = all.pop().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a file needs a name"))?;
    Ok((all, name))
}
