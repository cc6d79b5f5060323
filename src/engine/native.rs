//! The engine on a thread of its own.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use futures::channel::mpsc::{UnboundedSender, unbounded};

use super::protocol::{Command, DeviceChoice, EngineLink, Event};
use super::session::Session;

/// The way to an engine on its thread. Dropping it stops the work after the unit under way.
pub struct EngineHandle {
    commands: Option<UnboundedSender<Command>>,
    events: mpsc::Receiver<Event>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Starts an engine thread. `wake` is called after every event, so that a window can repaint.
///
/// The first event is [`Event::Device`] or [`Event::NoDevice`].
pub fn spawn(choice: DeviceChoice, wake: impl Fn() + Send + 'static) -> EngineHandle {
    let (commands, incoming) = unbounded();
    let (outgoing, events) = mpsc::channel();
    #[expect(clippy::disallowed_methods, reason = "native only: the engine's thread blocks on its own session")]
    let thread = std::thread::Builder::new().name("engine".into()).spawn(move || {
        let tell = Rc::new(move |event| {
            // A driver that lost its device stays as it is until the process ends.
            let event = match event {
                Event::Lost { reason, .. } => Event::NoDevice(format!(
                    "the device was lost ({reason}). Start the program again; runs go on from their last checkpoint."
                )),
                event => event,
            };
            let _ = outgoing.send(event);
            wake();
        });
        let emit = {
            let tell = Rc::clone(&tell);
            move |event| tell(event)
        };
        let run = AssertUnwindSafe(|| pollster::block_on(Session::run(choice, incoming, Box::new(emit))));
        if let Err(panic) = std::panic::catch_unwind(run) {
            let what = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_else(|| "no reason given".into());
            let message =
                format!("The engine stopped ({what}). Runs go on from their last checkpoint when it is started again.");
            tell(Event::NoDevice(message));
        }
    });
    let thread = thread.map_err(|e| tracing::error!("no engine thread: {e}")).ok();
    EngineHandle { commands: Some(commands), events, thread }
}

impl EngineLink for EngineHandle {
    fn send(&mut self, command: Command) {
        if let Some(commands) = &self.commands {
            // An engine that has gone has said so in an event.
            let _ = commands.unbounded_send(command);
        }
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

impl EngineHandle {
    /// Waits for the next event; none when the engine has gone.
    #[expect(clippy::disallowed_methods, reason = "native only: the command line waits on its own thread")]
    pub fn wait(&mut self) -> Option<Event> {
        self.events.recv().ok()
    }

    /// Waits at most `time` for the next event.
    #[expect(clippy::disallowed_methods, reason = "native only: the command line waits on its own thread")]
    pub fn wait_for(&mut self, time: Duration) -> Option<Event> {
        self.events.recv_timeout(time).ok()
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.commands = None;
        // The unit under way ends first, so that no file is left half-written.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
