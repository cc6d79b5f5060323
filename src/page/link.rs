//! The way to the engine in its worker, and a new worker where the old one died.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

use super::Options;
use crate::engine::protocol::{Command, EngineLink, Event, is_memory};

/// After so many deaths in a row there is no use in another try.
const MOST_DEATHS: u32 = 4;
/// So many halvings make one board of any batch.
const MOST_HALVINGS: u32 = 12;
/// A worker that lived for so long did not die of what killed the one before it.
const CALM_MS: f64 = 60_000.0;

/// A worker and what came from it.
struct State {
    options: Options,
    worker: Option<Worker>,
    events: VecDeque<Event>,
    /// Deaths in a row, each soon after the one before.
    deaths: u32,
    /// Deaths in a row for want of memory, each of which halves the parts of a batch.
    hungry: u32,
    /// Of the last death, in milliseconds since 1970.
    died_at: f64,
    /// Counts workers, so that the last words of a dead one are not taken for the new one's.
    generation: u32,
    wake: Box<dyn Fn()>,
}

/// The link of the window; see [`EngineLink`].
#[derive(Clone)]
pub(super) struct WorkerLink(Rc<RefCell<State>>);

impl WorkerLink {
    /// No worker yet: commands wait until [`WorkerLink::start`].
    pub fn new(options: Options, wake: impl Fn() + 'static) -> (Self, Waiting) {
        let state = State {
            options,
            worker: None,
            events: VecDeque::new(),
            deaths: 0,
            hungry: 0,
            died_at: 0.0,
            generation: 0,
            wake: Box::new(wake),
        };
        let link = Self(Rc::new(RefCell::new(state)));
        let waiting = Waiting(Rc::default());
        (link, waiting)
    }

    /// Starts a worker.
    pub fn start(&self) {
        let generation = {
            let mut state = self.0.borrow_mut();
            state.generation += 1;
            state.generation
        };
        match self.spawn(generation) {
            Ok(worker) => self.0.borrow_mut().worker = Some(worker),
            Err(e) => {
                let why = Reflect::get(&e, &"message".into()).ok().and_then(|m| m.as_string());
                let why = why.unwrap_or_else(|| format!("{e:?}"));
                self.tell(Event::NoDevice(format!("the engine's worker does not start: {why}.")));
            }
        }
    }

