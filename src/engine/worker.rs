//! The engine in a dedicated worker of a web page. Messages are bytes (postcard) in both directions:
//! a [`Command`] in, an [`Event`] out. A small object `{kind: "died", reason}` says that nothing else
//! will come.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::protocol::{Command, DeviceChoice, Event};
use super::session::Session;
use crate::models::Kernels;

thread_local! {
    static COMMANDS: RefCell<Option<UnboundedSender<Command>>> = const { RefCell::new(None) };
    static KERNELS: RefCell<Option<Kernels>> = const { RefCell::new(None) };
}

/// The loop with instructions that this module has not, where the worker loaded it.
pub(super) fn kernels() -> Option<Kernels> {
    KERNELS.with(|k| k.borrow().clone())
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Starts the session and listens from now on. `device` is what `--device` takes, `kernels` the loop with
/// relaxed SIMD where the browser knows it.
#[wasm_bindgen]
pub fn run(device: &str, kernels: Option<Kernels>) {
    KERNELS.with(|k| *k.borrow_mut() = kernels);
    std::panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&info.to_string().into());
        died(&info.to_string());
    }));
    let (commands, incoming) = unbounded();
    COMMANDS.with(|c| *c.borrow_mut() = Some(commands));
    let listen = Closure::<dyn FnMut(MessageEvent)>::new(|message: MessageEvent| {
        let bytes = Uint8Array::new(&message.data()).to_vec();
        match postcard::from_bytes::<Command>(&bytes) {
            Ok(command) => COMMANDS.with(|c| {
                if let Some(commands) = &*c.borrow() {
                    // A session that has ended has said so.
                    let _ = commands.unbounded_send(command);
                }
            }),
            Err(e) => tell(&Event::Failed { request: None, message: format!("the engine was asked nonsense: {e}") }),
        }
    });
    scope().set_onmessage(Some(listen.as_ref().unchecked_ref()));
    // The worker listens until it ends.
    listen.forget();
    let choice: DeviceChoice = device.parse().unwrap_or_default();
    wasm_bindgen_futures::spawn_local(Session::run(choice, incoming, Box::new(|event| tell(&event))));
}

fn tell(event: &Event) {
    match postcard::to_stdvec(event) {
        Ok(bytes) => {
            let array = Uint8Array::from(&bytes[..]);
            let _ = scope().post_message_with_transfer(&array, &Array::of1(&array.buffer()));
        }
        Err(e) => died(&format!("an event could not be written: {e}")),
    }
}

fn died(reason: &str) {
    let message = Object::new();
    let _ = Reflect::set(&message, &"kind".into(), &"died".into());
    let _ = Reflect::set(&message, &"reason".into(), &reason.into());
    let _ = scope().post_message(&message);
}

/// The system's allocator, which tells the page when there is no memory: what follows is the end of the
/// worker, without a word from anyone else.
pub struct Telling;

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; every call is passed on as it came")]
// SAFETY: every call goes to the system's allocator with the arguments that came.
unsafe impl GlobalAlloc for Telling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the contract of `GlobalAlloc`.
        told(unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        told(unsafe { System.realloc(at, layout, size) })
    }
}

/// Nothing here may allocate in Rust.
fn told(at: *mut u8) -> *mut u8 {
    if at.is_null() {
        died("memory ran out: the browser gives this page no more");
    }
    at
}