    fn spawn(&self, generation: u32) -> Result<Worker, JsValue> {
        let settings = WorkerOptions::new();
        settings.set_type(WorkerType::Module);
        let (address, start) = {
            let state = self.0.borrow();
            let text = state.options.engine.to_string();
            let start: Object = js_sys::JSON::parse(&text)?.unchecked_into();
            Reflect::set(&start, &"kind".into(), &"start".into())?;
            // A card that fails again and again may be the reason: the last tries take the CPU.
            let device = if state.deaths >= 2 { "cpu" } else { state.options.device.as_str() };
            Reflect::set(&start, &"device".into(), &device.into())?;
            (state.options.worker.clone(), start)
        };
        let worker = Worker::new_with_options(&address, &settings)?;
        let link = self.clone();
        let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            link.hear(generation, &message.data());
        });
        worker.set_onmessage(Some(listen.as_ref().unchecked_ref()));
        listen.forget();
        let link = self.clone();
        let fail = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            let message = Reflect::get(&event, &"message".into()).ok().and_then(|m| m.as_string());
            link.died(generation, &message.unwrap_or_else(|| "its script could not be loaded".into()));
        });
        worker.set_onerror(Some(fail.as_ref().unchecked_ref()));
        fail.forget();
        worker.post_message(&start)?;
        Ok(worker)
    }

    fn hear(&self, generation: u32, data: &JsValue) {
        if self.0.borrow().generation != generation {
            return;
        }
        if let Some(bytes) = data.dyn_ref::<Uint8Array>() {
            return match postcard::from_bytes::<Event>(&bytes.to_vec()) {
                // A lost device takes the worker with it: a runtime cannot be set up twice.
                Ok(Event::Lost { reason, memory }) => self.replace(generation, &reason, memory),
                Ok(event) => self.tell(event),
                Err(e) => {
                    self.tell(Event::Failed { request: None, message: format!("the engine spoke nonsense: {e}") })
                }
            };
        }
        let text = |key: &str| Reflect::get(data, &key.into()).ok().and_then(|v| v.as_string()).unwrap_or_default();
        match text("kind").as_str() {
            "loading" => {
                let share = Reflect::get(data, &"share".into()).ok().and_then(|v| v.as_f64()).unwrap_or(0.0);
                self.tell(Event::Loading(share as f32));
            }
            "died" => self.died(generation, &text("reason")),
            _ => {}
        }
    }

    /// The worker is gone.
    pub fn died(&self, generation: u32, reason: &str) {
        let memory = is_memory(reason);
        // Only the first line is for people; the rest is a call stack.
        let first = reason.lines().find(|l| !l.trim().is_empty() && !l.starts_with("panicked at"));
        self.replace(generation, first.unwrap_or(reason), memory);
    }

    fn replace(&self, generation: u32, reason: &str, memory: bool) {
        let deaths = {
            let mut state = self.0.borrow_mut();
            if state.generation != generation {
                return;
            }
            if let Some(worker) = state.worker.take() {
                worker.terminate();
            }
            state.events.clear();
            let now = js_sys::Date::now();
            // Answers in between prove nothing: the next step of a training may be what kills it.
            if now - state.died_at > CALM_MS {
                (state.deaths, state.hungry) = (0, 0);
            }
            state.died_at = now;
            if memory && state.hungry < MOST_HALVINGS {
                state.hungry += 1;
            } else {
                state.deaths += 1;
            }
            state.deaths
        };
        let reason = reason.trim_end_matches(['.', '!']).to_owned();
        if deaths > MOST_DEATHS {
            self.0.borrow_mut().generation += 1;
            return self.tell(Event::NoDevice(format!(
                "the engine stopped {deaths} times in a row ({reason}). Load the page again; runs go on from their last checkpoint."
            )));
        }
        self.start();
        self.tell(Event::Restarted { reason, memory });
    }

    /// Ends the worker from outside, as if the browser had.
    pub fn kill(&self) {
        let generation = self.0.borrow().generation;
        self.replace(generation, "it was ended from outside", false);
    }

    fn tell(&self, event: Event) {
        let mut state = self.0.borrow_mut();
        state.events.push_back(event);
        (state.wake)();
    }

    fn post(&self, command: &Command) {
        let state = self.0.borrow();
        if let (Some(worker), Ok(bytes)) = (&state.worker, postcard::to_stdvec(command)) {
            let array = Uint8Array::from(&bytes[..]);
            let _ = worker.post_message_with_transfer(&array, &Array::of1(&array.buffer()));
        }
    }
}

/// Commands from before the first worker.
#[derive(Clone)]
pub(super) struct Waiting(Rc<RefCell<Option<Vec<Command>>>>);

/// What the window holds: the link, and what waits for the first worker.
pub(super) struct Handle {
    link: WorkerLink,
    waiting: Waiting,
}

impl Handle {
    pub fn new(link: WorkerLink, waiting: Waiting) -> Self {
        *waiting.0.borrow_mut() = Some(Vec::new());
        Self { link, waiting }
    }
}

impl Waiting {
    /// Starts the first worker and hands over what waited.
    pub fn release(&self, link: &WorkerLink) {
        let Some(commands) = self.0.borrow_mut().take() else { return };
        link.start();
        commands.iter().for_each(|c| link.post(c));
    }
}

impl EngineLink for Handle {
    fn send(&mut self, command: Command) {
        match &mut *self.waiting.0.borrow_mut() {
            Some(waiting) => waiting.push(command),
            None => self.link.post(&command),
        }
    }

    fn poll(&mut self) -> Option<Event> {
        self.link.0.borrow_mut().events.pop_front()
    }
}
